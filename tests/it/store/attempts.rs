//! The queue of calls, their leases and their ends.

use super::world::{NOW, World, at};
use belfry::id::AttemptId;
use belfry::reason::Reason;
use belfry::store::NewAttempt;
use belfry::verify::attempt::{AttemptState, Origin, Receipt};
use std::collections::BTreeSet;

conformance! {
    one_call_of_a_verification_is_up_at_a_time_and_they_are_numbered
    a_call_is_claimed_when_it_is_due_the_longest_waiting_first
    no_two_gateways_claim_the_same_call
    a_lease_lapses_at_its_moment_and_a_renewed_one_does_not
    a_call_ends_exactly_once
    a_late_message_does_not_move_a_call_back
}

async fn one_call_of_a_verification_is_up_at_a_time_and_they_are_numbered(mut world: World) {
    let verification = world.pending("+3225805000").await.id;
    let first = world.queued(verification).await;
    let mut second = world.new_attempt(verification);
    (second.send, second.origin) = (2, Origin::Redial);
    let stranger = world.new_verification("+3225805001").verification.id;
    let stray = world.new_attempt(stranger);
    let mut tx = world.store.write().await.expect("a write");
    assert_eq!(tx.insert_attempt(&second).await.expect("asked"), None);
    assert_eq!(tx.insert_attempt(&stray).await.expect("asked"), None, "of no verification");
    let nothing = Receipt::of_lost_call(AttemptState::Queued);
    assert!(tx.end_attempt(first.id, Reason::Expired, &nothing, NOW).await.expect("ended"));
    assert_eq!(tx.insert_attempt(&second).await.expect("queued"), Some(2));
    let listed = tx.attempts(verification).await.expect("read");
    let seen: Vec<_> = listed.iter().map(|a| (a.id, a.ordinal, a.send, a.origin)).collect();
    let expected = [(first.id, 1, 1, Origin::Request), (second.id, 2, 2, Origin::Redial)];
    assert_eq!(seen, expected);
    assert_eq!(tx.last_attempt(verification).await.expect("read").map(|a| a.id), Some(second.id));
}

/// Queues one call for each of these due times, in their order.
async fn queue(world: &mut World, due: &[i64]) -> Vec<NewAttempt> {
    let mut queued = Vec::new();
    for (index, &millis) in due.iter().enumerate() {
        let verification = world.pending(&format!("+32258050{index:02}")).await.id;
        let new = NewAttempt { due_at: at(millis), ..world.new_attempt(verification) };
        let mut tx = world.store.write().await.expect("a write");
        assert_eq!(tx.insert_attempt(&new).await.expect("queued"), Some(1));
        tx.commit().await.expect("committed");
        queued.push(new);
    }
    queued
}

async fn a_call_is_claimed_when_it_is_due_the_longest_waiting_first(mut world: World) {
    let queued = queue(&mut world, &[30, 10, 20, 40]).await;
    let mut tx = world.store.write().await.expect("a write");
    assert_eq!(tx.next_due().await.expect("asked"), Some(at(10)));
    assert!(tx.claim_attempts("a", at(9), at(99), 9).await.expect("claimed").is_empty());
    let ids = |list: Vec<belfry::verify::attempt::Attempt>| {
        list.into_iter().map(|attempt| attempt.id).collect::<Vec<_>>()
    };
    let first = ids(tx.claim_attempts("a", at(10), at(99), 9).await.expect("claimed"));
    assert_eq!(first, [queued[1].id], "due to the millisecond");
    let second = ids(tx.claim_attempts("a", at(40), at(99), 2).await.expect("claimed"));
    assert_eq!(second, [queued[2].id, queued[0].id], "no more than there is room for");
    assert!(tx.claim_attempts("a", at(40), at(99), 0).await.expect("claimed").is_empty());
    let claimed = tx.claim_attempts("b", at(41), at(99), 9).await.expect("claimed");
    assert_eq!((claimed.len(), claimed[0].id), (1, queued[3].id));
    assert_eq!(claimed[0].node.as_deref(), Some("b"));
    assert_eq!((claimed[0].dialed_at, claimed[0].lease_until), (Some(at(41)), Some(at(99))));
    assert_eq!(tx.next_due().await.expect("asked"), None);
}

async fn no_two_gateways_claim_the_same_call(mut world: World) {
    let queued = queue(&mut world, &[0; 24]).await;
    let tasks: Vec<_> = (0..8)
        .map(|node| {
            let store = world.store.clone();
            tokio::spawn(async move {
                let mut claimed = Vec::new();
                loop {
                    let mut tx = store.write().await.expect("a write");
                    let more = tx.claim_attempts(&format!("node{node}"), NOW, at(9), 2).await;
                    let more = more.expect("claimed");
                    tx.commit().await.expect("committed");
                    if more.is_empty() {
                        return claimed;
                    }
                    claimed.extend(more.into_iter().map(|attempt| attempt.id));
                }
            })
        })
        .collect();
    let mut claimed: Vec<AttemptId> = Vec::new();
    for task in tasks {
        claimed.extend(task.await.expect("no task panics"));
    }
    assert_eq!(claimed.len(), 24, "each once");
    let expected: BTreeSet<_> = queued.iter().map(|new| new.id).collect();
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), expected);
}

