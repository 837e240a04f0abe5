//! Finding and opening repositories and their checkouts, without believing what a checkout says about itself.

use super::{WorkspaceError, naming};
use crate::domain::{TaskId, task::Workplace};
use git2::Repository;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Says where a failure of libgit2 happened.
pub(super) trait At<T> {
    /// The failure as one of a workspace.
    fn at(self, path: &Path) -> Result<T, WorkspaceError>;
}

impl<T> At<T> for Result<T, git2::Error> {
    fn at(self, path: &Path) -> Result<T, WorkspaceError> {
        self.map_err(|error| {
            let mut detail = error.message().to_owned();
            if error.code() == git2::ErrorCode::Owner {
                detail.push_str("; if you trust it, run `git config --global --add safe.directory PATH` with its path");
            }
            WorkspaceError::Git { path: path.to_owned(), detail }
        })
    }
}

/// Says what was being done to which file.
pub(super) trait Doing<T> {
    /// The failure as one of a workspace.
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, WorkspaceError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, WorkspaceError> {
        self.map_err(|source| WorkspaceError::Io { doing, path: path.to_owned(), source })
    }
}

/// A refusal in words where libgit2 has none.
pub(super) fn refuse<T>(path: &Path, detail: impl Into<String>) -> Result<T, WorkspaceError> {
    Err(WorkspaceError::Git { path: path.to_owned(), detail: detail.into() })
}

/// A path as text, as it is stored.
pub(super) fn text(path: &Path) -> Result<String, WorkspaceError> {
    path.to_str().map(str::to_owned).map_or_else(|| refuse(path, "the path is no valid UTF-8; rename it"), Ok)
}

