//! Requests outside any dialog: refused correctly for a trunk, dropped silently for anyone else.

use super::world::{World, address};

fn outside(method: &str) -> String {
    format!(
        "{method} sip:belfry@192.0.2.10 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bKout\r\nFrom: <sip:x@y>;tag=f\r\n\
         To: <sip:belfry@192.0.2.10>\r\nCall-ID: foreign\r\nCSeq: 1 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

#[test]
fn a_scanner_learns_nothing() {
    let mut world = World::calling();
    world.sent.clear();
    for method in ["OPTIONS", "INVITE", "REGISTER", "BYE", "ACK", "WHATEVER"] {
        world.hear_from("203.0.113.9:5060", &outside(method));
    }
    assert_eq!(world.kinds(), []);
    assert_eq!(world.agent.counters().strangers, 6);
}

#[test]
fn a_trunk_gets_a_correct_refusal() {
    let cases = [
        ("OPTIONS", "200"),
        ("INVITE", "403"),
        ("BYE", "481"),
        ("CANCEL", "481"),
        ("UPDATE", "481"),
        ("NOTIFY", "405"),
        ("REGISTER", "405"),
        ("WHATEVER", "501"),
    ];
    for (method, status) in cases {
        let mut world = World::calling();
        world.sent.clear();
        world.hear(&outside(method));
        let answer = world.only_sent();
        assert_eq!((answer.kind(), answer.to), (status, address("192.0.2.1:5080")), "{method}");
        let to = answer.field("To").to_owned();
        assert!(to.starts_with("<sip:belfry@192.0.2.10>;tag="), "{to}");
        world.hear(&outside(method));
        assert_eq!(world.only_sent().text, answer.text, "copies get the same answer");
    }
}

#[test]
fn an_ack_is_never_answered() {
    let mut world = World::calling();
    world.sent.clear();
    world.hear(&outside("ACK"));
    assert_eq!(world.kinds(), []);
}

#[test]
fn a_request_in_a_dialog_we_do_not_have_gets_481() {
    let mut world = World::calling();
    world.sent.clear();
    for method in ["INVITE", "OPTIONS", "NOTIFY"] {
        let tagged = outside(method).replace("192.0.2.10>\r\n", "192.0.2.10>;tag=old\r\n");
        world.hear(&tagged);
        assert_eq!(world.only_sent().kind(), "481", "{method}");
    }
}

#[test]
fn a_flood_from_a_trunk_is_refused_a_hundred_times_a_second() {
    let mut world = World::calling();
    world.sent.clear();
    for _ in 0..500 {
        world.hear(&outside("OPTIONS"));
    }
    assert_eq!(world.kinds().len(), 100);
    assert_eq!(world.agent.counters().refusals_spared, 400);
    world.run_to(1_000);
    world.sent.clear();
    world.hear(&outside("OPTIONS"));
    assert_eq!(world.only_sent().kind(), "200");
}

#[test]
fn the_trunk_of_a_call_that_is_forgotten_is_a_stranger() {
    let mut world = World::calling();
    world.run_out();
    world.sent.clear();
    world.hear(&outside("OPTIONS"));
    assert_eq!(world.kinds(), []);
}
