//! What the gateway asks of the engine, and what it is told back.

use super::receipt::Receipt;
use crate::id::AttemptId;
use crate::number::Number;
use crate::secret::{Digits, Redacted};
use crate::time::{Duration, Instant};

/// A command from the gateway to the engine.
#[derive(Debug)]
pub enum EngineCommand {
    /// Place a call.
    Place(Box<CallOrder>),
    /// End a call because its verification was canceled: CANCEL or BYE, whichever fits.
    Cancel(AttemptId),
    /// Hang up every call that is still up: the gateway stops.
    HangUpAll,
}

/// One call to place. It holds the code, so it is never stored and never printed.
#[derive(Debug, Clone)]
pub struct CallOrder {
    /// The attempt this call is; it names the call from here on.
    pub attempt: AttemptId,
    /// Name of the trunk to place it on.
    pub trunk: String,
    /// Whom to call.
    pub to: Number,
    /// Digits of an extension behind the number, if any.
    pub extension: Option<Redacted<String>>,
    /// The digits to speak.
    pub code: Digits,
    /// Locale asked for (BCP 47); the prompt library finds the closest set it has.
    pub locale: String,
    /// How the answered call runs.
    pub script: ScriptPolicy,
}

/// How an answered call runs: checks, repetitions, timing. Set per service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptPolicy {
    /// Keys a person must press before the code is spoken, 1–2; 0 speaks it to whoever answers.
    pub human_check_digits: u8,
    /// How often the human check is asked before the call is given up, 1–5.
    pub human_check_prompts: u8,
    /// How long each prompt of the human check waits for a key after it was spoken.
    pub human_check_wait: Duration,
    /// How often the code is read without being asked, 1–5.
    pub readings: u8,
    /// How often the person may have it repeated by the repeat key after that, 0–5.
    pub repeats_on_request: u8,
    /// How long the repeat offer waits for a key after it was spoken.
    pub repeat_wait: Duration,
    /// Silence before the greeting: many mobiles lose the first half second after the answer.
    pub lead_in: Duration,
    /// Pauses around and inside the spoken code.
    pub pauses: Pauses,
    /// From the first sign of ringing to giving up, 10–60 s.
    pub ring_timeout: Duration,
    /// The longest an answered call may last.
    pub call_max: Duration,
}

/// Pauses of the spoken code; each is rounded up to whole 20 ms frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// Between two sentences.
    pub sentence: Duration,
    /// Before and after a digit inside the human check's sentence.
    pub around_check_digit: Duration,
    /// Between the introduction and the first digit.
    pub before_code: Duration,
    /// Between two digits of a group.
    pub digit: Duration,
    /// Between two groups.
    pub group: Duration,
    /// Between two readings.
    pub reading: Duration,
}

impl Default for Pauses {
    /// The measured defaults: slow enough for a bad line, short enough for one breath.
    fn default() -> Self {
        Pauses {
            sentence: Duration::from_millis(400),
            around_check_digit: Duration::from_millis(300),
            before_code: Duration::from_millis(1_200),
            digit: Duration::from_millis(260),
            group: Duration::from_millis(560),
            reading: Duration::from_millis(1_200),
        }
    }
}

impl Default for ScriptPolicy {
    fn default() -> Self {
        ScriptPolicy {
            human_check_digits: 1,
            human_check_prompts: 2,
            human_check_wait: Duration::from_secs(8),
            readings: 2,
            repeats_on_request: 1,
            repeat_wait: Duration::from_secs(4),
            lead_in: Duration::from_millis(900),
            pauses: Pauses::default(),
            ring_timeout: Duration::from_secs(25),
            call_max: Duration::from_secs(75),
        }
    }
}

/// Something a call did that the gateway stores and a panel may show.
#[derive(Debug, Clone, PartialEq)]
pub struct CallEvent {
    /// Which call.
    pub attempt: AttemptId,
    /// When, on the engine's clock.
    pub at: Instant,
    /// What happened.
    pub kind: CallEventKind,
}

/// The steps of a call, in the order they can happen. [`CallEventKind::Ended`] is always the last
/// and comes exactly once for each [`EngineCommand::Place`].
#[derive(Debug, Clone, PartialEq)]
pub enum CallEventKind {
    /// The INVITE was sent.
    Dialing,
    /// 100 Trying, or another provisional response that tells no more.
    Proceeding,
    /// 180: the phone rings.
    Ringing,
    /// 183: the network plays something before the answer.
    EarlyMedia,
    /// The call was forwarded to another number.
    Forwarded,
    /// The phone was picked up.
    Answered,
    /// The right key(s) came: a person listens.
    HumanConfirmed,
    /// A reading of the code was completed; how many there have been so far.
    CodePlayed {
        /// Complete readings so far.
        readings: u8,
    },
    /// The call is over and its resources are free.
    Ended(Box<Receipt>),
}
