//! Rounds of tests: finds the test runner that knows the project, runs what it plans, and stores the cases it reads.

mod files;
mod origin;
mod reading_results;
mod running;
#[cfg(test)]
mod tests;

use super::{
    EngineError,
    context::Context,
    deciding::{Asking, Call, PassedOver, record, record_unknown},
    places,
};
use crate::{
    domain::{
        ChainKind, EventBody, Seq, Task, TestCaseId,
        test_case::{TestCase, TestStatus, TestSummary},
    },
    plugin::{CaseStatus, PluginId, ProjectFiles, RunCase, RunOutcome, RunPlan},
    store::{EventFilter, StoreError},
};
use origin::Origins;
use serde_json::{Value, json};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Bytes of a diff that are searched for the tests that it adds.
const MAX_DIFF: usize = 4 * 1024 * 1024;

/// Most cases of one round that are kept; failed ones first.
const MAX_CASES: usize = 10_000;

/// Bytes of one case's output that are kept.
const MAX_OUTPUT: usize = 32 * 1024;

/// How a task's project is tested.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Detected {
    /// A test runner knows it.
    Plan(TestPlan),
    /// None does.
    Nothing {
        /// Why, in a sentence for the user: no runner knows the project, the chain is empty, or all failed.
        note: String,
    },
}

/// A test runner with its plan.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TestPlan {
    /// The test runner.
    pub runner: PluginId,
    /// What it runs. `plan.guidance` belongs into the prompt that asks the agent to write tests.
    pub plan: RunPlan,
}

/// How a round went.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum RoundOutcome {
    /// The tests ran, or could not be run, which counts as a failed case.
    Ran(Round),
    /// There was nothing to run. `tests.ended` with round 0 is in the log.
    NoRunner {
        /// Why, in a sentence for the user.
        note: String,
    },
    /// It was cancelled. Nothing of it is stored; the same round is run again.
    Cancelled,
}

/// A round that has ended.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Round {
    /// Its number.
    pub round: u32,
    /// Whether no case failed.
    pub passed: bool,
    /// Counts.
    pub summary: TestSummary,
    /// The cases that failed.
    pub failed: Vec<TestCase>,
    /// In a sentence for the user.
    pub sentence: String,
    /// The message to the agent when some failed: which, with what they printed, cut where it is long.
    pub text: String,
}

/// Asks the test-runner chain how the project is tested, without running anything. Every call is recorded.
///
/// # Errors
/// [`EngineError::Store`] when the log cannot be read or written; a plugin's failure is no error.
pub(crate) async fn detect(ctx: &Context, task: &Task) -> Result<Detected, EngineError> {
    Testing::prepare(ctx, task).await?.detect().await
}

/// The number of the next round of a task: one more than the last that has ended.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn next_round(ctx: &Context, task: &Task) -> Result<u32, EngineError> {
    let id = task.id;
    let last = ctx
        .store
        .read(move |queries| {
            let mut filter = EventFilter {
                after: Seq(0),
                up_to: None,
                tasks: Some(vec![id]),
                kinds: vec!["tests.ended".to_owned()],
            };
            let mut last = 0;
            loop {
                let page = queries.events(&filter, 500)?;
                let Some(end) = page.last().map(|event| event.seq) else {
                    return Ok::<_, StoreError>(last);
                };
                filter.after = end;
                for event in page {
                    if let EventBody::TestsEnded { round, .. } = event.body {
                        last = last.max(round);
                    }
                }
            }
        })
        .await?;
    Ok(last + 1)
}

/// Runs one round: `tests.started`, the commands in the agent's folder, then every case with `tests.case` and
/// `tests.ended`, in one transaction. What the commands leave running is killed.
///
/// # Errors
/// [`EngineError::Store`] when the log cannot be written; that tests cannot be run is no error but a failed case.
pub(crate) async fn run_round(
    ctx: &Context,
    task: &Task,
    round: u32,
    cancel: &CancellationToken,
) -> Result<RoundOutcome, EngineError> {
    let testing = Testing::prepare(ctx, task).await?;
    let plan = match testing.detect().await? {
        Detected::Plan(plan) => plan,
        Detected::Nothing { note } => {
            testing.tell_nothing(&note).await?;
            return Ok(RoundOutcome::NoRunner { note });
        }
    };
    testing.tell_started(round, &plan).await?;
    let Some(outcomes) = testing.run(&plan, cancel).await else {
        return Ok(RoundOutcome::Cancelled);
    };
    let cases = testing.interpret(&plan, &outcomes).await?;
    let cases = reading_results::completed(cases, &outcomes);
    testing.store(round, &plan, cases).await.map(RoundOutcome::Ran)
}

/// What is needed to test one task.
struct Testing<'a> {
    ctx: &'a Context,
    task: &'a Task,
    asking: Asking,
}

