//! The order of clips and silences that says something: greeting, gate, code.
//!
//! A [`Phrase`] is written clip by clip and becomes a [`Track`], which a stream plays. Silences are
//! whole frames, so their length on the wire is exact.

use super::{Clip, ClipKey, FRAME, Key, PromptSet};
use crate::secret::Digits;
use crate::time::Duration;
use std::fmt;
use std::sync::Arc;

/// A point in a track that the owner wants to hear of; its meaning is the owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u16);

/// One step of a track.
#[derive(Clone)]
pub enum Cue {
    /// Plays a clip.
    Clip {
        /// What is played.
        clip: Arc<Clip>,
        /// Told when its first frame is sent.
        mark_start: Option<Mark>,
        /// Told when its last frame is sent.
        mark_end: Option<Mark>,
    },
    /// Comfort noise.
    Pause {
        /// How long, in frames of 20 ms.
        frames: u32,
    },
    /// Presses a key (RFC 4733); passed over if the peer has not agreed to telephone-event.
    Press {
        /// The key.
        key: Key,
        /// How long it is down, in frames of 20 ms.
        frames: u32,
    },
}

impl fmt::Debug for Cue {
    /// Nothing: the order and length of cues would tell a code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[cue]")
    }
}

/// What a stream plays, from start to end.
#[derive(Debug, Clone)]
pub struct Track {
    /// Given back when the track has ended.
    pub id: u32,
    /// The steps in order.
    pub cues: Vec<Cue>,
}

/// The silences inside a row of digits, in frames of 20 ms, between the ends of the clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigitPauses {
    /// Between two digits of a group.
    pub digit: u32,
    /// Between two groups.
    pub group: u32,
}

/// How many whole frames last at least `span`.
pub fn frames(span: Duration) -> u32 {
    u32::try_from(span.as_nanos().div_ceil(FRAME.as_nanos())).unwrap_or(u32::MAX)
}

/// A track being written.
#[derive(Debug)]
pub struct Phrase<'a> {
    set: &'a PromptSet,
    cues: Vec<Cue>,
}

impl<'a> Phrase<'a> {
    /// An empty phrase in the language of `set`.
    pub fn new(set: &'a PromptSet) -> Self {
        Phrase { set, cues: Vec::new() }
    }

    /// Adds a clip.
    pub fn say(self, key: ClipKey) -> Self {
        self.say_marked(key, None, None)
    }

    /// Adds a clip with marks at its first and last frame.
    pub fn say_marked(
        mut self,
        key: ClipKey,
        mark_start: Option<Mark>,
        mark_end: Option<Mark>,
    ) -> Self {
        self.cues.push(Cue::Clip { clip: self.set.clip(key), mark_start, mark_end });
        self
    }

    /// Adds a silence.
    pub fn pause(mut self, frames: u32) -> Self {
        self.cues.push(Cue::Pause { frames });
        self
    }

    /// Adds digits one by one, in the groups of [`groups`]; `mark` names the last frame of each by
    /// its place, counted from 0.
    pub fn digits(
        mut self,
        digits: &Digits,
        pauses: DigitPauses,
        mut mark: impl FnMut(usize) -> Option<Mark>,
    ) -> Self {
        let mut place = 0;
        for &size in groups(digits.len()) {
            for in_group in 0..size {
                if place > 0 {
                    let frames = if in_group == 0 { pauses.group } else { pauses.digit };
                    self = self.pause(frames);
                }
                let key = ClipKey::Digit(digits.as_slice()[place]);
                self = self.say_marked(key, None, mark(place));
                place += 1;
            }
        }
        self
    }

    /// The track, to be played under the name `id`.
    pub fn into_track(self, id: u32) -> Track {
        Track { id, cues: self.cues }
    }
}

