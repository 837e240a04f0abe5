//! Commands on a task's life. A task that is live has an executor, which is told; every other is changed in one
//! transaction that asks the table of statuses.

use super::{
    Actor, Done, EngineError, Inner, NewInput, Stopped, inbox,
    lifecycle::{self, Change, by_user},
    places,
    registry::{Claim, Ended, Ending, Message},
};
use crate::{
    agent::EndMethod,
    domain::{Action, Limits, Refused, Status, Task, TaskId, input::Priority, task::NextRun},
    store::Tx,
};

/// How often a command looks again when a task's owner changes under it.
const LOOKS: usize = 8;

/// What a `continue` without words says.
const GO_ON: &str = "Please go on.";

impl Inner {
    pub(super) async fn task(&self, id: TaskId) -> Result<Task, EngineError> {
        let task = self.ctx.store.read(move |q| q.task(id)).await?;
        task.ok_or_else(|| EngineError::NotFound { what: "task", name: id.to_string() })
    }

    /// Takes a task for a command that must be alone with it.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with this action when it is live.
    pub(super) async fn claim(&self, id: TaskId, action: Action) -> Result<(Claim, Task), EngineError> {
        for _ in 0..LOOKS {
            let claimed = self.registry.claim(id);
            let had_begun = claimed.as_ref().is_err_and(|owner| owner.has_begun());
            let task = self.task(id).await?;
            if task.status.is_live() {
                return Err(Refused { action, status: task.status }.into());
            }
            match claimed {
                Ok(claim) => return Ok((claim, task)),
                Err(owner) if had_begun => owner.done().await,
                Err(owner) => owner.done_or_begun().await,
            }
        }
        Err(busy())
    }

