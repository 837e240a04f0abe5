//! The events of `go test -json`, one JSON object a line.

use std::collections::BTreeMap;

use serde::Deserialize;
use taskwright_plugin::testing::{CaseStatus, Outcome, TestCase};
use taskwright_reports::{kept, with_failed_run, with_unique_names};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Event {
    action: String,
    package: String,
    import_path: String,
    test: String,
    output: String,
    elapsed: Option<f64>,
}

#[derive(Default)]
struct Seen {
    status: Option<CaseStatus>,
    output: String,
    duration_ms: Option<u64>,
}

/// Most bytes of output that are gathered for one test.
const MAX_GATHERED: usize = 256 * 1024;

/// Reads one run.
pub fn read(outcome: &Outcome) -> Vec<TestCase> {
    // By package and test, the package itself under an empty name. Sorted, so that the order does not depend on timing.
    let mut seen: BTreeMap<(String, String), Seen> = BTreeMap::new();
    for event in outcome.stdout.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
        let package = if event.package.is_empty() { event.import_path } else { event.package };
        let entry = seen.entry((package, event.test)).or_default();
        match event.action.as_str() {
            "output" | "build-output" if entry.output.len() < MAX_GATHERED => entry.output.push_str(&event.output),
            "pass" => entry.status = Some(CaseStatus::Passed),
            "fail" | "build-fail" => entry.status = Some(CaseStatus::Failed),
            "skip" => entry.status = Some(CaseStatus::Skipped),
            // A test that began and never ended was cut off, by a panic or the end of time.
            "run" if entry.status.is_none() => entry.status = Some(CaseStatus::Failed),
            _ => {}
        }
        if let Some(seconds) = event.elapsed.filter(|s| (0.0..1e9).contains(s)) {
            entry.duration_ms = Some((seconds * 1000.0).round() as u64);
        }
    }
    let mut cases = Vec::new();
    for ((package, test), entry) in &seen {
        if test.is_empty() {
            cases.extend(whole_package(package, entry, &seen, outcome));
        } else if !is_parent(package, test, entry, &seen)
            && let Some(status) = entry.status
        {
            let output = if status == CaseStatus::Passed { String::new() } else { kept(&entry.output) };
            cases.push(TestCase::new(package, test, status).output(output).took(entry.duration_ms));
        }
    }
    with_failed_run(with_unique_names(cases), outcome)
}

/// A package that failed though none of its tests did: it did not compile, or broke off.
fn whole_package(
    package: &str,
    entry: &Seen,
    seen: &BTreeMap<(String, String), Seen>,
    outcome: &Outcome,
) -> Option<TestCase> {
    let told = seen.iter().any(|((p, t), s)| p == package && !t.is_empty() && s.status == Some(CaseStatus::Failed));
    if entry.status != Some(CaseStatus::Failed) || told {
        return None;
    }
    let output = format!("{}{}", entry.output, outcome.stderr);
    Some(TestCase::new(package, "the package", CaseStatus::Failed).output(kept(&output)))
}

/// Whether a test is told by its subtests: it passed with them, or failed because one of them did.
fn is_parent(package: &str, test: &str, entry: &Seen, seen: &BTreeMap<(String, String), Seen>) -> bool {
    let start = format!("{test}/");
    let mut children = seen.iter().filter(|((p, t), _)| p == package && t.starts_with(&start)).peekable();
    children.peek().is_some()
        && (entry.status != Some(CaseStatus::Failed) || children.any(|(_, c)| c.status == Some(CaseStatus::Failed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use taskwright_reports::program;

    fn outcome(status: i32, stdout: &str) -> Outcome {
        Outcome {
            command: program(&["go", "test", "-json", "./..."], &[], &[]),
            status: Some(status),
            timed_out: false,
            error: String::new(),
            stdout: stdout.into(),
            stderr: "# m/broken\n./a.go:3:1: syntax error".into(),
            reports: Vec::new(),
        }
    }

    const RUN: &str = r#"{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestAdd"}
{"Action":"run","Package":"m/a","Test":"TestAdd/two"}
{"Action":"output","Package":"m/a","Test":"TestAdd/two","Output":"    a_test.go:9: got 3\n"}
{"Action":"fail","Package":"m/a","Test":"TestAdd/two","Elapsed":0.01}
{"Action":"pass","Package":"m/a","Test":"TestAdd/one","Elapsed":0}
{"Action":"fail","Package":"m/a","Test":"TestAdd","Elapsed":0.01}
{"Action":"skip","Package":"m/a","Test":"TestLater","Elapsed":0}
{"Action":"pass","Package":"m/a","Test":"TestOk","Elapsed":1.5}
{"Action":"fail","Package":"m/a","Elapsed":0.1}
{"Action":"output","Package":"m/broken","Output":"FAIL\tm/broken [build failed]\n"}
{"Action":"fail","Package":"m/broken","Elapsed":0}
{"Action":"skip","Package":"m/none","Elapsed":0}
"#;

    #[test]
    fn tests_subtests_and_packages_that_do_not_compile_are_read() {
        let cases = read(&outcome(1, RUN));
        let lines: Vec<String> = cases.iter().map(|c| format!("{:?} {} :: {}", c.status, c.suite, c.name)).collect();
        assert_eq!(
            lines,
            [
                "CaseStatus::Passed m/a :: TestAdd/one",
                "CaseStatus::Failed m/a :: TestAdd/two",
                "CaseStatus::Skipped m/a :: TestLater",
                "CaseStatus::Passed m/a :: TestOk",
                "CaseStatus::Failed m/broken :: the package",
            ]
        );
        assert_eq!(cases[1].output, "a_test.go:9: got 3");
        assert!(cases[4].output.contains("syntax error"));
        assert_eq!(cases[3].duration_ms, Some(1500));
    }

    #[test]
    fn a_test_that_never_ended_failed() {
        let cases = read(&outcome(2, "{\"Action\":\"run\",\"Package\":\"m\",\"Test\":\"TestA\"}\npanic: x\n"));
        assert_eq!((cases.len(), cases[0].status), (1, CaseStatus::Failed));
    }

    #[test]
    fn a_run_that_told_nothing_is_a_failed_case() {
        assert_eq!(read(&outcome(1, "go: cannot find main module"))[0].name, "the test run");
    }

    proptest! {
        #[test]
        fn any_output_is_read(text in "(\\{\"Action\":\"(run|pass|fail)\",\"Package\":\"m\",\"Test\":\"T(/a)?\"\\}|.|\n){0,20}") {
            let _ = read(&outcome(0, &text));
        }
    }
}
