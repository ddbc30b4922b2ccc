//! One place that answered: a dialog of the carrier's, its requests, and the phone behind it.

use super::phone::{Act, Phone};
use super::plan::{Answer, Change, Description, HangUp, Keys, Sound};
use crate::sim::dice::Dice;
use crate::sim::text::Heard;
use belfry::time::{Duration, Instant};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where the carrier's media is.
pub const MEDIA: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 20));
/// Legs a line may have; each has a pair of ports, one before and one after it moves.
const LEGS_MAX: usize = 4;
const FIRST_PORT: usize = 20_000;
/// A phone falls silent in the end, even if no BYE ever gets through to it.
const TALK_MAX: Duration = Duration::from_secs(150);
/// How long a person is put on hold.
const HOLD: Duration = Duration::from_millis(1_700);

/// What a leg will do.
#[derive(Debug, Clone, Copy)]
pub enum Task {
    /// Send the 200, and again after twice `gap`, until it is acknowledged.
    Answer { gap: Duration, until: Instant },
    /// Send the 200 although it was acknowledged: a copy made on the way.
    CopyOfAnswer,
    /// Begin a request of our own.
    Ask(Ask),
    /// Send it, and again after twice `gap`, until it is answered.
    Request { gap: Duration, until: Instant },
    /// The person does something.
    Act(Act),
    /// A packet of a press.
    Key { began: Instant, key: u8, index: u8 },
    /// A packet of silence, and the next one.
    Silence { until: Instant },
    /// Somebody else sends to the gateway.
    Stranger,
    /// Noise on both ports.
    Garbage,
}

/// A request inside the dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Bye,
    Options,
    Change(Change),
    /// Off hold again.
    Resume,
}

/// What a response makes the carrier do.
#[derive(Debug, Default)]
pub struct Reaction {
    pub ack: Option<Vec<u8>>,
    pub then: Option<(Duration, Task)>,
}

/// One dialog.
#[derive(Debug)]
pub struct Leg {
    place: (usize, usize),
    pub tag: String,
    pub phone: Phone,
    /// The 200 as sent.
    pub answer: Vec<u8>,
    mulaw: bool,
    /// Of its session description.
    version: u8,
    route: Option<String>,
    ours: String,
    theirs: String,
    call_id: String,
    target: String,
    invite_number: u32,
    acknowledged: bool,
    over: bool,
    number: u32,
    /// The request that waits for its answer.
    open: Option<(Ask, u32, Vec<u8>)>,
}

impl Leg {
    pub fn new(
        place: (usize, usize),
        invite: &Heard,
        answer: &Answer,
        locale: &str,
        (bytes, route): (Vec<u8>, Option<String>),
        dice: Dice,
    ) -> Leg {
        let tag = tag(place.0, place.1);
        let (gateway, _) = invite.audio().expect("an INVITE without audio was complained of");
        let here = media(place, false);
        Leg {
            place,
            phone: Phone::new(here, gateway, answer.clone(), locale, dice),
            answer: bytes,
            mulaw: answer.mulaw,
            version: 0,
            route,
            ours: format!("{};tag={tag}", invite.header("To")),
            theirs: invite.header("From").to_owned(),
            call_id: invite.call_id().to_owned(),
            target: invite.contact().to_owned(),
            invite_number: invite.number(),
            tag,
            acknowledged: false,
            over: false,
            number: 100,
            open: None,
        }
    }

