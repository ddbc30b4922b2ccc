//! A request sent twice is worked on once.

use super::world::{NOW, SERVICE, World, at};
use belfry::store::{Begun, IdempotentRequest};
use belfry::verify::sealed::Sealed;

conformance! {
    a_repeated_request_is_answered_from_memory
    of_many_copies_at_once_one_is_worked_on
    a_lapsed_lease_lets_the_same_request_take_over
    a_key_is_free_again_when_its_time_is_over
    a_forgotten_request_may_be_repeated_at_once
}

const REQUEST: IdempotentRequest<'_> =
    IdempotentRequest { service: SERVICE, key: "key-1", fingerprint: "aa" };

fn answer() -> Sealed {
    Sealed::from_stored("1.00".to_owned())
}

async fn a_repeated_request_is_answered_from_memory(world: World) {
    let (lease, until) = (at(100), at(10_000));
    let other = IdempotentRequest { fingerprint: "bb", ..REQUEST };
    let foreign = IdempotentRequest { service: "another", ..REQUEST };
    let mut tx = world.store.write().await.expect("a write");
    let begin = tx.begin_idempotent(REQUEST, NOW, lease, until).await;
    assert_eq!(begin.expect("begun"), Begun::Fresh);
    let again = tx.begin_idempotent(REQUEST, at(1), at(101), until).await;
    assert_eq!(again.expect("asked"), Begun::InProgress);
    assert!(tx.complete_idempotent(REQUEST, lease, 201, &answer()).await.expect("completed"));
    let again = tx.begin_idempotent(REQUEST, at(5_000), at(5_100), at(15_000)).await;
    assert_eq!(again.expect("asked"), Begun::Replay { status: 201, body: answer() });
    let reused = tx.begin_idempotent(other, at(5_000), at(5_100), at(15_000)).await;
    assert_eq!(reused.expect("asked"), Begun::Mismatch);
    let begin = tx.begin_idempotent(foreign, NOW, lease, until).await;
    assert_eq!(begin.expect("begun"), Begun::Fresh, "keys belong to their service");
    assert!(!tx.complete_idempotent(REQUEST, lease, 500, &answer()).await.expect("asked"), "once");
}

async fn of_many_copies_at_once_one_is_worked_on(world: World) {
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move {
                let mut tx = store.write().await.expect("a write");
                let begun = tx.begin_idempotent(REQUEST, NOW, at(100), at(1_000)).await;
                tx.commit().await.expect("committed");
                begun.expect("asked")
            })
        })
        .collect();
    let mut fresh = 0;
    for task in tasks {
        match task.await.expect("no task panics") {
            Begun::Fresh => fresh += 1,
            other => assert_eq!(other, Begun::InProgress),
        }
    }
    assert_eq!(fresh, 1);
}

async fn a_lapsed_lease_lets_the_same_request_take_over(world: World) {
    let other = IdempotentRequest { fingerprint: "bb", ..REQUEST };
    let mut tx = world.store.write().await.expect("a write");
    tx.begin_idempotent(REQUEST, NOW, at(100), at(1_000)).await.expect("begun");
    let early = tx.begin_idempotent(REQUEST, at(99), at(199), at(1_000)).await;
    assert_eq!(early.expect("asked"), Begun::InProgress);
    let reused = tx.begin_idempotent(other, at(100), at(200), at(1_000)).await;
    assert_eq!(reused.expect("asked"), Begun::Mismatch, "the key stays this request's");
    let taken = tx.begin_idempotent(REQUEST, at(100), at(200), at(1_000)).await;
    assert_eq!(taken.expect("asked"), Begun::Fresh);
    let late = tx.complete_idempotent(REQUEST, at(100), 201, &answer()).await;
    assert!(!late.expect("asked"), "the first holder has lost it");
    assert!(tx.complete_idempotent(REQUEST, at(200), 201, &answer()).await.expect("completed"));
}

async fn a_key_is_free_again_when_its_time_is_over(world: World) {
    let other = IdempotentRequest { fingerprint: "bb", ..REQUEST };
    let mut tx = world.store.write().await.expect("a write");
    tx.begin_idempotent(REQUEST, NOW, at(100), at(1_000)).await.expect("begun");
    assert!(tx.complete_idempotent(REQUEST, at(100), 201, &answer()).await.expect("completed"));
    let held = tx.begin_idempotent(other, at(999), at(1_099), at(2_000)).await;
    assert_eq!(held.expect("asked"), Begun::Mismatch);
    assert_eq!(tx.sweep_idempotent(at(999), 10).await.expect("swept"), 0);
    let free = tx.begin_idempotent(other, at(1_000), at(1_100), at(2_000)).await;
    assert_eq!(free.expect("asked"), Begun::Fresh);
    for index in 0..3 {
        let key = format!("swept-{index}");
        let request = IdempotentRequest { key: &key, ..REQUEST };
        tx.begin_idempotent(request, NOW, at(100), at(1_500)).await.expect("begun");
    }
    assert_eq!(tx.sweep_idempotent(at(1_500), 2).await.expect("swept"), 2, "bounded");
    assert_eq!(tx.sweep_idempotent(at(1_500), 2).await.expect("swept"), 1);
}

async fn a_forgotten_request_may_be_repeated_at_once(world: World) {
    let mut tx = world.store.write().await.expect("a write");
    tx.begin_idempotent(REQUEST, NOW, at(100), at(1_000)).await.expect("begun");
    tx.forget_idempotent(REQUEST, at(100)).await.expect("forgotten");
    let again = tx.begin_idempotent(REQUEST, at(1), at(101), at(1_001)).await;
    assert_eq!(again.expect("asked"), Begun::Fresh);
    tx.forget_idempotent(REQUEST, at(100)).await.expect("asked");
    let held = tx.begin_idempotent(REQUEST, at(2), at(102), at(1_002)).await;
    assert_eq!(held.expect("asked"), Begun::InProgress, "a lost lease forgets nothing");
    assert!(tx.complete_idempotent(REQUEST, at(101), 200, &answer()).await.expect("completed"));
    tx.forget_idempotent(REQUEST, at(101)).await.expect("asked");
    let answered = tx.begin_idempotent(REQUEST, at(3), at(103), at(1_003)).await;
    assert!(matches!(answered.expect("asked"), Begun::Replay { .. }), "an answer stays");
}
