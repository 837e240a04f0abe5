//! What test tools write, read into single cases: JUnit XML and TAP; and what is said when a run failed as a whole.
//! Which tool writes what, and how it is started, is each test runner's own affair.

mod junit;
mod tap;

pub use junit::{Suites, junit};
pub use tap::tap;

use std::collections::HashMap;

use taskwright_plugin::testing::{CaseStatus, Command, Outcome, TestCase};
use taskwright_plugin::words::{head, tail, without_escapes};

/// Most bytes of one case's output.
pub const MAX_OUTPUT: usize = 16 * 1024;

/// Most cases of one run.
pub const MAX_CASES: usize = 20_000;

/// Longest time of one command.
pub const TIMEOUT_SECONDS: u32 = 1800;

/// Output as it is kept: without escapes, its head and tail where it is too long.
pub fn kept(output: &str) -> String {
    let text = without_escapes(output);
    let text = text.trim_matches(['\n', '\r', ' ', '\t']);
    if text.len() <= MAX_OUTPUT {
        return text.to_owned();
    }
    let half = MAX_OUTPUT / 2;
    format!("{}\n… (cut here)\n{}", head(text, half), tail(text, half))
}

/// Makes names unique in their suites, in order: the second of the same name ends in ` (2)`.
pub fn with_unique_names(mut cases: Vec<TestCase>) -> Vec<TestCase> {
    cases.truncate(MAX_CASES);
    let mut seen: HashMap<(String, String), u32> = HashMap::new();
    for case in &mut cases {
        let count = seen.entry((case.suite.clone(), case.name.clone())).or_default();
        *count += 1;
        if *count > 1 {
            case.name = format!("{} ({count})", case.name);
        }
    }
    cases
}

/// One failed case for a command that failed without telling of any test; `None` for one that succeeded.
pub fn failed_run(outcome: &Outcome) -> Option<TestCase> {
    if outcome.status == Some(0) && !outcome.timed_out {
        return None;
    }
    let what = said(&outcome.command);
    let why = if outcome.timed_out {
        format!("`{what}` was stopped after {} seconds.", outcome.command.timeout_seconds)
    } else if !outcome.error.is_empty() {
        format!("`{what}` could not start: {}", outcome.error)
    } else {
        match outcome.status {
            Some(status) => format!("`{what}` failed with exit status {status}."),
            None => format!("`{what}` was killed."),
        }
    };
    let output = [why.as_str(), &tail_of(&outcome.stdout), &tail_of(&outcome.stderr)].join("\n");
    Some(TestCase::new("", "the test run", CaseStatus::Failed).output(kept(&output)))
}

/// One case for a command that tells by its exit status alone.
pub fn by_status(outcome: &Outcome) -> TestCase {
    let name = said(&outcome.command);
    match failed_run(outcome) {
        Some(case) => TestCase { name, ..case },
        None => TestCase::new("", name, CaseStatus::Passed),
    }
}

/// The cases of a run, with one more when it failed and none of them tells why.
pub fn with_failed_run(mut cases: Vec<TestCase>, outcome: &Outcome) -> Vec<TestCase> {
    if !cases.iter().any(|c| c.status == CaseStatus::Failed) {
        cases.extend(failed_run(outcome));
    }
    cases
}

/// The report whose name ends so.
pub fn report<'a>(outcome: &'a Outcome, end: &str) -> Option<&'a str> {
    outcome.reports.iter().find(|(name, _)| name.ends_with(end)).map(|(_, content)| content.as_str())
}

/// A command that the shell runs.
pub fn shell(command: &str, env: &[(&str, &str)], reports: &[&str]) -> Command {
    program(&["sh", "-c", command], env, reports)
}

/// A command with its arguments.
pub fn program(argv: &[&str], env: &[(&str, &str)], reports: &[&str]) -> Command {
    let owned = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    Command {
        argv: owned(argv),
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        timeout_seconds: TIMEOUT_SECONDS,
        reports: owned(reports),
    }
}

/// Whether a command of the user's is one program with its arguments, so that further arguments may follow it.
pub fn is_single(command: &str) -> bool {
    !command.contains(['&', '|', ';', '<', '>', '\n', '`', '#'])
}

/// Whether a word stands in a command: `pytest` in `python3 -m pytest -q` and in `.venv/bin/pytest`.
pub fn names_tool(command: &str, tool: &str) -> bool {
    command.split(|c: char| c.is_whitespace() || "=\"'();&|".contains(c)).any(|w| w.rsplit('/').next() == Some(tool))
}

/// A command as a person would type it.
fn said(command: &Command) -> String {
    match command.argv.as_slice() {
        [sh, flag, text] if sh == "sh" && flag == "-c" => text.clone(),
        argv => argv.join(" "),
    }
}

fn tail_of(text: &str) -> String {
    tail(text.trim_end(), MAX_OUTPUT / 2).to_owned()
}

/// Seconds as a report writes them, in milliseconds.
pub fn milliseconds(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.trim().replace(',', "").parse().ok()?;
    (seconds.is_finite() && (0.0..1e9).contains(&seconds)).then(|| (seconds * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: Option<i32>) -> Outcome {
        let argv = vec!["npm".into(), "test".into()];
        let command = Command { argv, env: Vec::new(), timeout_seconds: 60, reports: Vec::new() };
        let error = String::new();
        Outcome {
            command,
            status,
            timed_out: false,
            error,
            stdout: "out".into(),
            stderr: "err".into(),
            reports: Vec::new(),
        }
    }

    #[test]
    fn a_run_that_failed_tells_why_and_what_it_wrote() {
        assert!(failed_run(&outcome(Some(0))).is_none());
        let case = failed_run(&outcome(Some(1))).unwrap();
        assert_eq!(case.output, "`npm test` failed with exit status 1.\nout\nerr");
        assert!(failed_run(&Outcome { timed_out: true, ..outcome(Some(0)) }).unwrap().output.contains("60 seconds"));
        assert!(failed_run(&Outcome { error: "no npm".into(), ..outcome(None) }).unwrap().output.contains("no npm"));
    }

    #[test]
    fn names_are_unique_in_their_suites() {
        let case = |suite: &str| TestCase::new(suite, "a", CaseStatus::Passed);
        let names: Vec<String> =
            with_unique_names(vec![case("x"), case("y"), case("x")]).into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["a", "a", "a (2)"]);
    }

    #[test]
    fn seconds_become_milliseconds() {
        assert_eq!(milliseconds("1.2345"), Some(1235));
        assert_eq!(milliseconds("-1"), None);
        assert_eq!(milliseconds("NaN"), None);
    }
}
