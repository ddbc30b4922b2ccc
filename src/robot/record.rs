//! What the phone tells of a call: while it goes on, and when it is over.

use super::behaviour::Behaviour;
use super::ear::{Reading, Word, read_code};
use super::receiver::RtpStatistics;
use crate::media::{SAMPLE_RATE_HZ, wav};
use crate::secret::{Digits, Redacted};
use crate::time::Instant;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the gateway to the phone.
    Received,
    /// From the phone to the gateway.
    Sent,
}

/// One SIP message of a call, without what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When it came or went.
    pub at: Instant,
    /// Which way.
    pub direction: Direction,
    /// Its first line; of a number only the last two digits.
    pub line: String,
}

/// Something that happened at the phone just now.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// Which call: its Call-ID.
    pub call: String,
    /// When.
    pub at: Instant,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A SIP message came or went.
    Sip(Step),
    /// The first RTP packet came.
    Audio,
    /// The phone understood which keys it is asked to press.
    AskedForKeys {
        /// The keys.
        keys: Digits,
        /// How sure the weakest is (0–1).
        confidence: f32,
    },
    /// It presses keys: RFC 4733 events (0–9, 10 star, 11 hash).
    Presses(Redacted<Vec<u8>>),
    /// It heard the code's digit with this index (0 for the first).
    CodeDigit(usize),
    /// It heard a whole reading of the code.
    Reading {
        /// How many readings that makes.
        number: usize,
        /// What was heard up to now, all readings together; `None` if that is not understood.
        code: Option<Reading>,
    },
}

/// How a call ended, as the phone saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The gateway hung up.
    GatewayHungUp,
    /// The phone hung up.
    PhoneHungUp,
    /// The gateway gave up before the answer.
    Canceled,
    /// The phone refused.
    Refused,
    /// The gateway fell silent: something it owed never came.
    Abandoned,
}

/// The keys the phone was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The keys.
    pub keys: Digits,
    /// How sure the weakest is (0–1).
    pub confidence: f32,
    /// When that was understood.
    pub at: Instant,
}

/// A call that is over.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// Its Call-ID.
    pub call: String,
    /// The script that was played.
    pub behaviour: Behaviour,
    /// All SIP messages, in order.
    pub ladder: Vec<Step>,
    /// What the gateway did that a phone may not expect, in sentences; empty when all was well.
    pub faults: Vec<String>,
    /// When the first INVITE came, when the phone was picked up, when all was over.
    pub began: Instant,
    /// See `began`.
    pub answered: Option<Instant>,
    /// See `began`.
    pub ended: Instant,
    /// How it ended.
    pub end: End,
    /// How well the RTP came.
    pub rtp: RtpStatistics,
    /// Which keys were asked for.
    pub asked: Option<Asked>,
    /// When keys were pressed, and how many.
    pub pressed: Vec<(Instant, usize)>,
    /// Each word heard, digit or not, timed from the first packet of sound.
    pub words: Vec<Word>,
    /// The complete readings of a code.
    pub readings: Vec<Vec<Word>>,
    /// All that was heard: 8 kHz, lost packets as silence.
    pub audio: Redacted<Vec<i16>>,
}

impl CallRecord {
    /// The code of `length` digits that all readings together tell; `None` if not understood.
    pub fn code(&self, length: usize) -> Option<Reading> {
        read_code(&self.readings, length)
    }

    /// All that was heard, as a WAV file.
    pub fn wav(&self) -> Vec<u8> {
        let samples = self.audio.expose().clone();
        wav::write(&wav::Recording { rate_hz: SAMPLE_RATE_HZ, samples })
    }
}

/// A start line without the number that a request is for, but for its last two digits.
pub(super) fn masked(start: &str) -> String {
    let Some((method, rest)) = start.split_once(" sip:") else { return start.to_owned() };
    let Some((user, host)) = rest.split_once('@') else { return start.to_owned() };
    let number = user.split(';').next().unwrap_or_default();
    let shown = number.len().saturating_sub(2);
    let shown = number.get(shown..).unwrap_or_default();
    format!("{method} sip:••{shown}@{host}")
}
