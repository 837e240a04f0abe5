//! TAP, the Test Anything Protocol (versions 12 to 14), with indented subtests.

use taskwright_plugin::testing::{CaseStatus, TestCase};

use crate::{kept, with_unique_names};

/// A test line that was read, with its depth.
struct Line<'a> {
    depth: usize,
    ok: bool,
    name: &'a str,
    directive: &'a str,
}

/// Reads TAP; what is no TAP is passed over. A test that has subtests is their suite. A plan that promises more tests
/// than came, and a bail-out, are failed cases.
pub fn tap(text: &str) -> Vec<TestCase> {
    let mut reader = Tap::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let depth = indent / 4;
        let bare = line.trim();
        if let Some(reason) = bare.strip_prefix("Bail out!") {
            reader.failed("bail out", reason.trim());
        } else if let Some(planned) = plan(bare) {
            reader.planned(depth, planned);
        } else if let Some(test) = test(bare, depth) {
            let mut detail = String::new();
            if lines.next_if(|next| next.trim() == "---").is_some() {
                for next in lines.by_ref().take_while(|next| next.trim() != "...") {
                    detail.push_str(next.strip_prefix(&line[..indent]).unwrap_or(next));
                    detail.push('\n');
                }
            }
            reader.test(&test, &detail);
        }
    }
    reader.end()
}

fn plan(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("1..")?;
    rest.split(['#', ' ']).next()?.parse().ok()
}

fn test(line: &str, depth: usize) -> Option<Line<'_>> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim();
    let (name, directive) = match rest.rsplit_once(" # ").or_else(|| rest.strip_prefix("# ").map(|d| ("", d))) {
        Some((name, directive)) if is_directive(directive) => (name.trim(), directive.trim()),
        _ => (rest, ""),
    };
    Some(Line { depth, ok, name: name.trim_end_matches(" {"), directive })
}

fn is_directive(text: &str) -> bool {
    let word = text.trim().to_ascii_lowercase();
    word.starts_with("skip") || word.starts_with("todo") || word.starts_with("time=")
}

#[derive(Default)]
struct Tap {
    /// The cases of each depth that wait for the test that they belong to.
    waiting: Vec<Vec<TestCase>>,
    count: usize,
    planned: Option<usize>,
}

impl Tap {
    fn level(&mut self, depth: usize) -> &mut Vec<TestCase> {
        let depth = depth.min(16);
        if self.waiting.len() <= depth {
            self.waiting.resize_with(depth + 1, Vec::new);
        }
        &mut self.waiting[depth]
    }

    fn planned(&mut self, depth: usize, count: usize) {
        if depth == 0 {
            self.planned = Some(count);
        }
    }

    fn test(&mut self, line: &Line, detail: &str) {
        let name = if line.name.is_empty() { format!("test {}", self.count + 1) } else { line.name.to_owned() };
        self.count += usize::from(line.depth == 0);
        let mut inner = Vec::new();
        for deeper in self.waiting.iter_mut().skip(line.depth.min(16) + 1) {
            inner.append(deeper);
        }
        if !inner.is_empty() {
            for case in &mut inner {
                case.suite = if case.suite.is_empty() { name.clone() } else { format!("{name} > {}", case.suite) };
            }
            let told = line.ok || inner.iter().any(|c| c.status == CaseStatus::Failed);
            self.level(line.depth).append(&mut inner);
            if told {
                return;
            }
        }
        let directive = line.directive.to_ascii_lowercase();
        let status = match line.ok {
            _ if directive.starts_with("skip") || directive.starts_with("todo") => CaseStatus::Skipped,
            true => CaseStatus::Passed,
            false => CaseStatus::Failed,
        };
        let output = match status {
            CaseStatus::Failed => kept(detail),
            CaseStatus::Skipped => kept(line.directive),
            CaseStatus::Passed => String::new(),
        };
        let case = TestCase::new("", name, status).output(output).took(duration(detail));
        self.level(line.depth).push(case);
    }

    fn failed(&mut self, name: &str, output: &str) {
        self.level(0).push(TestCase::new("", name, CaseStatus::Failed).output(kept(output)));
    }

    fn end(mut self) -> Vec<TestCase> {
        if let Some(planned) = self.planned.filter(|planned| *planned > self.count) {
            let count = self.count;
            self.failed("the plan", &format!("{planned} tests were planned, {count} came."));
        }
        with_unique_names(self.waiting.into_iter().flatten().collect())
    }
}

fn duration(detail: &str) -> Option<u64> {
    let value = detail.lines().find_map(|l| l.trim().strip_prefix("duration_ms:"))?;
    let ms: f64 = value.trim().parse().ok()?;
    (0.0..1e12).contains(&ms).then(|| ms.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<String> {
        tap(text).iter().map(|c| format!("{:?} {} :: {}", c.status, c.suite, c.name)).collect()
    }

    #[test]
    fn what_node_wrote_is_read() {
        let text = include_str!("../fixtures/node.tap");
        assert_eq!(
            lines(text),
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
        assert!(tap(text)[1].output.contains("ERR_ASSERTION"));
    }

    #[test]
    fn plain_tap_is_read_with_its_directives() {
        assert_eq!(
            lines("TAP version 13\n1..3\nok 1 - a\nnot ok 2 - b # TODO later\nok # skip no need\n"),
            ["CaseStatus::Passed  :: a", "CaseStatus::Skipped  :: b", "CaseStatus::Skipped  :: test 3"]
        );
    }

    #[test]
    fn tests_that_were_promised_and_did_not_come_are_told() {
        assert_eq!(lines("1..2\nok 1 - a\n"), ["CaseStatus::Passed  :: a", "CaseStatus::Failed  :: the plan"]);
        assert_eq!(lines("Bail out! no database\n"), ["CaseStatus::Failed  :: bail out"]);
    }

    #[test]
    fn other_output_is_passed_over() {
        assert_eq!(lines("hello\nokay then\nok 1 - a\n# comment\n"), ["CaseStatus::Passed  :: a"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,200}") {
            let _ = tap(&text);
        }

        #[test]
        fn tap_like_text_is_read(text in "(ok|not ok| {0,4}|1\\.\\.|#|---|\\.\\.\\.|[0-9a-z]|\n){0,60}") {
            let _ = tap(&text);
        }

        #[test]
        fn every_test_line_is_a_case(results in proptest::collection::vec(any::<bool>(), 0..30)) {
            let text: String = results.iter().enumerate().map(|(i, ok)| format!("{} {} - t{i}\n", if *ok { "ok" } else { "not ok" }, i + 1)).collect();
            let cases = tap(&text);
            prop_assert_eq!(cases.len(), results.len());
            prop_assert!(cases.iter().zip(&results).all(|(c, ok)| (c.status == CaseStatus::Passed) == *ok));
        }
    }
}
