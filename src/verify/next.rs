//! What follows an attempt that ended: wait, one more call, or the end of the verification.
//!
//! A *failover* is the same send on another trunk, because no phone rang; a *redial* calls the
//! person again by itself and happens at most once in a verification. Further channels of a
//! workflow are left out: where the policy says "next step" and there is none, the person may ask
//! again.

use super::limits::FIRST_READING_NEEDS;
use crate::reason::Reason;
use crate::time::Duration;

/// How an attempt ended, as far as it decides what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedCall {
    /// Why it ended.
    pub reason: Reason,
    /// Whether 180, 183 or 200 was seen: then a person may have heard it ring.
    pub rang: bool,
    /// The trunk's wish not to be asked again for a while.
    pub retry_after: Option<Duration>,
}

/// What the verification still allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Trunks that may carry its calls, at least 1.
    pub trunks: u32,
    /// Calls placed for the current send, the ended one included.
    pub calls_in_send: u32,
    /// Redials that were made for this verification.
    pub redials: u32,
    /// Sends left.
    pub sends_left: u32,
    /// Time until the verification expires.
    pub time_left: Duration,
}

/// What to do after an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The verification stays pending: the code may be entered, or a further call asked for.
    StayPending,
    /// Call again without being asked, as a new send.
    Redial {
        /// How long from the end of this one.
        after: Duration,
    },
    /// Try the next trunk within the same send.
    Failover {
        /// How long from the end of this one.
        after: Duration,
    },
    /// No call can deliver a code: the verification fails.
    Fail,
    /// The person reported it: the verification ends at once.
    FraudReported,
}

/// The most redials in one verification.
pub const REDIALS_MAX: u32 = 1;
/// How often all trunks may be asked again after each of them failed once.
pub const BACKOFFS_MAX: u32 = 3;

const BUSY_WAIT: Duration = Duration::from_secs(60);
const VOICEMAIL_WAIT: Duration = Duration::from_secs(120);
const BACKOFF_FIRST: Duration = Duration::from_secs(5);

/// The least wait before the same number is called again on request after an attempt ended for
/// `reason`.
pub fn wait_after(reason: Reason) -> Duration {
    match reason {
        Reason::NoHuman => VOICEMAIL_WAIT,
        _ => Duration::ZERO,
    }
}

/// Whether the trunk, rather than the person or the phone, ended a call: one that follows then
/// prefers another.
pub const fn blames_trunk(reason: Reason) -> bool {
    use Reason as R;
    matches!(
        reason,
        R::CallerIdRejected
            | R::MediaIncompatible
            | R::OneWayAudio
            | R::TrunkAuthFailed
            | R::TrunkUnavailable
    )
}

/// Decides what follows `ended`.
pub fn next(ended: EndedCall, situation: Situation) -> Next {
    use Reason as R;
    match ended.reason {
        // The code was heard, or the person can ask again when ready.
        R::Completed | R::HungUp | R::HungUpEarly => Next::StayPending,
        R::NoAnswer | R::Unreachable | R::Declined | R::Forwarded | R::RedirectRefused => {
            Next::StayPending
        }
        R::NoHuman | R::MachineSuspected | R::Canceled | R::Expired => Next::StayPending,
        R::Busy => redial(BUSY_WAIT, situation),
        R::OneWayAudio if situation.trunks > 1 => redial(Duration::ZERO, situation),
        R::OneWayAudio => Next::StayPending,
        // The same on any trunk and at any time.
        R::InvalidNumber | R::NumberChanged | R::DestinationBarred => Next::Fail,
        R::BlockedAsUnwanted | R::RoutingLoop => Next::Fail,
        R::FraudReported => Next::FraudReported,
        R::CallerIdRejected | R::TrunkAuthFailed | R::MediaIncompatible | R::TrunkUnavailable
            if ended.rang =>
        {
            redial(Duration::ZERO, situation)
        }
        R::CallerIdRejected | R::TrunkAuthFailed | R::MediaIncompatible => {
            other_trunk(situation).unwrap_or(Next::Fail)
        }
        R::TrunkUnavailable => other_trunk(situation)
            .or_else(|| backoff(ended.retry_after, situation))
            .unwrap_or(Next::Fail),
        R::Interrupted if ended.rang => redial(Duration::ZERO, situation),
        R::Interrupted => backoff(None, situation).unwrap_or(Next::StayPending),
    }
}

