//! Lays the layers over one another and reads the result.

use super::error::{ConfigErrors, Problem};
use super::section::Section;
use super::tree::{Entry, Origin, Table, Value};
use super::types::Config;
use super::{agree, environment, read, show};
use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;

/// The lowest layer: every key, with its comment and default.
pub const BUILT_IN: &str = include_str!("../../config/belfry.toml");

/// Layers of settings, the lowest first.
#[derive(Debug)]
pub struct Layers {
    tree: Table,
    problems: Vec<Problem>,
}

/// A configuration, and where its values came from.
#[derive(Debug)]
pub struct Loaded {
    /// What the parts of the gateway are built from.
    pub config: Config,
    tree: Table,
}

impl Default for Layers {
    fn default() -> Self {
        Layers::new()
    }
}

impl Layers {
    /// The built-in default.
    pub fn new() -> Self {
        let mut layers = Layers { tree: Table::default(), problems: Vec::new() };
        layers.lay(Table::parse(None, BUILT_IN));
        layers
    }

    /// Lays TOML text on top; `name` is what its places are called by in errors.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.lay(Table::parse(Some(name), text));
        self
    }

    /// Lays a file on top.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => self.text(&name, &text),
            Err(error) => {
                let origin = Origin::WholeFile { name: Rc::from(name) };
                let message = format!("cannot read the configuration: {error}");
                self.problems.push(Problem { origin, key: None, message });
                self
            }
        }
    }

    /// Lays environment variables on top, as [`std::env::vars_os`] gives them.
    #[must_use]
    pub fn environment(
        mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        self.lay(environment::read(variables));
        self
    }

    /// Reads what the layers say together.
    ///
    /// # Errors
    /// Everything that is wrong. While a layer cannot be parsed, only that is told: the rest would
    /// mislead.
    pub fn read(self) -> Result<Loaded, ConfigErrors> {
        if !self.problems.is_empty() {
            return Err(ConfigErrors(self.problems));
        }
        let mut tree = self.tree;
        inherit(&mut tree, "trunk_defaults", "trunks");
        inherit(&mut tree, "service_defaults", "services");
        let problems = RefCell::new(Vec::new());
        let config = read::config(Section::root(&tree, &problems));
        let mut problems = problems.into_inner();
        if !problems.is_empty() {
            return Err(ConfigErrors(once_each(problems)));
        }
        let mut config = config.expect("what cannot be read has been noted as a problem");
        for (key, message) in agree::agree(&mut config) {
            let origin = tree.origin(&key);
            problems.push(Problem { origin, key: Some(key.join(".")), message });
        }
        if problems.is_empty() { Ok(Loaded { config, tree }) } else { Err(ConfigErrors(problems)) }
    }

    fn lay(&mut self, layer: Result<Table, ConfigErrors>) {
        match layer {
            Ok(layer) => self.tree.overlay(layer),
            Err(ConfigErrors(problems)) => self.problems.extend(problems),
        }
    }
}

impl Loaded {
    /// The whole configuration in force as TOML, with passwords hidden and, on each line that is
    /// not a built-in default, where it was set.
    pub fn effective(&self) -> String {
        show::effective(&self.tree)
    }
}

/// Puts the table `defaults` under each table in `section`.
fn inherit(tree: &mut Table, defaults: &str, section: &str) {
    let defaults = tree.table(defaults);
    let Some(Entry { value: Value::Table(section), .. }) = tree.0.get_mut(section) else { return };
    for entry in section.0.values_mut() {
        if let Value::Table(own) = &mut entry.value {
            let own = std::mem::replace(own, defaults.clone());
            if let Value::Table(table) = &mut entry.value {
                table.overlay(own);
            }
        }
    }
}

/// Drops what inherited defaults say again for each trunk or service.
fn once_each(problems: Vec<Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = Vec::new();
    for problem in problems {
        let said = |other: &Problem| {
            let located = matches!(problem.origin, Origin::File { .. });
            located && other.origin == problem.origin && other.message == problem.message
        };
        if !kept.iter().any(said) {
            kept.push(problem);
        }
    }
    kept
}
