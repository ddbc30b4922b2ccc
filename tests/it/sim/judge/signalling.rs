//! Judges one call's SIP from the gateway's side: what reached it, and what it sent because of
//! that.
//!
//! The rules are exact: what a message demands must be sent in the same step, whatever the network
//! makes of it afterwards.

use crate::sim::text::{self, Heard};
use belfry::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// 64·T1 and timer D alike. What arrives at that very moment is still taken: the house delivers
/// before it lets timers run out.
const GIVE_UP: Duration = Duration::from_secs(32);
/// Sendings of one INVITE until 64·T1 (RFC 3261 §17.1.1.2), and of any other request (§17.1.2.2).
const COPIES_MAX: u32 = 11;
/// Answers the gateway acknowledges; further forks are left alone.
const ANSWERS_MAX: usize = 8;

/// What the gateway must send before the step ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owed {
    /// The ACK of a refusal, on the branch of its INVITE.
    AckOfRefusal { branch: String, number: u32 },
    /// The ACK of a 2xx, to a dialog.
    AckOfAnswer { tag: String, number: u32 },
    /// The BYE that ends a fork or a late answer.
    Bye { tag: String },
    /// The response to a request of the peer's.
    Response { branch: String, cseq: String },
}

/// One INVITE, with all its copies.
#[derive(Debug)]
struct Invite {
    number: u32,
    branch: String,
    request_uri: String,
    to: SocketAddr,
    sent_at: Instant,
    provisional: bool,
    last_word: Option<(u16, Instant)>,
    /// The network said that nothing gets there.
    unreachable: bool,
}

/// A dialog made by a 2xx.
#[derive(Debug)]
struct Dialog {
    contact: String,
    bye_branch: Option<String>,
    ended: bool,
}

/// One call's SIP.
#[derive(Debug, Default)]
pub struct Signalling {
    pub call_id: String,
    from_tag: String,
    invites: Vec<Invite>,
    copies: BTreeMap<(String, String), (u32, Vec<u8>)>,
    dialogs: BTreeMap<String, Dialog>,
    /// Tags whose BYE came before their 2xx.
    early_byes: BTreeSet<String>,
    early_audio: BTreeMap<String, (SocketAddr, u8)>,
    /// The dialog the call talks in.
    main: Option<String>,
    answered_requests: BTreeMap<(String, String), u16>,
    /// Branches on which a refusal of ours was acknowledged.
    acknowledged: BTreeSet<String>,
    moves: BTreeMap<(String, String), ((SocketAddr, u8), bool)>,
    cancel_at: Option<Instant>,
    /// The gateway was told to end the call before it was answered.
    quit: bool,
    owed: Vec<Owed>,
    pub facts: Facts,
}

/// What is known of the call from its SIP alone.
#[derive(Debug, Default)]
pub struct Facts {
    /// When the 2xx came that the call talks by.
    pub answered_at: Option<Instant>,
    /// What was agreed of the stream, the newest last.
    pub audio: Vec<Agreed>,
    /// When the talk was over: our BYE was sent, or the peer's was answered.
    pub talk_over: Option<Instant>,
    /// The peer hung up.
    pub peer_hung_up: bool,
    pub rang: bool,
    pub forwarded: bool,
    /// The status of the last INVITE's final response.
    pub status: Option<u16>,
    /// News that nothing gets to the peer came while the call was tried.
    pub unreachable: bool,
}

/// What was agreed of the stream.
#[derive(Debug, Clone, Copy)]
pub struct Agreed {
    pub since: Instant,
    /// Where RTP goes.
    pub to: SocketAddr,
    pub payload_type: u8,
    /// Whether any may go there: not while on hold.
    pub flows: bool,
}

impl Signalling {
    /// The gateway is told to end the call.
    pub fn told_to_quit(&mut self) {
        self.quit |= self.main.is_none();
    }

