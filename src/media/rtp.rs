//! RTP packets (RFC 3550 §5.1) and the order they came in (appendix A).
//!
//! The only place naming rtp-rs.
//!
//! Sending writes the twelve bytes of the header in place: no contributing sources, extension or
//! padding. Reading takes all of them, through rtp-rs.

use super::{Frame, SAMPLES_PER_FRAME};
use std::fmt;

/// Bytes of an RTP header without contributing sources.
pub const HEADER_BYTES: usize = 12;
/// The largest packet we send: a header and a frame.
pub const PACKET_BYTES_MAX: usize = HEADER_BYTES + SAMPLES_PER_FRAME;

/// What the fixed header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Set on the first packet after a time in which none was sent (RFC 3551 §4.1), and on the
    /// first packet of a key (RFC 4733 §2.2).
    pub marker: bool,
    /// 0 to 127: the codec, or telephone-event.
    pub payload_type: u8,
    /// One more for each packet, wrapping.
    pub sequence: u16,
    /// The sampling instant of the first sample, in samples, wrapping.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = 2 << 6;
        bytes[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7F;
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}

/// A packet ready to be sent. It lives on the stack: sending allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    len: usize,
    bytes: [u8; PACKET_BYTES_MAX],
}

impl Packet {
    /// A packet of one frame of audio.
    pub fn audio(header: Header, frame: &Frame) -> Packet {
        Self::new(header, frame)
    }

    /// A packet of any payload.
    ///
    /// # Panics
    /// If the payload is longer than a frame: we send none that is.
    pub fn new(header: Header, payload: &[u8]) -> Packet {
        let len = HEADER_BYTES + payload.len();
        assert!(len <= PACKET_BYTES_MAX, "a payload is at most one frame");
        let mut bytes = [0; PACKET_BYTES_MAX];
        bytes[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        bytes[HEADER_BYTES..len].copy_from_slice(payload);
        Packet { len, bytes }
    }

    /// The bytes to send.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl fmt::Debug for Packet {
    /// The length only: the audio may be a code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.len)
    }
}

/// A packet that came in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Received<'a> {
    /// What the fixed header says.
    pub header: Header,
    /// The payload without padding, header extension and contributing sources.
    pub payload: &'a [u8],
}

impl fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} [{} bytes]", self.header, self.payload.len())
    }
}

/// Bytes that are not an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RTP packet")]
pub struct NotRtp;

/// Reads a datagram.
///
/// # Errors
/// [`NotRtp`] if it is too short, of another version, cut inside its header or padding, or RTCP
/// (RFC 5761 §4: second byte 192 to 223). The datagram is to be counted and dropped.
pub fn parse(datagram: &[u8]) -> Result<Received<'_>, NotRtp> {
    if datagram.get(1).is_some_and(|byte| (192..=223).contains(byte)) {
        return Err(NotRtp);
    }
    let reader = rtp_rs::RtpReader::new(datagram).map_err(|_| NotRtp)?;
    let header = Header {
        marker: reader.mark(),
        payload_type: reader.payload_type(),
        sequence: u16::from(reader.sequence_number()),
        timestamp: reader.timestamp(),
        ssrc: reader.ssrc(),
    };
    Ok(Received { header, payload: reader.payload() })
}

/// A jump ahead larger than this is a restart, not loss (RFC 3550 A.1, MAX_DROPOUT).
const DROPOUT_MAX: u16 = 3_000;
/// A step back larger than this is a restart, not disorder (RFC 3550 A.1, MAX_MISORDER).
const MISORDER_MAX: u16 = 100;

/// Counts what one source sent and what of it is missing (RFC 3550 A.1 and A.3).
///
/// Left out of A.1: the probation of a new source, because ours is known by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceCounter {
    base: u16,
    highest: u16,
    cycles: u32,
    received: u32,
    /// The number that would confirm a restart, after one packet far off (A.1, `bad_seq`).
    restart: Option<u16>,
    lost_before: u32,
}

impl SequenceCounter {
    /// A counter that has seen one packet, numbered `sequence`.
    pub fn new(sequence: u16) -> Self {
        SequenceCounter {
            base: sequence,
            highest: sequence,
            cycles: 0,
            received: 1,
            restart: None,
            lost_before: 0,
        }
    }

    /// Counts a packet.
    pub fn count(&mut self, sequence: u16) {
        let ahead = sequence.wrapping_sub(self.highest);
        if ahead < DROPOUT_MAX {
            self.cycles += u32::from(sequence < self.highest);
            self.highest = sequence;
        } else if ahead <= MISORDER_MAX.wrapping_neg() {
            if self.restart != Some(sequence) {
                self.restart = Some(sequence.wrapping_add(1));
                return;
            }
            *self = SequenceCounter { lost_before: self.lost(), ..Self::new(sequence) };
            return;
        }
        self.received = self.received.saturating_add(1);
    }

