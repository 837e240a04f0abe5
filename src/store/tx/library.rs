//! Writing of projects, prompts, sessions and what the server and plugins keep.

use super::{Json, StoreError, Tx, integer, json};
use crate::domain::{
    ProjectId, PromptId, TaskId, Timestamp,
    library::{Prompt, Session},
    project::Project,
};
use rusqlite::params;
use serde_json::Value;

#[allow(clippy::missing_errors_doc, reason = "every method fails only as StoreError tells")]
impl Tx<'_> {
    /// Adds a project.
    pub fn insert_project(&mut self, project: &Project) -> Result<(), StoreError> {
        let Project { id, name, path, user_id, default_branch, project_type, config, created_at, updated_at } = project;
        self.insert(
            "project",
            "INSERT INTO projects (id, name, path, user_id, default_branch, project_type, config, created_at, \
             updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![id, name, path, user_id, default_branch, project_type, Json(config), created_at, updated_at],
        )
    }

    /// Writes a project's row; `updated_at` becomes [`Tx::now`].
    pub fn update_project(&mut self, project: &Project) -> Result<(), StoreError> {
        self.change(
            "project",
            "UPDATE projects SET name = ?2, path = ?3, user_id = ?4, default_branch = ?5, project_type = ?6, \
             config = ?7, updated_at = ?8 WHERE id = ?1",
            params![
                project.id,
                project.name,
                project.path,
                project.user_id,
                project.default_branch,
                project.project_type,
                Json(&project.config),
                self.now,
            ],
        )
    }

    /// Whether there was one.
    pub fn delete_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        Ok(self.run("DELETE FROM projects WHERE id = ?1", [id])? > 0)
    }

    /// Adds a prompt.
    pub fn insert_prompt(&mut self, prompt: &Prompt) -> Result<(), StoreError> {
        let Prompt {
            id,
            title,
            content,
            category,
            tags,
            criteria_config,
            user_id,
            usage_count,
            created_at,
            updated_at,
            last_used_at,
        } = prompt;
        self.insert(
            "prompt",
            "INSERT INTO prompts (id, title, content, category, tags, criteria_config, user_id, usage_count, \
             created_at, updated_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                id,
                title,
                content,
                category,
                Json(tags),
                json(criteria_config.as_ref()),
                user_id,
                integer(*usage_count),
                created_at,
                updated_at,
                last_used_at,
            ],
        )
    }

    /// Writes a prompt's row as it is given, `updated_at` too: a prompt that is used has not changed.
    pub fn update_prompt(&mut self, prompt: &Prompt) -> Result<(), StoreError> {
        self.change(
            "prompt",
            "UPDATE prompts SET title = ?2, content = ?3, category = ?4, tags = ?5, criteria_config = ?6, \
             user_id = ?7, usage_count = ?8, updated_at = ?9, last_used_at = ?10 WHERE id = ?1",
            params![
                prompt.id,
                prompt.title,
                prompt.content,
                prompt.category,
                Json(&prompt.tags),
                json(prompt.criteria_config.as_ref()),
                prompt.user_id,
                integer(prompt.usage_count),
                prompt.updated_at,
                prompt.last_used_at,
            ],
        )
    }

    /// Whether there was one.
    pub fn delete_prompt(&mut self, id: PromptId) -> Result<bool, StoreError> {
        Ok(self.run("DELETE FROM prompts WHERE id = ?1", [id])? > 0)
    }

    /// Adds a session.
    pub fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let Session { id, project_path, created_at, updated_at } = session;
        self.insert(
            "session",
            "INSERT INTO sessions (id, project_path, created_at, updated_at) VALUES (?1, ?2, ?3, ?4)",
            params![id, project_path, created_at, updated_at],
        )
    }

    /// Keeps what was answered to a request; drops those older than `before`.
    pub fn keep_idempotent(
        &mut self,
        key: &str,
        request: &str,
        status: u16,
        body: &[u8],
        before: Timestamp,
    ) -> Result<(), StoreError> {
        self.run("DELETE FROM idempotency WHERE at < ?1", [before])?;
        self.run(
            "INSERT OR REPLACE INTO idempotency (key, request, status, body, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![key, request, status, body, self.now],
        )
        .map(drop)
    }

    /// Keeps a setting, in place of what was kept under its key.
    pub fn keep(&mut self, key: &str, value: &Value) -> Result<(), StoreError> {
        self.run("INSERT OR REPLACE INTO kept (key, value) VALUES (?1, ?2)", params![key, Json(value)]).map(drop)
    }

    /// Keeps a plugin's value for a task; none removes it.
    pub fn set_plugin_state(
        &mut self,
        plugin: &str,
        id: TaskId,
        key: &str,
        value: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        match value {
            Some(value) => self.run(
                "INSERT OR REPLACE INTO plugin_state (plugin, task_id, key, value) VALUES (?1, ?2, ?3, ?4)",
                params![plugin, id, key, value],
            ),
            None => self.run(
                "DELETE FROM plugin_state WHERE plugin = ?1 AND task_id = ?2 AND key = ?3",
                params![plugin, id, key],
            ),
        }
        .map(drop)
    }
}
