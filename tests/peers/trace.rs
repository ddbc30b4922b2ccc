//! What SIPp saw, message by message, and the rules every caller owes it.

use md5::{Digest, Md5};

/// One SIP message of a trace.
#[derive(Debug, Clone)]
pub struct Message {
    /// Whether the peer received it, that is, the caller sent it.
    pub from_caller: bool,
    /// The request line or status line.
    pub start: String,
    headers: Vec<(String, String)>,
    /// What follows the empty line.
    pub body: String,
}

impl Message {
    fn parse(from_caller: bool, text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { from_caller, start, headers, body: body.to_owned() }
    }

    /// The method of a request, nothing for a response.
    pub fn method(&self) -> Option<&str> {
        self.start.strip_suffix(" SIP/2.0")?.split(' ').next()
    }

    /// The Request-URI.
    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.split(' ').next()?.parse().ok()
    }

    /// The first header of this name (lower case, long form).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn must(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }

    fn branch(&self) -> &str {
        parameter(self.must("via"), "branch").expect("a Via has a branch")
    }

    fn cseq(&self) -> (u32, &str) {
        let (number, method) = self.must("cseq").split_once(' ').expect("CSeq has two parts");
        (number.parse().expect("CSeq starts with a number"), method.trim())
    }
}

/// The value of `;name=value`.
fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let found = value.split(';').skip(1).find_map(|part| {
        let (known, value) = part.split_once('=')?;
        (known.trim() == name).then_some(value)
    })?;
    found.split(['>', ',', ' ']).next()
}

/// All messages of one call, in order.
#[derive(Debug)]
pub struct Trace(pub Vec<Message>);

impl Trace {
    /// Reads SIPp's message file.
    pub fn parse(file: &[u8]) -> Self {
        let text: String = file.iter().map(|byte| char::from(*byte)).collect();
        let messages = text.split("-----------------------------------------------").skip(1);
        let messages = messages.filter_map(|entry| {
            let (title, message) = entry.split_once(":\n\n")?;
            Some(Message::parse(title.contains("received"), message.strip_suffix('\n')?))
        });
        Self(messages.collect())
    }