    /// Packets expected but not received (A.3). Copies can hide losses; the count is never
    /// negative.
    pub fn lost(&self) -> u32 {
        let highest = u64::from(self.cycles) << 16 | u64::from(self.highest);
        let expected = highest - u64::from(self.base) + 1;
        let lost = expected.saturating_sub(u64::from(self.received));
        self.lost_before.saturating_add(u32::try_from(lost).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> impl Strategy<Value = Header> {
        (any::<bool>(), 0..128_u8, any::<u16>(), any::<u32>(), any::<u32>()).prop_map(
            |(marker, payload_type, sequence, timestamp, ssrc)| Header {
                marker,
                payload_type,
                sequence,
                timestamp,
                ssrc,
            },
        )
    }

    proptest! {
        #[test]
        fn the_header_in_place_is_the_header_of_rtp_rs(header in header(), fill in any::<u8>()) {
            let frame = [fill; SAMPLES_PER_FRAME];
            let reference = rtp_rs::RtpPacketBuilder::new()
                .marked(header.marker)
                .payload_type(header.payload_type)
                .sequence(header.sequence.into())
                .timestamp(header.timestamp)
                .ssrc(header.ssrc)
                .payload(&frame)
                .build()
                .expect("a valid packet");
            let packet = Packet::audio(header, &frame);
            prop_assert_eq!(packet.as_slice(), &reference[..]);
        }

        #[test]
        fn what_is_sent_is_read_back(
            header in header(),
            payload in proptest::collection::vec(any::<u8>(), 0..=160),
        ) {
            prop_assume!(!(header.marker && (64..=95).contains(&header.payload_type)));
            let packet = Packet::new(header, &payload);
            prop_assert_eq!(parse(packet.as_slice()), Ok(Received { header, payload: &payload }));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_bytes_after_a_valid_start_are_read_or_refused(
            first in 0x80..=0xBF_u8,
            rest in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut bytes = vec![first];
            bytes.extend(rest);
            let _ = parse(&bytes);
        }

        #[test]
        fn any_sequence_of_numbers_is_counted(
            numbers in proptest::collection::vec(any::<u16>(), 1..300),
        ) {
            let mut counter = SequenceCounter::new(numbers[0]);
            for &number in &numbers[1..] {
                counter.count(number);
            }
            let _ = counter.lost();
        }
    }

    #[test]
    fn contributing_sources_extension_and_padding_are_stepped_over() {
        let mut bytes = vec![0x80 | 0x20 | 0x10 | 1, 8, 0, 7, 0, 0, 0, 160, 1, 2, 3, 4];
        bytes.extend([9, 9, 9, 9]); // one contributing source
        bytes.extend([0xBE, 0xDE, 0, 1, 0x10, 0, 0, 0]); // an extension of one word
        bytes.extend([0xD5, 0xD5, 0, 0, 3]); // two bytes of payload, three of padding
        let received = parse(&bytes).expect("a valid packet");
        assert_eq!(received.payload, [0xD5, 0xD5]);
        assert_eq!((received.header.sequence, received.header.timestamp), (7, 160));
    }

    #[test]
    fn rtcp_other_versions_and_cut_packets_are_not_rtp() {
        let sender_report = [0x80, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let version_1 = [0x40, 8, 0, 7, 0, 0, 0, 160, 1, 2, 3, 4];
        let cut_sources = [0x8F, 8, 0, 7, 0, 0, 0, 160, 1, 2, 3, 4];
        let padding_too_long = [0xA0, 8, 0, 7, 0, 0, 0, 160, 1, 2, 3, 4, 200];
        let short = [0x80; 11];
        for bytes in [&sender_report[..], &version_1, &cut_sources, &padding_too_long, &short, &[]]
        {
            assert_eq!(parse(bytes), Err(NotRtp), "{bytes:?}");
        }
    }

    fn lost(numbers: &[u16]) -> u32 {
        let mut counter = SequenceCounter::new(numbers[0]);
        numbers[1..].iter().for_each(|&number| counter.count(number));
        counter.lost()
    }

    #[test]
    fn loss_is_told_by_the_sequence_numbers() {
        assert_eq!(lost(&[7]), 0);
        assert_eq!(lost(&[7, 8, 9]), 0);
        assert_eq!(lost(&[7, 9]), 1);
        assert_eq!(lost(&[7, 9, 8]), 0, "late is not lost");
        assert_eq!(lost(&[7, 8, 8, 8, 10, 11]), 0, "copies hide a loss (A.3)");
        assert_eq!(lost(&[65_534, 65_535, 1, 2]), 1, "across the wrap");
        assert_eq!(lost(&[0, 2_999]), 2_998);
    }

    #[test]
    fn one_number_far_off_is_ignored_and_two_in_a_row_are_a_restart() {
        assert_eq!(lost(&[7, 8, 40_000, 9]), 0);
        assert_eq!(lost(&[7, 9, 40_000, 40_001, 40_003]), 2, "losses before the restart stay");
    }
}
