//! The one loop around the engine: wait, hand in, carry out.

use super::clock::Clock;
use super::rtp::RtpWorkers;
use crate::call::{CallEvent, Engine, EngineCommand, EngineOutput};
use crate::id::AttemptId;
use crate::media::StreamEvent;
use crate::sip::wire::{self, Message};
use crate::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// SIP messages may fill a whole datagram (RFC 3261 §18.1.1).
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Datagrams or events taken in a row before the deadlines are looked at again.
const BURST_MAX: usize = 64;
/// How long the loop sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);
/// Commands waiting for the engine; the sender waits when there are more.
const COMMANDS_MAX: usize = 1_024;

/// How the rest of the gateway reaches the running engine.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    commands: mpsc::Sender<EngineCommand>,
    load: Arc<Load>,
}

#[derive(Debug, Default)]
struct Load {
    capacity: AtomicUsize,
    calls: AtomicUsize,
}

/// The engine's loop has ended, so a command could not be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call engine has stopped")]
pub struct EngineStopped;

impl EngineHandle {
    /// Gives the engine a command; waits while it is behind.
    ///
    /// # Errors
    /// [`EngineStopped`] when the gateway is shutting down.
    pub async fn send(&self, command: EngineCommand) -> Result<(), EngineStopped> {
        self.commands.send(command).await.map_err(|_| EngineStopped)
    }

    /// How many more calls the engine can take.
    pub fn capacity(&self) -> usize {
        self.load.capacity.load(Ordering::Relaxed)
    }

    /// How many calls are up.
    pub fn calls(&self) -> usize {
        self.load.calls.load(Ordering::Relaxed)
    }
}

/// Starts the loop on the runtime. Events of calls come out of the receiver, each call's last one
/// being its receipt. The loop ends when every [`EngineHandle`] is gone.
///
/// The channels of events are not bounded in length: what a call can say is, and the calls are.
pub fn start(
    engine: Engine,
    clock: Clock,
    sip: UdpSocket,
    workers: RtpWorkers,
    media_events: mpsc::UnboundedReceiver<(AttemptId, StreamEvent)>,
) -> (EngineHandle, mpsc::UnboundedReceiver<CallEvent>) {
    let (commands, commands_in) = mpsc::channel(COMMANDS_MAX);
    let (events, events_out) = mpsc::unbounded_channel();
    let load = Arc::new(Load::default());
    load.capacity.store(engine.capacity(clock.now()), Ordering::Relaxed);
    let load_told = Arc::clone(&load);
    let running = Running { engine, clock, sip, workers, events, load: load_told, unsent: 0 };
    tokio::spawn(running.run(commands_in, media_events));
    (EngineHandle { commands, load }, events_out)
}

struct Running {
    engine: Engine,
    clock: Clock,
    sip: UdpSocket,
    workers: RtpWorkers,
    events: mpsc::UnboundedSender<CallEvent>,
    load: Arc<Load>,
    /// SIP datagrams the kernel would not take; their transactions repeat them.
    unsent: u64,
}

impl Drop for Running {
    /// The last word on what was thrown away, for an operator who wonders.
    fn drop(&mut self) {
        let counters = self.engine.sip_counters();
        tracing::info!(sip.counters = ?counters, sip.unsent = self.unsent, "the call engine ended");
    }
}

impl Running {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<EngineCommand>,
        mut media: mpsc::UnboundedReceiver<(AttemptId, StreamEvent)>,
    ) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let deadline = self.engine.poll_timeout().unwrap_or(self.clock.now() + IDLE);
            let deadline = self.clock.to_tokio(deadline);
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.engine.handle_command(self.clock.now(), command),
                    None => return,
                },
                event = media.recv() => {
                    let Some((call, event)) = event else { return };
                    self.engine.handle_media(self.clock.now(), call, event);
                    self.take_media(&mut media);
                }
                received = self.sip.recv_from(&mut buffer) => {
                    self.take_sip(received, &mut buffer);
                }
                () = tokio::time::sleep_until(deadline) => {}
            }
            self.engine.handle_timeout(self.clock.now());
            self.drain();
        }
    }

    fn take_media(&mut self, media: &mut mpsc::UnboundedReceiver<(AttemptId, StreamEvent)>) {
        for _ in 0..BURST_MAX {
            let Ok((call, event)) = media.try_recv() else { return };
            self.engine.handle_media(self.clock.now(), call, event);
        }
    }

    fn take_sip(&mut self, first: std::io::Result<(usize, SocketAddr)>, buffer: &mut [u8]) {
        let mut received = first;
        for _ in 0..BURST_MAX {
            // An error on a UDP socket speaks of an earlier datagram; there is nothing to read.
            let Ok((length, source)) = received else { return };
            log_sip("received", source, &buffer[..length]);
            self.engine.handle_sip(self.clock.now(), source, &buffer[..length]);
            received = self.sip.try_recv_from(buffer);
        }
    }

    /// A full buffer is a lost datagram, which its transaction repeats; any other error says that
    /// there is no way to the destination (RFC 3261 §18.4).
    fn send(&mut self, datagram: &[u8], destination: SocketAddr) {
        log_sip("sent", destination, datagram);
        let Err(error) = self.sip.try_send_to(datagram, destination) else { return };
        self.unsent = self.unsent.saturating_add(1);
        if error.kind() != std::io::ErrorKind::WouldBlock {
            tracing::warn!(%error, %destination, "a SIP datagram could not be sent");
            self.engine.handle_unreachable(self.clock.now(), destination);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                EngineOutput::Sip { destination, datagram } => {
                    self.send(&datagram, destination);
                }
                EngineOutput::Media(command) => self.workers.send(command),
                EngineOutput::Event(event) => {
                    // The receiver is gone only while the process ends.
                    let _ = self.events.send(event);
                }
            }
        }
        let capacity = self.engine.capacity(self.clock.now());
        self.load.capacity.store(capacity, Ordering::Relaxed);
        self.load.calls.store(self.engine.calls(), Ordering::Relaxed);
    }
}

/// Method or status, and Call-ID: enough to follow a call, and nothing of whom it is to.
fn log_sip(what: &'static str, peer: SocketAddr, datagram: &[u8]) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        match wire::parse(datagram) {
            Ok(Message::Request(sip)) => tracing::debug!(%peer, ?sip, "SIP {what}"),
            Ok(Message::Response(sip)) => tracing::debug!(%peer, ?sip, "SIP {what}"),
            Err(error) => tracing::debug!(%peer, %error, "unreadable SIP {what}"),
        }
    }
}
