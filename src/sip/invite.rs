//! One outgoing call from INVITE to its end (RFC 3261 §9, §13, §15, §22; RFC 6026).
//!
//! ```text
//!   Calling ──1xx──> Proceeding ──2xx──> Established ──hang up──> HangingUp ──> Over
//!      │                 │ ring timeout, hang up      └──BYE──────────────────> Over
//!      │                 └──> Canceling ──final──────────────────────────────> Over
//!      └ setup timeout, failure ──────────────────────────────────────────────> Over
//! ```
//!
//! In `Over` the owner has heard the last word. The call still acknowledges copies, cancels an INVITE
//! that is heard of late, and ends answers that come too late, until its transactions are over.

use super::context::{ALLOW, Context};
use super::dialog::{CallIdentity, Dialog};
use super::digest::{AuthError, Authenticator};
use super::order::InviteOrder;
use super::sdp::{self, AnswerError};
use super::signal::{CallSignal, Failure, FailureKind};
use super::transaction::{
    ClientInvite, ClientOther, InviteHeard, OtherHeard, ServerInvite, ServerOther,
};
use super::wire::{Cause, Draft, Method, Response, retry_after, session_description, warning};
use crate::time::{Instant, earliest};
use std::net::SocketAddr;

/// The most early dialogs of one call. Further ones ring unseen.
pub(super) const EARLY_DIALOGS_MAX: usize = 8;

/// The most answers acknowledged: the first and its forks. Further ones are left to time out.
const ANSWERS_MAX: usize = 8;

#[derive(Debug)]
pub(super) struct Call {
    pub order: InviteOrder,
    pub identity: CallIdentity,
    pub phase: Phase,
    pub early: Vec<Early>,
    pub servers: Vec<ServerOther>,
    pub server_invites: Vec<ServerInvite>,
    /// How many session descriptions of ours came after the first offer.
    pub sdp_version: u64,
    /// The last one.
    pub sdp_sent: Vec<u8>,
    authenticator: Authenticator,
    /// The INVITE as last sent, for its ACK and CANCEL.
    invite: Draft,
    /// The number of the INVITE as last sent.
    pub number: u32,
    /// One for each INVITE sent, the current one last.
    invites: Vec<ClientInvite>,
    cancel: Option<ClientOther>,
    byes: Vec<Bye>,
    acknowledged: Vec<Acknowledged>,
    told: Told,
}

/// Where the call stands. Deadlines live here.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing but challenges heard. `quit`: the owner hung up, and CANCEL waits for a provisional
    /// response (RFC 3261 §9.1).
    Calling { until: Instant, quit: bool },
    /// The peer works on it; `rings` once there was an 18x.
    Proceeding { until: Instant, rings: bool },
    /// CANCEL is out, the final response is to come.
    Canceling { until: Instant, kind: FailureKind },
    /// Answered.
    Established(Dialog),
    /// Our BYE is out.
    HangingUp,
    /// The last word was told. `until`: when a CANCEL sent late is given up.
    Over { until: Option<Instant> },
}

/// An early dialog (RFC 3261 §12.1): one for each place it rings at.
#[derive(Debug)]
pub(super) struct Early {
    pub dialog: Dialog,
    pub answer: Option<sdp::Answer>,
    /// A BYE that overtook the 2xx of this dialog.
    pub bye: Option<Cause>,
}

/// A BYE on its way, with the dialog it ends.
#[derive(Debug)]
struct Bye {
    transaction: ClientOther,
    dialog: Dialog,
    /// Whether this is the dialog the owner knows; others are forks or answers that came too late.
    is_main: bool,
}

/// A 2xx we acknowledged, to be acknowledged again for each copy.
#[derive(Debug)]
struct Acknowledged {
    remote_tag: String,
    destination: SocketAddr,
    ack: Vec<u8>,
}

#[derive(Debug, Default)]
struct Told {
    trying: bool,
    ringing: bool,
    forwarded: bool,
    early: Option<sdp::Answer>,
}

