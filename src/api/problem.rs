//! What went wrong, as `application/problem+json` (RFC 9457).
//!
//! A handler returns a [`Problem`]; the outermost layer (`respond.rs`) writes it, because only that
//! layer knows the request id. Leaves out: inner error text. What happened inside is logged where
//! it is handled, and never told to a caller.

use crate::time::Duration;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $status:ident $word:literal $title:literal)*) => {
        /// The stable word clients branch on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// The word in the field `code`.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $word,)* }
            }

            /// The HTTP status that goes with it.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Code::$name => StatusCode::$status,)* }
            }

            const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    InvalidRequest BAD_REQUEST "invalid_request" "The request is not valid"
    Unauthenticated UNAUTHORIZED "unauthenticated" "A valid API key is needed"
    PermissionDenied FORBIDDEN "permission_denied" "The API key may not do this"
    DestinationNotAllowed FORBIDDEN "destination_not_allowed" "This number may not be called"
    NotFound NOT_FOUND "not_found" "Nothing is here"
    MethodNotAllowed METHOD_NOT_ALLOWED "method_not_allowed" "This method is not offered here"
    RequestTimeout REQUEST_TIMEOUT "request_timeout" "The request came too slowly"
    VerificationNotPending CONFLICT "verification_not_pending" "The verification has ended"
    CallInProgress CONFLICT "call_in_progress" "A call to this number is up"
    IdempotencyInProgress CONFLICT "idempotency_in_progress" "The same request is running"
    ContentTooLarge PAYLOAD_TOO_LARGE "content_too_large" "The body is too large"
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The body must be JSON"
    InvalidPhoneNumber UNPROCESSABLE_ENTITY "invalid_phone_number" "Not a telephone number"
    ExtensionInvalid UNPROCESSABLE_ENTITY "extension_invalid" "Not an extension"
    UnsupportedLocale UNPROCESSABLE_ENTITY "unsupported_locale" "No prompts in this language"
    IdempotencyKeyReused UNPROCESSABLE_ENTITY "idempotency_key_reused"
        "The Idempotency-Key belongs to another request"
    ResendTooSoon TOO_MANY_REQUESTS "resend_too_soon" "It is too soon to call again"
    MaxSendsReached TOO_MANY_REQUESTS "max_sends_reached" "No further call is allowed"
    InternalError INTERNAL_SERVER_ERROR "internal_error" "The gateway failed"
    Unavailable SERVICE_UNAVAILABLE "unavailable" "The gateway cannot answer now"
}

/// One refusal, ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    detail: Cow<'static, str>,
    param: Option<String>,
    retry_after: Option<Duration>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A refusal with a sentence for the developer who reads it.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Problem {
            code,
            detail: detail.into(),
            param: None,
            retry_after: None,
            members: Map::new(),
            headers: Vec::new(),
        }
    }

    /// `invalid_request` about one field, header or query parameter.
    pub(crate) fn invalid(param: &str, detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(Code::InvalidRequest, detail).about(param)
    }

    /// The failure that tells nothing: its cause is in the log under the request id.
    pub(crate) fn internal() -> Self {
        Problem::new(Code::InternalError, "The gateway failed; its log has the request id.")
    }

    /// Names the field, header or query parameter at fault.
    pub(crate) fn about(mut self, param: &str) -> Self {
        self.param = Some(param.chars().take(64).collect());
        self
    }

    /// Says when the same request may succeed. Rounded up to whole seconds.
    pub(crate) fn retry_after(mut self, span: Duration) -> Self {
        self.retry_after = Some(span);
        self
    }

    /// Adds an extension member (RFC 9457 §3.2).
    pub(crate) fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// Adds a header that belongs to this refusal.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The refusal for an answer that some layer gave as a bare status.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => {
                Problem::new(Code::InvalidRequest, "The path is not valid UTF-8.")
            }
            StatusCode::NOT_FOUND => Problem::new(Code::NotFound, "No such path."),
            StatusCode::METHOD_NOT_ALLOWED => Problem::new(
                Code::MethodNotAllowed,
                "The header Allow names the methods this path offers.",
            ),
            _ => Problem::internal(),
        }
    }

    /// Writes the refusal over `response`, keeping headers such as `Allow`.
    pub(crate) fn write(&self, mut response: Response, request_id: &str) -> Response {
        let mut body = self.members.clone();
        let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
        set("type", json!(format!("urn:belfry:problem:{}", self.code.as_str())));
        set("title", json!(self.code.title()));
        set("status", json!(self.code.status().as_u16()));
        set("detail", json!(self.detail));
        set("instance", json!(format!("urn:belfry:request:{request_id}")));
        set("code", json!(self.code.as_str()));
        set("request_id", json!(request_id));
        if let Some(param) = &self.param {
            set("param", json!(param));
        }
        let retry_after = self.retry_after.map(whole_seconds);
        if let Some(seconds) = retry_after {
            set("retry_after", json!(seconds));
        }
        *response.status_mut() = self.code.status();
        *response.body_mut() = Value::Object(body).to_string().into();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        let problem_json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem_json);
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        response
    }
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_is_never_announced_too_early() {
        assert_eq!(whole_seconds(Duration::from_millis(29_001)), 30);
        assert_eq!(whole_seconds(Duration::from_secs(30)), 30);
    }
}
