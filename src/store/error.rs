//! What can go wrong with the database, each with what to do.

use rusqlite::{ErrorCode, ffi};
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
    /// A row that was to be changed is gone: the table's word, for example `task`.
    #[error("the {0} is no longer there")]
    Missing(&'static str),
    /// A piece of work panicked: a fault of this program. Nothing of the work was kept.
    #[error("a step failed inside the program ({0}) and nothing of it was kept; please report it")]
    Panicked(String),
    /// Another failure of SQLite.
    #[error("the database failed: {0}")]
    Sqlite(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if is_out_of_room(&error) {
            return Self::Full;
        }
        match error {
            rusqlite::Error::FromSqlConversionFailure(_, _, source) => {
                Self::Unreadable { what: "value", detail: source.to_string() }
            }
            rusqlite::Error::InvalidColumnType(_, column, found) => {
                Self::Unreadable { what: "value", detail: format!("the column {column} has a value of type {found}") }
            }
            other => Self::Sqlite(other),
        }
    }
}

/// Whether SQLite failed because it could not write: a full disk or quota shows in either of these ways.
fn is_out_of_room(error: &rusqlite::Error) -> bool {
    let Some(code) = error.sqlite_error() else { return false };
    code.code == ErrorCode::DiskFull
        || [
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_IOERR_SHMSIZE,
            ffi::SQLITE_IOERR_SHMOPEN,
            ffi::SQLITE_IOERR_SHMMAP,
        ]
        .contains(&code.extended_code)
}

/// Whether SQLite says that the file is no database or is damaged.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Whether SQLite refused a row because one that must be unique is there already.
pub(super) fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|code| {
        [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY].contains(&code.extended_code)
    })
}

/// Whether SQLite refused a row because the one that it belongs to is not there.
pub(super) fn is_orphan(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|code| code.extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}
