//! The only sockets and the only clock: SIP over UDP, RTP worker threads, and the loop around the
//! engine.
//!
//! No rule lives here: a datagram, an event or a deadline goes into the engine, and what the engine
//! says comes out. Linux only (epoll). TCP, TLS and name look-ups are left out so far.

mod clock;
mod engine_loop;
mod rtp;
mod sip_socket;

pub use clock::Clock;
pub use engine_loop::{EngineHandle, EngineStopped, start};
pub use rtp::{RtpWorkers, WorkersError};
pub use sip_socket::{BindError, bind_sip};
