//! `POST /v1/verifications/{id}/check` and `…/cancel`.

use super::world::{NUMBER, World, other_than, text_of};
use belfry::call::CallEventKind;
use belfry::reason::Reason;
use serde_json::{Value, json};
use std::sync::Arc;

#[tokio::test]
async fn the_code_that_was_drawn_is_the_code_that_is_accepted_once() {
    let world = World::new().await;
    let (id, code) = world.called().await;
    let answer = world.check(&id, &code).await;
    assert_eq!(answer.status, 200);
    let approved = json!({ "valid": true, "status": "approved", "checks_remaining": 4 });
    assert_eq!(answer.json(), approved);
    let again = world.check(&id, &code).await;
    assert_eq!(again.problem(), (409, "verification_not_pending".to_owned()));
    assert_eq!(again.json()["verification_status"], "approved");
}

#[tokio::test]
async fn the_fifth_wrong_code_ends_it_and_the_right_one_comes_too_late() {
    let world = World::new().await;
    let (id, code) = world.called().await;
    for left in [4, 3, 2, 1] {
        let answer = world.check(&id, &other_than(&code)).await.json();
        let wrong = json!({ "valid": false, "status": "pending", "checks_remaining": left });
        assert_eq!(answer, wrong);
    }
    let last = world.check(&id, &other_than(&code)).await.json();
    let over = json!({ "valid": false, "status": "max_attempts_reached", "checks_remaining": 0 });
    assert_eq!(last, over);
    let late = world.check(&id, &code).await;
    assert_eq!(late.problem(), (409, "verification_not_pending".to_owned()));
    assert_eq!(late.json()["verification_status"], "max_attempts_reached");
}

#[tokio::test]
async fn the_last_check_may_be_the_right_one() {
    let world = World::new().await;
    let (id, code) = world.called().await;
    for _ in 0..4 {
        world.check(&id, &other_than(&code)).await;
    }
    assert_eq!(world.check(&id, &code).await.json()["status"], "approved");
}

#[tokio::test]
async fn what_is_no_code_is_refused_and_not_counted() {
    let world = World::new().await;
    let (id, _code) = world.called().await;
    for (body, param) in [
        (json!({}), "code"),
        (json!({ "code": null }), "code"),
        (json!({ "code": 123456 }), "code"),
        (json!({ "code": "" }), "code"),
        (json!({ "code": "12345x" }), "code"),
        (json!({ "code": "12345678901" }), "code"),
        (json!({ "code": "１２３４５６" }), "code"),
        (json!({ "code": "123456", "extra": 1 }), "extra"),
    ] {
        let answer = world.post(&format!("/v1/verifications/{id}/check"), body).await;
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()));
        assert_eq!(answer.json()["param"], param);
    }
    let seen = world.get(&format!("/v1/verifications/{id}")).await.json();
    assert_eq!(seen["checks_remaining"], 5);
}

#[tokio::test]
async fn digits_of_another_length_count_as_wrong() {
    let world = World::new().await;
    let (id, code) = world.called().await;
    for text in [&code[..5], &format!("{code}0"), "1"] {
        assert_eq!(world.check(&id, text).await.json()["valid"], false, "{text}");
    }
    assert_eq!(world.check(&id, &code).await.json()["checks_remaining"], 1);
}

#[tokio::test]
async fn a_check_before_any_call_is_counted_and_wrong() {
    let world = World::new().await;
    let id = world.start().await["id"].as_str().expect("an id").to_owned();
    let answer = world.check(&id, "000000").await.json();
    assert_eq!(answer, json!({ "valid": false, "status": "pending", "checks_remaining": 4 }));
}

#[tokio::test]
async fn a_code_is_good_until_the_last_millisecond() {
    let world = World::new().await;
    let (early, code) = world.called().await;
    world.advance_ms(299_999);
    assert_eq!(world.check(&early, &code).await.json()["status"], "approved");

    let world = World::new().await;
    let (late, code) = world.called().await;
    world.advance_ms(300_000);
    let answer = world.check(&late, &code).await;
    assert_eq!(answer.problem(), (409, "verification_not_pending".to_owned()));
    assert_eq!(answer.json()["verification_status"], "expired");
}

