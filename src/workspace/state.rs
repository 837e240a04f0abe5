//! How workplaces and repositories stand: read, never changed.

use super::{
    Branches, Orphan, PlaceState, WorkspaceError,
    commit::open_source,
    keep, naming,
    repository::{At as _, Doing as _, Found, branch_tip, existing_folder, is_dirty, is_in, open_place},
};
use crate::domain::{TaskId, task::Workplace};
use git2::{BranchType, Oid, Repository};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// See [`super::Workspaces::state`].
pub(super) fn state(task: TaskId, place: &Workplace) -> Result<PlaceState, WorkspaceError> {
    let path = Path::new(&place.path);
    let exists = path.symlink_metadata().is_ok_and(|data| data.is_dir());
    // A folder that is worked in as it is may be of any size and is the user's.
    let size_bytes = if exists && place.is_worktree { size(path) } else { 0 };
    let mut state = PlaceState { exists, dirty: false, size_bytes, head: None, merged: false, kept_refs: Vec::new() };
    let repo = match open_source(place) {
        Ok(repo) => repo,
        Err(WorkspaceError::NoRepository(_) | WorkspaceError::Missing(_)) => return Ok(state),
        Err(error) => return Err(error),
    };
    state.kept_refs = keep::kept_refs(&repo, task).at(path)?;
    let tip = match &place.branch {
        Some(branch) => branch_tip(&repo, branch),
        None => repo.head().ok().and_then(|head| head.peel_to_commit().ok()).map(|commit| commit.id()),
    };
    state.head = tip.map(|tip| tip.to_string());
    if let (Some(tip), Some(_)) = (tip, &place.branch) {
        state.merged = is_merged(&repo, place, tip).at(path)?;
    }
    if exists
        && let Ok(opened) = open_place(place)
        && opened.repo.workdir().is_some()
    {
        state.dirty = is_dirty(&opened.repo).at(path)?;
    }
    Ok(state)
}

/// Whether a branch has nothing that its base, here or at a remote, does not have.
fn is_merged(repo: &Repository, place: &Workplace, tip: Oid) -> Result<bool, git2::Error> {
    let base_commit = place.base_commit.as_deref().and_then(|commit| Oid::from_str(commit).ok());
    let mut bases: Vec<Oid> = base_commit.into_iter().collect();
    if let Some(base) = &place.base {
        bases.extend(branch_tip(repo, base));
        let remote = repo.find_reference(&format!("refs/remotes/{base}"));
        let upstream = repo.find_branch(base, BranchType::Local).and_then(|branch| branch.upstream());
        bases.extend(remote.and_then(|found| found.peel_to_commit()).map(|commit| commit.id()).ok());
        bases.extend(upstream.and_then(|found| found.get().peel_to_commit()).map(|commit| commit.id()).ok());
    }
    for base in bases {
        if repo.find_commit(base).is_ok() && is_in(repo, tip, base)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn size(path: &Path) -> u64 {
    let files = WalkDir::new(path).follow_links(false).into_iter().filter_map(Result::ok);
    files.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|data| data.len()).sum()
}

/// See [`super::Workspaces::branches`].
pub(super) fn branches(path: &Path) -> Result<Branches, WorkspaceError> {
    let found = Found::from(&existing_folder(path)?)?;
    let repo = &found.repo;
    let head = repo.find_reference("HEAD").at(path)?;
    let on = head.symbolic_target().ok().flatten().and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
    let current = on.filter(|branch| branch_tip(repo, branch).is_some());
    let mut branches = Branches { current, local: Vec::new(), remote: Vec::new() };
    for branch in repo.branches(None).at(path)? {
        let (branch, kind) = branch.at(path)?;
        let Ok(Some(name)) = branch.name() else { continue };
        match kind {
            BranchType::Local => branches.local.push(name.to_owned()),
            // `origin/HEAD` names another one.
            BranchType::Remote if branch.get().symbolic_target().ok().flatten().is_some() => {}
            BranchType::Remote => branches.remote.push(name.to_owned()),
        }
    }
    branches.local.sort();
    branches.remote.sort();
    Ok(branches)
}

/// See [`super::Workspaces::orphans`].
pub(super) fn orphans(root: &Path, known: &[PathBuf]) -> Result<Vec<Orphan>, WorkspaceError> {
    let known: BTreeSet<PathBuf> =
        known.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    let mut orphans = Vec::new();
    for repository in folders(root)? {
        for path in folders(&repository)? {
            let is_ours = path.file_name().and_then(|name| name.to_str()).is_some_and(naming::is_workspace_name)
                && path.join(".git").symlink_metadata().is_ok_and(|data| data.is_file());
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if is_ours && !known.contains(&real) {
                orphans.push(orphan(path));
            }
        }
    }
    orphans.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(orphans)
}

/// What cannot be opened may hold anything: it counts as dirty.
fn orphan(path: PathBuf) -> Orphan {
    let repo = Repository::open(&path).ok();
    let source = repo.as_ref().and_then(|repo| Repository::open(repo.commondir()).ok());
    let repository = source.map(|source| source.workdir().unwrap_or_else(|| source.path()).to_owned());
    let dirty = repo.is_none_or(|repo| is_dirty(&repo).unwrap_or(true));
    Orphan { path, repository, dirty }
}

fn folders(path: &Path) -> Result<Vec<PathBuf>, WorkspaceError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.doing("read", path)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.doing("read", path)?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
