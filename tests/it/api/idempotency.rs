//! `Idempotency-Key`.

use super::world::{Answer, NUMBER, World, other_than};
use axum::body::Body;
use axum::http::{Method, Request};
use belfry::gateway::{ActError, Begun, Remember, Scope, StartError, StartRequest, StoredAnswer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

fn keyed(world: &World, key: &str, path: &str, body: &Value) -> Request<Body> {
    let mut request = world.request(Method::POST, path, body.to_string());
    request.headers_mut().insert("idempotency-key", key.parse().expect("a header value"));
    request
}

async fn start(world: &World, key: &str, body: &Value) -> Answer {
    world.send(keyed(world, key, "/v1/verifications", body)).await
}

async fn count(world: &World) -> usize {
    let list = world.get("/v1/verifications").await.json();
    list["data"].as_array().expect("a list").len()
}

#[tokio::test]
async fn the_same_request_is_carried_out_once_and_answered_alike() {
    let world = World::new().await;
    let body = json!({ "to": NUMBER });
    let first = start(&world, "wish 1", &body).await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (201, ""));
    world.dispatch().await;
    world.advance_s(60);
    let second = start(&world, "wish 1", &body).await;
    assert_eq!((second.status.as_u16(), second.header("idempotency-replayed")), (201, "true"));
    assert_eq!(second.text, first.text, "as it was given, not as it would be now");
    assert_eq!(second.header("content-type"), "application/json");
    assert_eq!(count(&world).await, 1);
}

