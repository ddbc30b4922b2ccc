//! What a person understands of the call: the keys asked for, and the code.
//!
//! A digit spoken right after other words ("press" … "seven") is a key to press; a run of digits
//! between long pauses is a reading of the code.

use super::ear::{Ear, Heard, Reading, Templates, Word, read_code};
use crate::secret::Digits;
use std::sync::Arc;

/// Most keys a human check asks for.
const KEYS_MAX: usize = 2;
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
            understood.extend(self.keys_asked_for());
        } else if self.run.iter().all(|word| word.digit().is_some()) {
            understood.push(Understood::CodeDigit(self.run.len()));
        }
        self.run.push(word);
    }

    fn end_run(&mut self, understood: &mut Vec<Understood>) {
        understood.extend(self.keys_asked_for());
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

    /// The one or two digits at the end of this run, if other words come before them.
    fn keys_asked_for(&mut self) -> Option<Understood> {
        let tail = self.run.iter().rev().map_while(Word::digit).collect::<Vec<_>>();
        let after_words = tail.len() < self.run.len();
        if self.asked || !after_words || !(1..=KEYS_MAX).contains(&tail.len()) {
            return None;
        }
        let text: String = tail.iter().rev().map(|&(digit, _)| char::from(b'0' + digit)).collect();
        let keys = Digits::parse(&text).ok()?;
        let confidence = tail.iter().map(|&(_, sure)| sure).fold(1.0, f32::min);
        self.asked = true;
        Some(Understood::AskedForKeys { keys, confidence })
    }
}
