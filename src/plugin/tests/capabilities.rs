//! Each capability works when it is granted and says so when it is not, within its limits.

use super::*;

const STATE: &str = r#"(import "taskwright:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))
(import "taskwright:plugin/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
"#;
const READ: &str = r#"(import "taskwright:plugin/workspace@0.1.0" "read" (func $read (param i32 i32 i64 i32 i32)))
"#;
const ASK: &str = r#"(import "taskwright:plugin/model@0.1.0" "ask" (func $ask (param i32 i32 i32 i32 i32 i32)))
"#;

/// Replies what was got into 600, or `denied`, `not-found`, `invalid`, `limited` or `failed`: a letter each.
const SHOW: &str = r#"
(data (i32.const 9000) "DNILF")
(func $show (param $at i32) (param $payload i32) (result i32)
  (if (result i32) (i32.load8_u (local.get $at))
    (then (call $reply
      (i32.add (i32.const 9000) (i32.load8_u (i32.add (local.get $at) (local.get $payload)))) (i32.const 1)))
    (else (call $reply
      (i32.load (i32.add (local.get $at) (local.get $payload)))
      (i32.load (i32.add (local.get $at) (i32.add (i32.const 4) (local.get $payload))))))))
"#;

fn guest(capabilities: &'static [u8], items: &str, respond: &str) -> Guest {
    Guest { capabilities, ..Guest::doing(respond) }.with(items).with(SHOW)
}

async fn granted(guest: Guest, capabilities: &[Capability], around: Around) -> String {
    let name = guest.name;
    let bench = Bench::set_up(&[guest], |config| drop(config.grants.insert(name.into(), capabilities.to_vec()))).await;
    reply(&bench.respond_in(name, Arc::new(around)).await).to_owned()
}

fn counting() -> Guest {
    guest(
        &[0],
        &format!("{STATE}(data (i32.const 8192) \"key\") (data (i32.const 8200) \"value\")"),
        "(call $set (i32.const 8192) (i32.const 3) (i32.const 8200) (i32.const 5) (i32.const 600))
         (call $get (i32.const 8192) (i32.const 3) (i32.const 600))
         (call $show (i32.const 600) (i32.const 4))",
    )
}

#[tokio::test]
async fn state_works_when_granted() {
    assert_eq!(granted(counting(), &[Capability::State], Around::default()).await, "value");
}

#[tokio::test]
async fn state_says_denied_when_it_is_not_granted() {
    assert_eq!(granted(counting(), &[], Around::default()).await, "D");
}

#[tokio::test]
async fn a_grant_does_not_reach_what_was_not_asked_for() {
    let silent = Guest { capabilities: &[], ..counting() };
    assert_eq!(granted(silent, &[Capability::State], Around::default()).await, "D");
}

#[tokio::test]
async fn a_grant_holds_from_the_next_call_on() {
    let bench = Bench::with(&[counting()]).await;
    assert_eq!(reply(&bench.respond("guest").await), "D");
    bench.host.grant("guest", vec![Capability::State]);
    assert_eq!(reply(&bench.respond("guest").await), "value");
    assert_eq!(bench.host.list().iter().find(|view| view.id.name == "guest").unwrap().granted, [Capability::State]);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_not_found() {
    let asking = guest(
        &[0],
        &format!("{STATE}(data (i32.const 8192) \"key\")"),
        "(call $get (i32.const 8192) (i32.const 3) (i32.const 600)) (call $show (i32.const 600) (i32.const 4))",
    );
    assert_eq!(granted(asking, &[Capability::State], Around::default()).await, "N");
}

#[tokio::test]
async fn a_value_that_is_too_long_is_invalid() {
    let greedy = guest(
        &[0],
        &format!("{STATE}(data (i32.const 8192) \"key\")"),
        "(call $set (i32.const 8192) (i32.const 3) (i32.const 0) (i32.const 70000) (i32.const 600))
         (call $show (i32.const 600) (i32.const 4))",
    );
    assert_eq!(granted(greedy, &[Capability::State], Around::default()).await, "I");
}

#[tokio::test]
async fn calls_of_capabilities_are_counted() {
    let busy = guest(
        &[0],
        &format!("{STATE}(data (i32.const 8192) \"key\")"),
        "(loop $again
           (call $get (i32.const 8192) (i32.const 3) (i32.const 600))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 10001))))
         (call $show (i32.const 600) (i32.const 4))",
    );
    let guests = [busy];
    let bench = Bench::set_up(&guests, |config| {
        config.grants.insert("guest".into(), vec![Capability::State]);
        config.call_time = Duration::from_secs(20);
    })
    .await;
    assert_eq!(reply(&bench.respond("guest").await), "L");
}

