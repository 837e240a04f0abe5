//! What a task does: the queue and its limits, the executor of one task, the inbox, questions, tests, finalisation and
//! recovery after a restart.
//!
//! Clients call the methods of [`Engine`]; each is one command, carried out in the order in which commands of the same
//! task come, and each answers when its effect is in the log. The truth is the log: nothing above this module holds a
//! task's process or path in memory, and the engine itself holds only what it can rebuild from the log. What must not
//! live here: HTTP, SQL, git, WebAssembly.

#[cfg(test)]
mod built_in_tests;
mod commands;
mod context;
mod deciding;
mod error;
mod executor;
mod inbox;
mod judging;
mod lifecycle;
mod merging;
mod outcome;
mod places;
mod prompt;
mod questions;
mod reading;
mod registry;
mod removal;
mod requests;
mod scheduler;
mod step;
mod surroundings;
#[cfg(test)]
pub(crate) mod testbed;
mod testing;
mod views;

pub use error::{EngineError, FieldError};
pub use outcome::{Deleted, Done, Evidence, InputTaken, Live, MergeDone, Restarted, Stopped, TestRound, WorktreeView};

use crate::{
    agent::Agent,
    domain::{
        Action, Chains, Event, InputId, Limits, QuestionId, Status, Task, TaskId,
        input::{Image, Input, Priority},
        project::Project,
        question::{Answer, AnsweredBy, Question, Remember},
        task::TaskSpec,
    },
    plugin::{PluginView, Plugins},
    store::Store,
    workspace::{FileChange, MergeKind, Workspaces},
};
use context::Context;
use executor::{Begin, Executor};
use futures_util::FutureExt as _;
use lifecycle::Change;
use registry::{Claim, Ending, Registry};
use scheduler::Queue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap, ffi::OsString, future::Future, panic::AssertUnwindSafe, path::PathBuf, sync::Arc,
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

/// What the server's settings tell the engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The data directory: worktrees, runs.
    pub data_dir: PathBuf,
    /// This binary, whose hidden subcommand supervises agents.
    pub program: PathBuf,
    /// The agent's command, split.
    pub agent_command: Vec<OsString>,
    /// Variables beside the allow-list that agents and commands get; a trailing `*` stands for any rest.
    pub agent_env: Vec<String>,
    /// Tasks that run at once.
    pub max_running: usize,
    /// Folders in which repositories may lie, resolved.
    pub roots: Vec<PathBuf>,
    /// The server's chains.
    pub chains: Chains,
    /// Settings of plugins, by name.
    pub plugin_settings: BTreeMap<String, Value>,
    /// Rounds of tests with repair in between.
    pub max_test_rounds: u32,
    /// Patience when ending an agent, for each of its two steps.
    pub stop_grace: Duration,
    /// After how long an idle agent process is ended (its session is resumed with the next message).
    pub idle_agent: Duration,
    /// When worktrees of ended tasks go.
    pub cleanup: CleanupPolicy,
    /// The range of ports that tasks get theirs from.
    pub ports: std::ops::RangeInclusive<u16>,
    /// Longest time of a setup, cleanup or test command.
    pub command_time: Duration,
}

/// When the worktree of a task that has ended is removed by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CleanupPolicy {
    /// Never: a person removes it.
    Never,
    /// When the task is COMPLETED or FINISHED and everything is committed.
    #[default]
    Success,
    /// When the task has ended in any way; what is not committed is kept under a ref.
    Always,
}

/// Who gives a command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    /// The user's name; `operator` for the holder of the server's own token.
    pub name: String,
}

