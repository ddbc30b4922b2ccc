//! The table from SIP statuses and Q.850 causes to a [`Reason`].
//!
//! A `Reason: Q.850` header (RFC 3326, RFC 6432) says more than the status it comes with and wins
//! over it. The base table is RFC 3398 §7.2.4.1 read backwards.

use crate::reason::Reason;
use crate::sip::{Failure, FailureKind};

/// The reason for a call that was never answered.
///
/// A bare 480 says "temporarily unavailable": after ringing that is a person who did not answer,
/// before it a phone that is off.
pub fn reason_of_failure(failure: &Failure, rang: bool) -> Reason {
    match failure.kind {
        FailureKind::Canceled => Reason::Canceled,
        FailureKind::RingTimeout => Reason::NoAnswer,
        FailureKind::SetupTimeout | FailureKind::Transport => Reason::TrunkUnavailable,
        FailureKind::AuthRejected | FailureKind::UnsupportedAuth => Reason::TrunkAuthFailed,
        FailureKind::Status => {
            let by_cause = failure.cause.q850.and_then(reason_of_cause);
            let by_status = || match failure.status {
                Some(480) if rang => Some(Reason::NoAnswer),
                status => status.map(reason_of_status),
            };
            by_cause.or_else(by_status).unwrap_or(Reason::TrunkUnavailable)
        }
    }
}

/// The reason a Q.850 cause value stands for, or `None` where the status knows better.
pub const fn reason_of_cause(cause: u8) -> Option<Reason> {
    Some(match cause {
        1..=3 | 28 => Reason::InvalidNumber,
        17 => Reason::Busy,
        18 | 19 => Reason::NoAnswer,
        20 | 27 => Reason::Unreachable,
        21 => Reason::Declined,
        22 | 23 => Reason::NumberChanged,
        25 => Reason::RoutingLoop,
        34 | 38 | 41 | 42 | 44 | 47 | 102 | 127 => Reason::TrunkUnavailable,
        52 | 54 | 55 | 57 => Reason::DestinationBarred,
        58 | 65 | 79 | 88 => Reason::MediaIncompatible,
        _ => return None,
    })
}

/// The reason a final SIP status of 300 and above stands for.
pub const fn reason_of_status(status: u16) -> Reason {
    match status {
        301 | 410 => Reason::NumberChanged,
        300..=399 => Reason::RedirectRefused,
        401 | 407 => Reason::TrunkAuthFailed,
        403 => Reason::DestinationBarred,
        404 | 484 | 485 | 604 => Reason::InvalidNumber,
        408 | 480 => Reason::Unreachable,
        415 | 488 | 606 => Reason::MediaIncompatible,
        428 | 433 | 436..=438 => Reason::CallerIdRejected,
        482 | 483 => Reason::RoutingLoop,
        486 | 600 => Reason::Busy,
        487 => Reason::NoAnswer,
        603 => Reason::Declined,
        607 | 608 => Reason::BlockedAsUnwanted,
        600..=699 => Reason::Declined,
        _ => Reason::TrunkUnavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Cause;

    fn failure(status: u16, q850: Option<u8>) -> Failure {
        Failure {
            kind: FailureKind::Status,
            status: Some(status),
            cause: Cause { q850, text: None },
            warning: None,
            retry_after: None,
        }
    }

    #[test]
    fn every_status_of_the_table_has_its_reason() {
        let table = [
            (486, Reason::Busy),
            (600, Reason::Busy),
            (408, Reason::Unreachable),
            (603, Reason::Declined),
            (607, Reason::BlockedAsUnwanted),
            (608, Reason::BlockedAsUnwanted),
            (404, Reason::InvalidNumber),
            (484, Reason::InvalidNumber),
            (485, Reason::InvalidNumber),
            (604, Reason::InvalidNumber),
            (410, Reason::NumberChanged),
            (301, Reason::NumberChanged),
            (302, Reason::RedirectRefused),
            (305, Reason::RedirectRefused),
            (403, Reason::DestinationBarred),
            (428, Reason::CallerIdRejected),
            (433, Reason::CallerIdRejected),
            (436, Reason::CallerIdRejected),
            (437, Reason::CallerIdRejected),
            (438, Reason::CallerIdRejected),
            (401, Reason::TrunkAuthFailed),
            (407, Reason::TrunkAuthFailed),
            (488, Reason::MediaIncompatible),
            (606, Reason::MediaIncompatible),
            (415, Reason::MediaIncompatible),
            (500, Reason::TrunkUnavailable),
            (502, Reason::TrunkUnavailable),
            (503, Reason::TrunkUnavailable),
            (504, Reason::TrunkUnavailable),
            (513, Reason::TrunkUnavailable),
            (482, Reason::RoutingLoop),
            (483, Reason::RoutingLoop),
            (699, Reason::Declined),
            (499, Reason::TrunkUnavailable),
        ];
        for (status, reason) in table {
            assert_eq!(reason_of_failure(&failure(status, None), false), reason, "{status}");
        }
    }

    #[test]
    fn a_q850_cause_wins_over_the_status_it_comes_with() {
        assert_eq!(reason_of_failure(&failure(480, Some(17)), true), Reason::Busy);
        assert_eq!(reason_of_failure(&failure(503, Some(1)), false), Reason::InvalidNumber);
        let normal_clearing = failure(603, Some(16));
        assert_eq!(
            reason_of_failure(&normal_clearing, false),
            Reason::Declined,
            "16 tells nothing"
        );
    }

    #[test]
    fn a_bare_480_after_ringing_is_nobody_answering() {
        assert_eq!(reason_of_failure(&failure(480, None), true), Reason::NoAnswer);
        assert_eq!(reason_of_failure(&failure(480, None), false), Reason::Unreachable);
    }

    #[test]
    fn what_never_reached_a_phone_is_the_trunks_fault() {
        let of = |kind| reason_of_failure(&Failure { kind, ..failure(0, None) }, false);
        assert_eq!(of(FailureKind::SetupTimeout), Reason::TrunkUnavailable);
        assert_eq!(of(FailureKind::Transport), Reason::TrunkUnavailable);
        assert_eq!(of(FailureKind::AuthRejected), Reason::TrunkAuthFailed);
        assert_eq!(of(FailureKind::RingTimeout), Reason::NoAnswer);
        assert_eq!(of(FailureKind::Canceled), Reason::Canceled);
    }
}
