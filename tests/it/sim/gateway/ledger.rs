//! The checker of what is stored and answered: verifications, checks, attempts, events, secrets.

use super::process::Process;
use belfry::call::{CallOrder, Receipt};
use belfry::gateway::Gateway;
use belfry::id::{AttemptId, VerificationId};
use belfry::reason::Reason;
use belfry::time::UnixMillis;
use belfry::verify::event::EventKind;
use belfry::verify::verification::{Status, Verification};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Checks a verification allows: the default of the policy and its hard bound.
const CHECKS_MAX: u64 = 5;

/// A call that was ordered.
#[derive(Debug, Clone)]
struct Ordered {
    attempt: AttemptId,
    send: u32,
    code: String,
}

/// What is known of one verification from outside.
#[derive(Debug, Default)]
struct Account {
    number: String,
    orders: Vec<Ordered>,
    judged: u64,
    remaining: Option<u64>,
    approvals: u32,
    last_status: Option<String>,
}

/// The books of a world.
#[derive(Debug, Default)]
pub struct Ledger {
    pub verdict: Option<String>,
    accounts: BTreeMap<VerificationId, Account>,
    /// The receipts that were written down.
    receipts: BTreeMap<AttemptId, Reason>,
    /// Ordered, and neither settled nor lost.
    live: BTreeMap<AttemptId, VerificationId>,
    /// The last status of each verification.
    ends: Vec<&'static str>,
    /// Codes and numbers that must be nowhere.
    secrets: BTreeSet<String>,
}

impl Ledger {
    pub fn blame(&mut self, fault: impl Into<String>) {
        self.verdict.get_or_insert(fault.into());
    }

    /// Verifications known so far.
    pub fn verifications(&self) -> impl DoubleEndedIterator<Item = VerificationId> {
        self.accounts.keys().copied()
    }

    /// The newest verification of a number.
    pub fn of_number(&self, number: &str) -> Option<VerificationId> {
        self.accounts.iter().rfind(|(_, account)| account.number == number).map(|(id, _)| *id)
    }

    /// The answer to a start for `number`.
    pub fn started(&mut self, number: &str, status: u16, body: &Value) {
        self.secrets.insert(number.trim_start_matches('+').to_owned());
        let Some(id) = body["id"].as_str().and_then(|id| id.parse().ok()) else {
            if !matches!(status, 409 | 429 | 422) {
                self.blame(format!("a start was answered {status}: {body}"));
            }
            return;
        };
        let is_new = !self.accounts.contains_key(&id);
        if is_new {
            let account = Account { number: number.to_owned(), ..Account::default() };
            self.accounts.insert(id, account);
        }
        self.seen(id, body);
    }

    /// A verification object was shown.
    pub fn seen(&mut self, id: VerificationId, body: &Value) {
        let status = body["status"].as_str().unwrap_or_default().to_owned();
        let Some(account) = self.accounts.get_mut(&id) else {
            return self.blame(format!("{id} was shown and never started"));
        };
        let before = account.last_status.replace(status.clone());
        if before.as_ref().is_some_and(|before| before != "pending" && *before != status) {
            self.blame(format!("{id} went from {before:?} to {status}"));
        }
    }

    /// The code that is in force, as far as the calls ordered so far tell.
    fn code_in_force(&self, before: &Verification) -> Option<&str> {
        let last = self.accounts.get(&before.id)?.orders.last()?;
        (last.send == before.sends_used).then_some(&*last.code)
    }

