//! Show verifications and their calls to the service they belong to.

use super::error::{ActError, ReadError};
use super::{AttemptView, Caller, Gateway, VerificationView, view};
use crate::id::VerificationId;
use crate::store::Cursor;
use crate::time::UnixMillis;

/// Which part of the list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many at most.
    pub limit: u32,
    /// Where the page before it ended.
    pub after: Option<Cursor>,
}

/// One part of the list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationPage {
    /// What is in it.
    pub verifications: Vec<VerificationView>,
    /// Where the next part begins, if there is one.
    pub next: Option<Cursor>,
}

impl Gateway {
    /// One verification.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] also for another service's.
    pub async fn read(
        &self,
        now: UnixMillis,
        caller: &Caller,
        id: VerificationId,
    ) -> Result<VerificationView, ReadError> {
        let mut tx = self.0.store.read().await?;
        self.view(&mut tx, now, caller, id).await?.ok_or(ReadError::NotFound)
    }

    /// The caller's verifications, newest first.
    ///
    /// # Errors
    /// [`ActError`]: nothing can be shown now.
    pub async fn list(
        &self,
        now: UnixMillis,
        caller: &Caller,
        page: PageRequest,
    ) -> Result<VerificationPage, ActError> {
        let mut tx = self.0.store.read().await?;
        let found = tx.list_verifications(&caller.service, page.after, page.limit).await?;
        let mut verifications = Vec::with_capacity(found.verifications.len());
        for verification in found.verifications {
            let last = tx.last_attempt(verification.id).await?;
            let keys = &self.0.keys;
            verifications.push(view::verification(keys, caller, now, verification, last.as_ref())?);
        }
        Ok(VerificationPage { verifications, next: found.next })
    }

    /// The calls of one verification, the first one first.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] also for another service's.
    pub async fn attempts(
        &self,
        caller: &Caller,
        id: VerificationId,
    ) -> Result<Vec<AttemptView>, ReadError> {
        let mut tx = self.0.store.read().await?;
        let found = tx.verification(&caller.service, id).await?;
        found.ok_or(ReadError::NotFound)?;
        Ok(tx.attempts(id).await?.into_iter().map(view::attempt).collect())
    }
}
