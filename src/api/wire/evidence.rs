//! What a task leaves: evidence, changes, worktrees.

use super::conversation::TestCase;
use crate::{
    domain::{ChainKind, DecisionId, TaskId, Timestamp, TokenCount, decision, task::Access, test_case::TestSummary},
    engine,
    workspace::{self, CommitView},
};
use serde::Serialize;
use serde_json::Value;

/// One criterion with what was found about it.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Criterion {
    /// Its id within the task.
    pub id: String,
    /// In words.
    pub text: String,
    /// `met`, `not-met` or `unsure`.
    pub verdict: String,
    /// What was found.
    pub evidence: String,
}

/// What the criteria found, as the plugin told it.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = Criterion)]
pub struct Findings(pub Value);

/// One round of tests.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct TestRound {
    /// Its number, from 1.
    pub round: u32,
    /// The test runner.
    pub runner: String,
    /// Whether all passed.
    pub passed: bool,
    /// In a sentence.
    pub text: String,
    /// Counts.
    pub summary: TestSummary,
    /// The cases.
    pub cases: Vec<TestCase>,
}

/// All rounds of tests.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct TestRounds {
    /// The rounds, oldest first.
    pub rounds: Vec<TestRound>,
    /// Why there are none, where that is known.
    pub note: Option<String>,
}

/// One call of a plugin.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Decision {
    /// Its identifier.
    pub id: DecisionId,
    /// What was to be decided.
    pub chain: ChainKind,
    /// The function of the plugin that was called.
    pub call: String,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The hash of its content.
    pub hash: String,
    /// What it said; null if it failed.
    pub answer: Option<Value>,
    /// How it failed.
    pub error: Option<String>,
    /// Whether this answer was the one that counted.
    pub counted: bool,
    /// Microseconds that it took.
    pub duration_us: u64,
    /// When.
    pub at: Timestamp,
}

impl From<decision::Decision> for Decision {
    fn from(decision: decision::Decision) -> Self {
        Self {
            id: decision.id,
            chain: decision.kind,
            call: decision.call,
            plugin: decision.plugin,
            version: decision.version,
            hash: decision.hash,
            answer: decision.answer,
            error: decision.error,
            counted: decision.counted,
            duration_us: decision.duration_us,
            at: decision.at,
        }
    }
}

/// One call of a plugin with what it was given.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct DecisionWithInput {
    /// The call.
    #[serde(flatten)]
    pub decision: Decision,
    /// Its task.
    pub task_id: TaskId,
    /// What the plugin was given: enough to ask another plugin the same.
    pub input: Value,
}

impl From<decision::Decision> for DecisionWithInput {
    fn from(mut decision: decision::Decision) -> Self {
        let input = std::mem::take(&mut decision.input);
        Self { task_id: decision.task_id, input, decision: decision.into() }
    }
}

/// A commit of the task's branch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// The rest.
    pub body: String,
    /// Who made it.
    pub author: String,
    /// When.
    pub at: Timestamp,
    /// Files that it changes.
    pub files: u32,
}

impl From<CommitView> for Commit {
    fn from(commit: CommitView) -> Self {
        Self {
            id: commit.id,
            subject: commit.subject,
            body: commit.body,
            author: commit.author,
            at: Timestamp::from_seconds(commit.at),
            files: commit.files,
        }
    }
}

/// How much differs from the base.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct DiffStat {
    /// Files.
    pub files: u64,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
}

/// What a task ended with, or has so far.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct Evidence {
    /// Each criterion with what was found last.
    pub criteria: Vec<Findings>,
    /// Its tests.
    pub tests: TestRounds,
    /// Every decision.
    pub decisions: Vec<Decision>,
    /// The branch's commits.
    pub commits: Vec<Commit>,
    /// The difference to the base.
    pub diff_stat: DiffStat,
    /// Dollars that it cost.
    pub cost_usd: f64,
    /// Tokens that it used, as they count against its limit.
    pub tokens: u64,
    /// The same by kind.
    pub token_counts: TokenCount,
    /// Turns.
    pub iterations: u32,
    /// Seconds that it ran.
    pub duration_seconds: f64,
}

