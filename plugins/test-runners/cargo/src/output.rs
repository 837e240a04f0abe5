//! What `cargo test` writes, read into cases: on standard output one block for each test program, on standard error the
//! programs' names in the same order.

use std::collections::HashMap;

use taskwright_plugin::testing::{CaseStatus, Outcome, TestCase};
use taskwright_plugin::words::without_escapes;
use taskwright_reports::{kept, with_failed_run, with_unique_names};

/// Reads one run.
pub fn read(outcome: &Outcome) -> Vec<TestCase> {
    let stdout = without_escapes(&outcome.stdout);
    let stderr = without_escapes(&outcome.stderr);
    let mut cases = blocks(&stdout, &suites(&stderr));
    if outcome.status != Some(0)
        && let Some(said) = compiler_errors(&stderr)
    {
        cases.push(TestCase::new("", "compilation", CaseStatus::Failed).output(kept(said)));
    }
    with_failed_run(with_unique_names(cases), outcome)
}

/// The test programs in their order: `cg src/lib.rs`, `tests/it.rs`, `cg documentation`.
fn suites(stderr: &str) -> Vec<String> {
    let mut suites = Vec::new();
    for line in stderr.lines().map(str::trim) {
        if let Some(running) = line.strip_prefix("Running unittests ") {
            let (path, program) = running.split_once(" (").unwrap_or((running, ""));
            let name = program.trim_end_matches(')').rsplit('/').next().unwrap_or_default();
            let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
            suites.push(format!("{name} {path}").trim().to_owned());
        } else if let Some(running) = line.strip_prefix("Running ").filter(|r| r.ends_with(')') && !r.starts_with('`'))
        {
            suites.push(running.split(" (").next().unwrap_or(running).to_owned());
        } else if let Some(name) = line.strip_prefix("Doc-tests ") {
            suites.push(format!("{name} documentation"));
        }
    }
    suites
}

/// The cases of all blocks. When there are not as many blocks as names, no block gets one.
fn blocks(stdout: &str, suites: &[String]) -> Vec<TestCase> {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in stdout.lines() {
        if is_block_start(line) {
            blocks.push(Vec::new());
        } else if let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    let named = blocks.len() == suites.len();
    let mut cases = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let suite = if named { suites[index].as_str() } else { "" };
        let outputs = failures(block);
        cases.extend(block.iter().filter_map(|line| case(line, suite, &outputs)));
    }
    cases
}

fn is_block_start(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("running ") else { return false };
    rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test")).is_some_and(|n| n.parse::<u32>().is_ok())
}

/// `test NAME ... ok`
fn case(line: &str, suite: &str, outputs: &HashMap<&str, String>) -> Option<TestCase> {
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let status = match result.split([',', ' ']).next()? {
        "ok" => CaseStatus::Passed,
        "FAILED" => CaseStatus::Failed,
        "ignored" => CaseStatus::Skipped,
        _ => return None,
    };
    let bare = name.trim_end_matches(" - should panic");
    let output = match status {
        CaseStatus::Failed => outputs.get(bare).or_else(|| outputs.get(name)).map_or_else(String::new, |o| kept(o)),
        CaseStatus::Skipped => result.strip_prefix("ignored, ").unwrap_or_default().to_owned(),
        CaseStatus::Passed => String::new(),
    };
    Some(TestCase::new(suite, without_line(bare), status).output(output))
}

/// The name without the line of a documentation test, which moves with every edit above it.
fn without_line(name: &str) -> String {
    match name.split_once(" (line ") {
        Some((before, rest)) => format!("{before}{}", rest.split_once(')').map_or("", |(_, after)| after)),
        None => name.to_owned(),
    }
}

/// What failed tests printed, by name.
fn failures<'a>(block: &[&'a str]) -> HashMap<&'a str, String> {
    let mut outputs: HashMap<&str, String> = HashMap::new();
    let mut current = None;
    for line in block {
        let title = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" ----"));
        if let Some(title) = title {
            let name = title.strip_suffix(" stdout").or_else(|| title.strip_suffix(" stderr")).unwrap_or(title);
            current = Some(name);
        } else if *line == "failures:" {
            current = None;
        } else if let Some(name) = current {
            let output = outputs.entry(name).or_default();
            output.push_str(line);
            output.push('\n');
        }
    }
    outputs
}

/// From the compiler's first error on, when it did not compile.
fn compiler_errors(stderr: &str) -> Option<&str> {
    if !stderr.contains("error: could not compile") && !stderr.contains("error: failed to parse manifest") {
        return None;
    }
    let starts = |text: &str| text.starts_with("error:") || text.starts_with("error[");
    if starts(stderr) {
        return Some(stderr);
    }
    let at = stderr.match_indices('\n').map(|(at, _)| at + 1).find(|at| starts(&stderr[*at..]))?;
    Some(&stderr[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use taskwright_reports::program;

    fn outcome(status: i32, stdout: &str, stderr: &str) -> Outcome {
        Outcome {
            command: program(&["cargo", "test"], &[], &[]),
            status: Some(status),
            timed_out: false,
            error: String::new(),
            stdout: stdout.into(),
            stderr: stderr.into(),
            reports: Vec::new(),
        }
    }

    #[test]
    fn unit_integration_and_documentation_tests_are_read() {
        let cases = read(&outcome(101, include_str!("../fixtures/run.stdout"), include_str!("../fixtures/run.stderr")));
        let lines: Vec<String> = cases.iter().map(|c| format!("{:?} {} :: {}", c.status, c.suite, c.name)).collect();
        assert_eq!(
            lines,
            [
                "CaseStatus::Skipped cg src/lib.rs :: tests::ignored",
                "CaseStatus::Passed cg src/lib.rs :: tests::ok",
                "CaseStatus::Failed cg src/lib.rs :: tests::bad",
                "CaseStatus::Passed cg src/lib.rs :: tests::panics",
                "CaseStatus::Passed tests/it.rs :: outer",
                "CaseStatus::Passed cg documentation :: src/lib.rs -",
                "CaseStatus::Failed cg documentation :: src/lib.rs - add",
            ]
        );
        assert_eq!(cases[0].output, "slow");
        assert!(cases[2].output.starts_with("some output"), "{}", cases[2].output);
        assert!(cases[6].output.contains("left: 2"), "{}", cases[6].output);
    }

    #[test]
    fn what_does_not_compile_is_one_failed_case() {
        let cases = read(&outcome(101, "", include_str!("../fixtures/broken.stderr")));
        assert_eq!(cases.len(), 1);
        assert_eq!((cases[0].name.as_str(), cases[0].status), ("compilation", CaseStatus::Failed));
        assert!(cases[0].output.starts_with("error: this file contains an unclosed delimiter"));
    }

    #[test]
    fn a_run_that_broke_off_is_a_failed_case_beside_what_passed() {
        let cases = read(&outcome(101, "running 2 tests\ntest a ... ok\n", "error: process didn't exit successfully"));
        assert_eq!(cases.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "the test run"]);
    }

    proptest! {
        #[test]
        fn any_output_is_read(stdout in "(running 1 test|test a|test | \\.\\.\\. |ok|FAILED|----|failures:|.|\n){0,40}", stderr in "(Running |Doc-tests |\\(|\\)|error|.|\n){0,20}") {
            let _ = read(&outcome(1, &stdout, &stderr));
        }
    }
}
