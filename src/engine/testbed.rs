//! What the tests of the engine's parts share: tasks and projects as values, and a context with a real database, real git
//! and plugins that say what a test tells them.

use super::{CleanupPolicy, EngineConfig, context::Context};
use crate::{
    agent::{Agent, AgentError, AgentRun, AskAnswer, AskSpec, LaunchSpec, Reattached, TokenUsage},
    domain::{
        Chains, EventBody, Seq, Task, TaskId, Timestamp,
        chain::ChainKind,
        ids::ProjectId,
        project::{Project, ProjectConfig},
        task::{Access, TaskSpec, Workplace},
    },
    plugin::{
        CallError, Called, CriteriaSituation, Criterion, Evaluation, PluginId, PluginView, Plugins, ProjectFiles,
        RespondSituation, Response, RunCase, RunOutcome, RunPlan, ShellCommand, Surroundings, TaskView,
    },
    store::{EventFilter, Store, StoreError},
    workspace::Git,
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// A request with nothing but a name.
pub(crate) fn spec(name: &str) -> TaskSpec {
    TaskSpec::new(name, "Do the work.")
}

/// A PENDING task.
pub(crate) fn task(name: &str) -> Task {
    task_of(spec(name))
}

/// A PENDING task with this request.
pub(crate) fn task_of(spec: TaskSpec) -> Task {
    Task::new(TaskId::new(), spec, Timestamp::from_seconds(1_700_000_000))
}

/// A project with no settings.
pub(crate) fn project(path: &str) -> Project {
    let at = Timestamp::from_seconds(1_700_000_000);
    Project {
        id: ProjectId::new(),
        name: "project".to_owned(),
        path: path.to_owned(),
        user_id: None,
        default_branch: "main".to_owned(),
        project_type: None,
        config: ProjectConfig::default(),
        created_at: at,
        updated_at: at,
    }
}

/// A place that is worked in as it is.
pub(crate) fn workplace(path: &str) -> Workplace {
    Workplace {
        source: path.to_owned(),
        path: path.to_owned(),
        cwd: path.to_owned(),
        access: Access::Write,
        is_worktree: false,
        branch: None,
        created_branch: false,
        base: None,
        base_commit: None,
        first_port: None,
        ports: 0,
    }
}

/// What a scripted plugin answers to what it is given.
type Says<A, T> = Box<dyn Fn(&A) -> Result<T, CallError> + Send + Sync>;

/// What a scripted plugin does at its calls; what is absent passes.
#[derive(Default)]
pub(crate) struct Script {
    pub respond: Option<Says<RespondSituation, Response>>,
    pub extract: Option<Says<TaskView, Vec<Criterion>>>,
    pub commands: Vec<ShellCommand>,
    pub evaluate: Option<Says<CriteriaSituation, Evaluation>>,
    pub wants: Vec<String>,
    pub detect: Option<Says<ProjectFiles, Option<RunPlan>>>,
    pub interpret: Option<Says<[RunOutcome], Vec<RunCase>>>,
}

/// Plugins that do what a test wrote, for tests of how chains are walked.
#[derive(Default)]
pub(crate) struct ScriptedPlugins {
    scripts: BTreeMap<String, Script>,
    calls: Mutex<Vec<String>>,
}

impl ScriptedPlugins {
    pub(crate) fn with(mut self, name: &str, script: Script) -> Self {
        self.scripts.insert(name.to_owned(), script);
        self
    }

    /// The calls so far: `plugin.function`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn called<T>(&self, name: &str, call: &str, answer: impl FnOnce(&Script) -> Result<T, CallError>) -> Called<T> {
        self.calls.lock().unwrap().push(format!("{name}.{call}"));
        let result = match self.scripts.get(name) {
            Some(script) => answer(script),
            None => Err(CallError::NotLoaded { kind: "any", name: name.to_owned() }),
        };
        Called { plugin: id(name), result, duration: Duration::from_micros(40) }
    }
}

fn id(name: &str) -> PluginId {
    PluginId { name: name.to_owned(), version: "0.1.0".to_owned(), hash: format!("hash-of-{name}") }
}

#[async_trait]
impl Plugins for ScriptedPlugins {
    fn list(&self) -> Vec<PluginView> {
        Vec::new()
    }

    fn find(&self, _chain: ChainKind, name: &str) -> Option<PluginId> {
        self.scripts.contains_key(name).then(|| id(name))
    }

    async fn respond(
        &self,
        name: &str,
        situation: &RespondSituation,
        around: Arc<dyn Surroundings>,
    ) -> Called<Response> {
        around.log(name, tracing::Level::INFO, "asked");
        self.called(name, "respond", |script| match &script.respond {
            Some(respond) => respond(situation),
            None => Ok(Response { answer: crate::plugin::Answer::Pass, reason: "nothing to say".to_owned() }),
        })
    }

    async fn extract(&self, name: &str, task: &TaskView, _around: Arc<dyn Surroundings>) -> Called<Vec<Criterion>> {
        self.called(name, "extract", |script| script.extract.as_ref().map_or(Ok(Vec::new()), |extract| extract(task)))
    }

    async fn criteria_commands(
        &self,
        name: &str,
        _task: &TaskView,
        _around: Arc<dyn Surroundings>,
    ) -> Called<Vec<ShellCommand>> {
        self.called(name, "commands", |script| Ok(script.commands.clone()))
    }

    async fn evaluate(
        &self,
        name: &str,
        situation: &CriteriaSituation,
        _around: Arc<dyn Surroundings>,
    ) -> Called<Evaluation> {
        self.called(name, "evaluate", |script| {
            script.evaluate.as_ref().map_or(Ok(Evaluation::Pass), |evaluate| evaluate(situation))
        })
    }

