//! A check is counted first and a code consumed once, whatever comes between.

use super::world::{NOW, SERVICE, World, at};
use belfry::id::VerificationId;
use belfry::secret::Digits;
use belfry::store::Store;
use belfry::time::UnixMillis;
use belfry::verify::keys::SecretKeys;
use belfry::verify::verification::Status;

conformance! {
    the_right_code_is_approved_once_among_many_checks_at_once
    wrong_checks_at_once_are_compared_at_most_as_often_as_allowed
    a_right_last_check_is_approved
    a_check_is_in_time_before_the_expiry_only
    a_verification_of_another_service_takes_no_check
    a_code_that_was_replaced_or_voided_is_not_consumed
    the_end_wipes_the_code_and_is_final
    sends_are_counted_up_to_their_limit
    expiry_takes_the_oldest_first_and_no_other
    a_pseudonymised_verification_keeps_its_outcome_only
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Checked {
    Right,
    Wrong,
    Refused,
}

/// The order of a check: count, compare, consume, all in one transaction.
async fn check(
    store: &Store,
    keys: &SecretKeys,
    id: VerificationId,
    typed: &str,
    now: UnixMillis,
) -> Checked {
    let mut tx = store.write().await.expect("a write");
    let Some(counted) = tx.count_check(SERVICE, id, now).await.expect("counted") else {
        return Checked::Refused;
    };
    let typed = Digits::parse(typed).expect("digits");
    let code = counted.code.clone().expect("a code is valid");
    let fits = keys.code_matches(&code, counted.code_context(), &typed).expect("the key is there");
    if fits {
        assert!(tx.consume_code(id, &code, now).await.expect("consumed"), "nobody was before");
    } else if counted.checks_remaining() == 0 {
        let ended = tx.end_verification(id, Status::MaxAttemptsReached, now).await;
        assert!(ended.expect("ended"));
    }
    tx.commit().await.expect("committed");
    if fits { Checked::Right } else { Checked::Wrong }
}

/// All of `codes` are checked at once, each in a task of its own.
async fn check_at_once(world: &World, id: VerificationId, codes: &[&'static str]) -> Vec<Checked> {
    let tasks: Vec<_> = codes
        .iter()
        .map(|&typed| {
            let (store, keys) = (world.store.clone(), world.keys.clone());
            tokio::spawn(async move { check(&store, &keys, id, typed, NOW).await })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("no check panics"));
    }
    results
}

fn how_many(results: &[Checked], which: Checked) -> usize {
    results.iter().filter(|&&result| result == which).count()
}

async fn the_right_code_is_approved_once_among_many_checks_at_once(mut world: World) {
    for (number, wrong, right) in
        [("+3225805001", 0, 40), ("+3225805002", 4, 40), ("+3225805003", 2, 20)]
    {
        let id = world.pending_with_code(number, "123456").await.id;
        let mut codes = vec!["654321"; wrong];
        codes.extend(vec!["123456"; right]);
        let results = check_at_once(&world, id, &codes).await;
        assert_eq!(how_many(&results, Checked::Right), 1, "{results:?}");
        let compared = results.len() - how_many(&results, Checked::Refused);
        let after = world.read(id).await;
        assert_eq!(after.status, Status::Approved);
        assert_eq!(usize::try_from(after.checks_used).expect("small"), compared);
        assert!(compared <= 5, "{results:?}");
    }
}

async fn wrong_checks_at_once_are_compared_at_most_as_often_as_allowed(mut world: World) {
    let id = world.pending_with_code("+3225805000", "123456").await.id;
    let mut codes = vec!["654321"; 60];
    codes[55] = "123456";
    let results = check_at_once(&world, id, &codes).await;
    let after = world.read(id).await;
    let compared = results.len() - how_many(&results, Checked::Refused);
    assert_eq!(usize::try_from(after.checks_used).expect("small"), compared);
    match how_many(&results, Checked::Right) {
        0 => assert_eq!((after.status, compared), (Status::MaxAttemptsReached, 5)),
        1 => assert!(after.status == Status::Approved && compared <= 5),
        more => panic!("{more} approvals of one code"),
    }
    let late = check(&world.store, &world.keys, id, "123456", NOW).await;
    assert_eq!(late, Checked::Refused, "it is over");
}

async fn a_right_last_check_is_approved(mut world: World) {
    let id = world.pending_with_code("+3225805000", "000007").await.id;
    for _ in 0..4 {
        assert_eq!(check(&world.store, &world.keys, id, "000008", NOW).await, Checked::Wrong);
    }
    assert_eq!(world.read(id).await.checks_remaining(), 1);
    assert_eq!(check(&world.store, &world.keys, id, "000007", NOW).await, Checked::Right);
}

async fn a_check_is_in_time_before_the_expiry_only(mut world: World) {
    let early = world.pending_with_code("+3225805001", "123456").await;
    let late = world.pending_with_code("+3225805002", "123456").await;
    let last = UnixMillis(early.expires_at.0 - 1);
    let checked = |id, now| check(&world.store, &world.keys, id, "123456", now);
    assert_eq!(checked(late.id, late.expires_at).await, Checked::Refused);
    assert_eq!(checked(early.id, last).await, Checked::Right);
    assert_eq!(world.read(late.id).await.checks_used, 0, "what is refused is not counted");
}

async fn a_verification_of_another_service_takes_no_check(mut world: World) {
    let id = world.pending_with_code("+3225805000", "123456").await.id;
    let mut tx = world.store.write().await.expect("a write");
    assert_eq!(tx.count_check("another", id, NOW).await.expect("asked"), None);
    assert_eq!(tx.verification("another", id).await.expect("asked"), None);
    assert_eq!(tx.verification(SERVICE, id).await.expect("asked").map(|v| v.checks_used), Some(0));
}

async fn a_code_that_was_replaced_or_voided_is_not_consumed(mut world: World) {
    let verification = world.pending_with_code("+3225805000", "111111").await;
    let mac = |digits: &str| {
        let code = Digits::parse(digits).expect(digits);
        world.keys.code_mac(verification.code_context(), &code)
    };
    let (old, new) = (mac("111111"), mac("222222"));
    let id = verification.id;
    let mut tx = world.store.write().await.expect("a write");
    assert!(tx.store_code(id, &new).await.expect("replaced"));
    assert!(!tx.consume_code(id, &old, NOW).await.expect("asked"), "it was replaced");
    assert_eq!(tx.count_send(id).await.expect("counted"), Some(2));
    assert!(!tx.consume_code(id, &new, NOW).await.expect("asked"), "a further send voids it");
    assert_eq!(tx.any_verification(id).await.expect("read").and_then(|v| v.code), None);
    assert!(tx.store_code(id, &new).await.expect("stored"));
    assert!(tx.consume_code(id, &new, NOW).await.expect("consumed"));
    assert!(!tx.consume_code(id, &new, NOW).await.expect("asked"), "once");
}

async fn the_end_wipes_the_code_and_is_final(mut world: World) {
    for (index, &status) in Status::ALL.iter().enumerate() {
        if status == Status::Pending || status == Status::Approved {
            continue;
        }
        let verification = world.pending_with_code(&format!("+322580500{index}"), "123456").await;
        let id = verification.id;
        let code = Digits::parse("123456").expect("digits");
        let mac = world.keys.code_mac(verification.code_context(), &code);
        let mut tx = world.store.write().await.expect("a write");
        tx.set_resend_after(id, at(30_000)).await.expect("set");
        assert!(tx.end_verification(id, status, at(7)).await.expect("ended"));
        assert!(!tx.end_verification(id, Status::Canceled, at(8)).await.expect("asked"));
        assert!(!tx.consume_code(id, &mac, at(8)).await.expect("asked"));
        assert!(!tx.store_code(id, &mac).await.expect("asked"));
        assert_eq!(tx.count_check(SERVICE, id, at(8)).await.expect("asked"), None);
        assert_eq!(tx.count_send(id).await.expect("asked"), None);
        tx.set_resend_after(id, at(60_000)).await.expect("asked");
        tx.commit().await.expect("committed");
        let after = world.read(id).await;
        assert_eq!((after.status, after.ended_at), (status, Some(at(7))));
        assert_eq!((after.code, after.resend_after), (None, None));
    }
}

async fn sends_are_counted_up_to_their_limit(mut world: World) {
    let id = world.pending("+3225805000").await.id;
    let mut tx = world.store.write().await.expect("a write");
    tx.set_resend_after(id, at(30_000)).await.expect("set");
    for expected in [Some(2), Some(3), Some(4), Some(5), None, None] {
        assert_eq!(tx.count_send(id).await.expect("asked"), expected);
    }
    let after = tx.any_verification(id).await.expect("read").expect("it is there");
    assert_eq!((after.sends_used, after.resend_after), (5, None), "a call is on its way");
}

async fn expiry_takes_the_oldest_first_and_no_other(mut world: World) {
    let mut ids = Vec::new();
    for index in 0..4 {
        let mut new = world.new_verification(&format!("+322580500{index}"));
        new.verification.expires_at = at(1_000 - index);
        let mut tx = world.store.write().await.expect("a write");
        assert!(tx.insert_verification(&new).await.expect("inserted"));
        tx.commit().await.expect("committed");
        ids.push(new.verification.id);
    }
    let mut tx = world.store.write().await.expect("a write");
    let expired = |list: Vec<belfry::verify::verification::Verification>| {
        assert!(list.iter().all(|v| v.status == Status::Expired));
        list.into_iter().map(|v| v.id).collect::<Vec<_>>()
    };
    assert!(tx.expire_verifications(at(996), 10).await.expect("swept").is_empty());
    let first = expired(tx.expire_verifications(at(998), 1).await.expect("swept"));
    assert_eq!(first, [ids[3]], "one at a time, the oldest first");
    let second = expired(tx.expire_verifications(at(998), 10).await.expect("swept"));
    assert_eq!(second, [ids[2]]);
    let rest = expired(tx.expire_verifications(at(1_000), 10).await.expect("swept"));
    assert_eq!(rest, [ids[1], ids[0]]);
}

async fn a_pseudonymised_verification_keeps_its_outcome_only(mut world: World) {
    let id = world.pending("+3225805000").await.id;
    let open = world.pending("+3225805001").await.id;
    let mut tx = world.store.write().await.expect("a write");
    assert!(tx.end_verification(id, Status::Expired, at(10)).await.expect("ended"));
    assert_eq!(tx.pseudonymise_verifications(at(10), 9).await.expect("swept"), 0);
    assert_eq!(tx.pseudonymise_verifications(at(11), 9).await.expect("swept"), 1);
    assert_eq!(tx.pseudonymise_verifications(at(11), 9).await.expect("swept"), 0, "once");
    tx.commit().await.expect("committed");
    let after = world.read(id).await;
    assert_eq!((after.destination, after.entity, after.masked.as_str()), (None, None, ""));
    assert_eq!(after.status, Status::Expired);
    assert!(world.read(open).await.destination.is_some());
}
