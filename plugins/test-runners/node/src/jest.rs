//! Jest's JSON report.

use serde_json::Value;
use taskwright_plugin::testing::{CaseStatus, TestCase};
use taskwright_reports::{kept, with_unique_names};

use crate::framework::short;

/// Reads a report.
///
/// # Errors
/// When it is not one of jest's.
pub fn read(json: &str) -> Result<Vec<TestCase>, String> {
    let report: Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let files = report.get("testResults").and_then(Value::as_array).ok_or("it has no `testResults`")?;
    Ok(with_unique_names(files.iter().flat_map(file).collect()))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    let list = value.get(field).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn file(file: &Value) -> Vec<TestCase> {
    let suite = short(text(file, "name"));
    let tests = file.get("assertionResults").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if tests.is_empty() && text(file, "status") == "failed" {
        let output = kept(text(file, "message"));
        return vec![TestCase::new(suite, "the file", CaseStatus::Failed).output(output)];
    }
    tests.iter().map(|test| case(test, &suite)).collect()
}

fn case(test: &Value, suite: &str) -> TestCase {
    let mut name = texts(test, "ancestorTitles");
    name.push(text(test, "title").to_owned());
    let status = match text(test, "status") {
        "passed" => CaseStatus::Passed,
        "failed" => CaseStatus::Failed,
        _ => CaseStatus::Skipped,
    };
    let duration = test.get("duration").and_then(Value::as_f64).filter(|d| *d >= 0.0).map(|d| d.round() as u64);
    TestCase::new(suite, name.join(" > "), status)
        .output(kept(&texts(test, "failureMessages").join("\n")))
        .took(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tests_and_files_that_failed_are_read() {
        let json = r#"{"testResults": [
            {"name": "/w/task/src/a.test.js", "status": "failed", "message": "", "assertionResults": [
                {"ancestorTitles": ["adder"], "title": "adds", "status": "passed", "duration": 3},
                {"ancestorTitles": [], "title": "fails", "status": "failed", "duration": null, "failureMessages": ["expected 1"]},
                {"ancestorTitles": [], "title": "later", "status": "pending"}]},
            {"name": "/w/task/src/b.test.js", "status": "failed", "message": "SyntaxError", "assertionResults": []}]}"#;
        let cases = read(json).unwrap();
        let lines: Vec<String> =
            cases.iter().map(|c| format!("{:?} {} :: {} {}", c.status, c.suite, c.name, c.output)).collect();
        assert_eq!(
            lines,
            [
                "CaseStatus::Passed src/a.test.js :: adder > adds ",
                "CaseStatus::Failed src/a.test.js :: fails expected 1",
                "CaseStatus::Skipped src/a.test.js :: later ",
                "CaseStatus::Failed src/b.test.js :: the file SyntaxError",
            ]
        );
        assert_eq!(cases[0].duration_ms, Some(3));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,100}") {
            let _ = read(&text);
        }
    }
}
