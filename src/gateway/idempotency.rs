//! The same request sent twice is carried out once, and answered alike for a day.
//!
//! A request is claimed before its act; the act keeps its answer, sealed, in its own transaction,
//! so that a gateway that dies in between has either done both or neither. A refused act did
//! nothing: its claim is given back and the key is free.

use super::error::ActError;
use super::{Caller, Gateway, Scope};
use crate::store::{self, IdempotentRequest};
use crate::time::{Duration, UnixMillis};
use std::fmt;
use std::str::FromStr;

/// The most characters of a key.
const KEY_CHARS_MAX: usize = 255;
/// How long an answer is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a claim holds; longer than any act takes.
const LEASE: Duration = Duration::from_secs(60);

/// The name a caller gave its request.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// Text that is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to {KEY_CHARS_MAX} printable ASCII characters")]
pub struct ParseIdempotencyKeyError;

impl FromStr for IdempotencyKey {
    type Err = ParseIdempotencyKeyError;
    fn from_str(text: &str) -> Result<Self, ParseIdempotencyKeyError> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if printable && (1..=KEY_CHARS_MAX).contains(&text.len()) {
            Ok(IdempotencyKey(text.to_owned()))
        } else {
            Err(ParseIdempotencyKeyError)
        }
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey")
    }
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// The right to carry out a request, until it is answered or given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    service: String,
    key: IdempotencyKey,
    fingerprint: String,
    pub(super) lease_until: UnixMillis,
}

impl Claim {
    pub(super) fn request(&self) -> IdempotentRequest<'_> {
        IdempotentRequest {
            service: &self.service,
            key: &self.key.0,
            fingerprint: &self.fingerprint,
        }
    }

    /// What a sealed answer is bound to.
    pub(super) fn row(&self) -> String {
        format!("{} {}", self.service, self.key.0)
    }
}

/// A claim, and how the act's outcome becomes the answer to keep.
#[derive(Debug, Clone)]
pub struct Remember<V> {
    /// The claim.
    pub claim: Claim,
    /// The answer to an outcome.
    pub render: fn(&V) -> StoredAnswer,
}

/// What is known of a request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is the first: carry it out.
    New(Claim),
    /// It was carried out; this was the answer.
    Answered(StoredAnswer),
    /// It is being carried out.
    Running,
    /// The key belongs to another request.
    OtherRequest,
}

impl Gateway {
    /// Claims a request (its method, path and body) for `key`.
    ///
    /// Keys that may see full numbers get other answers than those that may not, so to them the
    /// same bytes are another request.
    ///
    /// # Errors
    /// [`ActError`]: nothing was claimed.
    pub async fn begin_idempotent(
        &self,
        now: UnixMillis,
        caller: &Caller,
        key: &IdempotencyKey,
        request: [&[u8]; 3],
    ) -> Result<Begun, ActError> {
        let sees: &[u8] = if caller.may(Scope::PiiRead) { b"full" } else { b"masked" };
        let [method, path, body] = request;
        let claim = Claim {
            service: caller.service.clone(),
            key: key.clone(),
            fingerprint: self.0.keys.request_fingerprint(&[sees, method, path, body]),
            lease_until: now.plus(LEASE),
        };
        let mut tx = self.0.store.write().await?;
        let expires_at = now.plus(REMEMBERED);
        let until = claim.lease_until;
        let begun = tx.begin_idempotent(claim.request(), now, until, expires_at).await?;
        tx.commit().await?;
        Ok(match begun {
            store::Begun::Fresh => Begun::New(claim),
            store::Begun::InProgress => Begun::Running,
            store::Begun::Mismatch => Begun::OtherRequest,
            store::Begun::Replay { status, body } => {
                let body = self.0.keys.open_answer(&claim.row(), &body)?;
                Begun::Answered(StoredAnswer { status, body })
            }
        })
    }

    /// Gives a claim back whose act was refused.
    ///
    /// # Errors
    /// [`ActError`]: the claim lapses by itself.
    pub async fn abandon_idempotent(&self, claim: &Claim) -> Result<(), ActError> {
        let mut tx = self.0.store.write().await?;
        tx.forget_idempotent(claim.request(), claim.lease_until).await?;
        Ok(tx.commit().await?)
    }
}
