//! The standing checkers: they watch every step of a simulated world and name the first fault.
//!
//! They know everything (orders, codes, what reached whom); the carrier and the panel know only
//! what they are sent. [`signalling`] judges SIP, [`sound`] the RTP frames, [`course`] the events
//! and the receipt.

mod course;
mod signalling;
mod sound;

use super::carrier::plan::Plan;
use super::text::Heard;
use belfry::call::{CallEvent, CallEventKind, CallOrder};
use belfry::id::AttemptId;
use belfry::media::ClipKey;
use belfry::reason::Reason;
use belfry::time::{Duration, Instant};
use course::Course;
use signalling::Signalling;
use sound::Sound;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// One call, seen by the judge.
struct Case {
    order: CallOrder,
    signalling: Signalling,
    sound: Sound,
    course: Course,
    /// Its process died: nothing more is expected of it.
    lost: bool,
}

/// What came of one call, once its receipt was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub reason: Reason,
    pub call_id: String,
    pub canceled: bool,
    /// Something besides the carrier's plan decided how it ended.
    pub disturbed: bool,
}

/// All calls of a world.
pub struct Judge {
    /// The first fault.
    pub verdict: Option<String>,
    cases: BTreeMap<AttemptId, Case>,
    by_call_id: BTreeMap<String, AttemptId>,
    by_port: BTreeMap<u16, AttemptId>,
    /// The call that the message of this step was for.
    touched: Option<AttemptId>,
    channels: BTreeMap<String, usize>,
    slack: Duration,
    /// Whether no more calls are asked for than the engine says it takes.
    pub asks_within_capacity: bool,
    pub locale: String,
}

impl Judge {
    /// A judge for trunks with so many channels, and prompts of `locale`; `slack` is how long a
    /// command is under way between the engine and its media.
    pub fn new(channels: BTreeMap<String, usize>, locale: &str, slack: Duration) -> Judge {
        Judge {
            verdict: None,
            cases: BTreeMap::new(),
            by_call_id: BTreeMap::new(),
            by_port: BTreeMap::new(),
            touched: None,
            channels,
            slack,
            asks_within_capacity: false,
            locale: locale.to_owned(),
        }
    }

    pub fn blame(&mut self, fault: impl Into<String>) {
        self.verdict.get_or_insert(fault.into());
    }

    fn rule(&mut self, attempt: AttemptId, result: Result<(), String>) {
        if let Err(fault) = result {
            self.blame(format!("{attempt}: {fault}"));
        }
    }

    /// An order is given to the engine.
    pub fn placed(&mut self, now: Instant, order: &CallOrder) {
        let case = Case {
            order: order.clone(),
            signalling: Signalling::default(),
            sound: Sound::new(&self.locale, self.slack),
            course: Course::new(now),
            lost: false,
        };
        if self.cases.insert(order.attempt, case).is_some() {
            self.blame("an attempt was ordered twice");
        }
    }

    /// The engine is told to end a call.
    pub fn canceled(&mut self, attempt: AttemptId) {
        if let Some(case) = self.cases.get_mut(&attempt) {
            case.course.canceled = true;
            case.signalling.told_to_quit();
        }
    }

    /// The engine is told to end all calls.
    pub fn all_canceled(&mut self) {
        let all: Vec<AttemptId> = self.cases.keys().copied().collect();
        all.into_iter().for_each(|attempt| self.canceled(attempt));
    }

    /// The process died: its calls end without a word, its ports are free.
    pub fn crashed(&mut self) {
        for case in self.cases.values_mut() {
            case.lost |= case.course.ended.is_none();
        }
        self.by_call_id.clear();
        self.by_port.clear();
    }

    /// The gateway hears that nothing gets to `to`.
    pub fn unreachable(&mut self, to: SocketAddr) {
        self.cases.values_mut().for_each(|case| case.signalling.unreachable(to));
    }

    /// A SIP message reaches the gateway.
    pub fn sip_delivered(&mut self, now: Instant, bytes: &[u8]) {
        let Ok(heard) = Heard::read_any(bytes) else { return };
        let Some(attempt) = self.by_call_id.get(heard.call_id()) else { return };
        let case = self.cases.get_mut(attempt).expect("every Call-ID has a case");
        let over = case.course.ended.is_some();
        case.signalling.delivered(now, &heard, over);
        self.touched = Some(*attempt);
    }

