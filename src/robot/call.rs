//! One call at the phone (RFC 3261 §8.2, §13.3, §15), without sockets and clock.
//!
//! Deliberately not built on the gateway's own SIP: a bug must not agree with itself. Left out:
//! reliable provisional responses, re-INVITEs of its own, anything but UDP.

use super::behaviour::Behaviour;
use super::message::Message;
use super::offer::Agreed;
use super::record::{CallRecord, Direction, End, Happening, Step, What, masked};
use super::session::Session;
use super::settings::Settings;
use crate::entropy::Entropy;
use crate::time::{Duration, Instant, earliest};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// RFC 3261 §17.1.1.1: the first wait before a message is sent again, and the longest.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// After this a message that should have been answered never will be: 64 * T1.
const GIVE_UP: Duration = Duration::from_secs(32);
/// However it goes on, no call lasts longer.
const CALL_MAX: Duration = Duration::from_secs(150);
/// How long an ended call still answers repeated messages.
const LINGER: Duration = Duration::from_secs(5);

/// What a call wants done.
#[derive(Debug)]
pub enum Output {
    /// Send this SIP message to the gateway.
    Sip(SocketAddr, Vec<u8>),
    /// Send this RTP packet.
    Rtp(SocketAddr, Vec<u8>),
    /// Tell whoever watches.
    Happened(Happening),
    /// The call is over.
    Ended(Box<CallRecord>),
}

enum Phase {
    /// The phone rings; picked up then, or never.
    Ringing { answer_at: Option<Instant> },
    /// A final refusal was sent, its ACK is awaited.
    Refusing { then: Option<End> },
    /// Picked up.
    Answered,
    /// Our BYE was sent.
    HangingUp,
    /// Over; repeated messages are answered until then.
    Over { until: Instant },
}

/// A message that is sent again and again until it is answered.
struct Resend {
    datagram: Vec<u8>,
    at: Instant,
    wait: Duration,
    until: Instant,
}

/// One call.
pub struct Call {
    settings: Arc<Settings>,
    behaviour: Behaviour,
    entropy: Entropy,
    rtp: SocketAddr,
    invite: Message,
    source: SocketAddr,
    tag: String,
    nonce: String,
    authorised: bool,
    phase: Phase,
    /// The last response to the INVITE.
    response: Vec<u8>,
    resend: Option<Resend>,
    session: Option<Session>,
    record: CallRecord,
    outputs: VecDeque<Output>,
}

impl Call {
    /// A call that begins with this INVITE; the phone's RTP socket is at `rtp`.
    pub fn new(
        now: Instant,
        settings: Arc<Settings>,
        mut entropy: Entropy,
        rtp: SocketAddr,
        invite: Message,
        source: SocketAddr,
    ) -> Self {
        let behaviour = settings.behaviour.unwrap_or_else(|| Behaviour::of_number(invite.called()));
        let call = invite.header("Call-ID").unwrap_or_default().to_owned();
        let mut call = Call {
            behaviour,
            tag: entropy.token::<8>(),
            nonce: entropy.token::<16>(),
            entropy,
            rtp,
            source,
            authorised: settings.challenge.is_none(),
            settings,
            phase: Phase::Over { until: now + CALL_MAX },
            response: Vec::new(),
            resend: None,
            session: None,
            record: CallRecord::beginning(now, call, behaviour),
            outputs: VecDeque::new(),
            invite,
        };
        call.note(now, Direction::Received, call.invite.start.clone());
        call.begin(now);
        call
    }

    /// Takes a SIP message of this call.
    pub fn handle_sip(&mut self, now: Instant, source: SocketAddr, message: Message) {
        self.note(now, Direction::Received, message.start.clone());
        self.source = source;
        match message.method() {
            "INVITE" => self.handle_invite(now, message),
            "ACK" => self.handle_ack(now),
            "CANCEL" => self.handle_cancel(now, &message),
            "BYE" => self.handle_bye(now, &message),
            "" => self.handle_response(now, &message),
            "OPTIONS" => self.answer(now, &message, 200, "OK", ""),
            method => {
                self.record.faults.push(format!("{method} is nothing a phone expects"));
                self.answer(now, &message, 501, "Not Implemented", "");
            }
        }
    }

