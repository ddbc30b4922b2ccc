//! Challenges (RFC 3261 §22, RFC 7616, RFC 8760) as carriers send them.

use super::world::{Sent, World, answer_200, order, response, response_to};
use belfry::sip::{CallSignal, FailureKind};

fn challenge(world: &mut World, status: &str, fields: &str) -> Vec<Sent> {
    world.sent.clear();
    world.hear(&response(status, "c", fields));
    std::mem::take(&mut world.sent)
}

fn failure(world: &mut World) -> (FailureKind, Option<u16>) {
    match world.told().as_slice() {
        [(_, CallSignal::Failed(failure))] => (failure.kind, failure.status),
        other => panic!("{other:?}"),
    }
}

const NONCE_1: &str = "WWW-Authenticate: Digest realm=\"lab\", nonce=\"one\", algorithm=MD5\r\n";

#[test]
fn a_401_is_acknowledged_and_answered_in_the_same_call() {
    let mut world = World::calling();
    let first = world.only_sent();
    let sent = challenge(&mut world, "401 Unauthorized", NONCE_1);
    let [ack, second] = <[_; 2]>::try_from(sent).expect("two messages");
    assert_eq!((ack.kind(), ack.field("CSeq")), ("ACK", "1 ACK"));
    assert_eq!(ack.field("Via"), first.field("Via"));
    assert_eq!((second.kind(), second.field("CSeq")), ("INVITE", "2 INVITE"));
    assert_eq!(second.field("Call-ID"), first.field("Call-ID"));
    assert_eq!(second.field("From"), first.field("From"));
    assert_ne!(second.field("Via"), first.field("Via"));
    assert_eq!(second.body(), first.body());
    // MD5(MD5("gw:lab:secret") ":one:" MD5("INVITE:sip:+3225805000@pbx.example;user=phone"))
    let expected = "Digest username=\"gw\", realm=\"lab\", nonce=\"one\", \
        uri=\"sip:+3225805000@pbx.example;user=phone\", \
        response=\"6bbc9c4ee122e4ed86fab2f84ba31f0b\", algorithm=MD5";
    assert_eq!(second.field("Authorization"), expected);
    world.hear(&response("401 Unauthorized", "c", NONCE_1).replace("$VIA", first.field("Via")));
    assert_eq!(world.kinds(), [(0, "ACK".to_owned())], "a copy of the old challenge");
    assert_eq!(world.told(), []);
    world.hear(&answer_200("r", ""));
    let ack = world.only_sent();
    assert_eq!(ack.field("Authorization"), expected, "RFC 3261 §13.2.2.4");
    assert_eq!(ack.field("CSeq"), "2 ACK");
    world.hang_up();
    let bye = world.only_sent();
    assert_eq!(bye.field("CSeq"), "3 BYE");
    assert!(bye.field("Authorization").contains("nonce=\"one\""), "the nonce is used again");
}

#[test]
fn a_407_then_a_401_are_both_answered() {
    let mut world = World::calling();
    let proxy = "Proxy-Authenticate: Digest realm=\"p\", nonce=\"pn\", qop=\"auth,auth-int\"\r\n";
    let sent = challenge(&mut world, "407 Proxy Authentication Required", proxy);
    assert!(sent[1].field("Proxy-Authorization").contains("qop=auth, nc=00000001, cnonce=\""));
    let server = "WWW-Authenticate: Digest realm=\"s\", nonce=\"sn\", algorithm=SHA-256, \
        qop=\"auth\"\r\n";
    let sent = challenge(&mut world, "401 Unauthorized", server);
    assert!(sent[1].field("Proxy-Authorization").contains("qop=auth, nc=00000002, cnonce=\""));
    assert!(sent[1].field("Authorization").contains("algorithm=SHA-256, qop=auth, nc=00000001"));
    assert_eq!(sent[1].field("CSeq"), "3 INVITE");
    assert_eq!(world.told(), []);
}

#[test]
fn both_kinds_in_one_response_are_answered_in_one_request() {
    let mut world = World::calling();
    let fields = "WWW-Authenticate: Digest realm=\"s\", nonce=\"1\", Digest realm=\"s\", \
        nonce=\"2\", algorithm=SHA-512-256\r\n\
        Proxy-Authenticate: Digest realm=\"p\", nonce=\"3\"\r\n";
    let sent = challenge(&mut world, "401 Unauthorized", fields);
    assert!(sent[1].field("Authorization").contains("nonce=\"2\""), "the stronger one");
    assert!(sent[1].field("Proxy-Authorization").contains("nonce=\"3\""));
}

#[test]
fn wrong_credentials_are_tried_once() {
    let mut world = World::calling();
    challenge(&mut world, "401 Unauthorized", NONCE_1);
    let sent = challenge(&mut world, "401 Unauthorized", &NONCE_1.replace("one", "two"));
    assert_eq!(sent.len(), 1, "only the ACK");
    assert_eq!(failure(&mut world), (FailureKind::AuthRejected, Some(401)));
    world.run_out();
}

#[test]
fn a_stale_nonce_is_renewed() {
    let mut world = World::calling();
    challenge(&mut world, "401 Unauthorized", NONCE_1);
    let stale = NONCE_1.replace("one\"", "two\", stale=TRUE");
    let sent = challenge(&mut world, "401 Unauthorized", &stale);
    assert!(sent[1].field("Authorization").contains("nonce=\"two\""));
    assert_eq!(world.told(), []);
}

#[test]
fn without_credentials_a_challenge_is_the_end() {
    let mut bare = order();
    bare.credentials = None;
    let mut world = World::calling_with(bare);
    let sent = challenge(&mut world, "401 Unauthorized", NONCE_1);
    assert_eq!(sent.len(), 1);
    assert_eq!(failure(&mut world), (FailureKind::AuthRejected, Some(401)));
}

#[test]
fn a_challenge_of_another_kind_is_the_end() {
    for fields in ["", "WWW-Authenticate: Basic realm=\"x\"\r\n", "WWW-Authenticate: Digest\r\n"] {
        let mut world = World::calling();
        challenge(&mut world, "401 Unauthorized", fields);
        assert_eq!(failure(&mut world), (FailureKind::UnsupportedAuth, Some(401)), "{fields}");
    }
}

#[test]
fn a_challenge_gives_the_peer_the_setup_time_again() {
    let mut world = World::calling();
    world.run_to(9_000);
    challenge(&mut world, "401 Unauthorized", NONCE_1);
    world.run_to(18_999);
    assert_eq!(world.told(), []);
    world.run_to(19_000);
    assert_eq!(failure(&mut world), (FailureKind::SetupTimeout, None));
    world.run_out();
}

#[test]
fn a_challenged_bye_is_sent_again_once() {
    let mut world = World::answered();
    world.hang_up();
    let bye = world.only_sent();
    world.hear(&response_to(&bye, "407 Proxy Authentication Required", PROXY));
    let second = world.only_sent();
    assert_eq!((second.kind(), second.field("CSeq")), ("BYE", "3 BYE"));
    assert!(second.field("Proxy-Authorization").contains("uri=\"sip:them@192.0.2.1:5062\""));
    assert_eq!(world.told(), []);
    world.hear(&response_to(&second, "407 Proxy Authentication Required", PROXY));
    assert_eq!(world.told(), [(0, CallSignal::Ended)]);
    assert_eq!(world.kinds(), []);
    world.run_out();
}

const PROXY: &str = "Proxy-Authenticate: Digest realm=\"lab\", nonce=\"n\"\r\n";
