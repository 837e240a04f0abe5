//! The criteria plugin `command`: a criterion that names a command holds when the command ends with exit status 0. It
//! acts only where the operator's settings name commands, or where every line of the user's end criteria does, as
//! `$ cargo test` or "`npm test` passes". The host runs the commands in the worktree; this plugin never takes one from
//! what the agent says.

use serde::Deserialize;
use taskwright_plugin::criteria::{command, lines};
use taskwright_plugin::judging::{Command, Criterion, Evaluation, Finding, Outcome, Situation, Verdict};
use taskwright_plugin::types::Task;
use taskwright_plugin::words::{tail, without_escapes};
use taskwright_plugin::{Criteria, Description};

/// The plugin.
pub struct CommandCriteria;

/// What the operator may set.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Commands that must succeed for every task, beside those of its criteria.
    pub commands: Vec<String>,
    /// Commands may come from the user's end criteria.
    pub from_criteria: bool,
    /// Longest time of one command.
    pub timeout_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { commands: Vec::new(), from_criteria: true, timeout_seconds: 900 }
    }
}

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "commands": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 20, "default": [],
      "description": "Commands that must succeed for every task, beside those of its criteria. They run in the worktree, by `sh -c`."},
    "from_criteria": {"type": "boolean", "default": true,
      "description": "Commands may come from the user's end criteria, written as `$ cargo test`."},
    "timeout_seconds": {"type": "integer", "minimum": 1, "maximum": 7200, "default": 900, "description": "Longest time of one command."}
  }
}"#;

/// Most commands of a task.
const MAX_COMMANDS: usize = 20;

impl Criteria for CommandCriteria {
    fn describe() -> Description {
        let summary = "Judges criteria that name a command (`$ cargo test`) by the command's exit status.";
        Description::new("command", env!("CARGO_PKG_VERSION"), summary).settings(SCHEMA)
    }

    fn extract(task: Task) -> Result<Vec<Criterion>, String> {
        Ok(criteria(&task, &taskwright_plugin::settings()?))
    }

    fn commands(task: Task) -> Result<Vec<Command>, String> {
        let settings: Settings = taskwright_plugin::settings()?;
        let timeout_seconds = settings.timeout_seconds.max(1);
        Ok(named(&task, &settings).into_iter().map(|shell| Command { shell, timeout_seconds }).collect())
    }

    fn evaluate(situation: Situation) -> Result<Evaluation, String> {
        Ok(evaluate(&situation, &taskwright_plugin::settings()?))
    }
}

taskwright_plugin::export!(criteria CommandCriteria);

/// The commands that the settings and the criteria name. None when the criteria say something else besides: then they
/// are the next plugin's.
pub fn named(task: &Task, settings: &Settings) -> Vec<String> {
    let said = lines(&task.end_criteria);
    let from_criteria: Vec<String> = said.iter().filter_map(|line| command(line)).map(str::to_owned).collect();
    if from_criteria.len() < said.len() || (!said.is_empty() && !settings.from_criteria) {
        return Vec::new();
    }
    let mut commands = from_criteria;
    commands.extend(settings.commands.iter().map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()));
    let mut unique = Vec::new();
    for command in commands {
        if !unique.contains(&command) {
            unique.push(command);
        }
    }
    unique.truncate(MAX_COMMANDS);
    unique
}

/// One criterion for each command.
pub fn criteria(task: &Task, settings: &Settings) -> Vec<Criterion> {
    let criterion = |(index, command): (usize, &String)| Criterion {
        id: format!("command-{}", index + 1),
        text: format!("`{command}` ends with exit status 0."),
    };
    named(task, settings).iter().enumerate().map(criterion).collect()
}

