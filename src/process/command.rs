//! Runs one command to its end, with limits on time and output, and leaves nothing behind.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

use super::output::{CommandOutput, Keeper, OutputStream};
use super::tree::Tree;

/// How long a tree may take to leave after `SIGTERM` when the time is up or the command is cancelled.
const TERM_GRACE: Duration = Duration::from_secs(1);

/// How long output may stay open after the command's own end before those who hold it are looked for: a child that
/// is just ending is no leak.
const LEAK_GRACE: Duration = Duration::from_millis(100);

/// How long to read on once everyone that could be found is dead.
const DRAIN_GRACE: Duration = Duration::from_millis(500);

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A program and its arguments; no shell is involved.
    Argv(Vec<OsString>),
    /// A text for `sh -c`.
    Shell(String),
}

/// A command and its limits.
#[derive(Debug, Clone)]
pub struct CommandSpec {
    /// What to run.
    pub program: Program,
    /// Where.
    pub cwd: PathBuf,
    /// The complete environment.
    pub env: BTreeMap<OsString, OsString>,
    /// What it reads on standard input; nothing by default.
    pub stdin: Vec<u8>,
    /// Longest time it may take.
    pub time_limit: Duration,
    /// How much of its output is kept, in bytes: the first and the last half of it.
    pub output_limit: usize,
    /// Whether standard error is kept apart instead of joined to the output in the order written.
    pub separate_stderr: bool,
    /// Ends it early.
    pub cancel: CancellationToken,
}

/// Receives output as it comes: which stream, and the bytes. Called for all output, also beyond the limit. It must not
/// block.
pub type OutputSink<'a> = &'a mut (dyn FnMut(OutputStream, &[u8]) + Send);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandStatus {
    /// By itself, with this exit status.
    Exited(i32),
    /// By a signal that did not come from here.
    Signalled(i32),
    /// It took too long and was killed.
    TimedOut,
    /// It was cancelled and killed.
    Cancelled,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    /// How it ended.
    pub status: CommandStatus,
    /// What it wrote; with standard error in it unless that was kept apart.
    pub output: CommandOutput,
    /// What it wrote to standard error, if that was kept apart.
    pub stderr: CommandOutput,
    /// Wall time.
    pub duration: Duration,
    /// Processes that it left behind and that were killed.
    pub leaked: Vec<u32>,
}

impl CommandOutcome {
    /// Whether it ended by itself with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == CommandStatus::Exited(0)
    }
}

