//! From what a test runner read to the word on a round.

use super::{Round, running::shown};
use crate::{
    domain::test_case::{TestCase, TestStatus, TestSummary},
    engine::deciding::cut,
    plugin::{CaseStatus, PlannedCommand, RunCase, RunOutcome},
};

/// Failed tests that are told to the agent one by one.
const MAX_TOLD: usize = 20;

/// Bytes of each one's output that the agent is told.
const MAX_TOLD_OUTPUT: usize = 4 * 1024;

/// Bytes of a failed run's output that stand in its case.
const MAX_RUN_OUTPUT: usize = 16 * 1024;

/// What stands for a command that could not even be begun.
pub(super) fn not_run(command: &PlannedCommand, error: &std::io::Error) -> RunOutcome {
    RunOutcome {
        command: command.clone(),
        status: None,
        timed_out: false,
        error: error.to_string(),
        stdout: String::new(),
        stderr: String::new(),
        reports: Vec::new(),
    }
}

/// The cases, with one more for every run that broke off although no case tells so: silence is no success. What an exit
/// status means is the test runner's to say.
pub(super) fn completed(cases: Result<Vec<RunCase>, String>, outcomes: &[RunOutcome]) -> Vec<RunCase> {
    let mut cases = match cases {
        Ok(cases) => cases,
        Err(why) => vec![failed("reading the results", format!("The test runner could not read the results: {why}"))],
    };
    if cases.iter().any(|case| case.status == CaseStatus::Failed) {
        return cases;
    }
    let broken = outcomes.iter().filter_map(|outcome| {
        let how = failure(outcome)?;
        let command = shown(&outcome.command);
        let output = format!("{}\n{}", outcome.stdout.trim(), outcome.stderr.trim());
        let output = format!("`{command}` {how}.\n{}", cut(output.trim(), MAX_RUN_OUTPUT));
        Some(failed(&format!("run of `{command}`"), output))
    });
    cases.extend(broken);
    cases
}

fn failed(name: &str, output: String) -> RunCase {
    RunCase { name: name.to_owned(), suite: String::new(), status: CaseStatus::Failed, output, duration_ms: None }
}

fn failure(outcome: &RunOutcome) -> Option<String> {
    if !outcome.error.is_empty() {
        return Some(format!("could not start: {}", outcome.error));
    }
    match outcome.status {
        _ if outcome.timed_out => Some("did not end in time and was ended".to_owned()),
        None => Some("was ended by a signal".to_owned()),
        Some(_) => None,
    }
}

/// At most so many cases, the failed ones before the others; the order is kept.
pub(super) fn bounded(cases: Vec<RunCase>, limit: usize) -> Vec<RunCase> {
    if cases.len() <= limit {
        return cases;
    }
    let is_failed = |case: &RunCase| case.status == CaseStatus::Failed;
    let room = limit.saturating_sub(cases.iter().filter(|case| is_failed(case)).count());
    let (mut others, mut kept) = (0, Vec::new());
    for case in cases {
        if is_failed(&case) {
            kept.push(case);
        } else if others < room {
            others += 1;
            kept.push(case);
        }
    }
    kept.truncate(limit);
    kept
}

/// The word on a round.
pub(super) fn round(round: u32, tested: &str, cases: Vec<TestCase>) -> Round {
    let summary = TestSummary::of(&cases);
    let failed: Vec<TestCase> = cases.into_iter().filter(|case| case.status == TestStatus::Failed).collect();
    let sentence = sentence(&summary, tested);
    let text = if failed.is_empty() { String::new() } else { message(&summary, tested, &failed) };
    Round { round, passed: failed.is_empty(), summary, failed, sentence, text }
}

