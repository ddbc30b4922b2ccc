//! Lists: `?limit=1..100&after=<cursor>`, answered by `data`, `has_more` and `next_cursor`.

use super::problem::Problem;
use crate::gateway::{Cursor, PageRequest};

const LIMIT_DEFAULT: u32 = 20;
const LIMIT_MAX: u32 = 100;

/// Reads a query; any other parameter is refused.
pub(super) fn parse(query: Option<&str>) -> Result<PageRequest, Problem> {
    let mut page = PageRequest { limit: LIMIT_DEFAULT, after: None };
    let mut seen_limit = false;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "limit" if !seen_limit => {
                seen_limit = true;
                page.limit = parse_limit(value)?;
            }
            "after" if page.after.is_none() => {
                let cursor = value.parse::<Cursor>();
                let detail = "`after` must be a `next_cursor` of an earlier page.";
                page.after = Some(cursor.map_err(|_| Problem::invalid("after", detail))?);
            }
            "limit" | "after" => {
                return Err(Problem::invalid(name, "The parameter is given twice."));
            }
            _ => return Err(Problem::invalid(name, "The query has a parameter unknown here.")),
        }
    }
    Ok(page)
}

fn parse_limit(text: &str) -> Result<u32, Problem> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(limit) if plain && (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        _ => Err(Problem::invalid("limit", format!("`limit` must be 1 to {LIMIT_MAX}."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_1_to_100() {
        let limit = |text: &str| parse(Some(&format!("limit={text}"))).map(|page| page.limit).ok();
        assert_eq!(parse(None).map(|page| page.limit).ok(), Some(20));
        assert_eq!((limit("1"), limit("100")), (Some(1), Some(100)));
        for text in ["0", "101", "-1", "+5", "", "x", "1&limit=2", "99999999999"] {
            assert_eq!(limit(text), None, "{text}");
        }
    }

    #[test]
    fn a_cursor_is_one_we_gave() {
        let cursor = format!("after=1795514400000.ver_{}", "0".repeat(32));
        assert!(parse(Some(&cursor)).is_ok_and(|page| page.after.is_some()));
        for text in ["after=", "after=1", "after=att_0", "before=1", "limit"] {
            assert!(parse(Some(text)).is_err(), "{text}");
        }
    }
}
