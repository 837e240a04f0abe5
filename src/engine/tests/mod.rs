//! Whole tasks through the engine: a real database and real git, with an agent and plugins in memory.

mod agent;
mod lives;
mod machine;
mod plugins;
mod restarts;

use super::*;
use crate::{
    domain::{Timestamp, event::EventBody, interaction::InteractionType},
    plugin,
    store::{EventFilter, Heard as StoreHeard, Page},
    workspace::Git,
};
use agent::{Move, Script, Scripted};
use plugins::{CRITERIA, Functions, RESPONDER};
use std::{path::Path, time::Instant};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One engine with everything around it in a folder of its own.
struct World {
    /// Holds everything; goes with the world.
    _dir: tempfile::TempDir,
    repo: PathBuf,
    agent: Arc<Scripted>,
    store: Store,
    engine: Arc<Engine>,
    config: EngineConfig,
    plugins: Arc<Functions>,
}

/// How a world is made.
struct Setup {
    script: Script,
    respond: Box<dyn Fn(&plugin::RespondSituation) -> plugin::Answer + Send + Sync>,
    judge: Box<dyn Fn(&str) -> plugin::Verdict + Send + Sync>,
    max_running: usize,
}

impl Setup {
    fn new(script: impl Fn(u32, &str) -> Vec<Move> + Send + Sync + 'static) -> Self {
        Self {
            script: Arc::new(script),
            respond: Box::new(finish_or_allow),
            judge: Box::new(|_| plugin::Verdict::Met("it is there".to_owned())),
            max_running: 4,
        }
    }

    fn responder(self, respond: impl Fn(&plugin::RespondSituation) -> plugin::Answer + Send + Sync + 'static) -> Self {
        Self { respond: Box::new(respond), ..self }
    }

    fn judge(self, judge: impl Fn(&str) -> plugin::Verdict + Send + Sync + 'static) -> Self {
        Self { judge: Box::new(judge), ..self }
    }

    async fn make(self) -> World {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let repo = root.join("repo");
        make_repository(&repo);
        let data = root.join("data");
        std::fs::create_dir_all(&data).unwrap();
        let begin = Instant::now();
        let now = move || {
            let passed = i64::try_from(begin.elapsed().as_millis()).unwrap();
            Timestamp::from_millis(1_700_000_000_000 + passed)
        };
        let store = Store::open(&data.join("taskwright.db"), Arc::new(now)).unwrap();
        let config = EngineConfig {
            data_dir: data,
            program: PathBuf::from("/proc/self/exe"),
            agent_command: vec!["agent".into()],
            agent_env: vec![],
            max_running: self.max_running,
            roots: vec![root],
            chains: Chains {
                responder: Some(vec![RESPONDER.to_owned()]),
                criteria: Some(vec![CRITERIA.to_owned()]),
                test_runner: None,
            },
            plugin_settings: BTreeMap::new(),
            max_test_rounds: 2,
            stop_grace: Duration::from_millis(200),
            idle_agent: Duration::from_secs(600),
            cleanup: CleanupPolicy::Never,
            ports: 20_000..=21_000,
            command_time: Duration::from_secs(60),
        };
        let agent = Scripted::new(self.script);
        let plugins = Arc::new(Functions { respond: self.respond, judge: self.judge });
        let engine = start(&config, &store, &agent, &plugins).await;
        World { _dir: dir, repo, agent, store, engine, config, plugins }
    }
}

async fn start(config: &EngineConfig, store: &Store, agent: &Arc<Scripted>, plugins: &Arc<Functions>) -> Arc<Engine> {
    let agent: Arc<dyn Agent> = Arc::new(Arc::clone(agent));
    let plugins: Arc<dyn Plugins> = plugins.clone();
    Engine::start(config.clone(), store.clone(), agent, plugins, Git::new()).await.unwrap()
}

/// Done when the agent stops speaking; every permission is given.
fn finish_or_allow(situation: &plugin::RespondSituation) -> plugin::Answer {
    match &situation.happening {
        plugin::Happening::TurnEnded(text) => plugin::Answer::Finish(text.clone()),
        plugin::Happening::Permission(_) => plugin::Answer::Allow,
        plugin::Happening::Questions(_) => plugin::Answer::Pass,
    }
}

/// Nobody but the user answers.
fn pass(_: &plugin::RespondSituation) -> plugin::Answer {
    plugin::Answer::Pass
}

