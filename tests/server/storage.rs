//! What is on the disk: it outlasts every end of the server, and is refused where this version cannot read it.

use crate::support::{PLAIN, Server, of, text, unique};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn database(server: &Server) -> PathBuf {
    let mut files: Vec<_> = std::fs::read_dir(&server.data)
        .expect("a folder")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "db" || end == "sqlite"))
        .collect();
    files.pop().expect("a database")
}

fn integrity(server: &Server) -> String {
    let connection = rusqlite::Connection::open(database(server)).expect("it opens");
    let found: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    let broken = connection.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get::<_, i64>(0));
    assert_eq!(broken.expect("a count"), 0, "every reference leads somewhere");
    found
}

/// Everything that clients can read of these tasks.
async fn everything(server: &Server, names: &[String]) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/tasks?include=interactions&sort_by=created_at", "/questions", "/projects", "/prompts"] {
        all.push(server.get(path).await.ok());
    }
    for name in names {
        for rest in ["", "/conversation", "/inputs?status=all", "/evidence", "/events?limit=500", "/diff"] {
            all.push(server.get(&of(name, rest)).await.ok());
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything_whether_the_server_ended_in_order_or_not() {
    let mut server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let project = json!({ "name": "p", "path": repository.root(), "user_id": "ann", "default_branch": "main" });
    server.post("/projects", &project).await.is(201);
    server.post("/prompts", &json!({ "title": "t", "content": "c" })).await.is(201);
    let done = server.task(&repository, "write a.txt a\nsay Everything that was asked for is done.", json!({})).await;
    server.until(&done, &["COMPLETED"]).await;
    let stopped = server.task(&repository, "say here\nhang", json!({})).await;
    server.events(&stopped, None).await.next_of(&["agent.text"]).await;
    server.post(&of(&stopped, "/set-input"), &json!({ "input": "for later" })).await.ok();
    server.command_of(&stopped, "/stop").await.ok();
    let waiting = server.task(&repository, "say what I am asked", json!({ "auto_start": false })).await;
    let names = [done, stopped, waiting];
    let before = everything(&server, &names).await;

    server.terminate();
    assert_eq!(integrity(&server), "ok");
    server.restart();
    assert_eq!(everything(&server, &names).await, before);
    server.kill();
    server.restart();
    assert_eq!(everything(&server, &names).await, before);
    let token = server.token.clone();
    server.terminate();
    server.restart();
    assert_eq!(server.token, token, "clients keep their token");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_midst_of_many_writes_leaves_a_whole_database_and_an_open_question_open() {
    let mut server = Server::builder().settings("max_running = 6\n").start().await;
    let repository = server.repository("plain", PLAIN);
    let asks = server
        .task(&repository, "ask Which? | red | blue\nsay {answer}\nhang", json!({ "chains": { "responder": [] } }))
        .await;
    let question = text(server.events(&asks, None).await.next_of(&["question.asked"]).await.payload(), "id").to_owned();
    let mut floods = Vec::new();
    for _ in 0..4 {
        floods.push(
            server.task(&repository, "flood 2000 200\nsay Everything that was asked for is done.", json!({})).await,
        );
    }
    let mut events = server.events(&floods[3], None).await;
    for _ in 0..20 {
        events.next_of(&["agent.text"]).await;
    }
    server.kill();
    assert_eq!(integrity(&server), "ok");
    server.restart();
    for name in &floods {
        server.until(name, &["COMPLETED"]).await;
    }
    assert_eq!(server.get("/questions?status=open").await.ok()[0]["id"], json!(question));
    server.post(&format!("/questions/{question}/answer"), &json!({ "answers": ["red"] })).await.ok();
    let mut events = server.events(&asks, None).await;
    loop {
        let said = events.next_of(&["agent.text"]).await;
        if text(said.payload(), "text").contains("red") {
            break;
        }
    }
    server.command_of(&asks, "/stop").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_or_no_database_at_all_is_refused_and_left_as_it_is() {
    let mut server = Server::start().await;
    server.post("/tasks", &json!({ "task_name": unique("kept"), "description": "d" })).await.is(201);
    server.terminate();
    let file = database(&server);
    let start = |words: &[&str]| {
        let before = std::fs::read(&file).expect("it is there");
        let begin = Instant::now();
        let mut command: Command = server.command();
        let output =
            command.args(["serve", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).output().expect("it starts");
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty(), "{told}");
        let line = told.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(words.iter().all(|word| line.contains(word)), "{told}");
        assert_eq!(std::fs::read(&file).expect("it is there"), before, "the file is as it was");
    };
    let connection = rusqlite::Connection::open(&file).expect("it opens");
    connection.pragma_update(None, "user_version", 9999).expect("a version");
    drop(connection);
    start(&["9999", "later program"]);
    std::fs::write(&file, b"this is no database at all, but a text that is long enough to be read as one")
        .expect("a file");
    start(&[&file.display().to_string()]);
}
