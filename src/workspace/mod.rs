//! Git: worktrees, branches, diffs, merges, commits, kept refs, with libgit2 and without running anything that a
//! repository supplies.
//!
//! libgit2 runs no hooks, no filters but its own two (line endings, `ident`), no `textconv`, no file system monitor, signs
//! nothing and does not go into submodules, and it is built here without any network: no config of a repository can make
//! it start a program. The git program, which can be made to, is run in one file, `remote`, where each such config is
//! overridden. Contents that an external filter would make (Git LFS) come into a worktree as they are stored.
//!
//! Everything blocks and is called on a thread that may. Paths and names come in checked or are checked here; nothing
//! outside a worktree root of Taskwright's own is ever removed, and nothing uncommitted is lost: it is kept under
//! `refs/taskwright/kept/…` first. What must not live here: tasks, the database, processes but `git fetch` and `git push`.

mod base;
mod changes;
mod commit;
mod copy;
mod error;
mod keep;
mod make;
mod merge;
mod naming;
mod remote;
mod remove;
mod repository;
mod state;
#[cfg(test)]
mod tests;

pub use error::WorkspaceError;

use crate::domain::{
    TaskId,
    task::{Access, Workplace},
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// What a workspace is made from.
#[derive(Clone, Debug)]
pub struct PlaceRequest {
    /// Whose.
    pub task_id: TaskId,
    /// The task's name, for folder and branch.
    pub task_name: String,
    /// A repository, or a folder inside one: absolute.
    pub source: PathBuf,
    /// What the task may do there.
    pub access: Access,
    /// False works in place.
    pub use_worktree: bool,
    /// The branch that was asked for.
    pub branch_name: Option<String>,
    /// The branch to start from; else the project's default; else the repository's HEAD.
    pub base_branch: Option<String>,
    /// Where worktrees of this project live; else below the data directory.
    pub worktree_root: PathBuf,
    /// Globs of files that git ignores and the worktree needs.
    pub copy_files: Vec<String>,
}

/// What making a workspace has done, step by step, as it happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// `fetch`, `worktree`, `copy`, `keep`, `remove`, `branch`.
    pub step: &'static str,
    /// What it was about.
    pub about: String,
    /// What it said.
    pub output: Option<String>,
    /// Whether it went well; a fetch that failed is told and is no failure of the whole.
    pub ok: bool,
}

/// Receives steps.
pub type Steps<'a> = &'a mut (dyn FnMut(Step) + Send);

/// How a worktree stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlaceState {
    /// Whether the folder is there.
    pub exists: bool,
    /// Whether there is anything that is not committed.
    pub dirty: bool,
    /// Bytes on the disk, the files' own sizes.
    pub size_bytes: u64,
    /// The branch's commit.
    pub head: Option<String>,
    /// Whether the branch's commits are all in its base.
    pub merged: bool,
    /// Refs under which work of this task was kept.
    pub kept_refs: Vec<String>,
}

/// A file that differs from the base.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileChange {
    /// The path now, or before it was deleted; relative to the worktree.
    pub path: String,
    /// The path before a renaming.
    pub old_path: Option<String>,
    /// `added`, `modified`, `deleted`, `renamed`.
    pub status: &'static str,
    /// Lines added.
    pub additions: u32,
    /// Lines removed.
    pub deletions: u32,
    /// Whether it is no text.
    pub binary: bool,
    /// Whether part of the difference is not committed.
    pub uncommitted: bool,
}

/// A commit of the task's branch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommitView {
    /// Its hash.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// The rest.
    pub body: String,
    /// Who made it.
    pub author: String,
    /// Seconds since 1970.
    pub at: i64,
    /// Files that it changes.
    pub files: u32,
}

/// How a merge is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MergeKind {
    /// A merge commit, or a fast-forward where that is possible.
    Merge,
    /// One commit with everything.
    Squash,
    /// The branch's commits on top of the target.
    Rebase,
}

