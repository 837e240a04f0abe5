//! A subscriber's place in the log: what was committed before it came is read from the log in pages, what is committed
//! after that is heard from the hub, and every event comes once and in order.
//!
//! A feed holds one page at most. Who does not ask for the next event is not told; who asks too late finds that the hub has
//! gone on, and gets what was missed from the log.

use crate::{
    api::metrics::Listener,
    domain::{Seq, TaskId},
    store::{EventFilter, Frame, Heard, Partial, Store, StoreError, Subscription},
};
use futures_util::FutureExt as _;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Events of one page of the log.
const PAGE: u32 = 100;

/// What a subscriber is told.
#[derive(Debug)]
pub enum Told {
    /// An event of the log.
    Event(Frame),
    /// Text that an agent is writing.
    Partial(Arc<Partial>),
    /// Nothing more: the store is closed.
    Closed,
}

/// What a subscriber wants of a task, or of all.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// Events after this one.
    after: Seq,
    /// Whether text that is being written is wanted too.
    partial: bool,
}

/// A part of the log that is still to be told.
#[derive(Debug)]
struct Backlog {
    /// Of these tasks; none is all.
    tasks: Option<Vec<TaskId>>,
    after: Seq,
    up_to: Seq,
}

/// A subscriber's place in the log.
pub struct Feed {
    store: Store,
    hub: Subscription,
    /// What the hub tells up to here was told, or is in the backlog.
    heard: Seq,
    all: Option<Wanted>,
    tasks: HashMap<TaskId, Wanted>,
    /// Only these kinds; empty is all.
    kinds: Vec<String>,
    backlog: VecDeque<Backlog>,
    /// What was read of the first backlog.
    page: VecDeque<Frame>,
    /// Whether the first backlog ends with the page.
    page_is_last: bool,
    listener: Listener,
}

impl Feed {
    /// A feed that wants nothing yet, of events of these kinds; empty is all.
    #[must_use]
    pub fn new(store: Store, kinds: Vec<String>, listener: Listener) -> Self {
        let hub = store.subscribe();
        Self {
            heard: hub.begins_after(),
            store,
            hub,
            all: None,
            tasks: HashMap::new(),
            kinds,
            backlog: VecDeque::new(),
            page: VecDeque::new(),
            page_is_last: false,
            listener,
        }
    }

    /// Wants events after a sequence number: of these tasks, or of all. What was wanted of them before is replaced.
    pub fn want(&mut self, tasks: Option<Vec<TaskId>>, after: Seq, partial: bool) {
        self.forget(tasks.as_deref());
        let wanted = Wanted { after, partial };
        match &tasks {
            None => self.all = Some(wanted),
            Some(ids) => self.tasks.extend(ids.iter().map(|id| (*id, wanted))),
        }
        if after < self.heard && tasks.as_ref().is_none_or(|tasks| !tasks.is_empty()) {
            self.backlog.push_back(Backlog { tasks, after, up_to: self.heard });
        }
    }

    /// Wants nothing of these tasks any more, or of none. All events are wanted still where they were asked for as such.
    pub fn forget(&mut self, tasks: Option<&[TaskId]>) {
        // A page may hold what is not wanted now; the rest of it is read again.
        self.page.clear();
        match tasks {
            None => {
                self.all = None;
                self.backlog.retain(|backlog| backlog.tasks.is_some());
            }
            Some(ids) => {
                for id in ids {
                    self.tasks.remove(id);
                }
                for backlog in &mut self.backlog {
                    if let Some(tasks) = &mut backlog.tasks {
                        tasks.retain(|task| !ids.contains(task));
                    }
                }
                self.backlog.retain(|backlog| backlog.tasks.as_ref().is_none_or(|tasks| !tasks.is_empty()));
            }
        }
    }

    /// Whether everything that was in the log when it was asked for was told.
    #[must_use]
    pub fn has_caught_up(&self) -> bool {
        self.page.is_empty() && self.backlog.is_empty()
    }

