//! What the carrier and the person behind it will do with one call, drawn before it comes.

use crate::sim::dice::Dice;
use crate::sim::text::Style;
use belfry::reason::Reason;
use belfry::time::Duration;

/// One call, as the carrier will treat it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub style: Style,
    pub challenge: Option<Challenge>,
    /// Provisional responses, each with the time after the INVITE.
    pub progress: Vec<(Duration, Progress)>,
    pub end: End,
    pub on_cancel: OnCancel,
    /// Whether the carrier stays in the way of what follows (RFC 3261 §16.6, step 4).
    pub records_route: bool,
}

/// A digest challenge (RFC 7616) before anything else.
#[derive(Debug, Clone, Copy)]
pub struct Challenge {
    /// 401 or 407.
    pub status: u16,
    pub algorithm: Algorithm,
    /// Whether to protect with `qop=auth`.
    pub qop: bool,
    /// Whether a right answer is refused all the same.
    pub never_content: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha256,
}

/// A provisional response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Trying,
    Ringing,
    Forwarded,
    /// 183 with a session description.
    Early,
}

/// How the carrier ends its work on the INVITE.
#[derive(Debug, Clone)]
pub enum End {
    /// A final response that refuses.
    Refuse { after: Duration, refusal: Refusal },
    /// 200.
    Answer { after: Duration, answer: Answer },
    /// Nothing more is ever sent.
    Nothing,
    /// The network says that nothing reaches the carrier.
    Unreachable,
}

/// A refusal, its further header fields, and what it means in the gateway's words.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    pub status: &'static str,
    pub extra: &'static str,
    pub means: Reason,
}

/// What happens when the gateway cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCancel {
    /// 200 to the CANCEL, 487 to the INVITE.
    Obey,
    /// The phone was picked up a moment before.
    Answer,
    /// The line turned out busy a moment before.
    Busy,
    /// No response to either.
    Ignore,
}

/// An answered call.
#[derive(Debug, Clone)]
pub struct Answer {
    pub description: Description,
    /// Further places that answer the same INVITE.
    pub forks: u64,
    /// How often the 200 is sent again although it was acknowledged.
    pub extra_copies: u64,
    pub mulaw: bool,
    pub keys: Keys,
    pub hang_up: HangUp,
    pub sound: Sound,
    /// When the carrier changes the stream by a re-INVITE, and how.
    pub change: Option<(Duration, Change)>,
    pub asks_options: bool,
    pub stranger: bool,
    pub garbage: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Description {
    InAnswer,
    /// None at all.
    Missing,
    /// In a 183 before, and not again in the 200.
    EarlyOnly,
    G729Only,
}

/// What the person presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    Right,
    /// Only when asked a second time.
    RightSecondTime,
    Wrong,
    /// Before anything was asked.
    Early,
    None,
    /// The report key, when asked.
    Report,
    /// The right key, then the report key while the code is read.
    RightThenReport,
    /// The right key, then the repeat key while the code is read.
    RightThenRepeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    Never,
    AtOnce,
    /// When this digit (from 1) of the first reading is heard.
    AtDigit(u8),
    /// While the last sentence plays: so that BYE may cross BYE.
    WithTheLastWord,
}

/// How a re-INVITE changes the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// To another address.
    Moves,
    /// To another address and the other law.
    MovesAndEncodesAnew,
    /// On hold, and back after a while.
    Holds,
    /// On hold by the address 0.0.0.0 (RFC 2543), and back after a while.
    HoldsTheOldWay,
}

/// What comes from the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    Normal,
    None,
}

const REFUSALS: [Refusal; 16] = [
    refusal("486 Busy Here", "", Reason::Busy),
    refusal("600 Busy Everywhere", "", Reason::Busy),
    refusal("480 Temporarily Unavailable", "", Reason::Unreachable),
    refusal(
        "480 Temporarily Unavailable",
        "Reason: Q.850;cause=19;text=\"No answer\"\r\n",
        Reason::NoAnswer,
    ),
    refusal(
        "480 Temporarily Unavailable",
        "Reason: SIP;cause=480, Q.850 ;cause=17\r\n",
        Reason::Busy,
    ),
    refusal("404 Not Found", "", Reason::InvalidNumber),
    refusal("484 Address Incomplete", "", Reason::InvalidNumber),
    refusal("603 Decline", "", Reason::Declined),
    refusal("607 Unwanted", "", Reason::BlockedAsUnwanted),
    refusal("503 Service Unavailable", "Retry-After: 30\r\n", Reason::TrunkUnavailable),
    refusal("500 Server Internal Error", "", Reason::TrunkUnavailable),
    refusal(
        "302 Moved Temporarily",
        "Contact: <sip:+882999999@premium.example>\r\n",
        Reason::RedirectRefused,
    ),
    refusal("410 Gone", "", Reason::NumberChanged),
    refusal("403 Forbidden", "", Reason::DestinationBarred),
    refusal("488 Not Acceptable Here", "Warning: 304 x \"no\"\r\n", Reason::MediaIncompatible),
    refusal("482 Loop Detected", "", Reason::RoutingLoop),
];

const CHANGES: [Change; 4] =
    [Change::Moves, Change::MovesAndEncodesAnew, Change::Holds, Change::HoldsTheOldWay];

const fn refusal(status: &'static str, extra: &'static str, means: Reason) -> Refusal {
    Refusal { status, extra, means }
}

