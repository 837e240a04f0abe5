//! Tasks.

use crate::api::Route;

/// Lists that were made.
#[derive(Default)]
pub struct ListCache {}

/// The routes of tasks.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![]
}
