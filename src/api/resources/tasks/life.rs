//! Commands on the life of a task: each is one call of the engine.

use super::task_of;
use crate::{
    api::{
        Api, Call, Kind, Problem, Reply, Route,
        fields::{TaskName, Visible, fields, words},
        route, wire,
    },
    domain::TaskId,
    engine::Actor,
    workspace,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::<__path_start_task, _, _>(start_task),
        route::<__path_stop_task, _, _>(stop_task),
        route::<__path_resume_task, _, _>(resume_task),
        route::<__path_interrupt_task, _, _>(interrupt_task),
        route::<__path_recover_task, _, _>(recover_task),
        route::<__path_retry_task, _, _>(retry_task),
        route::<__path_clear_and_restart, _, _>(clear_and_restart),
        route::<__path_set_up_again, _, _>(set_up_again),
        route::<__path_complete_task, _, _>(complete_task),
        route::<__path_continue_task, _, _>(continue_task),
        route::<__path_clone_task, _, _>(clone_task),
        route::<__path_merge_to_test, _, _>(merge_to_test),
    ]
}

/// Puts a task into the queue.
///
/// # Errors
/// 409 in another status.
pub async fn start(api: &Api, actor: &Actor, id: TaskId) -> Result<wire::Outcome, Problem> {
    Ok(api.engine.start_task(id, actor).await?.into())
}

/// Stops a task.
///
/// # Errors
/// 409 in another status.
pub async fn stop(api: &Api, actor: &Actor, id: TaskId) -> Result<wire::Stopped, Problem> {
    Ok(api.engine.stop(id, actor).await?.into())
}

/// Resumes a stopped task.
///
/// # Errors
/// 409 in another status.
pub async fn resume(api: &Api, actor: &Actor, id: TaskId) -> Result<wire::Outcome, Problem> {
    Ok(api.engine.resume(id, actor).await?.into())
}

/// Cuts the present turn short.
///
/// # Errors
/// 409 in another status.
pub async fn interrupt(api: &Api, actor: &Actor, id: TaskId) -> Result<wire::Outcome, Problem> {
    Ok(api.engine.interrupt(id, actor).await?.into())
}

/// Puts a PENDING task into the queue. One that is queued already tells its position; a STOPPED one is resumed.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/start", operation_id = "start_task", tag = "tasks",
    responses((status = 200, body = wire::Outcome)))]
async fn start_task(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    Reply::json(&start(&call.api, &call.actor, task.id).await?)
}

/// Stops a task; it can be resumed in the same session and worktree. A second time says that it was stopped already.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/stop", operation_id = "stop_task", tag = "tasks",
    responses((status = 200, body = wire::Stopped)))]
async fn stop_task(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    Reply::json(&stop(&call.api, &call.actor, task.id).await?)
}

/// Resumes a STOPPED task in the same agent session.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/resume", operation_id = "resume_task", tag = "tasks",
    responses((status = 200, body = wire::Outcome)))]
async fn resume_task(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    Reply::json(&resume(&call.api, &call.actor, task.id).await?)
}

/// Cuts the present turn of a RUNNING task short.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/interrupt", operation_id = "interrupt_task", tag = "tasks",
    responses((status = 200, body = wire::Outcome)))]
async fn interrupt_task(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    Reply::json(&interrupt(&call.api, &call.actor, task.id).await?)
}

/// Goes on with a FAILED, EXHAUSTED or STOPPED task in a new agent session that is told what happened so far.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/recover", operation_id = "recover_task", tag = "tasks",
    responses((status = 200, body = wire::Outcome)))]
async fn recover_task(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let done = call.api.engine.recover(task.id, &call.actor).await?;
    Reply::json(&wire::Outcome::from(done))
}

fields! {
    /// What an EXHAUSTED task gets.
    pub struct Retry {
        /// Further turns.
        additional_iterations: u32 = 10,
        /// Further tokens.
        additional_tokens: Option<u64>,
    }
}

/// Gives an EXHAUSTED task more turns and tokens, and puts it into the queue.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/retry", operation_id = "retry_task", tag = "tasks", params(Retry),
    responses((status = 200, body = wire::Retried)))]
async fn retry_task(call: Call) -> Result<Reply, Problem> {
    let more = call.query::<Retry>()?;
    let task = task_of(&call).await?;
    let (done, new_limits) =
        call.api.engine.retry(task.id, more.additional_iterations, more.additional_tokens, &call.actor).await?;
    Reply::json(&wire::Retried {
        message: done.message,
        status: done.status,
        queue_position: done.queue_position,
        new_limits,
    })
}

/// Begins a task anew: new worktree, new agent session, in the queue. What was not committed is kept under a ref.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/clear-and-restart", operation_id = "clear_and_restart_task",
    tag = "tasks", responses((status = 200, body = wire::Restarted)))]