#[tokio::test]
async fn a_further_call_voids_the_code_of_the_one_before_at_once() {
    let world = World::new().await;
    let (id, first) = world.called().await;
    world.advance_s(30);
    world.start().await;
    assert_eq!(world.check(&id, &first).await.json()["valid"], false, "while it waits");
    let order = world.dispatch().await.remove(0);
    assert_eq!(world.check(&id, &first).await.json()["valid"], false, "while it rings");
    assert_ne!(text_of(&order.code), first);
    assert_eq!(world.check(&id, &text_of(&order.code)).await.json()["status"], "approved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_right_checks_at_once_exactly_one_is_approved() {
    let world = Arc::new(World::new().await);
    for _ in 0..10 {
        let (id, code) = world.called().await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (world, id, code) = (Arc::clone(&world), id.clone(), code.clone());
                tokio::spawn(async move { world.check(&id, &code).await })
            })
            .collect();
        let (mut approved, mut refused) = (0, 0);
        for task in tasks {
            let answer = task.await.expect("no panic");
            match answer.status.as_u16() {
                200 if answer.json()["valid"] == true => approved += 1,
                409 => refused += 1,
                other => panic!("{other}: {}", answer.text),
            }
        }
        assert_eq!((approved, refused), (1, 7));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_wrong_checks_at_once_exactly_five_are_judged() {
    let world = Arc::new(World::new().await);
    let (id, code) = world.called().await;
    let wrong = other_than(&code);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (world, id, wrong) = (Arc::clone(&world), id.clone(), wrong.clone());
            tokio::spawn(async move { world.check(&id, &wrong).await })
        })
        .collect();
    let mut left = Vec::new();
    for task in tasks {
        let answer = task.await.expect("no panic");
        if answer.status == 200 {
            left.push(answer.json()["checks_remaining"].as_u64().expect("a count"));
        } else {
            assert_eq!(answer.problem(), (409, "verification_not_pending".to_owned()));
        }
    }
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn too_many_wrong_codes_end_the_call_that_is_up() {
    let world = World::new().await;
    let id = world.start().await["id"].as_str().expect("an id").to_owned();
    let order = world.dispatch().await.remove(0);
    for _ in 0..5 {
        world.check(&id, &other_than(&text_of(&order.code))).await;
    }
    assert_eq!(world.canceled(), [order.attempt]);
}

async fn cancel(world: &World, id: &str) -> super::world::Answer {
    world.post(&format!("/v1/verifications/{id}/cancel"), json!({})).await
}

#[tokio::test]
async fn canceling_a_waiting_call_drops_it() {
    let world = World::new().await;
    let id = world.start().await["id"].as_str().expect("an id").to_owned();
    let answer = cancel(&world, &id).await;
    assert_eq!(answer.status, 200);
    let object = answer.json();
    assert_eq!(object["status"], "canceled");
    assert_eq!(object["last_attempt"]["state"], "ended");
    assert_eq!(object["last_attempt"]["reason"], "canceled");
    assert_eq!(object["last_attempt"]["message"], "The call was canceled.");
    assert!(world.dispatch().await.is_empty());
    assert!(world.canceled().is_empty(), "no call was up");
}

#[tokio::test]
async fn canceling_ends_the_call_that_is_up_and_voids_its_code() {
    let world = World::new().await;
    let id = world.start().await["id"].as_str().expect("an id").to_owned();
    let order = world.dispatch().await.remove(0);
    assert_eq!(cancel(&world, &id).await.json()["status"], "canceled");
    assert_eq!(world.canceled(), [order.attempt]);
    let late = world.check(&id, &text_of(&order.code)).await;
    assert_eq!(late.json()["verification_status"], "canceled");
    world.settle(order.attempt, Reason::Canceled).await;
    let seen = world.get(&format!("/v1/verifications/{id}")).await.json();
    assert_eq!(seen["last_attempt"]["reason"], "canceled");
    assert_eq!(seen["status"], "canceled");
}

#[tokio::test]
async fn a_cancellation_that_overtakes_its_call_is_said_again_once_the_call_is_seen() {
    let world = World::new().await;
    let id = world.start().await["id"].as_str().expect("an id").to_owned();
    let order = world.dispatch().await.remove(0);
    cancel(&world, &id).await;
    world.observe(order.attempt, CallEventKind::Dialing).await;
    assert_eq!(world.canceled(), [order.attempt, order.attempt]);
}

#[tokio::test]
async fn canceling_twice_is_once_and_an_approved_one_cannot_be_canceled() {
    let world = World::new().await;
    let (id, code) = world.called().await;
    assert_eq!(cancel(&world, &id).await.status, 200);
    assert_eq!(cancel(&world, &id).await.status, 200);
    let late = world.check(&id, &code).await;
    assert_eq!(late.problem(), (409, "verification_not_pending".to_owned()));

    let body = json!({ "to": NUMBER, "purpose": "enrol" });
    let id = world.post("/v1/verifications", body).await.json()["id"].clone();
    let code = text_of(&world.dispatch().await[0].code);
    let id = id.as_str().expect("an id");
    assert_eq!(world.check(id, &code).await.json()["valid"], true);
    let refused = cancel(&world, id).await;
    assert_eq!(refused.problem(), (409, "verification_not_pending".to_owned()));
    assert_eq!(refused.json()["verification_status"], "approved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_check_and_a_cancellation_at_once_exactly_one_wins() {
    let world = Arc::new(World::new().await);
    for _ in 0..10 {
        let (id, code) = world.called().await;
        let check = {
            let (world, id) = (Arc::clone(&world), id.clone());
            tokio::spawn(async move { world.check(&id, &code).await })
        };
        let cancel = {
            let (world, id) = (Arc::clone(&world), id.clone());
            tokio::spawn(async move { cancel(&world, &id).await })
        };
        let (check, cancel) = (check.await.expect("no panic"), cancel.await.expect("no panic"));
        let statuses = (check.status.as_u16(), cancel.status.as_u16());
        assert!(matches!(statuses, (200, 409) | (409, 200)), "{statuses:?}");
        let seen = world.get(&format!("/v1/verifications/{id}")).await.json();
        let won = if statuses.0 == 200 { "approved" } else { "canceled" };
        assert_eq!(seen["status"], Value::from(won));
    }
}
