//! Header fields in order, found by name (RFC 3261 §7.3, §20), held as `rsip` headers.
//!
//! Values are text; the typed readers beside this file give them meaning.

use rsip::headers::{Header, UntypedHeader, untyped};
use std::fmt::{self, Write as _};

/// The header fields of a message, in order, repeated ones kept apart.
/// Its `Debug` shows names only: values hold numbers and credentials.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<Header>);

macro_rules! known_headers {
    ($($variant:ident $name:literal)*) => {
        fn header(name: &str, value: String) -> Header {
            $(if name.eq_ignore_ascii_case($name) {
                return Header::$variant(untyped::$variant::new(value));
            })*
            Header::Other(name.to_owned(), value)
        }

        fn parts(header: &Header) -> (&str, &str) {
            match header {
                $(Header::$variant(inner) => ($name, inner.value()),)*
                Header::Other(name, value) => (name, value),
            }
        }
    };
}

known_headers! {
    Via "Via" From "From" To "To" CallId "Call-ID" CSeq "CSeq" Contact "Contact"
    ContentLength "Content-Length" ContentType "Content-Type" RecordRoute "Record-Route"
    Route "Route" MaxForwards "Max-Forwards" Allow "Allow" UserAgent "User-Agent" Server "Server"
    Supported "Supported" Require "Require" Unsupported "Unsupported" Warning "Warning"
    RetryAfter "Retry-After" WwwAuthenticate "WWW-Authenticate" Authorization "Authorization"
    ProxyAuthenticate "Proxy-Authenticate" ProxyAuthorization "Proxy-Authorization"
    ProxyRequire "Proxy-Require" Accept "Accept" AcceptEncoding "Accept-Encoding"
    AcceptLanguage "Accept-Language" AlertInfo "Alert-Info"
    AuthenticationInfo "Authentication-Info" CallInfo "Call-Info"
    ContentDisposition "Content-Disposition" ContentEncoding "Content-Encoding"
    ContentLanguage "Content-Language" Date "Date" ErrorInfo "Error-Info" Event "Event"
    Expires "Expires" InReplyTo "In-Reply-To" MimeVersion "MIME-Version"
    MinExpires "Min-Expires" Organization "Organization" Priority "Priority"
    ReplyTo "Reply-To" Subject "Subject" SubscriptionState "Subscription-State"
    Timestamp "Timestamp"
}

/// Whether text is a `token` (RFC 3261 §25.1), as names and methods are.
pub(super) fn is_token(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
    !text.is_empty() && text.bytes().all(good)
}

/// The full name for a compact one (RFC 3261 §7.3.3 and the IANA registry); other names as they
/// are.
pub(super) fn full_name(name: &str) -> &str {
    let [letter] = name.as_bytes() else { return name };
    match letter.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => name,
    }
}

impl Headers {
    /// Adds a field at the end. Control characters in it become spaces, so that no value can start
    /// a line of its own; a field whose name is no token is left out.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        if !is_token(name) {
            return;
        }
        let mut value: String = value.into();
        if value.contains(|c: char| c.is_control() && c != '\t') {
            value = value.replace(|c: char| c.is_control() && c != '\t', " ");
        }
        self.0.push(header(name, value));
    }

    /// The value of the first field of this name, whatever its case.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .map(parts)
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The values of all fields of this name, in order, one a line.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .map(parts)
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The items of all fields of this name, comma-separated lists taken apart.
    pub fn items<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(super::split_list)
    }

    /// Every field as name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(parts)
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes every field of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|header| !parts(header).0.eq_ignore_ascii_case(name));
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for header in &self.0 {
            write!(f, "{header}")?;
            f.write_char('\r')?;
            f.write_char('\n')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_any_spelling_and_written_by_the_usual_one() {
        let mut headers = Headers::default();
        headers.push("cseq", "1 INVITE");
        headers.push("www-authenticate", "Digest a=b");
        headers.push("P-Asserted-Identity", "<sip:1@a>");
        assert_eq!(headers.first("CSEQ"), Some("1 INVITE"));
        let text = headers.to_string();
        let written = "CSeq: 1 INVITE\r\nWWW-Authenticate: Digest a=b\r\n\
                       P-Asserted-Identity: <sip:1@a>\r\n";
        assert_eq!(text, written);
    }

    #[test]
    fn a_value_cannot_start_a_line_of_its_own() {
        let mut headers = Headers::default();
        headers.push("Subject", "a\r\nVia: evil\n\u{0}");
        headers.push("X: y\r\nVia", "evil");
        assert_eq!(headers.to_string(), "Subject: a  Via: evil  \r\n");
    }

    #[test]
    fn lists_are_taken_apart_across_lines() {
        let mut headers = Headers::default();
        headers.push("Record-Route", "<sip:a;lr>, <sip:b;lr>");
        headers.push("Record-Route", "<sip:c;lr>");
        let items: Vec<_> = headers.items("Record-Route").collect();
        assert_eq!(items, ["<sip:a;lr>", "<sip:b;lr>", "<sip:c;lr>"]);
    }
}
