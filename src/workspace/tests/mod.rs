//! Tests on real repositories, made with the git program.

mod changing;
mod making;
mod merging;
mod removing;
mod trust;

use super::*;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};
use tempfile::TempDir;

/// A repository with one commit, a root for worktrees, and a task.
struct Bench {
    folder: TempDir,
    git: Arc<dyn Workspaces>,
    task: TaskId,
}

impl Bench {
    fn new() -> Self {
        let bench = Self::without_commit();
        bench.write("README.md", "# Sample\n");
        bench.write("notes.txt", "one\ntwo\nthree\n");
        bench.write("app/main.txt", "main\n");
        bench.write(".gitignore", "*.log\n.env*\nnode_modules/\n");
        bench.commit_all("First");
        bench
    }

    fn without_commit() -> Self {
        let bench = Self { folder: TempDir::new().unwrap(), git: Git::new(), task: TaskId::new() };
        fs::create_dir(bench.repo()).unwrap();
        init(&bench.repo(), &[]);
        bench
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn repo(&self) -> PathBuf {
        self.root().join("sample")
    }

    fn worktrees(&self) -> PathBuf {
        self.root().join("worktrees")
    }

    fn write(&self, path: &str, text: &str) {
        write(&self.repo().join(path), text);
    }

    fn commit_all(&self, message: &str) -> String {
        commit_all(&self.repo(), message)
    }

    fn run(&self, arguments: &[&str]) -> String {
        git(&self.repo(), arguments)
    }

    fn request(&self) -> PlaceRequest {
        PlaceRequest {
            task_id: self.task,
            task_name: "Fix the login".to_owned(),
            source: self.repo(),
            access: Access::Write,
            use_worktree: true,
            branch_name: None,
            base_branch: None,
            worktree_root: self.worktrees(),
            copy_files: Vec::new(),
        }
    }

    fn try_make(&self, request: &PlaceRequest) -> (Result<Workplace, WorkspaceError>, Vec<Step>) {
        let mut steps = Vec::new();
        let made = self.git.make(request, &mut |step| steps.push(step), &CancellationToken::new());
        (made, steps)
    }

    fn make(&self) -> Workplace {
        self.try_make(&self.request()).0.unwrap()
    }

    fn refusal(&self, request: &PlaceRequest) -> WorkspaceError {
        self.try_make(request).0.unwrap_err()
    }

    fn remove(&self, place: &Workplace, options: RemoveOptions) -> Result<Removed, WorkspaceError> {
        self.git.remove(self.task, place, options, &mut |_| ())
    }

    fn state(&self, place: &Workplace) -> PlaceState {
        self.git.state(self.task, place).unwrap()
    }

    fn branches(&self) -> Vec<String> {
        self.run(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]).lines().map(str::to_owned).collect()
    }

    /// All that a failed attempt must leave as it was.
    fn traces(&self) -> (Vec<String>, String, Vec<PathBuf>) {
        let entries = walkdir::WalkDir::new(self.worktrees()).into_iter().filter_map(Result::ok);
        let entries = entries.filter(|entry| entry.depth() > 1).map(|entry| entry.path().to_owned()).collect();
        (self.branches(), self.run(&["worktree", "list"]), entries)
    }
}

/// Runs git as a user of the test, whose own config does not count.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = try_git(folder, arguments);
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "tests make their repositories with the git program")]
fn try_git(folder: &Path, arguments: &[&str]) -> std::process::Output {
    std::process::Command::new("git")
        .args(["-c", "user.name=Tester", "-c", "user.email=tester@example.invalid", "-c", "init.defaultBranch=main"])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap()
}

fn init(folder: &Path, arguments: &[&str]) {
    let mut all = vec!["init", "-q", "-b", "main"];
    all.extend(arguments);
    git(folder, &all);
    git(folder, &["config", "user.name", "Tester"]);
    git(folder, &["config", "user.email", "tester@example.invalid"]);
}

fn commit_all(folder: &Path, message: &str) -> String {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
    git(folder, &["rev-parse", "HEAD"])
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

fn said(steps: &[Step], name: &str) -> String {
    steps.iter().filter(|step| step.step == name).filter_map(|step| step.output.clone()).collect::<Vec<_>>().join("\n")
}

fn make_executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
