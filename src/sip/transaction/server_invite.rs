//! The server side of an INVITE inside a dialog (RFC 3261 §17.2.1, §13.3.1.4; RFC 6026 §7.1).
//!
//! We answer at once, so its Proceeding state does not exist.
//!
//! ```text
//!   2xx ------> Accepted   again after T1, 2·T1 … T2 until the ACK    L: over after 64·T1
//!   3xx-6xx --> Completed  G: again after T1, 2·T1 … T2               H: over after 64·T1
//!   Completed --ACK--> Confirmed                                      I: over after T4
//! ```
//!
//! Without an ACK the 2xx is no longer sent after 64·T1, but the call goes on: the stream works,
//! and an outgoing call of ours has its own bound. (RFC 3261 §14.2 suggests a BYE.)

use super::{Outbox, Resend, ServerKey};
use crate::sip::order::TimerConfig;
use crate::time::{Instant, earliest};
use std::net::SocketAddr;

pub(in crate::sip) struct ServerInvite {
    key: ServerKey,
    destination: SocketAddr,
    timers: TimerConfig,
    response: Vec<u8>,
    state: State,
    /// The number of the INVITE, which the ACK of a 2xx repeats.
    pub number: u32,
}

enum State {
    Accepted { resend: Option<Resend>, until: Instant },
    Completed { resend: Resend, until: Instant },
    Confirmed { until: Instant },
    Terminated,
}

impl ServerInvite {
    /// Sends the final response for the first time.
    pub fn start(
        now: Instant,
        timers: TimerConfig,
        key: ServerKey,
        destination: SocketAddr,
        (status, response): (u16, Vec<u8>),
        out: &mut Outbox,
    ) -> Self {
        out.transmit(destination, &response);
        let (resend, until) = (Resend::start(now, timers.t1), now + timers.give_up());
        let state = match status {
            ..=299 => State::Accepted { resend: Some(resend), until },
            300.. => State::Completed { resend, until },
        };
        let number = key.number;
        ServerInvite { key, destination, timers, response, state, number }
    }

    pub fn is_of(&self, key: &ServerKey) -> bool {
        self.key == *key
    }

    /// A copy of the INVITE. After a 2xx it is absorbed: the 2xx is on its way again already.
    pub fn handle_copy(&self, out: &mut Outbox) {
        if let State::Completed { .. } = self.state {
            out.transmit(self.destination, &self.response);
        }
    }

    /// The ACK of this INVITE. True if it is the first one of a 2xx.
    pub fn handle_ack(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Accepted { resend, .. } => resend.take().is_some(),
            State::Completed { .. } => {
                self.state = State::Confirmed { until: now + self.timers.t4 };
                false
            }
            State::Confirmed { .. } | State::Terminated => false,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        match &mut self.state {
            State::Accepted { until, .. }
            | State::Completed { until, .. }
            | State::Confirmed { until }
                if now >= *until =>
            {
                self.state = State::Terminated;
            }
            State::Accepted { resend: Some(resend), .. } | State::Completed { resend, .. } => {
                if resend.fires(now, self.timers.t2) {
                    out.transmit(self.destination, &self.response);
                }
            }
            State::Accepted { resend: None, .. } | State::Confirmed { .. } | State::Terminated => {}
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Accepted { resend, until } => {
                earliest(resend.map(|resend| resend.at), Some(*until))
            }
            State::Completed { resend, until } => earliest(Some(resend.at), Some(*until)),
            State::Confirmed { until } => Some(*until),
            State::Terminated => None,
        }
    }

    /// Whether it was answered 2xx.
    pub fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted { .. })
    }

    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
