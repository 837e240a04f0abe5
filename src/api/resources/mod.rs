//! The resources: one file or folder each, with its handlers and the list of its routes.

pub mod inputs;
pub mod paging;
pub mod questions;
pub mod tasks;

use super::Route;

/// The routes of all resources.
#[must_use]
pub fn routes() -> Vec<Route> {
    [tasks::routes(), inputs::routes(), questions::routes()].into_iter().flatten().collect()
}
