//! The end criteria: asks the criteria chain whether the work is done.

use super::{
    EngineError,
    context::Context,
    deciding::{Asking, Call, PassedOver, record, record_unknown},
    places,
};
use crate::{
    domain::{ChainKind, EventBody, Task, TaskId},
    plugin::{CommandOutcome, CriteriaSituation, Criterion, Evaluation, Finding, ShellCommand, TaskView, Verdict},
    process::{CommandSpec, CommandStatus, Program, run_command},
    store::{StoreError, Tx},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Under this name, which no plugin can have, criteria and findings are kept for a task.
const KEPT_UNDER: &str = "taskwright:criteria";

/// The key of the findings; criteria have `of:` and their plugin's name.
const FINDINGS: &str = "findings";

/// Commands that one evaluation may have run.
const MAX_COMMANDS: usize = 16;

/// How much of a command's output an evaluation is given, in bytes.
const COMMAND_OUTPUT: usize = 64 * 1024;

/// What the criteria chain found.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Judgement {
    /// Every criterion holds.
    Met {
        /// The plugin whose word counted.
        plugin: String,
        /// What shows it, in a few sentences.
        evidence: String,
    },
    /// Some do not.
    NotMet {
        /// The plugin whose word counted.
        plugin: String,
        /// What is missing, one entry a criterion.
        missing: Vec<String>,
        /// The message to the agent: what holds, what is missing, that it goes on.
        text: String,
    },
    /// None fails, and of some it could not be told.
    Unsure {
        /// The plugin whose word counted.
        plugin: String,
        /// Why, in a sentence for the user.
        reason: String,
    },
    /// The chain is empty, or every plugin of it had nothing to say or failed.
    Nobody {
        /// Those that were asked.
        passed: Vec<PassedOver>,
    },
}

/// Asks the criteria chain about the work as it stands: the first plugin that has criteria and something to say of them
/// counts. Criteria are taken from the description once and kept until the request changes. The commands that an
/// evaluation needs run in the agent's folder, with limits. Records every call, and what was found.
///
/// # Errors
/// [`EngineError::Store`] when the log cannot be written; a plugin's failure is no error.
pub(crate) async fn judge(
    ctx: &Context,
    task: &Task,
    last_text: &str,
    cancel: &CancellationToken,
) -> Result<Judgement, EngineError> {
    let asking = Asking::prepare(ctx, task).await?;
    let mut passed = Vec::new();
    for name in &asking.chain(ctx, task, ChainKind::Criteria) {
        if ctx.plugins.find(ChainKind::Criteria, name).is_none() {
            let input = json!({"task": asking.view});
            let call = Call { kind: ChainKind::Criteria, call: "evaluate", plugin: name, input: &input };
            passed.push(record_unknown(ctx, task, &call).await?);
            continue;
        }
        let judge = Judge { ctx, task, asking: &asking, plugin: name };
        match judge.ask(last_text, cancel).await? {
            Ok(findings) => {
                store_findings(ctx, task, name, &findings).await?;
                return Ok(judgement(name, &findings));
            }
            Err(over) => passed.push(over),
        }
    }
    Ok(Judgement::Nobody { passed })
}

/// The criteria with what was found last: `{id, text, verdict, evidence}` each; empty before the first evaluation.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn latest_findings(ctx: &Context, task: TaskId) -> Result<Vec<Value>, StoreError> {
    let kept = ctx.store.read(move |queries| queries.plugin_state(KEPT_UNDER, task, FINDINGS)).await?;
    Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// Forgets criteria and findings, when a task begins anew.
///
/// # Errors
/// When the database cannot be written.
pub(crate) fn forget(tx: &mut Tx<'_>, task: TaskId) -> Result<(), StoreError> {
    for key in tx.plugin_state_keys(KEPT_UNDER, task, "")? {
        tx.set_plugin_state(KEPT_UNDER, task, &key, None)?;
    }
    Ok(())
}

/// One plugin of the chain, asked about one task.
struct Judge<'a> {
    ctx: &'a Context,
    task: &'a Task,
    asking: &'a Asking,
    plugin: &'a str,
}

/// Criteria as they are kept, with what they were taken from.
#[derive(Serialize, Deserialize)]
struct Kept {
    from: String,
    criteria: Vec<Criterion>,
}

