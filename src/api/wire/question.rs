//! Questions as clients see them.

use crate::domain::{
    QuestionId, TaskId, Timestamp,
    question::{
        self, Answer, AnsweredBy, Choice, QuestionKind, QuestionState, RememberedRule, Suggestion, ToolRequest,
    },
};
use serde::Serialize;

/// Something that waits, or waited, for an answer.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
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
    pub status: QuestionState,
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

impl From<question::Question> for Question {
    fn from(question: question::Question) -> Self {
        Self {
            id: question.id,
            task_id: question.task_id,
            task_name: question.task_name,
            kind: question.kind,
            status: question.state,
            text: question.text,
            choices: question.choices,
            multiple: question.multiple,
            tool: question.tool,
            suggestion: question.suggestion,
            asked_at: question.asked_at,
            answered_at: question.answered_at,
            answer: question.answer,
            answered_by: question.answered_by,
            remembered: question.remembered,
        }
    }
}