/// A folder that is there, with symlinks resolved.
pub(super) fn existing_folder(path: &Path) -> Result<PathBuf, WorkspaceError> {
    match path.canonicalize() {
        Ok(real) if real.is_dir() => Ok(real),
        Ok(_) => Err(WorkspaceError::Missing(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(WorkspaceError::Missing(path.to_owned())),
        Err(error) => Err(error).doing("read", path),
    }
}

/// A repository, found from a folder in it.
pub(super) struct Found {
    pub(super) repo: Repository,
    /// The checkout's top folder; of a bare repository its own folder.
    pub(super) root: PathBuf,
    /// The folder that was asked for, relative to `root`.
    pub(super) sub: PathBuf,
    /// Where branches, objects and the entries of worktrees are.
    pub(super) common: PathBuf,
}

impl Found {
    /// Finds the repository of a folder whose symlinks are resolved.
    pub(super) fn from(folder: &Path) -> Result<Self, WorkspaceError> {
        let repo = match Repository::discover(folder) {
            Err(error) if error.code() == git2::ErrorCode::NotFound => {
                return Err(WorkspaceError::NoRepository(folder.to_owned()));
            }
            other => other.at(folder)?,
        };
        let common = real(repo.commondir())?;
        let gitdir = real(repo.path())?;
        let root = match repo.workdir() {
            Some(workdir) => real(workdir)?,
            None => gitdir.clone(),
        };
        // `core.worktree` in a repository's config may name any folder: only one that holds the folder asked for is believed.
        let sub = match folder.strip_prefix(&root) {
            Ok(sub) if repo.is_bare() || !folder.starts_with(&gitdir) => sub.to_owned(),
            _ => return Err(WorkspaceError::Outside(folder.display().to_string())),
        };
        let sub = if repo.is_bare() { PathBuf::new() } else { sub };
        Ok(Self { repo, root, sub, common })
    }
}

/// Resolves symlinks.
pub(super) fn real(path: &Path) -> Result<PathBuf, WorkspaceError> {
    path.canonicalize().doing("read", path)
}

/// One checkout of a repository: the main one, or a worktree.
#[derive(Clone, Debug)]
pub(super) struct Checkout {
    /// Its folder, whether or not it is there.
    pub(super) path: PathBuf,
    /// The full name of the branch that it has checked out, or is rebasing.
    pub(super) branch: Option<String>,
    /// The name of its entry; none for the main checkout.
    pub(super) entry: Option<String>,
    /// Whether the user locked it.
    pub(super) locked: bool,
}

impl Checkout {
    /// Whether its folder is there and is a real folder.
    pub(super) fn is_there(&self) -> bool {
        self.path.symlink_metadata().is_ok_and(|data| data.is_dir())
    }

    /// Why a branch that is checked out here cannot be had.
    pub(super) fn refusal(self, branch: &str) -> WorkspaceError {
        let (branch, at) = (branch.to_owned(), self.path);
        if self.locked || at.symlink_metadata().is_ok() {
            WorkspaceError::BranchInUse { branch, at }
        } else {
            WorkspaceError::BranchHeld { branch, at }
        }
    }
}

/// All checkouts of a repository.
pub(super) fn checkouts(common: &Path) -> Vec<Checkout> {
    let mut found = Vec::new();
    if let Ok(main) = Repository::open(common)
        && let Some(workdir) = main.workdir().and_then(|path| path.canonicalize().ok())
    {
        found.push(Checkout { path: workdir, branch: branch_of(common), entry: None, locked: false });
    }
    if let Ok(entries) = std::fs::read_dir(common.join("worktrees")) {
        found.extend(entries.filter_map(|entry| checkout_of_entry(common, entry.ok()?.file_name().to_str()?)));
    }
    found
}

/// The worktree of one entry.
pub(super) fn checkout_of_entry(common: &Path, entry: &str) -> Option<Checkout> {
    let gitdir = common.join("worktrees").join(entry);
    let link = std::fs::read_to_string(gitdir.join("gitdir")).ok()?;
    let path = gitdir.join(link.trim_end()).parent()?.to_owned();
    Some(Checkout {
        path: path.canonicalize().unwrap_or(path),
        branch: branch_of(&gitdir),
        entry: Some(entry.to_owned()),
        locked: gitdir.join("locked").exists(),
    })
}

fn branch_of(gitdir: &Path) -> Option<String> {
    let head = std::fs::read_to_string(gitdir.join("HEAD")).ok()?;
    if let Some(branch) = head.strip_prefix("ref:") {
        return Some(branch.trim().to_owned());
    }
    ["rebase-merge/head-name", "rebase-apply/head-name"]
        .iter()
        .find_map(|name| std::fs::read_to_string(gitdir.join(name)).ok())
        .map(|name| name.trim().to_owned())
}

/// The repository of a place in which a task works, opened at that place.
///
/// A worktree is opened through its entry in the source repository, whatever the `.git` file in it says by now.
pub(super) fn open_place(place: &Workplace) -> Result<Opened, WorkspaceError> {
    let path = PathBuf::from(&place.path);
    if !place.is_worktree {
        let found = Found::from(&existing_folder(&path)?)?;
        return Ok(Opened { repo: found.repo, root: found.root, entry: None });
    }
    let (common, entry) = entry_of_place(place)?;
    let root = existing_folder(&path)?;
    let repo = Repository::open(common.join("worktrees").join(&entry)).at(&root)?;
    Ok(Opened { repo, root, entry: Some(entry) })
}

/// An opened place.
pub(super) struct Opened {
    pub(super) repo: Repository,
    /// The top folder of the checkout.
    pub(super) root: PathBuf,
    /// The worktree's entry.
    pub(super) entry: Option<String>,
}

/// The source repository of a place, whether or not the worktree is still there.
pub(super) fn source_of(place: &Workplace) -> Result<Found, WorkspaceError> {
    Found::from(&existing_folder(Path::new(&place.source))?)
}

/// The common folder and the entry of a worktree of ours: the entry whose link leads to exactly this folder.
pub(super) fn entry_of_place(place: &Workplace) -> Result<(PathBuf, String), WorkspaceError> {
    let path = Path::new(&place.path);
    let common = source_of(place)?.common;
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let entry = checkouts(&common).into_iter().find(|checkout| checkout.entry.is_some() && checkout.path == real);
    match entry.and_then(|checkout| checkout.entry) {
        Some(entry) => Ok((common, entry)),
        None => refuse(path, "it is no worktree of its repository any more"),
    }
}

/// Whether a folder is named as a worktree of this task is.
pub(super) fn belongs_to(path: &Path, task: TaskId) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| naming::is_named_after(name, task))
}

/// The full name of a branch.
pub(super) fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// Whether a commit is another one or comes before it.
pub(super) fn is_in(repo: &Repository, commit: git2::Oid, tip: git2::Oid) -> Result<bool, git2::Error> {
    Ok(commit == tip || repo.graph_descendant_of(tip, commit)?)
}

/// The commit of a local branch.
pub(super) fn branch_tip(repo: &Repository, branch: &str) -> Option<git2::Oid> {
    repo.find_branch(branch, git2::BranchType::Local).ok()?.get().peel_to_commit().ok().map(|commit| commit.id())
}

/// Whether anything in a checkout is not committed, whatever git does not ignore.
pub(super) fn is_dirty(repo: &Repository) -> Result<bool, git2::Error> {
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(false).exclude_submodules(false);
    Ok(!repo.statuses(Some(&mut options))?.is_empty())
}
