//! The faults of the first implementation, in the order in which they were noted: each has its test here, whose name
//! says what holds instead.

use crate::support::{NODE, PLAIN, Server, of, scripted, scripted_agent, text, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// A step that waits until a file is there.
fn wait_for(file: &Path) -> String {
    format!("run while [ ! -e '{}' ]; do sleep 0.02; done", file.display())
}

/// The texts of a task's events of one kind.
async fn told(server: &Server, task: &str, kind: &str, field: &str) -> Vec<String> {
    let events = server.get(&of(task, "/events?limit=500")).await.ok();
    let payloads = events.as_array().into_iter().flatten().filter(|event| event["kind"] == kind);
    payloads.map(|event| text(&event["payload"], field).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_named_dot_dot_is_refused_and_nothing_is_removed() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    for name in ["..", ".", "../..", "a/../..", "..\\..", "-rf"] {
        let body = json!({ "task_name": name, "description": "d", "root_folder": repository.root() });
        server.post("/tasks", &body).await.is(422);
        let gone = server.delete(&of(name, "?cleanup_worktree=true&delete_branch=true&confirm=true")).await;
        assert!(gone.status.is_client_error(), "{name}: {}", gone.status);
    }
    let name = server.task(&repository, "write new.txt new", json!({ "task_name": "... .. ~ $(rm -rf .) .git" })).await;
    let task = server.until(&name, &["COMPLETED"]).await;
    let branch = text(&task, "branch_name").to_owned();
    assert!(branch.starts_with("taskwright/"), "{branch}");
    repository.git(&["check-ref-format", "--branch", &branch]);
    server.delete(&of(&name, "?delete_branch=true&confirm=true")).await.ok();

    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    assert_eq!(repository.git(&["log", "--format=%s", "main"]), "First");
    assert!(repository.path.join("notes.txt").exists());
    assert_eq!(repository.git(&["branch", "--list", &branch]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_started_task_does_its_description_is_answered_and_ends() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let script = "write one.txt one\nsay The first file is written. Shall I go on with the second file?\nturn\n\
                  write two.txt {message}\nsay Both files are written and everything that was asked for is done.";
    let name = server.task(&repository, script, json!({})).await;

    let task = server.until(&name, &["COMPLETED"]).await;

    let turns = told(&server, &name, "turn.started", "text").await;
    assert!(turns[0].contains("Do what the script says."), "the first message is the description: {turns:?}");
    let branch = text(&task, "branch_name");
    let reply = repository.git(&["show", &format!("{branch}:two.txt")]);
    assert_eq!(turns.get(1).map(|reply| reply.trim()), Some(reply.as_str()), "what was decided is what the agent got");
    assert!(!reply.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_the_agent_keeps_worktree_and_branch_and_resume_goes_on_in_the_same_session() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let script = "write half.txt {session}\nsay half\nhang\nturn\nwrite rest.txt {session}\nsay Everything is done.";
    let name = server.task(&repository, script, json!({})).await;
    server.events(&name, None).await.next_of(&["agent.text"]).await;
    let before = server.get(&of(&name, "/status")).await.ok();
    let pid = before["process_pid"].as_u64().expect("the pid of a process that runs");

    let stopped = server.command_of(&name, "/stop").await.ok();

    assert_eq!((&stopped["status"], &stopped["process_killed"]), (&json!("STOPPED"), &json!(true)));
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the agent is gone when `stop` has answered");
    let task = server.get(&of(&name, "")).await.ok();
    assert_eq!(task["status"], "STOPPED");
    assert!(Path::new(text(&task, "worktree_path")).join("half.txt").exists());
    let branch = text(&task, "branch_name").to_owned();
    assert!(!repository.git(&["branch", "--list", &branch]).is_empty());

    server.command_of(&name, "/resume").await.ok();
    let task = server.until(&name, &["COMPLETED"]).await;
    assert_eq!(text(&task, "branch_name"), branch);
    let session = repository.git(&["show", &format!("{branch}:half.txt")]);
    assert_eq!(repository.git(&["show", &format!("{branch}:rest.txt")]), session);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_a_task_goes_on_by_itself_whether_or_not_its_agent_outlived_the_server() {
    let mut server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let gate = server.home.join("gate");
    let script = format!("say before\n{}\nsay after\nturn\nsay The rest is done.", wait_for(&gate));
    let lives = server.task(&repository, &script, json!({})).await;
    let dies = server.task(&repository, "say before\nhang\nturn\nsay Everything is done.", json!({})).await;
    for name in [&lives, &dies] {
        server.events(name, None).await.next_of(&["agent.text"]).await;
    }
    let pid = server.get(&of(&dies, "/status")).await.ok()["process_pid"].as_i64().expect("a pid");

    server.kill();
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("the agent is killed");
    server.restart();
    std::fs::write(&gate, "").expect("the gate opens");

    server.until(&lives, &["COMPLETED"]).await;
    server.until(&dies, &["COMPLETED"]).await;
    assert_eq!(told(&server, &lives, "agent.text", "text").await[..2], ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_own_checkout_is_never_written_to_not_even_without_an_origin() {
    let server = Server::start().await;
    let repository = server.repository("plain", &[("notes.txt", "one\n"), ("sub/kept.txt", "kept\n")]);
    repository.write(&[("notes.txt", "one\ntwo\nmine, not committed\n"), ("sub/mine.txt", "mine\n")]);
    let before = repository.git(&["status", "--porcelain", "-uall"]);
    let below = json!({ "root_folder": repository.path.join("sub") });
    for fields in [json!({}), below] {
        let name = server.task(&repository, "write notes.txt theirs\nrun pwd > where.txt", fields).await;
        let task = server.until(&name, &["COMPLETED"]).await;
        let files = repository.git(&["ls-tree", "-r", "--name-only", text(&task, "branch_name")]);
        let written = files.lines().find(|file| file.ends_with("where.txt")).expect("what the agent wrote");
        let place = repository.git(&["show", &format!("{}:{written}", text(&task, "branch_name"))]);
        assert!(!Path::new(&place).starts_with(&repository.path), "{place}");
    }
    assert_eq!(repository.git(&["status", "--porcelain", "-uall"]), before);
    assert_eq!(repository.git(&["rev-parse", "--abbrev-ref", "HEAD"]), "main");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_folder_is_refused_and_no_agent_runs() {
    let logs = tempfile::tempdir().expect("a folder");
    let agent = format!("{} --log {}", scripted_agent().display(), logs.path().display());
    let server = Server::builder().agent(agent).start().await;
    std::fs::create_dir(server.home.join("no repository")).expect("a folder");
    for folder in ["missing", "no repository", "../.."] {
        let body = json!({
            "task_name": unique("nowhere"), "description": "d", "root_folder": server.home.join(folder), "auto_start": true,
        });
        let problem = server.post("/tasks", &body).await.is(422);
        assert_eq!(problem["errors"][0]["field"], "root_folder", "{folder}: {problem:#}");
    }
    let runs = std::fs::read_dir(logs.path()).expect("a folder").count();
    assert_eq!(runs, 0, "no agent was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_running_tasks_and_sixty_listeners_leave_every_answer_quick() {
    let server = Server::builder().settings("max_running = 12\n").start().await;
    let repository = server.repository("plain", PLAIN);
    let (mut names, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        names.push(server.task(&repository, "say here\nhang", json!({})).await);
    }
    for name in &names {
        for _ in 0..5 {
            streams.push(server.events(name, None).await);
        }
    }
    for stream in &mut streams {
        stream.next_of(&["agent.text"]).await;
    }
    for path in ["/health", "/tasks", "/questions", "/health"] {
        let begin = Instant::now();
        server.get(path).await.ok();
        assert!(begin.elapsed() < Duration::from_secs(2), "{path} took {:?}", begin.elapsed());
    }
    for name in &names {
        server.command_of(name, "/stop").await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_line_a_long_prompt_and_images_arrive_whole() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let description = format!("{}{}", scripted("huge 1500000\nturn\nsay {images} images"), "word ".repeat(60_000));
    let name = server
        .task(&repository, "", json!({ "description": description, "chat_mode": true, "max_tokens": null }))
        .await;
    let mut events = server.events(&name, None).await;
    let first = events.next_of(&["turn.started"]).await;
    assert!(text(first.payload(), "text").ends_with(&"word ".repeat(60_000).trim_end()), "the prompt is whole");
    let line = events.next_of(&["agent.text"]).await;
    let told = text(line.payload(), "text");
    assert!(told.len() >= 1_500_000 || line.payload()["truncated"] == true, "{} bytes", told.len());
    events.next_of(&["turn.ended"]).await;

    let input = json!({ "input": "look", "images": [image(), image()] });
    server.post(&of(&name, "/set-input"), &input).await.ok();
    let seen = events.next_of(&["agent.text"]).await;
    assert_eq!(text(seen.payload(), "text"), "2 images");
    server
        .post(
            &of(&name, "/set-input"),
            &json!({ "input": "x", "images": [{ "base64": "AAAA", "media_type": "image/png" }] }),
        )
        .await
        .is(422);
}

/// One red pixel.
fn image() -> Value {
    json!({
        "media_type": "image/png",
        "base64": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_of_another_language_is_tested_case_by_case_and_failures_go_back_to_the_agent() {
    let server = Server::start().await;
    let repository = server.repository("adder", NODE);
    let script = "write adder.js export const add = () => 5;\\n\nsay Everything is done.\nturn\n\
                  write adder.js export const add = (a, b) => b + a;\\n\nsay The failing test passes now. Everything is done.";
    let name = server.task(&repository, script, json!({})).await;

    server.until(&name, &["COMPLETED"]).await;

    let evidence = server.get(&of(&name, "/evidence")).await.ok();
    let rounds = evidence["tests"]["rounds"].as_array().expect("rounds");
    let passed: Vec<_> = rounds.iter().map(|round| round["passed"].as_bool()).collect();
    assert_eq!(passed, [Some(false), Some(true)], "{evidence:#}");
    let cases = |round: usize| rounds[round]["cases"].as_array().cloned().unwrap_or_default();
    let one = |round: usize| cases(round).into_iter().find(|case| text(case, "name").contains("two and two"));
    assert_eq!(one(0).expect("the case by its name")["status"], "failed");
    assert_eq!(one(1).expect("the case by its name")["status"], "passed");
    let turns = told(&server, &name, "turn.started", "text").await;
    assert!(turns[1].contains("two and two"), "the agent is told which case failed: {}", turns[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_called_tests_is_no_failure_where_nothing_can_run_it() {
    let server = Server::start().await;
    let repository = server.repository("words", &[("tests/readme.txt", "by hand\n"), ("a.txt", "a\n")]);
    let name = server.task(&repository, "write b.txt b", json!({})).await;
    server.until(&name, &["COMPLETED"]).await;
    let evidence = server.get(&of(&name, "/evidence")).await.ok();
    assert_eq!(evidence["tests"]["rounds"], json!([]), "{evidence:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_is_delivered_once_whenever_it_comes_and_the_same_text_twice_is_two() {
    let logs = tempfile::tempdir().expect("a folder");
    let agent = format!("{} --log {}", scripted_agent().display(), logs.path().display());
    let server = Server::builder().agent(agent).start().await;
    let repository = server.repository("plain", PLAIN);
    let gate = server.home.join("gate");
    let script = format!("say before\n{}\nsay first\nafter\nsay got {{message}}", wait_for(&gate));
    let name = server.task(&repository, &script, json!({ "chat_mode": true })).await;
    let mut events = server.events(&name, None).await;
    events.next_of(&["agent.text"]).await;

    let mut given = Vec::new();
    for _ in 0..2 {
        let queued = server.post(&of(&name, "/set-input"), &json!({ "input": "the same words" })).await.ok();
        given.push(text(&queued, "input_id").to_owned());
    }
    std::fs::write(&gate, "").expect("the gate opens");
    let mut delivered = Vec::new();
    while delivered.len() < 2 {
        delivered.push(text(events.next_of(&["input.delivered"]).await.payload(), "id").to_owned());
    }
    // One more at the very moment at which a turn ends.
    events.next_of(&["turn.ended"]).await;
    let last = server.post(&of(&name, "/set-input"), &json!({ "input": "and the last" })).await.ok();
    given.push(text(&last, "input_id").to_owned());
    delivered.push(text(events.next_of(&["input.delivered"]).await.payload(), "id").to_owned());

    assert_eq!(delivered, given);
    let heard = loop {
        let said = told(&server, &name, "agent.text", "text").await;
        if said.iter().any(|said| said.contains("and the last")) {
            break said.join("\n");
        }
        events.next_of(&["agent.text"]).await;
    };
    assert_eq!(heard.matches("the same words").count(), 2, "{heard}");
    let processes = std::fs::read_dir(logs.path()).expect("a folder").count();
    assert_eq!(processes, 1, "one agent heard it all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_ids_tells_each_event_once_and_ends_with_the_task() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let gate = server.home.join("gate");
    let script = format!("flood 50 20\n{}\nsay Everything is done.", wait_for(&gate));
    let name = server.task(&repository, &script, json!({})).await;
    let live = server.events(&name, None).await;
    std::fs::write(&gate, "").expect("the gate opens");

    let live = live.rest().await;

    assert_eq!(live.last().map(|event| event.kind.as_str()), Some("end"));
    let ids: Vec<u64> =
        live.iter().filter(|event| event.kind != "end").filter_map(|event| event.id.parse().ok()).collect();
    assert!(ids.len() > 50 && ids.is_sorted_by(|a, b| a < b), "each event once, in order: {ids:?}");
    let later = server.events(&name, None).await.rest().await;
    assert_eq!(live, later, "who comes later sees the same");
    let cursor = live[live.len() / 2].id.parse().ok();
    assert_eq!(server.events(&name, cursor).await.rest().await, live[live.len() / 2 + 1..]);
    assert_eq!(server.events(&name, ids.last().copied()).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_like_issue_problem_and_done_decide_nothing_and_a_list_is_no_choice() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let script = "say I looked into the issue and the problem with the error page, which is half done so far:\\n1. The page is found.\\n2. \
                  The words are known.\\n\\nNext I will write the file.\nturn\nwrite page.txt {message}\nsay Everything that was asked for is done.";
    let name = server.task(&repository, script, json!({})).await;

    let task = server.until(&name, &["COMPLETED"]).await;

    assert_eq!(task["iterations"], 2, "the report of a half-way state was not taken for the end");
    let reply = repository.git(&["show", &format!("{}:page.txt", text(&task, "branch_name"))]);
    for wrong in ["fix", "error", "1.", "first option"] {
        assert!(!reply.to_lowercase().contains(wrong), "the agent was asked to go on, not told: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_user_can_know_is_the_users_to_answer() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let script = "say To go on I need the password of the production database. What is it?\nturn\n\
                  write said.txt {message}\nsay Everything that was asked for is done.";
    let name = server.task(&repository, script, json!({})).await;

    let task = server.until(&name, &["PAUSED"]).await;

    assert_eq!(task["waiting_for_input"], true);
    let open = server.get("/questions?status=open").await.ok();
    assert_eq!(open[0]["kind"], "escalation");
    assert_eq!(open[0]["task_name"], json!(name));
    let path = format!("/questions/{}/answer", text(&open[0], "id"));
    server.post(&path, &json!({ "text": "Use a file instead." })).await.ok();
    let task = server.until(&name, &["COMPLETED"]).await;
    let said = repository.git(&["show", &format!("{}:said.txt", text(&task, "branch_name"))]);
    assert!(said.contains("Use a file instead."), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_by_name_and_harms_nothing() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let name = server.task(&repository, "", json!({ "auto_start": false })).await;
    for changes in [
        json!({ "projects": "p" }),
        json!({ "mcp_servers": [] }),
        json!({ "end_criteria_config": "x" }),
        json!({ "description": { "a": 1 } }),
    ] {
        let problem = server.put(&of(&name, ""), &changes).await.is(422);
        let field = changes.as_object().and_then(|changes| changes.keys().next()).expect("a field");
        assert_eq!(problem["errors"][0]["field"], json!(field));
    }
    let wrong = [
        ("max_iterations", json!(-1)),
        ("max_tokens", json!(-5)),
        ("description", json!("a\u{0}b")),
        ("task_name", json!("-rf")),
        ("task_name", json!("a\u{0}b")),
        ("task_name", json!(" ")),
    ];
    for (field, value) in wrong {
        let mut body = json!({ "task_name": unique("wrong"), "description": "d" });
        body[field] = value;
        let problem = server.post("/tasks", &body).await.is(422);
        assert_eq!(problem["errors"][0]["field"], field, "{problem:#}");
    }
    let body = json!({ "task_name": unique("giant"), "description": "x".repeat(50 << 20) });
    // A server may refuse by length before it has read it all, which a client can see as a broken connection.
    if let Ok(response) = server.request(Method::POST, "/tasks").json(&body).send().await {
        assert_eq!(response.status(), 413);
    }
    assert_eq!(server.get("/tasks").await.ok().as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_foreign_page_is_let_in() {
    let server = Server::start().await;
    let foreign = [("Origin", "https://evil.example"), ("Host", "evil.example")];
    for (header, value) in foreign {
        for path in ["/health", "/tasks", "/events"] {
            let reply = server.send(server.request(Method::GET, path).header(header, value)).await;
            assert_eq!(reply.status, 403, "{header} at {path}");
            assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
        }
    }
    let own = server.send(server.request(Method::GET, "/tasks").header("Origin", &server.address)).await;
    assert!(own.status.is_success());
}
