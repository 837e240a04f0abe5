//! Events as they happen: SSE for one task and for all, and the WebSocket that carries commands too.
//!
//! Who listens is a [`feed::Feed`]: a cursor in the log. Nothing is kept for a client that does not read. What events mean
//! is not known here.

mod feed;
mod message;
mod socket;
mod stream;
#[cfg(test)]
mod tests;

use super::Route;

/// The routes of this module.
#[must_use]
pub fn routes() -> Vec<Route> {
    [stream::routes(), socket::routes()].into_iter().flatten().collect()
}
