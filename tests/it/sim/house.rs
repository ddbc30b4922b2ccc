//! Everything below the gateway's acts, under one virtual clock: engine, media, network, carrier.
//!
//! It does what `net` does with sockets and threads: carries what comes to the engine and the bank,
//! and what they put out to where it belongs. The judge sees all of it.

use super::carrier::{Carrier, Outgoing, digest};
use super::dice::Dice;
use super::judge::Judge;
use super::ladder::Ladder;
use super::network::{Network, Parcel, Weather};
use super::prompts;
use super::tamper::Tamper;
use belfry::call::{
    CallEvent, Engine, EngineCommand, EngineConfig, EngineOutput, NumberFormat, Trunk,
};
use belfry::entropy::Entropy;
use belfry::id::AttemptId;
use belfry::media::{Bank, BankConfig, BankOutput, MediaCommand, StreamEvent};
use belfry::secret::Redacted;
use belfry::sip::{Credentials, TimerConfig, UserAgentConfig};
use belfry::time::{Duration, Instant, earliest};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
/// How long a trunk has for its first provisional response.
pub const SETUP_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest the machine stands still.
pub const STILL_MAX: Duration = Duration::from_millis(400);
const SIP_PORT: u16 = 5060;
const RTP_PORT_FIRST: u16 = 40_000;

/// How a house is built.
#[derive(Debug, Clone)]
pub struct Blueprint {
    pub seed: u64,
    pub weather: Weather,
    /// Channels of each trunk; trunks are named `t0`, `t1`…
    pub channels: Vec<usize>,
    /// The most calls at once; there are exactly as many RTP ports.
    pub calls_max: usize,
    pub locale: String,
    /// How long a command is under way between the engine and its media, at most.
    pub slack: Duration,
    /// How often, of a hundred, a port is taken by another program.
    pub busy_ports_percent: u64,
    pub tamper: Option<Tamper>,
}

/// The machine a gateway runs on: what a crash takes with it.
struct Machine {
    engine: Engine,
    bank: Bank,
    sockets: BTreeMap<u16, AttemptId>,
    /// On the way to the media workers, and back.
    to_bank: VecDeque<(Instant, MediaCommand)>,
    to_engine: VecDeque<(Instant, AttemptId, StreamEvent)>,
}

/// Everything below the acts.
pub struct House {
    blueprint: Blueprint,
    machine: Machine,
    dice: Dice,
    network: Network,
    pub carrier: Carrier,
    pub judge: Judge,
    pub ladder: Ladder,
    events: Vec<CallEvent>,
    crashes: u64,
    /// The machine stands still until this moment: nothing of the gateway runs.
    still_until: Option<Instant>,
}

fn gateway_sip() -> SocketAddr {
    SocketAddr::new(GATEWAY, SIP_PORT)
}

fn trunk_address(index: usize) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1 + index as u8)), SIP_PORT)
}

/// The name of the trunk with this index.
pub fn trunk_name(index: usize) -> String {
    format!("t{index}")
}

fn machine(blueprint: &Blueprint, crashes: u64) -> Machine {
    let trunk = |(index, &channels_max): (usize, &usize)| Trunk {
        name: trunk_name(index),
        target: trunk_address(index),
        host: trunk_address(index).ip().to_string(),
        credentials: Some(Credentials {
            username: digest::USERNAME.to_owned(),
            password: Redacted::new(digest::PASSWORD.to_owned()),
        }),
        caller_id: "+3225550100".to_owned(),
        number_format: NumberFormat::E164Plus,
        channels_max,
        setup_timeout: SETUP_TIMEOUT,
    };
    let config = EngineConfig {
        user_agent: UserAgentConfig {
            local: gateway_sip(),
            user_agent: "Belfry/0.1".to_owned(),
            timers: TimerConfig::default(),
            trunk_addresses: (0..blueprint.channels.len()).map(|i| trunk_address(i).ip()).collect(),
        },
        rtp_address: GATEWAY,
        rtp_ports: (RTP_PORT_FIRST, RTP_PORT_FIRST + 2 * blueprint.calls_max as u16 - 1),
        rtp_quarantine: Duration::from_secs(2),
        calls_max: blueprint.calls_max,
        trunks: blueprint.channels.iter().enumerate().map(trunk).collect(),
    };
    let entropy = Entropy::from_seed(blueprint.seed ^ crashes << 48);
    Machine {
        engine: Engine::new(config, prompts::library(), entropy),
        bank: Bank::new(BankConfig::default()),
        sockets: BTreeMap::new(),
        to_bank: VecDeque::new(),
        to_engine: VecDeque::new(),
    }
}

