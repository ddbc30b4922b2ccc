//! The table `api_keys`: who may call the API. Of a key only its SHA-256 is kept; it has enough
//! random bits that nothing slower is needed.

use super::row::At;
use super::{StoreError, Tx, on};
use crate::id::KeyId;
use crate::time::UnixMillis;
use crate::verify::words;
use std::collections::BTreeSet;

words! {
    /// Whether a key places real calls.
    KeyKind, "kind of key" {
        /// Real calls.
        Live "live"
        /// Test numbers only.
        Test "test"
    }
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name.
    pub id: KeyId,
    /// The service it belongs to.
    pub service: String,
    /// Whether it places real calls.
    pub kind: KeyKind,
    /// What it may do, such as `verifications:write`; no scope holds a space.
    pub scopes: BTreeSet<String>,
    /// When it was made.
    pub created_at: UnixMillis,
}

impl Tx {
    /// Keeps a new key, found by `secret_sha256` from now on.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn insert_api_key(
        &mut self,
        key: &ApiKey,
        secret_sha256: &[u8; 32],
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into api_keys (id, service, kind, secret_sha256, scopes, created_at)
             values ($1, $2, $3, $4, $5, $6)";
        let scopes = key.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        on!(self, db => sqlx::query(SQL)
            .bind(key.id.to_string())
            .bind(&key.service)
            .bind(key.kind.as_str())
            .bind(hex::encode(secret_sha256))
            .bind(&scopes)
            .bind(key.created_at.0)
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The key with that hash, unless it was revoked.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn api_key(
        &mut self,
        secret_sha256: &[u8; 32],
    ) -> Result<Option<ApiKey>, StoreError> {
        const SQL: &str = "select id, service, kind, scopes, created_at from api_keys
             where secret_sha256 = $1 and revoked_at is null";
        let row: Option<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(hex::encode(secret_sha256)).fetch_optional(db).await)?;
        row.map(Row::read).transpose()
    }

    /// Revokes a key from now on; `false` if there is none such in force.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn revoke_api_key(&mut self, id: KeyId, now: UnixMillis) -> Result<bool, StoreError> {
        const SQL: &str =
            "update api_keys set revoked_at = $2 where id = $1 and revoked_at is null";
        let done = on!(self, db => sqlx::query(SQL)
            .bind(id.to_string())
            .bind(now.0)
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    service: String,
    kind: String,
    scopes: String,
    created_at: i64,
}

impl Row {
    fn read(self) -> Result<ApiKey, StoreError> {
        Ok(ApiKey {
            id: At("api_keys", "id").parse(&self.id)?,
            service: self.service,
            kind: At("api_keys", "kind").parse(&self.kind)?,
            scopes: self.scopes.split_whitespace().map(str::to_owned).collect(),
            created_at: UnixMillis(self.created_at),
        })
    }
}
