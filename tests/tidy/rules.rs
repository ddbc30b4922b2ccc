//! The rules: each looks at one file and says what it found.

use super::map::Map;
use super::source::{Source, Token};
use std::fmt;

/// The longest file, in lines that are no tests.
const LINES_MAX: usize = 500;
/// The longest line, in characters.
const COLUMNS_MAX: usize = 100;

/// Something that must not be where it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

fn finding(source: &Source, line: usize, what: impl Into<String>) -> Finding {
    Finding { path: source.path.clone(), line, what: what.into() }
}

/// A file's module imports only what the map allows, in its tests too.
pub fn imports(source: &Source, map: &Map) -> Vec<Finding> {
    let from = source.module();
    let known = map.modules();
    imported(source)
        .into_iter()
        .filter(|(_, to)| known.contains(to) && !map.allows(from, to))
        .map(|(line, to)| finding(source, line, format!("`{from}` may not import `{to}`")))
        .collect()
}

/// The names right under the crate root that a file uses, with their lines.
fn imported(source: &Source) -> Vec<(usize, String)> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let Some(start) = root_path(tokens, index, source.depth()) else { continue };
        if tokens.get(start).is_some_and(|token| token.text == "{") {
            found.extend(first_names(&tokens[start..]));
        } else if let Some(token) = tokens.get(start) {
            found.push((token.line, token.text.clone()));
        }
    }
    found
}

/// If a path from the crate root starts at `index`, where its first name stands.
fn root_path(tokens: &[Token], index: usize, depth: usize) -> Option<usize> {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.text == text);
    if index > 0 && is(index - 1, "::") {
        return None;
    }
    if is(index, "crate") && is(index + 1, "::") {
        return Some(index + 2);
    }
    let mut at = index;
    while is(at, "super") && is(at + 1, "::") {
        at += 2;
    }
    let steps = (at - index) / 2;
    let depth = depth + usize::from(tokens[index].is_test);
    (steps > 0 && steps == depth).then_some(at)
}

/// The names a brace group starts with or has after its own commas.
fn first_names(group: &[Token]) -> Vec<(usize, String)> {
    let mut depth = 0;
    let mut names = Vec::new();
    for pair in group.windows(2) {
        match pair[0].text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && (pair[0].text == "{" || pair[0].text == ",") {
            names.push((pair[1].line, pair[1].text.clone()));
        }
    }
    names
}

/// A crate is named in its own place only.
pub fn fences(source: &Source, map: &Map) -> Vec<Finding> {
    let inside = |places: &[String]| {
        let is_in =
            |place: &String| source.path == *place || source.path.starts_with(&format!("{place}/"));
        places.iter().any(is_in)
    };
    let mut findings = Vec::new();
    for (index, token) in source.tokens.iter().enumerate() {
        let Some(places) = map.fences.get(&token.text) else { continue };
        let text = |at: Option<usize>| at.and_then(|at| source.tokens.get(at)).map(|t| &*t.text);
        let before = text(index.checked_sub(1));
        let names_it = text(Some(index + 1)) == Some("::") || before == Some("use");
        let is_start = !matches!(before, Some("::" | "."));
        if names_it && is_start && !inside(places) {
            let what = format!("`{}` belongs into {} only", token.text, places.join(", "));
            findings.push(finding(source, token.line, what));
        }
    }
    findings
}

/// Where `words` stand in a row.
fn sequences<'s>(source: &'s Source, words: &[&str]) -> Vec<&'s Token> {
    let is_match = |window: &&[Token]| window.iter().zip(words).all(|(t, word)| t.text == *word);
    source.tokens.windows(words.len()).filter(is_match).map(|window| &window[0]).collect()
}

fn find(source: &Source, words: &[&str], in_tests: bool, why: &str) -> Vec<Finding> {
    let shown = words.concat();
    let counts = |token: &&&Token| in_tests || !token.is_test;
    let found = sequences(source, words);
    found
        .iter()
        .filter(counts)
        .map(|token| finding(source, token.line, format!("`{shown}`: {why}")))
        .collect()
}

