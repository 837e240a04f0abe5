//! The checks, and what they find.

use std::collections::BTreeMap;

use serde::Deserialize;
use taskwright_plugin::judging::Verdict;
use taskwright_plugin::workspace::{Change, ChangeKind};

/// A text in a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InFile {
    /// Its path from the agent's folder.
    pub file: String,
    /// The text, exactly.
    pub text: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// A file or folder is there.
    Exists(String),
    /// It is not there.
    Missing(String),
    /// A file contains a text.
    Contains(InFile),
    /// A file does not contain it, or is not there.
    Lacks(InFile),
    /// At most so many files differ from the base.
    MaxFiles(u32),
    /// At most so many lines were added and removed.
    MaxLines(u32),
    /// Something changed in this file or below this folder.
    Touched(String),
    /// Nothing changed in these files or below these folders.
    Untouched(Vec<String>),
    /// Nothing changed but in these files or below these folders.
    OnlyUnder(Vec<String>),
    /// No added line contains this text.
    NothingAddedWith(String),
}

/// The JSON schema of the settings.
pub const SCHEMA: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {"checks": {
    "type": "array", "maxItems": 50, "default": [], "description": "Checks for every task, beside those of its criteria.",
    "items": {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false, "properties": {
      "exists": {"type": "string", "description": "A file or folder that is there."},
      "missing": {"type": "string", "description": "A file or folder that is not there."},
      "contains": {"$ref": "#/$defs/in_file", "description": "A file contains a text."},
      "lacks": {"$ref": "#/$defs/in_file", "description": "A file does not contain a text."},
      "max_files": {"type": "integer", "minimum": 0, "description": "At most so many files differ from the base."},
      "max_lines": {"type": "integer", "minimum": 0, "description": "At most so many lines were added and removed."},
      "touched": {"type": "string", "description": "Something changed in this file or below this folder."},
      "untouched": {"type": "array", "items": {"type": "string"}, "description": "Nothing changed there."},
      "only_under": {"type": "array", "items": {"type": "string"}, "description": "Nothing changed elsewhere."},
      "nothing_added_with": {"type": "string", "minLength": 1, "description": "No added line contains this text."}}}}},
  "$defs": {"in_file": {"type": "object", "additionalProperties": false, "required": ["file", "text"],
    "properties": {"file": {"type": "string"}, "text": {"type": "string", "minLength": 1}}}}
}"##;

/// What is known of the worktree.
#[derive(Debug, Default)]
pub struct Facts {
    /// The texts of the files that the checks name; none for one that is not there.
    pub files: BTreeMap<String, Option<String>>,
    /// What differs from the base.
    pub changes: Vec<Change>,
    /// The unified diff.
    pub diff: String,
}

impl Check {
    /// The file that it is about.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Exists(file) | Self::Missing(file) => Some(file),
            Self::Contains(inner) | Self::Lacks(inner) => Some(&inner.file),
            _ => None,
        }
    }

    /// Whether it needs the list of changes.
    pub fn needs_changes(&self) -> bool {
        self.file().is_none() && !self.needs_diff()
    }

    /// Whether it needs the diff.
    pub fn needs_diff(&self) -> bool {
        matches!(self, Self::NothingAddedWith(_))
    }

    /// What must hold, in one sentence.
    pub fn text(&self) -> String {
        match self {
            Self::Exists(file) => format!("`{file}` exists."),
            Self::Missing(file) => format!("`{file}` does not exist."),
            Self::Contains(inner) => format!("`{}` contains `{}`.", inner.file, inner.text),
            Self::Lacks(inner) => format!("`{}` does not contain `{}`.", inner.file, inner.text),
            Self::MaxFiles(most) => format!("At most {most} files are changed."),
            Self::MaxLines(most) => format!("At most {most} lines are added and removed."),
            Self::Touched(place) => format!("Something in `{place}` is changed."),
            Self::Untouched(places) => format!("Nothing is changed in {}.", quoted(places)),
            Self::OnlyUnder(places) => format!("Nothing is changed outside {}.", quoted(places)),
            Self::NothingAddedWith(text) => format!("No added line contains `{text}`."),
        }
    }

    /// Judges it.
    pub fn judge(&self, facts: &Facts) -> Verdict {
        let text_of = |file: &str| facts.files.get(file).and_then(Option::as_deref);
        match self {
            Self::Exists(file) => told(text_of(file).is_some(), "It is there.", "It is not there."),
            Self::Missing(file) => told(text_of(file).is_none(), "It is not there.", "It is still there."),
            Self::Contains(inner) => match text_of(&inner.file) {
                None => Verdict::NotMet(format!("`{}` is not there.", inner.file)),
                Some(text) => match line_of(text, &inner.text) {
                    Some(line) => Verdict::Met(format!("It stands in line {line}.")),
                    None => Verdict::NotMet(format!("`{}` is there, and does not contain it.", inner.file)),
                },
            },
            Self::Lacks(inner) => match text_of(&inner.file).and_then(|text| line_of(text, &inner.text)) {
                Some(line) => Verdict::NotMet(format!("It stands in line {line}.")),
                None => Verdict::Met("It does not contain it.".into()),
            },
            Self::MaxFiles(most) => limited(facts.changes.len() as u64, *most, "files are changed"),
            Self::MaxLines(most) => {
                let lines = facts.changes.iter().map(|c| u64::from(c.added) + u64::from(c.removed)).sum();
                limited(lines, *most, "lines are added and removed")
            }
            Self::Touched(place) => match facts.changes.iter().find(|c| lies_in(&c.path, place)) {
                Some(change) => Verdict::Met(format!("`{}` is {}.", change.path, kind(change.kind))),
                None => Verdict::NotMet("Nothing there differs from the base.".into()),
            },
            Self::Untouched(places) => none(facts, |path| places.iter().any(|place| lies_in(path, place))),
            Self::OnlyUnder(places) => none(facts, |path| !places.iter().any(|place| lies_in(path, place))),
            Self::NothingAddedWith(text) => {
                let added = facts.diff.lines().filter(|l| l.starts_with('+') && !l.starts_with("+++ "));
                match added.map(|l| &l[1..]).find(|line| line.contains(text.as_str())) {
                    Some(line) => Verdict::NotMet(format!("An added line has it: `{}`", line.trim())),
                    None => Verdict::Met("No added line has it.".into()),
                }
            }
        }
    }
}

