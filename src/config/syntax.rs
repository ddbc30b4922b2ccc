//! The small texts of the configuration: addresses, names, codes of languages and countries.
//!
//! Each function gives the typed value, or `None` for text that is not one.

use super::types::TrunkUri;
use crate::number;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The name of a trunk or service. Without underscores, which environment variables need.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=40).contains(&text.len()) && text.chars().all(allowed)
}

pub(super) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text))
}

/// `sqlite:PATH` of a file. The store speaks PostgreSQL too, but the acts rely on there being one
/// writer, so it is not offered yet.
pub(super) fn database_url(text: &str) -> Option<String> {
    let path = text.strip_prefix("sqlite:")?;
    let file = path.trim_start_matches("//");
    let in_memory = file.starts_with(":memory:") || file.contains("mode=memory");
    (!file.is_empty() && !in_memory).then(|| text.to_owned())
}

/// `auto`, or an address a packet can be sent to.
pub(super) fn advertised_socket(text: &str) -> Option<Option<SocketAddr>> {
    if text == "auto" {
        return Some(None);
    }
    let address: SocketAddr = text.parse().ok()?;
    (!address.ip().is_unspecified() && address.port() != 0).then_some(Some(address))
}

/// `auto`, or an address a packet can be sent to.
pub(super) fn advertised_ip(text: &str) -> Option<Option<IpAddr>> {
    if text == "auto" {
        return Some(None);
    }
    let address: IpAddr = text.parse().ok()?;
    (!address.is_unspecified()).then_some(Some(address))
}

pub(super) fn user_agent(text: &str) -> Option<String> {
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let trimmed = text.trim() == text;
    (printable && trimmed && (1..=60).contains(&text.len())).then(|| text.to_owned())
}

pub(super) fn brand(text: &str) -> Option<String> {
    let fits = (1..=40).contains(&text.chars().count());
    let printable = !text.chars().any(char::is_control);
    (fits && printable && text.trim() == text).then(|| text.to_owned())
}

pub(super) fn caller_id(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+._-".contains(c);
    ((1..=32).contains(&text.len()) && text.chars().all(allowed)).then(|| text.to_owned())
}

/// A BCP 47 tag by its outline (RFC 5646 §2.1): a language, then subtags.
pub(super) fn locale(text: &str) -> Option<String> {
    let mut subtags = text.split('-');
    let language = subtags.next()?;
    let is_language =
        (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
    let is_subtag =
        |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_language && subtags.all(is_subtag)).then(|| text.to_owned())
}

pub(super) fn country(text: &str) -> Option<String> {
    let is_upper = text.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_upper && number::is_region(text)).then(|| text.to_owned())
}

/// `LEVEL[,MODULE=LEVEL…]`.
pub(super) fn log_level(text: &str) -> Option<String> {
    let mut parts = text.split(',');
    let is_module = |module: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        !module.is_empty() && module.chars().all(allowed)
    };
    let is_directive = |part: &str| {
        part.split_once('=')
            .is_some_and(|(module, level)| is_module(module) && LEVELS.contains(&level))
    };
    (LEVELS.contains(&parts.next()?) && parts.all(is_directive)).then(|| text.to_owned())
}

/// `sip:HOST[:PORT]`; IPv6 in brackets.
pub(super) fn trunk_uri(text: &str) -> Option<TrunkUri> {
    let rest = text.strip_prefix("sip:")?;
    let (host, port) = if let Some(rest) = rest.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else {
        match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        }
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => 5060,
    };
    let is_label = |label: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&label.len()) && label.chars().all(allowed)
    };
    let is_host = host.contains(':') || (host.len() <= 253 && host.split('.').all(is_label));
    is_host.then(|| TrunkUri { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_uri_is_a_host_and_a_port_that_defaults_to_5060() {
        let uri = |text| trunk_uri(text).map(|uri| uri.to_string());
        assert_eq!(uri("sip:pbx.example.net").as_deref(), Some("sip:pbx.example.net:5060"));
        assert_eq!(uri("sip:192.0.2.7:5070").as_deref(), Some("sip:192.0.2.7:5070"));
        assert_eq!(uri("sip:[2001:db8::1]:5070").as_deref(), Some("sip:[2001:db8::1]:5070"));
        assert_eq!(uri("sip:[2001:db8::1]").as_deref(), Some("sip:[2001:db8::1]:5060"));
        for text in [
            "",
            "sip:",
            "pbx.example.net",
            "sips:pbx.example.net",
            "sip:user:secret@pbx",
            "sip:pbx;transport=tcp",
            "sip:pbx:0",
            "sip:pbx:65536",
            "sip:2001:db8::1",
            "sip:[2001:db8::1]5060",
            "sip:[pbx]",
            "sip:pbx..net",
            "sip:p b x",
        ] {
            assert_eq!(trunk_uri(text), None, "{text}");
        }
    }

    #[test]
    fn a_database_is_a_sqlite_file() {
        for text in ["sqlite:belfry.db", "sqlite:///var/lib/belfry/belfry.db"] {
            assert_eq!(database_url(text).as_deref(), Some(text));
        }
        for text in [
            "",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:x?mode=memory",
            "b.db",
            "postgres://belfry@db/belfry",
        ] {
            assert_eq!(database_url(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_advertised_can_be_reached() {
        assert_eq!(advertised_socket("auto"), Some(None));
        assert!(advertised_socket("192.0.2.7:5060").is_some());
        for text in ["0.0.0.0:5060", "192.0.2.7:0", "192.0.2.7", "pbx:5060"] {
            assert_eq!(advertised_socket(text), None, "{text}");
        }
        assert_eq!(advertised_ip("::"), None);
    }

    #[test]
    fn log_levels_are_words_and_modules() {
        for text in ["info", "warn,belfry::sip=debug", "error,sqlx=warn,belfry=trace"] {
            assert!(log_level(text).is_some(), "{text}");
        }
        for text in ["", "inof", "INFO", "belfry=debug", "info,", "info,=debug", "info,belfry=x"] {
            assert_eq!(log_level(text), None, "{text}");
        }
    }

    #[test]
    fn names_languages_and_countries_have_their_outline() {
        assert!(is_name("panel-login") && is_name("a"));
        assert!(!is_name("") && !is_name("Panel") && !is_name("a_b") && !is_name(&"a".repeat(41)));
        assert!(locale("nl-BE").is_some() && locale("de-CH-1996").is_some());
        assert!(locale("nl_BE").is_none() && locale("Dutch").is_none() && locale("").is_none());
        assert!(country("BE").is_some());
        assert!(country("be").is_none() && country("XX").is_none() && country("BEL").is_none());
    }

    #[test]
    fn text_that_goes_into_headers_holds_no_line_end() {
        assert_eq!(user_agent("Belfry\r\nX: y"), None);
        assert_eq!(brand("Panel\n"), None);
        assert_eq!(caller_id("1\r\n2"), None);
        assert!(brand("Müller & Söhne").is_some());
    }
}