    /// The gateway sends a SIP message.
    pub fn sip_sent(&mut self, now: Instant, to: SocketAddr, bytes: &[u8]) {
        let heard = match Heard::read(bytes) {
            Ok(heard) => heard,
            Err(problem) => return self.blame(format!("unreadable SIP: {problem}")),
        };
        let call_id = heard.call_id().to_owned();
        if !self.by_call_id.contains_key(&call_id) && heard.method() == Some("INVITE") {
            let port = signalling::offered_port(&heard);
            let Some(&attempt) = port.and_then(|port| self.by_port.get(&port)) else {
                return self.blame("an INVITE that offers a port nobody opened");
            };
            self.by_call_id.insert(call_id.clone(), attempt);
            self.count_channels(attempt);
        }
        match self.by_call_id.get(&call_id) {
            Some(&attempt) => {
                let case = self.cases.get_mut(&attempt).expect("every Call-ID has a case");
                let result = case.signalling.sent(now, to, &heard, bytes);
                self.rule(attempt, result);
            }
            None if heard.status() == Some(481) => {} // For a call of a process that died.
            None => self.blame(format!("SIP about no call: {}", heard.start)),
        }
    }

    /// Called when `attempt` takes a channel of its trunk.
    fn count_channels(&mut self, attempt: AttemptId) {
        let trunk = &self.cases[&attempt].order.trunk;
        let up = |case: &&Case| case.order.trunk == *trunk && case.is_up();
        let used = self.cases.values().filter(up).count() + 1;
        let most = self.channels.get(trunk).copied().unwrap_or_default();
        if used > most {
            self.blame(format!("{used} calls on {trunk}, which has {most} channels"));
        }
    }

    /// A port is opened for a call.
    pub fn port_opened(&mut self, attempt: AttemptId, port: u16) {
        if self.by_port.insert(port, attempt).is_some() {
            self.blame(format!("port {port} is given to two calls"));
        }
    }

    /// A call's port is closed.
    pub fn port_closed(&mut self, attempt: AttemptId, port: u16) {
        self.by_port.remove(&port);
        if let Some(case) = self.cases.get_mut(&attempt) {
            case.sound.closed = true;
        }
    }

    /// An RTP packet reaches a call's port.
    pub fn rtp_delivered(&mut self, attempt: AttemptId, bytes: &[u8]) {
        if let Some(case) = self.cases.get_mut(&attempt) {
            case.sound.delivered(bytes, &case.signalling.facts);
        }
    }

