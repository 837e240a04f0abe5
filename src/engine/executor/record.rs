//! What the agent says becomes rows and events: whatever is there at once goes into one transaction, together with the
//! place in the spool up to which it has been read.

use super::{Executor, Halt, Turn};
use crate::{
    agent::{AgentEvent, AgentEventKind as Kind, Exit, TokenUsage, TurnEnd, TurnOutcome},
    domain::{
        EventBody, InputId, InteractionId, Seq, Task, Timestamp, TokenCount,
        input::Delivery,
        interaction::{Interaction, InteractionType, ToolCall},
        question::{Choice, Question, QuestionKind, QuestionState, ToolRequest},
    },
    engine::{EngineError, lifecycle},
    store::{Partial, StoreError, Tx},
};
use serde_json::{Value, json};

/// Events that are stored in one transaction, at most.
const BATCH: usize = 128;

/// Entries of the conversation in which a tool's call is looked for when its result comes.
const LOOK_BACK: u32 = 200;

/// What a stored batch means for the executor.
#[derive(Default)]
pub(super) struct Heard {
    /// Requests of the agent that want an answer.
    pub asked: Vec<Question>,
    /// The turn's end, if it came.
    pub ended: Option<TurnEnd>,
    /// The process's end, if it came.
    pub exited: Option<Exit>,
    /// A refusal of credentials that the agent would retry in vain.
    pub refused: Option<String>,
    /// Whether a request was withdrawn.
    pub withdrawn: bool,
}

/// What the transaction needs to know and hands back.
struct Recorder {
    task: Task,
    turn: Option<Turn>,
    turn_number: u32,
    cwd: String,
    heard: Heard,
}

impl Executor {
    /// The next events that belong into one transaction; none when the channel is closed.
    pub(super) async fn next_batch(&mut self) -> Option<Vec<AgentEvent>> {
        let first = self.session.as_mut()?.events.recv().await?;
        Some(self.rest_of_batch(first).await)
    }

    /// An event and those that are there already and belong into the same transaction.
    pub(super) async fn rest_of_batch(&mut self, first: AgentEvent) -> Vec<AgentEvent> {
        let mut batch = vec![first];
        let Some(session) = &mut self.session else { return batch };
        while let Some(last) = batch.last() {
            let next = if last.more_of_line {
                session.events.recv().await
            } else if matches!(last.kind, Kind::TurnEnded(_) | Kind::Exited(_)) || batch.len() >= BATCH {
                None
            } else {
                session.events.try_recv().ok()
            };
            match next {
                Some(event) => batch.push(event),
                None => break,
            }
        }
        batch
    }

    /// Stores a batch and tells what it means.
    pub(super) async fn record(&mut self, batch: Vec<AgentEvent>) -> Result<Heard, Halt> {
        let offset = batch.last().map_or(self.task.spool_offset, |event| event.end_offset);
        let mut kinds = Vec::with_capacity(batch.len());
        for event in batch {
            match event.kind {
                Kind::PartialText { text } => self.ctx.store.publish_partial(Partial {
                    task_id: self.id,
                    task: self.task.spec.task_name.clone(),
                    text,
                }),
                kind => kinds.push(kind),
            }
        }
        if kinds.is_empty() {
            return Ok(Heard::default());
        }
        let seconds = self.lap();
        let (id, turn, turn_number) = (self.id, self.turn.clone(), self.turn_number);
        let cwd = self.places.first().map(|place| place.cwd.clone()).unwrap_or_default();
        let recorder = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.spool_offset = offset;
                task.spent.running_seconds += seconds;
                count(&mut task, &kinds);
                tx.update_task(&task)?;
                let mut recorder = Recorder { task, turn, turn_number, cwd, heard: Heard::default() };
                for kind in kinds {
                    recorder.one(tx, kind)?;
                }
                Ok::<_, EngineError>(recorder)
            })
            .await?;
        self.task = recorder.task;
        self.turn = recorder.turn;
        Ok(recorder.heard)
    }
}

