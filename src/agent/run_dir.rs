//! The folder of one run: the names of its files, and the small records in them.
//!
//! | file | holds | written by |
//! |---|---|---|
//! | `lock` | held while the supervisor lives | supervisor |
//! | `run.json` | who the supervisor and the agent are | supervisor, once |
//! | `spool` | the agent's standard output, byte by byte | supervisor, appending |
//! | `stderr`, `stderr.old` | the end of its standard error | supervisor |
//! | `delivered` | what was written whole to the agent | supervisor, appending |
//! | `exit.json` | how the agent ended | supervisor, by rename |
//! | `socket` | where the supervisor listens | supervisor |
//! | `supervisor.log` | what the supervisor complains about | supervisor |
//! | `mcp.json` | MCP servers of the agent | server, before the start |
//! | `checkpoints` | what the reader knew at some offsets of the spool | server |
//! | `abandoned` | forbids a supervisor that is late to start | server |
//!
//! All of them are for their owner alone.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StopGraces;
use crate::process::ProcessIdentity;

pub(super) const LOCK: &str = "lock";
pub(super) const RUN: &str = "run.json";
pub(super) const SPOOL: &str = "spool";
pub(super) const STDERR: &str = "stderr";
pub(super) const STDERR_OLD: &str = "stderr.old";
pub(super) const DELIVERED: &str = "delivered";
pub(super) const EXIT: &str = "exit.json";
pub(super) const SOCKET: &str = "socket";
pub(super) const SUPERVISOR_LOG: &str = "supervisor.log";
pub(super) const MCP: &str = "mcp.json";
pub(super) const CHECKPOINTS: &str = "checkpoints";
pub(super) const ABANDONED: &str = "abandoned";

/// How much of the end of standard error is told, in bytes.
pub(super) const STDERR_TAIL: u64 = 64 * 1024;

/// Who belongs to a run; written once its agent is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunRecord {
    pub run: Uuid,
    pub supervisor: ProcessIdentity,
    pub agent: ProcessIdentity,
    pub line_cap: usize,
    pub graces: StopGraces,
}

/// How an agent ended; written when everything that it said is in the spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExitRecord {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// Whether its end was asked for.
    pub ended: bool,
    /// Whether nobody was there to see its end.
    pub lost: bool,
}

/// What was written whole to an agent: its kind and its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DeliveryKey {
    /// A message, by the id of its input.
    Turn(String),
    /// An answer, by the id of the request.
    Answer(String),
}

impl DeliveryKey {
    fn into_id(self) -> String {
        match self {
            Self::Turn(id) | Self::Answer(id) => id,
        }
    }
}

/// Opens a file of a run for writing; nobody else may read it.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

/// Writes a record so that a reader sees all of it or nothing.
pub(super) fn write_record<T: Serialize>(dir: &Path, name: &str, record: &T) -> std::io::Result<()> {
    let unfinished = dir.join(format!("{name}.new"));
    let mut file = private().write(true).truncate(true).open(&unfinished)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, dir.join(name))?;
    File::open(dir)?.sync_all()
}

/// Reads a record; `None` if it was never written.
pub(super) fn read_record<T: DeserializeOwned>(dir: &Path, name: &str) -> std::io::Result<Option<T>> {
    match std::fs::read(dir.join(name)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What was delivered, in the order of delivery.
pub(super) fn delivered(dir: &Path) -> std::io::Result<Vec<DeliveryKey>> {
    let text = match std::fs::read_to_string(dir.join(DELIVERED)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // Only a line that a crash of the machine has torn cannot be read; its delivery was never answered.
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Ids of the inputs (turns, and answers by request id) that were written whole to the agent of a run.
///
/// # Errors
/// When the record exists and cannot be read.
pub fn delivered_inputs(run_dir: &Path) -> std::io::Result<BTreeSet<String>> {
    Ok(delivered(run_dir)?.into_iter().map(DeliveryKey::into_id).collect())
}

/// The end of what the agent wrote to standard error.
pub(super) fn stderr_tail(dir: &Path) -> String {
    let newest = tail(&dir.join(STDERR));
    let missing = usize::try_from(STDERR_TAIL).unwrap_or(usize::MAX) - newest.len();
    let mut older = tail(&dir.join(STDERR_OLD));
    older.drain(..older.len().saturating_sub(missing));
    older.extend(newest);
    String::from_utf8_lossy(&older).into_owned()
}

fn tail(path: &PathBuf) -> Vec<u8> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(STDERR_TAIL)))?;
        let mut bytes = Vec::new();
        file.take(STDERR_TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_of_the_deliveries_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(DELIVERED), "{\"turn\":\"a\"}\n{\"answer\":\"b\\nc\"}\n{\"turn\":\"d").unwrap();
        let ids: Vec<String> = delivered_inputs(dir.path()).unwrap().into_iter().collect();
        assert_eq!(ids, ["a", "b\nc"]);
    }

    #[test]
    fn a_run_without_deliveries_has_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(delivered_inputs(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn the_tail_of_standard_error_spans_both_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(STDERR_OLD), "x".repeat(70_000)).unwrap();
        std::fs::write(dir.path().join(STDERR), "end").unwrap();
        let tail = stderr_tail(dir.path());
        assert_eq!(tail.len() as u64, STDERR_TAIL);
        assert!(tail.ends_with("xend"));
    }

    #[test]
    fn a_record_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let record = ExitRecord { code: Some(1), signal: None, ended: false, lost: false };
        assert_eq!(read_record::<ExitRecord>(dir.path(), EXIT).unwrap(), None);
        write_record(dir.path(), EXIT, &record).unwrap();
        assert_eq!(read_record(dir.path(), EXIT).unwrap(), Some(record));
    }
}
