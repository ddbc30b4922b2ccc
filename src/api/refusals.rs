//! Refusals of the gateway as problems of the contract: one arm for each.

use super::idempotency;
use super::problem::{Code, Problem};
use super::verifications::not_found;
use crate::gateway::{ActError, CancelError, CheckError, ReadError, StartError};
use crate::number::EXTENSION_DIGITS_MAX;

impl From<ActError> for Problem {
    /// The cause is logged here and told to nobody.
    fn from(error: ActError) -> Self {
        if matches!(error, ActError::Superseded) {
            return idempotency::in_progress();
        }
        if error.is_database_unavailable() {
            tracing::warn!(error = %error, "A request could not be carried out for now.");
            let detail = "The gateway cannot reach or write its database now; try again.";
            return Problem::new(Code::Unavailable, detail)
                .retry_after(crate::time::Duration::from_secs(1));
        }
        tracing::error!(error = %error, "A request failed by a fault of the gateway.");
        Problem::internal()
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Number(error) => {
                Problem::new(Code::InvalidPhoneNumber, sentence(&error)).about("to")
            }
            StartError::Extension => {
                let detail = format!("An extension is 1 to {EXTENSION_DIGITS_MAX} digits.");
                Problem::new(Code::ExtensionInvalid, detail).about("extension")
            }
            StartError::TwoExtensions => {
                let detail = "The extension is given in `to` and in `extension`; give it once.";
                Problem::new(Code::ExtensionInvalid, detail).about("extension")
            }
            StartError::Purpose(error) => Problem::invalid("purpose", sentence(&error)),
            StartError::Locale => {
                let detail = "There are no prompts for this locale nor for one it belongs to.";
                Problem::new(Code::UnsupportedLocale, detail).about("locale")
            }
            StartError::Denied(reason) => {
                let detail = "Numbers of this kind may not be called; `reason` says which.";
                Problem::new(Code::DestinationNotAllowed, detail)
                    .about("to")
                    .with("reason", reason.as_str())
            }
            StartError::CallInProgress => {
                let detail = "A call to this number is waiting or up; it ends before the next.";
                Problem::new(Code::CallInProgress, detail)
            }
            StartError::TooSoon { retry_after } => {
                let detail = "The wait since the last call to this number is not over.";
                Problem::new(Code::ResendTooSoon, detail).retry_after(retry_after)
            }
            StartError::TooLate { retry_after } => {
                let detail = "The pending verification expires before a call could read a code; \
                              once it has expired, a new one can be started.";
                Problem::new(Code::ResendTooSoon, detail).retry_after(retry_after)
            }
            StartError::MaxSends { retry_after } => {
                let detail = "The pending verification has used all its calls; once it has \
                              ended, a new one can be started.";
                Problem::new(Code::MaxSendsReached, detail).retry_after(retry_after)
            }
            StartError::Act(error) => error.into(),
        }
    }
}

impl From<CheckError> for Problem {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::NotACode => Problem::invalid("code", "`code` must be 1 to 10 digits."),
            CheckError::NotFound => not_found(),
            CheckError::NotPending(status) => not_pending(status.as_str()),
            CheckError::Act(error) => error.into(),
        }
    }
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotFound => not_found(),
            CancelError::NotPending(status) => not_pending(status.as_str()),
            CancelError::Act(error) => error.into(),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound => not_found(),
            ReadError::Act(error) => error.into(),
        }
    }
}

/// The member is not called `status`, because RFC 9457 §3.1.2 gives that name to the HTTP status.
fn not_pending(status: &'static str) -> Problem {
    Problem::new(Code::VerificationNotPending, "The verification has ended already.")
        .with("verification_status", status)
}

/// An error's own text as a sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}
