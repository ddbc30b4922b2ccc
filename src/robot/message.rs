//! The phone's own reading and writing of SIP (RFC 3261 §7), independent of the gateway's.
//!
//! Reading is strict, since what it reads is what the gateway wrote: the phone is also its judge.
//! Answers are literal text. Left out: everything a phone on loopback never needs (route sets,
//! compact names, folded lines).

use std::net::SocketAddr;

/// A message as it came.
#[derive(Clone)]
pub struct Message {
    /// The first line.
    pub start: String,
    /// Header fields in order, names as written.
    pub headers: Vec<(String, String)>,
    /// The body, as long as Content-Length says.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads a datagram.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(datagram: &[u8]) -> Result<Self, String> {
        let end = datagram.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or("there is no empty line after the header fields")?;
        let head = std::str::from_utf8(&datagram[..end]).map_err(|_| "not UTF-8")?;
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or("a header line has no colon")?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let message = Message { start, headers, body: datagram[end + 4..].to_vec() };
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            message.header(name).ok_or_else(|| format!("there is no {name}"))?;
        }
        match message.header("Content-Length").map(str::parse::<usize>) {
            Some(Ok(length)) if message.body.len() == length => Ok(message),
            Some(_) => Err("Content-Length is not the length of the body".to_owned()),
            None => Err("there is no Content-Length".to_owned()),
        }
    }

    /// The value of the first header field with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The values of all header fields with this name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(each, _)| each.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The method of a request; empty for a response.
    pub fn method(&self) -> &str {
        let first = self.start.split(' ').next().unwrap_or_default();
        if self.is_response() { "" } else { first }
    }

    /// Whether this is a response.
    pub fn is_response(&self) -> bool {
        self.start.starts_with("SIP/2.0 ")
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The URI a request is for.
    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The number the request is for: the user part of its URI.
    pub fn called(&self) -> &str {
        let user = self.uri().trim_start_matches("sip:").split('@').next().unwrap_or_default();
        user.split(';').next().unwrap_or_default()
    }

    /// The number in CSeq; 0 if there is none.
    pub fn sequence(&self) -> u32 {
        let cseq = self.header("CSeq").unwrap_or_default();
        cseq.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// The branch of the topmost Via.
    pub fn branch(&self) -> &str {
        let via = self.header("Via").unwrap_or_default();
        via.split(';').find_map(|part| part.strip_prefix("branch=")).unwrap_or_default()
    }

    /// The start of a response to this request: status line and what is copied (§8.2.6.2).
    ///
    /// `tag` is put on To if the request has none there; the Via tells where the request really
    /// came from (RFC 3581 §4).
    pub fn response(&self, status: u16, reason: &str, tag: &str, source: SocketAddr) -> String {
        let mut text = format!("SIP/2.0 {status} {reason}\r\n");
        for (n, via) in self.all("Via").enumerate() {
            let port = format!(";received={};rport={}", source.ip(), source.port());
            let asks = n == 0 && via.contains(";rport");
            let via = if asks { via.replacen(";rport", &port, 1) } else { via.to_owned() };
            text += &format!("Via: {via}\r\n");
        }
        let to = self.header("To").unwrap_or_default();
        let tagged = to.contains(";tag=") || status == 100;
        let tag = if tagged { String::new() } else { format!(";tag={tag}") };
        text += &format!("From: {}\r\nTo: {to}{tag}\r\n", self.header("From").unwrap_or_default());
        for name in ["Call-ID", "CSeq"] {
            text += &format!("{name}: {}\r\n", self.header(name).unwrap_or_default());
        }
        text
    }
}