async fn clear_and_restart(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let restarted = call.api.engine.clear_and_restart(task.id, &call.actor).await?;
    Reply::json(&wire::Restarted::from(restarted))
}

/// Runs the setup commands of a task's projects in its worktrees again. Each is a step with its output in the log.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/worktree/setup", operation_id = "set_up_worktree", tag = "tasks",
    responses((status = 200, body = wire::Said)))]
async fn set_up_again(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    call.api.engine.setup_again(task.id, &call.actor).await?;
    Reply::json(&wire::Said { message: "The setup commands have run again.".to_owned() })
}

/// Says that a task is done: it is FINISHED, by whom is kept. From any status that is not final.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/complete", operation_id = "complete_task", tag = "tasks",
    responses((status = 200, body = wire::Outcome)))]
async fn complete_task(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let done = call.api.engine.complete(task.id, &call.actor).await?;
    Reply::json(&wire::Outcome::from(done))
}

fields! {
    /// What the agent is told with one more turn.
    pub struct Continue {
        /// The text; without one, it is told to go on.
        input: Option<Visible>,
    }
}

/// Goes on with one more turn: from PAUSED, STOPPED and the final statuses.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/continue", operation_id = "continue_task", tag = "tasks",
    request_body(content = Option<Continue>), responses((status = 200, body = wire::Outcome)))]
async fn continue_task(mut call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let input = call.body_or_nothing::<Continue>().await?.input.map(|text| text.0);
    let done = call.api.engine.continue_task(task.id, input, &call.actor).await?;
    Reply::json(&wire::Outcome::from(done))
}

fields! {
    /// How a task is cloned.
    pub struct CloneTask {
        /// The new task's name; made from the old one where it is absent.
        new_name: Option<TaskName>,
        /// Whether its agent goes on with the same conversation.
        continue_session: bool = false,
    }
}

/// Makes a new PENDING task with the same request.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/clone", operation_id = "clone_task", tag = "tasks", params(CloneTask),
    responses((status = 201, body = wire::Cloned)))]
async fn clone_task(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<CloneTask>()?;
    let task = task_of(&call).await?;
    let name = wanted.new_name.map(|name| name.0);
    let cloned = call.api.engine.clone_task(task.id, name, wanted.continue_session, &call.actor).await?;
    let answer = wire::Cloned {
        message: format!("`{}` is a clone of `{}`.", cloned.spec.task_name, task.spec.task_name),
        original_task: task.spec.task_name,
        new_task: cloned.spec.task_name,
        new_task_id: cloned.id,
        session_continued: wanted.continue_session,
    };
    Ok(Reply::json(&answer)?.status(StatusCode::CREATED))
}

/// How a merge is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MergeKind {
    /// A merge commit, or a fast-forward where that is possible.
    Merge,
    /// One commit with everything.
    Squash,
    /// The branch's commits on top of the target.
    Rebase,
}

words!(MergeKind);

fields! {
    /// How a task's branch is merged.
    pub struct Merge {
        /// The branch to merge into; else the project's default branch.
        target_branch: Option<Visible>,
        /// How.
        kind: MergeKind = MergeKind::Merge,
        /// The message of the commit; absent: made from the task.
        message: Option<Visible>,
        /// Whether the target is pushed to its remote afterwards.
        push: bool = false,
    }
}

/// Merges a task's branch into the project's default branch, without touching a checkout that has changes.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/merge-to-test", operation_id = "merge_task", tag = "tasks",
    request_body(content = Option<Merge>), responses((status = 200, body = wire::Merged)))]
async fn merge_to_test(mut call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let wanted = call.body_or_nothing::<Merge>().await?;
    let kind = match wanted.kind {
        MergeKind::Merge => workspace::MergeKind::Merge,
        MergeKind::Squash => workspace::MergeKind::Squash,
        MergeKind::Rebase => workspace::MergeKind::Rebase,
    };
    let (target, message) = (wanted.target_branch.map(|text| text.0), wanted.message.map(|text| text.0));
    let done = call.api.engine.merge(task.id, target, kind, message, wanted.push, &call.actor).await?;
    let commit = match done.merged {
        workspace::Merged::Conflict { files } => {
            let detail = format!(
                "`{}` and `{}` conflict in {}; nothing was changed. Have the agent merge `{}` in its worktree, then try again.",
                done.source_branch,
                done.target_branch,
                files.join(", "),
                done.target_branch
            );
            return Err(Problem::new(Kind::CONFLICT, detail).with("files", files.into()));
        }
        workspace::Merged::Done { commit } => Some(commit),
        workspace::Merged::UpToDate => None,
    };
    Reply::json(&wire::Merged {
        message: done.message,
        source_branch: done.source_branch,
        target_branch: done.target_branch,
        commit,
        pushed: done.pushed,
        push_message: done.push_message,
    })
}