    /// The gateway hears that nothing gets to `to`.
    pub fn unreachable(&mut self, to: SocketAddr) {
        let Some(invite) = self.invites.last_mut() else { return };
        if invite.to == to && !invite.provisional && invite.last_word.is_none() {
            invite.unreachable = true;
            self.facts.unreachable = true;
        }
    }

    /// A message reached the gateway.
    pub fn delivered(&mut self, now: Instant, heard: &Heard, over: bool) {
        match (heard.status(), heard.cseq_method()) {
            (Some(status), "INVITE") => self.response_to_invite(now, heard, status, over),
            (Some(_), _) => {}
            (None, _) => self.request(heard),
        }
    }

    fn response_to_invite(&mut self, now: Instant, heard: &Heard, status: u16, over: bool) {
        let (cancel_at, last) = (self.cancel_at, self.invites.len());
        let found = self.invites.iter_mut().enumerate();
        let mut found = found.filter(|(_, invite)| invite.branch == heard.branch());
        let Some((at, invite)) = found.next() else { return };
        let is_last = at + 1 == last;
        if status < 200 {
            if invite.last_word.is_none() && !invite.is_dead(now, cancel_at) && is_last {
                invite.provisional = true;
                self.progress(heard, status, over);
            }
            return;
        }
        match invite.last_word {
            None if invite.is_dead(now, cancel_at) => return,
            None => {
                invite.last_word = Some((status, now));
                if is_last {
                    self.facts.status = Some(status);
                }
            }
            Some((first, at)) => {
                let other_kind = (first >= 300) != (status >= 300);
                if other_kind || now.since(at) > GIVE_UP {
                    return;
                }
            }
        }
        let number = invite.number;
        if status >= 300 {
            let branch = heard.branch().to_owned();
            self.owed.push(Owed::AckOfRefusal { branch, number });
        } else {
            self.success(now, heard, number, over);
        }
    }

    fn progress(&mut self, heard: &Heard, status: u16, over: bool) {
        let audio = heard.audio();
        if let Some(audio) = audio {
            self.early_audio.insert(heard.tag_of_to().to_owned(), audio);
        }
        if !over && self.cancel_at.is_none() && !self.quit {
            self.facts.rang |= status == 180 || audio.is_some();
            self.facts.forwarded |= status == 181;
        }
    }

    fn success(&mut self, now: Instant, heard: &Heard, number: u32, over: bool) {
        let tag = heard.tag_of_to().to_owned();
        let ack = Owed::AckOfAnswer { tag: tag.clone(), number };
        if self.dialogs.contains_key(&tag) {
            return self.owed.push(ack);
        }
        if self.dialogs.len() == ANSWERS_MAX {
            return;
        }
        self.owed.push(ack);
        let ended = self.early_byes.contains(&tag);
        let contact = heard.contact().to_owned();
        self.dialogs.insert(tag.clone(), Dialog { contact, bye_branch: None, ended });
        if over || self.quit || self.cancel_at.is_some() || self.main.is_some() {
            return self.owed.push(Owed::Bye { tag });
        }
        self.facts.answered_at = Some(now);
        self.facts.peer_hung_up |= ended;
        self.facts.talk_over = ended.then_some(now);
        let audio = heard.audio().or_else(|| self.early_audio.get(&tag).copied());
        let usable = audio.filter(|(_, payload_type)| [0, 8].contains(payload_type));
        let flows = heard.takes_audio();
        let agreed = |(to, payload_type)| Agreed { since: now, to, payload_type, flows };
        self.facts.audio.extend(usable.map(agreed));
        self.main = Some(tag);
    }