/// What a client changes of a task. `None` leaves a field as it is.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskPatch {
    /// What is to be done.
    pub description: Option<String>,
    /// The repository, or a folder inside one; only before the workspace is made.
    pub root_folder: Option<Option<String>>,
    /// The branch to work on; only before the workspace is made.
    pub branch_name: Option<Option<String>>,
    /// The branch to start from; only before the workspace is made.
    pub base_branch: Option<Option<String>>,
    /// A label of the repository that the client keeps.
    pub git_repo: Option<Option<String>>,
    /// When the work is done, in words.
    pub end_criteria: Option<Option<String>>,
    /// Turns.
    pub max_iterations: Option<Option<u32>>,
    /// Tokens.
    pub max_tokens: Option<Option<u64>>,
    /// United States dollars.
    pub max_cost_usd: Option<Option<f64>>,
    /// Seconds of running time.
    pub max_duration_seconds: Option<Option<u64>>,
    /// What the responder says when nothing else is known.
    pub custom_human_input: Option<Option<String>>,
    /// The projects; only before the workspace is made.
    pub projects: Option<Vec<crate::domain::task::TaskProject>>,
    /// What the agent is told about the project.
    pub project_context: Option<Option<String>>,
    /// MCP servers for the agent, from its next process on.
    pub mcp_servers: Option<Map<String, Value>>,
    /// The model, from the agent's next process on.
    pub model: Option<Option<String>>,
    /// Tools that need no permission, from the agent's next process on.
    pub allowed_tools: Option<Vec<String>>,
    /// Tools that the agent does not get, from its next process on.
    pub disallowed_tools: Option<Vec<String>>,
    /// Text added to the agent's system prompt, from its next process on.
    pub system_prompt: Option<Option<String>>,
    /// Plugin chains, from the next decision on.
    pub chains: Option<Chains>,
    /// Whether the agent is asked to write tests.
    pub generate_tests: Option<Option<bool>>,
    /// Whether the work is committed at the end.
    pub auto_commit: Option<bool>,
    /// The commit message.
    pub commit_message: Option<Option<String>>,
    /// Free labels.
    pub labels: Option<Vec<String>>,
    /// Not before this moment.
    pub start_at: Option<Option<crate::domain::Timestamp>>,
    /// Whether it waits for the user after each answer.
    pub chat_mode: Option<bool>,
}

/// An input to a task.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewInput {
    /// The text.
    pub text: String,
    /// Images, already validated.
    pub images: Vec<Image>,
    /// Which goes first.
    pub priority: Priority,
    /// Whether the present turn is cut short for it.
    pub interrupt: bool,
}

/// How a task is deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeleteOptions {
    /// Whether the worktree goes (it is kept in a ref first); the original's default is true.
    pub cleanup_worktree: bool,
    /// Whether a running task is stopped first.
    pub auto_stop: bool,
    /// Whether the branch goes too.
    pub delete_branch: bool,
    /// Whether an unmerged branch may go.
    pub confirm: bool,
}

/// The engine.
pub struct Engine {
    inner: Inner,
    /// Owns the scheduler, which ends before the executors: it begins none while they are ended.
    scheduler: TaskTracker,
}

/// What every command needs. Cheap to clone.
#[derive(Clone)]
struct Inner {
    ctx: Context,
    registry: Registry,
    queue: Arc<Queue>,
    tracker: TaskTracker,
    stopping: CancellationToken,
}

impl Inner {
    /// Gives a claimed task its executor.
    fn spawn_executor(&self, task: Task, claim: Claim, begin: Begin) {
        claim.slot.set_begun();
        let (inner, id) = (self.clone(), task.id);
        let name = task.spec.task_name.clone();
        let executor = Executor::new(self.ctx.clone(), task, claim, Arc::clone(&self.queue.bell));
        let span = tracing::info_span!("task", %name);
        let work = async move {
            if AssertUnwindSafe(executor.run(begin)).catch_unwind().await.is_err() {
                inner.fail_after_panic(id).await;
            }
        };
        self.tracker.spawn(work.instrument(span));
    }

