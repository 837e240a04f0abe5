//! Projects: a repository with its settings.

use super::{chain::Chains, ids::ProjectId, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A project's settings. Keys that Taskwright does not use are kept as they came.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct ProjectConfig {
    /// What every task's agent is told about the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Notes for the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Where the tests are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_dir: Option<String>,
    /// Which tests to run, in the test runner's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_tags: Option<Value>,
    /// The command that runs the tests, instead of what a test runner finds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_command: Option<String>,
    /// Shell commands that prepare a worktree.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub setup_commands: Vec<String>,
    /// Shell commands that run before a worktree is removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cleanup_commands: Vec<String>,
    /// The command that starts the development server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev_command: Option<String>,
    /// Globs of files that git ignores and a worktree needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copy_files: Vec<String>,
    /// How many ports a task gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<u16>,
    /// Where worktrees live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree_root: Option<String>,
    /// Variables for the agent, the commands and the tests.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub env: std::collections::BTreeMap<String, String>,
    /// Plugin chains for the project's tasks.
    #[serde(skip_serializing_if = "is_default")]
    pub chains: Chains,
    /// Tasks of this project that may run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_running: Option<u32>,
    /// Turns for the project's tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_iterations: Option<u32>,
    /// Tokens for the project's tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// United States dollars for the project's tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost_usd: Option<f64>,
    /// Seconds of running time for the project's tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_duration_seconds: Option<u64>,
    /// Permissions that a user chose to remember for the project.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remembered: Vec<super::question::RememberedRule>,
    /// Whatever else a client keeps here.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn is_default(chains: &Chains) -> bool {
    *chains == Chains::default()
}

/// A project.
#[derive(Clone, PartialEq, Debug)]
pub struct Project {
    /// Its identifier.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// The repository, or a folder inside one.
    pub path: String,
    /// Who made it.
    pub user_id: Option<String>,
    /// The branch that its tasks start from and merge into.
    pub default_branch: String,
    /// A word for the kind of project.
    pub project_type: Option<String>,
    /// Its settings.
    pub config: ProjectConfig,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
