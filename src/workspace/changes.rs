//! What a place's files have over its base: committed, staged, changed and new alike.

use super::{
    FileChange, WorkspaceError, base,
    repository::{At as _, branch_tip, open_place, source_of},
};
use crate::domain::task::Workplace;
use git2::{Delta, Diff, DiffDelta, DiffFindOptions, DiffFormat, DiffOptions, ErrorCode, Oid, Patch, Repository, Tree};
use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

/// Files that are listed.
const MAX_FILES: usize = 10_000;

/// A file larger than this, in bytes, is not compared line by line but shown as binary.
const MAX_COMPARED: i64 = 8 * 1024 * 1024;

/// How many files are looked at for renames; beyond it a renamed file is a deleted and an added one.
const MAX_RENAMES: usize = 1_000;

/// See [`super::Workspaces::changes`].
pub(super) fn changes(place: &Workplace) -> Result<Vec<FileChange>, WorkspaceError> {
    let Some(opened) = open(place)? else { return Ok(Vec::new()) };
    let root = opened.root.as_path();
    let diff = diff_to_base(&opened, place)?;
    let uncommitted = if opened.tip.is_some() { BTreeSet::new() } else { uncommitted_paths(&opened.repo).at(root)? };
    let mut changes = Vec::new();
    for number in 0..diff.deltas().len().min(MAX_FILES) {
        let Some(delta) = diff.get_delta(number) else { continue };
        let Some(status) = status_word(delta.status()) else { continue };
        let patch = readable(Patch::from_diff(&diff, number)).at(root)?;
        let lines = match &patch {
            Some(patch) => patch.line_stats().at(root)?,
            None => (0, 0, 0),
        };
        let is_binary = patch.as_ref().is_none_or(|patch| patch.delta().flags().is_binary());
        let (path, old_path) = paths(&delta);
        changes.push(FileChange {
            uncommitted: uncommitted.contains(&path)
                || old_path.as_ref().is_some_and(|path| uncommitted.contains(path)),
            path,
            old_path,
            status,
            additions: u32::try_from(lines.1).unwrap_or(u32::MAX),
            deletions: u32::try_from(lines.2).unwrap_or(u32::MAX),
            binary: is_binary,
        });
    }
    Ok(changes)
}

/// A file may go while it is being read: the agent works meanwhile.
fn readable(patch: Result<Option<Patch<'_>>, git2::Error>) -> Result<Option<Patch<'_>>, git2::Error> {
    match patch {
        Err(error) if matches!(error.code(), ErrorCode::NotFound) || error.class() == git2::ErrorClass::Os => Ok(None),
        other => other,
    }
}

/// See [`super::Workspaces::diff`].
pub(super) fn diff(place: &Workplace, path: Option<&str>, limit: usize) -> Result<String, WorkspaceError> {
    if let Some(path) = path {
        check_inside(path)?;
    }
    let Some(opened) = open(place)? else { return Ok(String::new()) };
    let diff = diff_to_base(&opened, place)?;
    let mut text = Vec::new();
    let mut is_cut = false;
    let printed = diff.print(DiffFormat::Patch, |delta, _, line| {
        let (new, old) = paths(&delta);
        if path.is_some_and(|path| path != new && Some(path) != old.as_deref()) {
            return true;
        }
        let origin = line.origin();
        let marker = if matches!(origin, '+' | '-' | ' ') { origin.len_utf8() } else { 0 };
        if text.len() + marker + line.content().len() > limit {
            is_cut = true;
            return false;
        }
        if marker == 1 {
            text.push(origin as u8);
        }
        text.extend_from_slice(line.content());
        true
    });
    if !is_cut {
        printed.at(&opened.root)?;
    }
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if is_cut {
        text.push_str(&format!("\\ the rest is left out: the diff is longer than {limit} bytes\n"));
    }
    Ok(text)
}

fn check_inside(path: &str) -> Result<(), WorkspaceError> {
    let is_inside = !path.is_empty()
        && !path.contains('\0')
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if is_inside { Ok(()) } else { Err(WorkspaceError::Outside(path.to_owned())) }
}

/// What is compared with the base.
struct Compared {
    repo: Repository,
    root: PathBuf,
    /// The branch's commit, once the worktree is gone; before, the files count.
    tip: Option<Oid>,
}

/// A place of which there can be a diff: a folder in no repository, and a bare repository, have none.
fn open(place: &Workplace) -> Result<Option<Compared>, WorkspaceError> {
    match open_place(place) {
        Ok(opened) if opened.repo.workdir().is_none() => Ok(None),
        Ok(opened) => Ok(Some(Compared { repo: opened.repo, root: opened.root, tip: None })),
        Err(WorkspaceError::NoRepository(_)) if !place.is_worktree => Ok(None),
        Err(_) if place.is_worktree && Path::new(&place.path).symlink_metadata().is_err() => {
            let source = source_of(place)?;
            let tip = place.branch.as_deref().and_then(|branch| branch_tip(&source.repo, branch));
            Ok(tip.map(|tip| Compared { repo: source.repo, root: source.root, tip: Some(tip) }))
        }
        Err(error) => Err(error),
    }
}

fn base_tree<'repo>(opened: &'repo Compared, place: &Workplace) -> Result<Option<Tree<'repo>>, WorkspaceError> {
    let recorded = place
        .base_commit
        .as_deref()
        .and_then(|commit| Oid::from_str(commit).ok())
        .and_then(|commit| opened.repo.find_commit(commit).ok());
    let commit = match recorded {
        Some(commit) => commit,
        None => match base::head(&opened.repo, &opened.root) {
            Ok(head) => opened.repo.find_commit(head.commit).at(&opened.root)?,
            Err(WorkspaceError::NoCommits(_)) => return Ok(None),
            Err(error) => return Err(error),
        },
    };
    commit.tree().at(&opened.root).map(Some)
}

