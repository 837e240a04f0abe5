//! Events: what happened to a task, as the log keeps it and as clients read it, version 1.
//!
//! These are the stored and wire types themselves. A field may be added with a default; none is renamed or removed: a
//! committed sample of every kind must parse for ever. Rules do not read payloads; they read the models.

use super::{
    budget::{Spent, TokenCount},
    chain::ChainKind,
    ids::{DecisionId, InputId, QuestionId, TaskId},
    input::Priority,
    question::{Answer, AnsweredBy, Choice, QuestionKind, RememberedRule, Suggestion, ToolRequest},
    status::Status,
    test_case::{TestStatus, TestSummary, TestType},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// The place of an event in the log: strictly growing over all tasks, never used twice.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Seq(pub i64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One entry of the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Its place.
    pub seq: Seq,
    /// Whose event; none for events of the server (`plugin.loaded`, `plugin.failed`).
    pub task_id: Option<TaskId>,
    /// The task's name when it was written; empty for events of the server.
    pub task: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub body: EventBody,
}

/// A step of a side effect: its intent is in the log before it happens, its result after.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// About to happen, or happening.
    Started,
    /// It happened.
    Done,
    /// It was tried and failed.
    Failed,
}

/// A line that a plugin wrote into its log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PluginLine {
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The line.
    pub message: String,
}