/// Counts what turns used, and keeps another session id.
fn count(task: &mut Task, kinds: &[Kind]) {
    for kind in kinds {
        match kind {
            Kind::SessionStarted { session_id, .. } => task.agent_session = Some(session_id.clone()),
            Kind::TurnEnded(end) => {
                task.spent.tokens = task.spent.tokens.plus(&tokens(&end.tokens));
                task.spent.cost_usd += end.cost_usd;
                if !matches!(end.outcome, TurnOutcome::ApiError { .. } | TurnOutcome::SessionLost) {
                    task.spent.iterations += 1;
                }
                if let (Some(session), false) = (&end.session_id, end.outcome == TurnOutcome::SessionLost) {
                    task.agent_session = Some(session.clone());
                }
            }
            _ => {}
        }
    }
}

const fn tokens(usage: &TokenUsage) -> TokenCount {
    TokenCount {
        input: usage.input,
        output: usage.output,
        cache_creation: usage.cache_creation,
        cache_read: usage.cache_read,
    }
}

const fn outcome_word(outcome: &TurnOutcome) -> &'static str {
    match outcome {
        TurnOutcome::Completed => "completed",
        TurnOutcome::Interrupted => "interrupted",
        TurnOutcome::ApiError { .. } => "api-error",
        TurnOutcome::MaxTurns => "max-turns",
        TurnOutcome::MaxBudget => "max-budget",
        TurnOutcome::SessionLost => "session-lost",
        TurnOutcome::Failed => "failed",
    }
}

impl Recorder {
    fn one(&mut self, tx: &mut Tx<'_>, kind: Kind) -> Result<(), StoreError> {
        if says_something(&kind) {
            self.taken(tx)?;
        }
        match kind {
            Kind::SessionStarted { .. } | Kind::PartialText { .. } => Ok(()),
            Kind::InputAcknowledged { .. } => self.taken(tx),
            Kind::Text { text, parent } => self.text(tx, text, parent),
            Kind::Thinking { text, parent } => self.append(tx, EventBody::AgentThinking { text, parent }),
            Kind::ToolUse { id, name, input, parent } => self.tool_use(tx, id, name, input, parent),
            Kind::ToolResult { id, content, is_error } => self.tool_result(tx, id, content, is_error),
            Kind::PermissionRequested { request_id, tool, input, description, blocked_path, .. } => {
                let request = serde_json::json!({"description": description, "blocked_path": blocked_path});
                let text =
                    description.filter(|d| !d.trim().is_empty()).unwrap_or_else(|| format!("May {tool} be used?"));
                let tool = ToolRequest { name: tool, input, cwd: self.cwd.clone() };
                let question = Question {
                    tool: Some(tool),
                    request: Some(request),
                    ..self.question(tx.now(), QuestionKind::Permission, text, request_id)
                };
                self.ask(tx, question)
            }
            Kind::QuestionAsked { request_id, input, questions } => {
                let text: Vec<_> = questions.iter().map(|q| q.question.as_str()).collect();
                let choices = questions.iter().flat_map(|q| &q.options);
                let choices =
                    choices.map(|o| Choice { label: o.label.clone(), description: o.description.clone() }).collect();
                let question = Question {
                    choices,
                    multiple: questions.iter().any(|q| q.multiple),
                    request: Some(input),
                    ..self.question(tx.now(), QuestionKind::Choice, text.join("\n"), request_id)
                };
                self.ask(tx, question)
            }
            Kind::RequestCancelled { request_id } => self.cancelled(tx, &request_id),
            Kind::Retrying { attempt, max_retries, delay, status, error } => {
                if matches!(status, Some(401 | 403)) {
                    self.heard.refused =
                        Some(format!("the service answered {} ({error}).", status.unwrap_or_default()));
                }
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                let by = "agent".to_owned();
                self.append(tx, EventBody::AgentRetry { attempt, max_retries, delay_ms, status, error, by })
            }
            Kind::Limited { resets_at, text } => {
                if let Some(turn) = &mut self.turn {
                    turn.limited = Some(resets_at);
                }
                self.append(tx, EventBody::AgentLimited { until: resets_at.map(Timestamp::from_seconds), text })
            }
            Kind::Other { line_type, raw } => self.append(tx, EventBody::AgentOther { line_type, raw }),
            Kind::NotJson { text } => {
                self.append(tx, EventBody::AgentOther { line_type: "not-json".to_owned(), raw: Value::String(text) })
            }
            Kind::LineCapped { bytes } => {
                let raw =
                    serde_json::json!({"bytes": bytes, "text": "The line is too long; it stands in the run's spool."});
                self.append(tx, EventBody::AgentOther { line_type: "line-capped".to_owned(), raw })
            }
            Kind::TurnEnded(end) => self.turn_ended(tx, end),
            Kind::Exited(exit) => self.exited(tx, exit),
        }
    }

