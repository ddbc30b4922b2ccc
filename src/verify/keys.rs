//! The secret keys of the gateway: versions of a 32-byte master key, and what is derived from them.
//!
//! They live in a key file beside the database, never in it, so that a copy of the database alone
//! gives neither a code (a plain hash of six digits is searched in a blink) nor a number. Each use
//! has its own key, derived with HKDF-Expand (RFC 5869 §2.3; one block, the master key being
//! uniform already), so that no two uses can be played against each other.
//!
//! A new version may be appended at any time: it seals and MACs from then on, while older ones
//! still open what they closed. Blind indexes always come from the oldest version, since rows
//! written before and after a rotation must meet. Replacing the oldest key (re-indexing) is left
//! out.

use crate::entropy::Entropy;
use crate::secret::Redacted;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a master key.
pub const KEY_BYTES: usize = 32;

pub(super) type DerivedKey = Zeroizing<[u8; KEY_BYTES]>;

/// All versions of the master key, at least one.
#[derive(Debug, Clone)]
pub struct SecretKeys {
    versions: BTreeMap<u32, Redacted<Zeroizing<[u8; KEY_BYTES]>>>,
}

/// Why a key file cannot be used. Never repeats its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeysError {
    /// No line holds a key.
    #[error("it holds no key: a line is a version number, a space and 64 hexadecimal digits")]
    Empty,
    /// A line that is not a version and a key.
    #[error("line {line} is not a version number, a space and 64 hexadecimal digits")]
    BadLine {
        /// Counted from 1.
        line: usize,
    },
    /// Two lines with the same version.
    #[error("line {line} repeats a version that stands above it")]
    RepeatedVersion {
        /// Counted from 1.
        line: usize,
    },
}

/// Something was closed with a key version that the key file no longer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("version {version} of the secret key is not in the key file: put it back")]
pub struct UnknownKeyVersion {
    /// The version that is needed.
    pub version: u32,
}

impl SecretKeys {
    /// Version 1 of a new key, for a gateway that starts for the first time.
    pub fn generate(entropy: &mut Entropy) -> Self {
        let key = Zeroizing::new(entropy.bytes());
        SecretKeys { versions: BTreeMap::from([(1, Redacted::new(key))]) }
    }

    /// Reads a key file: one `version key` a line; empty lines and lines that begin with `#` are
    /// skipped.
    ///
    /// # Errors
    /// Says which line is wrong; the gateway must not start.
    pub fn parse(text: &str) -> Result<Self, ParseKeysError> {
        let mut versions = BTreeMap::new();
        for (index, row) in text.lines().enumerate() {
            let (line, row) = (index + 1, row.trim());
            if row.is_empty() || row.starts_with('#') {
                continue;
            }
            let (version, digits) = row.split_once(' ').ok_or(ParseKeysError::BadLine { line })?;
            let version: u32 = version.parse().map_err(|_| ParseKeysError::BadLine { line })?;
            let mut key = Zeroizing::new([0; KEY_BYTES]);
            hex::decode_to_slice(digits.trim(), key.as_mut_slice())
                .map_err(|_| ParseKeysError::BadLine { line })?;
            if version == 0 {
                return Err(ParseKeysError::BadLine { line });
            }
            if versions.insert(version, Redacted::new(key)).is_some() {
                return Err(ParseKeysError::RepeatedVersion { line });
            }
        }
        if versions.is_empty() {
            return Err(ParseKeysError::Empty);
        }
        Ok(SecretKeys { versions })
    }

