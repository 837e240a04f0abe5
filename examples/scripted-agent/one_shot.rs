//! One question, one answer.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::arguments::Arguments;
use crate::session::{Log, new_id, state};
use crate::talk;

/// The line in a question that says what to answer.
const MARKER: &str = "scripted-answer:";

/// Reads a question from standard input and answers it.
pub fn answer(arguments: &Arguments) -> ExitCode {
    let log = Log::open(arguments);
    let mut question = Vec::new();
    std::io::stdin().read_to_end(&mut question).ok();
    let question = String::from_utf8_lossy(&question).into_owned();
    log.note(&json!({"question": question}));
    if question.trim().is_empty() {
        eprintln!("Error: Input must be provided either through stdin or as a prompt argument when using --print");
        return ExitCode::FAILURE;
    }
    let schema: Option<Value> = arguments.schema.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let scripted = scripted(&question, &state(arguments));
    if let Some(status) = scripted.as_ref().and_then(|answer| answer["error"].as_u64()) {
        talk::write(&failed(status));
        return ExitCode::FAILURE;
    }
    let structured = schema.map(|schema| scripted.clone().unwrap_or_else(|| agreeable(&schema)));
    let text = match (&structured, scripted) {
        (Some(value), _) => value.to_string(),
        (None, Some(Value::String(text))) => text,
        (None, Some(value)) => value.to_string(),
        (None, None) => "Yes, go on as you proposed.".to_owned(),
    };
    let mut line = result(&text);
    if let Some(value) = structured {
        line["structured_output"] = value;
    }
    talk::write(&line);
    ExitCode::SUCCESS
}

fn result(text: &str) -> Value {
    json!({
        "type": "result", "subtype": "success", "is_error": false, "result": text, "num_turns": 1, "duration_ms": 1,
        "session_id": new_id(), "total_cost_usd": 0.0005, "terminal_reason": "completed",
        "usage": {"input_tokens": 50, "output_tokens": 10}, "permission_denials": [],
    })
}

fn failed(status: u64) -> Value {
    let mut line = result(&format!("API Error: {status} scripted {status}"));
    line["is_error"] = json!(true);
    line["terminal_reason"] = json!("api_error");
    line["api_error_status"] = json!(status);
    line
}

/// The answer that the question holds: the first for the first call with these answers, and so on.
fn scripted(question: &str, state: &Path) -> Option<Value> {
    let answers: Vec<&str> =
        question.lines().filter_map(|line| line.trim().strip_prefix(MARKER)).map(str::trim).collect();
    let call = count_call(&answers, state);
    let text = answers.get(call).or(answers.last())?;
    Some(serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
}

/// How often these answers were called for before. One file holds one byte for each call.
fn count_call(answers: &[&str], state: &Path) -> usize {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    if answers.len() < 2 {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    answers.hash(&mut hasher);
    let folder = state.join("answers");
    let path = folder.join(format!("{:016x}", hasher.finish()));
    let calls = std::fs::read(&path).map_or(0, |bytes| bytes.len());
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, vec![b'x'; calls + 1])).ok();
    calls
}

/// A value that fits a schema and says yes.
fn agreeable(schema: &Value) -> Value {
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(value) = schema["enum"].get(0) {
        return value.clone();
    }
    for word in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[word].get(0) {
            return agreeable(first);
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            Value::Object(properties.map(|(name, schema)| (name.clone(), agreeable(schema))).collect::<Map<_, _>>())
        }
        Some("array") => {
            let least = usize::try_from(schema["minItems"].as_u64().unwrap_or(0)).unwrap_or(0);
            Value::Array(vec![agreeable(&schema["items"]); least])
        }
        Some("boolean") => json!(true),
        Some("number" | "integer") => schema.get("maximum").cloned().unwrap_or(json!(1)),
        Some("null") => Value::Null,
        _ => json!("Everything that was asked for is in place."),
    }
}