/// How many digits are said in one breath: 3+3 for six.
///
/// # Panics
/// If `len` is not a length of [`Digits`], 1 to 10.
pub fn groups(len: usize) -> &'static [usize] {
    match len {
        1 => &[1],
        2 => &[2],
        3 => &[3],
        4 => &[4],
        5 => &[3, 2],
        6 => &[3, 3],
        7 => &[3, 4],
        8 => &[4, 4],
        9 => &[3, 3, 3],
        10 => &[3, 3, 4],
        _ => unreachable!("digits are 1 to 10 long"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::prompt::tests::{synthetic_frames, synthetic_set};
    use super::*;

    const PAUSES: DigitPauses = DigitPauses { digit: 13, group: 28 };

    /// Lengths of the cues in frames, pauses as negative numbers.
    fn lengths(track: &Track) -> Vec<i64> {
        let length = |cue: &Cue| match cue {
            Cue::Clip { clip, .. } => i64::from(clip.len_frames()),
            Cue::Pause { frames } | Cue::Press { frames, .. } => -i64::from(*frames),
        };
        track.cues.iter().map(length).collect()
    }

    #[test]
    fn six_digits_are_said_three_and_three_with_exact_pauses() {
        let set = synthetic_set("en");
        let code = Digits::parse("048392").expect("six digits");
        let track = Phrase::new(&set).digits(&code, PAUSES, |_| None).into_track(1);
        assert_eq!(lengths(&track), [10, -13, 14, -13, 18, -28, 13, -13, 19, -13, 12]);
    }

    #[test]
    fn digits_are_grouped_in_breaths_of_at_most_four() {
        let grouped: Vec<_> = (1..=10).map(groups).collect();
        let wanted: [&[usize]; 10] =
            [&[1], &[2], &[3], &[4], &[3, 2], &[3, 3], &[3, 4], &[4, 4], &[3, 3, 3], &[3, 3, 4]];
        assert_eq!(grouped, wanted);
        assert!((1..=10).all(|len| groups(len).iter().sum::<usize>() == len));
    }

    #[test]
    fn every_length_of_digits_says_each_digit_once() {
        let set = synthetic_set("en");
        for len in 1..=10 {
            let code = Digits::parse(&"7".repeat(len)).expect("digits");
            let track = Phrase::new(&set).digits(&code, PAUSES, |_| None).into_track(1);
            let spoken = lengths(&track).iter().filter(|&&frames| frames == 17).count();
            assert_eq!((spoken, track.cues.len()), (len, 2 * len - 1));
        }
    }

    #[test]
    fn sentences_and_marks_come_in_the_order_written() {
        let set = synthetic_set("en");
        let track = Phrase::new(&set)
            .pause(45)
            .say_marked(ClipKey::CodeIntro, Some(Mark(1)), Some(Mark(2)))
            .pause(60)
            .digits(&Digits::parse("12").expect("digits"), PAUSES, |place| {
                Some(Mark(100 + place as u16))
            })
            .say(ClipKey::Goodbye)
            .into_track(9);
        let intro = i64::from(synthetic_frames(ClipKey::CodeIntro));
        let goodbye = i64::from(synthetic_frames(ClipKey::Goodbye));
        assert_eq!(lengths(&track), [-45, intro, -60, 11, -13, 12, goodbye]);
        let marks = track.cues.iter().filter_map(|cue| match cue {
            Cue::Clip { mark_start, mark_end, .. } => Some((*mark_start, *mark_end)),
            _ => None,
        });
        let wanted = [
            (Some(Mark(1)), Some(Mark(2))),
            (None, Some(Mark(100))),
            (None, Some(Mark(101))),
            (None, None),
        ];
        assert_eq!((track.id, marks.collect::<Vec<_>>()), (9, wanted.to_vec()));
    }

    #[test]
    fn durations_become_whole_frames_and_never_fewer() {
        let millis = |millis| frames(Duration::from_millis(millis));
        assert_eq!([0, 1, 20, 21, 250, 550, 1_200].map(millis), [0, 1, 1, 2, 13, 28, 60]);
    }

    #[test]
    fn debug_output_tells_no_digit() {
        let set = synthetic_set("en");
        let code = Digits::parse("048392").expect("six digits");
        let track = Phrase::new(&set).digits(&code, PAUSES, |_| None).into_track(1);
        let twin = Digits::parse("555555").expect("six digits");
        let twin = Phrase::new(&set).digits(&twin, PAUSES, |_| None).into_track(1);
        assert_eq!(format!("{track:?}"), format!("{twin:?}"));
    }
}
