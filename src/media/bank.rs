//! The streams of one worker, each sending a frame every 20 ms.
//!
//! The frame is cut into phases; every stream belongs to one, and all streams of a phase are due at
//! the same time. A wake-up serves a whole phase, so the cost of keeping time does not grow with
//! the number of streams. Deadlines are `start + n * 20 ms`, whenever the worker wakes: a late one
//! sends what is due, up to [`BankConfig::catch_up_frames`]; beyond that the streams wait out what
//! was missed (see [`Stream::skip`]), because a burst would only be dropped by the far end.

use super::{Codec, FRAME, Packet, Stream, StreamConfig, StreamEvent, StreamStats, Track};
use crate::id::AttemptId;
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// How a bank keeps time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BankConfig {
    /// Into how many phases the frame is cut, 1 to 1000: how many wake-ups a frame has when busy.
    pub phases: u32,
    /// The most frames sent at once after a late wake-up. More would overrun a jitter buffer.
    pub catch_up_frames: u32,
}

impl Default for BankConfig {
    /// A phase each millisecond; at most 100 ms of audio at once.
    fn default() -> Self {
        BankConfig { phases: 20, catch_up_frames: 5 }
    }
}

/// What the owner of the calls asks for. A command for a call that is not open does nothing.
#[derive(Debug, Clone)]
pub enum MediaCommand {
    /// Binds a port; answered by `Opened` or `PortUnavailable`.
    Open {
        /// The call; the name of the stream from now on.
        call: AttemptId,
        /// The local UDP port.
        port: u16,
    },
    /// Sends from now on: comfort noise until a track plays. Once a call.
    Start {
        /// The call.
        call: AttemptId,
        /// What was negotiated, and the random numbers.
        config: StreamConfig,
    },
    /// Sends to a newly negotiated address with a newly negotiated payload.
    Redirect {
        /// The call.
        call: AttemptId,
        /// The peer's address.
        remote: SocketAddr,
        /// The law.
        codec: Codec,
        /// Its payload type.
        payload_type: u8,
        /// Whether it takes packets: not while on hold. Then nothing is sent and what plays waits.
        may_send: bool,
    },
    /// Plays a track from the next frame on, instead of what plays now.
    Play {
        /// The call.
        call: AttemptId,
        /// What to play.
        track: Track,
    },
    /// Sends nothing more and gives the port back; answered by `Closed`.
    Close {
        /// The call.
        call: AttemptId,
    },
}

impl MediaCommand {
    /// The call it is for.
    pub const fn call(&self) -> AttemptId {
        match self {
            MediaCommand::Open { call, .. }
            | MediaCommand::Start { call, .. }
            | MediaCommand::Redirect { call, .. }
            | MediaCommand::Play { call, .. }
            | MediaCommand::Close { call } => *call,
        }
    }
}

/// What a bank asks of the owner of the sockets, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankOutput {
    /// Bind this port and answer with [`Bank::handle_bound`].
    Bind {
        /// The call.
        call: AttemptId,
        /// The local UDP port.
        port: u16,
    },
    /// Close the call's socket.
    Unbind {
        /// The call.
        call: AttemptId,
    },
    /// Send a packet from the call's socket.
    Send {
        /// The call.
        call: AttemptId,
        /// Where to.
        destination: SocketAddr,
        /// What.
        packet: Packet,
    },
    /// Tell the owner of the call.
    Event {
        /// The call.
        call: AttemptId,
        /// What happened.
        event: StreamEvent,
    },
}

/// Where the stream of a call is.
#[derive(Debug, Clone, Copy)]
enum Entry {
    /// The port was asked for.
    Binding,
    /// The port is bound; packets that come now are early.
    Bound { early: u32 },
    /// The stream runs.
    Streaming { phase: usize, slot: usize, early: u32 },
}

/// All streams that are due at the same time.
#[derive(Debug)]
struct Phase {
    /// When its next frame is due; meaningful only if it has streams.
    due: Instant,
    streams: Vec<(AttemptId, Stream)>,
}

/// The streams of one worker.
#[derive(Debug)]
pub struct Bank {
    config: BankConfig,
    entries: BTreeMap<AttemptId, Entry>,
    phases: Vec<Phase>,
    outputs: VecDeque<BankOutput>,
}

