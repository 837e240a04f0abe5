//! What commands answer, and what a task can show: values that `api` turns into JSON.

use crate::{
    domain::{InputId, QuestionId, Status, budget::Spent, decision::Decision, task::Workplace, test_case::TestCase},
    workspace::{CommitView, Merged, PlaceState},
};
use serde::Serialize;
use serde_json::Value;

/// What a command on a task's life did.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Done {
    /// In a sentence.
    pub message: String,
    /// The status after it.
    pub status: Status,
    /// The place in the queue, if it waits there.
    pub queue_position: Option<u64>,
}

/// What `stop` did.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Stopped {
    /// In a sentence.
    pub message: String,
    /// The status after it.
    pub status: Status,
    /// Whether a process was ended.
    pub process_killed: bool,
    /// How: `interrupt`, `sigterm`, `sigkill`, `already-ended`, `none`.
    pub termination_method: String,
    /// Always false: stopping removes nothing.
    pub cleanup_performed: bool,
}

/// What `clear-and-restart` did.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Restarted {
    /// In a sentence.
    pub message: String,
    /// How many entries the conversation had.
    pub deleted_interactions: u64,
    /// What was done in git, line by line.
    pub git_cleanup: Vec<String>,
    /// The status after it.
    pub status: Status,
    /// The place in the queue.
    pub queue_position: Option<u64>,
}

/// What became of an input.
#[derive(Clone, PartialEq, Debug)]
pub struct InputTaken {
    /// The input.
    pub id: InputId,
    /// In a sentence: queued, or which question it answered.
    pub message: String,
    /// The question that it answered.
    pub answered: Option<QuestionId>,
    /// Inputs that wait now, this one among them if it does.
    pub waiting: u64,
}

/// What deleting did.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Deleted {
    /// In a sentence.
    pub message: String,
    /// Whether it had to be stopped.
    pub auto_stopped: bool,
    /// What happened to the worktree: in a sentence.
    pub worktree_cleanup: Option<String>,
    /// The ref under which uncommitted work was kept.
    pub kept: Option<String>,
    /// Whether the branch was removed.
    pub branch_deleted: bool,
}

/// What a merge did.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MergeDone {
    /// In a sentence.
    pub message: String,
    /// The task's branch.
    pub source_branch: String,
    /// Where it went.
    pub target_branch: String,
    /// Whether the target was pushed.
    pub pushed: bool,
    /// What the push said.
    pub push_message: Option<String>,
    /// How it ended.
    #[serde(skip)]
    pub merged: Merged,
}

/// What a task ended with, or has so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Evidence {
    /// The criteria with what was found last: `{id, text, verdict, evidence}`.
    pub criteria: Vec<Value>,
    /// Every round of tests, with its cases: `(round, runner, passed, text, cases)`.
    pub rounds: Vec<TestRound>,
    /// Why there are no rounds, if that is known.
    pub tests_note: Option<String>,
    /// Every decision, without its input.
    pub decisions: Vec<Decision>,
    /// The branch's commits.
    pub commits: Vec<CommitView>,
    /// Files, additions and deletions against the base.
    pub diff_stat: (u64, u64, u64),
    /// What it used.
    pub spent: Spent,
}

/// One round of tests.
#[derive(Clone, PartialEq, Debug)]
pub struct TestRound {
    /// Its number, from 1.
    pub round: u32,
    /// The test runner.
    pub runner: String,
    /// Whether all passed.
    pub passed: bool,
    /// In a sentence.
    pub text: String,
    /// The cases.
    pub cases: Vec<TestCase>,
}

/// A workspace of a task, as `GET …/worktree` tells it.
#[derive(Clone, PartialEq, Debug)]
pub struct WorktreeView {
    /// The workplace as it was made.
    pub place: Workplace,
    /// How it stands.
    pub state: PlaceState,
}

/// What the live side knows of a task beyond its row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Live {
    /// The agent's process.
    pub pid: Option<u32>,
    /// The place in the queue.
    pub queue_position: Option<u64>,
}
