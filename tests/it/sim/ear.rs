//! What is heard in a stream of RTP packets, by comparing their payload with the known clips.
//!
//! A clip is known by any one of its frames that no other clip has; where it began follows from
//! the packet's number: when the sender is held up, what it plays waits. So losses, copies and
//! disorder on the way change nothing of what is understood, as long as one such frame of each clip
//! arrives.

use super::prompts;
use belfry::media::{ClipKey, Codec};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// An RTP packet, read by the few lines a phone needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rtp<'a> {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: &'a [u8],
}

impl<'a> Rtp<'a> {
    pub fn read(bytes: &'a [u8]) -> Option<Rtp<'a>> {
        let (&[0x80, flags, s1, s2, t1, t2, t3, t4, r1, r2, r3, r4], payload) =
            bytes.split_first_chunk::<12>()?
        else {
            return None;
        };
        Some(Rtp {
            marker: flags & 0x80 != 0,
            payload_type: flags & 0x7F,
            sequence: u16::from_be_bytes([s1, s2]),
            timestamp: u32::from_be_bytes([t1, t2, t3, t4]),
            ssrc: u32::from_be_bytes([r1, r2, r3, r4]),
            payload,
        })
    }
}

/// Frames that one clip alone has, with their place in it.
type Known = HashMap<Vec<u8>, (ClipKey, u32)>;

static KNOWN: LazyLock<[Known; 2]> =
    LazyLock::new(|| [prompts::QUICK, prompts::ENGLISH].map(known));

fn known(locale: &str) -> Known {
    let mut places: HashMap<Vec<u8>, Option<(ClipKey, u32)>> = HashMap::new();
    let library = prompts::library();
    let set = library.lookup(locale);
    for codec in Codec::ALL {
        for key in ClipKey::all() {
            let clip = set.clip(key);
            for index in 0..clip.len_frames() {
                let entry = places.entry(clip.frame(codec, index).to_vec());
                entry.and_modify(|place| *place = None).or_insert(Some((key, index)));
            }
        }
    }
    places.into_iter().filter_map(|(frame, place)| Some((frame, place?))).collect()
}

/// A listener to one stream.
#[derive(Debug)]
pub struct Ear {
    quick: bool,
    first: Option<u16>,
    /// By the place where it began, in packets from the first one: a clip, and the last of its
    /// frames that was heard.
    clips: BTreeMap<i64, (ClipKey, u32)>,
}

impl Ear {
    pub fn new(locale: &str) -> Ear {
        Ear { quick: locale == prompts::QUICK, first: None, clips: BTreeMap::new() }
    }

    /// Takes a packet; says which clip it begins, for the listener.
    pub fn hear(&mut self, rtp: &Rtp<'_>) -> Option<ClipKey> {
        let first = *self.first.get_or_insert(rtp.sequence);
        let known = if self.quick { &KNOWN[0] } else { &KNOWN[1] };
        let &(key, index) = known.get(rtp.payload)?;
        let at = i64::from(rtp.sequence.wrapping_sub(first).cast_signed());
        let began = at - i64::from(index);
        let is_new = !self.clips.contains_key(&began);
        let entry = self.clips.entry(began).or_insert((key, index));
        entry.1 = entry.1.max(index);
        is_new.then_some(key)
    }

    /// All clips heard, in order.
    pub fn clips(&self) -> impl DoubleEndedIterator<Item = (ClipKey, u32)> {
        self.clips.values().copied()
    }

    /// The digits heard right after the last of the clips `after`, each with its last frame heard.
    fn digits_after(&self, after: &[ClipKey]) -> Vec<(u8, u32)> {
        let mut digits = Vec::new();
        for (key, last) in self.clips() {
            match key {
                key if after.contains(&key) => digits.clear(),
                ClipKey::Digit(digit) => digits.push((digit, last)),
                _ => {}
            }
        }
        digits
    }

    /// The keys asked for, if the last sentence heard is the one that asks.
    pub fn check(&self) -> Vec<u8> {
        let is_gate = |key: ClipKey| matches!(key, ClipKey::Gate | ClipKey::GateReport);
        let mut sentences = self.clips().map(|(key, _)| key);
        let sentence = sentences.rfind(|key| !matches!(key, ClipKey::Digit(_)));
        if !sentence.is_some_and(is_gate) {
            return Vec::new();
        }
        let digits = self.digits_after(&[ClipKey::Gate]);
        digits.into_iter().map(|(digit, _)| digit).collect()
    }

    /// How often a reading of the code was begun.
    pub fn readings_begun(&self) -> usize {
        let begins = |key| matches!(key, ClipKey::CodeIntro | ClipKey::CodeAgain);
        self.clips().filter(|&(key, _)| begins(key)).count()
    }

    /// The digits of the reading begun last, each with the last of its frames that was heard.
    pub fn reading(&self) -> Vec<(u8, u32)> {
        if self.readings_begun() == 0 {
            return Vec::new();
        }
        self.digits_after(&[ClipKey::CodeIntro, ClipKey::CodeAgain])
    }

    /// The code, if a reading of it was heard that has as many digits as the longest: with losses,
    /// a person writes down what was understood.
    pub fn code(&self) -> String {
        let (mut best, mut current, mut reads) = (String::new(), String::new(), false);
        for (key, _) in self.clips() {
            match key {
                ClipKey::CodeIntro | ClipKey::CodeAgain => {
                    reads = true;
                    current.clear();
                }
                ClipKey::Digit(digit) if reads => current.push(char::from(b'0' + digit)),
                ClipKey::Digit(_) => {}
                _ => reads = false,
            }
            if current.len() > best.len() {
                best.clone_from(&current);
            }
        }
        best
    }

    /// The last frame of a clip of this listener's prompts.
    pub fn last_frame(&self, key: ClipKey) -> u32 {
        let library = prompts::library();
        let locale = if self.quick { prompts::QUICK } else { prompts::ENGLISH };
        library.lookup(locale).clip(key).len_frames() - 1
    }

    /// Whether every frame of the prompts is known, so that nothing said goes unnoticed.
    pub fn misses_nothing(&self) -> bool {
        self.quick
    }
}

#[test]
fn every_frame_of_the_quick_prompts_is_known_and_most_of_the_english() {
    let frames = |locale| {
        let library = prompts::library();
        let set = library.lookup(locale);
        2 * ClipKey::all().map(|key| set.clip(key).len_frames() as usize).sum::<usize>()
    };
    assert_eq!(KNOWN[0].len(), frames(prompts::QUICK));
    let (known, all) = (KNOWN[1].len(), frames(prompts::ENGLISH));
    assert!(known * 10 > all * 9, "{known} of {all}");
}
