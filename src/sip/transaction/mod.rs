//! Transactions over UDP: retransmission and its end (RFC 3261 §17, RFC 6026).
//!
//! One small machine per state diagram. Each gets messages of its transaction and the time, sends
//! through an [`Outbox`], and says what its user has to know. None knows what a call is.

mod client_invite;
mod client_other;
mod server_invite;
mod server_other;

pub(super) use client_invite::{ClientInvite, InviteHeard};
pub(super) use client_other::{ClientOther, OtherHeard};
pub(super) use server_invite::ServerInvite;
pub(super) use server_other::ServerOther;

use super::signal::{CallSignal, UserAgentOutput};
use super::wire::{Method, Request};
use crate::id::AttemptId;
use crate::time::{Duration, Instant};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What waits to be taken by the owner, in order.
#[derive(Default)]
pub(super) struct Outbox(pub VecDeque<UserAgentOutput>);

impl Outbox {
    pub fn transmit(&mut self, destination: SocketAddr, datagram: &[u8]) {
        let datagram = datagram.to_vec();
        self.0.push_back(UserAgentOutput::Transmit { destination, datagram });
    }

    pub fn signal(&mut self, call: AttemptId, event: CallSignal) {
        self.0.push_back(UserAgentOutput::Event { call, event });
    }
}

/// A retransmission timer: fires, waits twice as long, up to a longest gap.
#[derive(Debug, Clone, Copy)]
struct Resend {
    at: Instant,
    gap: Duration,
}

impl Resend {
    fn start(now: Instant, gap: Duration) -> Self {
        Resend { at: now + gap, gap }
    }

    /// Whether it fires at `now`; if so it is set again, from the time it was due.
    fn fires(&mut self, now: Instant, longest: Duration) -> bool {
        if now < self.at {
            return false;
        }
        self.gap = (self.gap * 2).min(longest);
        self.at += self.gap;
        if self.at <= now {
            // After a late wake-up one retransmission is enough for all that were missed.
            self.at = now + self.gap;
        }
        true
    }
}

/// Which transaction a request belongs to on the server side (RFC 3261 §17.2.3).
///
/// The number in CSeq stands in for the comparisons that RFC asks for when a peer of RFC 2543 gives
/// no unique branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerKey {
    branch: String,
    sent_by: super::wire::HostPort,
    number: u32,
    method: Method,
}

impl ServerKey {
    /// The key of a request; an ACK and a CANCEL have that of the INVITE they belong to.
    pub fn of(request: &Request) -> Self {
        let method = match request.method {
            Method::Ack | Method::Cancel => Method::Invite,
            ref other => other.clone(),
        };
        ServerKey {
            branch: request.envelope.via.branch.clone(),
            sent_by: request.envelope.via.sent_by.clone(),
            number: request.envelope.cseq.number,
            method,
        }
    }
}