    /// The gateway sends an RTP packet; gives the clip that begins with it.
    pub fn rtp_sent(
        &mut self,
        now: Instant,
        attempt: AttemptId,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Option<ClipKey> {
        let case = self.cases.get_mut(&attempt)?;
        let asked = case.order.script.human_check_digits;
        let begins = match case.sound.sent(now, to, bytes, &case.signalling.facts, asked) {
            Ok(begins) => begins,
            Err(fault) => {
                self.rule(attempt, Err(fault));
                return None;
            }
        };
        let spoken = case.sound.ear.reading();
        let code = case.order.code.as_slice();
        let is_code = spoken.iter().map(|(digit, _)| digit).eq(code.iter().take(spoken.len()));
        if begins.is_some() && !is_code {
            self.rule(attempt, Err("another code is spoken than was ordered".to_owned()));
        }
        begins
    }

    /// The engine tells the gateway something.
    pub fn event(&mut self, now: Instant, event: &CallEvent) {
        let text = format!("{event:?}").replace(&event.attempt.to_string(), "");
        let Some(case) = self.cases.get_mut(&event.attempt) else {
            return self.blame("an event of no call");
        };
        let never_dialed = case.course.has_not_begun();
        let mut result = case.course.event(&event.kind);
        if let (Ok(()), CallEventKind::Ended(receipt)) = (&result, &event.kind) {
            let Case { order, signalling, sound, course, .. } = case;
            let (length, facts) = (order.code.len(), &signalling.facts);
            result = course.receipt(now, receipt, &order.script, length, facts, sound);
        }
        if let Some(secret) = secrets(&case.order).iter().find(|secret| text.contains(*secret)) {
            result = Err(format!("{secret} is in {text}"));
        }
        self.rule(event.attempt, result);
        if never_dialed && self.cases[&event.attempt].course.ended == Some(Reason::TrunkUnavailable)
        {
            self.refused(event.attempt);
        }
    }

    /// A call was refused for want of a channel or a port. Whoever asks for no more calls than the
    /// engine says it takes is refused only when all channels of the trunk are in use.
    fn refused(&mut self, attempt: AttemptId) {
        let trunk = &self.cases[&attempt].order.trunk;
        let placed =
            |case: &&Case| case.order.trunk == *trunk && !case.lost && case.course.ended.is_none();
        let used = self.cases.values().filter(placed).count();
        let has_room = used < self.channels.get(trunk).copied().unwrap_or_default();
        if has_room && self.asks_within_capacity {
            self.blame(format!("{attempt} was refused, though {trunk} has only {used} calls"));
        }
    }

    /// A step is over: everything it demanded must have been sent.
    pub fn step_is_over(&mut self) {
        let Some(attempt) = self.touched.take() else { return };
        if let Some(fault) = self.cases[&attempt].signalling.unpaid() {
            self.rule(attempt, Err(fault));
        }
    }

    /// The machine stood still and goes on now.
    pub fn woke(&mut self, now: Instant) {
        self.cases.values_mut().for_each(|case| case.sound.woke(now));
    }

    /// Nothing moves any more.
    pub fn finish(&mut self) {
        let ended = self.cases.iter().filter(|(_, case)| !case.lost);
        let fault = ended.into_iter().find_map(|(id, case)| match case.course.ended {
            None => Some((*id, "no receipt ever came".to_owned())),
            Some(_) => case.signalling.finish().err().map(|fault| (*id, fault)),
        });
        if let Some((attempt, fault)) = fault {
            self.rule(attempt, Err(fault));
        }
        if let Some(port) = self.by_port.keys().next() {
            self.blame(format!("port {port} was never given back"));
        }
    }

    /// What came of each call that was dialed and has its receipt.
    pub fn findings(&self) -> impl Iterator<Item = (&CallOrder, Finding)> {
        self.cases.values().filter_map(|case| {
            let finding = Finding {
                reason: case.course.ended?,
                call_id: case.signalling.call_id.clone(),
                canceled: case.course.canceled,
                disturbed: case.signalling.facts.unreachable,
            };
            (!finding.call_id.is_empty()).then_some((&case.order, finding))
        })
    }

    /// Holds the end of a call nobody disturbed, on a calm network, against the carrier's plan.
    pub fn compare(&mut self, attempt: AttemptId, plan: &Plan, heard: &[String]) {
        let case = &self.cases[&attempt];
        let wanted = plan.means(case.order.script.human_check_digits > 0);
        let got = case.course.ended;
        if wanted.is_some() && got != wanted {
            self.rule(attempt, Err(format!("ended as {got:?}, but the plan was {wanted:?}")));
        }
        let case = &self.cases[&attempt];
        let digits = case.order.code.as_slice().iter().map(|digit| char::from(b'0' + digit));
        let code: String = digits.collect();
        let full = matches!(got, Some(Reason::Completed | Reason::HungUp));
        if full && !heard.contains(&code) {
            self.rule(attempt, Err(format!("the phone heard {heard:?}, not {code}")));
        }
    }
}

impl Case {
    /// Whether it has a channel of its trunk.
    fn is_up(&self) -> bool {
        !self.lost && !self.signalling.call_id.is_empty() && self.course.ended.is_none()
    }
}

/// What must be nowhere in text: the code and the number of an order.
pub fn secrets(order: &CallOrder) -> [String; 2] {
    let code = order.code.as_slice().iter().map(|digit| char::from(b'0' + digit)).collect();
    [code, order.to.expose().trim_start_matches('+').to_owned()]
}