#[tokio::test]
async fn a_repeated_check_is_counted_once() {
    let world = World::new().await;
    let (id, code) = world.called().await;
    let path = format!("/v1/verifications/{id}/check");
    let wrong = json!({ "code": other_than(&code) });
    for replayed in ["", "true", "true"] {
        let answer = world.send(keyed(&world, "check 1", &path, &wrong)).await;
        assert_eq!(answer.json()["checks_remaining"], 4);
        assert_eq!(answer.header("idempotency-replayed"), replayed);
    }
    let right = json!({ "code": code });
    for _ in 0..2 {
        let answer = world.send(keyed(&world, "check 2", &path, &right)).await;
        assert_eq!(answer.json()["status"], "approved");
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_service() {
    let mut world = World::new().await;
    let body = json!({ "to": NUMBER });
    let first = start(&world, "wish 1", &body).await;
    let other = start(&world, "wish 1", &json!({ "to": "+3225805001" })).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused".to_owned()));
    let id = first.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/verifications/{id}/cancel");
    let elsewhere = world.send(keyed(&world, "wish 1", &path, &body)).await;
    assert_eq!(elsewhere.problem(), (422, "idempotency_key_reused".to_owned()));
    world.key = world.new_key("other", &[Scope::VerificationsWrite]).await;
    let foreign = start(&world, "wish 1", &body).await;
    assert_eq!((foreign.status.as_u16(), foreign.header("idempotency-replayed")), (201, ""));
}

#[tokio::test]
async fn an_answer_with_a_full_number_is_not_replayed_to_a_key_that_may_not_see_it() {
    let mut world = World::new().await;
    let masked = world.key.clone();
    let body = json!({ "to": NUMBER });
    let scopes = [Scope::VerificationsWrite, Scope::PiiRead];
    world.key = world.new_key("panel", &scopes).await;
    assert_eq!(start(&world, "wish 1", &body).await.json()["to"], NUMBER);
    assert_eq!(start(&world, "wish 1", &body).await.json()["to"], NUMBER);
    world.key = masked;
    let answer = start(&world, "wish 1", &body).await;
    assert_eq!(answer.problem(), (422, "idempotency_key_reused".to_owned()));
    assert!(!answer.text.contains(NUMBER));
}

#[tokio::test]
async fn a_refused_request_did_nothing_and_leaves_its_key_free() {
    let world = World::new().await;
    let refused = start(&world, "wish 1", &json!({ "to": "112" })).await;
    assert_eq!(refused.problem().0, 403);
    assert_eq!(start(&world, "wish 1", &json!({ "to": NUMBER })).await.status, 201);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let world = World::new().await;
    let body = json!({ "to": NUMBER });
    let first = start(&world, "wish 1", &body).await.json();
    world.advance_s(24 * 60 * 60 - 1);
    assert_eq!(start(&world, "wish 1", &body).await.header("idempotency-replayed"), "true");
    world.advance_s(1);
    let fresh = start(&world, "wish 1", &body).await;
    assert_eq!((fresh.status.as_u16(), fresh.header("idempotency-replayed")), (201, ""));
    assert_ne!(fresh.json()["id"], first["id"]);
}

#[tokio::test]
async fn a_key_is_1_to_255_printable_characters_in_one_header() {
    let world = World::new().await;
    let body = json!({ "to": NUMBER });
    for key in ["", &"k".repeat(256), "a\tb", "é"] {
        let answer = start(&world, key, &body).await;
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{key:?}");
        assert_eq!(answer.json()["param"], "Idempotency-Key");
    }
    let mut twice = keyed(&world, "a", "/v1/verifications", &body);
    twice.headers_mut().append("idempotency-key", "b".parse().expect("a value"));
    assert_eq!(world.send(twice).await.problem(), (400, "invalid_request".to_owned()));
    assert_eq!(start(&world, &"k".repeat(255), &body).await.status, 201);
}

fn request() -> StartRequest {
    StartRequest {
        to: NUMBER.to_owned(),
        extension: None,
        purpose: None,
        locale: None,
        entity: None,
        client_ip: None,
        metadata: BTreeMap::new(),
    }
}

#[tokio::test]
async fn while_the_first_one_runs_the_second_waits_and_takes_over_from_a_dead_one() {
    let world = World::new().await;
    let body = json!({ "to": NUMBER });
    let caller = world.gateway.authenticate(&world.key).await.expect("read").expect("known");
    let text = body.to_string();
    let parts = [&b"POST"[..], b"/v1/verifications", text.as_bytes()];
    let key = "wish 1".parse().expect("a key");
    let begun = world.gateway.begin_idempotent(world.now(), &caller, &key, parts).await;
    let Ok(Begun::New(claim)) = begun else { panic!("the first one") };

    let running = start(&world, "wish 1", &body).await;
    assert_eq!(running.problem(), (409, "idempotency_in_progress".to_owned()));
    assert_eq!(running.header("retry-after"), "1");
    world.advance_s(60);
    assert_eq!(start(&world, "wish 1", &body).await.status, 201, "the first one is given up");

    // The first one was only slow. It finds its claim gone, and does nothing.
    let render = |_: &belfry::gateway::Started| StoredAnswer { status: 201, body: String::new() };
    let remember = Remember { claim, render };
    let other = StartRequest { to: "+3225805001".to_owned(), ..request() };
    let mut entropy = world.entropy();
    let late = world.gateway.start(world.now(), &mut entropy, &caller, other, Some(&remember));
    let late = late.await.expect_err("superseded");
    assert!(matches!(late, StartError::Act(ActError::Superseded)), "{late}");
    assert_eq!(count(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_copies_at_once_one_is_carried_out() {
    let world = Arc::new(World::new().await);
    let body = json!({ "to": NUMBER });
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (world, body) = (Arc::clone(&world), body.clone());
            tokio::spawn(async move { start(&world, "wish 1", &body).await })
        })
        .collect();
    let mut fresh = 0;
    for task in tasks {
        let answer = task.await.expect("no panic");
        match answer.status.as_u16() {
            201 if answer.header("idempotency-replayed").is_empty() => fresh += 1,
            201 => {}
            _ => assert_eq!(answer.problem().1, "idempotency_in_progress"),
        }
    }
    assert_eq!((fresh, count(&world).await), (1, 1));
}

#[tokio::test]
async fn a_client_that_hangs_up_at_any_moment_leaves_nothing_half_done() {
    for polls in 1..60 {
        let world = World::new().await;
        let body = json!({ "to": NUMBER });
        {
            let mut pending = pin!(start(&world, "wish 1", &body));
            let mut left = polls;
            poll_fn(|context| {
                left -= 1;
                let ready = pending.as_mut().poll(context).is_ready();
                if ready || left == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        // Asked again, it is carried out now, or was carried out then; meanwhile it says so.
        let answer = loop {
            let answer = start(&world, "wish 1", &body).await;
            if answer.status == 201 {
                break answer;
            }
            assert_eq!(answer.problem().1, "idempotency_in_progress", "after {polls} polls");
            tokio::task::yield_now().await;
        };
        assert_eq!(count(&world).await, 1, "after {polls} polls");
        let replay = start(&world, "wish 1", &body).await;
        assert_eq!(replay.text, answer.text);
    }
}
