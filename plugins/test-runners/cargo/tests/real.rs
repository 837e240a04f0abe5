//! The plan is run by the real cargo, and its output read.

use taskwright_plugin::testing::{CaseStatus, TestCase};
use taskwright_plugin::{TestRunner, testing::Outcome};
use taskwright_test_runner_cargo::{Cargo, plan};
use taskwright_trial::Trial;

const MANIFEST: (&str, &str) = ("Cargo.toml", "[package]\nname = \"adder\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
const LIBRARY: &str = "/// Adds.\n///\n/// ```\n/// assert_eq!(adder::add(1, 1), 2);\n/// ```\npub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn two_and_two() {\n        assert_eq!(super::add(2, 2), 4);\n    }\n}\n";
const OUTSIDE: (&str, &str) =
    ("tests/outside.rs", "#[test]\nfn negative() {\n    assert_eq!(adder::add(-1, 1), 0);\n}\n");

fn cases(trial: &Trial) -> Vec<TestCase> {
    let plan = plan(&trial.project(&Cargo::wants())).expect("it is a Rust project");
    let outcomes: Vec<Outcome> = trial.run(&plan);
    Cargo::interpret(outcomes).expect("it is read")
}

#[test]
fn all_kinds_of_tests_are_read_and_named_by_their_program() {
    let trial = Trial::new(&[MANIFEST, ("src/lib.rs", LIBRARY), OUTSIDE]);
    let lines: Vec<String> =
        cases(&trial).iter().map(|c| format!("{:?} {} :: {}", c.status, c.suite, c.name)).collect();
    assert_eq!(
        lines,
        [
            "CaseStatus::Passed adder src/lib.rs :: tests::two_and_two",
            "CaseStatus::Passed tests/outside.rs :: negative",
            "CaseStatus::Passed adder documentation :: src/lib.rs - add",
        ]
    );
    trial.write("src/lib.rs", &LIBRARY.replace("a + b", "a - b"));
    let failed: Vec<String> =
        cases(&trial).into_iter().filter(|c| c.status == CaseStatus::Failed).map(|c| c.name).collect();
    assert_eq!(failed, ["tests::two_and_two", "negative", "src/lib.rs - add"]);
    trial.write("src/lib.rs", "pub fn add(");
    let broken = cases(&trial);
    assert_eq!((broken.len(), broken[0].name.as_str()), (1, "compilation"));
    assert!(broken[0].output.starts_with("error"), "{}", broken[0].output);
}