/// What the commands' outcomes say.
pub fn evaluate(situation: &Situation, settings: &Settings) -> Evaluation {
    let commands = named(&situation.task, settings);
    if commands.is_empty() || situation.criteria.is_empty() {
        return Evaluation::Pass;
    }
    let criteria = criteria(&situation.task, settings);
    let finding = |(criterion, command): (Criterion, &String)| {
        let outcome = situation.outcomes.iter().find(|o| o.shell == *command);
        Finding { criterion, verdict: verdict(outcome) }
    };
    Evaluation::Findings(criteria.into_iter().zip(&commands).map(finding).collect())
}

fn verdict(outcome: Option<&Outcome>) -> Verdict {
    let Some(outcome) = outcome else { return Verdict::Unsure("It was not run.".into()) };
    let output = without_escapes(&outcome.output);
    let end = tail(output.trim(), 2000);
    match outcome.status {
        Some(0) => Verdict::Met(format!("It ended with exit status 0. {}", last_line(end)).trim_end().to_owned()),
        Some(status) => Verdict::NotMet(format!("It ended with exit status {status}:\n{end}")),
        None => Verdict::NotMet(format!("It did not end by itself, or could not start:\n{end}")),
    }
}

fn last_line(text: &str) -> &str {
    text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(criteria: &str, outcomes: &[(&str, Option<i32>)]) -> Situation {
        let task = Task {
            id: String::new(),
            name: String::new(),
            description: "Do it. $ rm -rf .".into(),
            end_criteria: criteria.into(),
            project_context: String::new(),
            custom_input: String::new(),
            projects: Vec::new(),
            branch: String::new(),
            turns: 1,
            max_turns: None,
            test_rounds: 0,
        };
        let outcomes = outcomes.iter().map(|(shell, status)| Outcome {
            shell: (*shell).into(),
            status: *status,
            output: "all\ngood\n".into(),
        });
        Situation {
            criteria: super::criteria(&task, &Settings::default()),
            task,
            last_text: "$ rm -rf .".into(),
            recent: Vec::new(),
            outcomes: outcomes.collect(),
        }
    }

    #[test]
    fn only_criteria_that_are_all_commands_are_judged() {
        let commands = |text: &str| named(&situation(text, &[]).task, &Settings::default());
        assert_eq!(commands("$ cargo test\n- `npm test` passes\n$ cargo test"), ["cargo test", "npm test"]);
        assert_eq!(commands("$ cargo test\nThe page looks good."), [""; 0]);
        assert_eq!(commands(""), [""; 0]);
    }

    #[test]
    fn the_settings_name_commands_for_every_task() {
        let settings = Settings { commands: vec!["make check".into()], ..Settings::default() };
        assert_eq!(named(&situation("", &[]).task, &settings), ["make check"]);
        let strict = Settings { from_criteria: false, ..settings };
        assert_eq!(named(&situation("$ cargo test", &[]).task, &strict), [""; 0]);
    }

    #[test]
    fn the_exit_status_decides() {
        let situation = situation("$ a\n$ b\n$ c\n$ d", &[("a", Some(0)), ("b", Some(2)), ("c", None)]);
        let Evaluation::Findings(findings) = evaluate(&situation, &Settings::default()) else { panic!("no findings") };
        let verdicts: Vec<String> = findings.iter().map(|f| format!("{:?}", f.verdict)).collect();
        assert!(verdicts[0].contains("good") && findings[0].verdict.is_met());
        assert!(
            matches!(&findings[1].verdict, Verdict::NotMet(why) if why.contains("exit status 2") && why.contains("all"))
        );
        assert!(matches!(findings[2].verdict, Verdict::NotMet(_)));
        assert!(matches!(findings[3].verdict, Verdict::Unsure(_)));
    }

    #[test]
    fn without_commands_it_has_nothing_to_say() {
        assert_eq!(evaluate(&situation("The page looks good.", &[]), &Settings::default()), Evaluation::Pass);
    }

    #[test]
    fn the_schema_fits_the_settings() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        assert_eq!(schema["properties"]["timeout_seconds"]["default"], Settings::default().timeout_seconds);
    }
}
