//! The event log.

use super::{Conditions, EventFilter, Queries, StoreError};
use crate::{
    domain::{Event, EventBody, Seq, TaskId, Timestamp},
    store::live::{Committed, Frame},
};
use rusqlite::params_from_iter;

/// A row of the log, its payload unread.
struct Logged {
    seq: Seq,
    task_id: Option<TaskId>,
    task: String,
    kind: String,
    at: Timestamp,
    payload: String,
}

impl Logged {
    fn event(&self) -> Result<Event, StoreError> {
        let text = format!("{{\"kind\":\"{}\",\"payload\":{}}}", self.kind, self.payload);
        let body = serde_json::from_str::<EventBody>(&text).map_err(|error| StoreError::Unreadable {
            what: "event",
            detail: format!("{} at {}: {error}", self.kind, self.seq),
        })?;
        Ok(Event { seq: self.seq, task_id: self.task_id, task: self.task.clone(), at: self.at, body })
    }

    fn frame(&self) -> Frame {
        Frame::new(self.seq, self.task_id, &self.task, &self.kind, self.at, &self.payload)
    }
}

#[allow(clippy::missing_errors_doc, reason = "every method fails only as StoreError tells")]
impl Queries<'_> {
    fn logged<T>(
        &self,
        filter: &EventFilter,
        limit: u32,
        mut read: impl FnMut(Logged) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let EventFilter { after, up_to, tasks, kinds } = filter;
        let mut conditions = Conditions::default();
        conditions.bind("seq > ?", *after);
        if let Some(up_to) = up_to {
            conditions.bind("seq <= ?", *up_to);
        }
        if let Some(tasks) = tasks {
            conditions.one_of("task_id", tasks);
        }
        if !kinds.is_empty() {
            conditions.one_of("kind", kinds);
        }
        let sql =
            format!("SELECT seq, task_id, task, kind, at, payload FROM events{} ORDER BY seq LIMIT ?", conditions.sql);
        let bound = conditions.and_then([i64::from(limit)]);
        let mut statement = self.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(bound))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(Logged {
                seq: row.get(0)?,
                task_id: row.get(1)?,
                task: row.get(2)?,
                kind: row.get(3)?,
                at: row.get(4)?,
                payload: row.get(5)?,
            })?);
        }
        Ok(found)
    }

    /// Events in the order of the log.
    pub fn events(&self, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.logged(filter, limit, |logged| logged.event())
    }

    /// The same, serialised as subscribers get them.
    pub fn committed(&self, filter: &EventFilter, limit: u32) -> Result<Vec<Committed>, StoreError> {
        self.logged(filter, limit, |logged| Ok(Committed::with_payload(logged.event()?, &logged.payload)))
    }

    /// The serialised forms alone: no payload is read, so that a long replay costs little more than the copying.
    pub fn frames(&self, filter: &EventFilter, limit: u32) -> Result<Vec<Frame>, StoreError> {
        self.logged(filter, limit, |logged| Ok(logged.frame()))
    }

    /// A task's last event.
    pub fn last_event(&self, id: TaskId) -> Result<Option<Seq>, StoreError> {
        self.value("SELECT max(seq) FROM events WHERE task_id = ?1", [id])
    }

    /// The last event of all.
    pub(in crate::store) fn last_seq(&self) -> Result<Seq, StoreError> {
        self.value("SELECT coalesce(max(seq), 0) FROM events", [])
    }
}
