//! Which numbers may be called at all: everything is refused except what a service enables.
//!
//! Emergency numbers, short codes, premium, shared-cost and satellite numbers are refused whatever
//! the configuration says; other numbers only pass if their country is enabled (ISO 3166-1, so that
//! the islands of the North American plan, a common target of toll fraud, are each a country of
//! their own). Rules by prefix and an operator's own hosted ranges are left out.

use crate::number::{EXTENSION_DIGITS_MAX, Line, Number};
use crate::verify::words;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A phone to be called: a number, and behind a PBX an extension.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    /// The number that is dialled.
    pub number: Number,
    /// Digits for the PBX that answers there.
    pub extension: Option<Extension>,
}

impl Destination {
    /// `+3225805000` or `+3225805000;ext=204` (RFC 3966 §3). Only for sealing and indexing.
    pub(super) fn expose(&self) -> zeroize::Zeroizing<String> {
        let mut text = self.number.expose().to_owned();
        if let Some(extension) = &self.extension {
            text.push_str(";ext=");
            text.push_str(extension.expose());
        }
        zeroize::Zeroizing::new(text)
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extension = if self.extension.is_some() { " with extension" } else { "" };
        write!(f, "{}{extension}", self.number.masked())
    }
}

/// The digits of an extension: 1 to 10 decimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Extension(String);

/// Text that is not an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an extension is 1 to {EXTENSION_DIGITS_MAX} decimal digits")]
pub struct ParseExtensionError;

impl Extension {
    /// The digits. Only for the call itself and for sealed storage.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Extension {
    type Err = ParseExtensionError;
    fn from_str(text: &str) -> Result<Self, ParseExtensionError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (1..=EXTENSION_DIGITS_MAX).contains(&text.len()) {
            Ok(Extension(text.to_owned()))
        } else {
            Err(ParseExtensionError)
        }
    }
}

impl fmt::Debug for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extension")
    }
}

words! {
    /// Why a number may not be called: the `reason` of the API's `destination_not_allowed`.
    DenyReason, "reason of a refusal" {
        /// Police, ambulance, fire brigade, helplines: never.
        Emergency "emergency"
        /// A number that only means something inside one country or network: never.
        ShortCode "short_code"
        /// Premium rate: never.
        Premium "premium"
        /// Shared cost, where the called party earns or the caller pays more than usual: never.
        SharedCost "shared_cost"
        /// Satellite and other global networks (+870, +878, +881, +882, +883): never.
        Satellite "satellite"
        /// The country is not one the service enabled, or the number belongs to none.
        CountryNotEnabled "country_not_enabled"
    }
}

/// National emergency numbers and the European 116 helplines, as dialled.
const EMERGENCY: &[&str] = &[
    "000", "100", "101", "102", "103", "104", "105", "106", "107", "108", "110", "111", "112",
    "113", "114", "115", "117", "118", "119", "120", "122", "123", "144", "190", "191", "192",
    "193", "199", "911", "988", "991", "993", "995", "997", "998", "999",
];

/// Countries' codes of satellite and global networks (ITU-T E.164 list of assigned codes).
const SATELLITE: &[&str] = &["870", "878", "881", "882", "883"];

/// International premium rate (ITU-T E.169.2) and international shared cost (E.169.3).
const PREMIUM_INTERNATIONAL: &str = "979";
const SHARED_COST_INTERNATIONAL: &str = "808";

/// The fewest digits a subscriber's national number has anywhere that Belfry may call.
const SHORT_CODE_DIGITS_MAX: usize = 6;

/// Judges `text` as a person wrote it, when it is no valid E.164 number: emergency numbers and
/// short codes deserve to be named rather than called malformed.
///
/// A plus sign and a country code may stand before them; `country_code` names it when it is known.
pub fn deny_as_written(text: &str, country_code: Option<&str>) -> Option<DenyReason> {
    let international = text.trim_start().starts_with('+');
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // Country codes have one to three digits (ITU-T E.164 §6.1).
    let code_lengths = match country_code {
        _ if !international => 0..=0,
        Some(code) if digits.starts_with(code) => code.len()..=code.len(),
        _ => 0..=3,
    };
    if code_lengths.filter_map(|length| digits.get(length..)).any(is_emergency) {
        return Some(DenyReason::Emergency);
    }
    let short = (1..=SHORT_CODE_DIGITS_MAX).contains(&digits.len());
    (short && !international).then_some(DenyReason::ShortCode)
}