impl Judge<'_> {
    /// What it finds about each of its criteria, or why its word does not count.
    async fn ask(
        &self,
        last_text: &str,
        cancel: &CancellationToken,
    ) -> Result<Result<Vec<Finding>, PassedOver>, EngineError> {
        let criteria = match self.criteria().await? {
            Ok(criteria) if criteria.is_empty() => {
                return Ok(Err(self.over("it knows no criteria of this task", false)));
            }
            Ok(criteria) => criteria,
            Err(over) => return Ok(Err(over)),
        };
        let outcomes = match self.commands().await? {
            Ok(commands) => self.run(commands, cancel).await,
            Err(over) => return Ok(Err(over)),
        };
        let situation = CriteriaSituation {
            task: self.asking.view.clone(),
            criteria,
            last_text: last_text.to_owned(),
            recent: self.asking.recent(self.ctx, self.task).await?,
            outcomes,
        };
        self.evaluate(situation).await
    }

    /// Its criteria: those that are kept, while the request is the one that they were taken from.
    async fn criteria(&self) -> Result<Result<Vec<Criterion>, PassedOver>, EngineError> {
        let found = self.ctx.plugins.find(ChainKind::Criteria, self.plugin);
        let from = fingerprint(&self.asking.view, found.map(|id| id.hash).unwrap_or_default().as_str());
        let (id, key) = (self.task.id, format!("of:{}", self.plugin));
        let kept = {
            let key = key.clone();
            self.ctx.store.read(move |queries| queries.plugin_state(KEPT_UNDER, id, &key)).await?
        };
        let kept = kept.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        if let Some(kept) = kept.filter(|kept| kept.from == from) {
            return Ok(Ok(kept.criteria));
        }
        let around = self.asking.around(self.ctx, self.task);
        let called = self.ctx.plugins.extract(self.plugin, &self.asking.view, around.clone() as _).await;
        let input = json!({"task": self.asking.view});
        record(self.ctx, self.task, &self.call("extract", &input), &called, None, false, around.take_lines()).await?;
        match called.result {
            Err(error) => Ok(Err(self.over(&error.to_string(), true))),
            Ok(criteria) => {
                let bytes = serde_json::to_vec(&Kept { from, criteria: criteria.clone() }).unwrap_or_default();
                self.ctx.store.write(move |tx| tx.set_plugin_state(KEPT_UNDER, id, &key, Some(&bytes))).await?;
                Ok(Ok(criteria))
            }
        }
    }

    async fn commands(&self) -> Result<Result<Vec<ShellCommand>, PassedOver>, EngineError> {
        let around = self.asking.around(self.ctx, self.task);
        let called = self.ctx.plugins.criteria_commands(self.plugin, &self.asking.view, around.clone() as _).await;
        let input = json!({"task": self.asking.view});
        let lines = around.take_lines();
        // A plugin that needs no commands would fill the log with empty answers.
        if !matches!(&called.result, Ok(commands) if commands.is_empty()) || !lines.is_empty() {
            record(self.ctx, self.task, &self.call("commands", &input), &called, None, false, lines).await?;
        }
        Ok(called.result.map_err(|error| self.over(&error.to_string(), true)))
    }

    async fn run(&self, commands: Vec<ShellCommand>, cancel: &CancellationToken) -> Vec<CommandOutcome> {
        let mut outcomes = Vec::new();
        let env = places::environment(self.ctx, self.task, self.asking.project.as_ref(), &self.asking.places);
        for command in commands.into_iter().take(MAX_COMMANDS) {
            let Some(folder) = self.asking.folder() else {
                outcomes.push(not_run(command.shell, "there is no workspace to run it in"));
                continue;
            };
            let spec = CommandSpec {
                program: Program::Shell(command.shell.clone()),
                cwd: folder.to_owned(),
                env: env.clone(),
                stdin: Vec::new(),
                time_limit: time_limit(command.timeout_seconds, self.ctx.config.command_time),
                output_limit: COMMAND_OUTPUT,
                separate_stderr: false,
                cancel: cancel.clone(),
            };
            outcomes.push(match run_command(spec, None).await {
                Err(error) => not_run(command.shell, &error.to_string()),
                Ok(ended) => outcome(command.shell, &ended),
            });
        }
        outcomes
    }

    async fn evaluate(&self, situation: CriteriaSituation) -> Result<Result<Vec<Finding>, PassedOver>, EngineError> {
        let around = self.asking.around(self.ctx, self.task);
        let called = self.ctx.plugins.evaluate(self.plugin, &situation, around.clone() as _).await;
        let findings = match &called.result {
            Ok(Evaluation::Findings(findings)) => complete(&situation.criteria, findings),
            Ok(Evaluation::Pass) => Err(self.over("it has nothing to say about this task", false)),
            Err(error) => Err(self.over(&error.to_string(), true)),
        };
        let findings = findings.map_err(|over| PassedOver { plugin: self.plugin.to_owned(), ..over });
        let misfit = findings.as_ref().err().filter(|over| over.failed).map(|over| over.why.clone());
        let input = serde_json::to_value(&situation).unwrap_or_default();
        let (call, counted) = (self.call("evaluate", &input), findings.is_ok());
        record(self.ctx, self.task, &call, &called, misfit, counted, around.take_lines()).await?;
        Ok(findings)
    }

    fn call<'b>(&'b self, call: &'b str, input: &'b Value) -> Call<'b> {
        Call { kind: ChainKind::Criteria, call, plugin: self.plugin, input }
    }

    fn over(&self, why: &str, failed: bool) -> PassedOver {
        PassedOver { plugin: self.plugin.to_owned(), why: why.to_owned(), failed }
    }
}

