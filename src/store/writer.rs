//! The writer: one thread that groups what waits into one commit.
//!
//! Each piece of work has a savepoint of its own inside the group's transaction. When the group is on the disk, and not
//! before, subscribers are told in the order of the log and then the callers get their answers.

use super::{
    Now, StoreError, Tx,
    live::{Hub, Told},
};
use rusqlite::Connection;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// Pieces of work that may wait; a caller beyond them waits for a place.
pub(super) const WAITING: usize = 1024;

/// Pieces of work in one commit at most.
const GROUP: usize = 256;

/// How long a group is worked on before it is committed, so that the first caller does not wait for the last.
const GROUP_TIME: Duration = Duration::from_millis(20);

/// A wait in the queue that an operator should see.
const LONG_WAIT: Duration = Duration::from_millis(500);

/// A piece of work with its caller.
pub(super) trait Work: Send {
    /// Does it; whether its writes are to be kept. Does not unwind.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Answers the caller: what the work said, or why nothing of it was kept.
    fn answer(self: Box<Self>, kept: Result<(), StoreError>);
}

/// A closure with the place where its result is awaited.
pub(super) struct Piece<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Piece<T, E, F> {
    pub(super) fn new(work: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (caller, answer) = oneshot::channel();
        (Self { work: Some(work), result: None, caller }, answer)
    }
}

impl<T, E, F> Work for Piece<T, E, F>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let result = caught(|| work(tx));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, kept: Result<(), StoreError>) {
        let result = match kept {
            Ok(()) => self.result.unwrap_or_else(|| Err(StoreError::Closed.into())),
            Err(error) => Err(error.into()),
        };
        // A caller that no longer waits does not want to know.
        drop(self.caller.send(result));
    }
}

/// What `work` says; a panic in it is an error.
pub(super) fn caught<T, E: From<StoreError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without words".to_owned());
        Err(StoreError::Panicked(words).into())
    })
}

/// A piece of work that waits.
pub(super) struct Job {
    pub(super) work: Box<dyn Work>,
    pub(super) queued: Instant,
}

/// What the writer tells of itself while it works.
#[derive(Default)]
pub(super) struct Gauges {
    tasks_version: AtomicU64,
    commits: AtomicU64,
    works: AtomicU64,
    waited_us: AtomicU64,
    longest_wait_us: AtomicU64,
}

/// What the writer did since the store was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WriterFigures {
    /// Commits.
    pub commits: u64,
    /// Pieces of work that were done.
    pub works: u64,
    /// Microseconds that work waited in the queue, all together.
    pub waited_us: u64,
    /// The longest such wait, in microseconds.
    pub longest_wait_us: u64,
}

impl Gauges {
    pub(super) fn tasks_version(&self) -> u64 {
        self.tasks_version.load(Ordering::Acquire)
    }

    pub(super) fn figures(&self) -> WriterFigures {
        WriterFigures {
            commits: self.commits.load(Ordering::Relaxed),
            works: self.works.load(Ordering::Relaxed),
            waited_us: self.waited_us.load(Ordering::Relaxed),
            longest_wait_us: self.longest_wait_us.load(Ordering::Relaxed),
        }
    }

    fn taken(&self, queued: Instant) {
        let wait = queued.elapsed();
        if wait > LONG_WAIT {
            tracing::warn!(
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "a write waited long for its turn: the disk is slow or busy"
            );
        }
        let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.works.fetch_add(1, Ordering::Relaxed);
        self.waited_us.fetch_add(wait, Ordering::Relaxed);
        self.longest_wait_us.fetch_max(wait, Ordering::Relaxed);
    }
}

/// The thread's state.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) hub: Arc<Hub>,
    pub(super) gauges: Arc<Gauges>,
    pub(super) now: Now,
}

/// What was done in the present transaction.
#[derive(Default)]
struct Group {
    /// Work whose writes are kept if the commit succeeds.
    kept: Vec<Box<dyn Work>>,
    /// Work that was undone. It is answered with the others: what it saw of them must be on the disk first.
    undone: Vec<Box<dyn Work>>,
    told: Vec<Told>,
    tasks_changed: bool,
}

