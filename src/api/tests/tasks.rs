use super::*;
use serde_json::json;

fn names(answer: &Got) -> Vec<String> {
    let list = answer.json();
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {}", answer.text));
    list.iter().map(|task| task["task_name"].as_str().expect("a name").to_owned()).collect()
}

fn by_name(name: &str, rest: &str) -> String {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("/api/v1/tasks/by-name/{name}{rest}")
}

#[tokio::test]
async fn a_new_task_has_every_field_with_its_default() {
    let server = Server::start().await;
    let mut task = server.task("first").await;
    for (field, shown) in [("id", "[id]"), ("root_folder", "[path]")] {
        task[field] = shown.into();
    }
    for field in ["created_at", "updated_at"] {
        assert!(task[field].as_str().is_some_and(|time| time.ends_with('Z')));
        task[field] = "[time]".into();
    }
    insta::assert_json_snapshot!(task, @r#"
    {
      "id": "[id]",
      "task_name": "first",
      "session_id": null,
      "description": "Do it.",
      "user_id": null,
      "root_folder": "[path]",
      "branch_name": null,
      "base_branch": null,
      "base_commit": null,
      "git_repo": null,
      "use_worktree": true,
      "worktree_path": null,
      "status": "PENDING",
      "summary": null,
      "error_message": null,
      "end_criteria_config": {
        "criteria": null,
        "max_iterations": 20,
        "max_tokens": null
      },
      "max_cost_usd": null,
      "max_duration_seconds": null,
      "total_tokens_used": 0,
      "tokens": {
        "input": 0,
        "output": 0,
        "cache_creation": 0,
        "cache_read": 0
      },
      "total_cost_usd": 0.0,
      "iterations": 0,
      "running_seconds": 0.0,
      "interaction_count": 0,
      "chat_mode": false,
      "waiting_for_input": false,
      "paused_until": null,
      "queue_position": null,
      "projects": [],
      "project_context": null,
      "mcp_servers": {},
      "model": null,
      "allowed_tools": [],
      "disallowed_tools": [],
      "system_prompt": null,
      "chains": {},
      "generate_tests": null,
      "auto_commit": true,
      "commit_message": null,
      "labels": [],
      "custom_human_input": null,
      "start_at": null,
      "created_at": "[time]",
      "updated_at": "[time]",
      "started_at": null,
      "completed_at": null,
      "test_cases": [],
      "interactions": []
    }
    "#);
    server.end().await;
}

#[tokio::test]
async fn a_task_reads_the_same_by_id_and_by_name_whatever_its_name() {
    let server = Server::start().await;
    for name in ["Übung № 1 — mend all the \"things\"", "a task, with a comma", "名前", "50% done? #1 & more"] {
        let body = json!({"task_name": name, "description": "d"});
        let made = server.post("/api/v1/tasks", &body).await;
        let id = made.json()["id"].as_str().unwrap_or_else(|| panic!("{}", made.text)).to_owned();
        for rest in ["", "/status", "/conversation"] {
            let by_id = server.get(&format!("/api/v1/tasks/{id}{rest}")).await;
            let named = server.get(&by_name(name, rest)).await;
            assert_eq!(by_id.status, StatusCode::OK, "{name}{rest}");
            assert_eq!(by_id.text, named.text, "{name}{rest}");
        }
    }
    server.end().await;
}

#[tokio::test]
async fn all_wrong_fields_of_a_task_are_told_at_once() {
    let server = Server::start().await;
    let body = json!({
        "task_name": "-rf", "description": 5, "max_iterations": -1, "max_tokens": "x", "chat_mode": "perhaps",
        "projects": "p", "labels": "one", "start_at": "tomorrow", "chains": [], "no_such_field": 1,
    });
    let problem = server.post("/api/v1/tasks", &body).await.problem(422);
    let fields: Vec<_> =
        problem["errors"].as_array().expect("errors").iter().map(|error| error["field"].clone()).collect();
    assert_eq!(
        json!(fields),
        json!([
            "task_name",
            "description",
            "chat_mode",
            "max_iterations",
            "max_tokens",
            "projects",
            "chains",
            "labels",
            "start_at",
            "no_such_field"
        ])
    );
    server.end().await;
}

#[tokio::test]
async fn a_list_tells_its_whole_count_and_leads_through_its_pages() {
    let server = Server::start().await;
    for i in 0..5 {
        server.task(&format!("t{i}")).await;
    }
    let mut path = "/api/v1/tasks?sort_by=created_at&sort_order=asc&limit=2".to_owned();
    let mut seen = vec![];
    for page in 0..3 {
        let answer = server.get(&path).await;
        assert_eq!(answer.header("x-total-count"), "5");
        seen.extend(names(&answer));
        let link = answer.header("link");
        assert_eq!(link.is_empty(), page == 2, "{link}");
        path = link.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
    }
    assert_eq!(seen, ["t0", "t1", "t2", "t3", "t4"]);
    server.end().await;
}

#[tokio::test]
async fn a_list_is_made_anew_when_a_task_changes_and_only_then() {
    let server = Server::start().await;
    server.task("a").await;
    let first = server.get("/api/v1/tasks").await;
    let tag = first.header("etag").to_owned();
    let same = got(server.request(Method::GET, "/api/v1/tasks").header("if-none-match", &tag)).await;
    assert_eq!((same.status, same.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    server.put(&by_name("a", ""), &json!({"description": "Something else."})).await;
    let changed = got(server.request(Method::GET, "/api/v1/tasks").header("if-none-match", &tag)).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.json()[0]["description"], "Something else.");
    server.task("b").await;
    assert_eq!(server.get("/api/v1/tasks").await.header("x-total-count"), "2");
    server.end().await;
}

#[tokio::test]
async fn a_list_filters_and_tells_its_wrong_parameters() {
    let server = Server::start().await;
    for (name, user) in [("apple", "ada"), ("pear", "ada"), ("plum", "bob")] {
        let body = json!({"task_name": name, "description": "d", "user_id": user, "labels": [user]});
        assert_eq!(server.post("/api/v1/tasks", &body).await.status, StatusCode::CREATED);
    }
    let list = async |query: &str| {
        names(&server.get(&format!("/api/v1/tasks?sort_by=task_name&sort_order=asc&{query}")).await)
    };
    assert_eq!(list("user_id=ada").await, ["apple", "pear"]);
    assert_eq!(list("user_id=ada&name_filter=PEA").await, ["pear"]);
    assert_eq!(list("label=bob").await, ["plum"]);
    assert_eq!(list("status=PENDING,RUNNING").await.len(), 3);
    assert_eq!(list("status=FAILED").await.len(), 0);
    for query in
        ["status=bogus", "limit=-1", "limit=abc", "limit=501", "offset=-5", "sort_by=password", "sort_order=x", "x=1"]
    {
        let problem = server.get(&format!("/api/v1/tasks?{query}")).await.problem(422);
        let name = query.split('=').next().expect("a name");
        assert_eq!(problem["errors"][0]["field"], name);
    }
    server.end().await;
}

#[tokio::test]
async fn a_change_changes_what_it_names_and_nothing_else() {
    let server = Server::start().await;
    let body = json!({"task_name": "t", "description": "Old.", "project_context": "old", "end_criteria": "criteria", "max_tokens": 7});
    server.post("/api/v1/tasks", &body).await;
    let change = json!({"project_context": null, "end_criteria_config": {"max_iterations": 3}});
    let changed = server.put(&by_name("t", ""), &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let task = changed.json();
    assert_eq!(task["description"], "Old.");
    assert_eq!(task["project_context"], Value::Null);
    assert_eq!(task["end_criteria_config"], json!({"criteria": "criteria", "max_iterations": 3, "max_tokens": 7}));
    for (field, value) in [("no_such_field", json!(1)), ("description", json!(5)), ("projects", json!("p"))] {
        let problem = server.put(&by_name("t", ""), &json!({field: value})).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field);
    }
    server.end().await;
}

#[tokio::test]
async fn a_wrong_status_and_a_name_that_is_taken_are_conflicts() {
    let server = Server::start().await;
    server.task("t").await;
    let problem = got(server.request(Method::POST, &by_name("t", "/stop"))).await.problem(409);
    assert_eq!(problem["task_status"], "PENDING");
    server.post("/api/v1/tasks", &json!({"task_name": "t", "description": "d"})).await.problem(409);
    server.get(&by_name("no-such", "")).await.problem(404);
    server.get("/api/v1/tasks/00000000-0000-0000-0000-000000000000").await.problem(404);
    server.get("/api/v1/tasks/no-id").await.problem(404);
    server.end().await;
}

#[tokio::test]
async fn inputs_wait_in_the_order_of_their_service_and_can_be_changed_and_taken_back() {
    let server = Server::start().await;
    server.task("t").await;
    let mut ids = vec![];
    for (input, priority) in [("one", "normal"), ("two", "urgent"), ("one", "normal")] {
        let taken = server.post(&by_name("t", "/set-input"), &json!({"input": input, "priority": priority})).await;
        assert_eq!(taken.status, StatusCode::OK, "{}", taken.text);
        ids.push(taken.json()["input_id"].as_str().expect("an id").to_owned());
    }
    let status = server.get(&by_name("t", "/input-queue-status")).await.json();
    assert_eq!((&status["pending_inputs"], &status["has_pending"]), (&json!(3), &json!(true)));
    assert_eq!(status["queue_preview"][0]["input"], "two");
    let edited = server.put(&by_name("t", &format!("/inputs/{}", ids[0])), &json!({"input": "new"})).await;
    assert_eq!(edited.json()["input"], "new", "{}", edited.text);
    let edited = server.put(&format!("/api/v1/interactions/{}", ids[0]), &json!({"content": "newer"})).await;
    assert_eq!(edited.json()["input"], "newer", "{}", edited.text);
    let removed = got(server.request(Method::DELETE, &by_name("t", &format!("/inputs/{}", ids[1])))).await;
    assert_eq!(removed.status, StatusCode::OK, "{}", removed.text);
    got(server.request(Method::DELETE, &by_name("t", &format!("/inputs/{}", ids[1])))).await.problem(404);
    let waiting = server.get(&by_name("t", "/inputs")).await.json();
    let texts: Vec<_> = waiting.as_array().expect("a list").iter().map(|input| input["input"].clone()).collect();
    assert_eq!(json!(texts), json!(["newer", "one"]));
    for wrong in [
        json!({"input": " "}),
        json!({"input": 5}),
        json!({}),
        json!({"input": "x", "images": [{"base64": "AAAA", "media_type": "image/png"}]}),
    ] {
        server.post(&by_name("t", "/set-input"), &wrong).await.problem(422);
    }
    server.end().await;
}

#[tokio::test]
async fn a_task_is_cloned_deleted_and_gone() {
    let server = Server::start().await;
    server.task("t").await;
    let cloned = got(server.request(Method::POST, &by_name("t", "/clone?new_name=copy"))).await;
    assert_eq!((cloned.status, &cloned.json()["new_task"]), (StatusCode::CREATED, &json!("copy")));
    let deleted = got(server.request(Method::DELETE, &by_name("t", ""))).await;
    assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text);
    got(server.request(Method::DELETE, &by_name("t", ""))).await.problem(404);
    let batch = server.post("/api/v1/tasks/batch-delete", &json!({"task_names": ["copy", "t"]})).await.json();
    assert_eq!((&batch["total"], &batch["successful"], &batch["failed"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(batch["results"][1]["success"], false);
    server.post("/api/v1/tasks/batch-delete", &json!({})).await.problem(422);
    server.end().await;
}

#[tokio::test]
async fn the_events_of_a_task_come_in_pages() {
    let server = Server::start().await;
    server.task("t").await;
    for i in 0..3 {
        server.post(&by_name("t", "/set-input"), &json!({"input": format!("input {i}")})).await;
    }
    let first = server.get(&by_name("t", "/events?limit=2")).await;
    assert_eq!(first.json()[0]["kind"], "task.created");
    let next = first.header("link").split(['<', '>']).nth(1).expect("there is more").to_owned();
    let kinds: Vec<_> =
        server.get(&next).await.json().as_array().expect("a list").iter().map(|e| e["kind"].clone()).collect();
    assert_eq!(json!(kinds), json!(["input.queued", "input.queued"]));
    let only = server.get(&by_name("t", "/events?kind=task.created")).await.json();
    assert_eq!(only.as_array().map(Vec::len), Some(1));
    server.get(&by_name("t", "/events?kind=bogus")).await.problem(422);
    server.end().await;
}

#[tokio::test]
async fn questions_that_do_not_exist_are_listed_as_none_and_cannot_be_answered() {
    let server = Server::start().await;
    server.task("t").await;
    let list = server.get("/api/v1/questions?status=open&task=t").await;
    assert_eq!((list.text.as_str(), list.header("x-total-count")), ("[]", "0"));
    assert_eq!(server.get(&by_name("t", "/questions")).await.text, "[]");
    server.get("/api/v1/questions?task=no-such").await.problem(404);
    server
        .post("/api/v1/questions/00000000-0000-0000-0000-000000000000/answer", &json!({"text": "x"}))
        .await
        .problem(404);
    server.end().await;
}
