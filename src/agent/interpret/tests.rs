use super::*;
use crate::agent::event::{ApiErrorKind, TurnOutcome};
use crate::agent::lines::{Line, LineSplitter};
use proptest::prelude::*;
use serde_json::json;

/// What the recorded program wrote, one line each. The recordings hold both directions.
fn recorded(transcript: &str) -> Vec<String> {
    transcript
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry["dir"] == "out")
        .map(|entry| entry["line"].to_string())
        .collect()
}

fn events(lines: &[String]) -> Vec<AgentEventKind> {
    let mut interpreter = Interpreter::default();
    lines.iter().flat_map(|line| interpreter.read(line.as_bytes()).events).collect()
}

fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(60).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.replace('\n', "⏎")
}

fn show(kind: &AgentEventKind) -> String {
    match kind {
        AgentEventKind::SessionStarted { session_id, model, tools, version } => format!(
            "session {} {} {} tools {}",
            &session_id[..8],
            model.as_deref().unwrap_or("-"),
            tools.len(),
            version.as_deref().unwrap_or("-")
        ),
        AgentEventKind::Text { text, .. } => format!("text {}", shorten(text)),
        AgentEventKind::PartialText { text } => format!("partial {}", shorten(text)),
        AgentEventKind::ToolUse { name, input, .. } => format!("tool {name} {}", shorten(&input.to_string())),
        AgentEventKind::ToolResult { content, is_error, .. } => {
            format!("tool result, error {is_error}: {}", shorten(content))
        }
        AgentEventKind::PermissionRequested { tool, description, blocked_path, suggestions, .. } => {
            format!("permission {tool} {description:?} {blocked_path:?} {} suggestions", suggestions.len())
        }
        AgentEventKind::QuestionAsked { questions, .. } => format!(
            "question {:?}",
            questions
                .iter()
                .map(|question| (&*question.question, question.multiple, question.options.len()))
                .collect::<Vec<_>>()
        ),
        AgentEventKind::Other { line_type, .. } => format!("other {line_type}"),
        AgentEventKind::TurnEnded(end) => format!(
            "turn end {:?} {} round trips {} in {} out ${:.5} of ${:.5} {:?}: {}",
            end.outcome,
            end.num_turns,
            end.tokens.input,
            end.tokens.output,
            end.cost_usd,
            end.cost_usd_total,
            end.duration,
            shorten(&end.text)
        ),
        other => format!("{other:?}"),
    }
}

