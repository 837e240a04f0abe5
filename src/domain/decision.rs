//! Decisions: every call of a plugin, with what it was given and what it said.

use super::{
    chain::ChainKind,
    ids::{DecisionId, TaskId},
    time::Timestamp,
};
use serde_json::Value;

/// One call of a plugin.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// Its identifier.
    pub id: DecisionId,
    /// For which task.
    pub task_id: TaskId,
    /// What was to be decided.
    pub kind: ChainKind,
    /// The function of the plugin that was called, in the interface's words.
    pub call: String,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The hash of its content.
    pub hash: String,
    /// What it was given: enough to ask another plugin the same.
    pub input: Value,
    /// What it said; none if it failed.
    pub answer: Option<Value>,
    /// How it failed.
    pub error: Option<String>,
    /// Whether the answer was the one that counted.
    pub counted: bool,
    /// Time taken, in microseconds.
    pub duration_us: u64,
    /// When.
    pub at: Timestamp,
}
