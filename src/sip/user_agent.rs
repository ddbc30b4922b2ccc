//! All calls over one local UDP address: finds the call of each datagram, keeps one queue of
//! deadlines.
//!
//! Requests inside a dialog are known by Call-ID and tags, which nobody can guess, and are taken
//! from any address: carriers answer from one machine and hang up from another. Anything else is
//! refused if it comes from the address of a trunk, and dropped silently if not (RFC 3261 §8.2.7:
//! refusals keep no state).

use super::context::{ALLOW, Context};
use super::counters::Counters;
use super::incoming::capabilities;
use super::invite::Call;
use super::order::{InviteOrder, UserAgentConfig};
use super::signal::UserAgentOutput;
use super::transaction::Outbox;
use super::wire::{Draft, Message, Method, ParseError, Request, Response, parse};
use crate::entropy::Entropy;
use crate::id::AttemptId;
use crate::time::{Duration, Instant};
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The most refusals of requests outside any dialog in one second.
const REFUSALS_PER_SECOND_MAX: u32 = 100;

/// Places calls and answers what comes back. Sans-IO; see the module for its three verbs.
pub struct UserAgent {
    shared: Shared,
    calls: BTreeMap<Serial, Held>,
    by_call_id: BTreeMap<String, Serial>,
    /// Calls whose owner has not heard the last word.
    by_name: BTreeMap<AttemptId, Serial>,
    deadlines: BTreeSet<(Instant, Serial)>,
    /// How many calls go to each address.
    targets: BTreeMap<IpAddr, u32>,
    next_serial: Serial,
    /// Makes the To tags of refusals, the same for copies of a request (RFC 3261 §8.2.7).
    tag_key: [u8; 16],
    refusals_from: Instant,
    refusals: u32,
}

type Serial = u64;

/// What every call acts with.
struct Shared {
    config: UserAgentConfig,
    entropy: Entropy,
    outbox: Outbox,
    counters: Counters,
}

impl Shared {
    fn context(&mut self, now: Instant) -> Context<'_> {
        Context {
            now,
            config: &self.config,
            entropy: &mut self.entropy,
            out: &mut self.outbox,
            counters: &mut self.counters,
        }
    }
}

struct Held {
    call: Call,
    deadline: Option<Instant>,
}

impl fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserAgent({} calls)", self.calls.len())
    }
}

impl UserAgent {
    /// A user agent without calls.
    pub fn new(config: UserAgentConfig, mut entropy: Entropy) -> Self {
        let tag_key = entropy.bytes();
        let (outbox, counters) = (Outbox::default(), Counters::default());
        UserAgent {
            shared: Shared { config, entropy, outbox, counters },
            tag_key,
            calls: BTreeMap::new(),
            by_call_id: BTreeMap::new(),
            by_name: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            targets: BTreeMap::new(),
            next_serial: 0,
            refusals_from: Instant::ZERO,
            refusals: 0,
        }
    }

    /// Places a call.
    ///
    /// # Panics
    /// If a call of this name is still going on.
    pub fn invite(&mut self, now: Instant, order: InviteOrder) {
        let serial = self.next_serial;
        self.next_serial += 1;
        let named = self.by_name.insert(order.call, serial);
        assert!(named.is_none(), "an attempt has one call at a time");
        *self.targets.entry(order.target.ip()).or_default() += 1;
        let call = Call::start(order, &mut self.shared.context(now));
        self.by_call_id.insert(call.identity.call_id.clone(), serial);
        self.calls.insert(serial, Held { call, deadline: None });
        self.settle(serial);
    }

    /// Ends a call: CANCEL before the answer (once the peer has been heard), BYE after it. Harmless
    /// when the call is over or ending already.
    pub fn hang_up(&mut self, now: Instant, call: AttemptId) {
        if let Some(&serial) = self.by_name.get(&call) {
            self.with(now, serial, |call, context| call.hang_up(context));
        }
    }

