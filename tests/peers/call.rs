//! One call of Belfry's to one scenario of SIPp's, and many of them side by side.

use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::gateway::{Gateway, Settings};
use crate::sipp::{Scenario, Sipp};
use crate::trace::Trace;

/// What anything but the course of a call may take.
pub const SOON: Duration = Duration::from_secs(20);
/// What the course of a call may take.
pub const A_CALL: Duration = Duration::from_secs(60);

/// The number that is called.
pub const NUMBER: &str = "+3225805000";

/// A call that has been asked for.
pub struct Call {
    /// The gateway that places it.
    pub gateway: Gateway,
    /// The verification it is for.
    pub verification: String,
    sipp: Sipp,
    line: TempDir,
    office: TempDir,
}

/// How a call went.
pub struct Ended {
    /// The attempt as the API tells it.
    pub attempt: Value,
    /// The verification as the API tells it.
    pub verification: Value,
    /// All its attempts.
    pub attempts: Vec<Value>,
    /// What the peer saw.
    pub trace: Trace,
}

/// Starts the scenario and a gateway whose trunk leads to it, and asks for a call.
pub fn call(scenario: Scenario, settings: Settings<'_>) -> Call {
    let folder = || tempfile::tempdir().expect("a temporary folder");
    let (line, office) = (folder(), folder());
    let sipp = scenario.start(line.path());
    let gateway = Settings { peer: sipp.port, ..settings }.start(office.path());
    let verification = gateway.verify(NUMBER);
    Call { gateway, verification, sipp, line, office }
}

impl Call {
    /// Waits until the attempt has come to this state.
    pub fn wait_state(&self, state: &str) -> Value {
        self.gateway.wait_state(&self.verification, state, A_CALL)
    }

    /// Waits for the end of the call and judges the caller's manners.
    pub fn finish(self) -> Ended {
        let attempt = self.wait_state("ended");
        let trace = self.sipp.finish(SOON);
        trace.assert_manners();
        let attempts = self.gateway.attempts(&self.verification);
        let verification = self.gateway.read(&self.verification);
        Ended { attempt, verification, attempts, trace }
    }

    /// Waits until the gateway has stopped, then judges its exit status and its manners; a new
    /// start of it tells what was written down.
    pub fn stop(mut self, settings: Settings<'_>) -> Ended {
        let status = self.gateway.wait(A_CALL);
        assert_eq!(status.code(), Some(0), "{}", self.gateway.log());
        let trace = self.sipp.finish(SOON);
        trace.assert_manners();
        drop(self.line);
        let gateway = settings.start(self.office.path());
        let attempts = gateway.attempts(&self.verification);
        let verification = gateway.read(&self.verification);
        Ended { attempt: attempts[0].clone(), verification, attempts, trace }
    }
}

impl Ended {
    /// Panics unless the call ended for this reason, with this SIP status.
    pub fn expect(&self, reason: &str, status: Option<u16>) {
        let seen = (&self.attempt["reason"], &self.attempt["receipt"]["sip_status"]);
        let expected = (&Value::from(reason), &Value::from(status));
        assert_eq!(seen, expected, "{:#}", self.attempt);
    }
}

/// Runs each case on a thread of its own, named after it: calls wait more than they work.
pub fn side_by_side<T: Sync>(cases: &[T], name: fn(&T) -> &str, run: impl Fn(&T) + Sync) {
    thread::scope(|scope| {
        let start = |case| {
            let thread = thread::Builder::new().name(name(case).to_owned());
            thread.spawn_scoped(scope, || run(case)).expect("one more thread")
        };
        let threads: Vec<_> = cases.iter().map(start).collect();
        let ends: Vec<_> = threads.into_iter().map(thread::ScopedJoinHandle::join).collect();
        let failed = cases.iter().zip(&ends).filter(|(_, end)| end.is_err());
        let failed: Vec<_> = failed.map(|(case, _)| name(case)).collect();
        eprintln!("failed: {failed:?}");
        if let Some(panic) = ends.into_iter().find_map(Result::err) {
            resume_unwind(panic);
        }
    });
}
