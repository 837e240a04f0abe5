//! Tasks as clients see them.

use super::conversation::{Interaction, TestCase};
use crate::{
    domain::{
        Chains, Status, TaskId, Timestamp, TokenCount,
        ids::SessionId,
        task::{self, TaskProject},
        test_case::TestSummary,
    },
    engine::Live,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// When a task is done, and what it may use until then.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct EndCriteria {
    /// When the work is done, in words.
    pub criteria: Option<String>,
    /// Turns of the conversation.
    pub max_iterations: Option<u32>,
    /// Tokens of input, output and cache writes together.
    pub max_tokens: Option<u64>,
}

/// A task without its lists.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct TaskFields {
    /// Its identifier.
    pub id: TaskId,
    /// Its name: free text, unique.
    pub task_name: String,
    /// The session it belongs to.
    pub session_id: Option<SessionId>,
    /// What is to be done.
    pub description: String,
    /// Whose task it is.
    pub user_id: Option<String>,
    /// The repository, or a folder inside one, as it was given.
    pub root_folder: Option<String>,
    /// The branch that it works on, or is to work on.
    pub branch_name: Option<String>,
    /// The branch that it starts from.
    pub base_branch: Option<String>,
    /// The commit that it was started from.
    pub base_commit: Option<String>,
    /// A label of the repository that the client keeps.
    pub git_repo: Option<String>,
    /// False: it works in place, and nothing there is ever removed.
    pub use_worktree: bool,
    /// Where it works.
    pub worktree_path: Option<String>,
    /// What it is doing.
    pub status: Status,
    /// One sentence on the outcome.
    pub summary: Option<String>,
    /// What went wrong and what to do.
    pub error_message: Option<String>,
    /// When it is done, and its limits.
    pub end_criteria_config: EndCriteria,
    /// Dollars that it may cost.
    pub max_cost_usd: Option<f64>,
    /// Seconds that it may run.
    pub max_duration_seconds: Option<u64>,
    /// Tokens that it has used, as they count against `max_tokens`.
    pub total_tokens_used: u64,
    /// The same by kind.
    pub tokens: TokenCount,
    /// Dollars that it has cost.
    pub total_cost_usd: f64,
    /// Turns that have ended.
    pub iterations: u32,
    /// Seconds that it has run.
    pub running_seconds: f64,
    /// Entries of its conversation.
    pub interaction_count: u64,
    /// Whether it waits for its user after each answer.
    pub chat_mode: bool,
    /// Whether it waits for its user now.
    pub waiting_for_input: bool,
    /// When it goes on by itself; null where nothing is awaited by time.
    pub paused_until: Option<Timestamp>,
    /// Its place in the queue, from 1; null when it is not in it.
    pub queue_position: Option<u64>,
    /// Its projects, if it has several.
    pub projects: Vec<TaskProject>,
    /// What the agent is told about the project.
    pub project_context: Option<String>,
    /// MCP servers of the agent, by name.
    pub mcp_servers: Map<String, Value>,
    /// The model.
    pub model: Option<String>,
    /// Tools that need no permission.
    pub allowed_tools: Vec<String>,
    /// Tools that the agent does not get.
    pub disallowed_tools: Vec<String>,
    /// Text added to the agent's system prompt.
    pub system_prompt: Option<String>,
    /// Its own plugin chains; one that is absent is inherited.
    pub chains: Chains,
    /// Whether the agent is asked to write tests; null: where a test runner knows the project.
    pub generate_tests: Option<bool>,
    /// Whether its work is committed at the end.
    pub auto_commit: bool,
    /// The message of that commit; null: made from the task.
    pub commit_message: Option<String>,
    /// Free labels.
    pub labels: Vec<String>,
    /// What the responder says when nothing else is known.
    pub custom_human_input: Option<String>,
    /// Not before this moment.
    pub start_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it first ran.
    pub started_at: Option<Timestamp>,
    /// When it reached its final status.
    pub completed_at: Option<Timestamp>,
}

