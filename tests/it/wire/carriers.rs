//! Ordinary messages of carriers and PBXs that stumble ready-made stacks, each one understood.

use super::world::{World, address, answer_200, response, response_with_sdp};
use belfry::sip::CallSignal;

/// Hears the 200 `text` and expects an answer, with the ACK on its way.
fn answers(text: &str) -> World {
    answers_bytes(|world| world.fill(text).into_bytes())
}

fn answers_bytes(bytes: impl Fn(&World) -> Vec<u8>) -> World {
    let mut world = World::calling();
    world.sent.clear();
    let bytes = bytes(&world);
    world.hear_bytes("192.0.2.1:5060", &bytes);
    match world.told().as_slice() {
        [(0, CallSignal::Answered(Ok(answer)))] => {
            assert_eq!(answer.remote, address("192.0.2.1:5004"));
        }
        other => panic!("{other:?}\n{}", String::from_utf8_lossy(&bytes)),
    }
    assert_eq!(world.sent[0].kind(), "ACK");
    world
}

#[test]
fn compact_names() {
    let text = answer_200("r", "Contact: <sip:them@192.0.2.1:5062>\r\n")
        .replace("Via:", "v:")
        .replace("From:", "f:")
        .replace("To:", "t:")
        .replace("Call-ID:", "i:")
        .replace("Contact:", "m:")
        .replace("Content-Type:", "c:")
        .replace("Content-Length:", "l:");
    let world = answers(&text);
    assert_eq!(world.sent[0].to, address("192.0.2.1:5062"));
}

#[test]
fn names_in_any_case_with_blanks_before_the_colon() {
    let text = answer_200("r", "Contact: <sip:them@192.0.2.1:5062>\r\n")
        .replace("Via: ", "VIA\t:")
        .replace("CSeq: ", "cseq :  ")
        .replace("Content-Length: ", "content-length   :   ");
    answers(&text);
}

#[test]
fn folded_lines() {
    let text = answer_200("r", "Contact:\r\n <sip:them@192.0.2.1:5062>\r\n\t;q=1.0\r\n")
        .replace("To: <sip:them@b>", "To:\r\n\t<sip:them@b>\r\n  ");
    assert_eq!(answers(&text).sent[0].to, address("192.0.2.1:5062"));
}

#[test]
fn bare_line_feeds_and_leading_line_ends() {
    answers(&format!("\r\n\r\n{}", answer_200("r", "")));
    let lf = |world: &World| {
        let text = world.fill(&answer_200("r", ""));
        let (head, body) = text.split_once("\r\n\r\n").expect("headers end");
        format!("\n{}\n\n{body}", head.replace("\r\n", "\n")).into_bytes()
    };
    answers_bytes(lf);
}

#[test]
fn a_latin_1_byte_does_not_lose_the_headers_after_it() {
    let world = answers_bytes(|world| {
        let fields = "Server: Caf#\r\nContact: <sip:them@192.0.2.1:5062>\r\n";
        let text = world.fill(&answer_200("r", fields));
        let text = text.replace("To: <sip:them@b>", "To: \"Jos#\" <sip:them@b>");
        text.bytes().map(|byte| if byte == b'#' { 0xe9 } else { byte }).collect()
    });
    assert_eq!(world.sent[0].to, address("192.0.2.1:5062"));
    assert_eq!(world.sent[0].field("To"), "\"Jos\u{e9}\" <sip:them@b>;tag=r");
}

#[test]
fn no_content_length_takes_the_body_to_the_end() {
    let text = answer_200("r", "");
    let start = text.find("Content-Length").expect("there is one");
    let end = start + text[start..].find("\r\n").expect("a line end") + 2;
    answers(&format!("{}{}", &text[..start], &text[end..]));
}

