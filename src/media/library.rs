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

#[cfg(test)]
mod tests {
    use super::super::prompt::tests::synthetic_set;
    use super::*;

    fn library() -> PromptLibrary {
        let sets = ["en", "nl", "pt-BR", "zh-Hant"].map(synthetic_set).into();
        PromptLibrary::new(sets, "en").expect("the default is there")
    }

    #[test]
    fn a_wish_falls_back_to_the_language_and_then_to_the_default() {
        let library = library();
        let found = [
            ("nl", "nl"),
            ("nl-BE", "nl"),
            ("NL-be", "nl"),
            ("pt-br", "pt-BR"),
            ("zh-Hant-CN-x-private1-private2", "zh-Hant"), // the example of RFC 4647 §3.4
            ("pt", "en"),                                  // never to a narrower set
            ("fr-FR", "en"),
            ("nld", "en"),
            ("", "en"),
            ("-", "en"),
            ("x-nl", "en"),
        ];
        for (wish, locale) in found {
            assert_eq!(library.lookup(wish).locale(), locale, "{wish}");
        }
    }

    #[test]
    fn a_wish_without_a_set_is_told_from_one_for_the_default() {
        let library = library();
        assert!(library.find("fr").is_none());
        assert_eq!(library.find("en-GB").map(|set| set.locale()), Some("en"));
        assert_eq!(library.locales().collect::<Vec<_>>(), ["en", "nl", "pt-BR", "zh-Hant"]);
    }

    #[test]
    fn a_library_without_its_default_or_with_two_of_a_kind_is_refused() {
        let error = PromptLibrary::new(vec![synthetic_set("nl")], "en").expect_err("no default");
        let text = "no prompt set is for the default locale `en`; there are: nl";
        assert_eq!(error.to_string(), text);
        let twice = vec![synthetic_set("en"), synthetic_set("EN")];
        let error = PromptLibrary::new(twice, "en").expect_err("two of a kind");
        assert_eq!(error, LibraryError::Duplicate("EN".to_owned()));
    }
}