impl Plan {
    pub fn draw(dice: &mut Dice) -> Plan {
        let challenge = dice.chance(25).then(|| Challenge {
            status: dice.pick(&[401, 407]),
            algorithm: dice.pick(&[Algorithm::Md5, Algorithm::Sha256]),
            qop: dice.chance(70),
            never_content: dice.chance(15),
        });
        let mut plan = Plan {
            style: dice.pick(&[Style::Plain, Style::Plain, Style::Compact, Style::Careless]),
            challenge,
            progress: draw_progress(dice),
            end: draw_end(dice),
            on_cancel: dice.pick(&[
                OnCancel::Obey,
                OnCancel::Obey,
                OnCancel::Obey,
                OnCancel::Answer,
                OnCancel::Busy,
                OnCancel::Ignore,
            ]),
            records_route: dice.chance(20),
        };
        plan.agree_on_early_media();
        if matches!(plan.end, End::Unreachable) {
            plan.progress.clear();
            plan.challenge = None;
        }
        if matches!(plan.end, End::Nothing) && dice.chance(40) {
            plan.progress.clear();
        }
        plan
    }

    /// An answer whose description was in a 183 needs that 183; one without any has none.
    fn agree_on_early_media(&mut self) {
        let End::Answer { after, answer } = &self.end else { return };
        match answer.description {
            Description::EarlyOnly => self.progress.push((*after / 2, Progress::Early)),
            Description::Missing => self.progress.retain(|(_, what)| *what != Progress::Early),
            Description::InAnswer | Description::G729Only => {}
        }
    }

    fn rings_within(&self, span: Duration) -> bool {
        let rings = |what| matches!(what, Progress::Ringing | Progress::Early);
        self.progress.iter().any(|&(after, what)| rings(what) && after <= span)
    }

    /// How the call must end if the network loses and delays nothing and nobody cancels it: the
    /// carrier's own view. `None` where it depends on the moment.
    pub fn means(&self, asks_for_keys: bool) -> Option<Reason> {
        if self.challenge.is_some_and(|challenge| challenge.never_content) {
            return Some(Reason::TrunkAuthFailed);
        }
        match &self.end {
            End::Unreachable => Some(Reason::TrunkUnavailable),
            End::Nothing if self.progress.is_empty() => Some(Reason::TrunkUnavailable),
            End::Nothing => Some(Reason::NoAnswer),
            End::Refuse { after, refusal } => Some(match refusal.means {
                Reason::Unreachable if self.rings_within(*after) => Reason::NoAnswer,
                means => means,
            }),
            End::Answer { answer, .. } => answer.means(asks_for_keys),
        }
    }
}

impl Answer {
    fn means(&self, asks_for_keys: bool) -> Option<Reason> {
        match self.description {
            Description::Missing | Description::G729Only => return Some(Reason::MediaIncompatible),
            Description::InAnswer | Description::EarlyOnly => {}
        }
        let held = matches!(self.change, Some((_, Change::Holds | Change::HoldsTheOldWay)));
        if self.hang_up != HangUp::Never || self.stranger || !asks_for_keys || held {
            return None;
        }
        match self.keys {
            Keys::Right | Keys::RightThenRepeat => Some(Reason::Completed),
            Keys::Wrong | Keys::Early => Some(Reason::MachineSuspected),
            Keys::Report | Keys::RightThenReport => Some(Reason::FraudReported),
            Keys::None if self.sound == Sound::None => Some(Reason::OneWayAudio),
            Keys::None => Some(Reason::NoHuman),
            Keys::RightSecondTime => None,
        }
    }
}

fn draw_progress(dice: &mut Dice) -> Vec<(Duration, Progress)> {
    let mut progress = vec![(dice.millis(0, 200), Progress::Trying)];
    if dice.chance(10) {
        progress.push((dice.millis(200, 900), Progress::Forwarded));
    }
    if dice.chance(75) {
        progress.push((dice.millis(200, 3_000), Progress::Ringing));
    }
    if dice.chance(20) {
        progress.push((dice.millis(200, 3_000), Progress::Early));
    }
    progress
}

fn draw_end(dice: &mut Dice) -> End {
    match dice.below(100) {
        0..24 => End::Refuse { after: dice.millis(50, 8_000), refusal: dice.pick(&REFUSALS) },
        24..29 => End::Nothing,
        29..31 => End::Unreachable,
        _ => End::Answer { after: dice.millis(100, 9_000), answer: draw_answer(dice) },
    }
}

fn draw_answer(dice: &mut Dice) -> Answer {
    let keys = [
        Keys::Right,
        Keys::Right,
        Keys::Right,
        Keys::RightSecondTime,
        Keys::Wrong,
        Keys::Early,
        Keys::None,
        Keys::Report,
        Keys::RightThenReport,
        Keys::RightThenRepeat,
    ];
    Answer {
        description: match dice.below(20) {
            0 => Description::Missing,
            1 => Description::G729Only,
            2..4 => Description::EarlyOnly,
            _ => Description::InAnswer,
        },
        forks: if dice.chance(8) { dice.between(1, 3) } else { 0 },
        extra_copies: if dice.chance(20) { dice.between(1, 4) } else { 0 },
        mulaw: dice.chance(30),
        keys: dice.pick(&keys),
        hang_up: match dice.below(12) {
            0 => HangUp::AtOnce,
            1..3 => HangUp::AtDigit(dice.between(1, 6) as u8),
            3..5 => HangUp::WithTheLastWord,
            _ => HangUp::Never,
        },
        sound: if dice.chance(12) { Sound::None } else { Sound::Normal },
        change: dice.chance(25).then(|| (dice.millis(100, 6_000), dice.pick(&CHANGES))),
        asks_options: dice.chance(10),
        stranger: dice.chance(8),
        garbage: dice.chance(15),
    }
}