#[allow(clippy::disallowed_methods, reason = "a test's repository is made with git itself")]
fn git(at: &Path, args: &[&str]) -> String {
    let output = std::process::Command::new("git").arg("-C").arg(at).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn make_repository(at: &Path) {
    std::fs::create_dir_all(at).unwrap();
    git(at, &["init", "-q", "-b", "main"]);
    git(at, &["config", "user.name", "Tester"]);
    git(at, &["config", "user.email", "tester@example.invalid"]);
    std::fs::write(at.join("README.md"), "# Sample\n").unwrap();
    git(at, &["add", "-A"]);
    git(at, &["commit", "-q", "-m", "First"]);
}

fn actor() -> Actor {
    Actor { name: "ada".to_owned() }
}

impl World {
    fn spec(&self, name: &str) -> TaskSpec {
        TaskSpec {
            task_name: name.to_owned(),
            description: "Do the work.".to_owned(),
            user_id: None,
            root_folder: Some(self.repo.display().to_string()),
            branch_name: None,
            base_branch: None,
            git_repo: None,
            use_worktree: true,
            projects: vec![],
            project_context: None,
            chat_mode: false,
            end_criteria: None,
            limits: Limits::default(),
            mcp_servers: Map::new(),
            model: None,
            allowed_tools: vec![],
            disallowed_tools: vec![],
            system_prompt: None,
            chains: Chains::default(),
            generate_tests: None,
            auto_commit: true,
            commit_message: None,
            labels: vec![],
            start_at: None,
            session_id: None,
            custom_human_input: None,
        }
    }

    async fn run(&self, spec: TaskSpec) -> TaskId {
        self.engine.create(spec, true, &actor()).await.unwrap().id
    }

    async fn task(&self, id: TaskId) -> Task {
        self.store.read(move |q| q.task(id)).await.unwrap().unwrap()
    }

    /// Waits until the task is as wanted.
    async fn until(&self, id: TaskId, what: &str, wanted: impl Fn(&Task) -> bool) -> Task {
        let mut heard = self.store.subscribe();
        let waits = async {
            loop {
                let task = self.task(id).await;
                if wanted(&task) {
                    return task;
                }
                if matches!(heard.next().await, StoreHeard::Closed) {
                    panic!("the store closed");
                }
            }
        };
        match tokio::time::timeout(PATIENCE, waits).await {
            Ok(task) => task,
            Err(_) => panic!("waited for {what}: {:#?}\n{}", self.task(id).await, self.story(id).await),
        }
    }

    async fn until_status(&self, id: TaskId, status: Status) -> Task {
        self.until(id, status.as_str(), |task| task.status == status).await
    }

    /// Waits until so many turns have reached agents.
    async fn until_heard(&self, turns: usize) -> Vec<agent::Heard> {
        let mut heard = self.store.subscribe();
        let waits = async {
            while self.agent.heard().len() < turns {
                tokio::select! {
                    _ = heard.next() => {}
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, waits).await.unwrap_or_else(|_| panic!("waited for {turns} turns"));
        self.agent.heard()
    }

    async fn events(&self, id: TaskId) -> Vec<EventBody> {
        let filter = EventFilter { tasks: Some(vec![id]), ..EventFilter::default() };
        self.store.read(move |q| q.events(&filter, 10_000)).await.unwrap().into_iter().map(|e| e.body).collect()
    }

    async fn story(&self, id: TaskId) -> String {
        let events = self.events(id).await;
        events.iter().map(|e| serde_json::to_string(e).unwrap()).collect::<Vec<_>>().join("\n")
    }

    /// The statuses through which the task went, each a legal step from the one before.
    async fn statuses(&self, id: TaskId) -> Vec<Status> {
        let mut all = vec![Status::Pending];
        for event in self.events(id).await {
            if let EventBody::TaskStatus { status, previous, .. } = event {
                assert_eq!(all.last(), Some(&previous), "a gap in the statuses");
                all.push(status);
            }
        }
        all
    }

    async fn open_question(&self, id: TaskId) -> Question {
        self.until_status(id, Status::Paused).await;
        self.store.read(move |q| q.open_questions(id)).await.unwrap().remove(0)
    }

    async fn say(&self, id: TaskId, text: &str) -> InputTaken {
        self.input(id, text, Priority::Normal, false).await
    }

    async fn input(&self, id: TaskId, text: &str, priority: Priority, interrupt: bool) -> InputTaken {
        let input = NewInput { text: text.to_owned(), images: vec![], priority, interrupt };
        self.engine.set_input(id, input, &actor()).await.unwrap()
    }

    /// What was said, by whom.
    async fn conversation(&self, id: TaskId) -> Vec<(InteractionType, String)> {
        let page = Page { limit: 500, offset: 0 };
        let (entries, _) = self.store.read(move |q| q.interactions(id, page)).await.unwrap();
        entries.into_iter().map(|entry| (entry.interaction_type, entry.content)).collect()
    }

    /// Ends the engine without its agents and starts another on the same store.
    async fn restart(&mut self) {
        self.engine.shutdown(false).await;
        self.engine = start(&self.config, &self.store, &self.agent, &self.plugins).await;
    }
}
