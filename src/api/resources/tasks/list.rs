//! The list of tasks. A page that was made is served again, without a question to the database, until a task changes.

use super::ALL;
use crate::{
    api::{
        Call, Problem, Reply, Route,
        fields::{fields, words},
        resources::paging::{self, DEFAULT_LIMIT, Limit, TOTAL_COUNT},
        route, wire,
    },
    domain::{SessionId, Status, Task, TaskId},
    engine::Live,
    store::{Page, Queries, StoreError, TaskFilter, TaskSort},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;

pub(super) fn routes() -> Vec<Route> {
    vec![route::<__path_list, _, _>(list)]
}

/// By what tasks are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// When they were made.
    #[default]
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// When they ended.
    CompletedAt,
    /// By name.
    TaskName,
    /// By status, in the order of a task's life.
    Status,
    /// By tokens used.
    TotalTokensUsed,
    /// By cost.
    TotalCostUsd,
}

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SortOrder {
    /// The smallest, or oldest, first.
    Asc,
    /// The greatest, or newest, first.
    #[default]
    Desc,
}

/// What entries of the list have beside their fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// The conversation.
    Interactions,
    /// The test cases.
    TestCases,
}

words!(SortBy, SortOrder, Include);

impl From<SortBy> for TaskSort {
    fn from(by: SortBy) -> Self {
        match by {
            SortBy::CreatedAt => Self::CreatedAt,
            SortBy::UpdatedAt => Self::UpdatedAt,
            SortBy::CompletedAt => Self::CompletedAt,
            SortBy::TaskName => Self::Name,
            SortBy::Status => Self::Status,
            SortBy::TotalTokensUsed => Self::Tokens,
            SortBy::TotalCostUsd => Self::Cost,
        }
    }
}

fields! {
    /// Which tasks, in which order.
    pub struct ListTasks {
        /// Only those in one of these statuses, separated by commas.
        status: Vec<Status>,
        /// Only those with this folder.
        root_folder: Option<String>,
        /// Only those of this user.
        user_id: Option<String>,
        /// Only those whose name holds this, whatever the case.
        name_filter: Option<String>,
        /// Only those whose name, description or summary holds this, whatever the case.
        text: Option<String>,
        /// Only those of the project at this path.
        project: Option<String>,
        /// Only those with this label.
        label: Option<String>,
        /// Only those of this session.
        session_id: Option<SessionId>,
        /// By what they are sorted.
        sort_by: SortBy = SortBy::CreatedAt,
        /// In which order.
        sort_order: SortOrder = SortOrder::Desc,
        /// How many, from 1 to 500.
        limit: Limit = DEFAULT_LIMIT,
        /// After how many.
        offset: u64 = 0,
        /// What they have beside their fields, separated by commas.
        include: Vec<Include>,
    }
}

impl ListTasks {
    fn filter(&self) -> TaskFilter {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        TaskFilter {
            statuses: self.status.clone(),
            user_id: some(&self.user_id),
            root_folder: some(&self.root_folder),
            project: some(&self.project),
            name_contains: some(&self.name_filter),
            text: some(&self.text),
            label: some(&self.label),
            session_id: self.session_id,
        }
    }
}

/// Lists tasks, without their conversations and test cases unless `include` asks for them.
#[utoipa::path(get, path = "/api/v1/tasks", operation_id = "list_tasks", tag = "tasks", params(ListTasks),
    responses(
        (status = 200, body = [wire::Task], headers(
            ("X-Total-Count" = u64, description = "How many tasks the whole list has."),
            ("Link" = String, description = "`rel=\"next\"` leads to the next page."),
            ("ETag" = String, description = "Changes with the content; give it as `If-None-Match`."))),
        (status = 304, description = "Nothing changed since the `ETag` that was given.")))]
async fn list(call: Call) -> Result<Reply, Problem> {
    let version = call.api.store.tasks_version();
    let key = format!("{}\n{}", call.actor.name, call.query);
    let slot = call.api.lists.slot(&key, version);
    let listed = slot.get_or_try_init(|| make(&call)).await?;
    if !listed.keep {
        call.api.lists.forget(&key);
    }
    let known = call.headers.get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes().windows(listed.tag.len()).any(|part| part == listed.tag.as_bytes())) {
        return Ok(Reply::empty(StatusCode::NOT_MODIFIED).header(header::ETAG, listed.tag.clone()));
    }
    let reply = Reply::json_bytes(listed.body.clone())
        .header(TOTAL_COUNT, listed.total.into())
        .header(header::ETAG, listed.tag.clone())
        .header(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(match &listed.next {
        Some(next) => paging::with_next(reply, next),
        None => reply,
    })
}

/// A page as it is sent.
struct Listed {
    body: Bytes,
    tag: HeaderValue,
    total: u64,
    next: Option<String>,
    /// Whether it may be served again.
    keep: bool,
}

