//! What a service may set for its verifications, inside bounds that no configuration can leave.
//!
//! [`ServicePolicy::new`] is the only way to one, so that the rest of the program need not look
//! twice.

use crate::time::Duration;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Digits of a code of ours (NIST SP 800-63B-4 §3.1.3.2: at least six).
pub const CODE_LENGTH: RangeInclusive<u64> = 6..=10;
/// Seconds a verification is valid (NIST SP 800-63B-4 §3.1.3.2: at most ten minutes).
pub const TTL_S: RangeInclusive<u64> = 60..=600;
/// Checks of one verification.
pub const CHECKS_MAX: RangeInclusive<u64> = 1..=5;
/// Calls of one verification.
pub const SENDS_MAX: RangeInclusive<u64> = 1..=5;
/// Seconds between the end of a call and the next that may be asked for.
pub const RESEND_AFTER_S: RangeInclusive<u64> = 5..=3600;
/// Digits of the human check; 0 turns it off.
pub const HUMAN_CHECK_DIGITS: RangeInclusive<u64> = 0..=2;
/// Readings of the code in one call.
pub const READINGS: RangeInclusive<u64> = 1..=5;
/// Seconds a phone may ring.
pub const RING_TIMEOUT_S: RangeInclusive<u64> = 10..=60;

/// The settings of a service as they were written, not yet judged. The default is Belfry's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySettings {
    /// Digits of a code.
    pub code_length: u8,
    /// How long a verification is valid.
    pub ttl: Duration,
    /// Checks of one verification.
    pub checks_max: u8,
    /// Calls of one verification.
    pub sends_max: u8,
    /// The wait after the first call, the second and so on; the last one repeats.
    pub resend_after: Vec<Duration>,
    /// Digits of the human check; 0 turns it off.
    pub human_check_digits: u8,
    /// Readings of the code in one call.
    pub readings: u8,
    /// How long a phone may ring.
    pub ring_timeout: Duration,
    /// Countries that may be called, ISO 3166-1 alpha-2.
    pub countries: BTreeSet<String>,
}

impl Default for PolicySettings {
    fn default() -> Self {
        PolicySettings {
            code_length: 6,
            ttl: Duration::from_secs(300),
            checks_max: 5,
            sends_max: 5,
            resend_after: [30, 60, 120, 300].map(Duration::from_secs).to_vec(),
            human_check_digits: 1,
            readings: 3,
            ring_timeout: Duration::from_secs(25),
            countries: BTreeSet::new(),
        }
    }
}

/// Why settings are refused: which one, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A number outside its bounds.
    #[error("{key} is {value}, but must be from {least} to {most}")]
    OutOfBounds {
        /// The setting.
        key: &'static str,
        /// What it was.
        value: u64,
        /// The least allowed.
        least: u64,
        /// The most allowed.
        most: u64,
    },
    /// A time with a part below one second.
    #[error("{key} must be whole seconds")]
    NotWholeSeconds {
        /// The setting.
        key: &'static str,
    },
    /// No wait at all, or a later one that is shorter.
    #[error("resend_after must name at least one wait, each no shorter than the one before")]
    WaitsShrink,
    /// Not a country code.
    #[error("countries must hold two-letter codes in capitals, such as \"BE\"; one is not")]
    NotACountry,
}

/// The settings of a service, each inside its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePolicy(PolicySettings);

impl ServicePolicy {
    /// Judges `settings`.
    ///
    /// # Errors
    /// The first setting that is out of bounds; the gateway must not start with it.
    pub fn new(settings: PolicySettings) -> Result<Self, PolicyError> {
        within("code_length", settings.code_length.into(), CODE_LENGTH)?;
        within("ttl", whole_seconds("ttl", settings.ttl)?, TTL_S)?;
        within("checks_max", settings.checks_max.into(), CHECKS_MAX)?;
        within("sends_max", settings.sends_max.into(), SENDS_MAX)?;
        for wait in &settings.resend_after {
            within("resend_after", whole_seconds("resend_after", *wait)?, RESEND_AFTER_S)?;
        }
        if settings.resend_after.is_empty() || !settings.resend_after.is_sorted() {
            return Err(PolicyError::WaitsShrink);
        }
        within("human_check_digits", settings.human_check_digits.into(), HUMAN_CHECK_DIGITS)?;
        within("readings", settings.readings.into(), READINGS)?;
        let ring = whole_seconds("ring_timeout", settings.ring_timeout)?;
        within("ring_timeout", ring, RING_TIMEOUT_S)?;
        let country = |code: &String| {
            code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase())
        };
        if !settings.countries.iter().all(country) {
            return Err(PolicyError::NotACountry);
        }
        Ok(ServicePolicy(settings))
    }

    /// Digits of a code.
    pub fn code_length(&self) -> u8 {
        self.0.code_length
    }

    /// How long a verification is valid.
    pub fn ttl(&self) -> Duration {
        self.0.ttl
    }

    /// Checks of one verification.
    pub fn checks_max(&self) -> u32 {
        self.0.checks_max.into()
    }

    /// Calls of one verification.
    pub fn sends_max(&self) -> u32 {
        self.0.sends_max.into()
    }

    /// How long to wait after the end of call number `sends_used` (from 1) before the next may be
    /// asked for.
    pub fn resend_wait(&self, sends_used: u32) -> Duration {
        let waits = &self.0.resend_after;
        let index = usize::try_from(sends_used.saturating_sub(1)).unwrap_or(usize::MAX);
        waits[index.min(waits.len() - 1)]
    }

    /// Digits of the human check; 0 if it is off.
    pub fn human_check_digits(&self) -> u8 {
        self.0.human_check_digits
    }

    /// Readings of the code in one call.
    pub fn readings(&self) -> u8 {
        self.0.readings
    }

    /// How long a phone may ring.
    pub fn ring_timeout(&self) -> Duration {
        self.0.ring_timeout
    }

    /// Countries that may be called, ISO 3166-1 alpha-2.
    pub fn countries(&self) -> &BTreeSet<String> {
        &self.0.countries
    }
}

