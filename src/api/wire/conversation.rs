//! The conversation and its test cases as clients see them.

use crate::domain::{
    InteractionId, Seq, Status, TaskId, TestCaseId, Timestamp,
    input::Image,
    interaction::{self, InteractionType, ToolCall},
    test_case::{self, TestStatus, TestType},
};
use serde::Serialize;

/// One entry of a task's conversation.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Interaction {
    /// Its identifier; for a user's input the input's own.
    pub id: InteractionId,
    /// The event that brought it.
    pub seq: Seq,
    /// The turn in which it was said, from 1.
    pub turn: u32,
    /// Who said it.
    pub interaction_type: InteractionType,
    /// The text.
    pub content: String,
    /// Images that came with it.
    pub images: Vec<Image>,
    /// The tool call, on a tool's result.
    pub tool: Option<ToolCall>,
    /// The turn's tokens of input, on the entry that ends the turn.
    pub input_tokens: Option<u64>,
    /// The turn's tokens of output.
    pub output_tokens: Option<u64>,
    /// The turn's tokens written into the cache.
    pub cache_creation_tokens: Option<u64>,
    /// The turn's tokens read from the cache.
    pub cache_read_tokens: Option<u64>,
    /// How long the turn took.
    pub duration_ms: Option<u64>,
    /// What the turn cost, in dollars.
    pub cost_usd: Option<f64>,
    /// When it was said.
    pub created_at: Timestamp,
}

impl From<interaction::Interaction> for Interaction {
    fn from(entry: interaction::Interaction) -> Self {
        Self {
            id: entry.id,
            seq: entry.seq,
            turn: entry.turn,
            interaction_type: entry.interaction_type,
            content: entry.content,
            images: entry.images,
            tool: entry.tool,
            input_tokens: entry.tokens.map(|tokens| tokens.input),
            output_tokens: entry.tokens.map(|tokens| tokens.output),
            cache_creation_tokens: entry.tokens.map(|tokens| tokens.cache_creation),
            cache_read_tokens: entry.tokens.map(|tokens| tokens.cache_read),
            duration_ms: entry.duration_ms,
            cost_usd: entry.cost_usd,
            created_at: entry.created_at,
        }
    }
}

/// A test of one round.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct TestCase {
    /// Its identifier.
    pub id: TestCaseId,
    /// Its name.
    pub name: String,
    /// Its file or suite.
    pub description: Option<String>,
    /// Its source, where the runner tells it.
    pub test_code: Option<String>,
    /// Where it comes from.
    pub test_type: TestType,
    /// How it ended.
    pub status: TestStatus,
    /// What it printed.
    pub output: Option<String>,
    /// The round, from 1.
    pub round: u32,
    /// The test runner that read it.
    pub runner: String,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// When.
    pub created_at: Timestamp,
}

impl From<test_case::TestCase> for TestCase {
    fn from(case: test_case::TestCase) -> Self {
        Self {
            id: case.id,
            name: case.name,
            description: case.description,
            test_code: case.test_code,
            test_type: case.test_type,
            status: case.status,
            output: case.output,
            round: case.round,
            runner: case.runner,
            duration_ms: case.duration_ms,
            created_at: case.created_at,
        }
    }
}

/// A conversation.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Conversation {
    /// The task.
    pub task_id: TaskId,
    /// Its name.
    pub task_name: String,
    /// Its status.
    pub status: Status,
    /// The entries, oldest first.
    pub conversation: Vec<ConversationEntry>,
}

/// An entry, or several tool calls that stand for one.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum ConversationEntry {
    /// An entry.
    Message(Message),
    /// Tool calls that follow each other.
    ToolGroup(ToolGroup),
}

/// An entry of a conversation.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Message {
    /// The same as `interaction_type`.
    pub r#type: InteractionType,
    /// The same as `created_at`.
    pub timestamp: Timestamp,
    /// The entry.
    #[serde(flatten)]
    pub entry: Interaction,
}

