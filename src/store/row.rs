//! From stored columns to types: what Belfry did not write is an error, never a guess.

use super::StoreError;
use crate::time::UnixMillis;
use std::str::FromStr;

/// Names the table and column a value comes from, for the error.
#[derive(Clone, Copy)]
pub(super) struct At(pub &'static str, pub &'static str);

impl At {
    pub(super) fn unreadable(self) -> StoreError {
        StoreError::Unreadable { table: self.0, column: self.1 }
    }

    /// Reads a word, an id or another text.
    pub(super) fn parse<T: FromStr>(self, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.unreadable())
    }

    /// Reads a number that is smaller in the program than in SQL.
    pub(super) fn number<T: TryFrom<i64>>(self, value: i64) -> Result<T, StoreError> {
        T::try_from(value).map_err(|_| self.unreadable())
    }

    /// Reads a number that may be absent.
    pub(super) fn number_or_none<T: TryFrom<i64>>(
        self,
        value: Option<i64>,
    ) -> Result<Option<T>, StoreError> {
        value.map(|value| self.number(value)).transpose()
    }
}

/// A count as SQL keeps it; one that does not fit is shown as the greatest that does.
pub(super) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A time that may be absent.
pub(super) fn time(value: Option<i64>) -> Option<UnixMillis> {
    value.map(UnixMillis)
}
