//! What is not the interface itself: the first page, the login, the document and its page, health.

use super::{Body, Call, Kind, Problem, Reply, Response, Route, fields::fields, page, route};
use http::{HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;
use serde::Serialize;

/// What pages may do: load what the server itself serves, and stand in no frame. Only the styles differ.
macro_rules! policy {
    ($styles:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src ",
            $styles,
            "; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; ",
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
    };
}

/// For the plain pages.
const POLICY: HeaderValue = HeaderValue::from_static(policy!("'self'"));

/// For the web interface: styles may stand in elements, as code in colours needs them; scripts may not.
pub(super) const INTERFACE_POLICY: HeaderValue = HeaderValue::from_static(policy!("'self' 'unsafe-inline'"));

#[derive(RustEmbed)]
#[folder = "src/api/pages/"]
struct Files;

/// The routes of the pages.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        page("/api/docs", |_| async { file("docs.html") }),
        page("/api/docs/docs.js", |_| async { file("docs.js") }),
        page("/api/docs/docs.css", |_| async { file("docs.css") }),
        page("/problems/{slug}", problem_page),
        page("/login", login).open(),
        route::<__path_health, _, _>(health).open(),
        route::<__path_openapi, _, _>(openapi),
        route::<__path_new_login, _, _>(new_login),
    ];
    routes.extend(super::metrics::routes());
    routes
}

/// One of the plain pages.
pub(super) fn file(name: &str) -> Result<Reply, Problem> {
    let file = Files::get(name).ok_or_else(|| Problem::not_found("page", name))?;
    let media_type = match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        _ => "text/html; charset=utf-8",
    };
    Ok(page_of(media_type, file.data.into_owned()))
}

/// A file of a page, with what pages may do.
pub(super) fn page_of(media_type: &'static str, body: impl Into<Body>) -> Reply {
    Reply::of(media_type, body)
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
}

fn html(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} · Taskwright</title><link rel=\"stylesheet\" href=\"/api/docs/docs.css\"><main><h1>{title}</h1>{body}</main></html>"
    )
}

/// A refusal for a person who looks at a page.
#[must_use]
pub fn refusal(problem: &Problem) -> Response {
    let body = html(problem.title(), &format!("<p>{}</p>", escaped(problem.detail())));
    page_of("text/html; charset=utf-8", body).status(problem.status()).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn problem_page(call: Call) -> Result<Reply, Problem> {
    let slug = call.param("slug");
    let kind = Kind::ALL.iter().find(|kind| kind.slug == slug).ok_or_else(|| Problem::not_found("problem", slug))?;
    let body = format!("<p>Status {}.</p><p>{}</p>", kind.status.as_u16(), escaped(kind.remedy));
    Ok(page_of("text/html; charset=utf-8", html(kind.title, &body)))
}

fields! {
    /// The link that a browser follows.
    struct Login {
        /// A code, good once and for ten minutes.
        code: String,
    }
}

/// Gives a browser its cookie for a code, and shows it the first page.
async fn login(call: Call) -> Result<Reply, Problem> {
    let code = call.query::<Login>()?.code;
    let cookie = call.api.doors.redeem(&code, (call.api.now)())?;
    let reply = Reply::empty(StatusCode::SEE_OTHER).header(header::LOCATION, HeaderValue::from_static("/"));
    Ok(match cookie {
        Some(cookie) => reply.header(header::SET_COOKIE, cookie),
        None => reply,
    })
}

/// Whether the server is well.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    /// `healthy`.
    status: &'static str,
    /// The server's version.
    version: &'static str,
}

/// Whether the server is well. Answers without a token.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "server", responses((status = 200, body = Health)))]
async fn health(_call: Call) -> Result<Reply, Problem> {
    Reply::json(&Health { status: "healthy", version: env!("CARGO_PKG_VERSION") })
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "openapi", tag = "server",
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = serde_json::Value)))]
async fn openapi(call: Call) -> Result<Reply, Problem> {
    Ok(Reply::json_bytes(call.api.document.clone()))
}

/// A code with which a browser is let in.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LoginCode {
    /// The path to open on the server's address; null where no token is needed.
    path: Option<String>,
    /// For how many seconds it is good, once.
    expires_in_seconds: u64,
}

/// Makes a code with which a browser is let in, once and within ten minutes.
#[utoipa::path(post, path = "/api/v1/login-codes", operation_id = "create_login_code", tag = "server",
    responses((status = 201, body = LoginCode)))]
async fn new_login(call: Call) -> Result<Reply, Problem> {
    let path = call.api.doors.new_code().map(|code| format!("/login?code={code}"));
    let code = LoginCode { path, expires_in_seconds: super::door::CODE_LIFETIME.as_secs() };
    Ok(Reply::json(&code)?.status(StatusCode::CREATED))
}