fn diff_to_base<'repo>(opened: &'repo Compared, place: &Workplace) -> Result<Diff<'repo>, WorkspaceError> {
    let root = opened.root.as_path();
    let tree = base_tree(opened, place)?;
    let mut options = DiffOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .show_untracked_content(true)
        .include_typechange(true)
        .indent_heuristic(true)
        .max_size(MAX_COMPARED);
    let diff = match opened.tip {
        Some(tip) => opened
            .repo
            .find_commit(tip)
            .and_then(|commit| commit.tree())
            .and_then(|tip| opened.repo.diff_tree_to_tree(tree.as_ref(), Some(&tip), Some(&mut options))),
        None => opened.repo.diff_tree_to_workdir_with_index(tree.as_ref(), Some(&mut options)),
    };
    let mut diff = diff.at(root)?;
    let mut find = DiffFindOptions::new();
    find.renames(true).for_untracked(true).rename_limit(MAX_RENAMES);
    if diff.deltas().len() <= MAX_FILES {
        diff.find_similar(Some(&mut find)).at(root)?;
    }
    Ok(diff)
}

fn uncommitted_paths(repo: &Repository) -> Result<BTreeSet<String>, git2::Error> {
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true);
    let statuses = repo.statuses(Some(&mut options))?;
    Ok(statuses.iter().map(|entry| String::from_utf8_lossy(entry.path_bytes()).into_owned()).collect())
}

const fn status_word(status: Delta) -> Option<&'static str> {
    match status {
        Delta::Added | Delta::Untracked | Delta::Copied => Some("added"),
        Delta::Deleted => Some("deleted"),
        Delta::Modified | Delta::Typechange | Delta::Conflicted | Delta::Unreadable => Some("modified"),
        Delta::Renamed => Some("renamed"),
        Delta::Unmodified | Delta::Ignored => None,
    }
}

/// The path now, and the one before a renaming.
fn paths(delta: &DiffDelta<'_>) -> (String, Option<String>) {
    let lossy = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let (new, old) = (lossy(delta.new_file().path_bytes()), lossy(delta.old_file().path_bytes()));
    match delta.status() {
        Delta::Renamed => (new.unwrap_or_default(), old),
        Delta::Deleted => (old.or(new).unwrap_or_default(), None),
        _ => (new.or(old).unwrap_or_default(), None),
    }
}
