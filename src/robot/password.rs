//! How the phone checks a caller's password: MD5 digest (RFC 2617 §3.2.2), written on its own.

use super::behaviour::Challenge;
use super::message::Message;
use md5::{Digest, Md5};

/// The realm of the phone.
const REALM: &str = "robot";

impl Challenge {
    /// The header field with which the phone asks for the password.
    pub(super) fn header(&self, nonce: &str) -> String {
        let name = if self.status == 407 { "Proxy-Authenticate" } else { "WWW-Authenticate" };
        format!(
            "{name}: Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"\r\n"
        )
    }

    /// Whether the request proves that its sender knows the password, for this nonce.
    pub(super) fn is_met_by(&self, request: &Message, nonce: &str) -> bool {
        let name = if self.status == 407 { "Proxy-Authorization" } else { "Authorization" };
        let Some(field) = request.header(name).and_then(|field| field.strip_prefix("Digest "))
        else {
            return false;
        };
        let given = |name| given(field, name).unwrap_or_default();
        let known = [
            ("username", self.username.as_str()),
            ("realm", REALM),
            ("nonce", nonce),
            ("uri", request.uri()),
            ("qop", "auth"),
        ];
        if known.iter().any(|&(name, value)| given(name) != value) || given("nc") != "00000001" {
            return false;
        }
        let password = self.password.expose();
        let secret = md5_hex(&format!("{}:{REALM}:{password}", self.username));
        let what = md5_hex(&format!("{}:{}", request.method(), given("uri")));
        let (nc, cnonce) = (given("nc"), given("cnonce"));
        let expected = md5_hex(&format!("{secret}:{nonce}:{nc}:{cnonce}:auth:{what}"));
        given("response") == expected
    }
}

/// The value of `name` in the list of a digest, without quotes.
fn given<'a>(field: &'a str, name: &str) -> Option<&'a str> {
    let mut quoted = false;
    let mut parts = field.split(|character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    });
    parts.find_map(|part| {
        let value = part.trim().strip_prefix(name)?.strip_prefix('=')?;
        Some(value.trim_matches('"'))
    })
}

fn md5_hex(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}
