//! JUnit XML: what most test tools can write.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use taskwright_plugin::testing::{CaseStatus, TestCase};

use crate::{kept, milliseconds, with_unique_names};

/// What names a case's suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suites {
    /// Its `classname`, else the suites around it.
    Class,
    /// The suites around it.
    Around,
}

/// What is known of the case that is being read.
#[derive(Default)]
struct Open {
    name: String,
    class: String,
    duration_ms: Option<u64>,
    failed: bool,
    skipped: bool,
    why: String,
    printed: String,
}

/// Where text belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Into {
    Nothing,
    Why,
    Printed,
}

/// Reads a report.
///
/// # Errors
/// When it is no XML.
pub fn junit(xml: &str, suites: Suites) -> Result<Vec<TestCase>, String> {
    let mut reader = Reader::from_str(xml);
    let mut cases = Vec::new();
    let mut around: Vec<String> = Vec::new();
    let mut open: Option<Open> = None;
    let mut into = Into::Nothing;
    loop {
        match reader.read_event().map_err(|e| format!("the report is no XML: {e}"))? {
            Event::Start(tag) => match (tag.local_name().as_ref(), &mut open) {
                ("testsuite", _) => around.push(attribute(&tag, "name")),
                ("testcase", _) => open = Some(begin(&tag)),
                (name, Some(case)) => into = child(name, &tag, case),
                _ => {}
            },
            Event::Empty(tag) => match (tag.local_name().as_ref(), &mut open) {
                ("testcase", _) => cases.push(end(begin(&tag), &around, suites)),
                (name, Some(case)) => _ = child(name, &tag, case),
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "testsuite" => _ = around.pop(),
                "testcase" => cases.extend(open.take().map(|case| end(case, &around, suites))),
                _ => into = Into::Nothing,
            },
            Event::Text(text) => add(&mut open, into, &text.xml10_content()),
            Event::CData(text) => add(&mut open, into, &text.xml10_content()),
            Event::GeneralRef(name) => add(&mut open, into, &reference(&name.xml10_content())),
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(with_unique_names(cases))
}

fn attribute(tag: &BytesStart, name: &str) -> String {
    let found = tag.attributes().flatten().find(|a| a.key.local_name().as_ref() == name);
    found.and_then(|a| a.normalized_value(XmlVersion::Implicit1_0).ok()).map(|v| v.into_owned()).unwrap_or_default()
}

fn begin(tag: &BytesStart) -> Open {
    let class = match attribute(tag, "classname") {
        class if class.is_empty() => attribute(tag, "file"),
        class => class,
    };
    Open { name: attribute(tag, "name"), class, duration_ms: milliseconds(&attribute(tag, "time")), ..Open::default() }
}

fn child(name: &str, tag: &BytesStart, case: &mut Open) -> Into {
    match name {
        "failure" | "error" | "rerunFailure" => case.failed |= name != "rerunFailure",
        "skipped" => case.skipped = true,
        "system-out" | "system-err" => return Into::Printed,
        _ => return Into::Nothing,
    }
    let message = attribute(tag, "message");
    if !message.is_empty() {
        case.why.push_str(&message);
        case.why.push('\n');
    }
    Into::Why
}

fn add(open: &mut Option<Open>, into: Into, text: &str) {
    match (open, into) {
        (Some(case), Into::Why) => case.why.push_str(text),
        (Some(case), Into::Printed) => case.printed.push_str(text),
        _ => {}
    }
}

/// The character that a reference stands for; an unknown one stays as it is written.
fn reference(name: &str) -> String {
    let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    });
    match (name, number.and_then(char::from_u32)) {
        (_, Some(c)) => c.to_string(),
        ("lt", _) => "<".into(),
        ("gt", _) => ">".into(),
        ("amp", _) => "&".into(),
        ("quot", _) => "\"".into(),
        ("apos", _) => "'".into(),
        _ => format!("&{name};"),
    }
}

