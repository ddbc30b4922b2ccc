//! One user agent, one trunk, one virtual clock.
//!
//! The trunk's messages are literal text; `$VIA`, `$CALL`, `$TAG` and `$FROM` in them stand for
//! what the last INVITE carried, found by plain string search, not by the parser under test.

use belfry::entropy::Entropy;
use belfry::id::AttemptId;
use belfry::secret::Redacted;
use belfry::sip::sdp::{Codec, Offer};
use belfry::sip::{
    CallSignal, Credentials, InviteOrder, TimerConfig, UserAgent, UserAgentConfig, UserAgentOutput,
};
use belfry::time::{Duration, Instant, UnixMillis};
use proptest::test_runner::{Config as ProptestConfig, RngSeed, contextualize_config};
use std::net::{IpAddr, SocketAddr};

pub const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 5004 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

/// The same 512 cases in every run. To look further: `PROPTEST_CASES=100000 PROPTEST_RNG_SEED=7`.
pub fn generated() -> ProptestConfig {
    let fixed = ProptestConfig { cases: 512, rng_seed: RngSeed::Fixed(1), ..Default::default() };
    ProptestConfig { failure_persistence: None, ..contextualize_config(fixed) }
}

/// A datagram we sent: when (in ms), where to, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub at: u64,
    pub to: SocketAddr,
    pub text: String,
}

impl Sent {
    /// The method, or the status of a response.
    pub fn kind(&self) -> &str {
        let start = self.text.strip_prefix("SIP/2.0 ").unwrap_or(&self.text);
        start.split(' ').next().unwrap_or("")
    }

    pub fn field(&self, name: &str) -> &str {
        field(&self.text, name)
    }

    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").expect("headers end").1
    }
}

/// The first field of this name, by plain search.
pub fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let start = format!("{name}: ");
    text.lines().find_map(|line| line.strip_prefix(start.as_str())).unwrap_or("")
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub struct World {
    pub agent: UserAgent,
    pub now: Instant,
    call: AttemptId,
    pub sent: Vec<Sent>,
    pub signals: Vec<(u64, CallSignal)>,
    invite: String,
}

pub fn order() -> InviteOrder {
    InviteOrder {
        call: AttemptId::new(UnixMillis(1), &mut Entropy::from_seed(5)),
        target: address("192.0.2.1:5060"),
        request_uri: Redacted::new("sip:+3225805000@pbx.example;user=phone".into()),
        from: "\"Belfry\" <sip:+3225800000@pbx.example>".into(),
        to: Redacted::new("sip:+3225805000@pbx.example;user=phone".into()),
        credentials: Some(Credentials {
            username: "gw".into(),
            password: Redacted::new("secret".into()),
        }),
        headers: vec![("P-Asserted-Identity".into(), "<sip:+3225800000@pbx.example>".into())],
        offer: Offer {
            address: IpAddr::from([192, 0, 2, 10]),
            port: 40_000,
            session_id: 77,
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            telephone_event: Some(101),
            ptime_ms: 20,
        },
        setup_timeout: Duration::from_secs(10),
        ring_timeout: Duration::from_secs(25),
    }
}

impl World {
    /// An agent with one call just placed at time 0.
    pub fn calling() -> Self {
        Self::calling_with(order())
    }

    pub fn calling_with(order: InviteOrder) -> Self {
        let config = UserAgentConfig {
            local: address("192.0.2.10:5060"),
            user_agent: "Belfry/0.1".into(),
            timers: TimerConfig::default(),
            trunk_addresses: Vec::new(),
        };
        let call = order.call;
        let mut world = World {
            agent: UserAgent::new(config, Entropy::from_seed(42)),
            now: Instant::ZERO,
            call,
            sent: Vec::new(),
            signals: Vec::new(),
            invite: String::new(),
        };
        world.agent.invite(world.now, order);
        world.drain();
        world
    }

    /// A call answered at time 0, ACK sent, what was sent and told so far thrown away.
    pub fn answered() -> Self {
        let mut world = World::calling();
        world.hear(&answer_200("r", "Contact: <sip:them@192.0.2.1:5062>\r\n"));
        world.sent.clear();
        world.signals.clear();
        world
    }

    fn drain(&mut self) {
        let at = self.now.as_nanos() / 1_000_000;
        while let Some(output) = self.agent.poll_output() {
            match output {
                UserAgentOutput::Transmit { destination, datagram } => {
                    let text = String::from_utf8(datagram).expect("we send UTF-8");
                    if text.starts_with("INVITE ") {
                        self.invite.clone_from(&text);
                    }
                    self.sent.push(Sent { at, to: destination, text });
                }
                UserAgentOutput::Event { call, event } => {
                    assert_eq!(call, self.call);
                    self.signals.push((at, event));
                }
            }
        }
    }

