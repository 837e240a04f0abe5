//! The one place where a task's status changes: [`change`] asks the table, writes the row and its event in the caller's
//! transaction.

use super::{Actor, EngineError};
use crate::{
    domain::{Action, EventBody, Status, Task, TaskId, Timestamp, question::QuestionState},
    store::{StoreError, Tx},
};
use serde_json::{Map, Value, json};

/// Who changes a status, as the log tells it.
pub(super) const BY_ENGINE: &str = "engine";

/// A user, as the log tells it.
pub(super) fn by_user(actor: &Actor) -> String {
    format!("user:{}", actor.name)
}

/// A change of status that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// What happens to the task.
    pub action: Action,
    /// Why, in one sentence.
    pub reason: Option<String>,
    /// Who does it.
    pub by: String,
    /// For a pause that ends by itself.
    pub paused_until: Option<Timestamp>,
    /// Whether a person is waited for from now on.
    pub waiting_for_input: bool,
    /// The error to show, for a failure.
    pub error: Option<String>,
    /// One sentence on the outcome.
    pub summary: Option<String>,
}

impl Change {
    /// A change that the engine makes.
    pub(super) fn engine(action: Action) -> Self {
        Self {
            action,
            reason: None,
            by: BY_ENGINE.to_owned(),
            paused_until: None,
            waiting_for_input: false,
            error: None,
            summary: None,
        }
    }

    /// A change that a user makes.
    pub(super) fn user(action: Action, actor: &Actor) -> Self {
        Self { by: by_user(actor), ..Self::engine(action) }
    }

    /// With a reason.
    pub(super) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// Changes a task's status by the table, with what goes along: queue, end, error, and the event.
///
/// # Errors
/// [`EngineError::Refused`] when the table has no such step; nothing was written then.
pub(super) fn change(tx: &mut Tx<'_>, task: &mut Task, wanted: Change) -> Result<(), EngineError> {
    let previous = task.status;
    let status = previous.after(wanted.action)?;
    let now = tx.now();
    task.status = status;
    task.paused_until = wanted.paused_until;
    task.waiting_for_input = wanted.waiting_for_input;
    if status == Status::Pending {
        task.queued_at = Some(now);
        task.completed_at = None;
        task.error_message = None;
        task.summary = None;
    } else {
        task.queued_at = None;
    }
    if wanted.action == Action::Begin && task.started_at.is_none() {
        task.started_at = Some(now);
    }
    if status.is_final() {
        task.completed_at = Some(now);
    }
    if wanted.error.is_some() {
        task.error_message = wanted.error;
    }
    if wanted.summary.is_some() {
        task.summary = wanted.summary;
    }
    tx.update_task(task)?;
    tx.append(
        Some(task),
        EventBody::TaskStatus {
            status,
            previous,
            reason: wanted.reason,
            by: Some(wanted.by),
            paused_until: wanted.paused_until,
        },
    )?;
    tracing::info!(task = %task.spec.task_name, %previous, %status, "status");
    Ok(())
}

/// The task, or that there is none.
///
/// # Errors
/// [`EngineError::NotFound`].
pub(super) fn load(tx: &Tx<'_>, id: TaskId) -> Result<Task, EngineError> {
    tx.task(id)?.ok_or_else(|| EngineError::NotFound { what: "task", name: id.to_string() })
}

/// Sets whether a task waits for a person, and tells it when that is new.
///
/// # Errors
/// When the database cannot be written.
pub(super) fn set_waiting(tx: &mut Tx<'_>, task: &mut Task, waiting: bool) -> Result<(), StoreError> {
    if task.waiting_for_input == waiting {
        return Ok(());
    }
    task.waiting_for_input = waiting;
    tx.update_task(task)?;
    tell_changes(tx, task, [("waiting_for_input", json!(waiting))])
}

/// Writes `task.updated` with these fields.
///
/// # Errors
/// When the database cannot be written.
pub(super) fn tell_changes(
    tx: &mut Tx<'_>,
    task: &Task,
    changes: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<(), StoreError> {
    let changes: Map<_, _> = changes.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
    tx.append(Some(task), EventBody::TaskUpdated { changes: Value::Object(changes) })?;
    Ok(())
}

/// Withdraws every open question of a task.
///
/// # Errors
/// When the database cannot be written.
pub(super) fn withdraw_questions(tx: &mut Tx<'_>, task: &Task, reason: &str) -> Result<(), StoreError> {
    withdraw(tx, task, reason, false)
}

/// Withdraws the open questions that stand on the agent's wire: nobody hears an answer to them any more.
///
/// # Errors
/// When the database cannot be written.
pub(super) fn withdraw_requests(tx: &mut Tx<'_>, task: &Task) -> Result<(), StoreError> {
    withdraw(tx, task, "the agent's turn is over", true)
}

fn withdraw(tx: &mut Tx<'_>, task: &Task, reason: &str, requests_only: bool) -> Result<(), StoreError> {
    let open = tx.open_questions(task.id)?;
    for mut question in open.into_iter().filter(|q| !requests_only || q.request_id.is_some()) {
        question.state = QuestionState::Withdrawn;
        tx.update_question(&question)?;
        tx.append(Some(task), EventBody::QuestionWithdrawn { id: question.id, reason: reason.to_owned() })?;
    }
    Ok(())
}