macro_rules! events {
    ($($(#[$doc:meta])* $kind:literal $variant:ident { $($(#[$fdoc:meta])* $field:ident : $type:ty),* $(,)? })*) => {
        /// What happened: the kind and its payload. On the wire `kind` is the word below, `payload` the fields.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(tag = "kind", content = "payload")]
        pub enum EventBody {
            $($(#[$doc])* #[serde(rename = $kind)] $variant { $($(#[$fdoc])* $field: $type),* },)*
        }

        impl EventBody {
            /// Every kind's word on the wire, in the order of this file.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// The kind's word on the wire.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $kind,)*
                }
            }
        }
    };
}

events! {
    /// A task was made.
    "task.created" TaskCreated {
        /// Its description.
        description: String,
        /// Its status.
        status: Status,
        /// Whose task.
        #[serde(default)]
        user_id: Option<String>,
        /// The task of which it is a clone, by name.
        #[serde(default)]
        cloned_from: Option<String>,
    }
    /// Its status changed.
    "task.status" TaskStatus {
        /// The new status.
        status: Status,
        /// The one before.
        previous: Status,
        /// Why, in one sentence.
        #[serde(default)]
        reason: Option<String>,
        /// Who did it: `engine`, or `user:NAME`.
        #[serde(default)]
        by: Option<String>,
        /// Until when it waits, for a pause that ends by itself.
        #[serde(default)]
        paused_until: Option<Timestamp>,
    }
    /// A field changed, its place in the queue, or what it waits for.
    "task.updated" TaskUpdated {
        /// The fields that changed, with their new values, by their names in Task. Beside those: `agent_process`, when one
        /// is about to start (`state` is `started`), runs (`done`), could not start (`failed`) or has ended (`ended`), with
        /// `run`, `how`, `session`, `pid`, `code`, `signal`, `text`; and `criteria`, when they were evaluated: `plugin`,
        /// `met`, and `findings`, each `{id, text, verdict, evidence}`.
        changes: Value,
    }
    /// It was deleted. Nothing of it follows.
    "task.deleted" TaskDeleted {
        /// Who did it.
        #[serde(default)]
        by: Option<String>,
    }
    /// A message was given to the agent, and its turn begins.
    "turn.started" TurnStarted {
        /// The turn's number, from 1.
        turn: u32,
        /// Who speaks: `user`, `responder`, `system`.
        by: String,
        /// The message.
        text: String,
        /// The inputs that it holds.
        #[serde(default)]
        inputs: Vec<InputId>,
    }
    /// The agent's turn is over.
    "turn.ended" TurnEnded {
        /// The turn's number.
        turn: u32,
        /// `completed`, `interrupted`, `api-error`, `max-turns`, `max-budget`, `session-lost` or `failed`.
        outcome: String,
        /// The agent's last words, or what went wrong.
        text: String,
        /// Tokens of this turn.
        tokens: TokenCount,
        /// Its cost in United States dollars.
        cost_usd: f64,
        /// How long it took.
        duration_ms: u64,
        /// What the task has used in all.
        spent: Spent,
    }
    /// A piece of the agent's answer.
    "agent.text" AgentText {
        /// The text, in Markdown.
        text: String,
        /// The tool call of the sub-agent that speaks.
        #[serde(default)]
        parent: Option<String>,
    }
    /// A piece of the agent's reasoning.
    "agent.thinking" AgentThinking {
        /// The reasoning.
        text: String,
        /// The tool call of the sub-agent that speaks.
        #[serde(default)]
        parent: Option<String>,
    }
    /// The agent calls a tool.
    "agent.tool_use" AgentToolUse {
        /// Identifies the call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        input: Value,
        /// The tool call of the sub-agent that calls.
        #[serde(default)]
        parent: Option<String>,
    }
    /// A tool has answered.
    "agent.tool_result" AgentToolResult {
        /// The call.
        id: String,
        /// What the agent was given.
        content: String,
        /// Whether the tool failed or was denied.
        is_error: bool,
    }
    /// A line of the agent of a kind that is not known here, one that was too long, or one that is no JSON.
    "agent.other" AgentOther {
        /// The line's `type`, or `type/subtype`; `not-json`; `line-capped`.
        line_type: String,
        /// The line, or what is known of it.
        raw: Value,
    }
    /// The agent could not reach its model and tries again.
    "agent.retry" AgentRetry {
        /// Which attempt comes next.
        attempt: u32,
        /// How many there will be.
        max_retries: u32,
        /// Until then.
        delay_ms: u64,
        /// The HTTP status of the failure.
        #[serde(default)]
        status: Option<u16>,
        /// A word for the failure.
        error: String,
        /// Who tries again: `agent` or `engine`.
        by: String,
    }
    /// A usage limit of the agent's account is reached.
    "agent.limited" AgentLimited {
        /// When it ends.
        #[serde(default)]
        until: Option<Timestamp>,
        /// What the agent says about it.
        text: String,
    }
    /// A question is put to whom it concerns: a responder chain first, then a person.
    "question.asked" QuestionAsked {
        /// The question.
        id: QuestionId,
        /// What kind of answer is wanted.
        question_kind: QuestionKind,
        /// What is asked.
        text: String,
        /// The choices.
        #[serde(default)]
        choices: Vec<Choice>,
        /// Whether several may be taken.
        #[serde(default)]
        multiple: bool,
        /// The tool, for a permission.
        #[serde(default)]
        tool: Option<ToolRequest>,
        /// What a plugin would answer.
        #[serde(default)]
        suggestion: Option<Suggestion>,
    }
    /// It was answered.
    "question.answered" QuestionAnswered {
        /// The question.
        id: QuestionId,
        /// The answer.
        answer: Answer,
        /// Who answered.
        answered_by: AnsweredBy,
        /// The rule that the answer made.
        #[serde(default)]
        remembered: Option<RememberedRule>,
    }
    /// It is no longer asked.
    "question.withdrawn" QuestionWithdrawn {
        /// The question.
        id: QuestionId,
        /// Why.
        reason: String,
    }
    /// A plugin was asked.
    "decision.made" DecisionMade {
        /// Identifies the decision, whose input can be read by it.
        id: DecisionId,
        /// What was to be decided.
        chain: ChainKind,
        /// The function that was called.
        call: String,
        /// The plugin.
        plugin: String,
        /// Its version.
        version: String,
        /// The hash of its content.
        hash: String,
        /// What it said.
        #[serde(default)]
        answer: Option<Value>,
        /// Why it said so.
        #[serde(default)]
        reason: Option<String>,
        /// How it failed.
        #[serde(default)]
        error: Option<String>,
        /// Whether this answer was the one that counted.
        counted: bool,
        /// Time taken, in microseconds.
        duration_us: u64,
        /// What it wrote into its log meanwhile.
        #[serde(default)]
        log: Vec<PluginLine>,
    }
    /// A user's input is in the inbox, or was changed there.
    "input.queued" InputQueued {
        /// The input.
        id: InputId,
        /// Its text.
        text: String,
        /// How many images it has.
        images: u32,
        /// Which goes first.
        priority: Priority,
        /// Who gave it.
        #[serde(default)]
        user_id: Option<String>,
        /// Whether it stood in the inbox before and was changed.
        #[serde(default)]
        edited: bool,
    }
    /// A user took an input back.
    "input.removed" InputRemoved {
        /// The input.
        id: InputId,
    }
    /// An input has reached the agent.
    "input.delivered" InputDelivered {
        /// The input.
        id: InputId,
        /// The turn that it began, or the question that it answered.
        #[serde(default)]
        turn: Option<u32>,
    }
    /// The workspace stands.
    "workspace.ready" WorkspaceReady {
        /// Where the agent works.
        path: String,
        /// The branch; none in place.
        #[serde(default)]
        branch: Option<String>,
        /// The branch it was made from.
        #[serde(default)]
        base: Option<String>,
        /// The commit it was made from.
        #[serde(default)]
        base_commit: Option<String>,
        /// Whether the task works in the user's own folder.
        in_place: bool,
    }
    /// A step of making, preparing or removing a workspace.
    "workspace.step" WorkspaceStep {
        /// `worktree`, `fetch`, `copy`, `setup`, `cleanup`, `keep`, `remove`, `branch`.
        step: String,
        /// Where it stands.
        state: StepState,
        /// What it is about: a command, a path, a ref.
        about: String,
        /// What it said.
        #[serde(default)]
        output: Option<String>,
        /// How long it took.
        #[serde(default)]
        duration_ms: Option<u64>,
    }
    /// A round of tests begins.
    "tests.started" TestsStarted {
        /// The round, from 1.
        round: u32,
        /// The test runner.
        runner: String,
        /// What is tested.
        summary: String,
        /// The commands.
        commands: Vec<String>,
    }
    /// One test of the round.
    "tests.case" TestsCase {
        /// The round.
        round: u32,
        /// Its name.
        name: String,
        /// Its suite.
        #[serde(default)]
        suite: Option<String>,
        /// Where it comes from.
        test_type: TestType,
        /// How it ended.
        status: TestStatus,
        /// How long it took.
        #[serde(default)]
        duration_ms: Option<u64>,
    }
    /// The round is over, or there was nothing to run.
    "tests.ended" TestsEnded {
        /// The round; 0 when no test runner knows the project.
        round: u32,
        /// Whether all passed.
        passed: bool,
        /// Counts.
        summary: TestSummary,
        /// In a sentence.
        text: String,
    }
    /// Work was committed on the task's branch.
    "commit.made" CommitMade {
        /// The repository's path.
        repository: String,
        /// The branch.
        branch: String,
        /// The commit.
        commit: String,
        /// The first line of its message.
        subject: String,
        /// Files that it changes.
        files: u32,
    }
    /// A plugin was loaded, or replaced.
    "plugin.loaded" PluginLoaded {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// What it decides.
        chain: ChainKind,
        /// The hash of its content.
        hash: String,
        /// The hash that it replaces.
        #[serde(default)]
        replaces: Option<String>,
    }
    /// A plugin file could not be loaded; what was loaded before stays in charge.
    "plugin.failed" PluginFailed {
        /// Its name, or its file's.
        name: String,
        /// Why, and what to do.
        error: String,
        /// The hash of the one that stays in charge.
        #[serde(default)]
        kept: Option<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_kind_and_its_payload() {
        let body = EventBody::InputRemoved { id: InputId(uuid::Uuid::nil()) };
        let value = serde_json::to_value(&body).expect("events are plain values");
        assert_eq!(
            value,
            serde_json::json!({"kind": "input.removed", "payload": {"id": "00000000-0000-0000-0000-000000000000"}})
        );
        assert_eq!(serde_json::from_value::<EventBody>(value).expect("it reads back"), body);
        assert_eq!(body.kind(), "input.removed");
    }

    #[test]
    fn no_kind_has_two_variants() {
        let kinds: std::collections::BTreeSet<_> = EventBody::KINDS.iter().collect();
        assert_eq!(kinds.len(), EventBody::KINDS.len());
    }
}
