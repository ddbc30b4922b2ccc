//! Judges one call's RTP as the gateway sends it: the frames themselves say what was spoken.

use super::signalling::{Agreed, Facts};
use crate::sim::carrier::phone::STAR;
use crate::sim::ear::{Ear, Rtp};
use belfry::media::{ClipKey, FRAME};
use belfry::time::{Duration, Instant};
use std::net::SocketAddr;

/// A frame that was sent.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// When it had to be sent.
    due: Instant,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
}

/// One call's RTP.
#[derive(Debug)]
pub struct Sound {
    pub ear: Ear,
    last: Option<Frame>,
    /// The machine stood still until this moment.
    woke_at: Option<Instant>,
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
            woke_at: None,
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

    /// The machine stood still and goes on now.
    pub fn woke(&mut self, now: Instant) {
        self.woke_at = Some(now);
    }

    /// Whether the machine stood still since the call began.
    pub fn has_woken(&self) -> bool {
        self.woke_at.is_some()
    }

    /// When a frame is due that follows `last`: it may only leave out time, and say so.
    fn follows(&self, last: &Frame, rtp: &Rtp<'_>) -> Result<Instant, String> {
        let ticks = rtp.timestamp.wrapping_sub(last.timestamp);
        let frames = ticks / 160;
        let continuous = rtp.sequence == last.sequence.wrapping_add(1)
            && rtp.ssrc == last.ssrc
            && ticks.is_multiple_of(160)
            && frames >= 1
            && rtp.marker == (frames > 1);
        if !continuous {
            return Err(format!("the stream breaks: {rtp:?} after {last:?}"));
        }
        Ok(last.due + FRAME * frames)
    }

    /// A frame comes when it is due; after a standstill it is late; after a hold time is left out.
    fn is_on_time(&self, now: Instant, due: Instant, facts: &Facts) -> Result<(), String> {
        let woke = self.woke_at == Some(now);
        if now != due && !(woke && due < now) {
            return Err(format!("off the 20 ms grid: {now:?} instead of {due:?}"));
        }
        // The newest moment from which on frames had to flow, if it is after the last one.
        let last = self.last.map(|last| last.due);
        let mut since = last;
        for (index, agreed) in facts.audio.iter().enumerate() {
            let was_held = index == 0 || !facts.audio[index - 1].flows;
            if agreed.flows && was_held {
                since = since.max(Some(agreed.since));
            }
        }
        let since = since.expect("something was agreed before a frame is judged");
        let exact = Some(since) == last && self.woke_at.is_none_or(|woke| woke <= since);
        let late = if exact { due > since + FRAME } else { now > since + FRAME + self.slack * 2 };
        if late && self.woke_at.is_none_or(|woke| woke < since) {
            return Err(format!("frames are missing since {since:?}"));
        }
        Ok(())
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
        facts.answered_at.ok_or("RTP before the answer")?;
        if self.closed || facts.talk_over.is_some_and(|over| now > over + self.slack) {
            return Err("RTP after the end of the call".to_owned());
        }
        let fresh = |agreed: &Agreed| now.since(agreed.since) <= self.slack;
        let reach = if facts.audio.last().is_some_and(fresh) { 2 } else { 1 };
        let mut agreed = facts.audio.iter().rev().take(reach);
        let fits = |a: &Agreed| a.flows && a.to == to && a.payload_type == rtp.payload_type;
        if !agreed.any(fits) {
            return Err(format!("RTP of type {} to {to}, not as agreed", rtp.payload_type));
        }
        let due = match self.last {
            None if !rtp.marker => return Err("a talkspurt without marker".to_owned()),
            None => now,
            Some(last) => self.follows(&last, &rtp)?,
        };
        self.is_on_time(now, due, facts)?;
        self.last =
            Some(Frame { due, sequence: rtp.sequence, timestamp: rtp.timestamp, ssrc: rtp.ssrc });
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
