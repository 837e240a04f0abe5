//! What a line of Claude Code means: a plain state machine from lines to events, with no I/O.
//!
//! Nothing that a line holds is an error: what is not known is passed on, what cannot be read is told as such.

mod limit;
mod turn_end;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::{AgentEventKind, QuestionOption, StructuredQuestion};

pub(super) use turn_end::{SESSION_LOST, classify_status, classify_text};

/// How much of a line that is no JSON is told, in bytes.
const NOT_JSON_SHOWN: usize = 4 * 1024;

/// What must be remembered from one line to the next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Cost in US dollars of all turns so far.
    pub cost_total: f64,
    /// The agent's own total at the last turn's end.
    pub told_total: f64,
    /// Whether a turn has begun that has not ended.
    pub turn_open: bool,
    /// Whether any turn has ended.
    pub any_turn_ended: bool,
    /// Whether the last turn ended with an error.
    pub last_turn_failed: bool,
    /// How many messages the agent has acknowledged.
    pub acknowledged: u64,
    /// When a usage limit ends that was told within this turn; the inner `None` stands for "not known".
    pub limit: Option<Option<i64>>,
    /// The API failure that was told within this turn.
    pub api_error: Option<ApiError>,
    /// HTTP status of the last failure that the agent tried to get over within this turn.
    pub retried_status: Option<u16>,
    /// Whether the agent noted an interruption within this turn.
    pub interrupted: bool,
    /// The last moment that a line carried.
    pub timestamp: Option<String>,
}

/// An API failure as an `assistant` line tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ApiError {
    pub status: Option<u16>,
    pub error: Option<String>,
}

/// What one line gives.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    pub events: Vec<AgentEventKind>,
    /// An answer to a request of ours.
    pub response: Option<ControlResponse>,
    /// A request of a kind that is not known here, by id and kind: it wants a refusal.
    pub unsupported: Option<(String, String)>,
    /// Whether the line ended a turn.
    pub turn_ended: bool,
}

/// An answer of the agent to a request of ours.
#[derive(Debug, PartialEq)]
pub(super) struct ControlResponse {
    pub request_id: String,
    pub result: Result<Value, String>,
}

impl Told {
    fn event(kind: AgentEventKind) -> Self {
        Self { events: vec![kind], ..Self::default() }
    }
}

/// Reads lines of Claude Code.
#[derive(Debug, Clone, Default)]
pub(super) struct Interpreter {
    pub memory: Memory,
}