    fn append(&self, tx: &mut Tx<'_>, body: EventBody) -> Result<(), StoreError> {
        tx.append(Some(&self.task), body).map(|_| ())
    }

    fn number(&self) -> u32 {
        self.turn.as_ref().map_or(self.turn_number, |turn| turn.number)
    }

    fn entry(&self, seq: Seq, at: Timestamp, kind: InteractionType, content: String) -> Interaction {
        Interaction {
            id: InteractionId::new(),
            task_id: self.task.id,
            seq,
            turn: self.number(),
            interaction_type: kind,
            content,
            images: vec![],
            tool: None,
            tokens: None,
            duration_ms: None,
            cost_usd: None,
            created_at: at,
        }
    }

    /// The agent has taken the turn's message: an input in it is delivered.
    fn taken(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let Some(turn) = self.turn.as_mut().filter(|turn| !turn.taken) else { return Ok(()) };
        turn.taken = true;
        let (input, number) = (turn.message.input, turn.number);
        if let Some(id) = input {
            deliver(tx, &self.task, id, Some(number))?;
        }
        Ok(())
    }

    fn text(&mut self, tx: &mut Tx<'_>, text: String, parent: Option<String>) -> Result<(), StoreError> {
        let own = parent.is_none();
        let seq = tx.append(Some(&self.task), EventBody::AgentText { text: text.clone(), parent })?;
        if own {
            let entry = self.entry(seq, tx.now(), InteractionType::ClaudeResponse, text);
            tx.add_interaction(&entry)?;
            if let Some(turn) = &mut self.turn {
                turn.last = Some(entry);
            }
        }
        Ok(())
    }

    fn tool_use(
        &mut self,
        tx: &mut Tx<'_>,
        id: String,
        name: String,
        input: Value,
        parent: Option<String>,
    ) -> Result<(), StoreError> {
        let body = EventBody::AgentToolUse { id: id.clone(), name: name.clone(), input: input.clone(), parent };
        let seq = tx.append(Some(&self.task), body)?;
        let entry = Interaction {
            tool: Some(ToolCall { id, name, input, is_error: None }),
            ..self.entry(seq, tx.now(), InteractionType::ToolResult, String::new())
        };
        tx.add_interaction(&entry)
    }

    fn tool_result(&mut self, tx: &mut Tx<'_>, id: String, content: String, is_error: bool) -> Result<(), StoreError> {
        let recent = tx.recent_interactions(self.task.id, LOOK_BACK)?;
        let call = recent.into_iter().rev().find(|entry| entry.tool.as_ref().is_some_and(|tool| tool.id == id));
        if let Some(mut entry) = call {
            entry.content.clone_from(&content);
            if let Some(tool) = &mut entry.tool {
                tool.is_error = Some(is_error);
            }
            tx.update_interaction(&entry)?;
        }
        self.append(tx, EventBody::AgentToolResult { id, content, is_error })
    }

    fn question(&self, now: Timestamp, kind: QuestionKind, text: String, request_id: String) -> Question {
        Question { request_id: Some(request_id), ..new_question(&self.task, now, kind, text) }
    }

    fn ask(&mut self, tx: &mut Tx<'_>, question: Question) -> Result<(), StoreError> {
        tx.add_question(&question)?;
        self.heard.asked.push(question);
        Ok(())
    }

    fn cancelled(&mut self, tx: &mut Tx<'_>, request_id: &str) -> Result<(), StoreError> {
        for mut question in tx.open_questions(self.task.id)? {
            if question.request_id.as_deref() == Some(request_id) {
                question.state = QuestionState::Withdrawn;
                tx.update_question(&question)?;
                let reason = "the agent no longer asks".to_owned();
                self.append(tx, EventBody::QuestionWithdrawn { id: question.id, reason })?;
                self.heard.withdrawn = true;
            }
        }
        self.heard.asked.retain(|question| question.request_id.as_deref() != Some(request_id));
        Ok(())
    }

