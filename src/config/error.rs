//! What is wrong with a configuration: every problem at once, each with its place.

use super::tree::Origin;
use std::fmt;

/// All that is wrong with a configuration. Its text has one line for each problem.
#[derive(Debug, thiserror::Error)]
pub struct ConfigErrors(pub(super) Vec<Problem>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Where it is.
    pub(super) origin: Origin,
    /// The whole key, dotted, if it is about one.
    pub(super) key: Option<String>,
    /// What was found and what would be right.
    pub(super) message: String,
}

impl ConfigErrors {
    /// How many problems there are; at least one.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: ", problem.origin)?;
            if let Some(key) = &problem.key {
                write!(f, "`{key}`: ")?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}
