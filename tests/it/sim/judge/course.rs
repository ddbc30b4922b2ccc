//! Judges the events of one call and the receipt that ends them.

use super::signalling::Facts;
use super::sound::Sound;
use crate::sim::house::{SETUP_TIMEOUT, STILL_MAX};
use belfry::call::{CallEventKind, Delivery, Receipt, ScriptPolicy};
use belfry::reason::Reason;
use belfry::time::{Duration, Instant};

/// One call's events.
#[derive(Debug)]
pub struct Course {
    placed_at: Instant,
    /// The gateway was told to end the call.
    pub canceled: bool,
    rank: u8,
    confirmed: bool,
    readings: u8,
    /// What the receipt said.
    pub ended: Option<Reason>,
}

impl Course {
    pub fn new(placed_at: Instant) -> Course {
        Course { placed_at, canceled: false, rank: 0, confirmed: false, readings: 0, ended: None }
    }

    /// Whether nothing was told of it yet.
    pub fn has_not_begun(&self) -> bool {
        self.rank == 0
    }

    /// Takes an event; says what is wrong with it.
    pub fn event(&mut self, kind: &CallEventKind) -> Result<(), String> {
        if self.ended.is_some() {
            return Err(format!("{kind:?} after the receipt"));
        }
        let (rank, once) = match kind {
            CallEventKind::Dialing => (1, true),
            CallEventKind::Proceeding => (2, true),
            CallEventKind::Ringing | CallEventKind::EarlyMedia | CallEventKind::Forwarded => {
                (3, false)
            }
            CallEventKind::Answered => (4, true),
            CallEventKind::HumanConfirmed => (5, true),
            CallEventKind::CodePlayed { .. } => (6, false),
            CallEventKind::Ended(_) => (7, true),
        };
        if rank < self.rank || (once && rank == self.rank) {
            return Err(format!("{kind:?} out of order"));
        }
        self.rank = rank;
        match kind {
            CallEventKind::HumanConfirmed => self.confirmed = true,
            CallEventKind::CodePlayed { readings } => {
                if *readings != self.readings + 1 {
                    return Err(format!("reading {readings} after {}", self.readings));
                }
                self.readings = *readings;
            }
            CallEventKind::Ended(receipt) => self.ended = Some(receipt.reason),
            _ => {}
        }
        Ok(())
    }

    /// Holds the receipt against what was seen on the wire.
    pub fn receipt(
        &self,
        now: Instant,
        receipt: &Receipt,
        policy: &ScriptPolicy,
        code_length: usize,
        facts: &Facts,
        sound: &Sound,
    ) -> Result<(), String> {
        let answered = facts.answered_at.is_some();
        let (readings, started) = sound.readings(code_length);
        let delivery = match (receipt.readings, receipt.last_digit_index) {
            (1.., _) => Delivery::Full,
            (0, Some(_)) => Delivery::Partial,
            (0, None) => Delivery::None,
        };
        // A machine that stands still notices the end of a call late.
        let late = if sound.has_woken() { STILL_MAX } else { Duration::ZERO };
        let talk_max = policy.call_max + late;
        let setup_max = SETUP_TIMEOUT * 6 + policy.ring_timeout * 2;
        let total = setup_max + Duration::from_secs(32) + talk_max;
        // While the peer moves its media, packets of its old address may be refused.
        let (keys, moved) = (receipt.keys_seen as usize, facts.audio.len() > 1);
        let keys_agree = keys == sound.keys.len() || (moved && keys < sound.keys.len());
        let readings_max = if sound.ear.misses_nothing() { readings } else { readings + 1 };
        let checks = [
            (receipt.answered == answered, "answered"),
            (receipt.rang == (facts.rang || answered), "rang"),
            (receipt.forwarded == facts.forwarded, "forwarded"),
            (receipt.sip_status == facts.status, "sip_status"),
            (receipt.packets_sent == sound.packets, "packets_sent"),
            (keys_agree, "keys_seen"),
            (receipt.readings == self.readings, "readings against the events"),
            (usize::from(receipt.readings) <= readings_max, "readings"),
            (receipt.delivery == delivery, "delivery"),
            (receipt.talk_time <= talk_max, "talk_time"),
            (now.since(self.placed_at) <= total, "the time it took"),
            (!self.confirmed || receipt.human_confirmed, "human_confirmed"),
            (!receipt.human_confirmed || sound.is_unlocked(policy.human_check_digits), "the gate"),
            (self.is_plausible(receipt.reason, facts, sound), "reason"),
        ];
        if let Some((_, what)) = checks.iter().find(|(holds, _)| !holds) {
            return Err(format!("the receipt is wrong in: {what}; {receipt:?}; {facts:?}"));
        }
        let most = policy.readings + policy.repeats_on_request;
        if sound.ear.readings_begun() > usize::from(most) {
            return Err("the code was read more often than the policy says".to_owned());
        }
        let exact = sound.ear.misses_nothing() && sound.is_in_step();
        let told = (usize::from(receipt.readings), receipt.last_digit_index.map_or(0, usize::from));
        if exact && told != (readings, started) {
            return Err(format!("{told:?} were told of {:?} spoken", (readings, started)));
        }
        Ok(())
    }

    fn is_plausible(&self, reason: Reason, facts: &Facts, sound: &Sound) -> bool {
        let answered = facts.answered_at.is_some();
        match reason {
            Reason::Completed | Reason::HungUp => answered && self.readings > 0,
            Reason::HungUpEarly => answered && self.readings == 0 && facts.peer_hung_up,
            Reason::FraudReported => sound.was_reported(),
            Reason::MachineSuspected => !sound.keys.is_empty() && !self.confirmed,
            Reason::NoHuman | Reason::OneWayAudio => answered && !self.confirmed,
            Reason::Canceled => self.canceled,
            Reason::NoAnswer | Reason::Busy | Reason::Declined => !answered,
            Reason::TrunkUnavailable => !answered,
            Reason::MediaIncompatible => sound.packets == 0,
            _ => true,
        }
    }
}
