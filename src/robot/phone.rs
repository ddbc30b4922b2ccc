//! The phone's sockets and clock: one SIP socket, one RTP socket a call, one task a call.

use super::behaviour::{Behaviour, Challenge};
use super::call::{Call, Output};
use super::ear::Templates;
use super::message::Message;
use super::record::{CallRecord, Happening};
use super::settings::Settings;
use crate::entropy::Entropy;
use crate::media::Codec;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Datagrams, happenings and records that may wait; more are dropped, as a network would.
const QUEUE: usize = 1024;
/// Calls at once; further INVITEs are not answered.
const CALLS_MAX: usize = 2000;
const DATAGRAM_MAX: usize = 65_535;

/// How to set up a [`Robot`].
pub struct RobotConfig {
    /// Where its sockets are bound.
    pub address: IpAddr,
    /// The port of its SIP socket; 0 for any.
    pub sip_port: u16,
    /// The script of each call; `None` to let the called number choose one.
    pub behaviour: Option<Behaviour>,
    /// How long it rings before it is picked up.
    pub ring: Duration,
    /// The password callers must know, if any.
    pub challenge: Option<Challenge>,
    /// The law it prefers; `None` for what is offered first.
    pub codec: Option<Codec>,
    /// What the ten recordings sound like.
    pub templates: Arc<Templates>,
    /// Told of everything as it happens.
    pub watcher: Option<mpsc::Sender<Happening>>,
    /// The moment that its times count from.
    pub epoch: std::time::Instant,
    /// Where its tags, branches and noise come from.
    pub entropy: Entropy,
}

impl RobotConfig {
    /// A phone on loopback that knows these recordings, rings for a second and picks its script by
    /// the called number.
    pub fn new(templates: Arc<Templates>) -> Self {
        RobotConfig {
            address: Ipv4Addr::LOCALHOST.into(),
            sip_port: 0,
            behaviour: None,
            ring: Duration::from_secs(1),
            challenge: None,
            codec: None,
            templates,
            watcher: None,
            epoch: clock(),
            entropy: Entropy::from_system(),
        }
    }
}

/// A scripted answering phone that takes any number of calls at once, until it is dropped.
pub struct Robot {
    /// Where to call it.
    pub sip_addr: SocketAddr,
    records: mpsc::Receiver<CallRecord>,
    exchange: tokio::task::JoinHandle<()>,
}

impl Robot {
    /// Binds the SIP socket and waits for calls.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start(config: RobotConfig) -> io::Result<Robot> {
        let socket = UdpSocket::bind((config.address, config.sip_port)).await?;
        let sip_addr = socket.local_addr()?;
        let settings = Settings {
            sip: sip_addr,
            behaviour: config.behaviour,
            ring: config.ring,
            challenge: config.challenge,
            codec: config.codec,
            templates: config.templates,
        };
        let (record, records) = mpsc::channel(QUEUE);
        let line = Line {
            socket: Arc::new(socket),
            settings: Arc::new(settings),
            watcher: config.watcher,
            records: record,
            epoch: config.epoch,
        };
        let exchange = tokio::spawn(exchange(line, config.entropy));
        Ok(Robot { sip_addr, records, exchange })
    }

    /// The record of the next call that is over; `None` after [`Robot::shutdown`].
    pub async fn next_call(&mut self) -> Option<CallRecord> {
        self.records.recv().await
    }

    /// Drops all calls as a phone that loses power does, and closes the sockets.
    pub async fn shutdown(mut self) {
        self.exchange.abort();
        // An error here says that the task was aborted, which is what was asked for.
        let _ = (&mut self.exchange).await;
    }
}

impl Drop for Robot {
    fn drop(&mut self) {
        self.exchange.abort();
    }
}

/// What all calls share.
#[derive(Clone)]
struct Line {
    socket: Arc<UdpSocket>,
    settings: Arc<Settings>,
    watcher: Option<mpsc::Sender<Happening>>,
    records: mpsc::Sender<CallRecord>,
    epoch: std::time::Instant,
}

