//! Whole verifications over HTTP, with a telephone whose person is told nothing but what it hears.

use crate::baresip::Phone;
use crate::call::{A_CALL, NUMBER, SOON};
use crate::ear::Ear;
use crate::gateway::Settings;
use crate::person::{code_after, key_asked_for, listen};

#[test]
fn a_person_hears_the_code_on_a_telephone_and_is_approved() {
    let (line, office) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ear = Ear::of("en");
    let mut phone = Phone::default().start(line.path());
    let service = "readings = 2\n";
    let gateway = Settings { peer: phone.port, service, sections: "", ..Settings::default() };
    let gateway = gateway.start(office.path());

    let verification = gateway.verify(NUMBER);
    phone.wait_event("CALL_ESTABLISHED", SOON);
    let key = listen(&phone, &ear, "the key that is asked for", A_CALL, key_asked_for);
    phone.press(&key);
    let first = |words: &[String]| code_after(words, "code_intro");
    let code = listen(&phone, &ear, "the code", A_CALL, first);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = gateway.check(&verification, wrong);
    assert_eq!(refused["valid"], false, "{refused}");
    phone.wait_event("CALL_CLOSED", A_CALL);

    let words = ear.words(&phone.heard());
    let digits = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
    let clips = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = [
        clips(&["greeting", "gate", &key, "gate_report", "code_intro"]),
        digits(&code),
        clips(&["code_again"]),
        digits(&code),
        clips(&["repeat_offer", "goodbye"]),
    ];
    assert_eq!(words, expected.concat());

    let approved = gateway.check(&verification, &code);
    assert_eq!(approved["valid"], true, "{approved}");
    assert_eq!(gateway.read(&verification)["status"], "approved");
    let attempt = gateway.wait_state(&verification, "ended", SOON);
    assert_eq!(attempt["reason"], "completed", "{attempt:#}");
    let receipt = &attempt["receipt"];
    assert_eq!(receipt["answered"], true);
    assert_eq!(receipt["human_confirmed"], true);
    assert_eq!(receipt["delivery"], "full");
    assert_eq!(receipt["readings"], 2);
    assert_eq!(receipt["keys_seen"], 1);
    assert_eq!(receipt["audio_received"], true);
    assert_eq!(receipt["sip_status"], 200);
    assert_eq!(receipt["packets_lost"], 0);
}
