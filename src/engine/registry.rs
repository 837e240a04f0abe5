//! Who works on a task now: at most one executor, or one command that must be alone with it.
//!
//! A slot is claimed before a task's status says that it is live and released after its owner has ended, so that a task
//! never has two.

use crate::domain::TaskId;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// Messages that may wait for an executor. All of them say only that something in the store has changed, or that the turn
/// is to be cut; when the queue is full, one that says so is in it already.
const MESSAGES: usize = 64;

/// What an executor is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Message {
    /// The store has something new for it: an input, an answer, other limits.
    Look,
    /// The present turn is to be cut short.
    Interrupt,
    /// The same, for an input that waits; without one there is nothing to cut it for.
    InterruptForInput,
}

/// Why an executor is ended from outside, in ascending order of what they bring about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// The server stops, the agent works on.
    Leave,
    /// The server stops and its agents with it.
    ServerStops,
    /// A user stops the task.
    Stop {
        /// Who, as the log tells it.
        by: String,
    },
    /// A user says that it is done.
    Overrule {
        /// Who, as the log tells it.
        by: String,
    },
}

/// How an executor that was told to end has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ended {
    /// What it was told.
    pub ending: Ending,
    /// How its agent's process was ended; none if there was none.
    pub method: Option<crate::agent::EndMethod>,
}

/// One owner of a task.
pub(super) struct Slot {
    task: TaskId,
    messages: mpsc::Sender<Message>,
    ending: OnceLock<Ending>,
    /// Cancelled when the owner is to end.
    pub cancel: CancellationToken,
    begun: CancellationToken,
    done: CancellationToken,
    ended: OnceLock<Ended>,
    pid: AtomicU32,
}

impl Slot {
    /// Tells the executor something. A full queue loses nothing: the executor has not looked yet at what is in it.
    pub(super) fn tell(&self, message: Message) {
        if self.messages.try_send(message).is_err() {
            tracing::debug!(task = %self.task, ?message, "the executor has messages enough");
        }
    }

    /// Tells the owner to end and waits until it has. The first reason given counts. None when the owner ended by itself.
    pub(super) async fn end(&self, ending: Ending) -> Option<Ended> {
        self.ending.get_or_init(|| ending);
        self.cancel.cancel();
        self.done.cancelled().await;
        self.ended.get().cloned()
    }

    /// Waits until the owner has ended.
    pub(super) async fn done(&self) {
        self.done.cancelled().await;
    }

    /// The task is live now: its owner is an executor.
    pub(super) fn set_begun(&self) {
        self.begun.cancel();
    }

    /// Whether its owner is an executor whose task is, or was, live.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Waits until the owner has ended, or has turned out to be an executor.
    pub(super) async fn done_or_begun(&self) {
        tokio::select! {
            () = self.done.cancelled() => {}
            () = self.begun.cancelled() => {}
        }
    }

    /// Why the owner is to end, if it is.
    pub(super) fn ending(&self) -> Option<&Ending> {
        self.ending.get()
    }

    /// Keeps how it ended.
    pub(super) fn set_ended(&self, ended: Ended) {
        self.ended.get_or_init(|| ended);
    }

    /// Keeps the agent's process id; none when there is no process.
    pub(super) fn set_pid(&self, pid: Option<u32>) {
        self.pid.store(pid.unwrap_or(0), Ordering::Relaxed);
    }

    /// The agent's process id.
    pub(super) fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }
}

/// A claimed task. Dropping it releases the task.
pub(super) struct Claim {
    /// The slot that others see.
    pub slot: Arc<Slot>,
    /// What the owner is told.
    pub messages: mpsc::Receiver<Message>,
    registry: Registry,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.slot.task);
        self.slot.done.cancel();
        self.registry.released.notify_one();
    }
}

/// The owners of all tasks. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Registry {
    slots: Arc<Mutex<HashMap<TaskId, Arc<Slot>>>>,
    released: Arc<Notify>,
}

impl Registry {
    /// Tells the scheduler whenever a task was released.
    pub(super) fn new(released: Arc<Notify>) -> Self {
        Self { slots: Arc::default(), released }
    }

    /// Takes a task, unless somebody has it.
    pub(super) fn claim(&self, task: TaskId) -> Result<Claim, Arc<Slot>> {
        let mut slots = self.lock();
        if let Some(slot) = slots.get(&task) {
            return Err(Arc::clone(slot));
        }
        let (sender, messages) = mpsc::channel(MESSAGES);
        let slot = Arc::new(Slot {
            task,
            messages: sender,
            ending: OnceLock::new(),
            cancel: CancellationToken::new(),
            begun: CancellationToken::new(),
            done: CancellationToken::new(),
            ended: OnceLock::new(),
            pid: AtomicU32::new(0),
        });
        slots.insert(task, Arc::clone(&slot));
        Ok(Claim { slot, messages, registry: self.clone() })
    }

    /// The owner of a task.
    pub(super) fn get(&self, task: TaskId) -> Option<Arc<Slot>> {
        self.lock().get(&task).cloned()
    }

    /// Tells a task's executor something, if it has one.
    pub(super) fn tell(&self, task: TaskId, message: Message) {
        if let Some(slot) = self.get(task) {
            slot.tell(message);
        }
    }

    /// All owners.
    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_has_one_owner_at_a_time() {
        let registry = Registry::default();
        let task = TaskId::new();
        let claim = registry.claim(task).ok().expect("nobody has it");
        assert!(registry.claim(task).is_err());
        drop(claim);
        assert!(registry.claim(task).is_ok());
    }

    #[tokio::test]
    async fn ending_waits_for_the_owner_and_the_first_reason_counts() {
        let registry = Registry::default();
        let claim = registry.claim(TaskId::new()).ok().expect("nobody has it");
        let slot = Arc::clone(&claim.slot);
        let stop = Ending::Stop { by: "user:a".to_owned() };
        let (first, second, ()) = tokio::join!(slot.end(stop.clone()), slot.end(Ending::Leave), async {
            claim.slot.cancel.cancelled().await;
            let ending = claim.slot.ending().expect("a reason was given").clone();
            claim.slot.set_ended(Ended { ending, method: None });
            drop(claim);
        });
        assert_eq!(first.map(|e| e.ending), Some(stop.clone()));
        assert_eq!(second.map(|e| e.ending), Some(stop));
    }
}
