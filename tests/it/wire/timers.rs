//! Every retransmission to the millisecond (RFC 3261 §17 and table 4, T1 = 500 ms).

use super::world::{World, answer_200, request, response, response_to};
use belfry::sip::{CallSignal, FailureKind};
use belfry::time::Duration;

fn times(sent: &[(u64, String)], kind: &str) -> Vec<u64> {
    sent.iter().filter(|(_, k)| k == kind).map(|(at, _)| *at).collect()
}

fn failure(signals: &[(u64, CallSignal)]) -> (u64, FailureKind, Option<u16>) {
    match signals {
        [(at, CallSignal::Failed(failure))] => (*at, failure.kind, failure.status),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_silent_peer_gets_the_invite_at_timer_a_until_the_setup_timeout() {
    let mut world = World::calling();
    world.run_to(9_999);
    assert_eq!(world.told(), []);
    world.run_to(60_000);
    assert_eq!(failure(&world.told()), (10_000, FailureKind::SetupTimeout, None));
    assert_eq!(times(&world.kinds(), "INVITE"), [0, 500, 1_500, 3_500, 7_500]);
    world.run_out();
    assert_eq!(world.kinds(), []);
}

#[test]
fn timer_b_ends_the_call_when_the_setup_timeout_is_longer() {
    let mut order = super::world::order();
    order.setup_timeout = Duration::from_secs(60);
    let mut world = World::calling_with(order);
    world.run_to(31_999);
    assert_eq!(world.told(), []);
    world.run_out();
    assert_eq!(failure(&world.told()), (32_000, FailureKind::SetupTimeout, None));
    let invites = [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500];
    assert_eq!(times(&world.kinds(), "INVITE"), invites);
}

#[test]
fn a_provisional_response_stops_the_invite() {
    let mut world = World::calling();
    world.run_to(600);
    world.hear(&response("100 Trying", "", ""));
    world.run_to(20_000);
    assert_eq!(times(&world.kinds(), "INVITE"), [0, 500]);
}

#[test]
fn ringing_is_timed_from_the_first_18x() {
    let mut world = World::calling();
    world.hear(&response("100 Trying", "", ""));
    world.run_to(8_000);
    world.hear(&response("180 Ringing", "r", ""));
    world.run_to(20_000);
    world.hear(&response("180 Ringing", "r", ""));
    world.run_to(32_999);
    assert!(times(&world.kinds(), "CANCEL").is_empty());
    world.run_to(33_000);
    assert_eq!(world.kinds(), [(33_000, "CANCEL".to_owned())]);
}

#[test]
fn a_peer_that_only_tries_is_cancelled_after_the_ring_timeout() {
    let mut world = World::calling();
    world.run_to(100);
    world.hear(&response("100 Trying", "", ""));
    world.sent.clear();
    world.signals.clear();
    world.run_out();
    // Timer E of the CANCEL, doubling to T2, until timer F.
    let gaps = [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(times(&world.kinds(), "CANCEL"), gaps.map(|gap| 25_100 + gap));
    assert_eq!(failure(&world.told()), (57_100, FailureKind::RingTimeout, None));
}

#[test]
fn a_bye_is_sent_again_at_timer_e_until_timer_f() {
    let mut world = World::answered();
    world.hang_up();
    world.run_out();
    let byes = [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(times(&world.kinds(), "BYE"), byes);
    assert_eq!(world.told(), [(32_000, CallSignal::Ended)]);
}

#[test]
fn a_bye_whose_peer_is_trying_is_sent_again_every_t2() {
    let mut world = World::answered();
    world.hang_up();
    let bye = world.sent[0].clone();
    world.run_to(600);
    world.hear(&response_to(&bye, "100 Trying", ""));
    world.run_to(14_000);
    assert_eq!(times(&world.kinds(), "BYE"), [0, 500, 1_500, 5_500, 9_500, 13_500]);
    world.hear(&response_to(&bye, "200 OK", ""));
    world.run_to(18_999);
    assert_eq!(world.told(), [(14_000, CallSignal::Ended)]);
    world.hear(&response_to(&bye, "200 OK", ""));
    assert_eq!(world.agent.counters().stray_responses, 0, "timer K: T4 for copies");
    world.run_to(19_000);
    world.hear(&response_to(&bye, "200 OK", ""));
    assert_eq!(world.agent.counters().stray_responses, 1);
}

#[test]
fn every_copy_of_the_200_is_acknowledged_for_64_t1() {
    let mut world = World::calling();
    let answer = answer_200("r", "Contact: <sip:them@192.0.2.1:5062>\r\n");
    world.hear(&response("100 Trying", "", ""));
    world.sent.clear();
    for at in [1_000, 1_500, 2_500, 32_999] {
        world.run_to(at);
        world.hear(&answer);
    }
    let acks: Vec<_> = world.sent.iter().map(|sent| sent.text.clone()).collect();
    assert!(acks.iter().all(|ack| *ack == acks[0]), "copies are the same to the byte");
    assert_eq!(times(&world.kinds(), "ACK"), [1_000, 1_500, 2_500, 32_999]);
    let answered = world.told().into_iter().filter(|(_, s)| matches!(s, CallSignal::Answered(_)));
    assert_eq!(answered.count(), 1);
    world.run_to(33_000);
    world.hear(&answer);
    assert_eq!(world.kinds(), []);
}

#[test]
fn the_200_is_acknowledged_even_after_the_call_is_over() {
    let mut world = World::calling();
    let answer = answer_200("r", "");
    world.hear(&answer);
    world.hear(&request("BYE", 1, "z9hG4bKb", "", ""));
    world.sent.clear();
    world.signals.clear();
    world.run_to(4_000);
    world.hear(&answer);
    assert_eq!(world.kinds(), [(4_000, "ACK".to_owned())]);
    assert_eq!(world.told(), []);
    world.run_out();
}

#[test]
fn our_200_to_a_re_invite_is_sent_again_until_its_ack() {
    let mut world = World::answered();
    world.hear(&request("INVITE", 7, "z9hG4bKi", "", ""));
    world.run_to(4_000);
    world.hear(&request("INVITE", 7, "z9hG4bKi", "", ""));
    world.hear(&request("ACK", 7, "z9hG4bKack", "", ""));
    world.run_to(60_000);
    assert_eq!(times(&world.kinds(), "200"), [0, 500, 1_500, 3_500]);
}

#[test]
fn without_an_ack_our_200_is_given_up_after_64_t1_and_the_call_goes_on() {
    let mut world = World::answered();
    world.hear(&request("INVITE", 7, "z9hG4bKi", "", ""));
    world.run_to(60_000);
    let sent = [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(world.kinds(), sent.map(|at| (at, "200".to_owned())));
    assert_eq!(world.told(), []);
}

#[test]
fn a_refusal_of_a_re_invite_follows_timers_g_h_and_i() {
    let refused = |branch: &str| {
        let g729 = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 5004 RTP/AVP 18\r\n";
        request("INVITE", 7, branch, "Content-Type: application/sdp\r\n", g729)
    };
    let mut world = World::answered();
    world.hear(&refused("z9hG4bKi"));
    world.run_to(1_000);
    world.hear(&refused("z9hG4bKi"));
    world.run_to(2_000);
    world.hear(&request("ACK", 7, "z9hG4bKi", "", ""));
    world.run_to(60_000);
    assert_eq!(times(&world.kinds(), "488"), [0, 500, 1_000, 1_500]);

    let mut world = World::answered();
    world.hear(&refused("z9hG4bKj"));
    world.run_to(60_000);
    let sent = [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(times(&world.kinds(), "488"), sent);
}

#[test]
fn a_request_is_answered_the_same_for_64_t1() {
    let mut world = World::answered();
    let options = request("OPTIONS", 3, "z9hG4bKo", "", "");
    world.hear(&options);
    let first = world.only_sent().text;
    world.run_to(31_999);
    world.hear(&options);
    assert_eq!(world.only_sent().text, first);
    world.run_to(32_000);
    world.hear(&options);
    assert_eq!(world.only_sent().kind(), "500", "no longer a copy, and its number is old");
}

#[test]
fn a_late_wake_up_sends_one_copy_and_keeps_the_rhythm() {
    let mut world = World::calling();
    world.wake_late(3_600);
    world.wake_late(3_600);
    world.run_to(9_000);
    // Timer A is due at 500; woken at 3,600 it goes on 1,000 later, then 2,000.
    assert_eq!(times(&world.kinds(), "INVITE"), [0, 3_600, 4_600, 6_600]);
}
