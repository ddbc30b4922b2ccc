//! Digest authentication, client side (RFC 7616, RFC 8760, RFC 2617; RFC 3261 §22).
//!
//! All challenges of a response are read; of each protection space the strongest one we support is
//! answered, proxies and servers in the same request. A space gets one answer a request, and
//! another only if its server calls the nonce stale, so wrong credentials never cause a storm.
//!
//! Left out: `userhash`, and keeping nonces from one call to the next.

use super::order::Credentials;
use super::wire::{Challenge, Headers, challenges};
use crate::entropy::Entropy;
use sha2::Digest as _;

/// The most protection spaces one call answers.
const SPACES_MAX: usize = 4;

/// The most answers one request carries in turn, stale nonces included.
const ROUNDS_MAX: u8 = 5;

/// A hash function of RFC 8760 §2.1, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
    Sha512Of256,
}

impl Hash {
    fn hex(self, parts: &[&[u8]]) -> String {
        let text = parts.join(&b':');
        match self {
            Hash::Md5 => hex::encode(md5::Md5::digest(&text)),
            Hash::Sha256 => hex::encode(sha2::Sha256::digest(&text)),
            Hash::Sha512Of256 => hex::encode(sha2::Sha512_256::digest(&text)),
        }
    }
}

/// What the response protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quality {
    /// No `qop` (RFC 2617 §3.2.1, for old servers).
    None,
    Auth,
    AuthInt,
}

/// A challenge we can answer.
#[derive(Clone)]
struct Space {
    proxy: bool,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// The algorithm as the server wrote it; absent means MD5.
    algorithm: Option<String>,
    hash: Hash,
    session: bool,
    quality: Quality,
    stale: bool,
    cnonce: String,
    /// How often the nonce was used.
    count: u32,
    /// Whether the request at hand was answered already.
    answered: bool,
}

/// Why a challenge is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AuthError {
    /// No credentials, or they were not taken.
    #[error("the credentials were not taken, or there are none")]
    Rejected,
    /// Nothing we know how to answer.
    #[error("no supported kind of authentication is offered")]
    Unsupported,
}

/// Answers the challenges one call meets.
pub(super) struct Authenticator {
    credentials: Option<Credentials>,
    spaces: Vec<Space>,
    rounds: u8,
}

impl Authenticator {
    pub fn new(credentials: Option<Credentials>) -> Self {
        Authenticator { credentials, spaces: Vec::new(), rounds: 0 }
    }

    /// To be called before the first sending of each request: its challenges count anew.
    pub fn begin_request(&mut self) {
        self.rounds = 0;
        for space in &mut self.spaces {
            space.answered = false;
        }
    }

    /// Takes in the challenges of a 401 or 407.
    ///
    /// # Errors
    /// If the request must not be sent again.
    pub fn challenged(
        &mut self,
        headers: &Headers,
        entropy: &mut Entropy,
    ) -> Result<(), AuthError> {
        let offered = offered(headers, entropy);
        if offered.is_empty() {
            return Err(AuthError::Unsupported);
        }
        self.rounds += 1;
        if self.credentials.is_none() || self.rounds > ROUNDS_MAX {
            return Err(AuthError::Rejected);
        }
        for mut space in offered {
            let known = |old: &Space| old.proxy == space.proxy && old.realm == space.realm;
            match self.spaces.iter().position(known) {
                Some(at) => {
                    let old = &self.spaces[at];
                    let again = space.stale && old.nonce != space.nonce;
                    if old.answered && !again {
                        return Err(AuthError::Rejected);
                    }
                    if old.nonce == space.nonce {
                        space.count = old.count;
                    }
                    self.spaces[at] = space;
                }
                None if self.spaces.len() < SPACES_MAX => self.spaces.push(space),
                None => return Err(AuthError::Rejected),
            }
        }
        Ok(())
    }