/// The core is deterministic: whatever it needs of the world is handed to it.
pub fn core_words(source: &Source) -> Vec<Finding> {
    let words = [
        "async",
        "await",
        "tokio",
        "HashMap",
        "HashSet",
        "UdpSocket",
        "TcpStream",
        "TcpListener",
        "RandomState",
    ];
    let mut findings = Vec::new();
    for word in words {
        findings.extend(find(source, &[word], false, "the core is deterministic"));
    }
    for module in ["fs", "env", "thread", "process"] {
        findings.extend(find(source, &["std", "::", module], false, "the core is deterministic"));
    }
    findings
}

/// Time is an argument.
pub fn clocks(source: &Source) -> Vec<Finding> {
    let why = "time is an argument; `net` has the clock";
    let mut findings = find(source, &["SystemTime"], true, why);
    for clock in ["Instant", "Timestamp", "Zoned"] {
        findings.extend(find(source, &[clock, "::", "now"], true, why));
    }
    findings
}

/// Only the terminal prints; the rest logs.
pub fn prints(source: &Source) -> Vec<Finding> {
    let names = ["print", "println", "eprint", "eprintln"];
    names.iter().flat_map(|name| find(source, &[name, "!"], false, "log it instead")).collect()
}

/// Nothing undone, nothing that panics without a sentence, and what tests may not do either.
pub fn banned(source: &Source) -> Vec<Finding> {
    let mut findings = banned_in_tests(source);
    for name in ["todo", "unimplemented", "dbg"] {
        findings.extend(find(source, &[name, "!"], true, "finish it first"));
    }
    let why = "say with `expect` why it cannot be, or return the error";
    findings.extend(find(source, &[".", "unwrap", "("], false, why));
    findings
}

/// Tests are all run, and wait for facts, not for time to pass.
pub fn banned_in_tests(source: &Source) -> Vec<Finding> {
    let mut findings = find(source, &["#", "[", "ignore"], true, "a test is run or deleted");
    findings.extend(find(source, &["thread", "::", "sleep"], true, "wait for the fact itself"));
    findings
}

/// Files fit a head, and lines a screen.
pub fn too_long(source: &Source) -> Vec<Finding> {
    let mut findings = lines_too_long(source);
    let lines = source.lines.len() - source.test_lines;
    if lines > LINES_MAX {
        let what = format!("{lines} lines without tests; {LINES_MAX} at most, so split it");
        findings.push(finding(source, lines, what));
    }
    findings
}

