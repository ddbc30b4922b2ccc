//! The SIP user agent: calls out over UDP, sans-IO (RFC 3261, RFC 6026, RFC 3264).
//!
//! [`UserAgent`] owns every call over one local address: [`UserAgent::invite`] places one,
//! datagrams and the passing of time go in, datagrams and [`CallSignal`]s come out. [`wire`] turns
//! bytes into messages and back and may be used alone: [`wire::parse`] reads a datagram,
//! [`wire::Draft`] builds responses (`Draft::response(&request, source, 180, "tag")`) and requests
//! (`Draft::request(&Method::Bye, uri).header("Via", …)`), and `to_bytes` writes them.
//!
//! ```text
//!   user_agent   datagram -> call, by Call-ID; strangers; one queue of deadlines
//!   invite       one outgoing call: provisional, challenge, answer, cancel, fork, end
//!   incoming     what a peer asks inside a dialog: BYE, re-INVITE, UPDATE, INFO, OPTIONS
//!   dialog       tags, route set, remote target, sequence numbers
//!   transaction  retransmission: one small machine per RFC 3261 §17 diagram
//!   digest sdp wire
//! ```
//!
//! Left out so far: TCP and TLS, registration, PRACK, session timers, failover.

mod context;
mod counters;
mod dialog;
mod digest;
mod incoming;
mod invite;
mod order;
pub mod sdp;
mod signal;
mod transaction;
mod user_agent;
pub mod wire;

pub use counters::Counters;
pub use order::{Credentials, InviteOrder, TimerConfig, UserAgentConfig};
pub use signal::{CallSignal, Failure, FailureKind, UserAgentOutput};
pub use user_agent::UserAgent;
pub use wire::Cause;
