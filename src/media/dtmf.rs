//! Keys as telephone events (RFC 4733): one [`Key`] per press, however its packets arrive.
//!
//! A press is a run of packets that share one RTP timestamp and tell a growing duration; the last
//! is sent three times. Any of them, and the marker, may be lost, doubled or late. Left out: other
//! events than the sixteen keys, keys as tones in the audio, the volume field.

use super::rtp::Header;
use crate::time::{Duration, Instant};
use std::collections::VecDeque;
use std::fmt;

/// A key of a telephone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// 0 to 9.
    Digit(u8),
    /// `*`
    Star,
    /// `#`
    Hash,
    /// A to D, as 0 to 3; no telephone for people has them.
    Letter(u8),
}

impl Key {
    /// The key of an event code (RFC 4733 §3.2): 0 to 15.
    pub const fn from_event(event: u8) -> Option<Key> {
        match event {
            0..=9 => Some(Key::Digit(event)),
            10 => Some(Key::Star),
            11 => Some(Key::Hash),
            12..=15 => Some(Key::Letter(event - 12)),
            _ => None,
        }
    }

    /// The event code of this key.
    pub const fn event(self) -> u8 {
        match self {
            Key::Digit(digit) => digit,
            Key::Star => 10,
            Key::Hash => 11,
            Key::Letter(letter) => 12 + letter,
        }
    }
}

impl fmt::Debug for Key {
    /// Nothing: what a person presses may be a code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

/// The four bytes of a telephone event (RFC 4733 §2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventPayload {
    /// The key.
    pub key: Key,
    /// Set on the last packet of a press and its two copies.
    pub end: bool,
    /// How long the key has been down, in samples.
    pub duration: u16,
}

impl fmt::Debug for EventPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} end={} duration={}", self.key, self.end, self.duration)
    }
}

/// The power a key is said to have, in -dBm0; 10 is what telephones send.
const VOLUME: u8 = 10;

impl EventPayload {
    /// Reads a payload; `None` if it is too short or no key.
    ///
    /// Bytes after the first event are ignored: §2.5.1.5 packs several into one packet only for
    /// events shorter than the packet, which no key is.
    pub fn parse(payload: &[u8]) -> Option<EventPayload> {
        let &[event, flags, high, low, ..] = payload else { return None };
        let key = Key::from_event(event)?;
        Some(EventPayload {
            key,
            end: flags & 0x80 != 0,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The bytes to send.
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.key.event(), u8::from(self.end) << 7 | VOLUME, high, low]
    }
}

/// The most keys taken in any [`CAP_SPAN`]; people press less, floods press more.
pub const CAP_KEYS: usize = 20;
/// The span of the cap. A key needs 40 ms down and 40 ms up (Q.24), so 20 take at least 1.6 s.
pub const CAP_SPAN: Duration = Duration::from_secs(1);
/// How far a press may run past the duration last seen and still go on in a new segment: 1 s.
const SEGMENT_SLACK: u32 = 8_000;
/// How far back a packet is late; further back the sender has restarted its clock: 5 s.
const LATE_MAX: u32 = 40_000;

/// What a packet of a telephone event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A new press.
    Pressed(Key),
    /// A further packet, a copy, or a late packet of a press already told.
    Known,
    /// A new press over the cap.
    OverCap,
}

