//! Keeps what is not committed under a ref: a commit of the whole checkout, made beside its index and files.

use super::{
    WorkspaceError,
    commit::identity,
    naming,
    repository::{At as _, Doing as _, Opened, branch_ref, branch_tip, is_dirty, open_place},
};
use crate::domain::{TaskId, task::Workplace};
use git2::{Commit, Index, IndexAddOption, IndexEntry, IndexTime, Oid, Repository};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// Below it are all kept refs.
const KEPT: &str = "refs/taskwright/kept";

/// The mode of a gitlink in an index.
const GITLINK: u32 = 0o160_000;

/// See [`super::Workspaces::keep`].
pub(super) fn keep(task: TaskId, place: &Workplace) -> Result<Option<String>, WorkspaceError> {
    match open_place(place) {
        Ok(opened) if opened.repo.workdir().is_some() => keep_opened(&opened, task, place),
        Ok(_) => Ok(None),
        Err(WorkspaceError::NoRepository(_)) if !place.is_worktree => Ok(None),
        Err(error) => Err(error),
    }
}

/// The refs under which work of a task was kept, oldest first.
pub(super) fn kept_refs(repo: &Repository, task: TaskId) -> Result<Vec<String>, git2::Error> {
    let mut kept: Vec<(u32, String)> = Vec::new();
    for reference in repo.references_glob(&format!("{KEPT}/*"))? {
        let reference = reference?;
        let Ok(name) = reference.name() else { continue };
        let Some((folder, number)) = name.strip_prefix(KEPT).and_then(|rest| rest.rsplit_once('/')) else { continue };
        if let Ok(number) = number.parse()
            && naming::is_named_after(folder.trim_start_matches('/'), task)
        {
            kept.push((number, name.to_owned()));
        }
    }
    kept.sort();
    Ok(kept.into_iter().map(|(_, name)| name).collect())
}

fn keep_opened(opened: &Opened, task: TaskId, place: &Workplace) -> Result<Option<String>, WorkspaceError> {
    let (repo, root) = (&opened.repo, opened.root.as_path());
    let head = repo.head().ok().and_then(|head| head.peel_to_commit().ok());
    let would_be_lost = opened.entry.is_some() && head.as_ref().is_some_and(|head| is_on_no_ref(repo, head.id()));
    if !would_be_lost && !is_dirty(repo).at(root)? {
        return Ok(None);
    }
    let files = whole_tree(opened)?;
    // What was staged and changed again since is in the index alone.
    let staged = repo.index().and_then(|mut index| index.write_tree()).ok();
    let head_tree = head.as_ref().map(Commit::tree_id);
    let staged = staged.filter(|tree| Some(*tree) != head_tree && *tree != files);
    if !would_be_lost && Some(files) == head_tree && staged.is_none() {
        return Ok(None);
    }
    write_kept(opened, task, place, head.as_ref(), files, staged).at(root).map(Some)
}

/// Keeps the commits of a branch that is about to go, unless another ref has them.
pub(super) fn keep_branch(
    repo: &Repository,
    task: TaskId,
    place: &Workplace,
    branch: &str,
) -> Result<Option<String>, git2::Error> {
    let Some(tip) = branch_tip(repo, branch) else { return Ok(None) };
    let full = branch_ref(branch);
    let mut walk = repo.revwalk()?;
    walk.push(tip)?;
    for reference in repo.references()? {
        let reference = reference?;
        if reference.name().is_ok_and(|name| name != full && name.starts_with("refs/"))
            && let Ok(commit) = reference.peel_to_commit()
        {
            walk.hide(commit.id())?;
        }
    }
    if walk.next().is_none() {
        return Ok(None);
    }
    put_kept(repo, task, place, &kept_refs(repo, task)?, tip).map(Some)
}

fn is_on_no_ref(repo: &Repository, commit: Oid) -> bool {
    let first_hidden = || -> Result<bool, git2::Error> {
        let mut walk = repo.revwalk()?;
        walk.push(commit)?;
        walk.hide_glob("refs/*")?;
        Ok(walk.next().is_some())
    };
    // When in doubt it is kept.
    first_hidden().unwrap_or(true)
}

fn write_kept(
    opened: &Opened,
    task: TaskId,
    place: &Workplace,
    head: Option<&Commit<'_>>,
    files: Oid,
    staged: Option<Oid>,
) -> Result<String, git2::Error> {
    let repo = &opened.repo;
    let kept = kept_refs(repo, task)?;
    let parent = head.map(Commit::id);
    if let Some(last) = kept.last()
        && let Ok(last_commit) = repo.find_reference(last).and_then(|found| found.peel_to_commit())
        && last_commit.tree_id() == files
        && last_commit.parent_id(0).ok() == parent
        && last_commit.parent(1).ok().map(|commit| commit.tree_id()) == staged
    {
        return Ok(last.clone());
    }
    let who = identity(repo)?;
    let staged = match staged {
        Some(tree) => {
            let tree = repo.find_tree(tree)?;
            let parents: Vec<&Commit<'_>> = head.into_iter().collect();
            let id = repo.commit(None, &who, &who, "What was staged\n", &tree, &parents)?;
            Some(repo.find_commit(id)?)
        }
        None => None,
    };
    let message = format!("What was not committed in {}\n", opened.root.display());
    let parents: Vec<&Commit<'_>> = head.into_iter().chain(staged.as_ref()).collect();
    let commit = repo.commit(None, &who, &who, &message, &repo.find_tree(files)?, &parents)?;
    put_kept(repo, task, place, &kept, commit)
}

