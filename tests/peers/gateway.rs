//! Belfry as its operator and its clients meet it: the program, its configuration, its HTTP API.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::{Value, json};

use crate::child::{Process, free_ports, wait_for};

/// How long the program may take to start, and one request to be answered.
const PATIENCE: Duration = Duration::from_secs(20);

/// What differs from one gateway to another. Everything else is as the program ships it.
pub struct Settings<'a> {
    /// The port of the peer that its only trunk leads to; 9 (discard) when none is to be called.
    pub peer: u16,
    /// Further lines of that trunk.
    pub trunk: &'a str,
    /// Further lines of its only service, `lab`.
    pub service: &'a str,
    /// Further sections.
    pub sections: &'a str,
    /// How much it logs.
    pub log_level: &'a str,
}

impl Default for Settings<'_> {
    /// A call is asked for once, its person has two seconds to press the key and hears the code
    /// once.
    fn default() -> Self {
        Self {
            peer: 9,
            trunk: "",
            service: "sends_max = 1\nreadings = 1\nrepeats_on_request = 0\nring_timeout_s = 10\n",
            sections: "[calls]\nhuman_check_timeout_s = 2\nhuman_check_prompts = 1\n",
            log_level: "debug",
        }
    }
}

/// A running `belfry serve`.
pub struct Gateway {
    /// The key its requests are sent with.
    pub key: String,
    http: u16,
    folder: PathBuf,
    process: Process,
    answers: RefCell<String>,
}

impl Settings<'_> {
    /// Starts it and waits until it is ready. All files of the run go to `folder`; a second start
    /// there finds the database of the first.
    pub fn start(&self, folder: &Path) -> Gateway {
        let http = free_ports(2);
        let config = self.write(folder, http);
        let key = create_key(&config);
        let mut command = belfry(&config, &["serve"]);
        let output = folder.join("belfry.output");
        let process = Process::start("belfry", command.current_dir(folder), &output);
        let answers = RefCell::default();
        let mut gateway = Gateway { key, http, folder: folder.to_owned(), process, answers };
        wait_for("Belfry's readiness", PATIENCE, || {
            assert!(gateway.process.ended().is_none(), "Belfry gave up: {}", gateway.log());
            let answer = gateway.try_request("GET", "/readyz", None)?;
            (answer.0 == 200).then_some(())
        });
        gateway
    }

    /// Writes the configuration and gives its path.
    pub fn write(&self, folder: &Path, http: u16) -> PathBuf {
        let (sip, rtp) = (free_ports(2), free_ports(20));
        let path = |name: &str| folder.join(name).display().to_string();
        let text = format!(
            r#"
[http]
listen = "127.0.0.1:{http}"
[database]
url = "sqlite:{database}"
[secrets]
key_file = "{secret}"
[sip]
listen = "127.0.0.1:{sip}"
[rtp]
listen = "127.0.0.1"
port_min = {rtp}
port_max = {rtp_last}
quarantine_s = 0
[trunks.peer]
uri = "sip:127.0.0.1:{peer}"
caller_id = "+3225805001"
channels_max = 4
{trunk}
[services.lab]
brand = "Lab"
countries = ["BE"]
{service}
[log]
format = "json"
level = "{level}"
{sections}
"#,
            database = path("belfry.db"),
            secret = path("belfry.key"),
            rtp_last = rtp + 19,
            peer = self.peer,
            trunk = self.trunk,
            service = self.service,
            level = self.log_level,
            sections = self.sections,
        );
        let config = folder.join("belfry.toml");
        std::fs::write(&config, text).expect("the test's folder is writable");
        config
    }
}

impl Gateway {
    /// Starts a verification of this number and gives its id.
    pub fn verify(&self, to: &str) -> String {
        let body = json!({ "to": to, "channel": "call", "purpose": "login", "locale": "en" });
        let (status, answer) = self.request("POST", "/v1/verifications", Some(&body));
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().expect("a verification has an id").to_owned()
    }

    /// The verification as it is now.
    pub fn read(&self, verification: &str) -> Value {
        let path = format!("/v1/verifications/{verification}");
        let (status, answer) = self.request("GET", &path, None);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Its attempts, the first one first.
    pub fn attempts(&self, verification: &str) -> Vec<Value> {
        let path = format!("/v1/verifications/{verification}/attempts");
        let (status, mut answer) = self.request("GET", &path, None);
        assert_eq!(status, 200, "{answer}");
        match answer["data"].take() {
            Value::Array(attempts) => attempts,
            _ => panic!("no list of attempts"),
        }
    }

    /// Waits until the first attempt has come to this state and gives it.
    pub fn wait_state(&self, verification: &str, state: &str, limit: Duration) -> Value {
        wait_for(&format!("an attempt that is {state}"), limit, || {
            let first = self.attempts(verification).into_iter().next()?;
            let missed = first["state"] == "ended" && state != "ended";
            assert!(!missed, "never {state}: {first:#}\n{}", self.log());
            (first["state"] == state).then_some(first)
        })
    }

    /// Enters a code and gives the answer.
    pub fn check(&self, verification: &str, code: &str) -> Value {
        let path = format!("/v1/verifications/{verification}/check");
        let (status, answer) = self.request("POST", &path, Some(&json!({ "code": code })));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Takes the verification back.
    pub fn cancel(&self, verification: &str) {
        let path = format!("/v1/verifications/{verification}/cancel");
        let (status, answer) = self.request("POST", &path, None);
        assert_eq!(status, 200, "{answer}");
    }

    /// Asks it to stop, as a service manager does.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// Waits until it has stopped.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        self.process.wait(limit)
    }

    /// All it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("belfry.output")).unwrap_or_default()
    }

    /// All it has answered over HTTP, head and body.
    pub fn answers(&self) -> String {
        self.answers.borrow().clone()
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let answer = self.try_request(method, path, body);
        answer.unwrap_or_else(|| panic!("{method} {path}: no answer\n{}", self.log()))
    }

    /// One request over a connection of its own; nothing when there is no whole answer.
    fn try_request(&self, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a valid time-out");
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n{kind}\
             Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            self.http,
            self.key,
            body.len(),
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        self.answers.borrow_mut().push_str(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }
}

/// The program with these arguments and this configuration.
pub fn belfry(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
    command.args(arguments).arg("--config").arg(config);
    command
}

/// An API key for the service `lab`, made as an operator makes it.
fn create_key(config: &Path) -> String {
    let mut command = belfry(config, &["key", "create", "--service", "lab"]);
    let output = command.output().expect("the program was built with the tests");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "no key: {errors}");
    let printed = String::from_utf8(output.stdout).expect("keys are text");
    let key = printed.split_whitespace().find(|word| word.starts_with("vk_"));
    key.unwrap_or_else(|| panic!("no key in {printed}")).to_owned()
}
