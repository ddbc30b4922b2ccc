//! Small header values: CSeq, Reason (RFC 3326), Retry-After.

use super::{Method, parameter, split_list};
use crate::time::Duration;

/// A `CSeq`: the number of a request in its dialog, and its method (RFC 3261 §8.1.1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The method the number belongs to.
    pub method: Method,
}

impl CSeq {
    /// Reads `314159 INVITE`; `None` if it is not that or 2^31 or more.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (number, method) = (words.next()?, words.next()?);
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        let number = number.parse::<u32>().ok().filter(|n| digits && *n < 1 << 31)?;
        let method = Method::parse(method)?;
        words.next().is_none().then_some(CSeq { number, method })
    }
}

/// Why a call ended, as the far end's network says it (RFC 3326).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// The Q.850 cause, 1 to 127.
    pub q850: Option<u8>,
    /// The text beside it, for people.
    pub text: Option<String>,
}

impl Cause {
    /// Reads the `Reason` fields of a message; the Q.850 one wins over others.
    pub fn read(headers: &super::Headers) -> Self {
        let mut cause = Cause::default();
        for value in headers.all("Reason").flat_map(split_list) {
            let (protocol, parameters) = value.split_once(';').unwrap_or((value, ""));
            let text = parameter(parameters, "text").filter(|text| !text.is_empty());
            if protocol.trim().eq_ignore_ascii_case("Q.850") {
                let number = parameter(parameters, "cause").and_then(|n| n.trim().parse().ok());
                let known = number.filter(|n| (1..=127).contains(n));
                return Cause { q850: known, text: text.or(cause.text) };
            }
            cause.text = cause.text.or(text);
        }
        cause
    }
}

/// The most a peer may ask us to wait.
const RETRY_AFTER_MAX_S: u64 = 86_400;

/// Reads a `Retry-After` value: seconds, perhaps with a comment and parameters (RFC 3261 §20.33).
pub fn retry_after(value: &str) -> Option<Duration> {
    let digits = value.trim_start();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let seconds: u64 = digits[..end].parse().ok()?;
    Some(Duration::from_secs(seconds.min(RETRY_AFTER_MAX_S)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Headers;

    #[test]
    fn a_cseq_of_two_to_the_31st_is_refused() {
        let highest = CSeq { number: 2_147_483_647, method: Method::Invite };
        assert_eq!(CSeq::parse(" 2147483647\t INVITE "), Some(highest));
        let refused = ["2147483648 INVITE", "1", "INVITE 1", "-1 BYE", "+1 BYE", "1 BYE x", ""];
        for text in refused {
            assert_eq!(CSeq::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_q850_cause_wins_over_a_sip_one() {
        let mut headers = Headers::default();
        headers.push("Reason", r#"SIP ;cause=486 ;text="Busy Here", q.850; cause = 17"#);
        let cause = Cause { q850: Some(17), text: Some("Busy Here".into()) };
        assert_eq!(Cause::read(&headers), cause);
        let mut headers = Headers::default();
        headers.push("Reason", r#"Q.850;cause=999;text="""#);
        assert_eq!(Cause::read(&headers), Cause::default());
    }

    #[test]
    fn retry_after_takes_comments_and_has_a_bound() {
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(retry_after("18000;duration=3600"), seconds(18_000));
        assert_eq!(retry_after("120 (I'm in a meeting)"), seconds(120));
        assert_eq!(retry_after("999999999"), seconds(86_400));
        assert_eq!(retry_after("soon"), None);
    }
}
