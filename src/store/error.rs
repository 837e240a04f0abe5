//! What can go wrong with the database, each with what to do.

use std::path::PathBuf;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database was written by a later version.
    #[error(
        "the database {path} has version {found} and this program knows versions up to {known}; run the later program, or restore a backup"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The latest that is known here.
        known: u32,
    },
    /// The file is no database, or is damaged.
    #[error("the database {path} is damaged: {detail}; restore a backup, or see what `taskwright doctor` says")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The disk has no room.
    #[error("the disk that holds the data directory is full; nothing of this was kept: make room and try again")]
    Full,
    /// The file or folder cannot be used.
    #[error("cannot open the database {path}: {detail}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// A row that must be unique is there already: the table's words, for example `task name`.
    #[error("there is a {0} of that name already")]
    Taken(&'static str),
    /// A stored value could not be read.
    #[error("a stored {what} could not be read: {detail}")]
    Unreadable {
        /// What.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// The writer has ended.
    #[error("the database is closed: the server is stopping")]
    Closed,
    /// Another failure of SQLite.
    #[error("the database failed: {0}")]
    Sqlite(#[source] rusqlite::Error),
}