impl Call {
    /// Sends the INVITE.
    pub fn start(order: InviteOrder, context: &mut Context<'_>) -> Self {
        let local_tag = context.entropy.token::<8>();
        let identity = CallIdentity {
            call_id: context.entropy.token::<16>(),
            from: format!("{};tag={local_tag}", bracketed(&order.from)),
            local_tag,
            request_uri: order.request_uri.expose().clone(),
            target: order.target,
        };
        let sdp_sent = order.offer.to_bytes();
        let mut call = Call {
            authenticator: Authenticator::new(order.credentials.clone()),
            invite: Draft::request(&Method::Invite, &identity.request_uri),
            phase: Phase::Calling { until: context.now + order.setup_timeout, quit: false },
            order,
            identity,
            early: Vec::new(),
            servers: Vec::new(),
            server_invites: Vec::new(),
            sdp_version: 0,
            sdp_sent,
            number: 0,
            invites: Vec::new(),
            cancel: None,
            byes: Vec::new(),
            acknowledged: Vec::new(),
            told: Told::default(),
        };
        call.authenticator.begin_request();
        call.send_invite(context);
        call
    }

    /// Sends the INVITE, again after a challenge: same Call-ID and tag, next number (RFC 3261 §8.1.3.5).
    fn send_invite(&mut self, context: &mut Context<'_>) {
        self.number += 1;
        let branch = context.branch();
        let uri = self.identity.request_uri.as_str();
        let mut draft = Draft::request(&Method::Invite, uri).header("Via", context.via(&branch));
        let (routes, others): (Vec<_>, Vec<_>) = self
            .order
            .headers
            .iter()
            .filter(|(name, _)| !is_ours(name))
            .partition(|(name, _)| name.eq_ignore_ascii_case("Route"));
        for (name, value) in routes {
            draft.headers.push(name, value.as_str());
        }
        draft = draft
            .header("Max-Forwards", "70")
            .header("From", self.identity.from.as_str())
            .header("To", bracketed(self.order.to.expose()))
            .header("Call-ID", self.identity.call_id.as_str())
            .header("CSeq", format!("{} INVITE", self.number))
            .header("Contact", context.contact())
            .header("Allow", ALLOW)
            .header("User-Agent", context.config.user_agent.as_str());
        for (name, value) in others {
            draft.headers.push(name, value.as_str());
        }
        self.authenticator.authorize("INVITE", uri, &self.sdp_sent, &mut draft.headers);
        draft = draft.body(sdp::CONTENT_TYPE, self.sdp_sent.clone());
        let (timers, target) = (context.config.timers, self.identity.target);
        let bytes = draft.to_bytes();
        self.invite = draft;
        self.invites.push(ClientInvite::start(
            context.now,
            timers,
            branch,
            target,
            bytes,
            context.out,
        ));
    }

    /// Ends the call: CANCEL before the answer, BYE after it. Harmless when it is over.
    pub fn hang_up(&mut self, context: &mut Context<'_>) {
        match std::mem::replace(&mut self.phase, Phase::HangingUp) {
            Phase::Calling { until, .. } => self.phase = Phase::Calling { until, quit: true },
            Phase::Proceeding { .. } => self.give_up(FailureKind::Canceled, context),
            Phase::Established(dialog) => self.send_bye(dialog, true, context),
            other => self.phase = other,
        }
    }

    /// Takes a response to a request of this call. False if it belongs to none.
    pub fn handle_response(&mut self, response: &Response, context: &mut Context<'_>) -> bool {
        let branch = response.envelope.via.branch.as_str();
        match response.envelope.cseq.method {
            Method::Invite => self.handle_invite_response(branch, response, context),
            Method::Cancel => match &mut self.cancel {
                Some(cancel) if cancel.branch == branch => {
                    cancel.handle_response(context.now, response.status);
                    true
                }
                _ => false,
            },
            Method::Bye => self.handle_bye_response(branch, response, context),
            _ => false,
        }
    }

    fn handle_invite_response(
        &mut self,
        branch: &str,
        response: &Response,
        context: &mut Context<'_>,
    ) -> bool {
        let Some(at) = self.invites.iter().position(|invite| invite.branch == branch) else {
            return false;
        };
        let is_current = at + 1 == self.invites.len();
        let (invite, identity) = (&self.invite, &self.identity);
        let to = response.headers.first("To");
        let ack = || request_like(invite, identity, &Method::Ack, to).to_bytes();
        match self.invites[at].handle_response(context.now, response.status, ack, context.out) {
            InviteHeard::Provisional if is_current => self.hear_provisional(response, context),
            InviteHeard::Success => self.hear_success(response, context),
            InviteHeard::Failure if is_current => self.hear_failure(response, context),
            _ => {}
        }
        true
    }

