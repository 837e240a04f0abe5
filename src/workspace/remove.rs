//! Removing a worktree of Taskwright's, and nothing else.

use super::{
    Git, RemoveOptions, Removed, Steps, WorkspaceError, keep,
    make::remove_entry,
    repository::{
        At as _, Checkout, Doing as _, Found, belongs_to, branch_ref, branch_tip, checkouts, refuse, source_of,
    },
    step,
};
use crate::domain::{TaskId, task::Workplace};
use git2::{BranchType, Oid, Repository};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// How often a folder is emptied again into which somebody still writes.
const ATTEMPTS: u32 = 3;

/// What a folder's name ends with that is being deleted.
const ASIDE: &str = ".removing";

/// See [`super::Workspaces::remove`].
pub(super) fn remove(
    git: &Git,
    task: TaskId,
    place: &Workplace,
    options: RemoveOptions,
    steps: Steps<'_>,
) -> Result<Removed, WorkspaceError> {
    if !place.is_worktree {
        return Ok(Removed::default());
    }
    let path = Path::new(&place.path);
    if !belongs_to(path, task) {
        return Err(WorkspaceError::Outside(place.path.clone()));
    }
    let source = match source_of(place) {
        Err(WorkspaceError::Missing(_) | WorkspaceError::NoRepository(_)) if path.symlink_metadata().is_err() => {
            return Ok(Removed::default());
        }
        Err(WorkspaceError::Missing(source) | WorkspaceError::NoRepository(source)) => {
            let said = format!(
                "its repository {} is gone, so that nothing in it could be kept; remove the folder by hand",
                source.display()
            );
            return refuse(path, said);
        }
        other => other?,
    };
    let removed = git.alone(&source.common, || remove_from(&source, task, place, options, steps))?;
    // Outside the lock: a large folder takes its time, and other tasks of the repository need not wait for it.
    delete_aside(path)?;
    Ok(removed)
}

/// Where a folder goes before it is deleted: away at once, so that nobody meets half of it, whenever this ends.
fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ASIDE);
    path.with_file_name(name)
}

/// Deletes what was put aside, now or by an earlier attempt that broke off.
fn delete_aside(path: &Path) -> Result<(), WorkspaceError> {
    let aside = aside(path);
    match aside.symlink_metadata() {
        Ok(data) if data.is_dir() => delete_folder(&aside)?,
        _ => {}
    }
    if let Some(parent) = path.parent() {
        // Goes when it is empty; other tasks of the repository may be in it.
        fs::remove_dir(parent).ok();
    }
    Ok(())
}

fn remove_from(
    source: &Found,
    task: TaskId,
    place: &Workplace,
    options: RemoveOptions,
    steps: Steps<'_>,
) -> Result<Removed, WorkspaceError> {
    let path = Path::new(&place.path);
    let entry = checkouts(&source.common)
        .into_iter()
        .find(|checkout| checkout.entry.is_some() && (checkout.path == path || is_same(&checkout.path, path)));
    let branch = branch_to_delete(source, place, options, entry.as_ref(), steps)?;
    let mut removed = Removed::default();
    if let Ok(data) = path.symlink_metadata() {
        let Some(entry) = entry.as_ref().filter(|_| data.is_dir()) else {
            return Err(WorkspaceError::InTheWay(path.to_owned()));
        };
        if entry.locked {
            return refuse(path, "the worktree is locked (`git worktree lock`); unlock it first");
        }
        removed.kept = keep::keep(task, place)?;
        if let Some(kept) = &removed.kept {
            steps(step("keep", &place.path, &format!("what was not committed is kept under {kept}")));
        }
        delete_aside(path)?;
        fs::rename(path, aside(path)).doing("remove", path)?;
        removed.worktree = true;
        steps(step("remove", &place.path, "removed"));
    }
    if let Some(name) = entry.and_then(|entry| entry.entry) {
        remove_entry(&source.repo, &source.root, &name)?;
    }
    if let Some(branch) = branch {
        if let Some(kept) = keep::keep_branch(&source.repo, task, place, &branch).at(&source.root)? {
            steps(step("keep", &branch, &format!("its commits are kept under {kept}")));
            removed.kept.get_or_insert(kept);
        }
        source.repo.find_branch(&branch, BranchType::Local).and_then(|mut found| found.delete()).at(&source.root)?;
        removed.branch = true;
        steps(step("branch", &branch, "removed"));
    }
    Ok(removed)
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The branch that is to go and may: the task's own, whose commits are elsewhere or whose loss is confirmed.
fn branch_to_delete(
    source: &Found,
    place: &Workplace,
    options: RemoveOptions,
    entry: Option<&Checkout>,
    steps: Steps<'_>,
) -> Result<Option<String>, WorkspaceError> {
    let Some(branch) = place.branch.as_ref().filter(|_| options.delete_branch) else { return Ok(None) };
    let Some(tip) = branch_tip(&source.repo, branch) else { return Ok(None) };
    if !place.created_branch {
        steps(step("branch", branch, "stays: it was there before the task"));
        return Ok(None);
    }
    let full = branch_ref(branch);
    let elsewhere = checkouts(&source.common).into_iter().find(|checkout| {
        checkout.branch.as_deref() == Some(&full) && Some(&checkout.path) != entry.map(|entry| &entry.path)
    });
    if let Some(elsewhere) = elsewhere {
        return Err(elsewhere.refusal(branch));
    }
    if !options.confirm {
        let commits = commits_nowhere_else(&source.repo, &full, tip).at(&source.root)?;
        if commits > 0 {
            return Err(WorkspaceError::Unmerged { branch: branch.clone(), commits });
        }
    }
    Ok(Some(branch.clone()))
}

/// How many commits of a branch are in no other branch, remote-tracking branch or tag.
fn commits_nowhere_else(repo: &Repository, branch: &str, tip: Oid) -> Result<usize, git2::Error> {
    let mut walk = repo.revwalk()?;
    walk.push(tip)?;
    for reference in repo.references()? {
        let reference = reference?;
        let Ok(name) = reference.name() else { continue };
        let counts = ["refs/heads/", "refs/remotes/", "refs/tags/"].iter().any(|prefix| name.starts_with(prefix));
        if counts
            && name != branch
            && let Ok(commit) = reference.peel_to_commit()
        {
            walk.hide(commit.id())?;
        }
    }
    Ok(walk.count())
}

/// Removes a folder with all that is in it. Symlinks are removed, never followed; folders without write permission, as
/// package caches have them, are no obstacle.
fn delete_folder(path: &Path) -> Result<(), WorkspaceError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => return Ok(()),
            Err(error) if attempt >= ATTEMPTS => return Err(error).doing("remove", path),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => make_writable(path),
            Err(_) => {}
        }
    }
}

fn make_writable(path: &Path) {
    for entry in WalkDir::new(path).follow_links(false) {
        if let Ok(entry) = entry
            && entry.file_type().is_dir()
        {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o700)).ok();
        }
    }
}