impl Interpreter {
    /// Reads one line, without its end.
    pub(super) fn read(&mut self, line: &[u8]) -> Told {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Told::default();
        }
        let parsed = match serde_json::from_slice::<Value>(line) {
            Ok(value) => Some(value),
            Err(_) if std::str::from_utf8(line).is_err() => serde_json::from_str(&String::from_utf8_lossy(line)).ok(),
            Err(_) => None,
        };
        match parsed {
            Some(value) if value.is_object() => self.object(value),
            _ => Told::event(AgentEventKind::NotJson { text: beginning(line) }),
        }
    }

    fn object(&mut self, line: Value) -> Told {
        if let Some(timestamp) = text(&line["timestamp"]) {
            self.memory.timestamp = Some(timestamp);
        }
        match line["type"].as_str() {
            Some("system") => self.system(line),
            Some("assistant") => self.assistant(&line).map_or_else(|| other(line), told),
            Some("user") => self.user(&line).map_or_else(|| other(line), told),
            Some("stream_event") => told(partial(&line).into_iter().collect()),
            Some("control_request") => control_request(line),
            Some("control_cancel_request") => match text(&line["request_id"]) {
                Some(request_id) => Told::event(AgentEventKind::RequestCancelled { request_id }),
                None => other(line),
            },
            Some("control_response") => control_response(line),
            Some("rate_limit_event") => self.rate_limit(line),
            Some("result") => self.result(&line),
            _ => other(line),
        }
    }

    fn system(&mut self, line: Value) -> Told {
        match line["subtype"].as_str() {
            Some("init") => {
                let Some(session_id) = text(&line["session_id"]) else {
                    return other(line);
                };
                self.memory.turn_open = true;
                let tools = line["tools"].as_array().into_iter().flatten().filter_map(text).collect();
                Told::event(AgentEventKind::SessionStarted {
                    session_id,
                    model: text(&line["model"]),
                    tools,
                    version: text(&line["claude_code_version"]),
                })
            }
            Some("api_retry") => {
                let status = status(&line["error_status"]);
                self.memory.retried_status = status;
                Told::event(AgentEventKind::Retrying {
                    attempt: count(&line["attempt"]),
                    max_retries: count(&line["max_retries"]),
                    delay: millis(&line["retry_delay_ms"]),
                    status,
                    error: text(&line["error"]).unwrap_or_default(),
                })
            }
            _ => other(line),
        }
    }

    fn assistant(&mut self, line: &Value) -> Option<Vec<AgentEventKind>> {
        self.memory.turn_open = true;
        if line["is_api_error_message"] == true || line["error"].is_string() {
            self.memory.api_error =
                Some(ApiError { status: status(&line["api_error_status"]), error: text(&line["error"]) });
        }
        let parent = text(&line["parent_tool_use_id"]);
        let blocks = line["message"]["content"].as_array()?;
        let events: Vec<AgentEventKind> = blocks.iter().filter_map(|block| spoken(block, parent.as_deref())).collect();
        // A block of a kind that is not known must not vanish with those that are.
        (events.len() == blocks.len()).then_some(events)
    }

    fn user(&mut self, line: &Value) -> Option<Vec<AgentEventKind>> {
        if line["isReplay"] == true {
            self.memory.turn_open = true;
            self.memory.acknowledged += 1;
            let input_id = text(&line["uuid"]).unwrap_or_default();
            return Some(vec![AgentEventKind::InputAcknowledged { input_id }]);
        }
        let blocks = line["message"]["content"].as_array()?;
        if blocks
            .iter()
            .any(|block| block["text"].as_str().is_some_and(|text| text.starts_with("[Request interrupted")))
        {
            self.memory.interrupted = true;
        }
        let events: Vec<AgentEventKind> = blocks.iter().filter_map(tool_result).collect();
        (!events.is_empty()).then_some(events)
    }

    fn rate_limit(&mut self, line: Value) -> Told {
        let info = &line["rate_limit_info"];
        if info["status"] != "rejected" || info["isUsingOverage"] == true {
            return other(line);
        }
        let resets_at = info["resetsAt"].as_i64();
        self.memory.limit = Some(resets_at);
        Told::event(AgentEventKind::Limited { resets_at, text: limit::sentence(resets_at) })
    }

    fn result(&mut self, line: &Value) -> Told {
        let (limited, end) = turn_end::turn_end(line, &self.memory);
        let memory = &mut self.memory;
        *memory = Memory {
            cost_total: end.cost_usd_total,
            told_total: turn_end::told_total(line).unwrap_or(memory.told_total),
            any_turn_ended: true,
            last_turn_failed: !matches!(end.outcome, super::TurnOutcome::Completed | super::TurnOutcome::Interrupted),
            acknowledged: memory.acknowledged,
            timestamp: memory.timestamp.take(),
            ..Memory::default()
        };
        let events = limited.into_iter().chain([AgentEventKind::TurnEnded(end)]).collect();
        Told { events, turn_ended: true, ..Told::default() }
    }
}

fn told(events: Vec<AgentEventKind>) -> Told {
    Told { events, ..Told::default() }
}

fn other(raw: Value) -> Told {
    let line_type = match (raw["type"].as_str(), raw["subtype"].as_str()) {
        (Some(kind), Some(subtype)) => format!("{kind}/{subtype}"),
        (Some(kind), None) => kind.to_owned(),
        (None, _) => String::new(),
    };
    Told::event(AgentEventKind::Other { line_type, raw })
}

/// A block of what the agent says.
fn spoken(block: &Value, parent: Option<&str>) -> Option<AgentEventKind> {
    let parent = parent.map(str::to_owned);
    match block["type"].as_str()? {
        "text" => Some(AgentEventKind::Text { text: text(&block["text"])?, parent }),
        "thinking" => Some(AgentEventKind::Thinking { text: text(&block["thinking"])?, parent }),
        "tool_use" => Some(AgentEventKind::ToolUse {
            id: text(&block["id"])?,
            name: text(&block["name"])?,
            input: block["input"].clone(),
            parent,
        }),
        _ => None,
    }
}

