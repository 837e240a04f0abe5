//! The places in which a task works: made, prepared, and removed, each step in the log before and after it happens.
//!
//! A task works in worktrees of its write projects and reads its read projects as they are. The first write project is
//! where the agent stands. A task without any folder to write in works in an empty one of its own below the data
//! directory.

mod commands;
mod environment;
mod make;
mod ports;
mod remove;
mod sites;
mod steps;
#[cfg(test)]
mod tests;

use super::{CleanupPolicy, DeleteOptions, EngineError, FieldError, context::Context};
use crate::{
    domain::{
        Status, Task, TaskId,
        project::Project,
        task::{TaskSpec, Workplace},
    },
    workspace::WorkspaceError,
};
use sites::{Placed, with_projects};
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};
use steps::StepLog;
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
        if self.lines.is_empty() { "there was no worktree to remove".to_owned() } else { self.lines.join("; ") }
    }
}

/// Whether the places of a request can be made, without changing anything: all wrong fields by their names on the wire.
/// The folders were checked with `Engine::check_folder` before.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn check(ctx: &Context, id: TaskId, spec: &TaskSpec) -> Result<Vec<FieldError>, EngineError> {
    let wanted = spec.clone();
    let placed = ctx.store.read(move |queries| with_projects(queries, &wanted)).await?;
    let (workspaces, ctx, spec) = (ctx.workspaces.clone(), ctx.clone(), spec.clone());
    blocking(move || {
        let errors = placed.iter().filter_map(|one| {
            let error = workspaces.check(&one.request(&ctx, id, &spec)).err()?;
            Some(FieldError { field: field_of(&error, one), detail: error.to_string() })
        });
        Ok::<_, WorkspaceError>(errors.collect())
    })
    .await
}

/// The project by which a task's settings are inherited: the one that holds the folder in which the agent stands.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn project_of(ctx: &Context, spec: &TaskSpec) -> Result<Option<Project>, EngineError> {
    let Some(folder) = sites::main_folder(spec) else {
        return Ok(None);
    };
    ctx.store.read(move |queries| queries.project_at(&folder)).await.map_err(EngineError::from)
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
    make::make(ctx, task, cancel).await
}

/// The places of a task as they were made; the first is where the agent stands.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn places(ctx: &Context, task: TaskId) -> Result<Vec<Workplace>, EngineError> {
    ctx.store.read(move |queries| queries.workplaces(task)).await.map_err(EngineError::from)
}

/// Folders beside the one in which the agent stands, for its `add_dirs`.
#[must_use]
pub(crate) fn further_folders(places: &[Workplace]) -> Vec<PathBuf> {
    places.iter().skip(1).map(|place| PathBuf::from(&place.cwd)).collect()
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
    environment::compose(std::env::vars_os(), &ctx.config.agent_env, task, project, places)
}

/// Runs the setup commands of the task's projects again.
///
/// # Errors
/// Which command failed, or that there is no worktree.
pub(crate) async fn set_up_again(ctx: &Context, task: &Task, cancel: &CancellationToken) -> Result<(), EngineError> {
    let log = StepLog::new(ctx, task);
    let spec = task.spec.clone();
    let placed = ctx.store.read(move |queries| with_projects(queries, &spec)).await?;
    let places = places(ctx, task.id).await?;
    if !places.iter().any(|place| place.is_worktree && std::path::Path::new(&place.cwd).is_dir()) {
        return Err(EngineError::NotFound { what: "worktree", name: task.spec.task_name.clone() });
    }
    // Places are in the order of the request's folders, after the one that was made for want of any.
    let offset = places.len().saturating_sub(placed.len());
    for (index, one) in placed.iter().enumerate() {
        make::set_up(ctx, &log, task, one, &places, index + offset, true, cancel).await?;
    }
    Ok(())
}

/// Whether the policy removes the worktrees of a task that has ended in this status; `clean` tells whether everything is
/// committed.
#[must_use]
pub(crate) fn goes(policy: CleanupPolicy, status: Status, clean: bool) -> bool {
    match policy {
        CleanupPolicy::Never => false,
        CleanupPolicy::Success => clean && matches!(status, Status::Completed | Status::Finished),
        CleanupPolicy::Always => status.is_final(),
    }
}

/// Removes the worktrees of a task that has ended, if the policy says so. Branches stay. A failure is told in the log and
/// fails nothing.
///
/// # Errors
/// When the database cannot be read or written.
pub(crate) async fn clean_up_by_policy(ctx: &Context, task: &Task) -> Result<(), EngineError> {
    let places = places(ctx, task.id).await?;
    let mut clean = true;
    for place in places.iter().filter(|place| place.is_worktree) {
        clean &= remove::state(ctx, task, place).await.is_ok_and(|state| !state.dirty);
    }
    if !goes(ctx.config.cleanup, task.status, clean) || !places.iter().any(|place| place.is_worktree) {
        return Ok(());
    }
    let options = DeleteOptions { cleanup_worktree: true, auto_stop: false, delete_branch: false, confirm: false };
    match remove::remove(ctx, task, options).await {
        Err(error @ EngineError::Store(_)) => Err(error),
        Err(error) => {
            tracing::warn!(task = %task.spec.task_name, %error, "the worktree could not be removed");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Runs the cleanup commands and removes the task's worktrees after keeping what is not committed; with
/// `options.delete_branch` their branches too. Places that are no worktrees are never touched. Writes the steps,
/// `set_workplaces` without what is gone, and the task's `worktree_path`.
///
/// # Errors
/// [`EngineError::NeedsConfirmation`] when an unmerged branch would be lost: nothing was removed then.
pub(crate) async fn remove(ctx: &Context, task: &Task, options: DeleteOptions) -> Result<CleanedUp, EngineError> {
    remove::remove(ctx, task, options).await
}

/// Runs blocking work of the workspaces on a thread that may block.
pub(super) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, EngineError>
where
    T: Send + 'static,
    E: Into<EngineError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// The field that a refusal is about.
fn field_of(error: &WorkspaceError, placed: &Placed) -> String {
    let branch_field = placed.site.branch_name.as_ref().map_or("branch_name", |(field, _)| field.as_str());
    match error {
        WorkspaceError::BadBranchName(_) | WorkspaceError::BranchInUse { .. } | WorkspaceError::BranchHeld { .. } => {
            branch_field.to_owned()
        }
        WorkspaceError::NoBase { .. } if placed.site.base_branch.is_some() => "base_branch".to_owned(),
        _ => placed.site.field.clone(),
    }
}
