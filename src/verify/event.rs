//! What can happen to a verification or a call: the names of the events a service is told.

use super::words;

words! {
    /// What happened; the words are those of the webhooks.
    EventKind, "kind of event" {
        /// A verification was asked for.
        VerificationCreated "verification.created"
        /// The right code was entered.
        VerificationApproved "verification.approved"
        /// A wrong code was entered.
        VerificationCheckFailed "verification.check_failed"
        /// Its time ran out.
        VerificationExpired "verification.expired"
        /// The service took it back.
        VerificationCanceled "verification.canceled"
        /// Too many wrong codes were entered.
        VerificationMaxAttemptsReached "verification.max_attempts_reached"
        /// No call can deliver a code.
        VerificationFailed "verification.failed"
        /// A call is being placed.
        CallDialing "call.dialing"
        /// The phone rings.
        CallRinging "call.ringing"
        /// The call was forwarded to another number.
        CallForwarded "call.forwarded"
        /// Somebody or something picked up.
        CallAnswered "call.answered"
        /// The right key was pressed.
        CallHumanConfirmed "call.human_confirmed"
        /// The code was read once more.
        CallCodePlayed "call.code_played"
        /// The call is over.
        CallEnded "call.ended"
        /// The person pressed the report key.
        FraudReported "fraud.reported"
    }
}