    fn hear_provisional(&mut self, response: &Response, context: &mut Context<'_>) {
        let now = context.now;
        let rings = response.status > 100;
        match &mut self.phase {
            Phase::Calling { quit: true, .. } => self.give_up(FailureKind::Canceled, context),
            Phase::Calling { quit: false, .. } => {
                self.phase = Phase::Proceeding { until: now + self.order.ring_timeout, rings };
            }
            Phase::Proceeding { until, rings: rang } if rings && !*rang => {
                *until = now + self.order.ring_timeout;
                *rang = true;
            }
            Phase::Over { until } if self.cancel.is_none() => {
                *until = Some(now + context.config.timers.give_up());
                self.send_cancel(context);
            }
            _ => {}
        }
        if matches!(self.phase, Phase::Proceeding { .. }) {
            self.tell_progress(response, context);
        }
    }

    fn tell_progress(&mut self, response: &Response, context: &mut Context<'_>) {
        let call = self.order.call;
        if !std::mem::replace(&mut self.told.trying, true) {
            context.out.signal(call, CallSignal::Trying);
        }
        if response.status == 181 && !std::mem::replace(&mut self.told.forwarded, true) {
            context.out.signal(call, CallSignal::Forwarded);
        }
        if response.status == 180 && !std::mem::replace(&mut self.told.ringing, true) {
            context.out.signal(call, CallSignal::Ringing);
        }
        let Some(early) = self.early_dialog(response, context) else { return };
        let Some(sdp) = session_description(&response.headers, &response.body) else { return };
        let answer = self.order.offer.read_answer(&sdp);
        match answer {
            Ok(answer) => {
                self.early[early].answer = Some(answer.clone());
                self.tell_early(answer, context);
            }
            Err(_) => context.counters.unusable_sdp += 1,
        }
    }

    /// Tells the owner of audio before the answer, unless it knows.
    pub fn tell_early(&mut self, answer: sdp::Answer, context: &mut Context<'_>) {
        let known = self.told.early.as_ref() == Some(&answer);
        if !known && matches!(self.phase, Phase::Proceeding { .. }) {
            self.told.early = Some(answer.clone());
            context.out.signal(self.order.call, CallSignal::EarlyMedia(answer));
        }
    }

    /// The early dialog of a provisional response, made if it is new; `None` for one without a tag.
    fn early_dialog(&mut self, response: &Response, context: &mut Context<'_>) -> Option<usize> {
        let tag = response.envelope.to.tag()?;
        if let Some(at) = self.early.iter().position(|early| early.dialog.remote_tag == tag) {
            self.early[at].dialog.confirm(response);
            return Some(at);
        }
        if self.early.len() == EARLY_DIALOGS_MAX {
            context.counters.over_limit += 1;
            return None;
        }
        let dialog = Dialog::from_response(&self.identity, self.number, response);
        self.early.push(Early { dialog, answer: None, bye: None });
        Some(self.early.len() - 1)
    }

    /// A 2xx: the answer, a copy of it, a fork, or one that comes too late.
    fn hear_success(&mut self, response: &Response, context: &mut Context<'_>) {
        let tag = response.envelope.to.tag().unwrap_or_default();
        if let Some(known) = self.acknowledged.iter().find(|known| known.remote_tag == tag) {
            context.out.transmit(known.destination, &known.ack);
            return;
        }
        if self.acknowledged.len() == ANSWERS_MAX {
            context.counters.over_limit += 1;
            return;
        }
        let early = self.early.iter().position(|early| early.dialog.remote_tag == tag);
        let early = early.map(|at| self.early.swap_remove(at));
        let (mut dialog, early_answer, bye) = match early {
            Some(early) => (early.dialog, early.answer, early.bye),
            None => (Dialog::from_response(&self.identity, self.number, response), None, None),
        };
        dialog.confirm(response);
        self.acknowledge(&dialog, context);
        let late = match &self.phase {
            Phase::Calling { quit: false, .. } | Phase::Proceeding { .. } => {
                let answer = self.answer_in(response, early_answer);
                self.establish(dialog, answer, bye, context);
                return;
            }
            Phase::Calling { quit: true, .. } => Some(FailureKind::Canceled),
            Phase::Canceling { kind, .. } => Some(*kind),
            Phase::Established(_) | Phase::HangingUp | Phase::Over { .. } => None,
        };
        self.send_bye(dialog, false, context);
        if let Some(kind) = late {
            self.fail(kind, Some(response), context);
        }
    }

