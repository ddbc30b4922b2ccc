//! `POST /v1/verifications`.

use super::world::{NUMBER, World, extension_of, seconds};
use belfry::call::CallEventKind;
use belfry::reason::Reason;
use serde_json::{Value, json};

#[tokio::test]
async fn a_start_answers_the_whole_object() {
    let world = World::new().await;
    let body = json!({
        "to": "+32 2 580 50 00", "extension": null, "channel": "call", "purpose": "login",
        "locale": "en-GB", "entity": "user_42", "client_ip": "203.0.113.7",
        "human_check": "required", "workflow": [], "metadata": { "panel": "eu1" }
    });
    let answer = world.post("/v1/verifications", body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut object = answer.json();
    let take = |object: &mut Value, name: &str| {
        object.as_object_mut().expect("an object").remove(name).expect(name)
    };
    let id = take(&mut object, "id");
    assert!(id.as_str().is_some_and(|id| id.starts_with("ver_") && id.len() == 36), "{id}");
    let attempt = take(&mut object, "last_attempt");
    assert!(attempt["id"].as_str().is_some_and(|id| id.starts_with("att_")), "{attempt}");
    assert_eq!(attempt["state"], "queued");
    assert_eq!((&attempt["reason"], &attempt["message"]), (&Value::Null, &Value::Null));
    assert_eq!(
        object,
        json!({
            "object": "verification", "service": "panel", "to": "+32 2 • •• •• 00",
            "line": "landline", "channel": "call", "purpose": "login", "entity": "user_42",
            "status": "pending", "code_length": 6, "locale": "en-GB", "locale_used": "en",
            "checks_remaining": 5, "sends_remaining": 4, "resend_after": null,
            "created_at": "2026-11-24T10:00:00.000Z", "expires_at": "2026-11-24T10:05:00.000Z",
            "next_step": null, "metadata": { "panel": "eu1" }
        })
    );
}

#[tokio::test]
async fn national_numbers_are_read_in_the_region_of_the_service() {
    let world = World::new().await;
    let answer = world.post("/v1/verifications", json!({ "to": "02 580 50 00" })).await;
    assert_eq!(answer.status, 201);
    assert_eq!(world.dispatch().await[0].to.expose(), NUMBER);
}

#[tokio::test]
async fn an_extension_is_taken_from_either_place_but_not_from_both() {
    let world = World::new().await;
    for (body, extension) in [
        (json!({ "to": "+3225805000;ext=204" }), "204"),
        (json!({ "to": "+3225805000", "extension": "0" }), "0"),
        (json!({ "to": "+3225805000", "extension": "1234567890" }), "1234567890"),
    ] {
        let answer = world.post("/v1/verifications", body).await;
        assert_eq!(answer.status, 201);
        assert_eq!(answer.json()["to"], "+32 2 • •• •• 00;ext=•••");
        let order = world.dispatch().await.remove(0);
        assert_eq!(extension_of(&order), Some(extension));
    }
    for body in [
        json!({ "to": "+3225805000;ext=204", "extension": "204" }),
        json!({ "to": "+3225805000;ext=" }),
        json!({ "to": "+3225805000;ext=2a" }),
        json!({ "to": "+3225805000", "extension": "12345678901" }),
        json!({ "to": "+3225805000", "extension": "*1" }),
    ] {
        let answer = world.post("/v1/verifications", body).await;
        assert_eq!(answer.problem(), (422, "extension_invalid".to_owned()));
        assert_eq!(answer.json()["param"], "extension");
    }
}

#[tokio::test]
async fn each_unusable_field_is_refused_by_name() {
    let world = World::new().await;
    let long = "x".repeat(129);
    for (field, value, status, code) in [
        ("to", json!("12"), 403, "destination_not_allowed"),
        ("to", json!("+32 2"), 422, "invalid_phone_number"),
        ("to", json!("hello"), 422, "invalid_phone_number"),
        ("to", json!("+3225805000;foo=1"), 422, "invalid_phone_number"),
        ("to", json!(3_225_805_000_u64), 400, "invalid_request"),
        ("to", json!(""), 400, "invalid_request"),
        ("to", Value::Null, 400, "invalid_request"),
        ("extension", json!(204), 400, "invalid_request"),
        ("channel", json!("sms"), 400, "invalid_request"),
        ("purpose", json!("Log in"), 400, "invalid_request"),
        ("locale", json!("fr-BE"), 422, "unsupported_locale"),
        ("locale", json!("x"), 422, "unsupported_locale"),
        ("entity", json!(long), 400, "invalid_request"),
        ("entity", json!("a\nb"), 400, "invalid_request"),
        ("client_ip", json!("203.0.113"), 400, "invalid_request"),
        ("human_check", json!("off"), 400, "invalid_request"),
        ("workflow", json!([{ "channel": "call" }]), 400, "invalid_request"),
        ("metadata", json!([]), 400, "invalid_request"),
        ("metadata", json!({ "a": 1 }), 400, "invalid_request"),
        ("metadata", json!({ "": "a" }), 400, "invalid_request"),
        ("metadata", json!({ "a": "x".repeat(201) }), 400, "invalid_request"),
        ("colour", json!("red"), 400, "invalid_request"),
    ] {
        let mut body = json!({ "to": NUMBER });
        body[field] = value.clone();
        let answer = world.post("/v1/verifications", body).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{field} {value}");
        assert_eq!(answer.json()["param"], field, "{value}");
    }
    assert_eq!(world.get("/v1/verifications").await.json()["data"], json!([]), "nothing began");
}

#[tokio::test]
async fn numbers_that_must_not_be_called_are_refused_with_the_reason() {
    let world = World::new().await;
    for (to, reason) in [
        ("112", "emergency"),
        ("911", "emergency"),
        ("1234", "short_code"),
        ("+3290012345", "premium"),
        ("+881612345678", "satellite"),
        ("+31201234567", "country_not_enabled"),
    ] {
        let answer = world.post("/v1/verifications", json!({ "to": to })).await;
        assert_eq!(answer.problem(), (403, "destination_not_allowed".to_owned()), "{to}");
        assert_eq!(answer.json()["reason"], reason, "{to}");
        assert!(!answer.text.contains(to), "{to} is not repeated");
    }
}

#[tokio::test]
async fn a_start_for_a_pending_one_is_a_retry_that_waits_for_the_call_and_the_cool_down() {
    let world = World::new().await;
    let first = world.start().await;
    let again = || world.post("/v1/verifications", json!({ "to": NUMBER }));
    assert_eq!(again().await.problem(), (409, "call_in_progress".to_owned()), "queued");
    let order = world.dispatch().await.remove(0);
    assert_eq!(again().await.problem(), (409, "call_in_progress".to_owned()), "dialing");
    world.observe(order.attempt, CallEventKind::Ringing).await;
    world.advance_s(25);
    world.settle(order.attempt, Reason::NoAnswer).await;

    let early = again().await;
    assert_eq!(early.problem(), (429, "resend_too_soon".to_owned()));
    assert_eq!(early.header("retry-after"), "30", "counted from the end of the call");
    assert_eq!(early.json()["retry_after"], 30);
    world.advance_s(29);
    assert_eq!(again().await.header("retry-after"), "1");
    world.advance_s(1);

    let retry = again().await;
    assert_eq!(retry.status, 200, "not a new one");
    let retry = retry.json();
    assert_eq!(retry["id"], first["id"]);
    assert_eq!(retry["sends_remaining"], 3);
    assert_eq!(retry["last_attempt"]["state"], "queued");
    assert_ne!(retry["last_attempt"]["id"], first["last_attempt"]["id"]);
    assert_eq!(retry["expires_at"], first["expires_at"], "a retry does not prolong it");
}

#[tokio::test]
async fn another_purpose_number_or_extension_is_another_verification() {
    let world = World::new().await;
    let first = world.start().await;
    for body in [
        json!({ "to": NUMBER, "purpose": "enrol" }),
        json!({ "to": "+3225805001" }),
        json!({ "to": NUMBER, "extension": "1" }),
    ] {
        let answer = world.post("/v1/verifications", body).await;
        assert_eq!(answer.status, 201);
        assert_ne!(answer.json()["id"], first["id"]);
    }
}

#[tokio::test]
async fn a_verification_has_five_calls_and_the_cool_down_grows() {
    let world = World::with_service(|policy| {
        policy.ttl = seconds(600);
        policy.resend_after = [30, 60, 90].map(seconds).to_vec();
    })
    .await;
    for wait in [30, 60, 90, 90, 0] {
        world.start().await;
        let order = world.dispatch().await.remove(0);
        world.settle(order.attempt, Reason::NoAnswer).await;
        if wait > 0 {
            world.advance_s(wait - 1);
            let early = world.post("/v1/verifications", json!({ "to": NUMBER })).await;
            assert_eq!(early.problem(), (429, "resend_too_soon".to_owned()));
            world.advance_s(1);
        }
    }
    let sixth = world.post("/v1/verifications", json!({ "to": NUMBER })).await;
    assert_eq!(sixth.problem(), (429, "max_sends_reached".to_owned()));
    assert_eq!(sixth.header("retry-after"), "330", "then this one has expired");
}

#[tokio::test]
async fn after_it_expired_a_start_makes_a_new_one() {
    let world = World::new().await;
    let (id, _code) = world.called().await;
    world.advance_s(299);
    let late = world.post("/v1/verifications", json!({ "to": NUMBER })).await;
    assert_eq!(late.problem(), (429, "resend_too_soon".to_owned()), "no time for a call is left");
    assert_eq!(late.header("retry-after"), "1");
    world.advance_s(1);
    let fresh = world.post("/v1/verifications", json!({ "to": NUMBER })).await;
    assert_eq!(fresh.status, 201);
    assert_ne!(fresh.json()["id"], id.as_str());
    let old = world.get(&format!("/v1/verifications/{id}")).await.json();
    assert_eq!(old["status"], "expired");
}