impl TaskFields {
    /// A task, and what is live of it.
    #[must_use]
    pub fn new(task: task::Task, live: Live) -> Self {
        let spec = task.spec;
        Self {
            id: task.id,
            task_name: spec.task_name,
            session_id: spec.session_id,
            description: spec.description,
            user_id: spec.user_id,
            root_folder: spec.root_folder,
            branch_name: task.branch.or(spec.branch_name),
            base_branch: spec.base_branch.or(task.base),
            base_commit: task.base_commit,
            git_repo: spec.git_repo,
            use_worktree: spec.use_worktree,
            worktree_path: task.worktree_path,
            status: task.status,
            summary: task.summary,
            error_message: task.error_message,
            end_criteria_config: EndCriteria {
                criteria: spec.end_criteria,
                max_iterations: spec.limits.max_iterations,
                max_tokens: spec.limits.max_tokens,
            },
            max_cost_usd: spec.limits.max_cost_usd,
            max_duration_seconds: spec.limits.max_duration_seconds,
            total_tokens_used: task.spent.tokens.total(),
            tokens: task.spent.tokens,
            total_cost_usd: task.spent.cost_usd,
            iterations: task.spent.iterations,
            running_seconds: task.spent.running_seconds,
            interaction_count: task.interaction_count,
            chat_mode: spec.chat_mode,
            waiting_for_input: task.waiting_for_input,
            paused_until: task.paused_until,
            queue_position: live.queue_position,
            projects: spec.projects,
            project_context: spec.project_context,
            mcp_servers: spec.mcp_servers,
            model: spec.model,
            allowed_tools: spec.allowed_tools,
            disallowed_tools: spec.disallowed_tools,
            system_prompt: spec.system_prompt,
            chains: spec.chains,
            generate_tests: spec.generate_tests,
            auto_commit: spec.auto_commit,
            commit_message: spec.commit_message,
            labels: spec.labels,
            custom_human_input: spec.custom_human_input,
            start_at: spec.start_at,
            created_at: task.created_at,
            updated_at: task.updated_at,
            started_at: task.started_at,
            completed_at: task.completed_at,
        }
    }
}

/// A task.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Task {
    /// All but its lists.
    #[serde(flatten)]
    pub fields: TaskFields,
    /// Its test cases, all rounds; in lists only with `include=test_cases`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub test_cases: Option<Vec<TestCase>>,
    /// Its conversation; in lists only with `include=interactions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub interactions: Option<Vec<Interaction>>,
}

/// How a task stands.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct TaskStatus {
    /// All but its lists.
    #[serde(flatten)]
    pub fields: TaskFields,
    /// What it is doing, in a sentence.
    pub progress: String,
    /// Counts of the last round of tests.
    pub test_summary: TestSummary,
    /// The agent's last text.
    pub latest_claude_response: Option<String>,
    /// Whether an agent process runs for it.
    pub process_running: bool,
    /// Which.
    pub process_pid: Option<u32>,
}

impl TaskStatus {
    /// A task with what is known beside its row.
    #[must_use]
    pub fn new(task: task::Task, live: Live, tests: TestSummary, latest: Option<String>) -> Self {
        Self {
            progress: progress(&task, live, &tests),
            fields: TaskFields::new(task, live),
            test_summary: tests,
            latest_claude_response: latest,
            process_running: live.pid.is_some(),
            process_pid: live.pid,
        }
    }
}

/// What a task is doing, in a sentence.
fn progress(task: &task::Task, live: Live, tests: &TestSummary) -> String {
    let turns = match (task.spent.iterations, task.spec.limits.max_iterations) {
        (1, None) => "1 turn".to_owned(),
        (done, None) => format!("{done} turns"),
        (done, Some(most)) => format!("{done} of {most} turns"),
    };
    let because = |words: &Option<String>| words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
    match task.status {
        Status::Pending => match (live.queue_position, task.queued_at) {
            (Some(position), _) => format!("Waits in the queue, at place {position}."),
            (None, Some(_)) => "Waits in the queue.".to_owned(),
            (None, None) => "Not started.".to_owned(),
        },
        Status::Running if task.waiting_for_input => format!("Waits for your message, after {turns}."),
        Status::Running => format!("The agent works; {turns} so far."),
        Status::Paused => match task.paused_until {
            Some(until) => format!("Paused until {until}; goes on by itself."),
            None => "Waits for an answer from you.".to_owned(),
        },
        Status::Stopped => format!("Stopped after {turns}; `resume` goes on."),
        Status::Testing => format!("Its tests run; {} of {} have passed so far.", tests.passed, tests.total),
        Status::Completed => format!("Done, after {turns}{}", because(&task.summary)),
        Status::Finished => format!("Done: the end criteria are met, after {turns}{}", because(&task.summary)),
        Status::Failed => format!("Failed{}", because(&task.error_message)),
        Status::Exhausted => format!("A limit was reached{}", because(&task.error_message)),
    }
}
