//! Turns, questions, permissions, and what the handle offers between them.

use taskwright::agent::{
    Agent as _, AgentError, AgentEventKind, ApiErrorKind, AskSpec, ClaudeCode, Delivery, ExitReason, ImageBlock,
    PermissionAnswer, SessionStart, TokenUsage, TurnInput, TurnOutcome,
};
use tokio_util::sync::CancellationToken;

use crate::support::{Place, as_message, scripted_agent, within};

#[tokio::test]
async fn a_turn_is_told_from_its_acknowledgement_to_its_end() {
    let place = Place::new();
    let mut told = place.launch().await;
    let input = told.send(&as_message("think Hm.\nwrite made.txt hello\\n\nsay Done.\ncost 0.5")).await;
    let end = told.turn_end().await;
    assert_eq!((end.outcome, end.text.as_str(), end.cost_usd), (TurnOutcome::Completed, "Done.", 0.5));
    assert_eq!(end.tokens, TokenUsage { input: 100, output: 42, ..TokenUsage::default() });
    assert_eq!(place.file("made.txt"), "hello\n");
    let kinds: Vec<String> = told.events.iter().map(|event| short(&event.kind, &input.to_string())).collect();
    insta::assert_snapshot!(kinds.join("\n"), @r"
    acknowledged this
    session
    thinking Hm.
    tool Write
    result File created successfully.
    partial Done.
    text Done.
    end
    ");
    assert!(told.events.iter().all(|event| !event.more_of_line));
    within(told.handle().end()).await;
}

fn short(kind: &AgentEventKind, input: &str) -> String {
    match kind {
        AgentEventKind::InputAcknowledged { input_id } if input_id == input => "acknowledged this".to_owned(),
        AgentEventKind::SessionStarted { .. } => "session".to_owned(),
        AgentEventKind::Thinking { text, .. } => format!("thinking {text}"),
        AgentEventKind::ToolUse { name, .. } => format!("tool {name}"),
        AgentEventKind::ToolResult { content, .. } => format!("result {content}"),
        AgentEventKind::PartialText { text } => format!("partial {text}"),
        AgentEventKind::Text { text, .. } => format!("text {text}"),
        AgentEventKind::TurnEnded(_) => "end".to_owned(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn cost_is_told_per_turn_though_the_agent_counts_over_its_life() {
    let place = Place::new();
    let mut told = place.start("cost 0.5\nsay one\nturn\ncost 0.25\nsay two").await;
    told.turn_end().await;
    told.send("go on").await;
    let end = told.turn_end().await;
    assert_eq!((end.text.as_str(), end.cost_usd, end.cost_usd_total), ("two", 0.25, 0.75));
    within(told.handle().end()).await;
}

#[tokio::test]
async fn a_permission_is_asked_and_the_answer_counts() {
    let place = Place::new();
    let mut told = place.start("permit echo hi > a.txt\npermit echo hi > b.txt\nsay {answer}").await;
    let (request_id, input) = told.request().await;
    let allow = PermissionAnswer::Allow { updated_input: input, session_rules: Vec::new() };
    let first = told.handle().answer_permission(&request_id, allow.clone()).await.unwrap();
    let again = told.handle().answer_permission(&request_id, allow).await.unwrap();
    assert_eq!((first, again), (Delivery::Written, Delivery::AlreadyWritten));
    let (request_id, _) = told.request().await;
    let deny = PermissionAnswer::Deny { message: "not now".to_owned(), interrupt: false };
    told.handle().answer_permission(&request_id, deny).await.unwrap();
    let end = told.turn_end().await;
    assert_eq!((end.text.as_str(), end.permission_denials.len()), ("deny: not now", 1));
    assert_eq!(place.file("a.txt"), "hi\n");
    assert!(!place.repo().join("b.txt").exists());
    within(told.handle().end()).await;
}

#[tokio::test]
async fn always_holds_for_the_rest_of_the_session() {
    let place = Place::new();
    let mut told = place.start("permit true\npermit true\nsay {answer}").await;
    let (request_id, input) = told.request().await;
    let always = PermissionAnswer::Allow { updated_input: input, session_rules: vec![("Bash".to_owned(), None)] };
    told.handle().answer_permission(&request_id, always).await.unwrap();
    assert_eq!(told.turn_end().await.text, "allow");
    within(told.handle().end()).await;
}

#[tokio::test]
async fn a_refusal_can_end_the_turn() {
    let place = Place::new();
    let mut told = place.start("permit true\nsay never").await;
    let (request_id, _) = told.request().await;
    let deny = PermissionAnswer::Deny { message: "stop".to_owned(), interrupt: true };
    told.handle().answer_permission(&request_id, deny).await.unwrap();
    assert_eq!(told.turn_end().await.outcome, TurnOutcome::Interrupted);
    within(told.handle().end()).await;
}

#[tokio::test]
async fn a_question_is_asked_and_answered_by_its_labels() {
    let place = Place::new();
    let mut told = place.start("ask-many Which databases? | SQLite | PostgreSQL\nsay {answer}").await;
    let (request_id, input) = told.request().await;
    let empty = [("Which databases?".to_owned(), vec![" ".to_owned()])].into();
    let refused = told.handle().answer_question(&request_id, &input, &empty).await;
    assert!(matches!(refused, Err(AgentError::EmptyAnswer(_))));
    let answers = [("Which databases?".to_owned(), vec!["SQLite".to_owned(), "PostgreSQL".to_owned()])].into();
    told.handle().answer_question(&request_id, &input, &answers).await.unwrap();
    assert_eq!(told.turn_end().await.text, "SQLite, PostgreSQL");
    within(told.handle().end()).await;
}

#[tokio::test]
async fn an_interrupt_ends_the_turn_and_withdraws_what_was_asked() {
    let place = Place::new();
    let mut told = place.start("permit true\nturn\nsay I am still here.").await;
    let (request_id, _) = told.request().await;
    within(told.handle().interrupt()).await.unwrap();
    let end = told.turn_end().await;
    assert_eq!((end.outcome, end.text.as_str()), (TurnOutcome::Interrupted, "The turn was interrupted."));
    assert!(
        told.events
            .iter()
            .any(|event| event.kind == AgentEventKind::RequestCancelled { request_id: request_id.clone() })
    );
    told.send("go on").await;
    assert_eq!(told.turn_end().await.text, "I am still here.");
    within(told.handle().interrupt()).await.unwrap();
    told.send("and on").await;
    assert_eq!(told.turn_end().await.outcome, TurnOutcome::Completed);
    within(told.handle().end()).await;
}

#[tokio::test]
async fn images_reach_the_agent() {
    let place = Place::new();
    let mut told = place.launch().await;
    let image = ImageBlock { media_type: "image/png".to_owned(), base64: "A".repeat(5_000_000) };
    let text = as_message("say {images} image(s)");
    let turn = TurnInput { input_id: uuid::Uuid::new_v4(), text, images: vec![image] };
    within(told.handle().send_turn(turn)).await.unwrap();
    assert_eq!(told.turn_end().await.text, "1 image(s)");
    within(told.handle().end()).await;
}

#[tokio::test]
async fn a_message_is_delivered_once() {
    let place = Place::new();
    let mut told = place.launch().await;
    let turn = TurnInput { input_id: uuid::Uuid::new_v4(), text: as_message("say one"), images: Vec::new() };
    assert_eq!(within(told.handle().send_turn(turn.clone())).await.unwrap(), Delivery::Written);
    told.turn_end().await;
    let offset = told.offset();
    told.run = None;
    let told = place.reattach(offset).await;
    assert_eq!(within(told.handle().send_turn(turn.clone())).await.unwrap(), Delivery::AlreadyWritten);
    within(told.handle().end()).await;
    assert_eq!(place.read_by_agents().iter().filter(|line| line["type"] == "user").count(), 1);
    let delivered = taskwright::agent::delivered_inputs(&place.run_dir()).unwrap();
    assert!(delivered.contains(&turn.input_id.to_string()));
}

#[tokio::test]
async fn the_model_can_be_changed_and_the_context_asked_for() {
    let place = Place::new();
    let mut told = place.start("say one").await;
    told.turn_end().await;
    within(told.handle().set_model("claude-other")).await.unwrap();
    let refused = within(told.handle().set_model("unknown")).await;
    assert!(matches!(refused, Err(AgentError::Refused(why)) if why.contains("does not exist")));
    let usage = within(told.handle().context_usage()).await.unwrap();
    assert_eq!(usage["maxTokens"], 200_000);
    within(told.handle().end()).await;
}

#[tokio::test]
async fn a_session_is_resumed_by_its_id_and_can_be_forked() {
    let place = Place::new();
    let mut told = place.start("say one\nturn\nsay two in {session}").await;
    told.turn_end().await;
    within(told.handle().end()).await;

    let resume = |session| taskwright::agent::LaunchSpec {
        session,
        run: uuid::Uuid::new_v4(),
        run_dir: place.run_dir().with_file_name(uuid::Uuid::new_v4().to_string()),
        ..place.spec()
    };
    let fork = uuid::Uuid::new_v4();
    let spec = resume(SessionStart::Fork { from: place.session.to_string(), id: fork });
    let mut told = place.launch_spec(spec).await.unwrap();
    told.send("go on").await;
    let end = told.turn_end().await;
    assert_eq!((end.text, end.session_id), (format!("two in {fork}"), Some(fork.to_string())));
    assert_eq!(end.cost_usd, end.cost_usd_total, "what the session cost before is not counted again");
    within(told.handle().end()).await;

    let mut told = place.launch_spec(resume(SessionStart::Resume(place.session.to_string()))).await.unwrap();
    told.send("go on").await;
    assert_eq!(told.turn_end().await.text, format!("two in {}", place.session));
    within(told.handle().end()).await;
}

#[tokio::test]
async fn api_failures_are_told_with_what_they_mean() {
    let cases = [
        ("error 401", Some(401), ApiErrorKind::Credentials),
        ("error 529", Some(529), ApiErrorKind::Overload),
        ("error 429", Some(429), ApiErrorKind::RateLimited),
        ("error 400", Some(400), ApiErrorKind::BadRequest),
        ("limit 1700000000", Some(429), ApiErrorKind::UsageLimit { resets_at: Some(1_700_000_000) }),
        ("limit-event 1700000000", Some(429), ApiErrorKind::UsageLimit { resets_at: Some(1_700_000_000) }),
    ];
    for (step, status, kind) in cases {
        let place = Place::new();
        let mut told = place.start(&format!("retry 529 1\n{step}")).await;
        assert_eq!(told.turn_end().await.outcome, TurnOutcome::ApiError { status, kind }, "{step}");
        let limits = told.events.iter().filter(|event| matches!(event.kind, AgentEventKind::Limited { .. })).count();
        assert_eq!(limits, usize::from(step.starts_with("limit")), "{step}");
        let exit = told.exit().await;
        assert_eq!((exit.reason, exit.code, exit.mid_turn), (ExitReason::AfterError, Some(1), false), "{step}");
    }
}

fn question(place: &Place, prompt: &str, schema: Option<serde_json::Value>) -> AskSpec {
    AskSpec {
        prompt: prompt.to_owned(),
        json_schema: schema,
        cwd: place.repo(),
        env: place.env(),
        model: None,
        timeout: std::time::Duration::from_secs(30),
        command: vec![scripted_agent().into()],
    }
}

#[tokio::test]
async fn a_question_in_passing_gets_an_answer_that_fits_its_schema() {
    let place = Place::new();
    let schema = serde_json::json!({"type": "object", "properties": {"met": {"type": "boolean"}}});
    let prompt = "--help is no option here\nscripted-answer: {\"met\": false}\nscripted-answer: {\"met\": true}";
    for met in [false, true, true] {
        let spec = question(&place, prompt, Some(schema.clone()));
        let answer = ClaudeCode.ask(spec, CancellationToken::new()).await.unwrap();
        assert_eq!(answer.structured, Some(serde_json::json!({"met": met})));
        assert_eq!((answer.usage.input, answer.cost_usd), (50, 0.0005));
    }
    let answer = ClaudeCode.ask(question(&place, "Shall I?", None), CancellationToken::new()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.structured), ("Yes, go on as you proposed.", None));
}

#[tokio::test]
async fn a_question_in_passing_fails_with_the_reason() {
    let place = Place::new();
    let spec = question(&place, "scripted-answer: {\"error\": 401}", None);
    let Err(AgentError::Ask(failure)) = ClaudeCode.ask(spec, CancellationToken::new()).await else {
        panic!("it did not fail");
    };
    assert_eq!((failure.kind, failure.status), (Some(ApiErrorKind::Credentials), Some(401)));
    let spec = AskSpec { command: vec!["/nowhere/claude".into()], ..question(&place, "x", None) };
    let failed = ClaudeCode.ask(spec, CancellationToken::new()).await;
    assert!(matches!(failed, Err(AgentError::MissingBinary { .. })));
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let spec = AskSpec { command: vec!["sh".into(), "-c".into(), "sleep 600".into()], ..question(&place, "x", None) };
    assert!(matches!(ClaudeCode.ask(spec, cancelled).await, Err(AgentError::Cancelled)));
}

#[tokio::test]
async fn the_command_tells_its_version() {
    let version = ClaudeCode.version(&[scripted_agent().into()]).await.unwrap();
    assert_eq!(version, "2.1.330 (Claude Code)");
    assert!(matches!(ClaudeCode.version(&["/nowhere/claude".into()]).await, Err(AgentError::MissingBinary { .. })));
}
