//! A whole run, and everything it left behind: no code, no full number, no key in any of it.

use super::world::{NUMBER, World, other_than, text_of};
use belfry::call::{CallEventKind, Receipt};
use belfry::gateway::Scope;
use belfry::reason::Reason;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::format::debug_fn;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Hears every log line of this process, of all its tests, down to the statements of the database.
/// Left out is what measures time: its digits are as random as a code's.
fn listen() -> Log {
    let log = Log::default();
    let writer = log.clone();
    let fields = debug_fn(|writer, field, value| {
        if field.name().starts_with("elapsed") {
            return Ok(());
        }
        write!(writer, " {field}={value:?}")
    });
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("info,belfry=trace,hyper=trace,sqlx=trace")
        .fmt_fields(fields)
        .without_time()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("this test alone listens");
    log
}

/// A number of its own for this test, so that each of its parts means only this.
const CALLED: &str = "+3226409417";

#[tokio::test]
async fn no_code_number_or_key_is_in_an_answer_a_log_line_or_the_database() {
    let log = listen();
    let mut world = World::new().await;
    let mut said = String::new();
    let body = json!({ "to": CALLED, "extension": "770931", "entity": "user_42" });
    let codes = call_three_times(&world, &body, &mut said).await;
    // Answers with full numbers and codes typed, remembered for a replay.
    world.key = world.new_key("panel", &[Scope::VerificationsWrite, Scope::PiiRead]).await;
    let body = json!({ "to": CALLED, "purpose": "replayed" }).to_string();
    let mut request = world.request(axum::http::Method::POST, "/v1/verifications", body);
    request.headers_mut().insert("idempotency-key", "wish".parse().expect("a value"));
    assert_eq!(world.send(request).await.json()["to"], CALLED);

    let log = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("UTF-8");
    for seen in ["An HTTP request was answered.", "insert into verifications"] {
        assert!(log.contains(seen), "the log was not heard: {seen}");
    }
    world.gateway.store().close().await;
    let mut files = Vec::new();
    for file in std::fs::read_dir(world.folder.path()).expect("listed") {
        files.extend(std::fs::read(file.expect("a file").path()).expect("read"));
    }
    assert!(files.len() > 4096, "the database was seen");

    let key = world.key.trim_start_matches("vk_live_");
    let mut secrets = codes;
    secrets.extend([&CALLED[1..], &CALLED[3..], &CALLED[5..], "770931", key].map(str::to_owned));
    for secret in &secrets {
        assert!(!said.contains(secret), "an answer or a Debug output holds a secret");
        assert!(!log.contains(secret), "the log holds a secret");
        let bytes = secret.as_bytes();
        let found = files.windows(bytes.len()).position(|window| window == bytes);
        assert_eq!(found, None, "the database holds a secret of {} characters", secret.len());
    }
    assert!(!NUMBER.contains(&CALLED[5..]));
}

/// Three verifications with their calls and checks, good and bad; gives the codes that were drawn.
async fn call_three_times(world: &World, body: &Value, said: &mut String) -> Vec<String> {
    let mut codes = Vec::new();
    for round in 0..3 {
        let started = world.post("/v1/verifications", body.clone()).await;
        said.push_str(&format!("{started:?}"));
        let id = started.json()["id"].as_str().expect("an id").to_owned();
        let order = world.dispatch().await.remove(0);
        said.push_str(&format!("{order:?}"));
        codes.push(text_of(&order.code));
        for kind in [
            CallEventKind::Ringing,
            CallEventKind::Answered,
            CallEventKind::HumanConfirmed,
            CallEventKind::CodePlayed { readings: 1 },
        ] {
            world.observe(order.attempt, kind).await;
        }
        let detail = format!("Warning: 399 pbx \"call to {CALLED} ({}) ended\"", &CALLED[1..]);
        let reason = if round == 0 { Reason::NoAnswer } else { Reason::Completed };
        let receipt = Receipt { detail: Some(detail), ..Receipt::unplaced(reason) };
        let ended = CallEventKind::Ended(Box::new(receipt));
        said.push_str(&format!("{ended:?}").replace(CALLED, "").replace(&CALLED[1..], ""));
        world.observe(order.attempt, ended).await;
        let wrong = other_than(&codes[codes.len() - 1]);
        said.push_str(&format!("{:?}", world.check(&id, &wrong).await));
        for path in [format!("/v1/verifications/{id}"), format!("/v1/verifications/{id}/attempts")]
        {
            said.push_str(&format!("{:?}", world.get(&path).await));
        }
        said.push_str(&format!("{:?}", world.get("/v1/verifications").await));
        if round == 1 {
            let right = world.check(&id, &codes[codes.len() - 1]).await;
            assert_eq!(right.json()["valid"], true);
            said.push_str(&format!("{right:?}"));
        }
        world.advance_s(120);
    }
    for bad in [CALLED.replace("+32", "+39"), format!("{CALLED}9"), format!("{CALLED};ext=77093x")]
    {
        said.push_str(&format!(
            "{:?}",
            world.post("/v1/verifications", json!({ "to": bad })).await
        ));
    }
    codes
}
