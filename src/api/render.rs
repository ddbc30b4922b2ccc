//! The gateway's views as JSON: the names and shapes clients build on.

use crate::gateway::{AttemptView, CheckView, Started, StoredAnswer, VerificationView};
use serde_json::{Value, json};

/// The answer to a start: 201 for a new verification, 200 for a further call of a pending one.
pub(super) fn started(started: &Started) -> StoredAnswer {
    let status = if started.created { 201 } else { 200 };
    StoredAnswer { status, body: verification(&started.verification).to_string() }
}

/// The answer to a check.
pub(super) fn checked(view: &CheckView) -> StoredAnswer {
    let body = json!({
        "valid": view.valid,
        "status": view.status,
        "checks_remaining": view.checks_remaining,
    });
    StoredAnswer { status: 200, body: body.to_string() }
}

/// The answer to a cancellation.
pub(super) fn canceled(view: &VerificationView) -> StoredAnswer {
    StoredAnswer { status: 200, body: verification(view).to_string() }
}

/// A verification.
pub(super) fn verification(view: &VerificationView) -> Value {
    json!({
        "id": view.id,
        "object": "verification",
        "service": view.service,
        "to": view.to,
        "line": view.line,
        "channel": view.channel,
        "purpose": view.purpose,
        "entity": view.entity,
        "status": view.status,
        "code_length": view.code_length,
        "locale": view.locale,
        "locale_used": view.locale_used,
        "checks_remaining": view.checks_remaining,
        "sends_remaining": view.sends_remaining,
        "resend_after": view.resend_after,
        "created_at": view.created_at,
        "expires_at": view.expires_at,
        "last_attempt": view.last_attempt.as_ref().map(|attempt| json!({
            "id": attempt.id,
            "state": attempt.state,
            "reason": attempt.reason,
            "message": attempt.reason.map(|reason| reason.sentence()),
        })),
        "next_step": null,
        "metadata": view.metadata,
    })
}

/// A call with what is known of it.
pub(super) fn attempt(view: &AttemptView) -> Value {
    let receipt = &view.receipt;
    json!({
        "id": view.id,
        "object": "attempt",
        "verification": view.verification,
        "state": view.state,
        "reason": view.reason,
        "message": view.reason.map(|reason| reason.sentence()),
        "send": view.send,
        "origin": view.origin,
        "trunk": view.trunk,
        "created_at": view.created_at,
        "due_at": view.due_at,
        "dialed_at": view.dialed_at,
        "ended_at": view.ended_at,
        "receipt": view.ended_at.map(|_| json!({
            "rang": receipt.rang,
            "answered": receipt.answered,
            "human_confirmed": receipt.human_confirmed,
            "forwarded": receipt.forwarded,
            "delivery": receipt.delivery,
            "readings": receipt.readings,
            "last_digit_index": receipt.last_digit_index,
            "audio_received": receipt.audio_received,
            "keys_seen": receipt.keys_seen,
            "sip_status": receipt.sip_status,
            "q850_cause": receipt.q850_cause,
            "packets_sent": receipt.packets_sent,
            "packets_received": receipt.packets_received,
            "packets_lost": receipt.packets_lost,
            "setup_ms": receipt.setup_ms,
            "talk_ms": receipt.talk_ms,
        })),
    })
}
