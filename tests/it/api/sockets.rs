//! The server on a real socket: slow clients, too many of them, and stopping.
//!
//! Each wait ends by an event: the server closing, answering, or returning. The short timeouts here
//! are the server's own; no test waits for a clock of its own.

use super::world::World;
use axum::Router;
use axum::routing::get;
use belfry::api::{Limits, serve};
use belfry::time::Duration;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

const SHORT: Duration = Duration::from_millis(50);

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Server {
    async fn start(router: Router, limits: Limits) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let ended = tokio::spawn(serve(listener, router, shutdown, limits));
        Server { address, stop, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }
}

/// Everything until the server closes; a reset counts as that.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer with a `Content-Length`, on a connection that stays open.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut byte = [0];
    let mut need = usize::MAX;
    while text.len() < need {
        stream.read_exact(&mut byte).await.expect("more of the answer");
        text.push(char::from(byte[0]));
        if need == usize::MAX && text.ends_with("\r\n\r\n") {
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            need = text.len() + length.expect("a length").parse::<usize>().expect("a number");
        }
    }
    text
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let world = World::new().await;
    let server = Server::start(world.router.clone(), Limits::default()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("{\"status\":\"ok\"}"));
    }
}

#[tokio::test]
async fn a_client_that_sends_its_head_slowly_or_not_at_all_is_cut_off() {
    let world = World::new().await;
    let limits = Limits { header_timeout: SHORT, ..Limits::default() };
    let server = Server::start(world.router.clone(), limits).await;
    for begun in ["", "GET /heal", "GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: b\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(begun.as_bytes()).await.expect("sent");
        assert!(!rest(stream).await.contains("200"), "{begun}");
    }
    // A connection that was good once may not idle for ever either.
    let mut stream = server.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    answer(&mut stream).await;
    assert_eq!(rest(stream).await, "");
}

#[tokio::test]
async fn a_client_that_sends_its_body_slowly_is_told_and_cut_off() {
    let limits = Limits { body_timeout: SHORT, ..Limits::default() };
    let world = World::with_limits(limits.clone()).await;
    let server = Server::start(world.router.clone(), limits).await;
    let mut stream = server.connect().await;
    let head = format!(
        "POST /v1/verifications HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"to\":",
        world.key
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let text = rest(stream).await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(text.contains("connection: close") && text.contains("\"request_timeout\""), "{text}");
}

#[tokio::test]
async fn a_head_that_is_too_large_or_no_http_is_refused() {
    let world = World::new().await;
    let server = Server::start(world.router.clone(), Limits::default()).await;
    let long = format!("GET /healthz HTTP/1.1\r\nx-a: {}\r\n\r\n", "b".repeat(20_000));
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "x-a: b\r\n".repeat(70));
    for (text, status) in [(long.as_str(), "431"), (&many, "431"), ("\u{16}\u{3}\u{1}\n\n", "400")]
    {
        let mut stream = server.connect().await;
        // The server may close before it has read all of it.
        let _ = stream.write_all(text.as_bytes()).await;
        let said = rest(stream).await;
        assert!(said.is_empty() || said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_a_free_place() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let order = Arc::clone(&order);
        get(move || async move {
            order.lock().expect("not poisoned").push(name);
            name
        })
    };
    let router = Router::new().route("/first", note("first")).route("/second", note("second"));
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let server = Server::start(router, limits).await;
    let mut first = server.connect().await;
    first.write_all(b"GET /first HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    answer(&mut first).await;
    let mut second = server.connect().await;
    second.write_all(b"GET /second HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    for _ in 0..20 {
        first.write_all(b"GET /first HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        answer(&mut first).await;
    }
    assert!(!order.lock().expect("not poisoned").contains(&"second"));
    drop(first);
    assert!(answer(&mut second).await.ends_with("second"));
}

#[tokio::test]
async fn a_request_that_runs_is_answered_before_the_server_stops() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move || async move {
            begun.notify_one();
            go.notified().await;
            "done"
        }
    };
    let router = Router::new().route("/slow", get(handler));
    let server = Server::start(router, Limits::default()).await;
    let address = server.address;
    let idle = server.connect().await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    begun.notified().await;
    server.stop.send(()).expect("it listens");
    assert_eq!(rest(idle).await, "", "an idle connection is closed at once");
    go.notify_one();
    let text = rest(stream).await;
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("done"), "{text}");
    server.ended.await.expect("no panic");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_server() {
    let begun = Arc::new(Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        move || async move {
            begun.notify_one();
            std::future::pending::<&str>().await
        }
    };
    let router = Router::new().route("/never", get(handler));
    let server = Server::start(router, Limits { drain: SHORT, ..Limits::default() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    begun.notified().await;
    server.stop.send(()).expect("it listens");
    assert_eq!(rest(stream).await, "");
    server.ended.await.expect("no panic");
}

#[tokio::test]
async fn a_connection_that_has_lived_long_is_closed_after_its_request() {
    let world = World::new().await;
    let limits = Limits { connection_age_max: SHORT, ..Limits::default() };
    let server = Server::start(world.router.clone(), limits).await;
    let stream = server.connect().await;
    assert_eq!(rest(stream).await, "");
}
