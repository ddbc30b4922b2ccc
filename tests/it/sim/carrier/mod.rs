//! The carrier: takes the gateway's calls and treats each as its plan says.
//!
//! It keeps RFC 3261's rules itself (copies are answered alike, a final response is sent until it
//! is acknowledged, a BYE until it is answered), and complains of whatever the gateway writes
//! wrong.

pub mod digest;
pub mod leg;
pub mod phone;
pub mod plan;
mod tasks;

use super::dice::Dice;
use super::text::{self, Heard};
use belfry::time::{Duration, Instant};
use leg::Leg;
use plan::{Answer, Challenge, Description, End, OnCancel, Plan, Progress};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// 64·T1, when a message is no longer sent again.
const GIVE_UP: Duration = Duration::from_secs(32);

/// A machine outside every dialog, whose packets must change nothing.
const STRANGER: &str = "203.0.113.66:4444";

/// Something the carrier puts on the network.
#[derive(Debug)]
pub enum Outgoing {
    Datagram {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// Its network says that nothing gets to this address.
    Unreachable {
        to: SocketAddr,
    },
}

/// One INVITE of the gateway's and what came of it.
struct Line {
    plan: Plan,
    /// The INVITE as last sent.
    invite: Heard,
    /// Where it went, and where it came from.
    here: SocketAddr,
    gateway: SocketAddr,
    nonce: String,
    /// The last response to the INVITE, for its copies.
    last: Option<Vec<u8>>,
    stage: Stage,
    legs: Vec<Leg>,
    dice: Dice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A challenge is out.
    Challenged,
    /// Working on it.
    Working,
    /// A final response above 299 is sent until acknowledged.
    Refused,
    /// Nothing more will be said about the INVITE, or the legs say it.
    Done,
}

#[derive(Debug, Clone, Copy)]
enum Task {
    Progress(Progress),
    End,
    /// Send the refusal again after `gap`, for the INVITE of this number.
    Refusal {
        number: u32,
        gap: Duration,
        until: Instant,
    },
    Leg {
        leg: usize,
        task: leg::Task,
    },
}

impl Line {
    /// Where requests inside the dialog must pass, if the carrier stays in the way.
    fn route(&self) -> Option<String> {
        self.plan.records_route.then(|| format!("<sip:{};lr>", self.here))
    }

    fn record_route(&self) -> String {
        self.route().map_or(String::new(), |route| format!("Record-Route: {route}\r\n"))
    }
}

/// All lines of the carrier.
pub struct Carrier {
    dice: Dice,
    locale: String,
    /// What every call gets, instead of a plan of its own; for tests of one behaviour.
    pub always: Option<Plan>,
    lines: Vec<Line>,
    by_call_id: BTreeMap<String, usize>,
    tasks: BTreeMap<(Instant, u64), (usize, Task)>,
    serial: u64,
    pub outgoing: Vec<Outgoing>,
    /// What the gateway did wrong.
    pub complaints: Vec<String>,
}

impl Carrier {
    /// A carrier whose people hear prompts of `locale`.
    pub fn new(dice: Dice, locale: &str) -> Carrier {
        Carrier {
            dice,
            locale: locale.to_owned(),
            always: None,
            lines: Vec::new(),
            by_call_id: BTreeMap::new(),
            tasks: BTreeMap::new(),
            serial: 0,
            outgoing: Vec::new(),
            complaints: Vec::new(),
        }
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.tasks.keys().next().map(|&(at, _)| at)
    }

    /// The plan of the call with this Call-ID, once its INVITE has arrived.
    pub fn plan(&self, call_id: &str) -> Option<&Plan> {
        self.by_call_id.get(call_id).map(|&line| &self.lines[line].plan)
    }

    /// What the people on this number's calls understood, the newest call last.
    pub fn heard_by(&self, number: &str) -> impl Iterator<Item = String> {
        let called = format!("sip:{number}@");
        let of_number = move |line: &&Line| line.invite.request_uri().starts_with(&called);
        let legs = self.lines.iter().filter(of_number).flat_map(|line| &line.legs);
        legs.map(|leg| leg.phone.code())
    }

