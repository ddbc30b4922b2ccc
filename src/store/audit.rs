//! The table `audit`: who did what to what. Rows are only ever added; no statement changes one.

use super::row::At;
use super::{StoreError, Tx, on};
use crate::id::AuditId;
use crate::time::UnixMillis;

/// One act, as the audit keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its name.
    pub id: AuditId,
    /// The service it concerns, if it concerns one.
    pub service: Option<String>,
    /// Who acted: a key id, `gateway` or `operator`.
    pub actor: String,
    /// What was done, such as `verification.cancel`.
    pub action: String,
    /// The id of what it was done to.
    pub subject: String,
    /// Before and after as JSON: never a code, a secret or a full number.
    pub detail: String,
    /// When.
    pub created_at: UnixMillis,
}

impl Tx {
    /// Adds an entry.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it, and what it would have told of must not happen.
    pub async fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        const SQL: &str = "insert into audit
                (id, service, actor, action, subject, detail, created_at)
             values ($1, $2, $3, $4, $5, $6, $7)";
        on!(self, db => sqlx::query(SQL)
            .bind(entry.id.to_string())
            .bind(&entry.service)
            .bind(&entry.actor)
            .bind(&entry.action)
            .bind(&entry.subject)
            .bind(&entry.detail)
            .bind(entry.created_at.0)
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// What was done to `subject`, the first act first.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn audit_of(&mut self, subject: &str) -> Result<Vec<AuditEntry>, StoreError> {
        const SQL: &str = "select id, service, actor, action, subject, detail, created_at
             from audit where subject = $1 order by created_at, id";
        let rows: Vec<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(subject).fetch_all(db).await)?;
        rows.into_iter().map(Row::read).collect()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    service: Option<String>,
    actor: String,
    action: String,
    subject: String,
    detail: String,
    created_at: i64,
}

impl Row {
    fn read(self) -> Result<AuditEntry, StoreError> {
        Ok(AuditEntry {
            id: At("audit", "id").parse(&self.id)?,
            service: self.service,
            actor: self.actor,
            action: self.action,
            subject: self.subject,
            detail: self.detail,
            created_at: UnixMillis(self.created_at),
        })
    }
}
