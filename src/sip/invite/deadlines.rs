//! What time does to a call, and what the network says of it.

use super::{Call, Phase};
use crate::sip::context::Context;
use crate::sip::signal::FailureKind;
use crate::sip::transaction::{
    ClientInvite, ClientOther, InviteHeard, OtherHeard, ServerInvite, ServerOther,
};
use crate::time::{Instant, earliest};
use std::net::SocketAddr;

impl Call {
    /// The network says that nothing reaches `destination`.
    pub fn handle_unreachable(&mut self, destination: SocketAddr, context: &mut Context<'_>) {
        if let Some(invite) = self.invites.last_mut()
            && invite.destination == destination
            && invite.is_calling()
            && let Phase::Calling { quit, .. } = self.phase
        {
            invite.terminate();
            let kind = if quit { FailureKind::Canceled } else { FailureKind::Transport };
            self.fail(kind, None, context);
        }
        let mut ended = false;
        for bye in self.byes.iter_mut().filter(|bye| bye.transaction.is_waiting()) {
            if bye.transaction.destination == destination {
                bye.transaction.terminate();
                ended |= bye.is_main;
            }
        }
        if ended {
            self.end(context);
        }
    }

    /// Does what is due at `context.now`. Calling it early or twice is harmless.
    pub fn handle_timeout(&mut self, context: &mut Context<'_>) {
        let (now, out) = (context.now, &mut *context.out);
        let mut nothing_heard = false;
        for invite in &mut self.invites {
            nothing_heard |= invite.handle_timeout(now, out) == InviteHeard::TimedOut;
        }
        if let Some(cancel) = &mut self.cancel {
            cancel.handle_timeout(now, out);
        }
        let mut ended = false;
        for bye in &mut self.byes {
            let timed_out = bye.transaction.handle_timeout(now, out) == OtherHeard::TimedOut;
            ended |= timed_out && bye.is_main;
        }
        for invite in &mut self.server_invites {
            invite.handle_timeout(now, out);
        }
        self.byes.retain(|bye| !bye.transaction.is_terminated());
        self.server_invites.retain(|invite| !invite.is_terminated());
        self.servers.retain(|server| server.poll_timeout() > now);
        if ended {
            self.end(context);
        }
        self.handle_phase_timeout(nothing_heard, context);
    }

    fn handle_phase_timeout(&mut self, nothing_heard: bool, context: &mut Context<'_>) {
        let now = context.now;
        match self.phase {
            Phase::Calling { until, quit } if now >= until || nothing_heard => {
                if let Some(invite) = self.invites.last_mut() {
                    invite.stop_resending();
                }
                let kind = if quit { FailureKind::Canceled } else { FailureKind::SetupTimeout };
                self.fail(kind, None, context);
            }
            Phase::Proceeding { until, .. } if now >= until => {
                self.give_up(FailureKind::RingTimeout, context);
            }
            Phase::Canceling { until, kind } if now >= until => {
                self.forget_invite();
                self.fail(kind, None, context);
            }
            Phase::Over { until: Some(until) } if now >= until => {
                self.forget_invite();
                self.phase = Phase::Over { until: None };
            }
            _ => {}
        }
    }

    /// No final response came to a cancelled INVITE in 64·T1: none will (RFC 3261 §9.1).
    fn forget_invite(&mut self) {
        if let Some(invite) = self.invites.last_mut().filter(|invite| invite.is_proceeding()) {
            invite.terminate();
        }
    }

    /// When to call [`Call::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Calling { until, .. }
            | Phase::Proceeding { until, .. }
            | Phase::Canceling { until, .. } => Some(until),
            Phase::Over { until } => until,
            Phase::Established(_) | Phase::HangingUp => None,
        };
        let invites = self.invites.iter().filter_map(ClientInvite::poll_timeout);
        let others = self.cancel.iter().chain(self.byes.iter().map(|bye| &bye.transaction));
        let servers = self.servers.iter().map(ServerOther::poll_timeout);
        let server_invites = self.server_invites.iter().filter_map(ServerInvite::poll_timeout);
        let transactions = invites
            .chain(others.filter_map(ClientOther::poll_timeout))
            .chain(servers)
            .chain(server_invites)
            .min();
        earliest(phase, transactions)
    }

    /// Whether the owner has heard the last word.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. })
    }

    /// Whether nothing can come any more that we would have to answer.
    pub fn is_done(&self) -> bool {
        self.is_over()
            && self.invites.iter().all(ClientInvite::is_terminated)
            && self.cancel.as_ref().is_none_or(ClientOther::is_terminated)
            && self.byes.iter().all(|bye| bye.transaction.is_terminated())
            && self.servers.is_empty()
            && self.server_invites.is_empty()
    }
}