async fn a_lease_lapses_at_its_moment_and_a_renewed_one_does_not(mut world: World) {
    let queued = queue(&mut world, &[0, 1, 2]).await;
    let mut tx = world.store.write().await.expect("a write");
    assert_eq!(tx.claim_attempts("dead", at(2), at(100), 1).await.expect("claimed").len(), 1);
    assert_eq!(tx.claim_attempts("alive", at(2), at(100), 1).await.expect("claimed").len(), 1);
    assert!(tx.lapsed_attempts(at(99), 9).await.expect("asked").is_empty());
    assert_eq!(tx.lapsed_attempts(at(100), 9).await.expect("asked").len(), 2);
    assert_eq!(tx.lapsed_attempts(at(100), 1).await.expect("asked").len(), 1);
    assert_eq!(tx.renew_leases("alive", at(200)).await.expect("renewed"), 1);
    assert_eq!(tx.renew_leases("alive", at(150)).await.expect("asked"), 0, "never shortened");
    let lapsed = tx.lapsed_attempts(at(199), 9).await.expect("asked");
    assert_eq!((lapsed.len(), lapsed[0].node.as_deref()), (1, Some("dead")));
    let lost = Receipt::of_lost_call(lapsed[0].state);
    let ended = tx.end_attempt(lapsed[0].id, Reason::Interrupted, &lost, at(199)).await;
    assert!(ended.expect("ended"));
    assert_eq!(tx.renew_leases("dead", at(300)).await.expect("asked"), 0, "it is over");
    assert_eq!(tx.lapsed_attempts(at(1_000), 9).await.expect("asked").len(), 1);
    let waits = tx.attempt(queued[2].id).await.expect("read").expect("it is there");
    assert_eq!(waits.lease_until, None, "a waiting call is nobody's");
}

async fn a_call_ends_exactly_once(mut world: World) {
    let queued = queue(&mut world, &[0]).await[0].id;
    let tasks: Vec<_> = [Reason::Busy, Reason::NoAnswer, Reason::Interrupted, Reason::Canceled]
        .map(|reason| {
            let store = world.store.clone();
            tokio::spawn(async move {
                let receipt = Receipt::of_lost_call(AttemptState::Dialing);
                let mut tx = store.write().await.expect("a write");
                let ended = tx.end_attempt(queued, reason, &receipt, NOW).await.expect("asked");
                tx.commit().await.expect("committed");
                ended.then_some(reason)
            })
        })
        .into();
    let mut ends = Vec::new();
    for task in tasks {
        ends.extend(task.await.expect("no task panics"));
    }
    assert_eq!(ends.len(), 1, "{ends:?}");
    let mut tx = world.store.write().await.expect("a write");
    let attempt = tx.attempt(queued).await.expect("read").expect("it is there");
    assert_eq!((attempt.state, attempt.reason), (AttemptState::Ended, Some(ends[0])));
    assert!(tx.claim_attempts("a", at(9), at(99), 9).await.expect("asked").is_empty());
}

async fn a_late_message_does_not_move_a_call_back(mut world: World) {
    use AttemptState::{Answered, Dialing, Proceeding, Ringing};
    let id = queue(&mut world, &[0]).await[0].id;
    let mut tx = world.store.write().await.expect("a write");
    assert!(!tx.advance_attempt(id, Dialing, Ringing).await.expect("asked"), "it is queued");
    tx.claim_attempts("a", NOW, at(99), 1).await.expect("claimed");
    assert!(tx.advance_attempt(id, Dialing, Ringing).await.expect("moved"));
    assert!(!tx.advance_attempt(id, Dialing, Proceeding).await.expect("asked"), "too late");
    assert!(tx.advance_attempt(id, Ringing, Answered).await.expect("moved"));
    let lost = Receipt::of_lost_call(Answered);
    assert!(tx.end_attempt(id, Reason::Interrupted, &lost, NOW).await.expect("ended"));
    let (from, to) = (Answered, AttemptState::HumanConfirmed);
    assert!(!tx.advance_attempt(id, from, to).await.expect("asked"), "it is over");
    tx.set_trunk(id, "late").await.expect("asked");
    let after = tx.attempt(id).await.expect("read").expect("it is there");
    assert_eq!((after.trunk, after.receipt), (None, lost));
}
