//! Agents that cannot be started, leave early, or write what nobody expects.

use std::ffi::OsString;

use taskwright::agent::{
    Agent as _, AgentError, AgentEventKind, ClaudeCode, ExitReason, LaunchSpec, Reattached, SessionStart, TurnOutcome,
};

use crate::support::{Place, survivors, within};

#[tokio::test]
async fn a_missing_command_is_told_at_the_start() {
    let place = Place::new();
    let spec = LaunchSpec { command: vec!["/nowhere/claude".into()], ..place.spec() };
    let error = place.launch_spec(spec).await.err().unwrap();
    assert!(matches!(&error, AgentError::MissingBinary { command, .. } if command == "/nowhere/claude"), "{error}");
    assert!(error.to_string().contains("cannot be started: No such file"), "{error}");
    assert!(matches!(ClaudeCode.reattach(&place.run_dir(), 0).await.unwrap(), Reattached::Unknown));
}

#[tokio::test]
async fn a_missing_folder_is_told_at_the_start() {
    let place = Place::new();
    let spec = LaunchSpec { cwd: place.repo().join("gone"), ..place.spec() };
    assert!(matches!(place.launch_spec(spec).await, Err(AgentError::MissingDirectory(_))));
}

#[tokio::test]
async fn a_missing_supervisor_is_told_at_the_start() {
    let place = Place::new();
    for supervisor in ["/nowhere/taskwright", "/bin/true"] {
        let spec = LaunchSpec { supervisor: supervisor.into(), ..place.spec() };
        assert!(matches!(place.launch_spec(spec).await, Err(AgentError::Supervisor(_))), "{supervisor}");
    }
}

#[tokio::test]
async fn the_folder_of_a_run_is_used_once() {
    let place = Place::new();
    let told = place.launch().await;
    let refused = place.launch_spec(place.spec()).await.err().unwrap();
    assert!(matches!(refused, AgentError::Supervisor(_)), "{refused}");
    within(told.handle().end()).await;
}

#[tokio::test]
async fn an_unknown_session_is_told_as_lost() {
    let place = Place::new();
    let spec = LaunchSpec { session: SessionStart::Resume("--none".to_owned()), ..place.spec() };
    let mut told = place.launch_spec(spec).await.unwrap();
    assert_eq!(told.turn_end().await.outcome, TurnOutcome::SessionLost);
    let exit = told.exit().await;
    assert_eq!((exit.reason, exit.code), (ExitReason::BadSession, Some(1)));
}

#[tokio::test]
async fn a_session_id_that_is_taken_is_told() {
    let place = Place::new();
    let mut told = place.start("say one").await;
    told.turn_end().await;
    within(told.handle().end()).await;
    let run_dir = place.run_dir().with_file_name("second");
    let mut told = place.launch_spec(LaunchSpec { run_dir, ..place.spec() }).await.unwrap();
    assert_eq!(told.exit().await.reason, ExitReason::SessionInUse);
}

#[tokio::test]
async fn a_command_that_does_not_know_its_options_is_told() {
    let place = Place::new();
    let mut spec = place.spec();
    spec.command.push("--image".into());
    let mut told = place.launch_spec(spec).await.unwrap();
    let exit = told.exit().await;
    assert_eq!(exit.reason, ExitReason::BadArguments);
    assert!(exit.text.contains("unknown option '--image'"), "{}", exit.text);
}

#[tokio::test]
async fn leaving_within_a_turn_is_told_with_the_last_words() {
    let place = Place::new();
    let mut told = place.start("say I begin.\nstderr out of ideas\nexit 3").await;
    let exit = told.exit().await;
    assert_eq!((exit.reason, exit.code, exit.mid_turn), (ExitReason::EarlyExit, Some(3), true));
    assert!(exit.text.contains("with status 3") && exit.text.contains("out of ideas"), "{}", exit.text);
    let refused = told.handle().interrupt().await;
    assert!(matches!(refused, Err(AgentError::Ended)));
    assert_eq!(told.handle().pid(), None);
}

