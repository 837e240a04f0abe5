//! What `python3 -m unittest -v` writes on standard error, read into cases.

use std::collections::HashMap;

use taskwright_plugin::testing::{CaseStatus, Outcome, TestCase};
use taskwright_plugin::words::without_escapes;
use taskwright_reports::{kept, with_failed_run, with_unique_names};

/// Python's status, from 3.12 on, for a run that found nothing.
const NO_TESTS: i32 = 5;

/// The module under which the loader shows what it could not import.
const NOT_LOADED: &str = "unittest.loader._FailedTest";

/// Reads one run.
pub fn read(outcome: &Outcome) -> Vec<TestCase> {
    let stderr = without_escapes(&outcome.stderr);
    let cases = cases(&stderr);
    if cases.is_empty() && stderr.contains("Ran 0 tests") && matches!(outcome.status, Some(0 | NO_TESTS)) {
        return cases;
    }
    with_failed_run(with_unique_names(cases), outcome)
}

fn cases(stderr: &str) -> Vec<TestCase> {
    let mut details = details(stderr);
    let mut cases: Vec<TestCase> = Vec::new();
    // A test whose result stands on a later line: after its description, or after what it wrote itself.
    let mut open: Option<(String, String)> = None;
    for line in stderr.lines().take_while(|line| !is_rule(line, '=')) {
        let (head, result) =
            match line.rsplit_once(" ... ").or_else(|| line.strip_suffix(" ...").map(|head| (head, ""))) {
                Some((head, result)) => (head, result.trim()),
                None if open.is_some() && status(line.trim()).is_some() => ("", line.trim()),
                None => (line, ""),
            };
        let title = title(head);
        if let Some((name, suite)) = &title {
            open = Some((name.clone(), suite.clone()));
        }
        if let (Some(status), Some((name, suite))) = (status(result), open.clone()) {
            open = None;
            let detail = details.remove(&(name.clone(), suite.clone()));
            let output = match status {
                CaseStatus::Failed => detail.map_or_else(String::new, |d| kept(&d)),
                CaseStatus::Skipped => {
                    result.strip_prefix("skipped ").unwrap_or_default().trim_matches(['\'', '"']).into()
                }
                CaseStatus::Passed => String::new(),
            };
            cases.push(TestCase::new(suite, name, status).output(output));
        }
    }
    // What failed outside a test has no line of its own: `setUpClass (test_a.TestA)`.
    let mut rest: Vec<_> = details.into_iter().collect();
    rest.sort();
    for ((name, suite), detail) in rest {
        cases.push(TestCase::new(suite, name, CaseStatus::Failed).output(kept(&detail)));
    }
    cases
}

fn status(result: &str) -> Option<CaseStatus> {
    match result {
        "ok" | "expected failure" => Some(CaseStatus::Passed),
        "FAIL" | "ERROR" | "unexpected success" => Some(CaseStatus::Failed),
        _ if result.starts_with("skipped") => Some(CaseStatus::Skipped),
        _ => None,
    }
}

/// `test_a (tests.test_x.TestX.test_a) (i=0)` as its name and suite.
fn title(head: &str) -> Option<(String, String)> {
    let head = head.trim();
    let (name, rest) = head.split_once(" (")?;
    let (id, more) = rest.split_once(')')?;
    let dotted = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.' || c == '<' || c == '>')
    };
    if !dotted(name) || !dotted(id) {
        return None;
    }
    let class = id.strip_suffix(name).and_then(|class| class.strip_suffix('.')).unwrap_or(id);
    let suite = if class == NOT_LOADED { String::new() } else { class.to_owned() };
    Some((format!("{name}{}", more.trim_end()), suite))
}

fn is_rule(line: &str, mark: char) -> bool {
    line.len() > 60 && line.chars().all(|c| c == mark)
}

/// What is said below the results about each test that failed.
fn details(stderr: &str) -> HashMap<(String, String), String> {
    let mut details = HashMap::new();
    let mut current: Option<(String, String)> = None;
    let mut heading = false;
    let mut rules = 0;
    for line in stderr.lines() {
        if is_rule(line, '=') {
            (current, heading, rules) = (None, true, 0);
        } else if heading {
            heading = false;
            let title = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: ")).and_then(title);
            current = title;
        } else if is_rule(line, '-') {
            rules += 1;
            if rules > 1 {
                current = None;
            }
        } else if let Some(key) = current.clone().filter(|_| rules == 1) {
            let text: &mut String = details.entry(key).or_default();
            text.push_str(line);
            text.push('\n');
        }
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use taskwright_reports::program;

    fn outcome(status: i32, stderr: &str) -> Outcome {
        Outcome {
            command: program(&["python3", "-m", "unittest", "discover", "-v"], &[], &[]),
            status: Some(status),
            timed_out: false,
            error: String::new(),
            stdout: String::new(),
            stderr: stderr.into(),
            reports: Vec::new(),
        }
    }

    #[test]
    fn every_kind_of_result_is_read() {
        let cases = read(&outcome(1, include_str!("../fixtures/unittest.stderr")));
        let lines: Vec<String> = cases.iter().map(|c| format!("{:?} {} :: {}", c.status, c.suite, c.name)).collect();
        assert_eq!(
            lines,
            [
                "CaseStatus::Failed  :: test_broken",
                "CaseStatus::Failed test_u.TestU :: test_bad",
                "CaseStatus::Failed test_u.TestU :: test_err",
                "CaseStatus::Passed test_u.TestU :: test_ok",
                "CaseStatus::Passed test_u.TestU :: test_prints",
                "CaseStatus::Skipped test_u.TestU :: test_skip",
                "CaseStatus::Failed test_u.TestU :: test_sub (i=0)",
                "CaseStatus::Failed test_u.TestU :: test_sub (i=2)",
                "CaseStatus::Passed test_u.TestU :: test_xf",
            ]
        );
        assert!(cases[0].output.contains("No module named 'nothere'"));
        assert!(cases[1].output.contains("1 != 2"));
        assert_eq!(cases[5].output, "later");
        assert!(cases[6].output.contains("0 != 1"));
    }

    #[test]
    fn older_titles_and_results_after_other_output_are_read() {
        let cases = cases("test_a (tests.test_x.TestX) ... noise\nok\ntest_b (tests.test_x.TestX) ... ok\n");
        let names: Vec<&str> = cases.iter().map(|c| c.name.as_str()).collect();
        assert_eq!((names, cases[0].suite.as_str()), (vec!["test_a", "test_b"], "tests.test_x.TestX"));
    }

    #[test]
    fn a_failed_class_is_a_case() {
        let rule = "=".repeat(70);
        let line = "-".repeat(70);
        let text =
            format!("\n{rule}\nERROR: setUpClass (test_a.TestA)\n{line}\nTraceback\n\n{line}\nRan 0 tests in 0.0s\n");
        let cases = read(&outcome(1, &text));
        assert_eq!((cases[0].name.as_str(), cases[0].suite.as_str(), cases.len()), ("setUpClass", "test_a.TestA", 1));
    }

    #[test]
    fn a_run_without_tests_has_no_cases() {
        assert_eq!(read(&outcome(0, "\n----\nRan 0 tests in 0.000s\n\nOK\n")), []);
        assert_eq!(read(&outcome(5, "\n----\nRan 0 tests in 0.000s\n\nNO TESTS RAN\n")), []);
    }

    proptest! {
        #[test]
        fn any_output_is_read(text in "(test_a| \\(a\\.B\\)| \\.\\.\\. |ok|FAIL|={70}|-{70}|.|\n){0,40}") {
            let _ = read(&outcome(1, &text));
        }
    }
}
