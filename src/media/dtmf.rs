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
/// How far a press may run past the duration last seen and still go on in a new segment: one second.
const SEGMENT_SLACK: u32 = 8_000;
/// How far back a packet is late; further back the sender has restarted its clock: five seconds.
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
