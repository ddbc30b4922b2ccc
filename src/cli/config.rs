//! `belfry config check`.

use super::answer;
use super::args::ConfigFile;
use crate::config::{ConfigErrors, Loaded};
use anyhow::anyhow;

/// Shows what is in force.
pub(super) fn check(file: &ConfigFile) -> anyhow::Result<()> {
    let loaded = load(file)?;
    let source = match &file.config {
        Some(path) => format!("{} over the built-in default", path.display()),
        None => "the built-in default".to_owned(),
    };
    let head = format!(
        "# The configuration in force: {source}.\n\
         # A comment after a value tells where it was set.\n\n"
    );
    Ok(answer(&(head + &loaded.effective()))?)
}

/// Reads the configuration.
///
/// # Errors
/// A text for the terminal that lists everything that is wrong.
pub(super) fn load(file: &ConfigFile) -> anyhow::Result<Loaded> {
    file.load().map_err(|errors| anyhow!("{}", listed(&errors)))
}

fn listed(errors: &ConfigErrors) -> String {
    let count = match errors.count() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    format!("{count} in the configuration\n\n{errors}\n")
}
