//! One gateway with its real router and a real SQLite file, under a clock that tests move.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use belfry::api::{Api, Limits, router};
use belfry::call::{CallEventKind, CallOrder, Receipt, ScriptPolicy};
use belfry::entropy::Entropy;
use belfry::gateway::{CallControl, Gateway, Parts, Scope, Service};
use belfry::id::AttemptId;
use belfry::reason::Reason;
use belfry::secret::Digits;
use belfry::store::{Store, StoreOptions};
use belfry::time::{Duration, UnixMillis};
use belfry::verify::keys::SecretKeys;
use belfry::verify::policy::{PolicySettings, ServicePolicy};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

/// 2026-11-24T10:00:00Z.
pub const START: i64 = 1_795_514_400_000;
/// A landline of Brussels; its digits must show up nowhere.
pub const NUMBER: &str = "+3225805000";

pub struct World {
    pub router: Router,
    pub gateway: Gateway,
    pub key: String,
    /// Set when the gateway begins to stop.
    pub stopping: Arc<AtomicBool>,
    /// Removed when the world ends.
    pub folder: tempfile::TempDir,
    canceled: Arc<Mutex<Vec<AttemptId>>>,
    clock: Arc<AtomicI64>,
    entropy: Mutex<Entropy>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("a JSON body")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// Status and code of a problem; its shape is judged on the way.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body["request_id"], self.header("x-request-id"));
        let code = body["code"].as_str().expect("a code").to_owned();
        assert_eq!(body["type"], format!("urn:belfry:problem:{code}"));
        for member in ["title", "detail", "instance"] {
            assert!(body[member].is_string(), "{member}");
        }
        (self.status.as_u16(), code)
    }
}

struct Canceled(Arc<Mutex<Vec<AttemptId>>>);

impl CallControl for Canceled {
    fn wake(&self) {}

    fn cancel(&self, attempt: AttemptId) {
        self.0.lock().expect("not poisoned").push(attempt);
    }
}

pub fn service(change: impl FnOnce(&mut PolicySettings)) -> Service {
    let mut settings = PolicySettings::default();
    settings.countries.insert("BE".to_owned());
    change(&mut settings);
    Service {
        policy: ServicePolicy::new(settings).expect("in bounds"),
        locale: "en".to_owned(),
        locales: vec!["en".to_owned()],
        default_region: Some("BE".to_owned()),
        trunks: vec!["one".to_owned(), "two".to_owned()],
        script: ScriptPolicy::default(),
    }
}

impl World {
    pub async fn new() -> World {
        World::with_limits(Limits::default()).await
    }

    pub async fn with_limits(limits: Limits) -> World {
        World::build(limits, service(|_| {})).await
    }

    pub async fn with_service(change: impl FnOnce(&mut PolicySettings)) -> World {
        World::build(Limits::default(), service(change)).await
    }

    async fn build(limits: Limits, panel: Service) -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("belfry.db").display());
        let mut entropy = Entropy::from_seed(7);
        let keys = SecretKeys::generate(&mut entropy);
        let store = Store::open(&url, &StoreOptions::default()).await.expect("a new database");
        let canceled = Arc::new(Mutex::new(Vec::new()));
        let services =
            BTreeMap::from([("panel".to_owned(), panel), ("other".to_owned(), service(|_| {}))]);
        let gateway = Gateway::new(Parts {
            store,
            keys,
            services,
            calls: Arc::new(Canceled(Arc::clone(&canceled))),
        });
        let clock = Arc::new(AtomicI64::new(START));
        let now = {
            let clock = Arc::clone(&clock);
            Arc::new(move || UnixMillis(clock.load(Ordering::SeqCst)))
        };
        let api = Api::new(gateway.clone(), now, entropy.fork(), limits);
        let mut world = World {
            stopping: api.stopping(),
            router: router(api),
            gateway,
            key: String::new(),
            folder,
            canceled,
            clock,
            entropy: Mutex::new(entropy),
        };
        let scopes = [Scope::VerificationsWrite, Scope::VerificationsRead];
        world.key = world.new_key("panel", &scopes).await;
        world
    }

    pub async fn new_key(&self, service: &str, scopes: &[Scope]) -> String {
        let scopes = scopes.iter().copied().collect();
        let mut entropy = self.entropy();
        let made = self.gateway.create_key(self.now(), &mut entropy, service, &scopes, true);
        made.await.expect("a key").1.expose().clone()
    }

    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.clock.load(Ordering::SeqCst))
    }

    pub fn advance_s(&self, seconds: i64) {
        self.advance_ms(seconds * 1000);
    }

    pub fn advance_ms(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    /// The calls that were told to end, in that order.
    pub fn canceled(&self) -> Vec<AttemptId> {
        self.canceled.lock().expect("not poisoned").clone()
    }

    pub fn entropy(&self) -> Entropy {
        self.entropy.lock().expect("not poisoned").fork()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A request with this world's key.
    pub fn request(&self, method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
        let builder = Request::builder().method(method).uri(path);
        builder
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(body.into())
            .expect("a request")
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path, body.to_string())).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path, Body::empty())).await
    }

    /// Asks for a verification of [`NUMBER`] and gives the object.
    pub async fn start(&self) -> Value {
        let answer = self.post("/v1/verifications", json!({ "to": NUMBER })).await;
        assert!(answer.status.is_success(), "{answer:?}");
        answer.json()
    }

    /// Takes every due call, as the call engine would.
    pub async fn dispatch(&self) -> Vec<CallOrder> {
        let mut entropy = self.entropy();
        let dispatched = self.gateway.dispatch(self.now(), &mut entropy, "node", 10);
        dispatched.await.expect("dispatched")
    }

    pub async fn observe(&self, attempt: AttemptId, kind: CallEventKind) {
        let mut entropy = self.entropy();
        let observed = self.gateway.observe(self.now(), &mut entropy, attempt, &kind);
        observed.await.expect("observed");
    }

    /// Ends a call for `reason`, with the facts that go with it.
    pub async fn settle(&self, attempt: AttemptId, reason: Reason) {
        let answered = matches!(reason, Reason::Completed | Reason::HungUp | Reason::NoHuman);
        let rang = answered || matches!(reason, Reason::NoAnswer | Reason::Busy | Reason::Declined);
        let receipt = Receipt { rang, answered, ..Receipt::unplaced(reason) };
        let mut entropy = self.entropy();
        let settled = self.gateway.settle(self.now(), &mut entropy, attempt, &receipt);
        settled.await.expect("settled");
    }

    /// Starts a verification and plays its call to the end; gives its id and its code.
    pub async fn called(&self) -> (String, String) {
        let id = self.start().await["id"].as_str().expect("an id").to_owned();
        let order = self.dispatch().await.remove(0);
        self.settle(order.attempt, Reason::Completed).await;
        (id, text_of(&order.code))
    }

    pub async fn check(&self, id: &str, code: &str) -> Answer {
        self.post(&format!("/v1/verifications/{id}/check"), json!({ "code": code })).await
    }
}

/// The digits as a person types them.
pub fn text_of(code: &Digits) -> String {
    String::from_utf8(code.expose().to_vec()).expect("digits")
}

/// The extension a call goes to.
pub fn extension_of(order: &CallOrder) -> Option<&str> {
    order.extension.as_ref().map(|extension| extension.expose().as_str())
}

/// A code that is not `code`.
pub fn other_than(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}

pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
