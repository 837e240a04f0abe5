//! What stands on the wire: types of their own, with exactly the names that clients rely on. Each is made from the
//! domain's types and knows nothing else; a change here shows in the committed OpenAPI document.

mod conversation;
mod event;
mod evidence;
mod input;
mod library;
mod outcome;
mod question;
mod task;

pub use conversation::{Conversation, ConversationEntry, Interaction, Message, TestCase, ToolGroup, collapse};
pub use event::Event;
pub use evidence::{
    Commit, Criterion, Decision, DecisionWithInput, DiffStat, Evidence, FileChange, Findings, TestRound, TestRounds,
    Worktree, Worktrees,
};
pub use input::{Input, InputQueued, QueueStatus};
pub use library::{Branches, Directories, Directory, Project, ProjectDeleted, ProjectsDeleted, Prompt, Session, Usage};
pub use outcome::{
    BatchDeleted, BatchItem, Cloned, Deleted, Merged, Message as Said, Outcome, Restarted, Retried, Stopped,
    WorktreeDeleted,
};
pub use question::Question;
pub use task::{EndCriteria, Task, TaskFields, TaskStatus};

use crate::engine::FieldError;
use serde::Serialize;

/// A field that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct WrongField {
    /// The field's name; `projects[0].path` for one inside another.
    pub field: String,
    /// What is wrong with it and what to do.
    pub detail: String,
}

impl From<&FieldError> for WrongField {
    fn from(error: &FieldError) -> Self {
        Self { field: error.field.clone(), detail: error.detail.clone() }
    }
}
