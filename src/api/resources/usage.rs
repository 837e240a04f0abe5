//! What was used: tokens and cost.

use crate::{
    api::{Call, Problem, Reply, Route, fields::fields, route, wire},
    domain::Timestamp,
    store::StoreError,
};

/// How far back usage is told when no time is given: 30 days.
const DEFAULT_SINCE_MILLIS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The routes of usage.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![route::<__path_list, _, _>(list)]
}

fields! {
    /// From when.
    pub struct ListUsage {
        /// Only what was used since; absent: in the last 30 days.
        since: Option<Timestamp>,
    }
}

/// Tokens and cost by day, project and model.
#[utoipa::path(get, path = "/api/v1/usage", operation_id = "list_usage", tag = "server", params(ListUsage),
    responses((status = 200, body = [wire::Usage], headers(
        ("X-Total-Count" = u64, description = "How many rows there are.")))))]
async fn list(call: Call) -> Result<Reply, Problem> {
    let since = call.query::<ListUsage>()?.since;
    let since = since.unwrap_or_else(|| Timestamp::from_millis((call.api.now)().as_millis() - DEFAULT_SINCE_MILLIS));
    let rows = call.api.store.read::<_, StoreError, _>(move |q| q.usage(since)).await?;
    let rows: Vec<_> = rows.into_iter().map(wire::Usage::from).collect();
    Ok(Reply::json(&rows)?.header(super::paging::TOTAL_COUNT, rows.len().into()))
}
