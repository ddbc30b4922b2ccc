//! What an operator sees: which text gives which configuration, and which gives which errors.

use super::*;
use std::ffi::OsString;
use std::time::Duration;

/// The least there must be beside the defaults.
const LEAST: &str = r#"
[trunks.main]
uri = "sip:pbx.example.net"
caller_id = "+3225805001"

[services.panel]
brand = "Panel"
countries = ["BE"]
"#;

fn read(text: &str) -> Result<Loaded, ConfigErrors> {
    Layers::new().text("belfry.toml", text).read()
}

fn with_variables(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let variables: Vec<(OsString, OsString)> =
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    Layers::new().text("belfry.toml", text).environment(variables).read()
}

/// The lines of the errors, for text laid over [`LEAST`].
fn errors(text: &str) -> Vec<String> {
    let errors = Layers::new().text("least.toml", LEAST).text("belfry.toml", text).read();
    lines(errors.expect_err(text))
}

fn lines(errors: ConfigErrors) -> Vec<String> {
    errors.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_least_configuration_has_the_defaults_of_the_contract() {
    let config = read(LEAST).expect("the least configuration").config;
    let service = &config.services["panel"];
    assert_eq!((service.code_length, service.checks_max, service.sends_max), (6, 5, 5));
    assert_eq!(service.ttl, Duration::from_secs(300));
    assert_eq!(service.resend_after, [30, 60, 120, 300].map(Duration::from_secs));
    assert_eq!(service.ring_timeout, Duration::from_secs(25));
    assert_eq!(service.trunks, ["main"], "none named means all");
    assert_eq!(service.pauses.digit, Duration::from_millis(260));
    let trunk = &config.trunks["main"];
    assert_eq!(
        (trunk.uri.to_string().as_str(), trunk.channels_max),
        ("sip:pbx.example.net:5060", 10)
    );
    assert_eq!(trunk.credentials, None);
    assert_eq!(config.calls.call_max, Duration::from_secs(75));
    assert_eq!(
        (config.sip.t1, config.sip.t2),
        (Duration::from_millis(500), Duration::from_secs(4))
    );
}

#[test]
fn the_laboratory_is_a_whole_configuration() {
    let lab = include_str!("../../config/lab.toml");
    let config = Layers::new().text("lab.toml", lab).read().expect("config/lab.toml").config;
    assert_eq!(config.trunks["robot"].uri.host, "127.0.0.1");
}

#[test]
fn a_file_lies_over_the_default_and_the_environment_over_the_file() {
    let text = format!("{LEAST}\n[http]\nlisten = \"127.0.0.1:1\"\nbody_bytes_max = 2000\n");
    let variables = [
        ("BELFRY_HTTP__LISTEN", "127.0.0.1:2"),
        ("BELFRY_SERVICES__PANEL__COUNTRIES", "BE, NL"),
        ("BELFRY_SERVICES__PANEL__RESEND_AFTER_S", "10,20"),
        ("BELFRY_TRUNKS__MAIN__USERNAME", "belfry"),
        ("BELFRY_TRUNKS__MAIN__PASSWORD", "12345"),
        ("BELFRY_TRUNK_DEFAULTS__CHANNELS_MAX", "7"),
    ];
    let config = with_variables(&text, &variables).expect("good").config;
    assert_eq!(config.http.listen.port(), 2);
    assert_eq!(config.http.body_bytes_max, 2000);
    assert_eq!(config.services["panel"].countries, ["BE", "NL"]);
    assert_eq!(config.services["panel"].resend_after, [10, 20].map(Duration::from_secs));
    assert_eq!(config.trunks["main"].channels_max, 7);
    let credentials = config.trunks["main"].credentials.as_ref().expect("credentials");
    assert_eq!(credentials.password.expose(), "12345", "a number is a password too");
}

#[test]
fn a_section_overrides_the_defaults_it_inherits() {
    let text = format!(
        "{LEAST}ttl_s = 120\npauses.group_ms = 800\n[service_defaults]\nttl_s = 200\nreadings = 2\n"
    );
    let service = &read(&text).expect("good").config.services["panel"];
    assert_eq!((service.ttl, service.readings), (Duration::from_secs(120), 2));
    assert_eq!(service.pauses.group, Duration::from_millis(800));
    assert_eq!(service.pauses.digit, Duration::from_millis(260));
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_key_that_was_meant() {
    assert_eq!(
        errors("[http]\nlisten = \"127.0.0.1:80\"\n  listne = 3\n"),
        ["belfry.toml:3:3: `http.listne`: unknown key; did you mean `listen`?"]
    );
    assert_eq!(
        errors("[htpp]\nlisten = \"127.0.0.1:80\"\n"),
        ["belfry.toml:1:2: `htpp`: unknown section; did you mean `http`?"]
    );
    assert_eq!(errors("[http]\ncolour = 3\n"), ["belfry.toml:2:1: `http.colour`: unknown key"]);
}

#[test]
fn a_bad_value_is_refused_with_what_it_was_and_what_would_be_right() {
    assert_eq!(
        errors("[http]\nlisten = \"localhost\"\n"),
        ["belfry.toml:2:10: `http.listen`: expected an address and port such as \
          \"127.0.0.1:8080\" or \"[::1]:8080\", found \"localhost\""]
    );
    assert_eq!(
        errors("[services.panel]\nchecks_max = 6\n"),
        ["belfry.toml:2:14: `services.panel.checks_max`: expected a whole number from 1 to 5, \
          found 6"]
    );
    assert_eq!(
        errors("[log]\nformat = \"xml\"\n"),
        ["belfry.toml:2:10: `log.format`: expected \"text\" or \"json\", found \"xml\""]
    );
    assert_eq!(
        errors("[service_defaults.pauses]\ndigit_ms = 250\n"),
        ["belfry.toml:2:12: `services.panel.pauses.digit_ms`: expected a multiple of 20 such as \
          260, found 250"]
    );
}

#[test]
fn every_kind_of_wrong_value_is_refused() {
    for (text, told) in [
        ("http = 3", "expected a section [http], found 3"),
        ("[http]\nbody_bytes_max = 1.5", "found 1.5"),
        ("[http]\nbody_bytes_max = true", "found true"),
        ("[http]\nbody_bytes_max = \"big\"", "found \"big\""),
        ("[http]\nbody_bytes_max = 99999999999999999999", "found 99999999999999999999"),
        ("[http]\nbody_bytes_max = -1", "found -1"),
        ("[http]\nlisten = 80", "found 80"),
        ("[rtp]\nport_min = 20001", "expected an even port"),
        ("[rtp]\nport_max = 19000", "above port_min 20000"),
        ("[rtp]\nport_max = 20017", "be 10 calls at once, but 20000 to 20017 has ports for 9"),
        ("[rtp]\nadvertised = \"0.0.0.0\"", "found \"0.0.0.0\""),
        ("[sip]\nt2_ms = 400", "from 500 to 10000"),
        ("[database]\nurl = \"sqlite::memory:\"", "in memory, every key would be gone"),
        ("[services.panel]\ncountries = []", "could call nobody"),
        ("[services.panel]\ncountries = [\"XX\"]", "found \"XX\" in it"),
        ("[services.panel]\ncountries = \"BE\"", "expected a list"),
        ("[services.panel]\nresend_after_s = []", "found 0 of them"),
        ("[services.panel]\ntrunks = [\"mian\"]", "no trunk \"mian\"; did you mean `main`?"),
        ("[services.Panel]\nbrand = \"P\"\ncountries = [\"BE\"]", "a name is 1 to 40"),
        ("[[trunks]]\nuri = \"sip:pbx\"", "expected a section [trunks], found a list"),
        ("[trunks.main]\nusername = \"belfry\"", "wants a password"),
        ("[trunks.main]\npassword = \"x\"", "missing; it is needed beside the password"),
    ] {
        let errors = errors(text);
        assert!(errors.iter().any(|line| line.contains(told)), "{text}\n{errors:#?}");
        assert!(
            errors
                .iter()
                .all(|line| line.starts_with("belfry.toml:") || line.starts_with("least.toml:")),
            "{text}\n{errors:#?}"
        );
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let text = "[http]\nlisten = 1\nbody_bytes_max = 2\nx = 3\n[log]\nlevel = \"loud\"\n";
    assert_eq!(errors(text).len(), 4, "{:#?}", errors(text));
}

#[test]
fn a_trunk_and_a_service_are_needed() {
    let lines = lines(Layers::new().read().expect_err("nothing to call over"));
    assert_eq!(
        lines,
        [
            "built-in default: `trunks`: at least one is needed: write a section [trunks.NAME]",
            "built-in default: `services`: at least one is needed: write a section [services.NAME]",
        ]
    );
}

#[test]
fn a_missing_key_is_told_at_its_section() {
    let lines = lines(read("[trunks.a]\nuri = \"sip:a\"\n").expect_err("no caller id, no service"));
    assert!(
        lines[0].starts_with("belfry.toml:1:9: `trunks.a.caller_id`: missing; it wants"),
        "{lines:?}"
    );
}

#[test]
fn broken_toml_is_told_with_its_place_and_without_its_words() {
    let lines = errors("[trunks.main]\nusername = \"belfry\"\npassword = \"hunter2\n[http]\n");
    assert!(lines[0].starts_with("belfry.toml:3:"), "{lines:?}");
    assert!(lines[0].contains("this is not TOML: "), "{lines:?}");
    assert!(!lines.concat().contains("hunter2"));
    let lines = errors("[http]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n");
    assert!(lines[0].starts_with("belfry.toml:3:1: this is not TOML: duplicate key"), "{lines:?}");
}

#[test]
fn columns_count_characters_not_bytes() {
    let lines = errors("log = { format = \"é\", level = \"loud\" }\n");
    assert!(lines[1].starts_with("belfry.toml:1:31: `log.level`"), "{lines:?}");
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    let told = |name, value| lines(with_variables(LEAST, &[(name, value)]).expect_err(name));
    assert_eq!(
        told("BELFRY_HTTP__BODY_BYTES_MAX", "big"),
        ["environment variable BELFRY_HTTP__BODY_BYTES_MAX: `http.body_bytes_max`: expected a \
          whole number from 1024 to 1048576, found \"big\""]
    );
    assert_eq!(
        told("BELFRY_HTTP__LISTNE", "127.0.0.1:1"),
        ["environment variable BELFRY_HTTP__LISTNE: `http.listne`: unknown key; did you mean \
          `listen`?"]
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("none.toml");
    let errors = Layers::new().file(&path).read().expect_err("no such file").to_string();
    let start = format!("{}: cannot read the configuration: ", path.display());
    assert!(errors.starts_with(&start), "{errors}");
}

#[test]
fn a_password_file_holds_the_password_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("password");
    let given = format!("username = \"belfry\"\npassword_file = {path:?}\n");
    assert!(errors(&format!("[trunks.main]\n{given}"))[0].contains("password_file`: cannot read"));
    let text = LEAST.replace("caller_id", &format!("{given}caller_id"));
    for (content, password) in [
        ("hunter2\n", Some("hunter2")),
        ("hunter2\r\n", Some("hunter2")),
        (" a b ", Some(" a b ")),
        ("\n", None),
        ("", None),
        ("hunter2\nhunter3\n", None),
    ] {
        std::fs::write(&path, content).expect("a file");
        let loaded = read(&text);
        match (password, loaded) {
            (Some(password), Ok(loaded)) => {
                let credentials = loaded.config.trunks["main"].credentials.as_ref();
                assert_eq!(credentials.expect("credentials").password.expose(), password);
            }
            (None, Err(errors)) => assert!(!errors.to_string().contains("hunter")),
            (_, loaded) => panic!("{content:?}: {loaded:?}"),
        }
    }
}

#[test]
fn passwords_appear_nowhere() {
    let text = LEAST.replace("caller_id", "username = \"b\"\npassword = \"hunter2\"\ncaller_id");
    let loaded = read(&text).expect("good");
    assert!(!format!("{:?}", loaded.config).contains("hunter2"));
    assert!(loaded.effective().contains("password = \"[redacted]\""));
    for text in [
        "[trunks.main]\nusername = \"b\"\npassword = [\"hunter2\"]\n",
        "[trunks.main]\nuri = \"sip:b:hunter2@pbx\"\n",
        "[database]\nurl = \"mysql://belfry:hunter2@db/belfry\"\n",
    ] {
        let errors = errors(text).concat();
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn what_is_in_force_is_shown_with_where_it_was_set_and_reads_back() {
    let loaded = with_variables(
        LEAST,
        &[("BELFRY_SERVICES__PANEL__COUNTRIES", "BE,NL"), ("BELFRY_HTTP__BODY_BYTES_MAX", "2048")],
    )
    .expect("good");
    let shown = loaded.effective();
    let line = |start: &str| shown.lines().find(|line| line.starts_with(start)).expect(start);
    assert!(line("uri").ends_with("# belfry.toml:3:7"), "{shown}");
    assert!(
        line("countries").ends_with("# environment variable BELFRY_SERVICES__PANEL__COUNTRIES")
    );
    assert_eq!(line("header_timeout_s"), "header_timeout_s = 10");
    assert!(!shown.contains("_defaults"));
    let again = read(&shown).expect("what is shown is a configuration");
    assert_eq!(again.config, loaded.config);
}

#[test]
fn every_key_stands_in_the_default_file_under_a_comment() {
    let text = uncommented_examples();
    let config = read(&text).expect("the examples in belfry.toml are right");
    for line in config.effective().lines().filter(|line| line.contains(" = ")) {
        let key = line.split(" = ").next().expect("a line has a start");
        let written = |line: &&str| line.trim_start_matches("# ").starts_with(key);
        assert!(BUILT_IN.lines().any(|line| written(&line)), "{key} is not in belfry.toml");
    }
    let mut described = false;
    for line in BUILT_IN.lines() {
        let is_setting = line.contains(" = ") && !line.starts_with('#');
        assert!(!is_setting || described, "no comment over: {line}");
        described = if is_setting { described } else { line.starts_with('#') };
    }
}

proptest::proptest! {
    #[test]
    fn no_text_and_no_variable_breaks_the_reader(
        text in "(\\[(http|trunks\\.main|rtp)\\]\n|[a-z_.]{1,9} ?= ?[\\PC]{0,9}\n|[\\PC\n]{0,20})*",
        name in "BELFRY_[A-Z_]{0,20}", value in "\\PC{0,20}",
    ) {
        let layers = Layers::new().text("belfry.toml", LEAST).text("over.toml", &text);
        let read = layers.environment([(name.into(), value.into())]).read();
        if let Err(errors) = read {
            proptest::prop_assert!(errors.count() > 0);
        }
    }
}

/// `belfry.toml` with its commented example of a trunk and of a service in force.
fn uncommented_examples() -> String {
    let is_code = |line: &str| {
        let key = line.split(" = ").next().unwrap_or(line);
        line.starts_with('[') || (line.contains(" = ") && !key.contains(' '))
    };
    let uncomment = |line: &&str| {
        let inner = line.strip_prefix("# ").filter(|inner| is_code(inner))?;
        let is_kept = !inner.starts_with("password_file") && !inner.starts_with("dir");
        is_kept.then(|| inner.to_owned())
    };
    BUILT_IN.lines().map(|line| uncomment(&line).unwrap_or(line.to_owned()) + "\n").collect()
}
