//! The life of a task as a table: which action leads from which status to which.
//!
//! [`Status::after`] is the one function that owns the transitions. Whoever changes a status asks it first, inside the
//! transaction that writes the change, so that two clients at once can never produce a status that the table lacks.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a task is doing. The words are those of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Made, or waiting in the queue.
    Pending,
    /// The agent works, or a chat waits for its user.
    Running,
    /// Waits: for a person's answer, or for a usage limit to end.
    Paused,
    /// Stopped by a person; can be resumed in the same agent session and worktree.
    Stopped,
    /// Its tests run.
    Testing,
    /// Final: no criteria were given, the work is done and all tests passed.
    Completed,
    /// Final: tests still fail, or an error ended it.
    Failed,
    /// Final: the end criteria were met, or a person said that it is done.
    Finished,
    /// Final: a limit was reached.
    Exhausted,
}

/// What happens to a task, by whoever does it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// The scheduler gives it a place.
    Begin,
    /// It waits for a person or a time.
    Pause,
    /// What it waited for came.
    Unpause,
    /// The conversation is over, its tests begin.
    Test,
    /// Tests failed and the agent is told so.
    Repair,
    /// A person stops it.
    Stop,
    /// A person resumes a stopped task: it goes back into the queue.
    Resume,
    /// Work done and tests passed, no criteria given.
    Complete,
    /// Criteria met and tests passed.
    Finish,
    /// A person says that it is done.
    Overrule,
    /// An error, or tests that still fail.
    Fail,
    /// A limit was reached.
    Exhaust,
    /// An exhausted task gets more and goes back into the queue.
    Retry,
    /// A person wants one more turn.
    Continue,
    /// A new agent session is told what happened so far.
    Recover,
    /// Everything begins anew.
    Restart,
}

/// A refused action: what was wanted and in which status the task is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the task is {status}, and `{action}` is possible only when it is {}", one_of(action.possible_in()))]
pub struct Refused {
    /// What was wanted.
    pub action: Action,
    /// The status in which the task is.
    pub status: Status,
}

fn one_of(statuses: Vec<Status>) -> String {
    let words: Vec<_> = statuses.iter().map(Status::as_str).collect();
    match words.as_slice() {
        [] => "in no status".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl Status {
    /// Every status, in the order of a task's life.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Running,
        Self::Paused,
        Self::Stopped,
        Self::Testing,
        Self::Completed,
        Self::Failed,
        Self::Finished,
        Self::Exhausted,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
            Self::Testing => "TESTING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Finished => "FINISHED",
            Self::Exhausted => "EXHAUSTED",
        }
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Finished | Self::Exhausted)
    }

    /// Whether an executor owns the task.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Testing)
    }

    /// The status after an action, or why the action is refused.
    ///
    /// # Errors
    /// [`Refused`] when the table has no such step.
    pub const fn after(self, action: Action) -> Result<Self, Refused> {
        use Action as A;
        use Status as S;
        let next = match (action, self) {
            (A::Begin, S::Pending) | (A::Unpause, S::Paused) | (A::Repair, S::Testing) => S::Running,
            (A::Pause, S::Running | S::Testing) => S::Paused,
            (A::Test, S::Running) => S::Testing,
            (A::Stop, S::Running | S::Paused | S::Testing) => S::Stopped,
            (A::Complete, S::Running | S::Testing) => S::Completed,
            (A::Finish, S::Running | S::Testing) => S::Finished,
            (A::Overrule, S::Pending | S::Running | S::Paused | S::Stopped | S::Testing) => S::Finished,
            (A::Fail, S::Pending | S::Running | S::Paused | S::Testing) => S::Failed,
            (A::Exhaust, S::Running | S::Paused | S::Testing) => S::Exhausted,
            (A::Resume, S::Stopped)
            | (A::Retry, S::Exhausted)
            | (A::Continue, S::Stopped | S::Completed | S::Failed | S::Finished | S::Exhausted)
            | (A::Recover, S::Failed | S::Exhausted | S::Stopped)
            | (A::Restart, S::Pending | S::Stopped | S::Completed | S::Failed | S::Finished | S::Exhausted) => {
                S::Pending
            }
            _ => return Err(Refused { action, status: self }),
        };
        Ok(next)
    }
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 16] = [
        Self::Begin,
        Self::Pause,
        Self::Unpause,
        Self::Test,
        Self::Repair,
        Self::Stop,
        Self::Resume,
        Self::Complete,
        Self::Finish,
        Self::Overrule,
        Self::Fail,
        Self::Exhaust,
        Self::Retry,
        Self::Continue,
        Self::Recover,
        Self::Restart,
    ];

    /// The statuses in which the action is possible.
    #[must_use]
    pub fn possible_in(self) -> Vec<Status> {
        Status::ALL.into_iter().filter(|status| status.after(self).is_ok()).collect()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => "begin",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Test => "test",
            Self::Repair => "repair",
            Self::Stop => "stop",
            Self::Resume => "resume",
            Self::Complete => "complete without criteria",
            Self::Finish => "finish",
            Self::Overrule => "complete",
            Self::Fail => "fail",
            Self::Exhaust => "exhaust",
            Self::Retry => "retry",
            Self::Continue => "continue",
            Self::Recover => "recover",
            Self::Restart => "clear-and-restart",
        })
    }
}