#[tokio::test]
async fn leaving_within_a_line_is_told_and_the_rest_is_kept() {
    let place = Place::new();
    let mut told = place.start("say I begin.\nhalf-line\nexit 1").await;
    let exit = told.exit().await;
    assert_eq!(exit.reason, ExitReason::HalfLine { bytes: 58 });
    assert_eq!(told.texts(), ["I begin."]);
    let spool = std::fs::metadata(place.run_dir().join("spool")).unwrap().len();
    assert_eq!(told.offset(), spool);
    let again = place.reattach_ended(spool).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].kind, AgentEventKind::Exited(exit));
}

#[tokio::test]
async fn garbage_is_passed_on_and_does_not_disturb() {
    let place = Place::new();
    let mut told = place.start("raw <html>\nraw 17\nbad-utf8\nunknown\nsay done").await;
    assert_eq!(told.turn_end().await.outcome, TurnOutcome::Completed);
    let odd: Vec<String> = told
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            AgentEventKind::NotJson { text } => Some(text.clone()),
            AgentEventKind::Other { line_type, .. } => Some(line_type.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(odd, ["<html>", "17", "hologram", "system/weather", "assistant"]);
    assert_eq!(told.texts(), ["before \u{fffd}\u{fffd}\u{fffd}( after", "done"]);
    within(told.handle().end()).await;
}

#[tokio::test]
async fn a_line_beyond_the_cap_costs_no_memory_and_stays_in_the_spool() {
    let place = Place::new();
    let mut told = place.start("huge 100000000\nsay done").await;
    let before = peak_memory();
    assert_eq!(told.turn_end().await.text, "done");
    let capped = told.events.iter().find_map(|event| match event.kind {
        AgentEventKind::LineCapped { bytes } => Some(bytes),
        _ => None,
    });
    assert!(capped.is_some_and(|bytes| bytes > 100_000_000));
    assert!(std::fs::metadata(place.run_dir().join("spool")).unwrap().len() > 100_000_000);
    let grown = peak_memory() - before;
    assert!(grown < 32 * 1024, "memory grew by {grown} KiB");
    within(told.handle().end()).await;
}

#[tokio::test]
async fn a_flood_is_told_whole_and_in_order() {
    let place = Place::new();
    let mut told = place.start("flood 5000 200\nsay done").await;
    told.turn_end().await;
    let texts = told.texts();
    assert_eq!(texts.len(), 5001);
    for (index, text) in texts[..5000].iter().enumerate() {
        assert!(text.starts_with(&format!("line {} of 5000", index + 1)));
    }
    within(told.handle().end()).await;
}

#[tokio::test]
async fn an_agent_is_ended_though_nobody_takes_its_events() {
    let place = Place::new();
    let told = place.start("flood 200000 100\nhang").await;
    within(told.handle().end()).await;
    assert!(survivors(place.run).is_empty());
}

#[tokio::test]
async fn values_of_users_reach_the_agent_as_values() {
    let place = Place::new();
    let spec = LaunchSpec {
        model: Some("--version".to_owned()),
        system_prompt: Some("--fork-session".to_owned()),
        add_dirs: vec!["--verbose".into()],
        mcp_servers: serde_json::from_str(r#"{"files": {"command": "files", "args": []}}"#).unwrap(),
        env: {
            let mut env = place.env();
            env.insert(OsString::from("GREETING"), OsString::from("hello"));
            env
        },
        ..place.spec()
    };
    let mut told = place.launch_spec(spec).await.unwrap();
    told.send("script: run echo $GREETING $TASKWRIGHT_RUN $TASKWRIGHT_TOKEN ;; say done").await;
    told.turn_end().await;
    let said = format!("hello {}\n", place.run);
    assert!(
        told.events
            .iter()
            .any(|event| { matches!(&event.kind, AgentEventKind::ToolResult { content, .. } if *content == said) })
    );
    assert!(told.events.iter().any(|event| {
        matches!(&event.kind, AgentEventKind::SessionStarted { model: Some(model), .. } if model == "--version")
    }));
    within(told.handle().end()).await;
}

/// The largest memory of this process so far, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}
