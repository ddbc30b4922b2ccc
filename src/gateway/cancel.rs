//! Take a verification back, whatever its call is doing.

use super::act::Actor;
use super::error::CancelError;
use super::idempotency::Remember;
use super::{Caller, Gateway, VerificationView, view};
use crate::entropy::Entropy;
use crate::id::VerificationId;
use crate::time::UnixMillis;
use crate::verify::verification::Status;

impl Gateway {
    /// Cancels a pending verification: its code is void, a waiting call is dropped, and one that is
    /// up is ended. Canceling twice is once.
    ///
    /// # Errors
    /// [`CancelError`]: nothing was canceled.
    pub async fn cancel(
        &self,
        now: UnixMillis,
        entropy: &mut Entropy,
        caller: &Caller,
        id: VerificationId,
        remember: Option<&Remember<VerificationView>>,
    ) -> Result<VerificationView, CancelError> {
        let mut act = self.act(now, entropy, Actor::Key(caller.key)).await?;
        let found = act.tx.verification(&caller.service, id).await?;
        let found = found.ok_or(CancelError::NotFound)?;
        let call_up = match view::status_at(&found, now) {
            Status::Pending => act.end(&found, Status::Canceled).await?,
            Status::Canceled => None,
            other => return Err(CancelError::NotPending(other)),
        };
        let seen = self.view(&mut act.tx, now, caller, id).await?;
        let seen = seen.expect("it was read in this transaction");
        act.remember(&self.0.keys, remember, &seen).await?;
        act.commit().await?;
        if let Some(attempt) = call_up {
            self.0.calls.cancel(attempt);
        }
        Ok(seen)
    }
}
