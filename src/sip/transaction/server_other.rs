//! The server side of every request but INVITE and ACK (RFC 3261 §17.2.2).
//!
//! We answer at once, so only its Completed state exists: every copy of the request gets the same
//! response, until 64·T1 have passed (timer J).

use super::{Outbox, ServerKey};
use crate::sip::order::TimerConfig;
use crate::time::Instant;
use std::net::SocketAddr;

pub(in crate::sip) struct ServerOther {
    key: ServerKey,
    destination: SocketAddr,
    response: Vec<u8>,
    until: Instant,
}

impl ServerOther {
    /// Sends the response for the first time.
    pub fn start(
        now: Instant,
        timers: TimerConfig,
        key: ServerKey,
        destination: SocketAddr,
        response: Vec<u8>,
        out: &mut Outbox,
    ) -> Self {
        out.transmit(destination, &response);
        ServerOther { key, destination, response, until: now + timers.give_up() }
    }

    pub fn is_of(&self, key: &ServerKey) -> bool {
        self.key == *key
    }

    /// Answers a copy of the request.
    pub fn handle_copy(&self, out: &mut Outbox) {
        out.transmit(self.destination, &self.response);
    }

    pub fn poll_timeout(&self) -> Instant {
        self.until
    }
}
