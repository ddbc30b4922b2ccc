//! Deliberate faults, to show that the checkers can fail.
//!
//! They are put between the gateway and the world; the gateway itself is never changed.

use super::ear::Rtp;
use super::prompts;
use belfry::call::{CallEvent, CallEventKind};
use belfry::media::{ClipKey, Codec};

/// One deliberate fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tamper {
    /// RTP comes from two sources.
    TwoSources,
    /// A frame is sent twice, in the place of the next.
    RepeatedSequence,
    /// The code is spoken from the first frame on.
    SpeaksAtOnce,
    /// Another digit is spoken in the place of each 7.
    MisspeaksSevens,
    /// No ACK is ever sent.
    LosesAcks,
    /// No BYE is ever sent.
    LosesByes,
    /// No CANCEL is ever sent.
    LosesCancels,
    /// A receipt is told twice.
    TellsTwice,
    /// A receipt is never told.
    TellsNever,
    /// A port is never given back.
    KeepsPort,
}

impl Tamper {
    /// Whether this SIP message never leaves the house.
    pub fn swallows(self, datagram: &[u8]) -> bool {
        match self {
            Tamper::LosesAcks => datagram.starts_with(b"ACK "),
            Tamper::LosesByes => datagram.starts_with(b"BYE "),
            Tamper::LosesCancels => datagram.starts_with(b"CANCEL "),
            _ => false,
        }
    }

    /// How often an event is told.
    pub fn tells(self, event: &CallEvent) -> usize {
        match (self, &event.kind) {
            (Tamper::TellsTwice, CallEventKind::Ended(_)) => 2,
            (Tamper::TellsNever, CallEventKind::Ended(_)) => 0,
            _ => 1,
        }
    }

    /// Changes an RTP packet.
    pub fn changes(self, bytes: &mut [u8]) {
        let Some(rtp) = Rtp::read(bytes) else { return };
        let (odd, codec) = (rtp.sequence % 50 == 49, Codec::from_payload_type(rtp.payload_type));
        let Some(codec) = codec else { return };
        let library = prompts::library();
        let clips = library.lookup(prompts::QUICK);
        let frame = |key, index| *clips.clip(key).frame(codec, index);
        match self {
            Tamper::TwoSources if odd => bytes[8] ^= 1,
            Tamper::RepeatedSequence if odd => bytes[3] -= 1,
            Tamper::SpeaksAtOnce => bytes[12..].copy_from_slice(&frame(ClipKey::CodeIntro, 0)),
            Tamper::MisspeaksSevens => {
                for index in 0..clips.clip(ClipKey::Digit(7)).len_frames() {
                    if rtp.payload == frame(ClipKey::Digit(7), index) {
                        bytes[12..].copy_from_slice(&frame(ClipKey::Digit(8), index));
                        return;
                    }
                }
            }
            _ => {}
        }
    }
}
