//! Whom a stream listens to, and the count of what came.
//!
//! Symmetric RTP (RFC 4961) tells where a peer sends from only when its first packet comes. The
//! negotiated address is always good; until it is heard, one other source is latched: one of the
//! same IP address (another port: a gateway with separate ports, a NAT) is preferred to a stranger.
//! A source can be replaced only by a better one, so a stranger never takes over from the peer.

use super::rtp::SequenceCounter;
use crate::time::{Duration, Instant};
use std::net::SocketAddr;

/// What one stream sent, received and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamStats {
    /// Packets sent.
    pub packets_sent: u32,
    /// Valid RTP packets from the peer, of any payload type.
    pub packets_received: u32,
    /// Packets of the peer missing by sequence number (RFC 3550 A.3).
    pub packets_lost: u32,
    /// Packets from another source than the peer, dropped.
    pub foreign_dropped: u32,
    /// Packets that are no RTP or no valid telephone event, dropped.
    pub garbage_dropped: u32,
    /// RTP of a payload type that was not agreed, dropped.
    pub unexpected_dropped: u32,
    /// Packets before the stream started, dropped.
    pub early_dropped: u32,
    /// Keys pressed.
    pub keys_seen: u32,
    /// Keys over the rate cap, dropped.
    pub keys_over_cap: u32,
    /// When the first packet was sent.
    pub first_sent: Option<Instant>,
    /// When the first frame of a clip was sent.
    pub first_clip: Option<Instant>,
    /// When the first audio of the peer came.
    pub first_audio: Option<Instant>,
    /// The most a frame was late.
    pub late_max: Duration,
    /// Frames for which nothing was sent because the sender woke too late.
    pub frames_skipped: u32,
}

/// How good a source is; a higher one replaces a lower one, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Stranger,
    SameAddress,
    Negotiated,
}

/// The source a stream listens to.
#[derive(Debug)]
pub(super) struct Latch {
    negotiated: SocketAddr,
    latched: Option<(SocketAddr, Rank)>,
}

impl Latch {
    pub(super) fn new(negotiated: SocketAddr) -> Self {
        Latch { negotiated, latched: None }
    }

    /// Listens to a newly negotiated address; the same one changes nothing.
    pub(super) fn renegotiate(&mut self, negotiated: SocketAddr) {
        if negotiated != self.negotiated {
            *self = Latch::new(negotiated);
        }
    }

    /// Whether a packet from `source` may be read.
    pub(super) fn admits(&self, source: SocketAddr) -> bool {
        match self.latched {
            Some((latched, rank)) => source == latched || self.rank(source) > rank,
            None => true,
        }
    }

    /// Listens to `source` from now on, which is admitted and sent valid RTP.
    pub(super) fn latch(&mut self, source: SocketAddr) {
        self.latched = Some((source, self.rank(source)));
    }

    fn rank(&self, source: SocketAddr) -> Rank {
        if source == self.negotiated {
            Rank::Negotiated
        } else if source.ip() == self.negotiated.ip() {
            Rank::SameAddress
        } else {
            Rank::Stranger
        }
    }
}

/// The order of the peer's packets, over all the sources (SSRC) it used.
#[derive(Debug, Default)]
pub(super) struct Order {
    source: Option<(u32, SequenceCounter)>,
    /// Lost by sources it has given up.
    lost_before: u32,
}

impl Order {
    /// Counts a packet.
    pub(super) fn count(&mut self, ssrc: u32, sequence: u16) {
        match &mut self.source {
            Some((known, counter)) if *known == ssrc => counter.count(sequence),
            _ => {
                self.lost_before = self.lost();
                self.source = Some((ssrc, SequenceCounter::new(sequence)));
            }
        }
    }

    pub(super) fn lost(&self) -> u32 {
        let lost = self.source.as_ref().map_or(0, |(_, counter)| counter.lost());
        self.lost_before.saturating_add(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEGOTIATED: &str = "192.0.2.1:4000";
    const OTHER_PORT: &str = "192.0.2.1:4002";
    const STRANGER: &str = "198.51.100.7:4000";

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// Which of the sources are let in, one after the other.
    fn admitted(sources: &[&str]) -> Vec<bool> {
        let mut latch = Latch::new(address(NEGOTIATED));
        let mut take = |source: SocketAddr| {
            let admits = latch.admits(source);
            if admits {
                latch.latch(source);
            }
            admits
        };
        sources.iter().map(|source| take(address(source))).collect()
    }

    #[test]
    fn the_negotiated_address_is_latched_and_nothing_after_it() {
        let sources = [NEGOTIATED, STRANGER, OTHER_PORT, NEGOTIATED];
        assert_eq!(admitted(&sources), [true, false, false, true]);
    }

    #[test]
    fn the_first_other_source_is_latched_and_only_it() {
        let second = "203.0.113.9:4000";
        assert_eq!(admitted(&[STRANGER, second, STRANGER]), [true, false, true]);
        let third_port = "192.0.2.1:4004";
        assert_eq!(admitted(&[OTHER_PORT, third_port, OTHER_PORT]), [true, false, true]);
    }

    #[test]
    fn a_better_source_replaces_a_stranger_and_never_the_other_way() {
        let sources = [STRANGER, OTHER_PORT, STRANGER, NEGOTIATED, OTHER_PORT, STRANGER];
        assert_eq!(admitted(&sources), [true, true, false, true, false, false]);
    }

    #[test]
    fn a_new_negotiation_starts_over_and_the_same_one_does_not() {
        let mut latch = Latch::new(address(NEGOTIATED));
        latch.latch(address(NEGOTIATED));
        latch.renegotiate(address(NEGOTIATED));
        assert!(!latch.admits(address(STRANGER)));
        latch.renegotiate(address(OTHER_PORT));
        assert!(latch.admits(address(STRANGER)));
        assert!(latch.admits(address(OTHER_PORT)));
    }

    #[test]
    fn losses_of_all_the_sources_of_a_peer_are_added() {
        let mut order = Order::default();
        for (ssrc, sequence) in [(1, 10), (1, 12), (2, 50_000), (2, 50_003), (2, 50_004)] {
            order.count(ssrc, sequence);
        }
        assert_eq!(order.lost(), 1 + 2);
    }
}