    /// The text of the key file. Wiped from memory when dropped.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(
            "# Secret keys of Belfry. Without them no code can be checked and no number read.\n\
             # Keep a copy apart from the database's. To rotate: append the next version.\n",
        ));
        for (version, key) in &self.versions {
            let mut digits = hex::encode(key.expose().as_slice());
            text.push_str(&format!("{version} "));
            text.push_str(&digits);
            text.push('\n');
            digits.zeroize();
        }
        text
    }

    /// The version that closes new things: the highest.
    pub fn current_version(&self) -> u32 {
        *self.versions.last_key_value().expect("built with at least one version").0
    }

    /// For each version a value that tells, without giving the key away, that it is still the same.
    ///
    /// The store keeps it, so that a wrong key is noticed at the start and not as "all codes
    /// wrong".
    pub fn check_values(&self) -> BTreeMap<u32, String> {
        let value = |key| hex::encode(&expand(key, "belfry key check 1")[..16]);
        self.versions.iter().map(|(version, key)| (*version, value(key.expose()))).collect()
    }

    pub(super) fn derive(&self, version: u32, use_: &str) -> Result<DerivedKey, UnknownKeyVersion> {
        let key = self.versions.get(&version).ok_or(UnknownKeyVersion { version })?;
        Ok(expand(key.expose(), use_))
    }

    pub(super) fn derive_current(&self, use_: &str) -> DerivedKey {
        let key = self.versions.last_key_value().expect("built with at least one version").1;
        expand(key.expose(), use_)
    }

    pub(super) fn derive_oldest(&self, use_: &str) -> DerivedKey {
        let key = self.versions.first_key_value().expect("built with at least one version").1;
        expand(key.expose(), use_)
    }
}

/// HKDF-Expand of RFC 5869 §2.3 for L = 32: T(1) = HMAC(PRK, info ‖ 0x01).
fn expand(master: &[u8; KEY_BYTES], info: &str) -> DerivedKey {
    let mac = hmac(master).chain_update(info.as_bytes()).chain_update([1]);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// An HMAC-SHA-256 (RFC 2104) under `key`.
pub(super) fn hmac(key: &[u8; KEY_BYTES]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Feeds `fields` so that no two different lists of fields are the same bytes: each length first.
pub(super) fn feed_framed(mac: &mut Hmac<Sha256>, fields: &[&[u8]]) {
    for field in fields {
        mac.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    #[test]
    fn a_key_file_reads_back() {
        let keys = SecretKeys::generate(&mut Entropy::from_seed(1));
        let again = SecretKeys::parse(&keys.to_text()).expect("our own text");
        assert_eq!(again.check_values(), keys.check_values());
        assert_eq!(again.current_version(), 1);
    }

    #[test]
    fn the_highest_version_is_current_and_each_has_its_check_value() {
        let text = format!("# two\n2 {}\n\n1 {ZEROS}\n", ZEROS.replace('0', "1"));
        let keys = SecretKeys::parse(&text).expect("two versions");
        assert_eq!(keys.current_version(), 2);
        let values = keys.check_values();
        assert_eq!(values.len(), 2);
        assert_ne!(values[&1], values[&2]);
    }

    #[test]
    fn derivation_is_one_block_of_hkdf_expand() {
        // HMAC-SHA-256 over "x" ‖ 0x01 under 32 zero bytes, as another implementation gives it.
        let expected = "ee2a9c0f86d1baecb6aee41ec7cc4b390f0fb6200c5901c817b81f2b0910a450";
        assert_eq!(hex::encode(expand(&[0; KEY_BYTES], "x").as_slice()), expected);
    }

    #[test]
    fn a_broken_key_file_is_refused_by_line_without_its_text() {
        let parse = |text: &str| SecretKeys::parse(text).expect_err(text);
        assert_eq!(parse("# nothing\n"), ParseKeysError::Empty);
        for bad in ["1", "x 00", "1 00", &format!("0 {ZEROS}"), &format!("1 {ZEROS}0")] {
            assert_eq!(parse(bad), ParseKeysError::BadLine { line: 1 }, "{bad}");
        }
        let twice = format!("1 {ZEROS}\n1 {ZEROS}");
        assert_eq!(parse(&twice), ParseKeysError::RepeatedVersion { line: 2 });
    }

    #[test]
    fn debug_output_holds_no_key() {
        let shown = format!("{:?}", SecretKeys::generate(&mut Entropy::from_seed(1)));
        assert!(shown.contains("[redacted]") && shown.len() < 60, "{shown}");
    }
}
