//! Tests of the store on real files.

mod durability;
mod reading;
mod replay;
mod samples;
mod writing;

use super::*;
use crate::domain::{
    EventBody, InputId, InteractionId, Spent, Status, Task, TokenCount,
    input::{Delivery, Image, Input, Priority},
    interaction::{Interaction, InteractionType},
    task::{NextRun, TaskSpec},
};
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that shows a second more at each look.
pub(super) fn ticking() -> Now {
    let seconds = AtomicI64::new(1_700_000_000);
    Arc::new(move || Timestamp::from_seconds(seconds.fetch_add(1, Ordering::Relaxed)))
}

/// A store in a folder of its own.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) dir: tempfile::TempDir,
}

pub(super) fn opened() -> Opened {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let store = Store::open(dir.path(), ticking()).expect("a new database opens");
    Opened { store, dir }
}

impl Opened {
    /// Closes the store and opens it again.
    pub(super) async fn again(self) -> Self {
        self.store.close().await;
        let Self { store, dir } = self;
        drop(store);
        let store = Store::open(dir.path(), ticking()).expect("the database opens again");
        Self { store, dir }
    }

    pub(super) fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("taskwright.db")
    }
}

pub(super) fn task(name: &str) -> Task {
    let spec = TaskSpec {
        root_folder: Some("/srv/repo".to_owned()),
        ..TaskSpec::new(name, format!("What `{name}` is about"))
    };
    Task::new(TaskId::new(), spec, Timestamp::from_seconds(1_700_000_000))
}

pub(super) fn entry(task: &Task, seq: Seq, interaction_type: InteractionType, content: &str) -> Interaction {
    Interaction {
        id: InteractionId::new(),
        task_id: task.id,
        seq,
        turn: 1,
        interaction_type,
        content: content.to_owned(),
        images: vec![],
        tool: None,
        tokens: None,
        duration_ms: None,
        cost_usd: None,
        created_at: Timestamp::from_seconds(1_700_000_000),
    }
}

pub(super) fn input(task: &Task, text: &str, priority: Priority, at: i64) -> Input {
    Input {
        id: InputId::new(),
        task_id: task.id,
        text: text.to_owned(),
        images: vec![Image { base64: "aGVsbG8=".to_owned(), media_type: "image/png".to_owned() }],
        priority,
        user_id: None,
        delivery: Delivery::Waiting,
        created_at: Timestamp::from_seconds(at),
        delivered_at: None,
    }
}

pub(super) fn said(text: &str) -> EventBody {
    EventBody::AgentText { text: text.to_owned(), parent: None }
}

/// Stores tasks with these names.
pub(super) async fn with_tasks(store: &Store, names: &[&str]) -> Vec<Task> {
    let tasks: Vec<_> = names.iter().map(|name| task(name)).collect();
    let rows = tasks.clone();
    store
        .write(move |tx| -> Result<(), StoreError> { rows.iter().try_for_each(|task| tx.insert_task(task)) })
        .await
        .expect("tasks are stored");
    tasks
}

/// Appends one event of a task.
pub(super) async fn append(store: &Store, task: &Task, text: &str) -> Result<Seq, StoreError> {
    let (task, body) = (task.clone(), said(text));
    store.write(move |tx| tx.append(Some(&task), body)).await
}

/// The whole log.
pub(super) async fn log(store: &Store) -> Vec<crate::domain::Event> {
    store.read(|queries| queries.events(&EventFilter::default(), u32::MAX)).await.expect("the log reads")
}

pub(super) fn tokens(input: u64, output: u64) -> TokenCount {
    TokenCount { input, output, cache_creation: 1, cache_read: 2 }
}