    /// Puts a task into the queue by an action of a user, and answers where it stands.
    async fn queue(
        &self,
        id: TaskId,
        action: Action,
        actor: Actor,
        prepare: impl FnOnce(&mut Tx<'_>, &mut Task) -> Result<(), EngineError> + Send + 'static,
    ) -> Result<(Done, Task), EngineError> {
        let (task, position) = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.status.after(action)?;
                prepare(tx, &mut task)?;
                lifecycle::change(tx, &mut task, Change::user(action, &actor))?;
                let position = tx.queue_position(id)?;
                Ok::<_, EngineError>((task, position))
            })
            .await?;
        self.queue.bell.notify_one();
        let message = format!("The task is in the queue{}.", at(position));
        Ok((Done { message, status: task.status, queue_position: position }, task))
    }

    pub(super) async fn start_task(self, id: TaskId, actor: Actor) -> Result<Done, EngineError> {
        if self.task(id).await?.status == Status::Stopped {
            return self.resume(id, actor).await;
        }
        let done = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                if task.status != Status::Pending {
                    return Err(EngineError::Refused(Refused { action: Action::Begin, status: task.status }));
                }
                let waits_already = task.queued_at.is_some();
                if !waits_already {
                    enqueue(tx, &mut task)?;
                }
                let position = tx.queue_position(id)?;
                let message = if waits_already {
                    format!("The task is in the queue already{}.", at(position))
                } else {
                    format!("The task is in the queue{}.", at(position))
                };
                Ok(Done { message, status: task.status, queue_position: position })
            })
            .await?;
        self.queue.bell.notify_one();
        Ok(done)
    }

    pub(super) async fn resume(self, id: TaskId, actor: Actor) -> Result<Done, EngineError> {
        let resumed = self.queue(id, Action::Resume, actor, |_, task| {
            task.next_run = next_run(task);
            Ok(())
        });
        Ok(resumed.await?.0)
    }

    pub(super) async fn recover(self, id: TaskId, actor: Actor) -> Result<Done, EngineError> {
        let queued = self.queue(id, Action::Recover, actor, |_, task| {
            task.next_run = NextRun::Recover;
            Ok(())
        });
        Ok(queued.await?.0)
    }

    pub(super) async fn retry(
        self,
        id: TaskId,
        iterations: u32,
        tokens: Option<u64>,
        actor: Actor,
    ) -> Result<(Done, Limits), EngineError> {
        let queued = self.queue(id, Action::Retry, actor, move |_, task| {
            let limits = &mut task.spec.limits;
            limits.max_iterations = limits.max_iterations.map(|limit| limit.saturating_add(iterations));
            if let (Some(limit), Some(more)) = (limits.max_tokens, tokens) {
                limits.max_tokens = Some(limit.saturating_add(more));
            }
            task.next_run = next_run(task);
            Ok(())
        });
        let (done, task) = queued.await?;
        Ok((done, task.spec.limits))
    }

    pub(super) async fn continue_task(
        self,
        id: TaskId,
        input: Option<String>,
        actor: Actor,
    ) -> Result<Done, EngineError> {
        if self.task(id).await?.status == Status::Paused {
            return self.continue_paused(id, input, actor).await;
        }
        let by = actor.clone();
        let queued = self.queue(id, Action::Continue, actor, move |tx, task| {
            let text = input.filter(|text| !text.trim().is_empty());
            if text.is_some() || tx.waiting_inputs(id)?.is_empty() {
                inbox::take(tx, id, said(text.unwrap_or_else(|| GO_ON.to_owned())), &by)?;
            }
            task.next_run = next_run(task);
            Ok(())
        });
        Ok(queued.await?.0)
    }

    async fn continue_paused(self, id: TaskId, input: Option<String>, actor: Actor) -> Result<Done, EngineError> {
        let status = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                let text = input.filter(|text| !text.trim().is_empty());
                let request = tx.open_questions(id)?.first().is_some_and(|question| question.request_id.is_some());
                if text.is_none() && request {
                    return Err(EngineError::Conflict(
                        "the task is PAUSED and waits for an answer to a question; answer it, or give `input`"
                            .to_owned(),
                    ));
                }
                if task.paused_until.is_some() {
                    lifecycle::change(tx, &mut task, Change::user(Action::Unpause, &actor))?;
                }
                inbox::take(tx, id, said(text.unwrap_or_else(|| GO_ON.to_owned())), &actor)?;
                Ok(lifecycle::load(tx, id)?.status)
            })
            .await?;
        self.registry.tell(id, Message::Look);
        Ok(Done { message: "The task goes on.".to_owned(), status, queue_position: None })
    }

    pub(super) async fn interrupt(self, id: TaskId) -> Result<Done, EngineError> {
        let task = self.task(id).await?;
        if task.status != Status::Running {
            let status = task.status;
            return Err(EngineError::Conflict(format!(
                "the task is {status}, and `interrupt` is possible only when it is RUNNING"
            )));
        }
        self.registry.tell(id, Message::Interrupt);
        Ok(Done { message: "The present turn is cut short.".to_owned(), status: task.status, queue_position: None })
    }

    pub(super) async fn stop(self, id: TaskId, actor: Actor) -> Result<Stopped, EngineError> {
        for _ in 0..LOOKS {
            if let Some(owner) = self.registry.get(id) {
                let ended = owner.end(Ending::Stop { by: by_user(&actor) }).await;
                if let Some(Ended { ending: Ending::Stop { .. }, method }) = ended
                    && self.task(id).await?.status == Status::Stopped
                {
                    return Ok(stopped("The task is stopped; `resume` goes on in the same session.", method));
                }
                continue;
            }
            let actor = actor.clone();
            let registry = self.registry.clone();
            let done = self.ctx.store.write(move |tx| stop_idle(tx, id, &actor, registry.get(id).is_some())).await?;
            if let Some(done) = done {
                self.queue.bell.notify_one();
                return Ok(done);
            }
        }
        Err(busy())
    }

    pub(super) async fn complete(self, id: TaskId, actor: Actor) -> Result<Done, EngineError> {
        for _ in 0..LOOKS {
            let task = self.task(id).await?;
            task.status.after(Action::Overrule)?;
            match self.registry.claim(id) {
                Err(owner) => {
                    let ended = owner.end(Ending::Overrule { by: by_user(&actor) }).await;
                    if ended.is_some_and(|ended| matches!(ended.ending, Ending::Overrule { .. }))
                        && self.task(id).await?.status == Status::Finished
                    {
                        return Ok(completed());
                    }
                }
                Ok(_claim) => {
                    let at = places::places(&self.ctx, id).await?;
                    super::executor::commit(&self.ctx, &task, &at).await?;
                    let wanted = Change {
                        summary: Some("A person said that it is done.".to_owned()),
                        ..Change::user(Action::Overrule, &actor).because("a person said that it is done")
                    };
                    let write = self.ctx.store.write(move |tx| {
                        let mut task = lifecycle::load(tx, id)?;
                        lifecycle::withdraw_questions(tx, &task, "the task has ended")?;
                        lifecycle::change(tx, &mut task, wanted)
                    });
                    write.await?;
                    let mut ended = task.clone();
                    ended.status = Status::Finished;
                    places::clean_up_by_policy(&self.ctx, &ended).await?;
                    self.queue.bell.notify_one();
                    return Ok(completed());
                }
            }
        }
        Err(busy())
    }
}

