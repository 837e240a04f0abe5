//! Plugins: chains, components that come and change while tasks run, decisions that can be read.

use crate::support::{Events, NODE, PLAIN, Server, of, text};
use reqwest::Method;
use serde_json::{Value, json};

/// The last words of an agent that is done.
const DONE: &str = "say Everything is in place. The task is complete.";

/// What makes a component of the world `responder` of a core module.
const AROUND_THE_MODULE: &str = include_str!("../../src/plugin/tests/responder.wat");

/// The body of a responder that replies its text.
const REPLIES: &str = "(call $reply)";

/// A responder `guest` of this version, whose `respond` has this body; `text` is what it replies, if it does.
fn guest(version: &str, body: &str, text: &str) -> Vec<u8> {
    let words = |words: &[usize]| {
        words
            .iter()
            .flat_map(|word| (*word as u32).to_le_bytes())
            .map(|byte| format!("\\{byte:02x}"))
            .collect::<String>()
    };
    let description = words(&[1024, 5, 1152, version.len(), 1280, 7, 0, 0, 0, 0, 0]);
    let module = format!(
        r#"(core module $main
        (memory (export "memory") 4)
        (global $top (mut i32) (i32.const 131072))
        (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
          (local $at i32)
          (local.set $at (global.get $top))
          (global.set $top (i32.and (i32.add (i32.add (global.get $top) (local.get $size)) (i32.const 7)) (i32.const -8)))
          (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
            (then (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get $size) (i32.const 65536)))))
              (then unreachable))))
          (local.get $at))
        (data (i32.const 256) "{description}")
        (data (i32.const 1024) "guest")
        (data (i32.const 1152) "{version}")
        (data (i32.const 1280) "A guest")
        (data (i32.const 1536) "because")
        (data (i32.const 8192) "{text}")
        (func $reply (result i32)
          (i32.store (i32.const 512) (i32.const 0))
          (i32.store (i32.const 516) (i32.const 0))
          (i32.store (i32.const 520) (i32.const 8192))
          (i32.store (i32.const 524) (i32.const {length}))
          (i32.store (i32.const 536) (i32.const 1536))
          (i32.store (i32.const 540) (i32.const 7))
          (i32.const 512))
        (func (export "taskwright:plugin/answering@0.1.0#describe") (result i32) (i32.const 256))
        (func (export "taskwright:plugin/answering@0.1.0#respond") (param $in i32) (result i32) {body}))"#,
        length = text.len(),
    );
    wat::parse_str(AROUND_THE_MODULE.replace("{module}", &module)).expect("a component")
}

/// Puts a file into the plugin directory, whole.
fn put(server: &Server, content: &[u8]) {
    let directory = server.data.join("plugins");
    std::fs::create_dir_all(&directory).expect("the plugin directory");
    let new = directory.join(".guest.new");
    std::fs::write(&new, content).expect("a file");
    std::fs::rename(new, directory.join("guest.wasm")).expect("a file");
}

