//! Bringing a task's branch into another one: computed in memory, then put in place at once or not at all.

use super::{
    Git, MergeKind, Merged, WorkspaceError,
    commit::identity,
    repository::{At as _, Checkout, Found, branch_ref, branch_tip, checkouts, is_in, real, refuse, source_of},
};
use crate::domain::task::Workplace;
use git2::{Commit, ErrorCode, Index, Oid, RebaseOptions, Repository, RepositoryState, build::CheckoutBuilder};
use std::{collections::BTreeSet, path::Path};

/// Commits among which an earlier squashed merge is looked for.
const MAX_LOOKED_BACK: usize = 100;

/// See [`super::Workspaces::merge`].
pub(super) fn merge(
    git: &Git,
    place: &Workplace,
    target: &str,
    kind: MergeKind,
    message: &str,
) -> Result<Merged, WorkspaceError> {
    let Some(branch) = place.branch.as_deref() else {
        return Err(WorkspaceError::NoBranch(place.path.clone().into()));
    };
    let source = source_of(place)?;
    git.alone(&source.common, || {
        let tip = tip_of(&source, branch)?;
        let old = tip_of(&source, target)?;
        if branch == target {
            return Ok(Merged::UpToDate);
        }
        match merged_commit(&source.repo, old, tip, kind, message).at(&source.root)? {
            Outcome::Conflict(files) => Ok(Merged::Conflict { files }),
            Outcome::Commit(new) if new == old => Ok(Merged::UpToDate),
            Outcome::Commit(new) => {
                move_target(&source, target, old, new)?;
                Ok(Merged::Done { commit: new.to_string() })
            }
        }
    })
}

fn tip_of(source: &Found, branch: &str) -> Result<Oid, WorkspaceError> {
    branch_tip(&source.repo, branch)
        .ok_or_else(|| WorkspaceError::NoBase { repository: source.root.clone(), base: branch.to_owned() })
}

/// What the target is to be, or what stands against it.
enum Outcome {
    Commit(Oid),
    Conflict(Vec<String>),
}

fn merged_commit(
    repo: &Repository,
    old: Oid,
    tip: Oid,
    kind: MergeKind,
    message: &str,
) -> Result<Outcome, git2::Error> {
    if is_in(repo, tip, old)? {
        return Ok(Outcome::Commit(old));
    }
    match kind {
        MergeKind::Merge | MergeKind::Rebase if is_in(repo, old, tip)? => Ok(Outcome::Commit(tip)),
        MergeKind::Merge => joined(repo, old, tip, message, &[old, tip]),
        MergeKind::Squash => joined(repo, old, tip, message, &[old]),
        MergeKind::Rebase => rebased(repo, old, tip),
    }
}

/// A commit with the files of both.
fn joined(repo: &Repository, old: Oid, tip: Oid, message: &str, parents: &[Oid]) -> Result<Outcome, git2::Error> {
    let (ours, theirs) = (repo.find_commit(old)?, repo.find_commit(tip)?);
    let mut index = repo.merge_commits(&ours, &theirs, None)?;
    if index.has_conflicts()
        && let Some(merged) = last_contained(repo, &ours, tip)?
    {
        index = repo.merge_trees(&merged.tree()?, &ours.tree()?, &theirs.tree()?, None)?;
    }
    if index.has_conflicts() {
        return Ok(Outcome::Conflict(conflicting(&index)?));
    }
    let tree = index.write_tree_to(repo)?;
    if parents.len() == 1 && tree == ours.tree_id() {
        return Ok(Outcome::Commit(old));
    }
    let who = identity(repo)?;
    let message = if message.ends_with('\n') { message.to_owned() } else { format!("{message}\n") };
    let parents: Result<Vec<_>, _> = parents.iter().map(|id| repo.find_commit(*id)).collect();
    let parents = parents?;
    let commit =
        repo.commit(None, &who, &who, &message, &repo.find_tree(tree)?, &parents.iter().collect::<Vec<_>>())?;
    Ok(Outcome::Commit(commit))
}

/// The newest commit of a branch whose files the target has already, though not the commit: it came there squashed.
/// From it on, what both have changed is no conflict.
fn last_contained<'repo>(
    repo: &'repo Repository,
    target: &Commit<'repo>,
    tip: Oid,
) -> Result<Option<Commit<'repo>>, git2::Error> {
    let mut walk = repo.revwalk()?;
    walk.set_sorting(git2::Sort::TOPOLOGICAL)?;
    walk.push(tip)?;
    walk.hide(target.id())?;
    for id in walk.take(MAX_LOOKED_BACK) {
        let commit = repo.find_commit(id?)?;
        let mut index = repo.merge_commits(target, &commit, None)?;
        if !index.has_conflicts() && index.write_tree_to(repo)? == target.tree_id() {
            return Ok(Some(commit));
        }
    }
    Ok(None)
}

