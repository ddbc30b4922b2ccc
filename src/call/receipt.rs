//! The truthful receipt: what is known of a call once it is over.

use crate::reason::Reason;
use crate::time::Duration;

/// How much of the code reached the line after the human check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// Not one digit.
    #[default]
    None,
    /// Some digits, but no complete reading.
    Partial,
    /// At least one complete reading.
    Full,
}

impl Delivery {
    /// The stored word, also used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Delivery::None => "none",
            Delivery::Partial => "partial",
            Delivery::Full => "full",
        }
    }
}

/// What is known of a call once it is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// How it ended.
    pub reason: Reason,
    /// Whether a phone rang or was answered; such an attempt counts against the number's limits.
    pub rang: bool,
    /// Whether it was answered.
    pub answered: bool,
    /// Whether it was seen to be forwarded to another number.
    pub forwarded: bool,
    /// Whether the right key(s) of the human check came, or none were asked for.
    pub human_confirmed: bool,
    /// How much of the code was played.
    pub delivery: Delivery,
    /// Complete readings played.
    pub readings: u8,
    /// In the reading that was cut short: the 1-based digit that was being played, or was last
    /// played.
    pub last_digit_index: Option<u8>,
    /// Whether any audio packet came from the far end.
    pub audio_received: bool,
    /// How many keys were pressed (never which).
    pub keys_seen: u32,
    /// Final SIP status of the INVITE, if one came.
    pub sip_status: Option<u16>,
    /// Q.850 cause, if the peer gave one.
    pub q850_cause: Option<u8>,
    /// Warning or reason text of the peer, for operators.
    pub detail: Option<String>,
    /// How long the trunk asks not to be tried again.
    pub retry_after: Option<Duration>,
    /// RTP packets sent.
    pub packets_sent: u32,
    /// RTP packets received from the peer.
    pub packets_received: u32,
    /// RTP packets of the peer that never came, by sequence number.
    pub packets_lost: u32,
    /// From INVITE to the answer, or to the end if there was none.
    pub setup_time: Duration,
    /// From the answer to the end.
    pub talk_time: Duration,
}

impl Receipt {
    /// The receipt of a call for which no INVITE was ever sent.
    pub fn unplaced(reason: Reason) -> Self {
        Receipt {
            reason,
            rang: false,
            answered: false,
            forwarded: false,
            human_confirmed: false,
            delivery: Delivery::None,
            readings: 0,
            last_digit_index: None,
            audio_received: false,
            keys_seen: 0,
            sip_status: None,
            q850_cause: None,
            detail: None,
            retry_after: None,
            packets_sent: 0,
            packets_received: 0,
            packets_lost: 0,
            setup_time: Duration::ZERO,
            talk_time: Duration::ZERO,
        }
    }
}