fn redial(after: Duration, situation: Situation) -> Next {
    let allowed = situation.redials < REDIALS_MAX && situation.sends_left > 0;
    if allowed && in_time(after, situation) { Next::Redial { after } } else { Next::StayPending }
}

fn other_trunk(situation: Situation) -> Option<Next> {
    let untried = situation.calls_in_send < situation.trunks;
    let after = Duration::ZERO;
    (untried && in_time(after, situation)).then_some(Next::Failover { after })
}

/// Once every trunk was asked: 5 s, 10 s, 20 s, or later if the trunk says so.
fn backoff(retry_after: Option<Duration>, situation: Situation) -> Option<Next> {
    let round = situation.calls_in_send.saturating_sub(situation.trunks);
    let after = (BACKOFF_FIRST * 2_u32.pow(round.min(BACKOFFS_MAX)))
        .max(retry_after.unwrap_or(Duration::ZERO));
    (round < BACKOFFS_MAX && in_time(after, situation)).then_some(Next::Failover { after })
}

fn in_time(after: Duration, situation: Situation) -> bool {
    after.saturating_add(FIRST_READING_NEEDS) <= situation.time_left
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Situation = Situation {
        trunks: 1,
        calls_in_send: 1,
        redials: 0,
        sends_left: 4,
        time_left: Duration::from_secs(270),
    };

    fn ended(reason: Reason) -> EndedCall {
        EndedCall { reason, rang: false, retry_after: None }
    }

    fn failover_s(seconds: u64) -> Next {
        Next::Failover { after: Duration::from_secs(seconds) }
    }

    fn redial_s(seconds: u64) -> Next {
        Next::Redial { after: Duration::from_secs(seconds) }
    }

    /// Every reason: what follows with one trunk, and what with two.
    const TABLE: &[(Reason, Next, Next)] = {
        use Next::{Fail, StayPending};
        use Reason::*;
        const NOW: Next = Next::Failover { after: Duration::ZERO };
        const IN_5_S: Next = Next::Failover { after: Duration::from_secs(5) };
        const IN_60_S: Next = Next::Redial { after: Duration::from_secs(60) };
        const OTHER: Next = Next::Redial { after: Duration::ZERO };
        &[
            (Completed, StayPending, StayPending),
            (HungUp, StayPending, StayPending),
            (HungUpEarly, StayPending, StayPending),
            (Busy, IN_60_S, IN_60_S),
            (NoAnswer, StayPending, StayPending),
            (Unreachable, StayPending, StayPending),
            (Declined, StayPending, StayPending),
            (BlockedAsUnwanted, Fail, Fail),
            (InvalidNumber, Fail, Fail),
            (NumberChanged, Fail, Fail),
            (RedirectRefused, StayPending, StayPending),
            (Forwarded, StayPending, StayPending),
            (DestinationBarred, Fail, Fail),
            (CallerIdRejected, Fail, NOW),
            (TrunkAuthFailed, Fail, NOW),
            (MediaIncompatible, Fail, NOW),
            (TrunkUnavailable, IN_5_S, NOW),
            (RoutingLoop, Fail, Fail),
            (Canceled, StayPending, StayPending),
            (NoHuman, StayPending, StayPending),
            (MachineSuspected, StayPending, StayPending),
            (FraudReported, Next::FraudReported, Next::FraudReported),
            (OneWayAudio, StayPending, OTHER),
            (Interrupted, IN_5_S, IN_5_S),
            (Expired, StayPending, StayPending),
        ]
    };

    #[test]
    fn every_reason_has_its_consequence() {
        let listed: Vec<Reason> = TABLE.iter().map(|row| row.0).collect();
        assert_eq!(listed, Reason::ALL);
        for &(reason, with_one, with_two) in TABLE {
            assert_eq!(next(ended(reason), FRESH), with_one, "{reason} with one trunk");
            let two = Situation { trunks: 2, ..FRESH };
            assert_eq!(next(ended(reason), two), with_two, "{reason} with two trunks");
        }
    }

    #[test]
    fn a_redial_leaves_the_trunk_only_where_it_was_to_blame() {
        use Reason::*;
        for &reason in Reason::ALL {
            let blamed = [
                CallerIdRejected,
                TrunkAuthFailed,
                MediaIncompatible,
                TrunkUnavailable,
                OneWayAudio,
            ];
            assert_eq!(blames_trunk(reason), blamed.contains(&reason), "{reason}");
        }
    }

    #[test]
    fn nobody_is_redialled_twice_or_without_a_send_left() {
        for &reason in Reason::ALL {
            for rang in [false, true] {
                let ended = EndedCall { reason, rang, retry_after: None };
                for limit in [
                    Situation { redials: 1, trunks: 2, ..FRESH },
                    Situation { sends_left: 0, trunks: 2, ..FRESH },
                ] {
                    let after = next(ended, limit);
                    assert!(!matches!(after, Next::Redial { .. }), "{reason} {rang}: {after:?}");
                }
            }
        }
    }

    #[test]
    fn refusals_by_the_person_are_never_dialled_again() {
        use Reason::*;
        for reason in [Declined, BlockedAsUnwanted, InvalidNumber, FraudReported, Canceled] {
            for rang in [false, true] {
                let ended = EndedCall { reason, rang, retry_after: None };
                let after = next(ended, Situation { trunks: 3, ..FRESH });
                let again = matches!(after, Next::Redial { .. } | Next::Failover { .. });
                assert!(!again, "{reason}: {after:?}");
            }
        }
    }

    #[test]
    fn a_trunk_that_let_the_phone_ring_costs_a_send() {
        let rang = EndedCall { rang: true, ..ended(Reason::TrunkUnavailable) };
        assert_eq!(next(rang, Situation { trunks: 2, ..FRESH }), redial_s(0));
        let lost = EndedCall { rang: true, ..ended(Reason::Interrupted) };
        assert_eq!(next(lost, FRESH), redial_s(0));
    }

    #[test]
    fn all_trunks_are_asked_once_then_with_growing_waits_then_it_fails() {
        let after = |calls_in_send| {
            let situation = Situation { trunks: 2, calls_in_send, ..FRESH };
            next(ended(Reason::TrunkUnavailable), situation)
        };
        let expected = [failover_s(0), failover_s(5), failover_s(10), failover_s(20), Next::Fail];
        assert_eq!([1, 2, 3, 4, 5].map(after), expected);
        assert_eq!(after(u32::MAX), Next::Fail);
    }

    #[test]
    fn retry_after_is_honoured_by_waiting_longer_never_shorter() {
        let wish = |seconds| EndedCall {
            retry_after: Some(Duration::from_secs(seconds)),
            ..ended(Reason::TrunkUnavailable)
        };
        assert_eq!(next(wish(1), FRESH), failover_s(5));
        assert_eq!(next(wish(40), FRESH), failover_s(40));
        assert_eq!(next(wish(u64::MAX), FRESH), Next::Fail, "no time is left by then");
        let two = Situation { trunks: 2, ..FRESH };
        assert_eq!(next(wish(40), two), failover_s(0), "the wish is that of the first trunk");
    }

    #[test]
    fn no_call_follows_that_could_not_be_heard_in_time() {
        let left = |time_left, reason| next(ended(reason), Situation { time_left, ..FRESH });
        let least = BUSY_WAIT + FIRST_READING_NEEDS;
        let short = least - Duration::from_millis(1);
        assert_eq!(left(least, Reason::Busy), redial_s(60));
        assert_eq!(left(short, Reason::Busy), Next::StayPending);
        let least = BACKOFF_FIRST + FIRST_READING_NEEDS;
        let short = least - Duration::from_millis(1);
        assert_eq!(left(least, Reason::TrunkUnavailable), failover_s(5));
        assert_eq!(left(short, Reason::TrunkUnavailable), Next::Fail);
    }
}