/// Why a command could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Nothing was given to run.
    #[error("there is no command to run")]
    Empty,
    /// The folder is not there.
    #[error("the folder {0} does not exist")]
    MissingDirectory(PathBuf),
    /// The program could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its output or end could not be read.
    #[error("lost track of `{program}`: {source}")]
    Lost {
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Runs a command to its end and ends everything that it started.
///
/// The tree is ended when the time is up, on `cancel`, and, should it have left something, after its own end. A
/// process that keeps the output open after that does not delay the result; it is named in
/// [`CommandOutcome::leaked`]. Dropping the future kills the tree as well.
///
/// # Errors
/// [`CommandError`] when it cannot be started at all; how it ended is no error.
pub async fn run_command(spec: CommandSpec, sink: Option<OutputSink<'_>>) -> Result<CommandOutcome, CommandError> {
    let begin = Instant::now();
    let name = program_name(&spec.program)?;
    let lost = |source| CommandError::Lost { program: name.clone(), source };
    let (mut child, mut pipes, tree) = start(&spec, &name)?;
    let mut collected = Collected::new(&spec, sink);
    let feed = feed(child.stdin.take(), &spec.stdin);
    tokio::pin!(feed);
    let deadline = tokio::time::sleep(spec.time_limit);
    tokio::pin!(deadline);
    let early = loop {
        tokio::select! {
            (stream, length) = pipes.next(), if pipes.is_open() => collected.push(&pipes, stream, length),
            never = &mut feed => match never {},
            status = child.wait() => {
                status.map_err(lost)?;
                break None;
            }
            () = &mut deadline => break Some(CommandStatus::TimedOut),
            () = spec.cancel.cancelled() => break Some(CommandStatus::Cancelled),
        }
    };
    if early.is_some() {
        tree.signal(Signal::TERM);
        drain(&mut pipes, &mut collected, &mut child, TERM_GRACE).await;
    } else {
        drain(&mut pipes, &mut collected, &mut child, LEAK_GRACE).await;
    }
    let killed = tree.kill().await;
    drain(&mut pipes, &mut collected, &mut child, DRAIN_GRACE).await;
    let own = status_of(child.wait().await.map_err(lost)?);
    let leaked = if early.is_none() { killed } else { Vec::new() };
    Ok(collected.finish(early.unwrap_or(own), leaked, begin.elapsed()))
}

fn program_name(program: &Program) -> Result<String, CommandError> {
    match program {
        Program::Argv(argv) => argv
            .first()
            .filter(|name| !name.is_empty())
            .map(|name| name.to_string_lossy().into_owned())
            .ok_or(CommandError::Empty),
        Program::Shell(text) if text.trim().is_empty() => Err(CommandError::Empty),
        Program::Shell(_) => Ok("sh".to_owned()),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one home of commands")]
fn start(spec: &CommandSpec, name: &str) -> Result<(Child, Pipes, Tree), CommandError> {
    if !spec.cwd.is_dir() {
        return Err(CommandError::MissingDirectory(spec.cwd.clone()));
    }
    let failed = |source| CommandError::Start { program: name.to_owned(), source };
    let marker = uuid::Uuid::new_v4().to_string();
    let (stdout, out) = std::io::pipe().map_err(failed)?;
    let (stderr, err) = if spec.separate_stderr {
        let (stderr, err) = std::io::pipe().map_err(failed)?;
        (Some(stderr), err)
    } else {
        (None, out.try_clone().map_err(failed)?)
    };
    let mut command = match &spec.program {
        Program::Argv(argv) => {
            let mut command = Command::new(name_of(argv));
            command.args(argv.iter().skip(1));
            command
        }
        Program::Shell(text) => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(text);
            command
        }
    };
    command
        .env_clear()
        .envs(&spec.env)
        .env(super::RUN_MARKER, &marker)
        .current_dir(&spec.cwd)
        .process_group(0)
        .stdin(if spec.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(out)
        .stderr(err);
    let child = command.spawn().map_err(failed)?;
    // Our own copies of the write ends go with `command`; while they are open, the output never ends.
    drop(command);
    let tree = Tree::new(child.id().unwrap_or_default(), marker.into());
    let pipes = Pipes::new(stdout.into(), stderr.map(Into::into)).map_err(failed)?;
    Ok((child, pipes, tree))
}

fn name_of(argv: &[OsString]) -> OsString {
    argv.first().cloned().unwrap_or_default()
}

/// Writes all of standard input, closes it, and then rests. A program that does not read it is no failure.
async fn feed(stdin: Option<ChildStdin>, bytes: &[u8]) -> Infallible {
    if let Some(mut stdin) = stdin
        && stdin.write_all(bytes).await.is_ok()
    {
        stdin.shutdown().await.ok();
    }
    std::future::pending().await
}

/// Reads on until all output is closed and the program has ended, but not for longer than `limit`.
async fn drain(pipes: &mut Pipes, collected: &mut Collected<'_>, child: &mut Child, limit: Duration) {
    let rest = async {
        while pipes.is_open() {
            let (stream, length) = pipes.next().await;
            collected.push(pipes, stream, length);
        }
        child.wait().await.ok();
    };
    tokio::time::timeout(limit, rest).await.ok();
}

fn status_of(status: ExitStatus) -> CommandStatus {
    match (status.code(), status.signal()) {
        (Some(code), _) => CommandStatus::Exited(code),
        (None, signal) => CommandStatus::Signalled(signal.unwrap_or_default()),
    }
}

/// The reading ends of the program's output. A `None` is closed.
struct Pipes {
    stdout: Option<Receiver>,
    stderr: Option<Receiver>,
    stdout_chunk: Vec<u8>,
    stderr_chunk: Vec<u8>,
}

impl Pipes {
    fn new(stdout: OwnedFd, stderr: Option<OwnedFd>) -> std::io::Result<Self> {
        let stderr_chunk = vec![0; if stderr.is_some() { CHUNK } else { 0 }];
        Ok(Self {
            stdout: Some(Receiver::from_owned_fd(stdout)?),
            stderr: stderr.map(Receiver::from_owned_fd).transpose()?,
            stdout_chunk: vec![0; CHUNK],
            stderr_chunk,
        })
    }

    const fn is_open(&self) -> bool {
        self.stdout.is_some() || self.stderr.is_some()
    }

    /// Waits for the next piece on any stream, whose length it tells; 0 when that stream was closed.
    async fn next(&mut self) -> (OutputStream, usize) {
        let (stream, length) = tokio::select! {
            length = read(&mut self.stdout, &mut self.stdout_chunk) => (OutputStream::Stdout, length),
            length = read(&mut self.stderr, &mut self.stderr_chunk) => (OutputStream::Stderr, length),
        };
        if length == 0 {
            match stream {
                OutputStream::Stdout => self.stdout = None,
                OutputStream::Stderr => self.stderr = None,
            }
        }
        (stream, length)
    }
}

/// A closed stream has nothing to say, ever; an error counts as its end.
async fn read(stream: &mut Option<Receiver>, chunk: &mut [u8]) -> usize {
    match stream {
        Some(stream) => stream.read(chunk).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

/// Where the output goes.
struct Collected<'a> {
    stdout: Keeper,
    stderr: Keeper,
    sink: Option<OutputSink<'a>>,
}

impl<'a> Collected<'a> {
    fn new(spec: &CommandSpec, sink: Option<OutputSink<'a>>) -> Self {
        Self { stdout: Keeper::new(spec.output_limit), stderr: Keeper::new(spec.output_limit), sink }
    }

    fn push(&mut self, pipes: &Pipes, stream: OutputStream, length: usize) {
        let (chunk, keeper) = match stream {
            OutputStream::Stdout => (&pipes.stdout_chunk, &mut self.stdout),
            OutputStream::Stderr => (&pipes.stderr_chunk, &mut self.stderr),
        };
        let bytes = chunk.get(..length).unwrap_or_default();
        keeper.push(bytes);
        if let Some(sink) = &mut self.sink
            && !bytes.is_empty()
        {
            sink(stream, bytes);
        }
    }

    fn finish(self, status: CommandStatus, leaked: Vec<u32>, duration: Duration) -> CommandOutcome {
        let (output, stderr) = (self.stdout.finish(), self.stderr.finish());
        CommandOutcome { status, output, stderr, duration, leaked }
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
