//! What users say to a task's agent, and the queue in which it waits.

use super::tasks::{read_task, task_of};
use crate::{
    api::{
        Api, Call, Problem, Reply, Route,
        fields::{Images, Visible, fields, words},
        route, wire,
    },
    domain::{
        InputId, TaskId,
        input::{Delivery, Priority, service_order},
    },
    engine::{Actor, NewInput},
    store::StoreError,
};
use serde::{Deserialize, Serialize};

/// The routes of inputs.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route::<__path_set_input, _, _>(set_input).large(),
        route::<__path_queue_status, _, _>(queue_status),
        route::<__path_list, _, _>(list),
        route::<__path_edit, _, _>(edit),
        route::<__path_remove, _, _>(remove),
        route::<__path_edit_interaction, _, _>(edit_interaction),
    ]
}

fields! {
    /// Something to say to a task's agent.
    pub struct SetInput {
        /// The text; may be empty beside images.
        input: String,
        /// Images that go with it, at most 20.
        images: Images,
        /// Whether the present turn is cut short for it.
        interrupt: bool = false,
        /// Which goes first.
        priority: Priority = Priority::Normal,
    }
}

/// Gives a task an input.
///
/// # Errors
/// 422 for one that says nothing; 409 where the task takes none.
pub async fn put(
    api: &Api,
    actor: &Actor,
    task: (TaskId, String),
    given: SetInput,
) -> Result<wire::InputQueued, Problem> {
    if given.input.trim().is_empty() && given.images.0.is_empty() {
        return Err(Problem::field("input", "needs at least one visible character, or an image beside it"));
    }
    let (id, name) = task;
    let (images, priority) = (given.images.0.len(), given.priority);
    let new = NewInput { text: given.input.clone(), images: given.images.0, priority, interrupt: given.interrupt };
    let taken = api.engine.set_input(id, new, actor).await?;
    Ok(wire::InputQueued::new(name, &given.input, images, priority, taken))
}

/// Says something to a task's agent: it waits for its turn, or answers the question that is open.
#[utoipa::path(post, path = "/api/v1/tasks/by-name/{name}/set-input", operation_id = "set_input", tag = "input",
    request_body = SetInput, responses((status = 200, body = wire::InputQueued)))]
async fn set_input(mut call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let given = call.body::<SetInput>().await?;
    Reply::json(&put(&call.api, &call.actor, (task.id, task.spec.task_name), given).await?)
}

/// How a task's inputs stand, with the first that wait.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/input-queue-status", operation_id = "get_input_queue_status",
    tag = "input", responses((status = 200, body = wire::QueueStatus)))]
async fn queue_status(call: Call) -> Result<Reply, Problem> {
    let (task, inputs) = read_task(&call, |q, task| q.inputs(task.id)).await?;
    Reply::json(&wire::QueueStatus::new(task.spec.task_name, inputs))
}

/// Where inputs stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputStatus {
    /// In the inbox.
    Waiting,
    /// Given to the agent and not acknowledged.
    Sent,
    /// Acknowledged by the agent.
    Delivered,
    /// All but those that were taken back.
    All,
}

words!(InputStatus);

fields! {
    /// Which inputs.
    pub struct ListInputs {
        /// Where they stand.
        status: InputStatus = InputStatus::Waiting,
    }
}

/// A task's inputs: those that wait, in the order in which they will be served, unless others are asked for.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/inputs", operation_id = "list_inputs", tag = "input",
    params(ListInputs), responses((status = 200, body = [wire::Input])))]
async fn list(call: Call) -> Result<Reply, Problem> {
    let status = call.query::<ListInputs>()?.status;
    let (_, mut inputs) = read_task(&call, |q, task| q.inputs(task.id)).await?;
    inputs.retain(|input| match status {
        InputStatus::Waiting => input.delivery == Delivery::Waiting,
        InputStatus::Sent => input.delivery == Delivery::Sent,
        InputStatus::Delivered => input.delivery == Delivery::Delivered,
        InputStatus::All => input.delivery != Delivery::Removed,
    });
    if status == InputStatus::Waiting {
        inputs.sort_by_key(service_order);
    }
    Reply::json(&inputs.into_iter().map(wire::Input::from).collect::<Vec<_>>())
}

/// The input that a path names, which must be the task's.
async fn input_of(call: &Call) -> Result<InputId, Problem> {
    let text = call.param("input_id");
    let missing = || Problem::not_found("input", text);
    let id: InputId = text.parse().map_err(|_| missing())?;
    let (task, input) = read_task(call, move |q, _| q.input(id)).await?;
    match input {
        Some(input) if input.task_id == task.id && input.delivery != Delivery::Removed => Ok(id),
        _ => Err(missing()),
    }
}

fields! {
    /// What an input says instead.
    pub struct EditInput {
        /// The text.
        input: Visible,
    }
}

/// Changes an input while it waits.
#[utoipa::path(put, path = "/api/v1/tasks/by-name/{name}/inputs/{input_id}", operation_id = "edit_input", tag = "input",
    request_body = EditInput, responses((status = 200, body = wire::Input)))]
async fn edit(mut call: Call) -> Result<Reply, Problem> {
    let id = input_of(&call).await?;
    let text = call.body::<EditInput>().await?.input.0;
    let input = call.api.engine.edit_input(id, text, &call.actor).await?;
    Reply::json(&wire::Input::from(input))
}

/// Takes an input back while it waits.
#[utoipa::path(delete, path = "/api/v1/tasks/by-name/{name}/inputs/{input_id}", operation_id = "remove_input", tag = "input",
    responses((status = 200, body = wire::Said)))]
async fn remove(call: Call) -> Result<Reply, Problem> {
    let id = input_of(&call).await?;
    call.api.engine.remove_input(id, &call.actor).await?;
    Reply::json(&wire::Said { message: "The input was taken back.".to_owned() })
}

fields! {
    /// What a waiting message says instead.
    pub struct EditInteraction {
        /// The text.
        content: Visible,
    }
}

/// Changes a user's own message while it waits; the id is the input's.
#[utoipa::path(put, path = "/api/v1/interactions/{id}", operation_id = "edit_interaction", tag = "input",
    request_body = EditInteraction, responses((status = 200, body = wire::Input)))]
async fn edit_interaction(mut call: Call) -> Result<Reply, Problem> {
    let id: InputId = call.id("waiting message")?;
    let found = call.api.store.read::<_, StoreError, _>(move |q| q.input(id)).await?;
    if found.is_none_or(|input| input.delivery == Delivery::Removed) {
        return Err(Problem::not_found("waiting message", id));
    }
    let text = call.body::<EditInteraction>().await?.content.0;
    let input = call.api.engine.edit_input(id, text, &call.actor).await?;
    Reply::json(&wire::Input::from(input))
}