impl Group {
    fn answer(self, kept: impl Fn() -> Result<(), StoreError>) {
        for work in self.kept {
            work.answer(kept());
        }
        for work in self.undone {
            work.answer(Ok(()));
        }
    }
}

impl Writer {
    /// Works until every sender is gone and nothing waits.
    pub(super) fn run(mut self) {
        while let Some(first) = self.jobs.blocking_recv() {
            self.work_group(first);
        }
        // The write-ahead log is folded into the database, so that a copy of the one file is whole.
        if let Err(error) = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::debug!(%error, "the last checkpoint was not made");
        }
    }

    fn work_group(&mut self, first: Job) {
        let began = Instant::now();
        let mut group = Group::default();
        let mut next = Some(first);
        let mut count = 0;
        while let Some(job) = next.take() {
            self.gauges.taken(job.queued);
            self.work(job.work, &mut group);
            count += 1;
            if count < GROUP && began.elapsed() < GROUP_TIME {
                next = self.jobs.try_recv().ok();
            }
        }
        self.commit(group);
    }

    /// Does one piece of work in a savepoint of its own.
    fn work(&self, mut work: Box<dyn Work>, group: &mut Group) {
        if let Err(error) = self.begin() {
            return work.answer(Err(error.into()));
        }
        let mut tx = Tx::new(&self.conn, (self.now)());
        let keep = work.run(&mut tx);
        let changes = tx.into_changes();
        if self.conn.is_autocommit() {
            return self.lost(work, keep, group);
        }
        match self.end(keep) {
            Ok(()) if keep => {
                group.kept.push(work);
                group.told.extend(changes.told);
                group.tasks_changed |= changes.tasks;
            }
            Ok(()) => group.undone.push(work),
            Err(_) if self.conn.is_autocommit() => self.lost(work, keep, group),
            Err(error) => {
                let undone = self.end(false);
                tracing::warn!(%error, ?undone, "a piece of work could not be kept");
                work.answer(Err(error.into()));
            }
        }
    }

    /// A full disk made SQLite undo the whole transaction: nothing of the group is kept.
    fn lost(&self, work: Box<dyn Work>, keep: bool, group: &mut Group) {
        let lost = std::mem::take(group);
        tracing::error!(works = lost.kept.len(), "the disk is full: a group of writes was undone");
        lost.answer(|| Err(StoreError::Full));
        work.answer(if keep { Err(StoreError::Full) } else { Ok(()) });
    }

    fn begin(&self) -> rusqlite::Result<()> {
        if self.conn.is_autocommit() {
            self.execute("BEGIN IMMEDIATE")?;
        }
        self.execute("SAVEPOINT work")
    }

    fn end(&self, keep: bool) -> rusqlite::Result<()> {
        if !keep {
            self.execute("ROLLBACK TO work")?;
        }
        self.execute("RELEASE work")
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.conn.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Commits, tells, answers: in this order.
    fn commit(&self, mut group: Group) {
        if self.conn.is_autocommit() {
            return group.answer(|| Ok(()));
        }
        if let Err(error) = self.execute("COMMIT") {
            if !self.conn.is_autocommit()
                && let Err(error) = self.execute("ROLLBACK")
            {
                tracing::error!(%error, "a group of writes could be neither kept nor undone");
            }
            tracing::error!(%error, works = group.kept.len(), "a group of writes was undone");
            return group.answer(|| Err(again(&error)));
        }
        self.gauges.commits.fetch_add(1, Ordering::Relaxed);
        if group.tasks_changed {
            self.gauges.tasks_version.fetch_add(1, Ordering::Release);
        }
        self.hub.publish(std::mem::take(&mut group.told));
        group.answer(|| Ok(()));
    }
}

/// The same failure for one more caller.
fn again(error: &rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::SqliteFailure(code, words) => rusqlite::Error::SqliteFailure(*code, words.clone()).into(),
        other => StoreError::Panicked(other.to_string()),
    }
}
