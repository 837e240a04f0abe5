//! Tasks: making, reading, changing and deleting them, and the commands on their lives.

mod create;
pub mod life;
mod list;
mod read;
mod remove;

pub use list::ListCache;
pub use read::EventKind;

use crate::{
    api::{Call, Problem, Route, wire},
    domain::{Task, TaskId},
    store::{Page, Queries, StoreError},
};

/// The routes of tasks.
#[must_use]
pub fn routes() -> Vec<Route> {
    [create::routes(), list::routes(), read::routes(), life::routes(), remove::routes()].into_iter().flatten().collect()
}

/// Everything of a list that has no end.
pub const ALL: Page = Page { limit: u32::MAX, offset: 0 };

/// Which task a path names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TaskKey {
    /// By its identifier.
    Id(TaskId),
    /// By its name.
    Name(String),
}

impl TaskKey {
    /// The task that the path of a request names.
    ///
    /// # Errors
    /// 404 for what is no identifier.
    pub fn of(call: &Call) -> Result<Self, Problem> {
        match call.params.iter().find(|(name, _)| name == "name") {
            Some((_, name)) => Ok(Self::Name(name.clone())),
            None => call.id("task").map(Self::Id),
        }
    }

    fn find(&self, q: &Queries<'_>) -> Result<Option<Task>, StoreError> {
        match self {
            Self::Id(id) => q.task(*id),
            Self::Name(name) => q.task_by_name(name),
        }
    }

    fn not_found(&self) -> Problem {
        match self {
            Self::Id(id) => Problem::not_found("task", id),
            Self::Name(name) => Problem::not_found("task", name),
        }
    }
}

/// The task that a path names, and what else is read about it in the same moment.
///
/// # Errors
/// 404, or a fault of the store.
pub async fn read_task<T: Send + 'static>(
    call: &Call,
    more: impl FnOnce(&Queries<'_>, &Task) -> Result<T, StoreError> + Send + 'static,
) -> Result<(Task, T), Problem> {
    let key = TaskKey::of(call)?;
    let missing = key.not_found();
    let found = call
        .api
        .store
        .read::<_, StoreError, _>(move |q| {
            let Some(task) = key.find(q)? else { return Ok(None) };
            let more = more(q, &task)?;
            Ok(Some((task, more)))
        })
        .await?;
    found.ok_or(missing)
}

/// The task that a path names.
///
/// # Errors
/// 404, or a fault of the store.
pub async fn task_of(call: &Call) -> Result<Task, Problem> {
    Ok(read_task(call, |_, _| Ok(())).await?.0)
}

/// A task by its name.
///
/// # Errors
/// 404, or a fault of the store.
pub async fn task_named(api: &crate::api::Api, name: &str) -> Result<Task, Problem> {
    let key = TaskKey::Name(name.to_owned());
    let missing = key.not_found();
    let found = api.store.read::<_, StoreError, _>(move |q| key.find(q)).await?;
    found.ok_or(missing)
}

/// A task with its lists.
async fn whole(api: &crate::api::Api, task: Task) -> Result<wire::Task, Problem> {
    let id = task.id;
    let (cases, interactions) =
        api.store.read::<_, StoreError, _>(move |q| Ok((q.test_cases(id, None)?, q.interactions(id, ALL)?.0))).await?;
    let live = api.engine.live(id);
    Ok(wire::Task {
        fields: wire::TaskFields::new(task, live),
        test_cases: Some(cases.into_iter().map(wire::TestCase::from).collect()),
        interactions: Some(interactions.into_iter().map(wire::Interaction::from).collect()),
    })
}
