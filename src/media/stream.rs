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

/// The static payload type of comfort noise (RFC 3389 §4).
const COMFORT_NOISE: u8 = 13;

/// What a stream is opened with; the random numbers come from the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// The law agreed on.
    pub codec: Codec,
    /// The RTP payload type agreed on for it.
    pub payload_type: u8,
    /// The payload type the peer's answer gives telephone-event, if it has it: keys are sent so.
    pub telephone_event: Option<u8>,
    /// The payload type our offer gave telephone-event. A peer sends keys under it even if its
    /// answer has another number (RFC 3264 §6.1), and some do without answering it at all.
    pub telephone_event_offered: Option<u8>,
    /// The peer's negotiated address.
    pub remote: SocketAddr,
    /// Whether the peer takes packets: not while on hold.
    pub may_send: bool,
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
    ///
    /// While it may not send (RFC 3264 §8.4: on hold), what plays waits.
    pub fn redirect(&mut self, remote: SocketAddr, codec: Codec, payload_type: u8, may_send: bool) {
        self.latch.renegotiate(remote);
        self.config = StreamConfig { remote, codec, payload_type, may_send, ..self.config };
    }

    /// Whether the peer takes packets now.
    pub fn may_send(&self) -> bool {
        self.config.may_send
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

    /// Lets `frames` frames pass for which the sender woke too late.
    pub fn skip(&mut self, frames: u32) {
        self.pass(frames);
        self.stats.frames_skipped = self.stats.frames_skipped.saturating_add(frames);
    }

    /// Lets `frames` frames pass for which nothing is sent: the sequence goes on, because no packet
    /// is missing, and the timestamp jumps, because time has passed. What plays waits.
    pub fn pass(&mut self, frames: u32) {
        let ticks = frames.wrapping_mul(TICKS_PER_FRAME);
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.talkspurt = true;
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
        let StreamConfig { telephone_event, telephone_event_offered, .. } = self.config;
        if [telephone_event, telephone_event_offered].contains(&Some(payload_type)) {
            return Reception { key: self.hear_key(now, received), first_audio: false };
        }
        // A peer may send any format of the answer (RFC 3264 §6.1), and noise in its pauses.
        let is_audio = payload_type == self.config.payload_type
            || payload_type == COMFORT_NOISE
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

#[cfg(test)]
mod tests {
    use super::super::{Clip, Cue, Frame, SAMPLES_PER_FRAME};
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    const EVENT: u8 = 101;

    fn config() -> StreamConfig {
        StreamConfig {
            codec: Codec::Pcma,
            payload_type: 8,
            telephone_event: Some(EVENT),
            telephone_event_offered: None,
            remote: "192.0.2.1:4000".parse().expect("an address"),
            may_send: true,
            ssrc: 0xB1F7_0001,
            sequence: 65_530,
            timestamp: u32::MAX - 1_000,
        }
    }

    /// A clip of so many frames, each filled with the code of its number in A-law.
    fn clip(frames: u8) -> Arc<Clip> {
        let sample = |frame| [Codec::Pcma.decode(frame); SAMPLES_PER_FRAME];
        Arc::new(Clip::encode(&(0..frames).flat_map(sample).collect::<Vec<_>>()))
    }

    fn track(id: u32, frames: u8) -> Track {
        let (mark_start, mark_end) = (Some(Mark(1)), Some(Mark(2)));
        Track { id, cues: vec![Cue::Clip { clip: clip(frames), mark_start, mark_end }] }
    }

    fn frame(stream: &mut Stream) -> SentFrame {
        stream.next_frame(Instant::ZERO, Duration::ZERO)
    }

    fn header(frame: &SentFrame) -> Header {
        rtp::parse(frame.packet.as_slice()).expect("our own packet").header
    }

    fn payload(frame: &SentFrame) -> Vec<u8> {
        rtp::parse(frame.packet.as_slice()).expect("our own packet").payload.to_vec()
    }

    /// A packet of the peer.
    fn packet(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Packet {
        let header = Header { marker: false, payload_type, sequence, timestamp, ssrc: 7 };
        Packet::new(header, payload)
    }

    #[test]
    fn every_packet_continues_the_one_before_whatever_is_played() {
        let mut stream = Stream::new(config());
        let mut sent = Vec::new();
        for n in 0..200 {
            match n {
                20 | 100 => stream.play(track(n, 30)),
                110 => stream.play(track(n, 5)),
                130 => stream.redirect("192.0.2.9:6000".parse().expect("ok"), Codec::Pcmu, 0, true),
                150 => stream.play(track(n, 30)),
                _ => {}
            }
            sent.push(frame(&mut stream));
        }
        for (n, frame) in (0_u32..).zip(&sent) {
            let wanted = Header {
                marker: n == 0,
                payload_type: if n < 130 { 8 } else { 0 },
                sequence: 65_530_u16.wrapping_add(n as u16),
                timestamp: (u32::MAX - 1_000).wrapping_add(160 * n),
                ssrc: 0xB1F7_0001,
            };
            assert_eq!(header(frame), wanted, "packet {n}");
            assert_eq!(frame.packet.as_slice().len(), 172);
            let port = if n < 130 { 4000 } else { 6000 };
            assert_eq!(frame.destination.port(), port);
        }
        assert_eq!(stream.stats().packets_sent, 200);
    }

    #[test]
    fn clips_are_sent_frame_by_frame_between_comfort_noise() {
        let mut stream = Stream::new(config());
        let noise = |index| noise::frame(Codec::Pcma, index).to_vec();
        assert_eq!(payload(&frame(&mut stream)), noise(0));
        stream.play(track(9, 3));
        let sent: Vec<_> = (0..4).map(|_| frame(&mut stream)).collect();
        let told: Vec<_> = sent.iter().map(|f| (f.mark_start, f.mark_end, f.ended)).collect();
        let nothing = (None, None, None);
        let last = (None, Some(Mark(2)), Some(9));
        assert_eq!(told, [(Some(Mark(1)), None, None), nothing, last, nothing]);
        let filled = |code: u8| Vec::from([code; SAMPLES_PER_FRAME] as Frame);
        let payloads: Vec<_> = sent.iter().map(payload).collect();
        assert_eq!(payloads, [filled(0), filled(1), filled(2), noise(1)]);
    }

    #[test]
    fn skipped_time_moves_the_timestamp_only_and_loses_nothing_of_the_track() {
        let mut stream = Stream::new(config());
        stream.play(track(9, 4));
        let before = [frame(&mut stream), frame(&mut stream)];
        stream.skip(50);
        let after = [frame(&mut stream), frame(&mut stream)];
        assert_eq!(
            [&before[0], &before[1], &after[0], &after[1]].map(|f| payload(f)[0]),
            [0, 1, 2, 3]
        );
        let (last, next) = (header(&before[1]), header(&after[0]));
        assert_eq!(next.sequence, last.sequence.wrapping_add(1));
        assert_eq!(next.timestamp, last.timestamp.wrapping_add(51 * 160));
        assert!(next.marker, "a talkspurt begins after a time without packets");
        assert!(!header(&after[1]).marker);
        assert_eq!(stream.stats().frames_skipped, 50);
    }

    #[test]
    fn equal_streams_send_equal_bytes() {
        let sent = || {
            let mut stream = Stream::new(config());
            stream.play(track(1, 20));
            (0..300).map(|_| frame(&mut stream).packet).collect::<Vec<_>>()
        };
        assert_eq!(sent(), sent());
    }

    #[test]
    fn a_key_is_sent_in_place_of_audio_and_the_track_ends_with_its_last_packet() {
        let mut stream = Stream::new(config());
        let press = Cue::Press { key: Key::Digit(5), frames: 2 };
        stream.play(Track { id: 3, cues: vec![Cue::Pause { frames: 1 }, press] });
        let sent: Vec<_> = (0..6).map(|_| frame(&mut stream)).collect();
        let start = header(&sent[0]).timestamp.wrapping_add(160);
        let events: Vec<_> = sent[1..5].iter().map(payload).collect();
        assert_eq!(events, [[5, 10, 0, 160], [5, 138, 1, 64], [5, 138, 1, 64], [5, 138, 1, 64]]);
        for (n, frame) in (1_u16..).zip(&sent[1..5]) {
            let Header { marker, payload_type, sequence, timestamp, .. } = header(frame);
            assert_eq!((marker, payload_type, timestamp), (n == 1, EVENT, start));
            assert_eq!(sequence, 65_530_u16.wrapping_add(n));
            assert_eq!(frame.ended, (n == 4).then_some(3));
        }
        let audio = header(&sent[5]);
        assert_eq!((audio.payload_type, audio.marker), (8, false));
        assert_eq!(audio.timestamp, start.wrapping_add(4 * 160), "time went on below the key");
    }

    #[test]
    fn a_track_played_while_a_key_is_down_lets_it_go_first() {
        let mut stream = Stream::new(config());
        let press = Cue::Press { key: Key::Digit(5), frames: 4 };
        stream.play(Track { id: 3, cues: vec![press] });
        frame(&mut stream);
        stream.play(track(4, 1));
        let rest: Vec<_> = (0..6).map(|_| frame(&mut stream)).collect();
        assert!(rest[..5].iter().all(|frame| header(frame).payload_type == EVENT));
        assert_eq!(rest[4].ended, None, "of a replaced track nothing is told");
        assert_eq!((payload(&rest[5])[0], rest[5].ended), (0, Some(4)));
    }

    #[test]
    fn without_telephone_event_a_key_is_passed_over() {
        let mut stream = Stream::new(StreamConfig { telephone_event: None, ..config() });
        let press = Cue::Press { key: Key::Digit(5), frames: 4 };
        stream.play(Track { id: 3, cues: vec![press] });
        let sent = frame(&mut stream);
        assert_eq!((header(&sent).payload_type, sent.ended), (8, Some(3)));
        assert_eq!(payload(&sent), noise::frame(Codec::Pcma, 0));
    }

    #[test]
    fn the_first_audio_is_told_once_and_keys_are_no_audio() {
        let mut stream = Stream::new(config());
        let peer = config().remote;
        let mut take = |at_ms, packet: Packet| {
            let heard = stream.handle_packet(Instant::from_millis(at_ms), peer, packet.as_slice());
            (heard.first_audio, heard.key)
        };
        let key = Some(Key::Hash);
        assert_eq!(take(10, packet(EVENT, 1, 0, &[11, 10, 0, 160])), (false, key));
        assert_eq!(take(20, packet(EVENT, 2, 0, &[11, 10, 1, 64])), (false, None));
        assert_eq!(take(30, packet(96, 3, 480, &[0; 160])), (false, None), "not agreed on");
        assert_eq!(take(40, packet(0, 4, 640, &[0xFF; 160])), (true, None), "the other law");
        assert_eq!(take(50, packet(8, 5, 800, &[0xD5; 160])), (false, None));
        let stats = stream.stats();
        assert_eq!(stats.first_audio, Some(Instant::from_millis(40)));
        assert_eq!((stats.packets_received, stats.unexpected_dropped, stats.keys_seen), (5, 1, 1));
    }

    #[test]
    fn keys_are_heard_under_the_number_we_offered_and_the_one_answered() {
        let cases = [(Some(96), Some(101), 96), (Some(96), Some(101), 101), (None, Some(101), 101)];
        for (telephone_event, telephone_event_offered, payload_type) in cases {
            let config = StreamConfig { telephone_event, telephone_event_offered, ..config() };
            let mut stream = Stream::new(config);
            let event = packet(payload_type, 1, 0, &[11, 10, 0, 160]);
            let heard = stream.handle_packet(Instant::ZERO, config.remote, event.as_slice());
            assert_eq!(heard.key, Some(Key::Hash), "{payload_type}");
        }
    }

    #[test]
    fn what_comes_is_counted_by_what_it_is() {
        let mut stream = Stream::new(config());
        let peer = config().remote;
        let stranger = "198.51.100.7:4000".parse().expect("an address");
        let mut take = |source, bytes: &[u8]| stream.handle_packet(Instant::ZERO, source, bytes);
        take(stranger, b"garbage latches nobody");
        take(peer, packet(8, 1, 0, &[0; 160]).as_slice());
        take(peer, packet(8, 4, 480, &[0; 160]).as_slice());
        take(stranger, packet(EVENT, 1, 0, &[1, 10, 0, 160]).as_slice());
        take(stranger, b"more");
        take(peer, &[0x80, 200, 0, 6]);
        take(peer, &[]);
        take(peer, packet(EVENT, 5, 0, &[77, 10, 0, 160]).as_slice());
        let stats = stream.stats();
        assert_eq!((stats.packets_received, stats.packets_lost), (3, 2));
        assert_eq!((stats.foreign_dropped, stats.garbage_dropped, stats.keys_seen), (2, 4, 0));
    }

    #[test]
    fn the_code_is_sent_to_the_negotiated_address_whoever_is_heard() {
        let mut stream = Stream::new(config());
        let stranger = "198.51.100.7:4000".parse().expect("an address");
        let audio = packet(8, 1, 0, &[0; 160]);
        assert!(stream.handle_packet(Instant::ZERO, stranger, audio.as_slice()).first_audio);
        assert_eq!(frame(&mut stream).destination, config().remote);
    }

    #[test]
    fn times_of_the_first_packet_and_the_first_clip_are_kept() {
        let mut stream = Stream::new(config());
        for n in 0..5 {
            if n == 3 {
                stream.play(track(1, 1));
            }
            stream.next_frame(Instant::from_millis(100 + 20 * n), Duration::from_millis(n));
        }
        let stats = stream.stats();
        assert_eq!(stats.first_sent, Some(Instant::from_millis(100)));
        assert_eq!(stats.first_clip, Some(Instant::from_millis(160)));
        assert_eq!(stats.late_max, Duration::from_millis(4));
    }

    #[test]
    fn debug_output_tells_neither_what_is_played_nor_what_is_pressed() {
        let shown = |digit: u8| {
            let mut stream = Stream::new(config());
            let press = Cue::Press { key: Key::Digit(digit), frames: 4 };
            let spoken = Cue::Clip { clip: clip(digit), mark_start: None, mark_end: None };
            stream.play(Track { id: 3, cues: vec![press, spoken] });
            let sent = frame(&mut stream);
            let event = packet(EVENT, 1, 0, &[digit, 10, 0, 160]);
            let heard = stream.handle_packet(Instant::ZERO, config().remote, event.as_slice());
            format!("{stream:?} {sent:?} {heard:?} {:?}", heard.key.map(StreamEvent::Key))
        };
        assert_eq!(shown(3), shown(9));
    }

    proptest! {
        #[test]
        fn nothing_that_comes_disturbs_what_is_sent(
            datagrams in proptest::collection::vec(
                (any::<bool>(), any::<u16>(), proptest::collection::vec(any::<u8>(), 0..40)),
                0..60,
            ),
            like_rtp in any::<bool>(),
        ) {
            let mut quiet = Stream::new(config());
            let mut loud = Stream::new(config());
            for stream in [&mut quiet, &mut loud] {
                stream.play(track(1, 20));
            }
            for (from_peer, port, mut bytes) in datagrams {
                if like_rtp && bytes.len() > 1 {
                    bytes[0] = 0x80 | bytes[0] & 0x3F;
                    bytes[1] = if bytes[1] % 2 == 0 { EVENT } else { 8 };
                }
                let mut source = config().remote;
                if !from_peer {
                    source.set_port(port);
                }
                loud.handle_packet(Instant::ZERO, source, &bytes);
                prop_assert_eq!(frame(&mut loud), frame(&mut quiet));
            }
        }
    }
}