async fn make(call: &Call) -> Result<Listed, Problem> {
    let wanted = call.query::<ListTasks>()?;
    let page = wanted.limit.from(wanted.offset);
    let (filter, sort, descending) =
        (wanted.filter(), TaskSort::from(wanted.sort_by), wanted.sort_order == SortOrder::Desc);
    let include = wanted.include.clone();
    let (body, count, total) = call
        .api
        .store
        .read::<_, StoreError, _>(move |q| {
            let (tasks, total) = q.tasks(&filter, sort, descending, page)?;
            let entries = entries(q, tasks, &include)?;
            Ok((serde_json::to_vec(&entries), entries.len() as u64, total))
        })
        .await?;
    let body: Bytes = body.map_err(Problem::internal)?.into();
    let hash = blake3::hash(&body).to_hex();
    let tag = HeaderValue::try_from(format!("\"{}-{total}\"", &hash[..24])).map_err(Problem::internal)?;
    let keep = wanted.include.is_empty() && body.len() <= ListCache::MAX_BODY;
    let next = next_page(call, page, count, total);
    Ok(Listed { body, tag, total, next, keep })
}

fn next_page(call: &Call, page: Page, count: u64, total: u64) -> Option<String> {
    let next = page.offset.saturating_add(count);
    (count > 0 && next < total).then(|| {
        paging::link(&call.path, &call.query, &[("limit", page.limit.to_string()), ("offset", next.to_string())])
    })
}

/// Tasks as entries of a list.
pub(super) fn entries(q: &Queries<'_>, tasks: Vec<Task>, include: &[Include]) -> Result<Vec<wire::Task>, StoreError> {
    let places = queue_places(q, &tasks)?;
    let mut entries = Vec::with_capacity(tasks.len());
    for task in tasks {
        let test_cases = if include.contains(&Include::TestCases) {
            Some(q.test_cases(task.id, None)?.into_iter().map(wire::TestCase::from).collect())
        } else {
            None
        };
        let interactions = if include.contains(&Include::Interactions) {
            Some(q.interactions(task.id, ALL)?.0.into_iter().map(wire::Interaction::from).collect())
        } else {
            None
        };
        let live = Live { pid: None, queue_position: places.get(&task.id).copied() };
        entries.push(wire::Task { fields: wire::TaskFields::new(task, live), test_cases, interactions });
    }
    Ok(entries)
}

/// The places in the queue, by the same view of the database as the tasks themselves.
fn queue_places(q: &Queries<'_>, tasks: &[Task]) -> Result<HashMap<TaskId, u64>, StoreError> {
    if !tasks.iter().any(|task| task.status == Status::Pending && task.queued_at.is_some()) {
        return Ok(HashMap::new());
    }
    Ok(q.queue()?.iter().zip(1..).map(|(task, place)| (task.id, place)).collect())
}

/// Where a page is, or is being made.
type Slot = Arc<OnceCell<Listed>>;

/// Pages of the list that were made, each with the version of the tasks that it shows.
#[derive(Default)]
pub struct ListCache {
    pages: Mutex<HashMap<String, (u64, Slot)>>,
}

impl ListCache {
    /// Pages that are kept.
    const MAX_PAGES: usize = 64;

    /// Bytes of a page that is kept.
    const MAX_BODY: usize = 512 * 1024;

    /// Bytes of a query whose page is kept.
    const MAX_KEY: usize = 2_048;

    /// Where the page of a version is, or is to be put. Who comes while it is being made waits for it.
    fn slot(&self, key: &str, version: u64) -> Slot {
        if key.len() > Self::MAX_KEY {
            return Slot::default();
        }
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, slot)) = pages.get_mut(key) {
            if *made != version {
                (*made, *slot) = (version, Arc::default());
            }
            return slot.clone();
        }
        if pages.len() >= Self::MAX_PAGES {
            pages.retain(|_, (made, _)| *made == version);
            if pages.len() >= Self::MAX_PAGES {
                pages.clear();
            }
        }
        let slot = Slot::default();
        pages.insert(key.to_owned(), (version, Arc::clone(&slot)));
        slot
    }

    fn forget(&self, key: &str) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_served_again_until_a_task_changes() {
        let cache = ListCache::default();
        let first = cache.slot("limit=50", 1);
        assert!(Arc::ptr_eq(&first, &cache.slot("limit=50", 1)));
        assert!(!Arc::ptr_eq(&first, &cache.slot("limit=50", 2)));
    }

    #[test]
    fn the_cache_is_bounded() {
        let cache = ListCache::default();
        for i in 0..1_000 {
            cache.slot(&format!("offset={i}"), 1);
        }
        assert!(cache.pages.lock().expect("no test panicked").len() <= ListCache::MAX_PAGES);
        cache.slot(&"x".repeat(10_000), 1);
        assert!(cache.pages.lock().expect("no test panicked").keys().all(|key| key.len() <= ListCache::MAX_KEY));
    }
}
