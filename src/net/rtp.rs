//! The RTP worker threads: each owns a share of the streams and wakes for their frames.
//!
//! A worker waits in epoll for packets, commands or the next frame's deadline, whichever comes
//! first; `epoll_pwait2` (Linux 5.11) gives that wait a resolution of nanoseconds.

use super::clock::Clock;
use super::sip_socket::udp_socket;
use crate::id::AttemptId;
use crate::media::{Bank, BankConfig, BankOutput, MediaCommand, StreamEvent};
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fd::OwnedFd;
use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::mpsc::UnboundedSender;

/// The largest RTP packet looked at; anything longer is cut and refused as garbage.
const PACKET_BYTES_MAX: usize = 1_500;
/// Packets taken from one socket before the others get their turn.
const BURST_MAX: usize = 32;
/// Socket buffer of one call: about half a second of packets.
const BUFFER_BYTES: usize = 16 << 10;
/// The epoll token of the command queue; calls count from 1.
const COMMANDS: u64 = 0;

/// The workers could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the RTP workers: {0}; raise the limit of open files or threads")]
pub struct WorkersError(#[from] io::Error);

/// The running worker threads. They end when this is dropped.
#[derive(Debug)]
pub struct RtpWorkers {
    workers: Vec<WorkerHandle>,
}

#[derive(Debug)]
struct WorkerHandle {
    commands: Sender<MediaCommand>,
    wake: Arc<OwnedFd>,
}

impl RtpWorkers {
    /// Starts `count` workers whose streams are bound to `address` and report to `events`.
    ///
    /// # Errors
    /// [`WorkersError`] if the operating system gives no thread or descriptor.
    pub fn start(
        count: usize,
        address: IpAddr,
        clock: Clock,
        events: &UnboundedSender<(AttemptId, StreamEvent)>,
    ) -> Result<Self, WorkersError> {
        let start_one = |index: usize| -> io::Result<WorkerHandle> {
            let (commands, commands_in) = channel();
            let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
            let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            epoll::add(&epoll, &wake, epoll::EventData::new_u64(COMMANDS), epoll::EventFlags::IN)?;
            let worker = Worker {
                bank: Bank::new(BankConfig::default()),
                address,
                clock,
                epoll,
                wake: Arc::clone(&wake),
                commands: commands_in,
                events: events.clone(),
                sockets: BTreeMap::new(),
                tokens: BTreeMap::new(),
                last_token: COMMANDS,
            };
            let name = format!("rtp-{index}");
            std::thread::Builder::new().name(name).spawn(move || worker.run())?;
            Ok(WorkerHandle { commands, wake })
        };
        let workers = (0..count.max(1)).map(start_one).collect::<io::Result<_>>()?;
        Ok(RtpWorkers { workers })
    }

    /// Hands a command to the worker that owns the call.
    pub fn send(&self, command: MediaCommand) {
        let call = command.call();
        let worker = &self.workers[call.spread(self.workers.len())];
        if worker.commands.send(command).is_err() {
            // Without its worker no call of this share can end properly.
            panic!("an RTP worker has died");
        }
        worker.wake();
    }
}

impl WorkerHandle {
    fn wake(&self) {
        // A full counter means the worker is already due to wake.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

impl Drop for RtpWorkers {
    fn drop(&mut self) {
        for worker in self.workers.drain(..) {
            let WorkerHandle { commands, wake } = worker;
            drop(commands);
            let _ = rustix::io::write(&wake, &1_u64.to_ne_bytes());
        }
    }
}

struct Bound {
    token: u64,
    socket: UdpSocket,
}

struct Worker {
    bank: Bank,
    address: IpAddr,
    clock: Clock,
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    commands: Receiver<MediaCommand>,
    events: UnboundedSender<(AttemptId, StreamEvent)>,
    sockets: BTreeMap<AttemptId, Bound>,
    tokens: BTreeMap<u64, AttemptId>,
    last_token: u64,
}

impl Worker {
    fn run(mut self) {
        let mut ready = Vec::with_capacity(256);
        loop {
            self.wait(&mut ready);
            let mut ended = false;
            for event in ready.drain(..) {
                match event {
                    COMMANDS => ended |= self.take_commands(),
                    token => self.take_packets(token),
                }
            }
            if ended {
                return;
            }
            self.bank.handle_timeout(self.clock.now());
            self.drain();
        }
    }

    /// Waits for a packet, a command or the next deadline.
    fn wait(&mut self, ready: &mut Vec<u64>) {
        let timeout = self.bank.poll_timeout().map(|deadline| {
            let wait = deadline.since(self.clock.now());
            rustix::event::Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(wait.subsec_nanos()),
            }
        });
        let mut events = [MaybeUninit::uninit(); 256];
        match epoll::wait(&self.epoll, &mut events[..], timeout.as_ref()) {
            Ok((events, _)) => ready.extend(events.iter().map(|event| event.data.u64())),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("epoll cannot fail on descriptors we own: {error}"),
        }
    }

    /// Takes all waiting commands; true when there can be no more.
    fn take_commands(&mut self) -> bool {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.wake, &mut count);
        loop {
            match self.commands.try_recv() {
                Ok(command) => {
                    self.bank.handle_command(self.clock.now(), command);
                    self.drain();
                }
                Err(std::sync::mpsc::TryRecvError::Empty) => return false,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return true,
            }
        }
    }

    fn take_packets(&mut self, token: u64) {
        let Some(&call) = self.tokens.get(&token) else { return };
        let Some(bound) = self.sockets.get(&call) else { return };
        let mut buffer = [0; PACKET_BYTES_MAX];
        for _ in 0..BURST_MAX {
            // An error here is "nothing more" or speaks of an earlier packet of ours.
            let Ok((length, source)) = bound.socket.recv_from(&mut buffer) else { return };
            self.bank.handle_packet(self.clock.now(), call, source, &buffer[..length]);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.bank.poll_output() {
            match output {
                BankOutput::Bind { call, port } => {
                    let bound = self.bind(call, port).is_ok();
                    self.bank.handle_bound(self.clock.now(), call, bound);
                }
                BankOutput::Unbind { call } => {
                    if let Some(bound) = self.sockets.remove(&call) {
                        self.tokens.remove(&bound.token);
                    }
                }
                BankOutput::Send { call, destination, packet } => {
                    if let Some(bound) = self.sockets.get(&call) {
                        // A packet the kernel does not take is lost, as on any network.
                        let _ = bound.socket.send_to(packet.as_slice(), destination);
                    }
                }
                BankOutput::Event { call, event } => {
                    // The receiver is gone only while the process ends.
                    let _ = self.events.send((call, event));
                }
            }
        }
    }

    fn bind(&mut self, call: AttemptId, port: u16) -> io::Result<()> {
        let address = SocketAddr::new(self.address, port);
        let socket: UdpSocket = udp_socket(address, BUFFER_BYTES)?.into();
        self.last_token += 1;
        let token = self.last_token;
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(token), epoll::EventFlags::IN)?;
        self.tokens.insert(token, call);
        self.sockets.insert(call, Bound { token, socket });
        Ok(())
    }
}