    /// An executor broke off by a fault of this program: its task says so.
    async fn fail_after_panic(&self, id: TaskId) {
        let failed = self.ctx.store.write(move |tx| {
            let mut task = lifecycle::load(tx, id)?;
            lifecycle::withdraw_questions(tx, &task, "the task has ended")?;
            let error = "Taskwright met an error of its own in this task; the server's log has it. Use `continue` or `recover`.";
            let wanted = Change { error: Some(error.to_owned()), ..Change::engine(Action::Fail).because(error) };
            lifecycle::change(tx, &mut task, wanted)
        });
        if let Err(error) = failed.await {
            tracing::error!(%error, "a task that broke off could not be marked");
        }
    }
}

#[allow(
    clippy::missing_errors_doc,
    reason = "each fails as EngineError tells: unknown task, wrong status, wrong field"
)]
impl Engine {
    /// Starts the scheduler, and every task that an earlier server left: reattached, resumed, or failed with the reason.
    pub async fn start(
        config: EngineConfig,
        store: Store,
        agent: Arc<dyn Agent>,
        plugins: Arc<dyn Plugins>,
        workspaces: Arc<dyn Workspaces>,
    ) -> Result<Arc<Self>, EngineError> {
        let queue = Arc::new(Queue::default());
        let inner = Inner {
            ctx: Context { config: Arc::new(config), store, agent, plugins, workspaces },
            registry: Registry::new(Arc::clone(&queue.bell)),
            queue,
            tracker: TaskTracker::new(),
            stopping: CancellationToken::new(),
        };
        let left = inner.ctx.store.read(|q| q.tasks_in(&[Status::Running, Status::Testing, Status::Paused])).await?;
        for task in left {
            if let Ok(claim) = inner.registry.claim(task.id) {
                inner.spawn_executor(task, claim, Begin::Recovered);
            }
        }
        let scheduler = TaskTracker::new();
        scheduler.spawn(scheduler::run(inner.clone()));
        scheduler.close();
        Ok(Arc::new(Self { inner, scheduler }))
    }