fn quoted(places: &[String]) -> String {
    places.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(", ")
}

fn told(holds: bool, met: &str, not_met: &str) -> Verdict {
    if holds { Verdict::Met(met.into()) } else { Verdict::NotMet(not_met.into()) }
}

fn line_of(text: &str, wanted: &str) -> Option<usize> {
    text.find(wanted).map(|at| text[..at].matches('\n').count() + 1)
}

fn limited(count: u64, most: u32, what: &str) -> Verdict {
    let said = format!("{count} {what}.");
    if count <= u64::from(most) {
        Verdict::Met(said)
    } else {
        Verdict::NotMet(format!("{said} At most {most} may be."))
    }
}

fn lies_in(path: &str, place: &str) -> bool {
    let place = place.trim_start_matches("./").trim_end_matches('/');
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn none(facts: &Facts, wrong: impl Fn(&str) -> bool) -> Verdict {
    let paths: Vec<&str> = facts.changes.iter().map(|c| c.path.as_str()).filter(|path| wrong(path)).collect();
    match paths.as_slice() {
        [] => Verdict::Met("Nothing of that kind is changed.".into()),
        [first] => Verdict::NotMet(format!("`{first}` is changed.")),
        [first, rest @ ..] => Verdict::NotMet(format!("`{first}` and {} more are changed.", rest.len())),
    }
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Modified => "modified",
        ChangeKind::Deleted => "deleted",
        ChangeKind::Renamed => "renamed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let change = |path: &str, added| Change { path: path.into(), kind: ChangeKind::Modified, added, removed: 1 };
        Facts {
            files: BTreeMap::from([("a.md".to_owned(), Some("one\ntwo\n".to_owned())), ("gone".to_owned(), None)]),
            changes: vec![change("src/a.rs", 10), change("tests/a.rs", 5)],
            diff: "+++ b/TODO.md\n+let a = 1;\n-// TODO\n".into(),
        }
    }

    fn holds(json: &str) -> bool {
        let check: Check = serde_json::from_str(json).unwrap();
        assert!(!check.text().is_empty());
        check.judge(&facts()).is_met()
    }

    #[test]
    fn files_and_their_contents_are_checked() {
        assert!(holds(r#"{"exists": "a.md"}"#) && !holds(r#"{"exists": "gone"}"#));
        assert!(holds(r#"{"missing": "gone"}"#) && !holds(r#"{"missing": "a.md"}"#));
        assert!(holds(r#"{"contains": {"file": "a.md", "text": "two"}}"#));
        assert!(!holds(r#"{"contains": {"file": "gone", "text": "two"}}"#));
        assert!(holds(r#"{"lacks": {"file": "a.md", "text": "three"}}"#));
        assert!(!holds(r#"{"lacks": {"file": "a.md", "text": "one"}}"#));
    }

    #[test]
    fn the_extent_of_the_changes_is_checked() {
        assert!(holds(r#"{"max_files": 2}"#) && !holds(r#"{"max_files": 1}"#));
        assert!(holds(r#"{"max_lines": 17}"#) && !holds(r#"{"max_lines": 16}"#));
        assert!(holds(r#"{"touched": "tests/"}"#) && !holds(r#"{"touched": "test"}"#));
        assert!(holds(r#"{"untouched": ["migrations", "src/b.rs"]}"#) && !holds(r#"{"untouched": ["src"]}"#));
        assert!(holds(r#"{"only_under": ["src", "tests"]}"#) && !holds(r#"{"only_under": ["src"]}"#));
        assert!(holds(r#"{"nothing_added_with": "TODO"}"#) && !holds(r#"{"nothing_added_with": "let a"}"#));
    }

    #[test]
    fn evidence_names_where() {
        let check: Check = serde_json::from_str(r#"{"contains": {"file": "a.md", "text": "two"}}"#).unwrap();
        assert_eq!(check.judge(&facts()), Verdict::Met("It stands in line 2.".into()));
        serde_json::from_str::<serde_json::Value>(SCHEMA).unwrap();
    }
}
