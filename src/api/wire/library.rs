//! Projects, prompts, sessions, folders, branches and usage as clients see them.

use crate::{
    domain::{
        ProjectId, PromptId, SessionId, Timestamp, TokenCount, library,
        project::{self, ProjectConfig},
    },
    store::UsageRow,
};
use serde::Serialize;
use serde_json::Value;

/// A repository with its settings.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Project {
    /// Its identifier.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// The repository, or a folder inside one.
    pub path: String,
    /// Whose it is.
    pub user_id: Option<String>,
    /// The branch that its tasks start from and merge into.
    pub default_branch: String,
    /// A word for the kind of project.
    pub project_type: Option<String>,
    /// Its settings; keys that are not known here are kept as they came.
    pub config: ProjectConfig,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl From<project::Project> for Project {
    fn from(project: project::Project) -> Self {
        let project::Project { id, name, path, user_id, default_branch, project_type, config, created_at, updated_at } =
            project;
        Self { id, name, path, user_id, default_branch, project_type, config, created_at, updated_at }
    }
}

/// What became of one project of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct ProjectDeleted {
    /// The project.
    pub project_id: String,
    /// Whether it was deleted.
    pub success: bool,
    /// What was done.
    pub message: Option<String>,
    /// Why it was not.
    pub error: Option<String>,
}

/// What deleting several projects did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct ProjectsDeleted {
    /// How many were named.
    pub total: usize,
    /// How many were deleted.
    pub successful: usize,
    /// How many were not.
    pub failed: usize,
    /// Each.
    pub results: Vec<ProjectDeleted>,
}

impl From<Vec<ProjectDeleted>> for ProjectsDeleted {
    fn from(results: Vec<ProjectDeleted>) -> Self {
        let successful = results.iter().filter(|item| item.success).count();
        Self { total: results.len(), successful, failed: results.len() - successful, results }
    }
}

/// A template of the prompt library.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
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

impl From<library::Prompt> for Prompt {
    fn from(prompt: library::Prompt) -> Self {
        Self {
            id: prompt.id,
            title: prompt.title,
            content: prompt.content,
            category: prompt.category,
            tags: prompt.tags,
            criteria_config: prompt.criteria_config,
            user_id: prompt.user_id,
            usage_count: prompt.usage_count,
            created_at: prompt.created_at,
            updated_at: prompt.updated_at,
            last_used_at: prompt.last_used_at,
        }
    }
}

/// A session: in which a client groups tasks.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
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

impl From<library::Session> for Session {
    fn from(session: library::Session) -> Self {
        let library::Session { id, project_path, created_at, updated_at } = session;
        Self { id, project_path, created_at, updated_at }
    }
}

/// A repository's branches.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Branches {
    /// The branch that is checked out; null when none is.
    pub current_branch: Option<String>,
    /// The branches, by name.
    pub branches: Vec<String>,
}

/// A folder inside another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Directory {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Whether it can be read and lies inside the roots.
    pub accessible: bool,
    /// Whether its name begins with a dot.
    pub hidden: bool,
    /// Whether it is a git repository.
    pub git: bool,
}

/// The folders inside a folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Directories {
    /// The folder, after links.
    pub current_path: String,
    /// The folder that holds it; null where that is outside the roots.
    pub parent_path: Option<String>,
    /// The folders in it, by name.
    pub directories: Vec<Directory>,
    /// Whether there are more than are listed.
    pub truncated: bool,
}

/// Tokens and cost of one day, project and model.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Usage {
    /// The day in UTC, `2026-01-31`.
    pub day: String,
    /// The task's root folder.
    pub project: Option<String>,
    /// The task's model, as asked for.
    pub model: Option<String>,
    /// Turns.
    pub turns: u64,
    /// Tokens by kind.
    pub tokens: TokenCount,
    /// United States dollars.
    pub cost_usd: f64,
}

impl From<UsageRow> for Usage {
    fn from(row: UsageRow) -> Self {
        let UsageRow { day, project, model, turns, tokens, cost_usd } = row;
        Self { day, project, model, turns, tokens, cost_usd }
    }
}
