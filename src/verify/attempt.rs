//! An attempt as it is kept: one call, from its place in the queue to its receipt.

use super::words;
use crate::id::{AttemptId, VerificationId};
use crate::reason::Reason;
use crate::time::UnixMillis;

words! {
    /// How far a call has come. `ended` is final.
    AttemptState, "attempt state" {
        /// Waits for its time and for a gateway to take it.
        Queued "queued"
        /// A gateway holds it and places the call.
        Dialing "dialing"
        /// 100: the trunk works on it.
        Proceeding "proceeding"
        /// 183: the network plays something.
        EarlyMedia "early_media"
        /// 180: the phone rings.
        Ringing "ringing"
        /// 200: somebody or something picked up.
        Answered "answered"
        /// The right key was pressed.
        HumanConfirmed "human_confirmed"
        /// The code is being read.
        Playing "playing"
        /// The call is over; the reason says how.
        Ended "ended"
    }
}

impl AttemptState {
    /// Whether a running call in this state may be said to be in `next`: news only ever moves
    /// forward, except that ringing and early media may follow each other either way.
    pub fn may_become(self, next: AttemptState) -> bool {
        use AttemptState::{Dialing, EarlyMedia, Ended, Queued, Ringing};
        match (self, next) {
            (Queued, _) => next == Dialing,
            (_, Ended) | (Ended, _) => false,
            (Ringing, EarlyMedia) => true,
            _ => next > self,
        }
    }

    /// Whether the phone has rung by now, so that the call counts for the person called.
    pub fn has_rung(self) -> bool {
        (AttemptState::EarlyMedia..AttemptState::Ended).contains(&self)
    }
}

words! {
    /// How much of the code was heard.
    Delivery, "delivery" {
        /// Not one digit.
        None "none"
        /// Some digits, no full reading.
        Partial "partial"
        /// At least one full reading.
        Full "full"
    }
}

words! {
    /// What asked for the call.
    Origin, "origin of an attempt" {
        /// The service: the first call, or one asked for again.
        Request "request"
        /// The one automatic redial.
        Redial "redial"
        /// Another trunk for a call that rang nowhere; not counted as a further send.
        Failover "failover"
    }
}

/// An attempt with everything that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its name, and the name of its call.
    pub id: AttemptId,
    /// The verification it delivers a code for.
    pub verification: VerificationId,
    /// 1 for the verification's first call, then one more for each.
    pub ordinal: u32,
    /// Which send it belongs to, from 1; failovers share their send.
    pub send: u32,
    /// What asked for it.
    pub origin: Origin,
    /// How far it has come.
    pub state: AttemptState,
    /// How it ended; none before.
    pub reason: Option<Reason>,
    /// The trunk that carries it; none while queued.
    pub trunk: Option<String>,
    /// The gateway that holds it; none while queued.
    pub node: Option<String>,
    /// Until when that gateway is believed to be alive.
    pub lease_until: Option<UnixMillis>,
    /// When it was asked for.
    pub created_at: UnixMillis,
    /// From when it may be dialled.
    pub due_at: UnixMillis,
    /// When a gateway took it.
    pub dialed_at: Option<UnixMillis>,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// What is known of the call; all of it once ended.
    pub receipt: Receipt,
}

/// What a call left behind: the facts of its receipt, without its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// 180, 183 or 200 was seen.
    pub rang: bool,
    /// 200 was seen.
    pub answered: bool,
    /// 181, History-Info or Diversion was seen.
    pub forwarded: bool,
    /// The right key was pressed, or none was asked for.
    pub human_confirmed: bool,
    /// How much of the code was heard.
    pub delivery: Delivery,
    /// Full readings played.
    pub readings: u8,
    /// In the reading that was cut short: the digit being played or last played, from 1.
    pub last_digit_index: Option<u8>,
    /// Audio came back.
    pub audio_received: bool,
    /// Keys pressed, of any kind.
    pub keys_seen: u32,
    /// The final SIP status.
    pub sip_status: Option<u16>,
    /// The Q.850 cause, when one was given.
    pub q850_cause: Option<u8>,
    /// What the far end said about it, masked of numbers.
    pub detail: Option<String>,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP packets that never came, by their sequence numbers.
    pub packets_lost: u64,
    /// Milliseconds from the INVITE to the answer, or to the end if there was none.
    pub setup_ms: u64,
    /// Milliseconds from the answer to the end.
    pub talk_ms: u64,
}

impl Receipt {
    /// The receipt of a call of which nothing is known but how far it had come.
    pub fn of_lost_call(state: AttemptState) -> Self {
        Receipt {
            rang: state.has_rung(),
            answered: (AttemptState::Answered..AttemptState::Ended).contains(&state),
            forwarded: false,
            human_confirmed: (AttemptState::HumanConfirmed..AttemptState::Ended).contains(&state),
            delivery: Delivery::None,
            readings: 0,
            last_digit_index: None,
            audio_received: false,
            keys_seen: 0,
            sip_status: None,
            q850_cause: None,
            detail: None,
            packets_sent: 0,
            packets_received: 0,
            packets_lost: 0,
            setup_ms: 0,
            talk_ms: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for &state in AttemptState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for &delivery in Delivery::ALL {
            assert_eq!(delivery.as_str().parse(), Ok(delivery));
        }
        for &origin in Origin::ALL {
            assert_eq!(origin.as_str().parse(), Ok(origin));
        }
    }

    #[test]
    fn news_only_moves_a_call_forward() {
        use AttemptState::*;
        assert!(Queued.may_become(Dialing) && !Queued.may_become(Ringing));
        assert!(Dialing.may_become(Answered), "100 and 180 may never come");
        assert!(Ringing.may_become(EarlyMedia) && EarlyMedia.may_become(Ringing));
        for state in [Ringing, EarlyMedia, Dialing, Proceeding, Answered] {
            assert!(!Answered.may_become(state), "{state:?}");
            assert!(!Ended.may_become(state), "{state:?}");
        }
        assert!(!Playing.may_become(Ended), "only settling ends a call");
    }

    #[test]
    fn a_lost_call_counts_if_the_phone_rang() {
        use AttemptState::*;
        for (state, rang, answered) in [
            (Dialing, false, false),
            (Proceeding, false, false),
            (EarlyMedia, true, false),
            (Ringing, true, false),
            (Answered, true, true),
            (Playing, true, true),
        ] {
            let receipt = Receipt::of_lost_call(state);
            assert_eq!((receipt.rang, receipt.answered), (rang, answered), "{state:?}");
        }
    }
}
