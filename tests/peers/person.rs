//! A person with a telephone who does what the call says, and is told nothing else.

use std::time::{Duration, Instant};

use crate::baresip::Baresip;
use crate::child::wait_for;
use crate::ear::Ear;

/// How much more must have been heard before it is worth listening again, samples of 8 kHz.
const WORTH_LISTENING: usize = 4000;

/// Listens, while the call goes on, until `understood` makes something of the words so far.
pub fn listen<T>(
    phone: &Baresip,
    ear: &Ear,
    what: &str,
    limit: Duration,
    understood: impl Fn(&[String]) -> Option<T>,
) -> T {
    let mut listened = 0;
    let deadline = Instant::now() + limit;
    loop {
        let heard = wait_for("more to hear", limit, || {
            let heard = phone.heard();
            (heard.len() >= listened + WORTH_LISTENING).then_some(heard)
        });
        listened = heard.len();
        let words = ear.words(&heard);
        if let Some(understood) = understood(&words) {
            return understood;
        }
        assert!(Instant::now() < deadline, "{what}: not in {words:?} within {limit:?}");
    }
}

/// The key the call asks for, once its whole question was heard.
pub fn key_asked_for(words: &[String]) -> Option<String> {
    let (gate, report) = (position(words, "gate")?, position(words, "gate_report")?);
    Some(words[gate + 1..report].concat())
}

/// The six digits after this clip, once all were heard.
pub fn code_after(words: &[String], clip: &str) -> Option<String> {
    let code = words.get(position(words, clip)? + 1..)?.get(..6)?;
    Some(code.concat())
}

fn position(words: &[String], clip: &str) -> Option<usize> {
    words.iter().position(|word| word == clip)
}