    /// The answer to a check of `typed`. `before` is the verification as it was, if no other check
    /// ran beside this one.
    pub fn checked(
        &mut self,
        id: VerificationId,
        typed: &str,
        before: Option<&Verification>,
        now: UnixMillis,
        (status, body): (u16, &Value),
    ) {
        let right = before.and_then(|before| self.code_in_force(before)) == Some(typed);
        let open = before.is_some_and(|v| v.status == Status::Pending && !v.is_expired(now));
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let valid = body["valid"].as_bool();
        let fault = match (status, valid) {
            (200, Some(valid)) => {
                account.judged += 1;
                account.approvals += u32::from(valid);
                let remaining = body["checks_remaining"].as_u64();
                let falls = remaining.is_some_and(|now| {
                    before.is_none() || account.remaining.is_none_or(|before| now + 1 == before)
                });
                account.remaining = account.remaining.into_iter().chain(remaining).min();
                let known = account.orders.iter().any(|order| order.code == typed);
                let wrong_words = valid != (body["status"] == "approved");
                match before {
                    _ if account.judged > CHECKS_MAX => Some("more checks than allowed"),
                    _ if account.approvals > 1 => Some("approved twice"),
                    _ if valid && !known => Some("approved by a code never ordered"),
                    _ if wrong_words => Some("valid and status disagree"),
                    Some(_) if !open => Some("judged although it was over"),
                    Some(_) if valid != right => Some("judged wrongly"),
                    Some(_) if !falls => Some("checks_remaining does not fall by one"),
                    _ => None,
                }
            }
            (409, _) if before.is_none() || !open => None,
            (409, _) => Some("refused although it was pending"),
            (400 | 422, _) if typed.bytes().any(|byte| !byte.is_ascii_digit()) => None,
            _ => Some("answered oddly"),
        };
        if let Some(fault) = fault {
            self.blame(format!("a check of {id} was {fault}: {status} {body}"));
        }
        if status == 200 {
            self.seen(id, body);
        }
    }

    /// A call is ordered.
    pub async fn ordered(&mut self, gateway: &Gateway, order: &CallOrder, now: UnixMillis) {
        let mut tx = gateway.store().read().await.expect("the database works");
        let attempt = tx.attempt(order.attempt).await.expect("the database works");
        let Some(attempt) = attempt else { return self.blame("an order of no attempt") };
        let id = attempt.verification;
        let verification = tx.any_verification(id).await.expect("the database works");
        let verification = verification.expect("an attempt has a verification");
        drop(tx);
        let code: String = order.code.as_slice().iter().map(|d| char::from(b'0' + d)).collect();
        self.secrets.insert(code.clone());
        if verification.status != Status::Pending || verification.is_expired(now) {
            self.blame(format!("a call is ordered for {id}, which is over"));
        }
        if self.live.values().any(|other| *other == id) {
            self.blame(format!("two calls are up for {id}"));
        }
        self.live.insert(order.attempt, id);
        let account = self.accounts.entry(id).or_default();
        if account.number != order.to.expose() {
            return self.blame(format!("{id} calls another number than was asked for"));
        }
        let send = attempt.send;
        account.orders.push(Ordered { attempt: order.attempt, send, code });
    }

    /// The end of a call was written down.
    pub fn settled(&mut self, attempt: AttemptId, receipt: &Receipt) {
        self.live.remove(&attempt);
        if self.receipts.insert(attempt, receipt.reason).is_some() {
            self.blame(format!("{attempt} was settled twice"));
        }
    }

    /// The process died: what was not written down is lost.
    pub fn crashed(&mut self) {
        self.live.clear();
    }

    /// Whether anything is still to come.
    pub async fn is_settled(&self, process: &Process) -> bool {
        for id in self.accounts.keys() {
            let mut tx = process.gateway.store().read().await.expect("the database works");
            let found = tx.any_verification(*id).await.expect("the database works");
            let last = tx.last_attempt(*id).await.expect("the database works");
            let over = found.is_some_and(|found| found.status != Status::Pending);
            if !over || last.is_some_and(|last| last.reason.is_none()) {
                return false;
            }
        }
        true
    }

    /// Holds what is stored, once nothing moves any more, against what was seen.
    pub async fn finish(&mut self, process: &Process) {
        let ids: Vec<VerificationId> = self.accounts.keys().copied().collect();
        for id in ids {
            match self.close(process, id).await {
                Ok(status) => self.ends.push(status.as_str()),
                Err(fault) => self.blame(format!("{id}: {fault}")),
            }
        }
    }

