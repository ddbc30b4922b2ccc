//! One pending verification for each service, purpose and phone; and the list of all.

use super::world::{NOW, SERVICE, World, at};
use belfry::number::Number;
use belfry::store::Cursor;
use belfry::verify::destination::Destination;
use belfry::verify::verification::Status;

conformance! {
    only_one_is_pending_for_a_phone_however_many_ask_at_once
    another_purpose_service_or_extension_is_another_wish
    after_the_end_a_new_one_may_follow
    a_list_is_newest_first_and_pages_without_gap_or_repeat
}

async fn only_one_is_pending_for_a_phone_however_many_ask_at_once(mut world: World) {
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (store, new) = (world.store.clone(), world.new_verification("+3225805000"));
            tokio::spawn(async move {
                let mut tx = store.write().await.expect("a write");
                let inserted = tx.insert_verification(&new).await.expect("asked");
                tx.commit().await.expect("committed");
                inserted.then_some(new)
            })
        })
        .collect();
    let mut inserted = Vec::new();
    for task in tasks {
        inserted.extend(task.await.expect("no task panics"));
    }
    assert_eq!(inserted.len(), 1);
    let (won, index) = (&inserted[0].verification, &inserted[0].destination_index);
    let mut tx = world.store.read().await.expect("a read");
    let found = tx.pending_verification(SERVICE, &won.purpose, index).await.expect("read");
    assert_eq!(found.as_ref(), Some(won));
}

async fn another_purpose_service_or_extension_is_another_wish(mut world: World) {
    world.pending("+3225805000").await;
    let same = world.new_verification("+3225805000");
    let mut purpose = world.new_verification("+3225805000");
    purpose.verification.purpose = "recovery".parse().expect("purpose");
    let mut service = world.new_verification("+3225805000");
    service.verification.service = "another".to_owned();
    let mut extension = world.new_verification("+3225805000");
    extension.destination_index = world.keys.destination_index(&Destination {
        number: Number::parse("+3225805000", None).expect("valid"),
        extension: Some("204".parse().expect("digits")),
    });
    let mut tx = world.store.write().await.expect("a write");
    for (new, expected) in [(same, false), (purpose, true), (service, true), (extension, true)] {
        assert_eq!(tx.insert_verification(&new).await.expect("asked"), expected);
    }
}

async fn after_the_end_a_new_one_may_follow(mut world: World) {
    let first = world.pending("+3225805000").await;
    let second = world.new_verification("+3225805000");
    let mut tx = world.store.write().await.expect("a write");
    assert!(!tx.insert_verification(&second).await.expect("asked"));
    assert!(tx.end_verification(first.id, Status::Canceled, NOW).await.expect("ended"));
    assert!(tx.insert_verification(&second).await.expect("inserted"));
    let purpose = &second.verification.purpose;
    let found = tx.pending_verification(SERVICE, purpose, &second.destination_index).await;
    assert_eq!(found.expect("read").map(|v| v.id), Some(second.verification.id));
}

async fn a_list_is_newest_first_and_pages_without_gap_or_repeat(mut world: World) {
    let mut expected = Vec::new();
    for index in 0..7 {
        let mut new = world.new_verification(&format!("+322580500{index}"));
        // Two share a moment, so that the id must decide.
        new.verification.created_at = at(index / 2);
        let mut tx = world.store.write().await.expect("a write");
        assert!(tx.insert_verification(&new).await.expect("inserted"));
        tx.commit().await.expect("committed");
        expected.push(new.verification);
    }
    let mut foreign = world.new_verification("+3225805009");
    foreign.verification.service = "another".to_owned();
    let mut tx = world.store.write().await.expect("a write");
    assert!(tx.insert_verification(&foreign).await.expect("inserted"));
    expected.sort_by_key(|v| std::cmp::Reverse((v.created_at, v.id)));
    for limit in [1, 3, 6, 7, 8] {
        let (mut listed, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = tx.list_verifications(SERVICE, after, limit).await.expect("listed");
            assert!(page.verifications.len() <= usize::try_from(limit).expect("small"));
            listed.extend(page.verifications);
            pages += 1;
            // As it goes out to a client and comes back.
            after = page.next.map(|cursor| cursor.to_string().parse().expect("our own cursor"));
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "limit {limit}");
        assert_eq!(pages, 7_u32.div_ceil(limit), "limit {limit}");
    }
    for text in ["", ".", "1", "x.ver_1", "1."] {
        assert!(text.parse::<Cursor>().is_err(), "{text}");
    }
}
