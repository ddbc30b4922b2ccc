//! The robot's ear: recognises spoken digits from sound alone, while the call goes on.
//!
//! It knows what the ten recordings sound like and is never told a code. Sound becomes frames
//! (`spectrum`), frames become bursts (`segment`), each burst is compared with the ten digits and
//! with "not a digit" (`template`), and what was said between long pauses is read as a code, the
//! repetitions of a code supporting each other (`reading`).
//!
//! Left out: speech it has no recordings of, and the resampling of other rates than 8 kHz.

mod reading;
mod segment;
mod spectrum;
mod template;

pub use reading::{Reading, read_code};
pub use template::{Templates, sound};

use crate::time::Duration;
use segment::{Edge, Segmenter};
use spectrum::{Frame, HOP, Spectrum};
use std::collections::VecDeque;
use std::sync::Arc;
use template::MARGIN;

/// Below this a digit counts as not heard.
pub const CONFIDENCE_MIN: f32 = 0.6;

/// Frames of quiet after which what was said is complete: 0.95 s.
const PAUSE: u64 = 95;
/// A word may be this much longer than the longest recording; then it is a sentence.
const STRETCH: u64 = 25;
/// How far from its recording a word is that is as likely to be something else.
const NOT_A_DIGIT_DB: f32 = 4.25;
/// Decibel of distance that make a word ten times less likely.
const DB_PER_DECADE: f32 = 0.75;

/// What the ear heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A burst of sound, compared with the ten digits.
    Word(Word),
    /// Nothing was said for 0.95 s.
    Pause,
}

/// One burst of sound. Its `Debug` output does not tell what was said.
#[derive(Clone, PartialEq)]
pub struct Word {
    /// When it began, from the first sample on.
    pub start: Duration,
    /// When it ended; for a sentence, when it was clear that it is none of the digits.
    pub end: Duration,
    /// How likely each digit is (decimal logarithm); the eleventh is "not a digit".
    likelihood: [f32; 11],
}

impl Word {
    /// The digit this most likely is, and how sure that is (0–1); `None` if it is no digit.
    pub fn digit(&self) -> Option<(u8, f32)> {
        reading::most_likely(&self.likelihood)
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Word({:?}..{:?})", self.start, self.end)
    }
}

/// Listens to one call.
pub struct Ear {
    templates: Arc<Templates>,
    spectrum: Spectrum,
    segmenter: Segmenter,
    /// The last frames; the first of them has the number `first`.
    frames: VecDeque<Frame>,
    first: u64,
    burst: Option<u64>,
    quiet_since: Option<u64>,
    heard: VecDeque<Heard>,
}

impl Ear {
    /// An ear that knows these recordings.
    pub fn new(templates: Arc<Templates>) -> Self {
        Ear {
            templates,
            spectrum: Spectrum::new(),
            segmenter: Segmenter::new(),
            frames: VecDeque::new(),
            first: 0,
            burst: None,
            quiet_since: None,
            heard: VecDeque::new(),
        }
    }

    /// Takes the next 8 kHz samples; lost packets come as zeros, in their place.
    pub fn hear(&mut self, samples: &[i16]) {
        let mut frames = Vec::with_capacity(samples.len() / HOP + 1);
        self.spectrum.push(samples, |frame| frames.push(frame));
        for frame in frames {
            self.take(frame);
        }
    }

    /// What was heard since the last call of this.
    pub fn poll(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    /// Says that no more sound will come, so that the last word is complete.
    pub fn finish(&mut self) {
        for _ in 0..2 * PAUSE {
            self.take(Frame { gap: true, ..Frame::SILENT });
        }
    }

    fn take(&mut self, frame: Frame) {
        let now = self.first + self.frames.len() as u64;
        self.frames.push_back(frame);
        match self.segmenter.push(&frame) {
            Edge::Began(start) => {
                self.burst = Some(start);
                self.quiet_since = None;
            }
            Edge::Inside => self.give_up_on_a_sentence(now),
            Edge::Ended(last) => {
                if let Some(start) = self.burst.take() {
                    self.compare(start, last);
                }
                self.quiet_since = Some(last);
            }
            Edge::Quiet => {
                if self.quiet_since.is_some_and(|last| now - last >= PAUSE) {
                    self.quiet_since = None;
                    self.heard.push_back(Heard::Pause);
                }
            }
        }
        self.forget(now);
    }

    fn give_up_on_a_sentence(&mut self, now: u64) {
        let longest = self.templates.longest() + STRETCH;
        if let Some(start) = self.burst.filter(|start| now - start > longest) {
            self.burst = None;
            let mut likelihood = [f32::NEG_INFINITY; 11];
            likelihood[10] = 0.0;
            self.say(start, now, likelihood);
        }
    }

    fn compare(&mut self, start: u64, last: u64) {
        let from = start.saturating_sub(MARGIN).max(self.first) - self.first;
        let word =
            self.frames.range(from as usize..).take((last - start + 1 + 2 * MARGIN) as usize);
        let word: Vec<Frame> = word.copied().collect();
        let distances = self.templates.distances(&word, self.segmenter.noise());
        let mut likelihood = [0.0; 11];
        for (digit, distance) in distances.into_iter().enumerate() {
            likelihood[digit] = (NOT_A_DIGIT_DB - distance) / DB_PER_DECADE;
        }
        reading::normalise(&mut likelihood);
        self.say(start, last + 1, likelihood);
    }

    fn say(&mut self, start: u64, end: u64, likelihood: [f32; 11]) {
        let (start, end) = (time(start), time(end));
        self.heard.push_back(Heard::Word(Word { start, end, likelihood }));
    }

    fn forget(&mut self, now: u64) {
        let keep = self.burst.unwrap_or(now).saturating_sub(2 * MARGIN);
        while self.first < keep && self.frames.pop_front().is_some() {
            self.first += 1;
        }
    }
}

fn time(frame: u64) -> Duration {
    Duration::from_millis(frame * 10)
}

#[cfg(test)]
mod tests;
