//! HTTP: REST, SSE, WebSocket, the OpenAPI document, the doors. It turns requests into calls of the engine and what they
//! answer into JSON, and has no rules of its own about tasks.
//!
//! A resource is one file in [`resources`] (or [`live`]): its handlers, and a function that lists their routes. A handler
//! takes a [`Call`] and answers a [`Reply`] or a [`Problem`]; its `#[utoipa::path]` is its route and its documentation.
//! What stands on the wire are the types of [`wire`]; what clients send is read by [`fields`].

mod call;
mod dispatch;
pub mod door;
pub mod fields;
mod idempotency;
mod images;
mod json;
pub mod live;
pub mod metrics;
mod openapi;
mod pages;
mod problem;
mod reply;
pub mod resources;
mod router;
mod server;
mod web;
pub mod wire;

pub use call::Call;
pub use door::{Arrival, Doors, DoorsConfig};
pub use openapi::document;
pub use problem::{Kind, Problem};
pub use reply::{Body, Reply, Response};
pub use router::{Route, Router, page, route};
pub use server::{serve, service_filter};

use crate::{
    engine::Engine,
    store::{Now, Store},
};
use std::sync::Arc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The prefix of every resource.
pub const PREFIX: &str = "/api/v1";

/// What handlers have at hand.
pub struct Api {
    /// What tasks do.
    pub engine: Arc<Engine>,
    /// For reading.
    pub store: Store,
    /// Who is let in.
    pub doors: Doors,
    /// The clock.
    pub now: Now,
    /// What is counted.
    pub metrics: metrics::Metrics,
    /// Ends streams: cancelled when the server is to end.
    pub ending: CancellationToken,
    /// Owns what goes on beside a connection: commands whose client went away, WebSockets.
    pub tasks: TaskTracker,
    router: Router,
    keys: idempotency::Keys,
    lists: resources::tasks::ListCache,
    document: bytes::Bytes,
}

impl Api {
    /// Everything that answers requests.
    #[must_use]
    pub fn new(engine: Arc<Engine>, store: Store, doors: Doors, now: Now) -> Arc<Self> {
        Self::with_routes(engine, store, doors, now, routes())
    }

    fn with_routes(engine: Arc<Engine>, store: Store, doors: Doors, now: Now, routes: Vec<Route>) -> Arc<Self> {
        let router = Router::new(routes);
        let document = serde_json::to_vec(&openapi::describe(&router)).unwrap_or_default().into();
        Arc::new(Self {
            engine,
            store,
            doors,
            now,
            metrics: metrics::Metrics::default(),
            ending: CancellationToken::new(),
            tasks: TaskTracker::new(),
            router,
            keys: idempotency::Keys::default(),
            lists: resources::tasks::ListCache::default(),
            document,
        })
    }
}

#[cfg(test)]
mod tests;

/// Every route of the server.
fn routes() -> Vec<Route> {
    [pages::routes(), web::routes(), resources::routes(), live::routes()].into_iter().flatten().collect()
}