/// A PENDING task goes into the queue.
///
/// # Errors
/// When the database cannot be written.
pub(super) fn enqueue(tx: &mut Tx<'_>, task: &mut Task) -> Result<(), EngineError> {
    task.queued_at = Some(tx.now());
    tx.update_task(task)?;
    let position = tx.queue_position(task.id)?;
    lifecycle::tell_changes(tx, task, [("queue_position", serde_json::json!(position))])?;
    Ok(())
}

/// Stops a task that has no executor. None when one has appeared meanwhile.
fn stop_idle(tx: &mut Tx<'_>, id: TaskId, actor: &Actor, owned: bool) -> Result<Option<Stopped>, EngineError> {
    let mut task = lifecycle::load(tx, id)?;
    match task.status {
        _ if owned => Ok(None),
        Status::Stopped => Ok(Some(stopped("The task was stopped already.", None))),
        Status::Pending if task.queued_at.is_some() => {
            task.queued_at = None;
            tx.update_task(&task)?;
            lifecycle::tell_changes(tx, &task, [("queue_position", serde_json::Value::Null)])?;
            let message = "The task has left the queue; it had not begun.";
            Ok(Some(Stopped { status: Status::Pending, ..stopped(message, None) }))
        }
        _ => {
            task.status.after(Action::Stop)?;
            lifecycle::withdraw_questions(tx, &task, "the task was stopped")?;
            lifecycle::change(tx, &mut task, Change::user(Action::Stop, actor))?;
            Ok(Some(stopped("The task is stopped.", None)))
        }
    }
}

fn stopped(message: &str, method: Option<EndMethod>) -> Stopped {
    Stopped {
        message: message.to_owned(),
        status: Status::Stopped,
        process_killed: method.is_some_and(|method| method != EndMethod::AlreadyEnded),
        termination_method: method.map_or("none", EndMethod::as_str).to_owned(),
        cleanup_performed: false,
    }
}

fn completed() -> Done {
    Done { message: "The task is done, as you say.".to_owned(), status: Status::Finished, queue_position: None }
}

/// How the next process of a task begins when nothing else is wanted.
fn next_run(task: &Task) -> NextRun {
    match task.next_run {
        NextRun::Recover => NextRun::Recover,
        _ if task.agent_session.is_some() => NextRun::Resume,
        _ => NextRun::Fresh,
    }
}

fn said(text: String) -> NewInput {
    NewInput { text, images: vec![], priority: Priority::Normal, interrupt: false }
}

fn at(position: Option<u64>) -> String {
    position.map_or_else(String::new, |position| format!(", at place {position}"))
}

/// The task's owner changed too often under a command.
pub(super) fn busy() -> EngineError {
    EngineError::Conflict("others are changing the task at this moment; try again".to_owned())
}
