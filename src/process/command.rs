//! Runs one command to its end, with limits on time and output, and leaves nothing behind.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::output::{CommandOutput, OutputStream};

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A program and its arguments; no shell is involved.
    Argv(Vec<OsString>),
    /// A text for `sh -c`.
    Shell(String),
}

/// A command and its limits.
#[derive(Debug, Clone)]
pub struct CommandSpec {
    /// What to run.
    pub program: Program,
    /// Where.
    pub cwd: PathBuf,
    /// The complete environment.
    pub env: BTreeMap<OsString, OsString>,
    /// What it reads on standard input; nothing by default.
    pub stdin: Vec<u8>,
    /// Longest time it may take.
    pub time_limit: Duration,
    /// How much of its output is kept, in bytes: the first and the last half of it.
    pub output_limit: usize,
    /// Whether standard error is kept apart instead of joined to the output in the order written.
    pub separate_stderr: bool,
    /// Ends it early.
    pub cancel: CancellationToken,
}

/// Receives output as it comes: which stream, and the bytes. Called for all output, also beyond the limit. It must not
/// block.
pub type OutputSink<'a> = &'a mut (dyn FnMut(OutputStream, &[u8]) + Send);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandStatus {
    /// By itself, with this exit status.
    Exited(i32),
    /// By a signal that did not come from here.
    Signalled(i32),
    /// It took too long and was killed.
    TimedOut,
    /// It was cancelled and killed.
    Cancelled,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    /// How it ended.
    pub status: CommandStatus,
    /// What it wrote; with standard error in it unless that was kept apart.
    pub output: CommandOutput,
    /// What it wrote to standard error, if that was kept apart.
    pub stderr: CommandOutput,
    /// Wall time.
    pub duration: Duration,
    /// Processes that it left behind and that were killed.
    pub leaked: Vec<u32>,
}

impl CommandOutcome {
    /// Whether it ended by itself with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == CommandStatus::Exited(0)
    }
}

/// Why a command could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Nothing was given to run.
    #[error("there is no command to run")]
    Empty,
    /// The folder is not there.
    #[error("the folder {0} does not exist")]
    MissingDirectory(PathBuf),
    /// The program could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its output or end could not be read.
    #[error("lost track of `{program}`: {source}")]
    Lost {
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Runs a command to its end and ends everything that it started.
///
/// The tree is killed when the time is up, on `cancel`, and, should it have left something, after its own end. A
/// process that keeps the output open after that does not delay the result; it is named in
/// [`CommandOutcome::leaked`]. Dropping the future kills the tree as well.
///
/// # Errors
/// [`CommandError`] when it cannot be started at all; how it ended is no error.
pub async fn run_command(spec: CommandSpec, sink: Option<OutputSink<'_>>) -> Result<CommandOutcome, CommandError> {
    todo!()
}