/// A word that is no status.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{0}` is not a status; the statuses are PENDING, RUNNING, PAUSED, STOPPED, TESTING, COMPLETED, FAILED, FINISHED and EXHAUSTED"
)]
pub struct UnknownStatus(pub String);

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_action() -> impl Strategy<Value = Action> {
        prop::sample::select(Action::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn a_final_status_is_left_only_by_a_person_and_only_into_the_queue(actions in prop::collection::vec(any_action(), 0..40)) {
            let mut status = Status::Pending;
            for action in actions {
                if let Ok(next) = status.after(action) {
                    if status.is_final() {
                        prop_assert_eq!(next, Status::Pending);
                        prop_assert!(matches!(action, Action::Retry | Action::Continue | Action::Recover | Action::Restart));
                    }
                    status = next;
                }
            }
        }

        #[test]
        fn a_refusal_changes_nothing_and_names_the_status(action in any_action(), status in prop::sample::select(Status::ALL.to_vec())) {
            if let Err(refused) = status.after(action) {
                prop_assert!(refused.to_string().contains(status.as_str()));
                prop_assert!(!action.possible_in().contains(&status));
            }
        }

        #[test]
        fn only_the_scheduler_or_what_was_awaited_makes_a_task_run(actions in prop::collection::vec(any_action(), 0..40)) {
            let mut status = Status::Pending;
            for action in actions {
                if let Ok(next) = status.after(action) {
                    if next == Status::Running {
                        prop_assert!(matches!(action, Action::Begin | Action::Unpause | Action::Repair));
                    }
                    status = next;
                }
            }
        }
    }

    #[test]
    fn from_every_status_a_person_can_get_the_task_going_again() {
        for status in Status::ALL {
            let mut reached = vec![status];
            loop {
                let more: Vec<_> = reached
                    .iter()
                    .flat_map(|s| Action::ALL.into_iter().filter_map(|a| s.after(a).ok()))
                    .filter(|s| !reached.contains(s))
                    .collect();
                if more.is_empty() {
                    break;
                }
                reached.extend(more);
            }
            assert!(reached.contains(&Status::Running), "{status} is a dead end");
        }
    }

    #[test]
    fn a_stopped_task_never_becomes_failed() {
        assert!(Status::Stopped.after(Action::Fail).is_err());
    }

    #[test]
    fn every_status_reads_back_from_its_word() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("RUNING".parse::<Status>().is_err());
    }
}
