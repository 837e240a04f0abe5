//! Opening: the file and its mode, what is refused and with which words, migrations, settings of connections.

use super::{StoreError, error::is_damage, queries::add_functions};
use include_dir::{Dir, include_dir};
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::Migrations;
use std::{
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

/// The database's name in the data directory.
const FILE_NAME: &str = "taskwright.db";

/// How the file tells that it is this program's: the last migration line sets it.
const APPLICATION_ID: i64 = 0x5457_7274;

/// Up to this size a file is checked whole when it is opened; a greater one would hold up the start.
const CHECKED_BYTES: u64 = 32 * 1024 * 1024;

/// How long a connection waits for another program that holds the file.
const BUSY: Duration = Duration::from_secs(5);

static MIGRATION_FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| {
    Migrations::from_directory(&MIGRATION_FILES)
        .expect("the folder `migrations` is checked by a test to be well-formed")
});

/// The file of a data directory, or the path itself if it is no directory.
pub(super) fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() }
}

/// The version of the schema that this program writes.
pub(super) fn known_version() -> u32 {
    u32::try_from(MIGRATION_FILES.dirs().count()).unwrap_or(u32::MAX)
}

/// Opens the writer's connection: makes the file if there is none, checks it, and brings its schema up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    make_private(path).map_err(|error| io_error(path, &error))?;
    let mut conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE,
    )
    .map_err(|error| refusal(path, error))?;
    prepare_writer(&mut conn, path).map_err(|error| match error {
        StoreError::Sqlite(error) => refusal(path, error),
        other => other,
    })?;
    Ok(conn)
}

fn prepare_writer(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    conn.busy_timeout(BUSY)?;
    check(conn, path)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    migrate(conn, path)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "cache_size", -2048)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    conn.set_prepared_statement_cache_capacity(96);
    add_functions(conn)?;
    Ok(())
}

/// Opens a connection that reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE,
    )?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "cache_size", -1024)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.set_prepared_statement_cache_capacity(64);
    add_functions(&conn)?;
    Ok(conn)
}

/// Makes the file if there is none, and lets nobody but its owner read it. SQLite gives its `-wal` and `-shm` the same
/// mode.
fn make_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(mode & 0o700))?;
    }
    Ok(())
}

/// Refuses a file that is another program's, of a later version, or damaged.
fn check(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let number = |pragma: &str| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let version = number("user_version")?;
    let known = known_version();
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && number("application_id")? != APPLICATION_ID {
        return Err(StoreError::Io {
            path: path.to_owned(),
            detail: "it is the database of another program; name another file".to_owned(),
        });
    }
    if version > i64::from(known) {
        let found = u32::try_from(version).unwrap_or(u32::MAX);
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if tables > 0 && size <= CHECKED_BYTES {
        let finding: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if finding != "ok" {
            return Err(StoreError::Damaged { path: path.to_owned(), detail: finding.replace('\n', " ") });
        }
    }
    Ok(())
}

fn migrate(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    MIGRATIONS.to_latest(conn).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
        other => StoreError::Io { path: path.to_owned(), detail: other.to_string() },
    })
}

/// Copies the database at one moment into a new file, which is its owner's alone.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Io {
                path: to.to_owned(),
                detail: "there is a file of that name already; a backup goes into a new one".to_owned(),
            },
            _ => io_error(to, &error),
        })?;
    let copied = open_reader(from).and_then(|conn| {
        conn.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
        file.sync_all().map_err(|error| io_error(to, &error))
    });
    if copied.is_err() {
        // Half a copy helps nobody; the failure that is told is the first one.
        drop(fs::remove_file(to));
    }
    copied
}

/// What SQLite finds when it checks the whole database.
pub(super) fn findings(path: &Path) -> Result<Vec<String>, StoreError> {
    let conn = open_reader(path)?;
    let mut findings = conn
        .prepare("PRAGMA integrity_check")?
        .query_map([], |row| row.get::<_, String>(0))?
        .filter(|finding| !finding.as_ref().is_ok_and(|text| text == "ok"))
        .collect::<Result<Vec<_>, _>>()?;
    let orphans = conn
        .prepare("PRAGMA foreign_key_check")?
        .query_map([], |row| {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            Ok(format!("a row of `{table}` belongs to a row of `{parent}` that is not there"))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    findings.extend(orphans);
    Ok(findings)
}

fn io_error(path: &Path, error: &io::Error) -> StoreError {
    let detail = match error.kind() {
        io::ErrorKind::NotFound => "its folder is not there; make it first".to_owned(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => return StoreError::Full,
        _ => error.to_string(),
    };
    StoreError::Io { path: path.to_owned(), detail }
}

/// What SQLite's failure to open means.
fn refusal(path: &Path, error: rusqlite::Error) -> StoreError {
    if is_damage(&error) {
        return StoreError::Damaged { path: path.to_owned(), detail: error.to_string() };
    }
    StoreError::Io { path: path.to_owned(), detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_well_formed_and_numbered_without_a_gap() {
        MIGRATIONS.validate().expect("every migration applies");
        for number in 1..=known_version() {
            let prefix = format!("{number:02}-");
            assert!(
                MIGRATION_FILES.dirs().any(|dir| dir.path().to_string_lossy().starts_with(&prefix)),
                "there is no migration {number}"
            );
        }
    }
}
