//! What a peer asks inside the dialog.

use super::world::{SDP, Sent, World, address, request, response, response_with_sdp};
use belfry::sip::sdp::{Answer, Codec, Direction};
use belfry::sip::{CallSignal, Cause};

const SDP_TYPE: &str = "Content-Type: application/sdp\r\n";
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";

fn ask(world: &mut World, method: &str, fields: &str, body: &str) -> Sent {
    let number = 10 + u32::try_from(world.agent.counters().dialog_refusals).expect("small");
    let text = request(method, number, &format!("z9hG4bK{method}{number}"), fields, body);
    world.hear(&text);
    world.only_sent()
}

#[test]
fn a_hold_and_its_end_are_answered_with_our_own_description() {
    let mut world = World::answered();
    let hold = format!("{SDP}a=sendonly\r\n");
    world.hear(&request("INVITE", 1, "z9hG4bK1", SDP_TYPE, &hold));
    let ok = world.only_sent();
    let body = "v=0\r\no=- 77 78 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
        m=audio 40000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=recvonly\r\n";
    let expected = world.fill(&format!(
        "SIP/2.0 200 OK\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1;rport=5060;received=192.0.2.1\r\n\
         From: <sip:them@b>;tag=r\r\nTo: <sip:us@a>;tag=$TAG\r\nCall-ID: $CALL\r\n\
         CSeq: 1 INVITE\r\nAllow: {ALLOW}\r\nAccept: application/sdp\r\n\
         Contact: <sip:belfry@192.0.2.10:5060>\r\nContent-Type: application/sdp\r\n\
         Server: Belfry/0.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(ok.text, expected);
    world.hear(&request("ACK", 1, "z9hG4bK1a", "", ""));
    world.hear(&request("INVITE", 2, "z9hG4bK2", SDP_TYPE, SDP));
    assert!(world.only_sent().body().contains("o=- 77 79 "), "each change has its version");
    world.hear(&request("ACK", 2, "z9hG4bK2a", "", ""));
    let directions: Vec<_> = world
        .told()
        .into_iter()
        .map(|(_, signal)| match signal {
            CallSignal::MediaChanged(answer) => answer.direction,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(directions, [Direction::RecvOnly, Direction::SendRecv]);
}

#[test]
fn an_unchanged_description_keeps_its_version() {
    let mut world = World::answered();
    world.hear(&request("INVITE", 1, "z9hG4bK1", SDP_TYPE, SDP));
    let first = world.only_sent();
    world.hear(&request("ACK", 1, "z9hG4bK1a", "", ""));
    world.hear(&request("INVITE", 2, "z9hG4bK2", SDP_TYPE, SDP));
    assert_eq!(world.only_sent().body(), first.body());
}

#[test]
fn a_changed_address_is_told_and_the_new_contact_is_used() {
    let mut world = World::answered();
    let moved = SDP.replace("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.9").replace("8 101", "0");
    let fields = format!("Contact: <sip:them@192.0.2.9:5090>\r\n{SDP_TYPE}");
    let ok = ask(&mut world, "UPDATE", &fields, &moved);
    assert_eq!(ok.kind(), "200");
    let answer = Answer {
        remote: address("192.0.2.9:5004"),
        codec: Codec::Pcmu,
        telephone_event: None,
        ptime_ms: 20,
        direction: Direction::SendRecv,
    };
    assert_eq!(world.told(), [(0, CallSignal::MediaChanged(answer))]);
    world.hang_up();
    let bye = world.only_sent();
    assert_eq!(bye.to, address("192.0.2.9:5090"));
    assert!(bye.text.starts_with("BYE sip:them@192.0.2.9:5090 SIP/2.0\r\n"));
}

#[test]
fn a_re_invite_without_offer_gets_one_and_its_ack_is_read() {
    let mut world = World::answered();
    let ok = ask(&mut world, "INVITE", "", "");
    assert!(ok.body().contains("m=audio 40000 RTP/AVP 8 0 101\r\n"), "{}", ok.body());
    assert_eq!(world.told(), []);
    let ack = request("ACK", 10, "z9hG4bKa", SDP_TYPE, &SDP.replace("5004", "5010"));
    world.hear(&ack);
    world.hear(&ack);
    match world.told().as_slice() {
        [(0, CallSignal::MediaChanged(answer))] => assert_eq!(answer.remote.port(), 5010),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_offer_we_cannot_take_is_refused_and_the_call_goes_on() {
    let mut world = World::answered();
    let g729 = SDP.replace("8 101", "18");
    assert_eq!(ask(&mut world, "INVITE", SDP_TYPE, &g729).kind(), "488");
    assert_eq!(ask(&mut world, "UPDATE", SDP_TYPE, "v=0\r\n").kind(), "488");
    let text = ask(&mut world, "INVITE", "Content-Type: text/plain\r\n", "hello");
    assert_eq!((text.kind(), text.field("Accept")), ("415", "application/sdp"));
    assert_eq!(world.told(), []);
    assert_eq!(world.agent.counters().unusable_sdp, 2);
}

#[test]
fn an_update_without_offer_is_taken() {
    let mut world = World::answered();
    let ok = ask(&mut world, "UPDATE", "", "");
    assert_eq!((ok.kind(), ok.body()), ("200", ""));
    assert_eq!(world.told(), []);
}

#[test]
fn questions_and_notes_are_answered_as_they_should_be() {
    let dtmf = "Content-Type: application/dtmf-relay\r\n";
    let cases = [
        ("OPTIONS", "", "", "200"),
        ("INFO", dtmf, "Signal=5\r\nDuration=160\r\n", "200"),
        ("INFO", "Info-Package: foo\r\n", "", "469"),
        ("NOTIFY", "Event: refer\r\n", "", "405"),
        ("MESSAGE", "Content-Type: text/plain\r\n", "hi", "405"),
        ("REFER", "Refer-To: <sip:premium@192.0.2.66>\r\n", "", "405"),
        ("PRACK", "RAck: 1 1 INVITE\r\n", "", "405"),
        ("SUBSCRIBE", "", "", "405"),
        ("WHATEVER", "", "", "501"),
        ("invite", "", "", "501"),
    ];
    for (method, fields, body, status) in cases {
        let mut world = World::answered();
        let answer = ask(&mut world, method, fields, body);
        assert_eq!(answer.kind(), status, "{method}");
        if ["200", "405", "501"].contains(&status) && method != "INFO" {
            assert_eq!(answer.field("Allow"), ALLOW, "{method}");
        }
        assert_eq!(world.told(), [], "{method}");
    }
}

#[test]
fn an_extension_we_do_not_have_is_refused_by_name() {
    let mut world = World::answered();
    let answer = ask(&mut world, "UPDATE", "Require: timer, foo\r\nRequire: bar\r\n", "");
    assert_eq!((answer.kind(), answer.field("Unsupported")), ("420", "timer, foo, bar"));
}

#[test]
fn a_request_out_of_order_is_refused() {
    let mut world = World::answered();
    world.hear(&request("OPTIONS", 9, "z9hG4bK9", "", ""));
    world.hear(&request("BYE", 8, "z9hG4bK8", "", ""));
    let kinds = world.kinds();
    assert_eq!(kinds, [(0, "200".to_owned()), (0, "500".to_owned())]);
    assert_eq!(world.told(), [], "an old BYE does not end the call");
}

#[test]
fn a_request_with_a_wrong_tag_or_after_the_end_gets_481() {
    let mut world = World::answered();
    world.hear(&request("BYE", 1, "z9hG4bK1", "", "").replace("tag=r\r\n", "tag=x\r\n"));
    assert_eq!(world.only_sent().kind(), "481");
    world.hear(&request("BYE", 1, "z9hG4bK2", "", "").replace("$TAG", "x"));
    assert_eq!(world.only_sent().kind(), "481");
    world.hang_up();
    world.sent.clear();
    world.hear(&request("INVITE", 3, "z9hG4bK3", "", ""));
    assert_eq!(world.only_sent().kind(), "481");
    assert_eq!(world.told(), []);
}

#[test]
fn a_bye_from_another_machine_of_the_carrier_is_taken() {
    let mut world = World::answered();
    world.hear_from("198.51.100.5:5099", &request("BYE", 1, "z9hG4bK1", "", ""));
    assert_eq!(world.only_sent().to, address("198.51.100.5:5099"));
    let told = [(0, CallSignal::ByeReceived(Cause::default())), (0, CallSignal::Ended)];
    assert_eq!(world.told(), told);
}

#[test]
fn a_cancel_of_a_re_invite_comes_too_late_and_one_of_nothing_gets_481() {
    let mut world = World::answered();
    world.hear(&request("CANCEL", 4, "z9hG4bK4", "", ""));
    world.hear(&request("INVITE", 5, "z9hG4bK5", "", ""));
    world.hear(&request("CANCEL", 5, "z9hG4bK5", "", ""));
    world.hear(&request("CANCEL", 5, "z9hG4bK5", "", ""));
    let kinds = ["481", "200", "200", "200"].map(|kind| (0, kind.to_owned()));
    assert_eq!(world.kinds(), kinds);
}

#[test]
fn requests_in_an_early_dialog() {
    let mut world = World::calling();
    world.hear(&response("180 Ringing", "r", ""));
    world.sent.clear();
    assert_eq!(ask(&mut world, "UPDATE", SDP_TYPE, SDP).kind(), "491", "our offer is open");
    assert_eq!(ask(&mut world, "INVITE", "", "").kind(), "491");
    world.signals.clear();
    world.hear(&response_with_sdp("183 Session Progress", "r", ""));
    let moved = SDP.replace("5004", "5020");
    assert_eq!(ask(&mut world, "UPDATE", SDP_TYPE, &moved).kind(), "200");
    let ports: Vec<_> = world
        .told()
        .into_iter()
        .map(|(_, signal)| match signal {
            CallSignal::EarlyMedia(answer) => answer.remote.port(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ports, [5004, 5020]);
}

#[test]
fn requests_remembered_for_one_call_are_bounded() {
    let mut world = World::answered();
    for number in 1..=1_000 {
        world.hear(&request("OPTIONS", number, &format!("z9hG4bK{number}"), "", ""));
        world.hear(&request("INVITE", number + 5_000, &format!("z9hG4bKi{number}"), "", ""));
    }
    assert!(world.sent.iter().all(|sent| sent.kind() == "200" || sent.kind() == "500"));
    world.sent.clear();
    world.wake_late(500);
    assert!(world.kinds().len() <= 32);
}
