//! Test cases: single tests of one round, as a test runner read them.

use super::{
    ids::{TaskId, TestCaseId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Where a test comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TestType {
    /// Written by the agent for this task.
    Generated,
    /// In the project before.
    Regression,
}

/// How a test ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TestStatus {
    /// It has not run, or was skipped.
    Pending,
    /// It passed.
    Passed,
    /// It failed.
    Failed,
}

/// One test of one round.
#[derive(Clone, PartialEq, Debug)]
pub struct TestCase {
    /// Its identifier.
    pub id: TestCaseId,
    /// Whose test.
    pub task_id: TaskId,
    /// The round, counted from 1.
    pub round: u32,
    /// The test runner that read it.
    pub runner: String,
    /// Its name.
    pub name: String,
    /// What it is about: its file or suite.
    pub description: Option<String>,
    /// Its source, where the runner tells it.
    pub test_code: Option<String>,
    /// Where it comes from.
    pub test_type: TestType,
    /// How it ended.
    pub status: TestStatus,
    /// What it printed.
    pub output: Option<String>,
    /// Milliseconds that it took.
    pub duration_ms: Option<u64>,
    /// When.
    pub created_at: Timestamp,
}

/// Counts of a round.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TestSummary {
    /// All.
    pub total: u64,
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// Not run, or skipped.
    pub pending: u64,
}

impl TestSummary {
    /// Counts cases.
    #[must_use]
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a TestCase>) -> Self {
        let mut summary = Self::default();
        for case in cases {
            summary.total += 1;
            match case.status {
                TestStatus::Pending => summary.pending += 1,
                TestStatus::Passed => summary.passed += 1,
                TestStatus::Failed => summary.failed += 1,
            }
        }
        summary
    }
}
