//! The world `criteria`.

use super::{Question, Unfit, answered, entries, not_blank, of_another_kind, task};
use crate::plugin::{
    CallError, CriteriaSituation, Criterion, Evaluation, Finding, ShellCommand, TaskView, Verdict,
    bindings::criteria::exports::taskwright::plugin::judging as wit, component::Functions, sandbox::Call,
};
use std::collections::HashSet;
use wasmtime::{Result, Store};

/// Criteria of a task.
const CRITERIA: usize = 200;
/// Commands of an evaluation.
const COMMANDS: usize = 32;

/// Which criteria a task has.
pub(in crate::plugin) struct Extract<'a>(pub(in crate::plugin) &'a TaskView);

impl Question for Extract<'_> {
    type Answer = Vec<Criterion>;

    async fn ask(&self, functions: &Functions, store: &mut Store<Call>) -> Result<Result<Self::Answer, CallError>> {
        let Functions::Criteria(pre) = functions else { return Err(of_another_kind()) };
        let given = task(self.0);
        let instance = pre.instantiate_async(&mut *store).await?;
        let answer = instance.taskwright_plugin_judging().call_extract(store, &given).await?;
        Ok(answered(answer.map(|criteria| well_extracted(criteria.into_iter().map(told_criterion).collect()))))
    }
}

/// Which commands an evaluation needs.
pub(in crate::plugin) struct Commands<'a>(pub(in crate::plugin) &'a TaskView);

impl Question for Commands<'_> {
    type Answer = Vec<ShellCommand>;

    async fn ask(&self, functions: &Functions, store: &mut Store<Call>) -> Result<Result<Self::Answer, CallError>> {
        let Functions::Criteria(pre) = functions else { return Err(of_another_kind()) };
        let given = task(self.0);
        let instance = pre.instantiate_async(&mut *store).await?;
        let answer = instance.taskwright_plugin_judging().call_commands(store, &given).await?;
        Ok(answered(answer.map(|commands| well_commanded(commands.into_iter().map(told_command).collect()))))
    }
}

/// Whether the criteria are met.
pub(in crate::plugin) struct Evaluate<'a>(pub(in crate::plugin) &'a CriteriaSituation);

impl Question for Evaluate<'_> {
    type Answer = Evaluation;

    async fn ask(&self, functions: &Functions, store: &mut Store<Call>) -> Result<Result<Self::Answer, CallError>> {
        let Functions::Criteria(pre) = functions else { return Err(of_another_kind()) };
        let given = given(self.0);
        let instance = pre.instantiate_async(&mut *store).await?;
        let answer = instance.taskwright_plugin_judging().call_evaluate(store, &given).await?;
        Ok(answered(answer.map(|evaluation| well_found(told(evaluation), &self.0.criteria))))
    }
}

fn given(situation: &CriteriaSituation) -> wit::Situation {
    let criterion = |criterion: &Criterion| wit::Criterion { id: criterion.id.clone(), text: criterion.text.clone() };
    let outcome = |outcome: &crate::plugin::CommandOutcome| wit::Outcome {
        shell: outcome.shell.clone(),
        status: outcome.status,
        output: outcome.output.clone(),
    };
    wit::Situation {
        task: task(&situation.task),
        criteria: situation.criteria.iter().map(criterion).collect(),
        last_text: situation.last_text.clone(),
        recent: entries(&situation.recent),
        outcomes: situation.outcomes.iter().map(outcome).collect(),
    }
}

fn told_criterion(criterion: wit::Criterion) -> Criterion {
    Criterion { id: criterion.id, text: criterion.text }
}

fn told_command(command: wit::Command) -> ShellCommand {
    ShellCommand { shell: command.shell, timeout_seconds: command.timeout_seconds }
}

fn told(evaluation: wit::Evaluation) -> Evaluation {
    let finding = |finding: wit::Finding| Finding {
        criterion: told_criterion(finding.criterion),
        verdict: match finding.verdict {
            wit::Verdict::Met(evidence) => Verdict::Met(evidence),
            wit::Verdict::NotMet(missing) => Verdict::NotMet(missing),
            wit::Verdict::Unsure(why) => Verdict::Unsure(why),
        },
    };
    match evaluation {
        wit::Evaluation::Findings(findings) => Evaluation::Findings(findings.into_iter().map(finding).collect()),
        wit::Evaluation::Pass => Evaluation::Pass,
    }
}

