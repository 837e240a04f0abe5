//! Readers: a few connections that only read, used on threads that may block.

use super::{Queries, StoreError, opening::open_reader, writer::caught};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;

/// Connections that read at once.
const READERS: usize = 4;

/// The connections. They are opened when they are needed and kept.
pub(super) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, permits: Arc::new(Semaphore::new(READERS)), idle: Mutex::new(Vec::new()) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reads on a thread that may block; all of one reading sees the same moment of the database.
    pub(super) async fn read<T, E, F>(self: &Arc<Self>, work: F) -> Result<T, E>
    where
        F: FnOnce(&Queries<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return Err(StoreError::Closed.into());
        };
        let readers = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            let result = readers.read_here(work);
            drop(permit);
            result
        });
        reading.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    fn read_here<T, E: From<StoreError>>(&self, work: impl FnOnce(&Queries<'_>) -> Result<T, E>) -> Result<T, E> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = idle.map_or_else(|| open_reader(&self.path), Ok)?;
        execute(&conn, "BEGIN")?;
        let result = caught(|| work(&Queries::new(&conn)));
        // A connection that cannot end its transaction is not used again.
        if execute(&conn, "COMMIT").is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
        result
    }
}

fn execute(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}
