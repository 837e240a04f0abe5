//! One question to the agent in a side session: no tools, no conversation, an answer or an error.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::TokenUsage;

/// A question for [`crate::agent::Agent::ask`].
#[derive(Debug, Clone)]
pub struct AskSpec {
    /// What to ask.
    pub prompt: String,
    /// A JSON schema that the answer must fit.
    pub json_schema: Option<Value>,
    /// Working directory.
    pub cwd: PathBuf,
    /// The complete environment, already reduced to what is allowed.
    pub env: BTreeMap<OsString, OsString>,
    /// Model, else the agent's default.
    pub model: Option<String>,
    /// Longest time to wait; the process is killed then.
    pub timeout: Duration,
    /// Program and leading arguments.
    pub command: Vec<OsString>,
}

/// What the agent answered.
#[derive(Debug, Clone, PartialEq)]
pub struct AskAnswer {
    /// The answer as text.
    pub text: String,
    /// The answer as a value that fits the schema, when one was asked for.
    pub structured: Option<Value>,
    /// Tokens used.
    pub usage: TokenUsage,
    /// Cost in US dollars.
    pub cost_usd: f64,
    /// Wall time.
    pub duration: Duration,
}
