//! One run: its folders, its agent, and what it told.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use taskwright::agent::{
    Agent as _, AgentError, AgentEvent, AgentEventKind, AgentRun, ClaudeCode, DEFAULT_LINE_CAP, Exit, LaunchSpec,
    Reattached, SessionStart, StopGraces, TurnEnd, TurnInput,
};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

/// Longest time that anything here may take; only a failure takes it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folders of one or more runs of one session.
pub struct Place {
    dir: TempDir,
    pub run: Uuid,
    pub session: Uuid,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("repo")).unwrap();
        Self { dir, run: Uuid::new_v4(), session: Uuid::new_v4() }
    }

    /// Where the agent works.
    pub fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    /// The folder of a run, longer than a socket's path may be.
    pub fn run_dir(&self) -> PathBuf {
        self.dir.path().join("r".repeat(120)).join(self.run.to_string())
    }

    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.repo().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn spec(&self) -> LaunchSpec {
        LaunchSpec {
            run: self.run,
            run_dir: self.run_dir(),
            cwd: self.repo(),
            session: SessionStart::New(self.session),
            command: vec![scripted_agent().into()],
            model: None,
            allowed_tools: Vec::new(),
            disallowed_tools: Vec::new(),
            system_prompt: None,
            mcp_servers: Map::new(),
            add_dirs: Vec::new(),
            env: self.env(),
            graces: StopGraces { interrupt: Duration::from_millis(500), terminate: Duration::from_millis(500) },
            line_cap: DEFAULT_LINE_CAP,
            supervisor: env!("CARGO_BIN_EXE_taskwright").into(),
        }
    }

    pub fn env(&self) -> BTreeMap<OsString, OsString> {
        let mut env = BTreeMap::from([
            ("SCRIPTED_AGENT_STATE".into(), self.dir.path().join("state").into()),
            ("SCRIPTED_AGENT_LOG".into(), self.log_dir().into()),
        ]);
        env.extend(std::env::var_os("PATH").map(|path| ("PATH".into(), path)));
        env
    }

    pub fn log_dir(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Every line that agents read here, in no order among several processes.
    pub fn read_by_agents(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(self.log_dir()).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            // The last line may be half written still.
            lines.extend(text.lines().filter_map(|line| Some(serde_json::from_str::<Value>(line).ok()?["in"].take())));
        }
        lines.retain(|line| !line.is_null());
        lines
    }

    pub async fn launch(&self) -> Told {
        self.launch_spec(self.spec()).await.unwrap()
    }

    pub async fn launch_spec(&self, spec: LaunchSpec) -> Result<Told, AgentError> {
        ClaudeCode.launch(spec).await.map(Told::of)
    }

    /// Launches and sends a script as the first message.
    pub async fn start(&self, script: &str) -> Told {
        let told = self.launch().await;
        told.send(&as_message(script)).await;
        told
    }

    pub async fn reattach(&self, from_offset: u64) -> Told {
        match ClaudeCode.reattach(&self.run_dir(), from_offset).await.unwrap() {
            Reattached::Running(run) => Told::of(run),
            other => panic!("the agent does not run: {other:?}"),
        }
    }

    pub async fn reattach_ended(&self, from_offset: u64) -> Vec<AgentEvent> {
        let Reattached::Ended(mut events) = ClaudeCode.reattach(&self.run_dir(), from_offset).await.unwrap() else {
            panic!("the run has not ended");
        };
        let mut all = Vec::new();
        while let Some(event) = within(events.recv()).await {
            all.push(event);
        }
        all
    }
}

/// A message that holds a script.
pub fn as_message(script: &str) -> String {
    format!("Please do this:\n```script\n{script}\n```\n")
}

/// The example that stands in for the agent.
pub fn scripted_agent() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_taskwright")).with_file_name("examples").join("scripted-agent");
    assert!(path.exists(), "{} is missing: build it with `cargo build --example scripted-agent`", path.display());
    path
}

/// Waits, but not for ever.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// A run and what it told so far.
pub struct Told {
    pub run: Option<AgentRun>,
    pub events: Vec<AgentEvent>,
}

impl Told {
    fn of(run: AgentRun) -> Self {
        Self { run: Some(run), events: Vec::new() }
    }

    pub fn handle(&self) -> &dyn taskwright::agent::AgentHandle {
        &*self.run.as_ref().unwrap().handle
    }

    pub fn receiver(&mut self) -> &mut Receiver<AgentEvent> {
        &mut self.run.as_mut().unwrap().events
    }

    pub async fn send(&self, text: &str) -> Uuid {
        let input_id = Uuid::new_v4();
        let turn = TurnInput { input_id, text: text.to_owned(), images: Vec::new() };
        within(self.handle().send_turn(turn)).await.unwrap();
        input_id
    }

    /// Receives until an event for which `find` has a value.
    pub async fn until<T>(&mut self, mut find: impl FnMut(&AgentEventKind) -> Option<T>) -> T {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.receiver().recv()).await;
            let Ok(Some(event)) = event else {
                panic!("it was not told; told was {:#?}", self.events);
            };
            let found = find(&event.kind);
            self.events.push(event);
            if let Some(found) = found {
                return found;
            }
        }
    }

    pub async fn turn_end(&mut self) -> TurnEnd {
        self.until(|kind| match kind {
            AgentEventKind::TurnEnded(end) => Some(end.clone()),
            _ => None,
        })
        .await
    }

    pub async fn exit(&mut self) -> Exit {
        self.until(|kind| match kind {
            AgentEventKind::Exited(exit) => Some(exit.clone()),
            _ => None,
        })
        .await
    }

    pub async fn text(&mut self) -> String {
        self.until(|kind| match kind {
            AgentEventKind::Text { text, .. } => Some(text.clone()),
            _ => None,
        })
        .await
    }

    /// Request id of the next permission request or question.
    pub async fn request(&mut self) -> (String, Value) {
        self.until(|kind| match kind {
            AgentEventKind::PermissionRequested { request_id, input, .. }
            | AgentEventKind::QuestionAsked { request_id, input, .. } => Some((request_id.clone(), input.clone())),
            _ => None,
        })
        .await
    }

    /// All texts told so far.
    pub fn texts(&self) -> Vec<String> {
        texts(&self.events)
    }

    /// Where to reattach to go on after what was told so far.
    pub fn offset(&self) -> u64 {
        self.events.last().map_or(0, |event| event.end_offset)
    }
}

pub fn texts(events: &[AgentEvent]) -> Vec<String> {
    events
        .iter()
        .filter_map(|event| match &event.kind {
            AgentEventKind::Text { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect()
}

/// Whether a process of this number is alive.
pub fn is_alive(pid: u32) -> bool {
    taskwright::process::start_time(pid).is_some()
}

/// Every living process that carries the run's marker.
pub fn survivors(run: Uuid) -> Vec<u32> {
    let marked =
        taskwright::process::tree::marked(taskwright::process::RUN_MARKER, std::ffi::OsStr::new(&run.to_string()));
    marked.into_iter().map(|stat| stat.pid).collect()
}
