//! All calls of one gateway: the user agent, the ports, the trunks and the calls themselves.
//!
//! Sans-IO. `net` feeds it datagrams, what the media streams report, commands and time, and carries
//! out what [`Engine::poll_output`] says. Every order ends in exactly one receipt.

use super::call::{Call, CallOutput, TELEPHONE_EVENT};
use super::order::{CallEvent, CallEventKind, CallOrder, EngineCommand};
use super::ports::Ports;
use super::receipt::Receipt;
use super::trunk::Trunk;
use crate::entropy::Entropy;
use crate::id::AttemptId;
use crate::media::{MediaCommand, PromptLibrary, StreamEvent};
use crate::reason::Reason;
use crate::secret::Redacted;
use crate::sip::{InviteOrder, UserAgent, UserAgentConfig, UserAgentOutput, sdp};
use crate::time::{Duration, Instant, earliest};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What the engine needs to know before the first call.
#[derive(Debug)]
pub struct EngineConfig {
    /// The user agent's own settings.
    pub user_agent: UserAgentConfig,
    /// The address offered for RTP.
    pub rtp_address: IpAddr,
    /// The first and last local RTP port; even ones are used.
    pub rtp_ports: (u16, u16),
    /// How long a port rests after a call.
    pub rtp_quarantine: Duration,
    /// The most calls at once on this gateway.
    pub calls_max: usize,
    /// Trunks by name.
    pub trunks: Vec<Trunk>,
}

/// Something the engine wants carried out.
#[derive(Debug)]
pub enum EngineOutput {
    /// Send this SIP datagram.
    Sip {
        /// Where to.
        destination: SocketAddr,
        /// The message.
        datagram: Vec<u8>,
    },
    /// Hand this to the worker that owns the call's media.
    Media(MediaCommand),
    /// Tell the gateway.
    Event(CallEvent),
}

/// All calls of one gateway.
#[derive(Debug)]
pub struct Engine {
    user_agent: UserAgent,
    prompts: Arc<PromptLibrary>,
    entropy: Entropy,
    ports: Ports,
    rtp_address: IpAddr,
    calls_max: usize,
    trunks: BTreeMap<String, TrunkLoad>,
    calls: BTreeMap<AttemptId, Slot>,
    deadlines: BTreeSet<(Instant, AttemptId)>,
    outputs: VecDeque<EngineOutput>,
}

#[derive(Debug)]
struct TrunkLoad {
    trunk: Trunk,
    calls: usize,
}

#[derive(Debug)]
struct Slot {
    call: Call,
    deadline: Option<Instant>,
}

impl Engine {
    /// An engine without calls.
    pub fn new(config: EngineConfig, prompts: Arc<PromptLibrary>, mut entropy: Entropy) -> Self {
        let (first, last) = config.rtp_ports;
        let of_name = |trunk: Trunk| (trunk.name.clone(), TrunkLoad { trunk, calls: 0 });
        Engine {
            user_agent: UserAgent::new(config.user_agent, entropy.fork()),
            prompts,
            entropy,
            ports: Ports::new(first, last, config.rtp_quarantine),
            rtp_address: config.rtp_address,
            calls_max: config.calls_max,
            trunks: config.trunks.into_iter().map(of_name).collect(),
            calls: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// How many more calls it can take now. A port that rests after a call does not count, so that
    /// nobody is refused who could wait a moment.
    pub fn capacity(&self, now: Instant) -> usize {
        self.calls_max.saturating_sub(self.calls.len()).min(self.ports.ready(now))
    }

    /// How many calls are up.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// What the user agent has counted: garbage, strangers, unknown dialogs.
    pub fn sip_counters(&self) -> &crate::sip::Counters {
        self.user_agent.counters()
    }

    /// Takes a command of the gateway.
    pub fn handle_command(&mut self, now: Instant, command: EngineCommand) {
        match command {
            EngineCommand::Place(order) => self.place(now, *order),
            EngineCommand::Cancel(attempt) => self.end(now, attempt, Reason::Canceled),
            EngineCommand::HangUpAll => {
                let all: Vec<AttemptId> = self.calls.keys().copied().collect();
                for attempt in all {
                    self.end(now, attempt, Reason::Interrupted);
                }
            }
        }
    }

    /// Takes a SIP datagram, whatever it holds.
    pub fn handle_sip(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) {
        self.user_agent.handle_datagram(now, source, datagram);
        self.drain_user_agent(now);
    }

    /// Takes the news that datagrams to `destination` do not arrive (ICMP, RFC 3261 §18.4).
    pub fn handle_unreachable(&mut self, now: Instant, destination: SocketAddr) {
        self.user_agent.handle_unreachable(now, destination);
        self.drain_user_agent(now);
    }

    /// Takes what a call's media stream reports.
    pub fn handle_media(&mut self, now: Instant, attempt: AttemptId, event: StreamEvent) {
        if let Some(slot) = self.calls.get_mut(&attempt) {
            slot.call.handle_media(now, event);
            self.drain_call(now, attempt);
        }
    }

    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.ports.handle_timeout(now);
        self.user_agent.handle_timeout(now);
        self.drain_user_agent(now);
        while let Some(&(deadline, attempt)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.pop_first();
            if let Some(slot) = self.calls.get_mut(&attempt) {
                slot.deadline = None;
                slot.call.handle_timeout(now);
            }
            self.drain_call(now, attempt);
        }
    }

    /// When [`Engine::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let calls = self.deadlines.first().map(|&(at, _)| at);
        let inside = earliest(self.user_agent.poll_timeout(), calls);
        earliest(inside, self.ports.poll_timeout())
    }

