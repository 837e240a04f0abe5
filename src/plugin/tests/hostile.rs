//! Components that misbehave: each ends in the error that is documented, and the host goes on.

use super::*;

const LOOP: &str = "(loop $again (br $again)) unreachable";

async fn failure(guest: Guest) -> (CallError, Bench) {
    let bench = Bench::with(&[guest.named("bad", "1.0.0"), Guest::replying("fine").named("good", "1.0.0")]).await;
    let called = bench.respond("bad").await;
    let error = called.result.expect_err("the call fails");
    assert_eq!(reply(&bench.respond("good").await), "fine");
    assert_eq!(bench.host.statistics(ChainKind::Responder, "bad").unwrap().failures, 1);
    (error, bench)
}

#[tokio::test]
async fn an_endless_loop_ends_within_20_ms_of_its_time() {
    let (error, bench) = failure(Guest::doing(LOOP)).await;
    assert_eq!(error, CallError::TimedOut(Duration::from_millis(200)));
    let before = super::super::system::thread_time();
    assert!(bench.respond("bad").await.result.is_err());
    let computed = super::super::system::thread_time() - before;
    assert!(computed >= Duration::from_millis(200), "{computed:?}");
    assert!(computed < Duration::from_millis(220), "{computed:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn others_have_their_turn_while_a_plugin_loops() {
    let bench = Bench::with(&[Guest::doing(LOOP)]).await;
    let call = bench.respond("guest");
    tokio::pin!(call);
    let mut turns = 0;
    let called = loop {
        tokio::select! {
            biased;
            called = &mut call => break called,
            () = tokio::task::yield_now() => turns += 1,
        }
    };
    assert_eq!(called.result, Err(CallError::TimedOut(Duration::from_millis(200))));
    assert!(turns > 20, "others had {turns} turns");
}

#[tokio::test]
async fn a_memory_bomb_is_out_of_memory() {
    let guest =
        Guest::doing("(loop $again (br_if $again (i32.ne (i32.const -1) (memory.grow (i32.const 16))))) unreachable");
    let (error, _) = failure(guest).await;
    assert_eq!(error, CallError::OutOfMemory(16 * 1024 * 1024));
}

#[tokio::test]
async fn a_component_that_begins_too_large_is_not_loaded() {
    let bench = Bench::with(&[Guest { pages: 300, ..Guest::replying("fine") }]).await;
    assert!(matches!(&bench.events[..], [.., EventBody::PluginFailed { name, .. }] if name == "guest.wasm"));
}

#[tokio::test]
async fn endless_recursion_traps() {
    let guest = Guest::doing("(call $deep (i32.const 0))")
        .with("(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))");
    let (error, _) = failure(guest).await;
    assert!(matches!(&error, CallError::Trapped(why) if why.contains("call stack exhausted")), "{error}");
}

#[tokio::test]
async fn a_trap_tells_what_and_where() {
    let guest = Guest::doing("(call $give_up)").with("(func $give_up (result i32) unreachable)");
    let (error, _) = failure(guest).await;
    assert!(
        matches!(&error, CallError::Trapped(why) if why.contains("unreachable") && why.contains("give_up")),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_utf8_cannot_be_used() {
    let guest =
        Guest::doing("(call $reply (i32.const 8192) (i32.const 2))").with(r#"(data (i32.const 8192) "\ff\fe")"#);
    let (error, _) = failure(guest).await;
    assert!(matches!(&error, CallError::BadAnswer(_)), "{error}");
}

#[tokio::test]
async fn an_answer_outside_the_memory_cannot_be_used() {
    let (error, _) = failure(Guest::doing("(call $reply (i32.const 8192) (i32.const 0x7fffffff))")).await;
    assert!(matches!(&error, CallError::BadAnswer(_)), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_cannot_be_used() {
    let guest = Guest { pages: 64, ..Guest::doing("(call $reply (i32.const 8192) (i32.const 2000000))") };
    let (error, _) = failure(guest).await;
    assert_eq!(error, CallError::BadAnswer("it has more than 1048576 bytes".into()));
}

#[tokio::test]
async fn a_capability_has_stack_enough_below_the_deepest_recursion() {
    // Goes down until little of the plugin's stack is left, then asks with the deepest schema that is taken.
    let schema = format!("{}{{}}{}", "{\\22not\\22:".repeat(47), "}".repeat(47));
    let length = 47 * 8 + 2;
    let guest = Guest {
        capabilities: &[2],
        ..Guest::doing("(call $deep (i32.const 7000)) (call $reply (i32.const 8192) (i32.const 1))")
    }
    .with(
        "(import \"taskwright:plugin/model@0.1.0\" \"ask\" (func $ask (param i32 i32 i32 i32 i32 i32)))\n\
         (func $deep (param i32)\n\
           (if (local.get 0)\n\
             (then (call $deep (i32.sub (local.get 0) (i32.const 1))))\n\
             (else (call $ask (i32.const 8192) (i32.const 1) (i32.const 1) (i32.const 8200)\n",
    )
    .with(&format!(
        "(i32.const {length}) (i32.const 600)))))\n(data (i32.const 8192) \"?\") (data (i32.const 8200) \"{schema}\")"
    ));
    let bench = Bench::set_up(&[guest], |config| {
        config.call_time = Duration::from_secs(20);
        config.grants.insert("guest".into(), vec![Capability::Model]);
    })
    .await;
    assert_eq!(reply(&bench.respond("guest").await), "?");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_cannot_be_used() {
    let guest = Guest::doing("(i32.store (i32.const 516) (i32.const 2)) (i32.const 512)");
    let (error, _) = failure(guest).await;
    assert!(matches!(&error, CallError::BadAnswer(why) if why.contains("`allow`")), "{error}");
}

#[tokio::test]
async fn an_error_of_its_own_is_told() {
    let guest = Guest::doing("(call $error (i32.const 8192) (i32.const 4))").with(r#"(data (i32.const 8192) "oops")"#);
    let (error, _) = failure(guest).await;
    assert_eq!(error, CallError::Refused("oops".into()));
}

#[tokio::test]
async fn a_million_lines_of_log_are_a_hundred_and_a_notice() {
    let guest = Guest::doing(
        "(loop $again
           (call $write (i32.const 1) (i32.const 8192) (i32.const 4))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000))))
         (call $reply (i32.const 8192) (i32.const 4))",
    )
    .with(r#"(import "taskwright:plugin/log@0.1.0" "write" (func $write (param i32 i32 i32)))"#)
    .with("\n")
    .with(r#"(data (i32.const 8192) "line")"#);
    let bench = Bench::set_up(&[guest], |config| config.call_time = Duration::from_secs(20)).await;
    let around = Arc::new(Around::default());
    assert_eq!(reply(&bench.respond_in("guest", around.clone()).await), "line");
    assert_eq!(around.log.lock().unwrap().len(), 101);
}

#[tokio::test]
async fn a_plugin_that_loops_in_its_description_is_not_loaded() {
    let guest = Guest::default().with("(start $spin) (func $spin (loop $again (br $again)))");
    let bench = Bench::with(&[guest]).await;
    assert!(
        matches!(&bench.events[..], [.., EventBody::PluginFailed { error, .. }] if error.contains("computed for longer"))
    );
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_nothing_behind() {
    let bench = Bench::set_up(&[Guest::doing(LOOP)], |config| config.call_time = Duration::from_secs(60)).await;
    let call = bench.respond("guest");
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    let plugin = Arc::downgrade(&bench.host.registry().find(ChainKind::Responder, "guest").unwrap().plugin);
    assert!(bench.host.remove(ChainKind::Responder, "guest").unwrap());
    assert!(plugin.upgrade().is_none());
}