/// Turns packets of telephone events into presses.
#[derive(Debug, Default)]
pub struct KeyReceiver {
    current: Option<Press>,
    /// When the latest keys were told, oldest first.
    told: VecDeque<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Press {
    ssrc: u32,
    timestamp: u32,
    payload: EventPayload,
}

impl KeyReceiver {
    /// Takes one event packet and the RTP header it came with.
    ///
    /// A press is told at its first packet to arrive, so that a lost end delays nothing.
    pub fn handle_event(&mut self, now: Instant, header: Header, payload: EventPayload) -> Heard {
        let Header { ssrc, timestamp, marker, .. } = header;
        // Some gateways send keys under another SSRC than audio: only that of the keys counts.
        if let Some(press) = self.current.as_mut().filter(|press| press.ssrc == ssrc) {
            let ahead = timestamp.wrapping_sub(press.timestamp);
            if ahead == 0 {
                press.payload.end |= payload.end;
                press.payload.duration = press.payload.duration.max(payload.duration);
                return Heard::Known;
            }
            if ahead.wrapping_neg() <= LATE_MAX {
                return Heard::Known;
            }
            if !marker && press.goes_on_at(ahead, payload.key) {
                *press = Press { ssrc, timestamp, payload };
                return Heard::Known;
            }
        }
        self.current = Some(Press { ssrc, timestamp, payload });
        self.tell(now, payload.key)
    }

    fn tell(&mut self, now: Instant, key: Key) -> Heard {
        while self.told.front().is_some_and(|&told| now.since(told) >= CAP_SPAN) {
            self.told.pop_front();
        }
        if self.told.len() >= CAP_KEYS {
            return Heard::OverCap;
        }
        self.told.push_back(now);
        Heard::Pressed(key)
    }
}

impl Press {
    /// Whether a packet `ahead` samples after the start of this press, of the same key and without
    /// a marker, is still the same press.
    ///
    /// So it is when it starts while the key is still down: a long press goes on in segments
    /// (§2.5.1.3), and some senders wrongly move the timestamp with every packet.
    fn goes_on_at(&self, ahead: u32, key: Key) -> bool {
        let known_down = u32::from(self.payload.duration);
        let full_segment = known_down + SEGMENT_SLACK > u32::from(u16::MAX);
        let down = if full_segment { known_down + SEGMENT_SLACK } else { known_down };
        !self.payload.end && key == self.payload.key && ahead <= down
    }
}

/// Copies of the last packet of a press, the first included (RFC 4733 §2.5.1.4).
const END_COPIES: u32 = 3;

/// Sends one press: a packet a frame, with the end three times. For the robot.
#[derive(Debug, Clone, Copy)]
pub struct KeySender {
    key: Key,
    timestamp: u32,
    /// Frames the key is down.
    frames: u32,
    sent: u32,
}

/// The next packet of a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPacket {
    /// Set on the first packet of the press.
    pub marker: bool,
    /// The RTP timestamp of the whole press.
    pub timestamp: u32,
    /// What to send.
    pub payload: EventPayload,
}

impl KeySender {
    /// A press of `key` from `timestamp` on, for `frames` frames (1 to 409; others are cut to it).
    pub fn new(key: Key, timestamp: u32, frames: u32) -> Self {
        let frames_max = u32::from(u16::MAX) / super::TICKS_PER_FRAME;
        KeySender { key, timestamp, frames: frames.clamp(1, frames_max), sent: 0 }
    }

    /// The packet of the next frame, or `None` after the last.
    pub fn next_packet(&mut self) -> Option<KeyPacket> {
        if self.sent == self.frames + END_COPIES - 1 {
            return None;
        }
        self.sent += 1;
        let down = self.sent.min(self.frames);
        let ticks = down * super::TICKS_PER_FRAME;
        let duration = u16::try_from(ticks).expect("frames are cut to what fits into 16 bits");
        let payload = EventPayload { key: self.key, end: self.sent >= self.frames, duration };
        Some(KeyPacket { marker: self.sent == 1, timestamp: self.timestamp, payload })
    }