    /// What the people on the call with this Call-ID understood, one for each leg.
    pub fn heard_on(&self, call_id: &str) -> Vec<String> {
        let line = self.by_call_id.get(call_id).map(|&line| &self.lines[line]);
        line.map_or(Vec::new(), |line| line.legs.iter().map(|leg| leg.phone.code()).collect())
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(entry) = self.tasks.first_entry().filter(|entry| entry.key().0 <= now) {
            let (line, task) = entry.remove();
            self.run(now, line, task);
        }
    }

    fn after(&mut self, now: Instant, delay: Duration, line: usize, task: Task) {
        self.serial += 1;
        self.tasks.insert((now + delay, self.serial), (line, task));
    }

    fn send(&mut self, line: usize, bytes: Vec<u8>) {
        let Line { here, gateway, .. } = self.lines[line];
        self.outgoing.push(Outgoing::Datagram { from: here, to: gateway, bytes });
    }

    /// Takes an RTP packet.
    pub fn handle_rtp(&mut self, now: Instant, to: SocketAddr, bytes: &[u8]) {
        let Some((line, leg)) = leg::of_media(to) else { return };
        let Some(found) = self.lines.get_mut(line).and_then(|line| line.legs.get_mut(leg)) else {
            return;
        };
        if found.is_over() {
            return;
        }
        for (delay, act) in found.phone.hear(bytes) {
            let task = leg::Task::Act(act);
            self.after(now, delay, line, Task::Leg { leg, task });
        }
    }

    /// Takes a SIP message.
    pub fn handle_sip(&mut self, now: Instant, here: SocketAddr, from: SocketAddr, bytes: &[u8]) {
        let heard = match Heard::read(bytes) {
            Ok(heard) => heard,
            Err(problem) => return self.complaints.push(format!("unreadable: {problem}")),
        };
        let known = self.by_call_id.get(heard.call_id()).copied();
        match (heard.method(), known) {
            (Some("INVITE"), None) => self.first_invite(now, here, from, heard),
            (Some("INVITE"), Some(line)) => self.further_invite(now, line, heard),
            (Some("ACK"), Some(line)) => self.ack(line, &heard),
            (Some("CANCEL"), Some(line)) => self.cancel(now, line, &heard),
            (Some("BYE"), Some(line)) => self.bye(line, &heard),
            (None, Some(line)) => self.response(now, line, &heard),
            (Some("CANCEL"), None) => {} // It overtook its INVITE.
            _ => self.complaints.push(format!("a request out of the blue: {}", heard.start)),
        }
    }

    fn first_invite(&mut self, now: Instant, here: SocketAddr, from: SocketAddr, invite: Heard) {
        self.judge_invite(&invite);
        let mut dice = self.dice.fork();
        let plan = self.always.clone().unwrap_or_else(|| Plan::draw(&mut dice));
        if matches!(plan.end, End::Unreachable) {
            return self.outgoing.push(Outgoing::Unreachable { to: here });
        }
        let line = self.lines.len();
        self.by_call_id.insert(invite.call_id().to_owned(), line);
        let challenge = plan.challenge;
        self.lines.push(Line {
            plan,
            invite,
            here,
            gateway: from,
            nonce: format!("n{line}"),
            last: None,
            stage: Stage::Working,
            legs: Vec::new(),
            dice,
        });
        match challenge {
            Some(challenge) => self.challenge(now, line, challenge),
            None => self.work(now, line),
        }
    }

    fn further_invite(&mut self, now: Instant, line: usize, invite: Heard) {
        let known = &self.lines[line];
        if invite.number() <= known.invite.number() {
            let copy = known.last.clone().filter(|_| invite.number() == known.invite.number());
            if let Some(last) = copy {
                self.send(line, last);
            }
            return;
        }
        let (stage, challenge) = (known.stage, known.plan.challenge);
        let (Stage::Challenged, Some(challenge)) = (stage, challenge) else {
            return self.complaints.push("a further INVITE that nobody asked for".to_owned());
        };
        self.judge_invite(&invite);
        let verdict = digest::check(challenge, &self.lines[line].nonce, &invite);
        self.lines[line].invite = invite;
        self.lines[line].last = None;
        match verdict {
            None => self.complaints.push("an INVITE again without credentials".to_owned()),
            Some(Err(problem)) => self.complaints.push(problem),
            Some(Ok(())) if challenge.never_content => self.challenge(now, line, challenge),
            Some(Ok(())) => {
                self.lines[line].stage = Stage::Working;
                self.work(now, line);
            }
        }
    }