fn sentence(summary: &TestSummary, tested: &str) -> String {
    let skipped = match summary.pending {
        0 => String::new(),
        many => format!(", {many} skipped"),
    };
    let of = if tested.trim().is_empty() { String::new() } else { format!(" ({})", tested.trim()) };
    match (summary.total, summary.failed) {
        (0, _) => format!("the test run found no tests{of}"),
        (total, 0) => format!("{} of {total} tests passed{skipped}{of}", summary.passed),
        (total, failed) => format!("{failed} of {total} tests failed{skipped}{of}"),
    }
}

fn message(summary: &TestSummary, tested: &str, failed: &[TestCase]) -> String {
    let mut text = format!("The tests were run, and {}.\n", sentence(summary, tested));
    for case in failed.iter().take(MAX_TOLD) {
        let suite = case.description.as_ref().map(|suite| format!(" ({suite})")).unwrap_or_default();
        text.push_str(&format!("\nFailed: {}{suite}\n", case.name));
        if let Some(output) = case.output.as_deref().map(str::trim).filter(|output| !output.is_empty()) {
            let output = cut(output, MAX_TOLD_OUTPUT);
            let fence = fence_for(&output);
            text.push_str(&format!("{fence}\n{output}\n{fence}\n"));
        }
    }
    if failed.len() > MAX_TOLD {
        text.push_str(&format!("\nAnd {} more failed.\n", failed.len() - MAX_TOLD));
    }
    text.push_str(
        "\nPlease find the cause and mend it. Change a test only where the test itself is wrong, and say why.",
    );
    text
}

/// A fence that the output cannot end.
fn fence_for(output: &str) -> String {
    let longest = output.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, status: CaseStatus) -> RunCase {
        RunCase { name: name.into(), suite: String::new(), status, output: String::new(), duration_ms: None }
    }

    fn ran(status: Option<i32>, timed_out: bool) -> RunOutcome {
        let command = PlannedCommand {
            argv: vec!["make".into(), "check all".into()],
            env: Vec::new(),
            timeout_seconds: 1,
            reports: Vec::new(),
        };
        RunOutcome {
            command,
            status,
            timed_out,
            error: String::new(),
            stdout: "out".into(),
            stderr: "err".into(),
            reports: Vec::new(),
        }
    }

    fn names(cases: &[RunCase]) -> Vec<&str> {
        cases.iter().filter(|case| case.status == CaseStatus::Failed).map(|case| case.name.as_str()).collect()
    }

    #[test]
    fn a_run_that_broke_off_without_a_failed_case_is_one() {
        for outcome in [ran(None, true), ran(None, false)] {
            let cases = completed(Ok(vec![case("a", CaseStatus::Passed)]), &[outcome]);
            assert_eq!(names(&cases), ["run of `make 'check all'`"]);
            assert!(cases[1].output.contains("out\nerr"));
        }
    }

    #[test]
    fn what_the_test_runner_says_of_a_run_that_ended_by_itself_stands() {
        assert_eq!(names(&completed(Ok(vec![case("a", CaseStatus::Failed)]), &[ran(Some(1), false)])), ["a"]);
        assert!(completed(Ok(Vec::new()), &[ran(Some(5), false)]).is_empty());
        assert_eq!(completed(Ok(vec![case("a", CaseStatus::Passed)]), &[ran(Some(0), false)]).len(), 1);
    }

    #[test]
    fn results_that_cannot_be_read_are_a_failure() {
        assert_eq!(names(&completed(Err("it trapped".into()), &[ran(Some(0), false)])), ["reading the results"]);
    }

    #[test]
    fn failed_cases_stay_when_there_are_too_many() {
        let cases = ["a", "b", "c"].map(|name| case(name, CaseStatus::Passed));
        let cases = [cases.to_vec(), vec![case("bad", CaseStatus::Failed)]].concat();
        let kept: Vec<_> = bounded(cases, 2).into_iter().map(|case| case.name).collect();
        assert_eq!(kept, ["a", "bad"]);
    }

    #[test]
    fn an_output_cannot_end_its_fence() {
        assert_eq!(fence_for("no"), "```");
        assert_eq!(fence_for("a ```` b"), "`````");
    }
}
