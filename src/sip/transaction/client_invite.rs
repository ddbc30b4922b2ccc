//! The client side of an INVITE (RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §8.4).
//!
//! ```text
//!   Calling --1xx--> Proceeding        A: again after T1, 2·T1, 4·T1 …   B: give up after 64·T1
//!   Calling, Proceeding --2xx--> Accepted      M: over after 64·T1; every copy goes to the user
//!   Calling, Proceeding --3xx-6xx--> Completed D: over after 32 s; every copy is acknowledged here
//! ```

use super::{Outbox, Resend};
use crate::sip::order::TimerConfig;
use crate::time::{Duration, Instant, earliest};
use std::net::SocketAddr;

/// What the user of an INVITE transaction has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum InviteHeard {
    /// Nothing new.
    Nothing,
    /// A provisional response.
    Provisional,
    /// A 2xx, the first or a copy or a fork's: the user acknowledges it.
    Success,
    /// The final response of a failure, once. It is acknowledged.
    Failure,
    /// No response came in 64·T1.
    TimedOut,
}

/// Timer D: how long copies of a failure may still come (RFC 3261 §17.1.1.2, at least 32 s).
const TIMER_D: Duration = Duration::from_secs(32);

pub(in crate::sip) struct ClientInvite {
    pub branch: String,
    pub destination: SocketAddr,
    timers: TimerConfig,
    state: State,
}

enum State {
    Calling { request: Vec<u8>, resend: Option<Resend>, give_up_at: Instant },
    Proceeding,
    Accepted { until: Instant },
    Completed { ack: Vec<u8>, until: Instant },
    Terminated,
}

impl ClientInvite {
    /// Sends the INVITE for the first time.
    pub fn start(
        now: Instant,
        timers: TimerConfig,
        branch: String,
        destination: SocketAddr,
        request: Vec<u8>,
        out: &mut Outbox,
    ) -> Self {
        out.transmit(destination, &request);
        let resend = Some(Resend::start(now, timers.t1));
        let give_up_at = now + timers.give_up();
        let state = State::Calling { request, resend, give_up_at };
        ClientInvite { branch, destination, timers, state }
    }

    /// Takes a response; `ack` builds the acknowledgement of a failure.
    pub fn handle_response(
        &mut self,
        now: Instant,
        status: u16,
        ack: impl FnOnce() -> Vec<u8>,
        out: &mut Outbox,
    ) -> InviteHeard {
        match (&self.state, status) {
            (State::Calling { .. } | State::Proceeding, ..=199) => {
                self.state = State::Proceeding;
                InviteHeard::Provisional
            }
            (State::Calling { .. } | State::Proceeding, 200..=299) => {
                self.state = State::Accepted { until: now + self.timers.give_up() };
                InviteHeard::Success
            }
            (State::Accepted { .. }, 200..=299) => InviteHeard::Success,
            (State::Calling { .. } | State::Proceeding, 300..) => {
                let ack = ack();
                out.transmit(self.destination, &ack);
                self.state = State::Completed { ack, until: now + TIMER_D };
                InviteHeard::Failure
            }
            (State::Completed { ack, .. }, 300..) => {
                out.transmit(self.destination, ack);
                InviteHeard::Nothing
            }
            (State::Accepted { .. } | State::Completed { .. } | State::Terminated, _) => {
                InviteHeard::Nothing
            }
        }
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> InviteHeard {
        match &mut self.state {
            State::Calling { give_up_at, .. } if now >= *give_up_at => {
                self.state = State::Terminated;
                InviteHeard::TimedOut
            }
            State::Calling { request, resend: Some(resend), .. } => {
                if resend.fires(now, self.timers.give_up()) {
                    out.transmit(self.destination, request);
                }
                InviteHeard::Nothing
            }
            State::Accepted { until } | State::Completed { until, .. } if now >= *until => {
                self.state = State::Terminated;
                InviteHeard::Nothing
            }
            _ => InviteHeard::Nothing,
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Calling { resend, give_up_at, .. } => {
                earliest(resend.map(|resend| resend.at), Some(*give_up_at))
            }
            State::Accepted { until } | State::Completed { until, .. } => Some(*until),
            State::Proceeding | State::Terminated => None,
        }
    }

    /// Sends no more copies of the INVITE, but still listens for 64·T1 from its first sending.
    pub fn stop_resending(&mut self) {
        if let State::Calling { resend, .. } = &mut self.state {
            *resend = None;
        }
    }

    /// Ends it without a response: the transport failed, or nothing can come any more.
    pub fn terminate(&mut self) {
        self.state = State::Terminated;
    }

    /// Whether no response at all has come yet.
    pub fn is_calling(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    /// Whether a provisional response has come and no final one.
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
