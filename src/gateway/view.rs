//! What a caller sees of a verification and its calls: plain values, already masked.

use super::caller::{Caller, Scope};
use crate::id::{AttemptId, VerificationId};
use crate::reason::Reason;
use crate::time::UnixMillis;
use crate::verify::attempt::{Attempt, AttemptState, Origin, Receipt};
use crate::verify::keys::SecretKeys;
use crate::verify::sealed::UnsealError;
use crate::verify::verification::{Channel, Purpose, Status, Verification};
use std::collections::BTreeMap;

/// A verification as its service sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationView {
    /// Its name.
    pub id: VerificationId,
    /// The service it belongs to.
    pub service: String,
    /// The number: masked, or in full for a key that may see it and while it is kept.
    pub to: String,
    /// The kind of line.
    pub line: String,
    /// How the code is delivered.
    pub channel: Channel,
    /// What it is for.
    pub purpose: Purpose,
    /// The service's opaque id of the person.
    pub entity: Option<String>,
    /// Where it is; one whose time is over is expired, whether that was written already or not.
    pub status: Status,
    /// Digits of the code.
    pub code_length: u8,
    /// The locale asked for.
    pub locale: String,
    /// The locale spoken.
    pub locale_used: String,
    /// Checks left.
    pub checks_remaining: u32,
    /// Calls left.
    pub sends_remaining: u32,
    /// From when a further call may be asked for; none while a call is up or none is left.
    pub resend_after: Option<UnixMillis>,
    /// When it was asked for.
    pub created_at: UnixMillis,
    /// From when it is expired.
    pub expires_at: UnixMillis,
    /// Its latest call.
    pub last_attempt: Option<AttemptSummary>,
    /// What the service stores with it.
    pub metadata: BTreeMap<String, String>,
}

/// The little of a call that is shown with its verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptSummary {
    /// Its name.
    pub id: AttemptId,
    /// How far it has come.
    pub state: AttemptState,
    /// How it ended.
    pub reason: Option<Reason>,
}

/// A call as its service sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Its name.
    pub id: AttemptId,
    /// The verification it is for.
    pub verification: VerificationId,
    /// How far it has come.
    pub state: AttemptState,
    /// How it ended.
    pub reason: Option<Reason>,
    /// Which send it belongs to, from 1.
    pub send: u32,
    /// What asked for it.
    pub origin: Origin,
    /// The trunk that carries it.
    pub trunk: Option<String>,
    /// When it was asked for.
    pub created_at: UnixMillis,
    /// From when it may be dialled.
    pub due_at: UnixMillis,
    /// When it was dialled.
    pub dialed_at: Option<UnixMillis>,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// What is known of it; all of it once it ended.
    pub receipt: Receipt,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckView {
    /// Whether it was the code.
    pub valid: bool,
    /// Where the verification is now.
    pub status: Status,
    /// Checks left.
    pub checks_remaining: u32,
}

/// The effective status: time passes whether or not it was written down.
pub(super) fn status_at(verification: &Verification, now: UnixMillis) -> Status {
    match verification.status {
        Status::Pending if verification.is_expired(now) => Status::Expired,
        status => status,
    }
}

/// What `caller` sees of `verification`.
pub(super) fn verification(
    keys: &SecretKeys,
    caller: &Caller,
    now: UnixMillis,
    verification: Verification,
    last: Option<&Attempt>,
) -> Result<VerificationView, UnsealError> {
    let status = status_at(&verification, now);
    let to = match &verification.destination {
        Some(sealed) if caller.may(Scope::PiiRead) => {
            let to = keys.unseal(sealed, verification.id)?;
            match &to.extension {
                None => to.number.expose().to_owned(),
                Some(extension) => format!("{};ext={}", to.number.expose(), extension.expose()),
            }
        }
        _ => verification.masked.clone(),
    };
    let may_resend = status == Status::Pending && verification.sends_remaining() > 0;
    Ok(VerificationView {
        id: verification.id,
        to,
        channel: verification.channel,
        status,
        code_length: verification.code_length,
        checks_remaining: verification.checks_remaining(),
        sends_remaining: verification.sends_remaining(),
        resend_after: verification.resend_after.filter(|_| may_resend),
        created_at: verification.created_at,
        expires_at: verification.expires_at,
        last_attempt: last.map(|attempt| AttemptSummary {
            id: attempt.id,
            state: attempt.state,
            reason: attempt.reason,
        }),
        service: verification.service,
        line: verification.line,
        purpose: verification.purpose,
        entity: verification.entity,
        locale: verification.locale,
        locale_used: verification.locale_used,
        metadata: verification.metadata,
    })
}

/// What a caller sees of `attempt`.
pub(super) fn attempt(attempt: Attempt) -> AttemptView {
    AttemptView {
        id: attempt.id,
        verification: attempt.verification,
        state: attempt.state,
        reason: attempt.reason,
        send: attempt.send,
        origin: attempt.origin,
        trunk: attempt.trunk,
        created_at: attempt.created_at,
        due_at: attempt.due_at,
        dialed_at: attempt.dialed_at,
        ended_at: attempt.ended_at,
        receipt: attempt.receipt,
    }
}
