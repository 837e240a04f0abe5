//! Commits on the task's branch, and on no other.

use super::{
    CommitView, WorkspaceError,
    keep::add_all,
    repository::{At as _, Opened, branch_ref, branch_tip, is_in, open_place, refuse},
};
use crate::domain::task::Workplace;
use git2::{Commit, Oid, Repository, RepositoryState, Signature};
use std::path::Path;

/// Commits of a branch that are listed.
const MAX_COMMITS: usize = 1_000;

/// Who commits: as the config says, else a neutral name.
pub(super) fn identity(repo: &Repository) -> Result<Signature<'static>, git2::Error> {
    repo.signature().or_else(|_| {
        let user = std::env::var("USER").unwrap_or_default();
        let user = user.trim();
        let name = if user.is_empty() || user.contains(['<', '>', '\n']) { "user" } else { user };
        Signature::now(name, "user@localhost")
    })
}

/// See [`super::Workspaces::commit`].
pub(super) fn commit(place: &Workplace, message: &str) -> Result<Option<CommitView>, WorkspaceError> {
    let Some(branch) = place.branch.as_deref().filter(|_| place.is_worktree) else {
        return Err(WorkspaceError::NoBranch(place.path.clone().into()));
    };
    let mut opened = open_place(place)?;
    let parents = parents(&mut opened, place, branch)?;
    let root = opened.root.clone();
    let repo = &opened.repo;
    let mut index = repo.index().at(&root)?;
    add_all(repo, &mut index, &root)?;
    if index.has_conflicts() {
        return refuse(&root, "files have conflicts of a merge that is not finished; resolve them");
    }
    index.write().at(&root)?;
    let tree = index.write_tree().and_then(|tree| repo.find_tree(tree)).at(&root)?;
    let head_tree = repo.find_commit(parents.head).at(&root)?.tree_id();
    let commit = if tree.id() == head_tree && parents.merged.is_empty() {
        parents.head
    } else {
        let who = identity(repo).at(&root)?;
        let all = std::iter::once(&parents.head).chain(&parents.merged);
        let all: Result<Vec<Commit<'_>>, _> = all.map(|id| repo.find_commit(*id)).collect();
        let all = all.at(&root)?;
        repo.commit(None, &who, &who, &ended(message), &tree, &all.iter().collect::<Vec<_>>()).at(&root)?
    };
    if Some(commit) == parents.tip && parents.is_on_branch {
        return Ok(None);
    }
    let moved = Some(commit) != parents.tip;
    put_branch(repo, branch, commit, parents.tip).at(&root)?;
    if !parents.is_on_branch {
        repo.set_head(&branch_ref(branch)).at(&root)?;
    }
    if repo.state() == RepositoryState::Merge {
        repo.cleanup_state().at(&root)?;
    }
    if moved { view(repo, &repo.find_commit(commit).at(&root)?).at(&root).map(Some) } else { Ok(None) }
}

fn ended(message: &str) -> String {
    if message.ends_with('\n') { message.to_owned() } else { format!("{message}\n") }
}

/// What a commit of the worktree comes after.
struct Parents {
    /// What the worktree has checked out.
    head: Oid,
    /// What is being merged into it.
    merged: Vec<Oid>,
    /// Where the task's branch is now.
    tip: Option<Oid>,
    /// Whether the worktree has the task's branch checked out.
    is_on_branch: bool,
}

/// The agent may have left the branch: its commits are taken onto it when none of the branch's own is lost by that.
fn parents(opened: &mut Opened, place: &Workplace, branch: &str) -> Result<Parents, WorkspaceError> {
    let root = opened.root.clone();
    let repo = &mut opened.repo;
    let tip = branch_tip(repo, branch);
    let head_ref = repo.find_reference("HEAD").at(&root)?;
    let is_on_branch = head_ref.symbolic_target().ok().flatten() == Some(&branch_ref(branch));
    let head = head_ref.peel_to_commit().ok().map(|commit| commit.id());
    drop(head_ref);
    let start = tip.or_else(|| Oid::from_str(place.base_commit.as_deref()?).ok());
    let head = match (head, start) {
        (Some(head), None) => head,
        (Some(head), Some(start)) if is_in(repo, start, head).at(&root)? => head,
        (None, Some(start)) if is_on_branch => start,
        _ => return Err(WorkspaceError::OffBranch { path: root, branch: branch.to_owned() }),
    };
    let mut merged = Vec::new();
    if repo.state() == RepositoryState::Merge {
        repo.mergehead_foreach(|commit| {
            merged.push(*commit);
            true
        })
        .at(&root)?;
    }
    Ok(Parents { head, merged, tip, is_on_branch })
}

/// Moves a branch from where it was seen, or makes it where it was not there.
pub(super) fn put_branch(repo: &Repository, branch: &str, commit: Oid, seen: Option<Oid>) -> Result<(), git2::Error> {
    let full = branch_ref(branch);
    match seen {
        Some(seen) => repo.reference_matching(&full, commit, true, seen, "commit"),
        None => repo.reference(&full, commit, false, "commit"),
    }
    .map(|_| ())
}

/// See [`super::Workspaces::commits`].
pub(super) fn commits(place: &Workplace) -> Result<Vec<CommitView>, WorkspaceError> {
    let path = Path::new(&place.path);
    let repo = match open_source(place) {
        Err(WorkspaceError::NoRepository(_)) if !place.is_worktree => return Ok(Vec::new()),
        other => other?,
    };
    let tip = match &place.branch {
        Some(branch) => branch_tip(&repo, branch),
        None => repo.head().ok().and_then(|head| head.peel_to_commit().ok()).map(|commit| commit.id()),
    };
    let base = place.base_commit.as_deref().and_then(|commit| Oid::from_str(commit).ok());
    let (Some(tip), Some(base)) = (tip, base) else { return Ok(Vec::new()) };
    list(&repo, tip, base).at(path)
}

/// The repository of a place; of a worktree the source, which is there when the worktree is gone.
pub(super) fn open_source(place: &Workplace) -> Result<Repository, WorkspaceError> {
    if place.is_worktree {
        super::repository::source_of(place).map(|found| found.repo)
    } else {
        open_place(place).map(|opened| opened.repo)
    }
}

fn list(repo: &Repository, tip: Oid, base: Oid) -> Result<Vec<CommitView>, git2::Error> {
    let mut walk = repo.revwalk()?;
    walk.set_sorting(git2::Sort::TOPOLOGICAL)?;
    walk.push(tip)?;
    if repo.find_commit(base).is_ok() {
        walk.hide(base)?;
    }
    let newest: Result<Vec<Oid>, _> = walk.take(MAX_COMMITS).collect();
    newest?.into_iter().rev().map(|id| view(repo, &repo.find_commit(id)?)).collect()
}

/// A commit as others see it.
fn view(repo: &Repository, commit: &Commit<'_>) -> Result<CommitView, git2::Error> {
    let parent = commit.parent(0).ok().map(|parent| parent.tree()).transpose()?;
    let diff = repo.diff_tree_to_tree(parent.as_ref(), Some(&commit.tree()?), None)?;
    let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
    let (subject, body) = message.trim().split_once('\n').unwrap_or((message.trim(), ""));
    Ok(CommitView {
        id: commit.id().to_string(),
        subject: subject.trim().to_owned(),
        body: body.trim().to_owned(),
        author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
        at: commit.time().seconds(),
        files: u32::try_from(diff.deltas().len()).unwrap_or(u32::MAX),
    })
}
