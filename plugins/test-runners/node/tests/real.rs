//! The plan is run by the real Node, and its report read.

use taskwright_plugin::TestRunner;
use taskwright_plugin::testing::{CaseStatus, TestCase};
use taskwright_test_runner_node::{Node, interpret, plan};
use taskwright_trial::Trial;

const PACKAGE: &str = r#"{"name": "adder", "version": "1.0.0", "type": "module", "scripts": {"test": "node --test"}}"#;
const ADDER: (&str, &str) = ("adder.js", "export const add = (a, b) => a + b;\n");
const TESTS: &str = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { add } from '../adder.js';\n\ntest('two and two', () => assert.equal(add(2, 2), 4));\ntest('negative', () => assert.equal(add(-1, 1), 0));\n";

fn cases(trial: &Trial) -> Vec<TestCase> {
    let plan = plan(&trial.project(&Node::wants())).expect("it is a Node project");
    trial.run(&plan).iter().flat_map(interpret).collect()
}

fn lines(cases: &[TestCase]) -> Vec<String> {
    cases.iter().map(|c| format!("{:?} {} :: {}", c.status, c.suite, c.name)).collect()
}

#[test]
fn the_tests_behind_the_script_are_read() {
    let trial = Trial::new(&[("package.json", PACKAGE), ADDER, ("tests/adder.test.js", TESTS)]);
    assert_eq!(lines(&cases(&trial)), ["CaseStatus::Passed  :: two and two", "CaseStatus::Passed  :: negative"]);
}

#[test]
fn a_failure_is_told_with_its_output() {
    let trial = Trial::new(&[("package.json", PACKAGE), ADDER, ("tests/adder.test.js", &TESTS.replace("4)", "5)"))]);
    let cases = cases(&trial);
    assert_eq!((cases[0].name.as_str(), cases[0].status), ("two and two", CaseStatus::Failed));
    assert!(cases[0].output.contains("4 == 5"), "{}", cases[0].output);
}

#[test]
fn a_file_that_does_not_load_is_a_failed_case() {
    let trial = Trial::new(&[("package.json", PACKAGE), ("tests/adder.test.js", TESTS)]);
    assert_eq!(lines(&cases(&trial)), ["CaseStatus::Failed  :: tests/adder.test.js"]);
}

#[test]
fn a_script_that_no_one_knows_counts_by_its_exit_status() {
    let package = |script: &str| format!(r#"{{"name": "a", "scripts": {{"test": "{script}"}}}}"#);
    let passed = Trial::new(&[("package.json", &package("node -e 0"))]);
    assert_eq!(lines(&cases(&passed)), ["CaseStatus::Passed  :: npm test"]);
    let failed = Trial::new(&[("package.json", &package("node -e process.exit(3)"))]);
    assert_eq!(lines(&cases(&failed)), ["CaseStatus::Failed  :: npm test"]);
}