    /// Takes a datagram from `source`, whatever it holds.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) {
        match parse(datagram) {
            Ok(Message::Response(response)) => self.handle_response(now, &response),
            Ok(Message::Request(request)) => self.handle_request(now, source, &request),
            Err(ParseError::Empty) => self.shared.counters.keep_alives += 1,
            Err(_) => self.shared.counters.garbage += 1,
        }
    }

    fn handle_response(&mut self, now: Instant, response: &Response) {
        // More than one Via means that it was meant for somebody else (RFC 3261 §8.1.3.3).
        let ours = response.envelope.via_count == 1;
        let serial = self.by_call_id.get(&response.envelope.call_id).copied();
        let taken = match serial.filter(|_| ours) {
            Some(serial) => {
                self.with(now, serial, |call, context| call.handle_response(response, context))
            }
            None => false,
        };
        self.shared.counters.stray_responses += u64::from(!taken);
    }

    fn handle_request(&mut self, now: Instant, source: SocketAddr, request: &Request) {
        let serial = self.by_call_id.get(&request.envelope.call_id).copied();
        let tag = request.envelope.to.tag();
        let is_ours = |held: &Held| tag.as_ref() == Some(&held.call.identity.local_tag);
        match serial.filter(|serial| self.calls.get(serial).is_some_and(is_ours)) {
            Some(serial) => self.with(now, serial, |call, context| {
                call.handle_request(source, request, context);
            }),
            None => self.refuse(now, source, request),
        }
    }

    /// Refuses what is asked outside any dialog.
    fn refuse(&mut self, now: Instant, source: SocketAddr, request: &Request) {
        let ip = source.ip();
        if !self.targets.contains_key(&ip) && !self.shared.config.trunk_addresses.contains(&ip) {
            self.shared.counters.strangers += 1;
            return;
        }
        if request.method == Method::Ack {
            return;
        }
        if now.since(self.refusals_from) >= Duration::from_secs(1) {
            (self.refusals_from, self.refusals) = (now, 0);
        }
        self.refusals += 1;
        if self.refusals > REFUSALS_PER_SECOND_MAX {
            self.shared.counters.refusals_spared += 1;
            return;
        }
        self.shared.counters.refused += 1;
        let in_dialog = request.envelope.to.tag().is_some();
        let status = match request.method {
            Method::Bye | Method::Cancel | Method::Update | Method::Info | Method::Prack => 481,
            Method::Other(_) => 501,
            _ if in_dialog => 481,
            Method::Options => 200,
            Method::Invite => 403,
            _ => 405,
        };
        let tag = self.refusal_tag(request);
        let mut draft = Draft::response(request, source, status, &tag);
        match status {
            200 => draft = capabilities(draft),
            405 | 501 => draft.headers.push("Allow", ALLOW),
            _ => {}
        }
        let draft = draft.header("Server", self.shared.config.user_agent.as_str());
        let destination = request.envelope.via.response_destination(source);
        self.shared.outbox.transmit(destination, &draft.to_bytes());
    }

    fn refusal_tag(&self, request: &Request) -> String {
        let mut hash = sha2::Sha256::new();
        hash.update(self.tag_key);
        for part in [&request.envelope.via.branch, &request.envelope.call_id] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hex::encode(&hash.finalize()[..8])
    }

    /// The network says that nothing reaches `destination`.
    pub fn handle_unreachable(&mut self, now: Instant, destination: SocketAddr) {
        let serials: Vec<Serial> = self.calls.keys().copied().collect();
        for serial in serials {
            self.with(now, serial, |call, context| call.handle_unreachable(destination, context));
        }
    }

    /// Does what is due. Calling it early or twice is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(deadline, serial)) = self.deadlines.first() {
            if deadline > now {
                return;
            }
            self.with(now, serial, |call, context| call.handle_timeout(context));
        }
    }

    /// When to call [`UserAgent::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// The next thing for the owner to do or know; to be drained after each `handle_*`.
    pub fn poll_output(&mut self) -> Option<UserAgentOutput> {
        self.shared.outbox.0.pop_front()
    }

    /// What was thrown away or refused.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// How many calls are held, those included that only wait for copies to die out.
    pub fn calls_held(&self) -> usize {
        self.calls.len()
    }

    fn with<T>(
        &mut self,
        now: Instant,
        serial: Serial,
        act: impl FnOnce(&mut Call, &mut Context<'_>) -> T,
    ) -> T {
        let held = self.calls.get_mut(&serial).expect("an indexed call is held");
        let result = act(&mut held.call, &mut self.shared.context(now));
        self.settle(serial);
        result
    }

    /// Brings the indexes up to date after a call has moved.
    fn settle(&mut self, serial: Serial) {
        let held = self.calls.get_mut(&serial).expect("an indexed call is held");
        let deadline = held.call.poll_timeout();
        if deadline != held.deadline {
            if let Some(old) = held.deadline {
                self.deadlines.remove(&(old, serial));
            }
            self.deadlines.extend(deadline.map(|deadline| (deadline, serial)));
            held.deadline = deadline;
        }
        let name = held.call.order.call;
        if held.call.is_over() && self.by_name.get(&name) == Some(&serial) {
            self.by_name.remove(&name);
        }
        if held.call.is_done() {
            self.forget(serial);
        }
    }

    fn forget(&mut self, serial: Serial) {
        let Some(Held { call, deadline }) = self.calls.remove(&serial) else { return };
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, serial));
        }
        self.by_call_id.remove(&call.identity.call_id);
        let ip = call.order.target.ip();
        if let Some(count) = self.targets.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.targets.remove(&ip);
            }
        }
    }
}
