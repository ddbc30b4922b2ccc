//! The running gateway: builds every part once, and owns the loops between them.

mod build;
mod loops;
mod prompts;

pub use build::BuildError;
pub use prompts::{PromptsError, load as load_prompts};

use crate::api;
use crate::call::{CallEvent, Engine, EngineCommand};
use crate::config::Config;
use crate::entropy::Entropy;
use crate::gateway::{self, Gateway, KeyFileError, Parts};
use crate::id::AttemptId;
use crate::media::PromptLibrary;
use crate::net::{self, BindError, Clock, EngineHandle, RtpWorkers, WorkersError};
use crate::store::{Store, StoreError, StoreOptions};
use crate::time::Duration;
use loops::{Control, Shared};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::JoinHandle;

/// Steps of calls kept for a slow onlooker before it misses some.
const PROGRESS_MAX: usize = 1_024;
/// How long the rest of the calls may take to say goodbye after they were hung up.
const HANG_UP_MAX: Duration = Duration::from_secs(5);
/// How often a stopping gateway looks whether its calls have ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why the gateway did not start. Every one says what to do; nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration does not make a gateway.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The prompts.
    #[error(transparent)]
    Prompts(#[from] PromptsError),
    /// The file of the secret keys.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The key file is gone, but the database was used with one.
    #[error(
        "the database was used with a secret key, but there is no key file at {0}: restore it from \
         your backup, or point `secrets.key_file` to it; without it no number and no code can be \
         read"
    )]
    KeysLost(String),
    /// The database; its source says what is wrong with it.
    #[error("the database of `database.url` cannot be used")]
    Store(#[from] StoreError),
    /// The socket of the user agent.
    #[error(transparent)]
    Sip(#[from] BindError),
    /// The media workers.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// The socket of the API.
    #[error(
        "cannot listen for HTTP on {address}: {source}; choose a free address in `http.listen`, or \
         stop the program that uses it"
    )]
    Http {
        /// Where it was to listen.
        address: SocketAddr,
        /// Why it cannot.
        source: std::io::Error,
    },
}

/// A running gateway.
pub struct App {
    /// Where the API listens.
    pub http: SocketAddr,
    /// Where the user agent listens.
    pub sip: SocketAddr,
    /// The acts, for commands of the terminal.
    pub gateway: Gateway,
    /// The clock everything runs on.
    pub clock: Clock,
    engine: EngineHandle,
    progress: broadcast::Sender<CallEvent>,
    stopping: watch::Sender<bool>,
    /// The API's switch: it refuses new verifications from then on.
    api_stopping: Arc<AtomicBool>,
    http_stop: watch::Sender<bool>,
    drain: Duration,
    api: JoinHandle<()>,
    record: JoinHandle<()>,
    others: Vec<JoinHandle<()>>,
    store: Store,
}

/// Database and keys, as every command needs them.
///
/// # Errors
/// [`StartError`]: the database or the key file cannot be used.
pub async fn open_store(
    config: &Config,
    entropy: &mut Entropy,
) -> Result<(Store, crate::verify::keys::SecretKeys), StartError> {
    let options = StoreOptions {
        busy_timeout: config.database.busy_timeout,
        connections: config.database.connections,
        ..StoreOptions::default()
    };
    let store = Store::open(config.database.url.expose(), &options).await?;
    let path: &Path = &config.secrets.key_file;
    if !path.exists() && store.knows_secret_keys().await? {
        return Err(StartError::KeysLost(path.display().to_string()));
    }
    let keys = gateway::load_or_create(path, entropy)?;
    store.bind_secret_keys(&keys).await?;
    Ok((store, keys))
}

/// The acts over the configured database, in a process that places no calls.
///
/// # Errors
/// [`StartError`]: the configuration, the database or the key file cannot be used.
pub async fn gateway_without_calls(
    config: &Config,
    entropy: &mut Entropy,
) -> Result<Gateway, StartError> {
    let library = prompts::load(config.prompts.dir.as_deref())?;
    let services = build::services(config, &library)?;
    let (store, keys) = open_store(config, entropy).await?;
    Ok(Gateway::new(Parts { store, keys, services, calls: Arc::new(NoCalls) }))
}

/// For processes that place no calls: a serving gateway looks for itself.
struct NoCalls;

impl gateway::CallControl for NoCalls {
    fn wake(&self) {}
    fn cancel(&self, _attempt: AttemptId) {}
}

impl App {
    /// Starts the gateway: database, prompts, sockets, loops, API, in that order.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(config: &Config) -> Result<App, StartError> {
        let mut entropy = Entropy::from_system();
        let clock = Clock::start();
        let library = prompts::load(config.prompts.dir.as_deref())?;
        let services = build::services(config, &library)?;
        let trunks = build::trunks(config).await?;
        let (store, keys) = open_store(config, &mut entropy).await?;
        let listener = listen(config.http.listen).await?;
        let http = local_address(&listener, config.http.listen);

        let started = start_engine(config, clock, library, trunks, &mut entropy)?;
        let EngineStarted { engine, events, sip } = started;
        let (cancels, cancels_in) = mpsc::unbounded_channel();
        let control = Arc::new(Control { due: Notify::new(), cancels });
        let calls: Arc<dyn gateway::CallControl> = Arc::<Control>::clone(&control);
        let gateway = Gateway::new(Parts { store: store.clone(), keys, services, calls });

