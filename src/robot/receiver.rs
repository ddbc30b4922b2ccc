//! What arrives at the phone as RTP (RFC 3550 §5.1): sound in time order, and how well it came.
//!
//! Written independently of the gateway's own RTP code, as its judge. Packets that come out of
//! order are put right if they are at most three late; lost ones become zeros in their place.
//! Left out: header extensions' contents, RTCP, contributing sources.

use crate::media::Codec;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// Packets that may overtake one before it counts as lost.
const REORDER_MAX: usize = 3;
/// A jump over more packets than this is a new start, not a loss: 5 s.
const LOSS_MAX: u64 = 250;
/// A timestamp further on than this is another clock, not a late sender: 10 s.
const SKIP_MAX: u64 = 500;
/// Deviations kept for the percentiles: more than five minutes of packets.
const DEVIATIONS_MAX: usize = 16_384;
/// Samples in a packet of 20 ms at 8 kHz.
const SAMPLES: usize = 160;

/// How well the packets of one call came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RtpStatistics {
    /// Valid audio packets.
    pub packets: u64,
    /// Sequence numbers that never came.
    pub lost: u64,
    /// Places in the sequence where at least one number is missing.
    pub gaps: u64,
    /// Packets that came twice, or too late.
    pub duplicates: u64,
    /// Times the stream took another SSRC.
    pub ssrc_changes: u64,
    /// Packets of 20 ms that a late sender left out: the timestamp moves on, the sequence does not.
    pub skipped: u64,
    /// Packets whose timestamp follows in no way from the one before.
    pub timestamp_errors: u64,
    /// Datagrams that are not RTP, or not 20 ms of the agreed codec.
    pub foreign: u64,
    /// When the first and the last packet came.
    pub first: Option<Instant>,
    /// See `first`.
    pub last: Option<Instant>,
    deviations: Vec<Duration>,
}

impl RtpStatistics {
    /// How far arrivals strayed from the 20 ms grid: the deviation that `per_mille` of 1000
    /// intervals stay within, 1000 being the worst. Zero when fewer than two packets came.
    pub fn deviation(&self, per_mille: usize) -> Duration {
        let mut sorted = self.deviations.clone();
        sorted.sort_unstable();
        let index = sorted.len().saturating_sub(1) * per_mille.min(1000) / 1000;
        sorted.get(index).copied().unwrap_or_default()
    }
}

/// Receives the audio of one call.
pub struct Receiver {
    codec: Codec,
    statistics: RtpStatistics,
    stream: Option<Stream>,
}

/// Where one SSRC's packets stand. Sequence numbers are extended to 64 bits.
struct Stream {
    ssrc: u32,
    next: u64,
    waiting: BTreeMap<u64, Vec<i16>>,
    /// The packet with the highest number so far: number, timestamp, arrival.
    newest: (u64, u32, Instant),
}

struct Packet<'a> {
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: &'a [u8],
}

impl Receiver {
    /// A receiver for the agreed law.
    pub fn new(codec: Codec) -> Self {
        Receiver { codec, statistics: RtpStatistics::default(), stream: None }
    }

    /// How well the packets came so far.
    pub fn statistics(&self) -> &RtpStatistics {
        &self.statistics
    }

    /// Takes a datagram and returns the samples that are now complete, in time order.
    pub fn take(&mut self, now: Instant, datagram: &[u8]) -> Vec<i16> {
        let packet = Packet::parse(datagram)
            .filter(|p| p.payload_type == self.codec.payload_type() && p.payload.len() == SAMPLES);
        let Some(packet) = packet else {
            self.statistics.foreign += 1;
            return Vec::new();
        };
        self.statistics.first.get_or_insert(now);
        self.statistics.last = Some(now);
        let mut samples = Vec::new();
        if self.stream.as_ref().is_some_and(|stream| stream.ssrc != packet.ssrc) {
            self.statistics.ssrc_changes += 1;
            samples = self.finish();
        }
        let stream = self.stream.get_or_insert_with(|| Stream::starting_with(&packet, now));
        stream.take(now, &packet, self.codec, &mut self.statistics);
        stream.release(REORDER_MAX, &mut self.statistics, &mut samples);
        samples
    }

    /// Ends the stream and returns what still waited for a late packet.
    pub fn finish(&mut self) -> Vec<i16> {
        let mut samples = Vec::new();
        if let Some(mut stream) = self.stream.take() {
            stream.release(0, &mut self.statistics, &mut samples);
        }
        samples
    }
}

