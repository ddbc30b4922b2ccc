//! Reading: one, the list in pages, the calls.

use super::world::{NUMBER, World};
use belfry::call::{CallEventKind, Delivery, Receipt};
use belfry::reason::Reason;
use belfry::time::Duration;
use serde_json::{Value, json};

#[tokio::test]
async fn the_list_is_walked_newest_first_without_gap_or_repetition() {
    let world = World::new().await;
    let mut made = Vec::new();
    for index in 0..7 {
        // Three of them within one millisecond.
        world.advance_ms(i64::from(index > 2));
        let body = json!({ "to": NUMBER, "purpose": format!("p{index}") });
        made.push(world.post("/v1/verifications", body).await.json()["id"].clone());
    }
    let mut seen = Vec::new();
    let mut path = "/v1/verifications?limit=3".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = world.get(&path).await.json();
        let data = page["data"].as_array().expect("a list");
        pages.push(data.len());
        seen.extend(data.iter().map(|one| one["id"].clone()));
        // What comes later does not shift the pages.
        let purpose = format!("later{}", pages.len());
        world.post("/v1/verifications", json!({ "to": NUMBER, "purpose": purpose })).await;
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(page["has_more"], false);
            break;
        };
        assert_eq!(page["has_more"], true);
        path = format!("/v1/verifications?limit=3&after={cursor}");
    }
    assert_eq!(pages, [3, 3, 1]);
    assert_eq!(seen.len(), 7);
    let by_time = |id: &Value| made.iter().position(|other| other == id).expect("one of ours");
    let order: Vec<usize> = seen.iter().map(by_time).collect();
    assert_eq!(order[..4], [6, 5, 4, 3]);
    let mut rest = order[4..].to_vec();
    rest.sort_unstable();
    assert_eq!(rest, [0, 1, 2], "in one millisecond, in the order of their ids");
}

#[tokio::test]
async fn a_page_has_20_by_default_and_its_parameters_are_judged() {
    let world = World::new().await;
    for index in 0..21 {
        let body = json!({ "to": NUMBER, "purpose": format!("p{index}") });
        world.post("/v1/verifications", body).await;
    }
    let page = world.get("/v1/verifications").await.json();
    assert_eq!(
        (page["data"].as_array().map(Vec::len), &page["has_more"]),
        (Some(20), &true.into())
    );
    let whole = world.get("/v1/verifications?limit=100").await.json();
    assert_eq!(whole["data"].as_array().map(Vec::len), Some(21));
    for (query, param) in
        [("limit=0", "limit"), ("limit=101", "limit"), ("after=x", "after"), ("before=x", "before")]
    {
        let answer = world.get(&format!("/v1/verifications?{query}")).await;
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{query}");
        assert_eq!(answer.json()["param"], param);
    }
}

#[tokio::test]
async fn a_call_is_followed_from_the_queue_to_its_receipt() {
    let world = World::new().await;
    let id = world.start().await["id"].as_str().expect("an id").to_owned();
    let one = format!("/v1/verifications/{id}");
    let order = world.dispatch().await.remove(0);
    for (kind, state) in [
        (CallEventKind::Dialing, "dialing"),
        (CallEventKind::Proceeding, "proceeding"),
        (CallEventKind::EarlyMedia, "early_media"),
        (CallEventKind::Ringing, "ringing"),
        (CallEventKind::Proceeding, "ringing"),
        (CallEventKind::Forwarded, "ringing"),
        (CallEventKind::Answered, "answered"),
        (CallEventKind::HumanConfirmed, "human_confirmed"),
        (CallEventKind::CodePlayed { readings: 1 }, "playing"),
        (CallEventKind::CodePlayed { readings: 2 }, "playing"),
    ] {
        world.observe(order.attempt, kind).await;
        let seen = world.get(&one).await.json();
        assert_eq!(seen["last_attempt"]["state"], state);
        assert_eq!(seen["resend_after"], Value::Null, "while the call is up");
    }
    world.advance_s(20);
    world.observe(order.attempt, CallEventKind::Ended(Box::new(a_full_receipt()))).await;
    let seen = world.get(&one).await.json();
    assert_eq!(
        seen["last_attempt"],
        json!({ "id": order.attempt, "state": "ended", "reason": "hung_up",
                "message": "You hung up after the code was read out." })
    );
    assert_eq!(seen["resend_after"], "2026-11-24T10:00:50.000Z");
    let attempts = world.get(&format!("{one}/attempts")).await.json();
    assert_eq!(attempts, the_list_of(&order.attempt.to_string(), &id));
}

fn a_full_receipt() -> Receipt {
    Receipt {
        rang: true,
        answered: true,
        forwarded: true,
        human_confirmed: true,
        delivery: Delivery::Full,
        readings: 2,
        last_digit_index: Some(3),
        audio_received: true,
        keys_seen: 1,
        sip_status: Some(200),
        q850_cause: Some(16),
        packets_sent: 900,
        packets_received: 880,
        packets_lost: 2,
        setup_time: Duration::from_millis(4_200),
        talk_time: Duration::from_millis(18_020),
        ..Receipt::unplaced(Reason::HungUp)
    }
}

fn the_list_of(attempt: &str, verification: &str) -> Value {
    json!({ "has_more": false, "next_cursor": null, "data": [{
            "id": attempt, "object": "attempt", "verification": verification, "state": "ended",
            "reason": "hung_up", "message": "You hung up after the code was read out.",
            "send": 1, "origin": "request", "trunk": "one",
            "created_at": "2026-11-24T10:00:00.000Z", "due_at": "2026-11-24T10:00:00.000Z",
            "dialed_at": "2026-11-24T10:00:00.000Z", "ended_at": "2026-11-24T10:00:20.000Z",
            "receipt": { "rang": true, "answered": true, "forwarded": true,
                "human_confirmed": true, "delivery": "full", "readings": 2, "last_digit_index": 3,
                "audio_received": true, "keys_seen": 1, "sip_status": 200, "q850_cause": 16,
                "packets_sent": 900, "packets_received": 880, "packets_lost": 2,
                "setup_ms": 4200, "talk_ms": 18020 }
        }] })
}
