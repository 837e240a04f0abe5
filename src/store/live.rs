//! What subscribers hear: committed events, each serialised once and shared, and partial text.

use crate::domain::{Event, Seq, TaskId};
use bytes::Bytes;
use std::sync::Arc;

/// A committed event with its serialised forms, made once and shared by every subscriber.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The event.
    pub event: Arc<Event>,
    /// Its JSON: `{seq, task, task_id, kind, at, payload}`.
    pub json: Bytes,
    /// Its SSE frame: `id`, `event`, `data`, blank line.
    pub sse: Bytes,
}

impl Committed {
    /// Serialises an event.
    #[must_use]
    pub fn new(event: Event) -> Self {
        todo!()
    }
}

/// A piece of text that an agent is writing.
#[derive(Clone, Debug)]
pub struct Partial {
    /// Whose.
    pub task_id: TaskId,
    /// The task's name.
    pub task: String,
    /// What to append.
    pub text: String,
}

/// What a subscriber hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A committed event. Events come in the order of `seq`, without a gap.
    Event(Committed),
    /// Partial text.
    Partial(Arc<Partial>),
    /// The subscriber was too slow and missed something: read the log from the cursor on.
    Lagged,
    /// The server is stopping.
    Closed,
}

/// A subscription. Dropping it ends it.
pub struct Subscription {}

impl Subscription {
    /// The next thing; waits for it. Safe to cancel.
    pub async fn next(&mut self) -> Heard {
        todo!()
    }

    /// The last sequence number that was committed before this subscription began: what it will hear comes after.
    #[must_use]
    pub fn begins_after(&self) -> Seq {
        todo!()
    }
}
