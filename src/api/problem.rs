//! Errors as HTTP tells them: problem details by RFC 9457. This is the one place where a failure becomes a status.

use super::{
    fields::WrongFields,
    reply::{Body, Response},
    wire,
};
use crate::{
    engine::{EngineError, FieldError},
    store::StoreError,
    workspace::WorkspaceError,
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

/// Where the kinds of problems are explained; `type` is a path below it.
pub const TYPES: &str = "/problems/";

/// A kind of problem: stable for clients to tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// The last part of its `type`.
    pub slug: &'static str,
    /// Its status.
    pub status: StatusCode,
    /// The same words for every problem of the kind.
    pub title: &'static str,
    /// What a client can do about it.
    pub remedy: &'static str,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $slug:literal $status:ident $title:literal $remedy:literal;)*) => {
        impl Kind {
            $($(#[$doc])* pub const $name: Self =
                Self { slug: $slug, status: StatusCode::$status, title: $title, remedy: $remedy };)*

            /// Every kind, in the order of their statuses.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

kinds! {
    /// The body is no JSON, or JSON of which two readers could make different things.
    BAD_JSON = "bad-json" BAD_REQUEST "The body is not valid JSON"
        "Send one JSON object in UTF-8, with no key twice and at most 64 levels deep.";
    /// Another fault in the form of the request.
    BAD_REQUEST = "bad-request" BAD_REQUEST "The request cannot be understood"
        "See the detail, and the document of the interface.";
    /// No token, or a wrong one.
    NO_TOKEN = "no-token" UNAUTHORIZED "A valid token is needed"
        "Send `Authorization: Bearer TOKEN`; the token stands in the file `token` of the data directory. In a browser, run `taskwright open`.";
    /// A login code that is used, old or unknown.
    BAD_CODE = "bad-code" UNAUTHORIZED "The login code is not valid"
        "A code is good once and for ten minutes; `taskwright open` makes another.";
    /// The `Host` header is not one that the server answers to.
    FOREIGN_HOST = "foreign-host" FORBIDDEN "This host name is not allowed"
        "Use the address that the server listens on, or add the name to `allowed_hosts` in the settings.";
    /// The `Origin` header is not one that the server answers to.
    FOREIGN_ORIGIN = "foreign-origin" FORBIDDEN "This origin is not allowed"
        "Open the page from the server itself, or add the origin to `allowed_origins` in the settings.";
    /// Not for this user.
    FORBIDDEN = "forbidden" FORBIDDEN "This is not allowed"
        "Ask the operator for the right.";
    /// No such path or thing.
    NOT_FOUND = "not-found" NOT_FOUND "There is no such thing"
        "Look at the name or id; lists show what there is.";
    /// The path is there, the method is not.
    METHOD = "method-not-allowed" METHOD_NOT_ALLOWED "This method is not possible here"
        "The `Allow` header lists those that are.";
    /// The body came too slowly.
    SLOW = "slow-body" REQUEST_TIMEOUT "The body came too slowly"
        "Send the body without long breaks.";
    /// Not in the task's present status.
    WRONG_STATUS = "wrong-status" CONFLICT "The task is not in a status for this"
        "`task_status` tells the status; the detail tells from which it is possible.";
    /// It cannot be done as things stand.
    CONFLICT = "conflict" CONFLICT "This cannot be done as things stand"
        "See the detail for what is in the way.";
    /// Something would be lost.
    NEEDS_CONFIRMATION = "needs-confirmation" CONFLICT "Something would be lost"
        "Give `confirm=true` if that is wanted.";
    /// Somebody answered the question before.
    ANSWERED = "answered-already" CONFLICT "The question was answered already"
        "`question` holds the first answer.";
    /// The body, or a part of it, is too large.
    TOO_LARGE = "too-large" PAYLOAD_TOO_LARGE "The request is too large"
        "See the detail for the limit.";
    /// The body is no `application/json`.
    MEDIA_TYPE = "media-type" UNSUPPORTED_MEDIA_TYPE "The body must be application/json"
        "Send the header `Content-Type: application/json`.";
    /// Fields or parameters are wrong.
    WRONG_FIELDS = "wrong-fields" UNPROCESSABLE_ENTITY "Fields are wrong"
        "`errors` lists every wrong field with what is wrong.";
    /// An idempotency key that was used for another request.
    KEY_REUSED = "key-reused" UNPROCESSABLE_ENTITY "The idempotency key was used for another request"
        "Make a new key for a new request.";
    /// Too many failed attempts.
    TOO_MANY = "too-many-attempts" TOO_MANY_REQUESTS "Too many attempts with a wrong token"
        "Wait for the seconds in `Retry-After`.";
    /// A fault of the server.
    INTERNAL = "internal" INTERNAL_SERVER_ERROR "The server failed"
        "The log has the cause under the request id. Try again; if it stays, report it with the log's lines.";
    /// The server is about to end.
    STOPPING = "stopping" SERVICE_UNAVAILABLE "The server is stopping"
        "Try again when it is up.";
    /// No space on the disk.
    FULL = "disk-full" INSUFFICIENT_STORAGE "The disk is full"
        "Make room on the disk of the data directory, then try again.";
}

/// A problem on its way to the client.
#[derive(Debug)]
pub struct Problem(Box<Particulars>);

#[derive(Debug)]
struct Particulars {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    extra: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log only.
    internal: Option<String>,
}

/// Problem details, as they stand on the wire (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails<'a> {
    /// Identifies the kind of problem: `/problems/` and a word that stays the same.
    pub r#type: String,
    /// The kind of problem, in words that stay the same.
    pub title: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, why, and what to do.
    pub detail: &'a str,
    /// Every wrong field.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    pub errors: &'a [wire::WrongField],
    /// The request, as the log names it; the same as the header `X-Request-Id`.
    pub request_id: &'a str,
    /// Further members of some kinds: `task_status`, `question`.
    #[serde(flatten)]
    #[schema(required = false)]
    pub extra: &'a Map<String, Value>,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self(Box::new(Particulars {
            kind,
            detail: detail.into(),
            errors: vec![],
            extra: Map::new(),
            headers: vec![],
            internal: None,
        }))
    }

    /// There is no such thing.
    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        Self::new(Kind::NOT_FOUND, format!("There is no {what} `{name}`."))
    }

    /// One wrong field.
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.to_owned(), detail: detail.into() }])
    }

    /// Wrong fields.
    #[must_use]
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let words: Vec<_> = errors.iter().map(|error| format!("`{}` {}", error.field, error.detail)).collect();
        let mut problem = Self::new(Kind::WRONG_FIELDS, format!("{}.", words.join("; ")));
        problem.0.errors = errors;
        problem
    }

    /// A fault of the server: the client learns that there was one, the log learns which.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let detail = "Something unexpected happened in the server. The log has the cause under this request id.";
        let mut problem = Self::new(Kind::INTERNAL, detail);
        problem.0.internal = Some(cause.to_string());
        problem
    }

    /// With a further member.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.0.extra.insert(member.to_owned(), value);
        self
    }

    /// With a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.kind.status
    }

    /// The words of its kind.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.0.kind.title
    }

    /// What happened, why, and what to do.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What stands in the log and nowhere else.
    #[must_use]
    pub fn internal_detail(&self) -> Option<&str> {
        self.0.internal.as_deref()
    }

    /// The problem's JSON.
    #[must_use]
    pub fn to_value(&self, request_id: &str) -> Value {
        let errors: Vec<_> = self.0.errors.iter().map(wire::WrongField::from).collect();
        let details = ProblemDetails {
            r#type: format!("{TYPES}{}", self.0.kind.slug),
            title: self.0.kind.title,
            status: self.0.kind.status.as_u16(),
            detail: &self.0.detail,
            errors: &errors,
            request_id,
            extra: &self.0.extra,
        };
        serde_json::to_value(details).unwrap_or_default()
    }

    /// The whole answer.
    #[must_use]
    pub fn into_response(self, request_id: &str) -> Response {
        let body = self.to_value(request_id).to_string();
        let mut response = http::Response::new(Body::from(body));
        *response.status_mut() = self.0.kind.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.0.headers);
        response
    }
}

