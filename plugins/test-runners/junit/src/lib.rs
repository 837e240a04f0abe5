//! The test runner `junit`: runs the project's test command, or one from its settings, and reads the JUnit XML that it
//! writes. Which files those are the settings tell, or the command itself with `{report}`, the folder for reports:
//! `ctest --output-junit {report}/ctest.xml`. A command that writes none counts by TAP on its output, else by its exit
//! status alone, so that this runner, last in a chain, takes whatever no other knows.

use serde::Deserialize;
use taskwright_plugin::testing::{Outcome, Plan, Project, TestCase};
use taskwright_plugin::{Description, TestRunner};
use taskwright_reports::{Suites, by_status, junit, shell, tap, with_failed_run, with_unique_names};

/// The plugin.
pub struct Junit;

/// What the operator may set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The command, where the project names none.
    pub command: String,
    /// The reports that it writes, relative to the agent's folder.
    pub reports: Vec<String>,
    /// What someone who writes tests here should know.
    pub guidance: String,
}

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "command": {"type": "string", "default": "", "description": "The command, where the project names none. `{report}` is a fresh folder for reports."},
    "reports": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 64, "default": [],
      "description": "The JUnit files that it writes, relative to the agent's folder or below `{report}`."},
    "guidance": {"type": "string", "maxLength": 4000, "default": "", "description": "What someone who writes tests here should know."}
  }
}"#;

impl TestRunner for Junit {
    fn describe() -> Description {
        let summary = "Runs any test command and reads the JUnit XML that it writes; else its TAP or its exit status.";
        Description::new("junit", env!("CARGO_PKG_VERSION"), summary).settings(SCHEMA)
    }

    fn wants() -> Vec<String> {
        Vec::new()
    }

    fn detect(project: Project) -> Result<Option<Plan>, String> {
        Ok(plan(&project, &taskwright_plugin::settings()?))
    }

    fn interpret(outcomes: Vec<Outcome>) -> Result<Vec<TestCase>, String> {
        Ok(with_unique_names(outcomes.iter().flat_map(interpret).collect()))
    }
}

taskwright_plugin::export!(test_runner Junit);

/// The project's own command, else the one from the settings.
pub fn plan(project: &Project, settings: &Settings) -> Option<Plan> {
    let own = project.test_command.as_deref().filter(|c| !c.trim().is_empty());
    let command = own.or(Some(settings.command.trim()).filter(|c| !c.is_empty()))?;
    let mut reports: Vec<&str> = settings.reports.iter().map(String::as_str).collect();
    reports.extend(named_reports(command).filter(|report| !settings.reports.iter().any(|r| r == report)));
    Some(Plan {
        commands: vec![shell(command, &[("CI", "true")], &reports)],
        summary: format!("`{command}`"),
        guidance: if settings.guidance.is_empty() {
            format!("The tests run with `{command}`. Follow the tests that are there.")
        } else {
            settings.guidance.clone()
        },
    })
}

/// The XML files that a command itself puts into the folder for reports.
fn named_reports(command: &str) -> impl Iterator<Item = &str> {
    command.split_whitespace().filter_map(|word| {
        let word = word.trim_matches(['"', '\'']);
        word.find("{report}/").map(|at| &word[at..]).filter(|path| path.ends_with(".xml"))
    })
}

/// Reads one run.
pub fn interpret(outcome: &Outcome) -> Vec<TestCase> {
    let read = outcome.reports.iter().filter_map(|(_, xml)| junit(xml, Suites::Class).ok());
    let cases: Vec<TestCase> = read.flatten().collect();
    if !cases.is_empty() {
        return with_failed_run(cases, outcome);
    }
    let is_tap = outcome.stdout.lines().any(|line| line.starts_with("TAP version ") || line.starts_with("1.."));
    let cases = if is_tap { tap(&outcome.stdout) } else { Vec::new() };
    if cases.is_empty() { vec![by_status(outcome)] } else { with_failed_run(cases, outcome) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use taskwright_plugin::testing::CaseStatus;

    fn project(command: Option<&str>) -> Project {
        Project { files: Vec::new(), contents: Vec::new(), test_command: command.map(str::to_owned), test_dir: None }
    }

    fn outcome(status: i32, stdout: &str, reports: &[&str]) -> Outcome {
        Outcome {
            command: shell("make check", &[], &[]),
            status: Some(status),
            timed_out: false,
            error: String::new(),
            stdout: stdout.into(),
            stderr: String::new(),
            reports: reports.iter().map(|xml| ("r.xml".to_owned(), (*xml).to_owned())).collect(),
        }
    }

    #[test]
    fn the_projects_command_wins_over_that_of_the_settings() {
        let settings =
            Settings { command: "mvn test".into(), reports: vec!["target/r.xml".into()], ..Settings::default() };
        assert_eq!(plan(&project(Some("make check")), &settings).unwrap().commands[0].argv[2], "make check");
        let plan_of_settings = plan(&project(None), &settings).unwrap();
        assert_eq!(
            (plan_of_settings.commands[0].argv[2].as_str(), plan_of_settings.commands[0].reports.len()),
            ("mvn test", 1)
        );
        assert_eq!(plan(&project(None), &Settings::default()), None);
    }

    #[test]
    fn a_command_may_name_its_reports_itself() {
        let plan = plan(&project(Some("ctest --output-junit={report}/c.xml")), &Settings::default()).unwrap();
        assert_eq!(plan.commands[0].reports, ["{report}/c.xml"]);
    }

    #[test]
    fn reports_then_tap_then_the_exit_status_count() {
        let xml = "<testsuite name='s'><testcase name='a'/></testsuite>";
        assert_eq!(interpret(&outcome(0, "", &[xml, xml])).len(), 2);
        assert_eq!(interpret(&outcome(1, "", &[xml]))[1].status, CaseStatus::Failed);
        assert_eq!(interpret(&outcome(0, "1..1\nok 1 - a\n", &[]))[0].name, "a");
        assert_eq!(interpret(&outcome(0, "fine", &[])), [TestCase::new("", "make check", CaseStatus::Passed)]);
        assert_eq!(interpret(&outcome(2, "bad", &["no xml"]))[0].status, CaseStatus::Failed);
    }

    #[test]
    fn the_schema_is_json() {
        serde_json::from_str::<serde_json::Value>(SCHEMA).unwrap();
    }

    proptest! {
        #[test]
        fn a_failed_command_always_has_a_failed_case(stdout in ".{0,60}", xml in "(<testcase name='a'/>|<failure>|<|.){0,6}") {
            let cases = interpret(&outcome(1, &stdout, &[&xml]));
            prop_assert!(cases.iter().any(|c| c.status == CaseStatus::Failed));
        }
    }
}