impl Bank {
    /// A bank without streams.
    ///
    /// # Panics
    /// If the phases are not 1 to 1000: the configuration is checked where it is read.
    pub fn new(config: BankConfig) -> Self {
        assert!((1..=1000).contains(&config.phases), "a frame has 1 to 1000 phases");
        let phase = |_| Phase { due: Instant::ZERO, streams: Vec::new() };
        Bank {
            config,
            entries: BTreeMap::new(),
            phases: (0..config.phases).map(phase).collect(),
            outputs: VecDeque::new(),
        }
    }

    /// Carries out a command.
    pub fn handle_command(&mut self, now: Instant, command: MediaCommand) {
        match command {
            MediaCommand::Open { call, port } => self.open(call, port),
            MediaCommand::Start { call, config } => self.start(now, call, config),
            MediaCommand::Redirect { call, remote, codec, payload_type, may_send } => {
                if let Some(stream) = self.stream(call) {
                    stream.redirect(remote, codec, payload_type, may_send);
                }
            }
            MediaCommand::Play { call, track } => {
                if let Some(stream) = self.stream(call) {
                    stream.play(track);
                }
            }
            MediaCommand::Close { call } => self.close(call),
        }
    }

    /// Takes the answer to [`BankOutput::Bind`]: whether the port is bound.
    pub fn handle_bound(&mut self, _now: Instant, call: AttemptId, bound: bool) {
        match (self.entries.get_mut(&call), bound) {
            (Some(entry @ Entry::Binding), true) => {
                *entry = Entry::Bound { early: 0 };
                self.event(call, StreamEvent::Opened);
            }
            (Some(Entry::Binding), false) => {
                self.entries.remove(&call);
                self.event(call, StreamEvent::PortUnavailable);
            }
            // Closed before the answer: `Unbind` has been asked for already.
            (None | Some(Entry::Bound { .. } | Entry::Streaming { .. }), _) => {}
        }
    }