/// The branch's commits on top of the target; those that the target has already are left out.
fn rebased(repo: &Repository, old: Oid, tip: Oid) -> Result<Outcome, git2::Error> {
    let (branch, onto) = (repo.find_annotated_commit(tip)?, repo.find_annotated_commit(old)?);
    let who = identity(repo)?;
    let mut options = RebaseOptions::new();
    options.inmemory(true);
    let mut rebase = repo.rebase(Some(&branch), Some(&onto), None, Some(&mut options))?;
    let mut last = old;
    while let Some(operation) = rebase.next() {
        operation?;
        let index = rebase.inmemory_index()?;
        if index.has_conflicts() {
            return Ok(Outcome::Conflict(conflicting(&index)?));
        }
        match rebase.commit(None, &who, None) {
            Ok(commit) => last = commit,
            Err(error) if error.code() == ErrorCode::Applied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Outcome::Commit(last))
}

fn conflicting(index: &Index) -> Result<Vec<String>, git2::Error> {
    let mut files = BTreeSet::new();
    for conflict in index.conflicts()? {
        let conflict = conflict?;
        let entries = [conflict.our, conflict.their, conflict.ancestor];
        files.extend(entries.into_iter().flatten().map(|entry| String::from_utf8_lossy(&entry.path).into_owned()));
    }
    Ok(files.into_iter().collect())
}

/// Moves the target under its lock, together with the checkout that shows it.
fn move_target(source: &Found, target: &str, old: Oid, new: Oid) -> Result<(), WorkspaceError> {
    let (repo, root) = (&source.repo, source.root.as_path());
    let full = branch_ref(target);
    let mut transaction = repo.transaction().at(root)?;
    transaction.lock_ref(&full).at(root)?;
    if branch_tip(repo, target) != Some(old) {
        return refuse(root, format!("the branch `{target}` was moved meanwhile; merge again"));
    }
    let shown: Vec<Checkout> =
        checkouts(&source.common).into_iter().filter(|checkout| checkout.branch.as_deref() == Some(&full)).collect();
    let mut opened = Vec::new();
    for checkout in shown.iter().filter(|checkout| checkout.is_there()) {
        opened.push(open_clean(source, checkout, target)?);
    }
    for checkout in &opened {
        bring_along(checkout, new, target)?;
    }
    let moved = transaction.set_target(&full, new, None, "merge").and_then(|()| transaction.commit());
    if moved.is_err() {
        for checkout in &opened {
            bring_along(checkout, old, target)?;
        }
    }
    moved.at(root)
}

/// Opens a checkout of the target that nothing is being done in.
fn open_clean(source: &Found, checkout: &Checkout, target: &str) -> Result<Repository, WorkspaceError> {
    let gitdir = match &checkout.entry {
        Some(entry) => source.common.join("worktrees").join(entry),
        None => source.common.clone(),
    };
    let repo = Repository::open(&gitdir).at(&checkout.path)?;
    // `core.worktree` may name a folder that has nothing to do with this repository.
    let belongs =
        Repository::open(&checkout.path).is_ok_and(|found| real(found.path()).is_ok_and(|path| path == gitdir));
    if !belongs {
        return refuse(&checkout.path, "the folder does not lead back to its repository");
    }
    let mut options = git2::StatusOptions::new();
    options.include_untracked(false);
    let is_clean =
        repo.state() == RepositoryState::Clean && repo.statuses(Some(&mut options)).at(&checkout.path)?.is_empty();
    if is_clean { Ok(repo) } else { Err(dirty(target, &checkout.path)) }
}

fn dirty(target: &str, at: &Path) -> WorkspaceError {
    WorkspaceError::TargetDirty { branch: target.to_owned(), at: at.to_owned() }
}

/// Gives a clean checkout the files of a commit. Files of the user's that are in the way make it fail before anything
/// is changed.
fn bring_along(checkout: &Repository, commit: Oid, target: &str) -> Result<(), WorkspaceError> {
    let root = checkout.workdir().unwrap_or_else(|| checkout.path()).to_owned();
    let tree = checkout.find_commit(commit).and_then(|commit| commit.tree()).at(&root)?;
    let mut options = CheckoutBuilder::new();
    options.safe().overwrite_ignored(false);
    match checkout.checkout_tree(tree.as_object(), Some(&mut options)) {
        Err(error) if error.code() == ErrorCode::Conflict => Err(dirty(target, &root)),
        other => other.at(&root),
    }
}