impl Stream {
    fn starting_with(packet: &Packet<'_>, now: Instant) -> Self {
        let sequence = (1 << 16) + u64::from(packet.sequence);
        Stream {
            ssrc: packet.ssrc,
            next: sequence,
            waiting: BTreeMap::new(),
            newest: (sequence, packet.timestamp, now),
        }
    }

    fn take(&mut self, now: Instant, packet: &Packet<'_>, codec: Codec, stats: &mut RtpStatistics) {
        let newest = self.newest.0;
        // The distance to the newest number, as a signed step in a circle of 65,536.
        let step = packet.sequence.wrapping_sub(newest as u16) as i16;
        let sequence = newest.saturating_add_signed(i64::from(step));
        if sequence < self.next || self.waiting.contains_key(&sequence) {
            stats.duplicates += 1;
            return;
        }
        stats.packets += 1;
        let mut samples = Vec::new();
        if sequence > newest {
            let skipped = self.follow(now, sequence, packet.timestamp, stats);
            samples.resize(skipped.min(LOSS_MAX) as usize * SAMPLES, 0);
        }
        samples.extend(packet.payload.iter().map(|&code| codec.decode(code)));
        self.waiting.insert(sequence, samples);
    }

    /// Compares a packet with the newest before it; returns how many packets the sender left out.
    fn follow(
        &mut self,
        now: Instant,
        sequence: u64,
        timestamp: u32,
        stats: &mut RtpStatistics,
    ) -> u64 {
        let (last_sequence, last_timestamp, last) = self.newest;
        self.newest = (sequence, timestamp, now);
        let steps = sequence - last_sequence;
        let elapsed = u64::from(timestamp.wrapping_sub(last_timestamp));
        let skipped = (elapsed / SAMPLES as u64).saturating_sub(steps);
        if elapsed != (steps + skipped) * SAMPLES as u64 || skipped > SKIP_MAX {
            stats.timestamp_errors += 1;
            return 0;
        }
        stats.skipped += skipped;
        if steps == 1 && stats.deviations.len() < DEVIATIONS_MAX {
            let expected = Duration::from_micros(elapsed * 125);
            stats.deviations.push(now.since(last).abs_diff(expected));
        }
        skipped
    }

    /// Hands out packets in order, keeping up to `keep` behind a missing one.
    fn release(&mut self, keep: usize, stats: &mut RtpStatistics, samples: &mut Vec<i16>) {
        while let Some((&sequence, _)) = self.waiting.first_key_value() {
            let missing = sequence - self.next;
            if missing > 0 {
                if self.waiting.len() <= keep {
                    return;
                }
                stats.lost += missing;
                stats.gaps += 1;
                samples.resize(samples.len() + missing.min(LOSS_MAX) as usize * SAMPLES, 0);
            }
            if let Some((_, sound)) = self.waiting.pop_first() {
                samples.extend(sound);
            }
            self.next = sequence + 1;
        }
    }
}

impl<'a> Packet<'a> {
    /// Reads the fixed header of RFC 3550 §5.1 and steps over what may follow it.
    fn parse(datagram: &'a [u8]) -> Option<Self> {
        let [first, second, ..] = *datagram else { return None };
        if first >> 6 != 2 {
            return None;
        }
        let word = |at: usize| -> Option<u32> {
            Some(u32::from_be_bytes(datagram.get(at..at + 4)?.try_into().ok()?))
        };
        let mut start = 12 + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            start += 4 + 4 * (word(start)? & 0xffff) as usize;
        }
        let padding = if first & 0x20 != 0 { usize::from(*datagram.last()?) } else { 0 };
        let end = datagram.len().checked_sub(padding)?;
        Some(Packet {
            payload_type: second & 0x7f,
            sequence: (word(0)? & 0xffff) as u16,
            timestamp: word(4)?,
            ssrc: word(8)?,
            payload: datagram.get(start..end)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 8];
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        // Each packet holds its own sequence number as a sound.
        packet.resize(12 + SAMPLES, Codec::Pcma.encode((sequence as i16 + 1) << 8));
        packet
    }

