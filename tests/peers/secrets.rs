//! What must never be told: a whole verification and a test call of the terminal are searched, the
//! log at its most talkative, for the codes, the keys pressed, the API key and the number.

use std::path::Path;
use std::thread;

use tempfile::TempDir;

use crate::baresip::{Baresip, Phone};
use crate::call::{A_CALL, NUMBER, SOON, side_by_side};
use crate::ear::Ear;
use crate::gateway::{Settings, belfry};
use crate::person::{code_after, key_asked_for, listen};

/// Two keys, one reading.
const SERVICE: &str = "human_check_digits = 2\nreadings = 1\nrepeats_on_request = 0\n";

/// What the person on the telephone learnt.
struct Learnt {
    keys: String,
    code: String,
}

/// Picks up, presses what is asked for, and hears the code.
fn take(mut phone: Baresip) -> Learnt {
    let ear = Ear::of("en");
    phone.wait_event("CALL_ESTABLISHED", SOON);
    let keys = listen(&phone, &ear, "the keys that are asked for", A_CALL, key_asked_for);
    phone.press(&keys);
    let first = |words: &[String]| code_after(words, "code_intro");
    let code = listen(&phone, &ear, "the code", A_CALL, first);
    phone.wait_event("CALL_CLOSED", A_CALL);
    Learnt { keys, code }
}

fn phone() -> (TempDir, Baresip) {
    let line = tempfile::tempdir().expect("a temporary folder");
    let phone = Phone::default().start(line.path());
    (line, phone)
}

/// All files of a folder as text, whatever they hold.
fn files(folder: &Path) -> String {
    let files =
        std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let texts = files.filter(|path| path.is_file()).map(|path| {
        let bytes = std::fs::read(&path).expect("a readable file");
        format!("{}\n{}\n", path.display(), String::from_utf8_lossy(&bytes))
    });
    texts.collect()
}

/// Whether the text holds these digits as a word of their own, close together or set apart. Times
/// and ids hold every row of digits sooner or later, but inside of longer words.
fn holds_word(text: &str, digits: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '.';
    ["", " ", ",", ", ", "-"].iter().any(|separator| {
        let word = digits.split("").filter(|digit| !digit.is_empty());
        let word = word.collect::<Vec<_>>().join(separator);
        text.match_indices(&word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
        })
    })
}

/// Panics if the text tells anything of it. Two keys are too short to be searched for as they are:
/// they are searched for in the forms our own types would be printed in.
fn assert_silent(what: &str, text: &str, learnt: &Learnt) {
    assert!(text.len() > 100, "{what}: there is something to search: {text}");
    assert!(!holds_word(text, &learnt.code), "{what} tells the code");
    let mut keys = learnt.keys.chars();
    let (first, second) = (keys.next().expect("a key"), keys.next().expect("two keys"));
    let printed = [
        format!("Digit({first})"),
        format!("Digit({second})"),
        format!("[{first}, {second}]"),
        format!("\"{first}{second}\""),
    ];
    for form in printed {
        assert!(!text.contains(&form), "{what} tells the keys: {form}");
    }
    let closed: String = text.chars().filter(|c| !" .-()".contains(*c)).collect();
    assert!(!closed.contains(&NUMBER[3..]), "{what} tells the number");
}

/// Both at once, for each is as long as a call.
#[test]
fn no_code_key_or_number_is_told() {
    let searches = [
        ("a verification", search_a_verification as fn()),
        ("a test call", search_a_test_call as fn()),
    ];
    side_by_side(&searches, |(name, _)| name, |(_, search)| search());
}

fn search_a_verification() {
    let office = tempfile::tempdir().expect("a temporary folder");
    let (_line, phone) = phone();
    let settings = Settings { peer: phone.port, service: SERVICE, ..Settings::default() };
    let settings = Settings { log_level: "trace", sections: "", ..settings };
    let mut gateway = settings.start(office.path());
    let verification = gateway.verify(NUMBER);
    let learnt = take(phone);
    assert_eq!(gateway.check(&verification, &learnt.code)["valid"], true);
    gateway.wait_state(&verification, "ended", SOON);
    let while_open = files(office.path());
    gateway.terminate();
    assert!(gateway.wait(SOON).success());

    let log = gateway.log();
    assert!(
        log.contains("\"DEBUG\""),
        "the log is at its most talkative, statements of SQL and all"
    );
    let texts = [&log, &gateway.answers(), &while_open, &files(office.path())];
    for (what, text) in ["the log", "the API", "a file in use", "a file left"].iter().zip(texts) {
        assert_silent(what, text, &learnt);
        assert!(
            !text.contains(gateway.key.rsplit('_').next().expect("the secret part")),
            "{what} tells the API key"
        );
    }
}

fn search_a_test_call() {
    let office = tempfile::tempdir().expect("a temporary folder");
    let (_line, phone) = phone();
    let settings = Settings { peer: phone.port, service: SERVICE, ..Settings::default() };
    let settings = Settings { log_level: "trace", sections: "", ..settings };
    let config = settings.write(office.path(), 0);
    let mut command = belfry(&config, &["call", NUMBER]);
    let call = thread::spawn(move || command.output().expect("the program was built"));
    let learnt = take(phone);
    let output = call.join().expect("the call was made");
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("completed"), "{told}");
    assert_silent("the terminal", &told, &learnt);
    assert_silent("a file left", &files(office.path()), &learnt);
}

#[test]
fn the_search_finds_what_it_is_for() {
    for told in ["123456", "\"code\":123456}", "code=1, 2, 3, 4, 5, 6]", "1 2 3 4 5 6\n"] {
        assert!(holds_word(told, "123456"), "{told}");
    }
    for other in ["12:00:00.123456Z", "0123456", "a123456", "1234567", "12345"] {
        assert!(!holds_word(other, "123456"), "{other}");
    }
}
