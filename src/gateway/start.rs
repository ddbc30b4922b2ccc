//! Start a verification; for a pending one of the same service, purpose and phone, call again.

use super::act::{Act, Actor};
use super::error::{ActError, StartError};
use super::idempotency::Remember;
use super::service::Service;
use super::wish::{StartRequest, Wish};
use super::{Caller, Gateway, VerificationView, view};
use crate::entropy::Entropy;
use crate::id::VerificationId;
use crate::store::NewVerification;
use crate::time::UnixMillis;
use crate::verify::attempt::{AttemptState, Origin};
use crate::verify::event::EventKind;
use crate::verify::limits::{SendRefusal, may_send};
use crate::verify::sealed::BlindIndex;
use crate::verify::verification::{Channel, Status, Verification};
use serde_json::json;

/// What starting came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The verification.
    pub verification: VerificationView,
    /// Whether it is new; else a pending one gets a further call.
    pub created: bool,
}

impl Gateway {
    /// Starts a verification and queues its first call, or queues a further call for the one that
    /// is pending.
    ///
    /// # Errors
    /// [`StartError`]: nothing was started, and no call will be placed.
    pub async fn start(
        &self,
        now: UnixMillis,
        entropy: &mut Entropy,
        caller: &Caller,
        request: StartRequest,
        remember: Option<&Remember<Started>>,
    ) -> Result<Started, StartError> {
        let service = self.service(&caller.service)?;
        let wish = Wish::of(service, request)?;
        let phone = self.0.keys.destination_index(&wish.to);
        let mut act = self.act(now, entropy, Actor::Key(caller.key)).await?;
        let pending = act.tx.pending_verification(&caller.service, &wish.purpose, &phone).await?;
        let pending = match pending {
            Some(old) if old.is_expired(now) => {
                act.end(&old, Status::Expired).await?;
                None
            }
            other => other,
        };
        let created = pending.is_none();
        let id = match pending {
            Some(pending) => resend(&mut act, &pending).await?,
            None => self.create(&mut act, service, caller, wish, phone).await?,
        };
        let verification = self.view(&mut act.tx, now, caller, id).await?;
        let started = Started {
            verification: verification.expect("it was written in this transaction"),
            created,
        };
        act.remember(&self.0.keys, remember, &started).await?;
        act.commit().await?;
        self.0.calls.wake();
        Ok(started)
    }

    async fn create(
        &self,
        act: &mut Act<'_>,
        service: &Service,
        caller: &Caller,
        wish: Wish,
        phone: BlindIndex,
    ) -> Result<VerificationId, ActError> {
        let (policy, now) = (&service.policy, act.now);
        let id = VerificationId::new(now, act.entropy);
        let verification = Verification {
            id,
            service: caller.service.clone(),
            purpose: wish.purpose.clone(),
            channel: Channel::Call,
            status: Status::Pending,
            destination: Some(self.0.keys.seal(&wish.to, id, act.entropy)),
            masked: wish.masked(),
            line: wish.to.number.line().as_str().to_owned(),
            locale: wish.locale,
            locale_used: wish.locale_used,
            code_length: policy.code_length(),
            human_check_digits: policy.human_check_digits(),
            code: None,
            checks_used: 0,
            checks_max: policy.checks_max(),
            sends_used: 1,
            sends_max: policy.sends_max(),
            entity: wish.entity,
            metadata: wish.metadata,
            created_at: now,
            expires_at: now.plus(policy.ttl()),
            resend_after: None,
            ended_at: None,
        };
        let new = NewVerification {
            number_index: self.0.keys.number_index(&wish.to.number),
            destination_index: phone,
            verification,
        };
        let inserted = act.tx.insert_verification(&new).await?;
        assert!(inserted, "none was pending for this phone in this transaction");
        let attempt = act.queue(id, 1, Origin::Request, now).await?;
        let verification = &new.verification;
        let status = json!({ "status": verification.status });
        act.tell(verification, None, EventKind::VerificationCreated, status).await?;
        let detail = json!({ "attempt": attempt, "purpose": verification.purpose });
        act.audit(&verification.service, "verification.start", &id, detail).await?;
        Ok(id)
    }
}

/// Queues a further call, and voids the code of the one before at once.
async fn resend(act: &mut Act<'_>, pending: &Verification) -> Result<VerificationId, StartError> {
    let last = act.tx.last_attempt(pending.id).await?;
    let call_up = last.is_some_and(|last| last.state != AttemptState::Ended);
    let left = pending.expires_at.since(act.now);
    may_send(pending, call_up, act.now).map_err(|refusal| match refusal {
        // An expired one was ended before; what is pending and in time is pending.
        SendRefusal::NotPending | SendRefusal::TooLate => StartError::TooLate { retry_after: left },
        SendRefusal::CallInProgress => StartError::CallInProgress,
        SendRefusal::MaxSends => StartError::MaxSends { retry_after: left },
        SendRefusal::TooSoon { retry_after } => StartError::TooSoon { retry_after },
    })?;
    let send = act.tx.count_send(pending.id).await?;
    let send = send.ok_or(StartError::MaxSends { retry_after: left })?;
    let attempt = act.queue(pending.id, send, Origin::Request, act.now).await?;
    let detail = json!({ "attempt": attempt, "send": send });
    act.audit(&pending.service, "verification.resend", &pending.id, detail).await?;
    Ok(pending.id)
}

impl Gateway {
    /// What `caller` sees of one verification; `None` if it is not its service's.
    pub(super) async fn view(
        &self,
        tx: &mut crate::store::Tx,
        now: UnixMillis,
        caller: &Caller,
        id: VerificationId,
    ) -> Result<Option<VerificationView>, ActError> {
        let Some(verification) = tx.verification(&caller.service, id).await? else {
            return Ok(None);
        };
        let last = tx.last_attempt(id).await?;
        Ok(Some(view::verification(&self.0.keys, caller, now, verification, last.as_ref())?))
    }
}
