//! What can go wrong with the database, one variant for each thing an operator or caller can do.

use sqlx::migrate::MigrateError;
use std::borrow::Cow;

/// Why the database did not do what was asked. Nothing of the transaction was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is neither `sqlite:` nor `postgres:`.
    #[error("the database address must begin with sqlite: or postgres:, as in sqlite:belfry.db")]
    BadUrl,
    /// The file cannot be opened or created.
    #[error(
        "the database file cannot be opened: check that its folder exists and that this user may \
         write there"
    )]
    CannotOpen,
    /// Another process holds the write lock, or keeps undoing our work.
    #[error(
        "the database is locked by another process: close the tool or the second gateway that \
         holds it; the request can be repeated"
    )]
    Locked,
    /// More writers wait than the database serves in time.
    #[error("the database is too busy: too many requests wait for it; repeat later")]
    Busy,
    /// The file, its folder or the server refuses writes.
    #[error(
        "the database is read-only: give this user the right to write the file and its folder, \
         and mount the volume for writing"
    )]
    ReadOnly,
    /// The disk or the configured size is used up.
    #[error("the database is full: free space on its volume, or raise its configured size")]
    Full,
    /// The file is damaged, or no database at all.
    #[error(
        "the database file is damaged or not a database: restore the last backup, or name \
         another file"
    )]
    Corrupt,
    /// A later Belfry has written it.
    #[error(
        "the database has schema {found}, this Belfry knows up to {known}: run the newer Belfry \
         that made it, or restore a backup from before"
    )]
    NewerSchema {
        /// The database's schema.
        found: i64,
        /// The latest this program knows.
        known: i64,
    },
    /// A schema of that number, but not ours.
    #[error(
        "schema {version} of the database is not Belfry's: it was changed by hand or by another \
         program"
    )]
    ForeignSchema {
        /// The schema that differs.
        version: i64,
    },
    /// The server cannot be reached or refuses us.
    #[error("the database server is not reachable or refuses the login: check address and account")]
    Unavailable(#[source] sqlx::Error),
    /// The key file is not the one this database was used with.
    #[error(
        "version {version} of the secret key is not the one this database was used with: restore \
         that key file; with another key no code can be checked and no number read"
    )]
    WrongKey {
        /// The version that differs.
        version: u32,
    },
    /// A key that this database was used with is gone.
    #[error("version {version} of the secret key is missing from the key file: put it back")]
    MissingKey {
        /// The version that is gone.
        version: u32,
    },
    /// A row that this program cannot have written.
    #[error("{table}.{column} holds a value that Belfry does not write: it was changed by hand")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// Anything else: a defect of Belfry or of the system under it.
    #[error("the database failed in a way Belfry does not know")]
    Other(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::PoolTimedOut => return StoreError::Busy,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed => {
                return StoreError::Unavailable(error);
            }
            sqlx::Error::Database(database) => database.code().map(Cow::into_owned),
            _ => None,
        };
        let code = code.unwrap_or_default();
        match code.parse::<u32>() {
            // SQLite gives short numbers, PostgreSQL five characters.
            Ok(number) if code.len() < 5 => of_sqlite(number, error),
            _ => of_postgres(&code, error),
        }
    }
}

/// SQLite's result codes; the low byte is the primary one (sqlite.org/rescode.html).
fn of_sqlite(code: u32, error: sqlx::Error) -> StoreError {
    match code & 0xff {
        5 | 6 => StoreError::Locked,
        8 => StoreError::ReadOnly,
        11 | 26 => StoreError::Corrupt,
        13 => StoreError::Full,
        14 => StoreError::CannotOpen,
        _ => StoreError::Other(error),
    }
}

/// PostgreSQL's SQLSTATE classes and codes (PostgreSQL documentation, appendix A).
fn of_postgres(code: &str, error: sqlx::Error) -> StoreError {
    match code {
        "25006" => StoreError::ReadOnly,
        "40001" | "40P01" | "55P03" => StoreError::Locked,
        "53100" => StoreError::Full,
        "53300" => StoreError::Busy,
        "3D000" | "57P01" | "57P02" | "57P03" => StoreError::Unavailable(error),
        _ if code.starts_with("08") || code.starts_with("28") => StoreError::Unavailable(error),
        _ => StoreError::Other(error),
    }
}

/// Says what a migration that did not run means. `known` is the latest schema of this program.
pub(super) fn of_migration(error: MigrateError, known: i64) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        MigrateError::VersionMissing(found) if found > known => {
            StoreError::NewerSchema { found, known }
        }
        MigrateError::VersionMissing(version)
        | MigrateError::VersionMismatch(version)
        | MigrateError::Dirty(version) => StoreError::ForeignSchema { version },
        other => StoreError::Other(sqlx::Error::Migrate(Box::new(other))),
    }
}
