//! What a peer asks inside a dialog of ours: BYE, re-INVITE, UPDATE, OPTIONS, INFO, and what it may
//! not.
//!
//! RFC 3261 §8.2, §12.2.2, §14.2, §15.1.2; RFC 3311 (UPDATE), RFC 6086 (INFO). Every request is
//! answered at once, and every copy of it gets the same answer. Methods we have no use for are
//! refused with 405, unknown ones with 501.

use super::context::{ALLOW, Context};
use super::dialog::Dialog;
use super::invite::{Call, EARLY_DIALOGS_MAX, Early, Phase};
use super::sdp::{self, Answer};
use super::signal::CallSignal;
use super::transaction::{ServerInvite, ServerKey, ServerOther};
use super::wire::{Cause, Draft, Method, Request, session_description};
use std::net::SocketAddr;

/// The most requests of one call remembered at a time. The oldest is forgotten first.
const SERVER_TRANSACTIONS_MAX: usize = 32;

/// Which dialog a request speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Early(usize),
    Established,
    /// Our BYE is on its way.
    Ending,
    Unknown,
}

impl Call {
    /// Takes a request with the Call-ID of this call, from `source`.
    pub fn handle_request(
        &mut self,
        source: SocketAddr,
        request: &Request,
        context: &mut Context<'_>,
    ) {
        let key = ServerKey::of(request);
        match request.method {
            Method::Ack => self.handle_ack(&key, request, context),
            Method::Invite => match self.server_invites.iter().find(|known| known.is_of(&key)) {
                Some(known) => known.handle_copy(context.out),
                None => self.answer(source, request, key, context),
            },
            _ => match self.servers.iter().find(|known| known.is_of(&key)) {
                Some(known) => known.handle_copy(context.out),
                None => self.answer(source, request, key, context),
            },
        }
    }

    fn answer(
        &mut self,
        source: SocketAddr,
        request: &Request,
        key: ServerKey,
        context: &mut Context<'_>,
    ) {
        let (status, draft) = self.decide(source, request, &key, context);
        if status >= 300 {
            context.counters.dialog_refusals += 1;
        }
        let draft = draft.header("Server", context.config.user_agent.as_str());
        let destination = request.envelope.via.response_destination(source);
        let (now, timers, bytes) = (context.now, context.config.timers, draft.to_bytes());
        if request.method == Method::Invite {
            if self.server_invites.len() == SERVER_TRANSACTIONS_MAX {
                self.server_invites.remove(0);
            }
            let answer = (status, bytes);
            let one = ServerInvite::start(now, timers, key, destination, answer, context.out);
            self.server_invites.push(one);
        } else {
            if self.servers.len() == SERVER_TRANSACTIONS_MAX {
                self.servers.remove(0);
            }
            let one = ServerOther::start(now, timers, key, destination, bytes, context.out);
            self.servers.push(one);
        }
        if request.method == Method::Bye && status == 200 {
            self.take_bye(request, context);
        }
    }

    /// The response to a request that is no copy, after its effects on the call.
    fn decide(
        &mut self,
        source: SocketAddr,
        request: &Request,
        key: &ServerKey,
        context: &mut Context<'_>,
    ) -> (u16, Draft) {
        let plain = |status| (status, Draft::response(request, source, status, ""));
        if request.method == Method::Cancel {
            let known = self.server_invites.iter().any(|invite| invite.is_of(key));
            return plain(if known { 200 } else { 481 });
        }
        let place = self.place(request, context);
        let number = request.envelope.cseq.number;
        let in_order = match place {
            Place::Established => match &mut self.phase {
                Phase::Established(dialog) => dialog.takes_number(number),
                _ => true,
            },
            Place::Early(at) => self.early[at].dialog.takes_number(number),
            Place::Ending if request.method == Method::Bye => return plain(200),
            Place::Ending | Place::Unknown => return plain(481),
        };
        if !in_order {
            return plain(500);
        }
        let required: Vec<&str> = request.headers.items("Require").collect();
        if !required.is_empty() {
            let (status, draft) = plain(420);
            return (status, draft.header("Unsupported", required.join(", ")));
        }
        match request.method {
            Method::Bye => plain(200),
            Method::Invite => self.answer_invite(place, source, request, context),
            Method::Update => self.answer_update(place, source, request, context),
            Method::Options => (200, capabilities(plain(200).1)),
            Method::Info if request.headers.first("Info-Package").is_some() => {
                (469, plain(469).1.header("Recv-Info", ""))
            }
            Method::Info => plain(200),
            Method::Other(_) => (501, plain(501).1.header("Allow", ALLOW)),
            _ => (405, plain(405).1.header("Allow", ALLOW)),
        }
    }

    fn place(&mut self, request: &Request, context: &mut Context<'_>) -> Place {
        let local = request.envelope.to.tag().unwrap_or_default();
        let remote = request.envelope.from.tag().unwrap_or_default();
        if local != self.identity.local_tag {
            return Place::Unknown;
        }
        if let Phase::Established(dialog) = &self.phase
            && dialog.remote_tag == remote
        {
            return Place::Established;
        }
        if let Some(at) = self.early.iter().position(|early| early.dialog.remote_tag == remote) {
            return Place::Early(at);
        }
        if self.is_ending(&remote, false) {
            return Place::Ending;
        }
        // A peer that answers and hangs up at once: its BYE may overtake its 2xx.
        let waiting = matches!(self.phase, Phase::Calling { .. } | Phase::Proceeding { .. });
        if waiting && request.method == Method::Bye {
            if self.early.len() < EARLY_DIALOGS_MAX {
                let dialog = Dialog::from_request(&self.identity, self.number, request);
                self.early.push(Early { dialog, answer: None, bye: None });
                return Place::Early(self.early.len() - 1);
            }
            context.counters.over_limit += 1;
        }
        Place::Unknown
    }

