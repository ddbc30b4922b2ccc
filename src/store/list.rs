//! Verifications of a service, page by page, newest first.

use super::verifications::{Row, columns};
use super::{StoreError, Tx, on};
use crate::id::VerificationId;
use crate::time::UnixMillis;
use crate::verify::verification::Verification;
use std::fmt;
use std::str::FromStr;

/// A place in a list, newest first: what follows comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When the last one listed was created.
    pub created_at: UnixMillis,
    /// Its id.
    pub id: VerificationId,
}

/// Text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor that a list gave")]
pub struct ParseCursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at.0, self.id)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;
    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let (time, id) = text.split_once('.').ok_or(ParseCursorError)?;
        let created_at = UnixMillis(time.parse().map_err(|_| ParseCursorError)?);
        Ok(Cursor { created_at, id: id.parse().map_err(|_| ParseCursorError)? })
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub verifications: Vec<Verification>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

impl Tx {
    /// A page of at most `limit` verifications of a service, newest first, from after `after`.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn list_verifications(
        &mut self,
        service: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        const SQL: &str = concat!(
            "select ",
            columns!(),
            " from verifications where service = $1
              and (created_at < $2 or (created_at = $2 and id < $3))
              order by created_at desc, id desc limit $4"
        );
        let (time, id) = match after {
            Some(cursor) => (cursor.created_at.0, cursor.id.to_string()),
            None => (i64::MAX, String::new()),
        };
        let rows: Vec<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(service)
            .bind(time)
            .bind(&id)
            .bind(i64::from(limit) + 1)
            .fetch_all(db)
            .await)?;
        let mut verifications =
            rows.into_iter().map(Row::read).collect::<Result<Vec<_>, StoreError>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = verifications.len() > limit;
        verifications.truncate(limit);
        let next = verifications
            .last()
            .filter(|_| more)
            .map(|last| Cursor { created_at: last.created_at, id: last.id });
        Ok(Page { verifications, next })
    }
}
