//! The places in which a task works: made, prepared, and removed, each step in the log before and after it happens.
//!
//! A task works in worktrees of its write projects and reads its read projects as they are. The first write project is
//! where the agent stands. A task without any folder works in an empty one of its own below the data directory.

use super::{CleanupPolicy, DeleteOptions, EngineError, FieldError, context::Context};
use crate::domain::{
    Status, Task, TaskId,
    project::Project,
    task::{TaskSpec, Workplace},
};
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};
use tokio_util::sync::CancellationToken;

/// What removing a task's places did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct CleanedUp {
    /// Worktrees that were removed.
    pub worktrees: usize,
    /// Whether every branch that was to go is gone.
    pub branch_deleted: bool,
    /// Refs under which uncommitted work was kept.
    pub kept: Vec<String>,
    /// What was done, line by line, for people.
    pub lines: Vec<String>,
}

impl CleanedUp {
    /// What was done, in one sentence.
    #[must_use]
    pub(crate) fn sentence(&self) -> String {
        todo!()
    }
}

/// Whether the places of a request can be made, without changing anything: all wrong fields by their names on the wire.
/// The folders were checked with `Engine::check_folder` before.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn check(ctx: &Context, id: TaskId, spec: &TaskSpec) -> Result<Vec<FieldError>, EngineError> {
    todo!()
}

/// The project by which a task's settings are inherited: the one that holds the folder in which the agent stands.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn project_of(ctx: &Context, spec: &TaskSpec) -> Result<Option<Project>, EngineError> {
    todo!()
}

/// Makes every place of a task, or finds those that an earlier attempt made, and runs the setup commands of projects in
/// worktrees that are new. Stores them (`Store::set_workplaces`, the task's `worktree_path`, `branch`, `base`,
/// `base_commit`) and writes `workspace.ready` once.
///
/// Re-read the task afterwards: its row has changed.
///
/// # Errors
/// Why a place cannot be made, or which setup command failed: words for the task's `error_message`.
pub(crate) async fn make(
    ctx: &Context,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<Vec<Workplace>, EngineError> {
    todo!()
}

/// The places of a task as they were made; the first is where the agent stands.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn places(ctx: &Context, task: TaskId) -> Result<Vec<Workplace>, EngineError> {
    todo!()
}

/// Folders beside the one in which the agent stands, for its `add_dirs`.
#[must_use]
pub(crate) fn further_folders(places: &[Workplace]) -> Vec<PathBuf> {
    todo!()
}

/// The complete environment of a task's agent and commands: the allow-list, the project's variables, `TASKWRIGHT_TASK`
/// (the name), `TASKWRIGHT_TASK_ID`, and with ports `PORT`, `TASKWRIGHT_PORT`, `TASKWRIGHT_PORTS` (`first-last`).
#[must_use]
pub(crate) fn environment(
    ctx: &Context,
    task: &Task,
    project: Option<&Project>,
    places: &[Workplace],
) -> BTreeMap<OsString, OsString> {
    todo!()
}

/// Runs the setup commands of the task's projects again.
///
/// # Errors
/// Which command failed, or that there is no worktree.
pub(crate) async fn set_up_again(ctx: &Context, task: &Task, cancel: &CancellationToken) -> Result<(), EngineError> {
    todo!()
}

/// Whether the policy removes the worktrees of a task that has ended in this status; `clean` tells whether everything is
/// committed.
#[must_use]
pub(crate) fn goes(policy: CleanupPolicy, status: Status, clean: bool) -> bool {
    todo!()
}

/// Removes the worktrees of a task that has ended, if the policy says so. Branches stay. A failure is told in the log and
/// fails nothing.
///
/// # Errors
/// When the database cannot be read or written.
pub(crate) async fn clean_up_by_policy(ctx: &Context, task: &Task) -> Result<(), EngineError> {
    todo!()
}

/// Runs the cleanup commands and removes the task's worktrees after keeping what is not committed; with
/// `options.delete_branch` their branches too. Places that are no worktrees are never touched. Writes the steps,
/// `set_workplaces` without what is gone, and the task's `worktree_path`.
///
/// # Errors
/// [`EngineError::NeedsConfirmation`] when an unmerged branch would be lost: nothing was removed then.
pub(crate) async fn remove(ctx: &Context, task: &Task, options: DeleteOptions) -> Result<CleanedUp, EngineError> {
    todo!()
}