type Letter = (Instant, SocketAddr, Message);

impl Line {
    fn now(&self) -> Instant {
        at(self.epoch, clock())
    }
}

#[expect(clippy::disallowed_methods, reason = "a phone on the network has its own clock")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

fn at(epoch: std::time::Instant, time: std::time::Instant) -> Instant {
    Instant::ZERO + time.saturating_duration_since(epoch)
}

/// Reads the SIP socket and hands each message to its call.
async fn exchange(line: Line, mut entropy: Entropy) {
    let mut calls: BTreeMap<String, mpsc::Sender<Letter>> = BTreeMap::new();
    // Dropped with this task, and with it every call.
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM_MAX];
    loop {
        let Ok((length, source)) = line.socket.recv_from(&mut buffer).await else {
            // An ICMP error of an earlier datagram: its sender is gone.
            continue;
        };
        let now = line.now();
        let message = match Message::parse(&buffer[..length]) {
            Ok(message) => message,
            Err(fault) => {
                tracing::debug!(fault, "The robot dropped a datagram that is not SIP.");
                continue;
            }
        };
        while tasks.try_join_next().is_some() {}
        calls.retain(|_, call| !call.is_closed());
        let id = message.header("Call-ID").unwrap_or_default().to_owned();
        if let Some(call) = calls.get(&id) {
            // A full queue drops the message, as a network would.
            let _ = call.try_send((now, source, message));
        } else if message.method() == "INVITE" && calls.len() < CALLS_MAX {
            let (letter, letters) = mpsc::channel(QUEUE);
            calls.insert(id, letter);
            tasks.spawn(run(line.clone(), entropy.fork(), (now, source, message), letters));
        } else if !message.is_response() && message.method() != "ACK" {
            let text = message.response(481, "Call/Transaction Does Not Exist", "none", source);
            let text = text + "Content-Length: 0\r\n\r\n";
            // Nobody waits for this answer but the one who asked wrongly.
            let _ = line.socket.send_to(text.as_bytes(), source).await;
        }
    }
}

/// Runs one call from its INVITE until it may be forgotten.
async fn run(line: Line, entropy: Entropy, invite: Letter, mut letters: mpsc::Receiver<Letter>) {
    let Ok(rtp) = UdpSocket::bind((line.settings.sip.ip(), 0)).await else {
        tracing::warn!("The robot has no port left for the audio of a call.");
        return;
    };
    let Ok(rtp_addr) = rtp.local_addr() else { return };
    let rtp = Arc::new(rtp);
    let (packet, mut packets) = mpsc::channel(QUEUE);
    // A reader of its own: what the ear needs to think must not delay the arrival times.
    let mut reader = JoinSet::new();
    reader.spawn(read_rtp(rtp.clone(), line.epoch, packet));
    let (now, source, invite) = invite;
    let settings = line.settings.clone();
    let mut call = Call::new(now, settings, entropy, rtp_addr, invite, source);
    loop {
        carry_out(&line, &rtp, &mut call).await;
        let Some(deadline) = call.poll_timeout(line.now()) else { return };
        let deadline = line.epoch + deadline.since(Instant::ZERO);
        tokio::select! {
            letter = letters.recv() => {
                let Some((now, source, message)) = letter else { return };
                call.handle_sip(now, source, message);
            }
            Some((now, datagram)) = packets.recv() => call.handle_rtp(now, &datagram),
            () = tokio::time::sleep_until(deadline.into()) => call.handle_timeout(line.now()),
        }
    }
}

async fn read_rtp(
    socket: Arc<UdpSocket>,
    epoch: std::time::Instant,
    packets: mpsc::Sender<(Instant, Vec<u8>)>,
) {
    let mut buffer = vec![0; DATAGRAM_MAX];
    while !packets.is_closed() {
        if let Ok((length, _)) = socket.recv_from(&mut buffer).await {
            let now = at(epoch, clock());
            // A full queue drops the packet, as a network would.
            let _ = packets.try_send((now, buffer[..length].to_vec()));
        }
    }
}

