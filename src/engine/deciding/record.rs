//! The record of a call: the decision with its whole input, the plugin's lines of log, and the event.

use super::{super::EngineError, PassedOver};
use crate::{
    domain::{ChainKind, DecisionId, EventBody, Task, TaskId, decision::Decision, event::PluginLine},
    engine::{context::Context, surroundings::Line},
    plugin::{CallError, Called, PluginId},
    store::StoreError,
};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// Longest answer that an event carries, in bytes of JSON; the decision's row has it whole.
const MAX_EVENT_ANSWER: usize = 16 * 1024;

/// Longest input that is kept, in bytes of JSON. It is beyond what the interface's own limits allow for a situation; only
/// the files and outputs of test runs come near.
const MAX_INPUT: usize = 8 * 1024 * 1024;

/// A call of a plugin.
pub(crate) struct Call<'a> {
    /// What is decided.
    pub kind: ChainKind,
    /// The function, in the interface's words.
    pub call: &'a str,
    /// The plugin, as the chain names it.
    pub plugin: &'a str,
    /// What it is given: enough to ask another plugin the same.
    pub input: &'a Value,
}

/// Records what a plugin answered. `misfit` says why an answer that came cannot be used.
///
/// # Errors
/// When the log cannot be written.
pub(crate) async fn record<T: Serialize>(
    ctx: &Context,
    task: &Task,
    call: &Call<'_>,
    called: &Called<T>,
    misfit: Option<String>,
    counted: bool,
    lines: Vec<Line>,
) -> Result<(), EngineError> {
    let answer = called.result.as_ref().ok().and_then(|answer| serde_json::to_value(answer).ok());
    let error = called.result.as_ref().err().map(ToString::to_string).or(misfit);
    let decision = decision(task.id, call, &called.plugin, answer, error, counted, called.duration);
    write(ctx, task, decision, lines).await
}

/// Records that a chain names a plugin that is not loaded.
///
/// # Errors
/// When the log cannot be written.
pub(crate) async fn record_unknown(ctx: &Context, task: &Task, call: &Call<'_>) -> Result<PassedOver, EngineError> {
    let why = CallError::NotLoaded { kind: call.kind.as_str(), name: call.plugin.to_owned() }.to_string();
    let plugin = PluginId { name: call.plugin.to_owned(), version: String::new(), hash: String::new() };
    let decision = decision(task.id, call, &plugin, None, Some(why.clone()), false, Duration::ZERO);
    write(ctx, task, decision, Vec::new()).await?;
    Ok(PassedOver { plugin: call.plugin.to_owned(), why, failed: true })
}

fn decision(
    task: TaskId,
    call: &Call<'_>,
    plugin: &PluginId,
    answer: Option<Value>,
    error: Option<String>,
    counted: bool,
    duration: Duration,
) -> impl FnOnce(crate::domain::Timestamp) -> Decision + Send + 'static {
    let (kind, name, input) = (call.kind, call.call.to_owned(), bounded(call.input, MAX_INPUT));
    let plugin = plugin.clone();
    move |at| Decision {
        id: DecisionId::new(),
        task_id: task,
        kind,
        call: name,
        plugin: plugin.name,
        version: plugin.version,
        hash: plugin.hash,
        input,
        answer,
        error,
        counted,
        duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
        at,
    }
}

async fn write(
    ctx: &Context,
    task: &Task,
    decision: impl FnOnce(crate::domain::Timestamp) -> Decision + Send + 'static,
    lines: Vec<Line>,
) -> Result<(), EngineError> {
    let task = task.clone();
    ctx.store
        .write(move |tx| {
            let decision = decision(tx.now());
            tx.add_decision(&decision)?;
            tx.append(Some(&task), event(decision, lines)).map(|_| ())
        })
        .await
        .map_err(|error: StoreError| error.into())
}

fn event(decision: Decision, lines: Vec<Line>) -> EventBody {
    let reason = decision.answer.as_ref().and_then(|answer| answer.get("reason")?.as_str().map(str::to_owned));
    EventBody::DecisionMade {
        id: decision.id,
        chain: decision.kind,
        call: decision.call,
        plugin: decision.plugin,
        version: decision.version,
        hash: decision.hash,
        answer: decision.answer.map(|answer| bounded(&answer, MAX_EVENT_ANSWER)),
        reason,
        error: decision.error,
        counted: decision.counted,
        duration_us: decision.duration_us,
        log: lines.into_iter().map(|line| PluginLine { level: line.level.to_owned(), message: line.message }).collect(),
    }
}

/// The value, or what stands for one that is too long.
fn bounded(value: &Value, limit: usize) -> Value {
    match serde_json::to_string(value) {
        Ok(text) if text.len() > limit => serde_json::json!({"too_long": true, "bytes": text.len()}),
        _ => value.clone(),
    }
}
