//! Numbers at rest: sealed to be dialled later, and a keyed blind index to be looked up.
//!
//! Sealing is XChaCha20-Poly1305 (RFC 8439 with a 24-byte nonce, long enough to be drawn at
//! random) bound to the verification's id, so that a sealed number moved to another row does not
//! open. The blind index is an HMAC cut to 128 bits: equal numbers have equal indexes, and without
//! the key nobody can try numbers against them.

use super::destination::{Destination, ParseExtensionError};
use super::keys::{SecretKeys, UnknownKeyVersion, feed_framed, hmac};
use crate::entropy::Entropy;
use crate::id::VerificationId;
use crate::number::{Number, ParseNumberError};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::Mac;
use std::fmt;
use zeroize::Zeroizing;

const SEAL_USE: &str = "belfry number seal 1";
const INDEX_USE: &str = "belfry number index 1";
const NONCE_BYTES: usize = 24;

/// A destination that only the secret key opens: `<key version>.<hex of nonce and ciphertext>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(String);

/// A keyed fingerprint of a number or destination: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlindIndex(String);

/// Why a sealed destination does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Its key is not in the key file.
    #[error(transparent)]
    UnknownKey(#[from] UnknownKeyVersion),
    /// Wrong key, wrong row, or changed bytes.
    #[error("a sealed text does not open: it was changed, moved, or closed with another key")]
    Damaged,
}

impl From<ParseNumberError> for UnsealError {
    fn from(_: ParseNumberError) -> Self {
        UnsealError::Damaged
    }
}

impl From<ParseExtensionError> for UnsealError {
    fn from(_: ParseExtensionError) -> Self {
        UnsealError::Damaged
    }
}

impl Sealed {
    /// Takes a stored text as it is; opening it is what tests it.
    pub fn from_stored(text: String) -> Self {
        Sealed(text)
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}

impl BlindIndex {
    /// Takes a stored text as it is.
    pub fn from_stored(text: String) -> Self {
        BlindIndex(text)
    }

    /// The text to store and to look up.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SecretKeys {
    /// Seals `destination` for the row of `verification`, under the current key.
    pub fn seal(
        &self,
        destination: &Destination,
        verification: VerificationId,
        entropy: &mut Entropy,
    ) -> Sealed {
        let row = verification.to_string();
        self.seal_bytes(SEAL_USE, &row, destination.expose().as_bytes(), entropy)
    }

    /// Opens what [`SecretKeys::seal`] closed for the same verification.
    ///
    /// # Errors
    /// The key is missing, or the text is not what was stored there: the call cannot be placed.
    pub fn unseal(
        &self,
        sealed: &Sealed,
        verification: VerificationId,
    ) -> Result<Destination, UnsealError> {
        let plain = self.unseal_bytes(SEAL_USE, &verification.to_string(), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| UnsealError::Damaged)?;
        let (number, extension) = match text.split_once(";ext=") {
            Some((number, extension)) => (number, Some(extension.parse()?)),
            None => (text, None),
        };
        Ok(Destination { number: Number::parse(number, None)?, extension })
    }

    /// Seals `plain` for one use and one row, under the current key.
    pub(super) fn seal_bytes(
        &self,
        use_: &str,
        row: &str,
        plain: &[u8],
        entropy: &mut Entropy,
    ) -> Sealed {
        let nonce: [u8; NONCE_BYTES] = entropy.bytes();
        let payload = Payload { msg: plain, aad: row.as_bytes() };
        let closed = XChaCha20Poly1305::new((&*self.derive_current(use_)).into())
            .encrypt(&XNonce::from(nonce), payload)
            .expect("what is sealed is far shorter than the cipher's limit");
        let version = self.current_version();
        Sealed(format!("{version}.{}{}", hex::encode(nonce), hex::encode(closed)))
    }

