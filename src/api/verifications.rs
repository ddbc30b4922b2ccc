//! `/v1/verifications`: each handler parses, calls one act and renders what it says.

use super::post::{Posted, post};
use super::problem::{Code, Problem};
use super::{Api, auth, fields::Fields, page, render, start_request};
use crate::gateway::{Caller, Scope};
use crate::id::VerificationId;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde_json::{Value, json};

/// Starts a verification, or calls again for a pending one of the same service, purpose and number.
pub(super) async fn start(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    post(api, request, render::started, async |posted| {
        let Posted { api, caller, body, remember } = posted;
        api.must_not_be_stopping()?;
        let request = start_request::parse(&body)?;
        let (now, mut entropy) = (api.now(), api.entropy());
        let remember = remember.as_ref();
        Ok(api.gateway.start(now, &mut entropy, &caller, request, remember).await?)
    })
    .await
}

/// Judges a code a person typed. Right and wrong are both 200.
pub(super) async fn check(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    post(api, request, render::checked, async move |posted| {
        let Posted { api, caller, body, remember } = posted;
        let mut fields = Fields::parse(&body, false)?;
        let code = fields.need_text("code", 32)?;
        fields.finish()?;
        let id = known(&id)?;
        let (now, mut entropy) = (api.now(), api.entropy());
        let remember = remember.as_ref();
        Ok(api.gateway.check(now, &mut entropy, &caller, id, &code, remember).await?)
    })
    .await
}

/// Takes a verification back, whatever its call is doing.
pub(super) async fn cancel(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    post(api, request, render::canceled, async move |posted| {
        let Posted { api, caller, body, remember } = posted;
        Fields::parse(&body, true)?.finish()?;
        let id = known(&id)?;
        let (now, mut entropy) = (api.now(), api.entropy());
        let remember = remember.as_ref();
        Ok(api.gateway.cancel(now, &mut entropy, &caller, id, remember).await?)
    })
    .await
}

/// One verification.
pub(super) async fn read(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let caller = reader(&api, &headers).await?;
    let view = api.gateway.read(api.now(), &caller, known(&id)?).await?;
    Ok(Json(render::verification(&view)))
}

/// The service's verifications, newest first.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let caller = reader(&api, &headers).await?;
    let page = page::parse(uri.query())?;
    let list = api.gateway.list(api.now(), &caller, page).await?;
    Ok(Json(json!({
        "data": list.verifications.iter().map(render::verification).collect::<Vec<_>>(),
        "has_more": list.next.is_some(),
        "next_cursor": list.next.map(|cursor| cursor.to_string()),
    })))
}

/// The calls of one verification, oldest first. They are few, so they come in one page.
pub(super) async fn attempts(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let caller = reader(&api, &headers).await?;
    let attempts = api.gateway.attempts(&caller, known(&id)?).await?;
    Ok(Json(json!({
        "data": attempts.iter().map(render::attempt).collect::<Vec<_>>(),
        "has_more": false,
        "next_cursor": null,
    })))
}

async fn reader(api: &Api, headers: &HeaderMap) -> Result<Caller, Problem> {
    auth::authorize(api, headers, Scope::VerificationsRead).await
}

/// Text that cannot be an id is no verification of anybody: answered as any other unknown one.
fn known(id: &str) -> Result<VerificationId, Problem> {
    id.parse().map_err(|_| not_found())
}

/// The one answer for an id that never was, is gone, or is another service's.
pub(super) fn not_found() -> Problem {
    Problem::new(Code::NotFound, "No verification of this service has this id.")
}
