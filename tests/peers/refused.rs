//! Calls that nobody answers: each ends with the right reason, told by the right status.

use std::time::Duration;

use serde_json::Value;

use crate::call::{Call, call, side_by_side};
use crate::gateway::Settings;
use crate::sipp::scenario;

/// A refusal, what is made of it, and what becomes of the verification.
struct Refusal(&'static str, &'static str, u16, &'static str);

const REFUSALS: &[Refusal] = &[
    Refusal("busy_486", "busy", 486, "pending"),
    Refusal("busy_600", "busy", 600, "pending"),
    Refusal("progress_183_then_486", "busy", 486, "pending"),
    Refusal("cause_17_in_480", "busy", 480, "pending"),
    Refusal("unavailable_480", "unreachable", 480, "pending"),
    Refusal("declined_603", "declined", 603, "pending"),
    Refusal("redirect_302", "redirect_refused", 302, "pending"),
    Refusal("overload_503", "trunk_unavailable", 503, "pending"),
    Refusal("not_found_404", "invalid_number", 404, "failed"),
    Refusal("forbidden_403", "destination_barred", 403, "failed"),
    Refusal("not_acceptable_488", "media_incompatible", 488, "failed"),
];

#[test]
fn each_refusal_is_acknowledged_and_has_its_reason() {
    let name = |Refusal(name, ..): &Refusal| *name;
    side_by_side(REFUSALS, name, |&Refusal(name, reason, status, left)| {
        let ended = call(scenario(name), Settings::default()).finish();
        ended.expect(reason, Some(status));
        assert_eq!(ended.verification["status"], left, "{:#}", ended.verification);
        let receipt = &ended.attempt["receipt"];
        assert_eq!(receipt["answered"], false);
        assert_eq!(receipt["packets_sent"], 0, "nothing is said before the answer");
        let rang = ["progress_183_then_486", "declined_603"].contains(&name);
        assert_eq!(receipt["rang"], rang, "{receipt:#}");
        let cause = match name {
            "cause_17_in_480" => Value::from(17),
            "unavailable_480" => Value::from(20),
            "forbidden_403" => Value::from(57),
            _ => Value::Null,
        };
        assert_eq!(receipt["q850_cause"], cause);
        assert_eq!(ended.trace.requests("INVITE").count(), 1, "nobody is asked again at once");
    });
}

#[test]
fn a_trunk_is_left_alone_for_as_long_as_it_asks() {
    let ended = call(scenario("overload_503"), Settings::default()).finish();
    let [first, second] = &ended.attempts[..] else { panic!("{:#?}", ended.attempts) };
    assert_eq!(second["origin"], "failover");
    let time = |value: &Value| {
        let text = value.as_str().expect("a time");
        text.parse::<jiff::Timestamp>().expect("RFC 3339")
    };
    let wait = time(&second["due_at"]).duration_since(time(&first["ended_at"]));
    assert_eq!(wait.as_secs(), 7, "Retry-After: 7");
}

#[test]
fn a_silent_trunk_is_given_up_and_canceled_once_it_speaks() {
    side_by_side(
        &["silent", "late_180_after_silence"],
        |name| name,
        |&name| {
            let scenario = scenario(name).pause(Duration::from_secs(4));
            let settings = Settings { trunk: "setup_timeout_s = 2\n", ..Settings::default() };
            let ended = call(scenario, settings).finish();
            ended.expect("trunk_unavailable", None);
            assert_eq!(ended.attempt["receipt"]["rang"], false);
            assert!(ended.trace.requests("INVITE").count() >= 3, "at 0, 0.5 and 1.5 s");
            let cancels = usize::from(name == "late_180_after_silence");
            assert_eq!(ended.trace.requests("CANCEL").count(), cancels);
        },
    );
}

/// Calls that ring until somebody gives up, and whether that is the one who asked for them.
const RINGING: &[(&str, bool)] = &[
    ("no_answer", false),
    ("no_answer", true),
    ("lost_487", false),
    ("lost_487", true),
    ("cancel_crosses_200", false),
    ("cancel_crosses_200", true),
];

#[test]
fn a_ringing_call_is_canceled_in_time_or_on_demand() {
    side_by_side(
        RINGING,
        |(name, _)| name,
        |&(name, on_demand)| {
            let call: Call = call(scenario(name), Settings::default());
            if on_demand {
                call.wait_state("ringing");
                call.gateway.cancel(&call.verification);
            }
            let ended = call.finish();
            let crossed = name == "cancel_crosses_200";
            let reason = if on_demand { "canceled" } else { "no_answer" };
            let status = if crossed { 200 } else { 487 };
            ended.expect(reason, Some(status));
            let left = if on_demand { "canceled" } else { "pending" };
            assert_eq!(ended.verification["status"], left);
            assert_eq!(ended.attempt["receipt"]["rang"], true);
            assert_eq!(ended.trace.requests("CANCEL").count(), 1);
            let acks = if name == "lost_487" { 3 } else { 1 };
            assert_eq!(ended.trace.requests("ACK").count(), acks, "one for each copy");
            assert_eq!(ended.trace.requests("BYE").count(), usize::from(crossed));
        },
    );
}
