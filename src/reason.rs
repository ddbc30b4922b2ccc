//! Why an attempt ended: one stored word each, shared by the call that ends and the rules that
//! follow.
//!
//! The words and what they lead to are a public contract: panels branch on them. They stay for
//! ever.

use std::fmt;
use std::str::FromStr;

/// Text that is not a known reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reason an attempt can end for")]
pub struct ParseReasonError;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $word:literal $sentence:literal)*) => {
        /// How an attempt ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &[Reason] = &[$(Reason::$name,)*];

            /// The stored word, also used in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $word,)* }
            }

            /// What a panel may tell the person, in English.
            pub const fn sentence(self) -> &'static str {
                match self { $(Reason::$name => $sentence,)* }
            }
        }

        impl FromStr for Reason {
            type Err = ParseReasonError;
            fn from_str(word: &str) -> Result<Self, ParseReasonError> {
                match word { $($word => Ok(Reason::$name),)* _ => Err(ParseReasonError) }
            }
        }
    };
}

reasons! {
    /// At least one full reading was played and the call ended as planned.
    Completed "completed" "The code was read out."
    /// The far end hung up after at least one full reading.
    HungUp "hung_up" "You hung up after the code was read out."
    /// The far end hung up before a full reading.
    HungUpEarly "hung_up_early" "You hung up before the end."
    /// 486, 600; Q.850 17.
    Busy "busy" "The line is busy."
    /// Our ring timeout, or 480; Q.850 18, 19.
    NoAnswer "no_answer" "Nobody answered."
    /// 480 or 408 from the far end; Q.850 20, 27.
    Unreachable "unreachable" "The phone is off or out of reach."
    /// 603; Q.850 21.
    Declined "declined" "The call was rejected."
    /// 607 (RFC 8197), 608 (RFC 8688).
    BlockedAsUnwanted "blocked_as_unwanted" "Your operator blocked the call as spam."
    /// 404, 484, 485, 604; Q.850 1, 2, 3, 28.
    InvalidNumber "invalid_number" "This number does not exist."
    /// 410, 301; Q.850 22, 23.
    NumberChanged "number_changed" "This number has changed."
    /// Any other 3xx: redirections are never followed.
    RedirectRefused "redirect_refused" "The number forwards elsewhere."
    /// The call was forwarded and policy does not allow that.
    Forwarded "forwarded" "Your phone forwards calls."
    /// 403; Q.850 52, 54, 55, 57.
    DestinationBarred "destination_barred" "Calls to this number are not possible."
    /// 428, 433, 436, 437, 438.
    CallerIdRejected "caller_id_rejected" "The call failed for a technical reason."
    /// 401 or 407 although credentials were given, or none are configured.
    TrunkAuthFailed "trunk_auth_failed" "The call failed for a technical reason."
    /// 488, 606, 415; Q.850 58, 65, 79, 88; an answer we cannot use.
    MediaIncompatible "media_incompatible" "The call failed for a technical reason."
    /// 5xx, a transport error, no answer at all; Q.850 34, 38, 41, 42, 44, 47, 102, 127.
    TrunkUnavailable "trunk_unavailable" "The call failed for a technical reason."
    /// 482, 483; Q.850 25.
    RoutingLoop "routing_loop" "The call failed for a technical reason."
    /// Canceled through the API, or because the gateway stops.
    Canceled "canceled" "The call was canceled."
    /// Answered, and no key came.
    NoHuman "no_human" "We heard no key. Was it voicemail?"
    /// Answered, and a key came too early or was wrong.
    MachineSuspected "machine_suspected" "We could not confirm that a person answered."
    /// The person pressed the report key.
    FraudReported "fraud_reported" "You reported this call."
    /// Answered, but no audio and no key ever came back.
    OneWayAudio "one_way_audio" "We could not hear your phone."
    /// The gateway died or lost the call while it was up.
    Interrupted "interrupted" "The call failed for a technical reason."
    /// The verification expired before the call could be placed.
    Expired "expired" "There was no time left to call."
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back_from_its_word() {
        for &reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert_eq!("".parse::<Reason>(), Err(ParseReasonError));
    }
}
