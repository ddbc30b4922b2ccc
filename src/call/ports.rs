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
        self.handle_timeout(now);
        self.free.pop_front()
    }

    /// Makes ports that have rested by `now` free.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(until, port)) = self.resting.front()
            && until <= now
        {
            self.resting.pop_front();
            self.free.push_back(port);
        }
    }

    /// Gives a port back; it rests first.
    pub fn give_back(&mut self, now: Instant, port: u16) {
        self.resting.push_back((now + self.quarantine, port));
    }

    /// How many ports can be taken now.
    pub fn ready(&self, now: Instant) -> usize {
        let rested = self.resting.iter().take_while(|(until, _)| *until <= now).count();
        self.free.len() + rested
    }

    /// When the next port has rested, if none can be taken before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let first = self.resting.front().map(|&(until, _)| until);
        first.filter(|_| self.free.is_empty())
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
        let almost = start + Duration::from_nanos(4_999_999_999);
        assert_eq!((ports.ready(almost), ports.take(almost)), (0, None));
        assert_eq!(ports.poll_timeout(), Some(start + Duration::from_secs(5)));
        assert_eq!(ports.ready(start + Duration::from_secs(5)), 1);
        assert_eq!(ports.take(start + Duration::from_secs(5)), Some(10_002));
    }
}