async fn carry_out(line: &Line, rtp: &UdpSocket, call: &mut Call) {
    while let Some(output) = call.poll_output() {
        match output {
            // What cannot be sent is lost, as on a network; the record tells what is missing.
            Output::Sip(to, datagram) => {
                let _ = line.socket.send_to(&datagram, to).await;
            }
            Output::Rtp(to, packet) => {
                let _ = rtp.send_to(&packet, to).await;
            }
            Output::Happened(happening) => {
                if let Some(watcher) = &line.watcher {
                    let _ = watcher.try_send(happening);
                }
            }
            Output::Ended(record) => {
                let _ = line.records.try_send(*record);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::ENGLISH;
    use super::super::record::End;
    use super::*;

    async fn robot(behaviour: Behaviour) -> Robot {
        let config =
            RobotConfig { behaviour: Some(behaviour), ..RobotConfig::new(ENGLISH.1.clone()) };
        Robot::start(config).await.expect("a port on loopback")
    }

    async fn caller(robot: &Robot) -> UdpSocket {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        socket.connect(robot.sip_addr).await.expect("loopback");
        socket
    }

    fn request(method: &str, call: usize) -> String {
        format!(
            "{method} sip:+32470000067@robot SIP/2.0\r\n\
             Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{call};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:a@b>;tag=f\r\nTo: <sip:c@d>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n\
             Content-Length: 0\r\n\r\n"
        )
    }

    async fn receive(socket: &UdpSocket) -> Message {
        let mut buffer = [0; 2048];
        let length = socket.recv(&mut buffer).await.expect("loopback");
        Message::parse(&buffer[..length]).expect("a sound message")
    }

    #[tokio::test]
    async fn a_hundred_calls_at_once_each_have_their_record() {
        let mut robot = robot(Behaviour::Busy).await;
        let socket = caller(&robot).await;
        for call in 0..100 {
            socket.send(request("INVITE", call).as_bytes()).await.expect("sent");
        }
        // Under load a refusal may come twice before its ACK arrives.
        let mut refused = std::collections::BTreeSet::new();
        while refused.len() < 100 {
            let response = receive(&socket).await;
            if response.status() == Some(486) {
                let call = response.header("Call-ID").expect("one").parse().expect("ours");
                socket.send(request("ACK", call).as_bytes()).await.expect("sent");
                refused.insert(call);
            }
        }
        let mut calls = Vec::new();
        while calls.len() < 100 {
            let record = robot.next_call().await.expect("the robot runs");
            assert_eq!((record.end, record.faults), (End::Refused, vec![]));
            calls.push(record.call.parse::<usize>().expect("ours"));
        }
        calls.sort_unstable();
        assert_eq!(calls, (0..100).collect::<Vec<_>>());
        robot.shutdown().await;
    }

    #[tokio::test]
    async fn garbage_is_dropped_and_a_request_of_no_call_refused() {
        let robot = robot(Behaviour::Human).await;
        let socket = caller(&robot).await;
        for datagram in [&b""[..], b"\0\xff\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"] {
            socket.send(datagram).await.expect("sent");
        }
        socket.send(request("ACK", 1).as_bytes()).await.expect("sent");
        socket.send(request("BYE", 1).as_bytes()).await.expect("sent");
        let response = receive(&socket).await;
        assert_eq!(response.start, "SIP/2.0 481 Call/Transaction Does Not Exist");
        assert_eq!(response.header("CSeq"), Some("1 BYE"));
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error() {
        let robot = robot(Behaviour::Human).await;
        let config =
            RobotConfig { sip_port: robot.sip_addr.port(), ..RobotConfig::new(ENGLISH.1.clone()) };
        let error = Robot::start(config).await.err().expect("the port is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
