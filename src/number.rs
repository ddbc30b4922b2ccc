//! Telephone numbers: E.164 text in, a typed, maskable [`Number`] out.
//!
//! Numbering plans come from the metadata of `rlibphonenumber`; this file is the only one that
//! names it. Which numbers may be called is a rule and lives in `verify`.

use rlibphonenumber::{ParseError, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region};
use std::fmt;

/// The most digits an extension may have.
pub const EXTENSION_DIGITS_MAX: usize = 10;

/// A valid telephone number in E.164 form (ITU-T E.164: `+`, country code, at most 15 digits).
///
/// `Debug` and `Display` show it masked; [`Number::expose`] gives the digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    e164: String,
    country_code_len: usize,
    area_code_len: usize,
}

/// What kind of line a number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// A geographic line.
    Landline,
    /// A mobile subscription.
    Mobile,
    /// The numbering plan does not tell (as in North America).
    LandlineOrMobile,
    /// VoIP, personal or company-wide numbers.
    Other,
    /// Premium rate.
    Premium,
    /// Shared cost.
    SharedCost,
    /// Free of charge for the caller.
    TollFree,
    /// Pagers and voicemail access.
    Service,
}

/// Why text is not a number that could be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseNumberError {
    /// National form without a region to read it in.
    #[error("the number must be in international form: `+`, country code, number")]
    NotInternational,
    /// Not a number of any numbering plan.
    #[error("this is not a valid telephone number of its country")]
    Invalid,
    /// The region is not an ISO 3166-1 alpha-2 code.
    #[error("the region must be a two-letter country code such as `BE`")]
    UnknownRegion,
}

impl Number {
    /// Reads a number in international form, or in national form of `region` (ISO 3166-1 alpha-2).
    ///
    /// Spaces, dots, hyphens and parentheses are ignored, as people write them.
    ///
    /// # Errors
    /// Says what is wrong; never repeats the text.
    pub fn parse(text: &str, region: Option<&str>) -> Result<Self, ParseNumberError> {
        let text = text.trim();
        let region = match region {
            Some(code) => {
                Some(Region::try_from(code).map_err(|_| ParseNumberError::UnknownRegion)?)
            }
            None => None,
        };
        if region.is_none() && !text.starts_with('+') {
            return Err(ParseNumberError::NotInternational);
        }
        let written = |c: char| c.is_ascii_digit() || "+ .-()/".contains(c);
        if text.len() > 40 || !text.chars().all(written) {
            return Err(ParseNumberError::Invalid);
        }
        let parsed = PhoneNumber::parse(text, region).map_err(|error| match error {
            ParseError::InvalidCountryCode if !text.starts_with('+') => {
                ParseNumberError::UnknownRegion
            }
            _ => ParseNumberError::Invalid,
        })?;
        if !parsed.is_valid() {
            return Err(ParseNumberError::Invalid);
        }
        Ok(Self::of(&parsed))
    }

    fn of(parsed: &PhoneNumber) -> Self {
        let area = parsed.get_length_of_geographical_area_code();
        Number {
            e164: parsed.format_as(PhoneNumberFormat::E164).into_owned(),
            country_code_len: parsed.country_code.to_string().len(),
            area_code_len: area,
        }
    }

    /// The full number, `+` first. Only for the call itself and for sealed storage.
    pub fn expose(&self) -> &str {
        &self.e164
    }

    /// The country calling code, digits only: `32` for Belgium, `1` for North America.
    pub fn country_code(&self) -> &str {
        &self.e164[1..=self.country_code_len]
    }

    /// The country as ISO 3166-1 alpha-2, or `None` for numbers that belong to none.
    pub fn region(&self) -> Option<String> {
        self.parsed().get_region_code().map(|region| region.to_string())
    }

    /// What kind of line it is.
    pub fn line(&self) -> Line {
        match self.parsed().get_type() {
            PhoneNumberType::FixedLine => Line::Landline,
            PhoneNumberType::Mobile => Line::Mobile,
            PhoneNumberType::FixedLineOrMobile => Line::LandlineOrMobile,
            PhoneNumberType::TollFree => Line::TollFree,
            PhoneNumberType::PremiumRate => Line::Premium,
            PhoneNumberType::SharedCost => Line::SharedCost,
            PhoneNumberType::Pager | PhoneNumberType::VoiceMail => Line::Service,
            _ => Line::Other,
        }
    }

    /// The number as it may be shown: country code, area code or first digit, and the last two.
    pub fn masked(&self) -> String {
        let (country, national) = self.e164[1..].split_at(self.country_code_len);
        let shown_head = self.area_code_len.clamp(1, 3).min(national.len().saturating_sub(4));
        let (head, rest) = national.split_at(shown_head);
        let hidden = rest.len().saturating_sub(2);
        let mut text = format!("+{country} {head} ");
        for index in 0..hidden {
            text.push('•');
            if (hidden - index - 1).is_multiple_of(2) {
                text.push(' ');
            }
        }
        text.push_str(&rest[hidden..]);
        text
    }

    fn parsed(&self) -> PhoneNumber {
        PhoneNumber::parse(&self.e164, None).expect("a Number was parsed before it was built")
    }
}

/// Whether `code` is the ISO 3166-1 alpha-2 code of a country that has a numbering plan.
pub fn is_region(code: &str) -> bool {
    Number::parse("00", Some(code)) != Err(ParseNumberError::UnknownRegion)
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Line {
    /// The word used in the API and in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Line::Landline => "landline",
            Line::Mobile => "mobile",
            Line::LandlineOrMobile => "landline_or_mobile",
            Line::Other => "other",
            Line::Premium => "premium",
            Line::SharedCost => "shared_cost",
            Line::TollFree => "toll_free",
            Line::Service => "service",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text, None).expect(text)
    }

    #[test]
    fn people_write_numbers_in_many_ways() {
        for text in ["+32 2 580 50 00", "+32-2-580.50.00", " +3225805000 ", "+32 (0)2 580 50 00"] {
            assert_eq!(number(text).expose(), "+3225805000", "{text}");
        }
        let national = Number::parse("02 580 50 00", Some("BE")).expect("national with a region");
        assert_eq!(national.expose(), "+3225805000");
    }

    #[test]
    fn masking_leaves_country_area_and_two_digits() {
        assert_eq!(number("+3225805000").masked(), "+32 2 • •• •• 00");
        assert_eq!(number("+32470123467").masked(), "+32 4 •• •• •• 67");
        let shown = format!("{:?} {0}", number("+442079460123"));
        assert!(!shown.contains("7946"), "{shown}");
    }

    #[test]
    fn the_line_and_country_are_known() {
        assert_eq!(number("+3225805000").line(), Line::Landline);
        assert_eq!(number("+32470123467").line(), Line::Mobile);
        assert_eq!(number("+3290012345").line(), Line::Premium);
        assert_eq!(number("+3225805000").region().as_deref(), Some("BE"));
        assert_eq!(number("+12025550142").country_code(), "1");
    }

    #[test]
    fn what_is_not_a_number_is_refused_without_repeating_it() {
        let refused = |text, region| Number::parse(text, region).expect_err(text);
        assert_eq!(refused("025805000", None), ParseNumberError::NotInternational);
        assert_eq!(refused("025805000", Some("XX")), ParseNumberError::UnknownRegion);
        for text in [
            "+",
            "",
            "+32",
            "+99912345",
            "+322580500012345678",
            "+32 2 580 50 00 \u{0}",
            "+1800FLOWERS",
        ] {
            let error = Number::parse(text, None).expect_err(text);
            assert!(!error.to_string().contains("322580"));
        }
    }
}