    /// Carries out a command to its end, even when the caller no longer waits for it.
    async fn carry_out<T: Send + 'static>(
        &self,
        command: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        if self.inner.stopping.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        match self.inner.tracker.spawn(command.in_current_span()).await {
            Ok(result) => result,
            Err(error) => Err(EngineError::Conflict(format!("the command broke off: {error}"))),
        }
    }

    /// Ends every task of its own. Agents go on under their supervisors, unless `stop_agents`; then their tasks are STOPPED.
    pub async fn shutdown(&self, stop_agents: bool) {
        self.inner.stopping.cancel();
        self.scheduler.wait().await;
        let ending = if stop_agents { Ending::ServerStops } else { Ending::Leave };
        let owners = self.inner.registry.all();
        futures_util::future::join_all(owners.iter().map(|owner| owner.end(ending.clone()))).await;
        self.inner.tracker.close();
        self.inner.tracker.wait().await;
    }

    /// Checks and stores a task; with `auto_start` it goes into the queue in the same transaction.
    pub async fn create(&self, spec: TaskSpec, auto_start: bool, _actor: &Actor) -> Result<Task, EngineError> {
        self.carry_out(self.inner.clone().create(spec, auto_start, None)).await
    }
    /// Changes what a client may change; what a running task uses already holds from its next decision or process on.
    pub async fn update(&self, id: TaskId, patch: TaskPatch, _actor: &Actor) -> Result<Task, EngineError> {
        self.carry_out(self.inner.clone().update(id, patch)).await
    }
    /// PENDING: into the queue. Queued already: its position. STOPPED: does what `resume` does.
    pub async fn start_task(&self, id: TaskId, actor: &Actor) -> Result<Done, EngineError> {
        self.carry_out(self.inner.clone().start_task(id, actor.clone())).await
    }
    /// STOPPED when it returns, with no process of it left. A second time: says that it was stopped already. A task that
    /// waits in the queue leaves it and is PENDING.
    pub async fn stop(&self, id: TaskId, actor: &Actor) -> Result<Stopped, EngineError> {
        self.carry_out(self.inner.clone().stop(id, actor.clone())).await
    }
    /// STOPPED: back into the queue, for the same agent session and worktree.
    pub async fn resume(&self, id: TaskId, actor: &Actor) -> Result<Done, EngineError> {
        self.carry_out(self.inner.clone().resume(id, actor.clone())).await
    }
    /// RUNNING only: cuts the present turn short.
    pub async fn interrupt(&self, id: TaskId, _actor: &Actor) -> Result<Done, EngineError> {
        self.carry_out(self.inner.clone().interrupt(id)).await
    }
    /// A new agent session that is told what happened so far.
    pub async fn recover(&self, id: TaskId, actor: &Actor) -> Result<Done, EngineError> {
        self.carry_out(self.inner.clone().recover(id, actor.clone())).await
    }
    /// EXHAUSTED: more iterations and tokens, then the queue. Answers the new limits too.
    pub async fn retry(
        &self,
        id: TaskId,
        iterations: u32,
        tokens: Option<u64>,
        actor: &Actor,
    ) -> Result<(Done, Limits), EngineError> {
        self.carry_out(self.inner.clone().retry(id, iterations, tokens, actor.clone())).await
    }
    /// Begins anew: new worktree, new agent session, PENDING and in the queue; what was not committed is kept under a ref.
    pub async fn clear_and_restart(&self, id: TaskId, actor: &Actor) -> Result<Restarted, EngineError> {
        self.carry_out(self.inner.clone().clear_and_restart(id, actor.clone())).await
    }
    /// A new PENDING task with the same request; with `continue_session` its agent is told the conversation so far.
    /// `None` makes up a name.
    pub async fn clone_task(
        &self,
        id: TaskId,
        new_name: Option<String>,
        continue_session: bool,
        actor: &Actor,
    ) -> Result<Task, EngineError> {
        self.carry_out(self.inner.clone().clone_task(id, new_name, continue_session, actor.clone())).await
    }
    /// A person says that it is done.
    pub async fn complete(&self, id: TaskId, actor: &Actor) -> Result<Done, EngineError> {
        self.carry_out(self.inner.clone().complete(id, actor.clone())).await
    }
    /// One more turn: from PAUSED, STOPPED and the final statuses.
    pub async fn continue_task(&self, id: TaskId, input: Option<String>, actor: &Actor) -> Result<Done, EngineError> {
        self.carry_out(self.inner.clone().continue_task(id, input, actor.clone())).await
    }
    /// Removes the task; what is not committed is kept under a ref first.
    pub async fn delete(&self, id: TaskId, options: DeleteOptions, actor: &Actor) -> Result<Deleted, EngineError> {
        self.carry_out(self.inner.clone().delete(id, options, actor.clone())).await
    }
    /// Removes the worktree and keeps the task.
    pub async fn delete_worktree(
        &self,
        id: TaskId,
        options: DeleteOptions,
        actor: &Actor,
    ) -> Result<Deleted, EngineError> {
        self.carry_out(self.inner.clone().delete_worktree(id, options, actor.clone())).await
    }
    /// Merges the task's branch; `None` takes the project's default branch.
    pub async fn merge(
        &self,
        id: TaskId,
        target: Option<String>,
        kind: MergeKind,
        message: Option<String>,
        push: bool,
        actor: &Actor,
    ) -> Result<MergeDone, EngineError> {
        let (ctx, actor) = (self.inner.ctx.clone(), actor.clone());
        self.carry_out(async move { views::merge(&ctx, id, target, kind, message, push, &actor).await }).await
    }
    /// Runs the project's setup commands in the task's worktree again.
    pub async fn setup_again(&self, id: TaskId, _actor: &Actor) -> Result<(), EngineError> {
        let inner = self.inner.clone();
        self.carry_out(async move {
            let task = inner.task(id).await?;
            places::set_up_again(&inner.ctx, &task, &inner.stopping.child_token()).await
        })
        .await
    }

    /// Puts an input into the inbox, or answers the open question with it.
    pub async fn set_input(&self, id: TaskId, input: NewInput, actor: &Actor) -> Result<InputTaken, EngineError> {
        self.carry_out(self.inner.clone().set_input(id, input, actor.clone())).await
    }
    /// While it waits; else a conflict.
    pub async fn edit_input(&self, id: InputId, text: String, _actor: &Actor) -> Result<Input, EngineError> {
        self.carry_out(self.inner.clone().edit_input(id, text)).await
    }
    /// Takes a waiting input back; else a conflict.
    pub async fn remove_input(&self, id: InputId, _actor: &Actor) -> Result<(), EngineError> {
        self.carry_out(self.inner.clone().remove_input(id)).await
    }
    /// Once: a second answer is a conflict that holds the first. Answers the question as it stands then.
    pub async fn answer(
        &self,
        id: QuestionId,
        answer: Answer,
        remember: Remember,
        by: AnsweredBy,
    ) -> Result<Question, EngineError> {
        let inner = self.inner.clone();
        self.carry_out(async move {
            let given = questions::Given { answer, remember, by, input: InputId::new(), images: vec![] };
            let (question, task) = inner.ctx.store.write(move |tx| questions::settle(tx, id, given)).await?;
            inner.registry.tell(task.id, registry::Message::Look);
            Ok(question)
        })
        .await
    }

    /// What the task ended with, or has so far.
    pub async fn evidence(&self, task: &Task) -> Result<Evidence, EngineError> {
        views::evidence(&self.inner.ctx, task).await
    }
    /// Its workplaces and how they stand.
    pub async fn worktrees(&self, task: &Task) -> Result<Vec<WorktreeView>, EngineError> {
        views::worktrees(&self.inner.ctx, task).await
    }
    /// The files that differ from the base.
    pub async fn changes(&self, task: &Task) -> Result<Vec<FileChange>, EngineError> {
        views::changes(&self.inner.ctx, task).await
    }
    /// The unified diff to the base, at most `limit` bytes.
    pub async fn diff(&self, task: &Task, path: Option<String>, limit: usize) -> Result<String, EngineError> {
        views::diff(&self.inner.ctx, task, path, limit).await
    }
    /// What is live of a task, without waiting.
    #[must_use]
    pub fn live(&self, id: TaskId) -> Live {
        Live {
            pid: self.inner.registry.get(id).and_then(|owner| owner.pid()),
            queue_position: self.inner.queue.position(id),
        }
    }
    /// A path of a client: absolute, existing, resolved, inside the roots and not the data directory.
    pub async fn check_folder(&self, field: &str, path: &str) -> Result<PathBuf, EngineError> {
        self.inner.check_folder(field, path).await
    }
    /// Checks what a project names before it is stored.
    pub async fn check_project(&self, project: &Project) -> Result<(), EngineError> {
        self.inner.check_project(project).await
    }
    /// The folders in which repositories may lie, resolved.
    #[must_use]
    pub fn roots(&self) -> &[PathBuf] {
        &self.inner.ctx.config.roots
    }
    /// The plugins that are loaded.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginView> {
        self.inner.ctx.plugins.list()
    }
    /// Git.
    #[must_use]
    pub fn workspaces(&self) -> Arc<dyn Workspaces> {
        Arc::clone(&self.inner.ctx.workspaces)
    }
    /// Writes an event of the server into the log.
    pub async fn tell(&self, body: crate::domain::EventBody) -> Result<Event, EngineError> {
        let written = self.inner.ctx.store.write(move |tx| {
            let seq = tx.append(None, body.clone())?;
            Ok::<_, EngineError>(Event { seq, task_id: None, task: String::new(), at: tx.now(), body })
        });
        written.await
    }
}

#[cfg(test)]
mod tests;