/// The events of the whole server from now on.
async fn all_events(server: &Server) -> Events {
    Events::open(server.request(Method::GET, "/events?kind=plugin.loaded,plugin.failed")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_swapped_while_a_task_runs_and_a_broken_one_leaves_the_old_in_charge() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let mut events = all_events(&server).await;
    put(&server, &guest("1.0.0", REPLIES, "by the old rules"));
    let loaded = events.next_of(&["plugin.loaded"]).await;
    assert_eq!((text(loaded.payload(), "name"), text(loaded.payload(), "version")), ("guest", "1.0.0"));

    let wait = |gate: &str| format!("run until test -e {}; do sleep 0.02; done", server.home.join(gate).display());
    let open = |gate: &str| std::fs::write(server.home.join(gate), "").expect("a file");
    let steps =
        format!("say one\nturn\nsay two\n{}\nturn\nsay three\n{}\nturn\nsay four\nhang", wait("second"), wait("third"));
    let task = server.task(&repository, &steps, json!({ "chains": { "responder": ["guest"] } })).await;
    server.until_said(&task, "two").await;

    put(&server, &guest("2.0.0", REPLIES, "by the new rules"));
    let replaced = events.next_of(&["plugin.loaded"]).await;
    assert_eq!(replaced.payload()["replaces"], loaded.payload()["hash"]);
    open("second");
    server.until_said(&task, "three").await;

    put(&server, b"no component at all");
    let failed = events.next_of(&["plugin.failed"]).await;
    assert_eq!(failed.payload()["kept"], replaced.payload()["hash"]);
    assert!(!text(failed.payload(), "error").is_empty());
    open("third");
    server.until_said(&task, "four").await;
    server.tell(&task, "stop").await;

    let turns = server.logged(&task, "turn.started").await;
    let heard: Vec<_> = turns.iter().skip(1).map(|turn| text(turn, "text")).collect();
    assert_eq!(heard, ["by the old rules", "by the new rules", "by the new rules"]);
    let decisions = server.logged(&task, "decision.made").await;
    let versions: Vec<_> = decisions.iter().map(|decision| text(decision, "version")).collect();
    assert_eq!(versions, ["1.0.0", "2.0.0", "2.0.0"]);
    let listed = server.get("/plugins").await.ok();
    let guest = listed.as_array().expect("a list").iter().find(|plugin| plugin.to_string().contains("\"guest\""));
    assert!(guest.expect("it is listed").to_string().contains("2.0.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_can_be_read_with_its_input() {
    let server = Server::start().await;
    let repository = server.repository("plain", PLAIN);
    let task = server
        .task(&repository, "ask Which store? | SQLite | PostgreSQL\nsay The task is complete.", Value::Null)
        .await;
    server.until(&task, &["COMPLETED"]).await;
    let decisions = server.logged(&task, "decision.made").await;
    let made = decisions.iter().find(|decision| decision["chain"] == "responder").expect("a decision");
    assert_eq!((text(made, "plugin"), &made["counted"]), ("heuristic", &json!(true)));
    assert_eq!(text(made, "hash").len(), 64);
    let read = server.get(&format!("/decisions/{}", text(made, "id"))).await.ok();
    assert_eq!((&read["answer"], &read["hash"]), (&made["answer"], &made["hash"]));
    let input = read["input"].to_string();
    assert!(input.contains("Which store?") && input.contains("PostgreSQL") && input.contains(&task), "{input}");
    let evidence = server.get(&of(&task, "/evidence")).await.ok();
    assert!(evidence["decisions"].as_array().expect("a list").iter().any(|decision| decision["id"] == made["id"]));
    server.get("/decisions/00000000-0000-0000-0000-000000000000").await.is(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_counts_as_one_that_passes_and_the_next_in_the_chain_decides() {
    let server = Server::builder().settings("plugin_time_ms = 100\n").start().await;
    let repository = server.repository("plain", PLAIN);
    let mut events = all_events(&server).await;
    let chain = json!({ "chains": { "responder": ["guest", "heuristic"] } });
    for (version, body) in [("1.0.0", "unreachable"), ("2.0.0", "(loop (br 0)) unreachable")] {
        put(&server, &guest(version, body, ""));
        events.next_of(&["plugin.loaded"]).await;
        let task = server.task(&repository, DONE, chain.clone()).await;
        server.until(&task, &["COMPLETED"]).await;
        let decisions = server.logged(&task, "decision.made").await;
        let of_plugin = |name: &str| decisions.iter().find(|decision| decision["plugin"] == name).expect("a decision");
        assert!(!text(of_plugin("guest"), "error").is_empty());
        assert_eq!(of_plugin("guest")["counted"], false);
        assert_eq!(of_plugin("heuristic")["counted"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_not_loaded_or_decides_something_else_is_refused_in_a_chain() {
    let server = Server::start().await;
    for name in ["no-such-plugin", "cargo"] {
        let body = json!({ "task_name": "one", "description": "x", "chains": { "responder": [name] } });
        let refused = server.post("/tasks", &body).await.is(422);
        assert_eq!(refused["errors"][0]["field"], "chains.responder");
        assert!(text(&refused["errors"][0], "detail").contains(name), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tasks_chain_goes_before_its_projects_and_that_before_the_servers() {
    let server = Server::builder().settings("[chains]\ntest_runner = [\"node\"]\n").start().await;
    let repository = server.repository("adder", NODE);
    let steps = format!("write adder.js export const add = (a, b) => b + a;\n{DONE}");
    let plain = json!({ "generate_tests": false });
    let by_server = server.task(&repository, &steps, plain.clone()).await;
    server.until(&by_server, &["COMPLETED"]).await;
    let rounds = async |task: &str| server.get(&of(task, "/evidence")).await.ok()["tests"].clone();
    assert_eq!(rounds(&by_server).await["rounds"][0]["runner"], "node");

    let project = json!({ "name": "adder", "path": repository.root(), "default_branch": "main", "config": { "chains": { "test_runner": [] } } });
    server.post("/projects", &project).await.ok();
    let by_project = server.task(&repository, &steps, plain).await;
    server.until(&by_project, &["COMPLETED"]).await;
    let skipped = rounds(&by_project).await;
    assert_eq!(skipped["rounds"], json!([]));
    assert!(text(&skipped, "note").contains("no tests were run"), "{skipped}");
    assert!(!server.statuses(&by_project).await.contains(&"TESTING".to_owned()));

    let own = json!({ "generate_tests": false, "chains": { "test_runner": ["node"] } });
    let by_task = server.task(&repository, &steps, own).await;
    server.until(&by_task, &["COMPLETED"]).await;
    assert_eq!(rounds(&by_task).await["rounds"][0]["runner"], "node");
}