    /// The next thing; waits for it. Safe to cancel.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn next(&mut self) -> Result<Told, StoreError> {
        loop {
            if let Some(frame) = self.next_of_backlog().await? {
                return Ok(Told::Event(frame));
            }
            let heard = self.hub.next().await;
            if let Some(told) = self.take(heard) {
                return Ok(told);
            }
        }
    }

    /// The next thing, if it is there without waiting.
    pub fn next_at_hand(&mut self) -> Option<Told> {
        if let Some(frame) = self.next_of_page() {
            return Some(Told::Event(frame));
        }
        while self.backlog.is_empty() {
            let heard = self.hub.next().now_or_never()?;
            if let Some(told) = self.take(heard) {
                return Some(told);
            }
        }
        None
    }

    /// The next event of the page. With the last one of a backlog, that backlog is gone.
    fn next_of_page(&mut self) -> Option<Frame> {
        let frame = self.page.pop_front()?;
        if self.page.is_empty() && self.page_is_last {
            self.backlog.pop_front();
        } else if let Some(backlog) = self.backlog.front_mut() {
            backlog.after = frame.seq;
        }
        Some(frame)
    }

    async fn next_of_backlog(&mut self) -> Result<Option<Frame>, StoreError> {
        loop {
            if let Some(frame) = self.next_of_page() {
                return Ok(Some(frame));
            }
            let Some(backlog) = self.backlog.front() else { return Ok(None) };
            let filter = EventFilter {
                after: backlog.after,
                up_to: Some(backlog.up_to),
                tasks: backlog.tasks.clone(),
                kinds: self.kinds.clone(),
            };
            // One more than a page has tells whether there is more.
            let mut page = self.store.read::<_, StoreError, _>(move |q| q.frames(&filter, PAGE + 1)).await?;
            self.page_is_last = page.len() <= PAGE as usize;
            page.truncate(PAGE as usize);
            if page.is_empty() {
                self.backlog.pop_front();
            }
            self.page = page.into();
        }
    }

    /// What of that which was heard is to be told.
    fn take(&mut self, heard: Heard) -> Option<Told> {
        match heard {
            Heard::Event(committed) => {
                let (seq, task_id, kind) = (committed.event.seq, committed.event.task_id, committed.event.body.kind());
                if seq <= self.heard {
                    return None;
                }
                self.heard = seq;
                let wanted = self.wanted(task_id).any(|wanted| seq > wanted.after)
                    && (self.kinds.is_empty() || self.kinds.iter().any(|known| known == kind));
                wanted.then(|| {
                    let kind = kind.to_owned();
                    Told::Event(Frame { seq, task_id, kind, json: committed.json, sse: committed.sse })
                })
            }
            Heard::Partial(partial) => {
                let wanted = self.wanted(Some(partial.task_id)).any(|wanted| wanted.partial);
                wanted.then_some(Told::Partial(partial))
            }
            Heard::Lagged => {
                self.listener.lagged();
                self.refill();
                None
            }
            Heard::Closed => Some(Told::Closed),
        }
    }

    fn wanted(&self, task: Option<TaskId>) -> impl Iterator<Item = &Wanted> {
        self.all.iter().chain(task.and_then(|id| self.tasks.get(&id)))
    }

    /// What the hub no longer has is read from the log.
    fn refill(&mut self) {
        let (missed, last) = (self.heard, self.store.last_seq());
        self.heard = last;
        let beyond = |wanted: &Wanted| wanted.after.max(missed);
        if let Some(all) = &self.all {
            self.backlog.push_back(Backlog { tasks: None, after: beyond(all), up_to: last });
            return;
        }
        let mut by_place: HashMap<Seq, Vec<TaskId>> = HashMap::new();
        for (id, wanted) in &self.tasks {
            by_place.entry(beyond(wanted)).or_default().push(*id);
        }
        let missed = by_place.into_iter().map(|(after, tasks)| Backlog { tasks: Some(tasks), after, up_to: last });
        self.backlog.extend(missed);
    }
}
