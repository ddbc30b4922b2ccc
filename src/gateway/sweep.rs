//! What time does by itself: expire, take over the calls of dead gateways, forget.

use super::Gateway;
use super::act::Actor;
use super::error::ActError;
use crate::entropy::Entropy;
use crate::reason::Reason;
use crate::time::{Duration, UnixMillis};
use crate::verify::attempt::Receipt;
use crate::verify::verification::{Status, Verification};

/// How long numbers, entities and metadata are kept after a verification ended.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The most rows of a kind one sweep changes, so that no sweep holds up the other writers for long.
const BATCH: u32 = 200;

/// How much a sweep did. If any count is its most, there may be more to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Verifications whose time was over.
    pub expired: usize,
    /// Calls whose gateway gave no sign of life.
    pub interrupted: usize,
    /// Remembered answers that were forgotten.
    pub forgotten: u64,
    /// Verifications that lost number, entity and metadata.
    pub pseudonymised: u64,
}

impl Gateway {
    /// Does what is due; to be repeated every second or so.
    ///
    /// # Errors
    /// [`ActError`]: nothing was done; the next sweep does it.
    pub async fn sweep(&self, now: UnixMillis, entropy: &mut Entropy) -> Result<Swept, ActError> {
        let mut act = self.act(now, entropy, Actor::Gateway).await?;
        let expired = act.tx.expire_verifications(now, BATCH).await?;
        for after in &expired {
            // The row is as it is now; the audit tells what it was.
            let before = Verification { status: Status::Pending, ..after.clone() };
            act.ended(&before, Status::Expired).await?;
        }
        let lapsed = act.tx.lapsed_attempts(now, BATCH).await?;
        for attempt in &lapsed {
            let receipt = Receipt::of_lost_call(attempt.state);
            self.conclude(&mut act, attempt, Reason::Interrupted, &receipt, None).await?;
        }
        let forgotten = act.tx.sweep_idempotent(now, BATCH).await?;
        let before = now.minus(RETENTION);
        let pseudonymised = act.tx.pseudonymise_verifications(before, BATCH).await?;
        act.commit().await?;
        if !lapsed.is_empty() {
            self.0.calls.wake();
        }
        let (expired, interrupted) = (expired.len(), lapsed.len());
        Ok(Swept { expired, interrupted, forgotten, pseudonymised })
    }
}