    async fn close(&self, process: &Process, id: VerificationId) -> Result<Status, String> {
        let account = &self.accounts[&id];
        let mut tx = process.gateway.store().read().await.expect("the database works");
        let stored = tx.any_verification(id).await.expect("the database works");
        let stored = stored.ok_or("it is gone")?;
        let attempts = tx.attempts(id).await.expect("the database works");
        let events = tx.events(id).await.expect("the database works");
        drop(tx);
        let status = stored.status.as_str();
        let told = account.last_status.as_deref().unwrap_or("pending");
        let approved = stored.status == Status::Approved;
        let count = |kind: &dyn Fn(EventKind) -> bool| {
            events.iter().filter(|event| kind(event.kind)).count()
        };
        let facts = [
            (stored.status != Status::Pending, "it never ended"),
            (told == "pending" || told == status, "its end was told otherwise"),
            (approved == (account.approvals == 1), "approval and status disagree"),
            (stored.code.is_none(), "the MAC of its code is kept"),
            (u64::from(stored.checks_used) == account.judged, "checks were counted wrongly"),
            (count(&is_final) == 1, "not exactly one event tells its end"),
            (count(&|kind| kind == final_event(stored.status)) == 1, "another end is told"),
            (count(&|kind| kind == EventKind::VerificationCreated) == 1, "created twice"),
            (stored.sends_used <= stored.sends_max, "too many calls"),
        ];
        if let Some((_, fault)) = facts.iter().find(|(holds, _)| !holds) {
            return Err(format!("{fault}; it is {status}; {account:?}; {events:?}"));
        }
        for send in 1..=stored.sends_used {
            let rang = attempts.iter().filter(|a| a.send == send && a.receipt.rang).count();
            if rang > 1 {
                return Err(format!("a phone rang {rang} times in send {send}"));
            }
        }
        for attempt in &attempts {
            let reason = attempt.reason.ok_or(format!("{} never ended", attempt.id))?;
            let mut ends = events.iter().filter(|event| {
                event.attempt == Some(attempt.id) && event.kind == EventKind::CallEnded
            });
            let (Some(end), None) = (ends.next(), ends.next()) else {
                return Err(format!("not exactly one event tells the end of {}", attempt.id));
            };
            if !end.data.contains(&format!("\"reason\":\"{}\"", reason.as_str())) {
                return Err(format!("{} is told as {}", reason.as_str(), end.data));
            }
            let was_ordered = account.orders.iter().any(|order| order.attempt == attempt.id);
            let wanted = match self.receipts.get(&attempt.id) {
                Some(receipt) => *receipt,
                None if was_ordered => Reason::Interrupted,
                None => reason,
            };
            if reason != wanted {
                return Err(format!("{} ended as {reason:?}, not {wanted:?}", attempt.id));
            }
        }
        Ok(stored.status)
    }

    /// How each verification ended.
    pub fn ends(&self) -> impl Iterator<Item = &'static str> {
        self.ends.iter().copied()
    }

    /// Says which secret a text holds: a code or number that stands by itself, not as a part of a
    /// longer word such as an id.
    pub fn secret_in(&self, text: &str) -> Option<&str> {
        let apart = |letter: Option<char>| !letter.is_some_and(|l| l.is_ascii_alphanumeric());
        self.secrets.iter().map(String::as_str).find(|secret| {
            text.match_indices(*secret).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                apart(before) && apart(text[at + secret.len()..].chars().next())
            })
        })
    }
}

fn final_event(status: Status) -> EventKind {
    match status {
        Status::Pending => EventKind::VerificationCreated,
        Status::Approved => EventKind::VerificationApproved,
        Status::Canceled => EventKind::VerificationCanceled,
        Status::Expired => EventKind::VerificationExpired,
        Status::MaxAttemptsReached => EventKind::VerificationMaxAttemptsReached,
        Status::Failed => EventKind::VerificationFailed,
        Status::FraudReported => EventKind::FraudReported,
    }
}

fn is_final(kind: EventKind) -> bool {
    let finals = [
        EventKind::VerificationApproved,
        EventKind::VerificationCanceled,
        EventKind::VerificationExpired,
        EventKind::VerificationMaxAttemptsReached,
        EventKind::VerificationFailed,
        EventKind::FraudReported,
    ];
    finals.contains(&kind)
}
