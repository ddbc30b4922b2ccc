//! What the calls of a verification do to it: dispatch, settle, sweep.

use super::world::{NUMBER, World, extension_of, text_of};
use belfry::call::CallEventKind;
use belfry::id::VerificationId;
use belfry::reason::Reason;
use serde_json::{Value, json};

async fn seen(world: &World, id: &str) -> Value {
    world.get(&format!("/v1/verifications/{id}")).await.json()
}

async fn started(world: &World) -> String {
    world.start().await["id"].as_str().expect("an id").to_owned()
}

async fn sweep(world: &World) -> belfry::gateway::Swept {
    let mut entropy = world.entropy();
    world.gateway.sweep(world.now(), &mut entropy).await.expect("swept")
}

/// The events of a verification in order, each as `kind` or `kind reason`.
async fn events(world: &World, id: &str) -> Vec<String> {
    let id: VerificationId = id.parse().expect("an id");
    let mut tx = world.gateway.store().read().await.expect("a transaction");
    let told = tx.events(id).await.expect("events");
    let line = |event: &belfry::store::Event| {
        let data: Value = serde_json::from_str(&event.data).expect("JSON");
        match data["reason"].as_str() {
            Some(reason) => format!("{} {reason}", event.kind.as_str()),
            None => event.kind.as_str().to_owned(),
        }
    };
    told.iter().map(line).collect()
}

#[tokio::test]
async fn an_order_carries_what_the_call_needs() {
    let world = World::with_service(|policy| {
        policy.code_length = 8;
        policy.human_check_digits = 2;
        policy.readings = 4;
    })
    .await;
    let body = json!({ "to": NUMBER, "extension": "204", "locale": "en-AU" });
    world.post("/v1/verifications", body).await;
    let order = world.dispatch().await.remove(0);
    assert_eq!((order.to.expose(), extension_of(&order)), (NUMBER, Some("204")));
    assert_eq!((order.trunk.as_str(), order.locale.as_str()), ("one", "en"));
    assert_eq!(order.code.len(), 8);
    assert_eq!((order.script.human_check_digits, order.script.readings), (2, 4));
    assert!(world.dispatch().await.is_empty(), "a call is taken once");
}

#[tokio::test]
async fn no_more_calls_are_taken_than_there_is_room_for() {
    let world = World::new().await;
    for index in 0..5 {
        world
            .post("/v1/verifications", json!({ "to": NUMBER, "purpose": format!("p{index}") }))
            .await;
        world.advance_ms(1);
    }
    let mut taken = Vec::new();
    for room in [0, 2, 2, 2] {
        let mut entropy = world.entropy();
        let orders = world.gateway.dispatch(world.now(), &mut entropy, "node", room).await;
        taken.push(orders.expect("dispatched").len());
    }
    assert_eq!(taken, [0, 2, 2, 1]);
}

#[tokio::test]
async fn a_busy_line_is_called_again_once_with_another_code() {
    let world = World::new().await;
    let id = started(&world).await;
    let first = world.dispatch().await.remove(0);
    world.settle(first.attempt, Reason::Busy).await;
    assert_eq!(seen(&world, &id).await["sends_remaining"], 3);
    let wait = world.post("/v1/verifications", json!({ "to": NUMBER })).await;
    assert_eq!(wait.problem(), (409, "call_in_progress".to_owned()), "one is waiting");
    world.advance_s(59);
    assert!(world.dispatch().await.is_empty());
    world.advance_s(1);
    let second = world.dispatch().await.remove(0);
    assert_eq!(second.trunk, "one", "the trunk was not at fault");
    let old = world.check(&id, &text_of(&first.code)).await.json();
    assert_eq!(old["valid"], text_of(&first.code) == text_of(&second.code));
    world.settle(second.attempt, Reason::Busy).await;
    world.advance_s(60);
    assert!(world.dispatch().await.is_empty(), "not twice");
    assert_eq!(seen(&world, &id).await["status"], "pending");
}

