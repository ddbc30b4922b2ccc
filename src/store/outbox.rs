//! The table `outbox`: what happened, one row each, written in the transaction that made it happen.

use super::row::At;
use super::{StoreError, Tx, on};
use crate::id::{AttemptId, EventId, VerificationId};
use crate::time::UnixMillis;
use crate::verify::event::EventKind;

/// Something that happened, to be told to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub id: EventId,
    /// The service it concerns.
    pub service: String,
    /// The verification it concerns.
    pub verification: VerificationId,
    /// The attempt it concerns, if it is about one.
    pub attempt: Option<AttemptId>,
    /// What happened.
    pub kind: EventKind,
    /// Details as JSON: never a code, key pressed or full number.
    pub data: String,
    /// When it happened.
    pub created_at: UnixMillis,
}

impl Tx {
    /// Puts an event into the outbox.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn insert_event(&mut self, event: &Event) -> Result<(), StoreError> {
        const SQL: &str = "insert into outbox
                (id, service, verification, attempt, kind, data, created_at)
             values ($1, $2, $3, $4, $5, $6, $7)";
        on!(self, db => sqlx::query(SQL)
            .bind(event.id.to_string())
            .bind(&event.service)
            .bind(event.verification.to_string())
            .bind(event.attempt.map(|id| id.to_string()))
            .bind(event.kind.as_str())
            .bind(&event.data)
            .bind(event.created_at.0)
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The events of a verification, the first one first.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn events(&mut self, verification: VerificationId) -> Result<Vec<Event>, StoreError> {
        const SQL: &str = "select id, service, verification, attempt, kind, data, created_at
             from outbox where verification = $1 order by created_at, id";
        let rows: Vec<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(verification.to_string()).fetch_all(db).await)?;
        rows.into_iter().map(Row::read).collect()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    service: String,
    verification: String,
    attempt: Option<String>,
    kind: String,
    data: String,
    created_at: i64,
}

impl Row {
    fn read(self) -> Result<Event, StoreError> {
        let at = |column| At("outbox", column);
        Ok(Event {
            id: at("id").parse(&self.id)?,
            service: self.service,
            verification: at("verification").parse(&self.verification)?,
            attempt: self.attempt.map(|id| at("attempt").parse(&id)).transpose()?,
            kind: at("kind").parse(&self.kind)?,
            data: self.data,
            created_at: UnixMillis(self.created_at),
        })
    }
}