    /// What follows from the answer by itself.
    pub fn begin(&mut self, now: Instant, answer: &Answer) -> Vec<(Duration, Task)> {
        let ms = Duration::from_millis;
        let mut tasks = Vec::new();
        if answer.sound == Sound::Normal {
            tasks.push((ms(0), Task::Silence { until: now + TALK_MAX }));
        }
        if answer.hang_up == HangUp::AtOnce {
            tasks.push((ms(0), Task::Ask(Ask::Bye)));
        }
        for copy in 0..answer.extra_copies {
            tasks.push((ms(700 * (copy + 1)), Task::CopyOfAnswer));
        }
        let change = |(after, change)| (after, Task::Ask(Ask::Change(change)));
        tasks.extend(answer.change.map(change));
        if answer.asks_options {
            tasks.push((ms(2_000), Task::Ask(Ask::Options)));
        }
        if answer.stranger {
            tasks.extend([ms(0), ms(400), ms(3_000)].map(|after| (after, Task::Stranger)));
        }
        if answer.garbage {
            tasks.extend([ms(300), ms(1_000)].map(|after| (after, Task::Garbage)));
        }
        tasks
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    pub fn wants_ack(&self) -> bool {
        !self.acknowledged && !self.over
    }

    pub fn acknowledged(&mut self) {
        self.acknowledged = true;
    }

    /// Begins a request, unless one waits or the dialog is over. A BYE does not wait.
    pub fn ask(&mut self, ask: Ask, here: SocketAddr) -> bool {
        if self.over || (self.open.is_some() && ask != Ask::Bye) {
            return false;
        }
        self.number += 1;
        let number = self.number;
        let (method, body) = match ask {
            Ask::Bye => ("BYE", String::new()),
            Ask::Options => ("OPTIONS", String::new()),
            Ask::Change(change) => {
                self.version += 1;
                self.mulaw ^= change == Change::MovesAndEncodesAnew;
                let moves = matches!(change, Change::Moves | Change::MovesAndEncodesAnew);
                let at = media(self.place, moves);
                ("INVITE", describe(at, self.mulaw, self.version, Some(change)))
            }
            Ask::Resume => {
                self.version += 1;
                ("INVITE", describe(media(self.place, false), self.mulaw, self.version, None))
            }
        };
        let extra = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let (line, leg) = self.place;
        let contact = contact(line, leg, here);
        let bytes = self.request((method, number, ""), here, &format!("{contact}{extra}"), &body);
        self.open = Some((ask, number, bytes));
        self.over = ask == Ask::Bye;
        true
    }

    /// The request that waits was never answered.
    pub fn give_up(&mut self) {
        self.open = None;
    }

    /// The request that waits for its answer.
    pub fn open_request(&self) -> Option<Vec<u8>> {
        self.open.as_ref().map(|(_, _, bytes)| bytes.clone())
    }

    /// A request; `suffix` tells the branch of the ACK of a 2xx from that of its INVITE.
    fn request(
        &self,
        (method, number, suffix): (&str, u32, &str),
        here: SocketAddr,
        extra: &str,
        body: &str,
    ) -> Vec<u8> {
        let Leg { target, ours, theirs, call_id, tag, .. } = self;
        let branch = format!("z9hG4bK{tag}n{number}{suffix}");
        let length = body.len();
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch={branch}\r\n\
             Max-Forwards: 70\r\nFrom: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\n\
             CSeq: {number} {method}\r\n{extra}Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Takes the response to a request of ours; gives the ACK of a re-INVITE's.
    pub fn take_response(
        &mut self,
        response: &Heard,
        here: SocketAddr,
    ) -> Result<Reaction, String> {
        let status = response.status().unwrap_or_default();
        let number = response.number();
        if number > self.number || number <= 100 {
            return Err(format!("a response to a request never sent: {}", response.start));
        }
        let waits = self.open.as_ref().filter(|(_, waiting, _)| *waiting == number);
        let ask = waits.map(|(ask, _, _)| *ask);
        if status >= 200 && ask.is_some() {
            self.open = None;
        }
        let mut reaction = Reaction::default();
        match (ask, status) {
            (Some(Ask::Change(Change::Moves | Change::MovesAndEncodesAnew)), 200) => {
                self.phone.here = media(self.place, true);
            }
            (Some(Ask::Change(_)), 200) => {
                reaction.then = Some((HOLD, Task::Ask(Ask::Resume)));
            }
            (Some(_), 200 | 481) | (None, _) => {}
            (Some(Ask::Change(_) | Ask::Resume), 491 | 500) => {}
            (Some(ask), _) => return Err(format!("{ask:?} answered {}", response.start)),
        }
        if response.cseq_method() == "INVITE" && status >= 200 {
            let suffix = if status < 300 { "a" } else { "" };
            reaction.ack = Some(self.request(("ACK", number, suffix), here, "", ""));
        }
        Ok(reaction)
    }

    /// Says what is wrong with the route of a request inside the dialog (RFC 3261 §12.2.1.1).
    pub fn judge_route(&self, request: &Heard) -> Option<String> {
        let (found, wanted) = (request.header("Route"), self.route.as_deref().unwrap_or_default());
        (found != wanted).then(|| format!("{} by the route {found:?}", request.start))
    }

    /// Takes a BYE; says what is wrong with it.
    pub fn take_bye(&mut self, bye: &Heard, here: SocketAddr) -> Option<String> {
        self.over = true;
        let (line, leg) = self.place;
        let wanted = contact(line, leg, here);
        let wanted = wanted.trim_start_matches("Contact: <").trim_end_matches(">\r\n");
        if bye.request_uri() != wanted {
            return Some(format!("BYE to {}, not to the Contact {wanted}", bye.request_uri()));
        }
        if bye.number() <= self.invite_number {
            return Some("BYE with a number that does not rise".to_owned());
        }
        if bye.header("From") != self.theirs {
            return Some("BYE from another From".to_owned());
        }
        None
    }
}

impl Answer {
    /// The simplest answer: a person who picks up and does nothing.
    pub fn plain() -> Answer {
        Answer {
            description: Description::InAnswer,
            forks: 0,
            extra_copies: 0,
            mulaw: false,
            keys: Keys::None,
            hang_up: HangUp::Never,
            sound: Sound::Normal,
            change: None,
            asks_options: false,
            stranger: false,
            garbage: false,
        }
    }
}

/// The carrier's tag on a leg of a line.
pub fn tag(line: usize, leg: usize) -> String {
    format!("c{line}l{leg}")
}

/// The Contact header line of a leg.
pub fn contact(line: usize, leg: usize, here: SocketAddr) -> String {
    format!("Contact: <sip:line{line}.{leg}@{here}>\r\n")
}

fn media((line, leg): (usize, usize), moved: bool) -> SocketAddr {
    let port = FIRST_PORT + (line * LEGS_MAX + leg) * 4 + if moved { 2 } else { 0 };
    SocketAddr::new(MEDIA, u16::try_from(port).expect("a world has few lines"))
}

/// The line and leg whose media this address is.
pub fn of_media(to: SocketAddr) -> Option<(usize, usize)> {
    let place = usize::from(to.port()).checked_sub(FIRST_PORT)? / 4;
    (to.ip() == MEDIA).then_some((place / LEGS_MAX, place % LEGS_MAX))
}

/// The first session description of a leg.
pub fn description(line: usize, leg: usize, mulaw: bool) -> String {
    describe(media((line, leg), false), mulaw, 0, None)
}

fn describe(at: SocketAddr, mulaw: bool, version: u8, change: Option<Change>) -> String {
    let (ip, port, format) = (at.ip(), at.port(), if mulaw { "0" } else { "8" });
    let (ip, direction) = match change {
        Some(Change::Holds) => (ip.to_string(), "a=sendonly\r\n"),
        Some(Change::HoldsTheOldWay) => ("0.0.0.0".to_owned(), ""),
        _ => (ip.to_string(), ""),
    };
    format!(
        "v=0\r\no=carrier 77 {version} IN IP4 {MEDIA}\r\ns=call\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {format} 101\r\na=rtpmap:101 telephone-event/8000\r\n{direction}"
    )
}

/// A session description with a codec that was not offered.
pub fn g729(line: usize, leg: usize) -> String {
    description(line, leg, false).replace("AVP 8 101", "AVP 18 101")
}
