//! The listening socket and its connections: limits, patience with slow clients, and an end in bounded time.

use super::{
    Api, Arrival, Response,
    dispatch::{self, Incoming},
};
use hyper::{
    header,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use warp::Filter;

/// Connections at the same time; further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 2_048;

/// How long a client may take for the head of a request, and a connection may be idle between two.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of the head of a request, and of what is read ahead.
const READ_AHEAD: usize = 128 * 1024;

/// How long the end waits for answers that are under way.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// The longest break after an error of accepting, such as too many open files.
const MAX_BREAK: Duration = Duration::from_secs(1);

/// Serves until `shutdown` is cancelled; then streams end, answers under way are finished, and what is not done in time
/// is cut off.
pub async fn serve(listener: TcpListener, api: Arc<Api>, shutdown: CancellationToken) {
    let connections = TaskTracker::new();
    let limit = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    api.metrics.listen(&api);
    let mut pause = Duration::from_millis(5);
    loop {
        let permit = tokio::select! {
            () = shutdown.cancelled() => break,
            permit = limit.clone().acquire_owned() => permit.expect("the semaphore is never closed"),
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = Duration::from_millis(5);
                let api = api.clone();
                connections.spawn(async move {
                    connection(stream, peer, api).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(MAX_BREAK);
            }
        }
    }
    drop(listener);
    api.ending.cancel();
    connections.close();
    api.tasks.close();
    let ended = async {
        connections.wait().await;
        api.tasks.wait().await;
    };
    if tokio::time::timeout(END_PATIENCE, ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut off at the end");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, api: Arc<Api>) {
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let ending = api.ending.clone();
    let service = TowerToHyperService::new(warp::service(service_filter(api)));
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        let upgrade = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
        let authority = request.uri().authority().map(ToString::to_string);
        request.extensions_mut().insert(Arrival { peer, local, authority, upgrade });
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(READ_AHEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// The whole server as one warp filter: every request goes to the router, whatever it is.
pub fn service_filter(api: Arc<Api>) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::ext::get::<Arrival>()
        .and(warp::method())
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |arrival, method, path: warp::path::FullPath, query, headers, body| {
            let path = path.as_str().to_owned();
            dispatch::answer(api.clone(), Incoming { arrival, method, path, query, headers, body })
        })
        .recover(|rejection: warp::Rejection| async move {
            tracing::error!(?rejection, "a request was not routed");
            Ok::<_, Infallible>(super::Problem::internal("not routed").into_response("none"))
        })
        .unify()
}
