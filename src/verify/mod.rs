//! The rules of a one-time code, pure: no clock, no randomness, no SQL, and no idea that a call
//! exists.
//!
//! `policy` bounds what a service may configure, `destination` decides which numbers may be called,
//! `limits` when a further call or a check is allowed, and `next` what follows an attempt that
//! ended. `keys`, `code`, `sealed` and `answer` are what keeps a stolen database useless: codes are
//! keyed MACs, numbers and remembered answers are sealed, under a key that is not in the database.

pub mod answer;
pub mod attempt;
pub mod code;
pub mod destination;
pub mod event;
pub mod keys;
pub mod limits;
pub mod next;
pub mod policy;
pub mod sealed;
pub mod verification;

/// Text that is none of the words of a stored enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known {kind}")]
pub struct UnknownWord {
    /// Which enumeration was read.
    pub kind: &'static str,
}

/// An enumeration with one stored word for each value: the word of the API and of SQL.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal {
        $($(#[$vdoc:meta])* $value:ident $word:literal)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $value,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[$name] = &[$($name::$value,)*];

            /// The stored word, also used in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$value => $word,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::verify::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok($name::$value),)*
                    _ => Err($crate::verify::UnknownWord { kind: $kind }),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;
