//! The built-in scripted answering phone: it rings, answers, hears, presses keys and tells.
//!
//! It stands in for a carrier and a person in the demo and in tests, and judges what it gets: its
//! SIP and RTP are written independently of the gateway's, as literal text and bytes, so that one
//! bug cannot agree with itself. A call is a machine without sockets and clock (`call`, `session`);
//! `phone` gives it both.

pub mod ear;
mod receiver;

mod behaviour;
mod call;
#[cfg(test)]
mod line;
mod listener;
mod message;
mod offer;
mod password;
mod phone;
mod record;
mod session;
mod settings;
mod speaker;

pub use behaviour::{Behaviour, Challenge};
pub use phone::{Robot, RobotConfig};
pub use receiver::RtpStatistics;
pub use record::{Asked, CallRecord, Direction, End, Happening, Step, What};

#[cfg(test)]
mod tests;