impl From<interaction::Interaction> for Message {
    fn from(entry: interaction::Interaction) -> Self {
        Self { r#type: entry.interaction_type, timestamp: entry.created_at, entry: entry.into() }
    }
}

/// Tool calls that follow each other.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct ToolGroup {
    /// The first call's entry.
    pub id: InteractionId,
    /// The first call's event.
    pub seq: Seq,
    /// Always `tool_group`.
    pub r#type: &'static str,
    /// Always `tool_result`.
    pub interaction_type: InteractionType,
    /// The same as `summary`.
    pub content: String,
    /// How many calls.
    pub tool_count: usize,
    /// Which tools, in a sentence.
    pub summary: String,
    /// The calls.
    pub tools: Vec<Message>,
    /// When the first was made.
    pub timestamp: Timestamp,
    /// The same.
    pub created_at: Timestamp,
}

/// Puts tool calls that follow each other into one entry each.
#[must_use]
pub fn collapse(entries: Vec<interaction::Interaction>) -> Vec<ConversationEntry> {
    let mut collapsed: Vec<ConversationEntry> = Vec::with_capacity(entries.len());
    for entry in entries {
        if entry.interaction_type != InteractionType::ToolResult {
            collapsed.push(ConversationEntry::Message(entry.into()));
        } else if let Some(ConversationEntry::ToolGroup(group)) = collapsed.last_mut() {
            group.tools.push(entry.into());
        } else {
            collapsed.push(ConversationEntry::ToolGroup(ToolGroup {
                id: entry.id,
                seq: entry.seq,
                r#type: "tool_group",
                interaction_type: InteractionType::ToolResult,
                content: String::new(),
                tool_count: 0,
                summary: String::new(),
                timestamp: entry.created_at,
                created_at: entry.created_at,
                tools: vec![entry.into()],
            }));
        }
    }
    for entry in &mut collapsed {
        if let ConversationEntry::ToolGroup(group) = entry {
            group.tool_count = group.tools.len();
            group.summary = summary(&group.tools);
            group.content.clone_from(&group.summary);
        }
    }
    collapsed
}

/// `3 tool calls: Read × 2, Bash`.
fn summary(tools: &[Message]) -> String {
    let mut counts: Vec<(&str, usize)> = vec![];
    for tool in tools {
        let name = tool.entry.tool.as_ref().map_or("tool", |tool| tool.name.as_str());
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    let names: Vec<_> = counts
        .iter()
        .map(|(name, count)| if *count == 1 { (*name).to_owned() } else { format!("{name} × {count}") })
        .collect();
    let calls = if tools.len() == 1 { "1 tool call".to_owned() } else { format!("{} tool calls", tools.len()) };
    format!("{calls}: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: InteractionType, tool: Option<&str>) -> interaction::Interaction {
        interaction::Interaction {
            id: InteractionId::new(),
            task_id: TaskId::new(),
            seq: Seq(1),
            turn: 1,
            interaction_type: kind,
            content: String::new(),
            images: vec![],
            tool: tool.map(|name| ToolCall {
                id: "1".into(),
                name: name.into(),
                input: serde_json::Value::Null,
                is_error: None,
            }),
            tokens: None,
            duration_ms: None,
            cost_usd: None,
            created_at: Timestamp::from_seconds(1),
        }
    }

    #[test]
    fn tool_calls_that_follow_each_other_become_one_entry() {
        use InteractionType::{ClaudeResponse, ToolResult, UserRequest};
        let collapsed = collapse(vec![
            entry(UserRequest, None),
            entry(ToolResult, Some("Read")),
            entry(ToolResult, Some("Bash")),
            entry(ToolResult, Some("Read")),
            entry(ClaudeResponse, None),
            entry(ToolResult, Some("Edit")),
        ]);
        let summaries: Vec<_> = collapsed
            .iter()
            .map(|entry| match entry {
                ConversationEntry::Message(message) => message.r#type.to_string(),
                ConversationEntry::ToolGroup(group) => group.summary.clone(),
            })
            .collect();
        assert_eq!(summaries, ["user_request", "3 tool calls: Read × 2, Bash", "claude_response", "1 tool call: Edit"]);
    }
}
