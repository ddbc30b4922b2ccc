//! Who acts: the owner of an API key, and what that key may do.

use crate::id::KeyId;
use std::collections::BTreeSet;
use std::str::FromStr;

/// What an API key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Start, check and cancel verifications.
    VerificationsWrite,
    /// Read verifications and their calls.
    VerificationsRead,
    /// See full numbers.
    PiiRead,
}

/// Text that is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is verifications:write, verifications:read or pii:read")]
pub struct ParseScopeError;

impl Scope {
    /// Every scope.
    pub const ALL: &[Scope] =
        &[Scope::VerificationsWrite, Scope::VerificationsRead, Scope::PiiRead];

    /// The stored word, also shown to callers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::VerificationsWrite => "verifications:write",
            Scope::VerificationsRead => "verifications:read",
            Scope::PiiRead => "pii:read",
        }
    }
}

impl FromStr for Scope {
    type Err = ParseScopeError;
    fn from_str(word: &str) -> Result<Self, ParseScopeError> {
        Scope::ALL.iter().copied().find(|scope| scope.as_str() == word).ok_or(ParseScopeError)
    }
}

/// The owner of a valid API key: one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The service the key belongs to.
    pub service: String,
    /// The key, as the audit names it.
    pub key: KeyId,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Whether it is a `vk_live_` key; else it is a `vk_test_` one.
    pub live: bool,
}

impl Caller {
    /// Whether the key allows `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}