fn reading(path: &str) -> Guest {
    guest(
        &[1],
        &format!("{READ}(data (i32.const 8192) \"{path}\")"),
        &format!(
            "(call $read (i32.const 8192) (i32.const {}) (i64.const 0) (i32.const 1000) (i32.const 600))
             (call $show (i32.const 600) (i32.const 4))",
            path.len()
        ),
    )
}

#[tokio::test]
async fn the_workspace_can_be_read_when_granted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let around = || Around { folder: Some(folder.path().into()), ..Around::default() };
    assert_eq!(granted(reading("./notes.txt"), &[Capability::Workspace], around()).await, "hello");
    assert_eq!(granted(reading("notes.txt"), &[], around()).await, "D");
    assert_eq!(granted(reading("none.txt"), &[Capability::Workspace], around()).await, "N");
}

#[tokio::test]
async fn no_path_leads_out_of_the_workspace() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "hidden").unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    for path in ["../secret", "/etc/passwd", "a/../../secret"] {
        let around = Around { folder: Some(folder.path().join("inner")), ..Around::default() };
        assert_eq!(granted(reading(path), &[Capability::Workspace], around).await, "I", "{path}");
    }
}

fn asking() -> Guest {
    guest(
        &[2],
        &format!("{ASK}(data (i32.const 8192) \"Why?\")"),
        "(call $ask (i32.const 8192) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 600))
         (call $show (i32.const 600) (i32.const 8))",
    )
}

#[tokio::test]
async fn the_model_can_be_asked_when_granted() {
    assert_eq!(granted(asking(), &[Capability::Model], Around::default()).await, "You asked: Why?");
    assert_eq!(granted(asking(), &[Capability::State], Around::default()).await, "D");
}

#[tokio::test]
async fn waiting_for_the_model_does_not_count_as_computing() {
    let around = Around { model_takes: Duration::from_millis(500), ..Around::default() };
    assert_eq!(granted(asking(), &[Capability::Model], around).await, "You asked: Why?");
}

#[tokio::test]
async fn settings_are_always_there() {
    let guest = Guest::doing(
        "(call $settings (i32.const 600)) (call $reply (i32.load (i32.const 600)) (i32.load (i32.const 604)))",
    )
    .with(r#"(import "taskwright:plugin/settings@0.1.0" "get" (func $settings (param i32)))"#);
    let around = Around { settings: Some(json!({"rounds": 3})), ..Around::default() };
    assert_eq!(granted(guest, &[], around).await, r#"{"rounds":3}"#);
}

#[tokio::test]
async fn a_long_line_of_log_is_cut() {
    let guest = Guest::doing(
        "(call $write (i32.const 2) (i32.const 8192) (i32.const 10000)) (call $reply (i32.const 1024) (i32.const 5))",
    )
    .with(r#"(import "taskwright:plugin/log@0.1.0" "write" (func $write (param i32 i32 i32)))"#);
    let bench = Bench::with(&[guest]).await;
    let around = Arc::new(Around::default());
    assert_eq!(reply(&bench.respond_in("guest", around.clone()).await), "guest");
    let log = around.log.lock().unwrap();
    assert_eq!((log[0].0, log[0].1.len()), (tracing::Level::WARN, 4096));
}
