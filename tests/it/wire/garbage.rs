//! Bytes that are no SIP message, or none we may believe.

use super::world::{World, address, answer_200, order, request, response_with_sdp};
use belfry::entropy::Entropy;
use belfry::sip::wire::{self, ParseError};
use belfry::sip::{TimerConfig, UserAgent, UserAgentConfig};
use belfry::time::Instant;
use proptest::prelude::*;

/// Hears `text` and expects it to be counted as garbage, with no effect.
fn is_garbage(text: &str) {
    let mut world = World::calling();
    world.sent.clear();
    world.hear(text);
    assert_eq!((world.told(), world.kinds()), (vec![], vec![]), "{text}");
    assert_eq!(world.agent.counters().garbage, 1, "{text}");
}

#[test]
fn statuses_outside_100_to_699() {
    for status in ["99", "099", "700", "999", "1000", "2xx", "-20", "+20", "", "20 0"] {
        is_garbage(&answer_200("r", "").replace("200 OK", status));
    }
}

#[test]
fn wrong_content_lengths() {
    let cases = ["Content-Length: 1\r\nContent-Length: 2\r\n", "Content-Length: -1\r\n"];
    for fields in cases {
        is_garbage(&answer_200("r", fields));
    }
    is_garbage(&answer_200("r", "").replace("Content-Length: ", "Content-Length: 9"));
    is_garbage(&answer_200("r", "").replace("Content-Length: ", "Content-Length: x"));
    let too_many = "99999999999999999999999999";
    is_garbage(&answer_200("r", "").replace("Content-Length: ", &format!("l: {too_many}")));
}

#[test]
fn the_same_content_length_twice_is_taken() {
    let mut world = World::calling();
    let length = super::world::SDP.len();
    world.hear(&answer_200("r", &format!("Content-Length: {length}\r\n")));
    assert_eq!(world.told().len(), 1);
}

#[test]
fn a_cseq_that_overflows_or_contradicts_the_method() {
    for cseq in ["2147483648 INVITE", "99999999999 INVITE", "1", "INVITE", "", "-1 INVITE"] {
        is_garbage(&answer_200("r", "").replace("$CSEQ", cseq));
    }
    is_garbage(&request("BYE", 1, "z9hG4bK1", "", "").replace("1 BYE", "1 INFO"));
}

#[test]
fn missing_or_repeated_headers() {
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let text = answer_200("r", "");
        is_garbage(&text.replace(&format!("{name}: "), &format!("X-{name}: ")));
    }
    for repeated in ["From: <sip:a@b>\r\n", "t: <sip:a@b>\r\n", "i: x\r\n", "CSeq: 1 INVITE\r\n"] {
        is_garbage(&answer_200("r", repeated));
    }
}

#[test]
fn other_protocols_and_versions() {
    for text in ["GET / HTTP/1.1\r\n\r\n", "\0\0\0\0", "SIP/2.0", "INVITE\r\n\r\n"] {
        is_garbage(text);
    }
    is_garbage(&answer_200("r", "").replace("SIP/2.0 200", "SIP/3.0 200"));
    is_garbage(&request("BYE", 1, "z9hG4bK1", "", "").replace(" SIP/2.0\r\n", " SIP/2.1\r\n"));
}

#[test]
fn keep_alives_are_no_garbage() {
    let mut world = World::calling();
    world.hear("\r\n\r\n");
    world.hear("");
    let counters = world.agent.counters();
    assert_eq!((counters.keep_alives, counters.garbage), (2, 0));
}

#[test]
fn sizes_and_counts_have_bounds() {
    let head = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=b\r\nFrom: <sip:a@b>\r\n\
        To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n";
    let with = |more: usize| format!("{head}{}\r\n", "X: y\r\n".repeat(more));
    assert!(wire::parse(with(251).as_bytes()).is_ok());
    assert_eq!(wire::parse(with(252).as_bytes()), Err(ParseError::TooManyHeaders));
    let body = |total: usize| {
        let mut bytes = format!("{head}\r\n").into_bytes();
        bytes.resize(total, b'x');
        bytes
    };
    assert!(wire::parse(&body(65_535)).is_ok());
    assert_eq!(wire::parse(&body(65_536)), Err(ParseError::TooLong));
}

