//! What a test runner is told of the project: names of files, and the contents of those that it wants.

use crate::{
    engine::reading::{Beneath, ReadError},
    plugin::EntryKind,
};
use std::{collections::BTreeSet, path::Path};

/// Levels of folders that are listed: the agent's folder and two below it.
const LEVELS: usize = 3;

/// Most names that are listed.
const MAX_NAMES: usize = 5_000;

/// Most files whose contents a plugin gets.
const MAX_WANTED: usize = 32;

/// Bytes of one such file.
const MAX_CONTENT: usize = 256 * 1024;

/// Folders that hold what tools made or fetched, not what the project is.
const SKIPPED: [&str; 17] = [
    ".hg",
    ".svn",
    "node_modules",
    "target",
    "venv",
    ".venv",
    "env",
    "__pycache__",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "dist",
    "build",
    ".next",
    ".gradle",
];

/// The names of three levels, sorted; folders end with `/`. Symbolic links are named and not followed.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, ReadError> {
    let beneath = Beneath::open(folder)?;
    let mut names = BTreeSet::new();
    let mut level = vec![String::new()];
    for _ in 0..LEVELS {
        let mut below = Vec::new();
        for path in level {
            // A folder that is gone or closed to us is left out.
            for entry in beneath.list(&path, MAX_NAMES).unwrap_or_default() {
                if names.len() >= MAX_NAMES {
                    return Ok(names.into_iter().collect());
                }
                let name = format!("{path}{}", entry.name);
                match entry.kind {
                    // In a worktree `.git` is a file.
                    _ if entry.name == ".git" => {}
                    EntryKind::Directory if SKIPPED.contains(&entry.name.as_str()) => {}
                    EntryKind::Directory => {
                        names.insert(format!("{name}/"));
                        below.push(format!("{name}/"));
                    }
                    EntryKind::File | EntryKind::Other => {
                        names.insert(name);
                    }
                }
            }
        }
        level = below;
    }
    Ok(names.into_iter().collect())
}

/// The contents of those of the wanted files that are there and are text within the limit.
pub(super) fn contents(folder: &Path, wanted: &[String]) -> Result<Vec<(String, String)>, ReadError> {
    let beneath = Beneath::open(folder)?;
    let read = |path: &String| {
        let bytes = beneath.read(path, 0, MAX_CONTENT + 1).ok().filter(|bytes| bytes.len() <= MAX_CONTENT)?;
        Some((path.clone(), String::from_utf8(bytes).ok()?))
    };
    Ok(wanted.iter().take(MAX_WANTED).filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testbed::write;

    #[test]
    fn three_levels_are_named_without_what_tools_made() {
        let folder = tempfile::tempdir().unwrap();
        for file in
            ["package.json", "a/b/c.js", "a/b/d/deep.js", "node_modules/x/index.js", ".git/HEAD", "target/debug/x"]
        {
            write(&folder.path().join(file), "x");
        }
        std::os::unix::fs::symlink("/", folder.path().join("link")).unwrap();
        let names = names(folder.path()).unwrap();
        assert_eq!(names, ["a/", "a/b/", "a/b/c.js", "a/b/d/", "link", "package.json"]);
    }

    #[test]
    fn wanted_contents_stay_inside_and_within_the_limit() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("work");
        write(&outer.path().join("secret"), "no");
        write(&folder.join("Cargo.toml"), "[package]");
        write(&folder.join("big"), &"x".repeat(MAX_CONTENT + 1));
        std::fs::write(folder.join("binary"), [0xff, 0xfe]).unwrap();
        let wanted = ["../secret", "Cargo.toml", "none", "big", "binary"].map(str::to_owned);
        assert_eq!(contents(&folder, &wanted).unwrap(), [("Cargo.toml".to_owned(), "[package]".to_owned())]);
    }
}