    fn turn_ended(&mut self, tx: &mut Tx<'_>, end: TurnEnd) -> Result<(), StoreError> {
        let used = tokens(&end.tokens);
        let duration_ms = u64::try_from(end.duration.as_millis()).unwrap_or(u64::MAX);
        let seq = self.end_turn(tx, outcome_word(&end.outcome), &end.text, used, end.cost_usd, duration_ms)?;
        let last = self.turn.as_mut().and_then(|turn| turn.last.take());
        let is_new = last.is_none();
        let mut entry =
            last.unwrap_or_else(|| self.entry(seq, tx.now(), InteractionType::SystemMessage, end.text.clone()));
        entry.tokens = Some(used);
        entry.duration_ms = Some(duration_ms);
        entry.cost_usd = Some(end.cost_usd);
        if is_new {
            tx.add_interaction(&entry)?;
        } else {
            tx.update_interaction(&entry)?;
        }
        self.heard.ended = Some(end);
        Ok(())
    }

    fn end_turn(
        &self,
        tx: &mut Tx<'_>,
        outcome: &str,
        text: &str,
        tokens: TokenCount,
        cost_usd: f64,
        duration_ms: u64,
    ) -> Result<Seq, StoreError> {
        lifecycle::withdraw_requests(tx, &self.task)?;
        tx.append(
            Some(&self.task),
            EventBody::TurnEnded {
                turn: self.number(),
                outcome: outcome.to_owned(),
                text: text.to_owned(),
                tokens,
                cost_usd,
                duration_ms,
                spent: self.task.spent,
            },
        )
    }

    fn exited(&mut self, tx: &mut Tx<'_>, exit: Exit) -> Result<(), StoreError> {
        let process = json!({
            "state": "ended",
            "run": self.task.agent_run,
            "code": exit.code,
            "signal": exit.signal,
            "text": exit.text,
        });
        self.append(tx, EventBody::TaskUpdated { changes: json!({"agent_process": process}) })?;
        let in_turn = self.turn.is_some() && self.heard.ended.is_none();
        if in_turn {
            let seq = self.end_turn(tx, "failed", &exit.text, TokenCount::default(), 0.0, 0)?;
            let mut entry = self.entry(seq, tx.now(), InteractionType::SystemMessage, exit.text.clone());
            entry.tokens = Some(TokenCount::default());
            tx.add_interaction(&entry)?;
        }
        self.heard.exited = Some(exit);
        Ok(())
    }
}

/// Whether an event shows that the agent works on the turn's message.
const fn says_something(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Text { .. }
            | Kind::Thinking { .. }
            | Kind::ToolUse { .. }
            | Kind::TurnEnded(TurnEnd {
                outcome: TurnOutcome::Completed
                    | TurnOutcome::Interrupted
                    | TurnOutcome::MaxTurns
                    | TurnOutcome::MaxBudget,
                ..
            })
    )
}

/// Marks an input as delivered and tells it.
pub(super) fn deliver(tx: &mut Tx<'_>, task: &Task, id: InputId, turn: Option<u32>) -> Result<(), StoreError> {
    let Some(mut input) = tx.input(id)? else { return Ok(()) };
    if input.delivery == Delivery::Delivered {
        return Ok(());
    }
    input.delivery = Delivery::Delivered;
    input.delivered_at = Some(tx.now());
    tx.update_input(&input)?;
    tx.append(Some(task), EventBody::InputDelivered { id, turn })?;
    Ok(())
}

/// An open question without particulars.
pub(super) fn new_question(task: &Task, now: Timestamp, kind: QuestionKind, text: String) -> Question {
    Question {
        id: crate::domain::QuestionId::new(),
        task_id: task.id,
        task_name: task.spec.task_name.clone(),
        kind,
        state: QuestionState::Open,
        text,
        choices: vec![],
        multiple: false,
        tool: None,
        suggestion: None,
        request_id: None,
        request: None,
        asked_at: now,
        answered_at: None,
        answer: None,
        answered_by: None,
        remembered: None,
    }
}

/// The turn's message as the conversation shows it.
pub(super) const fn shown_as(voice: super::Voice) -> InteractionType {
    match voice {
        super::Voice::User => InteractionType::UserRequest,
        super::Voice::Responder => InteractionType::SimulatedHuman,
        super::Voice::System => InteractionType::SystemMessage,
    }
}