/// How a merge ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Merged {
    /// The target is at this commit now.
    Done {
        /// The commit.
        commit: String,
    },
    /// There was nothing to merge.
    UpToDate,
    /// These files conflict; nothing was changed.
    Conflict {
        /// The files.
        files: Vec<String>,
    },
}

/// What removing a workspace does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RemoveOptions {
    /// Whether the branch goes too.
    pub delete_branch: bool,
    /// Whether an unmerged branch may go.
    pub confirm: bool,
}

/// What removing a workspace did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Removed {
    /// Whether a folder was removed.
    pub worktree: bool,
    /// Whether the branch was removed.
    pub branch: bool,
    /// The ref under which uncommitted work, or the commits of a branch that nothing else has, were kept.
    pub kept: Option<String>,
}

/// A repository's branches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branches {
    /// The branch that is checked out; none when HEAD is detached or unborn.
    pub current: Option<String>,
    /// Local ones.
    pub local: Vec<String>,
    /// Those of remotes, with the remote's name.
    pub remote: Vec<String>,
}

/// A worktree below a root that no task knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Orphan {
    /// Its folder.
    pub path: PathBuf,
    /// The repository that it belongs to, where that can be told.
    pub repository: Option<PathBuf>,
    /// Whether there is anything in it that is not committed.
    pub dirty: bool,
}

/// Workspaces, as the engine uses them. All methods block.
pub trait Workspaces: Send + Sync {
    /// Whether a folder can be worked in, without changing anything: a repository with a commit, a base that exists, a
    /// branch that is free.
    ///
    /// # Errors
    /// Why not, and what to do.
    fn check(&self, request: &PlaceRequest) -> Result<(), WorkspaceError>;

    /// Makes the workplace, or finds the one that an earlier attempt made. Fetches the base first where there is a remote
    /// that can be reached.
    ///
    /// # Errors
    /// Why it cannot be made; nothing is left half made.
    fn make(
        &self,
        request: &PlaceRequest,
        steps: Steps<'_>,
        cancel: &CancellationToken,
    ) -> Result<Workplace, WorkspaceError>;

    /// How a workplace stands.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn state(&self, task: TaskId, place: &Workplace) -> Result<PlaceState, WorkspaceError>;

    /// Removes a worktree after keeping what is not committed; never touches a place that is no worktree of Taskwright's.
    ///
    /// # Errors
    /// [`WorkspaceError::Unmerged`] when the branch would be lost without confirmation; nothing was removed then.
    fn remove(
        &self,
        task: TaskId,
        place: &Workplace,
        options: RemoveOptions,
        steps: Steps<'_>,
    ) -> Result<Removed, WorkspaceError>;

    /// Keeps everything that is not committed under a ref, without changing the worktree. `None` when it is clean.
    ///
    /// # Errors
    /// When the repository cannot be written.
    fn keep(&self, task: TaskId, place: &Workplace) -> Result<Option<String>, WorkspaceError>;

    /// Commits everything that git does not ignore on the task's branch. `None` when there is nothing to commit.
    ///
    /// # Errors
    /// When the repository cannot be written.
    fn commit(&self, place: &Workplace, message: &str) -> Result<Option<CommitView>, WorkspaceError>;

    /// The files of the worktree that differ from its base commit, committed or not; of its branch, once the worktree is
    /// gone.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn changes(&self, place: &Workplace) -> Result<Vec<FileChange>, WorkspaceError>;

    /// The unified diff to the base commit, of one file or of all, at most `limit` bytes: cut at a line, with a last line
    /// that says so.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn diff(&self, place: &Workplace, path: Option<&str>, limit: usize) -> Result<String, WorkspaceError>;

    /// The commits that the branch has over its base, oldest first.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn commits(&self, place: &Workplace) -> Result<Vec<CommitView>, WorkspaceError>;

    /// Brings the task's branch into another one without touching a checkout that is dirty.
    ///
    /// # Errors
    /// [`WorkspaceError::TargetDirty`] and others.
    fn merge(&self, place: &Workplace, target: &str, kind: MergeKind, message: &str) -> Result<Merged, WorkspaceError>;

