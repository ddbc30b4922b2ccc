//! Codes at rest: HMAC-SHA-256(key_v, service ‖ verification ‖ purpose ‖ code), never the digits.
//!
//! Each field is preceded by its length, so that no two contexts give the same bytes; a MAC copied
//! to another verification, service or purpose fits no code there. Comparing takes the same time
//! wherever the first difference lies.

use super::keys::{SecretKeys, UnknownKeyVersion, feed_framed, hmac};
use super::verification::Purpose;
use crate::id::VerificationId;
use crate::secret::Digits;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;

const USE: &str = "belfry code mac 1";

/// What a code belongs to; the same digits elsewhere are another code.
#[derive(Debug, Clone, Copy)]
pub struct CodeContext<'a> {
    /// The service that asked.
    pub service: &'a str,
    /// The verification it was drawn for.
    pub verification: VerificationId,
    /// What the verification is for.
    pub purpose: &'a Purpose,
}

/// A code as it is stored: its MAC and the version of the key that made it.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeMac {
    /// The 32 bytes of the MAC.
    pub mac: [u8; 32],
    /// The version of the secret key.
    pub key_version: u32,
}

impl fmt::Debug for CodeMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeMac(key version {})", self.key_version)
    }
}

impl SecretKeys {
    /// What to store of `code`, under the current key.
    pub fn code_mac(&self, context: CodeContext<'_>, code: &Digits) -> CodeMac {
        let mac = code_hmac(&self.derive_current(USE), context, code);
        CodeMac { mac: mac.finalize().into_bytes().into(), key_version: self.current_version() }
    }

    /// Whether `typed` is the code that `stored` was made of. Compares in constant time.
    ///
    /// # Errors
    /// [`UnknownKeyVersion`] if the key file no longer holds the key: the check cannot be judged.
    pub fn code_matches(
        &self,
        stored: &CodeMac,
        context: CodeContext<'_>,
        typed: &Digits,
    ) -> Result<bool, UnknownKeyVersion> {
        let key = self.derive(stored.key_version, USE)?;
        Ok(code_hmac(&key, context, typed).verify_slice(&stored.mac).is_ok())
    }
}

fn code_hmac(key: &[u8; 32], context: CodeContext<'_>, code: &Digits) -> Hmac<Sha256> {
    let mut mac = hmac(key);
    let (verification, digits) = (context.verification.to_string(), code.expose());
    let purpose = context.purpose.as_str();
    feed_framed(
        &mut mac,
        &[context.service.as_bytes(), verification.as_bytes(), purpose.as_bytes(), &digits],
    );
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Entropy;
    use crate::time::UnixMillis;

    fn id(seed: u64) -> VerificationId {
        VerificationId::new(UnixMillis(1), &mut Entropy::from_seed(seed))
    }

    fn purpose(text: &str) -> Purpose {
        text.parse().expect(text)
    }

    #[test]
    fn only_the_same_code_in_the_same_context_matches() {
        let keys = SecretKeys::generate(&mut Entropy::from_seed(1));
        let (login, logi) = (purpose("login"), purpose("logi"));
        let code = Digits::parse("012345").expect("digits");
        let here = CodeContext { service: "panel", verification: id(1), purpose: &login };
        let stored = keys.code_mac(here, &code);
        let fits = |context, text| {
            let typed = Digits::parse(text).expect("digits");
            keys.code_matches(&stored, context, &typed).expect("the key is there")
        };
        assert!(fits(here, "012345"));
        for other in ["012346", "12345", "0123450", "112345"] {
            assert!(!fits(here, other), "{other}");
        }
        assert!(!fits(CodeContext { service: "panel2", ..here }, "012345"));
        assert!(!fits(CodeContext { verification: id(2), ..here }, "012345"));
        assert!(!fits(CodeContext { purpose: &logi, ..here }, "012345"));
    }

    #[test]
    fn a_rotated_key_still_checks_older_codes() {
        let old = SecretKeys::generate(&mut Entropy::from_seed(1));
        let text = format!("{}2 {}\n", *old.to_text(), "ab".repeat(32));
        let rotated = SecretKeys::parse(&text).expect("two versions");
        let login = purpose("login");
        let context = CodeContext { service: "panel", verification: id(1), purpose: &login };
        let code = Digits::parse("123456").expect("digits");
        let stored = old.code_mac(context, &code);
        assert_eq!(rotated.code_matches(&stored, context, &code), Ok(true));
        let newer = rotated.code_mac(context, &code);
        assert_eq!(newer.key_version, 2);
        assert_ne!(newer.mac, stored.mac);
        assert_eq!(old.code_matches(&newer, context, &code), Err(UnknownKeyVersion { version: 2 }));
    }
}
