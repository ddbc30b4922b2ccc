//! The normaliser in front of everything: a datagram into a first line, header lines and a body.
//!
//! Survives what peers write: leading CRLF, bare LF, folded lines (RFC 3261 §7.3.1), blanks before
//! the colon, compact names, bytes that are not UTF-8 (kept as Latin-1, line by line). The body is
//! Content-Length long, or what is left of the datagram when there is none (RFC 3261 §18.3).

use super::header::{full_name, is_token};
use super::{HEADERS_MAX, Headers, MESSAGE_BYTES_MAX, ParseError};

/// A message taken apart, nothing of it understood yet.
pub(super) struct Parts {
    pub first_line: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

pub(super) fn normalise(datagram: &[u8]) -> Result<Parts, ParseError> {
    if datagram.len() > MESSAGE_BYTES_MAX {
        return Err(ParseError::TooLong);
    }
    let start = datagram.iter().position(|b| !matches!(b, b'\r' | b'\n'));
    let mut rest = &datagram[start.ok_or(ParseError::Empty)?..];
    let first_line = text(take_line(&mut rest).ok_or(ParseError::NoEndOfHeaders)?);
    let mut lines: Vec<String> = Vec::new();
    loop {
        let line = take_line(&mut rest).ok_or(ParseError::NoEndOfHeaders)?;
        if line.is_empty() {
            break;
        }
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if folded && let Some(previous) = lines.last_mut() {
            previous.push(' ');
            previous.push_str(text(line).trim());
        } else if lines.len() == HEADERS_MAX {
            return Err(ParseError::TooManyHeaders);
        } else {
            lines.push(text(line));
        }
    }
    let mut headers = Headers::default();
    for line in &lines {
        // A line that is no header field is left out rather than failing a call that was answered.
        if let Some((name, value)) = field(line) {
            headers.push(full_name(name), value);
        }
    }
    let body = body(&headers, rest)?;
    Ok(Parts { first_line, headers, body })
}

/// The next line without its end, taken off `rest`; `None` when no line end is left.
fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|&b| b == b'\n')?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// UTF-8 as it is; anything else as Latin-1, where each byte is the character of that number.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    is_token(name).then(|| (name, value.trim()))
}

fn body(headers: &Headers, rest: &[u8]) -> Result<Vec<u8>, ParseError> {
    let mut length = None;
    for value in headers.all("Content-Length") {
        let one: usize = value.parse().map_err(|_| ParseError::BadContentLength)?;
        if length.is_some_and(|other| other != one) {
            return Err(ParseError::BadContentLength);
        }
        length = Some(one);
    }
    match length {
        None => Ok(rest.to_vec()),
        Some(length) => rest.get(..length).map(<[u8]>::to_vec).ok_or(ParseError::BodyTruncated),
    }
}