impl House {
    pub fn new(blueprint: Blueprint, mut dice: Dice, ladder: Ladder) -> House {
        let channels = blueprint.channels.iter().enumerate();
        let channels = channels.map(|(index, &most)| (trunk_name(index), most)).collect();
        House {
            machine: machine(&blueprint, 0),
            network: Network::new(blueprint.weather, dice.fork()),
            carrier: Carrier::new(dice.fork(), &blueprint.locale),
            judge: Judge::new(channels, &blueprint.locale, blueprint.slack),
            ladder,
            dice,
            events: Vec::new(),
            crashes: 0,
            still_until: None,
            blueprint,
        }
    }

    /// When something happens next.
    pub fn next_at(&self) -> Option<Instant> {
        let Machine { engine, bank, to_bank, to_engine, .. } = &self.machine;
        let threads =
            earliest(to_bank.front().map(|&(at, _)| at), to_engine.front().map(|&(at, ..)| at));
        let inside = earliest(earliest(engine.poll_timeout(), bank.poll_timeout()), threads);
        let inside = match self.still_until {
            Some(until) => Some(inside.map_or(until, |at| at.max(until))),
            None => inside,
        };
        earliest(inside, earliest(self.network.next_at(), self.carrier.next_at()))
    }

    /// How many more calls the engine takes.
    pub fn capacity(&self, now: Instant) -> usize {
        self.machine.engine.capacity(now)
    }

    /// How many calls are up.
    pub fn calls(&self) -> usize {
        self.machine.engine.calls()
    }

    /// What the engine told since this was last asked.
    pub fn take_events(&mut self) -> Vec<CallEvent> {
        std::mem::take(&mut self.events)
    }

    /// Does everything that is due.
    pub fn advance(&mut self, now: Instant) {
        match self.still_until {
            Some(until) if now < until => return self.advance_outside(now, until),
            Some(_) => self.wake(now),
            None => {}
        }
        while let Some(parcel) = self.network.arrived(now) {
            self.deliver(now, parcel);
            self.pump(now);
            self.judge.step_is_over();
        }
        self.carrier.handle_timeout(now);
        self.run_timers(now);
    }

    fn run_timers(&mut self, now: Instant) {
        self.machine.engine.handle_timeout(now);
        self.pump(now);
        self.machine.bank.handle_timeout(now);
        self.pump(now);
    }

    /// Lets the gateway's machine stand still for `span`, as a virtual machine that is paused.
    pub fn stand_still(&mut self, now: Instant, span: Duration) {
        self.ladder.say(now, format_args!("    the machine stands still for {span:?}"));
        self.still_until = Some(now + span);
    }

    /// Until when nothing can be asked of the gateway.
    pub fn still_until(&self) -> Option<Instant> {
        self.still_until
    }

    /// The world goes on; what gets to the gateway's machine waits in its sockets.
    fn advance_outside(&mut self, now: Instant, until: Instant) {
        while let Some(parcel) = self.network.arrived(now) {
            match &parcel {
                Parcel::Datagram { to, .. } if to.ip() != GATEWAY => self.deliver(now, parcel),
                _ => self.network.put(until, parcel),
            }
        }
        self.carrier.handle_timeout(now);
        self.flush_carrier(now);
    }

