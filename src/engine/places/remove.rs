//! Removing the places of a task, keeping what is not committed.

use super::{
    CleanedUp,
    commands::{self, CommandPlace},
    environment,
    make::{forget_set_up, scratch_folder},
    steps::StepLog,
};
use crate::{
    domain::{Task, project::Project, task::Workplace},
    engine::{DeleteOptions, EngineError, context::Context},
    store::StoreError,
    workspace::{PlaceState, RemoveOptions, Removed, WorkspaceError},
};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// See [`super::remove`].
pub(super) async fn remove(ctx: &Context, task: &Task, options: DeleteOptions) -> Result<CleanedUp, EngineError> {
    let log = StepLog::new(ctx, task);
    let id = task.id;
    let places = super::places(ctx, id).await?;
    let worktrees = distinct_worktrees(&places);
    if options.delete_branch && !options.confirm {
        refuse_to_lose_commits(ctx, task, &worktrees).await?;
    }
    let mut done = CleanedUp { branch_deleted: options.delete_branch, ..CleanedUp::default() };
    for place in &worktrees {
        clean_up_commands(ctx, &log, task, place, &places).await?;
        let removed = remove_one(ctx, &log, task, place, options).await?;
        note(&mut done, place, &removed, options.delete_branch);
    }
    done.branch_deleted &= worktrees.iter().any(|place| place.created_branch);
    let scratch = scratch_folder(&ctx.config.data_dir, id);
    // Only an empty one goes: what is in it is the user's.
    std::fs::remove_dir(&scratch).ok();
    forget(ctx, task, places, &done).await?;
    Ok(done)
}

/// Two folders of one repository are in one worktree.
fn distinct_worktrees(places: &[Workplace]) -> Vec<Workplace> {
    let mut distinct: Vec<Workplace> = Vec::new();
    for place in places.iter().filter(|place| place.is_worktree) {
        if !distinct.iter().any(|other| other.path == place.path) {
            distinct.push(place.clone());
        }
    }
    distinct
}

async fn refuse_to_lose_commits(ctx: &Context, task: &Task, worktrees: &[Workplace]) -> Result<(), EngineError> {
    for place in worktrees.iter().filter(|place| place.created_branch) {
        let state = state(ctx, task, place).await?;
        if state.head.is_some() && !state.merged {
            let branch = place.branch.clone().unwrap_or_default();
            let commits = commits(ctx, place).await;
            return Err(needs_confirmation(WorkspaceError::Unmerged { branch, commits }.into()));
        }
    }
    Ok(())
}

async fn commits(ctx: &Context, place: &Workplace) -> usize {
    let (workspaces, place) = (ctx.workspaces.clone(), place.clone());
    // The number only fills the sentence; that there are some is known.
    let commits = tokio::task::spawn_blocking(move || workspaces.commits(&place).map(|commits| commits.len())).await;
    commits.ok().and_then(Result::ok).unwrap_or(1)
}

pub(super) async fn state(ctx: &Context, task: &Task, place: &Workplace) -> Result<PlaceState, EngineError> {
    let (workspaces, id, place) = (ctx.workspaces.clone(), task.id, place.clone());
    super::blocking(move || workspaces.state(id, &place)).await
}

/// Runs the project's cleanup commands in a worktree that is there. One that fails is told and does not keep the
/// worktree.
async fn clean_up_commands(
    ctx: &Context,
    log: &StepLog,
    task: &Task,
    place: &Workplace,
    places: &[Workplace],
) -> Result<(), EngineError> {
    if !Path::new(&place.cwd).is_dir() {
        return Ok(());
    }
    let Some(project) = project_at(ctx, place).await? else {
        return Ok(());
    };
    let own_first: Vec<_> = std::iter::once(place).chain(places).cloned().collect();
    let env = environment::compose(std::env::vars_os(), &ctx.config.agent_env, task, Some(&project), &own_first);
    let at = CommandPlace { cwd: Path::new(&place.cwd), env: &env };
    for shell in &project.config.cleanup_commands {
        let ran = commands::run(ctx, log, "cleanup", shell, &at, &CancellationToken::new()).await;
        if let Err(error @ EngineError::Store(_)) = ran {
            return Err(error);
        }
    }
    Ok(())
}

async fn project_at(ctx: &Context, place: &Workplace) -> Result<Option<Project>, EngineError> {
    let inside = Path::new(&place.cwd).strip_prefix(&place.path).unwrap_or(Path::new(""));
    let folder = Path::new(&place.source).join(inside).display().to_string();
    let folder = folder.trim_end_matches('/').to_owned();
    ctx.store.read(move |queries| queries.project_at(&folder)).await.map_err(EngineError::from)
}

async fn remove_one(
    ctx: &Context,
    log: &StepLog,
    task: &Task,
    place: &Workplace,
    options: DeleteOptions,
) -> Result<Removed, EngineError> {
    let options =
        RemoveOptions { delete_branch: options.delete_branch && place.created_branch, confirm: options.confirm };
    let (workspaces, id, about, place) = (ctx.workspaces.clone(), task.id, place.path.clone(), place.clone());
    log.around("remove", &about, move |steps| workspaces.remove(id, &place, options, steps))
        .await?
        .map_err(|error| needs_confirmation(error.into()))
}

fn needs_confirmation(error: EngineError) -> EngineError {
    match error {
        EngineError::Workspace(error @ WorkspaceError::Unmerged { .. }) => {
            EngineError::NeedsConfirmation(error.to_string())
        }
        other => other,
    }
}

fn note(done: &mut CleanedUp, place: &Workplace, removed: &Removed, delete_branch: bool) {
    if let Some(kept) = &removed.kept {
        done.lines.push(format!("kept what was not committed as {kept}"));
        done.kept.push(kept.clone());
    }
    if removed.worktree {
        done.worktrees += 1;
        done.lines.push(format!("removed the worktree {}", place.path));
    }
    let branch = place.branch.as_deref().unwrap_or_default();
    if removed.branch {
        done.lines.push(format!("removed the branch {branch}"));
    } else if delete_branch {
        let why = if place.created_branch { "it could not be removed" } else { "it was there before the task" };
        done.lines.push(format!("left the branch {branch}: {why}"));
        done.branch_deleted &= !place.created_branch;
    }
}

/// Stores that the folders are gone. What still has a branch stays known, for its differences and its merge.
async fn forget(ctx: &Context, task: &Task, places: Vec<Workplace>, done: &CleanedUp) -> Result<(), EngineError> {
    let (id, branch_gone) = (task.id, done.branch_deleted);
    ctx.store
        .write(move |tx| {
            let Some(mut task) = tx.task(id)? else {
                return Ok(());
            };
            let mut left = Vec::new();
            for mut place in places {
                if place.is_worktree {
                    forget_set_up(tx, id, &place)?;
                    if branch_gone && place.created_branch {
                        continue;
                    }
                    (place.first_port, place.ports) = (None, 0);
                }
                left.push(place);
            }
            tx.set_workplaces(id, &left)?;
            if left.first().is_none_or(|place| place.is_worktree) && task.worktree_path.take().is_some() {
                tx.update_task(&task)?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .map_err(EngineError::from)
}
