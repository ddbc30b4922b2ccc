//! SIPp as the called side: a carrier or a switch that plays one scenario for one call.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::child::{Process, free_ports, udp_is_bound, wait_for};
use crate::trace::Trace;

/// After this a scenario that is still running has failed, whatever it waits for.
const SCENARIO_LIMIT_S: u32 = 90;

/// A scenario of `tests/peers/sipp`, about to be started.
pub struct Scenario {
    name: &'static str,
    pause: Option<Duration>,
    key: Option<&'static str>,
}

/// The scenario with this file name, without `.xml`.
pub fn scenario(name: &'static str) -> Scenario {
    Scenario { name, pause: None, key: None }
}

impl Scenario {
    /// How long it waits where it says `<pause/>`: its first comment tells what for.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = Some(pause);
        self
    }

    /// The key it presses: `0`..`9`, `star` or `pound`.
    pub fn key(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    /// Starts it and waits until its port is open. All files of the run go to `folder`.
    pub fn start(self, folder: &Path) -> Sipp {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/sipp");
        let source = source.join(self.name).with_extension("xml");
        let text = std::fs::read(&source).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
        let text = with_key(text, self.key.unwrap_or_default());
        let file = folder.join(self.name).with_extension("xml");
        std::fs::write(&file, &text).expect("the test's folder is writable");

        let port = free_ports(6);
        let log = |kind: &str| folder.join(format!("sipp.{kind}"));
        let mut command = Command::new("sipp");
        command.current_dir(folder).arg("-sf").arg(&file);
        command.args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-ci", "127.0.0.1"]);
        command.args(["-m", "1", "-nostdin", "-timeout_error"]);
        command.args(["-timeout", &SCENARIO_LIMIT_S.to_string()]);
        command.args(["-p", &port.to_string(), "-mp", &(port + 2).to_string()]);
        command.arg("-trace_msg").arg("-message_file").arg(log("messages"));
        command.arg("-trace_err").arg("-error_file").arg(log("errors"));
        command.args(arguments(&text));
        if let Some(pause) = self.pause {
            command.args(["-d", &pause.as_millis().to_string()]);
        }
        let process = Process::start("sipp", &mut command, &log("output"));
        let mut sipp = Sipp { name: self.name, port, folder: folder.to_owned(), process };
        wait_for("SIPp's port", Duration::from_secs(10), || {
            assert!(sipp.process.ended().is_none(), "SIPp gave up: {}", sipp.errors());
            udp_is_bound(port).then_some(())
        });
        sipp
    }
}

/// The scenario with the key put in; bytes, because one scenario holds Latin-1.
fn with_key(text: Vec<u8>, key: &str) -> Vec<u8> {
    let text: String = text.into_iter().map(char::from).collect();
    let text = text.replace("@KEY@", key);
    text.chars().map(|c| u8::try_from(c).expect("scenarios are Latin-1")).collect()
}

/// What the scenario's comment says after `Arguments:`.
fn arguments(text: &[u8]) -> Vec<String> {
    let text: String = text.iter().map(|byte| char::from(*byte)).collect();
    let comment = text.split_once("-->").map_or("", |(comment, _)| comment);
    let arguments = comment.split_once("Arguments:").map_or("", |(_, arguments)| arguments);
    arguments.split_whitespace().map(str::to_owned).collect()
}

/// A running scenario.
pub struct Sipp {
    name: &'static str,
    /// Its SIP port on 127.0.0.1.
    pub port: u16,
    folder: PathBuf,
    process: Process,
}

impl Sipp {
    /// Waits for the scenario's end, panics unless it was content, and gives what it saw.
    pub fn finish(mut self, limit: Duration) -> Trace {
        let status = self.process.wait(limit);
        let file = self.folder.join("sipp.messages");
        let trace = Trace::parse(&std::fs::read(file).unwrap_or_default());
        let starts: Vec<_> = trace.0.iter().map(|m| m.start.as_str()).collect();
        let name = self.name;
        assert!(status.success(), "{name}: {status}\n{}\n{starts:#?}", self.errors());
        trace
    }

    fn errors(&self) -> String {
        let read = |kind| std::fs::read(self.folder.join(format!("sipp.{kind}")));
        let errors = read("errors").or_else(|_| read("output")).unwrap_or_default();
        String::from_utf8_lossy(&errors).into_owned()
    }
}