#[tokio::test]
async fn a_dead_trunk_is_passed_over_within_the_same_send_and_asked_again_later() {
    let world = World::new().await;
    let id = started(&world).await;
    let mut trunks = Vec::new();
    for wait in [0, 0, 5, 10, 20] {
        world.advance_s(wait);
        let order = world.dispatch().await.remove(0);
        world.settle(order.attempt, Reason::TrunkUnavailable).await;
        trunks.push(order.trunk);
    }
    assert_eq!(trunks, ["one", "two", "one", "two", "one"]);
    let end = seen(&world, &id).await;
    assert_eq!((&end["status"], &end["sends_remaining"]), (&json!("failed"), &json!(4)));
    assert_eq!(end["last_attempt"]["message"], "The call failed for a technical reason.");
    let attempts = world.get(&format!("/v1/verifications/{id}/attempts")).await.json();
    let sends: Vec<_> = attempts["data"].as_array().expect("a list").iter().collect();
    assert!(sends.iter().all(|attempt| attempt["send"] == 1), "{attempts}");
}

#[tokio::test]
async fn a_call_that_was_heard_one_way_only_is_redialled_on_another_trunk() {
    let world = World::new().await;
    started(&world).await;
    let first = world.dispatch().await.remove(0);
    world.settle(first.attempt, Reason::OneWayAudio).await;
    let second = world.dispatch().await.remove(0);
    assert_eq!((first.trunk.as_str(), second.trunk.as_str()), ("one", "two"));
}

#[tokio::test]
async fn a_number_that_does_not_exist_fails_at_once_and_may_be_started_anew() {
    let world = World::new().await;
    let id = started(&world).await;
    let order = world.dispatch().await.remove(0);
    world.settle(order.attempt, Reason::InvalidNumber).await;
    let end = seen(&world, &id).await;
    assert_eq!(
        (&end["status"], &end["last_attempt"]["message"]),
        (&json!("failed"), &json!("This number does not exist."))
    );
    assert_ne!(started(&world).await, id);
}

#[tokio::test]
async fn the_report_key_ends_the_verification() {
    let world = World::new().await;
    let id = started(&world).await;
    let order = world.dispatch().await.remove(0);
    world.settle(order.attempt, Reason::FraudReported).await;
    assert_eq!(seen(&world, &id).await["status"], "fraud_reported");
    let late = world.check(&id, &text_of(&order.code)).await;
    assert_eq!(late.json()["verification_status"], "fraud_reported");
    let told = events(&world, &id).await;
    assert_eq!(told[told.len() - 2..], ["call.ended fraud_reported", "fraud.reported"]);
}

#[tokio::test]
async fn no_call_starts_that_could_not_be_heard_in_time() {
    let world = World::new().await;
    let id = started(&world).await;
    world.advance_s(271);
    assert!(world.dispatch().await.is_empty());
    let end = seen(&world, &id).await;
    assert_eq!(end["status"], "pending");
    assert_eq!(end["last_attempt"]["reason"], "expired");
    assert_eq!(end["last_attempt"]["message"], "There was no time left to call.");

    let world = World::new().await;
    started(&world).await;
    world.advance_s(270);
    assert_eq!(world.dispatch().await.len(), 1);
}

#[tokio::test]
async fn settling_twice_is_once() {
    let world = World::new().await;
    let id = started(&world).await;
    let order = world.dispatch().await.remove(0);
    world.settle(order.attempt, Reason::Busy).await;
    world.settle(order.attempt, Reason::InvalidNumber).await;
    let now = seen(&world, &id).await;
    assert_eq!((&now["status"], &now["sends_remaining"]), (&json!("pending"), &json!(3)));
}

#[tokio::test]
async fn the_calls_of_a_dead_gateway_are_interrupted_and_placed_anew() {
    let world = World::new().await;
    let id = started(&world).await;
    let lost = world.dispatch().await.remove(0);
    world.observe(lost.attempt, CallEventKind::Proceeding).await;
    world.advance_s(59);
    assert_eq!(sweep(&world).await.interrupted, 0);
    let renewed = world.gateway.renew_leases(world.now(), "node").await.expect("renewed");
    assert_eq!(renewed, 1);
    world.advance_s(59);
    assert_eq!(sweep(&world).await.interrupted, 0, "it was renewed");
    world.advance_s(1);
    assert_eq!(sweep(&world).await.interrupted, 1);
    world.advance_s(5);
    let next = world.dispatch().await.remove(0);
    assert_ne!(next.attempt, lost.attempt);
    let attempts = world.get(&format!("/v1/verifications/{id}/attempts")).await.json();
    assert_eq!(attempts["data"][0]["reason"], "interrupted");
    world.settle(lost.attempt, Reason::Completed).await;
    let still = world.get(&format!("/v1/verifications/{id}/attempts")).await.json();
    assert_eq!(still["data"][0]["reason"], "interrupted", "what was said stays said");
}

