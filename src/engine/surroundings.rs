//! What a plugin's call may touch beyond its arguments, for one task: settings, log, state, the worktree, the model.
//!
//! Which of these a plugin was granted is the host's affair; here each is held to its limits and to its task.

use super::{
    context::Context,
    places,
    reading::{Beneath, ReadError},
};
use crate::{
    agent::AskSpec,
    domain::{Limits, Task, TaskId, TokenCount, project::Project, task::Workplace},
    plugin::{CapabilityError, Change, ChangeKind, DirEntry, ModelAnswer, Surroundings},
    store::StoreError,
    workspace::{FileChange, WorkspaceError},
};
use async_trait::async_trait;
use serde_json::{Map, Value};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Lines of log that one call may write; more are dropped.
const MAX_LINES: usize = 100;

/// Bytes of a line of log; a longer one is cut.
const MAX_LINE: usize = 4 * 1024;

/// Bytes of a key of a plugin's state.
const MAX_KEY: usize = 256;

/// Bytes of a value.
const MAX_VALUE: usize = 64 * 1024;

/// Bytes that a plugin may keep for a task, keys included.
const MAX_STATE: u64 = 1024 * 1024;

/// Bytes of a file in one call.
const MAX_READ: u32 = 1024 * 1024;

/// Entries of a folder.
const MAX_LIST: usize = 10_000;

/// Bytes of a diff.
const MAX_DIFF: usize = 1024 * 1024;

/// Bytes of a prompt to the model.
const MAX_PROMPT: usize = 256 * 1024;

/// How long the model may take to answer a plugin.
const MODEL_TIME: Duration = Duration::from_secs(180);

/// A line that a plugin wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// Who.
    pub plugin: String,
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// What.
    pub message: String,
}

/// The surroundings of calls about one task.
pub(crate) struct TaskSurroundings {
    ctx: Context,
    task: Task,
    project: Option<Project>,
    places: Vec<Workplace>,
    lines: Mutex<Vec<Line>>,
}

impl TaskSurroundings {
    /// The surroundings of one call; the first of the places is where the agent stands.
    #[must_use]
    pub(crate) fn new(ctx: &Context, task: &Task, project: Option<Project>, places: &[Workplace]) -> Arc<Self> {
        Arc::new(Self {
            ctx: ctx.clone(),
            task: task.clone(),
            project,
            places: places.to_vec(),
            lines: Mutex::new(Vec::new()),
        })
    }

    /// The lines of log since the last time, for the record of the call.
    #[must_use]
    pub(crate) fn take_lines(&self) -> Vec<Line> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn place(&self) -> Result<&Workplace, CapabilityError> {
        self.places.first().ok_or_else(|| CapabilityError::Failed("the task has no workspace yet".to_owned()))
    }

    async fn on_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Beneath) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, CapabilityError> {
        let folder = PathBuf::from(&self.place()?.cwd);
        blocking(move || Beneath::open(&folder).and_then(|beneath| work(&beneath)).map_err(of_reading)).await
    }

    /// The path of a file of the agent's folder as the worktree names it.
    fn in_worktree(&self, path: &str) -> Result<String, CapabilityError> {
        let place = self.place()?;
        let below = PathBuf::from(&place.cwd);
        let below = below.strip_prefix(&place.path).unwrap_or(std::path::Path::new(""));
        let clean = super::reading::clean(path).map_err(of_reading)?;
        Ok(below.join(clean).display().to_string())
    }

    /// The path of a file of the worktree as the agent's folder names it; none for one outside that folder.
    fn in_folder(&self, path: &str) -> Option<String> {
        let place = self.places.first()?;
        let below = PathBuf::from(&place.cwd);
        let below = below.strip_prefix(&place.path).unwrap_or(std::path::Path::new(""));
        PathBuf::from(path).strip_prefix(below).ok().map(|path| path.display().to_string())
    }

    async fn refuse_over_budget(&self) -> Result<(), CapabilityError> {
        let id = self.task.id;
        let task = self.ctx.store.read(move |queries| queries.task(id)).await.map_err(of_store)?;
        let task = task.ok_or_else(|| CapabilityError::Failed("the task is gone".to_owned()))?;
        // Turns do not matter here: judging the last one is part of it.
        let limits = Limits { max_iterations: None, ..task.spec.limits.or(&project_limits(self.project.as_ref())) };
        match limits.exceeded(&task.spent) {
            Some(exceeded) => Err(CapabilityError::Limited(exceeded.to_string())),
            None => Ok(()),
        }
    }

    async fn pay(&self, tokens: TokenCount, cost_usd: f64) -> Result<(), CapabilityError> {
        let id = self.task.id;
        self.ctx
            .store
            .write(move |tx| {
                let Some(mut task) = tx.task(id)? else {
                    return Ok(());
                };
                task.spent.tokens = task.spent.tokens.plus(&tokens);
                task.spent.cost_usd += cost_usd;
                tx.update_task(&task)
            })
            .await
            .map_err(of_store)
    }
}

