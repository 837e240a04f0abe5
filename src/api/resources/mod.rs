//! The resources: one file each, with its handlers and the list of its routes.

pub mod tasks;

use super::Route;

/// The routes of all resources.
#[must_use]
pub fn routes() -> Vec<Route> {
    [tasks::routes()].into_iter().flatten().collect()
}