/// Lines fit a screen.
pub fn lines_too_long(source: &Source) -> Vec<Finding> {
    let is_long = |line: &str| line.chars().count() > COLUMNS_MAX;
    let numbered = source.lines.iter().zip(1..);
    numbered
        .filter(|(line, _)| is_long(line))
        .map(|(_, number)| finding(source, number, format!("more than {COLUMNS_MAX} characters")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "| module | layer | may import |\n|---|---|---|\n| `sip` | core | nothing |\n\
                       | `media` | core | nothing |\n| `call` | core | `sip` |\n\n\
                       | crate | only in |\n|---|---|\n| `rsip` | `sip/wire/` |\n\
                       | `rand` | `entropy.rs` |\n";

    fn lines(path: &str, text: &str, rule: impl Fn(&Source) -> Vec<Finding>) -> Vec<usize> {
        rule(&Source::parse(path, text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_forbidden_import_is_found_however_it_is_written() {
        let map = Map::parse(MAP);
        let rule = |source: &Source| imports(source, &map);
        for text in [
            "use crate::media::Track;",
            "use crate::media;",
            "use crate::{time::Instant, media::{Track, Cue}};",
            "fn f() -> crate::media::Track {}",
            "use super::super::media::Track;",
            "#[cfg(test)] mod tests { use crate::media::Track; }",
            "#[cfg(test)] mod tests { use super::super::super::media::Track; }",
        ] {
            assert_eq!(lines("call/engine.rs", text, rule), [1], "{text}");
        }
        assert_eq!(lines("sip/mod.rs", "\nuse super::media::Track;", rule), [2]);
        for text in [
            "use crate::sip::UserAgent;",
            "use crate::{time::Instant, sip::{media, Track}};",
            "use crate::call::media;",
            "use super::media::Track;",
            "// use crate::media::Track;\nconst A: &str = \"crate::media\";",
        ] {
            assert_eq!(lines("call/engine.rs", text, rule), [0; 0], "{text}");
        }
    }

    #[test]
    fn a_crate_outside_its_place_is_found() {
        let map = Map::parse(MAP);
        let rule = |source: &Source| fences(source, &map);
        for text in ["use rsip::Method;", "use rsip;", "fn f(a: rsip::Method) {}"] {
            assert_eq!(lines("sip/dialog.rs", text, rule), [1], "{text}");
            assert_eq!(lines("sip/wire/message.rs", text, rule), [0; 0], "{text}");
        }
        assert_eq!(lines("entropy.rs", "use rand::Rng;", rule), [0; 0]);
        assert_eq!(lines("call/rand.rs", "self.rand; let rand = 1; a::rand::b();", rule), [0; 0]);
    }

    #[test]
    fn what_the_core_may_not_hold_is_found() {
        for text in [
            "async fn f() {}",
            "use std::collections::HashMap;",
            "use tokio::net::UdpSocket;",
            "fn f() { std::fs::read(); }",
            "fn f() { std::env::var(); }",
        ] {
            assert!(!lines("sip/mod.rs", text, core_words).is_empty(), "{text}");
        }
        assert_eq!(lines("sip/mod.rs", "use std::collections::BTreeMap;", core_words), [0; 0]);
    }

    #[test]
    fn clocks_and_prints_are_found() {
        assert_eq!(lines("a.rs", "let a = Instant::now();", clocks), [1]);
        assert_eq!(lines("a.rs", "\nuse std::time::SystemTime;", clocks), [2]);
        assert_eq!(lines("a.rs", "fn f(now: Instant) {}", clocks), [0; 0]);
        assert_eq!(lines("a.rs", "fn f() { println!(\"x\") }", prints), [1]);
        assert_eq!(lines("a.rs", "fn println() {}", prints), [0; 0]);
    }

    #[test]
    fn banned_words_are_found() {
        for text in ["fn f() { todo!() }", "fn f() { dbg!(1); }", "#[test]\n#[ignore = \"x\"]"] {
            assert_eq!(lines("a.rs", text, banned).len(), 1, "{text}");
        }
        assert_eq!(lines("a.rs", "fn f() { a.unwrap(); std::thread::sleep(b); }", banned), [1, 1]);
        assert_eq!(lines("a.rs", "fn f() { a.unwrap_or(b); }", banned), [0; 0]);
        assert_eq!(lines("a.rs", "#[cfg(test)]\nmod t { fn f() { a.unwrap(); } }", banned), [0; 0]);
        assert_eq!(lines("a.rs", "#[cfg(test)]\nmod t { #[ignore] fn f() {} }", banned), [2]);
    }

    #[test]
    fn long_files_and_lines_are_found_and_tests_do_not_count() {
        let lines_of = |count: usize| "const A: u8 = 0;\n".repeat(count);
        assert_eq!(lines("a.rs", &lines_of(LINES_MAX), too_long), [0; 0]);
        assert_eq!(lines("a.rs", &lines_of(LINES_MAX + 1), too_long), [LINES_MAX + 1]);
        let tested = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines_of(LINES_MAX));
        assert_eq!(lines("a.rs", &(lines_of(100) + &tested), too_long), [0; 0]);
        let line = |count: usize| format!("//{}\n", "é".repeat(count - 2));
        assert_eq!(lines("a.rs", &line(COLUMNS_MAX), too_long), [0; 0]);
        assert_eq!(lines("a.rs", &line(COLUMNS_MAX + 1), too_long), [1]);
    }
}