fn project_limits(project: Option<&Project>) -> Limits {
    let config = project.map(|project| &project.config);
    Limits {
        max_iterations: config.and_then(|config| config.max_iterations),
        max_tokens: config.and_then(|config| config.max_tokens),
        max_cost_usd: config.and_then(|config| config.max_cost_usd),
        max_duration_seconds: config.and_then(|config| config.max_duration_seconds),
    }
}

#[async_trait]
impl Surroundings for TaskSurroundings {
    fn settings(&self, plugin: &str) -> Value {
        let server = self.ctx.config.plugin_settings.get(plugin);
        let project = self.project.as_ref().and_then(|project| project.config.other.get("plugin_settings"));
        merged(server, project.and_then(|settings| settings.get(plugin)))
    }

    fn log(&self, plugin: &str, level: tracing::Level, message: &str) {
        let task = self.task.spec.task_name.as_str();
        let level = match level {
            tracing::Level::ERROR => "error",
            tracing::Level::WARN => "warn",
            tracing::Level::INFO => "info",
            _ => "debug",
        };
        let message = super::deciding::cut(message, MAX_LINE);
        tracing::debug!(task, plugin, level, message, "plugin");
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < MAX_LINES {
            lines.push(Line { plugin: plugin.to_owned(), level, message });
        }
    }

    async fn state_get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, CapabilityError> {
        check_key(key)?;
        let (plugin, id, key) = (plugin.to_owned(), self.task.id, key.to_owned());
        self.ctx.store.read(move |queries| queries.plugin_state(&plugin, id, &key)).await.map_err(of_store)
    }

    async fn state_set(&self, plugin: &str, key: &str, value: Option<Vec<u8>>) -> Result<(), CapabilityError> {
        check_key(key)?;
        if let Some(value) = value.as_ref().filter(|value| value.len() > MAX_VALUE) {
            return Err(CapabilityError::Invalid(format!(
                "the value has {} bytes and at most {MAX_VALUE} are kept",
                value.len()
            )));
        }
        let (plugin, id, key) = (plugin.to_owned(), self.task.id, key.to_owned());
        self.ctx.store.write(move |tx| set_state(tx, &plugin, id, &key, value.as_deref())).await.map_err(|e| e.0)
    }

    async fn state_list(&self, plugin: &str, prefix: &str) -> Result<Vec<String>, CapabilityError> {
        let (plugin, id, prefix) = (plugin.to_owned(), self.task.id, prefix.to_owned());
        self.ctx.store.read(move |queries| queries.plugin_state_keys(&plugin, id, &prefix)).await.map_err(of_store)
    }

    async fn workspace_list(&self, path: &str) -> Result<Vec<DirEntry>, CapabilityError> {
        let path = path.to_owned();
        self.on_files(move |beneath| beneath.list(&path, MAX_LIST)).await
    }

    async fn workspace_read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, CapabilityError> {
        if length > MAX_READ {
            return Err(CapabilityError::Invalid(format!("at most {MAX_READ} bytes are read at once")));
        }
        let path = path.to_owned();
        self.on_files(move |beneath| beneath.read(&path, offset, length as usize)).await
    }

    async fn workspace_changes(&self) -> Result<Vec<Change>, CapabilityError> {
        let (workspaces, place) = (self.ctx.workspaces.clone(), self.place()?.clone());
        let changes = blocking(move || workspaces.changes(&place).map_err(of_workspace)).await?;
        Ok(changes
            .into_iter()
            .filter_map(|change| Some(change_of(self.in_folder(&change.path)?, &change)))
            .take(MAX_LIST)
            .collect())
    }

    async fn workspace_diff(&self, path: Option<&str>) -> Result<String, CapabilityError> {
        let path = path.map(|path| self.in_worktree(path)).transpose()?;
        let (workspaces, place) = (self.ctx.workspaces.clone(), self.place()?.clone());
        blocking(move || workspaces.diff(&place, path.as_deref(), MAX_DIFF).map_err(of_workspace)).await
    }

