//! How long a person waits for Belfry: from the accepted POST to the INVITE on the wire, and from
//! the answer to the first sound; how evenly one call's packets leave, beside a bare sender in the
//! same run; and what an idle gateway weighs.
//!
//! `cargo bench --bench first_call`. Everything real: HTTP, SQLite on disk, UDP on loopback. The
//! trunk is a thread that answers with literal text. Times of arrival are taken in the receiving
//! thread, so they include its own wake-up.
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use belfry::app::{self, App};
use belfry::config::{Config, Layers};
use belfry::entropy::Entropy;
use belfry::gateway::Scope;
use belfry::media::Codec;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const VERIFICATIONS: u32 = 1_000;
const FRAME: Duration = Duration::from_millis(20);
const LISTENED: Duration = Duration::from_secs(10);
/// A-law that decodes above this is speech, not comfort noise; about -46 dBov.
const AUDIBLE: u16 = 160;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut trunk = Trunk::start()?;
        let folder = tempfile::tempdir()?;
        let config = config(folder.path(), trunk.address)?;
        let key = create_key(&config).await?;
        let app = App::start(&config).await?;
        println!("resident memory, idle          {:>9.1} MB", resident_mb()?);

        let mut http = connect(app.http).await?;
        let waits = time_invites(&mut http, &key, &mut trunk).await?;
        println!("POST accepted to INVITE, n={VERIFICATIONS}  {}", summary(waits));

        let heard = trunk.listen(&mut http, &key).await?;
        println!("200 to first packet            {:>9.2} ms", millis(heard.first_packet));
        println!("200 to first audible sample    {:>9.2} ms", millis(heard.first_sound));
        println!("off the 20 ms grid, Belfry     {}", summary(heard.deviations));
        println!("off the 20 ms grid, bare       {}", summary(bare_sender()?));
        println!("resident memory, after         {:>9.1} MB", resident_mb()?);
        app.stop().await;
        Ok(())
    })
}

fn config(folder: &std::path::Path, trunk: SocketAddr) -> Result<Config, Failure> {
    let folder = folder.display();
    let text = format!(
        r#"
        [http]
        listen = "127.0.0.1:0"
        [database]
        url = "sqlite:{folder}/bench.db"
        [secrets]
        key_file = "{folder}/bench.key"
        [sip]
        listen = "127.0.0.1:0"
        [rtp]
        listen = "127.0.0.1"
        port_min = 44000
        port_max = 47999
        [trunks.bench]
        uri = "sip:{trunk}"
        caller_id = "+3225805001"
        channels_max = 100
        [services.bench]
        brand = "Bench"
        countries = ["BE"]
        [shutdown]
        drain_s = 0
        "#
    );
    Ok(Layers::new().text("bench", &text).read().map_err(|errors| errors.to_string())?.config)
}

async fn create_key(config: &Config) -> Result<String, Failure> {
    let mut entropy = Entropy::from_system();
    let gateway = app::gateway_without_calls(config, &mut entropy).await?;
    let now = belfry::net::Clock::start().unix();
    let scopes = Scope::ALL.iter().copied().collect();
    let (_, key) = gateway.create_key(now, &mut entropy, "bench", &scopes, true).await?;
    Ok(key.expose().clone())
}

type Http = SendRequest<Full<Bytes>>;

