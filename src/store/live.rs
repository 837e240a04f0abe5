//! What subscribers hear: committed events, each serialised once and shared, and partial text.
//!
//! The hub is one ring, bounded in entries and in bytes. A subscription is a place in it: nothing is copied for a
//! subscriber, and one whose place was overwritten has lagged. With no subscribers the ring is empty.

use crate::domain::{Event, EventBody, Seq, TaskId, Timestamp};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Entries that the ring holds at most.
const MAX_ENTRIES: usize = 4096;

/// Bytes of events and text that the ring holds at most, its newest entry apart.
const MAX_BYTES: usize = 8 * 1024 * 1024;

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
        let payload = payload_of(&event.body);
        Self::with_payload(event, &payload)
    }

    /// The same, where the payload's JSON is at hand.
    pub(super) fn with_payload(event: Event, payload: &str) -> Self {
        let frame = Frame::new(event.seq, event.task_id, &event.task, event.body.kind(), event.at, payload);
        Self { event: Arc::new(event), json: frame.json, sse: frame.sse }
    }
}

/// The payload's JSON of an event.
///
/// A body is written as `{"kind":…,"payload":…}`: what stands between is the payload, so that it is serialised once.
pub(super) fn payload_of(body: &EventBody) -> String {
    let text = serde_json::to_string(body).expect("events are plain values with text keys, which JSON can hold");
    let before = "{\"kind\":\"\",\"payload\":".len() + body.kind().len();
    text[before..text.len() - 1].to_owned()
}

/// An event's serialised forms alone, as the log can give them without reading the payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The event's place in the log.
    pub seq: Seq,
    /// Whose event.
    pub task_id: Option<TaskId>,
    /// Its kind's word.
    pub kind: String,
    /// Its JSON: `{seq, task, task_id, kind, at, payload}`.
    pub json: Bytes,
    /// Its SSE frame: `id`, `event`, `data`, blank line.
    pub sse: Bytes,
}

impl Frame {
    pub(super) fn new(seq: Seq, task_id: Option<TaskId>, task: &str, kind: &str, at: Timestamp, payload: &str) -> Self {
        let name = serde_json::to_string(task).expect("a text can be JSON");
        let id = task_id.map_or_else(|| "null".to_owned(), |id| format!("\"{id}\""));
        let head = format!("id: {seq}\nevent: {kind}\ndata: ");
        let json = format!(
            "{{\"seq\":{seq},\"task\":{name},\"task_id\":{id},\"kind\":\"{kind}\",\"at\":\"{at}\",\"payload\":{payload}}}"
        );
        let (from, to) = (head.len(), head.len() + json.len());
        let sse = Bytes::from(head + &json + "\n\n");
        Self { seq, task_id, kind: kind.to_owned(), json: sse.slice(from..to), sse }
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
    /// The subscriber was too slow and missed something: read the log from the cursor on. What is heard after that may be
    /// in what was read: skip it by its sequence number.
    Lagged,
    /// The server is stopping.
    Closed,
}

/// An entry of the ring.
#[derive(Clone)]
pub(super) enum Told {
    Event(Committed),
    Partial(Arc<Partial>),
    /// A task's row was removed.
    Gone(TaskId),
}

impl Told {
    fn bytes(&self) -> usize {
        match self {
            // The parsed event is counted as large as its text.
            Self::Event(committed) => 2 * committed.sse.len(),
            Self::Partial(partial) => partial.text.len(),
            Self::Gone(_) => 0,
        }
    }
}

struct Ring {
    entries: VecDeque<Told>,
    /// The place of the oldest entry, counted from the opening of the store.
    first: u64,
    bytes: usize,
    subscribers: usize,
    last_seq: Seq,
    closed: bool,
}

impl Ring {
    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn push(&mut self, told: Told) {
        if let Told::Event(committed) = &told {
            self.last_seq = committed.event.seq;
        }
        if self.subscribers == 0 {
            return;
        }
        self.bytes += told.bytes();
        self.entries.push_back(told);
        while self.entries.len() > 1 && (self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES) {
            if let Some(oldest) = self.entries.pop_front() {
                self.first += 1;
                self.bytes -= oldest.bytes();
            }
        }
    }
}

/// Tells subscribers what was committed.
pub(super) struct Hub {
    ring: Mutex<Ring>,
    /// Changes when there is something to hear.
    end: watch::Sender<u64>,
}

impl Hub {
    pub(super) fn new(last_seq: Seq) -> Arc<Self> {
        let ring = Ring { entries: VecDeque::new(), first: 0, bytes: 0, subscribers: 0, last_seq, closed: false };
        Arc::new(Self { ring: Mutex::new(ring), end: watch::Sender::new(0) })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends in order, and wakes who waits once.
    pub(super) fn publish(&self, all: impl IntoIterator<Item = Told>) {
        let mut ring = self.ring();
        for told in all {
            ring.push(told);
        }
        self.end.send_replace(ring.end());
    }

    pub(super) fn last_seq(&self) -> Seq {
        self.ring().last_seq
    }

    pub(super) fn close(&self) {
        let mut ring = self.ring();
        ring.closed = true;
        self.end.send_replace(ring.end());
    }

    pub(super) fn subscribe(self: &Arc<Self>) -> Subscription {
        let mut ring = self.ring();
        ring.subscribers += 1;
        Subscription {
            place: ring.end(),
            begins_after: ring.last_seq,
            woken: self.end.subscribe(),
            hub: Arc::clone(self),
        }
    }
}

/// A subscription. Dropping it ends it.
pub struct Subscription {
    hub: Arc<Hub>,
    place: u64,
    begins_after: Seq,
    woken: watch::Receiver<u64>,
}

impl Subscription {
    /// The next thing; waits for it. Safe to cancel.
    pub async fn next(&mut self) -> Heard {
        loop {
            match self.next_told().await {
                Ok(Told::Event(committed)) => return Heard::Event(committed),
                Ok(Told::Partial(partial)) => return Heard::Partial(partial),
                Ok(Told::Gone(_)) => {}
                Err(heard) => return heard,
            }
        }
    }

    /// The last sequence number that was committed before this subscription began: what it will hear comes after.
    ///
    /// Reading the log up to and with this number and then hearing on gives every event once.
    #[must_use]
    pub fn begins_after(&self) -> Seq {
        self.begins_after
    }

    /// The next entry of the ring, or [`Heard::Lagged`] or [`Heard::Closed`].
    pub(super) async fn next_told(&mut self) -> Result<Told, Heard> {
        loop {
            self.woken.mark_unchanged();
            if let Some(told) = self.take() {
                return told;
            }
            if self.woken.changed().await.is_err() {
                return Err(Heard::Closed);
            }
        }
    }

    fn take(&mut self) -> Option<Result<Told, Heard>> {
        let ring = self.hub.ring();
        if self.place < ring.first {
            // Whatever was missed is in the log already, so that hearing goes on with what comes next.
            self.place = ring.end();
            return Some(Err(Heard::Lagged));
        }
        let at = usize::try_from(self.place - ring.first).unwrap_or(usize::MAX);
        match ring.entries.get(at) {
            Some(told) => {
                self.place += 1;
                Some(Ok(told.clone()))
            }
            None => ring.closed.then_some(Err(Heard::Closed)),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut ring = self.hub.ring();
        ring.subscribers -= 1;
        if ring.subscribers == 0 {
            ring.first = ring.end();
            ring.entries = VecDeque::new();
            ring.bytes = 0;
        }
    }
}
