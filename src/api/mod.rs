//! The HTTP API: handlers that parse, call one function of the gateway, and render.
//!
//! [`router`] is the whole API as a function from request to response, so that tests drive it
//! without sockets; [`serve`] puts it on one. Only this folder names axum and hyper. It holds no
//! rule and no SQL. Leaves out: TLS (a reverse proxy's), live events, and what later issues add.

mod auth;
mod body;
mod fields;
mod health;
mod idempotency;
mod limits;
mod page;
mod post;
mod problem;
mod refusals;
mod render;
mod respond;
mod serve;
mod start_request;
mod verifications;

pub use limits::Limits;
pub use serve::serve;

use crate::entropy::Entropy;
use crate::gateway::Gateway;
use crate::time::UnixMillis;
use axum::Router;
use axum::routing::{get, post};
use problem::{Code, Problem};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tower_http::catch_panic::CatchPanicLayer;

/// The clock of the API: the wall clock in production, a virtual one in tests.
pub type Clock = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// Everything a handler needs.
#[derive(Clone)]
pub struct Api {
    gateway: Gateway,
    clock: Clock,
    entropy: Arc<Mutex<Entropy>>,
    limits: Limits,
    stopping: Arc<AtomicBool>,
}

impl Api {
    /// An API over `gateway` that takes the time from `clock` and all randomness from `entropy`.
    pub fn new(gateway: Gateway, clock: Clock, entropy: Entropy, limits: Limits) -> Self {
        let (entropy, stopping) = (Arc::new(Mutex::new(entropy)), Arc::default());
        Api { gateway, clock, entropy, limits, stopping }
    }

    /// A switch for the moment the gateway begins to stop: from then on it is not ready, and starts
    /// nothing, while codes may still be checked and calls be watched to their end.
    pub fn stopping(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stopping)
    }

    /// Refuses what would need a further call once the gateway stops.
    fn must_not_be_stopping(&self) -> Result<(), Problem> {
        if !self.stopping.load(Ordering::Relaxed) {
            return Ok(());
        }
        let detail = "This gateway is stopping and places no further call; try again in a moment.";
        let retry_after = crate::time::Duration::from_secs(5);
        Err(Problem::new(Code::Unavailable, detail).retry_after(retry_after))
    }

    fn now(&self) -> UnixMillis {
        (self.clock)()
    }

    /// A generator of its own for one request, so that none waits for another's.
    fn entropy(&self) -> Entropy {
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }
}

/// The whole API as a service without sockets.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/verifications", get(verifications::list).post(verifications::start))
        .route("/v1/verifications/{id}", get(verifications::read))
        .route("/v1/verifications/{id}/check", post(verifications::check))
        .route("/v1/verifications/{id}/cancel", post(verifications::cancel))
        .route("/v1/verifications/{id}/attempts", get(verifications::attempts))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .layer(CatchPanicLayer::new())
        .layer(axum::middleware::from_fn_with_state(api.clone(), respond::respond))
        .with_state(api)
}
