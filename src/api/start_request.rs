//! The body of `POST /v1/verifications`, as a [`StartRequest`].
//!
//! Only the shape is judged here; whether the number, the extension and the locale may be used is
//! the gateway's to say, because it knows the service.

use super::fields::Fields;
use super::problem::Problem;
use crate::gateway::StartRequest;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

const METADATA_ENTRIES_MAX: usize = 20;
const METADATA_NAME_MAX: usize = 40;
const METADATA_VALUE_MAX: usize = 200;

/// Reads the body; refusals name the field.
pub(super) fn parse(body: &[u8]) -> Result<StartRequest, Problem> {
    let mut fields = Fields::parse(body, false)?;
    let request = StartRequest {
        to: fields.need_text("to", 64)?,
        extension: fields.take_text("extension", 32)?,
        purpose: fields.take_text("purpose", 40)?,
        locale: fields.take_text("locale", 35)?,
        entity: fields.take_text("entity", 128)?,
        client_ip: client_ip(&mut fields)?,
        metadata: metadata(&mut fields)?,
    };
    only(&mut fields, "channel", "call")?;
    only(&mut fields, "human_check", "required")?;
    match fields.take("workflow") {
        None => {}
        Some(Value::Array(steps)) if steps.is_empty() => {}
        Some(_) => {
            let detail = "Workflow steps are not offered yet; leave `workflow` out.";
            return Err(Problem::invalid("workflow", detail));
        }
    }
    fields.finish()?;
    Ok(request)
}

/// A field that may hold one word only, for now.
fn only(fields: &mut Fields, name: &'static str, word: &str) -> Result<(), Problem> {
    match fields.take_text(name, 32)? {
        Some(text) if text != word => {
            Err(Problem::invalid(name, format!("`{name}` can only be `{word}`.")))
        }
        _ => Ok(()),
    }
}

fn client_ip(fields: &mut Fields) -> Result<Option<IpAddr>, Problem> {
    let parse = |text: String| {
        let detail = "`client_ip` must be an IPv4 or IPv6 address.";
        text.parse().map_err(|_| Problem::invalid("client_ip", detail))
    };
    fields.take_text("client_ip", 45)?.map(parse).transpose()
}

fn metadata(fields: &mut Fields) -> Result<BTreeMap<String, String>, Problem> {
    let wrong = || {
        let detail = format!(
            "`metadata` must be an object of at most {METADATA_ENTRIES_MAX} strings of at most \
             {METADATA_VALUE_MAX} characters, with names of 1 to {METADATA_NAME_MAX}."
        );
        Problem::invalid("metadata", detail)
    };
    let entries = match fields.take("metadata") {
        None => return Ok(BTreeMap::new()),
        Some(Value::Object(entries)) if entries.len() <= METADATA_ENTRIES_MAX => entries,
        Some(_) => return Err(wrong()),
    };
    let fits = |(name, value): (String, Value)| match value {
        Value::String(value)
            if (1..=METADATA_NAME_MAX).contains(&name.chars().count())
                && value.chars().count() <= METADATA_VALUE_MAX =>
        {
            Ok((name, value))
        }
        _ => Err(wrong()),
    };
    entries.into_iter().map(fits).collect()
}
