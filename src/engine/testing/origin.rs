//! Where a test comes from: was it in the project before, or did the task bring it?

use crate::{
    domain::test_case::{TestCase, TestType},
    plugin::RunCase,
    workspace::FileChange,
};
use std::collections::{HashMap, HashSet};

/// What is known of a task's changes when its tests are sorted.
#[derive(Debug, Default)]
pub(super) struct Origins {
    /// Tests of earlier rounds keep their type.
    known: HashMap<(String, String), TestType>,
    /// Files that the task added.
    added: HashSet<String>,
    /// Files that the task changed.
    modified: HashSet<String>,
    /// The lines that the task added, all files together.
    added_lines: String,
    /// Those of each changed file.
    added_lines_of: HashMap<String, String>,
}

impl Origins {
    /// Gathers what is known from earlier rounds, the changed files, and the diff to the base.
    pub(super) fn new(earlier: &[TestCase], changes: &[FileChange], diff: &str) -> Self {
        let mut origins = Self::default();
        for case in earlier {
            let key = (case.description.clone().unwrap_or_default(), case.name.clone());
            origins.known.entry(key).or_insert(case.test_type);
        }
        for change in changes {
            match change.status {
                "added" => origins.added.insert(change.path.clone()),
                _ => origins.modified.insert(change.path.clone()),
            };
        }
        origins.read_diff(diff);
        origins
    }

    fn read_diff(&mut self, diff: &str) {
        let mut file = String::new();
        for line in diff.lines() {
            if let Some(path) = line.strip_prefix("+++ ") {
                file = path.strip_prefix("b/").unwrap_or(path).trim().to_owned();
            } else if let Some(added) = line.strip_prefix('+') {
                for lines in [&mut self.added_lines, self.added_lines_of.entry(file.clone()).or_default()] {
                    lines.push_str(added);
                    lines.push('\n');
                }
            }
        }
    }

    /// The type of one test.
    pub(super) fn of(&self, case: &RunCase) -> TestType {
        if let Some(known) = self.known.get(&(case.suite.clone(), case.name.clone())) {
            return *known;
        }
        let name = short_name(&case.name);
        let is_in = |lines: &str| holds_word(lines, name);
        let generated = match self.file_of(case) {
            Some(File::Added) => true,
            Some(File::Modified(path)) => self.added_lines_of.get(path).is_some_and(|lines| is_in(lines)),
            None => is_in(&self.added_lines),
        };
        if generated { TestType::Generated } else { TestType::Regression }
    }

    /// The changed file that a test's suite names: by its path, or by a dotted module.
    fn file_of(&self, case: &RunCase) -> Option<File<'_>> {
        let suite = case.suite.as_str();
        if suite.is_empty() {
            return None;
        }
        let names = |path: &String| {
            let stem = path.rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem);
            let dotted = stem.replace('/', ".");
            path == suite
                || path.ends_with(&format!("/{suite}"))
                || suite.strip_suffix(path.as_str()).is_some_and(|before| before.ends_with('/'))
                || suite == dotted
                || suite.starts_with(&format!("{dotted}."))
                || suite.starts_with(&format!("{path}::"))
        };
        if self.added.iter().any(names) {
            return Some(File::Added);
        }
        self.modified.iter().find(|path| names(path)).map(|path| File::Modified(path))
    }
}

enum File<'a> {
    Added,
    Modified(&'a str),
}

/// The part of a test's name that stands in its source: after modules and groups, before parameters.
fn short_name(name: &str) -> &str {
    let name = name.rsplit("::").next().unwrap_or(name);
    let name = name.rsplit(" > ").next().unwrap_or(name);
    name.split_once('[').map_or(name, |(before, _)| before).trim()
}

/// Whether a text holds another one that is no part of a longer word.
fn holds_word(text: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !word.is_empty()
        && text.match_indices(word).any(|(at, found)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + found.len()..).and_then(|after| after.chars().next());
            !is_part(before) && !is_part(after)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::CaseStatus;

    const DIFF: &str = "\
diff --git a/src/lib.rs b/src/lib.rs
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1 +1,4 @@
 fn adds_two() {}
+    #[test]
+    fn adds_three() {}
diff --git a/tests/old.test.js b/tests/old.test.js
--- a/tests/old.test.js
+++ b/tests/old.test.js
@@ -1 +1,2 @@
+test('a new one', () => {});
";

    fn change(path: &str, status: &'static str) -> FileChange {
        FileChange {
            path: path.into(),
            old_path: None,
            status,
            additions: 1,
            deletions: 0,
            binary: false,
            uncommitted: true,
        }
    }

    fn case(suite: &str, name: &str) -> RunCase {
        RunCase {
            name: name.into(),
            suite: suite.into(),
            status: CaseStatus::Passed,
            output: String::new(),
            duration_ms: None,
        }
    }

    fn origins() -> Origins {
        let changes = [
            change("tests/test_new.py", "added"),
            change("tests/test_old.py", "modified"),
            change("src/lib.rs", "modified"),
            change("tests/old.test.js", "modified"),
        ];
        Origins::new(&[], &changes, DIFF)
    }

    #[test]
    fn a_test_of_a_file_that_the_task_added_is_generated() {
        for suite in ["tests/test_new.py", "tests.test_new", "tests.test_new.TestClass", "tests/test_new.py::TestClass"]
        {
            assert_eq!(origins().of(&case(suite, "test_x")), TestType::Generated, "{suite}");
        }
    }

    #[test]
    fn a_test_of_a_file_that_was_there_is_a_regression_test_unless_the_task_wrote_it() {
        assert_eq!(origins().of(&case("tests/test_old.py", "test_two")), TestType::Regression);
        assert_eq!(origins().of(&case("tests/other.py", "test_two")), TestType::Regression);
        assert_eq!(origins().of(&case("tests/old.test.js", "group > a new one")), TestType::Generated);
        assert_eq!(origins().of(&case("tests/old.test.js", "a new")), TestType::Generated);
        assert_eq!(origins().of(&case("tests/old.test.js", "an old one")), TestType::Regression);
    }

    #[test]
    fn a_test_whose_file_is_unknown_is_sorted_by_the_lines_that_were_added() {
        assert_eq!(origins().of(&case("adder", "tests::adds_three")), TestType::Generated);
        assert_eq!(origins().of(&case("adder", "tests::adds_two")), TestType::Regression);
        assert_eq!(origins().of(&case("", "adds")), TestType::Regression);
    }

    #[test]
    fn a_test_keeps_the_type_that_it_had_in_an_earlier_round() {
        let mut earlier = crate::engine::testing::tests::stored_case("tests/test_new.py", "test_x");
        earlier.test_type = TestType::Regression;
        let origins = Origins::new(&[earlier], &[change("tests/test_new.py", "added")], "");
        assert_eq!(origins.of(&case("tests/test_new.py", "test_x")), TestType::Regression);
    }
}