impl<'a> Testing<'a> {
    async fn prepare(ctx: &'a Context, task: &'a Task) -> Result<Self, EngineError> {
        Ok(Self { ctx, task, asking: Asking::prepare(ctx, task).await? })
    }

    async fn detect(&self) -> Result<Detected, EngineError> {
        let chain = self.asking.chain(self.ctx, self.task, ChainKind::TestRunner);
        if chain.is_empty() {
            return Ok(Detected::Nothing { note: "no tests were run: the chain of test runners is empty".to_owned() });
        }
        let Some(folder) = self.asking.folder().filter(|folder| folder.is_dir()) else {
            return Ok(Detected::Nothing {
                note: "no tests were run: the task has no folder to run them in".to_owned(),
            });
        };
        let mut passed = Vec::new();
        for name in &chain {
            if self.ctx.plugins.find(ChainKind::TestRunner, name).is_none() {
                passed.push(record_unknown(self.ctx, self.task, &call("detect", name, &Value::Null)).await?);
                continue;
            }
            match self.detect_with(name, folder).await? {
                Ok(plan) => return Ok(Detected::Plan(plan)),
                Err(over) => passed.push(over),
            }
        }
        Ok(Detected::Nothing { note: nobody(&passed) })
    }

    /// One plugin's plan, or why it has none.
    async fn detect_with(&self, name: &str, folder: &Path) -> Result<Result<TestPlan, PassedOver>, EngineError> {
        let over = |why: &str, failed| PassedOver { plugin: name.to_owned(), why: why.to_owned(), failed };
        let around = self.asking.around(self.ctx, self.task);
        let wants = self.ctx.plugins.wants(name, around.clone() as _).await;
        let wanted = match &wants.result {
            Ok(wanted) => wanted.clone(),
            Err(error) => {
                let why = error.to_string();
                let input = Value::Null;
                record(self.ctx, self.task, &call("wants", name, &input), &wants, None, false, around.take_lines())
                    .await?;
                return Ok(Err(over(&why, true)));
            }
        };
        let project = match self.project_files(folder, wanted).await {
            Ok(project) => project,
            Err(why) => return Ok(Err(over(&why, true))),
        };
        let called = self.ctx.plugins.detect(name, &project, around.clone() as _).await;
        let misfit = match &called.result {
            Ok(Some(plan)) => misfit(plan),
            _ => None,
        };
        let counted = matches!(&called.result, Ok(Some(_))) && misfit.is_none();
        let input = serde_json::to_value(&project).unwrap_or_default();
        let lines = around.take_lines();
        record(self.ctx, self.task, &call("detect", name, &input), &called, misfit.clone(), counted, lines).await?;
        Ok(match (called.result, misfit) {
            (_, Some(why)) => Err(over(&why, true)),
            (Ok(Some(plan)), None) => Ok(TestPlan { runner: called.plugin, plan }),
            (Ok(None), None) => Err(over("it does not know this project", false)),
            (Err(error), None) => Err(over(&error.to_string(), true)),
        })
    }