    /// What a 2xx says of the stream. Without a description of its own the early one stands: many
    /// PBXs do not repeat it, though RFC 3261 §13.2.1 has them to.
    fn answer_in(
        &self,
        response: &Response,
        early: Option<sdp::Answer>,
    ) -> Result<sdp::Answer, AnswerError> {
        match session_description(&response.headers, &response.body) {
            Some(sdp) => self.order.offer.read_answer(&sdp),
            None => early.ok_or(AnswerError::Missing),
        }
    }

    fn establish(
        &mut self,
        dialog: Dialog,
        answer: Result<sdp::Answer, AnswerError>,
        bye: Option<Cause>,
        context: &mut Context<'_>,
    ) {
        let call = self.order.call;
        self.phase = Phase::Established(dialog);
        self.early.clear();
        context.out.signal(call, CallSignal::Answered(answer));
        if let Some(cause) = bye {
            context.out.signal(call, CallSignal::ByeReceived(cause));
            self.end(context);
        }
    }

    /// Sends the ACK of a 2xx, with the credentials of the INVITE (RFC 3261 §13.2.2.4).
    fn acknowledge(&mut self, dialog: &Dialog, context: &mut Context<'_>) {
        let branch = context.branch();
        let mut ack = dialog.ack(&self.identity, self.number, context.via(&branch));
        for name in ["Authorization", "Proxy-Authorization"] {
            for value in self.invite.headers.all(name) {
                ack.headers.push(name, value);
            }
        }
        let (destination, ack) = (dialog.destination(&self.identity), ack.to_bytes());
        context.out.transmit(destination, &ack);
        let remote_tag = dialog.remote_tag.clone();
        self.acknowledged.push(Acknowledged { remote_tag, destination, ack });
    }

    /// A failure, acknowledged by its transaction: a challenge to answer, or the end.
    fn hear_failure(&mut self, response: &Response, context: &mut Context<'_>) {
        let kind = match &self.phase {
            Phase::Calling { quit: true, .. } => FailureKind::Canceled,
            Phase::Canceling { kind, .. } => *kind,
            Phase::Calling { .. } | Phase::Proceeding { .. } => match response.status {
                401 | 407 => {
                    match self.authenticator.challenged(&response.headers, context.entropy) {
                        Ok(()) => return self.call_again(context),
                        Err(AuthError::Rejected) => FailureKind::AuthRejected,
                        Err(AuthError::Unsupported) => FailureKind::UnsupportedAuth,
                    }
                }
                _ => FailureKind::Status,
            },
            Phase::Established(_) | Phase::HangingUp | Phase::Over { .. } => return,
        };
        self.fail(kind, Some(response), context);
    }

    fn call_again(&mut self, context: &mut Context<'_>) {
        let until = context.now + self.order.setup_timeout;
        self.phase = Phase::Calling { until, quit: false };
        self.early.clear();
        self.send_invite(context);
    }

    /// Cancels, for the reason that the owner will be told.
    fn give_up(&mut self, kind: FailureKind, context: &mut Context<'_>) {
        self.phase =
            Phase::Canceling { until: context.now + context.config.timers.give_up(), kind };
        self.send_cancel(context);
    }

    /// RFC 3261 §9.1: a copy of the INVITE's way, with its branch and number.
    fn send_cancel(&mut self, context: &mut Context<'_>) {
        let Some(invite) = self.invites.last() else { return };
        let cancel = request_like(&self.invite, &self.identity, &Method::Cancel, None);
        self.cancel = Some(ClientOther::start(
            context.now,
            context.config.timers,
            invite.branch.clone(),
            invite.destination,
            cancel.to_bytes(),
            context.out,
        ));
    }

    fn send_bye(&mut self, dialog: Dialog, is_main: bool, context: &mut Context<'_>) {
        self.authenticator.begin_request();
        self.send_bye_again(dialog, is_main, context);
    }

