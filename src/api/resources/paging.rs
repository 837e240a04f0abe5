//! Pages of lists: a bare array, its whole count in a header, and a link to the next page.

use crate::{
    api::{
        Call, Problem, Reply,
        fields::{Field, Wrong},
    },
    store::Page,
};
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::{
    RefOr,
    schema::{ObjectBuilder, Schema, Type},
};

/// Entries of one page.
pub const MAX_LIMIT: u32 = 500;

/// Entries of one page when none are asked for.
pub const DEFAULT_LIMIT: Limit = Limit(100);

/// The header with the count of the whole list.
pub const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// How many entries a page has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Limit(pub u32);

impl Field for Limit {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let limit = u32::read(value, at, wrong)?;
        if (1..=MAX_LIMIT).contains(&limit) {
            return Some(Self(limit));
        }
        wrong.note(at, format!("must be from 1 to {MAX_LIMIT}"))
    }

    fn field_schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MAX_LIMIT)).into()
    }
}

impl Limit {
    /// The page that begins after so many entries.
    #[must_use]
    pub const fn from(self, offset: u64) -> Page {
        Page { limit: self.0, offset }
    }
}

/// A page of a list.
///
/// # Errors
/// When it cannot be serialised.
pub fn paged<T: Serialize>(call: &Call, entries: &[T], total: u64, page: Page) -> Result<Reply, Problem> {
    let reply = Reply::json(&entries)?.header(TOTAL_COUNT, total.into());
    let next = page.offset.saturating_add(entries.len() as u64);
    Ok(if entries.is_empty() || next >= total {
        reply
    } else {
        with_next(
            reply,
            &link(&call.path, &call.query, &[("limit", page.limit.to_string()), ("offset", next.to_string())]),
        )
    })
}

/// An answer with a link to the next page.
#[must_use]
pub fn with_next(reply: Reply, link: &str) -> Reply {
    match HeaderValue::try_from(format!("<{link}>; rel=\"next\"")) {
        Ok(value) => reply.header(header::LINK, value),
        Err(_) => reply,
    }
}

/// The same request with other values for some parameters.
#[must_use]
pub fn link(path: &str, query: &str, changed: &[(&str, String)]) -> String {
    let kept =
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| changed.iter().all(|(other, _)| name != other));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).extend_pairs(changed).finish();
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_other_parameters() {
        let next = link(
            "/api/v1/tasks",
            "user_id=a%20b&limit=2&status=A&status=B",
            &[("limit", "2".into()), ("offset", "4".into())],
        );
        assert_eq!(next, "/api/v1/tasks?user_id=a+b&status=A&status=B&limit=2&offset=4");
    }
}
