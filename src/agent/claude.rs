//! Claude Code as an [`crate::agent::Agent`].

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::handle::RunHandle;
use super::link::{Link, Progress, RunState};
use super::run_dir::{self, ABANDONED, LOCK, MCP, RUN, RunRecord, SUPERVISOR_LOG};
use super::spool::SpoolReader;
use super::supervisor::make_run_dir;
use super::supervisor::wire::{Launch, Launched};
use super::{
    Agent, AgentError, AgentEvent, AgentRun, AskAnswer, AskSpec, EVENT_BUFFER, LaunchSpec, Reattached, ask,
    command_line, lost,
};

/// How long a supervisor may take to come up.
const COMING_UP: Duration = Duration::from_secs(20);

/// How long a supervisor that lives may take to be ready to speak.
const READY: Duration = Duration::from_secs(5);

/// How often to look whether it is.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Claude Code.
#[derive(Debug, Clone, Default)]
pub struct ClaudeCode;

#[async_trait]
impl Agent for ClaudeCode {
    async fn launch(&self, spec: LaunchSpec) -> Result<AgentRun, AgentError> {
        if !spec.cwd.is_dir() {
            return Err(AgentError::MissingDirectory(spec.cwd));
        }
        let launch = prepare(&spec)?;
        let mut supervisor = start_supervisor(&spec, &launch).await?;
        let up = tokio::time::timeout(COMING_UP, coming_up(&mut supervisor, &spec)).await;
        if let Err(error) = up.unwrap_or_else(|_| Err(AgentError::Supervisor("it did not come up".to_owned()))) {
            supervisor.kill().await.ok();
            let run = OsString::from(spec.run.to_string());
            let kill = move || crate::process::tree::kill_marked(crate::process::RUN_MARKER, &run);
            tokio::task::spawn_blocking(kill).await.ok();
            return Err(error);
        }
        // The runtime reaps it when it leaves.
        drop(supervisor);
        let record = run_dir::read_record::<RunRecord>(&spec.run_dir, RUN)
            .map_err(io_error("read", &spec.run_dir.join(RUN)))?
            .ok_or_else(|| AgentError::Supervisor("it left no record".to_owned()))?;
        attach(&spec.run_dir, record, 0).await
    }

