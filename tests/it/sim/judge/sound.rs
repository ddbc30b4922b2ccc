//! Judges one call's RTP as the gateway sends it: the frames themselves say what was spoken.

use super::signalling::Facts;
use crate::sim::ear::{Ear, Rtp};
use crate::sim::phone::STAR;
use belfry::media::{ClipKey, FRAME};
use belfry::time::{Duration, Instant};
use std::net::SocketAddr;

/// One call's RTP.
#[derive(Debug)]
pub struct Sound {
    pub ear: Ear,
    last: Option<(Instant, u16, u32, u32)>,
    pub packets: u32,
    /// Keys that reached the stream, in order, each once.
    pub keys: Vec<u8>,
    newest_key: Option<u32>,
    /// The port was given back.
    pub closed: bool,
    /// How long a command or a mark may be under way between the engine and the media.
    slack: Duration,
}

impl Sound {
    pub fn new(locale: &str, slack: Duration) -> Sound {
        Sound {
            ear: Ear::new(locale),
            last: None,
            packets: 0,
            keys: Vec::new(),
            newest_key: None,
            closed: false,
            slack,
        }
    }

    /// A packet reached the call's open port.
    pub fn delivered(&mut self, bytes: &[u8], facts: &Facts) {
        let Some(rtp) = Rtp::read(bytes).filter(|rtp| rtp.payload_type == 101) else { return };
        // Packets before the stream runs are dropped; those of an older press tell nothing.
        let newer = |newest: u32| rtp.timestamp.wrapping_sub(newest).cast_signed() > 0;
        if !facts.audio.is_empty() && !self.closed && self.newest_key.is_none_or(newer) {
            self.newest_key = Some(rtp.timestamp);
            self.keys.push(rtp.payload[0]);
        }
    }

    /// Whether the keys asked for came in a row, and none before them that was not asked for.
    /// (Each prompt starts the row anew.)
    pub fn is_unlocked(&self, digits_asked: u8) -> bool {
        let asked = usize::from(digits_asked);
        let check = self.check();
        if asked == 0 || check.len() != asked {
            return asked == 0;
        }
        let row = self.keys.windows(asked).position(|keys| keys == check);
        row.is_some_and(|at| self.keys[..at].iter().all(|key| check.contains(key)))
    }

    /// The keys asked for in the first prompt.
    fn check(&self) -> Vec<u8> {
        let mut clips = self.ear.clips().map(|(key, _)| key).skip_while(|k| *k != ClipKey::Gate);
        clips.next();
        let digit = |key| if let ClipKey::Digit(digit) = key { Some(digit) } else { None };
        clips.map_while(digit).collect()
    }

    /// Whether marks reach the engine at the moment their frame is sent.
    pub fn is_in_step(&self) -> bool {
        self.slack == Duration::ZERO
    }

    pub fn was_reported(&self) -> bool {
        self.keys.contains(&STAR)
    }

    /// Complete readings so far, and the digits begun in one that is not complete.
    pub fn readings(&self, code_length: usize) -> (usize, usize) {
        let begun = self.ear.readings_begun();
        let reading = self.ear.reading();
        let complete = reading.len() == code_length
            && reading
                .last()
                .is_some_and(|&(digit, last)| last == self.ear.last_frame(ClipKey::Digit(digit)));
        if complete { (begun, 0) } else { (begun.saturating_sub(1), reading.len()) }
    }

    /// The gateway sent a packet. Gives the clip it begins, or says what is wrong with it.
    pub fn sent(
        &mut self,
        now: Instant,
        to: SocketAddr,
        bytes: &[u8],
        facts: &Facts,
        digits_asked: u8,
    ) -> Result<Option<ClipKey>, String> {
        let rtp = Rtp::read(bytes).ok_or("no RTP packet")?;
        let answered_at = facts.answered_at.ok_or("RTP before the answer")?;
        if self.closed || facts.talk_over.is_some_and(|over| now > over + self.slack) {
            return Err("RTP after the end of the call".to_owned());
        }
        let recent = facts.audio.iter().rev();
        let replaced_at = facts.audio.iter().skip(1).map(|&(at, ..)| at).next_back();
        let fresh = replaced_at.is_some_and(|at| now.since(at) <= self.slack);
        let mut allowed = recent.take(if fresh { 2 } else { 1 });
        if !allowed.any(|&(_, address, kind)| address == to && kind == rtp.payload_type) {
            return Err(format!("RTP of type {} to {to}, not as agreed", rtp.payload_type));
        }
        match self.last {
            None if now.since(answered_at) > FRAME + self.slack * 2 => {
                return Err("the first frame is late".to_owned());
            }
            None if !rtp.marker => return Err("a talkspurt without marker".to_owned()),
            None => {}
            Some((at, sequence, timestamp, ssrc)) => {
                if now != at + FRAME {
                    return Err(format!("off the 20 ms grid by {:?}", now.since(at)));
                }
                let continuous = rtp.sequence == sequence.wrapping_add(1)
                    && rtp.timestamp == timestamp.wrapping_add(160)
                    && rtp.ssrc == ssrc
                    && !rtp.marker;
                if !continuous {
                    return Err(format!("the stream breaks: {ssrc:08x} {sequence} {timestamp}"));
                }
            }
        }
        self.last = Some((now, rtp.sequence, rtp.timestamp, rtp.ssrc));
        self.packets += 1;
        let begins = self.ear.hear(&rtp);
        if matches!(begins, Some(ClipKey::CodeIntro | ClipKey::CodeAgain))
            && !self.is_unlocked(digits_asked)
        {
            return Err("the code is begun before the right key".to_owned());
        }
        Ok(begins)
    }
}
