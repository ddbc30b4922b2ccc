//! What the phone sends as RTP: quiet, talk, and the keys pressed (RFC 4733).
//!
//! One packet each 20 ms, continuous in sequence number and timestamp. A key is a telephone-event
//! of 100 ms whose packets share the timestamp of its beginning and count its duration up; its
//! last packet is sent three times (RFC 4733 §2.5.1.4).

use crate::entropy::Entropy;
use crate::media::Codec;
use crate::secret::Redacted;
use std::collections::VecDeque;
use std::f32::consts::TAU;

/// Samples in a packet of 20 ms at 8 kHz.
const SAMPLES: u16 = 160;
/// A key is held for this many packets: 100 ms, more than the 40 ms that receivers ask for.
const KEY_PACKETS: u16 = 5;
/// Copies of the packet that ends a key.
const KEY_ENDS: u16 = 3;
/// Packets of sound between two keys: 100 ms.
const BETWEEN_KEYS: u16 = 5;
/// Level of a key as RFC 4733 §2.3.2 counts it: -10 dBm0.
const KEY_VOLUME: u8 = 10;

/// What is to be heard from the phone while no key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// A quiet room.
    Room,
    /// Somebody talks, or a machine does: syllables of tone and noise.
    Talk,
    /// The long tone of an answering machine.
    Beep,
}

/// Makes the packets of one call.
pub struct Speaker {
    codec: Codec,
    telephone_event: Option<u8>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    entropy: Entropy,
    keys: VecDeque<Redacted<u8>>,
    pressing: Option<Pressing>,
    clock: u32,
    first: bool,
}

struct Pressing {
    event: Redacted<u8>,
    timestamp: u32,
    packet: u16,
}

impl Speaker {
    /// A speaker for the agreed law, which presses keys as
    /// payload type `telephone_event`, or cannot if that was not agreed.
    pub fn new(codec: Codec, telephone_event: Option<u8>, mut entropy: Entropy) -> Self {
        Speaker {
            codec,
            telephone_event,
            ssrc: entropy.u32(),
            sequence: entropy.u16(),
            timestamp: entropy.u32(),
            entropy,
            keys: VecDeque::new(),
            pressing: None,
            clock: 0,
            first: true,
        }
    }

    /// Presses a key after those already waiting: 0–9, 10 for star, 11 for hash.
    pub fn press(&mut self, event: u8) {
        self.keys.push_back(Redacted::new(event));
    }

    /// The packet of the next 20 ms.
    pub fn packet(&mut self, sound: Sound) -> Vec<u8> {
        if self.pressing.is_none() && self.telephone_event.is_some() {
            let timestamp = self.timestamp;
            self.pressing =
                self.keys.pop_front().map(|event| Pressing { event, timestamp, packet: 0 });
        }
        let packet = self.key_packet().unwrap_or_else(|| self.sound_packet(sound));
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(u32::from(SAMPLES));
        self.clock += u32::from(SAMPLES);
        packet
    }

    fn key_packet(&mut self) -> Option<Vec<u8>> {
        let payload_type = self.telephone_event?;
        let pressing = self.pressing.as_mut()?;
        pressing.packet += 1;
        if pressing.packet > KEY_PACKETS + KEY_ENDS {
            if pressing.packet == KEY_PACKETS + KEY_ENDS + BETWEEN_KEYS {
                self.pressing = None;
            }
            return None;
        }
        let duration = pressing.packet.min(KEY_PACKETS) * SAMPLES;
        let end = if pressing.packet > KEY_PACKETS { 0x80 } else { 0 };
        let [high, low] = duration.to_be_bytes();
        let (event, timestamp, first) =
            (*pressing.event.expose(), pressing.timestamp, pressing.packet == 1);
        let mut packet = self.header(payload_type, first, timestamp);
        packet.extend([event, end | KEY_VOLUME, high, low]);
        Some(packet)
    }

    fn sound_packet(&mut self, sound: Sound) -> Vec<u8> {
        let mut packet = self.header(self.codec.payload_type(), self.first, self.timestamp);
        self.first = false;
        for n in 0..u32::from(SAMPLES) {
            let sample = self.sample(sound, self.clock + n);
            packet.push(self.codec.encode(sample));
        }
        packet
    }

    fn sample(&mut self, sound: Sound, at: u32) -> i16 {
        let noise = f32::from(self.entropy.bytes::<1>()[0]) / 128.0 - 1.0;
        let seconds = at as f32 / 8000.0;
        let tone = |hz: f32| (TAU * hz * (seconds % 1.0)).sin();
        let value = match sound {
            Sound::Room => noise * 30.0,
            Sound::Beep => tone(1000.0) * 6000.0,
            // A syllable of 180 ms, then 70 ms of nearly nothing.
            Sound::Talk if at % 2000 < 1440 => (tone(210.0) + 0.5 * tone(640.0) + noise) * 2500.0,
            Sound::Talk => noise * 60.0,
        };
        value as i16
    }

    fn header(&self, payload_type: u8, marker: bool, timestamp: u32) -> Vec<u8> {
        let mut packet = Vec::with_capacity(12 + usize::from(SAMPLES));
        packet.extend([0x80, payload_type | if marker { 0x80 } else { 0 }]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet
    }
}