    /// What every INVITE must have (RFC 3261 §8.1.1), and no more than one datagram holds.
    fn judge_invite(&mut self, invite: &Heard) {
        for name in ["Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact"] {
            if invite.all(name).count() != 1 {
                self.complaints.push(format!("INVITE with not exactly one {name}"));
            }
        }
        if invite.header("Content-Length") != invite.body.len().to_string() {
            self.complaints.push("INVITE with a wrong Content-Length".to_owned());
        }
        if !invite.branch().starts_with("z9hG4bK") || invite.tag_of_from().is_empty() {
            self.complaints.push("INVITE without branch or From tag".to_owned());
        }
        if invite.audio().is_none() || !invite.tag_of_to().is_empty() {
            self.complaints.push("INVITE without audio, or to a dialog".to_owned());
        }
    }

    fn challenge(&mut self, now: Instant, line: usize, challenge: Challenge) {
        self.lines[line].nonce.push('x');
        let header = digest::challenge(challenge, &self.lines[line].nonce);
        let status = format!("{} Unauthorized", challenge.status);
        self.refuse(now, line, &status, &header);
        self.lines[line].stage = Stage::Challenged;
    }

    fn refuse(&mut self, now: Instant, line: usize, status: &str, extra: &str) {
        let known = &mut self.lines[line];
        let tag = format!("r{line}");
        let style = known.plan.style;
        let bytes = text::response(style, &known.invite, status, &tag, extra, "");
        known.last = Some(bytes.clone());
        known.stage = Stage::Refused;
        let number = known.invite.number();
        self.send(line, bytes);
        let again = Task::Refusal { number, gap: T1, until: now + GIVE_UP };
        self.after(now, T1, line, again);
    }

    fn work(&mut self, now: Instant, line: usize) {
        let plan = self.lines[line].plan.clone();
        for (after, what) in plan.progress {
            self.after(now, after, line, Task::Progress(what));
        }
        match plan.end {
            End::Refuse { after, .. } | End::Answer { after, .. } => {
                self.after(now, after, line, Task::End);
            }
            End::Nothing | End::Unreachable => {}
        }
    }

    fn run(&mut self, now: Instant, line: usize, task: Task) {
        match task {
            Task::Leg { leg, task } => self.run_leg(now, line, leg, task),
            Task::Refusal { number, gap, until } => {
                let known = &self.lines[line];
                let waits = matches!(known.stage, Stage::Refused | Stage::Challenged);
                if waits && known.invite.number() == number && now < until {
                    self.send(line, known.last.clone().expect("a refusal was sent"));
                    let gap = (gap * 2).min(T2);
                    self.after(now, gap, line, Task::Refusal { number, gap, until });
                }
            }
            _ if self.lines[line].stage != Stage::Working => {}
            Task::Progress(what) => self.progress(line, what),
            Task::End => match self.lines[line].plan.end.clone() {
                End::Refuse { refusal, .. } => {
                    self.refuse(now, line, refusal.status, refusal.extra);
                }
                End::Answer { answer, .. } => self.answer(now, line, &answer),
                End::Nothing | End::Unreachable => {}
            },
        }
    }

    fn progress(&mut self, line: usize, what: Progress) {
        let known = &mut self.lines[line];
        let tag = leg::tag(line, 0);
        let (status, tag, body) = match what {
            Progress::Trying => ("100 Trying", "", String::new()),
            Progress::Ringing => ("180 Ringing", &*tag, String::new()),
            Progress::Forwarded => ("181 Call Is Being Forwarded", &*tag, String::new()),
            Progress::Early => {
                let mulaw = matches!(&known.plan.end, End::Answer { answer, .. } if answer.mulaw);
                ("183 Session Progress", &*tag, leg::description(line, 0, mulaw))
            }
        };
        let contact = leg::contact(line, 0, known.here) + &known.record_route();
        let extra = if tag.is_empty() { "" } else { &contact };
        let bytes = text::response(known.plan.style, &known.invite, status, tag, extra, &body);
        known.last = Some(bytes.clone());
        self.send(line, bytes);
    }

