//! From a request to its handler. A route is registered once, with its handler and its description for the OpenAPI
//! document, so that neither can exist without the other.

use super::{Call, Problem, Reply};
use http::Method;
use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc};
use utoipa::openapi::{
    RefOr,
    path::{HttpMethod, Operation},
    schema::Schema,
};

/// A handler's answer to come.
pub type Answer = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;

/// A handler.
pub type Handler = Arc<dyn Fn(Call) -> Answer + Send + Sync>;

/// A route's place in the OpenAPI document.
pub struct Description {
    /// The operation.
    pub operation: Operation,
    /// The schemas that it refers to.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

/// A path with a method and what answers it.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces: `/api/v1/tasks/{id}`.
    pub path: String,
    /// The same with colons, `/api/v1/tasks/:id`, for metrics: braces have a meaning there.
    pub label: String,
    /// Whether it answers without a token.
    pub open: bool,
    /// Whether its body may hold images.
    pub large: bool,
    /// What answers.
    pub handler: Handler,
    /// Its place in the OpenAPI document; pages have none.
    pub description: Option<Description>,
}

/// A route whose path, method and description are those of the handler's `#[utoipa::path]`.
pub fn route<P, F, A>(handler: F) -> Route
where
    P: utoipa::Path + utoipa::__dev::SchemaReferences,
    F: Fn(Call) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    let method = match P::methods().first() {
        Some(HttpMethod::Post) => Method::POST,
        Some(HttpMethod::Put) => Method::PUT,
        Some(HttpMethod::Delete) => Method::DELETE,
        Some(HttpMethod::Patch) => Method::PATCH,
        _ => Method::GET,
    };
    let mut schemas = vec![];
    P::schemas(&mut schemas);
    let description = Some(Description { operation: P::operation(), schemas });
    let path = P::path();
    Route { method, label: label(&path), path, open: false, large: false, handler: handler_of(handler), description }
}

/// A page, or another path outside the document, answered to GET.
pub fn page<F, A>(path: &str, handler: F) -> Route
where
    F: Fn(Call) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    Route {
        method: Method::GET,
        label: label(path),
        path: path.to_owned(),
        open: false,
        large: false,
        handler: handler_of(handler),
        description: None,
    }
}

fn label(path: &str) -> String {
    path.replace('{', ":").replace('}', "")
}

fn handler_of<F, A>(handler: F) -> Handler
where
    F: Fn(Call) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    Arc::new(move |call| Box::pin(handler(call)))
}

impl Route {
    /// Answers without a token.
    #[must_use]
    pub fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// Takes bodies with images.
    #[must_use]
    pub fn large(self) -> Self {
        Self { large: true, ..self }
    }
}

/// All routes.
pub struct Router {
    routes: Vec<Entry>,
}

struct Entry {
    segments: Vec<Segment>,
    route: Arc<Route>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
}

/// What a path leads to.
pub enum Found {
    /// A route, with its parameters.
    Route(Arc<Route>, Vec<(String, String)>),
    /// A path that is there, with the methods that it has.
    OtherMethods(Vec<Method>),
    /// Nothing.
    Nothing,
}

impl Router {
    /// Routes with a word where others have a parameter are tried first.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        let mut routes: Vec<_> = routes
            .into_iter()
            .map(|route| Entry { segments: split(&route.path).map(segment).collect(), route: Arc::new(route) })
            .collect();
        routes.sort_by(|a, b| a.segments.cmp(&b.segments));
        Self { routes }
    }

    /// Every route.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().map(|entry| entry.route.as_ref())
    }

    /// Looks up a path as it came. HEAD finds what GET does.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Found {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let decoded: Option<Vec<Cow<'_, str>>> =
            split(path).map(|part| percent_encoding::percent_decode_str(part).decode_utf8().ok()).collect();
        let Some(parts) = decoded else {
            return Found::Nothing;
        };
        let mut others: Vec<Method> = vec![];
        let mut seen: Option<&[Segment]> = None;
        for entry in self.routes.iter().filter(|entry| matches(&entry.segments, &parts)) {
            // A more literal path hides the ones with parameters, whatever its methods.
            if seen.is_some_and(|segments| !same_shape(segments, &entry.segments)) {
                break;
            }
            seen = Some(&entry.segments);
            if entry.route.method == *method {
                return Found::Route(entry.route.clone(), parameters(&entry.segments, &parts));
            }
            others.push(entry.route.method.clone());
        }
        if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others) }
    }
}

