//! All of a transaction or nothing of it.

use super::world::{NOW, World, at};
use belfry::store::{Store, StoreOptions};
use belfry::verify::verification::Status;

conformance! {
    a_dropped_transaction_leaves_nothing
    a_read_sees_one_moment_and_writes_nothing
    what_was_committed_is_there_after_the_database_was_opened_again
    the_probe_leaves_no_trace
}

async fn a_dropped_transaction_leaves_nothing(mut world: World) {
    let new = world.new_verification("+3225805000");
    let attempt = world.new_attempt(new.verification.id);
    let mut tx = world.store.write().await.expect("a write");
    assert!(tx.insert_verification(&new).await.expect("inserted"));
    assert!(tx.insert_attempt(&attempt).await.expect("queued").is_some());
    drop(tx);
    let mut tx = world.store.write().await.expect("the next write");
    assert_eq!(tx.any_verification(new.verification.id).await.expect("read"), None);
    assert!(tx.insert_verification(&new).await.expect("inserted"));
    tx.rollback().await.expect("rolled back");
    let mut tx = world.store.read().await.expect("a read");
    assert_eq!(tx.any_verification(new.verification.id).await.expect("read"), None);
}

async fn a_read_sees_one_moment_and_writes_nothing(mut world: World) {
    let id = world.pending("+3225805000").await.id;
    let mut read = world.store.read().await.expect("a read");
    let before = read.any_verification(id).await.expect("read").expect("it is there");
    let mut tx = world.store.write().await.expect("readers do not hold up the writer");
    assert!(tx.end_verification(id, Status::Canceled, at(1)).await.expect("ended"));
    tx.commit().await.expect("committed");
    let still = read.any_verification(id).await.expect("read").expect("it is there");
    assert_eq!(still, before);
    let refused = read.end_verification(id, Status::Expired, NOW).await;
    assert!(refused.is_err(), "a read writes nothing");
    assert_eq!(world.read(id).await.status, Status::Canceled);
}

async fn what_was_committed_is_there_after_the_database_was_opened_again(mut world: World) {
    let verification = world.pending_with_code("+3225805000", "123456").await;
    let mut open = world.store.write().await.expect("a write");
    let ended = open.end_verification(verification.id, Status::Canceled, at(1)).await;
    assert!(ended.expect("ended"));
    // The gateway dies with a transaction open.
    drop(open);
    world.store.close().await;
    world.store = Store::open(&world.url, &StoreOptions::default()).await.expect("opens again");
    world.store.bind_secret_keys(&world.keys).await.expect("the same keys");
    let after = world.read(verification.id).await;
    assert_eq!(after.status, Status::Pending);
    assert!(after.code.is_some());
}

async fn the_probe_leaves_no_trace(world: World) {
    for _ in 0..2 {
        world.store.probe().await.expect("it takes writes");
    }
}
