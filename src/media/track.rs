//! What a stream plays: clips, silences and keys in order.
//!
//! Silences are whole frames, so their length on the wire is exact. What is said is the owner's.

use super::{Clip, FRAME, Key};
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

/// How many whole frames last at least `span`.
pub fn frames(span: Duration) -> u32 {
    u32::try_from(span.as_nanos().div_ceil(FRAME.as_nanos())).unwrap_or(u32::MAX)
}

/// How many digits are said in one breath: 3+3 for six.
///
/// # Panics
/// If `len` is not 1 to 10, the lengths of [`Digits`](crate::secret::Digits).
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
    use super::super::prompt::tests::synthetic_set;
    use super::super::{ClipKey, PromptSet};
    use super::*;

    #[test]
    fn digits_are_grouped_in_breaths_of_at_most_four() {
        let grouped: Vec<_> = (1..=10).map(groups).collect();
        let wanted: [&[usize]; 10] =
            [&[1], &[2], &[3], &[4], &[3, 2], &[3, 3], &[3, 4], &[4, 4], &[3, 3, 3], &[3, 3, 4]];
        assert_eq!(grouped, wanted);
        assert!((1..=10).all(|len| groups(len).iter().sum::<usize>() == len));
    }

    #[test]
    fn durations_become_whole_frames_and_never_fewer() {
        let millis = |millis| frames(Duration::from_millis(millis));
        assert_eq!([0, 1, 20, 21, 250, 550, 1_200].map(millis), [0, 1, 1, 2, 13, 28, 60]);
    }

    #[test]
    fn debug_output_tells_no_digit() {
        let set = synthetic_set("en");
        let say = |set: &PromptSet, digit| {
            let clip = set.clip(ClipKey::Digit(digit));
            Track { id: 1, cues: vec![Cue::Clip { clip, mark_start: None, mark_end: None }] }
        };
        assert_eq!(format!("{:?}", say(&set, 0)), format!("{:?}", say(&set, 5)));
    }
}
