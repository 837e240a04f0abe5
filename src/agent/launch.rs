//! What is needed to start an agent, and what is said to it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Longest line that is read from an agent, in bytes. A longer one stays in the spool and is told as
/// [`crate::agent::AgentEventKind::LineCapped`].
pub const DEFAULT_LINE_CAP: usize = 8 * 1024 * 1024;

/// Everything needed to start an agent.
#[derive(Debug, Clone)]
pub struct LaunchSpec {
    /// Identifies the run; all its processes carry it in `TASKWRIGHT_RUN`.
    pub run: Uuid,
    /// A folder for this run alone: spool, socket, standard error, exit record. Made if it is missing.
    pub run_dir: PathBuf,
    /// The agent's working directory. Sessions are tied to it.
    pub cwd: PathBuf,
    /// Which conversation.
    pub session: SessionStart,
    /// Program and leading arguments, see [`crate::agent::split_command`].
    pub command: Vec<OsString>,
    /// Model, else the agent's default.
    pub model: Option<String>,
    /// Tools that need no permission.
    pub allowed_tools: Vec<String>,
    /// Tools that are never offered.
    pub disallowed_tools: Vec<String>,
    /// Text appended to the agent's system prompt.
    pub system_prompt: Option<String>,
    /// MCP servers by name, as in Claude Code's `mcpServers`.
    pub mcp_servers: Map<String, Value>,
    /// Further folders that the agent may read.
    pub add_dirs: Vec<PathBuf>,
    /// The complete environment, already reduced to what is allowed.
    pub env: BTreeMap<OsString, OsString>,
    /// Patience when ending it.
    pub graces: StopGraces,
    /// See [`DEFAULT_LINE_CAP`].
    pub line_cap: usize,
    /// The program whose `supervise` subcommand owns the agent: this same binary.
    pub supervisor: PathBuf,
}

/// Which conversation an agent begins or goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionStart {
    /// A new one under an id chosen (and stored) beforehand.
    New(Uuid),
    /// An earlier one.
    Resume(String),
    /// A copy of an earlier one under a new id; the earlier one stays as it is.
    Fork {
        /// The earlier one.
        from: String,
        /// Id of the copy.
        id: Uuid,
    },
}

/// Patience when ending an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopGraces {
    /// Time between the interrupt and the first signal.
    pub interrupt: Duration,
    /// Time between the first signal and `SIGKILL`.
    pub terminate: Duration,
}

impl Default for StopGraces {
    fn default() -> Self {
        Self { interrupt: Duration::from_secs(5), terminate: Duration::from_secs(5) }
    }
}

/// One message to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnInput {
    /// Id by which it is delivered once and acknowledged.
    pub input_id: Uuid,
    /// Text in Markdown.
    pub text: String,
    /// Images, already validated.
    pub images: Vec<ImageBlock>,
}

/// One image of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageBlock {
    /// For example `image/png`.
    pub media_type: String,
    /// The file in standard base64.
    pub base64: String,
}

/// The answer to a permission request.
#[derive(Debug, Clone, PartialEq)]
pub enum PermissionAnswer {
    /// Go ahead.
    Allow {
        /// The tool's arguments, as asked or changed.
        updated_input: Value,
        /// Rules for the rest of the session, each a tool's name with an optional content: `("Bash", Some("npm test *"))`.
        session_rules: Vec<(String, Option<String>)>,
    },
    /// Do not.
    Deny {
        /// Why; the agent reads it.
        message: String,
        /// Whether the turn ends with it.
        interrupt: bool,
    },
}

/// Whether a message was written now or earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Now.
    Written,
    /// Earlier, under the same id; nothing was written now.
    AlreadyWritten,
}

/// How an agent was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndReport {
    /// What it took.
    pub method: EndMethod,
    /// Processes that had to be killed, the agent's own among them if it was.
    pub killed: Vec<u32>,
}

/// What it took to end an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndMethod {
    /// It left after the interrupt and the end of its input.
    Interrupt,
    /// It left after a signal that it could handle.
    Sigterm,
    /// It was killed.
    Sigkill,
    /// It had ended before.
    AlreadyEnded,
}

impl EndMethod {
    /// The word that clients see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupt",
            Self::Sigterm => "sigterm",
            Self::Sigkill => "sigkill",
            Self::AlreadyEnded => "already-ended",
        }
    }
}
