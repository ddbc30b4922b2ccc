//! Why an act was refused or could not be carried out. The API maps each to its problem.

use crate::number::ParseNumberError;
use crate::store::StoreError;
use crate::time::Duration;
use crate::verify::destination::DenyReason;
use crate::verify::keys::UnknownKeyVersion;
use crate::verify::sealed::UnsealError;
use crate::verify::verification::{ParsePurposeError, Status};

/// An act could not be carried out, through no fault of the caller. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed number or answer.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// The key a code was kept under.
    #[error(transparent)]
    KeyVersion(#[from] UnknownKeyVersion),
    /// The service is not in the configuration, or not any more.
    #[error("the service `{0}` is not configured")]
    UnknownService(String),
    /// The number of a pending verification is gone.
    #[error("the number to call is gone")]
    NoNumber,
    /// Another copy of the request took over, because this one was slow.
    #[error("another copy of the request took over")]
    Superseded,
}

impl ActError {
    /// Whether the database keeps the gateway from working, rather than a fault of its own.
    pub fn is_database_unavailable(&self) -> bool {
        use StoreError::{Busy, CannotOpen, Full, Locked, ReadOnly, Unavailable};
        let ActError::Store(error) = self else { return false };
        matches!(error, Busy | CannotOpen | Full | Locked | ReadOnly | Unavailable(_))
    }
}

/// Why no verification was started and no call asked for.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Not a telephone number.
    #[error(transparent)]
    Number(ParseNumberError),
    /// Not an extension.
    #[error("this is not an extension")]
    Extension,
    /// An extension in the number and beside it.
    #[error("the extension is given twice")]
    TwoExtensions,
    /// Not a purpose.
    #[error(transparent)]
    Purpose(ParsePurposeError),
    /// No prompts for the locale.
    #[error("there are no prompts for this locale")]
    Locale,
    /// The number may not be called.
    #[error("this number may not be called: {}", .0.as_str())]
    Denied(DenyReason),
    /// A call to the number waits or is up.
    #[error("a call to this number waits or is up")]
    CallInProgress,
    /// The wait since the last call is not over.
    #[error("the wait since the last call is not over")]
    TooSoon {
        /// When it is.
        retry_after: Duration,
    },
    /// The pending verification expires before a call could read a code.
    #[error("the pending verification expires before a call could read a code")]
    TooLate {
        /// When it has expired.
        retry_after: Duration,
    },
    /// The pending verification has no call left.
    #[error("the pending verification has no call left")]
    MaxSends {
        /// When it has expired.
        retry_after: Duration,
    },
    /// It could not be carried out.
    #[error(transparent)]
    Act(#[from] ActError),
}

/// Why a check was not counted.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Not a string of digits.
    #[error("a code is digits")]
    NotACode,
    /// No such verification of this service.
    #[error("no such verification")]
    NotFound,
    /// It has ended.
    #[error("the verification is {}", .0.as_str())]
    NotPending(Status),
    /// It could not be carried out.
    #[error(transparent)]
    Act(#[from] ActError),
}

/// Why a verification was not canceled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// No such verification of this service.
    #[error("no such verification")]
    NotFound,
    /// It has ended otherwise.
    #[error("the verification is {}", .0.as_str())]
    NotPending(Status),
    /// It could not be carried out.
    #[error(transparent)]
    Act(#[from] ActError),
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No such verification of this service.
    #[error("no such verification")]
    NotFound,
    /// It could not be carried out.
    #[error(transparent)]
    Act(#[from] ActError),
}

macro_rules! from_store {
    ($($error:ident)*) => {
        $(impl From<StoreError> for $error {
            fn from(error: StoreError) -> Self {
                $error::Act(error.into())
            }
        })*
    };
}
from_store!(StartError CheckError CancelError ReadError);