impl From<WrongFields> for Problem {
    fn from(wrong: WrongFields) -> Self {
        let too_large = wrong.too_large;
        let mut problem = Self::fields(wrong.errors);
        if too_large {
            problem.0.kind = Kind::TOO_LARGE;
        }
        problem
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::new(Kind::FULL, sentence(&error)),
            StoreError::Closed => Self::new(Kind::STOPPING, sentence(&error)),
            StoreError::Taken(_) => Self::new(Kind::CONFLICT, sentence(&error)),
            _ => Self::internal(chain(&error)),
        }
    }
}

impl From<WorkspaceError> for Problem {
    fn from(error: WorkspaceError) -> Self {
        use WorkspaceError as E;
        let kind = match &error {
            E::Missing(_)
            | E::NoRepository(_)
            | E::NoCommits(_)
            | E::NoBase { .. }
            | E::BadBranchName(_)
            | E::Outside(_) => Kind::WRONG_FIELDS,
            E::BranchInUse { .. }
            | E::BranchHeld { .. }
            | E::InTheWay(_)
            | E::TargetDirty { .. }
            | E::NoBranch(_)
            | E::Cancelled
            | E::NotInBase { .. }
            | E::OffBranch { .. }
            | E::Remote { .. } => Kind::CONFLICT,
            E::Unmerged { .. } => Kind::NEEDS_CONFIRMATION,
            E::Git { .. } | E::Io { .. } => return Self::internal(chain(&error)),
        };
        Self::new(kind, sentence(&error))
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotFound { what, name } => Self::not_found(what, name),
            EngineError::Refused(refused) => {
                Self::new(Kind::WRONG_STATUS, sentence(&refused)).with("task_status", refused.status.as_str().into())
            }
            EngineError::Conflict(detail) => Self::new(Kind::CONFLICT, sentence(&detail)),
            EngineError::NeedsConfirmation(detail) => Self::new(Kind::NEEDS_CONFIRMATION, sentence(&detail)),
            EngineError::AnsweredAlready(question) => {
                let detail = "The question was answered already; `question` holds the first answer.";
                let question = serde_json::to_value(wire::Question::from(*question)).unwrap_or_default();
                Self::new(Kind::ANSWERED, detail).with("question", question)
            }
            EngineError::Invalid(errors) => Self::fields(errors),
            EngineError::Workspace(error) => error.into(),
            EngineError::Agent(error) => Self::new(Kind::CONFLICT, sentence(&chain(&error))),
            EngineError::Plugin(error) => Self::new(Kind::WRONG_FIELDS, sentence(&chain(&error))),
            EngineError::Store(error) => error.into(),
            EngineError::Stopping => Self::new(Kind::STOPPING, sentence(&error)),
        }
    }
}

