//! The Via header (RFC 3261 §20.42; `rport` RFC 3581).

use super::{HostPort, parameter};
use std::net::{IpAddr, SocketAddr};

/// One hop of a message's way: who sent it, and the branch that names its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// The transport, upper case: `UDP`, `TCP`, `TLS` …
    pub transport: String,
    /// Where the sender says it listens.
    pub sent_by: HostPort,
    /// The transaction's name; empty if the sender gave none.
    pub branch: String,
    parameters: String,
}

impl Via {
    /// Reads `SIP / 2.0 / UDP host:port;params`, blanks around the slashes allowed.
    pub fn parse(text: &str) -> Option<Self> {
        let (protocol, rest) = text.trim().split_once('/')?;
        let (version, rest) = rest.split_once('/')?;
        if !protocol.trim().eq_ignore_ascii_case("SIP") || version.trim() != "2.0" {
            return None;
        }
        let (transport, rest) = rest.trim_start().split_once(char::is_whitespace)?;
        let (sent_by, parameters) = rest.split_once(';').unwrap_or((rest, ""));
        Some(Via {
            transport: transport.to_ascii_uppercase(),
            sent_by: HostPort::parse(sent_by)?,
            branch: parameter(parameters, "branch").unwrap_or_default(),
            parameters: parameters.to_owned(),
        })
    }

    /// The value of a Via parameter; "" when it has none.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.parameters, name)
    }

    /// Where the response to a request with this Via goes over UDP (RFC 3261 §18.2.2, RFC 3581 §4).
    ///
    /// Always to the address the request came from: a Via cannot make us send elsewhere.
    pub fn response_destination(&self, source: SocketAddr) -> SocketAddr {
        match self.parameter("rport") {
            Some(_) => source,
            None => SocketAddr::new(source.ip(), self.sent_by.port.unwrap_or(5060)),
        }
    }
}

/// A top Via value as it goes back in a response: `received` and `rport` filled in (RFC 3581 §4).
pub(super) fn completed(value: &str, source: SocketAddr) -> String {
    let Some(via) = Via::parse(value) else { return value.to_owned() };
    let mut out = String::with_capacity(value.len() + 40);
    let (head, parameters) = value.split_once(';').unwrap_or((value, ""));
    out.push_str(head.trim());
    for part in super::split_outside(parameters, ';') {
        let name = part.split('=').next().unwrap_or(part).trim();
        if name.eq_ignore_ascii_case("rport") {
            out.push_str(&format!(";rport={}", source.port()));
        } else if !name.is_empty() && !name.eq_ignore_ascii_case("received") {
            out.push(';');
            out.push_str(part.trim());
        }
    }
    let same = via.sent_by.host.parse::<IpAddr>() == Ok(source.ip());
    if via.parameter("rport").is_some() || !same {
        out.push_str(&format!(";received={}", source.ip()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect(text)
    }

    #[test]
    fn blanks_around_slashes_and_ipv6_are_read() {
        let text =
            "SIP / 2.0 / udp [2001:db8::9:1]:5070;received=[2001:db8::9:255];branch=z9hG4bKas3";
        let via = Via::parse(text).expect("a Via");
        assert_eq!((via.transport.as_str(), via.branch.as_str()), ("UDP", "z9hG4bKas3"));
        assert_eq!(via.sent_by, HostPort { host: "2001:db8::9:1".into(), port: Some(5070) });
        assert_eq!(via.parameter("received").as_deref(), Some("[2001:db8::9:255]"));
    }

    #[test]
    fn a_response_goes_to_the_source_port_only_if_rport_was_asked() {
        let source = address("192.0.2.1:9999");
        let asked = Via::parse("SIP/2.0/UDP a.example:5070;rport;branch=x").expect("a Via");
        assert_eq!(asked.response_destination(source), source);
        let not = Via::parse("SIP/2.0/UDP 10.0.0.1:5070;branch=x").expect("a Via");
        assert_eq!(not.response_destination(source), address("192.0.2.1:5070"));
    }

    #[test]
    fn received_and_rport_are_filled_in() {
        let source = address("192.0.2.1:9999");
        let done = completed("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff", source);
        let expected =
            "SIP/2.0/UDP 10.1.1.1:4540;rport=9999;branch=z9hG4bKkjshdyff;received=192.0.2.1";
        assert_eq!(done, expected);
        let done = completed("SIP/2.0/UDP 192.0.2.1;branch=a", source);
        assert_eq!(done, "SIP/2.0/UDP 192.0.2.1;branch=a");
    }

    #[test]
    fn other_protocols_are_refused() {
        for text in ["", "SIP/3.0/UDP a", "HTTP/2.0/UDP a", "SIP/2.0/UDP", "SIP/2.0/UDP ;x"] {
            assert_eq!(Via::parse(text), None, "{text}");
        }
    }
}
