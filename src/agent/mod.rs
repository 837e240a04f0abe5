//! Driving a coding agent: the [`Agent`] trait and its events, the Claude Code protocol, the supervisor that owns an
//! agent's process, and the spool that holds its output.
//!
//! What an agent says becomes an [`AgentEvent`], shaped like the updates of the Agent Client Protocol so that other
//! agents fit beside Claude Code. Nothing here knows tasks, the database or HTTP: a run is identified by its folder and
//! plain UUIDs. What must not live here: rules about what to answer, when work is done, or what to store.

mod ask;
mod claude;
mod command_line;
mod control;
mod error;
mod event;
mod exit;
mod handle;
mod interpret;
mod launch;
mod lines;
mod link;
mod lost;
mod run_dir;
mod spool;
pub mod supervisor;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use ask::{AskAnswer, AskSpec};
pub use claude::ClaudeCode;
pub use command_line::split_command;
pub use error::{AgentError, AskFailure};
pub use event::{
    AgentEvent, AgentEventKind, ApiErrorKind, Exit, ExitReason, QuestionOption, StructuredQuestion, TokenUsage,
    TurnEnd, TurnOutcome,
};
pub use launch::{
    DEFAULT_LINE_CAP, Delivery, EndMethod, EndReport, ImageBlock, LaunchSpec, PermissionAnswer, SessionStart,
    StopGraces, TurnInput,
};
pub use supervisor::delivered_inputs;

/// How many events may wait between the spool reader and the engine. When it is full the reader stops reading; the
/// rest stays on the disk.
pub const EVENT_BUFFER: usize = 256;

/// A kind of coding agent that can be started, found again after a restart of the server, and asked in passing.
#[async_trait]
pub trait Agent: Send + Sync {
    /// Starts an agent in a run folder of its own and returns once its supervisor is up.
    ///
    /// # Errors
    /// [`AgentError`] when the folder cannot be prepared or the agent's command cannot be started. After an error
    /// nothing of the run is left running.
    async fn launch(&self, spec: LaunchSpec) -> Result<AgentRun, AgentError>;

    /// Finds a run that an earlier server started. Its events are replayed from `from_offset`: the
    /// [`AgentEvent::end_offset`] that was stored last, or 0.
    ///
    /// # Errors
    /// [`AgentError`] when the folder or the spool cannot be read.
    async fn reattach(&self, run_dir: &Path, from_offset: u64) -> Result<Reattached, AgentError>;

    /// Asks one question in a side session without tools and waits for the answer.
    ///
    /// # Errors
    /// [`AgentError`] when the command cannot be started, takes too long, is cancelled, or answers with an error.
    async fn ask(&self, spec: AskSpec, cancel: CancellationToken) -> Result<AskAnswer, AgentError>;

    /// What the agent's command says about its version, for example `2.1.330 (Claude Code)`.
    ///
    /// # Errors
    /// [`AgentError`] when the command cannot be started or does not answer in ten seconds.
    async fn version(&self, command: &[std::ffi::OsString]) -> Result<String, AgentError>;
}

/// A running agent: what it says, and how to speak to it.
///
/// Dropping it leaves the agent running under its supervisor; only [`AgentHandle::end`] ends it.
pub struct AgentRun {
    /// Commands to the agent.
    pub handle: Arc<dyn AgentHandle>,
    /// What the agent says, in order. The last event is [`AgentEventKind::Exited`], after which the channel closes.
    pub events: mpsc::Receiver<AgentEvent>,
}

impl std::fmt::Debug for AgentRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentRun").field("pid", &self.handle.pid()).finish_non_exhaustive()
    }
}

/// What became of a run that an earlier server started.
#[derive(Debug)]
pub enum Reattached {
    /// Its agent still runs; events begin at the offset asked for.
    Running(AgentRun),
    /// Its agent has ended meanwhile: the events that are left, the last of which is `Exited`. Processes that had
    /// survived a lost supervisor are dead when this is returned.
    Ended(mpsc::Receiver<AgentEvent>),
    /// The folder holds no trace of a started agent.
    Unknown,
}

/// Commands to one running agent. Every method can be called from several tasks at once.
#[async_trait]
pub trait AgentHandle: Send + Sync {
    /// Begins a turn. Returns when the message has been written whole to the agent. The same `input_id` is written
    /// once only: a second call, even from a restarted server, answers [`Delivery::AlreadyWritten`].
    ///
    /// # Errors
    /// [`AgentError::Ended`] when the agent is gone; the input was not delivered then.
    async fn send_turn(&self, turn: TurnInput) -> Result<Delivery, AgentError>;

    /// Answers a permission request. Once only for each request, as with turns.
    ///
    /// # Errors
    /// [`AgentError::Ended`] when the agent is gone.
    async fn answer_permission(&self, request_id: &str, answer: PermissionAnswer) -> Result<Delivery, AgentError>;

    /// Answers a structured question. `input` is the request's input as it came; `answers` maps the question's text to
    /// the chosen labels (several for a multiple choice) or to one free text.
    ///
    /// # Errors
    /// [`AgentError::Ended`] when the agent is gone, [`AgentError::EmptyAnswer`] when an answer holds no text.
    async fn answer_question(
        &self,
        request_id: &str,
        input: &serde_json::Value,
        answers: &std::collections::BTreeMap<String, Vec<String>>,
    ) -> Result<Delivery, AgentError>;

    /// Cuts the current turn short; the session goes on. The turn's end follows as
    /// [`AgentEventKind::TurnEnded`] with [`TurnOutcome::Interrupted`]. Without a turn it does nothing.
    ///
    /// # Errors
    /// [`AgentError::Ended`] when the agent is gone.
    async fn interrupt(&self) -> Result<(), AgentError>;

    /// Changes the model from the next turn on.
    ///
    /// # Errors
    /// [`AgentError::Ended`] when the agent is gone, [`AgentError::Refused`] when it does not know the model.
    async fn set_model(&self, model: &str) -> Result<(), AgentError>;

    /// How full the agent's context is: its own answer, as it came. Needs the events to be received meanwhile.
    ///
    /// # Errors
    /// [`AgentError::Ended`], or [`AgentError::Refused`] when the agent cannot tell.
    async fn context_usage(&self) -> Result<serde_json::Value, AgentError>;

    /// Ends the agent and everything it started: interrupt, then signals, then `SIGKILL`, with the graces of its
    /// launch. Works while the events are not being received. When it returns, no process of the run is alive.
    async fn end(&self) -> EndReport;

    /// The agent's process id, while it is known to run.
    fn pid(&self) -> Option<u32>;

    /// The run's identifier, which all its processes carry in the variable `TASKWRIGHT_RUN`.
    fn run(&self) -> Uuid;
}