    /// The caller's requests of one method.
    pub fn requests<'a>(&'a self, method: &'a str) -> impl Iterator<Item = &'a Message> + 'a {
        self.0.iter().filter(move |m| m.from_caller && m.method() == Some(method))
    }

    /// The peer's responses with this status to requests of this method.
    pub fn responses<'a>(
        &'a self,
        status: u16,
        method: &'a str,
    ) -> impl Iterator<Item = &'a Message> + 'a {
        let wanted = move |m: &&Message| m.status() == Some(status) && m.cseq().1 == method;
        self.0.iter().filter(|m| !m.from_caller).filter(wanted)
    }

    /// Panics unless the caller kept the rules that hold in every call, whatever its course.
    pub fn assert_manners(&self) {
        let first = self.requests("INVITE").next().expect("the caller sent an INVITE");
        let tag = parameter(first.must("from"), "tag").expect("From has a tag");
        for sent in self.0.iter().filter(|m| m.from_caller) {
            let length = sent.header("content-length").map(str::parse);
            assert_eq!(length, Some(Ok(sent.body.len())), "Content-Length of {sent:#?}");
            assert_eq!(sent.must("call-id"), first.must("call-id"), "one Call-ID a call");
            assert!(sent.branch().starts_with("z9hG4bK"), "RFC 3261 8.1.1.7: {sent:#?}");
            let Some(method) = sent.method() else { continue };
            assert_eq!(sent.cseq().1, method, "RFC 3261 8.1.1.5: {sent:#?}");
            assert_eq!(parameter(sent.must("from"), "tag"), Some(tag), "one From tag a call");
            assert!(sent.header("max-forwards").is_some(), "RFC 3261 8.1.1.6: {sent:#?}");
        }
        self.assert_acks();
        self.assert_cancels();
        self.assert_byes();
    }

    /// RFC 3261 13.2.2.4 and 17.1.1.3: each final response to an INVITE has its ACK, within the
    /// INVITE's transaction when it is a refusal and outside of it when it is a 2xx.
    fn assert_acks(&self) {
        for invite in self.requests("INVITE") {
            let number = invite.cseq().0;
            let finals: Vec<_> = self
                .0
                .iter()
                .filter(|m| {
                    !m.from_caller
                        && m.status().is_some_and(|status| status >= 200)
                        && m.cseq() == (number, "INVITE")
                })
                .collect();
            let acks: Vec<_> = self.requests("ACK").filter(|m| m.cseq().0 == number).collect();
            assert!(acks.len() >= finals.len(), "{} ACKs for {finals:#?}", acks.len());
            for response in finals {
                let refused = response.status() >= Some(300);
                let to = parameter(response.must("to"), "tag");
                let matching = acks.iter().any(|ack| {
                    parameter(ack.must("to"), "tag") == to
                        && (ack.branch() == invite.branch()) == refused
                        && (!refused || ack.uri() == invite.uri())
                });
                assert!(matching, "no right ACK for {response:#?}\namong {acks:#?}");
            }
        }
    }

    /// RFC 3261 9.1: a CANCEL is the INVITE's twin, and waits for a provisional response.
    fn assert_cancels(&self) {
        for cancel in self.requests("CANCEL") {
            let number = cancel.cseq().0;
            let of_invite = self.requests("INVITE").find(|m| m.cseq().0 == number);
            let invite = of_invite.expect("a CANCEL has its INVITE");
            assert_eq!(cancel.branch(), invite.branch(), "{cancel:#?}");
            assert_eq!(cancel.uri(), invite.uri(), "{cancel:#?}");
            assert_eq!(cancel.must("to"), invite.must("to"), "{cancel:#?}");
            let before = self.0.iter().take_while(|m| m.method() != Some("CANCEL"));
            let provisional = before.filter(|m| m.status().is_some_and(|status| status < 200));
            assert!(provisional.count() > 0, "RFC 3261 9.1: a CANCEL before any answer");
        }
    }

    /// RFC 3261 12.2.1.1: a BYE follows the dialog: remote target, tags, a rising CSeq.
    fn assert_byes(&self) {
        for bye in self.requests("BYE") {
            let tag = parameter(bye.must("to"), "tag").expect("a BYE names the peer's tag");
            let mut answers = self.responses(200, "INVITE");
            let answer = answers.find(|m| parameter(m.must("to"), "tag") == Some(tag));
            let answer = answer.expect("a BYE belongs to an answered call");
            assert!(bye.cseq().0 > answer.cseq().0, "a rising CSeq: {bye:#?}");
            let contact = answer.header("contact").or(answer.header("m")).expect("a Contact");
            assert!(contact.contains(bye.uri()), "{} is not {contact}", bye.uri());
        }
    }
}

/// Whether a header `Authorization` or `Proxy-Authorization` of a request proves the password:
/// RFC 2617 3.2.2 with MD5 and qop=auth, computed here from the text of the RFC.
pub fn credentials_are_right(
    request: &Message,
    header: &str,
    username: &str,
    password: &str,
) -> bool {
    let credentials = request.must(header);
    let part = |name: &str| {
        let mut parts = credentials.trim_start_matches("Digest ").split(',');
        let found = parts.find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("no {name} in {credentials}")).trim_matches('"')
    };
    let hash = |text: String| hex::encode(Md5::digest(text));
    let method = request.method().expect("credentials are sent in requests");
    let secret = hash(format!("{username}:{}:{password}", part("realm")));
    let subject = hash(format!("{method}:{}", part("uri")));
    let (nonce, nc, cnonce) = (part("nonce"), part("nc"), part("cnonce"));
    let proof = hash(format!("{secret}:{nonce}:{nc}:{cnonce}:{}:{subject}", part("qop")));
    part("username") == username && part("response") == proof && part("uri") == request.uri()
}
