//! Reading: every question that the engine and the API ask of the database, by subject.

mod conversation;
mod dump;
mod library;
mod log;
mod tasks;

use super::StoreError;
use crate::domain::{Seq, SessionId, Status, TaskId};
use rusqlite::{CachedStatement, Connection, Params, Row, ToSql, functions::FunctionFlags, types::FromSql};

/// Which part of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// At most so many.
    pub limit: u32,
    /// After so many.
    pub offset: u64,
}

/// Which tasks.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TaskFilter {
    /// In one of these statuses; empty is any.
    pub statuses: Vec<Status>,
    /// Of this user.
    pub user_id: Option<String>,
    /// With exactly this `root_folder`.
    pub root_folder: Option<String>,
    /// Of this project: its path is the root folder or one of the projects.
    pub project: Option<String>,
    /// Whose name holds this, whatever the case.
    pub name_contains: Option<String>,
    /// Whose name, description or summary holds this, whatever the case.
    pub text: Option<String>,
    /// With this label.
    pub label: Option<String>,
    /// Of this session.
    pub session_id: Option<SessionId>,
}

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TaskSort {
    /// When they were made.
    #[default]
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// When they ended; those that have not come last.
    CompletedAt,
    /// By name.
    Name,
    /// By status, in the order of a task's life.
    Status,
    /// By tokens used.
    Tokens,
    /// By cost.
    Cost,
}

/// Which events.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EventFilter {
    /// After this one.
    pub after: Seq,
    /// Up to and with this one.
    pub up_to: Option<Seq>,
    /// Of these tasks; none is all, and those of the server.
    pub tasks: Option<Vec<TaskId>>,
    /// Of these kinds; empty is all.
    pub kinds: Vec<String>,
}

/// Which questions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QuestionFilter {
    /// In this state.
    pub state: Option<crate::domain::question::QuestionState>,
    /// Of this task.
    pub task_id: Option<TaskId>,
}

/// Tokens and cost of one day, project and model.
#[derive(Clone, PartialEq, Debug)]
pub struct UsageRow {
    /// The day in UTC, `2026-01-31`.
    pub day: String,
    /// The task's root folder.
    pub project: Option<String>,
    /// The task's model, as asked for.
    pub model: Option<String>,
    /// Turns.
    pub turns: u64,
    /// Tokens.
    pub tokens: crate::domain::TokenCount,
    /// United States dollars.
    pub cost_usd: f64,
}

/// A reader's connection with its questions. A [`super::Tx`] answers them too, and sees its own writes.
pub struct Queries<'a> {
    conn: &'a Connection,
}

impl<'a> Queries<'a> {
    pub(super) fn new(conn: &'a Connection) -> Self {
        Self { conn }
    }

    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'a>, StoreError> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    /// All rows of a question.
    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        Ok(self.prepare(sql)?.query_map(params, read)?.collect::<Result<_, _>>()?)
    }

    /// The first row, if there is one.
    fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        Ok(rows.next()?.map(&mut read).transpose()?)
    }

    /// The only column of the only row.
    fn value<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<T, StoreError> {
        Ok(self.prepare(sql)?.query_row(params, |row| row.get(0))?)
    }
}

/// The conditions of a list, joined by AND, with what is bound to their question marks.
#[derive(Default)]
struct Conditions {
    sql: String,
    bound: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    fn add(&mut self, condition: &str) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
    }

    /// A condition with one `?`.
    fn bind(&mut self, condition: &str, value: impl ToSql + 'static) {
        self.add(condition);
        self.bound.push(Box::new(value));
    }

    /// `column IN (?, …)`.
    fn one_of<T: ToSql + Clone + 'static>(&mut self, column: &str, values: &[T]) {
        self.add(&format!("{column} IN ({})", vec!["?"; values.len()].join(", ")));
        for value in values {
            self.bound.push(Box::new(value.clone()));
        }
    }

    /// Appends values for what follows the conditions, such as LIMIT and OFFSET.
    fn and_then(mut self, values: impl IntoIterator<Item = i64>) -> Vec<Box<dyn ToSql>> {
        self.bound.extend(values.into_iter().map(|value| Box::new(value) as Box<dyn ToSql>));
        self.bound
    }

    fn params(&self) -> impl Params + '_ {
        rusqlite::params_from_iter(self.bound.iter())
    }
}

/// Gives a connection the function `holds(text, part)`: whether a text holds another, whatever the case of either.
///
/// SQLite's own LIKE knows the cases of ASCII alone, and its wildcards would have to be escaped.
pub(super) fn add_functions(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function("holds", 2, flags, |context| {
        let part = context.get_raw(1).as_str()?;
        Ok(context.get_raw(0).as_str_or_null()?.is_some_and(|text| holds(text, part)))
    })
}

fn holds(text: &str, part: &str) -> bool {
    if part.is_ascii() && text.is_ascii() {
        let (text, part) = (text.as_bytes(), part.as_bytes());
        return part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    }
    text.to_lowercase().contains(&part.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn a_text_holds_a_part_whatever_the_case_of_either() {
        for (text, part, expected) in [
            ("Fix the Parser", "PARSER", true),
            ("Fix the Parser", "", true),
            ("", "", true),
            ("100% done_", "%", true),
            ("100 percent", "%", false),
            ("ÄRGER im Café", "ärger", true),
            ("ÄRGER im Café", "CAFÉ", true),
            ("short", "much longer than the text", false),
        ] {
            assert_eq!(holds(text, part), expected, "{text:?} {part:?}");
        }
    }
}
