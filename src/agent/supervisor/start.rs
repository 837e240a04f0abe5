//! Comes up: a session of its own, the run's files, the agent's process, and the word to the server.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use rustix::fs::Mode;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::run_dir::{self, RunRecord};
use super::wire::{Launch, Launched};
use super::{Agent, LINES_WAITING, Shared};
use crate::process::{ProcessIdentity, RUN_MARKER};

/// An agent that is up, and what to run its supervisor on.
pub(super) struct Started {
    pub(super) runtime: Runtime,
    pub(super) agent: Agent,
}

/// Starts the agent. `None` if it could not be started and the server was told so.
pub(super) fn start(dir: &Path) -> std::io::Result<Option<Started>> {
    rustix::process::setsid().ok();
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let mut launch = Vec::new();
    std::io::stdin().read_to_end(&mut launch)?;
    let launch: Launch = serde_json::from_slice(&launch)?;
    match bring_up(dir, launch) {
        Ok(started) => {
            tell(&Launched::Up);
            Ok(Some(started))
        }
        Err(reason) => {
            tell(&reason);
            Ok(None)
        }
    }
}

/// Tells the server, if it is still there, and closes standard output.
fn tell(launched: &Launched) {
    if let Ok(mut line) = serde_json::to_vec(launched) {
        line.push(b'\n');
        std::io::stdout().write_all(&line).and_then(|()| std::io::stdout().flush()).ok();
    }
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        rustix::stdio::dup2_stdout(&null).ok();
        rustix::stdio::dup2_stdin(&null).ok();
    }
}

fn bring_up(dir: &Path, launch: Launch) -> Result<Started, Launched> {
    let failed = |doing: &str| {
        let doing = doing.to_owned();
        move |error: std::io::Error| Launched::Failed(format!("cannot {doing}: {error}"))
    };
    // Sockets have short names, a run's folder may not.
    std::env::set_current_dir(dir).map_err(failed("enter the run's folder"))?;
    let lock = run_dir::private().write(true).open(run_dir::LOCK).map_err(failed("open the run's lock"))?;
    lock.try_lock().map_err(|error| Launched::Failed(format!("the run's folder is in use: {error}")))?;
    if Path::new(run_dir::ABANDONED).exists() || Path::new(run_dir::RUN).exists() {
        return Err(Launched::Failed("the run's folder was used before".to_owned()));
    }
    let before = rustix::process::umask(Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(run_dir::SOCKET);
    rustix::process::umask(before);
    let listener = listener.map_err(failed("open the run's socket"))?;
    let spool = run_dir::private().append(true).open(run_dir::SPOOL).map_err(failed("open the spool"))?;
    let record =
        run_dir::private().append(true).open(run_dir::DELIVERED).map_err(failed("open the record of deliveries"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed("set up"))?;
    let mut child = spawn(&launch)?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Launched::Failed("the agent has no pipes".to_owned()));
    };
    if let Err(error) = write_run_record(&launch, &child) {
        child.kill().ok();
        return Err(failed("write the run's record")(error));
    }
    let (lines_in, lines) = mpsc::channel(LINES_WAITING);
    let shared = Rc::new(Shared {
        run: launch.run,
        agent_pid: child.id(),
        graces: launch.graces,
        spooled: watch::Sender::new(0),
        exited: watch::Sender::new(None),
        over: watch::Sender::new(None),
        lines: lines_in,
        close_input: CancellationToken::new(),
        delivered: RefCell::new(BTreeSet::new()),
        tasks: TaskTracker::new(),
        ended_by: Cell::new(None),
    });
    Ok(Started { runtime, agent: Agent { shared, lines, stdin, stdout, stderr, spool, record, listener, _lock: lock } })
}

#[expect(clippy::disallowed_methods, reason = "the supervisor starts the agent")]
fn spawn(launch: &Launch) -> Result<Child, Launched> {
    let (program, args) = launch.argv.split_first().ok_or_else(|| Launched::Failed("no command".to_owned()))?;
    Command::new(program)
        .args(args)
        .env_clear()
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .env(RUN_MARKER, launch.run.to_string())
        .current_dir(&launch.cwd)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Launched::NoCommand { errno: error.raw_os_error().unwrap_or_default() })
}

fn write_run_record(launch: &Launch, child: &Child) -> std::io::Result<()> {
    let own = ProcessIdentity::of(std::process::id());
    // An agent that has ended already is a zombie until it is reaped, and has no start time any more.
    let agent = ProcessIdentity::of(child.id()).unwrap_or_else(|| ProcessIdentity {
        pid: child.id(),
        start_time: 0,
        boot_id: crate::process::boot_id(),
    });
    let supervisor = own.ok_or_else(|| std::io::Error::other("the system does not tell when a process began"))?;
    let record = RunRecord { run: launch.run, supervisor, agent, line_cap: launch.line_cap, graces: launch.graces };
    run_dir::write_record(Path::new("."), run_dir::RUN, &record)
}

/// Makes a run's folder, for its owner alone.
pub(in crate::agent) fn make_run_dir(dir: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
