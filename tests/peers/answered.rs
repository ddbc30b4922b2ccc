//! Calls that are answered: by a person, by a machine, by carriers with habits of their own.

use std::time::Duration;

use crate::call::{call, side_by_side};
use crate::gateway::Settings;
use crate::sipp::scenario;
use crate::trace::credentials_are_right;

/// After the answer: the key was just named, in every prompt set there is.
const ONCE_NAMED: Duration = Duration::from_millis(9000);

const CREDENTIALS: &str = "username = \"gw\"\npassword = \"secret\"\n";

/// Carriers that answer in their own way; then somebody speaks for seven seconds and presses no key.
const CARRIERS: &[&str] = &[
    "answer",
    "early_media_183",
    "forwarded_181",
    "latin1_200",
    "lost_ack",
    "no_content_length_200",
    "record_routes_200",
    "forked_200",
];

#[test]
fn an_answered_call_in_which_nobody_presses_a_key_is_hung_up() {
    side_by_side(
        CARRIERS,
        |name| name,
        |&name| {
            let ended = call(scenario(name), Settings::default()).finish();
            ended.expect("no_human", Some(200));
            let receipt = &ended.attempt["receipt"];
            assert_eq!(receipt["answered"], true);
            assert_eq!(receipt["human_confirmed"], false);
            assert_eq!(receipt["delivery"], "none");
            assert_eq!(receipt["keys_seen"], 0);
            assert_eq!(receipt["audio_received"], true);
            assert_eq!(receipt["forwarded"], name == "forwarded_181");
            assert_eq!(ended.verification["status"], "pending");
            let byes = if name == "forked_200" { 2 } else { 1 };
            assert_eq!(ended.trace.requests("BYE").count(), byes);
            if name == "lost_ack" {
                assert_eq!(ended.trace.requests("ACK").count(), 3, "one for each copy");
            }
        },
    );
}

#[test]
fn requests_inside_a_call_are_answered_and_do_not_disturb_it() {
    side_by_side(
        &["reinvite_hold", "requests_in_dialog"],
        |name| name,
        |name| {
            let scenario = scenario(name).pause(Duration::from_secs(1));
            let ended = call(scenario, Settings::default()).finish();
            ended.expect("no_human", Some(200));
            assert_eq!(ended.attempt["receipt"]["packets_lost"], 0);
            assert_eq!(ended.trace.requests("BYE").count(), 1);
        },
    );
}

#[test]
fn a_line_that_carries_no_sound_back_is_told_as_such() {
    let ended = call(scenario("answer_mute"), Settings::default()).finish();
    ended.expect("one_way_audio", Some(200));
    assert_eq!(ended.attempt["receipt"]["audio_received"], false);
}

/// A key, when it is pressed after the answer, and what is made of it.
const KEYS: &[(&str, Duration, &str, &str)] = &[
    ("0", ONCE_NAMED, "machine_suspected", "pending"),
    ("star", ONCE_NAMED, "fraud_reported", "fraud_reported"),
    ("star", Duration::from_secs(1), "machine_suspected", "pending"),
];

#[test]
fn a_key_that_was_not_asked_for_ends_the_call_unread() {
    side_by_side(
        KEYS,
        |(key, ..)| key,
        |&(key, after, reason, left)| {
            let scenario = scenario("answer_key").key(key).pause(after);
            let ended = call(scenario, Settings::default()).finish();
            ended.expect(reason, Some(200));
            assert_eq!(ended.verification["status"], left);
            let receipt = &ended.attempt["receipt"];
            assert_eq!(receipt["keys_seen"], 1);
            assert_eq!(receipt["human_confirmed"], false);
            assert_eq!(receipt["delivery"], "none");
        },
    );
}

#[test]
fn who_hangs_up_before_the_end_has_hung_up_early() {
    side_by_side(
        &["bye_at_once", "answer_then_bye"],
        |name| name,
        |name| {
            let scenario = scenario(name).pause(Duration::from_secs(2));
            let ended = call(scenario, Settings::default()).finish();
            ended.expect("hung_up_early", Some(200));
            assert_eq!(ended.attempt["receipt"]["delivery"], "none");
            assert_eq!(ended.trace.requests("BYE").count(), 0);
        },
    );
}

#[test]
fn an_answer_without_a_codec_of_ours_is_acknowledged_and_hung_up() {
    side_by_side(
        &["g729_only_200", "no_sdp_200"],
        |name| name,
        |name| {
            let ended = call(scenario(name), Settings::default()).finish();
            ended.expect("media_incompatible", Some(200));
            assert_eq!(ended.attempt["receipt"]["packets_sent"], 0);
            assert_eq!(ended.trace.requests("BYE").count(), 1);
        },
    );
}

/// Challenges, and the headers that answer them in the last INVITE.
const CHALLENGES: &[(&str, &[&str])] = &[
    ("auth_401", &["authorization"]),
    ("auth_407", &["proxy-authorization"]),
    ("auth_407_then_401", &["authorization", "proxy-authorization"]),
];

#[test]
fn a_challenge_is_answered_with_the_trunks_password() {
    side_by_side(
        CHALLENGES,
        |(name, _)| name,
        |&(name, headers)| {
            let settings = Settings { trunk: CREDENTIALS, ..Settings::default() };
            let ended = call(scenario(name), settings).finish();
            ended.expect("no_human", Some(200));
            let last = ended.trace.requests("INVITE").last().expect("the INVITE was sent again");
            for header in headers {
                assert!(credentials_are_right(last, header, "gw", "secret"), "{last:#?}");
            }
        },
    );
}

#[test]
fn a_password_that_is_refused_is_not_tried_twice() {
    let settings = Settings { trunk: CREDENTIALS, ..Settings::default() };
    let ended = call(scenario("auth_always_401"), settings).finish();
    ended.expect("trunk_auth_failed", Some(401));
    assert_eq!(ended.trace.requests("INVITE").count(), 2);
    assert_eq!(ended.verification["status"], "failed");
}