fn is_emergency(national: &str) -> bool {
    let helpline = national.len() == 6 && national.starts_with("116");
    EMERGENCY.contains(&national) || helpline
}

/// Judges a valid number against the countries a service enabled (ISO 3166-1 alpha-2).
pub fn deny(number: &Number, countries: &BTreeSet<String>) -> Option<DenyReason> {
    let code = number.country_code();
    if SATELLITE.contains(&code) {
        return Some(DenyReason::Satellite);
    }
    if code == PREMIUM_INTERNATIONAL {
        return Some(DenyReason::Premium);
    }
    if code == SHARED_COST_INTERNATIONAL {
        return Some(DenyReason::SharedCost);
    }
    if let Some(reason) = deny_as_written(number.expose(), Some(code)) {
        return Some(reason);
    }
    match number.line() {
        Line::Premium => return Some(DenyReason::Premium),
        Line::SharedCost => return Some(DenyReason::SharedCost),
        Line::Service => return Some(DenyReason::ShortCode),
        _ => {}
    }
    match number.region() {
        Some(region) if countries.contains(&region) => None,
        _ => Some(DenyReason::CountryNotEnabled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str, countries: &[&str]) -> Option<DenyReason> {
        let enabled = countries.iter().map(|code| (*code).to_owned()).collect();
        deny(&Number::parse(text, None).expect(text), &enabled)
    }

    #[test]
    fn only_enabled_countries_pass() {
        assert_eq!(judge("+3225805000", &["BE"]), None);
        assert_eq!(judge("+32470123467", &["BE", "NL"]), None);
        assert_eq!(judge("+3225805000", &[]), Some(DenyReason::CountryNotEnabled));
        assert_eq!(judge("+31201234567", &["BE"]), Some(DenyReason::CountryNotEnabled));
    }

    #[test]
    fn the_islands_of_the_north_american_plan_are_countries_of_their_own() {
        assert_eq!(judge("+12025550142", &["US"]), None);
        assert_eq!(judge("+18765230123", &["US", "CA"]), Some(DenyReason::CountryNotEnabled));
        assert_eq!(judge("+18765230123", &["JM"]), None);
    }

    #[test]
    fn costly_numbers_never_pass() {
        for (text, reason) in [
            ("+3290012345", DenyReason::Premium),
            ("+491805012345", DenyReason::SharedCost),
            ("+979123456789", DenyReason::Premium),
            ("+80812345678", DenyReason::SharedCost),
            ("+870773111632", DenyReason::Satellite),
            ("+881612345678", DenyReason::Satellite),
            ("+883510012345", DenyReason::Satellite),
        ] {
            assert_eq!(judge(text, &["BE", "DE", "US"]), Some(reason), "{text}");
        }
    }

    #[test]
    fn emergency_numbers_are_named_however_they_are_written() {
        for (text, country) in [
            ("112", None),
            ("+112", None),
            ("+32 112", Some("32")),
            ("+32112", None),
            ("+1-911", None),
            ("+352 112", None),
            ("911", Some("1")),
            ("+1 911", Some("1")),
            ("999", Some("44")),
            ("+32116000", Some("32")),
            ("116 123", None),
        ] {
            assert_eq!(deny_as_written(text, country), Some(DenyReason::Emergency), "{text}");
        }
    }

    #[test]
    fn short_codes_are_named_and_long_numbers_left_to_the_parser() {
        for text in ["1", "1234", "12345", "123456"] {
            assert_eq!(deny_as_written(text, Some("32")), Some(DenyReason::ShortCode), "{text}");
        }
        for text in ["", "1234567", "+3225805000", "02 580 50 00"] {
            assert_eq!(deny_as_written(text, Some("32")), None, "{text}");
        }
    }

    #[test]
    fn an_extension_is_one_to_ten_digits_and_is_not_printed() {
        for text in ["", "12345678901", "12a", "1 2", "١٢"] {
            assert_eq!(text.parse::<Extension>(), Err(ParseExtensionError), "{text}");
        }
        let number = Number::parse("+3225805000", None).expect("valid");
        let extension = Some("1234567890".parse().expect("ten digits"));
        let shown = format!("{:?}", Destination { number, extension });
        assert!(!shown.contains("1234567890") && !shown.contains("5805000"), "{shown}");
    }
}
