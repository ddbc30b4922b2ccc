//! Takes typed values out of a table, and notes everything that is wrong with it.
//!
//! Each `…` method notes a problem and gives `None` when the value is no good, so that a section is
//! read to its end whatever it holds.

use super::error::Problem;
use super::tree::{Entry, Origin, Table, Value};
use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Keys whose values are never shown, wherever they stand.
pub(super) const SECRET_KEYS: &[&str] = &["password"];

/// Keys whose values are lists, wherever they stand.
pub(super) const LIST_KEYS: &[&str] = &["trunks", "countries", "resend_after_s"];

/// How close a word must be for "did you mean", 0 to 1 (Jaro–Winkler).
const LIKENESS_MIN: f64 = 0.84;

/// One table being read.
pub(super) struct Section<'a> {
    path: String,
    origin: Origin,
    table: &'a Table,
    known: Vec<&'static str>,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> Section<'a> {
    /// Starts with the whole tree.
    pub(super) fn root(table: &'a Table, problems: &'a RefCell<Vec<Problem>>) -> Self {
        Section { path: String::new(), origin: Origin::BuiltIn, table, known: Vec::new(), problems }
    }

    /// The table under `key`, if it is one. An absent one is left out without a word.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        self.known.push(key);
        self.child(key)
    }

    /// Whether anything stands under `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.0.contains_key(key)
    }

    /// The tables under the names an operator gave.
    pub(super) fn named_sections(&self) -> impl Iterator<Item = (String, Section<'a>)> {
        self.table.0.keys().filter_map(|name| Some((name.clone(), self.child(name)?)))
    }

    fn child(&self, key: &str) -> Option<Section<'a>> {
        let entry = self.table.0.get(key)?;
        let path = self.path_of(key);
        let Value::Table(table) = &entry.value else {
            let wrong = format!("expected a section [{path}], found {}", entry.value.describe());
            self.note(&entry.key, key, wrong);
            return None;
        };
        let (origin, problems) = (entry.key.clone(), self.problems);
        Some(Section { path, origin, table, known: Vec::new(), problems })
    }

    /// Ends the reading: keys nobody asked for are unknown.
    pub(super) fn finish(self) {
        for (key, entry) in &self.table.0 {
            if !self.known.contains(&key.as_str()) {
                let hint = did_you_mean(key, self.known.iter().copied());
                let what = if matches!(entry.value, Value::Table(_)) { "section" } else { "key" };
                self.note(&entry.key, key, format!("unknown {what}{hint}"));
            }
        }
    }

    /// Notes that `key` is wrong: at its place when it stands there, else at the section's.
    pub(super) fn wrong(&self, key: &str, message: impl Display) {
        let origin = self.table.0.get(key).map_or(&self.origin, |entry| &entry.origin);
        self.note(origin, key, message.to_string());
    }

    /// A text that `read` accepts; `expected` says which ones those are.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let entry = self.required(key, expected)?;
        let value = match &entry.value {
            Value::Text(text) | Value::Untyped(text) => read(text),
            _ => None,
        };
        if value.is_none() {
            self.mismatch(key, entry, expected);
        }
        value
    }

    /// Like [`Section::parsed`] for a key that may be absent: `Some(None)`.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        self.known.push(key);
        if self.table.0.contains_key(key) {
            self.parsed(key, expected, read).map(Some)
        } else {
            Some(None)
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let find = |text: &str| words.iter().find(|(word, _)| *word == text).map(|(_, is)| *is);
        self.parsed(key, &names.join(" or "), find)
    }

    /// A whole number in a range.
    pub(super) fn integer<N>(&mut self, key: &'static str, range: RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let entry = self.required(key, &expected)?;
        let number = whole(&entry.value).and_then(|n| N::try_from(n).ok());
        let number = number.filter(|n| range.contains(n));
        if number.is_none() {
            self.mismatch(key, entry, &expected);
        }
        number
    }

    /// Whole seconds in a range.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<Duration> {
        self.integer(key, range).map(|n| Duration::from_secs(n.into()))
    }

    /// Whole milliseconds in a range.
    pub(super) fn millis(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<Duration> {
        self.integer(key, range).map(|n| Duration::from_millis(n.into()))
    }

    /// A list of whatever `read` makes of an item; from the environment, parted by commas.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        debug_assert!(LIST_KEYS.contains(&key), "{key} is shown as a list");
        let entry = self.required(key, expected)?;
        let items = match &entry.value {
            Value::List(items) => items.clone(),
            Value::Untyped(text) => items_of(text),
            _ => {
                self.mismatch(key, entry, expected);
                return None;
            }
        };
        let mut list = Vec::new();
        for item in &items {
            let Some(value) = read(item) else {
                let found = item.describe();
                self.note(&entry.origin, key, format!("expected {expected}, found {found} in it"));
                return None;
            };
            list.push(value);
        }
        Some(list)
    }

    fn required(&mut self, key: &'static str, expected: &str) -> Option<&'a Entry> {
        self.known.push(key);
        let entry = self.table.0.get(key);
        if entry.is_none() {
            self.wrong(key, format!("missing; it wants {expected}"));
        }
        entry
    }

    fn mismatch(&self, key: &str, entry: &Entry, expected: &str) {
        let found = if may_be_secret(key, &entry.value) {
            "something else (not shown, it may hold a password)".to_owned()
        } else {
            entry.value.describe()
        };
        self.note(&entry.origin, key, format!("expected {expected}, found {found}"));
    }

    fn note(&self, origin: &Origin, key: &str, message: String) {
        let key = Some(self.path_of(key));
        self.problems.borrow_mut().push(Problem { origin: origin.clone(), key, message });
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// Whether a value may be shown: not a password, nor an address with one in it (`user:pass@host`).
pub(super) fn may_be_secret(key: &str, value: &Value) -> bool {
    SECRET_KEYS.contains(&key) || text(value).is_some_and(|text| text.contains('@'))
}

/// The items of a list in an environment variable.
pub(super) fn items_of(text: &str) -> Vec<Value> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| Value::Untyped(word.to_owned())).collect()
}

/// The whole number a value is.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Untyped(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The text a value is.
pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Untyped(text) => Some(text),
        _ => None,
    }
}

/// "; did you mean `x`?" for the known word closest to `word`, or nothing when none is close.
pub(super) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let like = |candidate: &&str| strsim::jaro_winkler(word, candidate);
    let closest = known.into_iter().max_by(|a, b| like(a).total_cmp(&like(b)));
    match closest.filter(|candidate| like(candidate) >= LIKENESS_MIN) {
        Some(candidate) => format!("; did you mean `{candidate}`?"),
        None => String::new(),
    }
}
