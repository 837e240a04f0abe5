//! The resources: one file or folder each, with its handlers and the list of its routes.

pub mod git;
pub mod inputs;
pub mod paging;
pub mod plugins;
pub mod projects;
pub mod prompts;
pub mod questions;
pub mod sessions;
pub mod tasks;
pub mod usage;

use super::Route;

/// The routes of all resources.
#[must_use]
pub fn routes() -> Vec<Route> {
    [
        tasks::routes(),
        inputs::routes(),
        questions::routes(),
        projects::routes(),
        prompts::routes(),
        sessions::routes(),
        git::routes(),
        plugins::routes(),
        usage::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
