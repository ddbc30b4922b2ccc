//! Keys, scopes, and what a service can learn about another one's verifications: nothing.

use super::world::{Answer, NUMBER, World};
use axum::body::Body;
use axum::http::{Method, Request};
use belfry::gateway::Scope;
use belfry::id::KeyId;
use belfry::store::{ApiKey, KeyKind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

async fn with_authorization(world: &World, value: Option<&str>) -> Answer {
    let mut request = Request::builder().uri("/v1/verifications");
    if let Some(value) = value {
        request = request.header("authorization", value);
    }
    world.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn without_a_good_key_nothing_is_answered_but_how_to_send_one() {
    let world = World::new().await;
    let near = format!("{}0", &world.key[..world.key.len() - 1]);
    let long = format!("vk_live_{}", "a".repeat(200));
    for (value, challenge) in [
        (None, "Bearer"),
        (Some("Basic dXNlcjpwYXNz".to_owned()), "Bearer"),
        (Some(world.key.clone()), "Bearer"),
        (Some("Bearer".to_owned()), "Bearer"),
        (Some("Bearer ".to_owned()), "Bearer"),
        (Some("Bearer vk_live_".to_owned()), "Bearer error=\"invalid_token\""),
        (Some(format!("Bearer {near}")), "Bearer error=\"invalid_token\""),
        (Some(format!("Bearer {long}")), "Bearer error=\"invalid_token\""),
        (Some("Bearer sk_live_0000".to_owned()), "Bearer error=\"invalid_token\""),
    ] {
        let answer = with_authorization(&world, value.as_deref()).await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "{value:?}");
        assert_eq!(answer.header("www-authenticate"), challenge, "{value:?}");
    }
    let good = with_authorization(&world, Some(&format!("bearer {}", world.key))).await;
    assert_eq!(good.status, 200);
}

#[tokio::test]
async fn a_revoked_key_and_a_key_of_a_service_that_is_gone_are_unknown() {
    let world = World::new().await;
    let id = KeyId::new(world.now(), &mut world.entropy());
    let key = ApiKey {
        id,
        service: "gone".to_owned(),
        kind: KeyKind::Live,
        scopes: BTreeSet::from(["verifications:read".to_owned()]),
        created_at: world.now(),
    };
    let mut tx = world.gateway.store().write().await.expect("a transaction");
    let digest = sha256(b"vk_live_gone");
    tx.insert_api_key(&key, &digest).await.expect("inserted");
    tx.commit().await.expect("committed");
    let answer = with_authorization(&world, Some("Bearer vk_live_gone")).await;
    assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));

    let mut tx = world.gateway.store().write().await.expect("a transaction");
    let found = tx.api_key(&sha256(world.key.as_bytes())).await.expect("read").expect("known");
    assert!(tx.revoke_api_key(found.id, world.now()).await.expect("revoked"));
    tx.commit().await.expect("committed");
    assert_eq!(world.get("/v1/verifications").await.problem().0, 401);
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

