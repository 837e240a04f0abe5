//! Server-sent events: of one task, to its end, and of all.

use super::feed::{Feed, Told};
use crate::{
    api::{
        Api, Call, Problem, Reply, Route,
        fields::{Field, Wrong, fields},
        metrics::Transport,
        resources::tasks::{EventKind, read_task},
        route, wire,
    },
    domain::{Seq, Status, TaskId},
    store::{Partial, Queries, Store, StoreError},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};
use tokio_util::sync::CancellationToken;
use utoipa::openapi::{RefOr, schema::Schema};

/// After how much quiet a stream says that it is there.
pub const QUIET: Duration = Duration::from_secs(15);

const MEDIA_TYPE: &str = "text/event-stream";

/// Asks proxies not to hold events back.
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A line that clients skip.
const COMMENT: Bytes = Bytes::from_static(b":\n\n");

pub(super) fn routes() -> Vec<Route> {
    vec![route::<__path_task_stream, _, _>(task_stream), route::<__path_stream_events, _, _>(stream_events)]
}

fields! {
    /// Which events of a task.
    pub struct StreamTask {
        /// Begin after this sequence number; the header `Last-Event-ID` goes before it.
        after: Option<i64>,
        /// Whether text that the agent is writing comes too, as `partial`.
        partial: bool = false,
    }
}

/// A task's events as they happen, from its first one on. After a final status and all its events comes `end` with
/// `{seq, status}`; who then comes back with the last sequence number gets 204. A comment line comes every 15 seconds.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/stream", operation_id = "stream_task", tag = "live",
    params(StreamTask, ("Last-Event-ID" = Option<i64>, Header, description = "The last sequence number that came.")),
    responses(
        (status = 200, body = wire::Event, content_type = "text/event-stream",
            description = "`id` is the sequence number, `event` the kind, `data` an Event."),
        (status = 204, description = "The task has ended and there is nothing after this sequence number.")))]
async fn task_stream(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<StreamTask>()?;
    let cursor = cursor(&call, wanted.after)?;
    let (task, last) = read_task(&call, |q, task| q.last_event(task.id)).await?;
    if cursor.is_some_and(|cursor| task.status.is_final() && last.is_none_or(|last| last <= cursor)) {
        return Ok(Reply::empty(StatusCode::NO_CONTENT));
    }
    let after = cursor.unwrap_or_default();
    let mut feed = Feed::new(call.api.store.clone(), vec![], call.api.metrics.listener(Transport::Sse));
    feed.want(Some(vec![task.id]), after, wanted.partial);
    let end = End { task: task.id, told: after, due: true };
    Ok(reply(&call.api, feed, Some(end)))
}

fields! {
    /// Which events.
    pub struct StreamEvents {
        /// Begin after this sequence number, not with what comes next; the header `Last-Event-ID` goes before it.
        after: Option<i64>,
        /// Only of these tasks, by name; several times or with commas.
        task: TaskNames,
        /// Only of these kinds; several times or with commas.
        kind: Vec<EventKind>,
        /// Whether text that agents are writing comes too, as `partial`.
        partial: bool = false,
    }
}

/// The events of all tasks as they happen. A comment line comes every 15 seconds.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "stream_events", tag = "live",
    params(StreamEvents, ("Last-Event-ID" = Option<i64>, Header, description = "The last sequence number that came.")),
    responses((status = 200, body = wire::Event, content_type = "text/event-stream",
        description = "`id` is the sequence number, `event` the kind, `data` an Event.")))]
async fn stream_events(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<StreamEvents>()?;
    let cursor = cursor(&call, wanted.after)?;
    let kinds = wanted.kind.into_iter().map(|kind| kind.0).collect();
    let mut feed = Feed::new(call.api.store.clone(), kinds, call.api.metrics.listener(Transport::Sse));
    let after = cursor.unwrap_or_else(|| call.api.store.last_seq());
    let tasks = match wanted.task.0 {
        names if names.is_empty() => None,
        names => Some(tasks_named(&call.api, names, "task").await?),
    };
    feed.want(tasks, after, wanted.partial);
    Ok(reply(&call.api, feed, None))
}

/// Where the client wants to begin.
fn cursor(call: &Call, after: Option<i64>) -> Result<Option<Seq>, Problem> {
    let header = call.headers.get("last-event-id").map(HeaderValue::as_bytes).filter(|text| !text.is_empty());
    let (field, cursor) = match header {
        None => ("after", after.map(Seq)),
        Some(text) => {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
            let number = number.filter(|number| *number >= 0);
            let number: i64 =
                number.ok_or_else(|| Problem::field("Last-Event-ID", "must be the sequence number of an event"))?;
            ("Last-Event-ID", Some(Seq(number)))
        }
    };
    match cursor {
        Some(cursor) => check_cursor(&call.api, field, cursor).map(Some),
        None => Ok(None),
    }
}

/// A sequence number that the log has reached.
///
/// # Errors
/// 422 for one that the log never gave: it comes from another database.
pub(super) fn check_cursor(api: &Api, field: &str, cursor: Seq) -> Result<Seq, Problem> {
    let last = api.store.last_seq();
    if cursor <= last {
        return Ok(cursor);
    }
    Err(Problem::field(field, format!("is beyond the end of the log, which is {last}; load the state anew")))
}

