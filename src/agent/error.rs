//! What can go wrong when speaking to an agent, each with what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use super::event::ApiErrorKind;

/// A failure of a call to an agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The agent's command cannot be started.
    #[error("the agent's command `{command}` cannot be started: {source}")]
    MissingBinary {
        /// The program.
        command: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `CLAUDE_CLI_COMMAND` is empty or has an open quote.
    #[error("the agent's command {0:?} cannot be read: it is empty or a quote is left open")]
    BadCommand(String),
    /// The working directory is not there.
    #[error("the agent's working directory {0} does not exist")]
    MissingDirectory(PathBuf),
    /// A file of the run folder cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// For example `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The supervisor did not come up or broke off.
    #[error("the agent's supervisor failed: {0}")]
    Supervisor(String),
    /// The agent has ended; nothing was delivered.
    #[error("the agent has ended")]
    Ended,
    /// The agent did not accept a request.
    #[error("the agent refused: {0}")]
    Refused(String),
    /// An answer without text.
    #[error("the answer to {0:?} is empty")]
    EmptyAnswer(String),
    /// No answer in time; the process was killed.
    #[error("the agent did not answer within {0:?}")]
    TimedOut(Duration),
    /// The caller gave up; the process was killed.
    #[error("asking the agent was cancelled")]
    Cancelled,
    /// A side session answered with an error.
    #[error("the agent answered with an error: {}", .0.text)]
    Ask(AskFailure),
}

/// Why a side session failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskFailure {
    /// What it means, when the model's API was the cause.
    pub kind: Option<ApiErrorKind>,
    /// HTTP status, when known.
    pub status: Option<u16>,
    /// What the agent said.
    pub text: String,
}

impl AgentError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::MissingBinary { .. } => {
                "install Claude Code (`npm install -g @anthropic-ai/claude-code`) or name the command in the setting CLAUDE_CLI_COMMAND"
            }
            Self::BadCommand(_) => "correct the setting CLAUDE_CLI_COMMAND",
            Self::MissingDirectory(_) => "check the task's folder, or restart the task in a new worktree",
            Self::Io { .. } => "check free space and permissions of the data directory",
            Self::Supervisor(_) => "see supervisor.log in the run's folder, then start the task again",
            Self::Ended => "resume the task",
            Self::Refused(_) => "check the value, or the version of the agent's command",
            Self::EmptyAnswer(_) => "give the label of a choice or a text",
            Self::TimedOut(_) => "try again, or raise the time limit",
            Self::Cancelled => "ask again if the answer is still needed",
            Self::Ask(failure) if matches!(failure.kind, Some(ApiErrorKind::Credentials)) => {
                "run `claude` and `/login`, or set ANTHROPIC_API_KEY for the server"
            }
            Self::Ask(_) => "try again later",
        }
    }
}
