//! The loops between the database and the engine: dispatch, what calls report, sweep.
//!
//! SQL trouble never loses anything: what could not be written is tried again until it can.

use crate::call::{CallEvent, CallEventKind, CallOrder, EngineCommand};
use crate::entropy::Entropy;
use crate::gateway::{CallControl, Gateway};
use crate::id::AttemptId;
use crate::net::{Clock, EngineHandle};
use crate::time::Duration;
use std::sync::Arc;
use tokio::sync::{Notify, broadcast, mpsc, watch};

/// The longest wait for the next look at what is due; another gateway may have queued it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often expired verifications and lapsed leases are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How often the leases of live calls are renewed; they last a minute.
const RENEW_EVERY: Duration = Duration::from_secs(15);
/// Pauses between tries when the database refuses.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(2);

/// What the acts tell the loops. Commands wait here until the engine takes them.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) due: Notify,
    pub(super) cancels: mpsc::UnboundedSender<AttemptId>,
}

impl CallControl for Control {
    fn wake(&self) {
        self.due.notify_one();
    }

    fn cancel(&self, attempt: AttemptId) {
        // The receiver is gone only while the process ends, and then every call is hung up.
        let _ = self.cancels.send(attempt);
    }
}

/// What every loop needs.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) gateway: Gateway,
    pub(super) engine: EngineHandle,
    pub(super) clock: Clock,
    pub(super) node: Arc<str>,
    /// True once no further call may be placed.
    pub(super) stopping: watch::Receiver<bool>,
}

/// Claims what is due and gives it to the engine, until the gateway stops.
pub(super) async fn dispatch(shared: Shared, control: Arc<Control>, mut entropy: Entropy) {
    let Shared { gateway, engine, clock, node, mut stopping } = shared;
    loop {
        let capacity = u32::try_from(engine.capacity()).unwrap_or(u32::MAX);
        let orders = if capacity == 0 {
            Vec::new()
        } else {
            match gateway.dispatch(clock.unix(), &mut entropy, &node, capacity).await {
                Ok(orders) => orders,
                Err(error) => {
                    tracing::error!(%error, "due calls could not be claimed; trying again");
                    Vec::new()
                }
            }
        };
        for order in orders {
            tracing::info!(
                call.id = %order.attempt,
                trunk.name = %order.trunk,
                to = %order.to,
                "placing a call"
            );
            if place(&engine, order).await.is_err() {
                return;
            }
        }
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = control.due.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn place(engine: &EngineHandle, order: CallOrder) -> Result<(), ()> {
    engine.send(EngineCommand::Place(Box::new(order))).await.map_err(drop)
}

/// Hands cancellations to the engine.
pub(super) async fn cancel(engine: EngineHandle, mut cancels: mpsc::UnboundedReceiver<AttemptId>) {
    while let Some(attempt) = cancels.recv().await {
        if engine.send(EngineCommand::Cancel(attempt)).await.is_err() {
            return;
        }
    }
}

/// Writes down what calls report, in order; returns when the engine has ended.
///
/// It holds no handle of the engine, whose loop ends with the last one.
pub(super) async fn record(
    gateway: Gateway,
    clock: Clock,
    mut events: mpsc::UnboundedReceiver<CallEvent>,
    progress: broadcast::Sender<CallEvent>,
    mut entropy: Entropy,
) {
    while let Some(event) = events.recv().await {
        write_down(&gateway, clock, &event, &mut entropy).await;
        if let CallEventKind::Ended(receipt) = &event.kind {
            tracing::info!(
                call.id = %event.attempt,
                reason = %receipt.reason,
                delivery = receipt.delivery.as_str(),
                talk_ms = receipt.talk_time.as_millis(),
                "a call ended"
            );
        }
        // Nobody has to be looking.
        let _ = progress.send(event);
    }
}

/// Tries until the database has it. A step of a call that did not get through is not worth
/// holding up its end, so only the end is tried for ever.
async fn write_down(gateway: &Gateway, clock: Clock, event: &CallEvent, entropy: &mut Entropy) {
    let mut pause = RETRY_FIRST;
    loop {
        let now = clock.unix();
        let written = gateway.observe(now, entropy, event.attempt, &event.kind).await;
        let Err(error) = written else { return };
        if !matches!(event.kind, CallEventKind::Ended(_)) {
            tracing::error!(%error, call.id = %event.attempt, "a step of a call was not recorded");
            return;
        }
        tracing::warn!(%error, call.id = %event.attempt, "recording a call is tried again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_LAST);
    }
}

/// Expires, settles what died and forgets what is old; renews the leases of live calls.
pub(super) async fn sweep(shared: Shared, mut entropy: Entropy) {
    let Shared { gateway, engine, clock, node, .. } = shared;
    let mut tick = tokio::time::interval(SWEEP_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut renew_at = clock.now();
    loop {
        tick.tick().await;
        if engine.calls() > 0 && clock.now() >= renew_at {
            match gateway.renew_leases(clock.unix(), &node).await {
                Ok(_) => renew_at = clock.now() + RENEW_EVERY,
                Err(error) => tracing::warn!(%error, "leases could not be renewed; trying again"),
            }
        }
        if let Err(error) = gateway.sweep(clock.unix(), &mut entropy).await {
            tracing::warn!(%error, "the sweep failed; trying again");
        }
    }
}
