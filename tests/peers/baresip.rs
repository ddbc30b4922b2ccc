//! baresip as a telephone: it answers, records what it hears, says a WAV file, and its keys are
//! pressed through its control port.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::child::{Process, free_ports, wait_for};
use crate::wav;

/// How long the telephone may take to start, or to answer a command.
const PATIENCE: Duration = Duration::from_secs(10);

/// A telephone, about to be plugged in.
pub struct Phone<'a> {
    /// The user part it is called by; other calls are refused with 404.
    pub user: &'a str,
    /// Whether it picks up by itself; else it rings until told.
    pub picks_up: bool,
    /// What its person says, 8 kHz. When that ends, the person hangs up.
    pub says: &'a [i16],
    /// baresip's names of the codecs it takes, in its order.
    pub codecs: &'a str,
    /// What it answers to a digest challenge: user name and password.
    pub credentials: Option<(&'a str, &'a str)>,
}

impl Default for Phone<'_> {
    fn default() -> Self {
        // Nobody speaks for two minutes, longer than any call may last.
        const SILENCE: &[i16] = &[0; 120 * 8000];
        Self {
            user: "+3225805000",
            picks_up: true,
            says: SILENCE,
            codecs: "PCMA/8000/1,PCMU/8000/1",
            credentials: None,
        }
    }
}

/// A running telephone.
pub struct Baresip {
    /// Its SIP port on 127.0.0.1.
    pub port: u16,
    hears: PathBuf,
    control: TcpStream,
    unread: Vec<u8>,
    /// Everything it said on the control port that nobody has waited for yet.
    events: Vec<Value>,
    process: Process,
}

impl Phone<'_> {
    /// Starts it and waits until it can be called. All files of the run go to `folder`.
    pub fn start(self, folder: &Path) -> Baresip {
        let hears = folder.join("hears");
        std::fs::create_dir_all(&hears).expect("the test's folder is writable");
        let says = folder.join("says.wav");
        wav::write(&says, self.says);
        // SIP over UDP and TCP, TLS beside it, control; then the audio ports.
        let port = free_ports(24);
        let (control, rtp) = (port + 2, port + 4);
        let credentials = self.credentials.map_or_else(String::new, |(username, password)| {
            format!(";auth_user={username};auth_pass={password}")
        });
        let values = [
            ("SIP_PORT", port.to_string()),
            ("CONTROL_PORT", control.to_string()),
            ("RTP_FIRST", rtp.to_string()),
            ("RTP_LAST", (port + 23).to_string()),
            ("SAYS", says.display().to_string()),
            ("HEARS", hears.display().to_string()),
            ("USER", self.user.to_owned()),
            ("ANSWERMODE", if self.picks_up { "auto" } else { "manual" }.to_owned()),
            ("CODECS", self.codecs.to_owned()),
            ("CREDENTIALS", credentials),
        ];
        for name in ["config", "accounts"] {
            let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/baresip");
            let template = std::fs::read_to_string(templates.join(name));
            let mut text = template.expect("the templates are part of the repository");
            for (key, value) in &values {
                text = text.replace(&format!("@{key}@"), value);
            }
            std::fs::write(folder.join(name), text).expect("the test's folder is writable");
        }
        let mut command = Command::new("baresip");
        command.arg("-f").arg(folder);
        let output = folder.join("baresip.output");
        let mut process = Process::start("baresip", &mut command, &output);
        let control = wait_for("baresip's control port", PATIENCE, || {
            let output = || std::fs::read_to_string(&output).unwrap_or_default();
            assert!(process.ended().is_none(), "baresip gave up: {}", output());
            TcpStream::connect(("127.0.0.1", control)).ok()
        });
        let wake = Some(Duration::from_millis(20));
        control.set_read_timeout(wake).expect("20 ms is a valid time-out");
        Baresip { port, hears, control, unread: Vec::new(), events: Vec::new(), process }
    }
}

impl Baresip {
    /// Gives it a command of its menu and waits for the answer: `dial`, `accept`, `hangup`, `hold`,
    /// `resume`, `sndcode`.
    pub fn command(&mut self, command: &str, parameters: &str) {
        let text = json!({ "command": command, "params": parameters, "token": command });
        let text = text.to_string();
        let sent = self.control.write_all(format!("{}:{text},", text.len()).as_bytes());
        sent.expect("baresip holds its control connection");
        let answer = self.wait(command, PATIENCE, |event| event["token"] == command);
        assert_eq!(answer["ok"], true, "{command} {parameters}: {answer}");
    }

    /// Presses keys: `0`..`9`, `*`, `#`. They go out as RFC 4733 events.
    pub fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.command("sndcode", &key.to_string());
        }
    }

    /// Waits for an event by its name, such as `CALL_INCOMING`, `CALL_ESTABLISHED`,
    /// `CALL_RTPESTAB`, `CALL_CLOSED`.
    pub fn wait_event(&mut self, kind: &str, limit: Duration) -> Value {
        self.wait(kind, limit, |event| event["type"] == kind)
    }

    fn wait(&mut self, what: &str, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(at) = self.events.iter().position(&wanted) {
                return self.events.remove(at);
            }
            let waiting = Instant::now() < deadline && self.process.ended().is_none();
            assert!(waiting, "baresip: no {what} within {limit:?}, but {:#?}", self.events);
            self.listen();
        }
    }

    /// Reads what the control port has, for at most 20 ms.
    fn listen(&mut self) {
        let mut buffer = [0; 4096];
        match self.control.read(&mut buffer) {
            Ok(0) => panic!("baresip closed its control connection"),
            Ok(count) => self.unread.extend_from_slice(&buffer[..count]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) => panic!("baresip's control connection: {e}"),
        }
        // Netstrings: LENGTH:TEXT,
        while let Some(colon) = self.unread.iter().position(|byte| *byte == b':') {
            let length = std::str::from_utf8(&self.unread[..colon]).expect("a netstring");
            let length: usize = length.parse().expect("a netstring starts with its length");
            let end = colon + 1 + length;
            if self.unread.len() <= end {
                break;
            }
            let text = &self.unread[colon + 1..end];
            self.events.push(serde_json::from_slice(text).expect("baresip speaks JSON"));
            self.unread.drain(..=end);
        }
    }

    /// Everything it has heard so far in its only call, decoded, from the first packet on.
    pub fn heard(&self) -> Vec<i16> {
        let files = std::fs::read_dir(&self.hears).expect("the folder was made at the start");
        let mut files = files.map(|entry| entry.expect("a readable folder").path());
        let file = files.find(|path| path.to_string_lossy().ends_with("-dec.wav"));
        file.map_or_else(Vec::new, |path| wav::read(&path, 8000))
    }
}