    /// The machine goes on: timers that ran out meanwhile come first.
    fn wake(&mut self, now: Instant) {
        self.still_until = None;
        self.judge.woke(now);
        self.run_timers(now);
    }

    /// Gives the engine a command.
    pub fn command(&mut self, now: Instant, command: EngineCommand) {
        match &command {
            EngineCommand::Place(order) => self.judge.placed(now, order),
            EngineCommand::Cancel(attempt) => self.judge.canceled(*attempt),
            EngineCommand::HangUpAll => self.judge.all_canceled(),
        }
        self.ladder.say(now, format_args!("    {command:?}"));
        self.machine.engine.handle_command(now, command);
        self.pump(now);
    }

    /// The gateway's process dies and is started again.
    pub fn crash(&mut self, now: Instant) {
        self.ladder.say(now, "    *** the process dies ***");
        self.crashes += 1;
        self.machine = machine(&self.blueprint, self.crashes);
        self.network.forget_all_to(|to| to.ip() == GATEWAY);
        self.judge.crashed();
        self.events.clear();
    }

    fn deliver(&mut self, now: Instant, parcel: Parcel) {
        match parcel {
            Parcel::Unreachable { to } => {
                self.ladder.say(now, format_args!("<-- nothing gets to {to}"));
                self.judge.unreachable(to);
                self.machine.engine.handle_unreachable(now, to);
            }
            Parcel::Datagram { from, to, bytes } if to == gateway_sip() => {
                self.ladder.sip(now, "<--", from, &bytes);
                self.judge.sip_delivered(now, &bytes);
                self.machine.engine.handle_sip(now, from, &bytes);
            }
            Parcel::Datagram { from, to, bytes } if to.ip() == GATEWAY => {
                if let Some(&attempt) = self.machine.sockets.get(&to.port()) {
                    self.judge.rtp_delivered(attempt, &bytes);
                    self.machine.bank.handle_packet(now, attempt, from, &bytes);
                }
            }
            Parcel::Datagram { from, to, bytes } if to.port() == SIP_PORT => {
                self.carrier.handle_sip(now, to, from, &bytes);
            }
            Parcel::Datagram { to, bytes, .. } => self.carrier.handle_rtp(now, to, &bytes),
        }
    }

    /// Carries out what everybody wants, until nobody wants anything at this moment.
    fn pump(&mut self, now: Instant) {
        loop {
            if let Some(output) = self.machine.engine.poll_output() {
                self.engine_wants(now, output);
            } else if let Some(output) = self.machine.bank.poll_output() {
                self.bank_wants(now, output);
            } else if self.machine.to_bank.front().is_some_and(|&(at, _)| at <= now) {
                let (_, command) = self.machine.to_bank.pop_front().expect("it was looked at");
                self.machine.bank.handle_command(now, command);
            } else if self.machine.to_engine.front().is_some_and(|&(at, ..)| at <= now) {
                let entry = self.machine.to_engine.pop_front().expect("it was looked at");
                self.machine.engine.handle_media(now, entry.1, entry.2);
            } else {
                break;
            }
        }
        self.flush_carrier(now);
    }

    fn flush_carrier(&mut self, now: Instant) {
        for outgoing in std::mem::take(&mut self.carrier.outgoing) {
            match outgoing {
                Outgoing::Datagram { from, to, bytes } => self.network.send(now, from, to, bytes),
                Outgoing::Unreachable { to } => self.network.refuse(now, to),
            }
        }
        for complaint in std::mem::take(&mut self.carrier.complaints) {
            self.judge.blame(format!("the carrier complains: {complaint}"));
        }
    }

    /// When what is handed over now gets to another thread that `last` was on its way to.
    fn handed_over(&mut self, now: Instant, last: Option<Instant>) -> Instant {
        let most = self.blueprint.slack.as_micros() as u64;
        let delay = Duration::from_micros(self.dice.between(0, most));
        last.map_or(now, |last| last.max(now)).max(now + delay)
    }

