//! Checks in the user's words.

use crate::check::{Check, InFile};

/// The check that a line is, if it is one.
pub fn check(line: &str) -> Option<Check> {
    let (file, rest) = line.trim().strip_prefix('`')?.split_once('`')?;
    let file = file.trim().to_owned();
    let rest = rest.trim().trim_end_matches(['.', '!']);
    if file.is_empty() {
        return None;
    }
    match rest {
        "exists" | "is there" => return Some(Check::Exists(file)),
        "does not exist" | "is gone" | "is not there" => return Some(Check::Missing(file)),
        _ => {}
    }
    let (verb, text) = rest.split_once('`')?;
    let text = text.strip_suffix('`').filter(|t| !t.is_empty() && !t.contains('`'))?.to_owned();
    match verb.trim() {
        "contains" => Some(Check::Contains(InFile { file, text })),
        "does not contain" => Some(Check::Lacks(InFile { file, text })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_are_read() {
        let in_file = |text: &str| InFile { file: "a.md".into(), text: text.into() };
        assert_eq!(check("`a.md` exists."), Some(Check::Exists("a.md".into())));
        assert_eq!(check("`a.md` does not exist"), Some(Check::Missing("a.md".into())));
        assert_eq!(check("`a.md` contains `Usage`."), Some(Check::Contains(in_file("Usage"))));
        assert_eq!(check("`a.md` does not contain `TODO`"), Some(Check::Lacks(in_file("TODO"))));
        for line in ["a.md exists", "`a.md` is good", "`` exists", "`npm test` passes", "`a` contains ``"] {
            assert_eq!(check(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "(`|a|contains| |.){0,20}") {
            let _ = check(&line);
        }
    }
}
