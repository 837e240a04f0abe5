//! The process that owns one agent and outlives the server.
//!
//! It starts the agent, holds its pipes, writes all that it says to the spool, passes lines to it and records each that
//! was written whole, and ends it with everything that it started. It knows nothing of what the lines mean. It runs on
//! one thread and ends when the agent has ended and everything is written; a server that never comes back does not
//! matter to it.

mod connection;
mod deliver;
mod ending;
mod output;
mod start;
pub(super) mod wire;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::WaitOptions;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::run_dir::{self, ExitRecord};
use super::{EndMethod, StopGraces};
pub use run_dir::delivered_inputs;
pub(super) use start::make_run_dir;

/// How long a supervisor whose agent has ended waits for the server that launched it to come by for the first time.
const FIRST_VISIT: Duration = Duration::from_secs(5);

/// How long servers may take to read the last messages before the supervisor leaves.
const GOODBYE: Duration = Duration::from_secs(2);

/// How many lines to the agent may wait.
const LINES_WAITING: usize = 64;

/// Runs the supervisor of one run: the hidden subcommand `supervise RUN_DIR` of the binary. To be called before
/// anything else is set up. Reads what to start from standard input, which is why no argument holds it.
#[must_use]
pub fn main(run_dir: &Path) -> ExitCode {
    match start::start(run_dir) {
        Ok(Some(started)) => started.runtime.block_on(supervise(started.agent)),
        // The server was told why there is nothing to supervise.
        Ok(None) => return ExitCode::FAILURE,
        Err(error) => Err(error),
    }
    .map_or_else(
        |error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Status {
    code: Option<i32>,
    signal: Option<i32>,
}

/// What became of the run in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    method: EndMethod,
    killed: Vec<u32>,
}

/// What all tasks of the supervisor share. They run on one thread.
struct Shared {
    run: uuid::Uuid,
    agent_pid: u32,
    graces: StopGraces,
    /// Length of the spool.
    spooled: watch::Sender<u64>,
    /// How the agent ended, once it has.
    exited: watch::Sender<Option<Status>>,
    /// What became of the run, once all is written.
    over: watch::Sender<Option<Outcome>>,
    /// Lines to the agent.
    lines: mpsc::Sender<deliver::Line>,
    /// No further lines: what waits is written, then the agent's input is closed.
    close_input: CancellationToken,
    /// What has been delivered.
    delivered: RefCell<BTreeSet<run_dir::DeliveryKey>>,
    /// Owns all tasks. What has begun goes on when the server that asked for it is gone.
    tasks: TaskTracker,
    /// What it took to end the agent, if that was asked for.
    ended_by: Cell<Option<EndMethod>>,
}

impl Shared {
    /// Takes the status of every child that has ended: the agent, and strays that became children when their parents
    /// died.
    fn reap(&self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if u32::try_from(pid.as_raw_nonzero().get()) == Ok(self.agent_pid) {
                let status = Status { code: status.exit_status(), signal: status.terminating_signal() };
                self.exited.send_replace(Some(status));
            }
        }
    }
}

/// Everything of an agent that is up.
struct Agent {
    shared: Rc<Shared>,
    lines: mpsc::Receiver<deliver::Line>,
    stdin: std::process::ChildStdin,
    stdout: std::process::ChildStdout,
    stderr: std::process::ChildStderr,
    spool: std::fs::File,
    record: std::fs::File,
    listener: std::os::unix::net::UnixListener,
    /// Held as long as the supervisor lives.
    _lock: std::fs::File,
}

/// Owns the agent until everything of it is over and recorded.
async fn supervise(agent: Agent) -> std::io::Result<()> {
    let tasks = LocalSet::new();
    tasks.run_until(own(agent)).await
}

async fn own(agent: Agent) -> std::io::Result<()> {
    let Agent { shared, lines, stdin, stdout, stderr, spool, record, listener, _lock } = agent;
    let tracker = shared.tasks.clone();
    let mut children = signal(SignalKind::child())?;
    let mut terminate = signal(SignalKind::terminate())?;
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    let drained = CancellationToken::new();
    tracker.spawn_local(deliver::write_lines(shared.clone(), lines, stdin.into(), record));
    let spooling = tracker.spawn_local(output::spool(shared.clone(), stdout.into(), spool, drained.clone()));
    tracker.spawn_local(output::keep_stderr(stderr.into(), drained.clone()));
    // It may have ended before anyone listened for the signal.
    shared.reap();
    let mut exited = shared.exited.subscribe();
    let mut visited = false;
    loop {
        tokio::select! {
            _ = children.recv() => shared.reap(),
            _ = terminate.recv() => {
                tracker.spawn_local(ending::end(shared.clone(), shared.graces));
            }
            Ok((stream, _)) = listener.accept() => {
                visited = true;
                tracker.spawn_local(connection::serve(shared.clone(), stream));
            }
            _ = exited.wait_for(Option::is_some) => break,
        }
    }
    let outcome = ending::clean_up(&shared, spooling, &drained).await;
    let status = shared.exited.borrow().unwrap_or(Status { code: None, signal: None });
    let record =
        ExitRecord { code: status.code, signal: status.signal, ended: shared.ended_by.get().is_some(), lost: false };
    output::persist("the exit record", || run_dir::write_record(Path::new("."), run_dir::EXIT, &record)).await;
    shared.over.send_replace(Some(outcome));
    // An agent that leaves at once must not be quicker than the server that launched it and is on its way here.
    if !visited && let Ok(Ok((stream, _))) = tokio::time::timeout(FIRST_VISIT, listener.accept()).await {
        tracker.spawn_local(connection::serve(shared.clone(), stream));
    }
    std::fs::remove_file(run_dir::SOCKET).ok();
    drop(listener);
    tracker.close();
    tokio::time::timeout(GOODBYE, tracker.wait()).await.ok();
    Ok(())
}
