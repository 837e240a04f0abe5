//! Reading: every question that the engine and the API ask of the database.

use super::{Committed, StoreError};
use crate::domain::{
    Event, InputId, InteractionId, ProjectId, PromptId, QuestionId, Seq, SessionId, Status, Task, TaskId, Timestamp,
    decision::Decision,
    ids::DecisionId,
    input::Input,
    interaction::Interaction,
    library::{Prompt, Session},
    project::Project,
    question::Question,
    task::Workplace,
    test_case::{TestCase, TestSummary},
};
use serde_json::Value;

/// Which part of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// At most so many.
    pub limit: u32,
    /// After so many.
    pub offset: u64,
}

/// Which tasks.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TaskFilter {
    /// In one of these statuses; empty is any.
    pub statuses: Vec<Status>,
    /// Of this user.
    pub user_id: Option<String>,
    /// With exactly this `root_folder`.
    pub root_folder: Option<String>,
    /// Of this project: its path is the root folder or one of the projects.
    pub project: Option<String>,
    /// Whose name holds this, whatever the case.
    pub name_contains: Option<String>,
    /// Whose name, description or summary holds this, whatever the case.
    pub text: Option<String>,
    /// With this label.
    pub label: Option<String>,
    /// Of this session.
    pub session_id: Option<SessionId>,
}

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TaskSort {
    /// When they were made.
    #[default]
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// When they ended; those that have not come last.
    CompletedAt,
    /// By name.
    Name,
    /// By status, in the order of a task's life.
    Status,
    /// By tokens used.
    Tokens,
    /// By cost.
    Cost,
}

/// Which events.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EventFilter {
    /// After this one.
    pub after: Seq,
    /// Up to and with this one.
    pub up_to: Option<Seq>,
    /// Of these tasks; none is all, and those of the server.
    pub tasks: Option<Vec<TaskId>>,
    /// Of these kinds; empty is all.
    pub kinds: Vec<String>,
}

/// Which questions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QuestionFilter {
    /// In this state.
    pub state: Option<crate::domain::question::QuestionState>,
    /// Of this task.
    pub task_id: Option<TaskId>,
}

/// Tokens and cost of one day, project and model.
#[derive(Clone, PartialEq, Debug)]
pub struct UsageRow {
    /// The day in UTC, `2026-01-31`.
    pub day: String,
    /// The task's root folder.
    pub project: Option<String>,
    /// The task's model, as asked for.
    pub model: Option<String>,
    /// Turns.
    pub turns: u64,
    /// Tokens.
    pub tokens: crate::domain::TokenCount,
    /// United States dollars.
    pub cost_usd: f64,
}

/// A reader's connection with its questions. A [`super::Tx`] answers them too, and sees its own writes.
pub struct Queries<'a> {
    conn: &'a rusqlite::Connection,
}