fn end(case: Open, around: &[String], suites: Suites) -> TestCase {
    let around = around.iter().filter(|s| !s.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" > ");
    let suite = if suites == Suites::Around || case.class.is_empty() { around } else { case.class };
    // A tool may count what is to be done as failed and skipped at once.
    let status = match (case.skipped, case.failed) {
        (true, _) => CaseStatus::Skipped,
        (_, true) => CaseStatus::Failed,
        _ => CaseStatus::Passed,
    };
    let output = if status == CaseStatus::Failed { format!("{}\n{}", case.why.trim(), case.printed) } else { case.why };
    TestCase::new(suite, case.name, status).output(kept(&output)).took(case.duration_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(cases: &[TestCase]) -> Vec<String> {
        cases.iter().map(|c| format!("{:?} {} :: {}", c.status, c.suite, c.name)).collect()
    }

    #[test]
    fn what_pytest_wrote_is_read() {
        let cases = junit(include_str!("../fixtures/pytest.xml"), Suites::Class).unwrap();
        assert_eq!(
            lines(&cases),
            [
                "CaseStatus::Passed tests.test_a :: test_pass",
                "CaseStatus::Failed tests.test_a :: test_fail",
                "CaseStatus::Skipped tests.test_a :: test_skip",
                "CaseStatus::Passed tests.test_a :: test_param[1]",
                "CaseStatus::Failed tests.test_a :: test_param[2]",
                "CaseStatus::Failed tests.test_a :: test_error",
                "CaseStatus::Passed tests.test_a.TestC :: test_in_class",
            ]
        );
        assert!(cases[1].output.contains("AssertionError: differs"), "{}", cases[1].output);
        assert!(cases[0].duration_ms.is_some());
    }

    #[test]
    fn what_node_wrote_is_read() {
        let cases = junit(include_str!("../fixtures/node.xml"), Suites::Around).unwrap();
        assert_eq!(
            lines(&cases),
            [
                "CaseStatus::Passed  :: passes",
                "CaseStatus::Failed  :: fails <&>",
                "CaseStatus::Skipped  :: skipped",
                "CaseStatus::Skipped  :: todo",
                "CaseStatus::Passed group :: inner ok",
                "CaseStatus::Failed group :: inner bad",
                "CaseStatus::Passed group > deep :: x",
                "CaseStatus::Failed  :: /w/task/b.test.js",
            ]
        );
        assert!(cases[1].output.contains("TestContext.<anonymous>"), "{}", cases[1].output);
    }

    #[test]
    fn what_is_printed_is_kept_for_a_failure() {
        let xml = "<testsuite name='s'><testcase name='a'><failure>no&#10;way</failure><system-out><![CDATA[1 < 2]]></system-out></testcase></testsuite>";
        let cases = junit(xml, Suites::Class).unwrap();
        assert_eq!((cases[0].suite.as_str(), cases[0].output.as_str()), ("s", "no\nway\n1 < 2"));
    }

    #[test]
    fn what_is_no_xml_is_told() {
        assert!(junit("<testsuite><a></testsuite>", Suites::Class).is_err());
        assert_eq!(junit("", Suites::Class), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
            let _ = junit(&text, Suites::Class);
        }

        #[test]
        fn as_many_cases_come_out_as_went_in(names in proptest::collection::vec("[a-z<&\"' ]{1,8}", 0..20)) {
            let escaped = |n: &String| n.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            let inner: String = names.iter().map(|n| format!("<testcase name=\"{}\"/>", escaped(n))).collect();
            let cases = junit(&format!("<testsuites><testsuite name='s'>{inner}</testsuite></testsuites>"), Suites::Class).unwrap();
            prop_assert_eq!(cases.len(), names.len());
            prop_assert!(cases.iter().zip(&names).all(|(c, n)| c.name.starts_with(n.as_str())));
        }
    }
}
