//! Why an agent ended, from its exit record, its standard error, and what it had said.

use std::path::Path;

use super::event::{Exit, ExitReason};
use super::interpret::{Memory, SESSION_LOST};
use super::run_dir::{self, DeliveryKey, EXIT, ExitRecord};

/// Tells the end of a run whose spool has been read to its end. `unfinished` is the length of a line without an end.
pub(super) fn tell(run_dir: &Path, memory: &Memory, unfinished: u64) -> Exit {
    let lost = ExitRecord { code: None, signal: None, ended: false, lost: true };
    let record = run_dir::read_record(run_dir, EXIT).ok().flatten().unwrap_or(lost);
    let turns = run_dir::delivered(run_dir).unwrap_or_default();
    let turns = turns.iter().filter(|key| matches!(key, DeliveryKey::Turn(_))).count() as u64;
    explain(&record, memory, turns, unfinished, run_dir::stderr_tail(run_dir))
}

fn explain(record: &ExitRecord, memory: &Memory, turns: u64, unfinished: u64, stderr_tail: String) -> Exit {
    // An agent that does not acknowledge messages at all leaves only its turns' ends to go by.
    let unanswered =
        if memory.acknowledged > 0 { turns > memory.acknowledged } else { turns > 0 && !memory.any_turn_ended };
    let mid_turn = memory.turn_open || unanswered;
    let reason = reason(record, memory, mid_turn, unfinished, &stderr_tail);
    let text = sentence(&reason, record, &stderr_tail);
    Exit { code: record.code, signal: record.signal, stderr_tail, mid_turn, reason, text }
}

fn reason(record: &ExitRecord, memory: &Memory, mid_turn: bool, unfinished: u64, stderr: &str) -> ExitReason {
    if record.lost {
        return ExitReason::SupervisorLost;
    }
    if record.ended {
        return ExitReason::Ended;
    }
    if record.code != Some(0)
        && let Some(reason) = complaint(record, stderr)
    {
        return reason;
    }
    if unfinished > 0 {
        return ExitReason::HalfLine { bytes: unfinished };
    }
    if mid_turn {
        return ExitReason::EarlyExit;
    }
    match record.code {
        Some(0) => ExitReason::Clean,
        _ if memory.last_turn_failed => ExitReason::AfterError,
        _ => ExitReason::EarlyExit,
    }
}

/// What the agent complained about before it left.
fn complaint(record: &ExitRecord, stderr: &str) -> Option<ExitReason> {
    let says = |words: &[&str]| words.iter().any(|words| stderr.contains(words));
    if says(&SESSION_LOST) {
        Some(ExitReason::BadSession)
    } else if says(&["is already in use"]) {
        Some(ExitReason::SessionInUse)
    } else if says(&["Not logged in", "Please run /login", "Invalid API key"]) {
        Some(ExitReason::NotLoggedIn)
    } else if says(&["unknown option", "requires --verbose", "error: option", "unknown command"]) {
        Some(ExitReason::BadArguments)
    } else if matches!(record.code, Some(126 | 127)) {
        Some(ExitReason::MissingBinary)
    } else {
        None
    }
}

fn sentence(reason: &ExitReason, record: &ExitRecord, stderr: &str) -> String {
    let how = match (record.code, record.signal) {
        (Some(code), _) => format!("with status {code}"),
        (None, Some(signal)) => format!("by signal {signal}"),
        (None, None) => "in an unknown way".to_owned(),
    };
    let said = match stderr.trim_end().lines().last() {
        Some(line) if !line.is_empty() => format!(" It said last: {line}"),
        _ => String::new(),
    };
    match reason {
        ExitReason::Clean => "The agent left between turns. Resume the task to go on.".to_owned(),
        ExitReason::Ended => "The agent was ended.".to_owned(),
        ExitReason::AfterError => format!("The agent left {how} after an error that it had told."),
        ExitReason::MissingBinary => format!(
            "The agent's command could not be started.{said} Install Claude Code or correct CLAUDE_CLI_COMMAND."
        ),
        ExitReason::MissingDirectory => "The agent's folder does not exist. Restart the task in a new worktree.".to_owned(),
        ExitReason::NotLoggedIn => {
            "The agent has no credentials. Run `claude` and `/login`, or set ANTHROPIC_API_KEY for the server.".to_owned()
        }
        ExitReason::BadSession => {
            "The agent does not know the session to resume. Start the task in a new session.".to_owned()
        }
        ExitReason::SessionInUse => {
            "The id of the new session is in use already. Start the task again.".to_owned()
        }
        ExitReason::BadArguments => {
            format!("The agent's command refused its arguments.{said} Check the version of Claude Code.")
        }
        ExitReason::EarlyExit => format!("The agent left {how} before it was done.{said} Resume the task to go on."),
        ExitReason::HalfLine { .. } => {
            format!("The agent left {how} in the middle of a line.{said} Resume the task to go on.")
        }
        ExitReason::SupervisorLost => {
            "The agent's supervisor is gone, and the agent with it: the machine restarted or ran out of memory. Resume the task to go on.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(code: i32) -> ExitRecord {
        ExitRecord { code: Some(code), signal: None, ended: false, lost: false }
    }

    fn after_a_turn() -> Memory {
        Memory { any_turn_ended: true, acknowledged: 1, ..Memory::default() }
    }

    fn why(record: &ExitRecord, memory: &Memory, turns: u64, unfinished: u64, stderr: &str) -> (ExitReason, bool) {
        let exit = explain(record, memory, turns, unfinished, stderr.to_owned());
        (exit.reason, exit.mid_turn)
    }

    #[test]
    fn leaving_with_status_0_between_turns_is_clean() {
        assert_eq!(why(&exited(0), &after_a_turn(), 1, 0, "warning: x"), (ExitReason::Clean, false));
    }

    #[test]
    fn leaving_with_a_message_unanswered_is_early() {
        assert_eq!(why(&exited(0), &after_a_turn(), 2, 0, ""), (ExitReason::EarlyExit, true));
        assert_eq!(why(&exited(1), &Memory::default(), 1, 0, ""), (ExitReason::EarlyExit, true));
    }

    #[test]
    fn leaving_within_a_line_is_told_with_its_length() {
        let memory = Memory { turn_open: true, ..after_a_turn() };
        assert_eq!(why(&exited(1), &memory, 1, 17, ""), (ExitReason::HalfLine { bytes: 17 }, true));
    }

    #[test]
    fn complaints_name_the_reason() {
        let none = Memory::default();
        let cases = [
            ("No conversation found with session ID: x", ExitReason::BadSession),
            ("Error: Session ID x is already in use.", ExitReason::SessionInUse),
            ("Not logged in · Please run /login", ExitReason::NotLoggedIn),
            ("error: unknown option '--image'", ExitReason::BadArguments),
        ];
        for (stderr, reason) in cases {
            assert_eq!(why(&exited(1), &none, 0, 0, stderr).0, reason);
        }
        assert_eq!(why(&exited(127), &none, 0, 0, "sh: claude: not found").0, ExitReason::MissingBinary);
    }

    #[test]
    fn after_an_error_that_was_told_the_exit_adds_nothing() {
        let memory = Memory { last_turn_failed: true, ..after_a_turn() };
        assert_eq!(why(&exited(1), &memory, 1, 0, ""), (ExitReason::AfterError, false));
    }

    #[test]
    fn an_end_that_was_asked_for_is_no_failure() {
        let record = ExitRecord { code: None, signal: Some(9), ended: true, lost: false };
        assert_eq!(why(&record, &after_a_turn(), 2, 5, "").0, ExitReason::Ended);
    }
}
