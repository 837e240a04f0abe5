//! Tasks: rows, lists, the queue, workplaces.

use super::{Conditions, Page, Queries, StoreError, TaskFilter, TaskSort};
use crate::{
    domain::{
        Spent, Status, Task, TaskId, TokenCount,
        task::{TaskSpec, Workplace},
    },
    store::values::{Json, Word, integer},
};
use rusqlite::{Row, params, params_from_iter};

/// The columns that [`task_from`] reads, in its order.
const TASK: &str = "SELECT t.id, s.spec, t.status, t.summary, t.error_message, t.iterations, t.tokens_input, \
     t.tokens_output, t.tokens_cache_creation, t.tokens_cache_read, t.cost_usd, t.running_seconds, \
     t.interaction_count, t.waiting_for_input, t.paused_until, t.queued_at, t.next_run, t.agent_session, t.agent_run, \
     t.spool_offset, t.branch, t.base, t.base_commit, t.worktree_path, t.created_at, t.updated_at, t.started_at, \
     t.completed_at FROM tasks t JOIN task_specs s ON s.task_id = t.id";

fn task_from(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        id: row.get(0)?,
        spec: row.get::<_, Json<TaskSpec>>(1)?.0,
        status: row.get(2)?,
        summary: row.get(3)?,
        error_message: row.get(4)?,
        spent: Spent {
            iterations: row.get(5)?,
            tokens: TokenCount {
                input: row.get(6)?,
                output: row.get(7)?,
                cache_creation: row.get(8)?,
                cache_read: row.get(9)?,
            },
            cost_usd: row.get(10)?,
            running_seconds: row.get(11)?,
        },
        interaction_count: row.get(12)?,
        waiting_for_input: row.get(13)?,
        paused_until: row.get(14)?,
        queued_at: row.get(15)?,
        next_run: row.get::<_, Word<_>>(16)?.0,
        agent_session: row.get(17)?,
        agent_run: row.get(18)?,
        spool_offset: row.get(19)?,
        branch: row.get(20)?,
        base: row.get(21)?,
        base_commit: row.get(22)?,
        worktree_path: row.get(23)?,
        created_at: row.get(24)?,
        updated_at: row.get(25)?,
        started_at: row.get(26)?,
        completed_at: row.get(27)?,
    })
}

fn conditions(filter: &TaskFilter) -> Conditions {
    let TaskFilter { statuses, user_id, root_folder, project, name_contains, text, label, session_id } = filter;
    let mut conditions = Conditions::default();
    if !statuses.is_empty() {
        conditions.one_of("t.status", statuses);
    }
    if let Some(user_id) = user_id {
        conditions.bind("t.user_id = ?", user_id.clone());
    }
    if let Some(root_folder) = root_folder {
        conditions.bind("t.root_folder = ?", root_folder.clone());
    }
    if let Some(project) = project {
        conditions.bind("t.id IN (SELECT task_id FROM task_folders WHERE folder = ?)", project.clone());
    }
    if let Some(label) = label {
        conditions.bind("t.id IN (SELECT task_id FROM task_labels WHERE label = ?)", label.clone());
    }
    if let Some(session_id) = session_id {
        conditions.bind("t.session_id = ?", *session_id);
    }
    if let Some(part) = name_contains {
        conditions.bind("holds(t.name, ?)", part.clone());
    }
    if let Some(part) = text {
        conditions.bind(
            "(SELECT holds(t.name, part) OR holds(t.summary, part) OR EXISTS (SELECT 1 FROM task_specs d \
             WHERE d.task_id = t.id AND holds(d.spec ->> '$.description', part)) FROM (SELECT ? AS part))",
            part.clone(),
        );
    }
    conditions
}

/// The order of a list. Rows that are equal in it stand as they were made.
const fn order(sort: TaskSort, descending: bool) -> &'static str {
    match (sort, descending) {
        (TaskSort::CreatedAt, false) => "t.created_at, t.no",
        (TaskSort::CreatedAt, true) => "t.created_at DESC, t.no DESC",
        (TaskSort::UpdatedAt, false) => "t.updated_at, t.no",
        (TaskSort::UpdatedAt, true) => "t.updated_at DESC, t.no DESC",
        (TaskSort::CompletedAt, false) => "t.completed_at IS NULL, t.completed_at, t.no",
        (TaskSort::CompletedAt, true) => "t.completed_at IS NULL, t.completed_at DESC, t.no DESC",
        (TaskSort::Name, false) => "t.name COLLATE NOCASE, t.name",
        (TaskSort::Name, true) => "t.name COLLATE NOCASE DESC, t.name DESC",
        (TaskSort::Status, false) => "t.status_order, t.no",
        (TaskSort::Status, true) => "t.status_order DESC, t.no DESC",
        (TaskSort::Tokens, false) => "t.tokens_input + t.tokens_output + t.tokens_cache_creation, t.no",
        (TaskSort::Tokens, true) => "t.tokens_input + t.tokens_output + t.tokens_cache_creation DESC, t.no DESC",
        (TaskSort::Cost, false) => "t.cost_usd, t.no",
        (TaskSort::Cost, true) => "t.cost_usd DESC, t.no DESC",
    }
}