    /// Takes a datagram that came to a call's port.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        call: AttemptId,
        source: SocketAddr,
        datagram: &[u8],
    ) {
        if let Some(Entry::Bound { early }) = self.entries.get_mut(&call) {
            *early = early.saturating_add(1);
            return;
        }
        let Some(stream) = self.stream(call) else { return };
        let heard = stream.handle_packet(now, source, datagram);
        if heard.first_audio {
            self.event(call, StreamEvent::AudioReceived);
        }
        if let Some(key) = heard.key {
            self.event(call, StreamEvent::Key(key));
        }
    }

    /// Sends every frame that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.send_while(now, |due| due <= now);
    }

    /// When the next frame is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_phase().map(|phase| self.phases[phase].due)
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<BankOutput> {
        self.outputs.pop_front()
    }

    /// How many calls are open.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no call is open.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn open(&mut self, call: AttemptId, port: u16) {
        if self.entries.contains_key(&call) {
            return;
        }
        self.entries.insert(call, Entry::Binding);
        self.outputs.push_back(BankOutput::Bind { call, port });
    }

    fn start(&mut self, now: Instant, call: AttemptId, config: StreamConfig) {
        // What is overdue is sent first, so that no phase is due in the past of the new stream.
        self.send_while(now, |due| due < now);
        let Some(&Entry::Bound { early }) = self.entries.get(&call) else { return };
        let (phase, due) = self.phase_for_new_stream(now);
        let Phase { due: phase_due, streams } = &mut self.phases[phase];
        *phase_due = due;
        let slot = streams.len();
        streams.push((call, Stream::new(config)));
        self.entries.insert(call, Entry::Streaming { phase, slot, early });
    }

    /// The phase with the fewest streams, of these the one that is due first.
    fn phase_for_new_stream(&self, now: Instant) -> (usize, Instant) {
        let candidates = self.phases.iter().enumerate().map(|(index, phase)| {
            let due = self.first_due(now, index);
            (phase.streams.len(), due, index)
        });
        let (_, due, index) = candidates.min().expect("a bank has at least one phase");
        (index, due)
    }

    /// The first frame of a phase that is not before `now`.
    fn first_due(&self, now: Instant, phase: usize) -> Instant {
        if !self.phases[phase].streams.is_empty() {
            return self.phases[phase].due;
        }
        let frame = FRAME.as_nanos() as u64;
        let offset = frame * phase as u64 / u64::from(self.config.phases);
        let frames = now.as_nanos().saturating_sub(offset).div_ceil(frame);
        Instant::from_nanos(offset + frames * frame)
    }

    fn close(&mut self, call: AttemptId) {
        let Some(entry) = self.entries.remove(&call) else { return };
        let stats = match entry {
            Entry::Binding => StreamStats::default(),
            Entry::Bound { early } => StreamStats { early_dropped: early, ..Default::default() },
            Entry::Streaming { phase, slot, early } => {
                let streams = &mut self.phases[phase].streams;
                let (_, stream) = streams.swap_remove(slot);
                if let Some((moved, _)) = streams.get(slot)
                    && let Some(Entry::Streaming { slot: place, .. }) = self.entries.get_mut(moved)
                {
                    *place = slot;
                }
                StreamStats { early_dropped: early, ..stream.stats() }
            }
        };
        self.outputs.push_back(BankOutput::Unbind { call });
        self.event(call, StreamEvent::Closed(stats));
    }

    fn next_phase(&self) -> Option<usize> {
        let busy = (0..self.phases.len()).filter(|&phase| !self.phases[phase].streams.is_empty());
        busy.min_by_key(|&phase| self.phases[phase].due)
    }

    fn send_while(&mut self, now: Instant, is_due: impl Fn(Instant) -> bool) {
        while let Some(phase) = self.next_phase().filter(|&phase| is_due(self.phases[phase].due)) {
            self.send_frame(now, phase);
        }
    }

    fn send_frame(&mut self, now: Instant, phase: usize) {
        let Phase { due, streams } = &mut self.phases[phase];
        let late = now.since(*due);
        let behind = u32::try_from(late.as_nanos() / FRAME.as_nanos()).unwrap_or(u32::MAX);
        if behind >= self.config.catch_up_frames {
            streams.iter_mut().for_each(|(_, stream)| stream.skip(behind));
            *due += FRAME * behind;
        }
        *due += FRAME;
        for (call, stream) in streams {
            let call = *call;
            if !stream.may_send() {
                stream.pass(1);
                continue;
            }
            let frame = stream.next_frame(now, late);
            let (destination, packet) = (frame.destination, frame.packet);
            self.outputs.push_back(BankOutput::Send { call, destination, packet });
            let events = [
                frame.mark_start.map(StreamEvent::MarkPassed),
                frame.mark_end.map(StreamEvent::MarkPassed),
                frame.ended.map(StreamEvent::TrackEnded),
            ];
            let events = events.into_iter().flatten();
            self.outputs.extend(events.map(|event| BankOutput::Event { call, event }));
        }
    }

    fn stream(&mut self, call: AttemptId) -> Option<&mut Stream> {
        let Some(&Entry::Streaming { phase, slot, .. }) = self.entries.get(&call) else {
            return None;
        };
        self.phases[phase].streams.get_mut(slot).map(|(_, stream)| stream)
    }

    fn event(&mut self, call: AttemptId, event: StreamEvent) {
        self.outputs.push_back(BankOutput::Event { call, event });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cue, Key, Mark, rtp};
    use super::*;
    use crate::entropy::Entropy;
    use crate::time::{Duration, UnixMillis};
    use proptest::prelude::*;

    /// A bank and all that came out of it.
    struct World {
        bank: Bank,
        calls: Vec<AttemptId>,
        sent: Vec<(Instant, AttemptId, Packet)>,
        told: Vec<(Instant, AttemptId, StreamEvent)>,
        unbound: Vec<AttemptId>,
    }

    impl World {
        fn new(calls: usize) -> World {
            let mut entropy = Entropy::from_seed(1);
            World {
                bank: Bank::new(BankConfig::default()),
                calls: (0..calls).map(|_| AttemptId::new(UnixMillis(0), &mut entropy)).collect(),
                sent: Vec::new(),
                told: Vec::new(),
                unbound: Vec::new(),
            }
        }

        /// A world with streams that start at `at`.
        fn started(calls: usize, at: Instant) -> World {
            let mut world = World::new(calls);
            for call in 0..calls {
                world.open_and_start(at, call);
            }
            world.told.clear();
            world
        }

        fn open_and_start(&mut self, at: Instant, index: usize) {
            let call = self.calls[index];
            self.command(at, MediaCommand::Open { call, port: 40_000 });
            self.command(at, MediaCommand::Start { call, config: config(index) });
        }

        fn command(&mut self, at: Instant, command: MediaCommand) {
            self.bank.handle_command(at, command);
            self.drain(at);
        }

        fn packet(&mut self, at: Instant, datagram: &[u8]) {
            self.bank.handle_packet(at, self.calls[0], config(0).remote, datagram);
            self.drain(at);
        }

        fn wake(&mut self, at: Instant) {
            self.bank.handle_timeout(at);
            self.drain(at);
        }

        /// Wakes at every deadline until `end`, itself left out, each time `late` late.
        fn run(&mut self, end: Instant, late: Duration) {
            while let Some(due) = self.bank.poll_timeout().filter(|&due| due < end) {
                self.wake(due + late);
            }
        }

        fn drain(&mut self, at: Instant) {
            while let Some(output) = self.bank.poll_output() {
                match output {
                    BankOutput::Bind { call, port } => {
                        self.bank.handle_bound(at, call, port != UNAVAILABLE);
                    }
                    BankOutput::Unbind { call } => self.unbound.push(call),
                    BankOutput::Send { call, packet, .. } => self.sent.push((at, call, packet)),
                    BankOutput::Event { call, event } => self.told.push((at, call, event)),
                }
            }
        }

        fn times(&self) -> Vec<Instant> {
            self.sent.iter().map(|&(at, ..)| at).collect()
        }

        fn events(&self) -> Vec<StreamEvent> {
            self.told.iter().map(|&(.., event)| event).collect()
        }

        /// The packets of one call.
        fn packets(&self, index: usize) -> Vec<Packet> {
            let call = self.calls[index];
            self.sent.iter().filter(|(_, of, _)| *of == call).map(|&(.., packet)| packet).collect()
        }

        fn stats(&mut self, at: Instant, index: usize) -> StreamStats {
            self.command(at, MediaCommand::Close { call: self.calls[index] });
            match self.told.last() {
                Some((_, _, StreamEvent::Closed(stats))) => *stats,
                other => panic!("a closed stream tells its counts, not {other:?}"),
            }
        }
    }

    const UNAVAILABLE: u16 = 1;

    fn config(index: usize) -> StreamConfig {
        StreamConfig {
            codec: Codec::Pcma,
            payload_type: 8,
            telephone_event: Some(101),
            telephone_event_offered: Some(101),
            remote: "192.0.2.1:4000".parse().expect("an address"),
            may_send: true,
            ssrc: index as u32,
            sequence: 65_000,
            timestamp: 4_294_000_000,
        }
    }

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn pause(id: u32, frames: u32) -> Track {
        Track { id, cues: vec![Cue::Pause { frames }] }
    }

    /// Asserts that each packet continues the one before it, skipping no time.
    fn assert_continuous(packets: &[Packet]) {
        for (n, packet) in (0_u32..).zip(packets) {
            let header = rtp::parse(packet.as_slice()).expect("our own packet").header;
            let wanted = rtp::Header {
                marker: n == 0,
                payload_type: 8,
                sequence: 65_000_u16.wrapping_add(n as u16),
                timestamp: 4_294_000_000_u32.wrapping_add(160 * n),
                ssrc: header.ssrc,
            };
            assert_eq!(header, wanted, "packet {n}");
        }
    }

    #[test]
    fn frames_are_due_every_20_ms_from_the_start() {
        let mut world = World::started(1, ms(1_000));
        world.run(ms(1_100), Duration::ZERO);
        assert_eq!(world.times(), [1_000, 1_020, 1_040, 1_060, 1_080].map(ms));
        assert_eq!(world.bank.poll_timeout(), Some(ms(1_100)));
    }

    #[test]
    fn a_wake_up_7_ms_late_moves_no_later_frame() {
        let mut world = World::started(1, ms(1_000));
        world.wake(ms(1_007));
        world.wake(ms(1_020));
        assert_eq!(world.times(), [1_007, 1_020].map(ms));
        assert_continuous(&world.packets(0));
        assert_eq!(world.stats(ms(1_030), 0).late_max, Duration::from_millis(7));
    }

    #[test]
    fn a_wake_up_90_ms_late_sends_all_that_is_due_and_keeps_the_grid() {
        let mut world = World::started(1, ms(1_000));
        world.wake(ms(1_000));
        world.wake(ms(1_110));
        world.wake(ms(1_120));
        assert_eq!(world.times(), [1_000, 1_110, 1_110, 1_110, 1_110, 1_110, 1_120].map(ms));
        assert_continuous(&world.packets(0));
        let stats = world.stats(ms(1_130), 0);
        assert_eq!((stats.late_max, stats.frames_skipped), (Duration::from_millis(90), 0));
    }

    #[test]
    fn a_wake_up_later_than_the_bound_skips_the_time_but_nothing_of_the_track() {
        let bound = [(1_099, 5, 0), (1_100, 1, 5), (2_000, 1, 50)];
        for (wake, packets, skipped) in bound {
            let mut world = World::started(1, ms(1_000));
            world.command(
                ms(1_000),
                MediaCommand::Play { call: world.calls[0], track: pause(1, 5) },
            );
            world.wake(ms(wake));
            assert_eq!(world.sent.len(), packets, "at {wake}");
            let ended =
                world.told.contains(&(ms(wake), world.calls[0], StreamEvent::TrackEnded(1)));
            assert_eq!(ended, packets == 5, "the track waits for its frames");
            let last = world.packets(0)[packets - 1];
            let header = rtp::parse(last.as_slice()).expect("our own packet").header;
            assert_eq!(header.sequence, 65_000 + packets as u16 - 1);
            assert_eq!(header.timestamp, 4_294_000_000 + 160 * (packets as u32 - 1 + skipped));
            assert_eq!(world.bank.poll_timeout(), Some(ms(wake / 20 * 20 + 20)));
            assert_eq!(world.stats(ms(wake), 0).frames_skipped, skipped);
        }
    }

    #[test]
    fn an_hour_of_late_wake_ups_drifts_by_nothing() {
        let mut world = World::started(1, ms(1_000));
        let end = ms(1_000 + 3_600_000);
        let mut lateness = 0;
        while let Some(due) = world.bank.poll_timeout().filter(|&due| due < end) {
            lateness = (lateness * 31 + 7) % 20;
            world.wake(due + Duration::from_millis(lateness));
        }
        assert_eq!(world.bank.poll_timeout(), Some(end));
        assert_eq!(world.sent.len(), 180_000);
        assert_continuous(&world.packets(0));
    }

    #[test]
    fn waking_early_or_twice_sends_nothing_more() {
        let mut world = World::started(1, ms(1_000));
        for at in [1_000, 1_000, 1_001, 1_019] {
            world.wake(ms(at));
        }
        assert_eq!(world.times(), [ms(1_000)]);
    }

    #[test]
    fn streams_spread_over_the_phases_and_start_within_a_frame() {
        let mut world = World::started(40, ms(1_005));
        world.run(ms(1_025), Duration::ZERO);
        let times: Vec<_> = (1_005..1_025).flat_map(|at| [ms(at), ms(at)]).collect();
        assert_eq!(world.times(), times);
    }

    #[test]
    fn a_stream_that_starts_while_the_worker_is_late_sends_no_burst() {
        let mut world = World::new(21);
        for call in 0..20 {
            world.open_and_start(ms(1_000), call);
        }
        world.open_and_start(ms(1_090), 20);
        world.run(ms(1_110), Duration::ZERO);
        let first = world.sent.iter().filter(|(_, call, _)| *call == world.calls[20]);
        assert_eq!(first.map(|&(at, ..)| at).collect::<Vec<_>>(), [ms(1_090)]);
    }

    #[test]
    fn marks_keys_and_audio_are_told_after_the_packet_they_came_with() {
        let mut world = World::started(1, ms(1_000));
        let call = world.calls[0];
        let set = super::super::prompt::tests::synthetic_set("en");
        let clip = set.clip(super::super::ClipKey::Digit(0));
        let cue = Cue::Clip { clip, mark_start: Some(Mark(1)), mark_end: Some(Mark(2)) };
        let track = Track { id: 7, cues: vec![cue] };
        world.command(ms(1_000), MediaCommand::Play { call, track });
        let key = [0x80, 101, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 5, 10, 0, 160];
        world.packet(ms(1_001), &key);
        let mut audio = vec![0x80, 8, 0, 2, 0, 0, 0, 160, 0, 0, 0, 9];
        audio.extend([0xD5; 160]);
        world.packet(ms(1_002), &audio);
        world.packet(ms(1_003), &audio);
        world.run(ms(1_400), Duration::ZERO);
        let told: Vec<_> = world.told.iter().map(|&(at, _, event)| (at, event)).collect();
        let wanted = [
            (ms(1_001), StreamEvent::Key(Key::Digit(5))),
            (ms(1_002), StreamEvent::AudioReceived),
            (ms(1_000), StreamEvent::MarkPassed(Mark(1))),
            (ms(1_180), StreamEvent::MarkPassed(Mark(2))), // the tenth frame
            (ms(1_180), StreamEvent::TrackEnded(7)),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_port_is_opened_told_and_given_back() {
        let mut world = World::new(1);
        let call = world.calls[0];
        world.command(ms(0), MediaCommand::Open { call, port: 40_000 });
        world.command(ms(1), MediaCommand::Open { call, port: 40_002 });
        assert_eq!(world.events(), [StreamEvent::Opened], "a call has one port");
        world.packet(ms(2), b"early");
        let stats = world.stats(ms(3), 0);
        assert_eq!(stats, StreamStats { early_dropped: 1, ..Default::default() });
        assert_eq!((world.unbound.as_slice(), world.bank.is_empty()), (&[call][..], true));
        assert_eq!(world.bank.poll_timeout(), None);
    }

    #[test]
    fn a_port_that_is_taken_ends_the_stream() {
        let mut world = World::new(1);
        let call = world.calls[0];
        world.command(ms(0), MediaCommand::Open { call, port: UNAVAILABLE });
        world.command(ms(1), MediaCommand::Start { call, config: config(0) });
        world.command(ms(1), MediaCommand::Close { call });
        assert_eq!(world.events(), [StreamEvent::PortUnavailable]);
        assert!(world.bank.is_empty() && world.unbound.is_empty());
    }

    #[test]
    fn closing_before_the_port_is_bound_gives_it_back() {
        let mut bank = Bank::new(BankConfig::default());
        let call = World::new(1).calls[0];
        bank.handle_command(ms(0), MediaCommand::Open { call, port: 40_000 });
        bank.handle_command(ms(0), MediaCommand::Close { call });
        bank.handle_bound(ms(0), call, true);
        let outputs: Vec<_> = std::iter::from_fn(|| bank.poll_output()).collect();
        let wanted = [
            BankOutput::Bind { call, port: 40_000 },
            BankOutput::Unbind { call },
            BankOutput::Event { call, event: StreamEvent::Closed(StreamStats::default()) },
        ];
        assert_eq!(outputs, wanted);
    }

    #[test]
    fn commands_and_packets_for_a_call_that_is_not_open_do_nothing() {
        let mut world = World::new(1);
        let call = world.calls[0];
        let remote = config(0).remote;
        let commands = [
            MediaCommand::Start { call, config: config(0) },
            MediaCommand::Redirect {
                call,
                remote,
                codec: Codec::Pcmu,
                payload_type: 0,
                may_send: true,
            },
            MediaCommand::Play { call, track: pause(1, 1) },
            MediaCommand::Close { call },
        ];
        for command in commands {
            world.command(ms(0), command);
        }
        world.packet(ms(0), &[0x80; 20]);
        world.bank.handle_bound(ms(0), call, true);
        world.drain(ms(0));
        assert!(world.told.is_empty() && world.unbound.is_empty() && world.bank.is_empty());
    }

    #[test]
    fn a_second_start_changes_nothing() {
        let mut world = World::started(1, ms(1_000));
        let call = world.calls[0];
        world.wake(ms(1_000));
        world.command(ms(1_001), MediaCommand::Start { call, config: config(5) });
        world.run(ms(1_100), Duration::ZERO);
        assert_continuous(&world.packets(0));
    }

    #[test]
    fn on_hold_nothing_is_sent_and_what_plays_waits() {
        let mut world = World::started(1, ms(1_000));
        let call = world.calls[0];
        let redirect = |may_send| MediaCommand::Redirect {
            call,
            remote: config(0).remote,
            codec: Codec::Pcma,
            payload_type: 8,
            may_send,
        };
        world.command(ms(1_000), MediaCommand::Play { call, track: pause(7, 10) });
        world.run(ms(1_090), Duration::ZERO);
        world.command(ms(1_090), redirect(false));
        world.run(ms(1_490), Duration::ZERO);
        assert_eq!((world.packets(0).len(), world.events().len()), (5, 0), "held after 5 frames");
        world.command(ms(1_490), redirect(true));
        world.run(ms(1_600), Duration::ZERO);
        assert_eq!(world.events(), [StreamEvent::TrackEnded(7)], "the other five came");
        let packets = world.packets(0);
        let header = |n: usize| rtp::parse(packets[n].as_slice()).expect("our own packet").header;
        let (before, after) = (header(4), header(5));
        assert_eq!(after.sequence, before.sequence.wrapping_add(1), "no packet is missing");
        let ticks = after.timestamp.wrapping_sub(before.timestamp);
        assert_eq!((ticks, after.marker), (21 * 160, true), "but 420 ms have passed");
    }

    #[test]
    fn nothing_is_sent_after_closing() {
        let mut world = World::started(2, ms(1_000));
        world.run(ms(1_100), Duration::ZERO);
        let stats = world.stats(ms(1_100), 0);
        world.run(ms(1_200), Duration::ZERO);
        assert_eq!((stats.packets_sent, world.packets(0).len()), (5, 5));
        assert_eq!(world.packets(1).len(), 10);
    }

    #[test]
    fn five_hundred_calls_are_each_continuous_and_equal_but_for_their_names() {
        let mut world = World::started(500, ms(1_000));
        for call in world.calls.clone() {
            world.command(ms(1_000), MediaCommand::Play { call, track: pause(1, 20) });
        }
        world.run(ms(2_000), Duration::from_micros(300));
        for index in 0..500 {
            let packets = world.packets(index);
            assert_eq!(packets.len(), 50, "call {index}");
            assert_continuous(&packets);
            let without_ssrc = |packet: &Packet| {
                let bytes = packet.as_slice();
                [&bytes[..8], &bytes[12..]].concat()
            };
            assert!(packets.iter().map(without_ssrc).eq(world.packets(0).iter().map(without_ssrc)));
        }
        let ended = world.events().iter().filter(|e| **e == StreamEvent::TrackEnded(1)).count();
        assert_eq!(ended, 500);
    }

    proptest! {
        #[test]
        fn calls_that_come_and_go_never_disturb_the_others(
            steps in proptest::collection::vec((0..12_usize, 0..60_u64), 1..80),
        ) {
            let mut world = World::new(200);
            let mut up: Vec<usize> = Vec::new();
            let mut next = 0;
            let mut now = ms(500);
            for (choice, millis) in steps {
                if choice < up.len() && choice % 2 == 0 {
                    let index = up.swap_remove(choice);
                    let sent = world.packets(index).len() as u32;
                    prop_assert_eq!(world.stats(now, index).packets_sent, sent);
                } else {
                    world.open_and_start(now, next);
                    up.push(next);
                    next += 1;
                }
                let until = now + Duration::from_millis(millis);
                world.run(until, Duration::ZERO);
                now = until;
            }
            for index in 0..next {
                assert_continuous(&world.packets(index));
            }
            prop_assert_eq!(world.bank.len(), up.len());
        }
    }
}