/// Puts a commit under the next number.
fn put_kept(
    repo: &Repository,
    task: TaskId,
    place: &Workplace,
    kept: &[String],
    commit: Oid,
) -> Result<String, git2::Error> {
    let folder = kept_folder(task, place);
    let mut number = kept.last().and_then(|name| name.rsplit_once('/')?.1.parse::<u32>().ok()).unwrap_or(0) + 1;
    loop {
        let name = format!("{folder}/{number}");
        match repo.reference(&name, commit, false, "kept") {
            Err(error) if error.code() == git2::ErrorCode::Exists => number += 1,
            other => return other.map(|_| name),
        }
    }
}

fn kept_folder(task: TaskId, place: &Workplace) -> String {
    let short = task.short();
    let name = place.branch.as_deref().map(|branch| branch.strip_prefix("taskwright/").unwrap_or(branch));
    let name = name.or_else(|| Path::new(&place.path).file_name()?.to_str()).unwrap_or_default();
    let name = name.strip_suffix(&format!("-{short}")).unwrap_or(name);
    format!("{KEPT}/{}-{short}", naming::slug(name, "task"))
}

/// A tree of everything in a checkout that git does not ignore. The checkout's own index is only read.
fn whole_tree(opened: &Opened) -> Result<Oid, WorkspaceError> {
    let root = opened.root.as_path();
    let folder = tempfile::tempdir().doing("make a temporary folder beside", root)?;
    let path = folder.path().join("index");
    let own = opened.repo.path().join("index");
    if own.exists() {
        std::fs::copy(&own, &path).doing("read", &own)?;
    }
    // A handle of its own: the other's index stays what it is.
    let repo = Repository::open(opened.repo.path()).at(root)?;
    let mut index = Index::open(&path).at(root)?;
    repo.set_index(&mut index).at(root)?;
    let nested = add_all(&repo, &mut index, root)?;
    for nested in nested {
        add_as_files(&repo, &mut index, root, &nested)?;
    }
    index.write_tree().at(root)
}

/// Adds, changes and removes in an index what differs in the checkout. Returns the repositories inside it, which an
/// index can only hold as links.
pub(super) fn add_all(repo: &Repository, index: &mut Index, root: &Path) -> Result<BTreeSet<PathBuf>, WorkspaceError> {
    let mut nested = BTreeSet::new();
    let mut note = |path: &Path, _: &[u8]| {
        let is_repository =
            path.as_os_str().as_encoded_bytes().ends_with(b"/") || root.join(path).join(".git").exists();
        if is_repository {
            nested.insert(path.components().collect::<PathBuf>());
        }
        i32::from(is_repository)
    };
    index.add_all(["*"], IndexAddOption::DEFAULT, Some(&mut note)).at(root)?;
    for entry in index.iter().filter(|entry| entry.mode == GITLINK) {
        let path = PathBuf::from(String::from_utf8_lossy(&entry.path).into_owned());
        if let Ok(submodule) = Repository::open(root.join(&path))
            && submodule.path() != repo.path()
            && !is_as_recorded(&submodule, entry.id)
        {
            nested.insert(path);
        }
    }
    Ok(nested)
}

fn is_as_recorded(submodule: &Repository, commit: Oid) -> bool {
    submodule.refname_to_id("HEAD").is_ok_and(|head| head == commit) && !is_dirty(submodule).unwrap_or(true)
}

/// Puts the files of a repository inside the checkout into the index as if they were the checkout's own.
fn add_as_files(repo: &Repository, index: &mut Index, root: &Path, nested: &Path) -> Result<(), WorkspaceError> {
    index.remove(nested, 0).ok();
    let inner = Repository::open(root.join(nested)).ok();
    let walk = WalkDir::new(root.join(nested)).follow_links(false).into_iter().filter_entry(|entry| {
        let inside = entry.path().strip_prefix(root.join(nested)).unwrap_or(entry.path());
        let is_ignored = || inner.as_ref().is_some_and(|inner| inner.is_path_ignored(inside).unwrap_or(false));
        entry.depth() == 0 || (entry.file_name() != ".git" && !is_ignored())
    });
    for entry in walk {
        let Ok(entry) = entry else { continue };
        let Ok(relative) = entry.path().strip_prefix(root) else { continue };
        let mode = match entry.metadata() {
            Ok(data) if data.is_symlink() => 0o120_000,
            Ok(data) if data.is_file() => regular_mode(&data),
            _ => continue,
        };
        let id = repo.blob_path(entry.path()).at(root)?;
        index.add(&index_entry(relative, mode, id)).at(root)?;
    }
    Ok(())
}

fn regular_mode(data: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    if data.permissions().mode() & 0o100 == 0 { 0o100_644 } else { 0o100_755 }
}

fn index_entry(path: &Path, mode: u32, id: Oid) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_os_str().as_encoded_bytes().to_vec(),
    }
}
