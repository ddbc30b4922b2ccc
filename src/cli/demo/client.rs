//! The application's side of the demo: JSON over HTTP to the gateway's API.

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::net::SocketAddr;

/// An answer of the API is smaller.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// An application that holds an API key.
pub(super) struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    api: SocketAddr,
    key: crate::secret::Redacted<String>,
}

/// An answer of the gateway.
pub(super) struct Answer {
    /// The status line's code and words.
    pub(super) status: String,
    /// The body.
    pub(super) body: Value,
}

impl Client {
    pub(super) fn new(api: SocketAddr, key: crate::secret::Redacted<String>) -> Self {
        Client { http: Http::builder(TokioExecutor::new()).build_http(), api, key }
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// No answer, or one that is no success, with what the gateway says is wrong.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, body.to_string()).await
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// As [`Client::post`].
    pub(super) async fn read(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, String::new()).await
    }

    async fn send(&self, method: Method, path: &str, body: String) -> anyhow::Result<Answer> {
        let request = Request::builder()
            .method(&method)
            .uri(format!("http://{}{path}", self.api))
            .header("authorization", format!("Bearer {}", self.key.expose()))
            .header("content-type", "application/json")
            .body(Full::from(body))?;
        let response = self.http.request(request).await.context("the API does not answer")?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("{method} {path}: {error}"))?.to_bytes();
        let text = String::from_utf8_lossy(&body);
        if !status.is_success() {
            bail!("{method} {path} was refused: {status} {text}");
        }
        let body = serde_json::from_slice(&body)
            .with_context(|| format!("{method} {path}: the answer is no JSON: {text}"))?;
        Ok(Answer { status: status.to_string(), body })
    }
}
