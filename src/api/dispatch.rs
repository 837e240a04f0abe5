//! What happens to every request on its way: its id, the doors, its route, its body, its handler, and the headers that
//! every answer has.

use super::{
    Api, Arrival, Call, Kind, Problem, Reply, Response, idempotency,
    router::{Found, Route},
};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{FutureExt, Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

/// Bytes of a body without images.
pub const MAX_BODY: usize = 2 * 1024 * 1024;

/// Bytes of a body with images.
pub const MAX_LARGE_BODY: usize = 64 * 1024 * 1024;

/// How long the next piece of a body may take.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// The header that names a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request as it arrived.
pub struct Incoming<S> {
    /// From where.
    pub arrival: Arrival,
    /// Its method.
    pub method: Method,
    /// Its path, as it came.
    pub path: String,
    /// Its query, without `?`.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: S,
}

/// Answers a request, whatever it is.
pub async fn answer<S, B>(api: Arc<Api>, request: Incoming<S>) -> Response
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf + Send,
{
    let begun = Instant::now();
    let id = uuid::Uuid::new_v4().simple().to_string();
    let method = request.method.clone();
    let path = request.path.clone();
    let mut seen = Seen { route: None, grant: None, wants_page: false };
    let result = respond(&api, request, &mut seen).await;
    let wants_page = seen.wants_page;
    let mut response = match result {
        Ok(reply) => reply.into_response(),
        Err(problem) => {
            if let Some(cause) = problem.internal_detail() {
                tracing::error!(request_id = id, %method, path, cause, "a request failed");
            }
            if wants_page { super::pages::refusal(&problem) } else { problem.into_response(&id) }
        }
    };
    let status = response.status();
    let label = seen.route.as_ref().map_or("(none)", |route| route.label.as_str());
    let taken = begun.elapsed();
    api.metrics.request(&method, label, status, taken);
    tracing::debug!(request_id = id, %method, path, status = status.as_u16(), ms = taken.as_secs_f64() * 1e3, "answered");
    finish(&mut response, &id, seen.grant);
    response
}

/// What was learned of a request on the way, for its answer.
struct Seen {
    route: Option<Arc<Route>>,
    /// An origin of the settings, which is told that it may read the answer.
    grant: Option<HeaderValue>,
    /// Whether a person looks at a page, to whom a refusal is shown as one.
    wants_page: bool,
}

async fn respond<S, B>(api: &Arc<Api>, request: Incoming<S>, seen: &mut Seen) -> Result<Reply, Problem>
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf + Send,
{
    let Incoming { arrival, method, path, query, headers, body } = request;
    seen.grant = api.doors.check_source(&arrival, &headers)?;
    let found = api.router.find(&method, &path);
    if method == Method::OPTIONS && seen.grant.is_some() {
        return Ok(preflight(&headers));
    }
    if let Found::Route(route, _) = &found {
        seen.route = Some(route.clone());
        seen.wants_page = route.description.is_none() && accepts_html(&headers);
    }
    let open = seen.route.as_ref().is_some_and(|route| route.open);
    let actor = match api.doors.admit(&arrival, &headers, (api.now)()) {
        Ok(actor) => actor,
        Err(_) if open => crate::engine::Actor { name: String::new() },
        Err(problem) => return Err(problem),
    };
    let (route, params) = match found {
        Found::Route(route, params) => (route, params),
        Found::OtherMethods(methods) if method == Method::OPTIONS => return Ok(allowed(&methods)),
        Found::OtherMethods(methods) => return Err(wrong_method(&method, &methods)),
        Found::Nothing => {
            let shown: String = path.chars().take(200).collect();
            return Err(Problem::new(
                Kind::NOT_FOUND,
                format!("There is nothing at `{shown}`; `/api/v1/openapi.json` lists what there is."),
            ));
        }
    };
    let writes = !matches!(method, Method::GET | Method::HEAD);
    let body = if writes { read_body(&headers, body, route.large).await? } else { Bytes::new() };
    let key = (method == Method::POST).then(|| idempotency::key_of(&headers)).transpose()?.flatten();
    let call = Call { api: api.clone(), actor, headers, query, path, params, body, upgrade: arrival.upgrade };
    if !writes {
        let caught = AssertUnwindSafe((route.handler)(call)).catch_unwind().await;
        return caught.unwrap_or_else(|panic| Err(Problem::internal(words_of(panic.as_ref()))));
    }
    // A command goes on although its client went away: it runs as a task of its own.
    let run = async move {
        match key {
            Some(key) => idempotency::once(key, call, &route.handler).await,
            None => (route.handler)(call).await,
        }
    };
    match api.tasks.spawn(run).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(Problem::internal(words_of(error.into_panic().as_ref()))),
        Err(error) => Err(Problem::internal(error)),
    }
}

