//! `task watch`: what tasks do, live, from the event stream, in lines that a person reads. An event becomes a line in one
//! plain function; reading the stream, going on after a broken connection and the exit code are around it.

use super::{
    Failure,
    client::{Client, task_path},
    print,
};
use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::{process::ExitCode, time::Duration};

/// How often a broken stream is opened again before watching is given up.
const RECONNECTS: u32 = 5;

/// Watches tasks, one after the other's end if there are several, each from where it stands or from its first event.
///
/// # Errors
/// When the server cannot be reached or does not know a task.
pub async fn tasks(client: &Client, names: &[String], all: bool, as_json: bool) -> Result<ExitCode, Failure> {
    let watched = futures_util::future::join_all(names.iter().map(|name| {
        let prefix = if names.len() > 1 { format!("{} ", print::bold(name)) } else { String::new() };
        one(client, name, all, as_json, prefix)
    }));
    tokio::select! {
        ends = watched => {
            let mut worst = 0;
            for end in ends {
                worst = worst.max(exit_code(&end?));
            }
            Ok(ExitCode::from(worst))
        }
        _ = tokio::signal::ctrl_c() => {
            print::note("no longer watching; the tasks go on");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn exit_code(status: &str) -> u8 {
    match status {
        "FAILED" => 10,
        "EXHAUSTED" => 11,
        "STOPPED" => 12,
        _ => 0,
    }
}

/// Watches one task to its end and tells its last status.
async fn one(client: &Client, name: &str, all: bool, as_json: bool, prefix: String) -> Result<String, Failure> {
    let mut progress = Progress::new(as_json);
    let mut cursor = if all { None } else { last_event(client, name).await? };
    let mut failures = 0;
    loop {
        match follow(client, name, &mut cursor, as_json, &prefix, &mut progress).await {
            Ok(Some(status)) => {
                progress.finish();
                return Ok(status);
            }
            Ok(None) => failures = 0,
            Err(failure) if failures >= RECONNECTS => return Err(failure),
            Err(_) => failures += 1,
        }
        progress.say("the connection broke; trying again");
        tokio::time::sleep(Duration::from_millis(200) * 2_u32.pow(failures)).await;
    }
}

/// The event after which watching begins: the last one, unless the task has ended, which is told from its last status on.
async fn last_event(client: &Client, name: &str) -> Result<Option<u64>, Failure> {
    let state = client.get(&task_path(name, "/status")).await?;
    let ended = matches!(print::text(&state, "status"), "COMPLETED" | "FINISHED" | "FAILED" | "EXHAUSTED");
    if ended { Ok(None) } else { Ok(state.get("last_seq").and_then(Value::as_u64)) }
}

/// Reads the stream until it ends; the final status if it said so.
async fn follow(
    client: &Client,
    name: &str,
    cursor: &mut Option<u64>,
    as_json: bool,
    prefix: &str,
    progress: &mut Progress,
) -> Result<Option<String>, Failure> {
    let query: Vec<_> = cursor.map(|seq| ("after", seq.to_string())).into_iter().collect();
    let response = client.stream(&task_path(name, "/stream"), &query).await?;
    if response.status() == reqwest::StatusCode::NO_CONTENT {
        let state = client.get(&task_path(name, "/status")).await?;
        return Ok(Some(print::text(&state, "status").to_owned()));
    }
    let mut events = response.bytes_stream().eventsource();
    while let Some(event) = events.next().await {
        let event = event.map_err(|error| Failure::no_server(format!("the event stream broke: {error}")))?;
        let data: Value = serde_json::from_str(&event.data).unwrap_or(Value::Null);
        if event.event == "end" {
            return Ok(Some(print::text(&data, "status").to_owned()));
        }
        if let Ok(seq) = event.id.parse() {
            *cursor = Some(seq);
        }
        if as_json {
            print::line(&event.data);
        } else if let Some(text) = describe(&data) {
            progress.line(&format!("{} {prefix}{text}", print::faint(clock(&data))));
        }
        progress.update(&data);
        let stopped = event.event == "task.status" && data["payload"]["status"] == "STOPPED";
        if stopped {
            return Ok(Some("STOPPED".to_owned()));
        }
    }
    Ok(None)
}

/// The time of day of an event, in UTC.
fn clock(event: &Value) -> &str {
    print::text(event, "at").get(11..19).unwrap_or_default()
}

/// One event as a line, or nothing for what a person does not watch for.
fn describe(event: &Value) -> Option<String> {
    let payload = &event["payload"];
    let text = |key: &str| print::first_line(print::text(payload, key), 160);
    let count = |key: &str| payload.get(key).and_then(Value::as_u64).unwrap_or_default();
    let step = |name: String, failed: bool| if failed { format!("✗ {name}") } else { format!("✓ {name}") };
    Some(match print::text(event, "kind") {
        "task.created" => format!("made: {}", text("description")),
        "task.status" => {
            let reason = text("reason");
            let status = print::status(print::text(payload, "status"));
            if reason.is_empty() { status } else { format!("{status}  {reason}") }
        }
        "workspace.ready" => {
            let branch = print::text(payload, "branch");
            let place = print::text(payload, "path");
            if branch.is_empty() { format!("works in {place}") } else { format!("works on {branch} in {place}") }
        }
        "workspace.step" if print::text(payload, "state") != "started" => {
            let failed = print::text(payload, "state") == "failed";
            let name = format!("{} {}", text("step"), text("about"));
            let output = text("output");
            if failed && !output.is_empty() { format!("{}: {output}", step(name, failed)) } else { step(name, failed) }
        }
        "turn.started" => format!("{} {}", print::faint(format!("→ {}:", text("by"))), text("text")),
        "agent.text" => format!("  {}", print::text(payload, "text").trim().replace('\n', "\n           ")),
        "agent.tool_use" => print::faint(format!("  ⚙ {} {}", text("name"), tool_summary(&payload["input"]))),
        "agent.tool_result" if payload["is_error"] == true => print::faint(format!("  ✗ {}", text("content"))),
        "agent.retry" => format!(
            "the model cannot be reached ({}); try {} of {}",
            text("error"),
            count("attempt"),
            count("max_retries")
        ),
        "agent.limited" => format!("usage limit: {}", text("text")),
        "question.asked" => print::bold(format!("? {}", text("text"))),
        "question.answered" => {
            let by = payload["answered_by"].get("name").and_then(Value::as_str).unwrap_or_default();
            format!("! {} {}", answer(&payload["answer"]), print::faint(format!("({by})")))
        }
        "input.queued" => format!("input waits: {}", text("text")),
        "task.updated" if payload["changes"]["criteria"].is_object() => {
            step("end criteria".to_owned(), payload["changes"]["criteria"]["met"] != true)
        }
        "tests.started" => format!("tests: {}", text("summary")),
        "tests.case" if print::text(payload, "status") == "failed" => step(text("name"), true),
        "tests.ended" => step(text("text"), payload["passed"] != true),
        "commit.made" => format!("committed {}: {}", text("commit").get(..10).unwrap_or_default(), text("subject")),
        "task.updated" if payload["changes"]["agent_process"]["code"].as_i64().is_some_and(|code| code != 0) => {
            print::first_line(print::text(&payload["changes"]["agent_process"], "text"), 160)
        }
        _ => return None,
    })
}

/// What a tool is given, in a few words: the field that says most, else the JSON.
fn tool_summary(input: &Value) -> String {
    ["command", "file_path", "path", "pattern", "url", "description", "prompt"]
        .into_iter()
        .find_map(|key| input.get(key)?.as_str())
        .map_or_else(|| print::first_line(&input.to_string(), 80), |text| print::first_line(text, 120))
}

fn answer(answer: &Value) -> String {
    if let Some(labels) = answer.get("answers").and_then(Value::as_array) {
        return labels.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    }
    ["behavior", "text"].into_iter().find_map(|key| answer.get(key)?.as_str()).unwrap_or_default().to_owned()
}

/// The line at the bottom that says what is going on now; only in a terminal.
struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new(as_json: bool) -> Self {
        let bar = (!as_json && console_is_a_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| print::line(text)),
            None => print::line(text),
        }
    }

    fn say(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    fn update(&self, event: &Value) {
        let spent = &event["payload"]["spent"];
        if let (Some(turns), Some(cost)) = (spent["iterations"].as_u64(), spent["cost_usd"].as_f64()) {
            self.say(&format!("{turns} turns, ${cost:.4}"));
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn console_is_a_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::io::IsTerminal::is_terminal(&std::io::stdout())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(kind: &str, payload: Value) -> Option<String> {
        describe(&json!({ "kind": kind, "payload": payload }))
            .map(|text| anstream::adapter::strip_str(&text).to_string())
    }

    #[test]
    fn a_status_is_told_with_its_reason() {
        assert_eq!(
            plain("task.status", json!({ "status": "FAILED", "reason": "2 tests fail" })).as_deref(),
            Some("FAILED  2 tests fail")
        );
    }

    #[test]
    fn a_tool_call_is_told_by_the_field_that_says_most() {
        let payload = json!({ "name": "Bash", "input": { "timeout": 5, "command": "npm test\n--watch" } });
        assert_eq!(plain("agent.tool_use", payload).as_deref(), Some("  ⚙ Bash npm test"));
    }

    #[test]
    fn answers_are_told_with_who_gave_them() {
        let payload =
            json!({ "answer": { "answers": ["SQLite"] }, "answered_by": { "kind": "plugin", "name": "heuristic" } });
        assert_eq!(plain("question.answered", payload).as_deref(), Some("! SQLite (heuristic)"));
    }

    #[test]
    fn what_nobody_watches_for_is_no_line() {
        assert_eq!(plain("decision.made", json!({})), None);
        assert_eq!(plain("tests.case", json!({ "status": "passed", "name": "t" })), None);
    }

    #[test]
    fn the_exit_code_tells_how_a_task_ended() {
        assert_eq!(["COMPLETED", "FINISHED", "FAILED", "EXHAUSTED", "STOPPED"].map(exit_code), [0, 0, 10, 11, 12]);
    }
}
