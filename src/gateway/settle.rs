//! Write how a call ended and what follows, in one transaction.

use super::Gateway;
use super::act::{Act, Actor};
use super::error::ActError;
use crate::call;
use crate::entropy::Entropy;
use crate::id::AttemptId;
use crate::reason::Reason;
use crate::time::{Duration, UnixMillis};
use crate::verify::attempt::{Attempt, Delivery, Origin, Receipt};
use crate::verify::limits::resend_after;
use crate::verify::next::{EndedCall, Next, Situation, next};
use crate::verify::verification::{Status, Verification};

/// The most characters kept of what a far end said.
const DETAIL_CHARS_MAX: usize = 200;

impl Gateway {
    /// Settles a call that ended. Settling it twice is once; so is a call that was given up
    /// meanwhile.
    ///
    /// # Errors
    /// [`ActError`]: nothing was written; the caller repeats it, or the lease lapses.
    pub async fn settle(
        &self,
        now: UnixMillis,
        entropy: &mut Entropy,
        attempt: AttemptId,
        receipt: &call::Receipt,
    ) -> Result<(), ActError> {
        let mut act = self.act(now, entropy, Actor::Gateway).await?;
        let Some(attempt) = act.tx.attempt(attempt).await? else { return Ok(()) };
        let (reason, retry_after) = (receipt.reason, receipt.retry_after);
        self.conclude(&mut act, &attempt, reason, &kept(receipt), retry_after).await?;
        act.commit().await?;
        self.0.calls.wake();
        Ok(())
    }

    /// Ends `attempt` and decides what follows.
    pub(super) async fn conclude(
        &self,
        act: &mut Act<'_>,
        attempt: &Attempt,
        reason: Reason,
        receipt: &Receipt,
        retry_after: Option<Duration>,
    ) -> Result<(), ActError> {
        let Some(verification) = act.tx.any_verification(attempt.verification).await? else {
            return Ok(());
        };
        let ended = act.end_attempt(&verification, attempt, reason, receipt).await?;
        let over = verification.status != Status::Pending || verification.is_expired(act.now);
        if !ended || over {
            return Ok(());
        }
        let ended = EndedCall { reason, rang: receipt.rang, retry_after };
        self.follow(act, attempt, &verification, ended).await
    }

    async fn follow(
        &self,
        act: &mut Act<'_>,
        attempt: &Attempt,
        verification: &Verification,
        ended: EndedCall,
    ) -> Result<(), ActError> {
        let id = verification.id;
        let Ok(service) = self.service(&verification.service) else {
            act.end(verification, Status::Failed).await?;
            return Ok(());
        };
        let all = act.tx.attempts(id).await?;
        let count = |fits: &dyn Fn(&&Attempt) -> bool| {
            u32::try_from(all.iter().filter(fits).count()).unwrap_or(u32::MAX)
        };
        let situation = Situation {
            trunks: u32::try_from(service.trunks.len()).unwrap_or(u32::MAX),
            calls_in_send: count(&|other| other.send == attempt.send),
            redials: count(&|other| other.origin == Origin::Redial),
            sends_left: verification.sends_remaining(),
            time_left: verification.expires_at.since(act.now),
        };
        match next(ended, situation) {
            Next::StayPending => {
                let used = verification.sends_used;
                let from = resend_after(&service.policy, used, ended.reason, act.now);
                act.tx.set_resend_after(id, from).await?;
            }
            Next::Redial { after } => {
                let send = act.tx.count_send(id).await?;
                let send = send.expect("a redial is only decided while a send is left");
                act.queue(id, send, Origin::Redial, act.now.plus(after)).await?;
            }
            Next::Failover { after } => {
                let due_at = act.now.plus(after);
                act.queue(id, attempt.send, Origin::Failover, due_at).await?;
            }
            Next::Fail => drop(act.end(verification, Status::Failed).await?),
            Next::FraudReported => drop(act.end(verification, Status::FraudReported).await?),
        }
        Ok(())
    }
}

/// What is kept of a receipt.
fn kept(receipt: &call::Receipt) -> Receipt {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Receipt {
        rang: receipt.rang,
        answered: receipt.answered,
        forwarded: receipt.forwarded,
        human_confirmed: receipt.human_confirmed,
        delivery: match receipt.delivery {
            call::Delivery::None => Delivery::None,
            call::Delivery::Partial => Delivery::Partial,
            call::Delivery::Full => Delivery::Full,
        },
        readings: receipt.readings,
        last_digit_index: receipt.last_digit_index,
        audio_received: receipt.audio_received,
        keys_seen: receipt.keys_seen,
        sip_status: receipt.sip_status,
        q850_cause: receipt.q850_cause,
        detail: receipt.detail.as_deref().map(without_numbers),
        packets_sent: receipt.packets_sent.into(),
        packets_received: receipt.packets_received.into(),
        packets_lost: receipt.packets_lost.into(),
        setup_ms: millis(receipt.setup_time),
        talk_ms: millis(receipt.talk_time),
    }
}

/// Free text of a far end, short, printable, and without anything that may be a telephone number:
/// four or more digits, however they are set apart.
fn without_numbers(text: &str) -> String {
    let mut clean = String::new();
    let mut run = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_numeric() || (!run.is_empty() && " .-/()+".contains(letter)) {
            run.push(letter);
            continue;
        }
        if run.chars().filter(|letter| letter.is_numeric()).count() >= 4 {
            clean.push_str("•••");
        } else {
            clean.push_str(&run);
        }
        run.clear();
        if !letter.is_control() {
            clean.push(letter);
        }
    }
    clean.chars().take(DETAIL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_a_far_end_is_kept() {
        for (said, kept) in [
            ("370 pbx \"Insufficient bandwidth\"", "370 pbx \"Insufficient bandwidth\""),
            ("call to +3225805000 failed", "call to +•••failed"),
            ("+32 2 580 50 00 busy", "+•••busy"),
            ("32-2-580.50.00", "•••"),
            ("code 123456", "code •••"),
            ("٠١٢٣٤٥", "•••"),
            ("line\r\nbreak", "linebreak"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(said), kept, "{said}");
        }
        assert_eq!(without_numbers(&"a".repeat(500)).len(), DETAIL_CHARS_MAX);
    }
}