    async fn ask_model(&self, prompt: &str, schema: Option<Value>) -> Result<ModelAnswer, CapabilityError> {
        if prompt.len() > MAX_PROMPT {
            return Err(CapabilityError::Invalid(format!(
                "the prompt has {} bytes and at most {MAX_PROMPT} are asked",
                prompt.len()
            )));
        }
        self.refuse_over_budget().await?;
        let folder = self.places.first().map(|place| PathBuf::from(&place.cwd)).filter(|folder| folder.is_dir());
        let spec = AskSpec {
            prompt: prompt.to_owned(),
            json_schema: schema,
            cwd: folder.unwrap_or_else(|| self.ctx.config.data_dir.clone()),
            env: places::environment(&self.ctx, &self.task, self.project.as_ref(), &self.places),
            model: self.task.spec.model.clone(),
            timeout: MODEL_TIME,
            command: self.ctx.config.agent_command.clone(),
        };
        // A call that is given up ends its side session with it.
        let cancel = CancellationToken::new();
        let _ends_with_the_call = cancel.clone().drop_guard();
        let answer = self.ctx.agent.ask(spec, cancel).await.map_err(|e| CapabilityError::Failed(e.to_string()))?;
        let tokens = TokenCount {
            input: answer.usage.input,
            output: answer.usage.output,
            cache_creation: answer.usage.cache_creation,
            cache_read: answer.usage.cache_read,
        };
        self.pay(tokens, answer.cost_usd).await?;
        let text = answer.structured.map_or(answer.text, |value| value.to_string());
        Ok(ModelAnswer { text, tokens: tokens.total(), cost_usd: answer.cost_usd })
    }
}

/// The server's settings with the project's laid over them, key by key.
fn merged(server: Option<&Value>, project: Option<&Value>) -> Value {
    let mut settings = match server {
        Some(Value::Object(settings)) => settings.clone(),
        _ => Map::new(),
    };
    if let Some(Value::Object(own)) = project {
        settings.extend(own.clone());
    }
    Value::Object(settings)
}

fn check_key(key: &str) -> Result<(), CapabilityError> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(CapabilityError::Invalid(format!("a key has 1 to {MAX_KEY} bytes")));
    }
    Ok(())
}

/// A capability's error that a transaction may end with.
struct InTransaction(CapabilityError);

impl From<StoreError> for InTransaction {
    fn from(error: StoreError) -> Self {
        Self(of_store(error))
    }
}

fn set_state(
    tx: &mut crate::store::Tx<'_>,
    plugin: &str,
    id: TaskId,
    key: &str,
    value: Option<&[u8]>,
) -> Result<(), InTransaction> {
    tx.set_plugin_state(plugin, id, key, value)?;
    if value.is_some() && tx.plugin_state_size(plugin, id)? > MAX_STATE {
        return Err(InTransaction(CapabilityError::Limited(format!(
            "a plugin keeps at most {MAX_STATE} bytes for a task"
        ))));
    }
    Ok(())
}

fn change_of(path: String, change: &FileChange) -> Change {
    let kind = match change.status {
        "added" => ChangeKind::Added,
        "deleted" => ChangeKind::Deleted,
        "renamed" => ChangeKind::Renamed,
        _ => ChangeKind::Modified,
    };
    Change { path, kind, added: change.additions, removed: change.deletions }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CapabilityError> + Send + 'static,
) -> Result<T, CapabilityError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn of_store(error: StoreError) -> CapabilityError {
    CapabilityError::Failed(error.to_string())
}

fn of_workspace(error: WorkspaceError) -> CapabilityError {
    match error {
        WorkspaceError::Outside(_) => CapabilityError::Invalid(error.to_string()),
        WorkspaceError::Missing(_) => CapabilityError::NotFound,
        other => CapabilityError::Failed(other.to_string()),
    }
}

fn of_reading(error: ReadError) -> CapabilityError {
    match error {
        ReadError::NotFound => CapabilityError::NotFound,
        ReadError::Outside(_) | ReadError::NotThatKind(_) => CapabilityError::Invalid(error.to_string()),
        ReadError::Io(_) => CapabilityError::Failed(error.to_string()),
    }
}

#[cfg(test)]
#[path = "surroundings_tests.rs"]
mod tests;
