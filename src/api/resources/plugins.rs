//! The plugins that are loaded, and what they have decided.

use crate::{
    api::{Call, Problem, Reply, Route, route, wire},
    domain::DecisionId,
    plugin::PluginView,
    store::StoreError,
};

/// The routes of plugins.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![route::<__path_list, _, _>(list), route::<__path_get_decision, _, _>(get_decision)]
}

/// Lists the plugins that are loaded, with what each may do.
#[utoipa::path(get, path = "/api/v1/plugins", operation_id = "list_plugins", tag = "plugins",
    responses((status = 200, body = [PluginView], headers(
        ("X-Total-Count" = u64, description = "How many plugins there are.")))))]
async fn list(call: Call) -> Result<Reply, Problem> {
    let plugins = call.api.engine.plugins();
    Ok(Reply::json(&plugins)?.header(super::paging::TOTAL_COUNT, plugins.len().into()))
}

/// A plugin's decision with what it was given.
#[utoipa::path(get, path = "/api/v1/decisions/{id}", operation_id = "get_decision", tag = "plugins",
    responses((status = 200, body = wire::DecisionWithInput)))]
async fn get_decision(call: Call) -> Result<Reply, Problem> {
    let id: DecisionId = call.id("decision")?;
    let found = call.api.store.read::<_, StoreError, _>(move |q| q.decision(id)).await?;
    let decision = found.ok_or_else(|| Problem::not_found("decision", id))?;
    Reply::json(&wire::DecisionWithInput::from(decision))
}
