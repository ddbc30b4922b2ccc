//! The only SQL: [`Store`] opens a database, [`Tx`] is one transaction on it, one file per table.
//!
//! One statement text runs on SQLite and PostgreSQL. Ids, times and states are made outside and
//! bound; nothing here reads a clock or draws. What the tables promise (one pending verification
//! per phone, one call up at a time, a code consumed once, no MAC left at the end) is said by the
//! schema, so that no interleaving can break it; the statements here then tell who came first.

mod api_keys;
mod attempts;
mod audit;
mod error;
mod idempotency;
mod list;
mod open;
mod outbox;
mod row;
mod secret_keys;
mod verifications;

pub use api_keys::{ApiKey, KeyKind};
pub use attempts::NewAttempt;
pub use audit::AuditEntry;
pub use error::StoreError;
pub use idempotency::{Begun, IdempotentRequest};
pub use list::{Cursor, Page, ParseCursorError};
pub use open::{Store, StoreOptions, Tx};
pub use outbox::Event;
pub use verifications::NewVerification;

use open::on;
