//! SQLite: one writer thread that groups what waits into one commit, readers with connections of their own, the
//! append-only event log, and the hub that tells subscribers what was committed.
//!
//! A state change and its events are one transaction; what a caller was told is on the disk. Nothing here knows the rules
//! of a task's life: they are applied by the closures that are given to [`Store::write`]. What must not live here: HTTP,
//! git, agents, plugins, clocks other than the one given at opening.

mod error;
mod live;
mod queries;
mod tx;

pub use error::StoreError;
pub use live::{Committed, Heard, Partial, Subscription};
pub use queries::{EventFilter, Page, Queries, QuestionFilter, TaskFilter, TaskSort, UsageRow};
pub use tx::Tx;

use crate::domain::{Seq, TaskId, Timestamp};
use std::{path::Path, sync::Arc};

/// Tells the time. The store stamps rows with it; tests give their own.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The database. Cheap to clone; the last clone's end waits for the writer.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens `DIR/taskwright.db`, applies the migrations in one transaction, and starts the writer.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a database of a later version, [`StoreError::Damaged`], [`StoreError::Io`]…; each with
    /// words for the operator.
    pub fn open(path: &Path, now: Now) -> Result<Self, StoreError> {
        todo!()
    }

    /// Runs `work` on the writer thread inside the present group's transaction (in a savepoint of its own: an `Err` undoes
    /// this work alone), and returns when the group is on the disk. Subscribers learn of its events after that and before
    /// the caller's next step.
    ///
    /// # Errors
    /// What `work` answered, or the store's own failure as `E`. [`StoreError::Full`] when the disk has no room: nothing of
    /// this work was kept.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        todo!()
    }

    /// Runs `work` with a reader's connection, on a thread that may block. It sees every write that had returned before.
    ///
    /// # Errors
    /// What `work` answered, or the store's own failure.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Queries<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        todo!()
    }

    /// A subscription to everything that is committed from now on, and to partial text.
    ///
    /// It is bounded: a subscriber that lags gets [`Heard::Lagged`] and reads the log from its cursor on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        todo!()
    }

    /// Tells subscribers a piece of text that is being written. It is not stored.
    pub fn publish_partial(&self, partial: Partial) {
        todo!()
    }

    /// The last sequence number that is on the disk.
    #[must_use]
    pub fn last_seq(&self) -> Seq {
        todo!()
    }

    /// Grows with every commit that changed a task's row; a list made at one version holds while it stands.
    #[must_use]
    pub fn tasks_version(&self) -> u64 {
        todo!()
    }

    /// Waits until the task's last event is `after` or later, or its row is gone.
    pub async fn wait_beyond(&self, task: TaskId, after: Seq) {
        todo!()
    }

    /// Writes a consistent copy of the database into a new file while the server runs.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        todo!()
    }

    /// SQLite's own check of the whole database; the findings, empty when it is well.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub async fn integrity(&self) -> Result<Vec<String>, StoreError> {
        todo!()
    }

    /// Commits what waits and ends the writer. Later writes fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        todo!()
    }
}
