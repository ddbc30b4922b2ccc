//! Opening a database, and its transactions.
//!
//! SQLite: one connection writes, each transaction with `begin immediate`, so that it waits for its
//! turn at the start and never fails half-way because another came between; readers are apart and,
//! with the write-ahead log, neither block the writer nor are blocked by it.
//! `synchronous = full`: with `normal` a power cut may undo the last commits of a write-ahead log,
//! and an approved code could be approved again.

use super::StoreError;
use super::error::of_migration;
use crate::time::Duration;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Postgres, Sqlite, SqliteConnection, Transaction};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// Bytes of a page of SQLite; its default, named because the size limit is counted in it.
const PAGE_BYTES: u32 = 4096;

/// How a database is used.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// How long to wait for another process or for our own writers before giving up.
    pub busy_timeout: Duration,
    /// Connections that read (SQLite), or all connections (PostgreSQL).
    pub connections: u32,
    /// The most bytes the SQLite file may grow to; none for what the disk holds.
    pub size_max_bytes: Option<u64>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions { busy_timeout: Duration::from_secs(5), connections: 4, size_max_bytes: None }
    }
}

/// An open database of the current schema. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Store {
    pool: Arc<Pool>,
}

enum Pool {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// One transaction: everything in it happens at [`Tx::commit`], or, when it is dropped, nothing.
pub struct Tx {
    pub(super) inner: Inner,
}

pub(super) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Runs one expression on whichever database a transaction is of; `$db` is its connection.
macro_rules! on {
    ($tx:expr, $db:ident => $run:expr) => {
        match &mut $tx.inner {
            $crate::store::open::Inner::Sqlite(tx) => {
                let $db = &mut **tx;
                $run
            }
            $crate::store::open::Inner::Postgres(tx) => {
                let $db = &mut **tx;
                $run
            }
        }
    };
}
pub(super) use on;

impl Store {
    /// Opens the database at `url` (`sqlite:FILE`, `sqlite::memory:` or `postgres://…`) and brings
    /// its schema up to date; a SQLite file is created if there is none.
    ///
    /// # Errors
    /// Says what keeps it from being written; nothing was changed then.
    pub async fn open(url: &str, options: &StoreOptions) -> Result<Store, StoreError> {
        let pool = if url.starts_with("sqlite:") {
            open_sqlite(url, options).await?
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            open_postgres(url, options).await?
        } else {
            return Err(StoreError::BadUrl);
        };
        let store = Store { pool: Arc::new(pool) };
        // A read-only file is only noticed by writing to it.
        store.probe().await?;
        Ok(store)
    }

    /// Begins a transaction that may write. On SQLite it is the only one until it ends.
    ///
    /// # Errors
    /// The database takes no writes now; [`StoreError::Locked`] and [`StoreError::Busy`] may pass.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        let inner = match &*self.pool {
            Pool::Sqlite { writer, .. } => {
                Inner::Sqlite(writer.begin_with("begin immediate").await?)
            }
            Pool::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        };
        Ok(Tx { inner })
    }

    /// Begins a transaction that only reads, all of it as of one moment. Writing through it fails.
    ///
    /// # Errors
    /// The database cannot be read now.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let inner = match &*self.pool {
            Pool::Sqlite { readers, .. } => Inner::Sqlite(readers.begin().await?),
            Pool::Postgres(pool) => Inner::Postgres(
                pool.begin_with("begin isolation level repeatable read read only").await?,
            ),
        };
        Ok(Tx { inner })
    }

    /// Whether the database takes writes now, for the readiness probe. Leaves no trace.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.write_probe().await?;
        tx.rollback().await
    }

    /// Closes all connections after their transactions; SQLite folds its log into the file.
    pub async fn close(&self) {
        match &*self.pool {
            Pool::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &*self.pool {
            Pool::Sqlite { .. } => "Store(SQLite)",
            Pool::Postgres(_) => "Store(PostgreSQL)",
        })
    }
}

impl Tx {
    /// Makes everything of this transaction happen.
    ///
    /// # Errors
    /// Nothing of it happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Makes nothing of it happen, and says when that is done; dropping it does the same later.
    ///
    /// # Errors
    /// The connection broke; nothing happened either.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Sqlite(tx) => tx.rollback().await?,
            Inner::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    async fn write_probe(&mut self) -> Result<(), StoreError> {
        const SQL: &str = "insert into meta (key, value) values ('probe', '')
                           on conflict (key) do update set value = ''";
        on!(self, db => sqlx::query(SQL).execute(db).await.map(drop))?;
        Ok(())
    }
}

async fn open_sqlite(url: &str, options: &StoreOptions) -> Result<Pool, StoreError> {
    let base = SqliteConnectOptions::from_str(url)
        .map_err(|_| StoreError::BadUrl)?
        .busy_timeout(options.busy_timeout)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full);
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let create = !in_memory && !url.contains("mode=ro");
    // What is deleted or pseudonymised is overwritten, not only unlinked.
    let mut write =
        base.clone().page_size(PAGE_BYTES).pragma("secure_delete", "on").create_if_missing(create);
    if let Some(bytes) = options.size_max_bytes {
        let pages = bytes / u64::from(PAGE_BYTES);
        write = write.pragma("max_page_count", pages.max(1).to_string());
    }
    if !in_memory {
        write = write.journal_mode(SqliteJournalMode::Wal);
    }
    if create {
        create_private(write.get_filename());
    }
    let pool = || {
        SqlitePoolOptions::new()
            .acquire_timeout(options.busy_timeout.max(Duration::from_millis(100)))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .before_acquire(|connection, _| Box::pin(usable(connection)))
    };
    let writer = pool().max_connections(1).connect_with(write).await?;
    let mut tx = writer.begin_with("begin immediate").await?;
    migrate(&mut *tx).await?;
    tx.commit().await?;
    // A database in memory belongs to its one connection: readers take turns with the writer.
    let readers = if in_memory {
        writer.clone()
    } else {
        let read = base.pragma("query_only", "on");
        pool().max_connections(options.connections.max(1)).connect_lazy_with(read)
    };
    Ok(Pool::Sqlite { writer, readers })
}

/// Whether a connection may begin a transaction. An error such as a full disk makes SQLite roll
/// back by itself (sqlite.org/lang_transaction.html), which sqlx does not notice: such a connection
/// counts as being in a transaction for ever, and is replaced. The ping lets a pending rollback
/// finish first.
async fn usable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Creates the file so that only this user may read it; SQLite gives its log the same rights.
/// Whatever goes wrong is left for SQLite to find and name.
fn create_private(file: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(file));
}

async fn open_postgres(url: &str, options: &StoreOptions) -> Result<Pool, StoreError> {
    let connect = PgConnectOptions::from_str(url).map_err(|_| StoreError::BadUrl)?;
    let pool = PgPoolOptions::new()
        .max_connections(options.connections.max(1))
        .acquire_timeout(options.busy_timeout)
        .connect_with(connect)
        .await?;
    migrate(&mut *pool.acquire().await?).await?;
    Ok(Pool::Postgres(pool))
}

async fn migrate<C: sqlx::migrate::Migrate>(connection: &mut C) -> Result<(), StoreError> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let done = MIGRATIONS.run_direct(None, connection, false).await;
    done.map_err(|error| of_migration(error, known))
}
