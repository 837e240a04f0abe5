//! How a turn ended: what a `result` line means, in the light of what came before it.

use serde_json::Value;

use super::{Memory, count, limit, millis, status, text};
use crate::agent::event::{AgentEventKind, ApiErrorKind, TokenUsage, TurnEnd, TurnOutcome};

/// What the agent says about a session that it cannot resume.
pub(in crate::agent) const SESSION_LOST: [&str; 2] =
    ["No conversation found with session ID", "--resume requires a valid session ID"];

/// Reads a `result` line. The first value is a usage limit that was not told before.
pub(super) fn turn_end(line: &Value, memory: &Memory) -> (Option<AgentEventKind>, TurnEnd) {
    let said = said(line);
    let outcome = outcome(line, memory, &said);
    let limited = match outcome {
        TurnOutcome::ApiError { kind: ApiErrorKind::UsageLimit { resets_at }, .. } if memory.limit.is_none() => {
            Some(AgentEventKind::Limited { resets_at, text: limit::sentence(resets_at) })
        }
        _ => None,
    };
    let cost = cost(line, memory);
    let end = TurnEnd {
        text: if said.is_empty() { sentence(&outcome).to_owned() } else { said },
        outcome,
        num_turns: count(&line["num_turns"]),
        tokens: tokens(line),
        cost_usd_total: memory.cost_total + cost,
        cost_usd: cost,
        duration: millis(&line["duration_ms"]),
        session_id: text(&line["session_id"]),
        permission_denials: line["permission_denials"].as_array().cloned().unwrap_or_default(),
    };
    (limited, end)
}

fn said(line: &Value) -> String {
    if let Some(result) = text(&line["result"]) {
        return result;
    }
    let errors = line["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    // Lines in brackets are for the maker of the agent, not for its user.
    errors.filter(|error| !error.starts_with("[ede_diagnostic]")).collect::<Vec<_>>().join("\n")
}

fn sentence(outcome: &TurnOutcome) -> &'static str {
    match outcome {
        TurnOutcome::Completed => "",
        TurnOutcome::Interrupted => "The turn was interrupted.",
        TurnOutcome::ApiError { .. } => "The model's API failed.",
        TurnOutcome::MaxTurns => "The agent's limit of round trips is reached.",
        TurnOutcome::MaxBudget => "The agent's limit of cost is reached.",
        TurnOutcome::SessionLost => "The agent does not know this session any more.",
        TurnOutcome::Failed => "The turn ended with an error that the agent did not explain.",
    }
}

/// The flag `is_error` counts, not `subtype`, which says `success` for failures of the API.
fn outcome(line: &Value, memory: &Memory, said: &str) -> TurnOutcome {
    let terminal = line["terminal_reason"].as_str().unwrap_or_default();
    match line["subtype"].as_str() {
        Some("error_max_turns") => return TurnOutcome::MaxTurns,
        Some("error_max_budget_usd") => return TurnOutcome::MaxBudget,
        _ => {}
    }
    if line["is_error"] != true {
        return match limit::announced(said, memory.timestamp.as_deref()) {
            // Old versions told a limit as a success, in these words alone.
            Some(resets_at) if said.starts_with("Claude AI usage limit reached|") => {
                TurnOutcome::ApiError { status: None, kind: ApiErrorKind::UsageLimit { resets_at } }
            }
            _ => TurnOutcome::Completed,
        };
    }
    if terminal.starts_with("aborted") {
        return TurnOutcome::Interrupted;
    }
    if SESSION_LOST.iter().any(|words| said.contains(words)) {
        return TurnOutcome::SessionLost;
    }
    let told = memory.api_error.as_ref();
    let status = status(&line["api_error_status"]).or_else(|| told?.status).or_else(|| status_in(said));
    let by_text = classify_text(said);
    if terminal == "api_error" || status.is_some() || told.is_some() || by_text.is_some() {
        let kind = api_error_kind(status.or(memory.retried_status), memory, said, by_text);
        return TurnOutcome::ApiError { status, kind };
    }
    if memory.interrupted && line["subtype"] == "error_during_execution" {
        return TurnOutcome::Interrupted;
    }
    TurnOutcome::Failed
}

