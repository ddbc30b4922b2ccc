//! One prompt as it is sent: whole frames of both laws, encoded once and shared by all calls.

use super::{Codec, Frame, SAMPLES_PER_FRAME};
use std::fmt;

/// Which prompt of a set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClipKey {
    /// The word of a digit, 0 to 9.
    Digit(u8),
    /// "Hello. This is an automated call …"
    Greeting,
    /// "To hear your code, press", followed by a digit.
    Gate,
    /// "If you did not ask for this call, press star."
    GateReport,
    /// "Your code is"
    CodeIntro,
    /// "Once more, your code is"
    CodeAgain,
    /// "To hear the code again, press hash."
    RepeatOffer,
    /// "Thank you. Goodbye."
    Goodbye,
    /// "We did not hear a key. Goodbye."
    NoKey,
    /// "That was not the right key …"
    WrongKey,
    /// "We have reported this call."
    Reported,
}

/// The sentences, as a manifest names them.
const SENTENCES: [(ClipKey, &str); 10] = [
    (ClipKey::Greeting, "greeting"),
    (ClipKey::Gate, "gate"),
    (ClipKey::GateReport, "gate_report"),
    (ClipKey::CodeIntro, "code_intro"),
    (ClipKey::CodeAgain, "code_again"),
    (ClipKey::RepeatOffer, "repeat_offer"),
    (ClipKey::Goodbye, "goodbye"),
    (ClipKey::NoKey, "no_key"),
    (ClipKey::WrongKey, "wrong_key"),
    (ClipKey::Reported, "reported"),
];
const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

impl ClipKey {
    /// How many clips a set has.
    pub const COUNT: usize = DIGITS.len() + SENTENCES.len();

    /// Every key, digits first.
    pub fn all() -> impl Iterator<Item = ClipKey> {
        (0..10).map(ClipKey::Digit).chain(SENTENCES.iter().map(|(key, _)| *key))
    }

    /// The key's name in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            ClipKey::Digit(digit) => DIGITS[usize::from(digit)],
            sentence => SENTENCES[sentence.index() - DIGITS.len()].1,
        }
    }

    /// The key's place in a set, below [`ClipKey::COUNT`].
    ///
    /// # Panics
    /// If it is a digit above 9.
    pub(super) fn index(self) -> usize {
        match self {
            ClipKey::Digit(digit) => {
                assert!(digit < 10, "a digit is 0 to 9");
                usize::from(digit)
            }
            sentence => {
                let place = SENTENCES.iter().position(|(key, _)| *key == sentence);
                DIGITS.len() + place.expect("every sentence is in the list")
            }
        }
    }
}

impl fmt::Debug for ClipKey {
    /// A sentence by its name, a digit as `digit`: it may be of a code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClipKey::Digit(_) => f.write_str("[digit]"),
            sentence => f.write_str(sentence.name()),
        }
    }
}

/// A prompt in whole frames, encoded in both laws.
pub struct Clip {
    frames: [Box<[Frame]>; 2],
}

impl Clip {
    /// Encodes samples of 8 kHz; the last frame is filled up with silence.
    ///
    /// # Panics
    /// If there are no samples: an empty recording is refused before.
    pub fn encode(samples: &[i16]) -> Clip {
        assert!(!samples.is_empty(), "a clip has at least one frame");
        let encoded = |codec: Codec| {
            let frames = samples.chunks(SAMPLES_PER_FRAME).map(|chunk| {
                let mut frame = [codec.encode(0); SAMPLES_PER_FRAME];
                for (code, sample) in frame.iter_mut().zip(chunk) {
                    *code = codec.encode(*sample);
                }
                frame
            });
            frames.collect()
        };
        Clip { frames: Codec::ALL.map(encoded) }
    }

    /// How many frames it lasts, at least one.
    pub fn len_frames(&self) -> u32 {
        u32::try_from(self.frames[0].len()).expect("a recording is shorter than a year")
    }

    /// One frame of it, encoded.
    ///
    /// # Panics
    /// If `index` is not below [`Clip::len_frames`].
    pub fn frame(&self, codec: Codec, index: u32) -> &Frame {
        &self.frames[codec as usize][index as usize]
    }
}

impl fmt::Debug for Clip {
    /// Nothing, not even the length: it would tell the digit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[clip]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_own_place_and_name() {
        let places: Vec<usize> = ClipKey::all().map(ClipKey::index).collect();
        assert_eq!(places, (0..ClipKey::COUNT).collect::<Vec<_>>());
        let names: std::collections::BTreeSet<_> = ClipKey::all().map(ClipKey::name).collect();
        assert_eq!(names.len(), ClipKey::COUNT);
    }

    #[test]
    fn the_last_frame_is_filled_up_with_silence() {
        let clip = Clip::encode(&[1000; 170]);
        assert_eq!(clip.len_frames(), 2);
        for codec in Codec::ALL {
            let last = clip.frame(codec, 1);
            assert!(last[..10].iter().all(|&code| code == codec.encode(1000)));
            assert!(last[10..].iter().all(|&code| code == codec.encode(0)));
        }
        assert_eq!(Clip::encode(&[0; 160]).len_frames(), 1);
        assert_eq!(Clip::encode(&[0; 161]).len_frames(), 2);
    }

    #[test]
    fn debug_output_tells_no_digit() {
        let clip = Clip::encode(&[0; 1]);
        assert_eq!(format!("{:?} {:?}", ClipKey::Digit(7), clip), "[digit] [clip]");
        assert_eq!(format!("{:?}", ClipKey::CodeIntro), "code_intro");
    }
}
