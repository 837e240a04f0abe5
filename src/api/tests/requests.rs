use super::*;
use serde_json::json;

#[tokio::test]
async fn every_operation_of_the_document_is_routed() {
    let server = Server::start().await;
    let document = server.get("/api/v1/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let place = path.replace("{name}", "no-such-task").replace("{", "").replace("}", "");
            let method: Method = method.to_ascii_uppercase().parse().expect("a method");
            let mut request = server.request(method.clone(), &place);
            if method != Method::GET {
                request = request.header("content-type", "application/json").body("{}");
            }
            if path.ends_with("/ws") || path == "/api/v1/events" {
                continue;
            }
            let answer = got(request).await;
            let status = answer.status.as_u16().to_string();
            assert!(operation["responses"][&status].is_object(), "{method} {path} answers {status}: {}", answer.text);
            assert!(!answer.text.contains("There is nothing at"), "{method} {path} is not routed");
            assert!(answer.status.as_u16() < 500, "{method} {path}: {}", answer.text);
        }
    }
    server.end().await;
}

#[tokio::test]
async fn what_is_no_json_is_told_by_its_kind() {
    let server = Server::start().await;
    let send = |content_type: &'static str, body: String| {
        server.request(Method::POST, "/api/v1/tasks").header("content-type", content_type).body(body)
    };
    got(send("application/json", r#"{"task_name": "x", "#.into())).await.problem(400);
    got(send("application/json", r#"{"task_name": "x", "task_name": "y", "description": "d"}"#.into()))
        .await
        .problem(400);
    got(send("application/json", format!("{}{}", "[".repeat(100), "]".repeat(100)))).await.problem(400);
    got(send("application/json", String::new())).await.problem(400);
    got(send("text/plain", r#"{"task_name": "x", "description": "d"}"#.into())).await.problem(415);
    got(send("application/json", "[]".into())).await.problem(422);
    server.end().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_or_without_a_length() {
    let server = Server::start().await;
    let large = "x".repeat(2 * 1024 * 1024 + 1);
    let post = |path: &str| server.request(Method::POST, path).header("content-type", "application/json");
    got(post("/api/v1/tasks").body(large.clone())).await.problem(413);
    let pieces = (0..3).map(|_| Ok::<_, std::io::Error>("x".repeat(1024 * 1024)));
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    got(post("/api/v1/tasks").body(stream)).await.problem(413);
    let long = json!({"task_name": "t", "description": "d".repeat(600 * 1024)});
    let problem = server.post("/api/v1/tasks", &long).await.problem(413);
    assert_eq!(problem["errors"][0]["field"], "description");
    server.end().await;
}

#[tokio::test]
async fn a_wrong_path_or_method_is_a_problem() {
    let server = Server::start().await;
    server.get("/no/such/thing").await.problem(404);
    let wrong = got(server.request(Method::DELETE, "/api/v1/tasks")).await;
    wrong.problem(405);
    assert_eq!(wrong.header("allow"), "GET, POST, HEAD, OPTIONS");
    let options = got(server.request(Method::OPTIONS, "/api/v1/tasks")).await;
    assert_eq!((options.status, options.header("allow")), (StatusCode::NO_CONTENT, "GET, POST, HEAD, OPTIONS"));
    let head = got(server.request(Method::HEAD, "/api/v1/tasks")).await;
    assert_eq!((head.status, head.text.as_str(), head.header("x-total-count")), (StatusCode::OK, "", "0"));
    server.end().await;
}

#[tokio::test]
async fn a_handler_that_panics_costs_only_its_own_answer() {
    let server = Server::start_with(vec![page("/panic", |_| async { panic!("secret words") })]).await;
    let problem = got(server.request(Method::GET, "/panic")).await;
    assert!(!problem.text.contains("secret words"));
    problem.problem(500);
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
    server.end().await;
}

#[tokio::test]
async fn a_post_with_the_same_key_answers_what_the_first_did() {
    let server = Server::start().await;
    let send = |key: &str, body: &Value| {
        got(server.request(Method::POST, "/api/v1/tasks").header("idempotency-key", key).json(body))
    };
    let body = json!({"task_name": "once", "description": "d", "use_worktree": false, "root_folder": server.repository("once")});
    let first = send("k1", &body).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let again = send("k1", &body).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    send("k1", &json!({"task_name": "other", "description": "d"})).await.problem(422);
    send("k2", &body).await.problem(409);
    send("", &body).await.problem(400);
    server.later.fetch_add(25 * 3_600_000, Ordering::SeqCst);
    send("k1", &body).await.problem(409);
    server.end().await;
}

#[tokio::test]
async fn the_same_key_at_the_same_moment_makes_one_task() {
    let server = Server::start().await;
    let body = json!({"task_name": "once", "description": "d", "root_folder": server.repository("once")});
    let sends =
        (0..6).map(|_| got(server.request(Method::POST, "/api/v1/tasks").header("idempotency-key", "k").json(&body)));
    let answers = futures_util::future::join_all(sends).await;
    let ids: std::collections::BTreeSet<_> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
            answer.json()["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 1);
    server.end().await;
}
