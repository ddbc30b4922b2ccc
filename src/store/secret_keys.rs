//! In the table `meta`: for each version of the secret key a value that tells whether it is the
//! same.

use super::row::At;
use super::{Store, StoreError, on};
use crate::verify::keys::SecretKeys;

const PREFIX: &str = "key_check.";

impl Store {
    /// Whether this database has been used with a secret key before, so that none may be made anew.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn knows_secret_keys(&self) -> Result<bool, StoreError> {
        const SQL: &str = "select count(*) from meta where key like 'key_check.%'";
        let mut tx = self.read().await?;
        let known: i64 = on!(tx, db => sqlx::query_scalar(SQL).fetch_one(db).await)?;
        Ok(known > 0)
    }

    /// Makes sure that `keys` are those this database was used with, and remembers new versions.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] or [`StoreError::MissingKey`]: the gateway must not start with
    /// them.
    pub async fn bind_secret_keys(&self, keys: &SecretKeys) -> Result<(), StoreError> {
        const READ: &str = "select key, value from meta where key like 'key_check.%' order by key";
        const ADD: &str = "insert into meta (key, value) values ($1, $2)";
        let mut values = keys.check_values();
        let mut tx = self.write().await?;
        let known: Vec<(String, String)> = on!(tx, db => sqlx::query_as(READ).fetch_all(db).await)?;
        for (key, value) in known {
            let version = key.strip_prefix(PREFIX).unwrap_or_default();
            let version = At("meta", "key").parse(version)?;
            match values.remove(&version) {
                Some(ours) if ours == value => {}
                Some(_) => return Err(StoreError::WrongKey { version }),
                None => return Err(StoreError::MissingKey { version }),
            }
        }
        for (version, value) in values {
            let key = format!("{PREFIX}{version}");
            on!(tx, db => sqlx::query(ADD).bind(&key).bind(&value).execute(db).await.map(drop))?;
        }
        tx.commit().await
    }
}
