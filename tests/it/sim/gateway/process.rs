//! One life of the gateway's process: the real acts and router over a database that outlives it.
//!
//! It does what `app` does with tasks and timers: dispatch, record, cancel, sweep, renew, each at
//! its own virtual pace.

use super::ledger::Ledger;
use crate::sim::dice::Dice;
use crate::sim::house::House;
use axum::Router;
use belfry::api::{Api, Limits, router};
use belfry::call::{CallEvent, CallEventKind, EngineCommand};
use belfry::entropy::Entropy;
use belfry::gateway::{CallControl, Gateway, Parts, Service};
use belfry::id::AttemptId;
use belfry::store::{Store, StoreOptions};
use belfry::time::{Duration, Instant, UnixMillis, earliest};
use belfry::verify::keys::SecretKeys;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// The moment every world begins: 2026-11-24T10:00:00Z.
const BEGINNING: i64 = 1_795_514_400_000;
/// How often leases are renewed, as in `app`.
const RENEW_EVERY: Duration = Duration::from_secs(15);

/// The wall clock at a virtual instant.
pub fn unix(now: Instant) -> UnixMillis {
    UnixMillis(BEGINNING + (now.as_nanos() / 1_000_000) as i64)
}

/// How fast the process does what it does by itself.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub look: Duration,
    pub sweep: Duration,
    /// How long an event of a call waits to be written down, at most.
    pub record_ms_max: u64,
    /// How long an order is on its way to the engine, at most.
    pub place_ms_max: u64,
}

impl Pace {
    pub fn draw(dice: &mut Dice) -> Pace {
        Pace {
            look: dice.millis(500, 3_000),
            sweep: dice.millis(1_000, 6_000),
            record_ms_max: dice.pick(&[0, 0, 20, 2_000]),
            place_ms_max: dice.pick(&[0, 0, 5, 400]),
        }
    }
}

/// What the acts told and nobody has done yet.
#[derive(Default)]
struct Told {
    wake: AtomicBool,
    cancels: Mutex<Vec<AttemptId>>,
}

impl CallControl for Told {
    fn wake(&self) {
        self.wake.store(true, Ordering::SeqCst);
    }

    fn cancel(&self, attempt: AttemptId) {
        self.cancels.lock().expect("not poisoned").push(attempt);
    }
}

/// What a process is started with.
pub struct Setting<'a> {
    pub folder: &'a Path,
    pub keys: SecretKeys,
    pub services: BTreeMap<String, Service>,
    pub pace: Pace,
    pub seed: u64,
    /// Which life this is, from 0.
    pub life: u64,
}

/// A running process.
pub struct Process {
    pub gateway: Gateway,
    pub router: Router,
    told: Arc<Told>,
    clock: Arc<AtomicI64>,
    entropy: Entropy,
    dice: Dice,
    node: String,
    pace: Pace,
    orders: VecDeque<(Instant, EngineCommand)>,
    diary: VecDeque<(Instant, CallEvent)>,
    look_at: Instant,
    sweep_at: Instant,
    renew_at: Instant,
    /// No further call is placed.
    pub stopping: bool,
}

/// The address of the database in `folder`.
pub fn database(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("belfry.db").display())
}

impl Process {
    pub async fn start(now: Instant, setting: Setting<'_>) -> Process {
        let Setting { folder, keys, services, pace, seed, life } = setting;
        let options = StoreOptions { connections: 2, ..StoreOptions::default() };
        let store = Store::open(&database(folder), &options).await.expect("the database opens");
        let told = Arc::new(Told::default());
        let calls = Arc::clone(&told) as Arc<dyn CallControl>;
        let gateway = Gateway::new(Parts { store, keys, services, calls });
        let clock = Arc::new(AtomicI64::new(unix(now).0));
        let time = Arc::clone(&clock);
        let mut entropy = Entropy::from_seed(seed ^ (life + 1) << 40);
        let api = Api::new(
            gateway.clone(),
            Arc::new(move || UnixMillis(time.load(Ordering::SeqCst))),
            entropy.fork(),
            Limits::default(),
        );
        Process {
            gateway,
            router: router(api),
            told,
            clock,
            entropy,
            dice: Dice::new(seed ^ life),
            node: format!("node-{life}"),
            pace,
            orders: VecDeque::new(),
            diary: VecDeque::new(),
            look_at: now,
            sweep_at: now,
            renew_at: now,
            stopping: false,
        }
    }

