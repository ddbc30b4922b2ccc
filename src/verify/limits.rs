//! When a further call may be placed for a verification.
//!
//! Limits across verifications (by number, entity, address, prefix, service) are left out.

use super::next::wait_after;
use super::policy::ServicePolicy;
use super::verification::{Status, Verification};
use crate::reason::Reason;
use crate::time::{Duration, UnixMillis};

/// What a call needs from the INVITE to the end of its first reading. A call that cannot start this
/// long before its verification expires is not placed: the code would be heard and be void.
pub const FIRST_READING_NEEDS: Duration = Duration::from_secs(30);

/// Why no further call may be placed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// The verification is over.
    #[error("the verification is no longer pending")]
    NotPending,
    /// A call for it is waiting or up.
    #[error("a call is already on its way")]
    CallInProgress,
    /// All its calls are used.
    #[error("no call is left for this verification")]
    MaxSends,
    /// The wait since the last call is not over.
    #[error("the next call may be asked for in {} s", retry_after.as_secs())]
    TooSoon {
        /// How long is left.
        retry_after: Duration,
    },
    /// Too little time is left to hear a code.
    #[error("the verification expires before a further call could read a code")]
    TooLate,
}

/// Judges a wish for a further call at `now`; `call_up` says whether an attempt has not ended.
///
/// # Errors
/// Why not; [`SendRefusal::TooSoon`] says when.
pub fn may_send(
    verification: &Verification,
    call_up: bool,
    now: UnixMillis,
) -> Result<(), SendRefusal> {
    if verification.status != Status::Pending || verification.is_expired(now) {
        return Err(SendRefusal::NotPending);
    }
    if call_up {
        return Err(SendRefusal::CallInProgress);
    }
    if verification.sends_remaining() == 0 {
        return Err(SendRefusal::MaxSends);
    }
    match verification.resend_after {
        Some(from) if now < from => Err(SendRefusal::TooSoon { retry_after: from.since(now) }),
        _ if !may_start_call(verification, now) => Err(SendRefusal::TooLate),
        _ => Ok(()),
    }
}

/// Whether a call that starts at `now` can still read the code in time.
pub fn may_start_call(verification: &Verification, now: UnixMillis) -> bool {
    now.plus(FIRST_READING_NEEDS) <= verification.expires_at
}

/// From when the next call may be asked for, after one that ended at `ended_at` for `reason`.
pub fn resend_after(
    policy: &ServicePolicy,
    sends_used: u32,
    reason: Reason,
    ended_at: UnixMillis,
) -> UnixMillis {
    ended_at.plus(policy.resend_wait(sends_used).max(wait_after(reason)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Entropy;
    use crate::id::VerificationId;
    use crate::verify::policy::PolicySettings;
    use crate::verify::verification::Channel;
    use std::collections::BTreeMap;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn pending() -> Verification {
        Verification {
            id: VerificationId::new(NOW, &mut Entropy::from_seed(1)),
            service: "panel".to_owned(),
            entity: None,
            purpose: "login".parse().expect("purpose"),
            channel: Channel::Call,
            status: Status::Pending,
            destination: None,
            masked: "+32 2 ••".to_owned(),
            line: "landline".to_owned(),
            locale: "en".to_owned(),
            locale_used: "en".to_owned(),
            code_length: 6,
            human_check_digits: 1,
            code: None,
            checks_used: 0,
            checks_max: 5,
            sends_used: 1,
            sends_max: 5,
            metadata: BTreeMap::new(),
            created_at: NOW,
            expires_at: NOW.plus(Duration::from_secs(300)),
            resend_after: None,
            ended_at: None,
        }
    }

    #[test]
    fn a_call_may_follow_when_the_wait_is_over_to_the_millisecond() {
        let from = NOW.plus(Duration::from_secs(30));
        let waiting = Verification { resend_after: Some(from), ..pending() };
        let early = SendRefusal::TooSoon { retry_after: Duration::from_millis(1) };
        assert_eq!(may_send(&waiting, false, UnixMillis(from.0 - 1)), Err(early));
        assert_eq!(may_send(&waiting, false, from), Ok(()));
    }

    #[test]
    fn the_last_call_is_the_one_before_the_limit() {
        let used = |sends_used| may_send(&Verification { sends_used, ..pending() }, false, NOW);
        assert_eq!(used(4), Ok(()));
        assert_eq!(used(5), Err(SendRefusal::MaxSends));
        assert_eq!(used(6), Err(SendRefusal::MaxSends));
    }

    #[test]
    fn no_call_starts_too_late_to_be_heard() {
        let verification = pending();
        let last = verification.expires_at.minus(FIRST_READING_NEEDS);
        assert_eq!(may_send(&verification, false, last), Ok(()));
        let late = UnixMillis(last.0 + 1);
        assert_eq!(may_send(&verification, false, late), Err(SendRefusal::TooLate));
        let expired = may_send(&verification, false, verification.expires_at);
        assert_eq!(expired, Err(SendRefusal::NotPending));
    }

    #[test]
    fn one_call_at_a_time_and_none_once_it_is_over() {
        assert_eq!(may_send(&pending(), true, NOW), Err(SendRefusal::CallInProgress));
        for &status in Status::ALL.iter().filter(|status| status.is_final()) {
            let over = Verification { status, ..pending() };
            assert_eq!(may_send(&over, false, NOW), Err(SendRefusal::NotPending));
        }
    }

    #[test]
    fn the_wait_counts_from_the_end_of_the_call_and_is_longer_after_a_voicemail() {
        let policy = ServicePolicy::new(PolicySettings::default()).expect("defaults");
        let wait = |sends, reason| resend_after(&policy, sends, reason, NOW).since(NOW).as_secs();
        assert_eq!(wait(1, Reason::NoAnswer), 30);
        assert_eq!(wait(2, Reason::NoAnswer), 60);
        assert_eq!(wait(1, Reason::NoHuman), 120);
        assert_eq!(wait(4, Reason::NoHuman), 300);
    }
}
