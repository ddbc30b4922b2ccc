//! Judge a code a person typed: count the check, compare in constant time, consume once.
//!
//! All three happen in one transaction that holds the write lock (or the row, on PostgreSQL) from
//! the counting on, so that no interleaving of checks counts fewer or approves twice.

use super::act::Actor;
use super::error::{ActError, CheckError};
use super::idempotency::Remember;
use super::{Caller, CheckView, Gateway, view};
use crate::entropy::Entropy;
use crate::id::VerificationId;
use crate::secret::Digits;
use crate::time::UnixMillis;
use crate::verify::event::EventKind;
use crate::verify::verification::Status;
use serde_json::json;

impl Gateway {
    /// Judges `typed`. Right and wrong are both an outcome.
    ///
    /// # Errors
    /// [`CheckError`]: the check was not judged and did not count.
    pub async fn check(
        &self,
        now: UnixMillis,
        entropy: &mut Entropy,
        caller: &Caller,
        id: VerificationId,
        typed: &str,
        remember: Option<&Remember<CheckView>>,
    ) -> Result<CheckView, CheckError> {
        let typed = Digits::parse(typed).map_err(|_| CheckError::NotACode)?;
        let mut act = self.act(now, entropy, Actor::Key(caller.key)).await?;
        let Some(counted) = act.tx.count_check(&caller.service, id, now).await? else {
            let other = act.tx.verification(&caller.service, id).await?;
            let other = other.ok_or(CheckError::NotFound)?;
            return Err(CheckError::NotPending(view::status_at(&other, now)));
        };
        let fits = match &counted.code {
            Some(code) => self
                .0
                .keys
                .code_matches(code, counted.code_context(), &typed)
                .map_err(ActError::from)?,
            None => false,
        };
        let valid = match &counted.code {
            Some(code) if fits => act.tx.consume_code(id, code, now).await?,
            _ => false,
        };
        let checks_remaining = counted.checks_remaining();
        let mut call_up = None;
        let status = if valid {
            // The call that read the code may say goodbye.
            act.ended(&counted, Status::Approved).await?;
            Status::Approved
        } else {
            let data = json!({ "checks_remaining": checks_remaining });
            act.tell(&counted, None, EventKind::VerificationCheckFailed, data.clone()).await?;
            act.audit(&counted.service, "verification.check_failed", &id, data).await?;
            if checks_remaining > 0 {
                Status::Pending
            } else {
                call_up = act.end(&counted, Status::MaxAttemptsReached).await?;
                Status::MaxAttemptsReached
            }
        };
        let outcome = CheckView { valid, status, checks_remaining };
        act.remember(&self.0.keys, remember, &outcome).await?;
        act.commit().await?;
        if let Some(attempt) = call_up {
            self.0.calls.cancel(attempt);
        }
        Ok(outcome)
    }
}
