//! SIP on the wire (RFC 3261 §7, §25): bytes to messages and back. The only place that names
//! `rsip`.
//!
//! [`parse`] normalises what a peer sent (folded lines, compact names, bare LF, Latin-1) and checks
//! the headers every message must have; [`Draft`] builds what we send. `rsip` gives the model of
//! the header fields and writes them; values are read by our own parsers, because carriers write
//! what its grammar refuses. URIs of peers stay text: they go back as they came.
//!
//! Left out: framing of streams (TCP, TLS) and bodies of several parts other than finding the SDP.

mod address;
mod body;
mod challenge;
mod draft;
mod header;
mod message;
mod normalise;
mod value;
mod via;

pub use address::{HostPort, NameAddr, Uri};
pub use body::{contact, session_description, warning};
pub use challenge::{Challenge, challenges};
pub use draft::{Draft, reason_phrase};
pub use header::Headers;
pub use message::{Envelope, Message, Method, ParseError, Request, Response, parse};
pub(crate) use normalise::text;
pub use value::{CSeq, Cause, retry_after};
pub use via::Via;

/// The longest message read or written, in bytes: the most a UDP datagram can carry.
pub const MESSAGE_BYTES_MAX: usize = 65_535;

/// The most header lines a message may have.
pub const HEADERS_MAX: usize = 256;

/// Splits a header value at its top-level commas, outside quotes and angle brackets (RFC 3261
/// §7.3.1).
pub fn split_list(value: &str) -> Vec<&str> {
    split_outside(value, ',').into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Splits at `separator` wherever it is neither quoted nor inside angle brackets.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped, mut angled) = (false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angled = true,
            '>' if !quoted => angled = false,
            _ if c == separator && !quoted && !angled => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Text without its quotes, escapes undone; other text as it is.
fn unquote(text: &str) -> String {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('"') else { return text.to_owned() };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '"' => break,
            _ => out.push(c),
        }
    }
    out
}

/// The value of parameter `name` in `;a=b;c` text (RFC 3261 §7.3.1), unquoted; "" for a bare name.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    split_outside(parameters, ';').into_iter().find_map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        key.trim().eq_ignore_ascii_case(name).then(|| unquote(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_angles_do_not_split() {
        let value = r#""Doe, \"J\"," <sip:a@b;x=1,2>;tag=1 , <sip:c@d>,"#;
        let parts = split_list(value);
        assert_eq!(parts, [r#""Doe, \"J\"," <sip:a@b;x=1,2>;tag=1"#, "<sip:c@d>"]);
    }

    #[test]
    fn parameters_are_found_whatever_their_case() {
        let text = r#";Tag="a;b";lr;Cause = 16"#;
        assert_eq!(parameter(text, "tag").as_deref(), Some("a;b"));
        assert_eq!(parameter(text, "LR").as_deref(), Some(""));
        assert_eq!(parameter(text, "cause").as_deref(), Some("16"));
        assert_eq!(parameter(text, "x"), None);
    }
}
