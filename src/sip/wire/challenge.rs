//! Challenges of `WWW-Authenticate` and `Proxy-Authenticate` (RFC 3261 §20.27, §20.44; RFC 7235
//! §2.1).
//!
//! Several challenges may share one line, separated by the same comma as their parameters.

use super::unquote;

/// One challenge as written; what it means is read in `digest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// `Digest`, `Basic` …
    pub scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter without its quotes.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads every challenge of one header line. Parts that make no sense are stepped over.
pub fn challenges(line: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    for part in super::split_list(line) {
        let first = part.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(part.len());
        let after = part[first..].trim_start();
        // `name=value` goes on with the challenge before; `Scheme name=value` starts another.
        let pair = if after.starts_with('=') {
            part
        } else {
            found.push(Challenge { scheme: part[..first].to_owned(), parameters: Vec::new() });
            after
        };
        if let (Some((name, value)), Some(challenge)) = (pair.split_once('='), found.last_mut()) {
            challenge.parameters.push((name.trim().to_owned(), unquote(value)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_challenges_on_one_line_are_told_apart() {
        let line = r#"Digest realm="a, b", qop="auth,auth-int", nonce="x=", Basic realm="c",
             Digest algorithm=SHA-256 , realm="d\"""#;
        let all = challenges(line);
        let schemes: Vec<_> = all.iter().map(|c| c.scheme.as_str()).collect();
        assert_eq!(schemes, ["Digest", "Basic", "Digest"]);
        assert_eq!(all[0].parameter("REALM"), Some("a, b"));
        assert_eq!(all[0].parameter("qop"), Some("auth,auth-int"));
        assert_eq!(all[0].parameter("nonce"), Some("x="));
        assert_eq!(all[2].parameter("algorithm"), Some("SHA-256"));
        assert_eq!(all[2].parameter("realm"), Some("d\""));
    }

    #[test]
    fn nonsense_gives_no_parameters() {
        for line in ["", ",", "=", "Digest", "Digest ,,= ,", "\"", "Digest \"a"] {
            assert!(challenges(line).iter().all(|c| c.parameter("nonce").is_none()), "{line}");
        }
    }
}
