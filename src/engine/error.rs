//! What the engine refuses, and why. One place in `api` turns these into HTTP.

use crate::{
    agent::AgentError,
    domain::{question::Question, status::Refused},
    plugin::LoadError,
    store::StoreError,
    workspace::WorkspaceError,
};

/// A field that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// The field, by its name on the wire, `projects[0].path` for a nested one.
    pub field: String,
    /// What is wrong and what to do.
    pub detail: String,
}

/// A command that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such thing.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// What: `task`, `input`, `question`, `project`, `worktree`.
        what: &'static str,
        /// As the client named it.
        name: String,
    },
    /// Not in this status.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// Something would be lost; `confirm=true` says that this is wanted.
    #[error("{0}")]
    NeedsConfirmation(String),
    /// Somebody answered before.
    #[error("the question was answered already")]
    AnsweredAlready(Box<Question>),
    /// Fields are wrong; all of them.
    #[error("{}", .0.iter().map(|f| format!("{}: {}", f.field, f.detail)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// The workspace refuses.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The agent failed.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// A plugin could not be loaded.
    #[error(transparent)]
    Plugin(#[from] LoadError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}
