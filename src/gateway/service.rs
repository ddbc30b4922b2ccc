//! A service as the gateway needs it: its policy, its language, its trunks, the course of its
//! calls.

use crate::call::ScriptPolicy;
use crate::verify::policy::ServicePolicy;

/// An application that asks for verifications.
#[derive(Debug, Clone)]
pub struct Service {
    /// What it may do.
    pub policy: ServicePolicy,
    /// The locale of its calls when a request names none (BCP 47).
    pub locale: String,
    /// The locales there are prompts for.
    pub locales: Vec<String>,
    /// The country national numbers are read in (ISO 3166-1 alpha-2), if any.
    pub default_region: Option<String>,
    /// The names of its trunks in the order they are tried; at least one.
    pub trunks: Vec<String>,
    /// How its answered calls run.
    pub script: ScriptPolicy,
}

impl Service {
    /// The locale of the prompts for `wanted`: itself, or with subtags taken off its end until a
    /// set fits (RFC 4647 §3.4, without its default: a caller asked for something we do not have).
    pub fn locale_for(&self, wanted: &str) -> Option<String> {
        let mut range = wanted;
        loop {
            if let Some(found) = self.locales.iter().find(|tag| tag.eq_ignore_ascii_case(range)) {
                return Some(found.clone());
            }
            range = range.rsplit_once('-')?.0;
            // A single letter or digit introduces what follows it, and goes with it.
            if let Some((shorter, single)) = range.rsplit_once('-')
                && single.len() == 1
            {
                range = shorter;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::policy::PolicySettings;

    #[test]
    fn a_locale_is_looked_up_by_dropping_subtags() {
        let service = Service {
            policy: ServicePolicy::new(PolicySettings::default()).expect("defaults"),
            locale: "en".to_owned(),
            locales: ["en", "nl", "nl-BE"].map(str::to_owned).to_vec(),
            default_region: None,
            trunks: vec!["main".to_owned()],
            script: ScriptPolicy::default(),
        };
        for (wanted, found) in [
            ("en", Some("en")),
            ("EN-gb", Some("en")),
            ("nl-be", Some("nl-BE")),
            ("nl-NL", Some("nl")),
            ("nl-BE-x-home", Some("nl-BE")),
            ("fr-BE", None),
            ("", None),
            ("e", None),
        ] {
            assert_eq!(service.locale_for(wanted).as_deref(), found, "{wanted}");
        }
    }
}
