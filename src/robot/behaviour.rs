//! What the phone does when it is called, as a script; and the magic numbers that choose one.

use crate::time::Duration;

/// The script of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers, presses the key it hears asked for, listens until the gateway hangs up.
    Human,
    /// As [`Behaviour::Human`], after the network said that the call is being forwarded (181).
    Forwarded,
    /// Answers, talks, beeps, presses nothing, never hangs up.
    Voicemail,
    /// Presses another key than the one it hears asked for.
    WrongKey,
    /// Its greeting contains a key: pressed before any was asked for.
    EarlyKey,
    /// Presses the key that reports an unwanted call (star), once it hears a key asked for.
    ReportKey,
    /// As [`Behaviour::Human`], but hangs up once it heard this many digits of the code.
    HangUpAtDigit(usize),
    /// Answers and says nothing at all: not one RTP packet.
    NoRtp,
    /// Rings until the caller gives up.
    NoAnswer,
    /// Engaged: 486.
    Busy,
    /// Refuses with this status, 300–699.
    Status(u16),
    /// Never sends anything back.
    Silent,
}

impl Behaviour {
    /// The script that a called number stands for.
    ///
    /// `+99900000001` to `…008` are the scripts; `+999000000` and a SIP status from 300 to 699
    /// refuses with that status. The country code 999 is unassigned, so that none of them can
    /// reach a real phone. Any other number is a [`Behaviour::Human`].
    pub fn of_number(number: &str) -> Self {
        let digits = number.trim_start_matches('+');
        let Some(rest) = digits.strip_prefix("99900000") else { return Behaviour::Human };
        match rest {
            "002" => Behaviour::Voicemail,
            "003" => Behaviour::WrongKey,
            "004" => Behaviour::HangUpAtDigit(3),
            "005" => Behaviour::Forwarded,
            "006" => Behaviour::EarlyKey,
            "007" => Behaviour::ReportKey,
            "008" => Behaviour::NoRtp,
            "0486" => Behaviour::Busy,
            _ => match rest.strip_prefix('0').map(str::parse) {
                Some(Ok(status @ 300..=699)) if rest.len() == 4 => Behaviour::Status(status),
                _ => Behaviour::Human,
            },
        }
    }

    /// What the network answers instead of the phone ringing, with its reason phrase.
    pub(super) fn refusal(self) -> Option<(u16, &'static str)> {
        let status = match self {
            Behaviour::Busy => 486,
            Behaviour::Status(status) => status,
            _ => return None,
        };
        let reason = match status {
            301 => "Moved Permanently",
            302 => "Moved Temporarily",
            403 => "Forbidden",
            404 => "Not Found",
            410 => "Gone",
            480 => "Temporarily Unavailable",
            484 => "Address Incomplete",
            486 => "Busy Here",
            488 => "Not Acceptable Here",
            500 => "Server Internal Error",
            503 => "Service Unavailable",
            600 => "Busy Everywhere",
            603 => "Decline",
            604 => "Does Not Exist Anywhere",
            607 => "Unwanted",
            608 => "Rejected",
            _ => "Refused",
        };
        Some((status, reason))
    }
}

/// How the phone asks callers for a password before it does anything else.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// The status it asks with: 401 or 407.
    pub status: u16,
    /// The user name that is right.
    pub username: String,
    /// The password that is right.
    pub password: crate::secret::Redacted<String>,
}

/// Time from the answer to the key that an [`Behaviour::EarlyKey`] greeting contains.
pub(super) const EARLY_KEY_AFTER: Duration = Duration::from_millis(300);
/// Time a person needs from understanding to pressing.
pub(super) const REACTION: Duration = Duration::from_millis(400);
/// How long a voicemail greeting talks before it beeps.
pub(super) const GREETING: Duration = Duration::from_secs(4);
/// How long the beep is.
pub(super) const BEEP: Duration = Duration::from_millis(800);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_numbers_choose_the_script() {
        for (number, behaviour) in [
            ("+99900000001", Behaviour::Human),
            ("+99900000002", Behaviour::Voicemail),
            ("99900000004", Behaviour::HangUpAtDigit(3)),
            ("+99900000008", Behaviour::NoRtp),
            ("+999000000486", Behaviour::Busy),
            ("+999000000603", Behaviour::Status(603)),
            ("+999000000299", Behaviour::Human),
            ("+999000000700", Behaviour::Human),
            ("+32470000000", Behaviour::Human),
        ] {
            assert_eq!(Behaviour::of_number(number), behaviour, "{number}");
        }
    }
}
