//! Reading a task: itself, its status, conversation, evidence, changes, worktree and events.

use super::{ALL, read_task, task_of, whole};
use crate::{
    api::{
        Call, Problem, Reply, Route,
        fields::{Field, Wrong, fields, words},
        resources::paging::{self, DEFAULT_LIMIT, Limit},
        route, wire,
    },
    domain::{EventBody, Seq},
    store::EventFilter,
};
use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::{
    RefOr,
    schema::{ObjectBuilder, Schema, Type},
};

/// Bytes of a diff when no other bound is asked for.
const DIFF_LIMIT: u32 = 2 * 1024 * 1024;

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::<__path_get, _, _>(get),
        route::<__path_get_by_name, _, _>(get_by_name),
        route::<__path_status, _, _>(status),
        route::<__path_status_by_name, _, _>(status_by_name),
        route::<__path_conversation, _, _>(conversation),
        route::<__path_conversation_by_name, _, _>(conversation_by_name),
        route::<__path_evidence, _, _>(evidence),
        route::<__path_diff, _, _>(diff),
        route::<__path_changes, _, _>(changes),
        route::<__path_worktree, _, _>(worktree),
        route::<__path_events, _, _>(events),
    ]
}

/// A task with its conversation and its test cases.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", operation_id = "get_task", tag = "tasks",
    responses((status = 200, body = wire::Task)))]
async fn get(call: Call) -> Result<Reply, Problem> {
    show(call).await
}

/// A task with its conversation and its test cases.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}", operation_id = "get_task_by_name", tag = "tasks",
    responses((status = 200, body = wire::Task)))]
async fn get_by_name(call: Call) -> Result<Reply, Problem> {
    show(call).await
}

async fn show(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    Reply::json(&whole(&call.api, task).await?)
}

/// How a task stands.
#[utoipa::path(get, path = "/api/v1/tasks/{id}/status", operation_id = "get_task_status", tag = "tasks",
    responses((status = 200, body = wire::TaskStatus)))]
async fn status(call: Call) -> Result<Reply, Problem> {
    show_status(call).await
}

/// How a task stands.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/status", operation_id = "get_task_status_by_name", tag = "tasks",
    responses((status = 200, body = wire::TaskStatus)))]
async fn status_by_name(call: Call) -> Result<Reply, Problem> {
    show_status(call).await
}

async fn show_status(call: Call) -> Result<Reply, Problem> {
    let (task, (tests, latest)) =
        read_task(&call, |q, task| Ok((q.test_summary(task.id)?, q.latest_response(task.id)?))).await?;
    let live = call.api.engine.live(task.id);
    Reply::json(&wire::TaskStatus::new(task, live, tests, latest))
}

fields! {
    /// How a conversation is shown.
    pub struct ShowConversation {
        /// Whether tool calls that follow each other stand in one entry.
        collapse_tools: bool = true,
    }
}

/// A task's conversation, oldest first.
#[utoipa::path(get, path = "/api/v1/tasks/{id}/conversation", operation_id = "get_conversation", tag = "tasks",
    params(ShowConversation), responses((status = 200, body = wire::Conversation)))]
async fn conversation(call: Call) -> Result<Reply, Problem> {
    show_conversation(call).await
}

/// A task's conversation, oldest first.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/conversation", operation_id = "get_conversation_by_name",
    tag = "tasks", params(ShowConversation), responses((status = 200, body = wire::Conversation)))]
async fn conversation_by_name(call: Call) -> Result<Reply, Problem> {
    show_conversation(call).await
}

async fn show_conversation(call: Call) -> Result<Reply, Problem> {
    let collapse = call.query::<ShowConversation>()?.collapse_tools;
    let (task, entries) = read_task(&call, |q, task| Ok(q.interactions(task.id, ALL)?.0)).await?;
    let conversation = if collapse {
        wire::collapse(entries)
    } else {
        entries.into_iter().map(|entry| wire::ConversationEntry::Message(entry.into())).collect()
    };
    Reply::json(&wire::Conversation {
        task_id: task.id,
        task_name: task.spec.task_name,
        status: task.status,
        conversation,
    })
}

/// What a task ended with, or has so far: criteria, tests, decisions, commits, cost.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/evidence", operation_id = "get_evidence", tag = "tasks",
    responses((status = 200, body = wire::Evidence)))]
async fn evidence(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    Reply::json(&wire::Evidence::from(call.api.engine.evidence(&task).await?))
}

/// How a diff is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiffFormat {
    /// As JSON, with the files that changed.
    Json,
    /// As text that `git apply` takes.
    Patch,
}

