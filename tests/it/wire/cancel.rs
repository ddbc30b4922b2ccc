//! Hanging up before the answer, and the races of CANCEL (RFC 3261 §9.1).

use super::world::{World, answer_200, ok_to, response};
use belfry::sip::{CallSignal, FailureKind};

fn failure(signals: &[(u64, CallSignal)]) -> (u64, FailureKind, Option<u16>) {
    match signals {
        [(at, CallSignal::Failed(failure))] => (*at, failure.kind, failure.status),
        other => panic!("{other:?}"),
    }
}

/// A call that rings, with everything so far thrown away.
fn ringing() -> World {
    let mut world = World::calling();
    world.hear(&response("180 Ringing", "r", "Contact: <sip:them@192.0.2.1:5062>\r\n"));
    world.sent.clear();
    world.signals.clear();
    world
}

#[test]
fn a_cancel_is_the_invites_twin() {
    let mut world = ringing();
    world.hang_up();
    world.hang_up();
    let cancel = world.only_sent();
    let expected = world.fill(
        "CANCEL sip:+3225805000@pbx.example;user=phone SIP/2.0\r\nVia: $VIA\r\n\
         Max-Forwards: 70\r\nFrom: $FROM\r\nTo: <sip:+3225805000@pbx.example;user=phone>\r\n\
         Call-ID: $CALL\r\nCSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(cancel.text, expected);
    world.hear(&ok_to(&cancel));
    assert_eq!(world.told(), []);
    world.hear(&response("487 Request Terminated", "r", ""));
    assert_eq!(world.only_sent().kind(), "ACK");
    assert_eq!(failure(&world.told()), (0, FailureKind::Canceled, Some(487)));
    world.run_out();
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut world = World::calling();
    world.hang_up();
    world.run_to(700);
    assert_eq!(world.kinds(), [(0, "INVITE".to_owned()), (500, "INVITE".to_owned())]);
    world.hear(&response("100 Trying", "", ""));
    assert_eq!(world.kinds(), [(700, "CANCEL".to_owned())]);
    assert_eq!(world.told(), [], "nothing is told of a call that is being cancelled");
    world.hear(&response("487 Request Terminated", "r", ""));
    assert_eq!(failure(&world.told()), (700, FailureKind::Canceled, Some(487)));
}

#[test]
fn a_hang_up_that_nobody_hears_ends_with_the_setup_timeout() {
    let mut world = World::calling();
    world.hang_up();
    world.run_out();
    assert_eq!(failure(&world.told()), (10_000, FailureKind::Canceled, None));
}

#[test]
fn an_unreachable_trunk_ends_a_hang_up() {
    let mut world = World::calling();
    world.hang_up();
    world.unreachable("192.0.2.1:5060");
    world.run_out();
    assert_eq!(failure(&world.told()), (0, FailureKind::Canceled, None));
}

#[test]
fn a_200_that_crosses_our_cancel_gets_ack_and_bye() {
    let mut world = ringing();
    world.hang_up();
    world.sent.clear();
    let answer = answer_200("r", "Contact: <sip:them@192.0.2.1:5062>\r\n");
    world.hear(&answer);
    let bye = world.sent[1].clone();
    assert_eq!(world.kinds(), [(0, "ACK".to_owned()), (0, "BYE".to_owned())]);
    assert!(bye.text.starts_with("BYE sip:them@192.0.2.1:5062 "), "{}", bye.text);
    assert_eq!(failure(&world.told()), (0, FailureKind::Canceled, Some(200)));
    world.run_to(400);
    world.hear(&answer);
    assert_eq!(world.kinds(), [(400, "ACK".to_owned())], "a copy: ACK again, no second BYE");
    world.hear(&ok_to(&bye));
    world.run_out();
    assert_eq!(world.told(), []);
}

#[test]
fn a_200_instead_of_a_provisional_response_after_hang_up_gets_ack_and_bye() {
    let mut world = World::calling();
    world.hang_up();
    world.sent.clear();
    world.hear(&answer_200("r", ""));
    assert_eq!(world.kinds(), [(0, "ACK".to_owned()), (0, "BYE".to_owned())]);
    assert_eq!(failure(&world.told()), (0, FailureKind::Canceled, Some(200)));
}

#[test]
fn a_failure_that_crosses_our_cancel_is_acknowledged() {
    let mut world = ringing();
    world.run_to(25_000);
    assert_eq!(world.only_sent().kind(), "CANCEL");
    world.hear(&response("486 Busy Here", "r", ""));
    assert_eq!(world.only_sent().kind(), "ACK");
    assert_eq!(failure(&world.told()), (25_000, FailureKind::RingTimeout, Some(486)));
    world.run_out();
}

#[test]
fn a_challenge_that_crosses_our_cancel_is_not_answered() {
    let mut world = ringing();
    world.hang_up();
    world.sent.clear();
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    world.hear(&response("401 Unauthorized", "r", challenge));
    assert_eq!(world.kinds(), [(0, "ACK".to_owned())]);
    assert_eq!(failure(&world.told()), (0, FailureKind::Canceled, Some(401)));
}

#[test]
fn an_invite_heard_of_after_the_setup_timeout_is_cancelled() {
    let mut world = World::calling();
    world.run_to(12_000);
    assert_eq!(failure(&world.told()), (10_000, FailureKind::SetupTimeout, None));
    world.sent.clear();
    world.hear(&response("180 Ringing", "r", ""));
    world.hear(&response("180 Ringing", "r", ""));
    let cancel = world.only_sent();
    assert_eq!(cancel.kind(), "CANCEL");
    world.hear(&ok_to(&cancel));
    world.hear(&response("487 Request Terminated", "r", ""));
    assert_eq!(world.only_sent().kind(), "ACK");
    world.run_out();
    assert_eq!(world.told(), [], "the last word was told");
}

#[test]
fn a_late_cancel_without_an_end_is_forgotten() {
    let mut world = World::calling();
    world.run_to(12_000);
    world.hear(&response("180 Ringing", "r", ""));
    world.run_to(43_999);
    assert_eq!(world.agent.calls_held(), 1);
    world.run_to(44_000);
    assert_eq!(world.agent.calls_held(), 0);
}

#[test]
fn an_answer_after_the_setup_timeout_gets_ack_and_bye() {
    let mut world = World::calling();
    world.run_to(12_000);
    world.sent.clear();
    world.signals.clear();
    world.hear(&answer_200("r", ""));
    let kinds = [(12_000, "ACK".to_owned()), (12_000, "BYE".to_owned())];
    assert_eq!(world.kinds(), kinds);
    world.run_out();
    assert_eq!(world.told(), []);
}

#[test]
fn the_name_of_a_failed_call_may_be_used_again_at_once() {
    let mut world = World::calling();
    world.hear(&response("503 Service Unavailable", "r", ""));
    world.sent.clear();
    world.signals.clear();
    world.agent.invite(world.now, super::world::order());
    world.run_to(0);
    world.hang_up();
    world.run_out();
    assert_eq!(failure(&world.told()), (10_000, FailureKind::Canceled, None));
}
