//! Deleting tasks and worktrees.

use super::{task_named, task_of};
use crate::{
    api::{
        Call, Problem, Reply, Route,
        fields::{Needed, fields},
        route, wire,
    },
    engine::DeleteOptions,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::<__path_delete, _, _>(delete),
        route::<__path_delete_worktree, _, _>(delete_worktree),
        route::<__path_batch_delete, _, _>(batch_delete),
    ]
}

fields! {
    /// What goes with a task.
    pub struct DeleteTask {
        /// Whether its worktree goes; what is not committed is kept under a ref first.
        cleanup_worktree: bool = true,
        /// Whether a running task is stopped first; else it is not deleted.
        auto_stop: bool = false,
        /// Whether its branch goes.
        delete_branch: bool = false,
        /// Whether a branch with commits that are nowhere else may go.
        confirm: bool = false,
    }
}

/// Deletes a task. Its branch stays, unless `delete_branch` is given.
#[utoipa::path(delete, path = "/api/v1/tasks/by-name/{name}", operation_id = "delete_task", tag = "tasks", params(DeleteTask),
    responses((status = 200, body = wire::Deleted)))]
async fn delete(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<DeleteTask>()?;
    let task = task_of(&call).await?;
    let options = DeleteOptions {
        cleanup_worktree: wanted.cleanup_worktree,
        auto_stop: wanted.auto_stop,
        delete_branch: wanted.delete_branch,
        confirm: wanted.confirm,
    };
    let deleted = call.api.engine.delete(task.id, options, &call.actor).await?;
    Reply::json(&wire::Deleted::from(deleted))
}

fields! {
    /// What goes with a worktree.
    pub struct DeleteWorktree {
        /// Whether a running task is stopped first; else nothing is removed.
        auto_stop: bool = false,
        /// Whether the branch goes.
        delete_branch: bool = false,
        /// Whether a branch with commits that are nowhere else may go.
        confirm: bool = false,
    }
}

/// Removes a task's worktree and keeps the task. What is not committed is kept under a ref first.
#[utoipa::path(delete, path = "/api/v1/tasks/by-name/{name}/worktree", operation_id = "delete_worktree", tag = "tasks",
    params(DeleteWorktree), responses((status = 200, body = wire::WorktreeDeleted)))]
async fn delete_worktree(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<DeleteWorktree>()?;
    let task = task_of(&call).await?;
    let options = DeleteOptions {
        cleanup_worktree: true,
        auto_stop: wanted.auto_stop,
        delete_branch: wanted.delete_branch,
        confirm: wanted.confirm,
    };
    let deleted = call.api.engine.delete_worktree(task.id, options, &call.actor).await?;
    Reply::json(&wire::WorktreeDeleted::from(deleted))
}

fields! {
    /// Several tasks to delete.
    pub struct BatchDelete {
        /// Their names.
        task_names: Needed<Vec<String>>,
        /// Whether their worktrees go; what is not committed is kept under a ref first.
        cleanup_worktree: bool = true,
    }
}

/// Deletes several tasks: each that can be, and reports each. What runs is not deleted.
#[utoipa::path(post, path = "/api/v1/tasks/batch-delete", operation_id = "batch_delete_tasks", tag = "tasks",
    request_body = BatchDelete, responses((status = 200, body = wire::BatchDeleted)))]
async fn batch_delete(mut call: Call) -> Result<Reply, Problem> {
    let wanted = call.body::<BatchDelete>().await?;
    let options = DeleteOptions {
        cleanup_worktree: wanted.cleanup_worktree,
        auto_stop: false,
        delete_branch: false,
        confirm: false,
    };
    let mut results = Vec::with_capacity(wanted.task_names.0.len());
    for task_name in wanted.task_names.0 {
        let deleted = delete_one(&call, &task_name, options).await;
        let (success, message, error) = match deleted {
            Ok(message) => (true, Some(message), None),
            Err(problem) => (false, None, Some(problem.detail().to_owned())),
        };
        results.push(wire::BatchItem { task_name, success, message, error });
    }
    Reply::json(&wire::BatchDeleted::from(results))
}

async fn delete_one(call: &Call, name: &str, options: DeleteOptions) -> Result<String, Problem> {
    let task = task_named(&call.api, name).await?;
    Ok(call.api.engine.delete(task.id, options, &call.actor).await?.message)
}