/// The parts of a path; a slash at its end does not count.
fn split(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).split('/')
}

fn segment(part: &str) -> Segment {
    match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => Segment::Parameter(name.to_owned()),
        None => Segment::Literal(part.to_owned()),
    }
}

fn matches(segments: &[Segment], parts: &[Cow<'_, str>]) -> bool {
    segments.len() == parts.len()
        && segments.iter().zip(parts).all(|(segment, part)| match segment {
            Segment::Literal(word) => word == part,
            Segment::Parameter(_) => !part.is_empty(),
        })
}

fn same_shape(a: &[Segment], b: &[Segment]) -> bool {
    a.iter().zip(b).all(|(a, b)| match (a, b) {
        (Segment::Literal(a), Segment::Literal(b)) => a == b,
        (Segment::Parameter(_), Segment::Parameter(_)) => true,
        _ => false,
    })
}

fn parameters(segments: &[Segment], parts: &[Cow<'_, str>]) -> Vec<(String, String)> {
    segments
        .iter()
        .zip(parts)
        .filter_map(|(segment, part)| match segment {
            Segment::Parameter(name) => Some((name.clone(), part.clone().into_owned())),
            Segment::Literal(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router() -> Router {
        let at = |method: Method, path: &str| Route {
            method,
            ..page(path, |_| async { Ok(Reply::empty(http::StatusCode::NO_CONTENT)) })
        };
        Router::new(vec![
            at(Method::GET, "/tasks/{id}/status"),
            at(Method::GET, "/tasks/by-name/{name}"),
            at(Method::PUT, "/tasks/by-name/{name}"),
            at(Method::GET, "/tasks/{id}"),
            at(Method::POST, "/tasks/batch-delete"),
            at(Method::GET, "/"),
        ])
    }

    fn found(method: &Method, path: &str) -> String {
        match router().find(method, path) {
            Found::Route(route, parameters) => {
                let values: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{} {}", route.path, values.join(" "))
            }
            Found::OtherMethods(methods) => format!("{methods:?}"),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn names_in_paths_are_decoded_free_text() {
        let name = "/tasks/by-name/%C3%9Cbung%20%E2%84%96%201%2C%20%22x%22";
        assert_eq!(found(&Method::GET, name), "/tasks/by-name/{name} name=Übung № 1, \"x\"");
        assert_eq!(found(&Method::GET, "/tasks/by-name/a%2Fb"), "/tasks/by-name/{name} name=a/b");
        assert_eq!(found(&Method::GET, "/tasks/by-name/%FF"), "nothing");
    }

    #[test]
    fn a_word_goes_before_a_parameter() {
        assert_eq!(found(&Method::GET, "/tasks/by-name/status"), "/tasks/by-name/{name} name=status");
        assert_eq!(found(&Method::GET, "/tasks/7/status"), "/tasks/{id}/status id=7");
        assert_eq!(found(&Method::POST, "/tasks/batch-delete"), "/tasks/batch-delete ");
    }

    #[test]
    fn a_path_with_another_method_tells_those_that_it_has() {
        assert_eq!(found(&Method::DELETE, "/tasks/by-name/a"), "[GET, PUT]");
        assert_eq!(found(&Method::GET, "/tasks/batch-delete"), "[POST]");
        assert_eq!(found(&Method::GET, "/no/such"), "nothing");
    }

    #[test]
    fn a_slash_at_the_end_does_not_count_and_head_is_get() {
        assert_eq!(found(&Method::GET, "/tasks/7/"), "/tasks/{id} id=7");
        assert_eq!(found(&Method::HEAD, "/tasks/7"), "/tasks/{id} id=7");
        assert_eq!(found(&Method::GET, "/"), "/ ");
    }
}
