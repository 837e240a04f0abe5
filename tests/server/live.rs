//! Live events through the real server: order, resuming, many tasks at once, slow readers, latency.

use crate::support::{PATIENCE, PLAIN, Server, of, text};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

/// A WebSocket to a server.
struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn open(server: &Server) -> Self {
        let host = server.address.trim_start_matches("http://");
        let request = http::Request::get(format!("ws://{host}/api/v1/ws"))
            .header("Host", host)
            .header("Authorization", format!("Bearer {}", server.token))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .expect("a request");
        let stream = TcpStream::connect(host).await.expect("a connection");
        Self(tokio_tungstenite::client_async(request, stream).await.expect("the handshake").0)
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("it is sent");
    }

    /// The next message; none when the server has closed.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time")?.ok()?;
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).ok();
            }
        }
    }

    /// The answer to a message.
    async fn answer(&mut self, id: &str) -> Value {
        loop {
            let message = self.next().await.expect("an open socket");
            if message["id"] == id && ["ok", "error"].iter().any(|kind| message["type"] == **kind) {
                return message;
            }
        }
    }

    /// The next event of a kind.
    async fn event(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await.expect("an open socket");
            if message["kind"] == kind {
                return message;
            }
        }
    }
}

/// The whole log of a task, as pages of JSON tell it.
async fn log(server: &Server, task: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = server.get(&of(task, &format!("/events?after={after}&limit=100"))).await.ok();
        let page = page.as_array().expect("a list").clone();
        let Some(last) = page.last() else { return all };
        after = last["seq"].as_u64().expect("a number");
        all.extend(page);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_resumes_across_kill_9_and_a_restart_misses_nothing_and_sees_nothing_twice() {
    let mut server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let lines: String = (0..60).map(|line| format!("say line {line}\nsleep 20\n")).collect();
    let name = server.task(&repository, &format!("{lines}say Everything that was asked for is done."), json!({})).await;
    let mut seen = Vec::new();
    for kills in 0..2 {
        let mut events = server.events(&name, seen.last().map(|(seq, _)| *seq)).await;
        while seen.len() < 15 + 25 * kills {
            let event = events.next().await.expect("the task still works");
            seen.push((event.id.parse::<u64>().expect("a number"), event.data));
        }
        server.kill();
        // What was still on its way arrives, then the connection is gone.
        while let Some(event) = events.next().await {
            seen.push((event.id.parse::<u64>().expect("a number"), event.data));
        }
        server.restart();
    }
    for event in server.events(&name, seen.last().map(|(seq, _)| *seq)).await.rest().await {
        if event.kind != "end" {
            seen.push((event.id.parse::<u64>().expect("a number"), event.data));
        }
    }

    assert_eq!(server.get(&of(&name, "")).await.ok()["status"], "COMPLETED");
    let seen: Vec<Value> = seen.into_iter().map(|(_, data)| data).collect();
    assert_eq!(seen, log(&server, &name).await);
    let said: Vec<_> = seen
        .iter()
        .filter(|event| event["kind"] == "agent.text")
        .map(|event| text(&event["payload"], "text"))
        .collect();
    let wanted: Vec<String> = (0..60).map(|line| format!("line {line}")).collect();
    assert_eq!(said[..60], wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_talkative_tasks_at_once_lose_no_line_and_a_slow_reader_holds_up_nobody() {
    const TASKS: usize = 20;
    const LINES: usize = 200;
    let server = Server::builder().settings("max_running = 20\n").start().await;
    let repository = server.repository("plain", PLAIN);
    let gate = server.home.join("gate");
    let mut slow = server.request(Method::GET, "/events").query(&[("after", "0")]).send().await.expect("a stream");
    let first = slow.chunk().await.expect("a stream").expect("its first bytes");
    let mut socket = Socket::open(&server).await;
    socket.send(json!({ "type": "subscribe", "id": "all", "tasks": "*", "after": 0 })).await;
    let script = format!(
        "say ready\nrun while [ ! -e '{}' ]; do sleep 0.05; done\nflood {LINES} 100\nsay Everything that was asked for is done.",
        gate.display()
    );
    let mut names = BTreeSet::new();
    for _ in 0..TASKS {
        names.insert(server.task(&repository, &script, json!({})).await);
    }
    for name in &names {
        server.events(name, None).await.next_of(&["agent.text"]).await;
    }
    std::fs::write(&gate, "").expect("the gate opens");

    let (mut said, mut ended, mut last) = (BTreeMap::<String, Vec<String>>::new(), BTreeSet::new(), 0);
    while ended.len() < TASKS {
        let event = socket.next().await.expect("an open socket");
        let Some(seq) = event["seq"].as_u64() else { continue };
        assert!(seq > last, "in order and once");
        last = seq;
        let task = text(&event, "task").to_owned();
        match text(&event, "kind") {
            "agent.text" => said.entry(task).or_default().push(text(&event["payload"], "text").to_owned()),
            "task.status" if event["payload"]["status"] == "COMPLETED" => drop(ended.insert(task)),
            _ => {}
        }
    }

    assert_eq!(ended, names);
    for (task, said) in &said {
        let logged = log(&server, task).await;
        let logged: Vec<_> = logged
            .iter()
            .filter(|event| event["kind"] == "agent.text")
            .map(|event| text(&event["payload"], "text"))
            .collect();
        assert_eq!(said, &logged);
        assert_eq!(said.len(), LINES + 2, "{task}: {said:?}");
    }
    // The slow reader reads at last: everything is there for it, or it is told to begin anew.
    let mut late = String::from_utf8_lossy(&first).into_owned();
    while !late.contains(&format!("id: {last}\n")) && !late.contains(&format!("id:{last}\n")) {
        match tokio::time::timeout(PATIENCE, slow.chunk()).await.expect("in time").expect("a stream") {
            Some(chunk) => late.push_str(&String::from_utf8_lossy(&chunk)),
            None => break,
        }
    }
    let read = late.matches("event: agent.text").count() + late.matches("event:agent.text").count();
    assert!(read == TASKS * (LINES + 2) || late.contains("reload"), "{read} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_says_reaches_a_reader_soon() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps: String = (0..10).map(|n| format!("run date +%s%N > now{n}; printf x\nsay at {n}\nsleep 30\n")).collect();
    let name = server.task(&repository, &format!("{steps}hang"), json!({})).await;
    let mut events = server.events(&name, None).await;
    let mut delays = Vec::new();
    for n in 0..10 {
        let said = events.next_of(&["agent.text"]).await;
        let arrived = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
        assert_eq!(text(said.payload(), "text"), format!("at {n}"));
        let place = server.get(&of(&name, "")).await.ok();
        let written =
            std::fs::read_to_string(std::path::Path::new(text(&place, "worktree_path")).join(format!("now{n}")));
        let spoken = written.ok().and_then(|text| text.trim().parse().ok()).map(Duration::from_nanos).expect("a time");
        delays.push(arrived.saturating_sub(spoken));
    }
    delays.sort();
    assert!(delays[5] <= Duration::from_secs(1), "half of them within a second: {delays:?}");
    server.command_of(&name, "/stop").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_subscribes_commands_and_resumes_as_an_event_stream_does() {
    let mut server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let script = "say here\nask Which colour? | red | blue\nsay {answer}\nhang\nturn\nsay got {message}\nhang";
    let fields = json!({ "auto_start": false, "chains": { "responder": [] } });
    let name = server.task(&repository, script, fields.clone()).await;
    let other = server.task(&repository, "say other", fields).await;
    let mut socket = Socket::open(&server).await;
    socket.send(json!({ "type": "subscribe", "id": "s", "tasks": [name], "after": 0 })).await;
    socket.send(json!({ "type": "start", "id": "1", "task": name })).await;
    socket.send(json!({ "type": "start", "id": "o", "task": other })).await;
    let asked = socket.event("question.asked").await;
    let question = text(&asked["payload"], "id").to_owned();
    let answer = json!({ "type": "answer", "id": "2", "task": name, "question": question, "answers": ["blue"] });
    socket.send(answer.clone()).await;
    assert_eq!(socket.answer("2").await["type"], "ok");
    socket.send(json!({ "type": "answer", "id": "3", "task": name, "question": question, "answers": ["red"] })).await;
    let refused = socket.answer("3").await;
    assert_eq!((&refused["type"], &refused["problem"]["status"]), (&json!("error"), &json!(409)));
    socket.send(json!({ "type": "input", "id": "4", "task": name, "input": "words", "interrupt": true })).await;
    let got = loop {
        let said = socket.event("agent.text").await;
        if text(&said["payload"], "text") == "got words" {
            break said;
        }
    };
    socket.send(json!("nonsense")).await;
    socket.send(json!({ "type": "start", "id": "5", "task": "nobody" })).await;
    assert_eq!(socket.answer("5").await["problem"]["status"], 404);
    server.kill();
    let mut seen = vec![got.clone()];
    while let Some(message) = socket.next().await {
        seen.extend(message["seq"].is_u64().then_some(message));
    }
    server.restart();

    let last = seen.last().expect("an event")["seq"].clone();
    let mut socket = Socket::open(&server).await;
    socket.send(json!({ "type": "subscribe", "id": "s", "tasks": [name], "after": last })).await;
    socket.send(json!({ "type": "stop", "id": "6", "task": name })).await;
    loop {
        let message = socket.next().await.expect("an open socket");
        let over = message["payload"]["status"] == "STOPPED";
        seen.extend(message["seq"].is_u64().then_some(message));
        if over {
            break;
        }
    }
    let log = log(&server, &name).await;
    let begin = log.iter().position(|event| event["seq"] == got["seq"]).expect("it is in the log");
    let told = |event: &Value| (event["seq"].clone(), event["kind"].clone(), event["task"].clone());
    let wanted: Vec<_> = log[begin..].iter().map(told).take(seen.len()).collect();
    assert_eq!(seen.iter().map(told).collect::<Vec<_>>(), wanted, "no gap, no repeat, nothing of other tasks");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_of_all_tasks_is_filtered_by_task_and_kind() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let mut names = Vec::new();
    for _ in 0..3 {
        let name = server.task(&repository, "say words\nsay Everything that was asked for is done.", json!({})).await;
        server.until(&name, &["COMPLETED"]).await;
        names.push(name);
    }
    let query = [("after", "0"), ("task", &names[0]), ("task", &names[2]), ("kind", "agent.text,commit.made")];
    let mut events = crate::support::Events::open(server.request(Method::GET, "/events").query(&query)).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let event = events.next().await.expect("an open stream");
        seen.push((text(&event.data, "task").to_owned(), event.kind));
    }
    let wanted: Vec<_> =
        [&names[0], &names[2]].into_iter().flat_map(|name| vec![(name.clone(), "agent.text".to_owned()); 2]).collect();
    assert_eq!(seen, wanted);
    let wrong = server.get("/events?after=yesterday").await;
    assert_eq!(wrong.status, 422);
}
