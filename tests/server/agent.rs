//! The agent: what is asked and answered on the wire, its budgets and environment, and every way in which it can fail.

use crate::support::{PLAIN, Server, of, text};
use serde_json::{Value, json};

/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

/// Nobody but the user answers.
fn alone() -> Value {
    json!({ "chains": { "responder": [] } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_waits_for_its_user_and_the_answer_reaches_the_agent() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = "permit touch asked.txt\nsay first {answer}\npermit touch never.txt\nsay second {answer}";
    let task = server.task(&repository, steps, alone()).await;

    let question = server.asked(&task).await;
    assert_eq!((text(&question, "kind"), text(&question["tool"], "name")), ("permission", "Bash"));
    assert_eq!(question["tool"]["input"]["command"], "touch asked.txt");
    let changed = json!({ "behavior": "allow", "updated_input": { "command": "touch changed.txt" } });
    server.answer(&question, changed).await.ok();
    server.until_said(&task, "first allow").await;

    let question = server.asked(&task).await;
    assert_eq!(question["tool"]["input"]["command"], "touch never.txt");
    server.answer(&question, json!({ "behavior": "deny", "message": "not this file" })).await.ok();
    server.until_said(&task, "second deny: not this file").await;

    assert_eq!(server.asked(&task).await["kind"], "escalation", "no responder: the end of the turn is the user's");
    server.tell(&task, "complete").await;
    let task = server.until(&task, &["FINISHED"]).await;
    let files = repository.git(&["ls-tree", "-r", "--name-only", text(&task, "branch_name")]);
    assert!(files.contains("changed.txt") && !files.contains("asked.txt") && !files.contains("never.txt"), "{files}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_structured_question_takes_labels_numbers_and_free_text_and_never_nothing() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = "ask Which store? | SQLite | PostgreSQL\nsay store {answer}
        ask Which port? | 80 | 8080\nsay port {answer}
        ask-many Which days? | Monday | Friday\nsay days {answer}
        ask Which name? | Ada | Bob\nsay name {answer}";
    let task = server.task(&repository, steps, alone()).await;

    let question = server.asked(&task).await;
    assert_eq!(question["kind"], "choice");
    assert_eq!(question["choices"][1]["label"], "PostgreSQL");
    for nothing in [json!({}), json!({ "answers": [] }), json!({ "answers": [" "] }), json!({ "text": "" })] {
        server.answer(&question, nothing).await.is(422);
    }
    server.answer(&question, json!({ "answers": ["PostgreSQL"] })).await.ok();
    let second = server.answer(&question, json!({ "answers": ["SQLite"] })).await.is(409);
    assert!(second.to_string().contains("PostgreSQL"), "it tells the first answer: {second}");
    server.until_said(&task, "store PostgreSQL").await;

    server.asked(&task).await;
    server.say(&task, "2").await;
    server.until_said(&task, "port 8080").await;

    server.answered(&task, json!({ "answers": ["Monday", "Friday"] })).await;
    server.until_said(&task, "days Monday, Friday").await;

    server.asked(&task).await;
    server.say(&task, "Charles, if nobody has that").await;
    server.until_said(&task, "name Charles, if nobody has that").await;

    server.asked(&task).await;
    let now = server.get(&of(&task, "")).await.ok();
    assert_eq!(now["iterations"], 1, "answers are no turns");
    server.tell(&task, "stop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_that_is_open_at_a_stop_is_withdrawn() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let task = server.task(&repository, "ask Which? | A | B\nsay {answer}", alone()).await;
    let question = server.asked(&task).await;
    server.tell(&task, "stop").await;
    let withdrawn = server.get(&format!("/questions/{}", text(&question, "id"))).await.ok();
    assert_eq!(withdrawn["status"], "withdrawn");
    server.answer(&question, json!({ "answers": ["A"] })).await.is(409);
    assert_eq!(server.get("/questions?status=open").await.ok(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn images_reach_the_agent_with_their_text() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = "say ready\non look\nsay I see {images} images";
    let task = server.task(&repository, steps, json!({ "chat_mode": true })).await;
    server.waits(&task, 1).await;
    let image = json!({ "media_type": "image/png", "base64": PIXEL });
    let input = json!({ "input": "look at these", "images": [image, image] });
    server.post(&of(&task, "/set-input"), &input).await.ok();
    server.until_said(&task, "I see 2 images").await;
    server.waits(&task, 2).await;
    let conversation = server.get(&of(&task, "/conversation")).await.ok();
    let kept =
        conversation["conversation"].as_array().expect("entries").iter().find(|e| e["content"] == "look at these");
    assert_eq!(kept.expect("the input")["images"].as_array().map(Vec::len), Some(2));
    let wrong = json!({ "input": "x", "images": [{ "media_type": "image/jpeg", "base64": PIXEL }] });
    server.post(&of(&task, "/set-input"), &wrong).await.is(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_input_with_interrupt_cuts_the_turn_and_is_the_next() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = "say I begin\nhang\nturn\nsay heard {message}. The task is complete.";
    let task = server.task(&repository, steps, Value::Null).await;
    server.until_said(&task, "I begin").await;
    let input = json!({ "input": "do that instead", "priority": "urgent", "interrupt": true });
    server.post(&of(&task, "/set-input"), &input).await.ok();
    server.until_said(&task, "heard do that instead").await;
    let ends = server.logged(&task, "turn.ended").await;
    assert_eq!(ends[0]["outcome"], "interrupted");
    server.until(&task, &["COMPLETED"]).await;
    let starts = server.changed(&task, "agent_process").await;
    assert_eq!(starts.iter().filter(|process| process["state"] == "done").count(), 1, "it was the same process");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_task_resumes_in_the_same_session_and_worktree() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = "run echo half > half.txt\nsay session {session} begins\nhang\nturn
        run cat half.txt\nsay session {session} goes on. The task is complete.";
    let task = server.task(&repository, steps, Value::Null).await;
    server.until_said(&task, "begins").await;
    let stopped = server.tell(&task, "stop").await;
    assert_eq!(stopped["status"], "STOPPED");
    assert_eq!(stopped["process_killed"], true);
    server.tell(&task, "resume").await;
    server.until(&task, &["COMPLETED"]).await;
    let said = server.said(&task).await;
    let session = said[0].split(' ').nth(1).expect("a session").to_owned();
    assert_eq!(said[1], format!("session {session} goes on. The task is complete."));
    let hows: Vec<_> = server.changed(&task, "agent_process").await.iter().map(|p| p["how"].clone()).collect();
    assert!(hows.contains(&json!("fresh")) && hows.contains(&json!("resume")), "{hows:?}");
    let results = server.logged(&task, "agent.tool_result").await;
    assert_eq!(text(results.last().expect("a result"), "content").trim(), "half");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_reports_is_counted_against_every_limit_and_retry_adds_to_it() {
    let server = Server::builder().settings("max_running = 10\n").start().await;
    let repository = server.repository("plain", PLAIN);
    let asking = "tokens 600 500\ncost 0.5\nsay Shall I go on with the next part?";
    let turns = format!("{asking}\nturn\n{asking}\nturn\n{asking}\nafter\nsay The task is complete.");
    let tokens = server.task(&repository, &turns, json!({ "max_tokens": 2000 })).await;
    let cost = server.task(&repository, &turns, json!({ "max_cost_usd": 0.9 })).await;
    let rounds = server.task(&repository, &turns, json!({ "max_iterations": 2 })).await;
    let time = server.task(&repository, "say I begin\nhang", json!({ "max_duration_seconds": 1 })).await;

    for (task, word) in [(&tokens, "token"), (&cost, "cost"), (&rounds, "iteration"), (&time, "second")] {
        let ended = server.until(task, &["EXHAUSTED"]).await;
        let why = format!("{} {}", ended["error_message"], ended["summary"]).to_lowercase();
        assert!(why.contains(word), "{word}: {why}");
    }
    let used = server.get(&of(&tokens, "")).await.ok();
    assert_eq!((used["total_tokens_used"].as_u64(), used["iterations"].as_u64()), (Some(2200), Some(2)));
    let used = server.get(&of(&cost, "")).await.ok();
    assert_eq!((used["total_cost_usd"].as_f64(), used["iterations"].as_u64()), (Some(1.0), Some(2)));

    let again = server.tell(&rounds, "retry?additional_iterations=5").await;
    assert_eq!(again["new_limits"]["max_iterations"], 7);
    let ended = server.until(&rounds, &["COMPLETED"]).await;
    assert_eq!(ended["iterations"], 4, "the session went on where it was");
    let again = server.tell(&tokens, "retry?additional_tokens=9000").await;
    assert_eq!(again["new_limits"]["max_tokens"], 11_000);
    server.until(&tokens, &["COMPLETED"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_environment_is_an_allow_list() {
    let server = Server::builder()
        .variable("TASKWRIGHT_TOKEN", "a-token-of-the-operator")
        .variable("MY_DATABASE_PASSWORD", "hunter2")
        .variable("ANTHROPIC_API_KEY", "sk-ant-agent")
        .variable("NAMED_ONE", "named")
        .settings("agent_env = [\"NAMED_*\"]\n")
        .start()
        .await;
    let repository = server.repository("plain", PLAIN);
    let task = server.task(&repository, "run env > env.txt\nsay The task is complete.", Value::Null).await;
    let ended = server.until(&task, &["COMPLETED"]).await;
    let seen = repository.git(&["show", &format!("{}:env.txt", text(&ended, "branch_name"))]);
    for there in ["ANTHROPIC_API_KEY=sk-ant-agent", "NAMED_ONE=named", &format!("TASKWRIGHT_TASK={task}"), "HOME="] {
        assert!(seen.contains(there), "{there} is missing in:\n{seen}");
    }
    for absent in ["a-token-of-the-operator", "hunter2", "TASKWRIGHT_DATA_DIR", &server.token] {
        assert!(!seen.contains(absent), "{absent} is in:\n{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_missing_fails_the_task_with_the_remedy_and_the_server_goes_on() {
    let server = Server::builder().agent("/no/such/claude").start().await;
    let repository = server.repository("plain", PLAIN);
    let task = server.task(&repository, "say hello", Value::Null).await;
    let failed = server.until(&task, &["FAILED"]).await;
    let why = text(&failed, "error_message");
    assert!(why.contains("/no/such/claude") && why.contains("CLAUDE_CLI_COMMAND"), "{why}");
    server.get("/tasks").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_fail_at_once_with_the_remedy_while_others_go_on() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let chat = server.task(&repository, "say ready\non ping\nsay pong", json!({ "chat_mode": true })).await;
    server.waits(&chat, 1).await;
    for steps in ["error 401", "error 403", "retry 401 5\nhang"] {
        let task = server.task(&repository, steps, Value::Null).await;
        let failed = server.until(&task, &["FAILED"]).await;
        let why = text(&failed, "error_message");
        assert!(why.contains("/login") && why.contains("ANTHROPIC_API_KEY"), "{steps}: {why}");
    }
    server.say(&chat, "ping").await;
    server.until_said(&chat, "pong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overloaded_service_is_tried_again_in_sight_of_the_user() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let mut tasks = Vec::new();
    for status in [429, 529] {
        let steps = format!("retry {status} 2\nerror {status}\nturn\nsay The task is complete.");
        tasks.push((status, server.task(&repository, &steps, Value::Null).await));
    }
    for (status, task) in tasks {
        server.until(&task, &["COMPLETED"]).await;
        let retries = server.logged(&task, "agent.retry").await;
        let by_agent: Vec<_> = retries.iter().filter(|retry| retry["by"] == "agent").collect();
        assert_eq!(by_agent.len(), 2);
        assert_eq!(by_agent[1]["status"], status);
        let by_engine: Vec<_> = retries.iter().filter(|retry| retry["by"] == "engine").collect();
        assert_eq!((by_engine.len(), by_engine[0]["delay_ms"].as_u64()), (1, Some(2000)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_limit_pauses_until_its_time_and_the_task_goes_on_by_itself() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    for steps in ["say I begin\nlimit +2", "say I begin\nlimit-event +2"] {
        let steps = format!("{steps}\nturn\nsay The task is complete.");
        let task = server.task(&repository, &steps, Value::Null).await;
        let paused = server.until(&task, &["PAUSED"]).await;
        let until: jiff::Timestamp = text(&paused, "paused_until").parse().expect("RFC 3339");
        assert!(until > jiff::Timestamp::now() - jiff::SignedDuration::from_secs(3), "{until}");
        assert_eq!(paused["waiting_for_input"], false);
        let ended = server.until(&task, &["COMPLETED"]).await;
        assert_eq!(ended["paused_until"], Value::Null);
        assert_eq!(server.logged(&task, "agent.limited").await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_agent_no_longer_knows_is_followed_by_a_new_one_that_is_told_what_happened() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = "say the first session did this\nhang";
    let task = server.task(&repository, steps, Value::Null).await;
    server.until_said(&task, "did this").await;
    server.tell(&task, "stop").await;
    let sessions = server.home.parent().expect("a folder").join("scripted-agent/sessions");
    std::fs::remove_dir_all(&sessions).expect("the agent forgets its sessions");
    server.tell(&task, "resume").await;
    let mut events = server.events(&task, None).await;
    let told = loop {
        let started = events.next_of(&["turn.started"]).await;
        if started.payload()["turn"].as_u64() > Some(1) && text(started.payload(), "text").contains("did this") {
            break started;
        }
    };
    assert_eq!(told.payload()["by"], "system");
    server.tell(&task, "stop").await;
    let hows: Vec<_> = server.changed(&task, "agent_process").await.iter().map(|p| p["how"].clone()).collect();
    assert!(hows.contains(&json!("recover")), "{hows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_leaves_early_is_resumed_once_and_then_the_task_fails_with_the_remedy() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let done = "say The task is complete.";
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    for first in ["exit 3", "half-line\nexit 1", "stderr the disk is full\nexit 1"] {
        once.push(server.task(&repository, &format!("say I begin\n{first}\nturn\n{done}"), Value::Null).await);
        let steps = format!("{first}\nturn\n{first}\nturn\n{done}");
        twice.push((first, server.task(&repository, &steps, Value::Null).await));
    }
    for task in once {
        server.until(&task, &["COMPLETED"]).await;
    }
    for (first, task) in twice {
        let failed = server.until(&task, &["FAILED"]).await;
        let why = text(&failed, "error_message");
        assert!(why.contains("continue") && why.contains("recover"), "{first}: {why}");
        if first.contains("disk") {
            assert!(why.contains("the disk is full"), "{why}");
        }
        server.tell(&task, "continue").await;
        server.until(&task, &["COMPLETED"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_nobody_understands_pass_through_and_the_turn_goes_on() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = "raw this is no JSON\nraw {\"type\": 7}\nraw []\nunknown\nbad-utf8\nhuge 3000000\nflood 200
        say The task is complete.";
    let task = server.task(&repository, steps, Value::Null).await;
    server.until(&task, &["COMPLETED"]).await;
    let other = server.logged(&task, "agent.other").await;
    let types: Vec<_> = other.iter().map(|payload| text(payload, "line_type")).collect();
    for wanted in ["not-json", "hologram", "system/weather"] {
        assert!(types.contains(&wanted), "{wanted} is not in {types:?}");
    }
    let said = server.said(&task).await;
    assert!(said.iter().any(|text| text.contains("before \u{fffd}") && text.ends_with("after")), "{:?}", said.first());
    assert!(said.iter().map(String::len).sum::<usize>() > 200, "{}", said.len());
    assert!(said.contains(&"line 200 of 200".to_owned()));
}
