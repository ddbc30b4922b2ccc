//! A verification as the rules see it and as it is kept: one wish to prove control of a number.

use super::code::{CodeContext, CodeMac};
use super::sealed::Sealed;
use super::words;
use crate::id::VerificationId;
use crate::time::UnixMillis;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

words! {
    /// Where a verification is. Every status but `pending` is final.
    Status, "status" {
        /// Waiting for a call or a check.
        Pending "pending"
        /// The right code was entered, once.
        Approved "approved"
        /// The service took it back.
        Canceled "canceled"
        /// Its time ran out.
        Expired "expired"
        /// Too many wrong codes were entered.
        MaxAttemptsReached "max_attempts_reached"
        /// No call can deliver a code.
        Failed "failed"
        /// The person called pressed the report key.
        FraudReported "fraud_reported"
    }
}

impl Status {
    /// Whether nothing can change any more.
    pub fn is_final(self) -> bool {
        self != Status::Pending
    }
}

words! {
    /// How the code is delivered.
    Channel, "channel" {
        /// A voice call.
        Call "call"
    }
}

/// The most characters a purpose may have.
pub const PURPOSE_CHARS_MAX: usize = 32;

/// What a verification is for, such as `login`: 1 to 32 of `a-z`, `0-9` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Purpose(String);

/// Text that is not a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a purpose is 1 to {PURPOSE_CHARS_MAX} of a-z, 0-9 and _")]
pub struct ParsePurposeError;

impl Purpose {
    /// The word itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Purpose {
    type Err = ParsePurposeError;
    fn from_str(text: &str) -> Result<Self, ParsePurposeError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if (1..=PURPOSE_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Purpose(text.to_owned()))
        } else {
            Err(ParsePurposeError)
        }
    }
}

/// A verification with everything that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its name.
    pub id: VerificationId,
    /// The service that asked.
    pub service: String,
    /// That service's opaque id of the person, if it gave one.
    pub entity: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
    /// How the code is delivered.
    pub channel: Channel,
    /// Where it is.
    pub status: Status,
    /// The number to call; gone once the row is pseudonymised.
    pub destination: Option<Sealed>,
    /// The number as it may be shown.
    pub masked: String,
    /// The kind of line, in the API's words.
    pub line: String,
    /// The locale that was asked for (BCP 47).
    pub locale: String,
    /// The locale of the prompts really used.
    pub locale_used: String,
    /// Digits of each code, 6–10.
    pub code_length: u8,
    /// Digits of the human check, 0 (none) to 2.
    pub human_check_digits: u8,
    /// The code that is valid now; none before the first call and after the end.
    pub code: Option<CodeMac>,
    /// Checks counted so far, right or wrong.
    pub checks_used: u32,
    /// Checks allowed.
    pub checks_max: u32,
    /// Calls asked for so far, the first included; failovers that rang nowhere are not.
    pub sends_used: u32,
    /// Calls allowed.
    pub sends_max: u32,
    /// What the service stores with it; never read by Belfry.
    pub metadata: BTreeMap<String, String>,
    /// When it was asked for.
    pub created_at: UnixMillis,
    /// From when it is expired.
    pub expires_at: UnixMillis,
    /// From when a further call may be asked for; none while a call is up.
    pub resend_after: Option<UnixMillis>,
    /// When it became final.
    pub ended_at: Option<UnixMillis>,
}

impl Verification {
    /// Checks left.
    pub fn checks_remaining(&self) -> u32 {
        self.checks_max.saturating_sub(self.checks_used)
    }

    /// Calls left.
    pub fn sends_remaining(&self) -> u32 {
        self.sends_max.saturating_sub(self.sends_used)
    }

    /// Whether its time is over at `now`: it is valid before `expires_at`, not at it.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        now >= self.expires_at
    }

    /// What its codes are bound to.
    pub fn code_context(&self) -> CodeContext<'_> {
        CodeContext { service: &self.service, verification: self.id, purpose: &self.purpose }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_back_and_only_pending_is_open() {
        for &status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(status.is_final(), status != Status::Pending);
        }
        assert_eq!("".parse::<Status>(), Err(super::super::UnknownWord { kind: "status" }));
    }

    #[test]
    fn a_purpose_is_a_short_plain_word() {
        let longest = "a".repeat(PURPOSE_CHARS_MAX);
        for text in ["login", "number_change", "a", "2fa", longest.as_str()] {
            assert!(text.parse::<Purpose>().is_ok(), "{text}");
        }
        let over = "a".repeat(PURPOSE_CHARS_MAX + 1);
        for text in ["", "Login", "log in", "naïve", over.as_str()] {
            assert_eq!(text.parse::<Purpose>(), Err(ParsePurposeError), "{text}");
        }
    }
}
