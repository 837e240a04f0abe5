//! The queue: which waiting task gets a place, and where the others stand.
//!
//! A place is held by a task whose agent or tests work. A chat that waits for its user, and a PAUSED task, hold none; when
//! such a task goes on it does so at once, even if all places are taken meanwhile, and the queue waits the longer.

use super::{
    EngineError, Inner,
    executor::Begin,
    lifecycle::{self, Change},
};
use crate::{
    domain::{Action, Status, Task, TaskId, Timestamp},
    store::StoreError,
};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// The longest sleep while a task waits for its time: a jump of the wall clock delays it by at most this.
const CLOCK_CHECK: Duration = Duration::from_secs(30);

/// How long to wait after the store has failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The queue as clients see it, and the bell that wakes the scheduler.
#[derive(Default)]
pub(super) struct Queue {
    /// Rung whenever a place may be free or a task may wait.
    pub bell: Arc<Notify>,
    positions: Mutex<HashMap<TaskId, u64>>,
}

impl Queue {
    /// Where a task stands, from 1.
    pub(super) fn position(&self, id: TaskId) -> Option<u64> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    /// Takes new positions, and tells which tasks' have changed.
    fn replace(&self, new: HashMap<TaskId, u64>) -> Vec<(TaskId, u64)> {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = new.iter().filter(|(id, at)| positions.get(id) != Some(at)).map(|(id, at)| (*id, *at)).collect();
        *positions = new;
        changed
    }
}

/// Gives places until the server stops.
pub(super) async fn run(inner: Inner) {
    loop {
        let sleep = match pass(&inner).await {
            Ok(sleep) => sleep,
            Err(error) => {
                tracing::error!(%error, "the queue could not be served");
                Some(AFTER_FAILURE)
            }
        };
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            () = inner.queue.bell.notified() => {}
            () = sleep_or_not(sleep) => {}
        }
    }
}

async fn sleep_or_not(sleep: Option<Duration>) {
    match sleep {
        Some(sleep) => tokio::time::sleep(sleep).await,
        None => std::future::pending().await,
    }
}

/// One look at the queue: begins what may begin, tells the positions of the rest, and says when to look again.
async fn pass(inner: &Inner) -> Result<Option<Duration>, EngineError> {
    let (waiting, running, now) = look(inner).await?;
    let mut places = Places::of(&running, inner.ctx.config.max_running);
    let mut left = Vec::new();
    for (task, project) in waiting {
        let due = task.spec.start_at.is_none_or(|at| at <= now);
        if due && places.free_for(project.as_ref()) && begin(inner, task.id).await? {
            places.take(project.as_ref());
        } else {
            left.push(task);
        }
    }
    tell_positions(inner, &left).await?;
    let next = left.iter().filter_map(|task| task.spec.start_at).filter(|at| *at > now).min();
    Ok(next.map(|at| at.since(now).min(CLOCK_CHECK).max(Duration::from_millis(20))))
}

/// A project by its path, and its own limit.
type ProjectLimit = Option<(String, Option<u32>)>;

async fn look(inner: &Inner) -> Result<(Vec<(Task, ProjectLimit)>, Vec<ProjectLimit>, Timestamp), EngineError> {
    let now = inner.ctx.store.now();
    let (waiting, running) = inner
        .ctx
        .store
        .read(|q| {
            let with_project = |task: Task| {
                let folder = task.spec.root_folder.clone();
                let folder = folder.or_else(|| task.spec.projects.first().map(|p| p.path.clone()));
                let project = match folder {
                    Some(folder) => q.project_at(&folder)?,
                    None => None,
                };
                Ok::<_, StoreError>((task, project.map(|p| (p.path, p.config.max_running))))
            };
            let waiting = q.queue()?.into_iter().map(with_project).collect::<Result<Vec<_>, _>>()?;
            if waiting.is_empty() {
                return Ok::<_, StoreError>((waiting, vec![]));
            }
            let live = q.tasks_in(&[Status::Running, Status::Testing])?;
            let running = live.into_iter().filter(|task| !task.waiting_for_input).map(with_project);
            let running = running.map(|task| task.map(|(_, project)| project)).collect::<Result<Vec<_>, _>>()?;
            Ok((waiting, running))
        })
        .await?;
    Ok((waiting, running, now))
}

/// The places that are taken.
struct Places {
    most: usize,
    taken: usize,
    by_project: HashMap<String, u32>,
}

impl Places {
    fn of(running: &[ProjectLimit], most: usize) -> Self {
        let mut places = Self { most, taken: 0, by_project: HashMap::new() };
        for project in running {
            places.take(project.as_ref());
        }
        places
    }

    fn take(&mut self, project: Option<&(String, Option<u32>)>) {
        self.taken += 1;
        if let Some((path, _)) = project {
            *self.by_project.entry(path.clone()).or_default() += 1;
        }
    }

    fn free_for(&self, project: Option<&(String, Option<u32>)>) -> bool {
        let in_project = match project {
            Some((path, Some(limit))) => self.by_project.get(path).copied().unwrap_or(0) < *limit,
            _ => true,
        };
        self.taken < self.most && in_project
    }
}

/// Gives a task its place. False when somebody else has it, or it no longer waits.
async fn begin(inner: &Inner, id: TaskId) -> Result<bool, EngineError> {
    let Ok(claim) = inner.registry.claim(id) else { return Ok(false) };
    let begun = inner
        .ctx
        .store
        .write(move |tx| {
            let Some(mut task) = tx.task(id)?.filter(|t| t.status == Status::Pending && t.queued_at.is_some()) else {
                return Ok(None);
            };
            lifecycle::change(tx, &mut task, Change::engine(Action::Begin))?;
            Ok::<_, EngineError>(Some(task))
        })
        .await?;
    let Some(task) = begun else { return Ok(false) };
    inner.spawn_executor(task, claim, Begin::Queued);
    Ok(true)
}

async fn tell_positions(inner: &Inner, left: &[Task]) -> Result<(), EngineError> {
    let positions = (1_u64..).zip(left).map(|(at, task)| (task.id, at)).collect();
    let changed = inner.queue.replace(positions);
    if changed.is_empty() {
        return Ok(());
    }
    inner
        .ctx
        .store
        .write(move |tx| {
            for (id, at) in changed {
                if let Some(task) = tx.task(id)?.filter(|task| task.queued_at.is_some()) {
                    lifecycle::tell_changes(tx, &task, [("queue_position", json!(at))])?;
                }
            }
            Ok::<_, EngineError>(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_when_neither_the_server_nor_the_project_is_full() {
        let project = ("/p".to_owned(), Some(1));
        let mut places = Places::of(&[], 2);
        assert!(places.free_for(Some(&project)));
        places.take(Some(&project));
        assert!(!places.free_for(Some(&project)));
        assert!(places.free_for(None));
        places.take(None);
        assert!(!places.free_for(None));
    }
}
