//! `belfry key create`.

use super::site::Site;

const ARGUMENTS: &[&str] = &["key", "create", "--service", "panel-login"];

#[test]
fn the_key_is_printed_once_and_stands_in_no_file() {
    let site = Site::new("127.0.0.1:9");
    let run = site.run(ARGUMENTS);
    assert_eq!((run.exit, run.err.as_str()), (Some(0), ""));
    let key = run.out.strip_suffix('\n').expect("a line");
    assert!(key.starts_with("vk_live_") && key.len() > 40, "{} characters", key.len());
    for name in ["belfry.db", "belfry.db-wal", "belfry.key"] {
        let bytes = std::fs::read(site.path(name)).unwrap_or_default();
        let secret = key.trim_start_matches("vk_live_").as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{name}");
    }
}

#[test]
fn a_test_key_looks_like_one() {
    let site = Site::new("127.0.0.1:9");
    let run = site.run(&[ARGUMENTS, &["--test"]].concat());
    assert!(run.out.starts_with("vk_test_"), "{}", run.err);
}

#[test]
fn an_unknown_service_exits_1_and_says_which_there_are() {
    let site = Site::new("127.0.0.1:9");
    let run = site.run(&["key", "create", "--service", "panel"]);
    assert_eq!((run.exit, run.out.as_str()), (Some(1), ""));
    let told = "error: there is no service `panel`; the configuration has: panel-login\n";
    assert_eq!(run.err, told);
}

#[test]
fn an_unknown_scope_exits_2_and_says_which_there_are() {
    let site = Site::new("127.0.0.1:9");
    let run = site.run(&[ARGUMENTS, &["--scope", "everything"]].concat());
    assert_eq!(run.exit, Some(2));
    let known = "[possible values: verifications:write, verifications:read, pii:read]";
    assert!(run.err.contains(known), "{}", run.err);
}

#[test]
fn a_database_that_cannot_be_made_exits_1_and_is_named() {
    let site = Site::new("127.0.0.1:9");
    let mut command = site.command(ARGUMENTS);
    let run = super::run(command.env("BELFRY_DATABASE__URL", "sqlite:no/such/folder/belfry.db"));
    assert_eq!((run.exit, run.out.as_str()), (Some(1), ""));
    assert!(run.err.contains("`database.url`") && run.err.contains("folder"), "{}", run.err);
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_may_read_exits_1_and_says_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new("127.0.0.1:9");
    assert_eq!(site.run(ARGUMENTS).exit, Some(0));
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(site.path("belfry.key"), open).expect("its owner may");
    let run = site.run(ARGUMENTS);
    assert_eq!((run.exit, run.out.as_str()), (Some(1), ""));
    assert!(run.err.contains("belfry.key") && run.err.contains("chmod 600"), "{}", run.err);
}

#[test]
fn a_lost_key_file_is_not_replaced_under_a_database_that_needs_it() {
    let site = Site::new("127.0.0.1:9");
    assert_eq!(site.run(ARGUMENTS).exit, Some(0));
    std::fs::remove_file(site.path("belfry.key")).expect("it was made");
    let run = site.run(ARGUMENTS);
    assert_eq!(run.exit, Some(1));
    assert!(run.err.contains("belfry.key"), "{}", run.err);
    assert!(!site.path("belfry.key").exists());
}
