//! A server under test. Dropping it ends it and what it started, and prints its log if the test failed.

use super::{Events, Repository};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

/// Longest time that a start, an end or an awaited event may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is set up before it starts.
#[derive(Default)]
pub struct Builder {
    variables: Vec<(String, String)>,
    settings: String,
    agent: Option<String>,
    keep_agents: bool,
}

impl Builder {
    /// A variable of the server's environment.
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Text of the settings file.
    pub fn settings(mut self, text: &str) -> Self {
        self.settings.push_str(text);
        self
    }

    /// Another agent command than the scripted agent.
    pub fn agent(mut self, command: impl Into<String>) -> Self {
        self.agent = Some(command.into());
        self
    }

    /// Leaves agents running when the server is told to end.
    pub fn keep_agents(mut self) -> Self {
        self.keep_agents = true;
        self
    }

    /// Starts it.
    pub async fn start(self) -> Server {
        let root = tempfile::tempdir().expect("a temporary folder");
        let home = root.path().join("home");
        let data = root.path().join("data");
        std::fs::create_dir_all(&home).expect("a home");
        std::fs::create_dir_all(&data).expect("a data directory");
        std::fs::write(data.join("taskwright.toml"), &self.settings).expect("settings");
        let mut server = Server {
            home: home.canonicalize().expect("a home"),
            data,
            root,
            setup: self,
            child: None,
            address: String::new(),
            token: String::new(),
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
        };
        server.launch();
        server
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The body of an answer that must be a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {:#}", self.status, self.body);
        self.body
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self.body
    }
}

/// A running server.
pub struct Server {
    pub home: PathBuf,
    pub data: PathBuf,
    root: tempfile::TempDir,
    setup: Builder,
    child: Option<Child>,
    pub address: String,
    pub token: String,
    http: reqwest::Client,
}

impl Server {
    /// A server with the scripted agent and the default settings.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The binary's command with this server's surroundings.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taskwright"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("TMPDIR", self.root.path())
            .env("LANG", "C.UTF-8")
            .env("TASKWRIGHT_DATA_DIR", &self.data)
            .current_dir(&self.home);
        command
    }