#[tokio::test]
async fn each_act_needs_its_scope() {
    let mut world = World::new().await;
    let id = world.start().await["id"].as_str().expect("an id").to_owned();
    let one = format!("/v1/verifications/{id}");
    let reader = world.new_key("panel", &[Scope::VerificationsRead]).await;
    let writer = world.new_key("panel", &[Scope::VerificationsWrite]).await;

    world.key = reader;
    let refused = [
        world.post("/v1/verifications", json!({ "to": NUMBER })).await,
        world.check(&id, "000000").await,
        world.post(&format!("{one}/cancel"), json!({})).await,
    ];
    for answer in refused {
        assert_eq!(answer.problem(), (403, "permission_denied".to_owned()));
        let challenge = "Bearer error=\"insufficient_scope\", scope=\"verifications:write\"";
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    assert_eq!(world.get(&one).await.json()["checks_remaining"], 5, "nothing was done");

    world.key = writer;
    for path in ["/v1/verifications".to_owned(), one.clone(), format!("{one}/attempts")] {
        let answer = world.get(&path).await;
        assert_eq!(answer.problem(), (403, "permission_denied".to_owned()), "{path}");
    }
}

/// The body without what names this one request.
fn anonymous(answer: &Answer) -> Value {
    let (_, _) = answer.problem();
    let mut body = answer.json();
    body["instance"] = Value::Null;
    body["request_id"] = Value::Null;
    body
}

#[tokio::test]
async fn a_foreign_a_missing_and_an_impossible_id_are_answered_alike() {
    let mut world = World::new().await;
    let foreign = world.start().await["id"].as_str().expect("an id").to_owned();
    world.key =
        world.new_key("other", &[Scope::VerificationsRead, Scope::VerificationsWrite]).await;
    let missing = format!("ver_{}", "0".repeat(32));
    let mut bodies = Vec::new();
    for id in [foreign.as_str(), missing.as_str(), "ver_1", "x", "%2e%2e", "att_0"] {
        let one = format!("/v1/verifications/{id}");
        bodies.push(anonymous(&world.get(&one).await));
        bodies.push(anonymous(&world.get(&format!("{one}/attempts")).await));
        bodies.push(anonymous(&world.check(id, "000000").await));
        bodies.push(anonymous(&world.post(&format!("{one}/cancel"), json!({})).await));
    }
    for body in &bodies {
        assert_eq!(body, &bodies[0]);
    }
    assert_eq!(bodies[0]["code"], "not_found");
    assert_eq!(world.get("/v1/verifications").await.json()["data"], json!([]));
}

#[tokio::test]
async fn full_numbers_are_shown_to_keys_that_may_see_them_only() {
    let mut world = World::new().await;
    let body = json!({ "to": NUMBER, "extension": "204" });
    let id = world.post("/v1/verifications", body).await.json()["id"].clone();
    let one = format!("/v1/verifications/{}", id.as_str().expect("an id"));
    assert_eq!(world.get(&one).await.json()["to"], "+32 2 • •• •• 00;ext=•••");
    world.key = world.new_key("panel", &[Scope::VerificationsRead, Scope::PiiRead]).await;
    assert_eq!(world.get(&one).await.json()["to"], "+3225805000;ext=204");
    let list = world.get("/v1/verifications").await.json();
    assert_eq!(list["data"][0]["to"], "+3225805000;ext=204");
}

#[tokio::test]
async fn health_needs_no_key() {
    let world = World::new().await;
    for path in ["/healthz", "/readyz"] {
        let request = Request::builder().method(Method::GET).uri(path);
        let answer = world.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.json(), json!({ "status": "ok" }));
    }
}

#[tokio::test]
async fn a_gateway_without_its_database_is_alive_but_not_ready_and_says_no_more() {
    let world = World::new().await;
    world.gateway.store().close().await;
    assert_eq!(world.get("/healthz").await.status, 200);
    for answer in [world.get("/readyz").await, world.get("/v1/verifications").await] {
        assert_eq!(answer.problem(), (503, "unavailable".to_owned()));
        assert_eq!(answer.header("retry-after"), "1");
        for word in ["sqlx", "pool", "sqlite", "closed", "belfry.db"] {
            assert!(!answer.text.to_lowercase().contains(word), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_stopping_gateway_starts_nothing_but_still_answers_for_what_it_has() {
    let world = World::new().await;
    let id = world.start().await["id"].as_str().expect("an id").to_owned();
    world.stopping.store(true, Ordering::SeqCst);
    let body = json!({ "to": "+3225805001" });
    for answer in [world.get("/readyz").await, world.post("/v1/verifications", body).await] {
        assert_eq!(answer.problem(), (503, "unavailable".to_owned()));
        assert_eq!(answer.header("retry-after"), "5");
    }
    let list = world.get("/v1/verifications").await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "nothing was started");
    assert_eq!(world.check(&id, "000000").await.status, 200);
    assert_eq!(world.get("/healthz").await.status, 200);
}
