//! Who asks: bearer keys (RFC 6750 §2.1, §3) and what they may do.

use super::Api;
use super::problem::{Code, Problem};
use crate::gateway::{Caller, Scope};
use axum::http::{HeaderMap, HeaderValue, header};

/// The caller behind the header `Authorization`, if its key has `scope`.
pub(super) async fn authorize(
    api: &Api,
    headers: &HeaderMap,
    scope: Scope,
) -> Result<Caller, Problem> {
    let Some(token) = bearer(headers) else {
        let detail = "Send `Authorization: Bearer <api key>`.";
        return Err(challenge(Problem::new(Code::Unauthenticated, detail), "Bearer"));
    };
    let Some(caller) = api.gateway.authenticate(token).await? else {
        let problem = Problem::new(Code::Unauthenticated, "This API key is not known.");
        return Err(challenge(problem, "Bearer error=\"invalid_token\""));
    };
    if !caller.may(scope) {
        let detail = format!("This API key lacks the scope `{}`.", scope.as_str());
        let wanted = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scope.as_str());
        return Err(challenge(Problem::new(Code::PermissionDenied, detail), &wanted));
    }
    Ok(caller)
}

/// The token of a single, well-formed `Authorization` header. The scheme's case does not matter.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let value = all.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let (alone, token) = (all.next().is_none(), token.trim_matches(' '));
    let usable = alone && scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    usable.then_some(token)
}

fn challenge(problem: Problem, challenge: &str) -> Problem {
    match HeaderValue::from_str(challenge) {
        Ok(value) => problem.header(header::WWW_AUTHENTICATE, value),
        Err(_) => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bearer_header_is_read_whatever_the_case_of_its_scheme() {
        let headers = |values: &[&'static str]| {
            let named =
                |text: &&'static str| (header::AUTHORIZATION, HeaderValue::from_static(text));
            values.iter().map(named).collect::<HeaderMap>()
        };
        for text in ["Bearer vk_live_1", "bearer vk_live_1", "BEARER  vk_live_1"] {
            assert_eq!(bearer(&headers(&[text])), Some("vk_live_1"), "{text}");
        }
        for text in ["Basic dXNlcg==", "vk_live_1", "Bearer", "Bearer ", ""] {
            assert_eq!(bearer(&headers(&[text])), None, "{text}");
        }
        let mut twice = headers(&["Bearer a"]);
        twice.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(bearer(&twice), None, "which of two keys is meant cannot be told");
    }
}
