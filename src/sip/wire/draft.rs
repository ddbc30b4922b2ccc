//! What we send: requests and responses built field by field, written by `rsip` (RFC 3261 §7,
//! §8.2.6).

use super::via::completed;
use super::{Headers, Method, Request};
use rsip::{StatusCode, Version};
use std::fmt;
use std::net::SocketAddr;

/// A message to be sent.
///
/// Content-Length is added when it is written; every other field is the builder's. Its `Debug`
/// shows the method or status.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    first_line: String,
    /// The header fields so far.
    pub headers: Headers,
    body: Vec<u8>,
}

impl Draft {
    /// A request with no header yet. Blanks and control characters of the URI are left out.
    pub fn request(method: &Method, uri: &str) -> Self {
        let uri: String = uri.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
        let first_line = format!("{} {} {}", method.as_str(), uri, Version::V2);
        Draft { first_line, headers: Headers::default(), body: Vec::new() }
    }

    /// The response to `request`, which came from `source`: Via (completed by RFC 3581), From, To
    /// with `to_tag` if it had none, Call-ID and CSeq taken over (RFC 3261 §8.2.6.2).
    ///
    /// Record-Route goes back in responses that can form a dialog (RFC 3261 §12.1.1).
    pub fn response(request: &Request, source: SocketAddr, status: u16, to_tag: &str) -> Self {
        let reason = reason_phrase(status).to_owned();
        let first_line = format!("{} {}", Version::V2, StatusCode::Other(status, reason));
        let mut headers = Headers::default();
        for (index, via) in request.headers.items("Via").enumerate() {
            headers.push("Via", if index == 0 { completed(via, source) } else { via.to_owned() });
        }
        let makes_dialog = request.method == Method::Invite && (101..300).contains(&status);
        for route in request.headers.all("Record-Route").filter(|_| makes_dialog) {
            headers.push("Record-Route", route);
        }
        for name in ["From", "To", "Call-ID", "CSeq"] {
            let mut value = request.headers.first(name).unwrap_or_default().to_owned();
            let untagged = name == "To" && request.envelope.to.tag().is_none();
            if untagged && status != 100 && !to_tag.is_empty() {
                value.push_str(";tag=");
                value.push_str(to_tag);
            }
            headers.push(name, value);
        }
        for timestamp in request.headers.all("Timestamp").filter(|_| status == 100) {
            headers.push("Timestamp", timestamp);
        }
        Draft { first_line, headers, body: Vec::new() }
    }

    /// Adds a header field at the end.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body and its Content-Type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.headers.remove("Content-Type");
        self.headers.push("Content-Type", content_type);
        self.body = body;
        self
    }

    /// The message as it goes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = self.body.len();
        let head =
            format!("{}\r\n{}Content-Length: {length}\r\n\r\n", self.first_line, self.headers);
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.first_line.split(' ');
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        write!(f, "Draft({})", if first == "SIP/2.0" { second } else { first })
    }
}

/// The usual text for a status, for people reading a trace (RFC 3261 §21 and its extensions).
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        415 => "Unsupported Media Type",
        420 => "Bad Extension",
        469 => "Bad Info Package",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "Version Not Supported",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        607 => "Unwanted",
        608 => "Rejected",
        _ => "Status",
    }
}
