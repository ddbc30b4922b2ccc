//! The outermost layer: request id, security headers, problems written out, one log line.
//!
//! Log lines carry the route's pattern, never the path or query: those may hold what is not ours to
//! keep. Leaves out: trace context; a `traceparent` is accepted and ignored.

use super::Api;
use super::problem::Problem;
use crate::id::RequestId;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_MAX: usize = 128;

/// Runs the request, and gives its answer the shape every answer has.
pub(crate) async fn respond(State(api): State<Api>, request: Request, next: Next) -> Response {
    let began = api.now();
    let request_id = offered_id(request.headers())
        .unwrap_or_else(|| RequestId::new(began, &mut api.entropy()).to_string());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    let bare = response.status().is_client_error() || response.status().is_server_error();
    let problem = match response.extensions_mut().remove::<Problem>() {
        None if bare => Some(Problem::of_status(response.status())),
        known => known,
    };
    if let Some(problem) = &problem {
        response = problem.write(response, &request_id);
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    tracing::info!(
        http.request_id = request_id,
        http.method = %method,
        http.route = route.as_deref().unwrap_or("none"),
        http.status = response.status().as_u16(),
        problem.code = problem.map(|problem| problem.code.as_str()),
        took_ms = u64::try_from(api.now().since(began).as_millis()).unwrap_or(u64::MAX),
        "An HTTP request was answered."
    );
    response
}

/// The caller's own id, if it is short and of characters that are safe in logs and URNs.
fn offered_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let usable = (1..=REQUEST_ID_MAX).contains(&text.len()) && text.bytes().all(safe);
    usable.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_short_and_plain_request_id_is_echoed() {
        let offered = |text: &[u8]| {
            let value = HeaderValue::from_bytes(text).expect("a header value");
            offered_id(&HeaderMap::from_iter([(X_REQUEST_ID, value)]))
        };
        assert_eq!(offered(b"panel-7.a_B"), Some("panel-7.a_B".to_owned()));
        assert_eq!(offered(&[b'a'; 128]).map(|id| id.len()), Some(128));
        for text in [&[b'a'; 129][..], b"", b"a b", b"<script>", b"{\"a\"}", b"caf\xc3\xa9"] {
            assert_eq!(offered(text), None);
        }
    }
}