#[allow(clippy::missing_errors_doc, reason = "every method fails only as StoreError tells")]
impl Queries<'_> {
    /// A task by its identifier.
    pub fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.first(&format!("{TASK} WHERE t.id = ?1"), [id], task_from)
    }

    /// A task by exactly this name.
    pub fn task_by_name(&self, name: &str) -> Result<Option<Task>, StoreError> {
        self.first(&format!("{TASK} WHERE t.name = ?1"), [name], task_from)
    }

    /// The tasks of a page, and how many there are in all.
    pub fn tasks(
        &self,
        filter: &TaskFilter,
        sort: TaskSort,
        descending: bool,
        page: Page,
    ) -> Result<(Vec<Task>, u64), StoreError> {
        let conditions = conditions(filter);
        let total = self.value(&format!("SELECT count(*) FROM tasks t{}", conditions.sql), conditions.params())?;
        // The page is chosen by narrow columns; specifications are read for its rows alone.
        let order = order(sort, descending);
        let sql = format!(
            "{TASK} WHERE t.no IN (SELECT t.no FROM tasks t{} ORDER BY {order} LIMIT ? OFFSET ?) ORDER BY {order}",
            conditions.sql
        );
        let bound = conditions.and_then([i64::from(page.limit), integer(page.offset)]);
        Ok((self.all(&sql, params_from_iter(bound), task_from)?, total))
    }

    /// All tasks in these statuses, oldest first.
    pub fn tasks_in(&self, statuses: &[Status]) -> Result<Vec<Task>, StoreError> {
        let mut conditions = Conditions::default();
        conditions.one_of("t.status", statuses);
        self.all(&format!("{TASK}{} ORDER BY t.created_at, t.no", conditions.sql), conditions.params(), task_from)
    }

    /// PENDING tasks that were started, in the order of the queue.
    pub fn queue(&self) -> Result<Vec<Task>, StoreError> {
        self.all(
            &format!("{TASK} WHERE t.queued_at IS NOT NULL AND t.status = 'PENDING' ORDER BY t.queued_at, t.no"),
            [],
            task_from,
        )
    }

    /// Where a waiting task stands in the queue, from 1.
    pub fn queue_position(&self, id: TaskId) -> Result<Option<u64>, StoreError> {
        let position: u64 = self.value(
            "SELECT count(*) FROM tasks q, tasks t WHERE t.id = ?1 AND t.queued_at IS NOT NULL AND t.status = 'PENDING' \
             AND q.queued_at IS NOT NULL AND q.status = 'PENDING' AND (q.queued_at, q.no) <= (t.queued_at, t.no)",
            [id],
        )?;
        Ok((position > 0).then_some(position))
    }

    /// How many tasks are in each status, in the order of a task's life.
    pub fn status_counts(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        let counted = self.all("SELECT status, count(*) FROM tasks GROUP BY status", [], |row| {
            Ok((row.get::<_, Status>(0)?, row.get::<_, u64>(1)?))
        })?;
        let count = |status| counted.iter().find(|(of, _)| *of == status).map_or(0, |(_, count)| *count);
        Ok(Status::ALL.into_iter().map(|status| (status, count(status))).collect())
    }

    /// Where a task works and reads, in the order in which it was made.
    pub fn workplaces(&self, id: TaskId) -> Result<Vec<Workplace>, StoreError> {
        self.all("SELECT place FROM workplaces WHERE task_id = ?1 ORDER BY position", [id], |row| {
            Ok(row.get::<_, Json<_>>(0)?.0)
        })
    }

    /// Every workplace of every task that has a worktree: what the reconciler compares with the disk.
    pub fn all_workplaces(&self) -> Result<Vec<(TaskId, Workplace)>, StoreError> {
        self.all(
            "SELECT w.task_id, w.place FROM workplaces w JOIN tasks t ON t.id = w.task_id \
             WHERE EXISTS (SELECT 1 FROM workplaces o WHERE o.task_id = w.task_id AND o.is_worktree) \
             ORDER BY t.no, w.position",
            params![],
            |row| Ok((row.get(0)?, row.get::<_, Json<_>>(1)?.0)),
        )
    }
}
