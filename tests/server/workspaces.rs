//! Workspaces: several projects, repositories in odd states, what prepares a worktree, and what goes and stays at the end.

use crate::support::{PLAIN, Repository, Server, of, scripted, text, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

/// The last words of an agent that is done.
const DONE: &str = "say Everything is in place. The task is complete.";

/// What becomes of a task in this folder: the task that is completed, or the reason why it is refused or has failed.
async fn outcome(server: &Server, folder: &Path, more: Value) -> Result<Value, String> {
    let name = unique("odd");
    let mut body = json!({
        "task_name": name, "description": scripted(&format!("write made.txt hello\n{DONE}")), "root_folder": folder, "auto_start": true,
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    let reply = server.post("/tasks", &body).await;
    if !reply.status.is_success() {
        assert_eq!(reply.status, 422, "{:#}", reply.body);
        return Err(reply.body.to_string());
    }
    let ended = server.until(&name, &["COMPLETED", "FAILED"]).await;
    if ended["status"] == "FAILED" { Err(text(&ended, "error_message").to_owned()) } else { Ok(ended) }
}

async fn refusal(server: &Server, folder: &Path, more: Value) -> String {
    match outcome(server, folder, more).await {
        Err(reason) => reason,
        Ok(task) => panic!("{} is taken: {task:#}", folder.display()),
    }
}

async fn completed(server: &Server, folder: &Path, more: Value) -> Value {
    outcome(server, folder, more).await.unwrap_or_else(|reason| panic!("{}: {reason}", folder.display()))
}

/// The steps of a workspace that have ended, of one kind.
async fn steps(server: &Server, task: &str, step: &str) -> Vec<Value> {
    let mut steps = server.logged(task, "workspace.step").await;
    steps.retain(|one| one["step"] == *step && one["state"] != "started");
    steps
}

/// A project with settings.
async fn project(server: &Server, repository: &Repository, config: Value) {
    let body =
        json!({ "name": unique("project"), "path": repository.root(), "default_branch": "main", "config": config });
    server.post("/projects", &body).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_with_several_projects_writes_in_worktrees_and_reads_the_rest_as_it_is() {
    let server = Server::start().await;
    let (first, second) = (server.repository("first", PLAIN), server.repository("second", PLAIN));
    let read = server.repository("read", PLAIN);
    let projects = json!([
        { "path": first.root(), "access": "write", "context": "the service" },
        { "path": second.root(), "access": "write", "branch_name": "mine" },
        { "path": read.root(), "access": "read", "context": "the client that uses it" },
    ]);
    let more = json!({ "projects": projects, "root_folder": null });
    let task = server.task(&first, "write here.txt hello\nsay I begin\nhang", more).await;
    server.until_said(&task, "I begin").await;
    let told = server.logged(&task, "turn.started").await[0]["text"].to_string();
    assert!(told.contains("the client that uses it") && told.contains("read only"), "{told}");
    let worktree = server.get(&of(&task, "/worktree")).await.ok();
    let places = worktree["places"].as_array().expect("places").clone();
    assert_eq!(places.len(), 3);
    let at = |repository: &Repository| {
        places.iter().find(|place| text(place, "source").starts_with(&repository.root())).expect("a place").clone()
    };
    assert_eq!(at(&second)["branch"], "mine");
    let read_place = at(&read);
    assert_eq!((&read_place["in_place"], &read_place["branch"]), (&json!(true), &Value::Null));
    std::fs::write(Path::new(text(&at(&second), "path")).join("there.txt"), "hello").expect("a file");

    server.tell(&task, "complete").await;
    let ended = server.until(&task, &["FINISHED"]).await;
    assert_eq!(first.git(&["show", &format!("{}:here.txt", text(&ended, "branch_name"))]), "hello");
    assert_eq!(second.git(&["show", "mine:there.txt"]), "hello");
    assert_eq!(read.git(&["branch", "--format=%(refname:short)"]), "main");
    for repository in [&first, &second, &read] {
        assert_eq!(repository.git(&["status", "--porcelain"]), "", "the user's checkouts are as they were");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sub_folder_of_a_monorepo_is_where_the_agent_stands() {
    let server = Server::start().await;
    let repository = server.repository("mono", &[("packages/web/index.js", "1\n"), ("packages/api/index.js", "2\n")]);
    let ended = completed(&server, &repository.path.join("packages/web"), Value::Null).await;
    let branch = text(&ended, "branch_name");
    assert_eq!(repository.git(&["show", &format!("{branch}:packages/web/made.txt")]), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_worked_in_is_refused_with_the_reason_and_the_remedy() {
    let server = Server::start().await;
    let plain = server.home.join("no-repository");
    std::fs::create_dir_all(&plain).expect("a folder");
    let why = refusal(&server, &plain, Value::Null).await;
    assert!(why.contains("git init") && why.contains("use_worktree"), "{why}");

    let empty = server.repository("empty", &[]);
    let why = refusal(&server, &empty.path, Value::Null).await;
    assert!(why.contains("no commit yet"), "{why}");

    let repository = server.repository("plain", PLAIN);
    let why = refusal(&server, &repository.path, json!({ "branch_name": "main" })).await;
    assert!(why.contains("checked out at") && why.contains(&repository.root()), "{why}");
    let why = refusal(&server, &repository.path, json!({ "base_branch": "no-such-branch" })).await;
    assert!(why.contains("no-such-branch"), "{why}");
    let why = refusal(&server, &repository.path, json!({ "branch_name": "a..b" })).await;
    assert!(why.contains("a..b"), "{why}");

    let outside = tempfile::tempdir().expect("a folder");
    let away = Repository::make(&outside.path().join("away"), PLAIN);
    let why = refusal(&server, &away.path, Value::Null).await;
    assert!(why.contains("roots"), "{why}");
    let link = server.home.join("link");
    std::os::unix::fs::symlink(&away.path, &link).expect("a link");
    let why = refusal(&server, &link, Value::Null).await;
    assert!(why.contains("roots"), "{why}");
    assert_eq!(repository.git(&["branch", "--format=%(refname:short)"]), "main", "nothing half-made is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_in_odd_states_are_worked_in_and_left_as_they_are() {
    let server = Server::builder().settings("max_running = 8\n").start().await;

    let detached = server.repository("detached", PLAIN);
    detached.git(&["checkout", "-q", "--detach"]);
    let ended = completed(&server, &detached.path, Value::Null).await;
    assert_eq!(text(&ended, "base_commit"), detached.git(&["rev-parse", "HEAD"]));

    let bare = server.home.join("bare.git");
    detached.git(&["clone", "-q", "--bare", ".", &bare.display().to_string()]);
    completed(&server, &bare, json!({ "base_branch": "main" })).await;

    let dirty = server.repository("dirty", PLAIN);
    dirty.write(&[("notes.txt", "changed\n"), ("new.txt", "new\n")]);
    let ended = completed(&server, &dirty.path, Value::Null).await;
    let files = dirty.git(&["ls-tree", "-r", "--name-only", text(&ended, "branch_name")]);
    assert!(!files.contains("new.txt"), "the user's changes are no part of the task's work: {files}");
    assert_eq!(dirty.git(&["status", "--porcelain"]).lines().count(), 2);

    let outer = server.repository("outer", PLAIN);
    outer.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &dirty.root(), "inner"]);
    outer.git(&["commit", "-q", "-m", "With a submodule"]);
    completed(&server, &outer.path, Value::Null).await;

    let stale = server.repository("stale", PLAIN);
    let gone = server.home.join("gone");
    stale.git(&["worktree", "add", "-q", "-b", "left", &gone.display().to_string()]);
    std::fs::remove_dir_all(&gone).expect("it goes");
    completed(&server, &stale.path, Value::Null).await;
    let why = refusal(&server, &stale.path, json!({ "branch_name": "left" })).await;
    assert!(why.contains("git worktree prune"), "{why}");
    stale.git(&["worktree", "prune"]);
    completed(&server, &stale.path, json!({ "branch_name": "left" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worktree_is_prepared_in_visible_steps_and_can_be_prepared_again() {
    let server = Server::start().await;
    let repository = server.repository("plain", &[(".gitignore", ".env*\n*.log\n"), ("README.md", "# Sample\n")]);
    repository.write(&[(".env.local", "MODE=test\n"), ("other.log", "no\n")]);
    let config = json!({
        "copy_files": [".env*"],
        "setup_commands": ["echo prepared with $MODE_OF_TEST >> setup.log; cat setup.log"],
        "cleanup_commands": ["echo swept up"],
        "env": { "MODE_OF_TEST": "colours" },
    });
    project(&server, &repository, config).await;
    let task = server.task(&repository, "run cat .env.local\nrun ls\nsay I begin\nhang", Value::Null).await;
    server.until_said(&task, "I begin").await;
    let results = server.logged(&task, "agent.tool_result").await;
    assert_eq!(text(&results[0], "content").trim(), "MODE=test");
    assert!(!text(&results[1], "content").contains("other.log"));
    assert!(!steps(&server, &task, "copy").await.is_empty());
    let setup = steps(&server, &task, "setup").await;
    assert_eq!((setup.len(), text(&setup[0], "output").trim()), (1, "prepared with colours"));

    server.tell(&task, "worktree/setup").await;
    let setup = steps(&server, &task, "setup").await;
    assert_eq!((setup.len(), text(&setup[1], "output").lines().count()), (2, 2));

    server.tell(&task, "stop").await;
    server.delete(&of(&task, "/worktree")).await.ok();
    let cleanup = steps(&server, &task, "cleanup").await;
    assert_eq!((cleanup.len(), text(&cleanup[0], "output").trim()), (1, "swept up"));
    server.command_of(&task, "/worktree/setup").await.is(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_command_that_fails_fails_the_task_with_its_output() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    project(&server, &repository, json!({ "setup_commands": ["echo no such package >&2; exit 7"] })).await;
    let why = refusal(&server, &repository.path, Value::Null).await;
    assert!(why.contains("status 7") && why.contains("no such package") && why.contains("setup_commands"), "{why}");
    assert_eq!(server.agents(), 0, "no agent was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_tasks_have_ports_of_their_own() {
    let server = Server::builder().settings("ports = \"23000-23005\"\n").start().await;
    let repository = server.repository("plain", PLAIN);
    project(&server, &repository, json!({ "ports": 3 })).await;
    let steps = "run echo $TASKWRIGHT_PORT $TASKWRIGHT_PORTS\nsay I begin\nhang";
    let mut seen = Vec::new();
    for _ in 0..2 {
        let task = server.task(&repository, steps, Value::Null).await;
        server.until_said(&task, "I begin").await;
        let told = server.logged(&task, "agent.tool_result").await;
        let worktree = server.get(&of(&task, "/worktree")).await.ok();
        let first = worktree["first_port"].as_u64().expect("a port");
        assert_eq!(text(&told[0], "content").trim(), format!("{first} {first}-{}", first + 2));
        assert_eq!(worktree["ports"], 3);
        seen.push(first);
    }
    seen.sort_unstable();
    assert_eq!(seen, [23000, 23003]);
    let why = refusal(&server, &repository.path, Value::Null).await;
    assert!(why.contains("ports"), "the range is used up: {why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_place_no_branch_is_made_and_nothing_is_ever_removed() {
    let server = Server::start().await;
    let folder = server.home.join("notes");
    std::fs::create_dir_all(&folder).expect("a folder");
    let repository = server.repository("plain", PLAIN);
    for folder in [&folder, &repository.path] {
        let ended = completed(&server, folder, json!({ "use_worktree": false })).await;
        let name = text(&ended, "task_name");
        assert_eq!(std::fs::read_to_string(folder.join("made.txt")).expect("it works there"), "hello");
        assert_eq!(server.get(&of(name, "/worktree")).await.ok()["in_place"], true);
        let refused = server.delete(&of(name, "/worktree")).await;
        assert_eq!(refused.status, 404, "{:#}", refused.body);
        server.send(server.request(Method::DELETE, &of(name, "?delete_branch=true&confirm=true"))).await.ok();
        assert!(folder.join("made.txt").exists());
    }
    assert_eq!(repository.git(&["branch", "--format=%(refname:short)"]), "main");
    assert_eq!(repository.git(&["status", "--porcelain"]), "?? made.txt", "and nothing is committed for the user");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_is_kept_under_a_ref_before_a_worktree_goes() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let task = server.task(&repository, "write half.txt half done\nsay I begin\nhang", Value::Null).await;
    server.until_said(&task, "I begin").await;
    let refused = server.delete(&of(&task, "/worktree")).await.is(409);
    assert!(text(&refused, "detail").contains("auto_stop"), "{refused}");
    server.tell(&task, "stop").await;
    let worktree = server.get(&of(&task, "/worktree")).await.ok();
    assert_eq!(worktree["dirty"], true);
    assert!(worktree["size_bytes"].as_u64() > Some(10));

    let removed = server.delete(&of(&task, "/worktree")).await.ok();
    let kept = text(&removed, "kept");
    assert!(kept.starts_with("refs/taskwright/kept/"), "{kept}");
    assert_eq!(repository.git(&["show", &format!("{kept}:half.txt")]), "half done");
    assert!(!Path::new(text(&worktree, "path")).exists());
    assert_eq!(repository.git(&["worktree", "list"]).lines().count(), 1);
    let after = server.get(&of(&task, "/worktree")).await.ok();
    assert!(after["kept_refs"].to_string().contains(kept), "{after:#}");
    assert_eq!(after["exists"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_merged_nowhere_goes_only_when_its_loss_is_confirmed() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let ended = completed(&server, &repository.path, Value::Null).await;
    let (name, branch) = (text(&ended, "task_name"), text(&ended, "branch_name"));
    let refused = server.delete(&of(name, "?delete_branch=true")).await.is(409);
    assert!(text(&refused, "detail").contains("1 commit") && refused.to_string().contains("confirm"), "{refused}");
    repository.git(&["rev-parse", "--verify", branch]);
    server.get(&of(name, "")).await.ok();

    let deleted = server.delete(&of(name, "?delete_branch=true&confirm=true")).await.ok();
    assert_eq!(deleted["branch_deleted"], true);
    assert_eq!(repository.git(&["branch", "--format=%(refname:short)"]), "main");

    let ended = completed(&server, &repository.path, Value::Null).await;
    let (name, branch) = (text(&ended, "task_name"), text(&ended, "branch_name"));
    server.delete(&of(name, "")).await.ok();
    repository.git(&["rev-parse", "--verify", branch]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_base_is_fetched_where_the_remote_can_be_reached() {
    let server = Server::start().await;
    let origin = server.repository("origin", PLAIN);
    let path = server.home.join("clone");
    origin.git(&["clone", "-q", &origin.root(), &path.display().to_string()]);
    origin.write(&[("news.txt", "new\n")]);
    origin.git(&["add", "-A"]);
    origin.git(&["commit", "-q", "-m", "News"]);
    let ended = completed(&server, &path, Value::Null).await;
    assert_eq!(text(&ended, "base_commit"), origin.git(&["rev-parse", "HEAD"]));
    assert!(!steps(&server, text(&ended, "task_name"), "fetch").await.is_empty());

    std::fs::rename(&origin.path, server.home.join("moved")).expect("the remote goes");
    let ended = completed(&server, &path, Value::Null).await;
    let fetch = steps(&server, text(&ended, "task_name"), "fetch").await;
    assert_eq!(fetch[0]["state"], "failed", "{fetch:?}");
}
