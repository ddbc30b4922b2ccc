//! The local RTP ports: a bounded pool, in which a port rests after a call.
//!
//! RTP uses even ports (RFC 3550 §11). A port that was just freed may still receive the old call's
//! packets, so it rests for the quarantine before it is given out again.

use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// A pool of even UDP ports.
#[derive(Debug)]
pub struct Ports {
    free: VecDeque<u16>,
    resting: VecDeque<(Instant, u16)>,
    quarantine: Duration,
}

impl Ports {
    /// All even ports of `first..=last`.
    pub fn new(first: u16, last: u16, quarantine: Duration) -> Self {
        let free = (first..=last).filter(|port| port.is_multiple_of(2)).collect();
        Ports { free, resting: VecDeque::new(), quarantine }
    }

    /// A port nobody uses, or `None` if all are taken or resting.
    pub fn take(&mut self, now: Instant) -> Option<u16> {
        while let Some(&(until, port)) = self.resting.front()
            && until <= now
        {
            self.resting.pop_front();
            self.free.push_back(port);
        }
        self.free.pop_front()
    }

    /// Gives a port back; it rests first.
    pub fn give_back(&mut self, now: Instant, port: u16) {
        self.resting.push_back((now + self.quarantine, port));
    }

    /// How many ports are not in use, resting ones included.
    pub fn idle(&self) -> usize {
        self.free.len() + self.resting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_rests_before_it_is_used_again() {
        let mut ports = Ports::new(10_001, 10_003, Duration::from_secs(5));
        let start = Instant::ZERO;
        assert_eq!(ports.take(start), Some(10_002));
        assert_eq!(ports.take(start), None);
        ports.give_back(start, 10_002);
        assert_eq!(ports.take(start + Duration::from_nanos(4_999_999_999)), None);
        assert_eq!(ports.take(start + Duration::from_secs(5)), Some(10_002));
    }
}
