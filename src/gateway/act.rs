//! One act in its transaction: the change, its audit entry and its events, or nothing at all.

use super::error::ActError;
use super::idempotency::Remember;
use super::{Gateway, StoredAnswer};
use crate::entropy::Entropy;
use crate::id::{AttemptId, AuditId, EventId, KeyId, VerificationId};
use crate::reason::Reason;
use crate::store::{AuditEntry, Event, IdempotentRequest, NewAttempt, StoreError, Tx};
use crate::time::UnixMillis;
use crate::verify::attempt::{Attempt, AttemptState, Origin, Receipt};
use crate::verify::event::EventKind;
use crate::verify::keys::SecretKeys;
use crate::verify::verification::{Status, Verification};
use serde_json::{Value, json};
use std::fmt;

/// Who acts, as the audit names it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Actor {
    /// The owner of an API key.
    Key(KeyId),
    /// The gateway itself.
    Gateway,
    /// The person at the terminal.
    Operator,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Key(id) => id.fmt(f),
            Actor::Gateway => f.write_str("gateway"),
            Actor::Operator => f.write_str("operator"),
        }
    }
}

/// An open transaction with everything an act needs to write in it.
pub(super) struct Act<'a> {
    pub(super) tx: Tx,
    pub(super) now: UnixMillis,
    pub(super) entropy: &'a mut Entropy,
    actor: Actor,
    last_event: Option<EventId>,
}

impl Gateway {
    /// Begins an act: on SQLite no other writes until it ends.
    pub(super) async fn act<'a>(
        &self,
        now: UnixMillis,
        entropy: &'a mut Entropy,
        actor: Actor,
    ) -> Result<Act<'a>, ActError> {
        let tx = self.0.store.write().await?;
        Ok(Act { tx, now, entropy, actor, last_event: None })
    }
}

impl Act<'_> {
    /// Makes it happen.
    pub(super) async fn commit(self) -> Result<(), ActError> {
        Ok(self.tx.commit().await?)
    }

    /// Notes who did what. `detail` holds no code, secret or number.
    pub(super) async fn audit(
        &mut self,
        service: &str,
        action: &str,
        subject: &(dyn fmt::Display + Sync),
        detail: Value,
    ) -> Result<(), StoreError> {
        let entry = AuditEntry {
            id: AuditId::new(self.now, self.entropy),
            service: Some(service.to_owned()),
            actor: self.actor.to_string(),
            action: action.to_owned(),
            subject: subject.to_string(),
            detail: detail.to_string(),
            created_at: self.now,
        };
        self.tx.append_audit(&entry).await
    }

    /// Puts an event into the outbox. `data` holds no code, key pressed or number.
    pub(super) async fn tell(
        &mut self,
        verification: &Verification,
        attempt: Option<AttemptId>,
        kind: EventKind,
        data: Value,
    ) -> Result<(), StoreError> {
        let drawn = EventId::new(self.now, self.entropy);
        // The events of one act happen in one millisecond, and are told in the order of their ids.
        let id = self.last_event.map_or(drawn, |last| drawn.max(last.successor()));
        self.last_event = Some(id);
        let event = Event {
            id,
            service: verification.service.clone(),
            verification: verification.id,
            attempt,
            kind,
            data: data.to_string(),
            created_at: self.now,
        };
        self.tx.insert_event(&event).await
    }

    /// Queues a call.
    ///
    /// # Panics
    /// If one is waiting or up: each caller has made sure of that in this transaction.
    pub(super) async fn queue(
        &mut self,
        verification: VerificationId,
        send: u32,
        origin: Origin,
        due_at: UnixMillis,
    ) -> Result<AttemptId, StoreError> {
        let id = AttemptId::new(self.now, self.entropy);
        let new = NewAttempt { id, verification, send, origin, created_at: self.now, due_at };
        let queued = self.tx.insert_attempt(&new).await?;
        assert!(queued.is_some(), "no call of this verification is waiting or up");
        Ok(id)
    }

    /// Ends a pending verification otherwise than by approval. Gives the call that is still up.
    pub(super) async fn end(
        &mut self,
        verification: &Verification,
        status: Status,
    ) -> Result<Option<AttemptId>, StoreError> {
        if !self.tx.end_verification(verification.id, status, self.now).await? {
            return Ok(None);
        }
        self.ended(verification, status).await
    }

    /// What goes with the end of a verification: its waiting call is dropped, its end is told and
    /// noted. Gives the call that is still up.
    pub(super) async fn ended(
        &mut self,
        verification: &Verification,
        status: Status,
    ) -> Result<Option<AttemptId>, StoreError> {
        let kind = match status {
            Status::Pending => return Ok(None),
            Status::Approved => EventKind::VerificationApproved,
            Status::Canceled => EventKind::VerificationCanceled,
            Status::Expired => EventKind::VerificationExpired,
            Status::MaxAttemptsReached => EventKind::VerificationMaxAttemptsReached,
            Status::Failed => EventKind::VerificationFailed,
            Status::FraudReported => EventKind::FraudReported,
        };
        self.tell(verification, None, kind, json!({ "status": status })).await?;
        let action = format!("verification.{}", status.as_str());
        let detail = json!({ "before": verification.status, "after": status });
        self.audit(&verification.service, &action, &verification.id, detail).await?;
        let reason = match status {
            Status::Expired => Reason::Expired,
            _ => Reason::Canceled,
        };
        match self.tx.last_attempt(verification.id).await? {
            Some(last) if last.state == AttemptState::Queued => {
                let receipt = Receipt::of_lost_call(AttemptState::Queued);
                self.end_attempt(verification, &last, reason, &receipt).await?;
                Ok(None)
            }
            Some(last) if last.state != AttemptState::Ended => Ok(Some(last.id)),
            _ => Ok(None),
        }
    }

    /// Ends a call; `false` if it had ended already.
    pub(super) async fn end_attempt(
        &mut self,
        verification: &Verification,
        attempt: &Attempt,
        reason: Reason,
        receipt: &Receipt,
    ) -> Result<bool, StoreError> {
        if !self.tx.end_attempt(attempt.id, reason, receipt, self.now).await? {
            return Ok(false);
        }
        let data = json!({
            "reason": reason,
            "rang": receipt.rang,
            "answered": receipt.answered,
            "forwarded": receipt.forwarded,
            "delivery": receipt.delivery,
            "readings": receipt.readings,
            "last_digit_index": receipt.last_digit_index,
            "audio_received": receipt.audio_received,
        });
        self.tell(verification, Some(attempt.id), EventKind::CallEnded, data).await?;
        let detail = json!({ "before": attempt.state, "after": "ended", "reason": reason });
        self.audit(&verification.service, "attempt.end", &attempt.id, detail).await?;
        Ok(true)
    }

    /// Keeps the answer of a request with an `Idempotency-Key` in the transaction that earns it.
    pub(super) async fn remember<V>(
        &mut self,
        keys: &SecretKeys,
        remember: Option<&Remember<V>>,
        outcome: &V,
    ) -> Result<(), ActError> {
        let Some(Remember { claim, render }) = remember else { return Ok(()) };
        let StoredAnswer { status, body } = render(outcome);
        let sealed = keys.seal_answer(&claim.row(), &body, self.entropy);
        let request: IdempotentRequest<'_> = claim.request();
        let until = claim.lease_until;
        if self.tx.complete_idempotent(request, until, status, &sealed).await? {
            Ok(())
        } else {
            Err(ActError::Superseded)
        }
    }
}