    /// Sets the clock that requests see.
    pub fn set_clock(&self, now: Instant) {
        self.clock.store(unix(now).0, Ordering::SeqCst);
    }

    /// When it does something by itself next.
    pub fn next_at(&self) -> Option<Instant> {
        let queues =
            earliest(self.orders.front().map(|&(at, _)| at), self.diary.front().map(|&(at, _)| at));
        earliest(queues, Some(self.look_at.min(self.sweep_at)))
    }

    /// Whether nothing is left to be written down or placed.
    pub fn is_idle(&self) -> bool {
        self.orders.is_empty() && self.diary.is_empty()
    }

    /// A moment drawn from `0..=most_ms` from now, but not before `last`.
    fn later(&mut self, now: Instant, last: Option<Instant>, most_ms: u64) -> Instant {
        let at = now + self.dice.millis(0, most_ms);
        last.map_or(at, |last| last.max(at))
    }

    /// Does what is due.
    pub async fn run(&mut self, now: Instant, house: &mut House, ledger: &mut Ledger) {
        for event in house.take_events() {
            let last = self.diary.back().map(|&(at, _)| at);
            let at = self.later(now, last, self.pace.record_ms_max);
            self.diary.push_back((at, event));
        }
        while let Some((_, event)) = self.diary.pop_front_if(|&mut (at, _)| at <= now) {
            self.write_down(now, &event, ledger).await;
        }
        for attempt in std::mem::take(&mut *self.told.cancels.lock().expect("not poisoned")) {
            house.command(now, EngineCommand::Cancel(attempt));
        }
        self.dispatch(now, house, ledger).await;
        while let Some((_, order)) = self.orders.pop_front_if(|&mut (at, _)| at <= now) {
            house.command(now, order);
        }
        if now >= self.sweep_at {
            self.sweep_at = now + self.pace.sweep;
            if now >= self.renew_at {
                self.renew_at = now + RENEW_EVERY;
                let renewed = self.gateway.renew_leases(unix(now), &self.node).await;
                renewed.expect("the database works");
            }
            let swept = self.gateway.sweep(unix(now), &mut self.entropy).await;
            swept.expect("the database works");
        }
    }

    async fn write_down(&mut self, now: Instant, event: &CallEvent, ledger: &mut Ledger) {
        let (entropy, kind) = (&mut self.entropy, &event.kind);
        let written = self.gateway.observe(unix(now), entropy, event.attempt, kind).await;
        written.expect("the database works");
        if let CallEventKind::Ended(receipt) = kind {
            ledger.settled(event.attempt, receipt);
        }
    }

    async fn dispatch(&mut self, now: Instant, house: &House, ledger: &mut Ledger) {
        let woken = self.told.wake.swap(false, Ordering::SeqCst);
        if self.stopping || !(woken || now >= self.look_at) {
            if now >= self.look_at {
                self.look_at = now + self.pace.look;
            }
            return;
        }
        self.look_at = now + self.pace.look;
        let capacity = house.capacity(now).saturating_sub(self.orders.len()) as u32;
        let entropy = &mut self.entropy;
        let orders = self.gateway.dispatch(unix(now), entropy, &self.node, capacity).await;
        for order in orders.expect("the database works") {
            ledger.ordered(&self.gateway, &order, unix(now)).await;
            let last = self.orders.back().map(|&(at, _)| at);
            let at = self.later(now, last, self.pace.place_ms_max);
            self.orders.push_back((at, EngineCommand::Place(Box::new(order))));
        }
    }
}
