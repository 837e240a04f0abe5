//! The lives of tasks: queue, chat, inbox, end criteria, tests, the commit at the end, a person's word, and two clients
//! at once.

use crate::support::{FINAL, NODE, PLAIN, Repository, Server, of, text, unique};
use reqwest::Method;
use serde_json::{Value, json};
use taskwright::domain::{Action, Status};

/// The last words of an agent that is done.
const DONE: &str = "say Everything is in place. The task is complete.";

async fn one_at_a_time() -> Server {
    Server::builder().settings("max_running = 1\n").start().await
}

/// The files of a task's branch.
fn files(repository: &Repository, task: &Value) -> Vec<String> {
    let listed = repository.git(&["ls-tree", "-r", "--name-only", text(task, "branch_name")]);
    listed.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_over_the_limit_wait_in_line_and_move_up() {
    let server = one_at_a_time().await;
    let repository = server.repository("plain", PLAIN);
    let first = server.task(&repository, "say I begin\nhang", Value::Null).await;
    server.until_said(&first, "I begin").await;
    let second = server.task(&repository, "say I begin\nhang", Value::Null).await;
    let third = server.task(&repository, DONE, Value::Null).await;
    let position = async |task: &str| server.get(&of(task, "/status")).await.ok()["queue_position"].clone();
    assert_eq!((position(&second).await, position(&third).await), (json!(1), json!(2)));
    assert_eq!(
        server.tell(&third, "start").await["queue_position"],
        2,
        "a start of what waits already tells its place"
    );

    server.tell(&first, "stop").await;
    server.until_said(&second, "I begin").await;
    assert_eq!((position(&second).await, position(&third).await), (Value::Null, json!(1)));
    server.send(server.request(Method::DELETE, &of(&second, "?auto_stop=true"))).await.ok();
    server.until(&third, &["COMPLETED"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projects_own_limit_holds_beside_the_servers() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let other = server.repository("other", PLAIN);
    let project =
        json!({ "name": "plain", "path": repository.root(), "default_branch": "main", "config": { "max_running": 1 } });
    server.post("/projects", &project).await.ok();
    let first = server.task(&repository, "say I begin\nhang", Value::Null).await;
    server.until_said(&first, "I begin").await;
    let second = server.task(&repository, DONE, Value::Null).await;
    let elsewhere = server.task(&other, DONE, Value::Null).await;
    server.until(&elsewhere, &["COMPLETED"]).await;
    assert_eq!(server.get(&of(&second, "")).await.ok()["status"], "PENDING");
    server.tell(&first, "stop").await;
    server.until(&second, &["COMPLETED"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_waits_after_each_answer_and_hears_every_input_once() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let chat = json!({ "chat_mode": true, "description": "" });
    let task = server.task(&repository, "", chat).await;
    let now = server.waits(&task, 0).await;
    assert_eq!((text(&now, "status"), &now["waiting_for_input"]), ("RUNNING", &json!(true)));
    server.say(&task, "script: say heard one ;; turn ;; say heard two ;; after ;; say heard {message}").await;
    server.waits(&task, 1).await;
    for turn in 2..=4 {
        server.say(&task, "the same words").await;
        server.waits(&task, turn).await;
    }
    let said = server.said(&task).await;
    assert_eq!(said, ["heard one", "heard two", "heard the same words", "heard the same words"]);
    let inputs = server.get(&of(&task, "/inputs?status=delivered")).await.ok();
    assert_eq!(inputs.as_array().map(Vec::len), Some(4));
    assert_eq!(server.tell(&task, "complete").await["status"], "FINISHED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_serves_urgent_first_then_oldest_and_what_waits_can_be_changed_or_taken_back() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = format!("say I begin\nhang\nafter\nsay heard {{message}}. {}", &DONE[4..]);
    let task = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&task, "I begin").await;
    let first = server.say(&task, "first").await;
    let second = server.say(&task, "second").await;
    server.say(&task, "third").await;
    let urgent = json!({ "input": "urgent", "priority": "urgent" });
    server.post(&of(&task, "/set-input"), &urgent).await.ok();
    let waiting = server.get(&of(&task, "/inputs")).await.ok();
    let texts: Vec<_> = waiting.as_array().expect("a list").iter().map(|input| text(input, "input")).collect();
    assert_eq!(texts, ["urgent", "first", "second", "third"]);

    server.put(&of(&task, &format!("/inputs/{}", text(&first, "input_id"))), &json!({ "input": "changed" })).await.ok();
    server.delete(&of(&task, &format!("/inputs/{}", text(&second, "input_id")))).await.ok();
    server.tell(&task, "interrupt").await;
    server.until(&task, &["COMPLETED"]).await;
    let turns = server.logged(&task, "turn.started").await;
    let heard: Vec<_> = turns.iter().skip(1).map(|turn| text(turn, "text")).collect();
    assert_eq!(heard, ["urgent", "changed", "third"]);
    let gone = of(&task, &format!("/inputs/{}", text(&first, "input_id")));
    server.put(&gone, &json!({ "input": "too late" })).await.is(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn end_criteria_are_judged_with_evidence_and_what_is_missing_is_told_until_they_are_met() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let criteria = json!({ "end_criteria": "$ test -f made.txt" });
    let at_once = server.task(&repository, &format!("write made.txt here\n{DONE}"), criteria.clone()).await;
    let steps = format!("{DONE}\nturn\nwrite made.txt here\n{DONE}");
    let later = server.task(&repository, &steps, criteria.clone()).await;
    let never = json!({ "end_criteria": "$ test -f made.txt", "max_iterations": 2 });
    let never = server.task(&repository, DONE, never).await;

    let ended = server.until(&at_once, &["FINISHED"]).await;
    assert_eq!(ended["iterations"], 1);
    let evidence = server.get(&of(&at_once, "/evidence")).await.ok();
    assert_eq!(evidence["criteria"][0]["verdict"], "met", "{:#}", evidence["criteria"]);

    let ended = server.until(&later, &["FINISHED"]).await;
    assert_eq!(ended["iterations"], 2);
    let turns = server.logged(&later, "turn.started").await;
    assert!(text(&turns[1], "text").contains("test -f made.txt"), "{}", turns[1]);
    let judged = server.changed(&later, "criteria").await;
    let met: Vec<_> = judged.iter().map(|found| found["met"].clone()).collect();
    assert_eq!(met, [json!(false), json!(true)]);

    let ended = server.until(&never, &["EXHAUSTED"]).await;
    assert_eq!(ended["iterations"], 2);
    let evidence = server.get(&of(&never, "/evidence")).await.ok();
    assert_eq!(evidence["criteria"][0]["verdict"], "not-met");
}

#[tokio::test(flavor = "multi_thread")]
async fn criteria_in_words_are_judged_by_the_model() {
    let server = Server::builder().settings("[chains]\ncriteria = [\"model\"]\n").start().await;
    let repository = server.repository("plain", PLAIN);
    let criteria = json!({ "end_criteria": "The file made.txt exists and says hello." });
    let task = server.task(&repository, &format!("write made.txt hello\n{DONE}"), criteria).await;
    server.until(&task, &["FINISHED"]).await;
    let evidence = server.get(&of(&task, "/evidence")).await.ok();
    assert_eq!(evidence["criteria"][0]["verdict"], "met");
    assert!(!text(&evidence["criteria"][0], "evidence").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_tests_go_back_to_the_agent_and_pass_in_a_further_round() {
    let server = Server::start().await;
    let repository = server.repository("adder", NODE);
    let steps = format!(
        "write adder.js export const add = (a, b) => a - b;\n{DONE}\nturn\nwrite adder.js export const add = (a, b) => b + a;\n{DONE}"
    );
    let task = server.task(&repository, &steps, json!({ "generate_tests": false })).await;
    let ended = server.until(&task, &["COMPLETED"]).await;
    assert_eq!(server.statuses(&task).await, ["RUNNING", "TESTING", "RUNNING", "TESTING", "COMPLETED"]);
    let turns = server.logged(&task, "turn.started").await;
    assert!(text(&turns[1], "text").contains("two and two"), "the agent is told which test failed: {}", turns[1]);
    let evidence = server.get(&of(&task, "/evidence")).await.ok();
    let rounds = evidence["tests"]["rounds"].as_array().expect("rounds");
    let passed: Vec<_> = rounds.iter().map(|round| round["passed"].clone()).collect();
    assert_eq!(passed, [json!(false), json!(true)]);
    assert_eq!(rounds[0]["cases"][0]["test_type"], "regression");
    let adder = repository.git(&["show", &format!("{}:adder.js", text(&ended, "branch_name"))]);
    assert!(adder.contains("b + a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_are_never_repaired_fail_the_task_and_its_work_is_kept() {
    let server = Server::builder().settings("max_test_rounds = 2\n").start().await;
    let repository = server.repository("adder", NODE);
    let steps = format!("write adder.js export const add = (a, b) => a - b;\n{DONE}\nafter\n{DONE}");
    let task = server.task(&repository, &steps, json!({ "generate_tests": false })).await;
    let failed = server.until(&task, &["FAILED"]).await;
    let why = text(&failed, "error_message");
    assert!(why.contains("2 rounds") && why.contains("continue"), "{why}");
    assert_eq!(server.logged(&task, "tests.ended").await.len(), 2);
    let adder = repository.git(&["show", &format!("{}:adder.js", text(&failed, "branch_name"))]);
    assert!(adder.contains("a - b"), "what was done is on the branch");
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_the_agent_was_asked_for_are_marked_as_generated() {
    let server = Server::start().await;
    let repository = server.repository("adder", NODE);
    let test = "import test from 'node:test';\\nimport assert from 'node:assert';\\nimport { multiply } from '../multiply.js';\\n\\ntest('three times two', () => assert.equal(multiply(3, 2), 6));\\n";
    let steps = format!(
        "write multiply.js export const multiply = (a, b) => a * b;\n{DONE}\nturn\nwrite tests/multiply.test.js {test}\n{DONE}"
    );
    let task = server.task(&repository, &steps, json!({ "generate_tests": true })).await;
    let ended = server.until(&task, &["COMPLETED"]).await;
    let evidence = server.get(&of(&task, "/evidence")).await.ok();
    let cases = evidence["tests"]["rounds"][0]["cases"].as_array().expect("cases").clone();
    let kind = |name: &str| {
        cases.iter().find(|case| text(case, "name").contains(name)).map(|case| text(case, "test_type").to_owned())
    };
    assert_eq!(kind("three times two").as_deref(), Some("generated"), "{cases:#?}");
    assert_eq!(kind("two and two").as_deref(), Some("regression"));
    assert!(files(&repository, &ended).contains(&"tests/multiply.test.js".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_automatic_commits_the_branch_stays_at_its_base_and_the_work_is_not_lost() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let task =
        server.task(&repository, &format!("write made.txt hello\n{DONE}"), json!({ "auto_commit": false })).await;
    let ended = server.until(&task, &["COMPLETED"]).await;
    assert_eq!(repository.git(&["rev-parse", text(&ended, "branch_name")]), text(&ended, "base_commit"));
    let kept = repository.git(&["for-each-ref", "--format=%(refname)", "refs/taskwright/kept"]);
    let path = std::path::Path::new(text(&ended, "worktree_path")).join("made.txt");
    let in_ref = kept.lines().any(|name| repository.git(&["show", &format!("{name}:made.txt")]) == "hello");
    assert!(path.exists() || in_ref, "kept: {kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commits_message_is_the_tasks_own_can_be_changed_and_names_no_product() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let name = unique("greet the world");
    server.task(&repository, &format!("write made.txt hello\n{DONE}"), json!({ "task_name": name })).await;
    let ended = server.until(&name, &["COMPLETED"]).await;
    let log = repository.git(&["log", "-1", "--format=%B%n%an%n%ae", text(&ended, "branch_name")]);
    assert!(log.contains("greet the world"), "{log}");
    for word in ["claude", "anthropic", "co-authored-by", "generated"] {
        assert!(!log.to_lowercase().contains(word), "{log}");
    }

    let steps = format!("write made.txt hello\nsay I begin\nhang\nturn\n{DONE}");
    let task = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&task, "I begin").await;
    let message = "Say hello\n\nIn a file of its own.";
    server.put(&of(&task, ""), &json!({ "commit_message": message })).await.ok();
    server.tell(&task, "interrupt").await;
    server.answered(&task, json!({ "text": "finish it" })).await;
    let ended = server.until(&task, &["COMPLETED"]).await;
    assert_eq!(repository.git(&["log", "-1", "--format=%B", text(&ended, "branch_name")]), message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_overrules_in_one_call() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps = format!("write made.txt hello\nsay I begin\nhang\nafter\nsay heard {{message}}. {}", &DONE[4..]);
    let task = server.task(&repository, &steps, Value::Null).await;
    server.until_said(&task, "I begin").await;
    assert_eq!(server.tell(&task, "complete").await["status"], "FINISHED");
    let changes = server.logged(&task, "task.status").await;
    assert!(text(changes.last().expect("a change"), "by").starts_with("user:"));
    let ended = server.get(&of(&task, "")).await.ok();
    assert!(files(&repository, &ended).contains(&"made.txt".to_owned()), "what was done is committed");
    let refused = server.command_of(&task, "/complete").await.is(409);
    assert!(text(&refused, "detail").contains("FINISHED"), "{refused}");

    server.post(&of(&task, "/continue"), &json!({ "input": "one thing more" })).await.ok();
    server.until_said(&task, "heard one thing more").await;
    server.until(&task, &["COMPLETED", "FINISHED"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_is_a_record_of_who_answered() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let steps =
        format!("ask Which store? | SQLite (Recommended) | PostgreSQL\npermit rm -rf /\nsay {{answer}}\n{DONE}");
    let task = server.task(&repository, &steps, Value::Null).await;
    let escalated = server.asked(&task).await;
    assert_eq!(escalated["tool"]["input"]["command"], "rm -rf /", "what destroys is the user's to decide");
    assert_eq!(escalated["suggestion"]["plugin"], "heuristic");
    server.answer(&escalated, json!({})).await.is(422);
    server.answer(&escalated, json!({ "behavior": "deny", "message": "never" })).await.ok();
    server.until(&task, &["COMPLETED"]).await;
    let questions = server.get(&of(&task, "/questions")).await.ok();
    let questions = questions.as_array().expect("a list");
    let of_kind = |kind: &str| questions.iter().find(|question| question["kind"] == kind).expect("a question");
    let choice = of_kind("choice");
    assert_eq!(choice["answer"]["answers"], json!(["SQLite (Recommended)"]));
    assert_eq!((text(&choice["answered_by"], "kind"), text(&choice["answered_by"], "name")), ("plugin", "heuristic"));
    assert!(choice["answered_by"]["version"].is_string());
    let permission = of_kind("permission");
    assert_eq!((text(permission, "status"), text(&permission["answered_by"], "kind")), ("answered", "user"));
    assert_eq!(permission["answer"]["message"], "never");
}

/// A sequence of numbers that a seed determines.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("it is small")
    }
}

/// What a client does with a task; the last is rare enough that most of the others find it.
const COMMANDS: &[&str] = &[
    "start",
    "start",
    "stop",
    "stop",
    "resume",
    "resume",
    "interrupt",
    "continue",
    "complete",
    "recover",
    "clear-and-restart",
    "delete",
];

async fn client(server: &Server, task: &str, mut dice: Dice) {
    for _ in 0..8 {
        let command = COMMANDS[dice.throw(COMMANDS.len())];
        let reply = match command {
            "delete" => server.send(server.request(Method::DELETE, &of(task, ""))).await,
            _ => server.command_of(task, &format!("/{command}")).await,
        };
        let code = reply.status.as_u16();
        assert!([200, 202, 404, 409].contains(&code), "{command}: {code} {:#}", reply.body);
        if code == 409 {
            assert!(!text(&reply.body, "detail").is_empty());
        }
    }
}

/// Whether the log of a task tells only steps that the table has, each from where the last one led.
async fn check_statuses(server: &Server, task: &str, seed: u64) {
    let mut status = Status::Pending;
    for change in server.logged(task, "task.status").await {
        let read = |key| text(&change, key).parse::<Status>().unwrap_or_else(|_| panic!("seed {seed}: {change}"));
        let (previous, next) = (read("previous"), read("status"));
        assert!(previous == status || previous == Status::Pending, "seed {seed}: a gap before {change}");
        let legal = Action::ALL.into_iter().any(|action| previous.after(action) == Ok(next));
        assert!(legal, "seed {seed}: {previous} → {next} is in no table");
        status = next;
    }
    let told = server.get(&of(task, "")).await.ok();
    assert_eq!(text(&told, "status"), status.as_str(), "seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_at_once_never_make_a_wrong_status() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let begin: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in begin..begin + 4 {
        println!("seed {seed}");
        let steps =
            format!("say I begin\nsleep 20\npermit touch a.txt\nturn\nsay Shall I go on?\nturn\nhang\nafter\n{DONE}");
        let task = server.task(&repository, &steps, json!({ "auto_start": false, "max_iterations": 6 })).await;
        let first = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let second = Dice(seed.wrapping_mul(0xD1B5_4A32_D192_ED03) | 1);
        tokio::join!(client(&server, &task, first), client(&server, &task, second));
        if server.get(&of(&task, "")).await.status == 404 {
            assert_eq!(server.agents(), 0, "seed {seed}: a deleted task has an agent");
            continue;
        }
        server.command_of(&task, "/stop").await;
        let ended = server.get(&of(&task, "")).await.ok();
        let settled = ["PENDING", "STOPPED"].iter().chain(FINAL).any(|status| ended["status"] == **status);
        assert!(settled, "seed {seed}: stopped and {}", ended["status"]);
        check_statuses(&server, &task, seed).await;
        assert_eq!(server.agents(), 0, "seed {seed}: {} and an agent runs", ended["status"]);
        server.send(server.request(Method::DELETE, &of(&task, ""))).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_twice_at_once_is_done_once() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let task = server.task(&repository, "say I begin\nhang", json!({ "auto_start": false })).await;
    let both = async |path: &str| tokio::join!(server.command_of(&task, path), server.command_of(&task, path));
    let (first, second) = both("/start").await;
    assert!(first.status.is_success() || second.status.is_success());
    server.until_said(&task, "I begin").await;
    let refused = server.command_of(&task, "/start").await.is(409);
    assert!(text(&refused, "detail").contains("RUNNING"), "{refused}");
    server.send(server.request(Method::DELETE, &of(&task, ""))).await.is(409);

    let (first, second) = both("/stop").await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    assert!(server.tell(&task, "stop").await["message"].to_string().contains("already"));
    assert_eq!(server.agents(), 0);

    let (first, second) = both("/resume").await;
    assert!(first.status.is_success() || second.status.is_success());
    server.until(&task, &["RUNNING"]).await;
    let delete = async || server.send(server.request(Method::DELETE, &of(&task, "?auto_stop=true"))).await.status;
    let (first, second) = tokio::join!(delete(), delete());
    let mut codes = [first.as_u16(), second.as_u16()];
    codes.sort_unstable();
    assert!(codes == [200, 404] || codes == [200, 409], "{codes:?}");
    assert_eq!(server.get(&of(&task, "")).await.status, 404);
    assert_eq!(server.agents(), 0);
    assert_eq!(repository.git(&["worktree", "list"]).lines().count(), 1);
}
