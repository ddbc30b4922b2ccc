//! Identifiers of stored things: a prefix that says what it is, and a UUIDv7 (RFC 9562 §5.7).
//!
//! They are made from the caller's `now` and [`Entropy`], sort by creation time, and are text in
//! SQL, so that no database has to number anything.

use crate::entropy::Entropy;
use crate::time::UnixMillis;
use std::fmt;
use std::str::FromStr;

/// Text that is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identifier here is `{prefix}` followed by 32 hexadecimal digits")]
pub struct ParseIdError {
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// A new identifier for something created at `now`.
            pub fn new(now: UnixMillis, entropy: &mut Entropy) -> Self {
                let millis = u64::try_from(now.0).unwrap_or(0);
                let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes());
                Self(uuid.into_uuid().as_u128())
            }

            /// The identifier right after this one, for several things of one moment that must
            /// sort in the order they were made (RFC 9562 §6.2, method 2).
            pub const fn successor(self) -> Self {
                Self(self.0.wrapping_add(1))
            }

            /// One of `ways` equal shares, chosen by the random part of the id.
            pub fn spread(self, ways: usize) -> usize {
                let random = usize::try_from(self.0 & 0xffff_ffff).unwrap_or(0);
                random % ways.max(1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:032x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse($prefix, text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

fn parse(prefix: &'static str, text: &str) -> Result<u128, ParseIdError> {
    let error = ParseIdError { prefix };
    let digits = text.strip_prefix(prefix).ok_or(error.clone())?;
    let canonical = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if digits.len() != 32 || !digits.bytes().all(canonical) {
        return Err(error);
    }
    u128::from_str_radix(digits, 16).map_err(|_| error)
}

id!(
    /// A verification: one wish to prove control of a number.
    VerificationId,
    "ver_"
);
id!(
    /// An attempt: one call placed to deliver a code. It also names the call itself.
    AttemptId,
    "att_"
);
id!(
    /// An API key (not its secret).
    KeyId,
    "key_"
);
id!(
    /// An event in the outbox.
    EventId,
    "evt_"
);
id!(
    /// An entry of the audit.
    AuditId,
    "aud_"
);
id!(
    /// One HTTP request, echoed as `X-Request-Id`.
    RequestId,
    "req_"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let mut entropy = Entropy::from_seed(1);
        let id = VerificationId::new(UnixMillis(1_795_514_435_042), &mut entropy);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("ver_01a20d0005e27"), "{id}");
    }

    #[test]
    fn ids_sort_by_creation() {
        let mut entropy = Entropy::from_seed(1);
        let early = AttemptId::new(UnixMillis(1_000), &mut entropy);
        let late = AttemptId::new(UnixMillis(1_001), &mut entropy);
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn a_successor_sorts_right_after() {
        let id = EventId::new(UnixMillis(1_000), &mut Entropy::from_seed(1));
        assert!(id < id.successor() && id.to_string() < id.successor().to_string());
        assert!(id.successor() < EventId::new(UnixMillis(1_001), &mut Entropy::from_seed(1)));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "ver_", "att_01a1", "ver_0192", &format!("ver_{}", "G".repeat(32))] {
            assert!(text.parse::<VerificationId>().is_err(), "{text}");
        }
        let upper = format!("ver_{}", "AB".repeat(16));
        assert!(upper.parse::<VerificationId>().is_err(), "one spelling only");
    }
}
