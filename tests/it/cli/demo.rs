//! `belfry demo`: the first command of the README.

use super::{belfry, run};

#[test]
fn the_demo_ends_approved_and_leaves_the_sound_of_the_call() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = run(belfry(&["demo", "--keep"]).arg(folder.path()));
    let told = demo.out;
    assert_eq!(demo.exit, Some(0), "{told}\n{}", demo.err);
    for fact in [
        "POST /v1/verifications",
        "201 Created",
        "INVITE: calls",
        "180 Ringing: rings",
        "200 OK: picked up",
        "hears \"press ",
        "presses ",
        "hears the code: ",
        "BYE: hangs up",
        "\"status\":\"approved\"",
        " 0 lost, 0 out of step",
        "2 readings)",
        "approved: the person at that phone heard the code.",
    ] {
        assert!(told.contains(fact), "`{fact}` is not told:\n{told}");
    }
    let wav = std::fs::metadata(folder.path().join("call.wav")).expect("the sound of the call");
    // Half a minute at 8 kHz and 16 bits.
    assert!(wav.len() > 20 * 16_000, "{} bytes", wav.len());
}

#[test]
fn a_folder_that_cannot_be_made_ends_the_demo_with_its_name() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let demo = run(belfry(&["demo", "--keep"]).arg(file.path().join("below")));
    assert_eq!(demo.exit, Some(1));
    assert!(demo.err.starts_with("error: cannot make "), "{}", demo.err);
}
