//! The plugins that are loaded.

use crate::{
    api::{Call, Problem, Reply, Route, route},
    plugin::PluginView,
};

/// The routes of plugins.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![route::<__path_list, _, _>(list)]
}

/// Lists the plugins that are loaded, with what each may do.
#[utoipa::path(get, path = "/api/v1/plugins", operation_id = "list_plugins", tag = "plugins",
    responses((status = 200, body = [PluginView], headers(
        ("X-Total-Count" = u64, description = "How many plugins there are.")))))]
async fn list(call: Call) -> Result<Reply, Problem> {
    let plugins = call.api.engine.plugins();
    Ok(Reply::json(&plugins)?.header(super::paging::TOTAL_COUNT, plugins.len().into()))
}
