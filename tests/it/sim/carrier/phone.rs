//! The phone at the end of one leg: what the person hears and does, and the RTP it sends.

use super::plan::{Answer, HangUp, Keys};
use crate::sim::dice::Dice;
use crate::sim::ear::{Ear, Rtp};
use belfry::media::ClipKey;
use belfry::time::{Duration, Instant};
use std::net::SocketAddr;

pub const STAR: u8 = 10;
pub const HASH: u8 = 11;
/// Packets of one press: four while the key is down, the last of them the first of three ends.
pub const PACKETS_OF_A_PRESS: u8 = 6;

/// Something the person does a moment later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Press(u8),
    HangUp,
}

/// One phone.
#[derive(Debug)]
pub struct Phone {
    /// Where its media comes from.
    pub here: SocketAddr,
    /// Where it sends.
    pub gateway: SocketAddr,
    answer: Answer,
    dice: Dice,
    ear: Ear,
    ssrc: u32,
    sequence: u16,
    asked: u32,
    heard_anything: bool,
    /// Whether what is done once (a key while reading, hanging up) was done.
    done: bool,
    hung_up: bool,
}

impl Phone {
    pub fn new(
        here: SocketAddr,
        gateway: SocketAddr,
        answer: Answer,
        locale: &str,
        mut dice: Dice,
    ) -> Phone {
        Phone {
            here,
            gateway,
            answer,
            ear: Ear::new(locale),
            ssrc: dice.u64() as u32,
            sequence: dice.u64() as u16,
            dice,
            asked: 0,
            heard_anything: false,
            done: false,
            hung_up: false,
        }
    }

    /// The code, as far as it was understood.
    pub fn code(&self) -> String {
        self.ear.code()
    }

    /// Takes a packet of the gateway's; says what the person will do about it, and when.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<(Duration, Act)> {
        let Some(rtp) = Rtp::read(bytes) else { return Vec::new() };
        let mut acts = Vec::new();
        if !std::mem::replace(&mut self.heard_anything, true) && self.answer.keys == Keys::Early {
            acts.push((Duration::ZERO, Act::Press(self.dice.between(1, 9) as u8)));
        }
        if let Some(clip) = self.ear.hear(&rtp) {
            self.react(clip, &mut acts);
        }
        acts
    }

    fn react(&mut self, clip: ClipKey, acts: &mut Vec<(Duration, Act)>) {
        match clip {
            ClipKey::GateReport => self.answer_the_check(acts),
            ClipKey::Digit(_) => self.follow_the_reading(acts),
            ClipKey::Goodbye | ClipKey::NoKey | ClipKey::WrongKey | ClipKey::Reported
                if self.answer.hang_up == HangUp::WithTheLastWord =>
            {
                self.hang_up(acts, 700);
            }
            _ => {}
        }
    }

    fn answer_the_check(&mut self, acts: &mut Vec<(Duration, Act)>) {
        self.asked += 1;
        let mut after = self.dice.millis(100, 1_800);
        let keys = match self.answer.keys {
            Keys::None | Keys::Early => Vec::new(),
            Keys::RightSecondTime if self.asked == 1 => Vec::new(),
            Keys::Report => vec![STAR],
            Keys::Wrong => self.ear.check().iter().take(1).map(|key| key % 9 + 1).collect(),
            Keys::Right | Keys::RightSecondTime => self.ear.check(),
            Keys::RightThenReport | Keys::RightThenRepeat => self.ear.check(),
        };
        for key in keys {
            acts.push((after, Act::Press(key)));
            after += self.dice.millis(300, 700);
        }
    }

    fn follow_the_reading(&mut self, acts: &mut Vec<(Duration, Act)>) {
        let digits = self.ear.reading().len();
        if let HangUp::AtDigit(digit) = self.answer.hang_up
            && digits >= usize::from(digit)
        {
            self.hang_up(acts, 0);
        }
        let key = match self.answer.keys {
            Keys::RightThenReport if digits >= 2 => STAR,
            Keys::RightThenRepeat if digits >= 3 => HASH,
            _ => return,
        };
        if !std::mem::replace(&mut self.done, true) {
            acts.push((Duration::ZERO, Act::Press(key)));
        }
    }

    fn hang_up(&mut self, acts: &mut Vec<(Duration, Act)>, within_ms: u64) {
        if !std::mem::replace(&mut self.hung_up, true) {
            acts.push((self.dice.millis(0, within_ms), Act::HangUp));
        }
    }

    /// A packet of silence.
    pub fn silence(&mut self, now: Instant) -> Vec<u8> {
        let payload_type = if self.answer.mulaw { 0 } else { 8 };
        let byte = if self.answer.mulaw { 0xFF } else { 0xD5 };
        self.packet(payload_type, clock(now), &[byte; 160])
    }

    /// Packet `index` of a press of `key` that began at `began`.
    pub fn key(&mut self, began: Instant, key: u8, index: u8) -> Vec<u8> {
        let marker = if index == 0 { 0x80 } else { 0 };
        let end = if index + 3 >= PACKETS_OF_A_PRESS { 0x80 } else { 0 };
        let frames = u16::from(index.min(PACKETS_OF_A_PRESS - 3) + 1);
        let [high, low] = (frames * 160).to_be_bytes();
        self.packet(marker | 101, clock(began), &[key, end | 10, high, low])
    }

    fn packet(&mut self, flags: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = vec![0x80, flags];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend(payload);
        bytes
    }
}

/// The phone's sampling clock.
fn clock(now: Instant) -> u32 {
    (now.as_nanos() / 125_000) as u32
}
