//! Walking through a track, one frame a call.
//!
//! It owns a place in the track, not audio: the clips are shared. It knows no time; a frame is a
//! frame, whenever it is sent.

use super::{Codec, Cue, Frame, Key, Mark, Track};

/// What the next frame carries.
pub enum Sound<'a> {
    /// A frame of a clip.
    Clip(&'a Frame),
    /// Comfort noise: a pause, or nothing to play.
    Noise,
    /// A key goes down here, for so many frames.
    Press(Key, u32),
}

/// One frame, and what is passed with it.
pub struct Step<'a> {
    /// What to send.
    pub sound: Sound<'a>,
    /// A clip begins with this frame.
    pub mark_start: Option<Mark>,
    /// A clip ends with this frame.
    pub mark_end: Option<Mark>,
    /// The track ends with this frame.
    pub ended: Option<u32>,
}

/// The place in the track that plays.
#[derive(Debug, Default)]
pub struct Playout {
    track: Option<Track>,
    /// The cue of the next frame.
    cue: usize,
    /// The place of the next frame in that cue.
    frame: u32,
    /// The end of the track was told with the frame before.
    ended: bool,
}

impl Playout {
    /// Plays `track` from the next frame on, instead of what plays now.
    pub fn play(&mut self, track: Track) {
        *self = Playout { track: Some(track), cue: 0, frame: 0, ended: false };
        self.skip_empty_cues();
    }

    /// Takes the next frame, encoded with `codec`.
    ///
    /// A track without a single frame ends with one frame of noise.
    pub fn next_frame(&mut self, codec: Codec) -> Step<'_> {
        if self.ended {
            *self = Playout::default();
        }
        let (at_cue, at_frame) = (self.cue, self.frame);
        self.advance();
        let mut step = Step { sound: Sound::Noise, mark_start: None, mark_end: None, ended: None };
        let Some(track) = &self.track else { return step };
        self.ended = self.cue >= track.cues.len();
        step.ended = self.ended.then_some(track.id);
        match track.cues.get(at_cue) {
            Some(Cue::Clip { clip, mark_start, mark_end }) => {
                step.sound = Sound::Clip(clip.frame(codec, at_frame));
                step.mark_start = mark_start.filter(|_| at_frame == 0);
                step.mark_end = mark_end.filter(|_| at_frame + 1 == clip.len_frames());
            }
            Some(Cue::Press { key, frames }) => step.sound = Sound::Press(*key, *frames),
            Some(Cue::Pause { .. }) | None => {}
        }
        step
    }

    fn advance(&mut self) {
        self.frame += 1;
        if self.cue_len().is_none_or(|len| self.frame >= len) {
            self.frame = 0;
            self.cue += 1;
            self.skip_empty_cues();
        }
    }

    fn skip_empty_cues(&mut self) {
        while self.cue_len() == Some(0) {
            self.cue += 1;
        }
    }

    /// Frames of the cue to play next. A press is one: the sender of its packets counts the rest.
    fn cue_len(&self) -> Option<u32> {
        let cue = self.track.as_ref()?.cues.get(self.cue)?;
        Some(match cue {
            Cue::Clip { clip, .. } => clip.len_frames(),
            Cue::Pause { frames } => *frames,
            Cue::Press { .. } => 1,
        })
    }
}
