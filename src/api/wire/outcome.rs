//! What commands did, as clients see it.

use crate::{
    domain::{Limits, Status, TaskId},
    engine,
};
use serde::Serialize;

/// What was done, in a sentence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Said)]
pub struct Message {
    /// The sentence.
    pub message: String,
}

/// What a command did to a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Outcome {
    /// In a sentence.
    pub message: String,
    /// The status after it.
    pub status: Status,
    /// The place in the queue, if the task waits there.
    pub queue_position: Option<u64>,
}

impl From<engine::Done> for Outcome {
    fn from(done: engine::Done) -> Self {
        Self { message: done.message, status: done.status, queue_position: done.queue_position }
    }
}

/// What `stop` did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Stopped {
    /// In a sentence.
    pub message: String,
    /// The status after it.
    pub status: Status,
    /// Whether a process was ended.
    pub process_killed: bool,
    /// How: `interrupt`, `sigterm`, `sigkill`, `already-ended` or `none`.
    pub termination_method: String,
    /// Always false: stopping removes nothing.
    pub cleanup_performed: bool,
}

impl From<engine::Stopped> for Stopped {
    fn from(stopped: engine::Stopped) -> Self {
        Self {
            message: stopped.message,
            status: stopped.status,
            process_killed: stopped.process_killed,
            termination_method: stopped.termination_method,
            cleanup_performed: stopped.cleanup_performed,
        }
    }
}

/// What `retry` did.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Retried {
    /// In a sentence.
    pub message: String,
    /// The status after it.
    pub status: Status,
    /// The place in the queue.
    pub queue_position: Option<u64>,
    /// The limits that hold now.
    pub new_limits: Limits,
}

/// What `clear-and-restart` did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Restarted {
    /// In a sentence.
    pub message: String,
    /// How many entries the conversation had.
    pub deleted_interactions: u64,
    /// What was done in git, line by line.
    pub git_cleanup: Vec<String>,
    /// The status after it.
    pub status: Status,
    /// The place in the queue.
    pub queue_position: Option<u64>,
}

impl From<engine::Restarted> for Restarted {
    fn from(restarted: engine::Restarted) -> Self {
        Self {
            message: restarted.message,
            deleted_interactions: restarted.deleted_interactions,
            git_cleanup: restarted.git_cleanup,
            status: restarted.status,
            queue_position: restarted.queue_position,
        }
    }
}

/// What `clone` did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Cloned {
    /// In a sentence.
    pub message: String,
    /// The task that was cloned.
    pub original_task: String,
    /// The new task's name.
    pub new_task: String,
    /// The new task.
    pub new_task_id: TaskId,
    /// Whether it goes on with the same conversation.
    pub session_continued: bool,
}

/// What a merge did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Merged {
    /// In a sentence.
    pub message: String,
    /// The task's branch.
    pub source_branch: String,
    /// Where it went.
    pub target_branch: String,
    /// The target's commit now; null when there was nothing to merge.
    pub commit: Option<String>,
    /// Whether the target was pushed.
    pub pushed: bool,
    /// What the push said.
    pub push_message: Option<String>,
}

/// What deleting a task did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Deleted {
    /// In a sentence.
    pub message: String,
    /// Whether it had to be stopped.
    pub auto_stopped: bool,
    /// What happened to its worktree.
    pub worktree_cleanup: Option<String>,
    /// The ref under which uncommitted work was kept.
    pub kept: Option<String>,
    /// Whether its branch was removed.
    pub branch_deleted: bool,
}

impl From<engine::Deleted> for Deleted {
    fn from(deleted: engine::Deleted) -> Self {
        Self {
            message: deleted.message,
            auto_stopped: deleted.auto_stopped,
            worktree_cleanup: deleted.worktree_cleanup,
            kept: deleted.kept,
            branch_deleted: deleted.branch_deleted,
        }
    }
}

/// What removing a worktree did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct WorktreeDeleted {
    /// In a sentence.
    pub message: String,
    /// Always true: the task stays.
    pub task_preserved: bool,
    /// Whether the task had to be stopped.
    pub auto_stopped: bool,
    /// Whether anything was removed.
    pub cleanup_performed: bool,
    /// The ref under which uncommitted work was kept.
    pub kept: Option<String>,
    /// Whether the branch was removed.
    pub branch_deleted: bool,
}

impl From<engine::Deleted> for WorktreeDeleted {
    fn from(deleted: engine::Deleted) -> Self {
        Self {
            message: deleted.message,
            task_preserved: true,
            auto_stopped: deleted.auto_stopped,
            cleanup_performed: deleted.worktree_cleanup.is_some(),
            kept: deleted.kept,
            branch_deleted: deleted.branch_deleted,
        }
    }
}

/// What became of one task of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct BatchItem {
    /// The task.
    pub task_name: String,
    /// Whether it was deleted.
    pub success: bool,
    /// What was done.
    pub message: Option<String>,
    /// Why it was not.
    pub error: Option<String>,
}

/// What deleting several tasks did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct BatchDeleted {
    /// How many were named.
    pub total: usize,
    /// How many were deleted.
    pub successful: usize,
    /// How many were not.
    pub failed: usize,
    /// Each.
    pub results: Vec<BatchItem>,
}

impl From<Vec<BatchItem>> for BatchDeleted {
    fn from(results: Vec<BatchItem>) -> Self {
        let successful = results.iter().filter(|item| item.success).count();
        Self { total: results.len(), successful, failed: results.len() - successful, results }
    }
}
