//! Bringing a task's branch into another one.

use super::{
    Actor, EngineError, MergeDone,
    context::Context,
    places::{self, blocking},
    views::written,
};
use crate::{
    domain::{EventBody, Status, StepState, Task, TaskId, task::Workplace},
    store::StoreError,
    workspace::{MergeKind, Merged},
};
use tokio_util::sync::CancellationToken;

/// Merges the task's branch into `target`, else the project's default branch, else the branch it was made from; with
/// `push`, pushes the target where there is a remote. Only what is committed is merged. Of a task with several
/// repositories each is merged, and the first that conflicts ends it.
///
/// # Errors
/// [`EngineError::Conflict`] when there is no branch, or while the task runs; what the workspace refuses. A merge that
/// conflicts is no error but told in [`MergeDone::merged`].
pub(crate) async fn merge(
    ctx: &Context,
    id: TaskId,
    target: Option<String>,
    kind: MergeKind,
    message: Option<String>,
    push: bool,
    actor: &Actor,
) -> Result<MergeDone, EngineError> {
    let task = ctx.store.read(move |queries| queries.task(id)).await?;
    let task = task.ok_or_else(|| EngineError::NotFound { what: "task", name: id.to_string() })?;
    refuse_while_it_works(&task)?;
    let default = places::project_of(ctx, &task.spec).await?.map(|project| project.default_branch);
    let branches: Vec<Workplace> =
        written(ctx, &task).await?.into_iter().filter(|place| place.branch.is_some()).collect();
    if branches.is_empty() {
        return Err(EngineError::Conflict(no_branch(&task)));
    }
    let message = message.unwrap_or_else(|| format!("Merge: {}", task.spec.task_name));
    let mut done: Option<MergeDone> = None;
    for (index, place) in branches.into_iter().enumerate() {
        let default = default.clone().filter(|_| index == 0);
        let target = target_of(ctx, target.clone(), default, &place).await?;
        let one = merge_one(ctx, &task, &place, target, kind, &message, push).await?;
        let conflicts = matches!(one.merged, Merged::Conflict { .. });
        tell(ctx, &task, &place, &one, actor).await?;
        done = Some(match done {
            Some(first) if !conflicts => joined(first, one),
            _ => one,
        });
        if conflicts {
            break;
        }
    }
    done.ok_or_else(|| EngineError::Conflict(no_branch(&task)))
}

fn refuse_while_it_works(task: &Task) -> Result<(), EngineError> {
    if matches!(task.status, Status::Running | Status::Testing) && !task.waiting_for_input {
        return Err(EngineError::Conflict(format!(
            "the task is {}, and its branch still changes; stop it first or wait for its end",
            task.status
        )));
    }
    Ok(())
}

fn no_branch(task: &Task) -> String {
    if task.spec.use_worktree {
        format!("the task `{}` has no branch yet; it gets one when it starts in a repository", task.spec.task_name)
    } else {
        format!(
            "the task `{}` works in place (`use_worktree` is false) and has no branch to merge",
            task.spec.task_name
        )
    }
}

/// The branch that is asked for; else the project's default where the repository has it; else the one that the task began
/// from.
async fn target_of(
    ctx: &Context,
    asked: Option<String>,
    default: Option<String>,
    place: &Workplace,
) -> Result<String, EngineError> {
    if let Some(asked) = asked {
        return Ok(asked);
    }
    if let Some(default) = default.filter(|branch| !branch.is_empty()) {
        let (workspaces, source) = (ctx.workspaces.clone(), std::path::PathBuf::from(&place.source));
        let branches = blocking(move || workspaces.branches(&source)).await?;
        if branches.local.contains(&default) {
            return Ok(default);
        }
    }
    place.base.clone().ok_or_else(|| {
        EngineError::Conflict("the task did not begin from a branch; name the target to merge into".to_owned())
    })
}

async fn merge_one(
    ctx: &Context,
    task: &Task,
    place: &Workplace,
    target: String,
    kind: MergeKind,
    message: &str,
    push: bool,
) -> Result<MergeDone, EngineError> {
    let source_branch = place.branch.clone().unwrap_or_default();
    if source_branch == target {
        return Err(EngineError::Conflict(format!(
            "the task works on `{target}` itself; there is nothing to merge it into"
        )));
    }
    let (workspaces, of, into, said) = (ctx.workspaces.clone(), place.clone(), target.clone(), message.to_owned());
    let merged = blocking(move || workspaces.merge(&of, &into, kind, &said)).await?;
    let (pushed, push_message) = match (&merged, push) {
        (Merged::Conflict { .. }, _) | (_, false) => (false, None),
        _ => push_target(ctx, place, &target).await,
    };
    let message = sentence(task, &source_branch, &target, &merged);
    Ok(MergeDone { message, source_branch, target_branch: target, pushed, push_message, merged })
}

/// A push that fails does not undo the merge; it is told.
async fn push_target(ctx: &Context, place: &Workplace, target: &str) -> (bool, Option<String>) {
    let (workspaces, place, branch) = (ctx.workspaces.clone(), place.clone(), target.to_owned());
    let cancel = CancellationToken::new();
    let pushed = blocking(move || workspaces.push(&place, &branch, &cancel)).await;
    match pushed {
        Ok(Some(said)) => (true, Some(said)),
        Ok(None) => (false, Some("the repository has no remote; nothing was pushed".to_owned())),
        Err(error) => (false, Some(error.to_string())),
    }
}

fn sentence(task: &Task, source: &str, target: &str, merged: &Merged) -> String {
    match merged {
        Merged::Done { commit } => {
            let short = commit.get(..8).unwrap_or(commit);
            format!("the branch {source} of `{}` is merged into {target}, which is at {short} now", task.spec.task_name)
        }
        Merged::UpToDate => format!("{target} has everything of {source} already"),
        Merged::Conflict { files } => format!(
            "{source} cannot be merged into {target}: {} {} in conflict ({}); nothing was changed",
            files.len(),
            if files.len() == 1 { "file is" } else { "files are" },
            files.join(", ")
        ),
    }
}

fn joined(first: MergeDone, next: MergeDone) -> MergeDone {
    let push_message = [first.push_message, next.push_message].into_iter().flatten().collect::<Vec<_>>().join("; ");
    MergeDone {
        message: format!("{}; {}", first.message, next.message),
        pushed: first.pushed && next.pushed,
        push_message: Some(push_message).filter(|text| !text.is_empty()),
        merged: if first.merged == Merged::UpToDate { next.merged } else { first.merged },
        ..first
    }
}

async fn tell(
    ctx: &Context,
    task: &Task,
    place: &Workplace,
    done: &MergeDone,
    actor: &Actor,
) -> Result<(), EngineError> {
    let ok = !matches!(done.merged, Merged::Conflict { .. });
    let body = EventBody::WorkspaceStep {
        step: "merge".to_owned(),
        state: if ok { StepState::Done } else { StepState::Failed },
        about: format!("{} into {} in {}", done.source_branch, done.target_branch, place.source),
        output: Some(format!("{} (by {})", done.message, actor.name)),
        duration_ms: None,
    };
    let task = task.clone();
    ctx.store.write(move |tx| tx.append(Some(&task), body).map(|_| ())).await.map_err(|e: StoreError| e.into())
}
