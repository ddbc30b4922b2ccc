//! One outgoing call from INVITE to its end (RFC 3261 §9, §13, §15, §22; RFC 6026).
//!
//! ```text
//!   Calling ──1xx──> Proceeding ──2xx──> Established ──hang up──> HangingUp ──> Over
//!      │                 │ ring timeout, hang up      └──BYE──────────────────> Over
//!      │                 └──> Canceling ──final──────────────────────────────> Over
//!      └ setup timeout, failure ──────────────────────────────────────────────> Over
//! ```
//!
//! In `Over` the owner has heard the last word. The call still acknowledges copies, cancels an
//! INVITE that is heard of late, and ends answers that come too late, until its transactions are
//! over.

mod answer;
mod deadlines;

use self::answer::{Acknowledged, Bye};
use super::context::{ALLOW, Context};
use super::dialog::{CallIdentity, Dialog};
use super::digest::{AuthError, Authenticator};
use super::order::InviteOrder;
use super::sdp;
use super::signal::{CallSignal, Failure, FailureKind};
use super::transaction::{ClientInvite, ClientOther, InviteHeard, ServerInvite, ServerOther};
use super::wire::{Cause, Draft, Method, Response, retry_after, session_description, warning};
use crate::time::Instant;

/// The most early dialogs of one call. Further ones ring unseen.
pub(super) const EARLY_DIALOGS_MAX: usize = 8;

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
pub(super) struct Early {
    pub dialog: Dialog,
    pub answer: Option<sdp::Answer>,
    /// A BYE that overtook the 2xx of this dialog.
    pub bye: Option<Cause>,
}

#[derive(Default)]
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

    /// Sends the INVITE, again after a challenge: same Call-ID and tag, next number (RFC 3261
    /// §8.1.3.5).
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
}

/// The CANCEL of an INVITE, or the ACK of its failure: same Request-URI, Via, routes, From, Call-ID
/// and number; To from the response (RFC 3261 §9.1, §17.1.1.3).
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
