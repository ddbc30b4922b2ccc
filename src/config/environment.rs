//! `BELFRY_SECTION__KEY` environment variables as a layer of settings.
//!
//! Values stay text here: the reader knows which kind each key wants.

use super::error::{ConfigErrors, Problem};
use super::tree::{Entry, Origin, Table, Value};
use std::ffi::OsString;
use std::rc::Rc;

const PREFIX: &str = "BELFRY_";
/// Names of our own that are arguments of the program, not settings.
const ARGUMENTS: &[&str] = &["BELFRY_CONFIG"];

/// Sections whose second step is a name given by the operator, written with hyphens.
const NAMED_SECTIONS: &[&str] = &["trunks", "services"];

/// Reads the settings among `variables`; others are none of ours.
///
/// # Errors
/// Names each variable that starts like a setting and cannot be one.
pub(super) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Table, ConfigErrors> {
    let mut layer = Table::default();
    let mut problems = Vec::new();
    for (variable, value) in variables {
        let variable = variable.to_string_lossy().into_owned();
        let Some(setting) = variable.strip_prefix(PREFIX) else { continue };
        if ARGUMENTS.contains(&variable.as_str()) || is_service_link(setting) {
            continue;
        }
        let origin = Origin::Environment { variable: Rc::from(variable.as_str()) };
        let problem = |message: &str| Problem {
            origin: origin.clone(),
            key: None,
            message: message.to_owned(),
        };
        match (path(setting), value.into_string()) {
            (Some(path), Ok(value)) => layer.overlay(nest(&path, value, &origin)),
            (Some(_), Err(_)) => problems.push(problem("the value is not UTF-8")),
            (None, _) => problems.push(problem(
                "this is no setting; a setting is BELFRY_SECTION__KEY, such as \
                 BELFRY_HTTP__LISTEN, with two underscores",
            )),
        }
    }
    if problems.is_empty() { Ok(layer) } else { Err(ConfigErrors(problems)) }
}

/// Kubernetes gives every pod such variables when a service is named `belfry`:
/// `BELFRY_SERVICE_HOST`, `BELFRY_SERVICE_PORT_HTTP`, `BELFRY_PORT_8080_TCP_ADDR`.
fn is_service_link(setting: &str) -> bool {
    let link = ["SERVICE_HOST", "SERVICE_PORT", "PORT"];
    !setting.contains("__") && link.iter().any(|start| setting.starts_with(start))
}

/// `TRUNKS__MAIN__CALLER_ID` to `trunks`, `main`, `caller_id`.
fn path(setting: &str) -> Option<Vec<String>> {
    let mut steps: Vec<String> = setting.split("__").map(str::to_ascii_lowercase).collect();
    if steps.len() < 2 || steps.iter().any(String::is_empty) {
        return None;
    }
    if NAMED_SECTIONS.contains(&steps[0].as_str()) {
        steps[1] = steps[1].replace('_', "-");
    }
    Some(steps)
}

fn nest(path: &[String], value: String, origin: &Origin) -> Table {
    let (first, rest) = path.split_first().expect("a path has at least two steps at its start");
    let value = if rest.is_empty() {
        Value::Untyped(value)
    } else {
        Value::Table(nest(rest, value, origin))
    };
    let entry = Entry { key: origin.clone(), origin: origin.clone(), value };
    Table([(first.clone(), entry)].into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(variables: &[(&str, &str)]) -> Result<Table, ConfigErrors> {
        read(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn two_underscores_part_the_steps_and_one_in_a_name_is_a_hyphen() {
        let layer = layer(&[("BELFRY_TRUNKS__EU_1__CALLER_ID", "12")]).expect("a setting");
        let entry = &layer.table("trunks").table("eu-1").0["caller_id"];
        assert_eq!(entry.value, Value::Untyped("12".to_owned()));
        assert_eq!(entry.origin.to_string(), "environment variable BELFRY_TRUNKS__EU_1__CALLER_ID");
    }

    #[test]
    fn what_is_no_setting_of_ours_is_left_alone() {
        let layer = layer(&[
            ("PATH", "/bin"),
            ("BELFRY_CONFIG", "x"),
            ("BELFRY_SERVICE_HOST", "10.0.0.1"),
            ("BELFRY_SERVICE_PORT_HTTP", "8080"),
            ("BELFRY_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ]);
        assert_eq!(layer.expect("no setting"), Table::default());
    }

    #[test]
    fn a_misspelt_variable_is_refused_by_name() {
        for name in ["BELFRY_HTTP_LISTEN", "BELFRY_", "BELFRY___LISTEN", "BELFRY_HTTP__"] {
            let errors = layer(&[(name, "secret value")]).expect_err(name);
            assert!(errors.to_string().starts_with(&format!("environment variable {name}: ")));
            assert!(!errors.to_string().contains("secret value"));
        }
    }
}
