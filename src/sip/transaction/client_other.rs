//! The client side of every request but INVITE and ACK (RFC 3261 §17.1.2).
//!
//! ```text
//!   Trying --1xx--> Proceeding     E: again after T1, 2·T1 … T2, in Proceeding every T2
//!   Trying, Proceeding --2xx-6xx--> Completed    F: give up after 64·T1    K: over after T4
//! ```

use super::{Outbox, Resend};
use crate::sip::order::TimerConfig;
use crate::time::{Instant, earliest};
use std::net::SocketAddr;

/// What the user of the transaction has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum OtherHeard {
    /// Nothing new.
    Nothing,
    /// The final response, once.
    Final,
    /// No final response came in 64·T1.
    TimedOut,
}

pub(in crate::sip) struct ClientOther {
    pub branch: String,
    pub destination: SocketAddr,
    timers: TimerConfig,
    state: State,
}

enum State {
    Waiting { request: Vec<u8>, resend: Resend, give_up_at: Instant, proceeding: bool },
    Completed { until: Instant },
    Terminated,
}

impl ClientOther {
    /// Sends the request for the first time.
    pub fn start(
        now: Instant,
        timers: TimerConfig,
        branch: String,
        destination: SocketAddr,
        request: Vec<u8>,
        out: &mut Outbox,
    ) -> Self {
        out.transmit(destination, &request);
        let resend = Resend::start(now, timers.t1);
        let give_up_at = now + timers.give_up();
        let state = State::Waiting { request, resend, give_up_at, proceeding: false };
        ClientOther { branch, destination, timers, state }
    }

    pub fn handle_response(&mut self, now: Instant, status: u16) -> OtherHeard {
        match (&mut self.state, status) {
            (State::Waiting { proceeding, .. }, ..=199) => {
                *proceeding = true;
                OtherHeard::Nothing
            }
            (State::Waiting { .. }, 200..) => {
                self.state = State::Completed { until: now + self.timers.t4 };
                OtherHeard::Final
            }
            (State::Completed { .. } | State::Terminated, _) => OtherHeard::Nothing,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> OtherHeard {
        match &mut self.state {
            State::Waiting { give_up_at, .. } if now >= *give_up_at => {
                self.state = State::Terminated;
                OtherHeard::TimedOut
            }
            State::Waiting { request, resend, proceeding, .. } => {
                if *proceeding {
                    resend.gap = self.timers.t2;
                }
                if resend.fires(now, self.timers.t2) {
                    out.transmit(self.destination, request);
                }
                OtherHeard::Nothing
            }
            State::Completed { until } if now >= *until => {
                self.state = State::Terminated;
                OtherHeard::Nothing
            }
            State::Completed { .. } | State::Terminated => OtherHeard::Nothing,
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting { resend, give_up_at, .. } => {
                earliest(Some(resend.at), Some(*give_up_at))
            }
            State::Completed { until } => Some(*until),
            State::Terminated => None,
        }
    }

    /// Ends it without a response: the transport failed.
    pub fn terminate(&mut self) {
        self.state = State::Terminated;
    }

    /// Whether the final response is still to come.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