    fn request(&mut self, heard: &Heard) {
        if heard.tag_of_to() != self.from_tag {
            return;
        }
        if heard.method() == Some("ACK") {
            self.acknowledged.insert(heard.branch().to_owned());
            return;
        }
        let key = (heard.branch().to_owned(), heard.header("CSeq").to_owned());
        let is_invite = heard.method() == Some("INVITE");
        let accepted = self.answered_requests.get(&key) == Some(&200);
        if is_invite && (accepted || self.acknowledged.contains(&key.0)) {
            // A copy of what was settled: it is absorbed, or answered as before.
            return;
        }
        if let Some(audio) =
            heard.audio().filter(|_| Some(heard.tag_of_from()) == self.main.as_deref())
        {
            self.moves.insert(key.clone(), (audio, heard.takes_audio()));
        }
        if heard.method() == Some("BYE") {
            let tag = heard.tag_of_from().to_owned();
            match self.dialogs.get_mut(&tag) {
                Some(dialog) => dialog.ended = true,
                None => _ = self.early_byes.insert(tag.clone()),
            }
            self.facts.peer_hung_up |= self.main.as_deref() == Some(&*tag);
        }
        self.owed.push(Owed::Response { branch: key.0, cseq: key.1 });
    }

    /// The gateway sent a message. Says what is wrong with it.
    pub fn sent(
        &mut self,
        now: Instant,
        to: SocketAddr,
        heard: &Heard,
        bytes: &[u8],
    ) -> Result<(), String> {
        let Some(method) = heard.method() else { return self.sent_response(now, heard) };
        let key = (heard.branch().to_owned(), method.to_owned());
        let known = self.copies.entry(key).or_insert((0, bytes.to_vec()));
        known.0 += 1;
        if known.1 != bytes {
            return Err(format!("a copy of {method} that differs"));
        }
        let copies = known.0;
        if copies > COPIES_MAX && method != "ACK" {
            return Err(format!("{copies} copies of one {method}"));
        }
        match method {
            "INVITE" if copies == 1 => self.sent_invite(now, to, heard),
            "ACK" => self.sent_ack(heard),
            "CANCEL" if copies == 1 => self.sent_cancel(now, heard),
            "BYE" if copies == 1 => self.sent_bye(now, heard),
            "INVITE" | "CANCEL" | "BYE" => Ok(()),
            other => Err(format!("{other} is nothing a gateway sends")),
        }
    }

    fn sent_invite(&mut self, now: Instant, to: SocketAddr, heard: &Heard) -> Result<(), String> {
        let number = heard.number();
        if let Some(last) = self.invites.last() {
            let challenged = matches!(last.last_word, Some((401 | 407, _)));
            if !challenged || number != last.number + 1 || heard.tag_of_from() != self.from_tag {
                return Err("an INVITE again without a challenge, or misnumbered".to_owned());
            }
            self.facts.status = None;
        }
        self.call_id = heard.call_id().to_owned();
        self.from_tag = heard.tag_of_from().to_owned();
        self.invites.push(Invite {
            number,
            branch: heard.branch().to_owned(),
            request_uri: heard.request_uri().to_owned(),
            to,
            sent_at: now,
            provisional: false,
            last_word: None,
            unreachable: false,
        });
        Ok(())
    }

    fn sent_ack(&mut self, heard: &Heard) -> Result<(), String> {
        let pays = |owed: &Owed| match owed {
            Owed::AckOfRefusal { branch, number } => {
                branch == heard.branch() && *number == heard.number()
            }
            Owed::AckOfAnswer { tag, number } => {
                tag == heard.tag_of_to() && *number == heard.number()
            }
            _ => false,
        };
        let at = self.owed.iter().position(pays).ok_or("an ACK that nothing asked for")?;
        if let Owed::AckOfAnswer { tag, .. } = self.owed.remove(at) {
            let contact = &self.dialogs[&tag].contact;
            let own_branch = self.invites.iter().any(|invite| invite.branch == heard.branch());
            if heard.request_uri() != contact || own_branch {
                return Err(format!("the ACK of a 2xx must go to {contact} on a new branch"));
            }
        }
        Ok(())
    }