    /// Opens what [`SecretKeys::seal_bytes`] closed for the same use and row.
    pub(super) fn unseal_bytes(
        &self,
        use_: &str,
        row: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let (version, body) = sealed.0.split_once('.').ok_or(UnsealError::Damaged)?;
        let version = version.parse().map_err(|_| UnsealError::Damaged)?;
        let body = hex::decode(body).map_err(|_| UnsealError::Damaged)?;
        let (nonce, closed) =
            body.split_first_chunk::<NONCE_BYTES>().ok_or(UnsealError::Damaged)?;
        let payload = Payload { msg: closed, aad: row.as_bytes() };
        XChaCha20Poly1305::new((&*self.derive(version, use_)?).into())
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| UnsealError::Damaged)
    }

    /// The index under which one number is counted, whatever the extension.
    pub fn number_index(&self, number: &Number) -> BlindIndex {
        self.blind_index(&[b"number", number.expose().as_bytes()])
    }

    /// The index of one phone: behind a PBX, each extension is another one.
    pub fn destination_index(&self, destination: &Destination) -> BlindIndex {
        self.blind_index(&[b"destination", destination.expose().as_bytes()])
    }

    fn blind_index(&self, fields: &[&[u8]]) -> BlindIndex {
        let mut mac = hmac(&self.derive_oldest(INDEX_USE));
        feed_framed(&mut mac, fields);
        BlindIndex(hex::encode(&mac.finalize().into_bytes()[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    fn destination(number: &str, extension: Option<&str>) -> Destination {
        Destination {
            number: Number::parse(number, None).expect(number),
            extension: extension.map(|digits| digits.parse().expect(digits)),
        }
    }

    #[test]
    fn what_was_sealed_opens_in_its_own_row_only() {
        let mut entropy = Entropy::from_seed(1);
        let keys = SecretKeys::generate(&mut entropy);
        let id = VerificationId::new(UnixMillis(1), &mut entropy);
        let other = VerificationId::new(UnixMillis(1), &mut entropy);
        for extension in [None, Some("204")] {
            let to = destination("+3225805000", extension);
            let sealed = keys.seal(&to, id, &mut entropy);
            assert!(!sealed.as_str().contains("25805000"));
            assert_eq!(keys.unseal(&sealed, id), Ok(to));
            assert_eq!(keys.unseal(&sealed, other), Err(UnsealError::Damaged));
        }
    }

    #[test]
    fn a_changed_or_foreign_text_does_not_open() {
        let mut entropy = Entropy::from_seed(1);
        let keys = SecretKeys::generate(&mut entropy);
        let id = VerificationId::new(UnixMillis(1), &mut entropy);
        let sealed = keys.seal(&destination("+3225805000", None), id, &mut entropy);
        let mut changed = sealed.as_str().to_owned();
        let last = changed.pop().expect("not empty");
        changed.push(if last == '0' { '1' } else { '0' });
        for text in [changed.as_str(), "", "1", "1.", "1.zz", "x.00"] {
            let sealed = Sealed::from_stored(text.to_owned());
            assert_eq!(keys.unseal(&sealed, id), Err(UnsealError::Damaged), "{text}");
        }
        let later = Sealed::from_stored(sealed.as_str().replacen("1.", "2.", 1));
        let unknown = UnsealError::UnknownKey(UnknownKeyVersion { version: 2 });
        assert_eq!(keys.unseal(&later, id), Err(unknown));
    }

    #[test]
    fn equal_numbers_meet_and_extensions_part() {
        let mut entropy = Entropy::from_seed(1);
        let keys = SecretKeys::generate(&mut entropy);
        let plain = destination("+3225805000", None);
        let desk = destination("+3225805000", Some("204"));
        assert_eq!(keys.number_index(&plain.number), keys.number_index(&desk.number));
        assert_ne!(keys.destination_index(&plain), keys.destination_index(&desk));
        assert_ne!(keys.destination_index(&plain), keys.number_index(&plain.number));
        let rotated = format!("{}7 {}\n", *keys.to_text(), "cd".repeat(32));
        let rotated = SecretKeys::parse(&rotated).expect("two versions");
        assert_eq!(rotated.destination_index(&desk), keys.destination_index(&desk));
        let foreign = SecretKeys::generate(&mut entropy);
        assert_ne!(foreign.destination_index(&desk), keys.destination_index(&desk));
    }
}
