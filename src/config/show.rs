//! The configuration in force, as text that could be a configuration file again.

use super::section::{LIST_KEYS, items_of, may_be_secret};
use super::tree::{Entry, Origin, Table, Value};
use std::fmt::Write as _;

/// The column where "set at" comments start.
const COMMENT_COLUMN: usize = 44;

/// Every section and key; passwords hidden; where each value that is no default was set.
pub(super) fn effective(tree: &Table) -> String {
    let mut text = String::new();
    for (name, entry) in &tree.0 {
        let is_inherited = name.ends_with("_defaults");
        if let (Value::Table(table), false) = (&entry.value, is_inherited) {
            section(&mut text, name, table);
        }
    }
    text
}

fn section(text: &mut String, path: &str, table: &Table) {
    let is_table = |entry: &Entry| matches!(entry.value, Value::Table(_));
    if table.0.values().any(|entry| !is_table(entry)) {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "[{path}]");
    }
    for (key, entry) in table.0.iter().filter(|(_, entry)| !is_table(entry)) {
        let shown = match may_be_secret(key, &entry.value) {
            true => "\"[redacted]\"".to_owned(),
            false => shown_value(key, &entry.value),
        };
        let line = format!("{key} = {shown}");
        let _ = match &entry.origin {
            Origin::BuiltIn => writeln!(text, "{line}"),
            origin => writeln!(text, "{line:<COMMENT_COLUMN$} # {origin}"),
        };
    }
    for (key, entry) in &table.0 {
        if let Value::Table(table) = &entry.value {
            section(text, &format!("{path}.{key}"), table);
        }
    }
}

fn shown_value(key: &str, value: &Value) -> String {
    match value {
        Value::Untyped(text) if LIST_KEYS.contains(&key) => literal(&Value::List(items_of(text))),
        value => literal(value),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => toml::Value::String(text.clone()).to_string(),
        Value::Integer(number) => number.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Value::Untyped(text) if text.parse::<i64>().is_ok() => text.clone(),
        Value::Untyped(text) => toml::Value::String(text.clone()).to_string(),
        Value::Other(text) => text.clone(),
        Value::Table(_) => unreachable!("tables are written as sections"),
    }
}
