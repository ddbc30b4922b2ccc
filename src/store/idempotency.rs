//! The table `idempotency_keys`: the answers to requests that may be sent again.
//!
//! A key is begun, with a lease, before its request is worked on, and completed with the answer in
//! the same transaction as the request's own changes: a gateway that dies between leaves either
//! both or neither, and the lease lets a repeated request take over.

use super::row::At;
use super::{StoreError, Tx, on};
use crate::time::UnixMillis;
use crate::verify::sealed::Sealed;

/// A request with an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotentRequest<'a> {
    /// The service that sends it.
    pub service: &'a str,
    /// The key it gave, 1 to 255 characters.
    pub key: &'a str,
    /// Its keyed fingerprint (`SecretKeys::request_fingerprint`): a plain hash would be searched.
    pub fingerprint: &'a str,
}

/// What is known of a request at its begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is ours to work on, under the lease.
    Fresh,
    /// Another copy of it is being worked on.
    InProgress,
    /// It was answered before.
    Replay {
        /// The HTTP status of the answer.
        status: u16,
        /// Its body, sealed since it may show a number.
        body: Sealed,
    },
    /// The key was used for another request.
    Mismatch,
}

impl Tx {
    /// Begins a request: at `now` it is ours until `lease_until`, and remembered until
    /// `expires_at`.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn begin_idempotent(
        &mut self,
        request: IdempotentRequest<'_>,
        now: UnixMillis,
        lease_until: UnixMillis,
        expires_at: UnixMillis,
    ) -> Result<Begun, StoreError> {
        const BEGIN: &str = "insert into idempotency_keys
                (service, key, fingerprint, lease_until, created_at, expires_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (service, key) do update set fingerprint = excluded.fingerprint,
                status = null, body = null, lease_until = excluded.lease_until,
                created_at = excluded.created_at, expires_at = excluded.expires_at
             where idempotency_keys.expires_at <= excluded.created_at
                or (idempotency_keys.status is null
                    and idempotency_keys.lease_until <= excluded.created_at
                    and idempotency_keys.fingerprint = excluded.fingerprint)";
        let begun = on!(self, db => sqlx::query(BEGIN)
            .bind(request.service)
            .bind(request.key)
            .bind(request.fingerprint)
            .bind(lease_until.0)
            .bind(now.0)
            .bind(expires_at.0)
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        if begun == 1 {
            return Ok(Begun::Fresh);
        }
        const READ: &str = "select fingerprint, status, body from idempotency_keys
             where service = $1 and key = $2";
        type Row = (String, Option<i64>, Option<String>);
        let (stored, status, body): Row = on!(self, db => sqlx::query_as(READ)
            .bind(request.service)
            .bind(request.key)
            .fetch_one(db)
            .await)?;
        match (status, body) {
            _ if stored != request.fingerprint => Ok(Begun::Mismatch),
            (Some(status), Some(body)) => {
                let status = At("idempotency_keys", "status").number(status)?;
                Ok(Begun::Replay { status, body: Sealed::from_stored(body) })
            }
            _ => Ok(Begun::InProgress),
        }
    }

    /// Keeps the answer to a request that was begun; `false` if its lease ran out and another copy
    /// has taken over or answered: then this transaction must not be committed.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn complete_idempotent(
        &mut self,
        request: IdempotentRequest<'_>,
        lease_until: UnixMillis,
        status: u16,
        body: &Sealed,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update idempotency_keys set status = $5, body = $6
             where service = $1 and key = $2 and fingerprint = $3 and lease_until = $4
             and status is null";
        let done = on!(self, db => sqlx::query(SQL)
            .bind(request.service)
            .bind(request.key)
            .bind(request.fingerprint)
            .bind(lease_until.0)
            .bind(i64::from(status))
            .bind(body.as_str())
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }

    /// Forgets a request that was begun and changed nothing, so that it may be repeated at once.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn forget_idempotent(
        &mut self,
        request: IdempotentRequest<'_>,
        lease_until: UnixMillis,
    ) -> Result<(), StoreError> {
        const SQL: &str = "delete from idempotency_keys
             where service = $1 and key = $2 and lease_until = $3 and status is null";
        on!(self, db => sqlx::query(SQL)
            .bind(request.service)
            .bind(request.key)
            .bind(lease_until.0)
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Deletes at most `limit` remembered requests whose time is over, and returns how many.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn sweep_idempotent(
        &mut self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "delete from idempotency_keys where (service, key) in (
                select service, key from idempotency_keys where expires_at <= $1
                order by expires_at, service, key limit $2)";
        Ok(on!(self, db => sqlx::query(SQL)
            .bind(now.0)
            .bind(i64::from(limit))
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?)
    }
}
