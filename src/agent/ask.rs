//! One question to the agent in a side session: no tools, no conversation, an answer or an error.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::interpret::{Interpreter, classify_status, classify_text};
use super::{AgentError, AgentEventKind, ApiErrorKind, AskFailure, TokenUsage, TurnEnd, TurnOutcome, command_line};
use crate::process::{
    CommandError, CommandOutcome, CommandSpec, CommandStatus, Program, agent_environment, run_command,
};

/// Longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// How long the command may take to tell its version.
const VERSION_PATIENCE: Duration = Duration::from_secs(10);

/// A question for [`crate::agent::Agent::ask`].
#[derive(Debug, Clone)]
pub struct AskSpec {
    /// What to ask.
    pub prompt: String,
    /// A JSON schema that the answer must fit.
    pub json_schema: Option<Value>,
    /// Working directory.
    pub cwd: PathBuf,
    /// The complete environment, already reduced to what is allowed.
    pub env: BTreeMap<OsString, OsString>,
    /// Model, else the agent's default.
    pub model: Option<String>,
    /// Longest time to wait; the process is killed then.
    pub timeout: Duration,
    /// Program and leading arguments.
    pub command: Vec<OsString>,
}

/// What the agent answered.
#[derive(Debug, Clone, PartialEq)]
pub struct AskAnswer {
    /// The answer as text.
    pub text: String,
    /// The answer as a value that fits the schema, when one was asked for.
    pub structured: Option<Value>,
    /// Tokens used.
    pub usage: TokenUsage,
    /// Cost in US dollars.
    pub cost_usd: f64,
    /// Wall time.
    pub duration: Duration,
}

/// Asks one question in a process of its own. The prompt goes in on standard input, where no text can be an option.
pub(super) async fn ask(spec: AskSpec, cancel: CancellationToken) -> Result<AskAnswer, AgentError> {
    let timeout = spec.timeout;
    let command = CommandSpec {
        program: Program::Argv(command_line::question(&spec)),
        cwd: spec.cwd,
        env: spec.env,
        stdin: spec.prompt.into_bytes(),
        time_limit: timeout,
        output_limit: ANSWER_LIMIT,
        separate_stderr: true,
        cancel,
    };
    let outcome = run_command(command, None).await.map_err(not_started)?;
    match outcome.status {
        CommandStatus::TimedOut => Err(AgentError::TimedOut(timeout)),
        CommandStatus::Cancelled => Err(AgentError::Cancelled),
        CommandStatus::Exited(_) | CommandStatus::Signalled(_) => read_answer(&outcome, spec.json_schema.is_some()),
    }
}

/// What the command says about its version.
pub(super) async fn version(command: &[OsString]) -> Result<String, AgentError> {
    let mut argv = command.to_vec();
    argv.push(OsString::from("--version"));
    let command = CommandSpec {
        program: Program::Argv(argv),
        cwd: std::env::temp_dir(),
        env: agent_environment(std::env::vars_os(), &[]),
        stdin: Vec::new(),
        time_limit: VERSION_PATIENCE,
        output_limit: 64 * 1024,
        separate_stderr: true,
        cancel: CancellationToken::new(),
    };
    let outcome = run_command(command, None).await.map_err(not_started)?;
    match outcome.status {
        CommandStatus::Exited(0) => Ok(outcome.output.text.trim().to_owned()),
        CommandStatus::TimedOut => Err(AgentError::TimedOut(VERSION_PATIENCE)),
        _ => Err(AgentError::Refused(format!("`--version` failed: {}", last_words(&outcome)))),
    }
}

fn not_started(error: CommandError) -> AgentError {
    match error {
        CommandError::Empty => AgentError::BadCommand(String::new()),
        CommandError::MissingDirectory(path) => AgentError::MissingDirectory(path),
        CommandError::Start { program, source } | CommandError::Lost { program, source } => {
            AgentError::MissingBinary { command: program, source }
        }
    }
}

/// The last of its complaints, else the last of its output.
fn last_words(outcome: &CommandOutcome) -> String {
    let last = |text: &str| text.trim_end().lines().last().map(str::to_owned).filter(|line| !line.trim().is_empty());
    last(&outcome.stderr.text)
        .or_else(|| last(&outcome.output.text))
        .unwrap_or_else(|| format!("it ended without a word: {:?}", outcome.status))
}

fn read_answer(outcome: &CommandOutcome, structured: bool) -> Result<AskAnswer, AgentError> {
    let Some(line) = result_line(&outcome.output.text) else {
        let text = last_words(outcome);
        let kind = classify_text(&text);
        return Err(AgentError::Ask(AskFailure { kind, status: None, text }));
    };
    let told = Interpreter::default().read(line.to_string().as_bytes());
    let Some(end) = told.events.into_iter().find_map(|event| match event {
        AgentEventKind::TurnEnded(end) => Some(end),
        _ => None,
    }) else {
        return Err(failure(None, None, "the answer cannot be read".to_owned()));
    };
    match end.outcome {
        TurnOutcome::Completed => answer(&line, end, structured, outcome.duration),
        TurnOutcome::ApiError { status, kind } => {
            let kind = if kind == ApiErrorKind::Other { status.map_or(kind, classify_status) } else { kind };
            Err(failure(Some(kind), status, end.text))
        }
        _ => Err(failure(None, None, end.text)),
    }
}

fn failure(kind: Option<ApiErrorKind>, status: Option<u16>, text: String) -> AgentError {
    AgentError::Ask(AskFailure { kind, status, text })
}

fn answer(line: &Value, end: TurnEnd, structured: bool, duration: Duration) -> Result<AskAnswer, AgentError> {
    let value = structured.then(|| match &line["structured_output"] {
        Value::Null => serde_json::from_str(end.text.trim()).ok(),
        value => Some(value.clone()),
    });
    let value = match value {
        Some(None) => {
            return Err(failure(None, None, "the answer does not have the structure that was asked for".to_owned()));
        }
        Some(value) => value,
        None => None,
    };
    let text = match &value {
        Some(value) if end.text.trim().is_empty() => value.to_string(),
        _ => end.text,
    };
    Ok(AskAnswer { text, structured: value, usage: end.tokens, cost_usd: end.cost_usd, duration })
}

/// The `result` object in the output, which may be alone, one of many lines, or the last of an array.
fn result_line(output: &str) -> Option<Value> {
    let is_result = |value: &Value| value["type"] == "result";
    if let Ok(whole) = serde_json::from_str::<Value>(output.trim()) {
        return match whole {
            Value::Array(lines) => lines.into_iter().rfind(is_result),
            value => Some(value).filter(is_result),
        };
    }
    output.lines().rev().filter_map(|line| serde_json::from_str(line).ok()).find(is_result)
}
