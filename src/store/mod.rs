//! SQLite: one writer thread that groups what waits into one commit, readers with connections of their own, the
//! append-only event log, and the hub that tells subscribers what was committed.
//!
//! A state change and its events are one transaction; what a caller was told is on the disk. Nothing here knows the rules
//! of a task's life: they are applied by the closures that are given to [`Store::write`]. What must not live here: HTTP,
//! git, agents, plugins, clocks other than the one given at opening.

mod error;
mod live;
mod opening;
mod queries;
mod readers;
#[cfg(test)]
mod tests;
mod tx;
mod values;
mod writer;

pub use error::StoreError;
pub use live::{Committed, Frame, Heard, Partial, Subscription};
pub use queries::{EventFilter, Page, Queries, QuestionFilter, TaskFilter, TaskSort, UsageRow};
pub use tx::Tx;
pub use writer::WriterFigures;

use crate::domain::{Seq, TaskId, Timestamp};
use live::{Hub, Told};
use readers::Readers;
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Instant,
};
use tokio::sync::mpsc;
use writer::{Gauges, Job, Piece, Writer};

/// Tells the time. The store stamps rows with it; tests give their own.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The database. Cheap to clone; the last clone's end waits for the writer.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    /// Where work is queued; none when the store is closed.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<Readers>,
    hub: Arc<Hub>,
    gauges: Arc<Gauges>,
    now: Now,
}

impl Store {
    /// Opens `taskwright.db` in the data directory `path`, or the file `path` itself if it is no directory; applies the
    /// migrations in one transaction, and starts the writer. The file is its owner's alone (0600).
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a database of a later version, [`StoreError::Damaged`], [`StoreError::Io`]…; each with
    /// words for the operator.
    pub fn open(path: &Path, now: Now) -> Result<Self, StoreError> {
        let path = opening::file_of(path);
        let conn = opening::open_writer(&path)?;
        let hub = Hub::new(Queries::new(&conn).last_seq()?);
        let gauges = Arc::new(Gauges::default());
        let (jobs, waiting) = mpsc::channel(writer::WAITING);
        let writer =
            Writer { conn, jobs: waiting, hub: Arc::clone(&hub), gauges: Arc::clone(&gauges), now: Arc::clone(&now) };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Io { path: path.clone(), detail: error.to_string() })?;
        let shared = Shared {
            jobs: Mutex::new(Some(jobs)),
            writer: Mutex::new(Some(thread)),
            readers: Readers::new(path),
            hub,
            gauges,
            now,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs `work` on the writer thread inside the present group's transaction (in a savepoint of its own: an `Err`, or a
    /// panic, undoes this work alone), and returns when the group is on the disk. Subscribers learn of its events after
    /// that and before the caller's next step. Work that was queued is done even if its caller no longer waits.
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
        let jobs = self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(jobs) = jobs else { return Err(StoreError::Closed.into()) };
        let (piece, answer) = Piece::new(work);
        if jobs.send(Job { work: Box::new(piece), queued: Instant::now() }).await.is_err() {
            return Err(StoreError::Closed.into());
        }
        drop(jobs);
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Runs `work` with a reader's connection, on a thread that may block. It sees every write that had returned before,
    /// and one moment of the database throughout.
    ///
    /// # Errors
    /// What `work` answered, or the store's own failure.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Queries<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.shared.readers.read(work).await
    }

    /// A subscription to everything that is committed from now on, and to partial text.
    ///
    /// It is bounded: a subscriber that lags gets [`Heard::Lagged`] and reads the log from its cursor on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.shared.hub.subscribe()
    }

    /// Tells subscribers a piece of text that is being written. It is not stored.
    pub fn publish_partial(&self, partial: Partial) {
        self.shared.hub.publish([Told::Partial(Arc::new(partial))]);
    }

    /// The present moment, by the clock that stamps rows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.shared.now)()
    }

    /// The last sequence number that is on the disk.
    #[must_use]
    pub fn last_seq(&self) -> Seq {
        self.shared.hub.last_seq()
    }

    /// Grows with every commit that changed a task's row; a list made at one version holds while it stands. Read the
    /// version before the list.
    #[must_use]
    pub fn tasks_version(&self) -> u64 {
        self.shared.gauges.tasks_version()
    }

    /// What the writer did since the store was opened.
    #[must_use]
    pub fn writer_figures(&self) -> WriterFigures {
        self.shared.gauges.figures()
    }

    /// Waits until the task's last event is `after` or later, or its row is gone. Returns when the store is closed.
    pub async fn wait_beyond(&self, task: TaskId, after: Seq) {
        let mut subscription = self.subscribe();
        while !self.is_beyond(task, after).await {
            loop {
                match subscription.next_told().await {
                    Ok(Told::Event(committed)) => {
                        if committed.event.task_id == Some(task) && committed.event.seq >= after {
                            return;
                        }
                    }
                    Ok(Told::Gone(gone)) if gone == task => return,
                    Ok(Told::Gone(_) | Told::Partial(_)) => {}
                    Err(Heard::Lagged) => break,
                    Err(_) => return,
                }
            }
        }
    }

    /// Whether there is nothing to wait for; also when that cannot be told.
    async fn is_beyond(&self, task: TaskId, after: Seq) -> bool {
        self.read(move |queries| -> Result<bool, StoreError> {
            Ok(queries.last_event(task)?.is_some_and(|last| last >= after) || queries.task(task)?.is_none())
        })
        .await
        .unwrap_or(true)
    }

    /// Writes a consistent copy of the database into a new file while the server runs.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let (from, to) = (self.shared.readers.path().to_owned(), to.to_owned());
        blocking(move || opening::copy(&from, &to)).await
    }

    /// SQLite's own check of the whole database; the findings, empty when it is well.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub async fn integrity(&self) -> Result<Vec<String>, StoreError> {
        let path = self.shared.readers.path().to_owned();
        blocking(move || opening::findings(&path)).await
    }

    /// The whole state as text, the same for the same state: for tests, `doctor` and bug reports. Long texts are cut, and
    /// what may be a secret is left out.
    ///
    /// # Errors
    /// When something stored cannot be read.
    pub async fn dump(&self) -> Result<String, StoreError> {
        self.read(|queries| queries.dump()).await
    }

    /// Commits what waits and ends the writer. Later writes fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        let shared = Arc::clone(&self.shared);
        // Its only failure is a panic, and then there is no writer to wait for.
        drop(
            blocking(move || {
                shared.end();
                Ok(())
            })
            .await,
        );
    }
}

impl Shared {
    /// Ends the writer after what waits, and tells subscribers.
    fn end(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.readers.close_idle();
        // Work may hold the last clone of the store: then the writer ends by itself.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!("the writer of the database panicked");
        }
        self.hub.close();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs what may block on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(move || writer::caught(work)).await.unwrap_or(Err(StoreError::Closed))
}
