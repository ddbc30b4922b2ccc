//! The answer and the end of an answered call: ACK, forks, answers that come too late, BYE.
//!
//! RFC 3261 §13.2.2.4, §15.1.1, §22; RFC 6026. Every 2xx is acknowledged, and every copy of it;
//! only the first may become the call, all others are ended at once.

use super::{Call, Phase};
use crate::sip::context::Context;
use crate::sip::dialog::Dialog;
use crate::sip::sdp::{self, AnswerError};
use crate::sip::signal::{CallSignal, FailureKind};
use crate::sip::transaction::{ClientOther, OtherHeard};
use crate::sip::wire::{Cause, Method, Response, session_description};
use std::net::SocketAddr;

/// The most answers acknowledged: the first and its forks. Further ones are left to time out.
const ANSWERS_MAX: usize = 8;

/// A BYE on its way, with the dialog it ends.
pub(super) struct Bye {
    pub transaction: ClientOther,
    pub dialog: Dialog,
    /// Whether this is the dialog the owner knows; others are forks or answers that came too late.
    pub is_main: bool,
}

/// A 2xx we acknowledged, to be acknowledged again for each copy.
pub(super) struct Acknowledged {
    remote_tag: String,
    destination: SocketAddr,
    ack: Vec<u8>,
}

impl Call {
    /// A 2xx: the answer, a copy of it, a fork, or one that comes too late.
    pub(super) fn hear_success(&mut self, response: &Response, context: &mut Context<'_>) {
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

    pub(super) fn send_bye(&mut self, dialog: Dialog, is_main: bool, context: &mut Context<'_>) {
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

    pub(super) fn handle_bye_response(
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

    /// Whether our BYE is ending the dialog with this remote tag; `main`: only the one the owner
    /// knows.
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
}
