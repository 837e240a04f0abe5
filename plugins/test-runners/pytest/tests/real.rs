//! The plan is run by the real Python, and its output read.

use taskwright_plugin::TestRunner;
use taskwright_plugin::testing::{CaseStatus, TestCase};
use taskwright_test_runner_pytest::{Pytest, interpret, plan};
use taskwright_trial::Trial;

const ADDER: (&str, &str) = ("adder.py", "def add(a, b):\n    return a + b\n");
const TESTS: &str = "import unittest\n\nfrom adder import add\n\n\nclass TestAdder(unittest.TestCase):\n    def test_two_and_two(self):\n        self.assertEqual(add(2, 2), 4)\n\n    def test_negative(self):\n        self.assertEqual(add(-1, 1), 0)\n";

fn cases(trial: &Trial) -> Vec<TestCase> {
    let plan = plan(&trial.project(&Pytest::wants()), &|path| trial.read(path)).expect("it is a Python project");
    trial.run(&plan).iter().flat_map(interpret).collect()
}

fn lines(cases: &[TestCase]) -> Vec<String> {
    cases.iter().map(|c| format!("{:?} {} :: {}", c.status, c.suite, c.name)).collect()
}

#[test]
fn a_package_of_unittests_is_tested() {
    let trial = Trial::new(&[ADDER, ("tests/__init__.py", ""), ("tests/test_adder.py", TESTS)]);
    assert_eq!(
        lines(&cases(&trial)),
        [
            "CaseStatus::Passed tests.test_adder.TestAdder :: test_negative",
            "CaseStatus::Passed tests.test_adder.TestAdder :: test_two_and_two"
        ]
    );
}

#[test]
fn a_folder_that_is_no_package_is_tested_too_and_a_failure_told() {
    let trial = Trial::new(&[ADDER, ("tests/test_adder.py", &TESTS.replace("4)", "5)"))]);
    let cases = cases(&trial);
    assert_eq!(cases[1].name, "test_two_and_two");
    assert_eq!(cases[1].status, CaseStatus::Failed);
    assert!(cases[1].output.contains("4 != 5"), "{}", cases[1].output);
}

#[test]
fn a_test_that_cannot_be_imported_is_a_failed_case() {
    let trial = Trial::new(&[("test_adder.py", TESTS)]);
    assert_eq!(lines(&cases(&trial)), ["CaseStatus::Failed  :: test_adder"]);
}

#[test]
fn a_project_configured_for_pytest_with_unittests_needs_no_pytest() {
    let trial = Trial::new(&[
        ("pyproject.toml", "[tool.pytest.ini_options]\npythonpath = ['.']\n"),
        (
            "test_sanity.py",
            "import unittest\n\n\nclass TestSanity(unittest.TestCase):\n    def test_sanity(self):\n        self.assertTrue(True)\n",
        ),
    ]);
    assert_eq!(lines(&cases(&trial)), ["CaseStatus::Passed test_sanity.TestSanity :: test_sanity"]);
}

#[test]
fn tests_of_pytest_are_read_or_the_missing_pytest_told() {
    let trial = Trial::new(&[
        ADDER,
        ("tests/test_adder.py", "from adder import add\n\n\ndef test_two_and_two():\n    assert add(2, 2) == 4\n"),
        ("pytest.ini", "[pytest]\npythonpath = .\n"),
    ]);
    let cases = cases(&trial);
    let passed = lines(&cases) == ["CaseStatus::Passed tests.test_adder :: test_two_and_two"];
    let missing = cases.len() == 1 && cases[0].output.contains("pip install pytest");
    assert!(passed || missing, "{cases:?}");
}
