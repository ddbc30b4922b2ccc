//! Name-addr values (From, To, Contact, Route, Record-Route) and what we need of the URIs in them.
//!
//! RFC 3261 §20.10, §25.1. A URI stays the text the peer wrote; host, port and the parameters that
//! decide routing are read out of it.

use super::{parameter, unquote};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A `name-addr` or `addr-spec` with its header parameters.
/// Its `Debug` shows the scheme of the URI only.
#[derive(Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name without quotes, if there is one.
    pub display: Option<String>,
    /// The URI as written.
    pub uri: Uri,
    parameters: String,
}

impl NameAddr {
    /// Reads `"Name" <uri>;params`, `Name <uri>`, or a bare `uri;params`, whose parameters then
    /// belong to the header (RFC 3261 §20.10).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let open = open_angle(text);
        let (display, uri, parameters) = match open {
            Some(open) => {
                let close = open + text[open..].find('>')?;
                let display = Some(unquote(&text[..open])).filter(|name| !name.is_empty());
                (display, &text[open + 1..close], &text[close + 1..])
            }
            None => {
                let end = text.find(';').unwrap_or(text.len());
                (None, &text[..end], &text[end..])
            }
        };
        let uri = Uri::parse(uri)?;
        Some(NameAddr { display, uri, parameters: parameters.trim().to_owned() })
    }

    /// The value of a header parameter; "" when it has none.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(self.parameters.trim_start_matches(';'), name)
    }

    /// The `tag` that names one side of a dialog.
    pub fn tag(&self) -> Option<String> {
        self.parameter("tag").filter(|tag| !tag.is_empty())
    }
}

impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameAddr({:?})", self.uri)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:[redacted]", self.0.split(':').next().unwrap_or_default())
    }
}

/// Where the `<` of the URI is, stepping over one inside a quoted display name.
fn open_angle(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => return Some(at),
            _ => {}
        }
    }
    // A display name whose closing quote is missing still has its URI at the end.
    if quoted { text.rfind('<') } else { None }
}

/// A URI as text (`sip:`, `sips:`, `tel:` or any other scheme).
/// Its `Debug` shows the scheme only: the rest may be a number.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri(String);

/// A host with an optional port, as in a SIP URI or a Via.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The port, if one was written.
    pub port: Option<u16>,
}

impl Uri {
    /// Accepts anything that has a scheme and no blank, angle bracket or control character in it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':')?;
        let letter = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        let scheme_is_good =
            scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(letter);
        let bad = |c: char| c.is_control() || c.is_whitespace() || c == '<' || c == '>';
        (scheme_is_good && !rest.is_empty() && !rest.contains(bad)).then(|| Uri(text.to_owned()))
    }

    /// The URI as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port of a SIP or SIPS URI; `None` for other schemes.
    pub fn host_port(&self) -> Option<HostPort> {
        let (scheme, rest) = self.0.split_once(':')?;
        let sip = scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips");
        let end = rest.find('?').unwrap_or(rest.len());
        let after_user = rest[..end].rsplit_once('@').map_or(&rest[..end], |(_, host)| host);
        let host_port = after_user.split(';').next()?;
        if sip { HostPort::parse(host_port) } else { None }
    }

    /// The value of a URI parameter (`transport`, `lr`, `maddr`); "" when it has none.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let rest = self.0.rsplit_once('@').map_or(self.0.as_str(), |(_, host)| host);
        let rest = rest.split('?').next()?;
        parameter(rest.split_once(';')?.1, name)
    }

    /// Whether the URI names a loose router (RFC 3261 §19.1.1).
    pub fn is_loose_router(&self) -> bool {
        self.parameter("lr").is_some()
    }

    /// The address the URI names, when it names one by number: `maddr` first, port 5060 by default.
    pub fn address(&self) -> Option<SocketAddr> {
        let mut at = self.host_port()?;
        if let Some(maddr) = self.parameter("maddr").and_then(|m| HostPort::parse(&m)) {
            at.host = maddr.host;
        }
        let ip: IpAddr = at.host.parse().ok()?;
        let port = at.port.unwrap_or(5060);
        let usable = !ip.is_unspecified() && !ip.is_multicast() && port != 0;
        usable.then(|| SocketAddr::new(ip, port))
    }
}

impl HostPort {
    /// Reads `host`, `host:port`, `[v6]:port`; also a bare IPv6 address, as some write in
    /// `received`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (host, port) = match text.strip_prefix('[') {
            Some(inner) => {
                let (host, after) = inner.split_once(']')?;
                (host, after.trim_start().strip_prefix(':'))
            }
            None if text.matches(':').count() > 1 => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let host = host.trim();
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-._:%".contains(&b) || b >= 0x80;
        if host.is_empty() || !host.bytes().all(good) {
            return None;
        }
        let port = match port.map(str::trim) {
            None | Some("") => None,
            Some(port) => Some(port.parse().ok()?),
        };
        Some(HostPort { host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> NameAddr {
        NameAddr::parse(text).expect(text)
    }

    #[test]
    fn an_angle_bracket_in_a_display_name_is_not_the_uri() {
        let value = read(r#""a <b> \"c\"" <sip:x@y;transport=udp>;tag=1"#);
        assert_eq!(value.display.as_deref(), Some(r#"a <b> "c""#));
        assert_eq!(value.uri.as_str(), "sip:x@y;transport=udp");
        assert_eq!(value.tag().as_deref(), Some("1"));
    }

    #[test]
    fn parameters_of_a_bare_uri_belong_to_the_header() {
        let value = read("sip:+12125551212@server.phone2net.com;tag=887s");
        assert_eq!(value.uri.as_str(), "sip:+12125551212@server.phone2net.com");
        assert_eq!(value.tag().as_deref(), Some("887s"));
    }

    #[test]
    fn a_tel_uri_and_an_unquoted_name_are_read() {
        let value = read("Jos\u{e9} Doe <tel:+3225805000;phone-context=a>;tag=x");
        assert_eq!(value.display.as_deref(), Some("Jos\u{e9} Doe"));
        assert_eq!(value.uri.host_port(), None);
        assert_eq!(value.uri.address(), None);
    }

    #[test]
    fn a_missing_closing_quote_does_not_lose_the_uri() {
        assert_eq!(read(r#""Doe <sip:a@b>;tag=2"#).uri.as_str(), "sip:a@b");
    }

    #[test]
    fn host_port_and_routing_parameters_are_read_from_the_text() {
        let uri = Uri::parse("sip:a;b@[2001:db8::1]:5070;lr;maddr=192.0.2.7?x=y").expect("a URI");
        let at = HostPort { host: "2001:db8::1".into(), port: Some(5070) };
        assert_eq!(uri.host_port(), Some(at));
        assert!(uri.is_loose_router());
        assert_eq!(uri.address(), "192.0.2.7:5070".parse().ok());
    }

    #[test]
    fn an_address_that_nothing_can_be_sent_to_is_none() {
        for text in ["sip:a@0.0.0.0", "sip:a@239.1.1.1", "sip:a@1.2.3.4:0", "sip:a@pbx.example"] {
            assert_eq!(Uri::parse(text).expect(text).address(), None, "{text}");
        }
    }

    #[test]
    fn text_without_a_uri_is_refused() {
        for text in ["", "<>", "<sip:>", "a b", "<sip:a b>", "\"x", "<sip:a@b", ":x"] {
            assert_eq!(NameAddr::parse(text), None, "{text}");
        }
    }
}
