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

#[cfg(test)]
mod tests {
    use super::super::Clip;
    use super::*;
    use std::sync::Arc;

    /// A clip of so many frames, each filled with the code of its number.
    fn clip(frames: u8) -> Arc<Clip> {
        let sample = |frame| [Codec::Pcma.decode(frame); 160];
        Arc::new(Clip::encode(&(0..frames).flat_map(sample).collect::<Vec<_>>()))
    }

    fn say(frames: u8, start: u16, end: u16) -> Cue {
        let (mark_start, mark_end) = (Some(Mark(start)), Some(Mark(end)));
        Cue::Clip { clip: clip(frames), mark_start, mark_end }
    }

    /// `frames` frames, each as "what start end track", with `-` for noise.
    fn frames(playout: &mut Playout, frames: usize) -> Vec<String> {
        let number = |mark: Option<Mark>| mark.map_or(String::new(), |mark| mark.0.to_string());
        let text = |step: Step<'_>| {
            let sound = match step.sound {
                Sound::Clip(frame) => frame[0].to_string(),
                Sound::Noise => "-".to_owned(),
                Sound::Press(_, frames) => format!("key{frames}"),
            };
            let ended = step.ended.map_or(String::new(), |id| format!("end{id}"));
            [sound, number(step.mark_start), number(step.mark_end), ended].join("/")
        };
        (0..frames).map(|_| text(playout.next_frame(Codec::Pcma))).collect()
    }

    #[test]
    fn marks_and_the_end_pass_with_their_frames() {
        let mut playout = Playout::default();
        let cues =
            vec![Cue::Pause { frames: 2 }, say(2, 1, 2), Cue::Pause { frames: 1 }, say(1, 3, 4)];
        playout.play(Track { id: 7, cues });
        let wanted = ["-///", "-///", "0/1//", "1//2/", "-///", "0/3/4/end7", "-///", "-///"];
        assert_eq!(frames(&mut playout, 8), wanted);
    }

    #[test]
    fn a_track_that_ends_with_a_pause_ends_after_it() {
        let mut playout = Playout::default();
        playout.play(Track { id: 7, cues: vec![say(1, 1, 2), Cue::Pause { frames: 2 }] });
        assert_eq!(frames(&mut playout, 4), ["0/1/2/", "-///", "-///end7", "-///"]);
    }

    #[test]
    fn a_new_track_replaces_the_old_at_the_next_frame() {
        let mut playout = Playout::default();
        playout.play(Track { id: 1, cues: vec![say(5, 1, 2)] });
        assert_eq!(frames(&mut playout, 2), ["0/1//", "1///"]);
        playout.play(Track { id: 2, cues: vec![say(2, 3, 4)] });
        assert_eq!(frames(&mut playout, 3), ["0/3//", "1//4/end2", "-///"]);
    }

    #[test]
    fn a_track_played_as_another_ends_follows_without_a_gap() {
        let mut playout = Playout::default();
        playout.play(Track { id: 1, cues: vec![say(1, 1, 2)] });
        assert_eq!(frames(&mut playout, 1), ["0/1/2/end1"]);
        playout.play(Track { id: 2, cues: vec![say(1, 3, 4)] });
        assert_eq!(frames(&mut playout, 2), ["0/3/4/end2", "-///"]);
    }

    #[test]
    fn empty_pauses_take_no_frame_and_an_empty_track_takes_one() {
        let nothing = || Cue::Pause { frames: 0 };
        let mut playout = Playout::default();
        playout.play(Track { id: 1, cues: vec![nothing(), say(1, 1, 2), nothing(), nothing()] });
        assert_eq!(frames(&mut playout, 2), ["0/1/2/end1", "-///"]);
        playout.play(Track { id: 2, cues: vec![nothing()] });
        assert_eq!(frames(&mut playout, 2), ["-///end2", "-///"]);
        playout.play(Track { id: 3, cues: vec![] });
        assert_eq!(frames(&mut playout, 2), ["-///end3", "-///"]);
    }

    #[test]
    fn a_press_is_one_step() {
        let mut playout = Playout::default();
        let press = Cue::Press { key: Key::Digit(5), frames: 8 };
        playout.play(Track { id: 1, cues: vec![press, say(1, 1, 2)] });
        assert_eq!(frames(&mut playout, 3), ["key8///", "0/1/2/end1", "-///"]);
    }
}