    /// The next thing to carry out, until `None`.
    pub fn poll_output(&mut self) -> Option<EngineOutput> {
        self.outputs.pop_front()
    }

    fn place(&mut self, now: Instant, order: CallOrder) {
        let attempt = order.attempt;
        if self.calls.contains_key(&attempt) {
            return;
        }
        let free_channel =
            self.trunks.get(&order.trunk).is_some_and(|load| load.calls < load.trunk.channels_max);
        let room = self.calls.len() < self.calls_max;
        let port = if free_channel && room { self.ports.take(now) } else { None };
        let Some(port) = port else {
            self.refuse(now, attempt);
            return;
        };
        if let Some(load) = self.trunks.get_mut(&order.trunk) {
            load.calls += 1;
        }
        let prompts = Arc::clone(self.prompts.lookup(&order.locale));
        let call = Call::new(now, order, port, prompts, self.entropy.fork());
        self.calls.insert(attempt, Slot { call, deadline: None });
        self.drain_call(now, attempt);
    }

    /// An order there is no channel, port or room for ends at once; no phone rang.
    fn refuse(&mut self, now: Instant, attempt: AttemptId) {
        let receipt = Receipt {
            detail: Some("no free channel or RTP port on this gateway".to_owned()),
            ..Receipt::unplaced(Reason::TrunkUnavailable)
        };
        let kind = CallEventKind::Ended(Box::new(receipt));
        self.outputs.push_back(EngineOutput::Event(CallEvent { attempt, at: now, kind }));
    }

    fn end(&mut self, now: Instant, attempt: AttemptId, reason: Reason) {
        if let Some(slot) = self.calls.get_mut(&attempt) {
            slot.call.cancel(now, reason);
            self.drain_call(now, attempt);
        }
    }

    fn drain_user_agent(&mut self, now: Instant) {
        while let Some(output) = self.user_agent.poll_output() {
            match output {
                UserAgentOutput::Transmit { destination, datagram } => {
                    self.outputs.push_back(EngineOutput::Sip { destination, datagram });
                }
                UserAgentOutput::Event { call, event } => {
                    if let Some(slot) = self.calls.get_mut(&call) {
                        slot.call.handle_signal(now, event);
                        self.drain_call(now, call);
                    }
                }
            }
        }
    }

    fn drain_call(&mut self, now: Instant, attempt: AttemptId) {
        let mut touched_user_agent = false;
        while let Some(slot) = self.calls.get_mut(&attempt)
            && let Some(output) = slot.call.poll_output()
        {
            match output {
                CallOutput::Media(command) => self.outputs.push_back(EngineOutput::Media(command)),
                CallOutput::Event(kind) => {
                    let event = CallEvent { attempt, at: now, kind };
                    self.outputs.push_back(EngineOutput::Event(event));
                }
                CallOutput::OpenNext => {
                    let next = self.ports.take(now);
                    if next.is_some() {
                        self.ports.give_back(now, slot.call.port);
                    }
                    slot.call.open_on(now, next);
                }
                CallOutput::Invite => {
                    let order = self.invite_order(attempt);
                    self.user_agent.invite(now, order);
                    touched_user_agent = true;
                }
                CallOutput::HangUp => {
                    self.user_agent.hang_up(now, attempt);
                    touched_user_agent = true;
                }
            }
        }
        self.settle_slot(now, attempt);
        if touched_user_agent {
            self.drain_user_agent(now);
        }
    }

    /// Keeps the deadline index in step, and frees what a finished call held.
    fn settle_slot(&mut self, now: Instant, attempt: AttemptId) {
        let Some(slot) = self.calls.get_mut(&attempt) else { return };
        let deadline = slot.call.poll_timeout();
        if deadline != slot.deadline {
            if let Some(old) = slot.deadline {
                self.deadlines.remove(&(old, attempt));
            }
            if let Some(new) = deadline {
                self.deadlines.insert((new, attempt));
            }
            slot.deadline = deadline;
        }
        if slot.call.is_over() {
            let slot = self.calls.remove(&attempt).expect("the slot was just looked at");
            self.ports.give_back(now, slot.call.port);
            if let Some(load) = self.trunks.get_mut(&slot.call.order.trunk) {
                load.calls -= 1;
            }
        }
    }

    fn invite_order(&mut self, attempt: AttemptId) -> InviteOrder {
        let call = &self.calls.get(&attempt).expect("only a live call invites").call;
        let order = &call.order;
        let load = self.trunks.get(&order.trunk).expect("a call is placed on a known trunk only");
        let trunk = &load.trunk;
        let request_uri = trunk.request_uri(&order.to);
        InviteOrder {
            call: attempt,
            target: trunk.target,
            from: trunk.from_uri(),
            to: Redacted::new(request_uri.expose().clone()),
            request_uri,
            credentials: trunk.credentials.clone(),
            headers: Vec::new(),
            offer: sdp::Offer {
                address: self.rtp_address,
                port: call.port,
                session_id: self.entropy.u64() >> 1,
                codecs: vec![sdp::Codec::Pcma, sdp::Codec::Pcmu],
                telephone_event: Some(TELEPHONE_EVENT),
                ptime_ms: 20,
            },
            setup_timeout: trunk.setup_timeout,
            ring_timeout: order.script.ring_timeout,
        }
    }
}
