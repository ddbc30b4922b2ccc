//! The carrier's side of digest authentication (RFC 7616 §3.4), computed on its own.

use super::plan::{Algorithm, Challenge};
use crate::sim::text::Heard;
use sha2::Digest as _;

pub const USERNAME: &str = "belfry-1";
pub const PASSWORD: &str = "carriage return";
const REALM: &str = "carrier.example";

/// The header line that challenges.
pub fn challenge(challenge: Challenge, nonce: &str) -> String {
    let name = if challenge.status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
    let algorithm = match challenge.algorithm {
        Algorithm::Md5 => "",
        Algorithm::Sha256 => ", algorithm=SHA-256",
    };
    let qop = if challenge.qop { ", qop=\"auth,auth-int\"" } else { "" };
    format!("{name}: Digest realm=\"{REALM}\", nonce=\"{nonce}\"{algorithm}{qop}\r\n")
}

/// Checks the credentials a request carries; `None` if it carries none.
pub fn check(challenge: Challenge, nonce: &str, request: &Heard) -> Option<Result<(), String>> {
    let name = if challenge.status == 401 { "Authorization" } else { "Proxy-Authorization" };
    let value = request.header(name);
    (!value.is_empty()).then(|| check_value(challenge, nonce, request, value))
}

fn check_value(
    challenge: Challenge,
    nonce: &str,
    request: &Heard,
    value: &str,
) -> Result<(), String> {
    let fields = value.strip_prefix("Digest ").ok_or("not Digest")?;
    let field = |name: &str| {
        let mut parts = fields.split(", ");
        let found = parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().trim_matches('"')
    };
    for (name, wanted) in [("username", USERNAME), ("realm", REALM), ("nonce", nonce)] {
        if field(name) != wanted {
            return Err(format!("{name} is {}, not {wanted}", field(name)));
        }
    }
    let method = request.method().unwrap_or_default();
    let hash = |text: String| match challenge.algorithm {
        Algorithm::Md5 => hex::encode(md5::Md5::digest(text)),
        Algorithm::Sha256 => hex::encode(sha2::Sha256::digest(text)),
    };
    let ha1 = hash(format!("{USERNAME}:{REALM}:{PASSWORD}"));
    let (uri, qop, nc, cnonce) = (field("uri"), field("qop"), field("nc"), field("cnonce"));
    let ha2 = match qop {
        "auth-int" => hash(format!("{method}:{uri}:{}", hash(request.body.clone()))),
        _ => hash(format!("{method}:{uri}")),
    };
    let wanted = match (challenge.qop, qop) {
        (true, "auth" | "auth-int") => hash(format!("{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")),
        (false, "") => hash(format!("{ha1}:{nonce}:{ha2}")),
        _ => return Err(format!("qop `{qop}` was not offered")),
    };
    if uri != request.request_uri() {
        return Err(format!("digest for {uri} in a request for {}", request.request_uri()));
    }
    if field("response") == wanted { Ok(()) } else { Err("wrong digest".to_owned()) }
}
