//! Runs the plans of test runners for real, in folders made for it, as the host does: for the runners' own tests only.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command as Process, Stdio};

use taskwright_plugin::testing::{Command, Outcome, Plan, Project};

/// A project in a folder of its own, which goes when it is dropped.
pub struct Trial {
    folder: tempfile::TempDir,
    reports: tempfile::TempDir,
}

impl Trial {
    /// Makes a project of these files.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let trial = Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            reports: tempfile::tempdir().expect("a temporary folder can be made"),
        };
        for (name, text) in files {
            trial.write(name, text);
        }
        trial
    }

    /// Writes one file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    }

    /// A file's text.
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join(name)).ok()
    }

    /// What a runner that wants these files is told.
    pub fn project(&self, wants: &[String]) -> Project {
        let mut files = BTreeSet::new();
        list(self.folder.path(), "", 0, &mut files);
        let contents = wants.iter().filter_map(|name| Some((name.clone(), self.read(name)?))).collect();
        Project { files: files.into_iter().collect(), contents, test_command: None, test_dir: None }
    }

    /// Runs a plan's commands.
    pub fn run(&self, plan: &Plan) -> Vec<Outcome> {
        plan.commands.iter().map(|command| self.outcome(command)).collect()
    }

    fn outcome(&self, command: &Command) -> Outcome {
        let reports = self.reports.path().to_string_lossy().into_owned();
        let filled = |text: &String| text.replace("{report}", &reports);
        let argv: Vec<String> = command.argv.iter().map(filled).collect();
        #[expect(clippy::disallowed_methods, reason = "these tests start real tools")]
        let mut process = Process::new(&argv[0]);
        // A cargo or node that runs these tests must not tell the one that is started what to do.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO") || name.starts_with("NODE_")) {
            process.env_remove(name);
        }
        let done = process
            .args(&argv[1..])
            .envs(command.env.iter().map(|(name, value)| (name, filled(value))))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output();
        let (status, error, stdout, stderr) = match done {
            Ok(done) => (done.status.code(), String::new(), done.stdout, done.stderr),
            Err(error) => (None, error.to_string(), Vec::new(), Vec::new()),
        };
        let found = command.reports.iter().filter_map(|name| {
            let path = self.folder.path().join(filled(name));
            Some((name.clone(), fs::read_to_string(path).ok()?))
        });
        Outcome {
            command: command.clone(),
            status,
            timed_out: false,
            error,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            reports: found.collect(),
        }
    }
}

fn list(folder: &Path, prefix: &str, depth: usize, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if !entry.path().is_dir() {
            files.insert(name);
            continue;
        }
        files.insert(format!("{name}/"));
        if depth < 2 {
            list(&entry.path(), &format!("{name}/"), depth + 1, files);
        }
    }
}