async fn connect(address: SocketAddr) -> Result<Http, Failure> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Starts a verification; gives when its answer was there.
async fn post(http: &mut Http, key: &str, to: &str) -> Result<Instant, Failure> {
    let request = hyper::Request::post("/v1/verifications")
        .header("host", "bench")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(format!(r#"{{"to":"{to}"}}"#))))?;
    http.ready().await?;
    let response = http.send_request(request).await?;
    let accepted = Instant::now();
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if status != 201 {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(accepted)
}

async fn time_invites(
    http: &mut Http,
    key: &str,
    trunk: &mut Trunk,
) -> Result<Vec<Duration>, Failure> {
    let mut accepted = BTreeMap::new();
    let mut invited = BTreeMap::new();
    for n in 0..VERIFICATIONS {
        let number = format!("+322580{n:04}");
        accepted.insert(number.clone(), post(http, key, &number).await?);
        // One at a time, as a panel sees it; the next starts when this one was dialed.
        let invite = trunk.invites.recv_timeout(Duration::from_secs(5));
        let (number, at) = invite.map_err(|_| format!("call {n} was not placed"))?;
        invited.insert(number, at);
    }
    // An INVITE may be there before the answer was read: then nobody waited.
    let wait = |(number, at): (&String, &Instant)| {
        Some(invited.get(number)?.saturating_duration_since(*at))
    };
    Ok(accepted.iter().filter_map(wait).collect())
}

struct Trunk {
    address: SocketAddr,
    invites: Receiver<(String, Instant)>,
    answers: Sender<Answer>,
    answered: Receiver<Instant>,
}

/// What the trunk does with the next INVITE.
enum Answer {
    /// Answers it; audio comes to this port.
    Pick { rtp_port: u16 },
}

impl Trunk {
    fn start() -> Result<Trunk, Failure> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let address = socket.local_addr()?;
        let (invites_out, invites) = channel();
        let (answers, answers_in) = channel();
        let (answered_out, answered) = channel();
        std::thread::spawn(move || serve(&socket, &invites_out, &answers_in, &answered_out));
        Ok(Trunk { address, invites, answers, answered })
    }

    /// Answers one call and listens to it.
    async fn listen(&mut self, http: &mut Http, key: &str) -> Result<Heard, Failure> {
        let rtp = UdpSocket::bind("127.0.0.1:0")?;
        self.answers.send(Answer::Pick { rtp_port: rtp.local_addr()?.port() })?;
        let hearing = std::thread::spawn(move || hear(&rtp));
        post(http, key, "+3225819999").await?;
        let (arrivals, first_sound) =
            tokio::task::spawn_blocking(move || hearing.join()).await?.map_err(|_| "no audio")?;
        let answered = self.answered.recv_timeout(Duration::from_secs(1))?;
        let first = *arrivals.first().ok_or("no packet came")?;
        Ok(Heard {
            first_packet: first - answered,
            first_sound: first_sound.ok_or("nothing audible came")? - answered,
            deviations: deviations(&arrivals),
        })
    }
}

struct Heard {
    first_packet: Duration,
    first_sound: Duration,
    deviations: Vec<Duration>,
}

/// Answers requests with literal text: 404, or 200 to the one that is to be picked up.
fn serve(
    socket: &UdpSocket,
    invites: &Sender<(String, Instant)>,
    answers: &Receiver<Answer>,
    answered: &Sender<Instant>,
) {
    let mut buffer = [0; 4_096];
    while let Ok((length, source)) = socket.recv_from(&mut buffer) {
        let now = Instant::now();
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let header = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.map(|line| format!("{line}\r\n")).unwrap_or_default()
        };
        let copied: String =
            ["Via:", "From:", "Call-ID:", "CSeq:"].iter().map(|name| header(name)).collect();
        let to = header("To:").trim_end().to_owned();
        let tagged = if to.contains(";tag=") { to } else { format!("{to};tag=bench") };
        let head = |status: &str| format!("SIP/2.0 {status}\r\n{copied}{tagged}\r\n");
        let reply = if text.starts_with("INVITE ") {
            let uri = text.split([':', '@']).nth(1).unwrap_or_default().to_owned();
            let _ = invites.send((uri, now));
            match answers.try_recv() {
                Ok(Answer::Pick { rtp_port }) => {
                    let _ = answered.send(Instant::now());
                    with_sdp(&head("200 OK"), socket, rtp_port)
                }
                Err(_) => head("404 Not Found") + "Content-Length: 0\r\n\r\n",
            }
        } else if text.starts_with("ACK ") || text.starts_with("SIP/2.0") {
            continue;
        } else {
            head("200 OK") + "Content-Length: 0\r\n\r\n"
        };
        let _ = socket.send_to(reply.as_bytes(), source);
    }
}

fn with_sdp(head: &str, socket: &UdpSocket, rtp_port: u16) -> String {
    let port = socket.local_addr().map(|address| address.port()).unwrap_or_default();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {rtp_port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\n"
    );
    format!(
        "{head}Contact: <sip:bench@127.0.0.1:{port}>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

/// Arrival times of the packets of [`LISTENED`], and when the first audible one came.
fn hear(rtp: &UdpSocket) -> (Vec<Instant>, Option<Instant>) {
    let mut arrivals: Vec<Instant> = Vec::new();
    let mut first_sound = None;
    let mut buffer = [0; 2_048];
    let _ = rtp.set_read_timeout(Some(Duration::from_secs(5)));
    while let Ok(length) = rtp.recv(&mut buffer) {
        let now = Instant::now();
        arrivals.push(now);
        let audible = |code: &u8| Codec::Pcma.decode(*code).unsigned_abs() > AUDIBLE;
        if first_sound.is_none() && buffer[12..length].iter().any(audible) {
            first_sound = Some(now);
        }
        if arrivals.first().is_some_and(|first| now - *first > LISTENED) {
            break;
        }
    }
    (arrivals, first_sound)
}

/// How far each packet was from its own slot, the grid being laid through the median.
fn deviations(arrivals: &[Instant]) -> Vec<Duration> {
    let Some(first) = arrivals.first() else { return Vec::new() };
    let offset = |(n, at): (usize, &Instant)| {
        let slot = FRAME.as_secs_f64() * n as f64;
        (*at - *first).as_secs_f64() - slot
    };
    let offsets: Vec<f64> = arrivals.iter().enumerate().map(offset).collect();
    let mut sorted = offsets.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    offsets.iter().map(|o| Duration::from_secs_f64((o - median).abs())).collect()
}

/// The same packets from a thread that does nothing else: what this machine can do.
fn bare_sender() -> Result<Vec<Duration>, Failure> {
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    sender.connect(receiver.local_addr()?)?;
    let hearing = std::thread::spawn(move || hear(&receiver));
    let start = Instant::now();
    for n in 0.. {
        let due = start + FRAME * n;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if due - start > LISTENED + FRAME * 2 || sender.send(&[0xd5; 172]).is_err() {
            break;
        }
    }
    let (arrivals, _) = hearing.join().map_err(|_| "the receiver died")?;
    Ok(deviations(&arrivals))
}

fn summary(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: f64| times.get(((times.len() - 1) as f64 * share) as usize);
    let shown = |share| at(share).map_or(f64::NAN, |time| millis(*time));
    format!("p50 {:>6.3} ms   p99 {:>6.3} ms   max {:>6.3} ms", shown(0.5), shown(0.99), shown(1.0))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn resident_mb() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kib: f64 = line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse()?;
    Ok(kib / 1_024.0)
}
