//! `belfry serve`.

use super::site::Site;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStderr, Command, Stdio};

/// A serving gateway; killed if a test ends before it is stopped.
struct Serving {
    child: Child,
    log: BufReader<ChildStderr>,
    http: String,
}

impl Serving {
    /// Starts one and waits until it says that it is ready.
    fn start(site: &Site) -> Self {
        let mut child =
            site.command(&["serve"]).stderr(Stdio::piped()).spawn().expect("the program was built");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut said = String::new();
        let http = loop {
            let from = said.len();
            let read = log.read_line(&mut said).expect("the log is text");
            assert_ne!(read, 0, "it ended before it was ready:\n{said}");
            if let Some((_, rest)) = said[from..].split_once("http.address=") {
                break rest.split_whitespace().next().expect("an address").to_owned();
            }
        };
        Serving { child, log, http }
    }

    /// The first line of the answer to a request without a key.
    fn status(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.http).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: belfry\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Sends a signal, waits for the end; the exit code and the rest of the log.
    fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
        let mut log = String::new();
        self.log.read_to_string(&mut log).expect("the log is text");
        (self.child.wait().expect("a child of ours").code(), log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_answers_until_a_signal_stops_it_in_good_order() {
    for signal in ["-TERM", "-INT"] {
        let site = Site::new("127.0.0.1:9");
        let serving = Serving::start(&site);
        assert_eq!(serving.status("/healthz"), "HTTP/1.1 200 OK");
        assert_eq!(serving.status("/v1/verifications"), "HTTP/1.1 401 Unauthorized");
        let (exit, log) = serving.stop(signal);
        assert_eq!(exit, Some(0), "{log}");
        assert!(log.trim_end().ends_with("stopped"), "{log}");
    }
}

#[test]
fn a_port_in_use_exits_1_and_says_which_and_what_to_do() {
    let site = Site::new("127.0.0.1:9");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let http = tcp.local_addr().expect("bound").to_string();
    let sip = udp.local_addr().expect("bound").to_string();
    for (variable, address, key) in [
        ("BELFRY_HTTP__LISTEN", http, "`http.listen`"),
        ("BELFRY_SIP__LISTEN", sip, "`sip.listen`"),
    ] {
        let run = super::run(site.command(&["serve"]).env(variable, &address));
        assert_eq!(run.exit, Some(1), "{}", run.err);
        assert!(run.err.contains(&address) && run.err.contains(key), "{}", run.err);
    }
}

#[test]
fn a_bad_configuration_stops_the_start_with_every_problem() {
    let site = Site::new("127.0.0.1:9");
    let mut command = site.command(&["serve"]);
    let run = super::run(command.env("BELFRY_CALLS__CALLS_MAX", "many"));
    assert_eq!(run.exit, Some(1));
    assert!(run.err.contains("BELFRY_CALLS__CALLS_MAX: `calls.calls_max`"), "{}", run.err);
}

#[test]
fn a_prompt_that_cannot_be_used_stops_the_start_by_its_name() {
    let site = Site::new("127.0.0.1:9");
    let folder = site.path("prompts/en");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("manifest.toml"), "locale = \"en\"\n").expect("a file");
    let run = super::run(site.command(&["serve"]).env("BELFRY_PROMPTS__DIR", "prompts"));
    assert_eq!(run.exit, Some(1));
    assert!(run.err.contains("en") && run.err.contains("manifest.toml"), "{}", run.err);
}
