//! What keeps a SQLite file from being used, each with an error of its own and nothing half done.

use super::world::{NOW, SERVICE, World, file_url};
use belfry::store::{Store, StoreError, StoreOptions};
use belfry::time::Duration;
use belfry::verify::verification::Status;
use sqlx::Connection;
use std::fs;

fn impatient() -> StoreOptions {
    StoreOptions { busy_timeout: Duration::ZERO, ..StoreOptions::default() }
}

async fn refusal(url: &str) -> StoreError {
    Store::open(url, &impatient()).await.expect_err("it must not open")
}

/// Runs a statement of another program on the file.
async fn tamper(url: &str, sql: &'static str) {
    let mut other = sqlx::SqliteConnection::connect(url).await.expect("opens");
    sqlx::raw_sql(sql).execute(&mut other).await.expect(sql);
    other.close().await.expect("closes");
}

#[tokio::test]
async fn a_locked_database_says_so_and_works_again_afterwards() {
    let mut world = World::on_sqlite().await;
    let id = world.pending("+3225805000").await.id;
    let mut other = sqlx::SqliteConnection::connect(&world.url).await.expect("opens");
    sqlx::raw_sql("begin immediate").execute(&mut other).await.expect("locks");
    let store = {
        world.store.close().await;
        let refused = refusal(&world.url).await;
        assert!(matches!(refused, StoreError::Locked), "{refused}");
        sqlx::raw_sql("commit").execute(&mut other).await.expect("unlocks");
        Store::open(&world.url, &impatient()).await.expect("opens")
    };
    sqlx::raw_sql("begin immediate").execute(&mut other).await.expect("locks");
    let refused = store.write().await.err().expect("it is locked");
    assert!(matches!(refused, StoreError::Locked), "{refused}");
    let refused = store.probe().await.expect_err("not ready");
    assert!(matches!(refused, StoreError::Locked), "{refused}");
    let mut read = store.read().await.expect("a read needs no lock");
    assert!(read.any_verification(id).await.expect("read").is_some());
    sqlx::raw_sql("commit").execute(&mut other).await.expect("unlocks");
    store.probe().await.expect("ready again");
}

#[tokio::test]
async fn a_writer_that_waits_too_long_is_told_to_come_back() {
    let world = World::on_sqlite().await;
    let store = Store::open(&world.url, &impatient()).await.expect("opens");
    let first = store.write().await.expect("the first writer");
    let refused = store.write().await.err().expect("one at a time");
    assert!(matches!(refused, StoreError::Busy), "{refused}");
    drop(first);
    store.write().await.expect("its turn");
}

#[tokio::test]
async fn a_read_only_database_says_so() {
    let world = World::on_sqlite().await;
    world.store.close().await;
    let refused = refusal(&format!("{}?mode=ro", world.url)).await;
    assert!(matches!(refused, StoreError::ReadOnly), "{refused}");
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = refusal(&format!("sqlite:{}/no/such/folder.db", folder.path().display())).await;
    assert!(matches!(refused, StoreError::CannotOpen), "{refused}");
    let refused = refusal(&format!("sqlite:{}", folder.path().display())).await;
    assert!(matches!(refused, StoreError::CannotOpen), "{refused}");
    let missing = refusal(&format!("{}?mode=ro", file_url(&folder))).await;
    assert!(matches!(missing, StoreError::CannotOpen), "{missing}");
    for url in ["", "belfry.db", "mysql://localhost/belfry"] {
        assert!(matches!(refusal(url).await, StoreError::BadUrl), "{url}");
    }
}

#[tokio::test]
async fn a_full_database_refuses_the_write_and_keeps_the_rest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = file_url(&folder);
    let full = StoreOptions { size_max_bytes: Some(16 * 4096), ..impatient() };
    let refused = Store::open(&url, &full).await.expect_err("too small for the schema");
    assert!(matches!(refused, StoreError::Full), "{refused}");
    let mut world = World::on_sqlite().await;
    world.store.close().await;
    let small = StoreOptions { size_max_bytes: Some(64 * 4096), ..impatient() };
    world.store = Store::open(&world.url, &small).await.expect("room for some rows");
    let mut kept = Vec::new();
    let refused = loop {
        let mut new = world.new_verification("+3225805000");
        new.verification.purpose = format!("purpose_{}", kept.len()).parse().expect("purpose");
        let attempt = world.new_attempt(new.verification.id);
        let mut tx = world.store.write().await.expect("a write");
        let done = async {
            assert!(tx.insert_verification(&new).await?);
            assert!(tx.insert_attempt(&attempt).await?.is_some());
            tx.commit().await
        };
        match done.await {
            Ok(()) => kept.push(new.verification.id),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full), "{refused}");
    assert!(kept.len() > 20, "{}", kept.len());
    let mut tx = world.store.write().await.expect("what needs no room still works");
    let ended = tx.end_verification(kept[0], Status::Canceled, NOW).await;
    assert!(ended.expect("ended"));
    tx.commit().await.expect("committed");
    world.store.close().await;
    world.store = Store::open(&world.url, &StoreOptions::default()).await.expect("more room");
    let mut tx = world.store.write().await.expect("a write");
    let listed = tx.list_verifications(SERVICE, None, 10_000).await.expect("listed");
    assert_eq!(listed.verifications.len(), kept.len(), "no verification without its attempt");
    for &id in &kept {
        assert_eq!(tx.attempts(id).await.expect("read").len(), 1);
    }
    let again = Store::open(&url, &StoreOptions::default()).await.expect("nothing half done");
    again.probe().await.expect("it takes writes");
}

