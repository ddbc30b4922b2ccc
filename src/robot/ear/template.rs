//! What the ten recordings sound like, and how near a stretch of sound comes to each of them.
//!
//! Distances are those of dynamic time warping over log-mel frames. Before comparing, a recording
//! is brought to the loudness of what was heard and the noise of the line is added to it: a weak
//! "f" that drowns in the noise then drowns in the recording too.

use super::spectrum::{BANDS, Frame, Spectrum, decibel};
use crate::media::{Clip, ClipKey, Codec, PromptSet};

/// Frames of quiet on each side of a recording, and of a word when the two are compared.
pub const MARGIN: u64 = 10;

/// How the ten digits sound, in the voice that speaks them.
pub struct Templates {
    digits: Vec<Vec<Frame>>,
    longest: u64,
}

impl Templates {
    /// Learns the ten digits of a prompt set.
    pub fn learn(prompts: &PromptSet) -> Self {
        let digits: Vec<Vec<Frame>> =
            (0..10).map(|digit| frames(&sound(&prompts.clip(ClipKey::Digit(digit))))).collect();
        let longest = digits.iter().map(Vec::len).max().unwrap_or(0) as u64;
        Templates { digits, longest }
    }

    /// Frames of the longest recording, without its margins.
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// How far `word` is from each digit, in decibel per band and frame.
    ///
    /// `word` has `MARGIN` frames of quiet on each side; `noise` is the line's own power per band.
    pub fn distances(&self, word: &[Frame], noise: &[f32; BANDS]) -> [f32; 10] {
        let heard: Vec<[f32; BANDS]> =
            word.iter().filter(|frame| !frame.gap).map(|frame| log_bands(&frame.bands)).collect();
        let loudness = energy(word);
        std::array::from_fn(|digit| {
            let recording = &self.digits[digit];
            let gain = loudness / energy(recording).max(1e-10);
            let expected: Vec<[f32; BANDS]> =
                with_margins(recording).map(|frame| drowned(&frame, gain, noise)).collect();
            warped_distance(&heard, &expected)
        })
    }
}

/// The 8 kHz samples of a clip.
pub fn sound(clip: &Clip) -> Vec<i16> {
    let frames = (0..clip.len_frames()).flat_map(|index| clip.frame(Codec::Pcma, index));
    frames.map(|&code| Codec::Pcma.decode(code)).collect()
}

/// The frames of a recording from its first sound to its last.
fn frames(samples: &[i16]) -> Vec<Frame> {
    let mut frames = Vec::new();
    Spectrum::new().push(samples, |frame| frames.push(Frame { gap: false, ..frame }));
    let loud = frames.iter().map(Frame::level_db).fold(f32::MIN, f32::max) - 40.0;
    let first = frames.iter().position(|frame| frame.level_db() > loud).unwrap_or(0);
    let last = frames.iter().rposition(|frame| frame.level_db() > loud).unwrap_or(0);
    frames.truncate(last + 1);
    frames.drain(..first);
    frames
}

fn with_margins(recording: &[Frame]) -> impl Iterator<Item = Frame> {
    let quiet = std::iter::repeat_n(Frame::SILENT, MARGIN as usize);
    quiet.clone().chain(recording.iter().copied()).chain(quiet)
}

/// A recording's frame as it would arrive over this line.
fn drowned(frame: &Frame, gain: f32, noise: &[f32; BANDS]) -> [f32; BANDS] {
    let mut bands = frame.bands;
    for (band, noise) in bands.iter_mut().zip(noise) {
        *band = *band * gain + noise;
    }
    log_bands(&bands)
}

fn log_bands(bands: &[f32; BANDS]) -> [f32; BANDS] {
    bands.map(|power| decibel(power).max(-75.0))
}

/// The energy of a whole word: unlike a mean it does not change with the quiet around it.
fn energy(frames: &[Frame]) -> f32 {
    frames.iter().filter(|frame| !frame.gap).flat_map(|frame| frame.bands).sum()
}

/// The mean distance along the cheapest alignment of two rows of frames.
///
/// A step in both counts twice (symmetric weights), so that all paths weigh the same.
fn warped_distance(heard: &[[f32; BANDS]], expected: &[[f32; BANDS]]) -> f32 {
    if heard.is_empty() || expected.is_empty() {
        return f32::INFINITY;
    }
    let mut above = vec![f32::INFINITY; expected.len()];
    let mut row = above.clone();
    for (n, frame) in heard.iter().enumerate() {
        for (m, other) in expected.iter().enumerate() {
            let cost = distance(frame, other);
            row[m] = match (n, m) {
                (0, 0) => cost,
                (0, _) => row[m - 1] + cost,
                (_, 0) => above[0] + cost,
                _ => (above[m] + cost).min(row[m - 1] + cost).min(above[m - 1] + 2.0 * cost),
            };
        }
        std::mem::swap(&mut row, &mut above);
    }
    above[expected.len() - 1] / (heard.len() + expected.len()) as f32
}

/// Added up in four lanes, which the processor does at once: it is where the ear's time goes, and
/// a telephone that is deep in thought takes its packets late.
fn distance(a: &[f32; BANDS], b: &[f32; BANDS]) -> f32 {
    let mut lanes = [0.0_f32; 4];
    for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += (a - b).abs();
        }
    }
    lanes.iter().sum::<f32>() / BANDS as f32
}
