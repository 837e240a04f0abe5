//! What a server finds again: it is killed or told to end while agents work, and every task goes on where it was.

use crate::support::{Builder, Events, NODE, PLAIN, Server, of, text, unique};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The last words of an agent that is done.
const DONE: &str = "say Everything is in place. The task is complete.";

fn outliving() -> Builder {
    Server::builder().keep_agents()
}

/// A file for which a script waits.
struct Gate(PathBuf);

impl Gate {
    fn of(server: &Server) -> Self {
        Self(server.home.join(unique("gate").replace(' ', "-")))
    }

    /// The shell command that waits.
    fn wait(&self) -> String {
        format!("until test -e {}; do sleep 0.02; done", self.0.display())
    }

    fn open(&self) {
        std::fs::write(&self.0, "").expect("a file");
    }
}

/// All numbers that the agent said as `line N of M`, in the order of the log.
async fn numbers(events: Events) -> Vec<u64> {
    let all = events.rest().await;
    let said = all.iter().filter(|seen| seen.kind == "agent.text").filter_map(|seen| seen.payload()["text"].as_str());
    said.filter_map(|text| text.strip_prefix("line ")?.split(' ').next()?.parse().ok()).collect()
}

async fn starts(server: &Server, task: &str) -> usize {
    let processes = server.changed(task, "agent_process").await;
    processes.iter().filter(|process| process["state"] == "done").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_outlives_its_killed_server_and_no_line_is_lost_or_doubled() {
    let mut server = outliving().start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = format!("say I begin\nflood 3000\n{DONE}");
    let task = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&task, "line 100 of").await;
    server.kill();
    server.restart();
    server.until(&task, &["COMPLETED"]).await;
    assert_eq!(numbers(server.events(&task, None).await).await, (1..=3000).collect::<Vec<_>>());
    assert_eq!(starts(&server, &task).await, 1, "it was the same process");
    assert_eq!(server.agents(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_says_while_no_server_runs_is_heard_afterwards() {
    let mut server = outliving().start().await;
    let repository = server.repository("plain", PLAIN);
    let (gate, there) = (Gate::of(&server), server.home.join("there"));
    let steps = format!(
        "say I begin\nrun {}\nflood 50\nwrite made.txt hello\nrun touch {}\n{DONE}",
        gate.wait(),
        there.display()
    );
    let task = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&task, "I begin").await;
    server.kill();
    gate.open();
    while !there.exists() {
        tokio::task::yield_now().await;
    }
    server.restart();
    let ended = server.until(&task, &["COMPLETED"]).await;
    assert_eq!(numbers(server.events(&task, None).await).await, (1..=50).collect::<Vec<_>>());
    assert_eq!(ended["iterations"], 1);
    assert_eq!(repository.git(&["show", &format!("{}:made.txt", text(&ended, "branch_name"))]), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_of_tests_that_was_cut_off_runs_again_and_counts_once() {
    let mut server = outliving().start().await;
    let repository = server.repository("adder", NODE);
    let (gate, runs) = (Gate::of(&server), server.home.join("runs"));
    let command = format!("echo run >> {}; {}; node --test", runs.display(), gate.wait());
    let project = json!({ "name": "adder", "path": repository.root(), "default_branch": "main", "config": { "test_command": command } });
    server.post("/projects", &project).await.ok();
    let steps = format!("write adder.js export const add = (a, b) => b + a;\n{DONE}");
    let task = server.task(&repository, &steps, json!({ "generate_tests": false })).await;
    server.until(&task, &["TESTING"]).await;
    let count = || std::fs::read_to_string(&runs).unwrap_or_default().lines().count();
    while count() < 1 {
        tokio::task::yield_now().await;
    }
    server.kill();
    server.restart();
    while count() < 2 {
        tokio::task::yield_now().await;
    }
    gate.open();
    server.until(&task, &["COMPLETED"]).await;
    let started = server.logged(&task, "tests.started").await;
    assert!(started.iter().all(|round| round["round"] == 1), "{started:?}");
    assert_eq!(server.logged(&task, "tests.ended").await.len(), 1);
    let evidence = server.get(&of(&task, "/evidence")).await.ok();
    assert_eq!(evidence["tests"]["rounds"].as_array().map(Vec::len), Some(1));
    server.terminate();
    assert_eq!(server.processes(), Vec::<u32>::new(), "nothing is left running");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_was_open_is_still_answerable_and_its_answer_reaches_the_same_agent() {
    let mut server = outliving().start().await;
    let repository = server.repository("plain", PLAIN);
    let alone = json!({ "chains": { "responder": [] } });
    let steps = "ask Which? | A | B\nsay got {answer}";
    let task = server.task(&repository, steps, alone).await;
    let question = server.asked(&task).await;
    server.kill();
    server.restart();
    let again = server.asked(&task).await;
    assert_eq!(again["id"], question["id"]);
    server.answer(&question, json!({ "answers": ["B"] })).await.ok();
    server.until_said(&task, "got B").await;
    assert_eq!(starts(&server, &task).await, 1);

    let at_the_end = server.asked(&task).await;
    assert_eq!(at_the_end["kind"], "escalation");
    server.kill();
    server.restart();
    assert_eq!(server.asked(&task).await["id"], at_the_end["id"]);
    server.answer(&at_the_end, json!({ "text": "that was all" })).await.ok();
    server.asked(&task).await;
    assert_eq!(server.logged(&task, "turn.started").await.len(), 2);
    server.tell(&task, "complete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_and_the_inbox_are_as_they_were() {
    let mut server = outliving().settings("max_running = 1\n").start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = format!("say I begin\nhang\nafter\nsay heard {{message}}. {}", &DONE[4..]);
    let first = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&first, "I begin").await;
    server.say(&first, "an input that waits").await;
    let second = server.task(&repository, DONE, Value::Null).await;
    server.kill();
    server.restart();
    server.until(&first, &["RUNNING"]).await;
    assert_eq!(server.get(&of(&second, "")).await.ok()["queue_position"], 1);
    server.tell(&first, "interrupt").await;
    server.until(&first, &["COMPLETED"]).await;
    server.until(&second, &["COMPLETED"]).await;
    let turns = server.logged(&first, "turn.started").await;
    let heard: Vec<_> = turns.iter().skip(1).map(|turn| text(turn, "text")).collect();
    assert_eq!(heard, ["an input that waits"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_limit_that_ends_while_no_server_runs_is_over_at_the_next_start() {
    let mut server = outliving().start().await;
    let repository = server.repository("plain", PLAIN);
    let task = server.task(&repository, &format!("say I begin\nlimit +2\nturn\n{DONE}"), Value::Null).await;
    server.until(&task, &["PAUSED"]).await;
    server.kill();
    server.restart();
    server.until(&task, &["COMPLETED"]).await;
    assert_eq!(server.logged(&task, "agent.limited").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_died_with_its_server_is_resumed_in_its_session() {
    let mut server = outliving().start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = format!("say session {{session}} begins\nhang\nturn\nsay session {{session}} goes on\n{DONE}");
    let task = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&task, "begins").await;
    server.kill();
    server.kill_agents();
    server.restart();
    server.until(&task, &["COMPLETED"]).await;
    let said = server.said(&task).await;
    assert_eq!(said[0].replace("begins", "goes on"), said[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_end_leaves_its_agents_at_work() {
    let mut server = outliving().start().await;
    let repository = server.repository("plain", PLAIN);
    let gate = Gate::of(&server);
    let steps = format!("say I begin\nrun {}\nflood 20\n{DONE}", gate.wait());
    let task = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&task, "I begin").await;
    server.terminate();
    assert_eq!(server.agents(), 1);
    gate.open();
    server.restart();
    server.until(&task, &["COMPLETED"]).await;
    assert_eq!(numbers(server.events(&task, None).await).await, (1..=20).collect::<Vec<_>>());
    assert_eq!(starts(&server, &task).await, 1);
    server.terminate();
    assert_eq!(server.processes(), Vec::<u32>::new(), "nothing is left running");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_agents_ends_them_and_their_sessions_go_on_at_the_next_start() {
    let mut server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = format!("say session {{session}} begins\nhang\nturn\nsay session {{session}} goes on\n{DONE}");
    let task = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&task, "begins").await;
    server.terminate();
    assert_eq!(server.processes(), Vec::<u32>::new(), "nothing is left running");
    server.restart();
    if server.get(&of(&task, "")).await.ok()["status"] == "STOPPED" {
        server.tell(&task, "resume").await;
    }
    server.until(&task, &["COMPLETED"]).await;
    let said = server.said(&task).await;
    assert_eq!(said[0].replace("begins", "goes on"), said[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_deleted_leaves_no_process_even_of_those_that_hide() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let daemon = server.home.join("daemon");
    let steps = format!("daemon {} hold\nstubborn\nsay I begin\nhang", daemon.display());
    let task = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&task, "I begin").await;
    let hidden: u32 = std::fs::read_to_string(&daemon).expect("its number").trim().parse().expect("a number");
    server.delete(&of(&task, "?auto_stop=true")).await.ok();
    assert_eq!(server.agents(), 0);
    let command = std::fs::read(format!("/proc/{hidden}/cmdline")).unwrap_or_default();
    assert!(command.is_empty(), "the daemon runs: {}", String::from_utf8_lossy(&command));
}