    fn sent_cancel(&mut self, now: Instant, heard: &Heard) -> Result<(), String> {
        let invite = self.invites.last().ok_or("a CANCEL of nothing")?;
        let same = heard.branch() == invite.branch
            && heard.number() == invite.number
            && heard.request_uri() == invite.request_uri;
        if !same || !invite.provisional || invite.last_word.is_some() {
            return Err("a CANCEL too early, too late, or of something else".to_owned());
        }
        self.cancel_at = Some(now);
        Ok(())
    }

    fn sent_bye(&mut self, now: Instant, heard: &Heard) -> Result<(), String> {
        let tag = heard.tag_of_to().to_owned();
        self.owed.retain(|owed| *owed != Owed::Bye { tag: tag.clone() });
        let unacknowledged =
            self.owed.iter().any(|o| matches!(o, Owed::AckOfAnswer { tag: to, .. } if *to == tag));
        let dialog = self.dialogs.get_mut(&tag).ok_or("a BYE to no dialog")?;
        if unacknowledged || dialog.bye_branch.is_some() {
            return Err("a BYE before the ACK, or a second one".to_owned());
        }
        if heard.request_uri() != dialog.contact {
            return Err(format!("a BYE to {}, not the Contact", heard.request_uri()));
        }
        dialog.bye_branch = Some(heard.branch().to_owned());
        if self.main.as_deref() == Some(&*tag) {
            self.facts.talk_over.get_or_insert(now);
        }
        Ok(())
    }

    fn sent_response(&mut self, now: Instant, heard: &Heard) -> Result<(), String> {
        let key = (heard.branch().to_owned(), heard.header("CSeq").to_owned());
        let status = heard.status().unwrap_or_default();
        let owed = Owed::Response { branch: key.0.clone(), cseq: key.1.clone() };
        let Some(at) = self.owed.iter().position(|o| *o == owed) else {
            let again = self.answered_requests.get(&key) == Some(&status);
            let is_invite = heard.cseq_method() == "INVITE";
            return if again && is_invite { Ok(()) } else { Err("an unasked response".to_owned()) };
        };
        self.owed.remove(at);
        let is_first = self.answered_requests.insert(key.clone(), status).is_none();
        let audio = self.moves.get(&key).filter(|_| is_first && status == 200);
        let agreed = |&((to, payload_type), flows)| Agreed { since: now, to, payload_type, flows };
        self.facts.audio.extend(audio.map(agreed));
        let of_main = self.main.is_some() && self.facts.peer_hung_up;
        if heard.cseq_method() == "BYE" && status == 200 && of_main {
            self.facts.talk_over.get_or_insert(now);
        }
        Ok(())
    }

    /// What must have been sent by now and was not.
    pub fn unpaid(&self) -> Option<String> {
        self.owed.first().map(|owed| format!("not sent: {owed:?}"))
    }

    /// Judges the whole call once nothing moves any more.
    pub fn finish(&self) -> Result<(), String> {
        for (tag, dialog) in &self.dialogs {
            if !dialog.ended && dialog.bye_branch.is_none() {
                return Err(format!("the dialog {tag} was never ended"));
            }
        }
        match self.invites.last() {
            Some(Invite { provisional: true, last_word: None, .. }) if self.cancel_at.is_none() => {
                Err("an INVITE was left without CANCEL".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Invite {
    /// Whether its transaction is over without a final response, so that none is taken any more.
    fn is_dead(&self, now: Instant, cancel_at: Option<Instant>) -> bool {
        let unheard = !self.provisional && now.since(self.sent_at) > GIVE_UP;
        let cancelled = cancel_at.is_some_and(|at| now.since(at) > GIVE_UP);
        self.unreachable || unheard || cancelled
    }
}

/// The RTP port an INVITE of the gateway's offers.
pub fn offered_port(invite: &Heard) -> Option<u16> {
    text::audio(&invite.body).map(|(address, _)| address.port())
}