#[tokio::test]
async fn a_file_that_is_no_database_or_damaged_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("belfry.db");
    let text = "This is a letter and no database. ".repeat(500);
    fs::write(&path, &text).expect("written");
    let refused = refusal(&file_url(&folder)).await;
    assert!(matches!(refused, StoreError::Corrupt), "{refused}");
    assert_eq!(fs::read_to_string(&path).expect("read"), text, "it is left alone");

    let world = World::on_sqlite().await;
    world.store.close().await;
    let path = world.folder.as_ref().expect("a file").path().join("belfry.db");
    let mut bytes = fs::read(&path).expect("read");
    bytes[100..].fill(0xa5);
    fs::write(&path, &bytes).expect("written");
    let refused = refusal(&world.url).await;
    assert!(matches!(refused, StoreError::Corrupt), "{refused}");
}

#[tokio::test]
async fn a_newer_or_foreign_schema_is_refused_by_number() {
    let world = World::on_sqlite().await;
    tamper(
        &world.url,
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (4711, 'from the future', true, x'00', 0)",
    )
    .await;
    let refused = refusal(&world.url).await;
    let expected =
        matches!(refused, StoreError::NewerSchema { found: 4711, known } if known < 4711);
    assert!(expected, "{refused}");
    tamper(
        &world.url,
        "delete from _sqlx_migrations where version = 4711;
         update _sqlx_migrations set checksum = x'00' where version = 1",
    )
    .await;
    let refused = refusal(&world.url).await;
    assert!(matches!(refused, StoreError::ForeignSchema { version: 1 }), "{refused}");
}

#[tokio::test]
async fn a_row_changed_by_hand_is_named_and_not_guessed_at() {
    let mut world = World::on_sqlite().await;
    let id = world.pending("+3225805000").await.id;
    tamper(&world.url, "update verifications set purpose = 'Not A Purpose'").await;
    let mut tx = world.store.read().await.expect("a read");
    let refused = tx.any_verification(id).await.expect_err("unreadable");
    let expected = StoreError::Unreadable { table: "verifications", column: "purpose" };
    assert_eq!(refused.to_string(), expected.to_string());
}

#[tokio::test]
async fn the_file_holds_no_number_and_no_code_and_is_private() {
    let mut world = World::on_sqlite().await;
    world.pending_with_code("+3225805037", "8402917365").await;
    world.store.close().await;
    let path = world.folder.as_ref().expect("a file").path().join("belfry.db");
    let bytes = fs::read(&path).expect("read");
    for clear in ["25805037", "8402917365"] {
        let found = bytes.windows(clear.len()).any(|window| window == clear.as_bytes());
        assert!(!found, "{clear} lies in the file in clear");
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(&path).expect("read").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_gateway_that_dies_in_a_transaction_loses_that_transaction_only() {
    let mut world = World::on_sqlite().await;
    let kept = world.pending("+3225805000").await.id;
    let lost = world.new_verification("+3225805001");
    let mut tx = world.store.write().await.expect("a write");
    assert!(tx.insert_verification(&lost).await.expect("inserted"));
    assert!(tx.end_verification(kept, Status::Canceled, NOW).await.expect("ended"));
    // What lies on the disk at this moment is what a restart would find.
    let (from, to) = (world.folder.as_ref().expect("a file"), tempfile::tempdir().expect("folder"));
    for file in ["belfry.db", "belfry.db-wal"] {
        fs::copy(from.path().join(file), to.path().join(file)).expect("copied");
    }
    let store = Store::open(&file_url(&to), &StoreOptions::default()).await.expect("recovers");
    let mut read = store.read().await.expect("a read");
    let found = read.any_verification(kept).await.expect("read").expect("it was committed");
    assert_eq!(found.status, Status::Pending);
    assert_eq!(read.any_verification(lost.verification.id).await.expect("read"), None);
}

#[tokio::test]
async fn a_database_in_memory_works_like_a_file() {
    let store = Store::open("sqlite::memory:", &StoreOptions::default()).await.expect("opens");
    store.probe().await.expect("it takes writes");
    assert!(!store.knows_secret_keys().await.expect("asked"));
    let other = Store::open("sqlite::memory:", &StoreOptions::default()).await.expect("opens");
    other.probe().await.expect("a database of its own");
}
