//! Questions: whatever waited, or waits, for an answer in the agent's turn or after it.
//!
//! A question is a record with its choices and who answered; an empty answer does not exist.

use super::{
    ids::{QuestionId, TaskId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What kind of answer is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuestionKind {
    /// One or several of the choices, or free text.
    Choice,
    /// Whether a tool may be used.
    Permission,
    /// Text: a plugin, or the lack of one, calls the user.
    Escalation,
}

/// Where a question stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuestionState {
    /// Nobody has answered.
    Open,
    /// Somebody has.
    Answered,
    /// The agent no longer wants to know.
    Withdrawn,
}

/// One choice.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Choice {
    /// What is answered.
    pub label: String,
    /// What it means.
    #[serde(default)]
    pub description: String,
}

/// The tool that a permission is asked for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ToolRequest {
    /// The tool's name.
    pub name: String,
    /// What it would be given.
    pub input: Value,
    /// The folder in which it would run.
    pub cwd: String,
}

/// What a plugin would answer, if it were allowed to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Suggestion {
    /// The answer.
    pub answer: String,
    /// Why a person is asked.
    pub reason: String,
    /// Which plugin says so.
    pub plugin: String,
}

/// Who answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnswererKind {
    /// A responder.
    Plugin,
    /// A person.
    User,
    /// Nobody in time.
    Timeout,
}

/// Who answered, by kind, name and version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AnsweredBy {
    /// A plugin, a person, or nobody.
    pub kind: AnswererKind,
    /// The plugin's or the user's name.
    pub name: String,
    /// The plugin's version.
    pub version: Option<String>,
}

/// Whether a tool may be used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Behavior {
    /// It may.
    Allow,
    /// It may not.
    Deny,
}

/// For how long a permission holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Remember {
    /// This once.
    #[default]
    No,
    /// For the rest of the task.
    Task,
    /// For every task of the project.
    Project,
}

/// A permission that a user chose to remember: the same tool and, for commands, the same prefix.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RememberedRule {
    /// The tool.
    pub tool: String,
    /// For commands: the words with which a command must begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// What is answered.
    pub behavior: Behavior,
}

/// An answer. Which variant fits is the question's kind.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Answer {
    /// To a permission.
    Permission {
        /// Allow or deny.
        behavior: Behavior,
        /// What the agent is told with a denial.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// What the tool is given instead of what the agent asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        updated_input: Option<Value>,
    },
    /// To a choice: labels by question, in the order of the agent's questions.
    Answers {
        /// The labels.
        answers: Vec<String>,
    },
    /// Free text, to a choice or an escalation.
    Text {
        /// The text.
        text: String,
    },
}

/// A question.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    /// Its identifier.
    pub id: QuestionId,
    /// Whose question.
    pub task_id: TaskId,
    /// The task's name.
    pub task_name: String,
    /// What kind of answer is wanted.
    pub kind: QuestionKind,
    /// Where it stands.
    pub state: QuestionState,
    /// What is asked.
    pub text: String,
    /// The choices.
    pub choices: Vec<Choice>,
    /// Whether several choices may be taken.
    pub multiple: bool,
    /// The tool, for a permission.
    pub tool: Option<ToolRequest>,
    /// What a plugin would answer.
    pub suggestion: Option<Suggestion>,
    /// The agent's id of its request, by which it is answered on its wire; none for an escalation after a turn.
    pub request_id: Option<String>,
    /// What the agent asked, as it asked it: needed to answer a structured question.
    pub request: Option<Value>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// The answer.
    pub answer: Option<Answer>,
    /// Who answered.
    pub answered_by: Option<AnsweredBy>,
    /// The rule that the answer made.
    pub remembered: Option<RememberedRule>,
}