words!(DiffFormat);

fields! {
    /// Which diff.
    pub struct ShowDiff {
        /// As JSON, or as text that `git apply` takes.
        format: DiffFormat = DiffFormat::Json,
        /// Of this file only.
        path: Option<String>,
        /// At most so many bytes; what is cut says so in its last line.
        limit: u32 = DIFF_LIMIT,
    }
}

/// A task's work as a diff.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Diff {
    /// The task.
    task_name: String,
    /// The branch.
    branch: Option<String>,
    /// The commit to which it is compared.
    base_commit: Option<String>,
    /// The files.
    files: Vec<wire::FileChange>,
    /// The unified diff.
    diff: String,
}

/// A task's work as a diff to its base, committed or not.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/diff", operation_id = "get_diff", tag = "tasks", params(ShowDiff),
    responses((status = 200, content(
        (Diff = "application/json"),
        (String = "text/x-diff")))))]
async fn diff(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<ShowDiff>()?;
    let task = task_of(&call).await?;
    let limit = wanted.limit.min(64 * 1024 * 1024) as usize;
    let text = call.api.engine.diff(&task, wanted.path, limit).await?;
    if wanted.format == DiffFormat::Patch {
        return Ok(Reply::of("text/x-diff; charset=utf-8", text));
    }
    let files = call.api.engine.changes(&task).await?;
    Reply::json(&Diff {
        task_name: task.spec.task_name,
        branch: task.branch,
        base_commit: task.base_commit,
        files: files.into_iter().map(wire::FileChange::from).collect(),
        diff: text,
    })
}

/// The files that a task changed, with counts of lines.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/changes", operation_id = "get_changes", tag = "tasks",
    responses((status = 200, body = [wire::FileChange])))]
async fn changes(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let files = call.api.engine.changes(&task).await?;
    Reply::json(&files.into_iter().map(wire::FileChange::from).collect::<Vec<_>>())
}

/// Where a task works, and how its worktree stands.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/worktree", operation_id = "get_worktree", tag = "tasks",
    responses((status = 200, body = wire::Worktrees)))]
async fn worktree(call: Call) -> Result<Reply, Problem> {
    let task = task_of(&call).await?;
    let views = call.api.engine.worktrees(&task).await?;
    let places: Vec<_> = views.into_iter().map(wire::Worktree::from).collect();
    match places.first().cloned() {
        Some(first) => Reply::json(&wire::Worktrees { first, places }),
        None => Err(Problem::not_found("worktree of task", &task.spec.task_name)),
    }
}

/// A kind of event, by its word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventKind(pub String);

impl Field for EventKind {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let kind = String::read(value, at, wrong)?;
        if EventBody::KINDS.contains(&kind.as_str()) {
            return Some(Self(kind));
        }
        wrong.note(at, format!("must be one of {}", EventBody::KINDS.join(", ")))
    }

    fn field_schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(EventBody::KINDS.iter().copied())).into()
    }
}

fields! {
    /// Which events.
    pub struct ListEvents {
        /// After this sequence number.
        after: i64 = 0,
        /// How many, from 1 to 500.
        limit: Limit = DEFAULT_LIMIT,
        /// Only of these kinds, separated by commas.
        kind: Vec<EventKind>,
    }
}

/// A page of a task's events, in the order of the log.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/events", operation_id = "list_task_events", tag = "live",
    params(ListEvents), responses((status = 200, body = [wire::Event], headers(
        ("Link" = String, description = "`rel=\"next\"` leads to the next page.")))))]
async fn events(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<ListEvents>()?;
    let limit = wanted.limit.0;
    let kinds: Vec<_> = wanted.kind.into_iter().map(|kind| kind.0).collect();
    let after = Seq(wanted.after);
    let (_, events) = read_task(&call, move |q, task| {
        q.committed(&EventFilter { after, up_to: None, tasks: Some(vec![task.id]), kinds }, limit)
    })
    .await?;
    let mut body = BytesMut::with_capacity(events.iter().map(|event| event.json.len() + 1).sum::<usize>() + 2);
    body.put_u8(b'[');
    for (i, event) in events.iter().enumerate() {
        if i > 0 {
            body.put_u8(b',');
        }
        body.put_slice(&event.json);
    }
    body.put_u8(b']');
    let reply = Reply::json_bytes(body.freeze());
    Ok(match events.last() {
        Some(last) if events.len() == limit as usize => {
            let after = last.event.seq.to_string();
            paging::with_next(reply, &paging::link(&call.path, &call.query, &[("after", after)]))
        }
        _ => reply,
    })
}
