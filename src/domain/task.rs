//! The task: what was asked, under which limits, and how far it is.

use super::{
    budget::{Limits, Spent},
    chain::Chains,
    ids::{SessionId, TaskId},
    status::Status,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a task may do with one of its projects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// A worktree on the task's branch.
    #[default]
    Write,
    /// Given to the agent as it is.
    Read,
}

/// One project of a task, as the client gave it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskProject {
    /// An absolute path: a repository, or a folder inside one.
    pub path: String,
    /// What the task may do with it.
    #[serde(default)]
    pub access: Access,
    /// What the agent is told about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The branch to work on; made by the naming rule where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_name: Option<String>,
}

/// What a person asked for: everything of a task that only a person changes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TaskSpec {
    /// The unique name, free text.
    pub task_name: String,
    /// What is to be done.
    pub description: String,
    /// Whose task it is.
    pub user_id: Option<String>,
    /// The repository, or a folder inside one, as the client gave it.
    pub root_folder: Option<String>,
    /// The branch that the client wants.
    pub branch_name: Option<String>,
    /// The branch to start from.
    pub base_branch: Option<String>,
    /// A label of the repository that the client keeps (the original's field).
    pub git_repo: Option<String>,
    /// False works in place and removes nothing.
    pub use_worktree: bool,
    /// Several projects, instead of or beside `root_folder`.
    pub projects: Vec<TaskProject>,
    /// What the agent is told about the project.
    pub project_context: Option<String>,
    /// Waits for the user after each answer.
    pub chat_mode: bool,
    /// When the work is done, in words.
    pub end_criteria: Option<String>,
    /// What it may use.
    pub limits: Limits,
    /// MCP servers for the agent, by name, in the agent's own form.
    pub mcp_servers: Map<String, Value>,
    /// The model, by the agent's name for it.
    pub model: Option<String>,
    /// Tools that need no permission.
    pub allowed_tools: Vec<String>,
    /// Tools that the agent does not get.
    pub disallowed_tools: Vec<String>,
    /// Text added to the agent's system prompt.
    pub system_prompt: Option<String>,
    /// Plugin chains of its own.
    pub chains: Chains,
    /// Whether the agent is asked to write tests; absent: where a test runner knows the project.
    pub generate_tests: Option<bool>,
    /// Whether the work is committed at the end.
    pub auto_commit: bool,
    /// The commit message; absent: made from the task.
    pub commit_message: Option<String>,
    /// Free labels.
    pub labels: Vec<String>,
    /// Not before this moment.
    pub start_at: Option<Timestamp>,
    /// The session it belongs to.
    pub session_id: Option<SessionId>,
    /// What the user wants the responder to say when nothing else is known (the original's field).
    pub custom_human_input: Option<String>,
}

impl TaskSpec {
    /// A request of which nothing more is said: in a worktree, committed at the end, within the usual limits.
    #[must_use]
    pub fn new(task_name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            task_name: task_name.into(),
            description: description.into(),
            user_id: None,
            root_folder: None,
            branch_name: None,
            base_branch: None,
            git_repo: None,
            use_worktree: true,
            projects: Vec::new(),
            project_context: None,
            chat_mode: false,
            end_criteria: None,
            limits: Limits::default(),
            mcp_servers: Map::new(),
            model: None,
            allowed_tools: Vec::new(),
            disallowed_tools: Vec::new(),
            system_prompt: None,
            chains: Chains::default(),
            generate_tests: None,
            auto_commit: true,
            commit_message: None,
            labels: Vec::new(),
            start_at: None,
            session_id: None,
            custom_human_input: None,
        }
    }
}

/// How the next agent process begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NextRun {
    /// A new session with the whole prompt.
    #[default]
    Fresh,
    /// The same session.
    Resume,
    /// A new session that is told what happened so far.
    Recover,
}

/// A task with its state.
#[derive(Clone, PartialEq, Debug)]
pub struct Task {
    /// Its identifier.
    pub id: TaskId,
    /// What a person asked for.
    pub spec: TaskSpec,
    /// What it is doing.
    pub status: Status,
    /// One sentence on the outcome.
    pub summary: Option<String>,
    /// What went wrong and what to do.
    pub error_message: Option<String>,
    /// What it has used.
    pub spent: Spent,
    /// Entries of its conversation.
    pub interaction_count: u64,
    /// A chat that waits, or a question that is open.
    pub waiting_for_input: bool,
    /// When it goes on by itself, if it waits for a time.
    pub paused_until: Option<Timestamp>,
    /// Since when it waits in the queue.
    pub queued_at: Option<Timestamp>,
    /// How its next agent process begins.
    pub next_run: NextRun,
    /// The agent's session, chosen and stored before the process starts.
    pub agent_session: Option<String>,
    /// The present or last agent process: the folder name of its run below the task's folder.
    pub agent_run: Option<String>,
    /// Bytes of that run's spool that are in the log.
    pub spool_offset: u64,
    /// The branch that it works on, once its workspace was made.
    pub branch: Option<String>,
    /// The branch that it was made from.
    pub base: Option<String>,
    /// The commit that it was made from.
    pub base_commit: Option<String>,
    /// Where it works: the worktree, or the folder itself when it works in place.
    pub worktree_path: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it first began to run.
    pub started_at: Option<Timestamp>,
    /// When it reached its final status.
    pub completed_at: Option<Timestamp>,
}

impl Task {
    /// A task that was made at this moment and has not begun.
    #[must_use]
    pub fn new(id: TaskId, spec: TaskSpec, now: Timestamp) -> Self {
        Self {
            id,
            spec,
            status: Status::Pending,
            summary: None,
            error_message: None,
            spent: Spent::default(),
            interaction_count: 0,
            waiting_for_input: false,
            paused_until: None,
            queued_at: None,
            next_run: NextRun::Fresh,
            agent_session: None,
            agent_run: None,
            spool_offset: 0,
            branch: None,
            base: None,
            base_commit: None,
            worktree_path: None,
            created_at: now,
            updated_at: now,
            started_at: None,
            completed_at: None,
        }
    }
}

/// One place in which a task works or reads, as it was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Workplace {
    /// The repository, or the folder where there is none.
    pub source: String,
    /// Where the agent works: the worktree, or the source itself.
    pub path: String,
    /// The agent's folder inside `path`, for a task of a sub-folder.
    pub cwd: String,
    /// What the task may do there.
    pub access: Access,
    /// Whether it is a worktree made for the task.
    pub is_worktree: bool,
    /// The task's branch.
    pub branch: Option<String>,
    /// Whether the branch was made for the task.
    pub created_branch: bool,
    /// The branch it was made from.
    pub base: Option<String>,
    /// The commit it was made from.
    pub base_commit: Option<String>,
    /// The first port of the task's range, if the project wants ports.
    pub first_port: Option<u16>,
    /// How many ports the range has.
    pub ports: u16,
}