    fn engine_wants(&mut self, now: Instant, output: EngineOutput) {
        match output {
            EngineOutput::Sip { destination, datagram } => {
                self.send_sip(now, destination, datagram)
            }
            EngineOutput::Media(command) => {
                let last = self.machine.to_bank.back().map(|&(at, _)| at);
                let at = self.handed_over(now, last);
                self.machine.to_bank.push_back((at, command));
            }
            EngineOutput::Event(event) => {
                self.ladder.say(now, format_args!("    {} {:?}", event.attempt, event.kind));
                let told = self.blueprint.tamper.map_or(1, |tamper| tamper.tells(&event));
                for _ in 0..told {
                    self.judge.event(now, &event);
                    self.events.push(event.clone());
                }
            }
        }
    }

    fn send_sip(&mut self, now: Instant, destination: SocketAddr, datagram: Vec<u8>) {
        if self.blueprint.tamper.is_some_and(|tamper| tamper.swallows(&datagram)) {
            return;
        }
        self.ladder.sip(now, "-->", destination, &datagram);
        self.judge.sip_sent(now, destination, &datagram);
        self.network.send(now, gateway_sip(), destination, datagram);
    }

    fn bank_wants(&mut self, now: Instant, output: BankOutput) {
        match output {
            BankOutput::Bind { call, port } => {
                let bound = !self.dice.chance(self.blueprint.busy_ports_percent);
                if bound {
                    self.machine.sockets.insert(port, call);
                    self.judge.port_opened(call, port);
                }
                self.machine.bank.handle_bound(now, call, bound);
            }
            BankOutput::Unbind { call } => {
                let found = self.machine.sockets.iter().find(|(_, owner)| **owner == call);
                if let Some(port) = found.map(|(port, _)| *port) {
                    self.machine.sockets.remove(&port);
                    if self.blueprint.tamper != Some(Tamper::KeepsPort) {
                        self.judge.port_closed(call, port);
                    }
                }
            }
            BankOutput::Send { call, destination, packet } => {
                let mut bytes = packet.as_slice().to_vec();
                if let Some(tamper) = self.blueprint.tamper {
                    tamper.changes(&mut bytes);
                }
                let begins = self.judge.rtp_sent(now, call, destination, &bytes);
                if let Some(clip) = begins {
                    self.ladder.say(now, format_args!("==> {call} {}", clip.name()));
                }
                if let Some((port, _)) = self.machine.sockets.iter().find(|(_, c)| **c == call) {
                    let from = SocketAddr::new(GATEWAY, *port);
                    self.network.send(now, from, destination, bytes);
                }
            }
            BankOutput::Event { call, event } => {
                let last = self.machine.to_engine.back().map(|&(at, ..)| at);
                let at = self.handed_over(now, last);
                self.machine.to_engine.push_back((at, call, event));
            }
        }
    }

    /// Judges the end of everything, once nothing moves any more.
    pub fn finish(&mut self) {
        let Machine { engine, bank, sockets, .. } = &self.machine;
        let rested = Instant::from_nanos(u64::MAX);
        let taken = self.blueprint.calls_max - engine.capacity(rested);
        let left = (engine.calls(), bank.len(), sockets.len(), taken);
        if left != (0, 0, 0, 0) {
            self.judge.blame(format!("calls, streams, sockets, ports left: {left:?}"));
        }
        self.judge.finish();
        if !self.blueprint.weather.is_calm() || self.crashes > 0 {
            return;
        }
        let findings = self.judge.findings();
        let alone = findings.filter(|(_, finding)| !finding.canceled && !finding.disturbed);
        let alone: Vec<_> = alone.map(|(order, f)| (order.attempt, f.call_id)).collect();
        for (attempt, call_id) in alone {
            if let Some(plan) = self.carrier.plan(&call_id).cloned() {
                let heard = self.carrier.heard_on(&call_id);
                self.judge.compare(attempt, &plan, &heard);
            }
        }
    }
}