    /// Answers on every leg; each 200 is sent until it is acknowledged.
    fn answer(&mut self, now: Instant, line: usize, answer: &Answer) {
        self.lines[line].stage = Stage::Done;
        for leg in 0..=answer.forks as usize {
            let known = &mut self.lines[line];
            let body = match answer.description {
                Description::InAnswer => leg::description(line, leg, answer.mulaw),
                Description::Missing | Description::EarlyOnly => String::new(),
                Description::G729Only => leg::g729(line, leg),
            };
            let tag = leg::tag(line, leg);
            let extra = leg::contact(line, leg, known.here) + &known.record_route();
            let (style, invite) = (known.plan.style, &known.invite);
            let bytes = text::response(style, invite, "200 OK", &tag, &extra, &body);
            known.last = Some(bytes.clone());
            let (dice, place) = (known.dice.fork(), (line, leg));
            let sent = (bytes, known.route());
            known.legs.push(Leg::new(place, &known.invite, answer, &self.locale, sent, dice));
            self.run_leg(now, line, leg, leg::Task::Answer { gap: T1 / 2, until: now + GIVE_UP });
            let delay = self.lines[line].dice.millis(1, 40);
            for (after, task) in self.lines[line].legs[leg].begin(now, answer) {
                self.after(now, delay + after, line, Task::Leg { leg, task });
            }
        }
    }

    fn ack(&mut self, line: usize, ack: &Heard) {
        let known = &mut self.lines[line];
        if let Some(leg) = known.legs.iter_mut().find(|leg| leg.tag == ack.tag_of_to()) {
            self.complaints.extend(leg.judge_route(ack));
            return leg.acknowledged();
        }
        let is_of_refusal = ack.number() == known.invite.number();
        match known.stage {
            Stage::Refused if is_of_refusal => known.stage = Stage::Done,
            Stage::Challenged | Stage::Refused | Stage::Done => {}
            Stage::Working if is_of_refusal => {
                self.complaints.push("an ACK of nothing".to_owned());
            }
            Stage::Working => {}
        }
    }

    fn cancel(&mut self, now: Instant, line: usize, cancel: &Heard) {
        let known = &self.lines[line];
        let of_invite = cancel.branch() == known.invite.branch();
        if known.plan.on_cancel == OnCancel::Ignore {
            return;
        }
        let (style, stage) = (known.plan.style, known.stage);
        let tag = leg::tag(line, 0);
        let bytes = text::response(style, cancel, "200 OK", &tag, "", "");
        self.send(line, bytes);
        if stage != Stage::Working || !of_invite {
            return;
        }
        match self.lines[line].plan.on_cancel {
            OnCancel::Obey => self.refuse(now, line, "487 Request Terminated", ""),
            OnCancel::Busy => self.refuse(now, line, "486 Busy Here", ""),
            OnCancel::Answer => {
                let answer = match &self.lines[line].plan.end {
                    End::Answer { answer, .. } => answer.clone(),
                    _ => Answer::plain(),
                };
                self.answer(now, line, &answer);
            }
            OnCancel::Ignore => {}
        }
    }

    fn bye(&mut self, line: usize, bye: &Heard) {
        let known = &mut self.lines[line];
        let style = known.plan.style;
        let leg = known.legs.iter_mut().find(|leg| leg.tag == bye.tag_of_to());
        let (status, complaint) = match leg {
            Some(leg) => {
                let wrong = leg.take_bye(bye, known.here).or_else(|| leg.judge_route(bye));
                let challenge = known.plan.challenge;
                let digest = challenge.and_then(|c| digest::check(c, &known.nonce, bye));
                ("200 OK", wrong.or_else(|| digest.and_then(Result::err)))
            }
            None => ("481 Call Does Not Exist", Some("a BYE to no dialog".to_owned())),
        };
        self.complaints.extend(complaint);
        let bytes = text::response(style, bye, status, "", "", "");
        self.send(line, bytes);
    }

    fn response(&mut self, now: Instant, line: usize, response: &Heard) {
        let known = &mut self.lines[line];
        let here = known.here;
        let mut legs = known.legs.iter_mut().enumerate();
        let leg = legs.find(|(_, leg)| leg.tag == response.tag_of_from());
        let Some((at, leg)) = leg else {
            return self.complaints.push(format!("a response to nothing: {}", response.start));
        };
        match leg.take_response(response, here) {
            Ok(reaction) => {
                if let Some((after, task)) = reaction.then {
                    self.after(now, after, line, Task::Leg { leg: at, task });
                }
                reaction.ack.into_iter().for_each(|ack| self.send(line, ack));
            }
            Err(complaint) => self.complaints.push(complaint),
        }
    }
}