    async fn reattach(&self, run_dir: &Path, from_offset: u64) -> Result<Reattached, AgentError> {
        let Some(record) = find_record(run_dir).await? else {
            return Ok(Reattached::Unknown);
        };
        let begin = Instant::now();
        while record.supervisor.is_alive() && !lost::has_exit_record(run_dir) && begin.elapsed() < READY {
            match attach(run_dir, record.clone(), from_offset).await {
                Ok(run) => return Ok(Reattached::Running(run)),
                // It may be leaving in this moment.
                Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
        lost::settle(run_dir, &record).await;
        ended(run_dir, record, from_offset).map(Reattached::Ended)
    }

    async fn ask(&self, spec: AskSpec, cancel: CancellationToken) -> Result<AskAnswer, AgentError> {
        ask::ask(spec, cancel).await
    }

    async fn version(&self, command: &[OsString]) -> Result<String, AgentError> {
        ask::version(command).await
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AgentError {
    let path = path.to_owned();
    move |source| AgentError::Io { doing, path, source }
}

/// Makes the run's folder with what must lie in it before the start.
fn prepare(spec: &LaunchSpec) -> Result<Launch, AgentError> {
    make_run_dir(&spec.run_dir).map_err(io_error("make", &spec.run_dir))?;
    let run_dir = std::path::absolute(&spec.run_dir).map_err(io_error("resolve", &spec.run_dir))?;
    let mcp_config = (!spec.mcp_servers.is_empty()).then(|| run_dir.join(MCP));
    if let Some(path) = &mcp_config {
        let text = json!({"mcpServers": spec.mcp_servers}).to_string();
        let file = run_dir::private().write(true).truncate(true).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(io_error("write", path))?;
    }
    Ok(Launch {
        run: spec.run,
        argv: command_line::conversation(spec, mcp_config.as_deref()),
        cwd: std::path::absolute(&spec.cwd).map_err(io_error("resolve", &spec.cwd))?,
        env: spec.env.clone().into_iter().collect(),
        graces: spec.graces,
        line_cap: spec.line_cap,
    })
}

/// Starts the supervisor and gives it what to launch.
async fn start_supervisor(spec: &LaunchSpec, launch: &Launch) -> Result<Child, AgentError> {
    let log_path = spec.run_dir.join(SUPERVISOR_LOG);
    let log = run_dir::private().append(true).open(&log_path).map_err(io_error("open", &log_path))?;
    let failed = |error: io::Error| AgentError::Supervisor(format!("`{}`: {error}", spec.supervisor.display()));
    #[expect(clippy::disallowed_methods, reason = "the supervisor is started here, and ends by itself")]
    let mut child = Command::new(&spec.supervisor)
        .arg("supervise")
        .arg(&spec.run_dir)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(failed)?;
    let text = serde_json::to_vec(launch).map_err(|error| AgentError::Supervisor(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // If it breaks off, its own word or silence tells why.
        stdin.write_all(&text).await.ok();
        stdin.shutdown().await.ok();
    }
    Ok(child)
}

/// Waits for the supervisor's word.
async fn coming_up(supervisor: &mut Child, spec: &LaunchSpec) -> Result<(), AgentError> {
    let mut line = String::new();
    if let Some(stdout) = supervisor.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).await.ok();
    }
    match serde_json::from_str(&line) {
        Ok(Launched::Up) => Ok(()),
        Ok(Launched::NoCommand { errno }) => {
            let command = spec.command.first().map(|program| program.to_string_lossy().into_owned());
            Err(AgentError::MissingBinary {
                command: command.unwrap_or_default(),
                source: io::Error::from_raw_os_error(errno),
            })
        }
        Ok(Launched::Failed(reason)) => Err(AgentError::Supervisor(reason)),
        Err(_) => Err(AgentError::Supervisor("it left without a word".to_owned())),
    }
}

/// Connects to a supervisor that is up and begins to read its spool.
async fn attach(run_dir: &Path, record: RunRecord, from_offset: u64) -> Result<AgentRun, AgentError> {
    let tasks = TaskTracker::new();
    let progress = watch::Sender::new(Progress { spooled: 0, state: RunState::Open });
    let watching = progress.subscribe();
    let link = match Link::connect(run_dir, &tasks, progress).await {
        Ok(link) => link,
        Err(error) => return Err(AgentError::Supervisor(error.to_string())),
    };
    let (tell, events) = mpsc::channel(EVENT_BUFFER);
    let reader = SpoolReader::open(run_dir, record.clone(), from_offset, tell)
        .map_err(io_error("read", &run_dir.join(run_dir::SPOOL)))?
        .with_link(link.clone());
    let responses = reader.responses();
    // Both tasks end with the supervisor, or when the run is dropped.
    tasks.spawn(reader.run(watching.clone()));
    let handle = RunHandle { run_dir: run_dir.to_owned(), record, link, responses, progress: watching };
    Ok(AgentRun { handle: Arc::new(handle), events })
}

/// Tells what is left of a run that is over.
fn ended(run_dir: &Path, record: RunRecord, from_offset: u64) -> Result<mpsc::Receiver<AgentEvent>, AgentError> {
    let (tell, events) = mpsc::channel(EVENT_BUFFER);
    let reader = SpoolReader::open(run_dir, record, from_offset, tell)
        .map_err(io_error("read", &run_dir.join(run_dir::SPOOL)))?;
    let over = watch::Sender::new(Progress { spooled: 0, state: RunState::Over });
    TaskTracker::new().spawn(reader.run(over.subscribe()));
    Ok(events)
}

/// The record of a run. While a supervisor is coming up it is waited for; where none is, none may come up later.
async fn find_record(run_dir: &Path) -> Result<Option<RunRecord>, AgentError> {
    if !run_dir.is_dir() {
        return Ok(None);
    }
    let path = run_dir.join(LOCK);
    let begin = Instant::now();
    loop {
        let record = run_dir::read_record::<RunRecord>(run_dir, RUN).map_err(io_error("read", &run_dir.join(RUN)))?;
        if record.is_some() {
            return Ok(record);
        }
        let lock = run_dir::private().write(true).open(&path).map_err(io_error("open", &path))?;
        if lock.try_lock().is_ok() {
            return abandon(run_dir, &lock);
        }
        if begin.elapsed() > COMING_UP {
            return Err(AgentError::Supervisor("it holds the run's folder and did not come up".to_owned()));
        }
        drop(lock);
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Under the lock: a supervisor that was quicker has left its record, a later one finds that it must not start.
fn abandon(run_dir: &Path, _lock: &File) -> Result<Option<RunRecord>, AgentError> {
    let record = run_dir::read_record::<RunRecord>(run_dir, RUN).map_err(io_error("read", &run_dir.join(RUN)))?;
    if record.is_none() {
        let path = run_dir.join(ABANDONED);
        run_dir::private().write(true).open(&path).map_err(io_error("write", &path))?;
    }
    Ok(record)
}
