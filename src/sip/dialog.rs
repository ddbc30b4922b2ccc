//! Dialogs: who talks to whom, through which proxies, with which sequence numbers (RFC 3261 §12).

use super::wire::{Draft, Headers, Method, NameAddr, Request, Response, Uri, contact};
use std::net::{IpAddr, SocketAddr};

/// The most hops of a route set. A longer Record-Route is a mistake or an attack; its rest is left
/// out.
const ROUTES_MAX: usize = 32;

/// What stays the same in every request of one call.
pub(super) struct CallIdentity {
    pub call_id: String,
    /// The From value of our requests, tag included.
    pub from: String,
    pub local_tag: String,
    /// The Request-URI of the INVITE, for peers that give no Contact.
    pub request_uri: String,
    /// Where the INVITE went, for peers whose next hop is no address.
    pub target: SocketAddr,
}

/// One dialog of a call, early or confirmed.
#[derive(Clone)]
pub(super) struct Dialog {
    /// Empty for a peer of RFC 2543, which gives none.
    pub remote_tag: String,
    /// The To value of our requests, the peer's tag included.
    to: String,
    /// The URIs to go through, nearest first.
    route_set: Vec<String>,
    remote_target: String,
    pub local_number: u32,
    remote_number: Option<u32>,
}

impl Dialog {
    /// The dialog that a response to our INVITE of `number` makes (RFC 3261 §12.1.2).
    pub fn from_response(identity: &CallIdentity, number: u32, response: &Response) -> Self {
        let mut dialog = Dialog {
            remote_tag: response.envelope.to.tag().unwrap_or_default(),
            to: response.headers.first("To").unwrap_or_default().to_owned(),
            route_set: Vec::new(),
            remote_target: identity.request_uri.clone(),
            local_number: number,
            remote_number: None,
        };
        dialog.take_routes(&response.headers);
        dialog.refresh_target(&response.headers);
        dialog
    }

    /// The dialog a peer's request speaks of before we saw its response (the 2xx was overtaken).
    pub fn from_request(identity: &CallIdentity, number: u32, request: &Request) -> Self {
        let mut dialog = Dialog {
            remote_tag: request.envelope.from.tag().unwrap_or_default(),
            to: request.headers.first("From").unwrap_or_default().to_owned(),
            route_set: Vec::new(),
            remote_target: identity.request_uri.clone(),
            local_number: number,
            remote_number: None,
        };
        dialog.refresh_target(&request.headers);
        dialog
    }

    /// Takes over what the 2xx says: it may route differently from the 18x (RFC 3261 §13.2.2.4).
    pub fn confirm(&mut self, response: &Response) {
        self.take_routes(&response.headers);
        self.refresh_target(&response.headers);
    }

    fn take_routes(&mut self, headers: &Headers) {
        let routes = headers.items("Record-Route").take(ROUTES_MAX).map(str::to_owned);
        self.route_set = routes.collect();
        self.route_set.reverse();
    }

    /// Takes the Contact of a response or target refresh request, if it has a usable one.
    pub fn refresh_target(&mut self, headers: &Headers) {
        if let Some(contact) = contact(headers) {
            contact.uri.as_str().clone_into(&mut self.remote_target);
        }
    }

    /// Whether a request of the peer's is in order; remembers its number (RFC 3261 §12.2.2).
    pub fn takes_number(&mut self, number: u32) -> bool {
        if self.remote_number.is_some_and(|last| number <= last) {
            return false;
        }
        self.remote_number = Some(number);
        true
    }

    /// A new request inside the dialog.
    pub fn request(&mut self, identity: &CallIdentity, method: &Method, via: String) -> Draft {
        self.local_number += 1;
        self.draft(identity, method, self.local_number, via)
    }

    /// The ACK of a 2xx to the INVITE of `number` (RFC 3261 §13.2.2.4).
    pub fn ack(&self, identity: &CallIdentity, number: u32, via: String) -> Draft {
        self.draft(identity, &Method::Ack, number, via)
    }

    /// RFC 3261 §12.2.1.1, strict routers included.
    fn draft(&self, id: &CallIdentity, method: &Method, number: u32, via: String) -> Draft {
        let strict = self.first_hop().filter(|first| !first.is_loose_router());
        let request_uri = strict.as_ref().map_or(self.remote_target.as_str(), Uri::as_str);
        let mut draft = Draft::request(method, request_uri).header("Via", via);
        for route in self.route_set.iter().skip(usize::from(strict.is_some())) {
            draft.headers.push("Route", route.as_str());
        }
        if strict.is_some() {
            draft.headers.push("Route", format!("<{}>", self.remote_target));
        }
        draft
            .header("Max-Forwards", "70")
            .header("From", id.from.as_str())
            .header("To", self.to.as_str())
            .header("Call-ID", id.call_id.as_str())
            .header("CSeq", format!("{number} {}", method.as_str()))
    }

