//! Events as they happen: SSE for one task and for all, and the WebSocket that carries commands too.

use super::Route;

/// The routes of this module.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![]
}
