//! The inbox: what users said and the agent has not been told yet.

use super::{
    ids::{InputId, TaskId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Which waiting input goes first.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Before every normal input.
    Urgent,
    /// In the order of arrival.
    #[default]
    Normal,
}

/// An image of a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The content, by base64.
    pub base64: String,
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub media_type: String,
}

/// Where an input stands on its way to the agent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// In the inbox; may be edited and removed.
    Waiting,
    /// Written to the agent, which has not acknowledged it: sent again after a crash.
    Sent,
    /// Acknowledged by the agent: never sent again.
    Delivered,
    /// Taken back by its user.
    Removed,
}

/// One input.
#[derive(Clone, PartialEq, Debug)]
pub struct Input {
    /// Its identifier, which the agent echoes when it has taken it.
    pub id: InputId,
    /// Whose inbox.
    pub task_id: TaskId,
    /// The text.
    pub text: String,
    /// Images that go with it.
    pub images: Vec<Image>,
    /// Which goes first.
    pub priority: Priority,
    /// Who gave it, where users have names.
    pub user_id: Option<String>,
    /// Where it stands.
    pub delivery: Delivery,
    /// When it came.
    pub created_at: Timestamp,
    /// When the agent acknowledged it.
    pub delivered_at: Option<Timestamp>,
}

/// The order in which waiting inputs are served: urgent first, then oldest first.
#[must_use]
pub fn service_order(input: &Input) -> (Priority, Timestamp, InputId) {
    (input.priority, input.created_at, input.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgent_inputs_go_first_then_the_oldest() {
        let input = |priority, at| Input {
            id: InputId::new(),
            task_id: TaskId::new(),
            text: String::new(),
            images: vec![],
            priority,
            user_id: None,
            delivery: Delivery::Waiting,
            created_at: Timestamp::from_seconds(at),
            delivered_at: None,
        };
        let mut inbox = [
            input(Priority::Normal, 1),
            input(Priority::Urgent, 3),
            input(Priority::Normal, 2),
            input(Priority::Urgent, 2),
        ];
        inbox.sort_by_key(service_order);
        let order: Vec<_> = inbox.iter().map(|input| (input.priority, input.created_at.as_millis() / 1000)).collect();
        assert_eq!(order, [(Priority::Urgent, 2), (Priority::Urgent, 3), (Priority::Normal, 1), (Priority::Normal, 2)]);
    }
}