fn api_error_kind(status: Option<u16>, memory: &Memory, said: &str, by_text: Option<ApiErrorKind>) -> ApiErrorKind {
    if let Some(resets_at) = limit::announced(said, memory.timestamp.as_deref()) {
        return ApiErrorKind::UsageLimit { resets_at: resets_at.or(memory.limit.flatten()) };
    }
    if let Some(resets_at) = memory.limit
        && matches!(status, None | Some(429))
    {
        return ApiErrorKind::UsageLimit { resets_at };
    }
    let by_word = || match memory.api_error.as_ref()?.error.as_deref()? {
        "authentication_failed" | "oauth_org_not_allowed" => Some(ApiErrorKind::Credentials),
        "rate_limit" => Some(ApiErrorKind::RateLimited),
        "overloaded" | "server_error" => Some(ApiErrorKind::Overload),
        "invalid_request" => Some(ApiErrorKind::BadRequest),
        _ => None,
    };
    status
        .map(classify_status)
        .filter(|kind| *kind != ApiErrorKind::Other)
        .or(by_text)
        .or_else(by_word)
        .unwrap_or(ApiErrorKind::Other)
}

/// What an HTTP status of the model's API means.
pub(in crate::agent) fn classify_status(status: u16) -> ApiErrorKind {
    match status {
        401 | 403 => ApiErrorKind::Credentials,
        429 => ApiErrorKind::RateLimited,
        500..=599 => ApiErrorKind::Overload,
        400 | 404 | 413 | 422 => ApiErrorKind::BadRequest,
        _ => ApiErrorKind::Other,
    }
}

/// What an error's text means, if it is one of those that come without a status.
pub(in crate::agent) fn classify_text(said: &str) -> Option<ApiErrorKind> {
    if let Some(resets_at) = limit::announced(said, None) {
        return Some(ApiErrorKind::UsageLimit { resets_at });
    }
    let credentials = ["Not logged in", "Please run /login", "Invalid API key", "OAuth token has expired"];
    if credentials.iter().any(|words| said.contains(words)) {
        return Some(ApiErrorKind::Credentials);
    }
    if said.contains("Credit balance is too low") {
        return Some(ApiErrorKind::Other);
    }
    status_in(said).map(classify_status)
}

/// The status in a text like `API Error: 529 Overloaded`.
fn status_in(said: &str) -> Option<u16> {
    let (_, rest) = said.split_once("API Error: ")?;
    rest.get(..3)?.parse().ok().filter(|status| (400..600).contains(status))
}

/// What the turn cost. The agent's total goes on over turns, and over processes when a session is resumed; newer versions
/// tell beside it what is new.
fn cost(line: &Value, memory: &Memory) -> f64 {
    if let Some(models) = line["model_usage_since_last_result"].as_object() {
        let costs = models.values().filter_map(|used| used["costUSD"].as_f64());
        return costs.filter(|cost| cost.is_finite() && *cost > 0.0).fold(0.0, |sum, cost| sum + cost);
    }
    let total = told_total(line).unwrap_or(memory.told_total);
    // A total below the last one is a count begun anew.
    if total >= memory.told_total { total - memory.told_total } else { total }
}

/// The agent's own total.
pub(super) fn told_total(line: &Value) -> Option<f64> {
    line["total_cost_usd"].as_f64().filter(|cost| cost.is_finite() && *cost >= 0.0)
}

/// What the turn used. The field `usage` leaves out interrupted requests and sub-agents; newer versions count them in
/// `model_usage_since_last_result`.
fn tokens(line: &Value) -> TokenUsage {
    let by_model = line["model_usage_since_last_result"].as_object().filter(|models| !models.is_empty());
    let Some(models) = by_model else {
        return usage(&line["usage"]);
    };
    let sum = |field: &str| models.values().filter_map(|used| used[field].as_u64()).fold(0, u64::saturating_add);
    TokenUsage {
        input: sum("inputTokens"),
        output: sum("outputTokens"),
        cache_creation: sum("cacheCreationInputTokens"),
        cache_read: sum("cacheReadInputTokens"),
    }
}

/// Tokens in the fields of the model's API.
pub(in crate::agent) fn usage(usage: &Value) -> TokenUsage {
    let of = |field: &str| usage[field].as_u64().unwrap_or_default();
    TokenUsage {
        input: of("input_tokens"),
        output: of("output_tokens"),
        cache_creation: of("cache_creation_input_tokens"),
        cache_read: of("cache_read_input_tokens"),
    }
}
