//! What every `POST` goes through: key, body, idempotency, the act, its answer.
//!
//! The act runs as a task of its own, so that a client that hangs up in the middle leaves nothing
//! half done: what was begun is carried to its end and its answer stored.

use super::problem::Problem;
use super::{Api, auth, body, idempotency};
use crate::gateway::{ActError, Begun, Caller, Remember, Scope, StoredAnswer};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::future::Future;

/// What an act is given.
pub(super) struct Posted<V> {
    pub(super) api: Api,
    pub(super) caller: Caller,
    pub(super) body: Bytes,
    /// How to keep the answer, when the request is to be carried out once.
    pub(super) remember: Option<Remember<V>>,
}

/// Carries out one `POST`: `act` runs once, or not at all when the answer is known already;
/// `render` makes the answer of its outcome.
pub(super) async fn post<V, F, A>(
    api: Api,
    request: Request,
    render: fn(&V) -> StoredAnswer,
    act: F,
) -> Result<Response, Problem>
where
    V: Send + 'static,
    F: FnOnce(Posted<V>) -> A + Send + 'static,
    A: Future<Output = Result<V, Problem>> + Send,
{
    let (parts, stream) = request.into_parts();
    let caller = auth::authorize(&api, &parts.headers, Scope::VerificationsWrite).await?;
    let key = idempotency::key(&parts.headers)?;
    let body = body::read(&api.limits, &parts.headers, stream).await?;
    let path = parts.uri.path().to_owned();
    let task = tokio::spawn(async move {
        let Some(key) = key else {
            let outcome = act(Posted { api, caller, body, remember: None }).await?;
            return Ok(response(&render(&outcome), false));
        };
        let request = [&b"POST"[..], path.as_bytes(), &body[..]];
        let claim = match api.gateway.begin_idempotent(api.now(), &caller, &key, request).await? {
            Begun::New(claim) => claim,
            Begun::Answered(answer) => return Ok(response(&answer, true)),
            Begun::Running => return Err(idempotency::in_progress()),
            Begun::OtherRequest => return Err(idempotency::reused()),
        };
        let remember = Some(Remember { claim: claim.clone(), render });
        let outcome = act(Posted { api: api.clone(), caller, body, remember }).await;
        match outcome {
            Ok(outcome) => Ok(response(&render(&outcome), false)),
            Err(problem) => {
                give_back(&api, &claim).await;
                Err(problem)
            }
        }
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(error = %error, "A request failed by a fault of the gateway.");
        Err(Problem::internal())
    })
}

/// The refusal stands whether or not this succeeds: the claim lapses by itself.
async fn give_back(api: &Api, claim: &crate::gateway::Claim) {
    let given: Result<(), ActError> = api.gateway.abandon_idempotent(claim).await;
    if let Err(error) = given {
        tracing::warn!(error = %error, "A claim on an Idempotency-Key could not be given back.");
    }
}

fn response(answer: &StoredAnswer, replayed: bool) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, Body::from(answer.body.clone())).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if replayed {
        headers.insert(idempotency::IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
