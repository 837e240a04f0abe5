use super::*;
use crate::domain::{TaskId, Timestamp, test_case::TestType};

pub(super) fn stored_case(suite: &str, name: &str) -> TestCase {
    TestCase {
        id: TestCaseId::new(),
        task_id: TaskId::new(),
        round: 1,
        runner: "cargo".into(),
        name: name.into(),
        description: Some(suite.into()),
        test_code: None,
        test_type: TestType::Regression,
        status: TestStatus::Passed,
        output: None,
        duration_ms: None,
        created_at: Timestamp::from_seconds(0),
    }
}
