//! The criteria plugin `checklist`: plain checks of the worktree, without a model: files that are there or not, what they
//! contain, how much was changed and where. The checks come from the operator's settings, and from the user's end criteria
//! where every line of those is one of:
//!
//! - `` `README.md` exists `` · `` `old.txt` does not exist ``
//! - `` `README.md` contains `Usage` `` · `` `src/a.rs` does not contain `TODO` ``

mod check;
mod words;

use std::collections::BTreeMap;

use check::{Check, Facts};
use serde::Deserialize;
use taskwright_plugin::judging::{Command, Criterion, Evaluation, Finding, Situation};
use taskwright_plugin::types::{Capability, CapabilityError, Task};
use taskwright_plugin::{Criteria, Description, criteria::lines, workspace};

/// The plugin.
pub struct Checklist;

/// What the operator may set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Checks for every task, beside those of its criteria.
    pub checks: Vec<Check>,
}

impl Criteria for Checklist {
    fn describe() -> Description {
        let summary = "Checks files, their contents and the extent of the changes, without a model.";
        Description::new("checklist", env!("CARGO_PKG_VERSION"), summary)
            .settings(check::SCHEMA)
            .wants(&[Capability::Workspace])
    }

    fn extract(task: Task) -> Result<Vec<Criterion>, String> {
        Ok(criteria(&checks(&task, &taskwright_plugin::settings()?)))
    }

    fn commands(_task: Task) -> Result<Vec<Command>, String> {
        Ok(Vec::new())
    }

    fn evaluate(situation: Situation) -> Result<Evaluation, String> {
        let checks = checks(&situation.task, &taskwright_plugin::settings()?);
        if checks.is_empty() || situation.criteria.is_empty() {
            return Ok(Evaluation::Pass);
        }
        Ok(Evaluation::Findings(findings(&checks, &gather(&checks)?)))
    }
}

taskwright_plugin::export!(criteria Checklist);

/// The checks of a task; none when its criteria say something else besides.
pub fn checks(task: &Task, settings: &Settings) -> Vec<Check> {
    let said = lines(&task.end_criteria);
    let read: Option<Vec<Check>> = said.iter().map(|line| words::check(line)).collect();
    read.map(|own| own.into_iter().chain(settings.checks.iter().cloned()).collect()).unwrap_or_default()
}

fn criteria(checks: &[Check]) -> Vec<Criterion> {
    let criterion =
        |(index, check): (usize, &Check)| Criterion { id: format!("check-{}", index + 1), text: check.text() };
    checks.iter().enumerate().map(criterion).collect()
}

/// What is found about each check.
pub fn findings(checks: &[Check], facts: &Facts) -> Vec<Finding> {
    let found = criteria(checks).into_iter().zip(checks);
    found.map(|(criterion, check)| Finding { criterion, verdict: check.judge(facts) }).collect()
}

/// Bytes of a file that are read.
const MAX_FILE: u32 = 1024 * 1024;

fn gather(checks: &[Check]) -> Result<Facts, String> {
    let mut files = BTreeMap::new();
    for file in checks.iter().filter_map(Check::file) {
        let text = match workspace::read(file, 0, MAX_FILE) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(CapabilityError::NotFound) => workspace::list(file).ok().map(|_| String::new()),
            Err(CapabilityError::Failed(_)) if workspace::list(file).is_ok() => Some(String::new()),
            Err(error) => return Err(format!("`{file}` could not be read: {}.", error.why())),
        };
        files.insert(file.to_owned(), text);
    }
    let changes = if checks.iter().any(Check::needs_changes) { workspace::changes() } else { Ok(Vec::new()) };
    let changes = changes.map_err(|e| format!("The changes could not be read: {}.", e.why()))?;
    let diff = if checks.iter().any(Check::needs_diff) { workspace::diff(None) } else { Ok(String::new()) };
    let diff = diff.map_err(|e| format!("The difference could not be read: {}.", e.why()))?;
    Ok(Facts { files, changes, diff })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(criteria: &str) -> Task {
        Task {
            id: String::new(),
            name: String::new(),
            description: String::new(),
            end_criteria: criteria.into(),
            project_context: String::new(),
            custom_input: String::new(),
            projects: Vec::new(),
            branch: String::new(),
            turns: 1,
            max_turns: None,
            test_rounds: 0,
        }
    }

    #[test]
    fn checks_come_from_criteria_that_are_all_checks_and_from_the_settings() {
        let settings: Settings = serde_json::from_str(r#"{"checks": [{"max_files": 3}]}"#).unwrap();
        assert_eq!(checks(&task("- `a.txt` exists\n- `b.txt` contains `x`"), &settings).len(), 3);
        assert_eq!(checks(&task(""), &settings), [Check::MaxFiles(3)]);
        assert_eq!(checks(&task("`a.txt` exists\nIt looks good"), &settings), []);
    }

    #[test]
    fn each_check_is_a_criterion_with_a_finding() {
        let facts = Facts { files: BTreeMap::from([("a.txt".into(), Some("x".into()))]), ..Facts::default() };
        let found = findings(&checks(&task("`a.txt` exists\n`a.txt` contains `y`"), &Settings::default()), &facts);
        assert_eq!(found.iter().map(|f| f.verdict.is_met()).collect::<Vec<_>>(), [true, false]);
        assert_eq!(found[1].criterion.id, "check-2");
    }
}
