//! Take the calls that are due: draw each code, choose the trunk, and hand the orders over.
//!
//! A call is taken under a lease that its gateway renews while it lives; the lease of one that dies
//! runs out, and `sweep` settles its calls as interrupted. The code exists in the returned orders
//! only: what is stored is its MAC.

use super::Gateway;
use super::act::{Act, Actor};
use super::error::ActError;
use crate::call::{CallOrder, ScriptPolicy};
use crate::entropy::Entropy;
use crate::reason::Reason;
use crate::secret::{Digits, Redacted};
use crate::time::{Duration, UnixMillis};
use crate::verify::attempt::{Attempt, AttemptState, Origin, Receipt};
use crate::verify::event::EventKind;
use crate::verify::limits::may_start_call;
use crate::verify::next::blames_trunk;
use crate::verify::verification::{Status, Verification};
use serde_json::json;

/// How long a gateway that gives no sign of life keeps its calls.
pub const LEASE: Duration = Duration::from_secs(60);

impl Gateway {
    /// Takes at most `capacity` calls that are due, for this run of this gateway, `node`.
    ///
    /// A call that could not read its code in time, or whose verification is over, is settled
    /// instead.
    ///
    /// # Errors
    /// [`ActError`]: no call was taken.
    pub async fn dispatch(
        &self,
        now: UnixMillis,
        entropy: &mut Entropy,
        node: &str,
        capacity: u32,
    ) -> Result<Vec<CallOrder>, ActError> {
        let due = self.next_due().await?.is_some_and(|due| due <= now);
        if !due || capacity == 0 {
            return Ok(Vec::new());
        }
        let mut act = self.act(now, entropy, Actor::Gateway).await?;
        let mut orders = Vec::new();
        for attempt in act.tx.claim_attempts(node, now, now.plus(LEASE), capacity).await? {
            orders.extend(self.order(&mut act, &attempt).await?);
        }
        act.commit().await?;
        Ok(orders)
    }

    /// When the next waiting call is due, however far away: dispatch again then.
    ///
    /// # Errors
    /// [`ActError`]: it cannot be told now.
    pub async fn next_due(&self) -> Result<Option<UnixMillis>, ActError> {
        Ok(self.0.store.read().await?.next_due().await?)
    }

    /// Renews the lease of every call `node` holds. Due several times within [`LEASE`].
    ///
    /// # Errors
    /// [`ActError`]: the leases run out if that goes on.
    pub async fn renew_leases(&self, now: UnixMillis, node: &str) -> Result<u64, ActError> {
        let mut tx = self.0.store.write().await?;
        let renewed = tx.renew_leases(node, now.plus(LEASE)).await?;
        tx.commit().await?;
        Ok(renewed)
    }

    /// Makes the order of one claimed attempt, or settles it if it cannot be placed.
    async fn order(
        &self,
        act: &mut Act<'_>,
        attempt: &Attempt,
    ) -> Result<Option<CallOrder>, ActError> {
        let Some(verification) = act.tx.any_verification(attempt.verification).await? else {
            return Ok(None);
        };
        let unplaced = Receipt::of_lost_call(AttemptState::Queued);
        let reason = match verification.status {
            Status::Pending if may_start_call(&verification, act.now) => None,
            Status::Pending => Some(Reason::Expired),
            _ => Some(Reason::Canceled),
        };
        if let Some(reason) = reason {
            self.conclude(act, attempt, reason, &unplaced, None).await?;
            return Ok(None);
        }
        let placeable = self.placeable(&verification);
        let (service, to) = match placeable {
            Ok(both) => both,
            Err(error) => {
                // It would fail in the same way each time, and must not hold up the calls behind
                // it.
                tracing::error!(
                    error = %error,
                    verification.id = %verification.id,
                    "A call can never be placed; its verification fails."
                );
                act.end_attempt(&verification, attempt, Reason::Interrupted, &unplaced).await?;
                act.end(&verification, Status::Failed).await?;
                return Ok(None);
            }
        };
        let code = Digits::draw(usize::from(verification.code_length), act.entropy);
        let mac = self.0.keys.code_mac(verification.code_context(), &code);
        let stored = act.tx.store_code(verification.id, &mac).await?;
        assert!(stored, "the verification is pending in this transaction");
        let earlier = act.tx.attempts(verification.id).await?;
        let trunk = choose_trunk(&service.trunks, attempt, &earlier).to_owned();
        act.tx.set_trunk(attempt.id, &trunk).await?;
        let data = json!({ "send": attempt.send });
        act.tell(&verification, Some(attempt.id), EventKind::CallDialing, data).await?;
        let detail = json!({ "trunk": trunk, "before": "queued", "after": "dialing" });
        act.audit(&verification.service, "attempt.dial", &attempt.id, detail).await?;
        Ok(Some(CallOrder {
            attempt: attempt.id,
            trunk,
            to: to.number,
            extension: to.extension.map(|digits| Redacted::new(digits.expose().to_owned())),
            code,
            locale: verification.locale_used,
            script: ScriptPolicy {
                human_check_digits: verification.human_check_digits,
                readings: service.policy.readings(),
                ring_timeout: service.policy.ring_timeout(),
                ..service.script.clone()
            },
        }))
    }

    fn placeable(
        &self,
        verification: &Verification,
    ) -> Result<(&super::Service, crate::verify::destination::Destination), ActError> {
        let service = self.service(&verification.service)?;
        let sealed = verification.destination.as_ref().ok_or(ActError::NoNumber)?;
        Ok((service, self.0.keys.unseal(sealed, verification.id)?))
    }
}

/// The trunk for `attempt`: the first one that was asked least in this send. A redial leaves the
/// trunk that failed it for last.
fn choose_trunk<'a>(trunks: &'a [String], attempt: &Attempt, all: &[Attempt]) -> &'a str {
    let asked = |trunk: &String| {
        let carried = |other: &&Attempt| other.trunk.as_ref() == Some(trunk);
        all.iter().filter(|other| other.send == attempt.send).filter(carried).count()
    };
    let failed = all
        .iter()
        .rfind(|other| attempt.origin == Origin::Redial && other.ordinal + 1 == attempt.ordinal)
        .filter(|before| before.reason.is_some_and(blames_trunk))
        .and_then(|before| before.trunk.as_ref());
    trunks
        .iter()
        .min_by_key(|trunk| (asked(trunk), failed == Some(trunk)))
        .expect("a service has at least one trunk")
}