#[test]
fn an_angle_bracket_and_a_comma_in_a_display_name() {
    let name = r#""a <b>, \"c\"" "#;
    let fields = format!("Contact: {name}<sip:them@192.0.2.1:5062;x=\"<\">, <sip:second@b>\r\n");
    let text = answer_200("r", &fields).replace("x=\"<\"", "x=y");
    let text = text.replace("To: <", &format!("To: {name}<"));
    assert_eq!(answers(&text).sent[0].to, address("192.0.2.1:5062"));
}

#[test]
fn tel_uris() {
    let text = answer_200("r", "Contact: <tel:+3225805000>\r\n")
        .replace("To: <sip:them@b>", "To: <tel:+3225805000;phone-context=x>")
        .replace("From: $FROM", "From: <tel:+3225800000>;tag=$TAG");
    let world = answers(&text);
    assert!(world.sent[0].text.starts_with("ACK tel:+3225805000 SIP/2.0\r\n"));
    assert_eq!(world.sent[0].to, address("192.0.2.1:5060"));
}

#[test]
fn a_received_of_ipv6_and_filled_in_rport() {
    let text = answer_200("r", "").replace(";rport", ";received=2001:db8::7;rport=5060");
    answers(&text);
    answers(&answer_200("r", "").replace(";rport", ";rport=1024;received=[2001:db8::7]"));
}

#[test]
fn a_status_line_without_a_reason() {
    answers(&answer_200("r", "").replace("SIP/2.0 200 OK", "SIP/2.0 200"));
    answers(&answer_200("r", "").replace("SIP/2.0 200 OK", "SIP/2.0 200 "));
    answers(&answer_200("r", "").replace("200 OK", "200 D'accord, \u{e9}coutez"));
    answers(&answer_200("r", "").replace("200 OK", "202 Accepted"));
}

#[test]
fn lines_that_are_no_header_are_stepped_over() {
    answers(&answer_200("r", "this is not a header\r\nBad Name: x\r\n: y\r\n"));
}

#[test]
fn an_isup_body_beside_the_description() {
    let sdp = super::world::SDP;
    let text = response("200 OK", "r", "Content-Type: multipart/mixed; boundary=\"x y\"\r\n");
    let body = format!(
        "--x y\r\nContent-Type: application/isup; version=itu-t92+\r\n\r\n\u{1}\u{2}\r\n\
         --x y\r\nContent-Type: application/sdp\r\n\r\n{sdp}--x y--\r\n"
    );
    let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    answers(&text.replace("Content-Length: 0\r\n\r\n", &length));
}

#[test]
fn uris_of_the_peer_go_back_as_they_came() {
    let contact = "sip:%61b;x=%20;Y@192.0.2.1:5062;transport=UDP;ob;foo=\"?\";lr?h=%2C";
    let world = answers(&answer_200("r", &format!("Contact: <{contact}>\r\n")));
    assert!(world.sent[0].text.starts_with(&format!("ACK {contact} SIP/2.0\r\n")));
}

#[test]
fn unknown_provisional_statuses_count_as_progress() {
    let mut world = World::calling();
    world.hear(&response("199 Early Dialog Terminated", "r", ""));
    world.hear(&response("182 Queued", "r", ""));
    world.hear(&response_with_sdp("183 Session Progress", "r", "Require: 100rel\r\nRSeq: 1\r\n"));
    assert_eq!(world.told().len(), 2, "Trying and EarlyMedia");
}

#[test]
fn a_response_meant_for_somebody_else_is_dropped() {
    let mut world = World::calling();
    world.sent.clear();
    let answer = world.fill(&answer_200("r", ""));
    world.hear(&answer.replace("From: ", "Via: SIP/2.0/UDP 192.0.2.99;branch=x\r\nFrom: "));
    world.hear(&answer.replace("branch=z9hG4bK", "branch=z9hG4bKx"));
    world.hear(&answer.replace("Call-ID: ", "Call-ID: x"));
    world.hear(&answer.replace(" INVITE\r\n", " BYE\r\n"));
    assert_eq!((world.told(), world.kinds()), (vec![], vec![]));
    assert_eq!(world.agent.counters().stray_responses, 4);
}
