//! Rounds of tests: finds the test runner that knows the project, runs what it plans, and stores the cases it reads.

use super::{EngineError, context::Context};
use crate::{
    domain::{
        Task,
        test_case::{TestCase, TestSummary},
    },
    plugin::{PluginId, RunPlan},
};
use tokio_util::sync::CancellationToken;

/// How a task's project is tested.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Detected {
    /// A test runner knows it.
    Plan(TestPlan),
    /// None does.
    Nothing {
        /// Why, in a sentence for the user: no runner knows the project, the chain is empty, or all failed.
        note: String,
    },
}

/// A test runner with its plan.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TestPlan {
    /// The test runner.
    pub runner: PluginId,
    /// What it runs. `plan.guidance` belongs into the prompt that asks the agent to write tests.
    pub plan: RunPlan,
}

/// How a round went.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum RoundOutcome {
    /// The tests ran, or could not be run, which counts as a failed case.
    Ran(Round),
    /// There was nothing to run. `tests.ended` with round 0 is in the log.
    NoRunner {
        /// Why, in a sentence for the user.
        note: String,
    },
    /// It was cancelled. Nothing of it is stored; the same round is run again.
    Cancelled,
}

/// A round that has ended.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Round {
    /// Its number.
    pub round: u32,
    /// Whether no case failed.
    pub passed: bool,
    /// Counts.
    pub summary: TestSummary,
    /// The cases that failed.
    pub failed: Vec<TestCase>,
    /// In a sentence for the user.
    pub sentence: String,
    /// The message to the agent when some failed: which, with what they printed, cut where it is long.
    pub text: String,
}

/// Asks the test-runner chain how the project is tested, without running anything. Every call is recorded.
///
/// # Errors
/// [`EngineError::Store`] when the log cannot be read or written; a plugin's failure is no error.
pub(crate) async fn detect(ctx: &Context, task: &Task) -> Result<Detected, EngineError> {
    todo!()
}

/// The number of the next round of a task: one more than the last that has ended.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn next_round(ctx: &Context, task: &Task) -> Result<u32, EngineError> {
    todo!()
}

/// Runs one round: `tests.started`, the commands in the agent's folder, then every case with `tests.case` and
/// `tests.ended`, in one transaction. What the commands leave running is killed.
///
/// # Errors
/// [`EngineError::Store`] when the log cannot be written; that tests cannot be run is no error but a failed case.
pub(crate) async fn run_round(
    ctx: &Context,
    task: &Task,
    round: u32,
    cancel: &CancellationToken,
) -> Result<RoundOutcome, EngineError> {
    todo!()
}
