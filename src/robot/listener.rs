//! What a person understands of the call: the keys asked for, and the code.
//!
//! A digit spoken right after other words ("press" … "seven") is a key to press; a run of digits
//! between long pauses is a reading of the code.

use super::ear::{Ear, Heard, Reading, Templates, Word, read_code};
use crate::secret::Digits;
use crate::time::Duration;
use std::sync::Arc;

/// Most keys a human check asks for.
const KEYS_MAX: usize = 2;
/// Silence on both sides of the keys asked for.
const ALONE: Duration = Duration::from_millis(250);
/// A run with at least this many digits is a reading of the code.
const READING_MIN: usize = 4;
/// Runs kept of one call: a code is read a few times only.
const RUNS_MAX: usize = 16;

/// Something understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Understood {
    /// A word, a digit or not.
    Word(Word),
    /// "Press …": these keys are asked for.
    AskedForKeys {
        /// The keys, in order.
        keys: Digits,
        /// How sure the weakest of them is.
        confidence: f32,
    },
    /// The code's digit with this index (0 for the first) was just spoken.
    CodeDigit(usize),
    /// A whole reading of a code is over.
    Reading {
        /// How many words it has.
        length: usize,
        /// How many readings that makes.
        number: usize,
    },
}

/// Listens to one call with understanding.
pub struct Listener {
    ear: Ear,
    run: Vec<Word>,
    runs: Vec<Vec<Word>>,
    asked: bool,
}

impl Listener {
    /// A listener that knows the ten recordings.
    pub fn new(templates: Arc<Templates>) -> Self {
        Listener { ear: Ear::new(templates), run: Vec::new(), runs: Vec::new(), asked: false }
    }

    /// Takes the next 8 kHz samples and returns what is now understood.
    pub fn hear(&mut self, samples: &[i16]) -> Vec<Understood> {
        self.ear.hear(samples);
        self.understand()
    }

    /// Says that no more sound will come.
    pub fn finish(&mut self) -> Vec<Understood> {
        self.ear.finish();
        self.understand()
    }

    /// The code of `length` digits, as far as all readings up to now tell.
    pub fn code(&self, length: usize) -> Option<Reading> {
        read_code(&self.runs, length)
    }

    /// The readings of a code, each word by word.
    pub fn into_readings(self) -> Vec<Vec<Word>> {
        self.runs
    }

    fn understand(&mut self) -> Vec<Understood> {
        let mut understood = Vec::new();
        while let Some(heard) = self.ear.poll() {
            match heard {
                Heard::Word(word) => self.take(word, &mut understood),
                Heard::Pause => self.end_run(&mut understood),
            }
        }
        understood
    }

    fn take(&mut self, word: Word, understood: &mut Vec<Understood>) {
        let digit = word.digit();
        understood.push(Understood::Word(word.clone()));
        if digit.is_none() {
            understood.extend(self.keys_asked_for(Some(word.start)));
        } else if self.run.iter().all(|word| word.digit().is_some()) {
            understood.push(Understood::CodeDigit(self.run.len()));
        }
        self.run.push(word);
    }

    fn end_run(&mut self, understood: &mut Vec<Understood>) {
        understood.extend(self.keys_asked_for(None));
        let mut run = std::mem::take(&mut self.run);
        // Words right before or after the code are no part of it.
        let is_digit = |word: &Word| word.digit().is_some();
        run.truncate(run.iter().rposition(is_digit).map_or(0, |last| last + 1));
        run.drain(..run.iter().position(is_digit).unwrap_or(0));
        let digits = run.iter().filter(|word| is_digit(word)).count();
        if digits >= READING_MIN && self.runs.len() < RUNS_MAX {
            let length = run.len();
            self.runs.push(run);
            understood.push(Understood::Reading { length, number: self.runs.len() });
        }
    }