impl From<engine::Evidence> for Evidence {
    fn from(evidence: engine::Evidence) -> Self {
        let (files, additions, deletions) = evidence.diff_stat;
        Self {
            criteria: evidence.criteria.into_iter().map(Findings).collect(),
            tests: TestRounds {
                rounds: evidence.rounds.into_iter().map(TestRound::from).collect(),
                note: evidence.tests_note,
            },
            decisions: evidence.decisions.into_iter().map(Decision::from).collect(),
            commits: evidence.commits.into_iter().map(Commit::from).collect(),
            diff_stat: DiffStat { files, additions, deletions },
            cost_usd: evidence.spent.cost_usd,
            tokens: evidence.spent.tokens.total(),
            token_counts: evidence.spent.tokens,
            iterations: evidence.spent.iterations,
            duration_seconds: evidence.spent.running_seconds,
        }
    }
}

impl From<engine::TestRound> for TestRound {
    fn from(round: engine::TestRound) -> Self {
        Self {
            round: round.round,
            runner: round.runner,
            passed: round.passed,
            text: round.text,
            summary: TestSummary::of(&round.cases),
            cases: round.cases.into_iter().map(TestCase::from).collect(),
        }
    }
}

/// A file that differs from the base.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct FileChange {
    /// Its path in the worktree.
    pub path: String,
    /// Its path before it was renamed.
    pub old_path: Option<String>,
    /// `added`, `modified`, `deleted` or `renamed`.
    pub status: &'static str,
    /// Lines added.
    pub additions: u32,
    /// Lines removed.
    pub deletions: u32,
    /// Whether it is no text.
    pub binary: bool,
    /// Whether part of the difference is not committed.
    pub uncommitted: bool,
}

impl From<workspace::FileChange> for FileChange {
    fn from(change: workspace::FileChange) -> Self {
        Self {
            path: change.path,
            old_path: change.old_path,
            status: change.status,
            additions: change.additions,
            deletions: change.deletions,
            binary: change.binary,
            uncommitted: change.uncommitted,
        }
    }
}

/// One place in which a task works or reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Worktree {
    /// Where the agent works.
    pub path: String,
    /// The repository.
    pub source: String,
    /// What the task may do there.
    pub access: Access,
    /// Whether it is the user's own folder, in which nothing is ever removed.
    pub in_place: bool,
    /// The branch.
    pub branch: Option<String>,
    /// The branch that it was made from.
    pub base: Option<String>,
    /// The commit that it was made from.
    pub base_commit: Option<String>,
    /// The branch's commit now.
    pub head: Option<String>,
    /// Whether the folder is there.
    pub exists: bool,
    /// Whether anything in it is not committed.
    pub dirty: bool,
    /// Whether all its commits are in its base.
    pub merged: bool,
    /// Bytes on the disk.
    pub size_bytes: u64,
    /// Refs under which work of this task was kept.
    pub kept_refs: Vec<String>,
    /// The first port of its range.
    pub first_port: Option<u16>,
    /// How many ports the range has.
    pub ports: u16,
}

impl From<engine::WorktreeView> for Worktree {
    fn from(view: engine::WorktreeView) -> Self {
        let (place, state) = (view.place, view.state);
        Self {
            path: place.path,
            source: place.source,
            access: place.access,
            in_place: !place.is_worktree,
            branch: place.branch,
            base: place.base,
            base_commit: place.base_commit,
            head: state.head,
            exists: state.exists,
            dirty: state.dirty,
            merged: state.merged,
            size_bytes: state.size_bytes,
            kept_refs: state.kept_refs,
            first_port: place.first_port,
            ports: place.ports,
        }
    }
}

/// Where a task works: its first place, and all of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Worktrees {
    /// The first place.
    #[serde(flatten)]
    pub first: Worktree,
    /// Every place of the task, the first among them.
    pub places: Vec<Worktree>,
}
