//! Events as clients read them.

use crate::domain::{EventBody, Seq, TaskId, Timestamp};
use serde::Serialize;

/// An event of the log. The store serialises events itself, once for all subscribers; this type is their description.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Event {
    /// Its place in the log; strictly growing over all tasks.
    pub seq: Seq,
    /// The task's name; empty for events of the server.
    pub task: String,
    /// The task; null for events of the server.
    pub task_id: Option<TaskId>,
    /// When.
    pub at: Timestamp,
    /// What: `kind` and `payload`.
    #[serde(flatten)]
    pub body: EventBody,
}
