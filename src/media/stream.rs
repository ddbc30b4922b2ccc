//! One call's RTP: what is played, sent, heard and counted (RFC 3550, 3551, 4733).
//!
//! A stream sends one packet each frame from start to end: clips, comfort noise between them, or a
//! key. Who owns it (a [`Bank`](super::Bank), or the robot) calls [`Stream::next_frame`] when a
//! frame is due. It always sends to the negotiated address, never to a latched source: a stranger
//! who gets in first must not be read the code.

use super::dtmf::{EventPayload, Heard, KeyReceiver, KeySender};
use super::playout::{Playout, Sound};
pub use super::reception::StreamStats;
use super::reception::{Latch, Order};
use super::rtp::{self, Header, Packet, Received};
use super::{Codec, Key, Mark, TICKS_PER_FRAME, Track, noise};
use crate::time::{Duration, Instant};
use std::net::SocketAddr;

/// What a stream is opened with; the random numbers come from the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// The law agreed on.
    pub codec: Codec,
    /// The RTP payload type agreed on for it.
    pub payload_type: u8,
    /// The payload type agreed on for telephone-event, if any.
    pub telephone_event: Option<u8>,
    /// The peer's negotiated address.
    pub remote: SocketAddr,
    /// Who we are in RTP; random.
    pub ssrc: u32,
    /// The first sequence number; random.
    pub sequence: u16,
    /// The first timestamp; random.
    pub timestamp: u32,
}

/// What the owner of a stream is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEvent {
    /// The port is bound.
    Opened,
    /// The port cannot be bound; nothing more follows.
    PortUnavailable,
    /// The frame of this mark was sent.
    MarkPassed(Mark),
    /// The last frame of this track was sent.
    TrackEnded(u32),
    /// The peer pressed a key.
    Key(Key),
    /// The first audio of the peer came.
    AudioReceived,
    /// The stream is closed and its port given back; nothing more follows.
    Closed(StreamStats),
}

/// A frame to send, and what passes with it, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentFrame {
    /// Where to send it.
    pub destination: SocketAddr,
    /// What to send.
    pub packet: Packet,
    /// A clip begins with this frame.
    pub mark_start: Option<Mark>,
    /// A clip ends with this frame.
    pub mark_end: Option<Mark>,
    /// The track ends with this frame.
    pub ended: Option<u32>,
}

/// What an incoming packet told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reception {
    /// It was the first audio of the peer.
    pub first_audio: bool,
    /// It began the press of a key.
    pub key: Option<Key>,
}

/// One call's RTP in both directions.
#[derive(Debug)]
pub struct Stream {
    config: StreamConfig,
    playout: Playout,
    /// The key that is down, and the payload type of its packets.
    press: Option<(KeySender, u8)>,
    /// The track that ends when the press is sent.
    ends_after_press: Option<u32>,
    sequence: u16,
    timestamp: u32,
    /// The next packet is the first after a time without packets.
    talkspurt: bool,
    noise_frame: u32,
    latch: Latch,
    order: Order,
    keys: KeyReceiver,
    stats: StreamStats,
}

impl Stream {
    /// A stream that has sent nothing yet.
    pub fn new(config: StreamConfig) -> Self {
        Stream {
            playout: Playout::default(),
            press: None,
            ends_after_press: None,
            sequence: config.sequence,
            timestamp: config.timestamp,
            talkspurt: true,
            noise_frame: 0,
            latch: Latch::new(config.remote),
            order: Order::default(),
            keys: KeyReceiver::default(),
            stats: StreamStats::default(),
            config,
        }
    }

    /// Plays `track` from the next frame on, instead of what plays now (of which nothing more is
    /// told). A key that is down is let go first.
    pub fn play(&mut self, track: Track) {
        self.ends_after_press = None;
        self.playout.play(track);
    }

    /// Sends to a newly negotiated address with a newly negotiated payload.
    pub fn redirect(&mut self, remote: SocketAddr, codec: Codec, payload_type: u8) {
        self.latch.renegotiate(remote);
        self.config = StreamConfig { remote, codec, payload_type, ..self.config };
    }

    /// The packet of the frame that was due `late` before `now`.
    pub fn next_frame(&mut self, now: Instant, late: Duration) -> SentFrame {
        self.stats.packets_sent = self.stats.packets_sent.saturating_add(1);
        self.stats.first_sent.get_or_insert(now);
        self.stats.late_max = self.stats.late_max.max(late);
        let frame = self.key_frame().unwrap_or_else(|| self.clip_frame(now));
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(TICKS_PER_FRAME);
        self.talkspurt = false;
        frame
    }