    async fn project_files(&self, folder: &Path, wanted: Vec<String>) -> Result<ProjectFiles, String> {
        let folder = folder.to_owned();
        let read = tokio::task::spawn_blocking(move || {
            Ok::<_, super::reading::ReadError>((files::names(&folder)?, files::contents(&folder, &wanted)?))
        });
        let (files, contents) = match read.await {
            Ok(read) => read.map_err(|error| format!("the project's files could not be read: {error}"))?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let config = self.asking.project.as_ref().map(|project| &project.config);
        Ok(ProjectFiles {
            files,
            contents,
            test_command: config.and_then(|config| config.test_command.clone()).filter(|text| !text.trim().is_empty()),
            test_dir: config.and_then(|config| config.test_dir.clone()).filter(|text| !text.trim().is_empty()),
        })
    }

    async fn run(&self, plan: &TestPlan, cancel: &CancellationToken) -> Option<Vec<RunOutcome>> {
        let (project, places) = (self.asking.project.as_ref(), &self.asking.places);
        let env = places::environment(self.ctx, self.task, project, places);
        let folder = self.asking.folder().unwrap_or(Path::new("/"));
        let place = running::Place { folder, env: &env };
        match running::run(self.ctx, &plan.plan.commands, &place, cancel).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                Some(plan.plan.commands.iter().map(|command| reading_results::not_run(command, &error)).collect())
            }
        }
    }

    async fn interpret(
        &self,
        plan: &TestPlan,
        outcomes: &[RunOutcome],
    ) -> Result<Result<Vec<RunCase>, String>, EngineError> {
        let around = self.asking.around(self.ctx, self.task);
        let name = &plan.runner.name;
        let called = self.ctx.plugins.interpret(name, outcomes, around.clone() as _).await;
        let input = json!({"outcomes": outcomes});
        let counted = called.result.is_ok();
        record(self.ctx, self.task, &call("interpret", name, &input), &called, None, counted, around.take_lines())
            .await?;
        Ok(called.result.map_err(|error| error.to_string()))
    }

    async fn tell_started(&self, round: u32, plan: &TestPlan) -> Result<(), EngineError> {
        let body = EventBody::TestsStarted {
            round,
            runner: plan.runner.name.clone(),
            summary: plan.plan.summary.clone(),
            commands: plan.plan.commands.iter().map(running::shown).collect(),
        };
        self.tell(body).await
    }

    async fn tell_nothing(&self, note: &str) -> Result<(), EngineError> {
        let summary = TestSummary::default();
        self.tell(EventBody::TestsEnded { round: 0, passed: true, summary, text: note.to_owned() }).await
    }

    async fn tell(&self, body: EventBody) -> Result<(), EngineError> {
        let task = self.task.clone();
        self.ctx
            .store
            .write(move |tx| tx.append(Some(&task), body).map(|_| ()))
            .await
            .map_err(|error: StoreError| error.into())
    }

    async fn origins(&self) -> Result<Origins, EngineError> {
        let id = self.task.id;
        let earlier = self.ctx.store.read(move |queries| queries.test_cases(id, None)).await?;
        let (workspaces, place) = (self.ctx.workspaces.clone(), self.asking.places.first().cloned());
        let changed = tokio::task::spawn_blocking(move || {
            // Without a repository nothing is known to be new.
            let place = place.filter(|place| place.base_commit.is_some())?;
            Some((workspaces.changes(&place).ok()?, workspaces.diff(&place, None, MAX_DIFF).ok()?))
        });
        let (changes, diff) = changed.await.ok().flatten().unwrap_or_default();
        Ok(Origins::new(&earlier, &changes, &diff))
    }

    async fn store(&self, round: u32, plan: &TestPlan, cases: Vec<RunCase>) -> Result<Round, EngineError> {
        let origins = self.origins().await?;
        let (task, runner) = (self.task.clone(), plan.runner.name.clone());
        let summary_of_plan = plan.plan.summary.clone();
        self.ctx
            .store
            .write(move |tx| {
                let now = tx.now();
                let cases: Vec<TestCase> = reading_results::bounded(cases, MAX_CASES)
                    .into_iter()
                    .map(|case| TestCase {
                        id: TestCaseId::new(),
                        task_id: task.id,
                        round,
                        runner: runner.clone(),
                        test_type: origins.of(&case),
                        status: status_of(&case.status),
                        output: Some(super::deciding::cut(&case.output, MAX_OUTPUT)).filter(|text| !text.is_empty()),
                        name: case.name,
                        description: Some(case.suite).filter(|suite| !suite.is_empty()),
                        test_code: None,
                        duration_ms: case.duration_ms,
                        created_at: now,
                    })
                    .collect();
                for case in &cases {
                    tx.add_test_case(case)?;
                    tx.append(Some(&task), event_of(case))?;
                }
                let ended = reading_results::round(round, &summary_of_plan, cases);
                let (passed, summary, text) = (ended.passed, ended.summary, ended.sentence.clone());
                tx.append(Some(&task), EventBody::TestsEnded { round, passed, summary, text })?;
                Ok(ended)
            })
            .await
            .map_err(|error: StoreError| error.into())
    }
}

fn call<'a>(call: &'a str, plugin: &'a str, input: &'a Value) -> Call<'a> {
    Call { kind: ChainKind::TestRunner, call, plugin, input }
}

/// Why a plan cannot be run.
fn misfit(plan: &RunPlan) -> Option<String> {
    if plan.commands.is_empty() {
        return Some("its plan has no command".to_owned());
    }
    let is_empty = |argv: &Vec<String>| argv.first().is_none_or(|program| program.trim().is_empty());
    plan.commands.iter().any(|command| is_empty(&command.argv)).then(|| "a command of its plan is empty".to_owned())
}

fn nobody(passed: &[PassedOver]) -> String {
    let failed: Vec<_> =
        passed.iter().filter(|over| over.failed).map(|over| format!("{}: {}", over.plugin, over.why)).collect();
    let asked: Vec<_> = passed.iter().map(|over| over.plugin.as_str()).collect();
    let mut note = format!("no tests were run: no test runner knows this project (asked: {})", asked.join(", "));
    if !failed.is_empty() {
        note.push_str(&format!("; {}", failed.join("; ")));
    }
    note
}

const fn status_of(status: &CaseStatus) -> TestStatus {
    match status {
        CaseStatus::Passed => TestStatus::Passed,
        CaseStatus::Failed => TestStatus::Failed,
        CaseStatus::Skipped => TestStatus::Pending,
    }
}

fn event_of(case: &TestCase) -> EventBody {
    EventBody::TestsCase {
        round: case.round,
        name: case.name.clone(),
        suite: case.description.clone(),
        test_type: case.test_type,
        status: case.status,
        duration_ms: case.duration_ms,
    }
}
