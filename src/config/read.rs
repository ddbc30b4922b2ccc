//! The sections of the configuration, one function each: which keys, which ranges, which type.

use super::section::{Section, text, whole};
use super::syntax;
use super::types::*;
use crate::secret::Redacted;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

const ADDRESS: &str = "an address and port such as \"127.0.0.1:8080\" or \"[::1]:8080\"";

/// The whole configuration.
pub(super) fn config(mut root: Section<'_>) -> Option<Config> {
    let http = root.section("http").and_then(http);
    let database = root.section("database").and_then(database);
    let secrets = root.section("secrets").and_then(secrets);
    let sip = root.section("sip").and_then(sip);
    let rtp = root.section("rtp").and_then(rtp);
    root.section("trunk_defaults");
    let trunks = named(&mut root, "trunks", trunk);
    root.section("service_defaults");
    let services = named(&mut root, "services", service);
    let calls = root.section("calls").and_then(calls);
    let prompts = root.section("prompts").and_then(prompts);
    let log = root.section("log").and_then(log);
    let shutdown = root.section("shutdown").and_then(shutdown);
    root.finish();
    Some(Config {
        http: http?,
        database: database?,
        secrets: secrets?,
        sip: sip?,
        rtp: rtp?,
        trunks: trunks?,
        services: services?,
        calls: calls?,
        prompts: prompts?,
        log: log?,
        shutdown: shutdown?,
    })
}