    /// Sends these sequence numbers 20 ms apart and returns the first sample of each 20 ms heard.
    fn hear(receiver: &mut Receiver, sequences: &[u16]) -> Vec<i16> {
        let mut samples = Vec::new();
        for (n, &sequence) in sequences.iter().enumerate() {
            let now = Instant::from_millis(20 * n as u64);
            let timestamp = u32::from(sequence.wrapping_sub(sequences[0])).wrapping_mul(160);
            samples.extend(receiver.take(now, &packet(sequence, timestamp, 1)));
        }
        samples.extend(receiver.finish());
        samples.chunks(SAMPLES).map(|chunk| (chunk[0] + 128) >> 8).collect()
    }

    #[test]
    fn what_was_overtaken_is_put_right_and_what_was_lost_is_silence() {
        let mut receiver = Receiver::new(Codec::Pcma);
        assert_eq!(hear(&mut receiver, &[0, 2, 1, 3, 5, 6, 7, 8]), [1, 2, 3, 4, 0, 6, 7, 8, 9]);
        let statistics = receiver.statistics();
        assert_eq!((statistics.packets, statistics.lost, statistics.gaps), (8, 1, 1));
    }

    #[test]
    fn a_packet_that_comes_twice_or_too_late_is_heard_once() {
        let mut receiver = Receiver::new(Codec::Pcma);
        assert_eq!(hear(&mut receiver, &[0, 1, 1, 3, 4, 5, 6, 2]), [1, 2, 0, 4, 5, 6, 7]);
        assert_eq!((receiver.statistics().duplicates, receiver.statistics().lost), (2, 1));
    }

    #[test]
    fn sequence_numbers_go_round() {
        let mut receiver = Receiver::new(Codec::Pcma);
        hear(&mut receiver, &[65_534, 65_535, 0, 1]);
        let statistics = receiver.statistics();
        assert_eq!((statistics.packets, statistics.lost, statistics.timestamp_errors), (4, 0, 0));
        assert_eq!(statistics.deviation(1000), Duration::ZERO);
    }

    #[test]
    fn another_ssrc_and_a_wrong_timestamp_are_counted() {
        let mut receiver = Receiver::new(Codec::Pcma);
        for (sequence, timestamp, ssrc) in [(1, 0, 1), (2, 160, 1), (3, 333, 1), (9, 0, 2)] {
            receiver.take(Instant::ZERO, &packet(sequence, timestamp, ssrc));
        }
        let statistics = receiver.statistics();
        assert_eq!((statistics.ssrc_changes, statistics.timestamp_errors), (1, 1));
        assert_eq!((statistics.packets, statistics.lost), (4, 0));
    }

    #[test]
    fn what_a_late_sender_left_out_is_silence() {
        let mut receiver = Receiver::new(Codec::Pcma);
        let mut samples = Vec::new();
        for (sequence, timestamp, at) in [(1, 0, 0), (2, 160, 20), (3, 640, 80), (4, 800, 100)] {
            samples
                .extend(receiver.take(Instant::from_millis(at), &packet(sequence, timestamp, 1)));
        }
        let heard: Vec<bool> = samples.chunks(SAMPLES).map(|chunk| chunk[0] != 0).collect();
        assert_eq!(heard, [true, true, false, false, true, true]);
        let statistics = receiver.statistics();
        assert_eq!((statistics.skipped, statistics.lost, statistics.timestamp_errors), (2, 0, 0));
        assert_eq!(statistics.deviation(1000), Duration::ZERO);
    }

    #[test]
    fn arrivals_off_the_20_ms_grid_are_told() {
        let mut receiver = Receiver::new(Codec::Pcma);
        for (sequence, at) in [(0, 0), (1, 20), (2, 45), (3, 60)] {
            receiver
                .take(Instant::from_millis(at), &packet(sequence, 160 * u32::from(sequence), 1));
        }
        let statistics = receiver.statistics();
        assert_eq!(statistics.deviation(0), Duration::ZERO);
        assert_eq!(statistics.deviation(500), Duration::from_millis(5));
        assert_eq!(statistics.deviation(1000), Duration::from_millis(5));
    }

    #[test]
    fn what_is_not_g711_of_20_ms_is_foreign() {
        let mut receiver = Receiver::new(Codec::Pcma);
        let mut other_law = packet(1, 0, 1);
        other_law[1] = 0;
        let mut extended = packet(1, 0, 1);
        extended[0] = 0x9f;
        for datagram in
            [&[][..], &[0x80], &packet(1, 0, 1)[..100], &other_law, &extended, &[0xff; 172]]
        {
            assert!(receiver.take(Instant::ZERO, datagram).is_empty());
        }
        assert_eq!(receiver.statistics().foreign, 6);
        assert_eq!(receiver.statistics().first, None);
    }
}