    /// Lets `frames` frames pass for which nothing is sent: the sequence goes on, because no packet
    /// is missing, and the timestamp jumps, because time has passed. What plays waits.
    pub fn skip(&mut self, frames: u32) {
        let ticks = frames.wrapping_mul(TICKS_PER_FRAME);
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.talkspurt = true;
        self.stats.frames_skipped = self.stats.frames_skipped.saturating_add(frames);
    }

    /// Takes a datagram that came to the stream's port.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Reception {
        if !self.latch.admits(source) {
            self.stats.foreign_dropped = self.stats.foreign_dropped.saturating_add(1);
            return Reception::default();
        }
        let Ok(received) = rtp::parse(datagram) else {
            self.stats.garbage_dropped = self.stats.garbage_dropped.saturating_add(1);
            return Reception::default();
        };
        self.latch.latch(source);
        self.order.count(received.header.ssrc, received.header.sequence);
        self.stats.packets_received = self.stats.packets_received.saturating_add(1);
        self.read(now, received)
    }

    /// What was sent, received and dropped so far.
    pub fn stats(&self) -> StreamStats {
        StreamStats { packets_lost: self.order.lost(), ..self.stats }
    }

    fn read(&mut self, now: Instant, received: Received<'_>) -> Reception {
        let payload_type = received.header.payload_type;
        if Some(payload_type) == self.config.telephone_event {
            return Reception { key: self.hear_key(now, received), first_audio: false };
        }
        // A peer may send either law of our offer, whichever it answered first (RFC 3264 §6.1).
        let is_audio = payload_type == self.config.payload_type
            || Codec::from_payload_type(payload_type).is_some();
        if !is_audio || received.payload.is_empty() {
            self.stats.unexpected_dropped = self.stats.unexpected_dropped.saturating_add(1);
            return Reception::default();
        }
        let first_audio = self.stats.first_audio.is_none();
        self.stats.first_audio.get_or_insert(now);
        Reception { first_audio, key: None }
    }

    fn hear_key(&mut self, now: Instant, received: Received<'_>) -> Option<Key> {
        let Some(event) = EventPayload::parse(received.payload) else {
            self.stats.garbage_dropped = self.stats.garbage_dropped.saturating_add(1);
            return None;
        };
        match self.keys.handle_event(now, received.header, event) {
            Heard::Pressed(key) => {
                self.stats.keys_seen = self.stats.keys_seen.saturating_add(1);
                Some(key)
            }
            Heard::OverCap => {
                self.stats.keys_over_cap = self.stats.keys_over_cap.saturating_add(1);
                None
            }
            Heard::Known => None,
        }
    }

    fn clip_frame(&mut self, now: Instant) -> SentFrame {
        let header = self.header(self.config.payload_type, self.talkspurt, self.timestamp);
        let step = self.playout.next_frame(self.config.codec);
        let (mark_start, mark_end, ended) = (step.mark_start, step.mark_end, step.ended);
        let packet = match (step.sound, self.config.telephone_event) {
            (Sound::Clip(frame), _) => {
                self.stats.first_clip.get_or_insert(now);
                Packet::audio(header, frame)
            }
            (Sound::Press(key, frames), Some(payload_type)) => {
                let sender = KeySender::new(key, self.timestamp, frames);
                self.press = Some((sender, payload_type));
                self.ends_after_press = ended;
                return self.key_frame().expect("a press has at least three packets");
            }
            (Sound::Noise | Sound::Press(..), _) => {
                let frame = noise::frame(self.config.codec, self.noise_frame);
                self.noise_frame = self.noise_frame.wrapping_add(1);
                Packet::audio(header, frame)
            }
        };
        SentFrame { destination: self.config.remote, packet, mark_start, mark_end, ended }
    }

    /// The next packet of the key that is down, if one is.
    fn key_frame(&mut self) -> Option<SentFrame> {
        let (sender, payload_type) = self.press.as_mut()?;
        let (sent, payload_type) = (sender.next_packet()?, *payload_type);
        let mut ended = None;
        if sender.is_done() {
            self.press = None;
            ended = self.ends_after_press.take();
        }
        let header = self.header(payload_type, sent.marker, sent.timestamp);
        let packet = Packet::new(header, &sent.payload.to_bytes());
        let destination = self.config.remote;
        Some(SentFrame { destination, packet, mark_start: None, mark_end: None, ended })
    }

    fn header(&self, payload_type: u8, marker: bool, timestamp: u32) -> Header {
        let Stream { sequence, config: StreamConfig { ssrc, .. }, .. } = *self;
        Header { marker, payload_type, sequence, timestamp, ssrc }
    }
}
