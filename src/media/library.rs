//! The prompt sets of all languages, and which of them a person gets.
//!
//! Lookup after RFC 4647 §3.4: `nl-BE` falls back to `nl`, then to the default. Left out: lists of
//! several wishes.

use super::PromptSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why sets do not make a library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// Two sets of one locale.
    #[error("two prompt sets are for the locale `{0}`; keep one of them")]
    Duplicate(String),
    /// The default is not among the sets.
    #[error("no prompt set is for the default locale `{wanted}`; there are: {present}")]
    NoDefault {
        /// The default locale asked for.
        wanted: String,
        /// The locales there are.
        present: String,
    },
}

/// The prompt sets by locale.
#[derive(Debug, Clone)]
pub struct PromptLibrary {
    /// By lower-case locale: language tags are alike in any case (RFC 5646 §2.1.1).
    sets: BTreeMap<String, Arc<PromptSet>>,
    default: Arc<PromptSet>,
}

impl PromptLibrary {
    /// A library that falls back to `default`.
    ///
    /// # Errors
    /// [`LibraryError`] if two sets share a locale or none is for the default.
    pub fn new(sets: Vec<PromptSet>, default: &str) -> Result<Self, LibraryError> {
        let mut by_locale = BTreeMap::new();
        for set in sets {
            let locale = set.locale().to_owned();
            if by_locale.insert(locale.to_ascii_lowercase(), Arc::new(set)).is_some() {
                return Err(LibraryError::Duplicate(locale));
            }
        }
        let Some(default) = by_locale.get(&default.to_ascii_lowercase()).cloned() else {
            let present: Vec<_> = by_locale.values().map(|set| set.locale()).collect();
            let (wanted, present) = (default.to_owned(), present.join(", "));
            return Err(LibraryError::NoDefault { wanted, present });
        };
        Ok(PromptLibrary { sets: by_locale, default })
    }

    /// The set for a wish such as `nl-BE`; its [`PromptSet::locale`] tells which it really is.
    pub fn lookup(&self, wish: &str) -> &Arc<PromptSet> {
        self.find(wish).unwrap_or(&self.default)
    }

    /// The set for a wish, if there is one without falling back to the default.
    pub fn find(&self, wish: &str) -> Option<&Arc<PromptSet>> {
        let mut range = wish.to_ascii_lowercase();
        loop {
            if let Some(set) = self.sets.get(&range) {
                return Some(set);
            }
            let cut = range.rfind('-')?;
            range.truncate(cut);
            // A single letter or digit announces what followed it, and goes with it.
            if range.len() >= 2 && range.as_bytes()[range.len() - 2] == b'-' {
                range.truncate(range.len() - 2);
            }
        }
    }

    /// The locales there are, sorted.
    pub fn locales(&self) -> impl Iterator<Item = &str> {
        self.sets.values().map(|set| set.locale())
    }
}