    /// Pushes a branch to its remote, without force. `None` when there is no remote.
    ///
    /// # Errors
    /// What git says.
    fn push(
        &self,
        place: &Workplace,
        branch: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, WorkspaceError>;

    /// A repository's branches.
    ///
    /// # Errors
    /// When it is no repository.
    fn branches(&self, path: &Path) -> Result<Branches, WorkspaceError>;

    /// Worktrees below a root that are not among these folders.
    ///
    /// # Errors
    /// When the root cannot be read.
    fn orphans(&self, root: &Path, known: &[PathBuf]) -> Result<Vec<Orphan>, WorkspaceError>;
}

/// Workspaces with libgit2.
#[derive(Debug, Default)]
pub struct Git {
    /// One lock for each repository: two tasks that change its worktrees and branches at once would meet half-made entries.
    locks: Mutex<HashMap<PathBuf, Arc<Mutex<()>>>>,
}

impl Git {
    /// Workspaces on this machine.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "callers know the trait only")]
    pub fn new() -> Arc<dyn Workspaces> {
        Arc::new(Self::default())
    }

    /// Does something while nothing else here changes the same repository.
    fn alone<T>(&self, common: &Path, work: impl FnOnce() -> T) -> T {
        let lock =
            Arc::clone(self.locks.lock().unwrap_or_else(PoisonError::into_inner).entry(common.to_owned()).or_default());
        let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
        work()
    }
}

impl Workspaces for Git {
    fn check(&self, request: &PlaceRequest) -> Result<(), WorkspaceError> {
        make::check(request)
    }

    fn make(
        &self,
        request: &PlaceRequest,
        steps: Steps<'_>,
        cancel: &CancellationToken,
    ) -> Result<Workplace, WorkspaceError> {
        make::make(self, request, steps, cancel)
    }

    fn state(&self, task: TaskId, place: &Workplace) -> Result<PlaceState, WorkspaceError> {
        state::state(task, place)
    }

    fn remove(
        &self,
        task: TaskId,
        place: &Workplace,
        options: RemoveOptions,
        steps: Steps<'_>,
    ) -> Result<Removed, WorkspaceError> {
        remove::remove(self, task, place, options, steps)
    }

    fn keep(&self, task: TaskId, place: &Workplace) -> Result<Option<String>, WorkspaceError> {
        keep::keep(task, place)
    }

    fn commit(&self, place: &Workplace, message: &str) -> Result<Option<CommitView>, WorkspaceError> {
        commit::commit(place, message)
    }

    fn changes(&self, place: &Workplace) -> Result<Vec<FileChange>, WorkspaceError> {
        changes::changes(place)
    }

    fn diff(&self, place: &Workplace, path: Option<&str>, limit: usize) -> Result<String, WorkspaceError> {
        changes::diff(place, path, limit)
    }

    fn commits(&self, place: &Workplace) -> Result<Vec<CommitView>, WorkspaceError> {
        commit::commits(place)
    }

    fn merge(&self, place: &Workplace, target: &str, kind: MergeKind, message: &str) -> Result<Merged, WorkspaceError> {
        merge::merge(self, place, target, kind, message)
    }

    fn push(
        &self,
        place: &Workplace,
        branch: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, WorkspaceError> {
        let source = repository::source_of(place)?;
        naming::check_branch_name(branch)?;
        if repository::branch_tip(&source.repo, branch).is_none() {
            return Err(WorkspaceError::NoBase { repository: source.root, base: branch.to_owned() });
        }
        match base::push_remote(&source.repo, branch) {
            Some(remote) => remote::push(&source.root, &remote, branch, cancel).map(Some),
            None => Ok(None),
        }
    }

    fn branches(&self, path: &Path) -> Result<Branches, WorkspaceError> {
        state::branches(path)
    }

    fn orphans(&self, root: &Path, known: &[PathBuf]) -> Result<Vec<Orphan>, WorkspaceError> {
        state::orphans(root, known)
    }
}

/// A step that went well.
fn step(step: &'static str, about: &str, output: &str) -> Step {
    Step { step, about: about.to_owned(), output: Some(output.to_owned()), ok: true }
}
