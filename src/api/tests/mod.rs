//! The whole interface over real connections, with a real database, repositories, plugins and engine.

mod connections;
mod doors;
mod requests;
mod tasks;

use super::*;
use crate::{
    agent::ClaudeCode,
    domain::{Chains, Timestamp},
    engine::{CleanupPolicy, EngineConfig},
    plugin::{HostConfig, PluginHost},
    workspace::Git,
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

const TOKEN: &str = "a-token-for-tests";

/// A server on a free port of loopback, in a folder of its own.
struct Server {
    address: SocketAddr,
    api: Arc<Api>,
    folder: tempfile::TempDir,
    client: reqwest::Client,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
    /// Milliseconds that the clock was moved on.
    later: Arc<AtomicI64>,
}

/// An answer, read whole.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    /// The answer as the problem document that it must be.
    fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"].as_str(), Some(self.header("x-request-id")));
        assert!(problem["type"].as_str().is_some_and(|kind| kind.starts_with("/problems/")));
        problem
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }
}

impl Server {
    async fn start() -> Self {
        Self::start_with(vec![]).await
    }

    async fn start_with(more: Vec<Route>) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let root = folder.path().canonicalize().expect("it is there");
        let data_dir = root.join("data");
        std::fs::create_dir(&data_dir).expect("a folder can be made");
        let later = Arc::new(AtomicI64::new(0));
        let moved = later.clone();
        let now: Now =
            Arc::new(move || Timestamp::from_millis(1_700_000_000_000 + moved.fetch_add(1, Ordering::SeqCst)));
        let store = Store::open(&data_dir.join("taskwright.db"), now.clone()).expect("the database opens");
        let host = HostConfig {
            directory: data_dir.join("plugins"),
            // Shared by all tests, for compiling the plugins takes longer than everything else here.
            cache: std::env::temp_dir().join("taskwright-api-tests-compiled"),
            call_time: Duration::from_secs(2),
            memory: 64 << 20,
            grants: BTreeMap::new(),
        };
        let (plugins, _) = PluginHost::open(host).await.expect("the plugins load");
        let config = engine_config(data_dir, root);
        let engine = Engine::start(config, store.clone(), Arc::new(ClaudeCode), plugins, Git::new())
            .await
            .expect("the engine starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let doors = Doors::new(&DoorsConfig {
            address,
            allowed_hosts: vec![],
            allowed_origins: vec!["https://board.example".into()],
            token: Some(TOKEN.into()),
        });
        let routes = routes().into_iter().chain(more).collect();
        let api = Api::with_routes(engine, store, doors, now, routes);
        let shutdown = CancellationToken::new();
        let serving = serve(listener, api.clone(), shutdown.clone());
        #[allow(clippy::disallowed_methods, reason = "a test awaits it at its end")]
        let serving = tokio::task::spawn(serving);
        Self { address, api, folder, client: reqwest::Client::new(), shutdown, serving, later }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path)).bearer_auth(TOKEN)
    }

    async fn get(&self, path: &str) -> Got {
        got(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Got {
        got(self.request(Method::POST, path).json(body)).await
    }

    async fn put(&self, path: &str, body: &Value) -> Got {
        got(self.request(Method::PUT, path).json(body)).await
    }

    /// A task that was made, in a repository of its own.
    async fn task(&self, name: &str) -> Value {
        let body =
            serde_json::json!({"task_name": name, "description": "Do it.", "root_folder": self.repository(name)});
        let made = self.post("/api/v1/tasks", &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.json()
    }

    /// A repository with one commit.
    #[allow(clippy::disallowed_methods, reason = "tests run the real git")]
    fn repository(&self, name: &str) -> String {
        let path = self.folder.path().canonicalize().expect("it is there").join(format!("repository-{name}"));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        for args in [
            &["init", "-q", "-b", "main"][..],
            &[
                "-c",
                "user.name=T",
                "-c",
                "user.email=t@example.invalid",
                "commit",
                "-q",
                "--allow-empty",
                "-m",
                "First",
            ],
        ] {
            let status = Command::new("git").arg("-C").arg(&path).args(args).status().expect("git runs");
            assert!(status.success());
        }
        path.display().to_string()
    }

    /// Ends the server and everything of it.
    async fn end(self) {
        self.shutdown.cancel();
        self.serving.await.expect("the server ends well");
        self.api.engine.shutdown(true).await;
        self.api.store.close().await;
    }
}

async fn got(request: reqwest::RequestBuilder) -> Got {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status(), response.headers().clone());
    Got { status, headers, text: response.text().await.expect("the answer is text") }
}

fn engine_config(data_dir: PathBuf, root: PathBuf) -> EngineConfig {
    EngineConfig {
        data_dir,
        program: "/bin/false".into(),
        agent_command: vec!["no-such-agent".into()],
        agent_env: vec![],
        max_running: 0,
        roots: vec![root],
        chains: Chains::default(),
        plugin_settings: BTreeMap::new(),
        max_test_rounds: 3,
        stop_grace: Duration::from_secs(1),
        idle_agent: Duration::from_secs(60),
        cleanup: CleanupPolicy::Success,
        ports: 43_000..=43_999,
        command_time: Duration::from_secs(60),
    }
}
