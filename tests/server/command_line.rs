//! The command line: what `serve` promises to whoever starts it, and the commands that speak to a running server.

use crate::support::{PATIENCE, PLAIN, Repository, Server, of, scripted, text, unique};
use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What a command left.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// Runs a command to its end.
    fn of(mut command: Command) -> Self {
        let output = command.stdin(Stdio::null()).output().expect("the command starts");
        let utf8 = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code().unwrap_or(-1), out: utf8(output.stdout), err: utf8(output.stderr) }
    }

    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs the binary with this server's surroundings.
fn run(server: &Server, arguments: &[&str]) -> Ran {
    let mut command = server.command();
    command.args(arguments);
    Ran::of(command)
}

/// The same in the background of the test, so that the test can act meanwhile.
fn spawn(server: &Server, arguments: &[&str]) -> tokio::task::JoinHandle<Ran> {
    let mut command = server.command();
    command.args(arguments);
    tokio::task::spawn_blocking(move || Ran::of(command))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_listens_has_told_where_to_clients_and_to_no_one_else_its_token() {
    let mut server = Server::start().await;
    let told: Value =
        serde_json::from_str(&std::fs::read_to_string(server.data.join("server.json")).expect("it is there"))
            .expect("JSON");
    assert_eq!(told, json!({ "address": server.address, "pid": server.pid(), "version": env!("CARGO_PKG_VERSION") }));
    for entry in std::fs::read_dir(&server.data).expect("a folder").filter_map(Result::ok) {
        let mode = entry.metadata().expect("a file").permissions().mode() & 0o077;
        let shown = ["server.json", "taskwright.toml"].iter().any(|open| entry.file_name() == **open);
        assert!(shown || mode == 0, "{} is for its owner only: {mode:o}", entry.path().display());
    }
    assert!(!server.log().contains(&server.token));
    server.get("/health").await.ok();

    server.terminate();
    assert!(!server.data.join("server.json").exists(), "who has ended is not announced");
    assert_eq!(run(&server, &["task", "list"]).ends(3).out, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_succeed_ends_within_a_second_with_a_line_that_names_the_cause() {
    let server = Server::start().await;
    let other = tempfile::tempdir().expect("a folder");
    let empty = other.path().display().to_string();
    let taken = server.address.trim_start_matches("http://").to_owned();
    let held = server.data.display().to_string();
    let unknown = other.path().join("unknown.toml");
    std::fs::write(&unknown, "max_runing = 3\n").expect("a file");
    let broken = other.path().join("broken.toml");
    std::fs::write(&broken, "max_running = \n").expect("a file");
    let (unknown, broken) = (unknown.display().to_string(), broken.display().to_string());
    let cases: [(i32, &[&str], &[&str]); 9] = [
        (1, &["--data-dir", &held, "--listen", "127.0.0.1:0"], &["another server", &server.address, &held]),
        (1, &["--data-dir", &empty, "--listen", &taken], &["cannot listen", &taken]),
        (2, &["--data-dir", &empty, "--set", "max_running=0"], &["`max_running`"]),
        (2, &["--data-dir", &empty, "--set", "max_runing=3"], &["max_runing"]),
        (2, &["--data-dir", &empty, "--config", &unknown], &["max_runing", &unknown]),
        (2, &["--data-dir", &empty, "--config", &broken], &[&broken]),
        (2, &["--data-dir", &empty, "--set", "log=[[["], &["`log`"]),
        (2, &["--data-dir", &empty, "--listen", "nowhere"], &["listen"]),
        (2, &["--data-dir", &empty, "--listen", "0.0.0.0:0", "--set", "auth=off"], &["auth"]),
    ];
    for (code, arguments, words) in cases {
        let begin = Instant::now();
        let mut command = server.command();
        command.arg("serve").args(arguments);
        let ran = Ran::of(command).ends(code);
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(1), "{arguments:?} took {took:?}");
        assert_eq!(ran.out, "", "{arguments:?}");
        let mut lines = ran.err.lines();
        let line = lines.next().unwrap_or_default();
        assert!(words.iter().all(|word| line.contains(word)), "{arguments:?}: {line}");
        assert!(lines.all(|line| line.starts_with("hint: ")), "{}", ran.err);
    }
    server.get("/tasks").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_come_from_file_environment_and_flags_in_this_order_and_config_tells_from_where() {
    let server = Server::builder().settings("max_running = 2\nmax_test_rounds = 1\n").start().await;
    let mut command = server.command();
    command.args(["config", "--json", "--set", "stop_grace_seconds=1"]).env("TASKWRIGHT_MAX_RUNNING", "7");
    command.env("TASKWRIGHT_TOKEN", "very-secret-token");
    let told = Ran::of(command).ends(0);
    assert!(!told.out.contains("very-secret-token"));
    let told = told.json();
    let file = server.data.join("taskwright.toml").display().to_string();
    let value = |name: &str| text(&told[name], "value").to_owned();
    let source = |name: &str| text(&told[name], "source").to_owned();
    assert_eq!((value("max_running").as_str(), source("max_running").contains("TASKWRIGHT_MAX_RUNNING")), ("7", true));
    assert_eq!((value("max_test_rounds").as_str(), source("max_test_rounds").contains(&file)), ("1", true));
    assert_eq!(value("stop_grace_seconds"), "1");
    assert_eq!(source("plugin_memory_mb").as_str(), "default");
    assert_eq!(value("token"), "(hidden)");

    let sample = run(&server, &["config", "--sample"]).ends(0);
    assert!(sample.out.contains("#max_running = 4"));
    let mut command = server.command();
    command.arg("config").env("TASKWRIGHT_MAX_RUNING", "1");
    assert!(Ran::of(command).ends(2).err.contains("TASKWRIGHT_MAX_RUNING"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_made_watched_shown_and_deleted_from_the_command_line() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let (name, root) = (unique("by hand"), repository.root());
    let description = scripted("write new.txt new\nsay Everything that was asked for is done.");

    let made =
        run(&server, &["task", "create", &name, &description, "--repo", &root, "--label", "cli", "--watch"]).ends(0);
    assert!(made.out.starts_with(&format!("{name} made and started\n")), "{}", made.out);
    for line in ["works on taskwright/by-hand-", "  Everything that was asked for is done.", "COMPLETED", "committed "]
    {
        assert!(made.out.contains(line), "`{line}` is missing in:\n{}", made.out);
    }

    let listed = run(&server, &["task", "list"]).ends(0);
    assert!(listed.out.starts_with(" NAME") || listed.out.starts_with("NAME"), "{}", listed.out);
    assert!(listed.out.contains("COMPLETED"), "{}", listed.out);
    let listed = run(&server, &["task", "list", "--json", "--status", "completed"]).ends(0).json();
    assert_eq!(listed[0]["task_name"], json!(name));
    assert_eq!(run(&server, &["task", "list", "--json", "--status", "FAILED"]).ends(0).json(), json!([]));

    let shown = run(&server, &["task", "show", &name]).ends(0);
    assert!(shown.out.starts_with(&format!("{name}  COMPLETED\n")), "{}", shown.out);
    let whole = run(&server, &["task", "--json", "show", &name]).ends(0).json();
    assert_eq!(whole["labels"], json!(["cli"]));

    let diff = run(&server, &["task", "diff", &name]).ends(0).out;
    insta::with_settings!({filters => vec![("index .*", "index [hashes]")]}, {
        insta::assert_snapshot!(diff, @r"
        diff --git a/new.txt b/new.txt
        new file mode 100644
        index [hashes]
        --- /dev/null
        +++ b/new.txt
        @@ -0,0 +1 @@
        +new
        \ No newline at end of file
        ");
    });
    let again = run(&server, &["task", "--json", "watch", "--all", &name]).ends(0);
    assert!(again.out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", again.out);

    run(&server, &["task", "delete", &name]).ends(0);
    let missing = run(&server, &["task", "show", &name]).ends(4);
    assert!(missing.err.contains(&name), "{}", missing.err);
    let wrong = run(&server, &["task", "create", "-rf", "d", "--repo", &root]).ends(2);
    assert_eq!(wrong.out, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_steered_from_the_command_line() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let (name, root) = (unique("steered"), repository.root());
    let script = "say here\nhang\nturn\nask Which colour? | red | blue\nsay {answer}\nhang\nturn\nsay got {message}\nsay Everything is done.";
    let description = scripted(script);
    let create = ["task", "create", &name, &description, "--repo", &root, "--no-start", "--responder", "", "--json"];
    assert_eq!(run(&server, &create).ends(0).json()["status"], "PENDING");

    assert!(run(&server, &["task", "resume", &name]).ends(5).err.contains("PENDING"));
    run(&server, &["task", "start", &name]).ends(0);
    let mut events = server.events(&name, None).await;
    events.next_of(&["agent.text"]).await;
    let watching = spawn(&server, &["task", "watch", &name]);
    assert!(run(&server, &["task", "start", &name]).ends(5).err.contains("RUNNING"));
    assert!(run(&server, &["task", "delete", &name]).ends(5).err.contains("RUNNING"));
    let stopped = run(&server, &["task", "--json", "stop", &name]).ends(0).json();
    assert_eq!((&stopped["status"], &stopped["process_killed"]), (&json!("STOPPED"), &json!(true)));
    assert_eq!(watching.await.expect("it ends").ends(12).err, "");

    run(&server, &["task", "resume", &name]).ends(0);
    events.next_of(&["question.asked"]).await;
    let open = run(&server, &["task", "questions"]).ends(0).out;
    for line in [format!("{name}  Which colour?"), "  1. red".to_owned(), "  2. blue".to_owned()] {
        assert!(open.contains(&line), "`{line}` is missing in:\n{open}");
    }
    run(&server, &["task", "answer", &name, "2"]).ends(0);
    let answered = events.next_of(&["question.answered"]).await;
    assert_eq!(answered.payload()["answer"]["answers"], json!(["blue"]));
    assert!(run(&server, &["task", "questions"]).ends(0).err.contains("nothing waits for you"));
    run(&server, &["task", "input", &name, "the last words", "--interrupt"]).ends(0);
    loop {
        let said = events.next_of(&["agent.text"]).await;
        if text(said.payload(), "text").contains("got the last words") {
            break;
        }
    }
    run(&server, &["task", "delete", &name, "--stop"]).ends(0);
    server.get(&of(&name, "")).await.is(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_a_task_that_fails_or_reaches_a_limit_ends_with_that_code() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let fails = server.task(&repository, "error 401 no such key", json!({})).await;
    let limited = server
        .task(&repository, "say Half of it is done. Next I will do the rest.", json!({ "max_iterations": 1 }))
        .await;
    run(&server, &["task", "watch", &fails]).ends(10);
    run(&server, &["task", "watch", &limited]).ends(11);
    run(&server, &["task", "watch", &fails, &limited]).ends(11);
    run(&server, &["task", "watch", "nobody"]).ends(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_kept_from_the_command_line_and_its_repository_stays() {
    let server = Server::start().await;
    let Repository { path } = server.repository("plain", PLAIN);
    let root = path.display().to_string();
    let added =
        run(&server, &["project", "add", "plain", &root, "--notes", "Mind the tabs.", "--setup", "true"]).ends(0);
    assert_eq!(added.out, "plain added\n");
    let listed = run(&server, &["project", "--json", "list"]).ends(0).json();
    assert_eq!((&listed[0]["name"], &listed[0]["path"]), (&json!("plain"), &json!(root)));
    run(&server, &["project", "set", "plain", r#"setup_commands=["npm ci","make"]"#, "notes=Use spaces."]).ends(0);
    let shown = run(&server, &["project", "show", "plain"]).ends(0).json();
    assert_eq!(shown["config"]["setup_commands"], json!(["npm ci", "make"]));
    assert_eq!(shown["config"]["notes"], "Use spaces.");
    assert!(run(&server, &["project", "set", "plain", "ports=many"]).ends(1).err.contains("ports"));
    assert_eq!(run(&server, &["project", "remove", "plain"]).ends(0).out, "plain removed; its repository stays\n");
    assert!(path.join("notes.txt").exists());
    assert!(run(&server, &["project", "show", "plain"]).ends(4).err.contains("`plain`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_listed_and_a_file_is_checked_without_a_server() {
    let mut server = Server::start().await;
    let listed = run(&server, &["plugin", "--json", "list"]).ends(0).json();
    let mut names: Vec<_> = listed
        .as_array()
        .into_iter()
        .flatten()
        .map(|plugin| format!("{} {}", text(plugin, "chain"), text(plugin, "name")))
        .collect();
    names.sort();
    insta::assert_snapshot!(names.join("\n"), @r"
    criteria checklist
    criteria command
    criteria model
    responder heuristic
    responder model
    responder policy
    test-runner cargo
    test-runner go
    test-runner junit
    test-runner node
    test-runner pytest
    test-runner tap
    ");
    server.terminate();
    let component = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/components/responder-policy.wasm");
    let checked = run(&server, &["plugin", "check", component]).ends(0);
    assert!(checked.out.starts_with("policy "), "{}", checked.out);
    let wrong = run(&server, &["plugin", "check", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]).ends(1);
    assert!(wrong.err.contains("is no usable plugin"), "{}", wrong.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_end_ends_and_says_nothing_more_on_standard_output() {
    let mut server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let name = server.task(&repository, "say here\nhang", json!({})).await;
    let mut events = server.events(&name, None).await;
    events.next_of(&["agent.text"]).await;
    let begin = Instant::now();
    server.terminate();
    assert!(begin.elapsed() < PATIENCE / 3, "open streams and a running agent do not keep it: {:?}", begin.elapsed());
    let ended = events.rest().await;
    assert!(ended.iter().all(|event| event.kind != "end"), "the task has not ended: {ended:?}");
}
