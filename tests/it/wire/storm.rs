//! Anything in any order: whatever a peer sends and whenever the owner hangs up, a call has exactly
//! one last word, every answer is acknowledged and ended, and nothing is held for ever.

use super::world::{SDP, World, answer_200, field, ok_to, request, response, response_with_sdp};
use belfry::sip::CallSignal;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
enum Step {
    Hear(usize),
    AnswerLast,
    HangUp,
    Unreachable,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_usize..17).prop_map(Step::Hear),
        2 => Just(Step::AnswerLast),
        1 => Just(Step::HangUp),
        1 => Just(Step::Unreachable),
        3 => (1_u64..20_000).prop_map(Step::Wait),
    ]
}

fn message(which: usize, number: u32) -> String {
    let stale = format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{number}\", stale=true\r\n");
    let proxy = "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\", qop=\"auth\"\r\n";
    let branch = format!("z9hG4bKs{number}");
    let sdp = "Content-Type: application/sdp\r\n";
    match which {
        0 => response("100 Trying", "", ""),
        1 => response("180 Ringing", "r", ""),
        2 => response_with_sdp("183 Session Progress", "r2", ""),
        3 => response("181 Forwarded", "r", ""),
        4 => answer_200("r", "Contact: <sip:one@192.0.2.1:5062>\r\n"),
        5 => answer_200("r2", ""),
        6 => response("200 OK", "r3", ""),
        7 => response("401 Unauthorized", "x", &stale),
        8 => response("407 Proxy Authentication Required", "x", proxy),
        9 => response("486 Busy Here", "x", ""),
        10 => response("487 Request Terminated", "r", ""),
        11 => request("BYE", number, &branch, "", ""),
        12 => request("BYE", number, &branch, "", "").replace("tag=r\r\n", "tag=r2\r\n"),
        13 => request("INVITE", number, &branch, "", ""),
        14 => request("UPDATE", number, &branch, sdp, SDP),
        15 => request("ACK", number, &branch, sdp, SDP),
        _ => request("OPTIONS", number, "z9hG4bKsame", "", ""),
    }
}

fn play(world: &mut World, steps: &[Step]) {
    let mut now = 0;
    for (index, step) in (1..).zip(steps) {
        match step {
            Step::Hear(which) => world.hear(&message(*which, index)),
            Step::AnswerLast => {
                let ours = |kind: &str| ["BYE", "CANCEL"].contains(&kind);
                if let Some(sent) = world.sent.iter().rev().find(|sent| ours(sent.kind())) {
                    let ok = ok_to(sent);
                    world.hear(&ok);
                }
            }
            Step::HangUp => world.hang_up(),
            Step::Unreachable => world.unreachable("192.0.2.1:5060"),
            Step::Wait(span) => {
                now += span;
                world.run_to(now);
            }
        }
    }
    world.hang_up();
    world.run_out();
}

/// The remote tags in the To of what we sent of this kind.
fn tags<'a>(world: &'a World, method: &str) -> BTreeSet<&'a str> {
    let sent = world.sent.iter().filter(|sent| sent.kind() == method);
    let own_branch = sent.filter(|sent| method != "ACK" || is_for_2xx(world, sent));
    own_branch.filter_map(|sent| sent.field("To").rsplit_once("tag=")).map(|(_, tag)| tag).collect()
}

/// The ACK of a failure has the branch of its INVITE, that of a 2xx its own.
fn is_for_2xx(world: &World, ack: &super::world::Sent) -> bool {
    let mut invites = world.sent.iter().filter(|sent| sent.kind() == "INVITE");
    !invites.any(|invite| field(&invite.text, "Via") == ack.field("Via"))
}

proptest! {
    #![proptest_config(super::world::generated())]

    #[test]
    fn every_call_has_exactly_one_last_word(steps in prop::collection::vec(step(), 0..30)) {
        let mut world = World::calling();
        play(&mut world, &steps);
        let count = |test: fn(&CallSignal) -> bool| {
            world.signals.iter().filter(|(_, signal)| test(signal)).count()
        };
        let failed = count(|signal| matches!(signal, CallSignal::Failed(_)));
        let ended = count(|signal| matches!(signal, CallSignal::Ended));
        let answered = count(|signal| matches!(signal, CallSignal::Answered(_)));
        let byes = count(|signal| matches!(signal, CallSignal::ByeReceived(_)));
        prop_assert_eq!((failed + ended, answered), (1, ended), "{:?}", world.signals);
        prop_assert!(byes <= ended);
        let last = world.signals.last().map(|(_, signal)| signal);
        prop_assert!(matches!(last, Some(CallSignal::Failed(_) | CallSignal::Ended)));
        let mut ended_dialogs = tags(&world, "BYE");
        if byes == 1 {
            // The peer ended one dialog itself.
            let acknowledged = tags(&world, "ACK");
            let open: Vec<_> = acknowledged.difference(&ended_dialogs).copied().collect();
            prop_assert!(open.len() <= 1, "{:?}", open);
            ended_dialogs.extend(open);
        }
        prop_assert_eq!(tags(&world, "ACK"), ended_dialogs, "each answer is ended");
    }

    #[test]
    fn the_same_seed_and_the_same_peer_give_the_same_bytes(
        steps in prop::collection::vec(step(), 0..20),
    ) {
        let (mut one, mut other) = (World::calling(), World::calling());
        play(&mut one, &steps);
        play(&mut other, &steps);
        prop_assert_eq!(one.sent, other.sent);
    }
}
