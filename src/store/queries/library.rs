//! Projects, prompts, sessions, what the server keeps, and what was used.

use super::{Conditions, Page, Queries, StoreError, UsageRow};
use crate::{
    domain::{
        ProjectId, PromptId, SessionId, Timestamp, TokenCount,
        library::{Prompt, Session},
        project::Project,
    },
    store::values::{Json, integer},
};
use rusqlite::{Row, params, params_from_iter};
use serde_json::Value;
use std::path::Path;

const PROJECT: &str = "SELECT id, name, path, user_id, default_branch, project_type, config, created_at, updated_at \
     FROM projects";

const PROMPT: &str = "SELECT id, title, content, category, tags, criteria_config, user_id, usage_count, created_at, \
     updated_at, last_used_at FROM prompts";

fn project_from(row: &Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project {
        id: row.get(0)?,
        name: row.get(1)?,
        path: row.get(2)?,
        user_id: row.get(3)?,
        default_branch: row.get(4)?,
        project_type: row.get(5)?,
        config: row.get::<_, Json<_>>(6)?.0,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
    })
}

fn prompt_from(row: &Row<'_>) -> rusqlite::Result<Prompt> {
    Ok(Prompt {
        id: row.get(0)?,
        title: row.get(1)?,
        content: row.get(2)?,
        category: row.get(3)?,
        tags: row.get::<_, Json<_>>(4)?.0,
        criteria_config: row.get::<_, Option<Json<_>>>(5)?.map(|json| json.0),
        user_id: row.get(6)?,
        usage_count: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
        last_used_at: row.get(10)?,
    })
}

#[allow(clippy::missing_errors_doc, reason = "every method fails only as StoreError tells")]
impl Queries<'_> {
    /// One project.
    pub fn project(&self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        self.first(&format!("{PROJECT} WHERE id = ?1"), [id], project_from)
    }

    /// The projects of a page, newest first, and how many there are in all. `text` is looked for in names and paths.
    pub fn projects(
        &self,
        user_id: Option<&str>,
        text: Option<&str>,
        page: Page,
    ) -> Result<(Vec<Project>, u64), StoreError> {
        let mut conditions = Conditions::default();
        if let Some(user_id) = user_id {
            conditions.bind("user_id = ?", user_id.to_owned());
        }
        if let Some(text) = text {
            conditions.bind("holds(name || char(10) || path, ?)", text.to_owned());
        }
        let total = self.value(&format!("SELECT count(*) FROM projects{}", conditions.sql), conditions.params())?;
        let sql = format!("{PROJECT}{} ORDER BY no DESC LIMIT ? OFFSET ?", conditions.sql);
        let bound = conditions.and_then([i64::from(page.limit), integer(page.offset)]);
        Ok((self.all(&sql, params_from_iter(bound), project_from)?, total))
    }

    /// The project whose path is this folder or its nearest parent; of several with one path the newest.
    pub fn project_at(&self, path: &str) -> Result<Option<Project>, StoreError> {
        for folder in Path::new(path).ancestors() {
            let folder = folder.to_string_lossy();
            let found =
                self.first(&format!("{PROJECT} WHERE path = ?1 ORDER BY no DESC LIMIT 1"), [&*folder], project_from)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// One prompt.
    pub fn prompt(&self, id: PromptId) -> Result<Option<Prompt>, StoreError> {
        self.first(&format!("{PROMPT} WHERE id = ?1"), [id], prompt_from)
    }

    /// The prompts of a page, newest first, and how many there are in all. `search` is looked for in titles, texts and
    /// tags.
    pub fn prompts(
        &self,
        category: Option<&str>,
        search: Option<&str>,
        page: Page,
    ) -> Result<(Vec<Prompt>, u64), StoreError> {
        let mut conditions = Conditions::default();
        if let Some(category) = category {
            conditions.bind("category = ?", category.to_owned());
        }
        if let Some(search) = search {
            conditions.bind(
                "(SELECT holds(title, part) OR holds(content, part) OR EXISTS (SELECT 1 FROM json_each(tags) AS tag \
                 WHERE holds(tag.value, part)) FROM (SELECT ? AS part))",
                search.to_owned(),
            );
        }
        let total = self.value(&format!("SELECT count(*) FROM prompts{}", conditions.sql), conditions.params())?;
        let sql = format!("{PROMPT}{} ORDER BY no DESC LIMIT ? OFFSET ?", conditions.sql);
        let bound = conditions.and_then([i64::from(page.limit), integer(page.offset)]);
        Ok((self.all(&sql, params_from_iter(bound), prompt_from)?, total))
    }

    /// One session.
    pub fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.first("SELECT id, project_path, created_at, updated_at FROM sessions WHERE id = ?1", [id], |row| {
            Ok(Session { id: row.get(0)?, project_path: row.get(1)?, created_at: row.get(2)?, updated_at: row.get(3)? })
        })
    }

    /// What was answered to a request with this idempotency key: the hash of the request, the status, the body.
    pub fn idempotent(&self, key: &str, since: Timestamp) -> Result<Option<(String, u16, Vec<u8>)>, StoreError> {
        self.first(
            "SELECT request, status, body FROM idempotency WHERE key = ?1 AND at >= ?2",
            params![key, since],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
    }

    /// A setting that the server keeps: plugin grants, the token's hash.
    pub fn kept(&self, key: &str) -> Result<Option<Value>, StoreError> {
        self.first("SELECT value FROM kept WHERE key = ?1", [key], |row| Ok(row.get::<_, Json<_>>(0)?.0))
    }

    /// Tokens and cost by day, project and model since a moment.
    pub fn usage(&self, since: Timestamp) -> Result<Vec<UsageRow>, StoreError> {
        self.all(
            "SELECT date(at / 1000, 'unixepoch') AS day, project, model, count(*), sum(tokens_input), \
             sum(tokens_output), sum(tokens_cache_creation), sum(tokens_cache_read), sum(cost_usd) \
             FROM usage WHERE at >= ?1 GROUP BY day, project, model ORDER BY day, project, model",
            [since],
            |row| {
                Ok(UsageRow {
                    day: row.get(0)?,
                    project: row.get(1)?,
                    model: row.get(2)?,
                    turns: row.get(3)?,
                    tokens: TokenCount {
                        input: row.get(4)?,
                        output: row.get(5)?,
                        cache_creation: row.get(6)?,
                        cache_read: row.get(7)?,
                    },
                    cost_usd: row.get(8)?,
                })
            },
        )
    }
}
