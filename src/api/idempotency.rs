//! `Idempotency-Key`: the same request sent twice is carried out once.
//!
//! A request that was carried out keeps its answer for a day. One that was refused did nothing, so
//! its key is free again at once, and a caller that waits and repeats it is not held to the
//! refusal.

use super::problem::{Code, Problem};
use crate::gateway::IdempotencyKey;
use axum::http::{HeaderMap, HeaderName};

/// The header that names the wish.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that marks a stored answer.
pub(super) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Reads the header, if it is there.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let detail = "`Idempotency-Key` must be one header of 1 to 255 printable ASCII characters.";
    let wrong = || Problem::invalid("Idempotency-Key", detail);
    if all.next().is_some() {
        return Err(wrong());
    }
    let text = value.to_str().map_err(|_| wrong())?;
    text.parse().map(Some).map_err(|_| wrong())
}

/// The key was used for another request.
pub(super) fn reused() -> Problem {
    let detail = "This `Idempotency-Key` was used for another request; take a new one.";
    Problem::new(Code::IdempotencyKeyReused, detail).about("Idempotency-Key")
}

/// The first request with the key has no answer yet.
pub(super) fn in_progress() -> Problem {
    let detail = "The first request with this `Idempotency-Key` has no answer yet; ask again.";
    Problem::new(Code::IdempotencyInProgress, detail)
        .about("Idempotency-Key")
        .retry_after(crate::time::Duration::from_secs(1))
}
