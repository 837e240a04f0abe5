//! The inbox: what users say to a task. An input answers the question that is open; else it waits for the end of the turn.

use super::{
    Actor, EngineError, Inner, InputTaken, NewInput, lifecycle,
    questions::{self, Given},
    registry::Message,
};
use crate::{
    domain::{
        EventBody, InputId, Status, TaskId,
        input::{Delivery, Input},
        question::{AnsweredBy, AnswererKind, Remember},
    },
    store::Tx,
};

/// The event of an input that waits.
pub(super) fn queued(input: &Input, edited: bool) -> EventBody {
    EventBody::InputQueued {
        id: input.id,
        text: input.text.clone(),
        images: u32::try_from(input.images.len()).unwrap_or(u32::MAX),
        priority: input.priority,
        user_id: input.user_id.clone(),
        edited,
    }
}

/// A person, as one who answers.
pub(super) fn person(actor: &Actor) -> AnsweredBy {
    AnsweredBy { kind: AnswererKind::User, name: actor.name.clone(), version: None }
}

impl Inner {
    pub(super) async fn set_input(self, id: TaskId, input: NewInput, actor: Actor) -> Result<InputTaken, EngineError> {
        let interrupt = input.interrupt;
        let taken = self.ctx.store.write(move |tx| take(tx, id, input, &actor)).await?;
        let told = if interrupt && taken.answered.is_none() { Message::InterruptForInput } else { Message::Look };
        self.registry.tell(id, told);
        Ok(taken)
    }

    pub(super) async fn edit_input(self, id: InputId, text: String) -> Result<Input, EngineError> {
        self.ctx
            .store
            .write(move |tx| {
                let mut input = waiting(tx, id)?;
                input.text = text;
                tx.update_input(&input)?;
                let task = lifecycle::load(tx, input.task_id)?;
                tx.append(Some(&task), queued(&input, true))?;
                Ok(input)
            })
            .await
    }

    pub(super) async fn remove_input(self, id: InputId) -> Result<(), EngineError> {
        self.ctx
            .store
            .write(move |tx| {
                let mut input = waiting(tx, id)?;
                input.delivery = Delivery::Removed;
                tx.update_input(&input)?;
                let task = lifecycle::load(tx, input.task_id)?;
                tx.append(Some(&task), EventBody::InputRemoved { id })?;
                Ok(())
            })
            .await
    }
}

fn waiting(tx: &Tx<'_>, id: InputId) -> Result<Input, EngineError> {
    let input = tx.input(id)?.ok_or_else(|| EngineError::NotFound { what: "input", name: id.to_string() })?;
    match input.delivery {
        Delivery::Waiting => Ok(input),
        Delivery::Sent | Delivery::Delivered => {
            Err(EngineError::Conflict("the agent has the input already; it can no longer be changed".to_owned()))
        }
        Delivery::Removed => Err(EngineError::Conflict("the input was removed".to_owned())),
    }
}

/// Takes an input: the oldest open question is answered by it while the task waits for a person, else it waits.
///
/// # Errors
/// When there is no such task, or the text does not fit the question.
pub(super) fn take(tx: &mut Tx<'_>, id: TaskId, new: NewInput, actor: &Actor) -> Result<InputTaken, EngineError> {
    let task = lifecycle::load(tx, id)?;
    let open = if task.status == Status::Paused { tx.open_questions(id)? } else { vec![] };
    if let Some(question) = open.first() {
        let given = Given {
            answer: questions::from_input(question, &new.text),
            remember: Remember::No,
            by: person(actor),
            input: InputId::new(),
            images: new.images,
        };
        let input = given.input;
        let (question, _) = questions::settle(tx, question.id, given)?;
        return Ok(InputTaken {
            id: input,
            message: "It answers the question that was open.".to_owned(),
            answered: Some(question.id),
            waiting: count(tx, id)?,
        });
    }
    let input = Input {
        id: InputId::new(),
        task_id: id,
        text: new.text,
        images: new.images,
        priority: new.priority,
        user_id: Some(actor.name.clone()),
        delivery: Delivery::Waiting,
        created_at: tx.now(),
        delivered_at: None,
    };
    tx.add_input(&input)?;
    tx.append(Some(&task), queued(&input, false))?;
    let message = match task.status {
        Status::Running | Status::Testing => "It is queued and goes to the agent at the end of its turn.",
        Status::Paused => "It is queued and goes to the agent when the task goes on.",
        Status::Pending => "It is queued and goes to the agent after the task's description.",
        Status::Stopped => "It is queued; `resume` sends it.",
        _ => "It is queued; `continue` sends it.",
    };
    Ok(InputTaken { id: input.id, message: message.to_owned(), answered: None, waiting: count(tx, id)? })
}

fn count(tx: &Tx<'_>, id: TaskId) -> Result<u64, EngineError> {
    Ok(tx.waiting_inputs(id)?.len() as u64)
}
