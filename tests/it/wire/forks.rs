//! Several places ring, several answer: the first one talks, the others get ACK and BYE.

use super::world::{World, address, answer_200, ok_to, request, response, response_with_sdp};
use belfry::sip::CallSignal;

#[test]
fn a_second_answer_gets_ack_and_bye_and_its_copies_an_ack() {
    let mut world = World::calling();
    world.hear(&response("180 Ringing", "r1", ""));
    world.hear(&response("180 Ringing", "r2", ""));
    world.hear(&answer_200("r1", "Contact: <sip:one@192.0.2.21>\r\n"));
    world.sent.clear();
    world.signals.clear();
    let second = answer_200("r2", "Contact: <sip:two@192.0.2.22:5070>\r\n");
    world.hear(&second);
    world.hear(&second);
    let [ack, bye, again] = <[_; 3]>::try_from(world.sent.clone()).expect("three");
    assert_eq!((ack.kind(), bye.kind()), ("ACK", "BYE"));
    assert_eq!(ack.text, again.text);
    assert!(bye.text.starts_with("BYE sip:two@192.0.2.22:5070 SIP/2.0\r\n"), "{}", bye.text);
    assert!(bye.field("To").ends_with(";tag=r2"));
    assert_eq!(bye.to, address("192.0.2.22:5070"));
    world.hear(&ok_to(&bye));
    assert_eq!(world.told(), [], "the call itself goes on");
    world.sent.clear();
    world.hang_up();
    assert!(world.only_sent().text.starts_with("BYE sip:one@192.0.2.21 "));
}

#[test]
fn a_fork_that_hangs_up_itself_is_answered() {
    let mut world = World::calling();
    world.hear(&answer_200("r", ""));
    world.hear(&answer_200("r2", ""));
    world.sent.clear();
    world.signals.clear();
    world.hear(&request("BYE", 1, "z9hG4bKf", "", "").replace("tag=r\r\n", "tag=r2\r\n"));
    assert_eq!(world.only_sent().kind(), "200");
    assert_eq!(world.told(), []);
}

#[test]
fn answers_and_early_dialogs_are_bounded() {
    let mut world = World::calling();
    for n in 0..50 {
        world.hear(&response_with_sdp("183 Session Progress", &format!("e{n}"), ""));
    }
    assert_eq!(world.agent.counters().over_limit, 42, "8 early dialogs are kept");
    world.sent.clear();
    for n in 0..50 {
        world.hear(&answer_200(&format!("a{n}"), ""));
    }
    let kinds = world.kinds();
    let count = |kind: &str| kinds.iter().filter(|(_, k)| k == kind).count();
    assert_eq!((count("ACK"), count("BYE")), (8, 7));
    assert_eq!(world.agent.counters().over_limit, 84);
    let answered = world.told().into_iter().filter(|(_, s)| matches!(s, CallSignal::Answered(_)));
    assert_eq!(answered.count(), 1);
}
