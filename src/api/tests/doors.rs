use super::*;
use serde_json::json;

#[tokio::test]
async fn nothing_but_health_answers_without_the_token() {
    let server = Server::start().await;
    for path in ["/", "/metrics", "/api/docs", "/api/v1/tasks", "/api/v1/openapi.json", "/api/v1/no/such"] {
        for header in [None, Some("Bearer wrong"), Some("Basic d3Jvbmc6d3Jvbmc=")] {
            let mut request = server.client.get(server.url(path));
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let refused = got(request).await;
            refused.problem(401);
            assert!(refused.header("www-authenticate").starts_with("Bearer"));
        }
    }
    got(server.client.get(server.url("/api/v1/tasks?token=a-token-for-tests"))).await.problem(401);
    let health = got(server.client.get(server.url("/health"))).await;
    assert_eq!((health.status, &health.json()["status"]), (StatusCode::OK, &json!("healthy")));
    assert!(!health.header("x-request-id").is_empty());
    server.end().await;
}

#[tokio::test]
async fn a_foreign_host_is_refused_on_every_path() {
    let server = Server::start().await;
    for path in ["/health", "/login?code=x", "/api/v1/tasks", "/no/such"] {
        got(server.request(Method::GET, path).header("host", "evil.example")).await.problem(403);
    }
    server.end().await;
}

#[tokio::test]
async fn a_foreign_page_changes_nothing_and_one_of_the_settings_is_told_that_it_may() {
    let server = Server::start().await;
    let body = json!({"task_name": "t", "description": "d"});
    let evil = server.request(Method::POST, "/api/v1/tasks").header("origin", "http://evil.example").json(&body);
    let refused = got(evil).await;
    refused.problem(403);
    assert_eq!(refused.header("access-control-allow-origin"), "");
    server.get("/api/v1/tasks/by-name/t").await.problem(404);
    let preflight = |origin: &'static str| {
        let request = server.client.request(Method::OPTIONS, server.url("/api/v1/tasks"));
        request.header("origin", origin).header("access-control-request-method", "POST")
    };
    got(preflight("http://evil.example")).await.problem(403);
    let granted = got(preflight("https://board.example")).await;
    assert_eq!(granted.status, StatusCode::NO_CONTENT);
    assert_eq!(granted.header("access-control-allow-origin"), "https://board.example");
    server.end().await;
}

#[tokio::test]
async fn a_browser_follows_its_link_once_and_is_let_in_by_its_cookie() {
    let server = Server::start().await;
    let made = server.post("/api/v1/login-codes", &json!({})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let path = made.json()["path"].as_str().expect("a path").to_owned();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let first = got(browser.get(server.url(&path))).await;
    assert_eq!((first.status, first.header("location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = first.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let page = got(browser.get(server.url("/")).header("cookie", &cookie)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert!(page.header("content-security-policy").contains("script-src 'self';"));
    let docs = got(browser.get(server.url("/api/docs")).header("cookie", &cookie)).await;
    assert_eq!(docs.status, StatusCode::OK);
    assert!(!docs.header("content-security-policy").contains("unsafe"));
    got(browser.get(server.url(&path))).await.problem(401);
    let refused = got(browser.get(server.url("/")).header("accept", "text/html,*/*")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.header("content-type").starts_with("text/html") && refused.text.contains("taskwright open"));
    server.end().await;
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect() {
    let server = Server::start().await;
    for path in ["/health", "/api/v1/tasks", "/no/such", "/metrics", "/api/docs"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
    server.end().await;
}

#[tokio::test]
async fn the_token_is_not_among_the_metrics() {
    let server = Server::start().await;
    server.task("counted").await;
    let metrics = server.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain"));
    assert!(metrics.text.contains("taskwright_tasks{status=\"PENDING\"} 1"), "{}", metrics.text);
    assert!(
        metrics
            .text
            .contains("taskwright_http_requests_total{method=\"POST\",route=\"/api/v1/tasks\",status=\"201\"} 1")
    );
    assert!(!metrics.text.contains(TOKEN) && !metrics.text.contains("counted"));
    server.end().await;
}
