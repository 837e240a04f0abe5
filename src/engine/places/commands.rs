//! Setup and cleanup commands of a project: each a visible step with its output.

use super::{super::EngineError, steps::StepLog};
use crate::{
    engine::context::Context,
    process::{CommandOutcome, CommandSpec, CommandStatus, Program, run_command},
    workspace::WorkspaceError,
};
use std::{collections::BTreeMap, ffi::OsString, path::Path};
use tokio_util::sync::CancellationToken;

/// How much of a command's output is kept, in bytes.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// How much of a failed command's output goes into the task's error, in bytes.
const ERROR_OUTPUT: usize = 1_500;

/// Where and as what a project's commands run.
pub(super) struct CommandPlace<'a> {
    /// The folder.
    pub cwd: &'a Path,
    /// The complete environment.
    pub env: &'a BTreeMap<OsString, OsString>,
}

/// Runs one command of a project as a step.
///
/// # Errors
/// Words for the user when it fails, or [`WorkspaceError::Cancelled`].
pub(super) async fn run(
    ctx: &Context,
    log: &StepLog,
    step: &'static str,
    shell: &str,
    place: &CommandPlace<'_>,
    cancel: &CancellationToken,
) -> Result<(), EngineError> {
    log.started(step, shell).await?;
    let spec = CommandSpec {
        program: Program::Shell(shell.to_owned()),
        cwd: place.cwd.to_owned(),
        env: place.env.clone(),
        stdin: Vec::new(),
        time_limit: ctx.config.command_time,
        output_limit: OUTPUT_LIMIT,
        separate_stderr: false,
        cancel: cancel.clone(),
    };
    let outcome = match run_command(spec, None).await {
        Ok(outcome) => outcome,
        Err(error) => {
            log.ended(step, shell, false, Some(error.to_string()), None).await?;
            return Err(EngineError::Conflict(format!("the {step} command `{shell}` could not be run: {error}")));
        }
    };
    let failure = failure(step, shell, &outcome);
    log.ended(step, shell, failure.is_none(), Some(said(&outcome)), Some(outcome.duration)).await?;
    match failure {
        None => Ok(()),
        Some(_) if outcome.status == CommandStatus::Cancelled => Err(WorkspaceError::Cancelled.into()),
        Some(words) => Err(EngineError::Conflict(words)),
    }
}

fn said(outcome: &CommandOutcome) -> String {
    let mut said = outcome.output.text.clone();
    match outcome.status {
        CommandStatus::Exited(0) => {}
        CommandStatus::Exited(code) => said.push_str(&format!("\n(exit status {code})")),
        CommandStatus::Signalled(signal) => said.push_str(&format!("\n(ended by signal {signal})")),
        CommandStatus::TimedOut => said.push_str("\n(its time was up)"),
        CommandStatus::Cancelled => said.push_str("\n(cancelled)"),
    }
    if !outcome.leaked.is_empty() {
        said.push_str(&format!("\n({} processes that it left running were ended)", outcome.leaked.len()));
    }
    said
}

fn failure(step: &str, shell: &str, outcome: &CommandOutcome) -> Option<String> {
    let how = match outcome.status {
        CommandStatus::Exited(0) => return None,
        CommandStatus::Exited(code) => format!("ended with exit status {code}"),
        CommandStatus::Signalled(signal) => format!("was ended by signal {signal}"),
        CommandStatus::TimedOut => format!("did not end within {} seconds", outcome.duration.as_secs()),
        CommandStatus::Cancelled => "was cancelled".to_owned(),
    };
    let output = outcome.output.text.trim();
    let output = if output.is_empty() {
        "It printed nothing.".to_owned()
    } else {
        format!("It printed:\n{}", super::super::deciding::cut(output, ERROR_OUTPUT))
    };
    Some(format!("the {step} command `{shell}` {how}; mend it in the project's `{step}_commands`. {output}"))
}
