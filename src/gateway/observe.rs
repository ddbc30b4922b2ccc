//! Write how far a call has come.

use super::Gateway;
use super::act::Actor;
use super::error::ActError;
use crate::call::CallEventKind;
use crate::entropy::Entropy;
use crate::id::AttemptId;
use crate::store::Event;
use crate::time::UnixMillis;
use crate::verify::attempt::AttemptState;
use crate::verify::event::EventKind;
use crate::verify::verification::Status;
use serde_json::{Value, json};

const FORWARDED: EventKind = EventKind::CallForwarded;

impl Gateway {
    /// Takes one event of a call; the last one settles it.
    ///
    /// A call whose verification was taken back meanwhile is told to end, again and again, so that
    /// a cancellation that came before the call was placed is not lost.
    ///
    /// # Errors
    /// [`ActError`]: nothing was written. Progress may be lost; the end must be repeated.
    pub async fn observe(
        &self,
        now: UnixMillis,
        entropy: &mut Entropy,
        attempt: AttemptId,
        kind: &CallEventKind,
    ) -> Result<(), ActError> {
        let (state, event, data) = match kind {
            CallEventKind::Ended(receipt) => {
                return self.settle(now, entropy, attempt, receipt).await;
            }
            CallEventKind::Dialing => (None, None, Value::Null),
            CallEventKind::Proceeding => (Some(AttemptState::Proceeding), None, Value::Null),
            CallEventKind::EarlyMedia => (Some(AttemptState::EarlyMedia), None, Value::Null),
            CallEventKind::Ringing => {
                (Some(AttemptState::Ringing), Some(EventKind::CallRinging), json!({}))
            }
            CallEventKind::Forwarded => (None, Some(EventKind::CallForwarded), json!({})),
            CallEventKind::Answered => {
                (Some(AttemptState::Answered), Some(EventKind::CallAnswered), json!({}))
            }
            CallEventKind::HumanConfirmed => {
                (Some(AttemptState::HumanConfirmed), Some(EventKind::CallHumanConfirmed), json!({}))
            }
            CallEventKind::CodePlayed { readings } => {
                let data = json!({ "readings": readings });
                (Some(AttemptState::Playing), Some(EventKind::CallCodePlayed), data)
            }
        };
        let mut act = self.act(now, entropy, Actor::Gateway).await?;
        let Some(found) = act.tx.attempt(attempt).await? else { return Ok(()) };
        let verification = act.tx.any_verification(found.verification).await?;
        let held = !matches!(found.state, AttemptState::Queued | AttemptState::Ended);
        let Some(verification) = verification.filter(|_| held) else { return Ok(()) };
        let next = state.filter(|state| found.state.may_become(*state));
        if let Some(next) = next {
            act.tx.advance_attempt(attempt, found.state, next).await?;
        }
        let news = match kind {
            CallEventKind::CodePlayed { .. } => true,
            // A far end may repeat it at will.
            CallEventKind::Forwarded => {
                let told = act.tx.events(verification.id).await?;
                let same =
                    |event: &Event| (event.attempt, event.kind) == (Some(attempt), FORWARDED);
                !told.iter().any(same)
            }
            _ => next.is_some(),
        };
        if let Some(event) = event.filter(|_| news) {
            act.tell(&verification, Some(attempt), event, data).await?;
        }
        act.commit().await?;
        if matches!(verification.status, Status::Canceled | Status::MaxAttemptsReached) {
            self.0.calls.cancel(attempt);
        }
        Ok(())
    }
}
