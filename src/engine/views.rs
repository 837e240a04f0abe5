//! What clients see of a task beyond its rows: evidence, worktrees, changes, and the merge of its branch.

use super::{Actor, EngineError, Evidence, MergeDone, WorktreeView, context::Context};
use crate::{
    domain::{Task, TaskId},
    workspace::{FileChange, MergeKind},
};

/// What a task ended with, or has so far.
pub(crate) async fn evidence(ctx: &Context, task: &Task) -> Result<Evidence, EngineError> {
    todo!()
}

/// The task's places, and how they stand.
pub(crate) async fn worktrees(ctx: &Context, task: &Task) -> Result<Vec<WorktreeView>, EngineError> {
    todo!()
}

/// The files that differ from the base, in all its write places; paths of further places begin with their folder's name.
pub(crate) async fn changes(ctx: &Context, task: &Task) -> Result<Vec<FileChange>, EngineError> {
    todo!()
}

/// The unified diff to the base, at most `limit` bytes.
pub(crate) async fn diff(
    ctx: &Context,
    task: &Task,
    path: Option<String>,
    limit: usize,
) -> Result<String, EngineError> {
    todo!()
}

/// Merges the task's branch into `target`, else the project's default branch, else the branch it was made from; with
/// `push`, pushes the target where there is a remote.
pub(crate) async fn merge(
    ctx: &Context,
    id: TaskId,
    target: Option<String>,
    kind: MergeKind,
    message: Option<String>,
    push: bool,
    actor: &Actor,
) -> Result<MergeDone, EngineError> {
    todo!()
}
