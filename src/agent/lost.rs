//! What to do when a supervisor is out of reach: see whether it lives, and end what it left.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::run_dir::{self, EXIT, ExitRecord, RunRecord};
use crate::process::RUN_MARKER;
use crate::process::tree::{self, Stat};

/// How often to look whether a process has gone.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How long a supervisor may take to leave once its run is over.
const LEAVING: Duration = Duration::from_secs(5);

/// Makes sure that nothing of a run is alive whose supervisor is out of reach, and that its end is recorded. A
/// supervisor that lives but cannot be spoken to is ended too: without it the agent has no owner.
pub(super) async fn settle(run_dir: &Path, record: &RunRecord) -> Vec<u32> {
    if has_exit_record(run_dir) {
        gone(record).await;
        return Vec::new();
    }
    let killed = kill_run(record.clone()).await;
    // It may have come to its end by itself in this very moment; its own record is the better one.
    if !has_exit_record(run_dir) {
        let exit = ExitRecord { code: None, signal: None, ended: false, lost: true };
        if let Err(error) = run_dir::write_record(run_dir, EXIT, &exit) {
            tracing::warn!(%error, dir = %run_dir.display(), "the end of a lost run cannot be recorded");
        }
    }
    killed
}

/// Whether the end of a run is recorded.
pub(super) fn has_exit_record(run_dir: &Path) -> bool {
    matches!(run_dir::read_record::<ExitRecord>(run_dir, EXIT), Ok(Some(_)))
}

/// Kills whatever is alive of a run, the supervisor last: while it lives, orphans fall to it and can be found.
pub(super) async fn kill_run(record: RunRecord) -> Vec<u32> {
    let killing = move || {
        let mut killed = tree::kill_all(|| members(&record), || ());
        if record.supervisor.is_alive()
            && let Some(stat) = Stat::read(record.supervisor.pid)
            && tree::signal(&stat, rustix::process::Signal::KILL)
        {
            killed.push(record.supervisor.pid);
        }
        killed.extend(tree::kill_all(|| members(&record), || ()));
        killed
    };
    tokio::task::spawn_blocking(killing).await.unwrap_or_default()
}

/// The living processes of a run without its supervisor.
fn members(record: &RunRecord) -> Vec<Stat> {
    let mut found: BTreeMap<u32, Stat> = BTreeMap::new();
    let mut add = |stats: Vec<Stat>| found.extend(stats.into_iter().map(|stat| (stat.pid, stat)));
    add(tree::marked(RUN_MARKER, OsStr::new(&record.run.to_string())));
    if record.supervisor.is_alive() {
        add(tree::descendants(record.supervisor.pid));
    }
    if record.agent.is_alive() {
        add(tree::descendants(record.agent.pid));
        add(tree::table().into_values().filter(|stat| stat.group == record.agent.pid).collect());
    }
    found.remove(&record.supervisor.pid);
    found.into_values().collect()
}

/// Waits until the supervisor of a run that is over has left.
pub(super) async fn gone(record: &RunRecord) {
    let begin = Instant::now();
    while record.supervisor.is_alive() && begin.elapsed() < LEAVING {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
