//! Real git repositories.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A project with one passing test that Node itself runs.
pub const NODE: &[(&str, &str)] = &[
    (
        "package.json",
        "{\"name\": \"adder\", \"version\": \"1.0.0\", \"type\": \"module\", \"scripts\": {\"test\": \"node --test\"}}\n",
    ),
    (".gitignore", "node_modules/\n"),
    ("adder.js", "export const add = (a, b) => a + b;\n"),
    (
        "tests/adder.test.js",
        "import test from 'node:test';\nimport assert from 'node:assert';\nimport { add } from '../adder.js';\n\ntest('two and two', () => assert.equal(add(2, 2), 4));\n",
    ),
];

/// A project without tests.
pub const PLAIN: &[(&str, &str)] = &[("README.md", "# Sample\n"), ("notes.txt", "one\ntwo\n")];

/// A repository of a test.
pub struct Repository {
    pub path: PathBuf,
}

impl Repository {
    /// Makes one with a first commit of these files on `main`.
    pub fn make(path: &Path, files: &[(&str, &str)]) -> Self {
        std::fs::create_dir_all(path).expect("a folder");
        let repository = Self { path: path.canonicalize().expect("a folder") };
        repository.git(&["init", "-q", "-b", "main", "."]);
        repository.git(&["config", "user.name", "Tester"]);
        repository.git(&["config", "user.email", "tester@example.invalid"]);
        repository.git(&["config", "commit.gpgsign", "false"]);
        if !files.is_empty() {
            repository.write(files);
            repository.git(&["add", "-A"]);
            repository.git(&["commit", "-q", "-m", "First"]);
        }
        repository
    }

    pub fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.path.join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
    }

    /// Runs git here and answers what it printed.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git").arg("-C").arg(&self.path).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn root(&self) -> String {
        self.path.display().to_string()
    }
}
