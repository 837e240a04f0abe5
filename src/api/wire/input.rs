//! Inputs and the queue in which they wait, as clients see them.

use crate::{
    domain::{
        InputId, QuestionId, Timestamp,
        input::{self, Delivery, Priority},
    },
    engine::InputTaken,
};
use serde::Serialize;

/// Characters of an input that a preview shows.
const PREVIEW_CHARS: usize = 100;

/// Inputs that the preview of a queue shows.
const PREVIEW_INPUTS: usize = 5;

/// An input of a user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Input {
    /// Its identifier.
    pub input_id: InputId,
    /// The same, by the name that other things have.
    pub id: InputId,
    /// The text.
    pub input: String,
    /// How many images go with it.
    pub images: usize,
    /// Which goes first.
    pub priority: Priority,
    /// Where it stands on its way to the agent.
    pub status: Delivery,
    /// Who gave it.
    pub user_id: Option<String>,
    /// When it came.
    pub created_at: Timestamp,
    /// When the agent acknowledged it.
    pub delivered_at: Option<Timestamp>,
}

impl From<input::Input> for Input {
    fn from(input: input::Input) -> Self {
        Self {
            input_id: input.id,
            id: input.id,
            input: input.text,
            images: input.images.len(),
            priority: input.priority,
            status: input.delivery,
            user_id: input.user_id,
            created_at: input.created_at,
            delivered_at: input.delivered_at,
        }
    }
}

/// What became of an input.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct InputQueued {
    /// In a sentence: queued, or which question it answered.
    pub message: String,
    /// The task.
    pub task_name: String,
    /// The input.
    pub input_id: InputId,
    /// Its first characters.
    pub input_preview: String,
    /// How many images it has.
    pub images_count: usize,
    /// Which goes first.
    pub queue_priority: Priority,
    /// Inputs that wait now.
    pub pending_inputs: u64,
    /// The question that it answered.
    pub question_id: Option<QuestionId>,
}

impl InputQueued {
    /// What the engine said about an input.
    #[must_use]
    pub fn new(task_name: String, text: &str, images_count: usize, priority: Priority, taken: InputTaken) -> Self {
        Self {
            message: taken.message,
            task_name,
            input_id: taken.id,
            input_preview: preview(text),
            images_count,
            queue_priority: priority,
            pending_inputs: taken.waiting,
            question_id: taken.answered,
        }
    }
}

/// How a task's inputs stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct QueueStatus {
    /// The task.
    pub task_name: String,
    /// All inputs that were not taken back.
    pub total_inputs: usize,
    /// Those that wait.
    pub pending_inputs: usize,
    /// Those that the agent has been given.
    pub processed_inputs: usize,
    /// Whether any waits.
    pub has_pending: bool,
    /// The first that wait, in the order in which they will be served; at most five.
    pub queue_preview: Vec<Input>,
}

impl QueueStatus {
    /// Counts a task's inputs, which are given in the order in which they are served.
    #[must_use]
    pub fn new(task_name: String, inputs: Vec<input::Input>) -> Self {
        let kept: Vec<_> = inputs.into_iter().filter(|input| input.delivery != Delivery::Removed).collect();
        let total_inputs = kept.len();
        let mut waiting: Vec<_> = kept.into_iter().filter(|input| input.delivery == Delivery::Waiting).collect();
        waiting.sort_by_key(input::service_order);
        Self {
            task_name,
            total_inputs,
            pending_inputs: waiting.len(),
            processed_inputs: total_inputs - waiting.len(),
            has_pending: !waiting.is_empty(),
            queue_preview: waiting.into_iter().take(PREVIEW_INPUTS).map(Input::from).collect(),
        }
    }
}

fn preview(text: &str) -> String {
    let mut shown: String = text.chars().take(PREVIEW_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
