//! The plain course of a call: INVITE, progress, answer, end from either side, failures.

use super::world::{
    SDP, World, address, answer_200, ok_to, order, request, response, response_with_sdp,
};
use belfry::sip::sdp::{Answer, AnswerError, Codec, Direction};
use belfry::sip::{CallSignal, Cause, Failure, FailureKind};
use belfry::time::Duration;

fn usual_answer() -> Answer {
    Answer {
        remote: address("192.0.2.1:5004"),
        codec: Codec::Pcma,
        telephone_event: Some(101),
        ptime_ms: 20,
        direction: Direction::SendRecv,
    }
}

fn failed(kind: FailureKind, status: Option<u16>) -> CallSignal {
    let (cause, warning, retry_after) = (Cause::default(), None, None);
    CallSignal::Failed(Failure { kind, status, cause, warning, retry_after })
}

#[test]
fn the_invite_is_written_to_the_letter() {
    let mut world = World::calling();
    let sent = world.only_sent();
    let body = "v=0\r\no=- 77 77 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
        m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
    let expected = world.fill(&format!(
        "INVITE sip:+3225805000@pbx.example;user=phone SIP/2.0\r\nVia: $VIA\r\nMax-Forwards: 70\r\n\
         From: \"Belfry\" <sip:+3225800000@pbx.example>;tag=$TAG\r\n\
         To: <sip:+3225805000@pbx.example;user=phone>\r\nCall-ID: $CALL\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:belfry@192.0.2.10:5060>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\nUser-Agent: Belfry/0.1\r\n\
         P-Asserted-Identity: <sip:+3225800000@pbx.example>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(sent.text, expected);
    assert_eq!(sent.to, address("192.0.2.1:5060"));
    let via = sent.field("Via");
    assert!(via.starts_with("SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK"), "{via}");
    assert!(via.ends_with(";rport"), "{via}");
    assert!(sent.text.len() < 1_300, "fits one packet");
}

#[test]
fn a_call_that_is_answered_and_ended_by_us() {
    let mut world = World::calling();
    world.sent.clear();
    world.hear(&response("100 Trying", "", ""));
    world.run_to(200);
    world.hear(&response("180 Ringing", "r", "Contact: <sip:them@192.0.2.1:5062>\r\n"));
    world.hear(&response("180 Ringing", "r", ""));
    world.run_to(900);
    world.hear(&answer_200("r", "Contact: <sip:them@192.0.2.1:5062>\r\n"));
    let told = [
        (0, CallSignal::Trying),
        (200, CallSignal::Ringing),
        (900, CallSignal::Answered(Ok(usual_answer()))),
    ];
    assert_eq!(world.told(), told);
    let ack = world.only_sent();
    let expected = world.fill(
        "ACK sip:them@192.0.2.1:5062 SIP/2.0\r\nVia: $ACKVIA\r\nMax-Forwards: 70\r\nFrom: $FROM\r\n\
         To: <sip:them@b>;tag=r\r\nCall-ID: $CALL\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(ack.text, expected.replace("$ACKVIA", ack.field("Via")));
    assert_ne!(ack.field("Via"), world.fill("$VIA"), "the ACK of a 2xx has its own branch");
    assert_eq!(ack.to, address("192.0.2.1:5062"));

    world.run_to(5_000);
    world.hang_up();
    world.hang_up();
    let bye = world.only_sent();
    let start = "BYE sip:them@192.0.2.1:5062 SIP/2.0\r\n";
    assert!(bye.text.starts_with(start) && bye.field("CSeq") == "2 BYE", "{}", bye.text);
    world.run_to(5_040);
    world.hear(&ok_to(&bye));
    assert_eq!(world.told(), [(5_040, CallSignal::Ended)]);
    world.run_out();
    assert_eq!((world.told(), world.kinds()), (vec![], vec![]));
}

#[test]
fn a_call_that_the_peer_ends() {
    let mut world = World::answered();
    let bye = request("BYE", 1, "z9hG4bKb1", "Reason: Q.850;cause=16;text=\"Normal\"\r\n", "");
    world.run_to(3_000);
    world.hear(&bye);
    let cause = Cause { q850: Some(16), text: Some("Normal".into()) };
    let told = [(3_000, CallSignal::ByeReceived(cause)), (3_000, CallSignal::Ended)];
    assert_eq!(world.told(), told);
    let ok = world.only_sent();
    let expected = world.fill(
        "SIP/2.0 200 OK\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKb1;rport=5060;received=192.0.2.1\r\n\
         From: <sip:them@b>;tag=r\r\nTo: <sip:us@a>;tag=$TAG\r\nCall-ID: $CALL\r\n\
         CSeq: 1 BYE\r\nServer: Belfry/0.1\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!((ok.text.as_str(), ok.to), (expected.as_str(), address("192.0.2.1:5060")));
    world.hear(&bye);
    assert_eq!(world.only_sent().text, ok.text, "a copy gets the same answer");
    world.hang_up();
    world.run_out();
    assert_eq!((world.told(), world.kinds()), (vec![], vec![]));
}

#[test]
fn byes_that_cross_end_the_call_once() {
    let mut world = World::answered();
    world.hang_up();
    let ours = world.only_sent();
    world.hear(&request("BYE", 1, "z9hG4bKb1", "", ""));
    assert_eq!(world.only_sent().kind(), "200");
    world.hear(&ok_to(&ours).replace("200 OK", "481 Gone"));
    assert_eq!(world.told(), [(0, CallSignal::Ended)]);
    world.run_out();
}

#[test]
fn a_bye_that_overtakes_the_200_ends_the_call_when_it_comes() {
    let mut world = World::calling();
    world.sent.clear();
    world.hear(&response("180 Ringing", "r", ""));
    for tag in ["r", "other"] {
        let bye = request("BYE", 1, &format!("z9hG4bK{tag}"), "", "");
        world.hear(&bye.replace("tag=r", &format!("tag={tag}")));
        assert_eq!(world.only_sent().kind(), "200");
    }
    world.signals.clear();
    world.hear(&answer_200("other", ""));
    assert_eq!(world.only_sent().kind(), "ACK");
    let told = [
        (0, CallSignal::Answered(Ok(usual_answer()))),
        (0, CallSignal::ByeReceived(Cause::default())),
        (0, CallSignal::Ended),
    ];
    assert_eq!(world.told(), told);
    world.run_out();
}

#[test]
fn busy_is_acknowledged_once_per_copy() {
    let mut world = World::calling();
    let invite = world.only_sent();
    let busy = response(
        "486 Busy Here",
        "b",
        "Reason: Q.850;cause=17\r\nWarning: 399 pbx \"In a call\"\r\nRetry-After: 60\r\n",
    );
    world.run_to(300);
    for at in [300, 400, 32_299] {
        world.run_to(at);
        world.hear(&busy);
    }
    let failure = CallSignal::Failed(Failure {
        kind: FailureKind::Status,
        status: Some(486),
        cause: Cause { q850: Some(17), text: None },
        warning: Some("In a call".into()),
        retry_after: Some(Duration::from_secs(60)),
    });
    assert_eq!(world.told(), [(300, failure)]);
    let ack = world.sent[0].clone();
    let expected = world.fill(
        "ACK sip:+3225805000@pbx.example;user=phone SIP/2.0\r\nVia: $VIA\r\nMax-Forwards: 70\r\n\
         From: $FROM\r\nTo: <sip:them@b>;tag=b\r\nCall-ID: $CALL\r\nCSeq: 1 ACK\r\n\
         Content-Length: 0\r\n\r\n",
    );
    assert_eq!((ack.text, ack.to), (expected, invite.to));
    let acks: Vec<_> = [300, 400, 32_299].map(|at| (at, "ACK".to_owned())).into();
    assert_eq!(world.kinds(), acks);
    world.run_to(32_300);
    assert_eq!(world.agent.calls_held(), 0);
    world.hear(&busy);
    assert_eq!(world.kinds(), []);
    assert_eq!(world.agent.counters().stray_responses, 1);
}

#[test]
fn every_failure_keeps_its_status_and_redirections_are_not_followed() {
    for status in [300, 301, 302, 403, 404, 408, 480, 484, 487, 488, 500, 503, 600, 603, 607, 699] {
        let mut world = World::calling();
        world.sent.clear();
        let line = format!("{status} Whatever");
        world.hear(&response(&line, "x", "Contact: <sip:premium@192.0.2.66>\r\n"));
        assert_eq!(world.kinds(), [(0, "ACK".to_owned())]);
        assert_eq!(world.told(), [(0, failed(FailureKind::Status, Some(status)))]);
        world.run_out();
    }
}

#[test]
fn early_media_is_told_once_for_each_change() {
    let mut world = World::calling();
    world.hear(&response_with_sdp("183 Session Progress", "r", ""));
    world.hear(&response_with_sdp("183 Session Progress", "r", ""));
    world.hear(&response("180 Ringing", "r", ""));
    let moved = response_with_sdp("183 Session Progress", "r", "");
    world.hear(&moved.replace("m=audio 5004", "m=audio 5008"));
    let elsewhere = Answer { remote: address("192.0.2.1:5008"), ..usual_answer() };
    let told = [
        (0, CallSignal::Trying),
        (0, CallSignal::EarlyMedia(usual_answer())),
        (0, CallSignal::Ringing),
        (0, CallSignal::EarlyMedia(elsewhere.clone())),
    ];
    assert_eq!(world.told(), told);
    // Many PBXs do not repeat the description in the 200.
    world.hear(&response("200 OK", "r", ""));
    assert_eq!(world.told(), [(0, CallSignal::Answered(Ok(elsewhere)))]);
}

#[test]
fn a_forwarded_call_is_told_once() {
    let mut world = World::calling();
    world.hear(&response("181 Call Is Being Forwarded", "r", ""));
    world.hear(&response("181 Call Is Being Forwarded", "r", ""));
    assert_eq!(world.told(), [(0, CallSignal::Trying), (0, CallSignal::Forwarded)]);
}

#[test]
fn an_answer_that_is_of_no_use_is_acknowledged_and_told() {
    let cases = [
        (response("200 OK", "r", ""), AnswerError::Missing),
        (answer_200("r", "").replace("AVP 8 101", "AVP 18 33"), AnswerError::NoUsableCodec),
        (answer_200("r", "").replace("audio 5004", "audio 0   "), AnswerError::NoAudio),
        (answer_200("r", "").replace("RTP/AVP ", "RTP/SAVP"), AnswerError::WrongTransport),
        (answer_200("r", "").replace("v=0", "v=9"), AnswerError::Malformed),
    ];
    for (text, error) in cases {
        let mut world = World::calling();
        world.sent.clear();
        world.hear(&text);
        assert_eq!(world.told(), [(0, CallSignal::Answered(Err(error)))]);
        assert_eq!(world.kinds(), [(0, "ACK".to_owned())]);
        world.hang_up();
        assert_eq!(world.only_sent().kind(), "BYE");
    }
}

#[test]
fn the_address_in_the_200_wins_over_the_early_one() {
    let mut world = World::calling();
    world.hear(&response_with_sdp("183 Session Progress", "r", ""));
    world.signals.clear();
    world.hear(&answer_200("r", "").replace("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.2"));
    let moved = Answer { remote: address("192.0.2.2:5004"), ..usual_answer() };
    assert_eq!(world.told(), [(0, CallSignal::Answered(Ok(moved)))]);
}

#[test]
fn requests_inside_the_dialog_follow_the_route_set_of_the_200() {
    let mut world = World::calling();
    world.hear(&response("180 Ringing", "r", "Record-Route: <sip:192.0.2.77;lr>\r\n"));
    world.sent.clear();
    let fields = "Record-Route: <sip:192.0.2.3;lr>\r\nRecord-Route: <sip:192.0.2.1:5080;lr>\r\n\
        Contact: <sip:them@10.0.0.9>\r\n";
    world.hear(&answer_200("r", fields));
    let ack = world.only_sent();
    let routes = "Route: <sip:192.0.2.1:5080;lr>\r\nRoute: <sip:192.0.2.3;lr>\r\n";
    assert!(ack.text.starts_with("ACK sip:them@10.0.0.9 SIP/2.0\r\n"), "{}", ack.text);
    assert!(ack.text.contains(routes), "{}", ack.text);
    assert_eq!(ack.to, address("192.0.2.1:5080"));
}

#[test]
fn a_preset_route_is_kept_in_invite_ack_and_cancel() {
    let mut order = order();
    order.headers = vec![("route".into(), "<sip:edge.example;lr>".into())];
    order.headers.push(("Call-ID".into(), "forged".into()));
    let mut world = World::calling_with(order);
    world.hear(&response("100 Trying", "", ""));
    world.hang_up();
    world.hear(&response("487 Request Terminated", "r", ""));
    let kinds: Vec<_> = world.sent.iter().map(|sent| sent.kind().to_owned()).collect();
    assert_eq!(kinds, ["INVITE", "CANCEL", "ACK"]);
    for sent in &world.sent {
        assert_eq!(sent.field("Route"), "<sip:edge.example;lr>", "{}", sent.text);
        assert!(!sent.text.contains("forged"), "{}", sent.text);
    }
}

#[test]
fn an_unreachable_trunk_fails_the_call_at_once() {
    let mut world = World::calling();
    world.unreachable("192.0.2.99:5060");
    world.run_to(10);
    world.unreachable("192.0.2.1:5060");
    world.run_out();
    assert_eq!(world.told(), [(10, failed(FailureKind::Transport, None))]);
}

#[test]
fn an_unreachable_peer_ends_a_call_that_is_hanging_up() {
    let mut world = World::answered();
    world.unreachable("192.0.2.1:5062");
    world.run_to(10);
    assert_eq!(world.told(), [], "an answered call does not end for it");
    world.hang_up();
    world.unreachable("192.0.2.1:5062");
    world.run_to(10);
    assert_eq!(world.told(), [(10, CallSignal::Ended)]);
    world.run_out();
}

#[test]
fn a_bye_that_reaches_nobody_leaves_nothing_behind() {
    let mut world = World::answered();
    world.run_to(40_000);
    world.hang_up();
    world.unreachable("192.0.2.1:5062");
    assert_eq!(world.told(), [(40_000, CallSignal::Ended)]);
    assert_eq!(world.agent.calls_held(), 0, "no timer is left that could clean up later");
}

#[test]
fn a_call_to_a_peer_without_tags_and_contact_works() {
    let mut world = World::calling();
    world.sent.clear();
    world.hear(&answer_200("", ""));
    let ack = world.only_sent();
    assert!(ack.text.starts_with("ACK sip:+3225805000@pbx.example;user=phone SIP/2.0\r\n"));
    let bye = request("BYE", 1, "z9hG4bKx", "", "").replace(";tag=r", "");
    world.hear(&bye);
    assert_eq!(world.only_sent().kind(), "200");
}

#[test]
fn the_body_is_taken_by_its_length() {
    let mut world = World::calling();
    world.signals.clear();
    let longer = answer_200("r", "") + "m=audio 0 RTP/AVP 8\r\n";
    world.hear(&longer);
    assert_eq!(world.told(), [(0, CallSignal::Answered(Ok(usual_answer())))]);
    assert!(SDP.ends_with("8000\r\n"));
}
