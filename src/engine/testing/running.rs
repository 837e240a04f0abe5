//! Running the commands of a plan: in the agent's folder, with limits, and with a fresh folder for their reports.

use crate::{
    engine::{context::Context, reading::Beneath},
    plugin::{PlannedCommand, RunOutcome},
    process::{CommandSpec, CommandStatus, Program, run_command},
};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::Read as _,
    path::Path,
    time::{Duration, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// What stands for the folder of reports in a plan.
const REPORT_FOLDER: &str = "{report}";

/// Commands that one round may run.
const MAX_COMMANDS: usize = 16;

/// Bytes of each stream that are kept.
const OUTPUT_LIMIT: usize = 1024 * 1024;

/// Bytes of one report.
const MAX_REPORT: u64 = 8 * 1024 * 1024;

/// Bytes of all reports of a round.
const MAX_REPORTS: usize = 16 * 1024 * 1024;

/// Where and as what the commands run.
pub(super) struct Place<'a> {
    /// The agent's folder.
    pub folder: &'a Path,
    /// The task's environment.
    pub env: &'a BTreeMap<OsString, OsString>,
}

/// Runs all commands of a plan in order, whatever the earlier ones said. `None` when it was cancelled.
pub(super) async fn run(
    ctx: &Context,
    commands: &[PlannedCommand],
    place: &Place<'_>,
    cancel: &CancellationToken,
) -> std::io::Result<Option<Vec<RunOutcome>>> {
    let parent = ctx.config.data_dir.join("reports");
    std::fs::create_dir_all(&parent)?;
    let reports = tempfile::Builder::new().prefix("round-").tempdir_in(&parent)?;
    let mut outcomes = Vec::new();
    let mut room = MAX_REPORTS;
    for command in commands.iter().take(MAX_COMMANDS) {
        let outcome = run_one(ctx, command, place, reports.path(), &mut room, cancel).await;
        if cancel.is_cancelled() {
            return Ok(None);
        }
        outcomes.push(outcome);
    }
    Ok(Some(outcomes))
}

async fn run_one(
    ctx: &Context,
    command: &PlannedCommand,
    place: &Place<'_>,
    reports: &Path,
    room: &mut usize,
    cancel: &CancellationToken,
) -> RunOutcome {
    let folder = reports.display().to_string();
    let mut env = place.env.clone();
    for (name, value) in &command.env {
        if !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0') {
            env.insert(name.into(), value.replace(REPORT_FOLDER, &folder).into());
        }
    }
    let spec = CommandSpec {
        program: Program::Argv(command.argv.iter().map(|word| word.replace(REPORT_FOLDER, &folder).into()).collect()),
        cwd: place.folder.to_owned(),
        env,
        stdin: Vec::new(),
        time_limit: time_limit(command.timeout_seconds, ctx.config.command_time),
        output_limit: OUTPUT_LIMIT,
        separate_stderr: true,
        cancel: cancel.clone(),
    };
    let begin = file_time_now(reports);
    let mut outcome = RunOutcome {
        command: command.clone(),
        status: None,
        timed_out: false,
        error: String::new(),
        stdout: String::new(),
        stderr: String::new(),
        reports: Vec::new(),
    };
    match run_command(spec, None).await {
        Err(error) => outcome.error = error.to_string(),
        Ok(ended) => {
            outcome.timed_out = ended.status == CommandStatus::TimedOut;
            outcome.status = match ended.status {
                CommandStatus::Exited(code) => Some(code),
                CommandStatus::Signalled(_) | CommandStatus::TimedOut | CommandStatus::Cancelled => None,
            };
            outcome.stdout = ended.output.text;
            outcome.stderr = ended.stderr.text;
            if !ended.leaked.is_empty() {
                let note = format!("\n({} processes that it left running were ended)\n", ended.leaked.len());
                outcome.stderr.push_str(&note);
            }
            outcome.reports = read_reports(command, place.folder, reports, begin, room);
        }
    }
    outcome
}

fn time_limit(seconds: u32, longest: Duration) -> Duration {
    match seconds {
        0 => longest,
        seconds => Duration::from_secs(u64::from(seconds)).min(longest),
    }
}

/// The moment, by the clock of the file system on which the reports lie.
fn file_time_now(reports: &Path) -> Option<SystemTime> {
    let marker = reports.join(".begin");
    std::fs::write(&marker, "").ok()?;
    marker.metadata().ok()?.modified().ok()
}

/// The reports that this run wrote; one of an earlier run is none.
fn read_reports(
    command: &PlannedCommand,
    folder: &Path,
    reports: &Path,
    begin: Option<SystemTime>,
    room: &mut usize,
) -> Vec<(String, String)> {
    let mut read = Vec::new();
    for name in &command.reports {
        let (root, path) = match name.strip_prefix(REPORT_FOLDER) {
            Some(rest) => (reports, rest.trim_start_matches('/')),
            None => (folder, name.as_str()),
        };
        if let Some(text) = read_report(root, path, begin).filter(|text| text.len() <= *room) {
            *room -= text.len();
            read.push((name.clone(), text));
        }
    }
    read
}

fn read_report(root: &Path, path: &str, begin: Option<SystemTime>) -> Option<String> {
    let file = Beneath::open(root).ok()?.file(path).ok()?;
    let metadata = file.metadata().ok()?;
    // File systems tell times in steps: a report of the same moment is a fresh one.
    let is_stale = begin.zip(metadata.modified().ok()).is_some_and(|(begin, written)| written < begin);
    if is_stale || metadata.len() > MAX_REPORT {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_REPORT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The command as a person would type it.
pub(super) fn shown(command: &PlannedCommand) -> String {
    shlex::try_join(command.argv.iter().map(String::as_str)).unwrap_or_else(|_| command.argv.join(" "))
}
