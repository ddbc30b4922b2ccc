//! Layers of settings before they have types: a tree in which each value knows its place.
//!
//! The TOML itself is read by the `toml` crate; here its tables become [`Table`]s with an
//! [`Origin`] on each key and value, and layers are laid over one another.

use super::error::{ConfigErrors, Problem};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;
use toml::de::{DeTable, DeValue};

/// Where a key or value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The compiled-in default.
    BuiltIn,
    /// A file, both counted from 1; the column in characters.
    File { name: Rc<str>, line: usize, column: usize },
    /// A file as a whole.
    WholeFile { name: Rc<str> },
    /// An environment variable.
    Environment { variable: Rc<str> },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::BuiltIn => f.write_str("built-in default"),
            Origin::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Origin::WholeFile { name } => f.write_str(name),
            Origin::Environment { variable } => write!(f, "environment variable {variable}"),
        }
    }
}

/// A table of settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table(pub(super) BTreeMap<String, Entry>);

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where the key stands.
    pub(super) key: Origin,
    /// Where the value stands.
    pub(super) origin: Origin,
    /// The value.
    pub(super) value: Value,
}

/// A value that has no type of ours yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Table(Table),
    List(Vec<Value>),
    Text(String),
    Integer(i64),
    /// Kinds no setting of ours has, as written: floats, dates, booleans, huge integers.
    Other(String),
    /// An environment variable's text, which the reader takes for whatever the key wants.
    Untyped(String),
}

impl Value {
    /// What it is, for a sentence about what it should have been.
    pub(super) fn describe(&self) -> String {
        match self {
            Value::Table(_) => "a table".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Text(text) | Value::Untyped(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Other(text) => text.clone(),
        }
    }
}

impl Table {
    /// Reads TOML text. `name` is what its places are called by; `None` is the built-in default.
    ///
    /// # Errors
    /// Every syntax error of the text, with its place and without its words: they may be secret.
    pub(super) fn parse(name: Option<&str>, text: &str) -> Result<Table, ConfigErrors> {
        let places = Places { name: name.map(Rc::from), text };
        let (document, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(places.table(document.get_ref()));
        }
        let problem = |error: &toml::de::Error| Problem {
            origin: places.at(error.span().unwrap_or(0..0)),
            key: None,
            message: format!("this is not TOML: {}", error.message()),
        };
        Err(ConfigErrors(errors.iter().map(problem).collect()))
    }

    /// Lays `over` on top: its tables are merged, its other values replace.
    pub(super) fn overlay(&mut self, over: Table) {
        for (key, entry) in over.0 {
            match (self.0.get_mut(&key), entry) {
                (
                    Some(Entry { value: Value::Table(under), key, origin }),
                    Entry { value: Value::Table(table), key: over_key, origin: over_origin },
                ) => {
                    under.overlay(table);
                    (*key, *origin) = (over_key, over_origin);
                }
                (_, entry) => {
                    self.0.insert(key, entry);
                }
            }
        }
    }

    /// Where the value under `key`, step by step, stands.
    pub(super) fn origin(&self, key: &[String]) -> Origin {
        let Some((first, rest)) = key.split_first() else { return Origin::BuiltIn };
        match self.0.get(first) {
            Some(Entry { value: Value::Table(table), .. }) if !rest.is_empty() => {
                table.origin(rest)
            }
            Some(entry) => entry.origin.clone(),
            None => Origin::BuiltIn,
        }
    }

    /// The table under `key`, or an empty one.
    pub(super) fn table(&self, key: &str) -> Table {
        match self.0.get(key) {
            Some(Entry { value: Value::Table(table), .. }) => table.clone(),
            _ => Table::default(),
        }
    }
}

/// Turns byte ranges of one text into places.
struct Places<'t> {
    name: Option<Rc<str>>,
    text: &'t str,
}

impl Places<'_> {
    fn at(&self, span: Range<usize>) -> Origin {
        let Some(name) = &self.name else { return Origin::BuiltIn };
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        Origin::File {
            name: Rc::clone(name),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<_>)| {
            let entry = Entry {
                key: self.at(key.span()),
                origin: self.at(value.span()),
                value: self.value(value.get_ref()),
            };
            let key: &toml::de::DeString<'_> = key.get_ref();
            (key.to_string(), entry)
        };
        Table(table.iter().map(entry).collect())
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::Table(table) => Value::Table(self.table(table)),
            DeValue::Array(list) => {
                Value::List(list.iter().map(|item| self.value(item.get_ref())).collect())
            }
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Value::Integer(number),
                    Err(_) => Value::Other(number.to_string()),
                }
            }
            DeValue::Boolean(yes) => Value::Other(yes.to_string()),
            DeValue::Float(number) => Value::Other(number.to_string()),
            DeValue::Datetime(time) => Value::Other(time.to_string()),
        }
    }
}
