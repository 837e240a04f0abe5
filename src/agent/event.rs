//! What an agent says: the events of a run, as plain values.

use std::time::Duration;

use serde_json::Value;

/// One thing that an agent said, with the place in its spool up to which everything has now been told.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentEvent {
    /// Spool offset to store together with what this event changes. Reattaching there repeats nothing and misses
    /// nothing. An event that is followed by another of the same line carries the offset where its line begins.
    pub end_offset: u64,
    /// Whether another event of the same line follows: store both in one transaction.
    pub more_of_line: bool,
    /// What was said.
    pub kind: AgentEventKind,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentEventKind {
    /// A session is up. Claude Code says it again at the start of every turn, and with another id after `/clear`.
    SessionStarted {
        /// The agent's own id of the conversation, for [`crate::agent::SessionStart::Resume`].
        session_id: String,
        /// Model in use.
        model: Option<String>,
        /// Names of the tools on offer.
        tools: Vec<String>,
        /// Version of the agent's program.
        version: Option<String>,
    },
    /// The agent has taken a message that was sent with [`crate::agent::AgentHandle::send_turn`].
    InputAcknowledged {
        /// Id of the input, as text; empty if the agent did not repeat it.
        input_id: String,
    },
    /// A few more characters of a text that is being written. Never stored: the whole `Text` follows.
    PartialText {
        /// What to append.
        text: String,
    },
    /// A piece of the agent's answer.
    Text {
        /// The text in Markdown.
        text: String,
        /// The tool call of the sub-agent that speaks, if one does.
        parent: Option<String>,
    },
    /// A piece of the agent's reasoning.
    Thinking {
        /// The reasoning, possibly abridged by the model's maker.
        text: String,
        /// As in `Text`.
        parent: Option<String>,
    },
    /// The agent calls a tool.
    ToolUse {
        /// Id of the call, which its result repeats.
        id: String,
        /// Name of the tool.
        name: String,
        /// Its arguments.
        input: Value,
        /// As in `Text`.
        parent: Option<String>,
    },
    /// A tool has answered.
    ToolResult {
        /// Id of the call.
        id: String,
        /// What the agent was given, as text: blocks that are no text stand as a short note.
        content: String,
        /// Whether the tool failed or was denied.
        is_error: bool,
    },
    /// The agent waits for leave to use a tool.
    PermissionRequested {
        /// To answer with [`crate::agent::AgentHandle::answer_permission`].
        request_id: String,
        /// Name of the tool.
        tool: String,
        /// Its arguments.
        input: Value,
        /// The agent's own words for what the call does.
        description: Option<String>,
        /// A path that made it ask.
        blocked_path: Option<String>,
        /// Rules that the agent proposes for "always", as they came.
        suggestions: Vec<Value>,
        /// Id of the tool call.
        tool_use_id: Option<String>,
    },
    /// The agent waits for an answer to one or more questions with choices.
    QuestionAsked {
        /// To answer with [`crate::agent::AgentHandle::answer_question`].
        request_id: String,
        /// The request's input as it came, which the answer needs.
        input: Value,
        /// The questions in it.
        questions: Vec<StructuredQuestion>,
    },
    /// A permission request or question is withdrawn; an answer would no longer count.
    RequestCancelled {
        /// Id of the request.
        request_id: String,
    },
    /// The agent could not reach its model and tries again by itself. With status 401 or 403 it does so for minutes in
    /// vain.
    Retrying {
        /// Which attempt comes next, from 1.
        attempt: u32,
        /// How many it will make.
        max_retries: u32,
        /// Time until then.
        delay: Duration,
        /// HTTP status of the failure.
        status: Option<u16>,
        /// The agent's word for the failure, for example `overloaded`.
        error: String,
    },
    /// A usage limit of the account is reached; the turn will end for it.
    Limited {
        /// When it ends, in seconds since 1970.
        resets_at: Option<i64>,
        /// A sentence for the user.
        text: String,
    },
    /// A line of a type or with content that is not known here. Kept and passed on.
    Other {
        /// `type`, or `type/subtype`.
        line_type: String,
        /// The line.
        raw: Value,
    },
    /// A line that is no JSON.
    NotJson {
        /// Its text, with wrong UTF-8 replaced, at most 4 KiB of it.
        text: String,
    },
    /// A line was longer than allowed. It stands in the spool and was not read.
    LineCapped {
        /// Its length in bytes.
        bytes: u64,
    },
    /// A turn is over. Always follows a turn's begin unless the process ends first.
    TurnEnded(TurnEnd),
    /// The process is gone. The last event.
    Exited(Exit),
}

