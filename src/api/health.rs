//! `/healthz`: the process answers. `/readyz`: it can do its work. Neither needs a key.

use super::Api;
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// Alive: says nothing about the database or the trunks, so that a restart is not asked for in
/// vain.
pub(super) async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Ready: the database takes writes, and the gateway is not stopping.
pub(super) async fn readyz(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    api.must_not_be_stopping()?;
    api.gateway.ready(api.now()).await?;
    Ok(Json(json!({ "status": "ok" })))
}