fn tool_result(block: &Value) -> Option<AgentEventKind> {
    if block["type"] != "tool_result" {
        return None;
    }
    Some(AgentEventKind::ToolResult {
        id: text(&block["tool_use_id"])?,
        content: result_text(&block["content"]),
        is_error: block["is_error"] == true,
    })
}

fn result_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let pieces: Vec<String> = blocks
                .iter()
                .map(|block| text(&block["text"]).unwrap_or_else(|| format!("[{}]", kind_of(block))))
                .collect();
            pieces.join("\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn kind_of(block: &Value) -> &str {
    block["type"].as_str().unwrap_or("block")
}

/// A piece of text that is being written. A sub-agent's is left out: it would mix with the agent's own.
fn partial(line: &Value) -> Option<AgentEventKind> {
    if !line["parent_tool_use_id"].is_null() || line["event"]["type"] != "content_block_delta" {
        return None;
    }
    let delta = &line["event"]["delta"];
    (delta["type"] == "text_delta").then(|| text(&delta["text"]))?.map(|text| AgentEventKind::PartialText { text })
}

fn control_request(line: Value) -> Told {
    let request = &line["request"];
    let Some(request_id) = text(&line["request_id"]) else {
        return other(line);
    };
    if request["subtype"] != "can_use_tool" {
        let kind = request["subtype"].as_str().unwrap_or("a request without a kind").to_owned();
        return Told { unsupported: Some((request_id, kind)), ..other(line) };
    }
    let tool = text(&request["tool_name"]).unwrap_or_default();
    let input = request["input"].clone();
    if tool == "AskUserQuestion"
        && let Some(questions) = questions(&input)
    {
        return Told::event(AgentEventKind::QuestionAsked { request_id, input, questions });
    }
    Told::event(AgentEventKind::PermissionRequested {
        request_id,
        tool,
        input,
        description: text(&request["description"]).filter(|description| !description.is_empty()),
        blocked_path: text(&request["blocked_path"]),
        suggestions: request["permission_suggestions"].as_array().cloned().unwrap_or_default(),
        tool_use_id: text(&request["tool_use_id"]),
    })
}

/// The questions of a request; `None` if there is none that could be shown.
fn questions(input: &Value) -> Option<Vec<StructuredQuestion>> {
    let questions: Vec<StructuredQuestion> = input["questions"].as_array()?.iter().filter_map(question).collect();
    (!questions.is_empty()).then_some(questions)
}

fn question(value: &Value) -> Option<StructuredQuestion> {
    let options = value["options"].as_array().into_iter().flatten();
    Some(StructuredQuestion {
        question: text(&value["question"])?,
        header: text(&value["header"]).unwrap_or_default(),
        multiple: value["multiSelect"] == true,
        options: options
            .filter_map(|option| {
                let description = text(&option["description"]).unwrap_or_default();
                Some(QuestionOption { label: text(&option["label"])?, description })
            })
            .collect(),
    })
}

fn control_response(line: Value) -> Told {
    let response = &line["response"];
    let Some(request_id) = text(&response["request_id"]) else {
        return other(line);
    };
    let result = if response["subtype"] == "success" {
        Ok(response["response"].clone())
    } else {
        Err(text(&response["error"]).unwrap_or_else(|| "no reason given".to_owned()))
    };
    Told { response: Some(ControlResponse { request_id, result }), ..Told::default() }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn count(value: &Value) -> u32 {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

fn status(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|number| u16::try_from(number).ok())
}

/// A time in milliseconds, which may come with a fraction.
fn millis(value: &Value) -> Duration {
    value
        .as_f64()
        .filter(|millis| millis.is_finite() && *millis >= 0.0)
        .and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok())
        .unwrap_or_default()
}

fn beginning(line: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&line[..line.len().min(NOT_JSON_SHOWN)]).into_owned();
    let mut end = shown.len().min(NOT_JSON_SHOWN);
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    shown[..end].to_owned()
}

#[cfg(test)]
mod tests;
