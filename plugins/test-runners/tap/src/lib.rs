//! The test runner `tap`: runs a command that writes TAP on its standard output. The command is the project's own, where
//! that is one of the tools known to write TAP (`prove`, `bats`, `tap`) or names the format, else the one from the
//! settings.

use serde::Deserialize;
use taskwright_plugin::testing::{Outcome, Plan, Project, TestCase};
use taskwright_plugin::{Description, TestRunner};
use taskwright_reports::{by_status, names_tool, shell, tap, with_failed_run};

/// The plugin.
pub struct Tap;

/// What the operator may set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A command that writes TAP, where the project names none.
    pub command: String,
    /// Whatever command the project names writes TAP.
    pub any_command: bool,
    /// What someone who writes tests here should know.
    pub guidance: String,
}

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "command": {"type": "string", "default": "", "description": "A command that writes TAP, where the project names none."},
    "any_command": {"type": "boolean", "default": false, "description": "Whatever test command the project names writes TAP."},
    "guidance": {"type": "string", "maxLength": 4000, "default": "", "description": "What someone who writes tests here should know."}
  }
}"#;

impl TestRunner for Tap {
    fn describe() -> Description {
        Description::new("tap", env!("CARGO_PKG_VERSION"), "Runs a command that writes TAP and reads its tests.")
            .settings(SCHEMA)
    }

    fn wants() -> Vec<String> {
        Vec::new()
    }

    fn detect(project: Project) -> Result<Option<Plan>, String> {
        Ok(plan(&project, &taskwright_plugin::settings()?))
    }

    fn interpret(outcomes: Vec<Outcome>) -> Result<Vec<TestCase>, String> {
        Ok(outcomes.iter().flat_map(interpret).collect())
    }
}

taskwright_plugin::export!(test_runner Tap);

/// The command that is run, if one is known to write TAP.
pub fn plan(project: &Project, settings: &Settings) -> Option<Plan> {
    let command = match project.test_command.as_deref().map(str::trim).filter(|c| !c.is_empty()) {
        Some(own) if settings.any_command || writes_tap(own) => verbose(own),
        Some(_) => return None,
        None => Some(settings.command.trim().to_owned()).filter(|c| !c.is_empty())?,
    };
    let guidance = if settings.guidance.is_empty() {
        format!("The tests run with `{command}` and write TAP. Follow the tests that are there.")
    } else {
        settings.guidance.clone()
    };
    Some(Plan { summary: format!("`{command}`"), commands: vec![shell(&command, &[], &[])], guidance })
}

fn writes_tap(command: &str) -> bool {
    ["prove", "bats", "tap", "tape", "busted"].iter().any(|tool| names_tool(command, tool))
        || command.split(|c: char| c.is_whitespace() || c == '=').any(|word| word == "--tap" || word == "tap")
}

/// `prove` shows the tests' own lines only when it is told to; `bats` writes for people unless told.
fn verbose(command: &str) -> String {
    let has = |flag: &str| command.split_whitespace().any(|word| word == flag);
    match command.split_whitespace().next() {
        Some("prove") if !has("-v") && !has("--verbose") => command.replacen("prove", "prove -v", 1),
        Some("bats") if !has("--tap") && !has("-F") && !has("--formatter") => command.replacen("bats", "bats --tap", 1),
        _ => command.to_owned(),
    }
}

/// Reads one run.
pub fn interpret(outcome: &Outcome) -> Vec<TestCase> {
    let cases = tap(&outcome.stdout);
    if cases.is_empty() { vec![by_status(outcome)] } else { with_failed_run(cases, outcome) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taskwright_plugin::testing::CaseStatus;

    fn command(own: Option<&str>, settings: &Settings) -> Option<String> {
        let project =
            Project { files: Vec::new(), contents: Vec::new(), test_command: own.map(str::to_owned), test_dir: None };
        plan(&project, settings).map(|p| p.commands[0].argv[2].clone())
    }

    #[test]
    fn commands_that_write_tap_are_taken() {
        let none = Settings::default();
        assert_eq!(command(Some("prove -r t"), &none).as_deref(), Some("prove -v -r t"));
        assert_eq!(command(Some("bats test"), &none).as_deref(), Some("bats --tap test"));
        assert_eq!(
            command(Some("node --test --test-reporter=tap"), &none).as_deref(),
            Some("node --test --test-reporter=tap")
        );
        assert_eq!(command(Some("make check"), &none), None);
        assert_eq!(command(None, &none), None);
    }

    #[test]
    fn the_settings_may_name_a_command_or_vouch_for_the_projects() {
        let settings = Settings { command: "./run-tap".into(), any_command: true, ..Settings::default() };
        assert_eq!(command(None, &settings).as_deref(), Some("./run-tap"));
        assert_eq!(command(Some("make check"), &settings).as_deref(), Some("make check"));
    }

    #[test]
    fn output_that_is_no_tap_counts_by_the_exit_status() {
        let outcome = Outcome {
            command: shell("prove", &[], &[]),
            status: Some(1),
            timed_out: false,
            error: String::new(),
            stdout: "ok 1 - a\nnot ok 2 - b\n".into(),
            stderr: String::new(),
            reports: Vec::new(),
        };
        assert_eq!(interpret(&outcome).len(), 2);
        let silent = Outcome { stdout: String::new(), ..outcome };
        assert_eq!(interpret(&silent)[0].status, CaseStatus::Failed);
    }

    #[test]
    fn the_schema_is_json() {
        serde_json::from_str::<serde_json::Value>(SCHEMA).unwrap();
    }
}