fn within(key: &'static str, value: u64, bounds: RangeInclusive<u64>) -> Result<(), PolicyError> {
    if bounds.contains(&value) {
        return Ok(());
    }
    Err(PolicyError::OutOfBounds { key, value, least: *bounds.start(), most: *bounds.end() })
}

fn whole_seconds(key: &'static str, time: Duration) -> Result<u64, PolicyError> {
    match time.subsec_nanos() {
        0 => Ok(time.as_secs()),
        _ => Err(PolicyError::NotWholeSeconds { key }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(change: impl FnOnce(&mut PolicySettings)) -> Result<ServicePolicy, PolicyError> {
        let mut settings = PolicySettings::default();
        change(&mut settings);
        ServicePolicy::new(settings)
    }

    fn seconds(list: &[u64]) -> Vec<Duration> {
        list.iter().copied().map(Duration::from_secs).collect()
    }

    #[test]
    fn the_defaults_are_inside_their_own_bounds() {
        let policy = judge(|_| {}).expect("defaults");
        assert_eq!((policy.code_length(), policy.checks_max(), policy.sends_max()), (6, 5, 5));
        assert_eq!(policy.ttl(), Duration::from_secs(300));
        assert!(policy.countries().is_empty(), "no country is enabled unasked");
    }

    #[test]
    fn each_bound_holds_below_at_and_above() {
        type Set = fn(&mut PolicySettings, u64);
        let cases: [(&str, RangeInclusive<u64>, Set); 7] = [
            ("code_length", CODE_LENGTH, |s, v| s.code_length = v as u8),
            ("ttl", TTL_S, |s, v| s.ttl = Duration::from_secs(v)),
            ("checks_max", CHECKS_MAX, |s, v| s.checks_max = v as u8),
            ("sends_max", SENDS_MAX, |s, v| s.sends_max = v as u8),
            ("human_check_digits", HUMAN_CHECK_DIGITS, |s, v| s.human_check_digits = v as u8),
            ("readings", READINGS, |s, v| s.readings = v as u8),
            ("ring_timeout", RING_TIMEOUT_S, |s, v| s.ring_timeout = Duration::from_secs(v)),
        ];
        for (name, bounds, set) in cases {
            let (least, most) = (*bounds.start(), *bounds.end());
            for value in [least, most] {
                assert!(judge(|settings| set(settings, value)).is_ok(), "{name} {value}");
            }
            for value in least.checked_sub(1).into_iter().chain([most + 1]) {
                let refused = PolicyError::OutOfBounds { key: name, value, least, most };
                assert_eq!(judge(|settings| set(settings, value)), Err(refused));
            }
        }
    }

    #[test]
    fn waits_are_bounded_and_never_shrink() {
        for good in [&[5][..], &[3600], &[30, 30, 60]] {
            assert!(judge(|s| s.resend_after = seconds(good)).is_ok(), "{good:?}");
        }
        assert!(judge(|s| s.resend_after = seconds(&[4])).is_err());
        assert!(judge(|s| s.resend_after = seconds(&[3601])).is_err());
        for bad in [&[][..], &[60, 30]] {
            let refused = Err(PolicyError::WaitsShrink);
            assert_eq!(judge(|s| s.resend_after = seconds(bad)), refused, "{bad:?}");
        }
        let fraction = judge(|s| s.ttl = Duration::from_millis(60_500));
        assert_eq!(fraction, Err(PolicyError::NotWholeSeconds { key: "ttl" }));
    }

    #[test]
    fn the_wait_grows_with_each_call_and_the_last_one_repeats() {
        let policy = judge(|_| {}).expect("defaults");
        let waits: Vec<u64> = (1..=6).map(|used| policy.resend_wait(used).as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 300, 300, 300]);
    }

    #[test]
    fn a_country_is_two_capitals() {
        let with = |code: &str| judge(|s| s.countries = BTreeSet::from([code.to_owned()]));
        assert!(with("BE").is_ok());
        for code in ["be", "BEL", "", "B1", "32"] {
            assert_eq!(with(code), Err(PolicyError::NotACountry), "{code}");
        }
    }
}