    /// Adds `Authorization` and `Proxy-Authorization` for every space met so far.
    pub fn authorize(&mut self, method: &str, uri: &str, body: &[u8], headers: &mut Headers) {
        let Some(credentials) = &self.credentials else { return };
        for space in &mut self.spaces {
            space.answered = true;
            space.count += 1;
            let value = space.authorization(credentials, method, uri, body);
            let name = if space.proxy { "Proxy-Authorization" } else { "Authorization" };
            headers.push(name, value);
        }
    }
}

/// The strongest challenge we can answer of each protection space.
fn offered(headers: &Headers, entropy: &mut Entropy) -> Vec<Space> {
    let mut best: Vec<Space> = Vec::new();
    for (name, proxy) in [("WWW-Authenticate", false), ("Proxy-Authenticate", true)] {
        for challenge in headers.all(name).flat_map(challenges) {
            let Some(space) = Space::read(&challenge, proxy, entropy) else { continue };
            match best.iter_mut().find(|b| b.proxy == proxy && b.realm == space.realm) {
                Some(other) if other.hash < space.hash => *other = space,
                Some(_) => {}
                None => best.push(space),
            }
        }
    }
    best
}

impl Space {
    fn read(challenge: &Challenge, proxy: bool, entropy: &mut Entropy) -> Option<Space> {
        if !challenge.scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let algorithm = challenge.parameter("algorithm").map(str::to_owned);
        let name = algorithm.as_deref().unwrap_or("MD5").to_ascii_uppercase();
        let session = name.ends_with("-SESS");
        let hash = match name.trim_end_matches("-SESS") {
            "MD5" => Hash::Md5,
            "SHA-256" => Hash::Sha256,
            "SHA-512-256" => Hash::Sha512Of256,
            _ => return None,
        };
        let quality = match challenge.parameter("qop").map(str::trim) {
            None | Some("") => Quality::None,
            Some(list) => {
                let has = |name| list.split(',').any(|q| q.trim().eq_ignore_ascii_case(name));
                match (has("auth"), has("auth-int")) {
                    (true, _) => Quality::Auth,
                    (false, true) => Quality::AuthInt,
                    (false, false) => return None,
                }
            }
        };
        Some(Space {
            proxy,
            realm: challenge.parameter("realm")?.to_owned(),
            nonce: challenge.parameter("nonce")?.to_owned(),
            opaque: challenge.parameter("opaque").map(str::to_owned),
            algorithm,
            hash,
            session,
            quality,
            stale: challenge.parameter("stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
            cnonce: entropy.token::<8>(),
            count: 0,
            answered: false,
        })
    }

    fn authorization(&self, who: &Credentials, method: &str, uri: &str, body: &[u8]) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut value = format!(
            r#"Digest username="{}", realm="{}", nonce="{}", uri="{}", response="{}""#,
            quoted(&who.username),
            quoted(&self.realm),
            quoted(&self.nonce),
            uri,
            self.response(who, method, uri, body),
        );
        if let Some(algorithm) = &self.algorithm {
            value.push_str(&format!(", algorithm={algorithm}"));
        }
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(r#", opaque="{}""#, quoted(opaque)));
        }
        if let Some(qop) = self.qop() {
            let (count, cnonce) = (self.count, &self.cnonce);
            value.push_str(&format!(r#", qop={qop}, nc={count:08x}, cnonce="{cnonce}""#));
        } else if self.session {
            value.push_str(&format!(r#", cnonce="{}""#, self.cnonce));
        }
        value
    }

    fn qop(&self) -> Option<&'static str> {
        match self.quality {
            Quality::None => None,
            Quality::Auth => Some("auth"),
            Quality::AuthInt => Some("auth-int"),
        }
    }

    /// RFC 7616 §3.4.1 to §3.4.3.
    fn response(&self, who: &Credentials, method: &str, uri: &str, body: &[u8]) -> String {
        let hash = |parts: &[&[u8]]| self.hash.hex(parts);
        let (nonce, cnonce) = (self.nonce.as_bytes(), self.cnonce.as_bytes());
        let password = who.password.expose().as_bytes();
        let mut a1 = hash(&[who.username.as_bytes(), self.realm.as_bytes(), password]);
        if self.session {
            a1 = hash(&[a1.as_bytes(), nonce, cnonce]);
        }
        let a2 = match self.quality {
            Quality::AuthInt => {
                hash(&[method.as_bytes(), uri.as_bytes(), hash(&[body]).as_bytes()])
            }
            Quality::None | Quality::Auth => hash(&[method.as_bytes(), uri.as_bytes()]),
        };
        let count = format!("{:08x}", self.count);
        match self.qop() {
            None => hash(&[a1.as_bytes(), nonce, a2.as_bytes()]),
            Some(qop) => hash(&[
                a1.as_bytes(),
                nonce,
                count.as_bytes(),
                cnonce,
                qop.as_bytes(),
                a2.as_bytes(),
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Redacted;

    fn who(username: &str, password: &str) -> Credentials {
        Credentials { username: username.into(), password: Redacted::new(password.into()) }
    }

    fn space(challenge: &str, cnonce: &str) -> Space {
        let challenge = &challenges(challenge)[0];
        let mut space = Space::read(challenge, false, &mut Entropy::from_seed(1)).expect("usable");
        space.cnonce = cnonce.into();
        space.count = 1;
        space
    }

    #[test]
    fn the_example_of_rfc_2617_section_3_5() {
        let challenge = r#"Digest realm="testrealm@host.com", qop="auth,auth-int",
            nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
        let who = who("Mufasa", "Circle Of Life");
        let space = space(challenge, "0a4f113b");
        let response = space.response(&who, "GET", "/dir/index.html", b"");
        assert_eq!(response, "6629fae49393a05397450978507c4ef1");
        let expected = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", \
            response=\"6629fae49393a05397450978507c4ef1\", \
            opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", qop=auth, nc=00000001, \
            cnonce=\"0a4f113b\"";
        assert_eq!(space.authorization(&who, "GET", "/dir/index.html", b""), expected);
    }

    #[test]
    fn the_examples_of_rfc_7616_section_3_9_1() {
        let (nonce, cnonce) = (
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        );
        let expected = [
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ];
        for (algorithm, response) in expected {
            let challenge = format!(
                r#"Digest realm="http-auth@example.org", qop="auth, auth-int",
                algorithm={algorithm}, nonce="{nonce}""#
            );
            let who = who("Mufasa", "Circle of Life");
            let space = space(&challenge, cnonce);
            assert_eq!(space.response(&who, "GET", "/dir/index.html", b""), response);
        }
    }

    /// The response printed in the RFC is wrong; this is the one of its erratum 4897.
    #[test]
    fn the_example_of_rfc_7616_section_3_9_2() {
        let challenge = r#"Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256,
            nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK""#;
        let who = who("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
        let space = space(challenge, "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v");
        let response = space.response(&who, "GET", "/doe.json", b"");
        assert_eq!(response, "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
    }

    #[test]
    fn a_challenge_without_qop_is_answered_without_count() {
        let space = space(r#"Digest realm="r", nonce="n""#, "c");
        let value = space.authorization(&who("u", "p"), "INVITE", "sip:a", b"");
        // Worked out with another implementation of MD5.
        let expected = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:a\", \
            response=\"4c24ec560b5bcadcc1cfe9e4da4db19a\"";
        assert_eq!(value, expected);
    }

    fn challenged(auth: &mut Authenticator, lines: &[(&str, &str)]) -> Result<String, AuthError> {
        let mut headers = Headers::default();
        for (name, value) in lines {
            headers.push(name, *value);
        }
        auth.challenged(&headers, &mut Entropy::from_seed(9))?;
        let mut sent = Headers::default();
        auth.authorize("INVITE", "sip:a", b"", &mut sent);
        Ok(sent.to_string())
    }

    #[test]
    fn the_strongest_of_all_challenges_is_answered() {
        let mut auth = Authenticator::new(Some(who("u", "p")));
        let lines = [
            ("WWW-Authenticate", r#"Digest realm="r", nonce="1""#),
            (
                "WWW-Authenticate",
                r#"Digest realm="r", nonce="2", algorithm=SHA-512-256, qop="auth""#,
            ),
            (
                "WWW-Authenticate",
                r#"Digest realm="r", nonce="3", algorithm=SHA-256, Basic realm="r""#,
            ),
            ("Proxy-Authenticate", r#"Digest realm="p", nonce="4", algorithm=AKAv1-MD5"#),
            ("Proxy-Authenticate", r#"Digest realm="p", nonce="5""#),
        ];
        let sent = challenged(&mut auth, &lines).expect("answered");
        assert_eq!(sent.lines().count(), 2, "{sent}");
        assert!(sent.starts_with("Authorization: Digest ") && sent.contains("nonce=\"2\""));
        assert!(sent.contains("Proxy-Authorization: Digest ") && sent.contains("nonce=\"5\""));
    }

    #[test]
    fn a_second_challenge_is_a_rejection_unless_the_nonce_was_stale() {
        let mut auth = Authenticator::new(Some(who("u", "p")));
        let ask = |auth: &mut Authenticator, rest: &str| {
            challenged(auth, &[("WWW-Authenticate", &format!("Digest realm=\"r\", {rest}"))])
        };
        assert!(ask(&mut auth, "nonce=\"1\", qop=\"auth\"").is_ok());
        let again = ask(&mut auth, "nonce=\"2\", qop=\"auth\", stale=TRUE").expect("stale");
        assert!(again.contains("nonce=\"2\"") && again.contains("nc=00000001"));
        assert_eq!(ask(&mut auth, "nonce=\"2\", stale=true"), Err(AuthError::Rejected));
        assert_eq!(ask(&mut auth, "nonce=\"3\""), Err(AuthError::Rejected));
    }

    #[test]
    fn a_server_that_calls_every_nonce_stale_is_given_up() {
        let mut auth = Authenticator::new(Some(who("u", "p")));
        let mut answers = 0;
        for nonce in 0..20 {
            let line = format!("Digest realm=\"r\", stale=true, nonce=\"{nonce}\"");
            answers += u32::from(challenged(&mut auth, &[("WWW-Authenticate", &line)]).is_ok());
        }
        assert_eq!(answers, 5);
    }

    #[test]
    fn a_later_request_uses_the_nonce_again_with_a_hexadecimal_count() {
        let mut auth = Authenticator::new(Some(who("u", "p")));
        let line = ("Proxy-Authenticate", r#"Digest realm="r", nonce="1", qop="auth""#);
        challenged(&mut auth, &[line]).expect("answered");
        let mut last = String::new();
        for _ in 0..9 {
            auth.begin_request();
            let mut headers = Headers::default();
            auth.authorize("BYE", "sip:a", b"", &mut headers);
            last = headers.to_string();
        }
        assert!(last.contains("nc=0000000a,"), "{last}");
    }

    #[test]
    fn without_credentials_or_a_known_kind_there_is_no_answer() {
        let digest = ("WWW-Authenticate", r#"Digest realm="r", nonce="1""#);
        let mut nobody = Authenticator::new(None);
        assert_eq!(challenged(&mut nobody, &[digest]), Err(AuthError::Rejected));
        let mut auth = Authenticator::new(Some(who("u", "p")));
        for line in [
            r#"Basic realm="r""#,
            r#"Digest realm="r", nonce="1", algorithm=SHA-3"#,
            r#"Digest realm="r", nonce="1", qop="auth-conf""#,
            r#"Digest nonce="1""#,
            "Digest",
        ] {
            let asked = challenged(&mut auth, &[("WWW-Authenticate", line)]);
            assert_eq!(asked, Err(AuthError::Unsupported), "{line}");
        }
    }
}
