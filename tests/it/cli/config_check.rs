//! `belfry config check`.

use super::{belfry, run};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const GOOD: &str = r#"
[trunks.main]
uri = "sip:pbx.example.net"
caller_id = "100"
username = "belfry"
password = "hunter2"

[services.panel]
brand = "Panel"
countries = ["BE"]
"#;

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("belfry.toml");
    std::fs::write(&path, text).expect("a file");
    (folder, path)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

#[test]
fn a_good_file_is_shown_with_where_each_value_came_from() {
    let (_folder, good) = file(GOOD);
    let mut command = belfry(&["config", "check", "--config", path(&good)]);
    let run = run(command.env("BELFRY_HTTP__LISTEN", "0.0.0.0:80"));
    assert_eq!((run.exit, run.err.as_str()), (Some(0), ""));
    let line = |start: &str| run.out.lines().find(|line| line.starts_with(start)).expect(start);
    assert!(line("uri = ").ends_with(&format!("# {}:3:7", path(&good))));
    assert!(
        line("listen = \"0.0.0.0:80\"").ends_with("# environment variable BELFRY_HTTP__LISTEN")
    );
    assert_eq!(line("ttl_s = "), "ttl_s = 300");
    assert!(!run.out.contains("hunter2"), "{}", run.out);
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let (_folder, good) = file(GOOD);
    let run = run(belfry(&["config", "check"]).env("BELFRY_CONFIG", &good));
    assert_eq!(run.exit, Some(0), "{}", run.err);
}

#[test]
fn a_bad_file_exits_1_with_every_problem_and_its_place() {
    let text = GOOD.replace("caller_id", "caler_id").replace("[\"BE\"]", "[\"Belgium\"]");
    let (_folder, bad) = file(&text);
    let mut command = belfry(&["config", "check", "--config", path(&bad)]);
    let run = run(command.env("BELFRY_HTTP__LISTEN", "everywhere"));
    assert_eq!((run.exit, run.out.as_str()), (Some(1), ""));
    let file = path(&bad);
    let told: Vec<&str> = run.err.lines().collect();
    assert_eq!(told[0], "error: 4 problems in the configuration");
    for start in [
        "environment variable BELFRY_HTTP__LISTEN: `http.listen`: expected an address and port"
            .to_owned(),
        format!("{file}:2:9: `trunks.main.caller_id`: missing; it wants a number or extension"),
        format!("{file}:4:1: `trunks.main.caler_id`: unknown key; did you mean `caller_id`?"),
        format!("{file}:10:13: `services.panel.countries`: expected a list of country codes"),
    ] {
        assert!(told.iter().any(|line| line.starts_with(&start)), "{start}\n{}", run.err);
    }
    assert!(!run.err.contains("hunter2"), "{}", run.err);
}

#[test]
fn without_a_file_it_says_what_a_gateway_needs_at_least() {
    let run = run(&mut belfry(&["config", "check"]));
    assert_eq!(run.exit, Some(1));
    assert!(run.err.contains("write a section [trunks.NAME]"), "{}", run.err);
    assert!(run.err.contains("write a section [services.NAME]"), "{}", run.err);
}

#[test]
fn a_missing_file_is_named() {
    let run = run(&mut belfry(&["config", "check", "--config", "/nowhere/belfry.toml"]));
    assert_eq!(run.exit, Some(1));
    let start = "error: 1 problem in the configuration\n\n/nowhere/belfry.toml: cannot read";
    assert!(run.err.starts_with(start), "{}", run.err);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (_folder, good) = file(GOOD);
    let mut command = belfry(&["config", "check", "--config", path(&good)]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = command.stdout(writer).status().expect("the program was built");
    assert_eq!(status.code(), Some(0));
}
