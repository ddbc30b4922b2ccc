//! Finding the session description in a body: alone, or beside others (RFC 2046 §5.1, as SIP-I
//! sends it).

use super::{Headers, NameAddr, parameter, text};

/// The most parts of a body looked at.
const PARTS_MAX: usize = 16;

/// The session description a message carries, if it carries one.
///
/// A body without Content-Type is taken for one if it begins like one.
pub fn session_description(headers: &Headers, body: &[u8]) -> Option<Vec<u8>> {
    if body.is_empty() {
        return None;
    }
    let Some(content_type) = headers.first("Content-Type") else {
        return body.starts_with(b"v=").then(|| body.to_vec());
    };
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let kind = kind.trim().to_ascii_lowercase();
    if kind == "application/sdp" {
        return Some(body.to_vec());
    }
    if !kind.starts_with("multipart/") {
        return None;
    }
    let boundary = parameter(parameters, "boundary").filter(|boundary| !boundary.is_empty())?;
    let body = text(body);
    let delimiter = format!("--{boundary}");
    body.split(delimiter.as_str()).skip(1).take(PARTS_MAX).find_map(part)
}

/// The content of a part, if it is a session description.
fn part(part: &str) -> Option<Vec<u8>> {
    let part = part.trim_start_matches([' ', '\t', '\r']).strip_prefix('\n')?;
    let (head, content) = part.split_once("\r\n\r\n").or_else(|| part.split_once("\n\n"))?;
    let is_sdp = head.lines().filter_map(|line| line.split_once(':')).any(|(name, value)| {
        let value = value.split(';').next().unwrap_or(value).trim();
        name.trim().eq_ignore_ascii_case("Content-Type")
            && value.eq_ignore_ascii_case("application/sdp")
    });
    is_sdp.then(|| content.as_bytes().to_vec())
}

/// The text of the first `Warning`, for people (RFC 3261 §20.43).
pub fn warning(headers: &Headers) -> Option<String> {
    let value = headers.items("Warning").next()?;
    let text = value.find('"').map_or(value, |at| &value[at..]);
    Some(super::unquote(text)).filter(|text| !text.is_empty())
}

/// The URI of the first Contact, if there is a readable one.
pub fn contact(headers: &Headers) -> Option<NameAddr> {
    headers.items("Contact").next().and_then(NameAddr::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(content_type: Option<&str>, body: &[u8]) -> Option<String> {
        let mut headers = Headers::default();
        if let Some(value) = content_type {
            headers.push("Content-Type", value);
        }
        session_description(&headers, body).map(|sdp| String::from_utf8(sdp).expect("text"))
    }

    #[test]
    fn a_description_is_found_alone_or_beside_an_isup_part() {
        let sdp = "v=0\r\n";
        assert_eq!(found(None, sdp.as_bytes()).as_deref(), Some(sdp));
        let named = Some("Application/SDP ; charset=utf-8");
        assert_eq!(found(named, sdp.as_bytes()).as_deref(), Some(sdp));
        let mixed =
            b"preamble\r\n--b\r\nContent-Type: application/isup;version=x\r\n\r\n\x01\xff\r\n\
            --b\r\ncontent-type : application/sdp\r\n\r\nv=0\r\n--b--\r\n";
        let kind = Some(r#"multipart/mixed;boundary="b""#);
        assert_eq!(found(kind, mixed).as_deref(), Some(sdp));
    }

    #[test]
    fn other_bodies_are_no_description() {
        assert_eq!(found(None, b""), None);
        assert_eq!(found(None, b"Signal=5"), None);
        assert_eq!(found(Some("text/plain"), b"v=0"), None);
        assert_eq!(found(Some("multipart/mixed"), b"--b\r\n"), None);
        assert_eq!(found(Some("multipart/mixed;boundary=b"), b"--b\r\n--b"), None);
    }

    #[test]
    fn the_text_of_a_warning_is_read() {
        let mut headers = Headers::default();
        headers.push("Warning", r#"304 isi.edu "One, two", 399 a "b""#);
        assert_eq!(warning(&headers).as_deref(), Some("One, two"));
    }
}