    /// The one or two digits at the end of this run, if other words come before them and they
    /// stand alone: a syllable of a sentence that sounds like a digit does not. `next` is when
    /// the word after them began, if there is one already.
    fn keys_asked_for(&mut self, next: Option<Duration>) -> Option<Understood> {
        let tail = self.run.iter().rev().map_while(Word::digit).collect::<Vec<_>>();
        if self.asked || !(1..=KEYS_MAX).contains(&tail.len()) {
            return None;
        }
        let first = self.run.len() - tail.len();
        let before = self.run[first].start.saturating_sub(self.run.get(first.checked_sub(1)?)?.end);
        let after = next.map(|next| next.saturating_sub(self.run[self.run.len() - 1].end));
        if before < ALONE || after.is_some_and(|after| after < ALONE) {
            return None;
        }
        let text: String = tail.iter().rev().map(|&(digit, _)| char::from(b'0' + digit)).collect();
        let keys = Digits::parse(&text).ok()?;
        let confidence = tail.iter().map(|&(_, sure)| sure).fold(1.0, f32::min);
        self.asked = true;
        Some(Understood::AskedForKeys { keys, confidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Entropy;
    use crate::media::{ClipKey, Codec};
    use crate::robot::line::{ENGLISH, Line, Speech};

    /// What is understood of this speech over a line.
    fn understood(speech: &Speech, lost: u32, noise: f32, seed: u64) -> Vec<Understood> {
        let line = Line { codec: Codec::Pcma, lost, noise };
        let sound = line.carry(speech, &mut Entropy::from_seed(seed));
        let mut listener = Listener::new(ENGLISH.1.clone());
        let mut understood = listener.hear(&sound);
        understood.extend(listener.finish());
        understood
    }

    fn keys(understood: &[Understood]) -> Option<Vec<u8>> {
        understood.iter().find_map(|each| match each {
            Understood::AskedForKeys { keys, .. } => Some(keys.as_slice().to_vec()),
            _ => None,
        })
    }

    fn gate(keys: &[u8]) -> Speech {
        let mut speech = Speech::default().pause(900).say(ClipKey::Greeting).pause(400);
        speech = speech.say(ClipKey::Gate).pause(300);
        for &key in keys {
            speech = speech.say(ClipKey::Digit(key)).pause(300);
        }
        speech.say(ClipKey::GateReport).pause(1_500)
    }

    #[test]
    fn each_key_is_understood_with_1_percent_of_the_packets_lost_and_in_noise() {
        for key in 1..=9 {
            for (lost, noise) in [(0, 18.0), (1, 18.0), (0, 260.0)] {
                let heard = understood(&gate(&[key]), lost, noise, u64::from(key));
                assert_eq!(keys(&heard), Some(vec![key]), "{lost} {noise}");
            }
        }
    }

    #[test]
    fn on_a_bad_line_a_key_is_understood_or_none_but_never_another() {
        let mut understood_keys = 0;
        for seed in 0..60 {
            let key = 1 + (seed % 9) as u8;
            if let Some(keys) = keys(&understood(&gate(&[key]), 5, 260.0, seed)) {
                assert_eq!(keys, [key], "{seed}");
                understood_keys += 1;
            }
        }
        assert!(understood_keys > 54, "{understood_keys}");
    }

    #[test]
    fn two_keys_are_understood_in_their_order() {
        assert_eq!(keys(&understood(&gate(&[4, 4]), 0, 18.0, 1)), Some(vec![4, 4]));
        assert_eq!(keys(&understood(&gate(&[9, 1]), 0, 18.0, 1)), Some(vec![9, 1]));
    }

    #[test]
    fn a_code_is_no_key_and_a_key_no_code() {
        let code = Speech::default().pause(900).say(ClipKey::CodeIntro).pause(1_200);
        let heard = understood(&code.code(&[1, 2, 3, 4, 5, 6]).pause(1_200), 0, 18.0, 1);
        assert_eq!(keys(&heard), None);
        let digits = heard.iter().filter(|each| matches!(each, Understood::CodeDigit(_))).count();
        assert_eq!(digits, 6);
        assert_eq!(heard.last(), Some(&Understood::Reading { length: 6, number: 1 }));
        let heard = understood(&gate(&[7]), 0, 18.0, 1);
        assert!(!heard.iter().any(|each| matches!(each, Understood::Reading { .. })));
    }
}