    pub fn fill(&self, text: &str) -> String {
        let from = field(&self.invite, "From");
        let tag = from.rsplit_once("tag=").map_or("", |(_, tag)| tag);
        text.replace("$VIA", field(&self.invite, "Via"))
            .replace("$CALL", field(&self.invite, "Call-ID"))
            .replace("$FROM", from)
            .replace("$TAG", tag)
            .replace("$CSEQ", field(&self.invite, "CSeq"))
    }

    /// The trunk sends this.
    pub fn hear(&mut self, text: &str) {
        self.hear_from("192.0.2.1:5060", text);
    }

    pub fn hear_from(&mut self, source: &str, text: &str) {
        let text = self.fill(text);
        self.hear_bytes(source, text.as_bytes());
    }

    pub fn hear_bytes(&mut self, source: &str, bytes: &[u8]) {
        self.agent.handle_datagram(self.now, address(source), bytes);
        self.drain();
    }

    /// Lets the clock run to `ms`, waking the agent exactly when it asks to be woken.
    pub fn run_to(&mut self, ms: u64) {
        let end = Instant::from_millis(ms);
        while let Some(due) = self.agent.poll_timeout().filter(|due| *due <= end) {
            assert!(due >= self.now, "a deadline in the past");
            self.now = due;
            self.agent.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Lets the clock run until nothing is left to do.
    pub fn run_out(&mut self) {
        while let Some(due) = self.agent.poll_timeout() {
            self.run_to(due.as_nanos().div_ceil(1_000_000));
        }
        assert_eq!(self.agent.calls_held(), 0, "everything is forgotten in the end");
    }

    pub fn hang_up(&mut self) {
        self.agent.hang_up(self.now, self.call);
        self.drain();
    }

    /// The network says that nothing reaches `destination`.
    pub fn unreachable(&mut self, destination: &str) {
        self.agent.handle_unreachable(self.now, address(destination));
        self.drain();
    }

    /// The agent is woken at `ms`, whenever it asked to be.
    pub fn wake_late(&mut self, ms: u64) {
        self.now = Instant::from_millis(ms);
        self.agent.handle_timeout(self.now);
        self.drain();
    }

    /// What was sent since the last look, as (ms, kind).
    pub fn kinds(&mut self) -> Vec<(u64, String)> {
        let sent = std::mem::take(&mut self.sent);
        sent.iter().map(|sent| (sent.at, sent.kind().to_owned())).collect()
    }

    /// The one message sent since the last look.
    pub fn only_sent(&mut self) -> Sent {
        let mut sent = std::mem::take(&mut self.sent);
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.remove(0)
    }

    /// What was told since the last look.
    pub fn told(&mut self) -> Vec<(u64, CallSignal)> {
        std::mem::take(&mut self.signals)
    }
}

/// A response to the last INVITE without body.
pub fn response(status: &str, to_tag: &str, fields: &str) -> String {
    let to = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    format!(
        "SIP/2.0 {status}\r\nVia: $VIA\r\nFrom: $FROM\r\nTo: <sip:them@b>{to}\r\nCall-ID: $CALL\r\n\
         CSeq: $CSEQ\r\n{fields}Content-Length: 0\r\n\r\n"
    )
}

/// A response to the last INVITE with the trunk's session description.
pub fn response_with_sdp(status: &str, to_tag: &str, fields: &str) -> String {
    let fields = format!("{fields}Content-Type: application/sdp\r\n");
    let text = response(status, to_tag, &fields);
    text.replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len()),
    )
}

pub fn answer_200(to_tag: &str, fields: &str) -> String {
    response_with_sdp("200 OK", to_tag, fields)
}

/// A request of the peer's inside the dialog with its tag `r`.
pub fn request(method: &str, number: u32, branch: &str, fields: &str, body: &str) -> String {
    format!(
        "{method} sip:belfry@192.0.2.10:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5062;branch={branch};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:them@b>;tag=r\r\nTo: <sip:us@a>;tag=$TAG\r\nCall-ID: $CALL\r\n\
         CSeq: {number} {method}\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The peer's 200 to a request of ours, as sent.
pub fn ok_to(sent: &Sent) -> String {
    response_to(sent, "200 OK", "")
}

pub fn response_to(sent: &Sent, status: &str, fields: &str) -> String {
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {}\r\n{fields}\
         Content-Length: 0\r\n\r\n",
        sent.field("Via"),
        sent.field("From"),
        sent.field("To"),
        sent.field("Call-ID"),
        sent.field("CSeq"),
    )
}