#[test]
fn a_message_cut_off_at_any_byte_does_no_harm() {
    let text = response_with_sdp("200 OK", "r", "Contact: <sip:them@192.0.2.1:5062>\r\n");
    let bye = request("BYE", 1, "z9hG4bKb", "Reason: Q.850;cause=16\r\n", "");
    let mut world = World::calling();
    for text in [text, bye] {
        let bytes = world.fill(&text).into_bytes();
        world.sent.clear();
        for end in 0..bytes.len() {
            world.hear_bytes("192.0.2.1:5060", &bytes[..end]);
        }
        assert_eq!((world.told(), world.kinds()), (vec![], vec![]), "nothing is half believed");
        world.hear_bytes("192.0.2.1:5060", &bytes);
        assert!(!world.told().is_empty(), "the whole message is understood");
    }
}

#[test]
fn a_message_with_any_one_byte_changed_does_no_harm() {
    let answer = response_with_sdp("200 OK", "r", "Record-Route: <sip:192.0.2.3;lr>\r\n");
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
    let refusal = super::world::response("401 Unauthorized", "r", challenge);
    for text in [answer, refusal, request("INVITE", 1, "z9hG4bKb", "", super::world::SDP)] {
        let bytes = World::calling().fill(&text).into_bytes();
        for at in 0..bytes.len() {
            let mut world = World::calling();
            let mut bytes = bytes.clone();
            for byte in [0, b'\n', b'"', b'<', b';', b',', 0xff] {
                bytes[at] = byte;
                world.hear_bytes("192.0.2.1:5060", &bytes);
            }
            world.hang_up();
            world.run_out();
        }
    }
}

fn agent() -> UserAgent {
    let config = UserAgentConfig {
        local: address("192.0.2.10:5060"),
        user_agent: "Belfry/0.1".into(),
        timers: TimerConfig::default(),
        trunk_addresses: vec![address("192.0.2.1:5060").ip()],
    };
    let mut agent = UserAgent::new(config, Entropy::from_seed(1));
    agent.invite(Instant::ZERO, order());
    agent
}

/// Pieces of SIP put together at random reach deeper than random bytes.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "SIP/2.0 200 OK",
        "SIP/2.0 401 x",
        "INVITE sip:a@b SIP/2.0",
        "BYE tel:1 SIP/2.0",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r\n ",
        "Via: SIP/2.0/UDP a;branch=b",
        "v:",
        "From: <sip:a@b>;tag=x",
        "To: \"a <sip:b>",
        "Call-ID: c",
        "CSeq: 1 INVITE",
        "CSeq: 1 BYE",
        "l: 5",
        "l:",
        "v=0",
        "WWW-Authenticate: Digest realm=\"",
        "Contact: <sip:[::1",
        "Record-Route: ,<a:b>,",
        ";",
        "=",
        "\"",
        "<",
        ">",
        ",",
        "c=IN IP4 1.2.3.4",
        "m=audio 1 RTP/AVP 8",
        "a=rtpmap:",
        "\u{e9}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(super::world::generated())]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut agent = agent();
        let _ = wire::parse(&bytes);
        agent.handle_datagram(Instant::ZERO, address("192.0.2.1:5060"), &bytes);
    }

    #[test]
    fn arbitrary_pieces_of_sip_never_panic(bytes in pieces()) {
        let mut agent = agent();
        let _ = wire::parse(&bytes);
        agent.handle_datagram(Instant::ZERO, address("192.0.2.1:5060"), &bytes);
        let _ = order().offer.read_answer(&bytes);
        let _ = order().offer.answer_to(&bytes, 1);
    }
}