    async fn wants(&self, name: &str, _around: Arc<dyn Surroundings>) -> Called<Vec<String>> {
        self.called(name, "wants", |script| Ok(script.wants.clone()))
    }

    async fn detect(
        &self,
        name: &str,
        project: &ProjectFiles,
        _around: Arc<dyn Surroundings>,
    ) -> Called<Option<RunPlan>> {
        self.called(name, "detect", |script| script.detect.as_ref().map_or(Ok(None), |detect| detect(project)))
    }

    async fn interpret(
        &self,
        name: &str,
        outcomes: &[RunOutcome],
        _around: Arc<dyn Surroundings>,
    ) -> Called<Vec<RunCase>> {
        self.called(name, "interpret", |script| {
            script.interpret.as_ref().map_or(Ok(Vec::new()), |interpret| interpret(outcomes))
        })
    }
}

/// An agent that answers side questions with the question, at a price, and runs nothing.
pub(crate) struct Echo;

#[async_trait]
impl Agent for Echo {
    async fn launch(&self, _spec: LaunchSpec) -> Result<AgentRun, AgentError> {
        Err(AgentError::Ended)
    }

    async fn reattach(&self, _run_dir: &Path, _from_offset: u64) -> Result<Reattached, AgentError> {
        Ok(Reattached::Unknown)
    }

    async fn ask(&self, spec: AskSpec, _cancel: CancellationToken) -> Result<AskAnswer, AgentError> {
        Ok(AskAnswer {
            text: format!("asked: {}", spec.prompt),
            structured: spec.json_schema,
            usage: TokenUsage { input: 10, output: 5, cache_creation: 0, cache_read: 100 },
            cost_usd: 0.25,
            duration: Duration::from_millis(1),
        })
    }

    async fn version(&self, _command: &[std::ffi::OsString]) -> Result<String, AgentError> {
        Ok("echo".to_owned())
    }
}

/// A context in a folder of its own.
pub(crate) struct Bed {
    pub ctx: Context,
    pub plugins: Arc<ScriptedPlugins>,
    pub folder: tempfile::TempDir,
}

impl Bed {
    pub(crate) fn new(plugins: ScriptedPlugins) -> Self {
        Self::with(plugins, |_| ())
    }

    /// With settings changed.
    pub(crate) fn with(plugins: ScriptedPlugins, change: impl FnOnce(&mut EngineConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let data_dir = root.join("data");
        std::fs::create_dir(&data_dir).unwrap();
        let now: crate::store::Now = Arc::new(|| Timestamp::from_seconds(1_700_000_000));
        let store = Store::open(&data_dir.join("taskwright.db"), now).unwrap();
        let mut config = EngineConfig {
            data_dir,
            program: "/bin/false".into(),
            agent_command: vec!["echo".into()],
            agent_env: Vec::new(),
            max_running: 4,
            roots: vec![root],
            chains: Chains::default(),
            plugin_settings: BTreeMap::new(),
            max_test_rounds: 3,
            stop_grace: Duration::from_secs(1),
            idle_agent: Duration::from_secs(60),
            cleanup: CleanupPolicy::Success,
            ports: 42_000..=42_999,
            command_time: Duration::from_secs(60),
        };
        change(&mut config);
        let plugins = Arc::new(plugins);
        let ctx = Context {
            config: Arc::new(config),
            store,
            agent: Arc::new(Echo),
            plugins: plugins.clone(),
            workspaces: Git::new(),
        };
        Self { ctx, plugins, folder }
    }

    /// Stores a task.
    pub(crate) async fn stored(&self, task: Task) -> Task {
        let row = task.clone();
        self.ctx.store.write(move |tx| tx.insert_task(&row)).await.unwrap();
        task
    }

    /// Stores a project.
    pub(crate) async fn stored_project(&self, project: Project) -> Project {
        let row = project.clone();
        self.ctx.store.write(move |tx| tx.insert_project(&row)).await.unwrap();
        project
    }

    /// The task as it is stored now.
    pub(crate) async fn reread(&self, task: &Task) -> Task {
        let id = task.id;
        self.ctx.store.read(move |queries| queries.task(id)).await.unwrap().unwrap()
    }

    /// Everything that the log has of a task.
    pub(crate) async fn events(&self, task: &Task) -> Vec<EventBody> {
        let filter = EventFilter { after: Seq(0), up_to: None, tasks: Some(vec![task.id]), kinds: Vec::new() };
        let events = self.ctx.store.read(move |queries| queries.events(&filter, 1_000)).await;
        let events: Result<_, StoreError> = events;
        events.unwrap().into_iter().map(|event| event.body).collect()
    }

    /// A repository with one commit of these files on `main`.
    pub(crate) fn repository(&self, name: &str, files: &[(&str, &str)]) -> String {
        let path = self.folder.path().canonicalize().unwrap().join(name);
        std::fs::create_dir_all(&path).unwrap();
        git(&path, &["init", "-q", "-b", "main"]);
        git(&path, &["config", "user.name", "Tester"]);
        git(&path, &["config", "user.email", "tester@example.invalid"]);
        for (file, text) in files {
            write(&path.join(file), text);
        }
        git(&path, &["add", "-A"]);
        git(&path, &["commit", "-q", "--allow-empty", "-m", "First"]);
        path.display().to_string()
    }
}

/// Writes a file and makes its folders.
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Runs git and answers what it printed.
#[allow(clippy::disallowed_methods, reason = "tests run the real git")]
pub(crate) fn git(path: &Path, args: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(path).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