    /// What a BYE does, once it is answered 200.
    fn take_bye(&mut self, request: &Request, context: &mut Context<'_>) {
        let remote = request.envelope.from.tag().unwrap_or_default();
        let cause = Cause::read(&request.headers);
        if let Some(early) = self.early.iter_mut().find(|e| e.dialog.remote_tag == remote) {
            early.bye = Some(cause);
        } else if matches!(&self.phase, Phase::Established(main) if main.remote_tag == remote) {
            context.out.signal(self.order.call, CallSignal::ByeReceived(cause));
            self.end(context);
        } else if self.is_ending(&remote, true) {
            self.end(context);
        }
    }

    fn handle_ack(&mut self, key: &ServerKey, request: &Request, context: &mut Context<'_>) {
        let number = request.envelope.cseq.number;
        let acknowledged = self
            .server_invites
            .iter_mut()
            .find(|invite| invite.is_of(key) || (invite.is_accepted() && invite.number == number));
        let is_first = acknowledged.is_some_and(|invite| invite.handle_ack(context.now));
        let established = matches!(self.phase, Phase::Established(_));
        let answer = session_description(&request.headers, &request.body);
        // Only the ACK of a re-INVITE that came without an offer carries an answer.
        if let (true, true, Some(answer)) = (is_first, established, answer) {
            match self.order.offer.read_answer(&answer) {
                Ok(answer) => {
                    context.out.signal(self.order.call, CallSignal::MediaChanged(answer));
                }
                Err(_) => context.counters.unusable_sdp += 1,
            }
        }
    }

    /// RFC 3261 §14.2.
    fn answer_invite(
        &mut self,
        place: Place,
        source: SocketAddr,
        request: &Request,
        context: &mut Context<'_>,
    ) -> (u16, Draft) {
        let respond = |status| Draft::response(request, source, status, "");
        if place != Place::Established {
            return (491, respond(491));
        }
        let body = match self.description(request, context) {
            Description::Agreed(answer, body) => {
                context.out.signal(self.order.call, CallSignal::MediaChanged(answer));
                body
            }
            Description::None => {
                let offer = self.order.offer.clone();
                self.next_description(|version| offer.to_bytes_of(version))
            }
            Description::Refused(status) => return (status, refusal(respond(status), status)),
        };
        self.refresh(request);
        let draft = capabilities(respond(200)).header("Contact", context.contact());
        (200, draft.body(sdp::CONTENT_TYPE, body))
    }

    /// RFC 3311 §5.2.
    fn answer_update(
        &mut self,
        place: Place,
        source: SocketAddr,
        request: &Request,
        context: &mut Context<'_>,
    ) -> (u16, Draft) {
        let respond = |status| Draft::response(request, source, status, "");
        let offer_is_open = matches!(place, Place::Early(at) if self.early[at].answer.is_none());
        if offer_is_open && !request.body.is_empty() {
            return (491, respond(491));
        }
        let body = match self.description(request, context) {
            Description::Agreed(answer, body) => {
                if let Place::Early(at) = place {
                    self.early[at].answer = Some(answer.clone());
                    self.tell_early(answer, context);
                } else {
                    context.out.signal(self.order.call, CallSignal::MediaChanged(answer));
                }
                Some(body)
            }
            Description::None => None,
            Description::Refused(status) => return (status, refusal(respond(status), status)),
        };
        match place {
            Place::Early(at) => self.early[at].dialog.refresh_target(&request.headers),
            _ => self.refresh(request),
        }
        let draft = capabilities(respond(200)).header("Contact", context.contact());
        (200, body.map_or(draft.clone(), |body| draft.body(sdp::CONTENT_TYPE, body)))
    }

    /// Answers the offer in a request, if it carries one.
    fn description(&mut self, request: &Request, context: &mut Context<'_>) -> Description {
        if request.body.is_empty() {
            return Description::None;
        }
        let Some(offer) = session_description(&request.headers, &request.body) else {
            return Description::Refused(415);
        };
        let ours = self.order.offer.clone();
        let Ok((answer, _)) = ours.answer_to(&offer, self.sdp_version) else {
            context.counters.unusable_sdp += 1;
            return Description::Refused(488);
        };
        let body = self.next_description(|version| {
            ours.answer_to(&offer, version).map(|(_, body)| body).unwrap_or_default()
        });
        Description::Agreed(answer, body)
    }

    /// The next session description of ours: its version rises only if it differs (RFC 3264 §8).
    fn next_description(&mut self, write: impl Fn(u64) -> Vec<u8>) -> Vec<u8> {
        if write(self.sdp_version) != self.sdp_sent {
            self.sdp_version += 1;
            self.sdp_sent = write(self.sdp_version);
        }
        self.sdp_sent.clone()
    }

    fn refresh(&mut self, request: &Request) {
        if let Phase::Established(dialog) = &mut self.phase {
            dialog.refresh_target(&request.headers);
        }
    }
}

enum Description {
    Agreed(Answer, Vec<u8>),
    None,
    Refused(u16),
}

/// What we can do (RFC 3261 §11.2).
pub(super) fn capabilities(draft: Draft) -> Draft {
    draft.header("Allow", ALLOW).header("Accept", sdp::CONTENT_TYPE)
}

fn refusal(draft: Draft, status: u16) -> Draft {
    if status == 415 { draft.header("Accept", sdp::CONTENT_TYPE) } else { draft }
}
