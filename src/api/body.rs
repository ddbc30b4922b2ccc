//! The body of a request: JSON, small, and in time.

use super::limits::Limits;
use super::problem::{Code, Problem};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;

/// Reads the whole body within the limits; a body that is not empty must say that it is JSON.
pub(super) async fn read(
    limits: &Limits,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Problem> {
    let max = limits.body_bytes_max;
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(too_large(max));
    }
    let collected = tokio::time::timeout(limits.body_timeout, Limited::new(body, max).collect());
    let bytes = match collected.await {
        Err(_elapsed) => return Err(too_slow()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(max)),
        Ok(Err(_)) => {
            let detail = "The body ended before it was complete.";
            return Err(Problem::new(Code::InvalidRequest, detail));
        }
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    if !bytes.is_empty() && !is_json(headers) {
        let detail = "Send `Content-Type: application/json`, in UTF-8.";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    Ok(bytes)
}

fn too_large(max: usize) -> Problem {
    Problem::new(Code::ContentTooLarge, format!("A body may have {max} bytes."))
}

/// RFC 9110 §15.5.9: the connection is closed, since the rest of the body may still come.
fn too_slow() -> Problem {
    Problem::new(Code::RequestTimeout, "The body did not come in time.")
        .header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// `application/json`, without a charset or with UTF-8 (RFC 8259 §8.1 knows no other).
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(value) = value else { return false };
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
            charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_utf_8_is_the_only_media_type() {
        let is = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)]))
        };
        assert!(is("application/json") && is("Application/JSON; Charset=\"UTF-8\""));
        assert!(!is("text/plain") && !is("application/json; charset=latin1") && !is(""));
        assert!(!is_json(&HeaderMap::new()));
    }
}