    /// Takes an RTP datagram that came at `now`.
    pub fn handle_rtp(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(session) = &mut self.session {
            session.handle_rtp(now, datagram);
            self.follow_session(now);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Phase::Ringing { answer_at: Some(at) } = self.phase
            && now >= at
        {
            self.pick_up(now);
        }
        if let Some(session) = &mut self.session {
            session.handle_timeout(now);
            self.follow_session(now);
        }
        self.send_again(now);
        if now >= self.record.began + CALL_MAX {
            self.end(now, End::Abandoned);
        }
    }

    /// When [`Call::handle_timeout`] must be called; `None` when the call may be forgotten.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        if let Phase::Over { until } = self.phase {
            return (now < until).then_some(until);
        }
        let pick_up = match self.phase {
            Phase::Ringing { answer_at } => answer_at,
            _ => None,
        };
        let resend = self.resend.as_ref().map(|resend| resend.at);
        let session = self.session.as_ref().and_then(Session::poll_timeout);
        let end = Some(self.record.began + CALL_MAX);
        earliest(earliest(pick_up, resend), earliest(session, end))
    }

    /// The next thing to do; call until `None` after each `handle_…`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn begin(&mut self, now: Instant) {
        if self.behaviour == Behaviour::Silent {
            self.phase = Phase::Ringing { answer_at: None };
            return;
        }
        self.respond(now, 100, "Trying", "");
        if let Some(challenge) = self.settings.challenge.clone().filter(|_| !self.authorised) {
            let header = challenge.header(&self.nonce);
            return self.refuse(now, challenge.status, "Credentials Please", &header, None);
        }
        if let Some((status, reason)) = self.behaviour.refusal() {
            let contact = match status {
                300..=399 => format!("Contact: <sip:elsewhere@{}>\r\n", self.settings.sip),
                _ => String::new(),
            };
            return self.refuse(now, status, reason, &contact, Some(End::Refused));
        }
        if self.behaviour == Behaviour::Forwarded {
            self.respond(now, 181, "Call Is Being Forwarded", "");
        }
        self.respond(now, 180, "Ringing", &self.contact());
        let rings_on = self.behaviour == Behaviour::NoAnswer;
        let answer_at = (!rings_on).then(|| now + self.settings.ring);
        self.phase = Phase::Ringing { answer_at };
    }

    fn handle_invite(&mut self, now: Instant, message: Message) {
        if message.branch() == self.invite.branch() {
            return self.repeat_response(now);
        }
        let challenged = matches!(self.phase, Phase::Refusing { then: None });
        let Some(challenge) = self.settings.challenge.as_ref().filter(|_| challenged) else {
            self.record.faults.push("a second INVITE inside the call".to_owned());
            return self.answer(now, &message, 488, "Not Acceptable Here", "");
        };
        if message.sequence() <= self.invite.sequence() {
            self.record.faults.push("CSeq did not rise with the credentials".to_owned());
        }
        self.authorised = challenge.is_met_by(&message, &self.nonce);
        self.resend = None;
        self.invite = message;
        self.begin(now);
    }

    fn repeat_response(&mut self, now: Instant) {
        let response = self.response.clone();
        if !response.is_empty() {
            self.send(now, response);
        }
    }

    fn handle_ack(&mut self, now: Instant) {
        self.resend = None;
        if let Phase::Refusing { then: Some(end) } = self.phase {
            self.end(now, end);
        }
    }

    fn handle_cancel(&mut self, now: Instant, message: &Message) {
        if message.branch() != self.invite.branch() {
            self.record.faults.push("CANCEL has another branch than its INVITE".to_owned());
        }
        self.answer(now, message, 200, "OK", "");
        if matches!(self.phase, Phase::Ringing { .. }) {
            self.refuse(now, 487, "Request Terminated", "", Some(End::Canceled));
        }
    }

    fn handle_bye(&mut self, now: Instant, message: &Message) {
        self.answer(now, message, 200, "OK", "");
        if matches!(self.phase, Phase::Answered) {
            if message.sequence() <= self.invite.sequence() {
                self.record.faults.push("CSeq did not rise with the BYE".to_owned());
            }
            self.end(now, End::GatewayHungUp);
        }
    }

    fn handle_response(&mut self, now: Instant, message: &Message) {
        if matches!(self.phase, Phase::HangingUp) && message.status() >= Some(200) {
            self.end(now, End::PhoneHungUp);
        }
    }

    fn pick_up(&mut self, now: Instant) {
        let agreed = match Agreed::from_offer(&self.invite, self.settings.codec) {
            Ok(agreed) => agreed,
            Err(fault) => {
                self.record.faults.push(fault);
                return self.refuse(now, 488, "Not Acceptable Here", "", Some(End::Refused));
            }
        };
        let body = agreed.answer(self.rtp);
        let extra = self.contact() + "Content-Type: application/sdp\r\n";
        let extra = format!("{extra}Content-Length: {}\r\n\r\n{body}", body.len());
        let mut text = self.invite.response(200, "OK", &self.tag, self.source);
        text.push_str(&extra);
        self.phase = Phase::Answered;
        self.record.answered = Some(now);
        self.send_until_answered(now, text.into_bytes());
        let templates = self.settings.templates.clone();
        self.session =
            Some(Session::new(now, self.behaviour, agreed, templates, self.entropy.fork()));
    }

    fn hang_up(&mut self, now: Instant) {
        let header = |name| self.invite.header(name).unwrap_or_default();
        let contact = header("Contact");
        let target = contact.split(['<', '>']).nth(1).unwrap_or(contact);
        let (local, branch) = (self.settings.sip, self.entropy.token::<8>());
        let text = format!(
            "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: {};tag={}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 BYE\r\n\
             Reason: Q.850;cause=16;text=\"Normal call clearing\"\r\nContent-Length: 0\r\n\r\n",
            header("To"),
            self.tag,
            header("From"),
            header("Call-ID"),
        );
        self.phase = Phase::HangingUp;
        self.close_session(now);
        self.send_until_answered(now, text.into_bytes());
    }

    fn follow_session(&mut self, now: Instant) {
        let Some(session) = &mut self.session else { return };
        let hang_up = session.wants_to_hang_up();
        while let Some((to, packet)) = session.poll_packet() {
            self.outputs.push_back(Output::Rtp(to, packet));
        }
        self.tell_of_session(now);
        if hang_up && matches!(self.phase, Phase::Answered) {
            self.hang_up(now);
        }
    }

    fn tell_of_session(&mut self, now: Instant) {
        let Some(session) = &mut self.session else { return };
        while let Some(what) = session.poll_happening() {
            let call = self.record.call.clone();
            self.outputs.push_back(Output::Happened(Happening { call, at: now, what }));
        }
    }

    fn close_session(&mut self, now: Instant) {
        if let Some(session) = &mut self.session {
            session.finish(now);
        }
        self.tell_of_session(now);
        if let Some(session) = self.session.take() {
            session.close(&mut self.record);
        }
    }

    fn end(&mut self, now: Instant, end: End) {
        if matches!(self.phase, Phase::Over { .. }) {
            return;
        }
        self.close_session(now);
        self.resend = None;
        self.phase = Phase::Over { until: now + LINGER };
        (self.record.ended, self.record.end) = (now, end);
        self.outputs.push_back(Output::Ended(Box::new(self.record.clone())));
    }

    fn refuse(&mut self, now: Instant, status: u16, reason: &str, extra: &str, then: Option<End>) {
        self.phase = Phase::Refusing { then };
        let mut text = self.invite.response(status, reason, &self.tag, self.source);
        text += extra;
        text += "Content-Length: 0\r\n\r\n";
        self.send_until_answered(now, text.into_bytes());
    }

    fn respond(&mut self, now: Instant, status: u16, reason: &str, extra: &str) {
        let mut text = self.invite.response(status, reason, &self.tag, self.source);
        text += extra;
        text += "Content-Length: 0\r\n\r\n";
        self.response = text.clone().into_bytes();
        self.send(now, text.into_bytes());
    }

    /// Answers another request than the INVITE.
    fn answer(&mut self, now: Instant, to: &Message, status: u16, reason: &str, extra: &str) {
        let text = to.response(status, reason, &self.tag, self.source);
        self.send(now, format!("{text}{extra}Content-Length: 0\r\n\r\n").into_bytes());
    }

    fn contact(&self) -> String {
        format!("Contact: <sip:robot@{}>\r\n", self.settings.sip)
    }

    fn send_until_answered(&mut self, now: Instant, datagram: Vec<u8>) {
        self.response = datagram.clone();
        let until = now + GIVE_UP;
        self.resend = Some(Resend { datagram: datagram.clone(), at: now + T1, wait: T1, until });
        self.send(now, datagram);
    }

    fn send_again(&mut self, now: Instant) {
        let Some(resend) = self.resend.as_mut().filter(|resend| now >= resend.at) else { return };
        if now >= resend.until {
            self.record.faults.push("a message was never acknowledged".to_owned());
            return self.end(now, End::Abandoned);
        }
        resend.wait = (resend.wait * 2).min(T2);
        resend.at = now + resend.wait;
        let datagram = resend.datagram.clone();
        self.send(now, datagram);
    }

    fn send(&mut self, now: Instant, datagram: Vec<u8>) {
        let line = datagram.split(|&byte| byte == b'\r').next().unwrap_or_default();
        self.note(now, Direction::Sent, String::from_utf8_lossy(line).into_owned());
        self.outputs.push_back(Output::Sip(self.source, datagram));
    }

    fn note(&mut self, at: Instant, direction: Direction, line: String) {
        let step = Step { at, direction, line: masked(&line) };
        self.record.ladder.push(step.clone());
        let (call, what) = (self.record.call.clone(), What::Sip(step));
        self.outputs.push_back(Output::Happened(Happening { call, at, what }));
    }
}

impl CallRecord {
    fn beginning(now: Instant, call: String, behaviour: Behaviour) -> Self {
        CallRecord {
            call,
            behaviour,
            ladder: Vec::new(),
            faults: Vec::new(),
            began: now,
            answered: None,
            ended: now,
            end: End::Abandoned,
            rtp: Default::default(),
            asked: None,
            pressed: Vec::new(),
            words: Vec::new(),
            readings: Vec::new(),
            audio: Default::default(),
        }
    }
}
