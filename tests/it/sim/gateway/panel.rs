//! The panels: they ask over HTTP, and type what the people on the phone heard, or something else.

use super::ledger::Ledger;
use super::process::{Process, unix};
use crate::sim::dice::Dice;
use crate::sim::house::House;
use axum::body::Body;
use axum::http::{Method, Request};
use belfry::id::VerificationId;
use belfry::time::Instant;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Something a panel does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Start, or call again; so many copies at once.
    Start {
        number: String,
        copies: usize,
        once: bool,
    },
    /// Type what the last person on this number's calls heard.
    TypeHeard {
        number: String,
    },
    /// Type a code of the panel's own.
    TypeWrong {
        number: String,
    },
    /// Type something that is no code.
    TypeNonsense {
        number: String,
    },
    /// Several checks at the same time, one of them what was heard.
    TypeAtOnce {
        number: String,
        checks: usize,
    },
    Cancel {
        number: String,
    },
    Read,
    List,
}

/// An answer.
type Answer = (u16, Value, String);

/// One panel and its key.
pub struct Panel {
    pub key: String,
    pub dice: Dice,
    idempotency_keys: u64,
}

impl Panel {
    pub fn new(key: String, dice: Dice) -> Panel {
        Panel { key, dice, idempotency_keys: 0 }
    }

    /// Does one thing, and puts down in the ledger what came of it.
    pub async fn act(
        &mut self,
        now: Instant,
        act: &Act,
        process: &Process,
        house: &House,
        ledger: &mut Ledger,
    ) {
        process.set_clock(now);
        match act {
            Act::Start { number, copies, once } => {
                self.start(process, ledger, number, *copies, *once).await;
            }
            Act::TypeHeard { number } => {
                if let Some(code) = heard(house, number) {
                    self.check(now, process, ledger, number, &code).await;
                }
            }
            Act::TypeWrong { number } => {
                let code = format!("{:06}", self.dice.below(1_000_000));
                self.check(now, process, ledger, number, &code).await;
            }
            Act::TypeNonsense { number } => {
                self.check(now, process, ledger, number, "12 34x").await;
            }
            Act::TypeAtOnce { number, checks } => {
                let mut codes = vec![heard(house, number).unwrap_or("000000".to_owned())];
                let wrong = |_| format!("{:06}", self.dice.below(1_000_000));
                codes.extend((1..*checks).map(wrong));
                self.check_at_once(now, process, ledger, number, &codes).await;
            }
            Act::Cancel { number } => {
                let Some(id) = ledger.of_number(number) else { return };
                let path = format!("/v1/verifications/{id}/cancel");
                let answer = self.send(process, ledger, Method::POST, &path, "{}", None).await;
                match answer {
                    (200, body, _) => ledger.seen(id, &body),
                    (409, ..) => {}
                    (status, ..) => ledger.blame(format!("a cancellation was answered {status}")),
                }
            }
            Act::Read => self.read(process, ledger).await,
            Act::List => self.list(process, ledger).await,
        }
    }

    async fn start(
        &mut self,
        process: &Process,
        ledger: &mut Ledger,
        number: &str,
        copies: usize,
        once: bool,
    ) {
        self.idempotency_keys += 1;
        let key = once.then(|| format!("request-{}", self.idempotency_keys));
        let body = json!({ "to": number, "metadata": { "panel": "eu1" } }).to_string();
        let copy = || request(&self.key, Method::POST, "/v1/verifications", &body, key.as_deref());
        let answers = all(process, (0..copies).map(|_| copy()).collect()).await;
        let mut ids: Vec<&Value> = Vec::new();
        for (status, body, text) in &answers {
            ledger.started(number, *status, body);
            spill(ledger, text);
            if *status < 300 {
                ids.push(&body["id"]);
            }
        }
        ids.dedup();
        if ids.len() > 1 {
            ledger.blame(format!("one phone got two verifications: {ids:?}"));
        }
        if copies == 1 && once && answers[0].0 < 300 {
            let again = self
                .send(process, ledger, Method::POST, "/v1/verifications", &body, key.as_deref())
                .await;
            if (again.0, &again.2) != (answers[0].0, &answers[0].2) {
                ledger.blame(format!("a replay differs: {again:?}"));
            }
        }
    }

