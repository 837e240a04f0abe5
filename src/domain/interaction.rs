//! The conversation: the seed's interactions, one entry a message, with tokens and cost.

use super::{
    budget::TokenCount,
    event::Seq,
    ids::{InteractionId, TaskId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Who said it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InteractionType {
    /// The user: the description, and every input.
    UserRequest,
    /// The agent's text.
    ClaudeResponse,
    /// A responder plugin, in the user's place.
    SimulatedHuman,
    /// A tool call with its result.
    ToolResult,
    /// Taskwright itself.
    SystemMessage,
}

impl InteractionType {
    /// Every type.
    pub const ALL: [Self; 5] =
        [Self::UserRequest, Self::ClaudeResponse, Self::SimulatedHuman, Self::ToolResult, Self::SystemMessage];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserRequest => "user_request",
            Self::ClaudeResponse => "claude_response",
            Self::SimulatedHuman => "simulated_human",
            Self::ToolResult => "tool_result",
            Self::SystemMessage => "system_message",
        }
    }
}

impl fmt::Display for InteractionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no interaction type.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not an interaction type")]
pub struct UnknownInteractionType(pub String);

impl FromStr for InteractionType {
    type Err = UnknownInteractionType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownInteractionType(text.to_owned()))
    }
}

/// A tool call with its result, beside the text of an entry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ToolCall {
    /// The agent's id of the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// What the agent gave it.
    pub input: serde_json::Value,
    /// Whether the result is an error; absent while there is none.
    pub is_error: Option<bool>,
}

/// One entry of a task's conversation.
#[derive(Clone, PartialEq, Debug)]
pub struct Interaction {
    /// Its identifier; for a user's input the input's own.
    pub id: InteractionId,
    /// Whose conversation.
    pub task_id: TaskId,
    /// Its place: the sequence number of the event that brought it.
    pub seq: Seq,
    /// The turn in which it was said, counted from 1.
    pub turn: u32,
    /// Who said it.
    pub interaction_type: InteractionType,
    /// The text.
    pub content: String,
    /// Images that came with it.
    pub images: Vec<super::input::Image>,
    /// The tool call, for a tool's result.
    pub tool: Option<ToolCall>,
    /// The turn's tokens, on the entry that ends the turn.
    pub tokens: Option<TokenCount>,
    /// The turn's duration in milliseconds, likewise.
    pub duration_ms: Option<u64>,
    /// The turn's cost in United States dollars, likewise.
    pub cost_usd: Option<f64>,
    /// When it was said.
    pub created_at: Timestamp,
}