    /// Whether every packet was sent.
    pub fn is_done(&self) -> bool {
        self.sent == self.frames + END_COPIES - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet of the far end, as `KeyReceiver` takes it.
    #[derive(Debug, Clone, Copy)]
    struct Sent {
        marker: bool,
        timestamp: u32,
        payload: [u8; 4],
    }

    /// The packets of one press, written out as RFC 4733 §2.5 tells a sender to, apart from ours.
    fn press(event: u8, timestamp: u32, frames: u16) -> Vec<Sent> {
        let packet = |n: u16| {
            let [high, low] = (n.min(frames) * 160).to_be_bytes();
            let flags = if n >= frames { 0x8A } else { 0x0A };
            Sent { marker: n == 1, timestamp, payload: [event, flags, high, low] }
        };
        (1..frames + 3).map(packet).collect()
    }

    /// The keys told by packets that arrive 20 ms apart.
    fn told(packets: &[Sent]) -> Vec<Key> {
        let mut receiver = KeyReceiver::default();
        let mut keys = Vec::new();
        for (n, packet) in packets.iter().enumerate() {
            let now = Instant::from_millis(20 * n as u64);
            let header = Header {
                marker: packet.marker,
                payload_type: 101,
                sequence: n as u16,
                timestamp: packet.timestamp,
                ssrc: 1,
            };
            let payload = EventPayload::parse(&packet.payload).expect("a key");
            if let Heard::Pressed(key) = receiver.handle_event(now, header, payload) {
                keys.push(key);
            }
        }
        keys
    }

    fn without_marker(mut packets: Vec<Sent>) -> Vec<Sent> {
        packets.iter_mut().for_each(|packet| packet.marker = false);
        packets
    }

    #[test]
    fn a_press_is_one_key_whatever_of_it_arrives() {
        let whole = press(5, 8_000, 8);
        let five = [Key::Digit(5)];
        assert_eq!(whole.len(), 10, "eight updates and two copies of the last");
        assert_eq!(told(&whole), five);
        assert_eq!(told(&whole[1..]), five, "the marker is lost");
        assert_eq!(told(&whole[..7]), five, "the ends are lost");
        assert_eq!(told(&whole[9..]), five, "only the last copy of the end came");
        assert_eq!(told(&[whole[9], whole[0], whole[3], whole[8], whole[0]]), five, "any order");
        let doubled: Vec<_> = whole.iter().flat_map(|&packet| [packet, packet]).collect();
        assert_eq!(told(&doubled), five, "every packet came twice");
    }

    #[test]
    fn the_same_key_twice_is_two_keys_even_without_ends_and_markers() {
        let first = press(5, 8_000, 5);
        let second = press(5, 8_000 + 5 * 160 + 400, 5); // 50 ms later
        let twice = [Key::Digit(5); 2];
        assert_eq!(told(&[first.clone(), second.clone()].concat()), twice);
        let bare = [&first[1..4], &second[1..4]].concat();
        assert_eq!(told(&without_marker(bare)), twice);
    }

    #[test]
    fn the_same_key_again_at_the_very_end_of_the_one_before_is_a_new_key() {
        let (first, second) = (press(5, 8_000, 5), press(5, 8_000 + 5 * 160, 5));
        let packets = without_marker([first, second].concat());
        assert_eq!(told(&packets), [Key::Digit(5); 2]);
    }

    #[test]
    fn a_late_copy_of_the_key_before_is_no_key() {
        let (first, second) = (press(1, 8_000, 5), press(2, 10_000, 5));
        let late = [&first[..5], &second[..2], &first[5..], &second[2..]].concat();
        assert_eq!(told(&late), [Key::Digit(1), Key::Digit(2)]);
    }

    #[test]
    fn all_sixteen_keys_are_told_in_their_order_across_the_wrap_of_the_timestamp() {
        let start = u32::MAX - 20_000;
        let packets = (0..16).flat_map(|n| press(n, start.wrapping_add(u32::from(n) * 4_000), 5));
        let keys: Vec<_> = (0..=9).map(Key::Digit).chain([Key::Star, Key::Hash]).collect();
        let letters = (0..4).map(Key::Letter);
        let packets: Vec<_> = packets.collect();
        assert_eq!(told(&packets), keys.into_iter().chain(letters).collect::<Vec<_>>());
    }

    #[test]
    fn a_key_held_longer_than_a_segment_is_one_key() {
        // §2.5.1.3: after 65535 samples a new segment begins, without marker or end before.
        let segment = |timestamp, first: u16| {
            (first..=409).step_by(10).map(move |n| {
                let [high, low] = (n * 160).to_be_bytes();
                Sent { marker: false, timestamp, payload: [9, 0x0A, high, low] }
            })
        };
        let held: Vec<_> =
            segment(0, 1).chain(segment(65_535, 1)).chain(segment(131_070, 1)).collect();
        assert_eq!(told(&held), [Key::Digit(9)]);
    }

    #[test]
    fn a_sender_that_moves_the_timestamp_of_a_press_is_understood() {
        let moving: Vec<_> = press(9, 8_000, 6)
            .into_iter()
            .enumerate()
            .map(|(n, packet)| Sent { timestamp: 8_000 + 160 * n.min(5) as u32, ..packet })
            .collect();
        assert_eq!(told(&moving), [Key::Digit(9)]);
    }

    #[test]
    fn a_sender_that_restarts_its_clock_or_changes_its_ssrc_is_still_heard() {
        let restarted = [press(1, 3_000_000, 5), press(1, 500, 5)].concat();
        assert_eq!(told(&restarted), [Key::Digit(1); 2]);
        let mut receiver = KeyReceiver::default();
        let payload = EventPayload { key: Key::Hash, end: false, duration: 160 };
        for ssrc in [1, 2] {
            let header =
                Header { marker: false, payload_type: 101, sequence: 0, timestamp: 8_000, ssrc };
            let heard = receiver.handle_event(Instant::ZERO, header, payload);
            assert_eq!(heard, Heard::Pressed(Key::Hash), "{ssrc}");
        }
    }

    #[test]
    fn keys_beyond_the_cap_are_not_told_until_the_span_has_passed() {
        let mut receiver = KeyReceiver::default();
        let payload = EventPayload { key: Key::Digit(1), end: true, duration: 400 };
        let mut press = |at_ms: u64, n: u32| {
            let header = Header {
                marker: true,
                payload_type: 101,
                sequence: 0,
                timestamp: n * 1_000,
                ssrc: 1,
            };
            receiver.handle_event(Instant::from_millis(at_ms), header, payload)
        };
        for n in 0..20 {
            assert_eq!(press(u64::from(n), n), Heard::Pressed(Key::Digit(1)));
        }
        assert_eq!(press(20, 20), Heard::OverCap);
        assert_eq!(press(999, 21), Heard::OverCap);
        assert_eq!(press(1_000, 22), Heard::Pressed(Key::Digit(1)), "the first is a second old");
        assert_eq!(press(1_000, 23), Heard::OverCap);
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        for payload in [&[][..], &[5], &[5, 10, 0], &[16, 10, 0, 160], &[255, 255, 255, 255]] {
            assert_eq!(EventPayload::parse(payload), None, "{payload:?}");
        }
        let read = EventPayload { key: Key::Star, end: true, duration: 800 };
        assert_eq!(EventPayload::parse(&[10, 0xCA, 3, 0x20, 0, 0]), Some(read));
    }

    #[test]
    fn a_press_is_sent_with_true_durations_and_three_ends() {
        let mut sender = KeySender::new(Key::Digit(5), 8_000, 4);
        let packets: Vec<_> = std::iter::from_fn(|| sender.next_packet()).collect();
        let sent: Vec<_> = packets.iter().map(|p| (p.marker, p.payload.to_bytes())).collect();
        let wanted = [
            (true, [5, 0x0A, 0, 160]),
            (false, [5, 0x0A, 1, 64]),
            (false, [5, 0x0A, 1, 224]),
            (false, [5, 0x8A, 2, 128]),
            (false, [5, 0x8A, 2, 128]),
            (false, [5, 0x8A, 2, 128]),
        ];
        assert_eq!(sent, wanted);
        assert!(packets.iter().all(|packet| packet.timestamp == 8_000));
    }

    #[test]
    fn the_shortest_and_longest_press_have_an_end() {
        for (asked, frames) in [(0, 1), (1, 1), (409, 409), (410, 409), (u32::MAX, 409)] {
            let mut sender = KeySender::new(Key::Hash, 0, asked);
            let packets: Vec<_> = std::iter::from_fn(|| sender.next_packet()).collect();
            let ends = packets.iter().filter(|packet| packet.payload.end).count();
            assert_eq!((packets.len(), ends), (frames + 2, 3), "{asked}");
            assert!(sender.is_done());
        }
    }

    #[test]
    fn debug_output_tells_no_key() {
        let receiver = |event| {
            let mut receiver = KeyReceiver::default();
            let header =
                Header { marker: true, payload_type: 101, sequence: 0, timestamp: 0, ssrc: 1 };
            let payload = EventPayload::parse(&[event, 10, 0, 160]).expect("a key");
            let heard = receiver.handle_event(Instant::ZERO, header, payload);
            format!("{receiver:?} {heard:?} {:?}", KeySender::new(payload.key, 0, 5))
        };
        assert_eq!(receiver(3), receiver(11));
    }

    proptest! {
        #[test]
        fn every_press_of_which_anything_arrives_in_time_is_told_once_and_in_order(
            events in proptest::collection::vec((0..16_u8, 2..12_u16, 400..4_000_u32), 1..15),
            start in any::<u32>(),
            fate in proptest::collection::vec((any::<bool>(), any::<bool>(), 0..3_usize), 230),
            markers in any::<bool>(),
        ) {
            // Each packet may be lost, doubled, or overtaken by two others.
            let mut timestamp = start;
            let mut arrivals = Vec::new();
            for (n, &(event, frames, gap)) in events.iter().enumerate() {
                for packet in press(event, timestamp, frames) {
                    let (lost, doubled, delay) = fate[arrivals.len() % fate.len()];
                    let copies = if lost { 0 } else { 1 + usize::from(doubled) };
                    let place = arrivals.len() + delay;
                    arrivals.push((place, n, packet, copies));
                }
                timestamp = timestamp.wrapping_add(u32::from(frames) * 160 + gap);
            }
            arrivals.sort_by_key(|&(place, ..)| place);
            let arrived: Vec<(usize, Sent)> = arrivals
                .iter()
                .flat_map(|&(_, n, packet, copies)| std::iter::repeat_n((n, packet), copies))
                .collect();
            // A press whose packets all come after those of the next is not in time.
            let mut wanted: Vec<usize> = Vec::new();
            for &(n, _) in &arrived {
                if wanted.last().is_none_or(|&last| n > last) {
                    wanted.push(n);
                }
            }
            let packets: Vec<_> = arrived.iter().map(|&(_, packet)| packet).collect();
            let packets = if markers { packets } else { without_marker(packets) };
            let keys = wanted.iter().filter_map(|&n| Key::from_event(events[n].0));
            prop_assert_eq!(told(&packets), keys.collect::<Vec<_>>());
        }

        #[test]
        fn any_events_are_taken(
            packets in proptest::collection::vec(
                (any::<bool>(), any::<u32>(), any::<u32>(), any::<[u8; 4]>()), 0..200),
        ) {
            let mut receiver = KeyReceiver::default();
            let mut keys = 0;
            for (marker, timestamp, ssrc, bytes) in packets {
                let Some(payload) = EventPayload::parse(&bytes) else { continue };
                let header = Header { marker, payload_type: 101, sequence: 0, timestamp, ssrc };
                let heard = receiver.handle_event(Instant::ZERO, header, payload);
                keys += usize::from(matches!(heard, Heard::Pressed(_)));
            }
            prop_assert!(keys <= CAP_KEYS);
        }
    }
}