        let (stopping, is_stopping) = watch::channel(false);
        let (http_stop, http_stopped) = watch::channel(false);
        let (progress, _) = broadcast::channel(PROGRESS_MAX);
        let shared = Shared {
            gateway: gateway.clone(),
            engine: engine.clone(),
            clock,
            node: node_name(&mut entropy),
            stopping: is_stopping,
        };
        let record =
            loops::record(gateway.clone(), clock, events, progress.clone(), entropy.fork());
        let others = vec![
            tokio::spawn(loops::cancel(engine.clone(), cancels_in)),
            tokio::spawn(loops::dispatch(shared.clone(), control, entropy.fork())),
            tokio::spawn(loops::sweep(shared, entropy.fork())),
        ];
        let (api, api_stopping) =
            serve_api(config, gateway.clone(), clock, listener, http_stopped, entropy);
        tracing::info!(http.address = %http, sip.address = %sip, "the gateway is ready");
        Ok(App {
            http,
            sip,
            gateway,
            clock,
            engine,
            progress,
            stopping,
            api_stopping,
            http_stop,
            drain: config.shutdown.drain,
            api,
            record: tokio::spawn(record),
            others,
            store,
        })
    }

    /// The steps of all calls from now on.
    pub fn progress(&self) -> broadcast::Receiver<CallEvent> {
        self.progress.subscribe()
    }

    /// Ends when something the gateway cannot live without has died.
    pub async fn failed(&mut self) {
        tokio::select! {
            _ = &mut self.record => tracing::error!("the call engine has stopped"),
            _ = &mut self.api => tracing::error!("the HTTP API has stopped"),
        }
    }

    /// Stops: places no further call, lets live ones end within `shutdown.drain_s`, hangs up the
    /// rest, writes everything down, and closes the database.
    pub async fn stop(self) {
        let App { engine, stopping, api_stopping, http_stop, drain, .. } = self;
        let (api, record, others, store) = (self.api, self.record, self.others, self.store);
        api_stopping.store(true, Ordering::Relaxed);
        stopping.send_replace(true);
        tracing::info!(calls = engine.calls(), "stopping: no further call is placed");
        if tokio::time::timeout(drain, no_calls(&engine)).await.is_err() {
            tracing::warn!(calls = engine.calls(), "hanging up the calls that are still up");
            // An engine that is gone has no calls.
            let _ = engine.send(EngineCommand::HangUpAll).await;
            let _ = tokio::time::timeout(HANG_UP_MAX, no_calls(&engine)).await;
        }
        http_stop.send_replace(true);
        let _ = api.await;
        for task in others {
            task.abort();
            let _ = task.await;
        }
        // The engine's loop ends with its last handle, the recorder after the loop's last event.
        drop(engine);
        let _ = tokio::time::timeout(HANG_UP_MAX, record).await;
        store.close().await;
        tracing::info!("stopped");
    }
}

async fn no_calls(engine: &EngineHandle) {
    while engine.calls() > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

struct EngineStarted {
    engine: EngineHandle,
    events: mpsc::UnboundedReceiver<CallEvent>,
    sip: SocketAddr,
}

fn start_engine(
    config: &Config,
    clock: Clock,
    library: PromptLibrary,
    trunks: Vec<crate::call::Trunk>,
    entropy: &mut Entropy,
) -> Result<EngineStarted, StartError> {
    let socket = net::bind_sip(config.sip.listen)?;
    let sip = socket.local_addr().unwrap_or(config.sip.listen);
    let settings = build::engine(config, sip, trunks)?;
    let engine = Engine::new(settings, Arc::new(library), entropy.fork());
    let (media, media_events) = mpsc::unbounded_channel();
    let workers = RtpWorkers::start(config.rtp.workers, config.rtp.listen, clock, &media)?;
    let (engine, events) = net::start(engine, clock, socket, workers, media_events);
    Ok(EngineStarted { engine, events, sip })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Http { address, source })
}

fn local_address(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

fn serve_api(
    config: &Config,
    gateway: Gateway,
    clock: Clock,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
    entropy: Entropy,
) -> (JoinHandle<()>, Arc<AtomicBool>) {
    let limits = api::Limits {
        body_bytes_max: config.http.body_bytes_max,
        header_timeout: config.http.header_timeout,
        body_timeout: config.http.body_timeout,
        connections_max: config.http.connections_max,
        connection_age_max: config.http.connection_age_max,
        ..api::Limits::default()
    };
    let now = Arc::new(move || clock.unix());
    let api = api::Api::new(gateway, now, entropy, limits.clone());
    let stopping = api.stopping();
    let router = api::router(api);
    let serving = tokio::spawn(async move {
        let stopped = async {
            // A sender that is gone means the same.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        api::serve(listener, router, stopped, limits).await;
    });
    (serving, stopping)
}

/// One name per process: a restarted gateway must not renew the leases of the dead one.
fn node_name(entropy: &mut Entropy) -> Arc<str> {
    format!("{}-{}", std::process::id(), entropy.token::<6>()).into()
}