    fn send_bye_again(&mut self, mut dialog: Dialog, is_main: bool, context: &mut Context<'_>) {
        let branch = context.branch();
        let mut bye = dialog.request(&self.identity, &Method::Bye, context.via(&branch));
        bye.headers.push("User-Agent", context.config.user_agent.as_str());
        self.authenticator.authorize("BYE", &dialog.request_uri(), b"", &mut bye.headers);
        let (timers, destination) = (context.config.timers, dialog.destination(&self.identity));
        let bytes = bye.to_bytes();
        let transaction =
            ClientOther::start(context.now, timers, branch, destination, bytes, context.out);
        self.byes.push(Bye { transaction, dialog, is_main });
    }

    fn handle_bye_response(
        &mut self,
        branch: &str,
        response: &Response,
        context: &mut Context<'_>,
    ) -> bool {
        let Some(at) = self.byes.iter().position(|bye| bye.transaction.branch == branch) else {
            return false;
        };
        let bye = &mut self.byes[at];
        if bye.transaction.handle_response(context.now, response.status) != OtherHeard::Final {
            return true;
        }
        let (dialog, is_main) = (bye.dialog.clone(), bye.is_main);
        let is_challenge = matches!(response.status, 401 | 407);
        if is_challenge && self.authenticator.challenged(&response.headers, context.entropy).is_ok()
        {
            self.send_bye_again(dialog, is_main, context);
        } else if is_main {
            self.end(context);
        }
        true
    }

    /// Whether our BYE is ending the dialog with this remote tag; `main`: only the one the owner knows.
    pub fn is_ending(&self, remote_tag: &str, main: bool) -> bool {
        let mut byes = self.byes.iter();
        byes.any(|bye| bye.dialog.remote_tag == remote_tag && (bye.is_main || !main))
    }

    /// The last word on a call that was answered. Once.
    pub fn end(&mut self, context: &mut Context<'_>) {
        if matches!(self.phase, Phase::Established(_) | Phase::HangingUp) {
            self.phase = Phase::Over { until: None };
            context.out.signal(self.order.call, CallSignal::Ended);
        }
    }

    /// The last word on a call that was not answered.
    fn fail(&mut self, kind: FailureKind, response: Option<&Response>, context: &mut Context<'_>) {
        self.phase = Phase::Over { until: None };
        self.early.clear();
        let headers = response.map(|response| &response.headers);
        let failure = Failure {
            kind,
            status: response.map(|response| response.status),
            cause: headers.map(Cause::read).unwrap_or_default(),
            warning: headers.and_then(warning),
            retry_after: headers.and_then(|h| h.first("Retry-After")).and_then(retry_after),
        };
        context.out.signal(self.order.call, CallSignal::Failed(failure));
    }

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
            && self.byes.is_empty()
            && self.servers.is_empty()
            && self.server_invites.is_empty()
    }
}

/// The CANCEL of an INVITE, or the ACK of its failure: same Request-URI, Via, routes, From, Call-ID and
/// number; To from the response (RFC 3261 §9.1, §17.1.1.3).
fn request_like(invite: &Draft, id: &CallIdentity, method: &Method, to: Option<&str>) -> Draft {
    let mut draft = Draft::request(method, &id.request_uri);
    for name in ["Via", "Route", "Max-Forwards", "From", "To", "Call-ID", "CSeq"] {
        for value in invite.headers.all(name) {
            match name {
                "To" => draft.headers.push(name, to.unwrap_or(value)),
                "CSeq" => draft.headers.push(name, value.replace("INVITE", method.as_str())),
                _ => draft.headers.push(name, value),
            }
        }
    }
    draft
}

/// A URI in angle brackets, so that parameters after it are the header's (RFC 3261 §20.10).
fn bracketed(address: &str) -> String {
    if address.contains('<') { address.to_owned() } else { format!("<{address}>") }
}

/// Whether a field is written by the user agent itself.
fn is_ours(name: &str) -> bool {
    let ours = [
        "Via",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Contact",
        "Max-Forwards",
        "Allow",
        "User-Agent",
        "Content-Type",
        "Content-Length",
        "Authorization",
        "Proxy-Authorization",
        "Supported",
        "Require",
        "Proxy-Require",
        "Record-Route",
    ];
    ours.iter().any(|own| own.eq_ignore_ascii_case(name))
}