fn well_extracted(criteria: Vec<Criterion>) -> Result<Vec<Criterion>, Unfit> {
    if criteria.len() > CRITERIA {
        return Err(format!("it told {} criteria and at most {CRITERIA} are taken", criteria.len()));
    }
    let mut ids = HashSet::new();
    for criterion in &criteria {
        not_blank(&criterion.id, "the short name of a criterion")?;
        not_blank(&criterion.text, "the text of a criterion")?;
        if !ids.insert(criterion.id.as_str()) {
            return Err(format!("two criteria have the short name `{}`", criterion.id));
        }
    }
    Ok(criteria)
}

fn well_commanded(commands: Vec<ShellCommand>) -> Result<Vec<ShellCommand>, Unfit> {
    if commands.len() > COMMANDS {
        return Err(format!("it told {} commands and at most {COMMANDS} are taken", commands.len()));
    }
    for command in &commands {
        not_blank(&command.shell, "a command")?;
        if command.shell.contains('\0') {
            return Err("a command has a NUL".into());
        }
    }
    Ok(commands)
}

/// The evaluation, if it finds something about each criterion and about nothing else. The host's own words for the
/// criteria are kept.
fn well_found(evaluation: Evaluation, criteria: &[Criterion]) -> Result<Evaluation, Unfit> {
    let Evaluation::Findings(findings) = evaluation else { return Ok(evaluation) };
    let mut found = HashSet::new();
    let findings = findings.into_iter().map(|finding| {
        let id = finding.criterion.id;
        let criterion = criteria.iter().find(|criterion| criterion.id == id);
        let criterion = criterion.ok_or_else(|| format!("`{id}` is none of the criteria that were asked for"))?;
        if !found.insert(criterion.id.as_str()) {
            return Err(format!("it found two things about `{id}`"));
        }
        Ok(Finding { criterion: criterion.clone(), verdict: finding.verdict })
    });
    let findings = findings.collect::<Result<Vec<_>, Unfit>>()?;
    match criteria.iter().find(|criterion| !found.contains(criterion.id.as_str())) {
        Some(missing) => Err(format!("it found nothing about `{}`", missing.id)),
        None => Ok(Evaluation::Findings(findings)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(id: &str) -> Criterion {
        Criterion { id: id.into(), text: format!("{id} holds") }
    }

    fn findings(ids: &[&str]) -> Evaluation {
        let finding = |id: &&str| Finding {
            criterion: Criterion { id: id.to_string(), text: "forged".into() },
            verdict: Verdict::Met("seen".into()),
        };
        Evaluation::Findings(ids.iter().map(finding).collect())
    }

    #[test]
    fn an_evaluation_is_about_the_criteria_that_were_asked_for() {
        let criteria = [criterion("a"), criterion("b")];
        assert!(well_found(findings(&["a", "b"]), &criteria).is_ok());
        assert!(well_found(findings(&["a"]), &criteria).is_err());
        assert!(well_found(findings(&["a", "b", "c"]), &criteria).is_err());
        assert!(well_found(findings(&["a", "a"]), &criteria).is_err());
        assert!(well_found(Evaluation::Pass, &criteria).is_ok());
    }

    #[test]
    fn a_plugin_cannot_change_the_words_of_a_criterion() {
        let Ok(Evaluation::Findings(findings)) = well_found(findings(&["a"]), &[criterion("a")]) else {
            panic!("the evaluation fits");
        };
        assert_eq!(findings[0].criterion, criterion("a"));
    }

    #[test]
    fn criteria_have_short_names_of_their_own() {
        assert!(well_extracted(vec![criterion("a"), criterion("b")]).is_ok());
        assert!(well_extracted(vec![criterion("a"), criterion("a")]).is_err());
        assert!(well_extracted(vec![criterion(" ")]).is_err());
        assert!(well_extracted(vec![]).is_ok());
    }

    #[test]
    fn a_command_is_a_text_for_the_shell() {
        let command = |shell: &str| ShellCommand { shell: shell.into(), timeout_seconds: 1 };
        assert!(well_commanded(vec![command("make test")]).is_ok());
        assert!(well_commanded(vec![command("")]).is_err());
        assert!(well_commanded(vec![command("a\0b")]).is_err());
        assert!(well_commanded(vec![command("true"); COMMANDS + 1]).is_err());
    }
}
