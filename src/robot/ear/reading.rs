//! From words to a code: the repetitions of one code support each other.

use super::{CONFIDENCE_MIN, Word};
use crate::secret::Digits;

/// A code as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The digits.
    pub digits: Digits,
    /// How sure the weakest of them is, times how far the repetitions agree (0–1).
    pub confidence: f32,
    /// How many complete repetitions it rests on.
    pub repetitions: usize,
}

/// Reads a code of `length` digits out of what was said between long pauses.
///
/// A run with another number of words is a sentence or a broken repetition and is passed over.
/// Returns `None` when nothing was understood with at least [`CONFIDENCE_MIN`].
pub fn read_code(runs: &[Vec<Word>], length: usize) -> Option<Reading> {
    let repetitions: Vec<&Vec<Word>> =
        runs.iter().filter(|run| run.len() == length && mostly_digits(run)).collect();
    if repetitions.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(length);
    let (mut weakest, mut agreeing) = (1.0_f32, 0);
    for position in 0..length {
        let words = repetitions.iter().map(|run| &run[position]);
        let (digit, confidence) = most_likely(&together(words))?;
        weakest = weakest.min(confidence);
        let agrees =
            |run: &&&Vec<Word>| run[position].digit().is_some_and(|(other, _)| other == digit);
        agreeing += repetitions.iter().filter(agrees).count();
        text.push(char::from(b'0' + digit));
    }
    let agreement = agreeing as f32 / (length * repetitions.len()) as f32;
    let confidence = weakest * agreement;
    let digits = Digits::parse(&text).ok()?;
    (confidence >= CONFIDENCE_MIN).then_some(Reading {
        digits,
        confidence,
        repetitions: repetitions.len(),
    })
}

/// How likely each digit is when several words are repetitions of one digit.
///
/// As far as a word is like no digit it was spoilt on the way, and says nothing about which digit
/// it was: it must not outvote the repetitions that came through.
fn together<'a>(words: impl Iterator<Item = &'a Word>) -> [f32; 11] {
    let mut sum = [0.0; 11];
    sum[10] = f32::NEG_INFINITY;
    for word in words {
        let spoilt = 10_f32.powf(word.likelihood[10]).max(SPOILT_LEAST) / 10.0;
        for (sum, likelihood) in sum.iter_mut().zip(&word.likelihood[..10]) {
            *sum += (10_f32.powf(*likelihood) + spoilt).log10();
        }
    }
    normalise(&mut sum);
    sum
}

/// The least chance that a word was spoilt, however much it sounds like a digit.
const SPOILT_LEAST: f32 = 1e-3;

fn mostly_digits(run: &[Word]) -> bool {
    2 * run.iter().filter(|word| word.digit().is_some()).count() > run.len()
}

/// The most likely digit and its probability, if that is at least [`CONFIDENCE_MIN`].
pub(super) fn most_likely(likelihood: &[f32; 11]) -> Option<(u8, f32)> {
    let best = (0..11).max_by(|&a, &b| likelihood[a].total_cmp(&likelihood[b]))?;
    let digit = u8::try_from(best).ok().filter(|&digit| digit < 10)?;
    let confidence = 10_f32.powf(likelihood[best]);
    (confidence >= CONFIDENCE_MIN).then_some((digit, confidence))
}

/// Shifts log-likelihoods so that their probabilities add up to one.
pub(super) fn normalise(likelihood: &mut [f32; 11]) {
    let top = likelihood.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = likelihood.iter().map(|each| 10_f32.powf(each - top)).sum();
    for each in likelihood {
        *each -= top + sum.log10();
    }
}