/// Names of tasks in a query. A name may hold commas itself, so that only the store can tell where one ends.
#[derive(Clone, Debug, Default)]
pub struct TaskNames(Vec<String>);

impl Field for TaskNames {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        values.into_iter().map(|value| String::read(value, at, wrong)).collect::<Option<_>>().map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn field_schema() -> RefOr<Schema> {
        Vec::<String>::field_schema()
    }
}

/// The tasks of these names; a text that is no name is names with commas.
///
/// # Errors
/// 404 that tells the first name of no task.
pub(super) async fn tasks_named(api: &Api, names: Vec<String>, what: &'static str) -> Result<Vec<TaskId>, Problem> {
    fn find(q: &Queries<'_>, text: &str) -> Result<Result<Vec<TaskId>, String>, StoreError> {
        if let Some(task) = q.task_by_name(text)? {
            return Ok(Ok(vec![task.id]));
        }
        let mut ids = vec![];
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match q.task_by_name(name)? {
                Some(task) => ids.push(task.id),
                None => return Ok(Err(name.to_owned())),
            }
        }
        Ok(if ids.is_empty() { Err(text.to_owned()) } else { Ok(ids) })
    }
    let found = api.store.read::<_, StoreError, _>(move |q| {
        let mut all = vec![];
        for name in &names {
            match find(q, name)? {
                Ok(ids) => all.extend(ids),
                Err(missing) => return Ok(Err(missing)),
            }
        }
        Ok(Ok(all))
    });
    found.await?.map_err(|missing| Problem::not_found(what, missing))
}

/// When a task's stream ends.
pub(super) struct End {
    pub(super) task: TaskId,
    /// The last event that was told.
    pub(super) told: Seq,
    /// Whether it is to be looked whether the task has ended.
    pub(super) due: bool,
}

/// One client's stream.
pub(super) struct Stream {
    pub(super) store: Store,
    /// Cancelled when the server ends.
    pub(super) ending: CancellationToken,
    pub(super) feed: Feed,
    pub(super) end: Option<End>,
    /// Whether the last piece was sent.
    pub(super) over: bool,
    /// Whether nothing was sent so far.
    pub(super) fresh: bool,
}

fn reply(api: &Api, feed: Feed, end: Option<End>) -> Reply {
    let state = Stream { store: api.store.clone(), ending: api.ending.clone(), feed, end, over: false, fresh: true };
    let pieces = stream::unfold(state, |mut state| async move {
        let piece = state.next().await?;
        Some((Ok::<_, Infallible>(piece), state))
    });
    Reply::stream(MEDIA_TYPE, pieces).header(NO_BUFFERING, HeaderValue::from_static("no"))
}

impl Stream {
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.fresh) {
            return Some(COMMENT);
        }
        if self.over {
            return None;
        }
        match self.next_piece().await {
            Ok(piece) => piece,
            Err(error) => {
                tracing::error!(%error, "a stream of events broke off");
                None
            }
        }
    }

    async fn next_piece(&mut self) -> Result<Option<Bytes>, StoreError> {
        if let Some(end) = self.end_if_reached().await? {
            self.over = true;
            return Ok(Some(end));
        }
        let told = tokio::select! {
            biased;
            () = self.ending.cancelled() => return Ok(None),
            told = self.feed.next() => told?,
            () = tokio::time::sleep(QUIET) => return Ok(Some(COMMENT)),
        };
        Ok(match told {
            Told::Event(frame) => {
                if let Some(end) = &mut self.end {
                    end.told = frame.seq;
                    end.due |= may_end(&frame.kind);
                }
                Some(frame.sse)
            }
            Told::Partial(partial) => Some(format!("event: partial\ndata: {}\n\n", partial_json(&partial)).into()),
            Told::Closed => None,
        })
    }

    /// The last piece, when the task has ended and all its events were told.
    async fn end_if_reached(&mut self) -> Result<Option<Bytes>, StoreError> {
        let Some(end) = self.end.as_mut().filter(|end| end.due && self.feed.has_caught_up()) else { return Ok(None) };
        let id = end.task;
        let (task, last) = self.store.read::<_, StoreError, _>(move |q| Ok((q.task(id)?, q.last_event(id)?))).await?;
        let status = task.map(|task| task.status);
        if status.is_some_and(|status| !status.is_final()) {
            end.due = false;
            return Ok(None);
        }
        if last.is_some_and(|last| last > end.told) {
            return Ok(None);
        }
        Ok(Some(end_frame(end.told, status)))
    }
}

/// Whether a task may have ended with an event of this kind.
fn may_end(kind: &str) -> bool {
    matches!(kind, "task.status" | "task.deleted")
}

/// The frame that ends a task's stream. A task that was deleted has no status.
fn end_frame(seq: Seq, status: Option<Status>) -> Bytes {
    format!("event: end\ndata: {}\n\n", json!({"seq": seq, "status": status})).into()
}

/// Text that is being written, as clients get it.
pub(super) fn partial_json(partial: &Partial) -> Value {
    json!({
        "task": partial.task,
        "task_id": partial.task_id,
        "kind": "partial",
        "payload": {"text": partial.text},
    })
}
