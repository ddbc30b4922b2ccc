//! Calls that are answered: by a person, by a machine, by carriers with habits of their own.

use std::time::Duration;

use crate::call::{Ended, call, side_by_side};
use crate::gateway::Settings;
use crate::sipp::scenario;
use crate::trace::credentials_are_right;

/// What the switches of the scenarios know the trunk by.
const CREDENTIALS: &str = "username = \"gw\"\npassword = \"secret\"\n";

/// An answered call in which the code is never read.
struct Unread {
    scenario: &'static str,
    /// What its scenario waits for; most do not.
    pause: Duration,
    /// The key that is pressed, if any.
    key: &'static str,
    reason: &'static str,
    /// The status the verification is left in.
    left: &'static str,
    /// What else is to be seen.
    and: fn(&Ended),
}

impl Unread {
    /// Somebody speaks for seven seconds and presses no key.
    fn by(scenario: &'static str) -> Self {
        let pause = Duration::from_secs(1);
        let (reason, left) = ("no_human", "pending");
        Self { scenario, pause, key: "", reason, left, and: |_| {} }
    }

    fn key(key: &'static str, pause: Duration, reason: &'static str, left: &'static str) -> Self {
        Self { key, pause, reason, left, ..Self::by("answer_key") }
    }

    fn assert(&self) {
        let scenario = scenario(self.scenario).key(self.key).pause(self.pause);
        let settings = Settings { trunk: CREDENTIALS, ..Settings::default() };
        let ended = call(scenario, settings).finish();
        ended.expect(self.reason, Some(200));
        assert_eq!(ended.verification["status"], self.left);
        let receipt = &ended.attempt["receipt"];
        assert_eq!(receipt["answered"], true);
        assert_eq!(receipt["human_confirmed"], false);
        assert_eq!(receipt["delivery"], "none");
        assert_eq!(receipt["keys_seen"], u8::from(!self.key.is_empty()));
        assert_eq!(receipt["audio_received"], self.scenario != "answer_mute");
        assert_eq!(receipt["packets_lost"], 0);
        assert_eq!(receipt["forwarded"], self.scenario == "forwarded_181");
        let byes = if self.scenario == "forked_200" { 2 } else { 1 };
        assert_eq!(ended.trace.requests("BYE").count(), byes);
        (self.and)(&ended);
    }
}

/// One test, because each call takes a quarter of a minute, and many at once take no more.
#[test]
fn the_code_is_read_to_nobody_who_did_not_press_the_right_key_in_time() {
    // After the answer, the key was named by then.
    let named = Duration::from_secs(9);
    let cases = [
        Unread::by("answer"),
        Unread::by("early_media_183"),
        Unread::by("forwarded_181"),
        Unread::by("latin1_200"),
        Unread { and: each_copy_is_acknowledged, ..Unread::by("lost_ack") },
        Unread::by("no_content_length_200"),
        Unread::by("record_routes_200"),
        Unread::by("forked_200"),
        Unread::by("reinvite_hold"),
        Unread::by("requests_in_dialog"),
        Unread { and: the_switch_is_content, ..Unread::by("auth_401") },
        Unread { and: the_proxy_is_content, ..Unread::by("auth_407") },
        Unread { and: both_are_content, ..Unread::by("auth_407_then_401") },
        Unread { reason: "one_way_audio", ..Unread::by("answer_mute") },
        Unread::key("0", named, "machine_suspected", "pending"),
        Unread::key("star", named, "fraud_reported", "fraud_reported"),
        Unread::key("star", Duration::from_secs(1), "machine_suspected", "pending"),
    ];
    side_by_side(&cases, |case| case.scenario, Unread::assert);
}

fn each_copy_is_acknowledged(ended: &Ended) {
    assert_eq!(ended.trace.requests("ACK").count(), 3, "one for each 200");
}

fn the_switch_is_content(ended: &Ended) {
    assert_proven(ended, "authorization");
}

fn the_proxy_is_content(ended: &Ended) {
    assert_proven(ended, "proxy-authorization");
}

fn both_are_content(ended: &Ended) {
    the_proxy_is_content(ended);
    the_switch_is_content(ended);
}

fn assert_proven(ended: &Ended, header: &str) {
    let last = ended.trace.requests("INVITE").last().expect("the INVITE was sent again");
    assert!(credentials_are_right(last, header, "gw", "secret"), "{last:#?}");
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

#[test]
fn a_password_that_is_refused_is_not_tried_twice() {
    let settings = Settings { trunk: CREDENTIALS, ..Settings::default() };
    let ended = call(scenario("auth_always_401"), settings).finish();
    ended.expect("trunk_auth_failed", Some(401));
    assert_eq!(ended.trace.requests("INVITE").count(), 2);
    assert_eq!(ended.verification["status"], "failed");
}