    fn launch(&mut self) {
        let agent = self.setup.agent.clone().unwrap_or_else(|| scripted_agent().display().to_string());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_file()).expect("a log file");
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        if !self.setup.keep_agents {
            command.arg("--stop-agents");
        }
        command
            .env("CLAUDE_CLI_COMMAND", agent)
            .env("TASKWRIGHT_PLUGIN_CACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/plugin-cache"))
            .envs(self.setup.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = command.spawn().expect("the server starts");
        let stdout = child.stdout.take().expect("its output");
        self.child = Some(child);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("listening on ") {
                    tell.send(address.to_owned()).ok();
                }
            }
        });
        self.address = told
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("the server did not start; its log:\n{}", self.log()));
        self.token = std::fs::read_to_string(self.data.join("token")).expect("a token").trim().to_owned();
    }

    fn log_file(&self) -> PathBuf {
        self.root.path().join("server.log")
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map(Child::id).expect("a running server")
    }

    /// `kill -9`, as the machine would: agents are left as they are.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be killed");
            child.wait().expect("it can be waited for");
        }
    }

    /// SIGTERM, and waits for its end.
    pub fn terminate(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        let begin = std::time::Instant::now();
        while child.try_wait().ok().flatten().is_none() {
            if begin.elapsed() > PATIENCE {
                child.kill().ok();
                child.wait().ok();
                panic!("the server did not end in {PATIENCE:?}; its log:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts again on the same data directory.
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "it still runs");
        self.launch();
    }

    /// A repository inside the roots.
    pub fn repository(&self, name: &str, files: &[(&str, &str)]) -> Repository {
        Repository::make(&self.home.join(name), files)
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("/health") || path.starts_with("/metrics") || path.starts_with("/login") {
            format!("{}{path}", self.address)
        } else {
            format!("{}/api/v1{path}", self.address)
        };
        self.http.request(method, url).bearer_auth(&self.token)
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, headers, body }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// A POST without a body.
    pub async fn command_of(&self, task: &str, command: &str) -> Reply {
        self.send(self.request(Method::POST, &of(task, command))).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Makes a task in a repository whose agent follows a script; `fields` are further fields of the request.
    #[track_caller]
    pub fn task<'a>(
        &'a self,
        repository: &Repository,
        script: &str,
        fields: Value,
    ) -> impl Future<Output = String> + use<'a> {
        let name = super::unique("work");
        let mut body = json!({
            "task_name": name, "description": scripted(script), "root_folder": repository.root(), "generate_tests": false,
            "auto_start": true,
        });
        for (field, value) in fields.as_object().into_iter().flatten() {
            body[field] = value.clone();
        }
        let name = super::text(&body, "task_name").to_owned();
        async move {
            self.post("/tasks", &body).await.is(201);
            name
        }
    }

    /// How many agents of this server run.
    pub fn agents(&self) -> usize {
        self.agent_pids().len()
    }

    /// Kills this server's agents, as the machine would.
    pub fn kill_agents(&self) {
        for pid in self.agent_pids() {
            kill_hard(pid);
        }
        while self.agents() > 0 {
            std::thread::yield_now();
        }
    }

    fn agent_pids(&self) -> Vec<u32> {
        let agent = scripted_agent().display().to_string();
        self.processes_that(|process| {
            let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
            command.split(|byte| *byte == 0).next() == Some(agent.as_bytes())
        })
    }

    /// Every process that runs with this server's home: the server itself, agents, commands, and what they started.
    pub fn processes(&self) -> Vec<u32> {
        self.processes_that(|_| true)
    }

    fn processes_that(&self, is_wanted: impl Fn(&Path) -> bool) -> Vec<u32> {
        let home = format!("HOME={}", self.home.display());
        let is_ours = |process: &Path| {
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes())
        };
        let processes = std::fs::read_dir("/proc").expect("the processes").flatten();
        processes
            .filter(|process| is_ours(&process.path()) && is_wanted(&process.path()))
            .filter_map(|process| process.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// The event stream of a task from its first event on, or after one.
    pub async fn events(&self, task: &str, after: Option<u64>) -> Events {
        let path = of(task, "/stream");
        let mut request = self.request(Method::GET, &path);
        if let Some(after) = after {
            request = request.query(&[("after", after)]);
        }
        Events::open(request).await
    }

    /// Waits until a task has one of these statuses now or had it since `after`; answers the task.
    pub async fn until(&self, task: &str, statuses: &[&str]) -> Value {
        let mut events = self.events(task, None).await;
        let wanted = async {
            loop {
                let now = self.get(&of(task, "")).await.ok();
                if statuses.iter().any(|status| now["status"] == **status) {
                    return now;
                }
                if !super::FINAL.iter().all(|status| now["status"] != **status) {
                    panic!("{task} ended as {:#}\nlog:\n{}", now, self.log());
                }
                events.next_of(&["task.status", "task.updated", "end"]).await;
            }
        };
        tokio::time::timeout(PATIENCE, wanted)
            .await
            .unwrap_or_else(|_| panic!("{task} never became one of {statuses:?}; its log:\n{}", self.log()))
    }
}

/// A description that holds a script for the scripted agent.
pub fn scripted(script: &str) -> String {
    format!("Do what the script says.\n```script\n{script}\n```\n")
}

/// A task's path, its name escaped.
pub fn of(task: &str, rest: &str) -> String {
    format!("/tasks/by-name/{}{rest}", percent_encoding::utf8_percent_encode(task, percent_encoding::NON_ALPHANUMERIC))
}

/// The scripted agent, which cargo builds beside the tests.
pub fn scripted_agent() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.parent().and_then(Path::parent).expect("the build's folder");
    let agent = profile.join("examples/scripted-agent");
    assert!(agent.exists(), "{} is missing: `cargo build --example scripted-agent` makes it", agent.display());
    agent
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- server log ---\n{}", self.log());
            self.kill();
        } else {
            self.terminate();
        }
        // Agents outlive a server that was killed or that keeps them.
        self.processes().into_iter().for_each(kill_hard);
    }
}

fn kill_hard(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
    }
}
