//! Requests that are not what they should be, and what every answer has.

use super::world::{NUMBER, World};
use axum::body::{Body, Bytes};
use axum::http::Method;
use belfry::api::Limits;
use belfry::time::Duration;
use hyper::body::Frame;
use serde_json::json;
use std::pin::Pin;
use std::task::{Context, Poll};

#[tokio::test]
async fn what_is_not_one_json_object_is_refused_without_being_repeated() {
    let world = World::new().await;
    let deep = format!("{{\"to\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    for body in [
        &b""[..],
        b"{",
        b"{\"to\": \"+3225805000\"",
        b"{\"to\": \"+3225805000\",}",
        b"{'to': '+3225805000'}",
        b"{\"to\": \"+3225805000\"} x",
        b"{\"to\": \"\xff\xfe\"}",
        b"\xef\xbb\xbf{\"to\": \"+3225805000\"}",
        b"[]",
        b"null",
        b"\"+3225805000\"",
        b"{\"to\": \"+3225805000\", \"to\": \"+3225805001\"}",
        b"{\"to\": NaN}",
        deep.as_bytes(),
    ] {
        let request = world.request(Method::POST, "/v1/verifications", body.to_vec());
        let answer = world.send(request).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{shown}");
        assert!(!answer.text.contains("5805000"), "{}", answer.text);
    }
}

#[tokio::test]
async fn an_unknown_field_is_named_and_cut_short() {
    let world = World::new().await;
    let answer = world.post("/v1/verifications", json!({ "to": NUMBER, "colour": 1 })).await;
    assert_eq!(answer.problem(), (400, "invalid_request".to_owned()));
    assert_eq!(answer.json()["param"], "colour");
    let long = "é".repeat(1000);
    let answer = world.post("/v1/verifications", json!({ "to": NUMBER, long: 1 })).await;
    assert_eq!(answer.json()["param"], "é".repeat(64));
}

#[tokio::test]
async fn a_body_must_say_that_it_is_json() {
    let world = World::new().await;
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let mut request = world.request(Method::POST, "/v1/verifications", "{}");
        request.headers_mut().remove("content-type");
        if let Some(kind) = kind {
            request.headers_mut().insert("content-type", kind.parse().expect("a value"));
        }
        let answer = world.send(request).await;
        assert_eq!(answer.problem(), (415, "unsupported_media_type".to_owned()), "{kind:?}");
    }
}

#[tokio::test]
async fn a_cancellation_needs_no_body_but_takes_an_empty_object() {
    let world = World::new().await;
    let id = world.start().await["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/verifications/{id}/cancel");
    let refused = world.post(&path, json!({ "why": "x" })).await;
    assert_eq!(refused.problem(), (400, "invalid_request".to_owned()));
    let mut request = world.request(Method::POST, &path, Body::empty());
    request.headers_mut().remove("content-type");
    assert_eq!(world.send(request).await.json()["status"], "canceled");
}

#[tokio::test]
async fn a_body_may_have_64_kib_and_not_one_byte_more() {
    let world = World::new().await;
    let padded = |length: usize| {
        let head = format!("{{\"to\":\"{NUMBER}\"");
        format!("{head}{}}}", " ".repeat(length - head.len() - 1))
    };
    let at = world.request(Method::POST, "/v1/verifications", padded(65_536));
    assert_eq!(world.send(at).await.status, 201);
    let above = world.request(Method::POST, "/v1/verifications", padded(65_537));
    assert_eq!(world.send(above).await.problem(), (413, "content_too_large".to_owned()));
    // The same without a length that gives it away.
    let chunks: Vec<_> = padded(65_537).into_bytes().chunks(1000).map(<[u8]>::to_vec).collect();
    let body = Body::new(Pieces { left: chunks.into_iter(), then: Then::End });
    let request = world.request(Method::POST, "/v1/verifications", body);
    assert_eq!(world.send(request).await.problem(), (413, "content_too_large".to_owned()));
}

/// A body in pieces, without a length.
struct Pieces {
    left: std::vec::IntoIter<Vec<u8>>,
    then: Then,
}

/// What comes after the last piece.
#[derive(Clone, Copy)]
enum Then {
    End,
    Break,
    Nothing,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match (self.left.next(), self.then) {
            (Some(piece), _) => Poll::Ready(Some(Ok(Frame::data(piece.into())))),
            (None, Then::End) => Poll::Ready(None),
            (None, Then::Break) => {
                Poll::Ready(Some(Err(std::io::Error::other("secret inner words"))))
            }
            (None, Then::Nothing) => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_does_nothing() {
    let world = World::new().await;
    let whole = json!({ "to": NUMBER }).to_string().into_bytes();
    let body = Body::new(Pieces { left: vec![whole].into_iter(), then: Then::Break });
    let answer = world.send(world.request(Method::POST, "/v1/verifications", body)).await;
    assert_eq!(answer.problem(), (400, "invalid_request".to_owned()));
    assert!(!answer.text.contains("inner words"));
    assert_eq!(world.get("/v1/verifications").await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let body_timeout = Duration::from_millis(20);
    let world = World::with_limits(Limits { body_timeout, ..Limits::default() }).await;
    let whole = json!({ "to": NUMBER }).to_string().into_bytes();
    let body = Body::new(Pieces { left: vec![whole].into_iter(), then: Then::Nothing });
    let answer = world.send(world.request(Method::POST, "/v1/verifications", body)).await;
    assert_eq!(answer.problem(), (408, "request_timeout".to_owned()));
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(world.get("/v1/verifications").await.json()["data"], json!([]));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let world = World::new().await;
    for path in ["/", "/v1", "/v1/verifications/", "/v1/verifications/x/resend", "/v2/x", "//"] {
        assert_eq!(world.get(path).await.problem(), (404, "not_found".to_owned()), "{path}");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/v1/verifications", "GET,HEAD,POST"),
        (Method::PUT, "/v1/verifications/x", "GET,HEAD"),
        (Method::GET, "/v1/verifications/x/check", "POST"),
        (Method::POST, "/healthz", "GET,HEAD"),
    ] {
        let answer = world.send(world.request(method, path, Body::empty())).await;
        assert_eq!(answer.problem(), (405, "method_not_allowed".to_owned()), "{path}");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    let answer = world.get("/v1/verifications/%ff%fe").await;
    assert_eq!(answer.problem(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_request_id_is_echoed_if_it_is_harmless_and_made_if_it_is_not() {
    let world = World::new().await;
    for (offered, echoed) in [("panel-7.b_2", true), ("a b", false), ("{}", false), ("", false)] {
        for path in ["/healthz", "/nowhere"] {
            let mut request = world.request(Method::GET, path, Body::empty());
            request.headers_mut().insert("x-request-id", offered.parse().expect("a value"));
            let answer = world.send(request).await;
            let given = answer.header("x-request-id");
            assert_eq!(given == offered, echoed, "{offered} {given}");
            assert!(echoed || given.starts_with("req_"), "{given}");
        }
    }
    let first = world.get("/healthz").await;
    let second = world.get("/healthz").await;
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn every_answer_forbids_storing_and_sniffing() {
    let world = World::new().await;
    for path in ["/healthz", "/nowhere", "/v1/verifications", "/v1/verifications/x"] {
        let answer = world.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}
