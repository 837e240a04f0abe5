//! Making the places of a task, and preparing them.

use super::{
    commands::{self, CommandPlace},
    environment, ports,
    sites::{Placed, with_projects},
    steps::StepLog,
};
use crate::{
    domain::{
        EventBody, Task, TaskId,
        task::{Access, Workplace},
    },
    engine::{EngineError, context::Context},
    store::StoreError,
    workspace::WorkspaceError,
};
use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// Under this name, which no plugin can have, the places keep what they know beside their rows.
const KEPT_UNDER: &str = "taskwright:places";

/// See [`super::make`].
pub(super) async fn make(
    ctx: &Context,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<Vec<Workplace>, EngineError> {
    let log = StepLog::new(ctx, task);
    let (spec, id) = (task.spec.clone(), task.id);
    let (placed, earlier) = ctx
        .store
        .read(move |queries| Ok::<_, StoreError>((with_projects(queries, &spec)?, queries.workplaces(id)?)))
        .await?;
    let mut places = Vec::new();
    if placed.first().is_none_or(|first| first.site.access == Access::Read) {
        places.push(scratch(ctx, &log, task).await?);
    }
    let mut prepared = Vec::new();
    for one in &placed {
        make_one(ctx, &log, task, one, &earlier, &mut places, cancel).await?;
        prepared.push(places.len() - 1);
    }
    for (one, index) in placed.iter().zip(prepared) {
        set_up(ctx, &log, task, one, &places, index, false, cancel).await?;
    }
    finish(ctx, task, &earlier, &places).await?;
    Ok(places)
}

async fn make_one(
    ctx: &Context,
    log: &StepLog,
    task: &Task,
    placed: &Placed,
    earlier: &[Workplace],
    places: &mut Vec<Workplace>,
    cancel: &CancellationToken,
) -> Result<(), EngineError> {
    let request = placed.request(ctx, task.id, &task.spec);
    let about = request.source.display().to_string();
    still_inside_roots(ctx, &request.source)?;
    let (workspaces, cancel) = (ctx.workspaces.clone(), cancel.clone());
    let made = log.around("worktree", &about, move |steps| workspaces.make(&request, steps, &cancel)).await??;
    let before = earlier.iter().find(|place| place.path == made.path && place.cwd == made.cwd);
    let mut made = made;
    if let Some(before) = before {
        (made.first_port, made.ports) = (before.first_port, before.ports);
    }
    places.push(made);
    match placed.project.as_ref().and_then(|project| project.config.ports).filter(|count| *count > 0) {
        Some(wanted) => ports::claim(ctx, task.id, places, wanted).await,
        None => {
            // Known before the next step, so that a crash leaves no worktree of which no row tells.
            let (id, stored) = (task.id, places.clone());
            ctx.store.write(move |tx| tx.set_workplaces(id, &stored)).await.map_err(EngineError::from)
        }
    }
}

/// The folder was checked when the task was made; a link on the way may lead elsewhere by now.
fn still_inside_roots(ctx: &Context, folder: &Path) -> Result<(), EngineError> {
    match folder.canonicalize() {
        Ok(real) if !ctx.config.roots.iter().any(|root| real.starts_with(root)) => Err(EngineError::Conflict(format!(
            "{} leads to {} now, outside the folders that this server may use; the setting `roots` names them",
            folder.display(),
            real.display()
        ))),
        // One that is gone is refused by the workspaces, in their words.
        _ => Ok(()),
    }
}

/// An empty folder of its own, for a task that may write nowhere else.
async fn scratch(ctx: &Context, log: &StepLog, task: &Task) -> Result<Workplace, EngineError> {
    let path = scratch_folder(&ctx.config.data_dir, task.id);
    let (about, folder) = (path.display().to_string(), path.clone());
    let made = log
        .around("worktree", &about, move |_| {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(|source| WorkspaceError::Io { doing: "make", path: folder.clone(), source })?;
            folder.canonicalize().map_err(|source| WorkspaceError::Io { doing: "resolve", path: folder, source })
        })
        .await??;
    let path = made.display().to_string();
    Ok(Workplace {
        source: path.clone(),
        path: path.clone(),
        cwd: path,
        access: Access::Write,
        is_worktree: false,
        branch: None,
        created_branch: false,
        base: None,
        base_commit: None,
        first_port: None,
        ports: 0,
    })
}

/// Where a task without a folder of its user's works.
pub(super) fn scratch_folder(data_dir: &Path, task: TaskId) -> PathBuf {
    data_dir.join("scratch").join(task.short())
}

/// Runs the setup commands of a worktree's project, once unless `again`.
#[allow(clippy::too_many_arguments, reason = "one place with everything that its commands need")]
pub(super) async fn set_up(
    ctx: &Context,
    log: &StepLog,
    task: &Task,
    placed: &Placed,
    places: &[Workplace],
    index: usize,
    again: bool,
    cancel: &CancellationToken,
) -> Result<(), EngineError> {
    let (Some(project), Some(place)) = (&placed.project, places.get(index)) else {
        return Ok(());
    };
    if !place.is_worktree || project.config.setup_commands.is_empty() {
        return Ok(());
    }
    let (id, key) = (task.id, set_up_key(place));
    let stamp = project.config.setup_commands.join("\n");
    if !again {
        let key = key.clone();
        let done = ctx.store.read(move |queries| queries.plugin_state(KEPT_UNDER, id, &key)).await?;
        if done.as_deref() == Some(stamp.as_bytes()) {
            return Ok(());
        }
    }
    let own_first: Vec<_> = std::iter::once(place).chain(places).cloned().collect();
    let env = environment::compose(std::env::vars_os(), &ctx.config.agent_env, task, Some(project), &own_first);
    let cwd = Path::new(&place.cwd);
    for shell in &project.config.setup_commands {
        commands::run(ctx, log, "setup", shell, &CommandPlace { cwd, env: &env }, cancel).await?;
    }
    ctx.store
        .write(move |tx| tx.set_plugin_state(KEPT_UNDER, id, &key, Some(stamp.as_bytes())))
        .await
        .map_err(EngineError::from)
}

/// What remembers that a place was set up.
pub(super) fn set_up_key(place: &Workplace) -> String {
    format!("set-up:{}", blake3::hash(place.cwd.as_bytes()).to_hex())
}

/// Forgets that a place was set up: its worktree is gone.
pub(super) fn forget_set_up(tx: &mut crate::store::Tx<'_>, task: TaskId, place: &Workplace) -> Result<(), StoreError> {
    tx.set_plugin_state(KEPT_UNDER, task, &set_up_key(place), None)
}

/// Stores what was made in the task's row, and tells that it stands, unless that was told before.
async fn finish(ctx: &Context, task: &Task, earlier: &[Workplace], places: &[Workplace]) -> Result<(), EngineError> {
    let Some(first) = places.first().cloned() else {
        return Ok(());
    };
    let told = task.worktree_path.as_ref() == Some(&first.path) && earlier == places;
    let (id, places) = (task.id, places.to_vec());
    ctx.store
        .write(move |tx| {
            let Some(mut task) = tx.task(id)? else {
                return Ok(());
            };
            tx.set_workplaces(id, &places)?;
            if told {
                return Ok(());
            }
            task.worktree_path = Some(first.path.clone());
            task.branch.clone_from(&first.branch);
            task.base.clone_from(&first.base);
            task.base_commit.clone_from(&first.base_commit);
            tx.update_task(&task)?;
            let body = EventBody::WorkspaceReady {
                path: first.cwd,
                branch: first.branch,
                base: first.base,
                base_commit: first.base_commit,
                in_place: !first.is_worktree,
            };
            tx.append(Some(&task), body).map(|_| ())
        })
        .await
        .map_err(|error: StoreError| error.into())
}
