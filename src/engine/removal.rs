//! Commands that remove: a task, its worktree, everything for a new beginning. Each is alone with its task.

use super::{
    Actor, DeleteOptions, Deleted, EngineError, Inner, Restarted, judging,
    lifecycle::{self, Change, by_user},
    places::{self, CleanedUp},
};
use crate::domain::{Action, EventBody, Refused, Spent, TaskId, task::NextRun};

impl Inner {
    pub(super) async fn delete(self, id: TaskId, options: DeleteOptions, actor: Actor) -> Result<Deleted, EngineError> {
        let auto_stopped = self.stop_first(id, options, &actor).await?;
        let (_claim, task) = self.claim(id, Action::Restart).await.map_err(|error| running(error, "delete it"))?;
        let cleaned =
            if options.cleanup_worktree { Some(places::remove(&self.ctx, &task, options).await?) } else { None };
        self.ctx
            .store
            .write(move |tx| {
                let task = lifecycle::load(tx, id)?;
                if task.status.is_live() {
                    return Err(EngineError::Refused(Refused { action: Action::Restart, status: task.status }));
                }
                tx.append(Some(&task), EventBody::TaskDeleted { by: Some(by_user(&actor)) })?;
                tx.delete_task(id)?;
                Ok(())
            })
            .await?;
        self.forget_runs(id).await;
        self.queue.bell.notify_one();
        let name = &task.spec.task_name;
        Ok(told(format!("The task `{name}` is deleted."), auto_stopped, cleaned))
    }

    pub(super) async fn delete_worktree(
        self,
        id: TaskId,
        options: DeleteOptions,
        actor: Actor,
    ) -> Result<Deleted, EngineError> {
        let auto_stopped = self.stop_first(id, options, &actor).await?;
        let (_claim, task) =
            self.claim(id, Action::Restart).await.map_err(|error| running(error, "remove its worktree"))?;
        if places::places(&self.ctx, id).await?.iter().all(|place| !place.is_worktree) {
            return Err(EngineError::NotFound { what: "worktree", name: task.spec.task_name });
        }
        let cleaned = places::remove(&self.ctx, &task, options).await?;
        Ok(told("The worktree is removed; the task stays.".to_owned(), auto_stopped, Some(cleaned)))
    }

    pub(super) async fn clear_and_restart(self, id: TaskId, actor: Actor) -> Result<Restarted, EngineError> {
        let (claim, task) = self.claim(id, Action::Restart).await?;
        let everything = DeleteOptions { cleanup_worktree: true, auto_stop: false, delete_branch: true, confirm: true };
        let cleaned = places::remove(&self.ctx, &task, everything).await?;
        let (deleted, status, position) = self
            .ctx
            .store
            .write(move |tx| {
                let deleted = tx.clear_conversation(id)?;
                judging::forget(tx, id)?;
                let mut task = lifecycle::load(tx, id)?;
                task.spent = Spent::default();
                task.agent_session = None;
                task.agent_run = None;
                task.spool_offset = 0;
                task.next_run = NextRun::Fresh;
                task.started_at = None;
                (task.branch, task.base, task.base_commit) = (None, None, None);
                lifecycle::change(tx, &mut task, Change::user(Action::Restart, &actor))?;
                Ok::<_, EngineError>((deleted, task.status, tx.queue_position(id)?))
            })
            .await?;
        self.forget_runs(id).await;
        drop(claim);
        self.queue.bell.notify_one();
        Ok(Restarted {
            message: "The task begins anew and is in the queue.".to_owned(),
            deleted_interactions: deleted,
            git_cleanup: cleaned.lines,
            status,
            queue_position: position,
        })
    }

    async fn stop_first(&self, id: TaskId, options: DeleteOptions, actor: &Actor) -> Result<bool, EngineError> {
        if !options.auto_stop || !self.task(id).await?.status.is_live() {
            return Ok(false);
        }
        match self.clone().stop(id, actor.clone()).await {
            Ok(_) => Ok(true),
            Err(EngineError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes what the runs of a task's agents left on the disk.
    async fn forget_runs(&self, id: TaskId) {
        let folder = self.ctx.config.data_dir.join("runs").join(id.to_string());
        match tokio::fs::remove_dir_all(&folder).await {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(folder = %folder.display(), %error, "cannot remove old runs"),
        }
    }
}

fn running(error: EngineError, what: &str) -> EngineError {
    match error {
        EngineError::Refused(refused) => EngineError::Conflict(format!(
            "the task is {}; stop it first, or give `auto_stop=true` to stop it and {what}",
            refused.status
        )),
        other => other,
    }
}

fn told(message: String, auto_stopped: bool, cleaned: Option<CleanedUp>) -> Deleted {
    Deleted {
        message,
        auto_stopped,
        branch_deleted: cleaned.as_ref().is_some_and(|cleaned| cleaned.branch_deleted),
        kept: cleaned.as_ref().and_then(|cleaned| cleaned.kept.first().cloned()),
        worktree_cleanup: cleaned.map(|cleaned| cleaned.sentence()),
    }
}