#[tokio::test]
async fn what_happened_is_told_in_order_and_once() {
    let world = World::new().await;
    let id = started(&world).await;
    world.advance_ms(1);
    let order = world.dispatch().await.remove(0);
    for kind in [
        CallEventKind::Dialing,
        CallEventKind::Proceeding,
        CallEventKind::Forwarded,
        CallEventKind::Forwarded,
        CallEventKind::Ringing,
        CallEventKind::Ringing,
        CallEventKind::Answered,
        CallEventKind::HumanConfirmed,
        CallEventKind::CodePlayed { readings: 1 },
        CallEventKind::CodePlayed { readings: 2 },
    ] {
        world.advance_ms(1);
        world.observe(order.attempt, kind).await;
    }
    world.advance_ms(1);
    world.settle(order.attempt, Reason::Completed).await;
    world.advance_ms(1);
    world.check(&id, "0").await;
    world.advance_ms(1);
    world.check(&id, &text_of(&order.code)).await;
    assert_eq!(
        events(&world, &id).await,
        [
            "verification.created",
            "call.dialing",
            "call.forwarded",
            "call.ringing",
            "call.answered",
            "call.human_confirmed",
            "call.code_played",
            "call.code_played",
            "call.ended completed",
            "verification.check_failed",
            "verification.approved",
        ]
    );
    let mut tx = world.gateway.store().read().await.expect("a transaction");
    let audit = tx.audit_of(&id).await.expect("the audit");
    let acts: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(acts, ["verification.start", "verification.check_failed", "verification.approved"]);
    assert!(audit.iter().all(|entry| entry.actor.starts_with("key_")));
}

#[tokio::test]
async fn time_ends_what_nobody_ends() {
    let world = World::new().await;
    let (id, _code) = world.called().await;
    world.advance_s(299);
    assert_eq!(sweep(&world).await.expired, 0);
    world.advance_s(1);
    assert_eq!(seen(&world, &id).await["status"], "expired", "even before it is written");
    assert_eq!(sweep(&world).await.expired, 1);
    assert_eq!(sweep(&world).await.expired, 0);
    assert_eq!(events(&world, &id).await.last().map(String::as_str), Some("verification.expired"));
    let refused = world.post(&format!("/v1/verifications/{id}/cancel"), json!({})).await;
    assert_eq!(refused.json()["verification_status"], "expired");
}

#[tokio::test]
async fn a_waiting_call_ends_with_its_verification() {
    let world = World::new().await;
    let id = started(&world).await;
    let order = world.dispatch().await.remove(0);
    world.settle(order.attempt, Reason::Busy).await;
    world.check(&id, &text_of(&order.code)).await;
    world.advance_s(300);
    assert_eq!(sweep(&world).await.expired, 1);
    assert!(world.dispatch().await.is_empty());
    let end = seen(&world, &id).await;
    assert_eq!(end["last_attempt"]["state"], "ended");
    assert_eq!(end["last_attempt"]["reason"], "expired");
}

#[tokio::test]
async fn numbers_are_forgotten_after_30_days() {
    let mut world = World::new().await;
    let body = json!({ "to": NUMBER, "entity": "user_42", "metadata": { "a": "b" } });
    let id = world.post("/v1/verifications", body).await.json()["id"].clone();
    let id = id.as_str().expect("an id").to_owned();
    world.post(&format!("/v1/verifications/{id}/cancel"), json!({})).await;
    world.advance_s(30 * 24 * 60 * 60);
    assert_eq!(sweep(&world).await.pseudonymised, 0);
    world.advance_s(1);
    assert_eq!(sweep(&world).await.pseudonymised, 1);
    use belfry::gateway::Scope;
    world.key = world.new_key("panel", &[Scope::VerificationsRead, Scope::PiiRead]).await;
    let kept = seen(&world, &id).await;
    assert_eq!(
        (&kept["to"], &kept["entity"], &kept["metadata"]),
        (&json!(""), &Value::Null, &json!({}))
    );
    assert_eq!(kept["status"], "canceled");
}
