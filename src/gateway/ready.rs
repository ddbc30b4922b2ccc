//! Whether the gateway can do its work now.

use super::Gateway;
use super::error::ActError;
use crate::time::{Duration, UnixMillis};

/// How long a good answer holds, so that anybody may ask without keeping the database busy.
const HOLDS: Duration = Duration::from_secs(1);

impl Gateway {
    /// Whether the database takes writes. Those who ask at the same time share one look.
    ///
    /// # Errors
    /// [`ActError`]: it does not.
    pub async fn ready(&self, now: UnixMillis) -> Result<(), ActError> {
        let mut good = self.0.ready_at.lock().await;
        if good.is_some_and(|at| now.since(at) < HOLDS && at <= now) {
            return Ok(());
        }
        *good = None;
        self.0.store.probe().await?;
        *good = Some(now);
        Ok(())
    }
}
