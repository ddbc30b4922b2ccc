//! The streams of one worker, each sending a frame every 20 ms.
//!
//! The frame is cut into phases; every stream belongs to one, and all streams of a phase are due at
//! the same time. A wake-up serves a whole phase, so the cost of keeping time does not grow with
//! the number of streams. Deadlines are `start + n * 20 ms`, whenever the worker wakes: a late one
//! sends what is due, up to [`BankConfig::catch_up_frames`]; beyond that the streams wait out what
//! was missed (see [`Stream::skip`]), because a burst would only be dropped by the far end.

use super::{FRAME, Packet, Stream, StreamConfig, StreamEvent, StreamStats, Track};
use crate::id::AttemptId;
use crate::media::Codec;
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
            MediaCommand::Redirect { call, remote, codec, payload_type } => {
                if let Some(stream) = self.stream(call) {
                    stream.redirect(remote, codec, payload_type);
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
        while let Some(phase) = self.next_phase().filter(|&phase| self.phases[phase].due <= now) {
            self.send_frame(now, phase);
        }
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
        self.handle_timeout(now);
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