    /// The Request-URI that requests carry, for digest.
    pub fn request_uri(&self) -> String {
        match self.first_hop() {
            Some(first) if !first.is_loose_router() => first.as_str().to_owned(),
            _ => self.remote_target.clone(),
        }
    }

    fn first_hop(&self) -> Option<Uri> {
        self.route_set.first().and_then(|route| NameAddr::parse(route)).map(|route| route.uri)
    }

    /// Where requests go: the first route, else the remote target, when it is an address; else
    /// where the INVITE went.
    ///
    /// A private address given by a peer that we reach at a public one is of no use to us: the peer
    /// is behind NAT and does not know its own address.
    pub fn destination(&self, identity: &CallIdentity) -> SocketAddr {
        let next = self.first_hop().or_else(|| Uri::parse(&self.remote_target));
        let behind_nat = |to: &SocketAddr| is_private(to.ip()) && !is_private(identity.target.ip());
        let reachable = next.and_then(|uri| uri.address()).filter(|to| !behind_nat(to));
        reachable.unwrap_or(identity.target)
    }
}

/// Whether an address means nothing outside its own network (RFC 1918, RFC 4193, RFC 6598).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::{Message, parse};

    fn identity() -> CallIdentity {
        CallIdentity {
            call_id: "c".into(),
            from: "<sip:us@a>;tag=l".into(),
            local_tag: "l".into(),
            request_uri: "sip:them@b".into(),
            target: "192.0.2.1:5060".parse().expect("an address"),
        }
    }

    fn dialog(fields: &str) -> Dialog {
        let text = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n\
             From: <sip:us@a>;tag=l\r\nTo: <sip:them@b>;tag=r\r\nCall-ID: c\r\n\
             CSeq: 7 INVITE\r\n{fields}\r\n"
        );
        let Ok(Message::Response(response)) = parse(text.as_bytes()) else { panic!("{text}") };
        Dialog::from_response(&identity(), 7, &response)
    }

    fn bye(dialog: &mut Dialog) -> String {
        let draft = dialog.request(&identity(), &Method::Bye, "SIP/2.0/UDP x".into());
        String::from_utf8(draft.to_bytes()).expect("text")
    }

    #[test]
    fn the_route_set_is_the_reversed_record_route() {
        let mut dialog = dialog(
            "Record-Route: <sip:192.0.2.3;lr>, \"p, 2\" <sip:p2.example;lr>\r\n\
             Record-Route: <sip:192.0.2.1:5080;lr=on>\r\nContact: <sip:them@10.0.0.9;x=y>\r\n",
        );
        let expected = "BYE sip:them@10.0.0.9;x=y SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n\
            Route: <sip:192.0.2.1:5080;lr=on>\r\nRoute: \"p, 2\" <sip:p2.example;lr>\r\n\
            Route: <sip:192.0.2.3;lr>\r\nMax-Forwards: 70\r\nFrom: <sip:us@a>;tag=l\r\n\
            To: <sip:them@b>;tag=r\r\nCall-ID: c\r\nCSeq: 8 BYE\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(bye(&mut dialog), expected);
        let first_hop = "192.0.2.1:5080".parse().expect("an address");
        assert_eq!(dialog.destination(&identity()), first_hop);
    }

    #[test]
    fn a_strict_router_gets_the_request_uri_and_the_target_goes_last() {
        let mut dialog = dialog(
            "Record-Route: <sip:192.0.2.3;lr>, <sip:192.0.2.2>\r\nContact: <sip:t@192.0.2.4>\r\n",
        );
        let text = bye(&mut dialog);
        let start = "BYE sip:192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n\
            Route: <sip:192.0.2.3;lr>\r\nRoute: <sip:t@192.0.2.4>\r\nMax-Forwards";
        assert!(text.starts_with(start), "{text}");
    }

    #[test]
    fn without_a_usable_contact_requests_go_where_the_invite_went() {
        for fields in ["", "Contact: *\r\n", "Contact: <sip:them@pbx.example>\r\n"] {
            assert_eq!(dialog(fields).destination(&identity()), identity().target, "{fields}");
        }
        assert!(bye(&mut dialog("")).starts_with("BYE sip:them@b SIP/2.0\r\n"));
    }

    #[test]
    fn a_private_contact_of_a_public_peer_is_not_followed() {
        let natted = dialog("Contact: <sip:them@192.168.1.5:5062>\r\n");
        assert_eq!(natted.destination(&identity()), identity().target);
        let mut local = identity();
        local.target = "10.0.0.1:5060".parse().expect("an address");
        let there = "192.168.1.5:5062".parse().expect("an address");
        assert_eq!(natted.destination(&local), there);
    }

    #[test]
    fn numbers_of_the_peer_must_rise() {
        let mut dialog = dialog("");
        assert!(dialog.takes_number(0));
        assert!(!dialog.takes_number(0));
        assert!(dialog.takes_number(2_147_483_647));
        assert!(!dialog.takes_number(5));
    }
}
