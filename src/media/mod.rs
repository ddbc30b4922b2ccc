//! What is heard: prompts, the frames they are sent in, and the keys that come back. Sans-IO.
//!
//! From the file to the wire: [`wav`] reads a recording, [`resample`] brings it to the telephone
//! band, [`prompt`] keeps the clips of a language, [`track`] puts them in order, [`playout`] walks
//! through them frame by frame, [`stream`] makes them one call's RTP ([`rtp`], RFC 3550) and hears
//! the keys pressed ([`dtmf`], RFC 4733), and [`bank`] keeps the streams of one worker in time.
//!
//! Nothing here knows what a code is, how a call is set up, or what time it is. Left out for now:
//! RTCP, SRTP, G.722, other packet lengths than 20 ms, keys as tones in the audio.

pub mod bank;
mod clip;
pub mod dtmf;
pub mod g711;
mod library;
pub mod noise;
pub mod playout;
pub mod prompt;
mod reception;
pub mod resample;
pub mod rtp;
pub mod stream;
pub mod track;
pub mod wav;

pub use bank::{Bank, BankConfig, BankOutput, MediaCommand};
pub use clip::{Clip, ClipKey};
pub use dtmf::Key;
pub use g711::Codec;
pub use library::{LibraryError, PromptLibrary};
pub use prompt::{PromptError, PromptSet, Quality};
pub use rtp::Packet;
pub use stream::{Stream, StreamConfig, StreamEvent, StreamStats};
pub use track::{Cue, Mark, Track, frames, groups};

use crate::time::Duration;

/// How long the audio of one packet lasts (RFC 3551 §4.5: G.711 is sent in 20 ms packets).
pub const FRAME: Duration = Duration::from_millis(20);
/// Samples per second of every stream.
pub const SAMPLE_RATE_HZ: u32 = 8_000;
/// Samples, and so G.711 bytes, in one frame.
pub const SAMPLES_PER_FRAME: usize = 160;
/// What a frame adds to the RTP timestamp.
pub(crate) const TICKS_PER_FRAME: u32 = 160;

/// One frame of encoded audio.
pub type Frame = [u8; SAMPLES_PER_FRAME];
