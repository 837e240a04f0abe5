//! What a user keeps beside tasks and projects: prompt templates, and sessions that group tasks.

use super::{
    ids::{PromptId, SessionId},
    time::Timestamp,
};
use serde_json::Value;

/// A template in the prompt library.
#[derive(Clone, PartialEq, Debug)]
pub struct Prompt {
    /// Its identifier.
    pub id: PromptId,
    /// Its title.
    pub title: String,
    /// The text.
    pub content: String,
    /// A category.
    pub category: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// End criteria that go with it, in the client's form.
    pub criteria_config: Option<Value>,
    /// Whose it is.
    pub user_id: Option<String>,
    /// How often it was used.
    pub usage_count: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A session: the container in which a client groups the tasks of one project.
#[derive(Clone, PartialEq, Debug)]
pub struct Session {
    /// Its identifier.
    pub id: SessionId,
    /// The folder that it is about.
    pub project_path: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
