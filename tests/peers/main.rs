//! Belfry against programs that were not written for it: SIPp as carriers, baresip as telephone.
//! `tests/peers/README.md` tells how they are used and what they trip over.
#![expect(clippy::disallowed_methods, reason = "real programs take real time")]

mod answered;
mod approved;
mod baresip;
mod call;
mod child;
mod ear;
mod gateway;
mod person;
mod refused;
mod secrets;
mod sipp;
mod stop;
mod trace;
mod wav;

/// The peers against one another, so that a failure further down is Belfry's.
mod peers_themselves {
    use std::time::Duration;

    use crate::baresip::Phone;
    use crate::ear::Ear;
    use crate::sipp::scenario;
    use crate::trace::credentials_are_right;

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn the_ear_hears_in_a_telephones_recording_what_the_other_one_said() {
        let ear = Ear::of("en");
        let spoken = ["greeting", "gate", "7", "code_intro", "0", "4", "9", "9"];
        let pause = vec![0; 2000];
        let says: Vec<i16> =
            spoken.iter().flat_map(|clip| [ear.clip(clip), pause.clone()].concat()).collect();
        let (caller, callee) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut callee = Phone::default().start(callee.path());
        let mut caller =
            Phone { user: "caller", says: &says, ..Phone::default() }.start(caller.path());

        caller.command("dial", &format!("sip:+3225805000@127.0.0.1:{}", callee.port));
        callee.wait_event("CALL_ESTABLISHED", SOON);
        callee.wait_event("CALL_CLOSED", Duration::from_secs(40));

        assert_eq!(ear.words(&callee.heard()), spoken);
    }

    #[test]
    fn a_telephone_rings_until_told_and_its_keys_are_heard() {
        let (caller, callee) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut callee = Phone { picks_up: false, ..Phone::default() }.start(callee.path());
        let mut caller = Phone { user: "caller", ..Phone::default() }.start(caller.path());
        caller.command("dial", &format!("sip:+3225805000@127.0.0.1:{}", callee.port));
        callee.wait_event("CALL_INCOMING", SOON);
        caller.wait_event("CALL_RINGING", SOON);
        callee.command("accept", "");
        caller.wait_event("CALL_ESTABLISHED", SOON);
        callee.press("77#");
        for key in ["7", "7", "#"] {
            let pressed = caller.wait_event("CALL_DTMF_START", SOON);
            assert_eq!(pressed["param"], key);
        }
        callee.command("hangup", "");
        caller.wait_event("CALL_CLOSED", SOON);
    }

    #[test]
    fn a_scenario_answers_a_telephone_and_presses_its_key() {
        let (caller, peer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sipp = scenario("answer_key").key("star").pause(Duration::from_millis(300));
        let sipp = sipp.start(peer.path());
        let mut caller = Phone { user: "caller", ..Phone::default() }.start(caller.path());
        caller.command("dial", &format!("sip:+3225805000@127.0.0.1:{}", sipp.port));
        caller.wait_event("CALL_ESTABLISHED", SOON);
        let pressed = caller.wait_event("CALL_DTMF_START", SOON);
        assert_eq!(pressed["param"], "*");
        caller.command("hangup", "");
        sipp.finish(SOON).assert_manners();
    }

    #[test]
    fn digests_are_judged_alike_by_sipp_and_by_us() {
        for (name, header) in [("auth_401", "authorization"), ("auth_407", "proxy-authorization")] {
            let (caller, peer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let sipp = scenario(name).start(peer.path());
            let credentials = Some(("gw", "secret"));
            let phone = Phone { user: "caller", credentials, ..Phone::default() };
            let mut caller = phone.start(caller.path());
            caller.command("dial", &format!("sip:+3225805000@127.0.0.1:{}", sipp.port));
            caller.wait_event("CALL_ESTABLISHED", SOON);
            caller.command("hangup", "");

            let trace = sipp.finish(SOON);
            trace.assert_manners();
            let invite = trace.requests("INVITE").nth(1).expect("the INVITE was sent again");
            assert!(credentials_are_right(invite, header, "gw", "secret"));
            assert!(!credentials_are_right(invite, header, "gw", "Secret"));
        }
    }
}