    async fn check(
        &self,
        now: Instant,
        process: &Process,
        ledger: &mut Ledger,
        number: &str,
        code: &str,
    ) {
        let Some(id) = ledger.of_number(number) else { return };
        let mut tx = process.gateway.store().read().await.expect("the database works");
        let before = tx.any_verification(id).await.expect("the database works");
        drop(tx);
        let (path, body) = check_of(id, code);
        let (status, body, _) = self.send(process, ledger, Method::POST, &path, &body, None).await;
        ledger.checked(id, code, before.as_ref(), unix(now), (status, &body));
    }

    async fn check_at_once(
        &self,
        now: Instant,
        process: &Process,
        ledger: &mut Ledger,
        number: &str,
        codes: &[String],
    ) {
        let Some(id) = ledger.of_number(number) else { return };
        let request = |code: &String| {
            let (path, body) = check_of(id, code);
            request(&self.key, Method::POST, &path, &body, None)
        };
        let answers = all(process, codes.iter().map(request).collect()).await;
        // What ends a verification is told last, whichever answer came first.
        let mut told: Vec<_> = codes.iter().zip(&answers).collect();
        told.sort_by_key(|(_, (_, body, _))| body["status"] != "pending");
        for (code, (status, body, text)) in told {
            ledger.checked(id, code, None, unix(now), (*status, body));
            spill(ledger, text);
        }
    }

    async fn read(&self, process: &Process, ledger: &mut Ledger) {
        let ids: Vec<VerificationId> = ledger.verifications().collect();
        for id in ids {
            let path = format!("/v1/verifications/{id}");
            let (_, body, _) = self.send(process, ledger, Method::GET, &path, "", None).await;
            ledger.seen(id, &body);
            let path = format!("{path}/attempts");
            let (status, ..) = self.send(process, ledger, Method::GET, &path, "", None).await;
            if status != 200 {
                ledger.blame(format!("the calls of {id} were answered {status}"));
            }
        }
    }

    async fn list(&self, process: &Process, ledger: &mut Ledger) {
        let mut path = "/v1/verifications?limit=2".to_owned();
        let mut listed = Vec::new();
        loop {
            let (_, page, _) = self.send(process, ledger, Method::GET, &path, "", None).await;
            for body in page["data"].as_array().into_iter().flatten() {
                if let Some(id) = body["id"].as_str().and_then(|id| id.parse().ok()) {
                    ledger.seen(id, body);
                    listed.push(id);
                }
            }
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/verifications?limit=2&after={cursor}");
        }
        let mut known: Vec<VerificationId> = ledger.verifications().collect();
        listed.sort();
        known.sort();
        if listed != known {
            ledger.blame(format!("{listed:?} were listed of {known:?}"));
        }
    }

    async fn send(
        &self,
        process: &Process,
        ledger: &mut Ledger,
        method: Method,
        path: &str,
        body: &str,
        key: Option<&str>,
    ) -> Answer {
        let request = request(&self.key, method, path, body, key);
        let answer = all(process, vec![request]).await.remove(0);
        spill(ledger, &answer.2);
        answer
    }
}

/// Sends requests at the same time, and waits for all the answers.
async fn all(process: &Process, requests: Vec<Request<Body>>) -> Vec<Answer> {
    let mut tasks = Vec::new();
    for request in requests {
        let router = process.router.clone();
        tasks.push(tokio::spawn(async move {
            let response = router.oneshot(request).await.expect("infallible");
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.expect("a body").to_bytes();
            let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
            (status, serde_json::from_str(&text).unwrap_or(Value::Null), text)
        }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("a handler does not panic"));
    }
    answers
}

fn request(
    bearer: &str,
    method: Method,
    path: &str,
    body: &str,
    key: Option<&str>,
) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        builder = builder.header("idempotency-key", key);
    }
    builder
        .header("authorization", format!("Bearer {bearer}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .expect("a request")
}

fn check_of(id: VerificationId, code: &str) -> (String, String) {
    let body = json!({ "code": code }).to_string();
    (format!("/v1/verifications/{id}/check"), body)
}

/// No answer holds a secret.
fn spill(ledger: &mut Ledger, text: &str) {
    if let Some(secret) = ledger.secret_in(text).map(str::to_owned) {
        ledger.blame(format!("{secret} is in an answer: {text}"));
    }
}

/// What the last person on this number's calls understood, if it was a whole code.
fn heard(house: &House, number: &str) -> Option<String> {
    house.carrier.heard_by(number).filter(|code| code.len() == 6).last()
}