/// An error's words as a sentence.
fn sentence(words: &impl std::fmt::Display) -> String {
    let words = words.to_string();
    let mut letters = words.chars();
    let begins = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let ends = if words.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{begins}{}{ends}", letters.as_str())
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, Status};

    fn shown(problem: impl Into<Problem>) -> Value {
        problem.into().to_value("r1")
    }

    #[test]
    fn a_wrong_status_tells_which_it_is() {
        let refused = Status::Pending.after(Action::Pause).expect_err("a pending task cannot pause");
        insta::assert_json_snapshot!(shown(EngineError::from(refused)), @r#"
        {
          "type": "/problems/wrong-status",
          "title": "The task is not in a status for this",
          "status": 409,
          "detail": "The task is PENDING, and `pause` is possible only when it is RUNNING or TESTING.",
          "request_id": "r1",
          "task_status": "PENDING"
        }
        "#);
    }

    #[test]
    fn wrong_fields_are_listed() {
        insta::assert_json_snapshot!(shown(Problem::field("limit", "must be at most 500")), @r#"
        {
          "type": "/problems/wrong-fields",
          "title": "Fields are wrong",
          "status": 422,
          "detail": "`limit` must be at most 500.",
          "errors": [
            {
              "field": "limit",
              "detail": "must be at most 500"
            }
          ],
          "request_id": "r1"
        }
        "#);
    }

    #[test]
    fn the_cause_of_a_fault_is_for_the_log_alone() {
        let problem = Problem::internal("secret path /srv/x");
        assert_eq!(problem.internal_detail(), Some("secret path /srv/x"));
        assert!(!problem.to_value("r1").to_string().contains("/srv/x"));
    }

    #[test]
    fn no_two_kinds_share_a_word() {
        let slugs: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.slug).collect();
        assert_eq!(slugs.len(), Kind::ALL.len());
    }

    #[test]
    fn an_unmerged_branch_wants_confirmation_and_a_full_disk_room() {
        let unmerged = WorkspaceError::Unmerged { branch: "b".into(), commits: 2 };
        assert_eq!(Problem::from(unmerged).0.kind, Kind::NEEDS_CONFIRMATION);
        assert_eq!(Problem::from(StoreError::Full).status(), StatusCode::INSUFFICIENT_STORAGE);
    }
}
