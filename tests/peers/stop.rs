//! A gateway that is told to stop while a call is up.

use crate::call::call;
use crate::gateway::Settings;
use crate::sipp::scenario;

#[test]
fn a_call_that_is_up_may_end_by_itself() {
    let call = call(scenario("answer"), Settings::default());
    call.wait_state("answered");
    call.gateway.terminate();
    let ended = call.stop(Settings::default());
    ended.expect("no_human", Some(200));
    assert_eq!(ended.trace.requests("BYE").count(), 1);
}

#[test]
fn a_call_that_outlasts_the_patience_is_hung_up() {
    let sections = "[shutdown]\ndrain_s = 1\n";
    let call = call(scenario("answer"), Settings { sections, ..Settings::default() });
    call.wait_state("answered");
    call.gateway.terminate();
    let ended = call.stop(Settings::default());
    ended.expect("interrupted", Some(200));
    assert_eq!(ended.trace.requests("BYE").count(), 1);
    assert_eq!(ended.verification["status"], "pending");
}
