//! The test runner `pytest`: runs pytest, or plain `unittest` where all tests are of that kind, and reads single cases.
//! Which of the two it is, the test files tell: a project whose tests need nothing but `unittest` is tested even where
//! pytest is not installed.

mod plan;
pub use plan::plan;
mod unittest;

use taskwright_plugin::testing::{CaseStatus, Outcome, Plan, Project, TestCase};
use taskwright_plugin::types::Capability;
use taskwright_plugin::{Description, TestRunner, workspace};
use taskwright_reports::{Suites, junit, kept, report, with_failed_run};

/// The plugin.
pub struct Pytest;

impl TestRunner for Pytest {
    fn describe() -> Description {
        Description::new("pytest", env!("CARGO_PKG_VERSION"), "Tests Python projects with pytest or unittest.")
            .wants(&[Capability::Workspace])
    }

    fn wants() -> Vec<String> {
        plan::WANTED.iter().map(|name| (*name).to_owned()).collect()
    }

    fn detect(project: Project) -> Result<Option<Plan>, String> {
        Ok(plan::plan(&project, &read_file))
    }

    fn interpret(outcomes: Vec<Outcome>) -> Result<Vec<TestCase>, String> {
        Ok(outcomes.iter().flat_map(interpret).collect())
    }
}

taskwright_plugin::export!(test_runner Pytest);

fn read_file(path: &str) -> Option<String> {
    let bytes = workspace::read(path, 0, 64 * 1024).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// pytest's own status for a run that collected nothing.
const NOTHING_COLLECTED: i32 = 5;

/// Reads one run.
pub fn interpret(outcome: &Outcome) -> Vec<TestCase> {
    if outcome.command.argv.iter().any(|a| taskwright_reports::names_tool(a, "unittest")) {
        return unittest::read(outcome);
    }
    let cases = report(outcome, ".xml").map(|xml| junit(xml, Suites::Class)).and_then(Result::ok);
    match cases {
        Some(cases) if cases.is_empty() && outcome.status == Some(NOTHING_COLLECTED) => cases,
        Some(cases) => with_failed_run(cases.into_iter().map(named).collect(), outcome),
        None if outcome.status == Some(NOTHING_COLLECTED) => Vec::new(),
        None if outcome.stderr.contains("No module named pytest") => vec![missing(outcome)],
        None => with_failed_run(Vec::new(), outcome),
    }
}

/// A file that could not be collected has its module as its name.
fn named(mut case: TestCase) -> TestCase {
    if case.suite.is_empty() || case.suite == "pytest" {
        case.suite = String::new();
    }
    case
}

fn missing(outcome: &Outcome) -> TestCase {
    let hint = "pytest is not installed for this Python. Install it (`python3 -m pip install pytest`, best by a setup \
                command of the project), or name another test command.";
    TestCase::new("", "pytest", CaseStatus::Failed).output(kept(&format!("{hint}\n{}", outcome.stderr)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use taskwright_reports::program;

    fn outcome(status: i32, stderr: &str, xml: Option<&str>) -> Outcome {
        let name = "{report}/pytest.xml";
        Outcome {
            command: program(&["python3", "-m", "pytest"], &[], &[name]),
            status: Some(status),
            timed_out: false,
            error: String::new(),
            stdout: String::new(),
            stderr: stderr.into(),
            reports: xml.map(|xml| (name.to_owned(), xml.to_owned())).into_iter().collect(),
        }
    }

    #[test]
    fn a_missing_pytest_is_told_with_what_to_do() {
        let cases = interpret(&outcome(1, "/usr/bin/python3: No module named pytest", None));
        assert_eq!(cases.len(), 1);
        assert!(cases[0].output.contains("pip install pytest"));
    }

    #[test]
    fn a_run_without_tests_has_no_cases() {
        assert_eq!(interpret(&outcome(5, "", Some("<testsuites><testsuite name='pytest'/></testsuites>"))), []);
    }

    #[test]
    fn a_report_is_read_into_cases() {
        let xml = "<testsuite name='pytest'><testcase classname='tests.test_a' name='test_x' time='0.1'/></testsuite>";
        let cases = interpret(&outcome(0, "", Some(xml)));
        assert_eq!(cases, [TestCase::new("tests.test_a", "test_x", CaseStatus::Passed).took(Some(100))]);
    }

    #[test]
    fn a_run_that_broke_off_is_a_failed_case() {
        assert_eq!(interpret(&outcome(3, "INTERNALERROR", None))[0].status, CaseStatus::Failed);
    }
}