fn told_by(transcript: &str) -> String {
    events(&recorded(transcript)).iter().map(show).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_structured_question_is_a_question_and_no_permission() {
    insta::assert_snapshot!(told_by(include_str!("transcripts/ask.ndjson")), @r##"
    session 2640caef claude-opus-5-5 25 tools 2.1.330
    tool AskUserQuestion {"questions":[{"question":"Which database?","header":"Databa…
    question [("Which database?", false, 2)]
    tool result, error false: Your questions have been answered: "Which database?"="SQLite…
    text The file is created. All done.
    turn end Completed 2 round trips 200 in 84 out $0.00248 of $0.00248 193ms: The file is created. All done.
    "##);
}

#[test]
fn a_refused_key_is_an_api_error_though_the_line_says_success() {
    insta::assert_snapshot!(told_by(include_str!("transcripts/error401.ndjson")), @r##"
    session 21e239c4 claude-opus-5-5 25 tools 2.1.330
    Retrying { attempt: 1, max_retries: 1, delay: 575ms, status: Some(401), error: "authentication_failed" }
    text Failed to authenticate. API Error: 401 scripted 401
    turn end ApiError { status: Some(401), kind: Credentials } 1 round trips 0 in 0 out $0.00000 of $0.00000 707ms: Failed to authenticate. API Error: 401 scripted 401
    "##);
}

#[test]
fn an_overload_is_an_api_error_that_passes() {
    insta::assert_snapshot!(told_by(include_str!("transcripts/error529.ndjson")), @r##"
    session 0426ddd6 claude-opus-5-5 25 tools 2.1.330
    Retrying { attempt: 1, max_retries: 1, delay: 531ms, status: Some(529), error: "overloaded" }
    text API Error: 529 scripted 529. This is a server-side issue, us…
    turn end ApiError { status: Some(529), kind: Overload } 1 round trips 0 in 0 out $0.00000 of $0.00000 660ms: API Error: 529 scripted 529. This is a server-side issue, us…
    "##);
}

#[test]
fn an_interrupted_turn_is_told_as_such_with_what_it_used() {
    insta::assert_snapshot!(told_by(include_str!("transcripts/interrupt.ndjson")), @r##"
    session 5b06f049 claude-opus-5-5 25 tools 2.1.330
    text  word word word word word word word word word word word word…
    other user
    turn end Interrupted 2 round trips 100 in 93 out $0.00226 of $0.00226 733ms: The turn was interrupted.
    session 5b06f049 claude-opus-5-5 25 tools 2.1.330
    text I can do this in two ways:⏎1. quick⏎2. careful⏎Which option …
    turn end Completed 1 round trips 100 in 42 out $0.00124 of $0.00350 81ms: I can do this in two ways:⏎1. quick⏎2. careful⏎Which option …
    "##);
}

#[test]
fn partial_texts_come_before_the_whole() {
    insta::assert_snapshot!(told_by(include_str!("transcripts/partial.ndjson")), @r##"
    session 53e9484a claude-opus-5-5 25 tools 2.1.330
    other system/status
    partial I can do this in two ways:⏎1. quick⏎2. careful⏎Which option …
    text I can do this in two ways:⏎1. quick⏎2. careful⏎Which option …
    turn end Completed 1 round trips 100 in 42 out $0.00124 of $0.00124 111ms: I can do this in two ways:⏎1. quick⏎2. careful⏎Which option …
    "##);
}

#[test]
fn a_plain_question_is_just_a_turn() {
    insta::assert_snapshot!(told_by(include_str!("transcripts/question.ndjson")), @r##"
    session be7ffd03 claude-opus-5-5 25 tools 2.1.330
    text I can do this in two ways:⏎1. quick⏎2. careful⏎Which option …
    turn end Completed 1 round trips 100 in 42 out $0.00124 of $0.00124 140ms: I can do this in two ways:⏎1. quick⏎2. careful⏎Which option …
    "##);
}

#[test]
fn a_queued_message_gets_a_turn_of_its_own() {
    insta::assert_snapshot!(told_by(include_str!("transcripts/queue.ndjson")), @r##"
    session 1796e051 claude-opus-5-5 25 tools 2.1.330
    text  word word word word word word word word word word word word…
    turn end Completed 1 round trips 100 in 42 out $0.00124 of $0.00124 5.039s:  word word word word word word word word word word word word…
    session 1796e051 claude-opus-5-5 25 tools 2.1.330
    text I can do this in two ways:⏎1. quick⏎2. careful⏎Which option …
    turn end Completed 1 round trips 100 in 42 out $0.00124 of $0.00248 40ms: I can do this in two ways:⏎1. quick⏎2. careful⏎Which option …
    "##);
}

#[test]
fn a_tool_that_needs_leave_is_asked_for_and_its_result_told() {
    insta::assert_snapshot!(told_by(include_str!("transcripts/tool.ndjson")), @r##"
    session 0abb7636 claude-opus-5-5 25 tools 2.1.330
    text I will create the file.
    tool Bash {"command":"echo hello > made.txt","description":"make a fil…
    permission Bash Some("make a file") Some("/workspace/repo/made.txt") 2 suggestions
    tool result, error false: (Bash completed with no output)
    text The file is created. All done.
    turn end Completed 2 round trips 200 in 84 out $0.00248 of $0.00248 217ms: The file is created. All done.
    session 0abb7636 claude-opus-5-5 25 tools 2.1.330
    text The file is created. All done.
    turn end Completed 1 round trips 100 in 42 out $0.00124 of $0.00372 71ms: The file is created. All done.
    "##);
}

fn one(line: &Value) -> Told {
    Interpreter::default().read(line.to_string().as_bytes())
}

fn outcome_after(before: &[Value], result: Value) -> TurnOutcome {
    let mut interpreter = Interpreter::default();
    for line in before {
        interpreter.read(line.to_string().as_bytes());
    }
    let mut line = json!({"type": "result", "subtype": "success", "is_error": true});
    line.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
    let told = interpreter.read(line.to_string().as_bytes());
    match told.events.last() {
        Some(AgentEventKind::TurnEnded(end)) => end.outcome.clone(),
        other => panic!("no end of a turn: {other:?}"),
    }
}

fn api_error(status: Option<u16>, kind: ApiErrorKind) -> TurnOutcome {
    TurnOutcome::ApiError { status, kind }
}

#[test]
fn the_ends_of_turns_are_told_apart() {
    let none = &[];
    let ends = [
        (json!({"is_error": false, "result": "You've hit your limit of patience."}), TurnOutcome::Completed),
        (json!({"subtype": "error_max_turns", "is_error": false}), TurnOutcome::MaxTurns),
        (json!({"subtype": "error_max_budget_usd"}), TurnOutcome::MaxBudget),
        (json!({"subtype": "error_during_execution"}), TurnOutcome::Failed),
        (
            json!({"subtype": "error_during_execution", "errors": ["No conversation found with session ID: x"]}),
            TurnOutcome::SessionLost,
        ),
        (json!({"terminal_reason": "aborted_tools"}), TurnOutcome::Interrupted),
        (json!({"result": "Not logged in · Please run /login"}), api_error(None, ApiErrorKind::Credentials)),
        (
            json!({"result": "API Error: 400 bad", "api_error_status": 400, "terminal_reason": "api_error"}),
            api_error(Some(400), ApiErrorKind::BadRequest),
        ),
        (json!({"result": "API Error: 500 Internal server error"}), api_error(Some(500), ApiErrorKind::Overload)),
        (
            json!({"is_error": false, "result": "Claude AI usage limit reached|1700000000"}),
            api_error(None, ApiErrorKind::UsageLimit { resets_at: Some(1_700_000_000) }),
        ),
        (
            json!({"result": "You've hit your limit", "api_error_status": 429}),
            api_error(Some(429), ApiErrorKind::UsageLimit { resets_at: None }),
        ),
        (json!({"result": "Rate limited", "api_error_status": 429}), api_error(Some(429), ApiErrorKind::RateLimited)),
    ];
    for (line, expected) in ends {
        assert_eq!(outcome_after(none, line.clone()), expected, "{line}");
    }
}

#[test]
fn an_overload_without_a_status_is_known_by_the_tries_before() {
    let retry = json!({"type": "system", "subtype": "api_retry", "error_status": 529, "attempt": 1});
    let line = json!({"terminal_reason": "api_error", "api_error_status": null, "result": "Overloaded"});
    assert_eq!(outcome_after(&[retry], line), api_error(None, ApiErrorKind::Overload));
}

#[test]
fn an_older_interruption_is_known_by_the_note_before() {
    let note = json!({"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": "[Request interrupted by user for tool use]"}]}});
    assert_eq!(outcome_after(&[note], json!({"subtype": "error_during_execution"})), TurnOutcome::Interrupted);
}

#[test]
fn a_limit_that_an_event_told_is_not_told_again() {
    let event =
        json!({"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1_700_000_000}});
    let mut interpreter = Interpreter::default();
    let told = interpreter.read(event.to_string().as_bytes());
    assert!(matches!(told.events[0], AgentEventKind::Limited { resets_at: Some(1_700_000_000), .. }));
    let result =
        json!({"type": "result", "is_error": true, "api_error_status": 429, "result": "You've hit your limit"});
    let told = interpreter.read(result.to_string().as_bytes());
    assert_eq!(told.events.len(), 1);
    let expected = api_error(Some(429), ApiErrorKind::UsageLimit { resets_at: Some(1_700_000_000) });
    assert!(matches!(&told.events[0], AgentEventKind::TurnEnded(end) if end.outcome == expected));
}

#[test]
fn a_warning_about_limits_is_no_limit() {
    let event = json!({"type": "rate_limit_event", "rate_limit_info": {"status": "allowed_warning"}});
    assert!(
        matches!(&one(&event).events[..], [AgentEventKind::Other { line_type, .. }] if line_type == "rate_limit_event")
    );
}

#[test]
fn a_limit_and_the_end_that_tells_it_come_from_one_line() {
    let told = one(&json!({"type": "result", "is_error": true, "result": "Claude AI usage limit reached|1700000000"}));
    assert!(matches!(
        &told.events[..],
        [AgentEventKind::Limited { resets_at: Some(1_700_000_000), .. }, AgentEventKind::TurnEnded(_)]
    ));
}

#[test]
fn an_acknowledgement_names_the_input() {
    let told =
        one(&json!({"type": "user", "isReplay": true, "uuid": "u", "message": {"role": "user", "content": "x"}}));
    assert_eq!(told.events, [AgentEventKind::InputAcknowledged { input_id: "u".to_owned() }]);
}

#[test]
fn a_withdrawn_request_is_told() {
    let told = one(&json!({"type": "control_cancel_request", "request_id": "r"}));
    assert_eq!(told.events, [AgentEventKind::RequestCancelled { request_id: "r".to_owned() }]);
}

#[test]
fn a_request_of_an_unknown_kind_wants_a_refusal() {
    let told = one(&json!({"type": "control_request", "request_id": "r", "request": {"subtype": "elicitation"}}));
    assert_eq!(told.unsupported, Some(("r".to_owned(), "elicitation".to_owned())));
}

#[test]
fn a_question_that_cannot_be_shown_is_a_permission() {
    let told = one(&json!({"type": "control_request", "request_id": "r", "request": {
        "subtype": "can_use_tool", "tool_name": "AskUserQuestion", "input": {"questions": "?"}}}));
    assert!(matches!(&told.events[..], [AgentEventKind::PermissionRequested { .. }]));
}

#[test]
fn the_answer_to_a_request_of_ours_is_no_event() {
    let told =
        one(&json!({"type": "control_response", "response": {"subtype": "error", "request_id": "r", "error": "no"}}));
    let response = ControlResponse { request_id: "r".to_owned(), result: Err("no".to_owned()) };
    assert_eq!(told, Told { response: Some(response), ..Told::default() });
}

#[test]
fn blocks_that_are_no_text_stand_as_a_note_in_a_result() {
    let content = json!([{"type": "text", "text": "a"}, {"type": "image", "source": {}}]);
    let block = json!({"type": "tool_result", "tool_use_id": "t", "content": content});
    let told = one(&json!({"type": "user", "message": {"role": "user", "content": [block]}}));
    assert!(matches!(&told.events[..], [AgentEventKind::ToolResult { content, .. }] if content == "a\n[image]"));
}

#[test]
fn wrong_utf8_is_replaced_within_json_and_outside() {
    let told = Interpreter::default()
        .read(b"{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"a\xffb\"}]}}");
    assert!(matches!(&told.events[..], [AgentEventKind::Text { text, .. }] if text == "a\u{fffd}b"));
    let told = Interpreter::default().read(b"a\xffb");
    assert_eq!(told.events, [AgentEventKind::NotJson { text: "a\u{fffd}b".to_owned() }]);
}

#[test]
fn a_long_line_that_is_no_json_is_told_in_part() {
    let told = Interpreter::default().read(&[b'\xff'; 10_000]);
    assert!(matches!(&told.events[..], [AgentEventKind::NotJson { text }] if (4000..=4096).contains(&text.len())));
}

#[test]
fn json_that_is_nested_without_end_is_not_read() {
    let told = Interpreter::default().read("[".repeat(1_000_000).as_bytes());
    assert!(matches!(&told.events[..], [AgentEventKind::NotJson { .. }]));
}

#[test]
fn a_count_of_cost_begun_anew_is_not_negative() {
    let mut interpreter = Interpreter::default();
    let costs: Vec<f64> = [0.5, 0.75, 0.25]
        .map(|total| {
            let line = json!({"type": "result", "is_error": false, "result": "", "total_cost_usd": total});
            match interpreter.read(line.to_string().as_bytes()).events.pop() {
                Some(AgentEventKind::TurnEnded(end)) => end.cost_usd,
                other => panic!("{other:?}"),
            }
        })
        .to_vec();
    assert_eq!(costs, [0.5, 0.25, 0.25]);
}

#[test]
fn a_resumed_session_does_not_cost_again_what_it_cost_before() {
    let new = json!({"m": {"inputTokens": 100, "outputTokens": 42, "costUSD": 0.25}});
    let line = json!({"type": "result", "is_error": false, "result": "", "total_cost_usd": 5.25, "model_usage_since_last_result": new});
    let Some(AgentEventKind::TurnEnded(end)) = one(&line).events.pop() else {
        panic!("no end of a turn");
    };
    assert_eq!((end.cost_usd, end.cost_usd_total, end.tokens.output), (0.25, 0.25, 42));
}

/// Any JSON, with the words of the protocol in places where they matter.
fn any_value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("system"),
        Just("init"),
        Just("assistant"),
        Just("user"),
        Just("result"),
        Just("control_request"),
        Just("control_response"),
        Just("can_use_tool"),
        Just("AskUserQuestion"),
        Just("stream_event"),
        Just("text"),
        Just("tool_use"),
        Just("tool_result"),
        Just("error_during_execution"),
        Just("rate_limit_event"),
        Just("rejected"),
        Just("content_block_delta"),
        Just("You've hit your limit · resets 3pm (UTC)"),
        Just("2026-11-23T11:16:15.835Z"),
        Just("API Error: 5"),
        Just("Claude AI usage limit reached|99999999999999999999"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("type"),
        Just("subtype"),
        Just("message"),
        Just("content"),
        Just("request"),
        Just("response"),
        Just("request_id"),
        Just("tool_name"),
        Just("input"),
        Just("questions"),
        Just("options"),
        Just("label"),
        Just("text"),
        Just("result"),
        Just("is_error"),
        Just("total_cost_usd"),
        Just("usage"),
        Just("event"),
        Just("delta"),
        Just("errors"),
        Just("retry_delay_ms"),
        Just("timestamp"),
        Just("rate_limit_info"),
        Just("status"),
        Just("isReplay"),
        Just("error"),
        Just("model_usage_since_last_result"),
        Just("duration_ms"),
        Just("id"),
        Just("name"),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone().prop_map(str::to_owned), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        Interpreter::default().read(&line);
    }

    #[test]
    fn no_json_makes_it_panic(lines in proptest::collection::vec(any_value(), 0..8)) {
        let mut interpreter = Interpreter::default();
        for line in lines {
            interpreter.read(line.to_string().as_bytes());
        }
    }

    #[test]
    fn where_the_stream_is_cut_makes_no_difference(size in 1_usize..5000) {
        let lines = recorded(include_str!("transcripts/tool.ndjson"));
        let stream: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        let mut splitter = LineSplitter::new(1 << 20);
        let mut interpreter = Interpreter::default();
        let mut told = Vec::new();
        for chunk in stream.as_bytes().chunks(size) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let used = splitter.take(rest, |line| match line {
                    Line::Whole(line) => told.extend(interpreter.read(line).events),
                    Line::Capped { .. } => panic!("no line is that long"),
                });
                rest = &rest[used..];
            }
        }
        prop_assert_eq!(told, events(&lines));
    }

    #[test]
    fn what_is_remembered_survives_being_written_down(lines in proptest::collection::vec(any_value(), 0..8)) {
        let mut interpreter = Interpreter::default();
        for line in lines {
            interpreter.read(line.to_string().as_bytes());
        }
        let written = serde_json::to_string(&interpreter.memory).unwrap();
        prop_assert_eq!(serde_json::from_str::<Memory>(&written).unwrap(), interpreter.memory);
    }
}