/// One question with choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructuredQuestion {
    /// The question, by which its answer is keyed.
    pub question: String,
    /// A word or two above it.
    pub header: String,
    /// Whether several options may be chosen.
    pub multiple: bool,
    /// The choices; free text is always possible beside them.
    pub options: Vec<QuestionOption>,
}

/// One choice of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionOption {
    /// What is answered when it is chosen.
    pub label: String,
    /// What it means.
    pub description: String,
}

/// Tokens that one turn used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Read anew.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Written to the prompt cache.
    pub cache_creation: u64,
    /// Read from the prompt cache.
    pub cache_read: u64,
}

/// How a turn ended and what it used.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnEnd {
    /// How it ended.
    pub outcome: TurnOutcome,
    /// The agent's last words, or a sentence for the user that says what happened.
    pub text: String,
    /// Round trips to the model.
    pub num_turns: u32,
    /// Tokens of this turn.
    pub tokens: TokenUsage,
    /// Cost in US dollars since the process began.
    pub cost_usd_total: f64,
    /// Cost of this turn.
    pub cost_usd: f64,
    /// Wall time.
    pub duration: Duration,
    /// The session after the turn; differs from before after `/clear`.
    pub session_id: Option<String>,
    /// Tool calls that were denied, as they came.
    pub permission_denials: Vec<Value>,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnOutcome {
    /// The agent finished speaking. Says nothing about whether the work is done.
    Completed,
    /// It was interrupted; the session goes on.
    Interrupted,
    /// The model's API failed after the agent's own tries. The process usually exits next.
    ApiError {
        /// HTTP status, when known.
        status: Option<u16>,
        /// What that means.
        kind: ApiErrorKind,
    },
    /// The agent's own limit of round trips.
    MaxTurns,
    /// The agent's own limit of cost.
    MaxBudget,
    /// The session to resume does not exist (any more): start anew and tell what happened so far.
    SessionLost,
    /// Another error, told in the turn's text.
    Failed,
}

/// What an API failure means for the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// Not logged in, or a key that is not accepted. Trying again does not help.
    Credentials,
    /// The service is overloaded or broken (5xx). Trying again later helps.
    Overload,
    /// Too many requests (429). Trying again later helps.
    RateLimited,
    /// The account's usage limit is reached.
    UsageLimit {
        /// When it ends, in seconds since 1970, when known.
        resets_at: Option<i64>,
    },
    /// The request itself was refused (400, 404, 413, 422). Trying again does not help.
    BadRequest,
    /// Anything else.
    Other,
}

/// How the process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Exit status, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The end of what it wrote to standard error, at most 64 KiB.
    pub stderr_tail: String,
    /// Whether it ended before the turn's end was told.
    pub mid_turn: bool,
    /// Why.
    pub reason: ExitReason,
    /// For the user: what happened and what to do.
    pub text: String,
}

/// Why the process ended, as far as that can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitReason {
    /// By itself, between turns, with status 0.
    Clean,
    /// Because [`crate::agent::AgentHandle::end`] was called.
    Ended,
    /// After a turn that ended with an error, which was told by that turn's end.
    AfterError,
    /// The command was not found or is not executable.
    MissingBinary,
    /// The working directory does not exist.
    MissingDirectory,
    /// No credentials.
    NotLoggedIn,
    /// The session to resume is unknown.
    BadSession,
    /// The session id chosen for a new session exists already.
    SessionInUse,
    /// The command refused its arguments: a version too old or too new.
    BadArguments,
    /// It ended before a turn was over.
    EarlyExit,
    /// It ended in the middle of a line.
    HalfLine {
        /// Length of the piece.
        bytes: u64,
    },
    /// The supervisor died (machine restart, out of memory), and with it what it knew.
    SupervisorLost,
}