/// What criteria are taken from: when it changes, they are taken anew.
fn fingerprint(view: &TaskView, plugin_hash: &str) -> String {
    let parts = [&view.description, &view.end_criteria, &view.project_context, plugin_hash];
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn time_limit(seconds: u32, longest: Duration) -> Duration {
    match seconds {
        0 => longest,
        seconds => Duration::from_secs(u64::from(seconds)).min(longest),
    }
}

fn not_run(shell: String, why: &str) -> CommandOutcome {
    CommandOutcome { shell, status: None, output: why.to_owned() }
}

fn outcome(shell: String, ended: &crate::process::CommandOutcome) -> CommandOutcome {
    let (status, output) = match ended.status {
        CommandStatus::Exited(code) => (Some(code), ended.output.text.clone()),
        CommandStatus::Signalled(signal) => (None, format!("{}\n(ended by signal {signal})", ended.output.text)),
        CommandStatus::TimedOut => (None, format!("{}\n(its time was up)", ended.output.text)),
        CommandStatus::Cancelled => (None, format!("{}\n(cancelled)", ended.output.text)),
    };
    CommandOutcome { shell, status, output }
}

/// One finding for each criterion, in their order: what the plugin left out could not be told.
fn complete(criteria: &[Criterion], findings: &[Finding]) -> Result<Vec<Finding>, PassedOver> {
    let known = findings.iter().any(|finding| criteria.iter().any(|criterion| criterion.id == finding.criterion.id));
    if !known {
        let why = "its findings are about none of its criteria".to_owned();
        return Err(PassedOver { plugin: String::new(), why, failed: true });
    }
    let of = |criterion: &Criterion| findings.iter().find(|finding| finding.criterion.id == criterion.id);
    let complete = criteria.iter().map(|criterion| Finding {
        criterion: criterion.clone(),
        verdict: of(criterion)
            .map_or_else(|| Verdict::Unsure("nothing was said about it".to_owned()), |finding| finding.verdict.clone()),
    });
    Ok(complete.collect())
}

/// The word on the whole: one criterion that does not hold is enough for not met.
fn judgement(plugin: &str, findings: &[Finding]) -> Judgement {
    let plugin = plugin.to_owned();
    let (mut met, mut missing, mut unsure) = (Vec::new(), Vec::new(), Vec::new());
    for finding in findings {
        let text = &finding.criterion.text;
        match &finding.verdict {
            Verdict::Met(why) => met.push(with_reason(text, why)),
            Verdict::NotMet(why) => missing.push(with_reason(text, why)),
            Verdict::Unsure(why) => unsure.push(with_reason(text, why)),
        }
    }
    if !missing.is_empty() {
        let text = message(&missing, &unsure, met.len());
        return Judgement::NotMet { plugin, missing, text };
    }
    if !unsure.is_empty() {
        return Judgement::Unsure {
            plugin,
            reason: format!("it could not be told whether these hold: {}", unsure.join("; ")),
        };
    }
    Judgement::Met { plugin, evidence: met.join("; ") }
}

fn with_reason(text: &str, why: &str) -> String {
    if why.trim().is_empty() { text.to_owned() } else { format!("{text} ({})", why.trim()) }
}

fn message(missing: &[String], unsure: &[String], met: usize) -> String {
    let mut text = String::from("The work is not finished yet. Still missing:\n");
    for one in missing {
        text.push_str(&format!("- {one}\n"));
    }
    if !unsure.is_empty() {
        text.push_str("\nThese could not be confirmed; please show that they hold:\n");
        for one in unsure {
            text.push_str(&format!("- {one}\n"));
        }
    }
    if met > 0 {
        text.push_str(&format!(
            "\n{met} of {} criteria hold already; keep them so.\n",
            met + missing.len() + unsure.len()
        ));
    }
    text.push_str("\nPlease go on until all of them hold.");
    text
}

async fn store_findings(ctx: &Context, task: &Task, plugin: &str, findings: &[Finding]) -> Result<(), EngineError> {
    let told: Vec<Value> = findings.iter().map(on_the_wire).collect();
    let bytes = serde_json::to_vec(&told).unwrap_or_default();
    let met = findings.iter().all(|finding| matches!(finding.verdict, Verdict::Met(_)));
    let criteria = json!({"plugin": plugin, "met": met, "findings": told});
    let body = EventBody::TaskUpdated { changes: json!({"criteria": criteria}) };
    let task = task.clone();
    ctx.store
        .write(move |tx| {
            tx.set_plugin_state(KEPT_UNDER, task.id, FINDINGS, Some(&bytes))?;
            tx.append(Some(&task), body).map(|_| ())
        })
        .await
        .map_err(|error: StoreError| error.into())
}

fn on_the_wire(finding: &Finding) -> Value {
    let (verdict, evidence) = match &finding.verdict {
        Verdict::Met(evidence) => ("met", evidence),
        Verdict::NotMet(evidence) => ("not-met", evidence),
        Verdict::Unsure(evidence) => ("unsure", evidence),
    };
    json!({"id": finding.criterion.id, "text": finding.criterion.text, "verdict": verdict, "evidence": evidence})
}

#[cfg(test)]
#[path = "judging_tests.rs"]
mod tests;
