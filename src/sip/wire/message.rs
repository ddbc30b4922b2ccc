//! Messages as received: the first line, the headers each must have, and the body.
//!
//! RFC 3261 §7, §8.1.1. What every message must have is read once, into its [`Envelope`]; whoever
//! holds a message need not look twice.

use super::header::is_token;
use super::normalise::{Parts, normalise};
use super::{CSeq, Headers, NameAddr, Via};
use std::fmt;

/// Why bytes are not a SIP message we can work with. Counted, never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but line ends: a keep-alive.
    #[error("an empty message")]
    Empty,
    /// More than [`super::MESSAGE_BYTES_MAX`].
    #[error("longer than a message may be")]
    TooLong,
    /// More than [`super::HEADERS_MAX`].
    #[error("more header lines than a message may have")]
    TooManyHeaders,
    /// No empty line after the headers.
    #[error("the headers do not end")]
    NoEndOfHeaders,
    /// Neither a request line nor a status line of SIP/2.0.
    #[error("not a first line of SIP/2.0")]
    BadFirstLine,
    /// Not a number, or two that differ.
    #[error("Content-Length is wrong or contradicts itself")]
    BadContentLength,
    /// Fewer bytes than Content-Length says.
    #[error("the body is cut off")]
    BodyTruncated,
    /// Missing, repeated or unreadable.
    #[error("{0} is missing, repeated or unreadable")]
    BadHeader(&'static str),
}

/// A request method (RFC 3261 §7.1; case counts).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// RFC 3261 §13.
    Invite,
    /// RFC 3261 §13, §17.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 3261 §11.
    Options,
    /// RFC 3261 §10.
    Register,
    /// RFC 6086.
    Info,
    /// RFC 3311.
    Update,
    /// RFC 3262.
    Prack,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3515.
    Refer,
    /// RFC 3428.
    Message,
    /// RFC 3903.
    Publish,
    /// A method we have never heard of.
    Other(String),
}

impl Method {
    const KNOWN: [(Method, &'static str); 14] = [
        (Method::Invite, "INVITE"),
        (Method::Ack, "ACK"),
        (Method::Bye, "BYE"),
        (Method::Cancel, "CANCEL"),
        (Method::Options, "OPTIONS"),
        (Method::Register, "REGISTER"),
        (Method::Info, "INFO"),
        (Method::Update, "UPDATE"),
        (Method::Prack, "PRACK"),
        (Method::Subscribe, "SUBSCRIBE"),
        (Method::Notify, "NOTIFY"),
        (Method::Refer, "REFER"),
        (Method::Message, "MESSAGE"),
        (Method::Publish, "PUBLISH"),
    ];

    /// Reads a method; `None` if it is no token.
    pub fn parse(token: &str) -> Option<Self> {
        if let Some((method, _)) = Self::KNOWN.iter().find(|(_, name)| *name == token) {
            return Some(method.clone());
        }
        is_token(token).then(|| Method::Other(token.to_owned()))
    }

    /// The method as written on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Other(token) => token,
            known => Self::KNOWN.iter().find(|(m, _)| m == known).map_or("", |(_, name)| name),
        }
    }
}

/// What every message must have, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The top Via.
    pub via: Via,
    /// How many Vias there are.
    pub via_count: usize,
    /// Who asks.
    pub from: NameAddr,
    /// Who is asked.
    pub to: NameAddr,
    /// The name of the call.
    pub call_id: String,
    /// Number and method of the request.
    pub cseq: CSeq,
}

/// A request as received. Its `Debug` shows method and Call-ID.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI as written.
    pub uri: String,
    /// What every message must have.
    pub envelope: Envelope,
    /// All header fields.
    pub headers: Headers,
    /// The body, Content-Length long.
    pub body: Vec<u8>,
}

/// A response as received. Its `Debug` shows status and Call-ID.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The text after the status, for people.
    pub reason: String,
    /// What every message must have.
    pub envelope: Envelope,
    /// All header fields.
    pub headers: Headers,
    /// The body, Content-Length long.
    pub body: Vec<u8>,
}

/// A message as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Somebody asks.
    Request(Request),
    /// Somebody answers.
    Response(Response),
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {})", self.method.as_str(), self.envelope.call_id)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.envelope.cseq.method.as_str();
        write!(f, "Response({} to {method}, {})", self.status, self.envelope.call_id)
    }
}

/// Reads one message that fills a datagram.
///
/// # Errors
/// Says what is wrong. The caller counts it and drops the datagram.
pub fn parse(datagram: &[u8]) -> Result<Message, ParseError> {
    let Parts { first_line, headers, body } = normalise(datagram)?;
    let envelope = envelope(&headers)?;
    if let Some(rest) = first_line.strip_prefix("SIP/2.0 ") {
        let (status, reason) = rest.trim_start().split_once(' ').unwrap_or((rest.trim(), ""));
        let digits = status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
        let status = status.parse().ok().filter(|s| digits && (100..700).contains(s));
        let status = status.ok_or(ParseError::BadFirstLine)?;
        let reason = reason.trim().to_owned();
        return Ok(Message::Response(Response { status, reason, envelope, headers, body }));
    }
    let (method, uri) = request_line(&first_line).ok_or(ParseError::BadFirstLine)?;
    if envelope.cseq.method != method {
        return Err(ParseError::BadHeader("CSeq"));
    }
    Ok(Message::Request(Request { method, uri, envelope, headers, body }))
}

fn request_line(line: &str) -> Option<(Method, String)> {
    let (method, rest) = line.split_once(' ')?;
    let (uri, version) = rest.trim_end().rsplit_once(' ')?;
    let uri = uri.trim();
    let good = !uri.is_empty() && !uri.contains(|c: char| c.is_whitespace() || c.is_control());
    let method = Method::parse(method)?;
    (version == "SIP/2.0" && good).then(|| (method, uri.to_owned()))
}

fn envelope(headers: &Headers) -> Result<Envelope, ParseError> {
    let vias: Vec<&str> = headers.items("Via").collect();
    Ok(Envelope {
        via: vias.first().and_then(|via| Via::parse(via)).ok_or(ParseError::BadHeader("Via"))?,
        via_count: vias.len(),
        from: only(headers, "From", NameAddr::parse)?,
        to: only(headers, "To", NameAddr::parse)?,
        call_id: only(headers, "Call-ID", |id| {
            (!id.is_empty() && !id.contains(char::is_whitespace)).then(|| id.to_owned())
        })?,
        cseq: only(headers, "CSeq", CSeq::parse)?,
    })
}

/// Reads a field that must be there exactly once.
fn only<T>(
    headers: &Headers,
    name: &'static str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, ParseError> {
    let mut values = headers.all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => read(value).ok_or(ParseError::BadHeader(name)),
        _ => Err(ParseError::BadHeader(name)),
    }
}
