//! SIP as the carrier writes and reads it: literal text and a few lines of its own.
//!
//! Nothing of the gateway's SIP is used here, so that one mistake cannot agree with itself.

use std::net::SocketAddr;

/// A message the carrier was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub start: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Heard {
    /// Reads a message, strictly: what we send needs no forgiveness.
    pub fn read(bytes: &[u8]) -> Result<Heard, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or("no empty line")?;
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(": ").ok_or(format!("odd line: {line}"))?;
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Ok(Heard { start, headers, body: body.to_owned() })
    }

    /// Reads what the carrier wrote in any of its styles.
    pub fn read_any(bytes: &[u8]) -> Result<Heard, String> {
        let text: String = bytes.iter().copied().map(char::from).collect();
        let (head, body) = text.split_once("\r\n\r\n").ok_or("no empty line")?;
        let head = head.replace("\r\n ", " ");
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            let name = match name.trim().to_ascii_lowercase().as_str() {
                "v" => "via".to_owned(),
                "f" => "from".to_owned(),
                "t" => "to".to_owned(),
                "i" => "call-id".to_owned(),
                "m" => "contact".to_owned(),
                other => other.to_owned(),
            };
            Some((name, value.trim().to_owned()))
        };
        let headers = lines.map(field).collect::<Option<_>>().ok_or("a line without a colon")?;
        Ok(Heard { start, headers, body: body.to_owned() })
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&str> {
        let (method, _) = self.start.split_once(' ')?;
        (method != "SIP/2.0").then_some(method)
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    pub fn request_uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The first value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = name.to_ascii_lowercase();
        self.headers.iter().filter(move |(known, _)| *known == name).map(|(_, value)| &**value)
    }

    pub fn call_id(&self) -> &str {
        self.header("Call-ID")
    }

    pub fn number(&self) -> u32 {
        self.header("CSeq").split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default()
    }

    /// The method the CSeq speaks of.
    pub fn cseq_method(&self) -> &str {
        self.header("CSeq").split(' ').nth(1).unwrap_or_default()
    }

    pub fn branch(&self) -> &str {
        parameter(self.header("Via"), "branch")
    }

    pub fn tag_of_from(&self) -> &str {
        parameter(self.header("From"), "tag")
    }

    pub fn tag_of_to(&self) -> &str {
        parameter(self.header("To"), "tag")
    }

    /// The URI inside the angle brackets of a Contact.
    pub fn contact(&self) -> &str {
        let value = self.header("Contact");
        let inside = value.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        inside.map_or("", |(uri, _)| uri)
    }

    /// Where the `c=` and `m=` lines of the body want audio, and the first payload type they list.
    pub fn audio(&self) -> Option<(SocketAddr, u8)> {
        audio(&self.body)
    }

    /// Whether the body, if it describes a stream, takes audio: it does not while on hold.
    pub fn takes_audio(&self) -> bool {
        let holds = ["a=sendonly", "a=inactive", "c=IN IP4 0.0.0.0"];
        !holds.iter().any(|line| self.body.contains(line))
    }
}

fn parameter<'a>(value: &'a str, name: &str) -> &'a str {
    let mut parts = value.split(';');
    parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
}

/// Where a session description wants audio, and the first payload type it lists.
pub fn audio(body: &str) -> Option<(SocketAddr, u8)> {
    let line = |start: &str| body.lines().find_map(|line| line.strip_prefix(start));
    let address = line("c=IN IP4 ")?.parse().ok()?;
    let mut media = line("m=audio ")?.split(' ');
    let port = media.next()?.parse().ok()?;
    let payload_type = media.nth(1)?.parse().ok()?;
    Some((SocketAddr::new(address, port), payload_type))
}

/// How a carrier writes: all of these are common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As the RFC's examples.
    Plain,
    /// Compact names (RFC 3261 §7.3.3).
    Compact,
    /// Lower-case names, spaces before the colon, a folded line, no Content-Length.
    Careless,
}

/// A response of the carrier to `request`.
pub fn response(
    style: Style,
    request: &Heard,
    status: &str,
    tag: &str,
    extra: &str,
    body: &str,
) -> Vec<u8> {
    let via = request.header("Via").replace(";rport", ";rport=5060;received=192.0.2.10");
    let from = request.header("From");
    let to = match (request.header("To"), tag) {
        (to, "") => to.to_owned(),
        (to, _) if to.contains(";tag=") => to.to_owned(),
        (to, tag) => format!("{to};tag={tag}"),
    };
    let (call_id, cseq) = (request.call_id(), request.header("CSeq"));
    let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let length = body.len();
    let text = match style {
        Style::Plain => format!(
            "SIP/2.0 {status}\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq}\r\n{extra}{content}Content-Length: {length}\r\n\r\n{body}"
        ),
        Style::Compact => format!(
            "SIP/2.0 {status}\r\nv: {via}\r\nf: {from}\r\nt: {to}\r\ni: {call_id}\r\n\
             CSeq: {cseq}\r\n{}{}l: {length}\r\n\r\n{body}",
            extra.replace("Contact: ", "m: "),
            content.replace("Content-Type", "c")
        ),
        Style::Careless => format!(
            "SIP/2.0 {status}\r\nvia : {via}\r\nfrom:{from}\r\nto :\r\n  {to}\r\n\
             CALL-ID: {call_id}\r\ncseq: {cseq}\r\nServer: \u{e9}change\r\n\
             {extra}{content}\r\n{body}"
        ),
    };
    latin1(&text)
}

/// The bytes of a text as an old PBX writes them: one each.
pub fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}