#[allow(clippy::missing_errors_doc, reason = "every method fails only as StoreError tells")]
impl Queries<'_> {
    pub fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        todo!()
    }
    pub fn task_by_name(&self, name: &str) -> Result<Option<Task>, StoreError> {
        todo!()
    }
    /// The tasks of a page, and how many there are in all.
    pub fn tasks(
        &self,
        filter: &TaskFilter,
        sort: TaskSort,
        descending: bool,
        page: Page,
    ) -> Result<(Vec<Task>, u64), StoreError> {
        todo!()
    }
    /// All tasks in these statuses, oldest first.
    pub fn tasks_in(&self, statuses: &[Status]) -> Result<Vec<Task>, StoreError> {
        todo!()
    }
    /// PENDING tasks that were started, in the order of the queue.
    pub fn queue(&self) -> Result<Vec<Task>, StoreError> {
        todo!()
    }
    /// Where a waiting task stands in the queue, from 1.
    pub fn queue_position(&self, id: TaskId) -> Result<Option<u64>, StoreError> {
        todo!()
    }
    pub fn workplaces(&self, id: TaskId) -> Result<Vec<Workplace>, StoreError> {
        todo!()
    }
    /// Every workplace of every task that has a worktree: what the reconciler compares with the disk.
    pub fn all_workplaces(&self) -> Result<Vec<(TaskId, Workplace)>, StoreError> {
        todo!()
    }

    pub fn interactions(&self, id: TaskId, page: Page) -> Result<(Vec<Interaction>, u64), StoreError> {
        todo!()
    }
    pub fn interaction(&self, id: InteractionId) -> Result<Option<Interaction>, StoreError> {
        todo!()
    }
    /// The last entries, oldest first.
    pub fn recent_interactions(&self, id: TaskId, count: u32) -> Result<Vec<Interaction>, StoreError> {
        todo!()
    }
    /// The agent's last text.
    pub fn latest_response(&self, id: TaskId) -> Result<Option<String>, StoreError> {
        todo!()
    }

    pub fn input(&self, id: InputId) -> Result<Option<Input>, StoreError> {
        todo!()
    }
    /// All inputs of a task in the order in which they are served; those delivered first, by time.
    pub fn inputs(&self, id: TaskId) -> Result<Vec<Input>, StoreError> {
        todo!()
    }
    /// Those that wait, urgent first, then oldest first.
    pub fn waiting_inputs(&self, id: TaskId) -> Result<Vec<Input>, StoreError> {
        todo!()
    }

    pub fn question(&self, id: QuestionId) -> Result<Option<Question>, StoreError> {
        todo!()
    }
    pub fn questions(&self, filter: &QuestionFilter, page: Page) -> Result<(Vec<Question>, u64), StoreError> {
        todo!()
    }
    pub fn open_questions(&self, id: TaskId) -> Result<Vec<Question>, StoreError> {
        todo!()
    }

    pub fn decision(&self, id: DecisionId) -> Result<Option<Decision>, StoreError> {
        todo!()
    }
    /// A task's decisions, oldest first.
    pub fn decisions(&self, id: TaskId) -> Result<Vec<Decision>, StoreError> {
        todo!()
    }

    /// The cases of one round, or of all.
    pub fn test_cases(&self, id: TaskId, round: Option<u32>) -> Result<Vec<TestCase>, StoreError> {
        todo!()
    }
    /// Counts of the last round.
    pub fn test_summary(&self, id: TaskId) -> Result<TestSummary, StoreError> {
        todo!()
    }
    /// The number of the last round; 0 before the first.
    pub fn test_rounds(&self, id: TaskId) -> Result<u32, StoreError> {
        todo!()
    }

    /// Events in the order of the log.
    pub fn events(&self, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, StoreError> {
        todo!()
    }
    /// The same, serialised as subscribers get them.
    pub fn committed(&self, filter: &EventFilter, limit: u32) -> Result<Vec<Committed>, StoreError> {
        todo!()
    }
    /// A task's last event.
    pub fn last_event(&self, id: TaskId) -> Result<Option<Seq>, StoreError> {
        todo!()
    }

    pub fn project(&self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        todo!()
    }
    pub fn projects(
        &self,
        user_id: Option<&str>,
        text: Option<&str>,
        page: Page,
    ) -> Result<(Vec<Project>, u64), StoreError> {
        todo!()
    }
    /// The project whose path is this folder or its nearest parent.
    pub fn project_at(&self, path: &str) -> Result<Option<Project>, StoreError> {
        todo!()
    }
    pub fn prompt(&self, id: PromptId) -> Result<Option<Prompt>, StoreError> {
        todo!()
    }
    pub fn prompts(
        &self,
        category: Option<&str>,
        search: Option<&str>,
        page: Page,
    ) -> Result<(Vec<Prompt>, u64), StoreError> {
        todo!()
    }
    pub fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        todo!()
    }

    /// What was answered to a request with this idempotency key: the hash of the request, the status, the body.
    pub fn idempotent(&self, key: &str, since: Timestamp) -> Result<Option<(String, u16, Vec<u8>)>, StoreError> {
        todo!()
    }
    /// A setting that the server keeps: plugin grants, the token's hash.
    pub fn kept(&self, key: &str) -> Result<Option<Value>, StoreError> {
        todo!()
    }
    /// A plugin's value for a task.
    pub fn plugin_state(&self, plugin: &str, id: TaskId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        todo!()
    }
    pub fn plugin_state_keys(&self, plugin: &str, id: TaskId, prefix: &str) -> Result<Vec<String>, StoreError> {
        todo!()
    }
    /// Bytes that a plugin keeps for a task, keys included.
    pub fn plugin_state_size(&self, plugin: &str, id: TaskId) -> Result<u64, StoreError> {
        todo!()
    }
    /// How many tasks are in each status.
    pub fn status_counts(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        todo!()
    }
    /// Tokens and cost by day, project and model since a moment.
    pub fn usage(&self, since: Timestamp) -> Result<Vec<UsageRow>, StoreError> {
        todo!()
    }
}
