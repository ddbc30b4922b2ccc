//! The JSON object of a request, read field by field.
//!
//! Strict on purpose (RFC 8259 leaves these open): a repeated name, an unknown name or a wrong type
//! is refused, and the refusal names the field. No value is ever repeated in a refusal.

use super::problem::{Code, Problem};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What is left to read of a request's JSON object.
pub(crate) struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// Reads a body. An empty one counts as `{}` where `may_be_empty`.
    pub(crate) fn parse(body: &[u8], may_be_empty: bool) -> Result<Fields, Problem> {
        if body.is_empty() && may_be_empty {
            return Ok(Fields(BTreeMap::new()));
        }
        serde_json::from_slice(body).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let detail = match error.classify() {
                serde_json::error::Category::Data => {
                    format!("The body must be one JSON object without repeated names ({place}).")
                }
                _ => format!("The body is not valid JSON ({place})."),
            };
            Problem::new(Code::InvalidRequest, detail)
        })
    }

    /// Takes a field; `null` counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// Takes text of at most `max` characters without control characters.
    pub(crate) fn take_text(&mut self, name: &str, max: usize) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => {
                let length = text.chars().count();
                if length == 0 || length > max || text.chars().any(char::is_control) {
                    let detail = format!("`{name}` must be 1 to {max} printable characters.");
                    return Err(Problem::invalid(name, detail));
                }
                Ok(Some(text))
            }
            Some(_) => Err(Problem::invalid(name, format!("`{name}` must be a string."))),
        }
    }

    /// Takes text that must be there.
    pub(crate) fn need_text(&mut self, name: &str, max: usize) -> Result<String, Problem> {
        self.take_text(name, max)?
            .ok_or_else(|| Problem::invalid(name, format!("`{name}` is required.")))
    }

    /// Says that everything was read: what is left is unknown.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::invalid(&name, "The request has a field unknown here.")),
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.insert(name, value).is_some() {
                        return Err(A::Error::custom("repeated name"));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Names)
    }
}