/// What a panic said.
fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a handler panicked: {}", words.unwrap_or("without words"))
}

/// Reads a body within its bounds; one that is there must be JSON by its type.
async fn read_body<S, B>(headers: &HeaderMap, body: S, large: bool) -> Result<Bytes, Problem>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    let limit = if large { MAX_LARGE_BODY } else { MAX_BODY };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > 0) {
        check_type(headers)?;
    }
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut body = std::pin::pin!(body);
    let mut read = BytesMut::with_capacity(length.unwrap_or(0));
    loop {
        let piece = tokio::time::timeout(BODY_PATIENCE, body.next()).await;
        let piece = piece.map_err(|_| {
            Problem::new(Kind::SLOW, format!("Nothing more of the body came for {} seconds.", BODY_PATIENCE.as_secs()))
        })?;
        let Some(piece) = piece else { break };
        let mut piece =
            piece.map_err(|error| Problem::new(Kind::BAD_REQUEST, format!("The body could not be read: {error}.")))?;
        if read.len() + piece.remaining() > limit {
            return Err(too_large(limit));
        }
        while piece.has_remaining() {
            let chunk = piece.chunk();
            read.extend_from_slice(chunk);
            let taken = chunk.len();
            piece.advance(taken);
        }
    }
    if !read.is_empty() {
        check_type(headers)?;
    }
    Ok(read.freeze())
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let shown: String = given.chars().take(100).collect();
    Err(Problem::new(
        Kind::MEDIA_TYPE,
        format!(
            "The body must be application/json, and the request says {shown}. Send `Content-Type: application/json`."
        ),
    ))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Kind::TOO_LARGE, format!("The body may have {} MB at most.", limit / 1024 / 1024))
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

fn allow_value(methods: &[Method]) -> HeaderValue {
    let known = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
    let mut words: Vec<_> = known.iter().filter(|method| methods.contains(method)).map(Method::as_str).collect();
    if methods.contains(&Method::GET) {
        words.push("HEAD");
    }
    words.push("OPTIONS");
    HeaderValue::try_from(words.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("OPTIONS"))
}

fn allowed(methods: &[Method]) -> Reply {
    Reply::empty(http::StatusCode::NO_CONTENT).header(header::ALLOW, allow_value(methods))
}

fn wrong_method(method: &Method, methods: &[Method]) -> Problem {
    let allow = allow_value(methods);
    let words = allow.to_str().unwrap_or_default().to_owned();
    Problem::new(Kind::METHOD, format!("{method} is not possible here; possible are {words}."))
        .with_header(header::ALLOW, allow)
}

/// The answer to a browser that asks, for a page of the settings, what it may send.
fn preflight(headers: &HeaderMap) -> Reply {
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    Reply::empty(http::StatusCode::NO_CONTENT)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, DELETE"))
        .header(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            wanted.unwrap_or_else(|| HeaderValue::from_static("authorization, content-type, idempotency-key")),
        )
        .header(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"))
}

/// The headers that every answer has.
fn finish(response: &mut Response, id: &str, grant: Option<HeaderValue>) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = grant {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("x-request-id, x-total-count, link, etag"),
        );
    }
}