/// The sections under names of the operator's, at least one.
fn named<T>(
    root: &mut Section<'_>,
    key: &'static str,
    read: impl Fn(Section<'_>) -> Option<T>,
) -> Option<BTreeMap<String, T>> {
    let needed = format!("at least one is needed: write a section [{key}.NAME]");
    if !root.has(key) {
        root.wrong(key, &needed);
    }
    let parent = root.section(key)?;
    let mut all = Some(BTreeMap::new());
    let mut count = 0;
    for (name, section) in parent.named_sections() {
        count += 1;
        if !syntax::is_name(&name) {
            parent.wrong(&name, "a name is 1 to 40 lower-case letters, digits and hyphens");
        }
        match (read(section), &mut all) {
            (Some(value), Some(all)) => {
                all.insert(name, value);
            }
            _ => all = None,
        }
    }
    if count == 0 {
        root.wrong(key, needed);
    }
    all
}

fn http(mut section: Section<'_>) -> Option<Http> {
    let listen = section.parsed("listen", ADDRESS, |text| text.parse().ok());
    let body_bytes_max = section.integer("body_bytes_max", 1024..=1_048_576);
    let header_timeout = section.seconds("header_timeout_s", 1..=60);
    let body_timeout = section.seconds("body_timeout_s", 1..=60);
    let connections_max = section.integer("connections_max", 1..=65_535);
    let connection_age_max = section.seconds("connection_age_max_s", 10..=86_400);
    section.finish();
    Some(Http {
        listen: listen?,
        body_bytes_max: body_bytes_max?,
        header_timeout: header_timeout?,
        body_timeout: body_timeout?,
        connections_max: connections_max?,
        connection_age_max: connection_age_max?,
    })
}

fn database(mut section: Section<'_>) -> Option<Database> {
    let expected = "sqlite:PATH of a file (in memory, every key would be gone after a restart; \
                    PostgreSQL is not offered yet)";
    let url = section.parsed("url", expected, syntax::database_url);
    let busy_timeout = section.seconds("busy_timeout_s", 1..=60);
    let connections = section.integer("connections", 1..=64);
    section.finish();
    Some(Database {
        url: Redacted::new(url?),
        busy_timeout: busy_timeout?,
        connections: connections?,
    })
}

fn secrets(mut section: Section<'_>) -> Option<Secrets> {
    let key_file = section.parsed("key_file", "the path of a file", syntax::path);
    section.finish();
    Some(Secrets { key_file: key_file? })
}

fn sip(mut section: Section<'_>) -> Option<Sip> {
    let listen = section.parsed("listen", ADDRESS, |text| text.parse().ok());
    let expected = "\"auto\" or the address and port peers can reach, such as \"192.0.2.7:5060\"";
    let advertised = section.parsed("advertised", expected, syntax::advertised_socket);
    let t1 = section.millis("t1_ms", 50..=5000);
    let least = t1.map_or(50, millis_of);
    let t2 = section.millis("t2_ms", least..=10_000);
    let t4 = section.millis("t4_ms", least..=20_000);
    let expected = "1 to 60 printable ASCII characters";
    let user_agent = section.parsed("user_agent", expected, syntax::user_agent);
    section.finish();
    Some(Sip {
        listen: listen?,
        advertised: advertised?,
        t1: t1?,
        t2: t2?,
        t4: t4?,
        user_agent: user_agent?,
    })
}

fn millis_of(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

fn rtp(mut section: Section<'_>) -> Option<Rtp> {
    let expected = "an IP address such as \"0.0.0.0\"";
    let listen = section.parsed("listen", expected, |text| text.parse().ok());
    let expected = "\"auto\" or the IP address peers can reach, such as \"192.0.2.7\"";
    let advertised = section.parsed("advertised", expected, syntax::advertised_ip);
    let port_min = section.integer("port_min", 1024..=65_534);
    let port_max = section.integer("port_max", 1025..=65_535);
    let quarantine = section.seconds("quarantine_s", 0..=300);
    let workers = section.integer("workers", 1..=64);
    if let (Some(min), Some(max)) = (port_min, port_max) {
        if min % 2 != 0 {
            section.wrong("port_min", format!("expected an even port (RFC 3550 §11), found {min}"));
        }
        if max <= min {
            section.wrong("port_max", format!("expected a port above port_min {min}, found {max}"));
        }
    }
    section.finish();
    Some(Rtp {
        listen: listen?,
        advertised: advertised?,
        port_min: port_min?,
        port_max: port_max?,
        quarantine: quarantine?,
        workers: workers?,
    })
}

fn trunk(mut section: Section<'_>) -> Option<Trunk> {
    let expected = "sip:HOST or sip:HOST:PORT, such as \"sip:pbx.example.net\"";
    let uri = section.parsed("uri", expected, syntax::trunk_uri);
    let credentials = credentials(&mut section);
    let expected = "a number or extension: 1 to 32 letters, digits, + . _ -";
    let caller_id = section.parsed("caller_id", expected, syntax::caller_id);
    let number_format = section.word("number_format", NumberFormat::WORDS);
    let setup_timeout = section.seconds("setup_timeout_s", 1..=32);
    let channels_max = section.integer("channels_max", 1..=10_000);
    section.finish();
    Some(Trunk {
        uri: uri?,
        credentials: credentials?,
        caller_id: caller_id?,
        number_format: number_format?,
        setup_timeout: setup_timeout?,
        channels_max: channels_max?,
    })
}

fn credentials(section: &mut Section<'_>) -> Option<Option<TrunkCredentials>> {
    let some_text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let username = section.optional("username", "the user name the trunk gave you", some_text)?;
    let password = section.optional("password", "the password as a text in quotes", some_text)?;
    let file = section.optional("password_file", "the path of a file", syntax::path)?;
    let password = match (password, file) {
        (Some(_), Some(_)) => {
            section.wrong("password_file", "give either password or password_file, not both");
            return None;
        }
        (password, None) => password,
        (None, Some(file)) => match password_in(&file) {
            Ok(password) => Some(password),
            Err(why) => {
                section.wrong("password_file", why);
                return None;
            }
        },
    };
    match (username, password) {
        (None, None) => Some(None),
        (Some(username), Some(password)) => {
            Some(Some(TrunkCredentials { username, password: Redacted::new(password) }))
        }
        (Some(_), None) => {
            section.wrong("username", "a username wants a password or password_file beside it");
            None
        }
        (None, Some(_)) => {
            section.wrong("username", "missing; it is needed beside the password");
            None
        }
    }
}

fn password_in(file: &PathBuf) -> Result<String, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() || password.contains(['\n', '\r']) {
        return Err(format!("{} must hold the password and nothing else", file.display()));
    }
    Ok(password.to_owned())
}

fn service(mut section: Section<'_>) -> Option<Service> {
    let brand = section.parsed("brand", "a name of 1 to 40 characters", syntax::brand);
    let locale = section.parsed("locale", "a BCP 47 tag such as \"nl-BE\"", syntax::locale);
    let country = "a country code (ISO 3166-1 alpha-2) such as \"BE\"";
    let default_region = section.optional("default_region", country, syntax::country);
    let trunks =
        section.list("trunks", "a list of trunk names", |item| Some(text(item)?.to_owned()));
    let expected = "a list of country codes such as [\"BE\", \"NL\"]";
    let countries = section.list("countries", expected, |item| syntax::country(text(item)?));
    if countries.as_ref().is_some_and(Vec::is_empty) {
        section.wrong("countries", "empty: the service could call nobody; name a country");
    }
    let code_length = section.integer("code_length", 6..=10);
    let ttl = section.seconds("ttl_s", 60..=600);
    let checks_max = section.integer("checks_max", 1..=5);
    let sends_max = section.integer("sends_max", 1..=5);
    let resend_after = resend_after(&mut section);
    let human_check_digits = section.integer("human_check_digits", 0..=2);
    let readings = section.integer("readings", 1..=5);
    let repeats_on_request = section.integer("repeats_on_request", 0..=5);
    let ring_timeout = section.seconds("ring_timeout_s", 10..=60);
    let pauses = section.section("pauses").and_then(pauses);
    section.finish();
    Some(Service {
        brand: brand?,
        locale: locale?,
        default_region: default_region?,
        trunks: trunks?,
        countries: countries?,
        code_length: code_length?,
        ttl: ttl?,
        checks_max: checks_max?,
        sends_max: sends_max?,
        resend_after: resend_after?,
        human_check_digits: human_check_digits?,
        readings: readings?,
        repeats_on_request: repeats_on_request?,
        ring_timeout: ring_timeout?,
        pauses: pauses?,
    })
}

fn resend_after(section: &mut Section<'_>) -> Option<Vec<Duration>> {
    let expected = "a list of 1 to 10 whole numbers from 5 to 3600";
    let seconds = |n: i64| u64::try_from(n).ok().filter(|n| (5..=3600).contains(n));
    let list = section.list("resend_after_s", expected, |item| seconds(whole(item)?))?;
    if list.is_empty() || list.len() > 10 {
        section
            .wrong("resend_after_s", format!("expected {expected}, found {} of them", list.len()));
    }
    Some(list.into_iter().map(Duration::from_secs).collect())
}

fn pauses(mut section: Section<'_>) -> Option<Pauses> {
    let digit = frames(&mut section, "digit_ms");
    let group = frames(&mut section, "group_ms");
    let sentence = frames(&mut section, "sentence_ms");
    let around_check_digit = frames(&mut section, "around_check_digit_ms");
    let before_code = frames(&mut section, "before_code_ms");
    let between_readings = frames(&mut section, "between_readings_ms");
    section.finish();
    Some(Pauses {
        digit: digit?,
        group: group?,
        sentence: sentence?,
        around_check_digit: around_check_digit?,
        before_code: before_code?,
        between_readings: between_readings?,
    })
}

/// A silence of whole 20 ms frames, at most five seconds.
fn frames(section: &mut Section<'_>, key: &'static str) -> Option<Duration> {
    let span = section.millis(key, 0..=5000)?;
    if span.as_millis() % 20 != 0 {
        let (found, near) = (span.as_millis(), span.as_millis().next_multiple_of(20));
        section.wrong(key, format!("expected a multiple of 20 such as {near}, found {found}"));
    }
    Some(span)
}

fn calls(mut section: Section<'_>) -> Option<Calls> {
    let calls_max = section.integer("calls_max", 1..=10_000);
    let lead_in = frames(&mut section, "lead_in_ms");
    let human_check_timeout = section.seconds("human_check_timeout_s", 2..=30);
    let human_check_prompts = section.integer("human_check_prompts", 1..=5);
    let repeat_wait = section.seconds("repeat_wait_s", 2..=30);
    let call_max = section.seconds("call_max_s", 20..=300);
    section.finish();
    Some(Calls {
        calls_max: calls_max?,
        lead_in: lead_in?,
        human_check_timeout: human_check_timeout?,
        human_check_prompts: human_check_prompts?,
        repeat_wait: repeat_wait?,
        call_max: call_max?,
    })
}

fn prompts(mut section: Section<'_>) -> Option<Prompts> {
    let dir = section.optional("dir", "the path of a folder", syntax::path);
    section.finish();
    Some(Prompts { dir: dir? })
}

fn log(mut section: Section<'_>) -> Option<Log> {
    let format = section.word("format", LogFormat::WORDS);
    let expected = "error, warn, info, debug or trace, then MODULE=LEVEL with commas between";
    let level = section.parsed("level", expected, syntax::log_level);
    section.finish();
    Some(Log { format: format?, level: level? })
}

fn shutdown(mut section: Section<'_>) -> Option<Shutdown> {
    let drain = section.seconds("drain_s", 0..=600);
    section.finish();
    Some(Shutdown { drain: drain? })
}
