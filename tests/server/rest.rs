//! The REST interface: lists, repeats, refusals, what is done to tasks, inputs, questions, and what is kept beside tasks.

use crate::support::{PLAIN, Server, of, scripted, text, unique};
use reqwest::Method;
use serde_json::{Value, json};

const DONE: &str = "say Everything that was asked for is done.";

/// The names in a list of tasks.
fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|task| text(task, "task_name")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_filtered_sorted_and_paged_with_its_whole_count() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    for (name, user, label) in
        [("beta", "ann", "x"), ("alpha", "bob", "x"), ("gamma", "ann", "y"), ("Alpine", "ann", "y")]
    {
        let fields = json!({ "task_name": name, "user_id": user, "labels": [label], "auto_start": false });
        server.task(&repository, DONE, fields).await;
    }
    server.command_of("gamma", "/start").await.ok();
    server.until("gamma", &["COMPLETED"]).await;
    let cases: [(&str, &[&str]); 7] = [
        ("?sort_by=created_at&sort_order=asc", &["beta", "alpha", "gamma", "Alpine"]),
        ("?user_id=ann&sort_by=created_at&sort_order=desc", &["Alpine", "gamma", "beta"]),
        ("?name_filter=alp&sort_by=created_at&sort_order=asc", &["alpha", "Alpine"]),
        ("?status=COMPLETED", &["gamma"]),
        ("?status=PENDING&label=x&sort_by=created_at&sort_order=asc", &["beta", "alpha"]),
        ("?root_folder=/nowhere", &[]),
        ("?sort_by=created_at&sort_order=asc&limit=2&offset=1", &["alpha", "gamma"]),
    ];
    for (query, wanted) in cases {
        let list = server.get(&format!("/tasks{query}")).await.ok();
        assert_eq!(names(&list), wanted, "{query}");
        assert!(list.as_array().into_iter().flatten().all(|task| task.get("interactions").is_none()));
    }
    let mut next = Some("/tasks?limit=3&sort_by=created_at&sort_order=asc".to_owned());
    let mut seen = Vec::new();
    while let Some(path) = next {
        let page = server.get(&path).await;
        assert_eq!(page.headers["x-total-count"], "4");
        let link = page.headers.get("link").and_then(|link| link.to_str().ok()).unwrap_or_default();
        next = link.split(['<', '>']).nth(1).and_then(|url| Some(url.split_once("/api/v1")?.1.to_owned()));
        seen.extend(names(&page.ok()).into_iter().map(str::to_owned));
    }
    assert_eq!(seen, ["beta", "alpha", "gamma", "Alpine"]);
    for wrong in ["limit=501", "limit=0", "offset=-1", "sort_by=colour", "status=DONE", "nonsense=1"] {
        let problem = server.get(&format!("/tasks?{wrong}")).await.is(422);
        assert_eq!(problem["errors"][0]["field"], json!(wrong.split('=').next()), "{problem:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_problem_details_that_say_what_is_wrong() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let name = server.task(&repository, DONE, json!({ "auto_start": false })).await;
    let typed =
        |body: &'static str, kind: &str| server.request(Method::POST, "/tasks").header("Content-Type", kind).body(body);
    let cases = [
        (404, server.request(Method::GET, &of("nobody", ""))),
        (404, server.request(Method::GET, "/no/such/path")),
        (400, typed("{", "application/json")),
        (400, typed("{\"task_name\":\"a\",\"task_name\":\"b\"}", "application/json")),
        (415, typed("{}", "text/plain")),
        (422, typed("{\"descriptoin\":\"d\"}", "application/json")),
        (409, server.request(Method::POST, "/tasks").json(&json!({ "task_name": name, "description": "d" }))),
        (409, server.request(Method::POST, &of(&name, "/resume"))),
        (409, server.request(Method::POST, &of(&name, "/retry"))),
        (409, server.request(Method::POST, &of(&name, "/interrupt"))),
        (405, server.request(Method::PATCH, "/tasks")),
    ];
    for (status, request) in cases {
        let reply = server.send(request).await;
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{:#}", reply.body);
        let id = reply.headers["x-request-id"].to_str().expect("text").to_owned();
        let problem = reply.is(status);
        assert_eq!((&problem["status"], &problem["request_id"]), (&json!(status), &json!(id)));
        assert!(!text(&problem, "title").is_empty() && text(&problem, "type").starts_with("/problems/"), "{problem:#}");
    }
    let refused = server.command_of(&name, "/resume").await.is(409);
    assert!(text(&refused, "detail").contains("PENDING"), "it tells the status: {refused:#}");
    let unknown = server.send(reqwest::Client::new().get(format!("{}/api/v1/tasks", server.address))).await;
    unknown.is(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_the_same_key_answers_what_the_first_did_also_after_a_restart() {
    let mut server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let body = json!({ "task_name": unique("once"), "description": scripted(DONE), "root_folder": repository.root() });
    let post = |server: &Server, body: &Value| {
        server.request(Method::POST, "/tasks").header("Idempotency-Key", "k-1").json(body)
    };
    let (one, two) = tokio::join!(server.send(post(&server, &body)), server.send(post(&server, &body)));
    let first = one.is(201);
    assert_eq!(two.is(201), first);
    server.terminate();
    server.restart();
    assert_eq!(server.send(post(&server, &body)).await.is(201), first);
    let mut other = body.clone();
    other["description"] = json!("another");
    server.send(post(&server, &other)).await.is(422);
    assert_eq!(server.get("/tasks").await.headers["x-total-count"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_cloned_retried_continued_completed_and_begun_anew() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let script = "write one.txt one\nsay Half of it is done. Next I will do the rest.\nturn\nwrite two.txt two\nsay Everything that was asked for is done.\n\
                  after\nwrite said.txt {message}\nsay Everything that was asked for is done.";
    let name = server.task(&repository, script, json!({ "max_iterations": 1, "labels": ["kept"] })).await;
    let exhausted = server.until(&name, &["EXHAUSTED"]).await;
    assert!(!text(&exhausted, "error_message").is_empty(), "it tells which limit");

    let retried = server.command_of(&name, "/retry?additional_iterations=5").await.ok();
    assert_eq!(retried["new_limits"]["max_iterations"], 6);
    let done = server.until(&name, &["COMPLETED"]).await;
    assert_eq!(done["iterations"], 2);
    server.command_of(&name, "/retry").await.is(409);

    server.post(&of(&name, "/continue"), &json!({ "input": "and one thing more" })).await.ok();
    let mut events = server.events(&name, None).await;
    while events.next_of(&["turn.ended"]).await.payload()["turn"] != 3 {}
    let done = server.until(&name, &["COMPLETED"]).await;
    let branch = text(&done, "branch_name").to_owned();
    assert!(repository.git(&["show", &format!("{branch}:said.txt")]).contains("and one thing more"));

    let clone = unique("clone");
    let cloned =
        server.send(server.request(Method::POST, &of(&name, "/clone")).query(&[("new_name", &clone)])).await.is(201);
    assert_eq!((&cloned["new_task"], &cloned["session_continued"]), (&json!(clone), &json!(false)));
    let copy = server.get(&of(&clone, "")).await.ok();
    assert_eq!(
        (&copy["status"], &copy["labels"], &copy["iterations"]),
        (&json!("PENDING"), &json!(["kept"]), &json!(0))
    );
    let completed = server.command_of(&clone, "/complete").await.ok();
    assert_eq!(completed["status"], "FINISHED");
    server.command_of(&clone, "/complete").await.is(409);

    let restarted = server.command_of(&name, "/clear-and-restart").await.ok();
    assert!(restarted["deleted_interactions"].as_u64() > Some(0), "{restarted:#}");
    let again = server.until(&name, &["COMPLETED", "EXHAUSTED"]).await;
    assert_eq!(again["status"], "COMPLETED");
    let turns = server.get(&of(&name, "/conversation")).await.ok();
    let requests = turns["conversation"].as_array().into_iter().flatten();
    assert_eq!(
        requests.filter(|entry| entry["interaction_type"] == "user_request").count(),
        1,
        "it began anew: {turns:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_is_recovered_in_a_new_session_that_is_told_what_happened() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let flag = server.home.join("mended");
    let script = format!(
        "write part.txt part\nsay I have written part.txt\nunless {0} error 401 no such key\nwrite told.txt {{message}}\n{DONE}",
        flag.display()
    );
    let name = server.task(&repository, &script, json!({})).await;
    let failed = server.until(&name, &["FAILED"]).await;
    assert!(text(&failed, "error_message").contains("no such key"), "{failed:#}");
    std::fs::write(&flag, "").expect("a file");
    server.command_of(&name, "/recover").await.ok();
    let mut events = server.events(&name, failed["last_seq"].as_u64()).await;
    events.next_of(&["commit.made"]).await;
    let done = server.until(&name, &["COMPLETED"]).await;
    let told = repository.git(&["show", &format!("{}:told.txt", text(&done, "branch_name"))]);
    assert!(told.contains("I have written part.txt"), "the new session knows what happened: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_deleted_together_and_each_is_reported() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let pending = server.task(&repository, DONE, json!({ "auto_start": false })).await;
    let running = server.task(&repository, "say here\nhang", json!({})).await;
    server.events(&running, None).await.next_of(&["agent.text"]).await;
    let body = json!({ "task_names": [pending, running, "nobody"], "cleanup_worktree": true });
    let report = server.post("/tasks/batch-delete", &body).await.ok();
    assert_eq!((&report["total"], &report["successful"], &report["failed"]), (&json!(3), &json!(1), &json!(2)));
    let success: Vec<_> =
        report["results"].as_array().into_iter().flatten().map(|item| item["success"].clone()).collect();
    assert_eq!(success, [json!(true), json!(false), json!(false)]);
    assert_eq!(server.get(&of(&running, "")).await.ok()["status"], "RUNNING");
    server.delete(&of(&running, "")).await.is(409);
    server.delete(&of(&running, "?auto_stop=true")).await.ok();
    assert_eq!(server.get("/tasks").await.ok(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_inputs_are_edited_removed_and_served_urgent_first() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let gate = server.home.join("gate");
    let script =
        format!("say here\nrun while [ ! -e '{}' ]; do sleep 0.02; done\nafter\nsay got {{message}}", gate.display());
    let name = server.task(&repository, &script, json!({ "chat_mode": true })).await;
    let mut events = server.events(&name, None).await;
    events.next_of(&["agent.text"]).await;
    let mut ids = Vec::new();
    for (input, priority) in [("first", "normal"), ("second", "normal"), ("third", "urgent"), ("fourth", "normal")] {
        let queued = server.post(&of(&name, "/set-input"), &json!({ "input": input, "priority": priority })).await.ok();
        assert_eq!(text(&queued, "queue_priority"), priority);
        ids.push(text(&queued, "input_id").to_owned());
    }
    server.put(&of(&name, &format!("/inputs/{}", ids[1])), &json!({ "input": "second, mended" })).await.ok();
    server.put(&format!("/interactions/{}", ids[2]), &json!({ "content": "third, mended" })).await.ok();
    server.delete(&of(&name, &format!("/inputs/{}", ids[0]))).await.ok();
    server.delete(&of(&name, &format!("/inputs/{}", ids[0]))).await.is(404);
    let queue = server.get(&of(&name, "/input-queue-status")).await.ok();
    let preview: Vec<_> =
        queue["queue_preview"].as_array().into_iter().flatten().map(|input| text(input, "input")).collect();
    assert_eq!(preview, ["third, mended", "second, mended", "fourth"]);
    assert_eq!((&queue["pending_inputs"], &queue["has_pending"]), (&json!(3), &json!(true)));
    std::fs::write(&gate, "").expect("the gate opens");
    let mut heard = String::new();
    while !heard.contains("fourth") {
        heard.push_str(text(events.next_of(&["agent.text"]).await.payload(), "text"));
    }
    let place = |words: &str| heard.find(words).unwrap_or_else(|| panic!("`{words}` is not in {heard}"));
    assert!(place("third, mended") < place("second, mended") && place("second, mended") < place("fourth"), "{heard}");
    assert!(!heard.contains("first"));
    let late = server.put(&of(&name, &format!("/inputs/{}", ids[3])), &json!({ "input": "too late" })).await;
    late.is(409);
    server.post(&of(&name, "/set-input"), &json!({ "input": " " })).await.is(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_asked_answered_once_remembered_and_withdrawn() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let script = "ask Which colour? | red | blue\nwrite colour.txt {answer}\npermit git branch one\npermit git branch two\n\
                  permit curl example.invalid\nask Still there? | yes | no";
    let name = server.task(&repository, script, json!({ "chains": { "responder": [] } })).await;
    let mut events = server.events(&name, None).await;
    let asked = |event: crate::support::Seen| text(event.payload(), "id").to_owned();
    let path = |id: &str| format!("/questions/{id}/answer");

    let choice = asked(events.next_of(&["question.asked"]).await);
    let inbox = server.get("/questions?status=open").await.ok();
    assert_eq!(
        (&inbox[0]["id"], &inbox[0]["kind"], &inbox[0]["choices"][1]["label"]),
        (&json!(choice), &json!("choice"), &json!("blue"))
    );
    for wrong in [json!({}), json!({ "answers": [] }), json!({ "text": " " }), json!({ "behavior": "allow" })] {
        server.post(&path(&choice), &wrong).await.is(422);
    }
    server.post(&path(&choice), &json!({ "answers": ["blue"] })).await.ok();
    let twice = server.post(&path(&choice), &json!({ "answers": ["red"] })).await.is(409);
    assert!(twice.to_string().contains("blue"), "the first answer is told: {twice:#}");

    let permission = asked(events.next_of(&["question.asked"]).await);
    let kept = server.post(&path(&permission), &json!({ "behavior": "allow", "remember": "task" })).await.ok();
    assert!(kept["remembered"].to_string().contains("git branch"), "{kept:#}");
    // The second branch needs no answer, so the next question is about `curl`.
    let denied = loop {
        let id = asked(events.next_of(&["question.asked"]).await);
        let question = server.get(&format!("/questions/{id}")).await.ok();
        if question["tool"]["input"]["command"] == "curl example.invalid" {
            break id;
        }
        assert_ne!(question["status"], "open", "what is remembered is not asked: {question:#}");
    };
    let by_words = server.post(&of(&name, "/set-input"), &json!({ "input": "not from here" })).await.ok();
    assert_eq!(by_words["question_id"], json!(denied));
    let question = server.get(&format!("/questions/{denied}")).await.ok();
    assert_eq!(
        (&question["answer"]["behavior"], &question["answer"]["message"]),
        (&json!("deny"), &json!("not from here"))
    );

    let open = asked(events.next_of(&["question.asked"]).await);
    server.command_of(&name, "/stop").await.ok();
    assert_eq!(asked(events.next_of(&["question.withdrawn"]).await), open);
    assert_eq!(server.get(&format!("/questions/{open}")).await.ok()["status"], "withdrawn");
    server.post(&path(&open), &json!({ "answers": ["yes"] })).await.is(409);
    assert_eq!(server.get("/questions?status=open").await.ok(), json!([]));
    let task = server.get(&of(&name, "")).await.ok();
    let colour = std::fs::read_to_string(std::path::Path::new(text(&task, "worktree_path")).join("colour.txt"));
    assert!(colour.is_ok_and(|colour| colour.contains("blue")));
    assert!(["one", "two"].iter().all(|name| !repository.git(&["branch", "--list", name]).is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_prompts_and_sessions_are_kept() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let project = json!({
        "name": "plain", "path": repository.root(), "user_id": "ann", "default_branch": "main",
        "config": { "setup_commands": ["echo prepared > prepared.txt"], "notes": "Mind the tabs." },
    });
    let project = server.post("/projects", &project).await.is(201);
    let name = server.task(&repository, "write told.txt {message}", json!({})).await;
    let task = server.until(&name, &["COMPLETED"]).await;
    let file = |file: &str| repository.git(&["show", &format!("{}:{file}", text(&task, "branch_name"))]);
    assert_eq!(file("prepared.txt"), "prepared", "the project's commands prepare the worktree");
    let path = format!("/projects/{}", text(&project, "id"));
    let wrong = server.put(&path, &json!({ "config": { "ports": "many" } })).await.is(422);
    assert!(text(&wrong["errors"][0], "field").contains("ports"));
    let missing = server.post("/projects", &json!({})).await.is(422);
    let fields: Vec<_> = missing["errors"].as_array().into_iter().flatten().map(|error| text(error, "field")).collect();
    assert_eq!(fields, ["name", "path", "default_branch"]);
    let batch = server.post("/projects/batch-delete", &json!({ "project_ids": [project["id"]] })).await.ok();
    assert_eq!(batch["successful"], 1);
    server.get(&path).await.is(404);
    assert!(repository.path.exists());

    let prompt = json!({ "title": "Review", "content": "Look at {file}.", "category": "review", "tags": "a, b" });
    let prompt = server.post("/prompts", &prompt).await.is(201);
    assert_eq!(prompt["tags"], json!(["a", "b"]));
    let path = format!("/prompts/{}", text(&prompt, "id"));
    let used = server.send(server.request(Method::POST, &format!("{path}/use"))).await.ok();
    assert_eq!(used["usage_count"], 1);
    assert_eq!(server.get("/prompts?category=review&search=look").await.ok()[0]["id"], prompt["id"]);
    assert_eq!(server.get("/prompts?category=other").await.ok(), json!([]));
    server.put(&path, &json!({ "title": "Review it" })).await.ok();
    assert_eq!(server.get(&path).await.ok()["title"], "Review it");
    server.delete(&path).await.ok();
    server.get(&path).await.is(404);

    let session = server.post("/sessions", &json!({ "project_path": repository.root() })).await.is(201);
    let id = text(&session, "id").to_owned();
    let member = server.task(&repository, DONE, json!({ "session_id": id, "auto_start": false })).await;
    assert_eq!(names(&server.get(&format!("/sessions/{id}/tasks")).await.ok()), [member.as_str()]);
}
