//! Requests and answers remembered for `Idempotency-Key`, so that the database gives neither away.
//!
//! A request is known by a keyed fingerprint: a plain hash of a body that holds a six-digit code or
//! a number would be searched in a blink. An answer may show a full number, so it is sealed.

use super::keys::{SecretKeys, feed_framed, hmac};
use super::sealed::{Sealed, UnsealError};
use crate::entropy::Entropy;
use hmac::Mac;

const FINGERPRINT_USE: &str = "belfry request fingerprint 1";
const ANSWER_USE: &str = "belfry answer seal 1";

impl SecretKeys {
    /// The fingerprint of a request: equal for equal lists of fields, across key rotations.
    pub fn request_fingerprint(&self, fields: &[&[u8]]) -> String {
        let mut mac = hmac(&self.derive_oldest(FINGERPRINT_USE));
        feed_framed(&mut mac, fields);
        hex::encode(mac.finalize().into_bytes())
    }

    /// Seals the answer to a request for the row named `row`.
    pub fn seal_answer(&self, row: &str, answer: &str, entropy: &mut Entropy) -> Sealed {
        self.seal_bytes(ANSWER_USE, row, answer.as_bytes(), entropy)
    }

    /// Opens what [`SecretKeys::seal_answer`] closed for the same row.
    ///
    /// # Errors
    /// The key is missing, or the text is not what was stored there.
    pub fn open_answer(&self, row: &str, sealed: &Sealed) -> Result<String, UnsealError> {
        let plain = self.unseal_bytes(ANSWER_USE, row, sealed)?;
        std::str::from_utf8(&plain).map(str::to_owned).map_err(|_| UnsealError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_opens_in_its_own_row_only() {
        let mut entropy = Entropy::from_seed(1);
        let keys = SecretKeys::generate(&mut entropy);
        let sealed = keys.seal_answer("panel/1", "{\"to\":\"+3225805000\"}", &mut entropy);
        assert!(!sealed.as_str().contains("5805000"));
        let opened = keys.open_answer("panel/1", &sealed);
        assert_eq!(opened.as_deref(), Ok("{\"to\":\"+3225805000\"}"));
        assert_eq!(keys.open_answer("panel/2", &sealed), Err(UnsealError::Damaged));
    }

    #[test]
    fn a_fingerprint_tells_lists_of_fields_apart() {
        let keys = SecretKeys::generate(&mut Entropy::from_seed(1));
        let print = |fields: &[&[u8]]| keys.request_fingerprint(fields);
        assert_eq!(print(&[b"a", b"b"]), print(&[b"a", b"b"]));
        assert_ne!(print(&[b"a", b"b"]), print(&[b"ab"]));
        assert_ne!(print(&[b"a", b"b"]), print(&[b"ab", b""]));
        let other = SecretKeys::generate(&mut Entropy::from_seed(2));
        assert_ne!(print(&[b"a"]), other.request_fingerprint(&[b"a"]));
    }
}
