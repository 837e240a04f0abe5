//! Making a workplace: a worktree on the task's branch, or the folder as it is.

use super::{
    Git, PlaceRequest, Steps, WorkspaceError,
    base::{self, Base},
    copy, naming,
    repository::{
        At as _, Checkout, Doing as _, Found, branch_ref, branch_tip, checkout_of_entry, checkouts, existing_folder,
        is_dirty, real, text,
    },
    step,
};
use crate::domain::task::{Access, Workplace};
use git2::{Oid, Repository, WorktreeAddOptions, WorktreePruneOptions};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// The file in a worktree's entry that remembers how it was made; it goes with the entry.
const RECORD: &str = "taskwright.json";

/// How a worktree was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Record {
    branch: String,
    created_branch: bool,
    base: Option<String>,
    base_commit: String,
    /// Whether the files that git ignores were copied: the last step.
    #[serde(default)]
    ready: bool,
}

/// What a worktree is to be called.
struct Names {
    entry: String,
    branch: String,
    is_given: bool,
}

impl Names {
    fn of(request: &PlaceRequest) -> Result<Self, WorkspaceError> {
        let entry = naming::workspace_name(&request.task_name, request.task_id);
        let given = request.branch_name.as_deref().filter(|name| !name.is_empty());
        let own = naming::branch_name(&request.task_name, request.task_id);
        if let Some(branch) = given {
            naming::check_branch_name(branch)?;
        }
        let branch = given.map_or_else(|| own.clone(), str::to_owned);
        Ok(Self { entry, is_given: branch != own, branch })
    }
}

/// See [`super::Workspaces::check`].
pub(super) fn check(request: &PlaceRequest) -> Result<(), WorkspaceError> {
    let source = existing_folder(&request.source)?;
    if !is_worktree_wanted(request) {
        return Ok(());
    }
    let found = Found::from(&source)?;
    let names = Names::of(request)?;
    if usable(&found.common, &names.entry).is_some() {
        return Ok(());
    }
    match base::resolve(&found, request.base_branch.as_deref()) {
        Err(WorkspaceError::NoBase { .. }) if base::may_be_remote(&found.repo, request.base_branch.as_deref()) => {}
        Err(error) => return Err(error),
        Ok(base) => check_sub_folder(&found, base.commit)?,
    }
    check_branch_is_free(&found, &names)
}

/// See [`super::Workspaces::make`].
pub(super) fn make(
    git: &Git,
    request: &PlaceRequest,
    steps: Steps<'_>,
    cancel: &CancellationToken,
) -> Result<Workplace, WorkspaceError> {
    let source = existing_folder(&request.source)?;
    if !is_worktree_wanted(request) {
        return in_place(&source, request);
    }
    let found = Found::from(&source)?;
    let names = Names::of(request)?;
    if let Some(worktree) = usable(&found.common, &names.entry) {
        let place = again(&found, request, &names, &worktree, steps)?;
        finish(&found, request, &names, &place, steps)?;
        return Ok(place);
    }
    let base = if branch_tip(&found.repo, &names.branch).is_some() {
        base::resolve(&found, request.base_branch.as_deref())?
    } else {
        base::resolve_fresh(&found, request.base_branch.as_deref(), steps, cancel)?
    };
    check_sub_folder(&found, branch_tip(&found.repo, &names.branch).unwrap_or(base.commit))?;
    if cancel.is_cancelled() {
        return Err(WorkspaceError::Cancelled);
    }
    let place = git.alone(&found.common, || add(&found, request, &names, &base, steps))?;
    tell_about_source(&found, &base, steps);
    finish(&found, request, &names, &place, steps)?;
    Ok(place)
}

/// The last step, which an attempt that broke off leaves to the next one.
fn finish(
    found: &Found,
    request: &PlaceRequest,
    names: &Names,
    place: &Workplace,
    steps: Steps<'_>,
) -> Result<(), WorkspaceError> {
    let Some(record) = read_record(&found.common, &names.entry).filter(|record| !record.ready) else { return Ok(()) };
    copy::copy_files(found, Path::new(&place.path), &request.copy_files, steps);
    write_record(&found.common, &names.entry, &Record { ready: true, ..record })
}

fn is_worktree_wanted(request: &PlaceRequest) -> bool {
    request.use_worktree && request.access == Access::Write
}

/// A folder as it is; no repository is needed.
fn in_place(source: &Path, request: &PlaceRequest) -> Result<Workplace, WorkspaceError> {
    let found = match Found::from(source) {
        Ok(found) => Some(found),
        Err(WorkspaceError::NoRepository(_) | WorkspaceError::Outside(_) | WorkspaceError::Git { .. }) => None,
        Err(error) => return Err(error),
    };
    let root = text(found.as_ref().map_or(source, |found| &found.root))?;
    let head = found.as_ref().and_then(|found| base::head(&found.repo, &found.root).ok());
    Ok(Workplace {
        source: root.clone(),
        path: root,
        cwd: text(source)?,
        access: request.access,
        is_worktree: false,
        branch: None,
        created_branch: false,
        base: head.as_ref().and_then(|head| head.name.clone()),
        base_commit: head.map(|head| head.commit.to_string()),
        first_port: None,
        ports: 0,
    })
}

/// The worktree of an entry, if it is whole: its folder is there and leads back to the entry, and its index, which a
/// checkout writes last, as well.
fn usable(common: &Path, entry: &str) -> Option<Checkout> {
    let checkout = checkout_of_entry(common, entry)?;
    if is_half_made(common, entry) {
        return None;
    }
    let link = std::fs::read_to_string(checkout.path.join(".git")).ok()?;
    let gitdir = checkout.path.join(link.strip_prefix("gitdir:")?.trim()).canonicalize().ok()?;
    (checkout.is_there() && gitdir == common.join("worktrees").join(entry)).then_some(checkout)
}

/// Whether an earlier attempt ended in the middle of the checkout. Nobody has worked in such a worktree.
fn is_half_made(common: &Path, entry: &str) -> bool {
    let gitdir = common.join("worktrees").join(entry);
    !gitdir.join("index").exists() && !gitdir.join(RECORD).exists()
}

/// The worktree that an earlier attempt made.
fn again(
    found: &Found,
    request: &PlaceRequest,
    names: &Names,
    worktree: &Checkout,
    steps: Steps<'_>,
) -> Result<Workplace, WorkspaceError> {
    let record = read_record(&found.common, &names.entry);
    let branch = record.as_ref().map_or_else(|| names.branch.clone(), |record| record.branch.clone());
    if names.is_given && branch != names.branch {
        return Err(WorkspaceError::InTheWay(worktree.path.clone()));
    }
    let record = match record {
        Some(record) => record,
        None => {
            let base = base::resolve(found, request.base_branch.as_deref())?;
            let tip = branch_tip(&found.repo, &branch).unwrap_or(base.commit);
            let record = Record::new(found, &branch, !names.is_given, &base, tip);
            write_record(&found.common, &names.entry, &record)?;
            record
        }
    };
    steps(step("worktree", &worktree.path.display().to_string(), &format!("it is there already, on {branch}")));
    place(found, request, &worktree.path, record)
}

impl Record {
    fn new(found: &Found, branch: &str, created_branch: bool, base: &Base, tip: Oid) -> Self {
        let start =
            if tip == base.commit { tip } else { found.repo.merge_base(tip, base.commit).unwrap_or(base.commit) };
        Self {
            branch: branch.to_owned(),
            created_branch,
            base: base.name.clone(),
            base_commit: start.to_string(),
            ready: false,
        }
    }
}

fn read_record(common: &Path, entry: &str) -> Option<Record> {
    let text = std::fs::read(common.join("worktrees").join(entry).join(RECORD)).ok()?;
    serde_json::from_slice(&text).ok()
}

fn place(found: &Found, request: &PlaceRequest, path: &Path, record: Record) -> Result<Workplace, WorkspaceError> {
    Ok(Workplace {
        source: text(&found.root)?,
        path: text(path)?,
        cwd: if found.sub.as_os_str().is_empty() { text(path)? } else { text(&path.join(&found.sub))? },
        access: request.access,
        is_worktree: true,
        branch: Some(record.branch),
        created_branch: record.created_branch,
        base: record.base,
        base_commit: Some(record.base_commit),
        first_port: None,
        ports: 0,
    })
}

/// The folder that was asked for must be in the commit, else the worktree would not have it.
fn check_sub_folder(found: &Found, commit: Oid) -> Result<(), WorkspaceError> {
    if found.sub.as_os_str().is_empty() {
        return Ok(());
    }
    let tree = found.repo.find_commit(commit).and_then(|commit| commit.tree()).at(&found.root)?;
    match tree.get_path(&found.sub) {
        Ok(entry) if entry.kind() == Some(git2::ObjectType::Tree) => Ok(()),
        _ => Err(WorkspaceError::NotInBase { folder: found.root.join(&found.sub) }),
    }
}

fn check_branch_is_free(found: &Found, names: &Names) -> Result<(), WorkspaceError> {
    let full = branch_ref(&names.branch);
    let holder = checkouts(&found.common)
        .into_iter()
        .find(|checkout| checkout.branch.as_deref() == Some(&full) && !is_stale_and_ours(checkout, names));
    match holder {
        Some(holder) => Err(holder.refusal(&names.branch)),
        None => Ok(()),
    }
}

/// An entry of this task whose folder is gone.
fn is_stale_and_ours(checkout: &Checkout, names: &Names) -> bool {
    checkout.entry.as_deref() == Some(&names.entry) && !checkout.locked && checkout.path.symlink_metadata().is_err()
}

/// Adds the worktree, and takes back what it has made when that fails half way.
fn add(
    found: &Found,
    request: &PlaceRequest,
    names: &Names,
    base: &Base,
    steps: Steps<'_>,
) -> Result<Workplace, WorkspaceError> {
    if let Some(worktree) = usable(&found.common, &names.entry) {
        return again(found, request, names, &worktree, steps);
    }
    prune_stale(found, names, steps)?;
    check_branch_is_free(found, names)?;
    let path = free_folder(found, request, names)?;
    let existing = branch_tip(&found.repo, &names.branch);
    let record =
        Record::new(found, &names.branch, existing.is_none() || !names.is_given, base, existing.unwrap_or(base.commit));
    let undo = Undo { found, entry: &names.entry, path: &path, branch: existing.is_none().then_some(&names.branch) };
    let added = add_branch_and_worktree(found, names, &path, existing, base)
        .and_then(|()| write_record(&found.common, &names.entry, &record))
        .and_then(|()| place(found, request, &path, record));
    if added.is_err() {
        undo.run();
    } else {
        let said = match existing {
            Some(_) => format!("on the branch {}, which was there", names.branch),
            None => format!("on the new branch {} from {}", names.branch, base.commit),
        };
        steps(step("worktree", &path.display().to_string(), &said));
    }
    added
}

fn add_branch_and_worktree(
    found: &Found,
    names: &Names,
    path: &Path,
    existing: Option<Oid>,
    base: &Base,
) -> Result<(), WorkspaceError> {
    let repo = &found.repo;
    let branch = match existing {
        Some(_) => repo.find_branch(&names.branch, git2::BranchType::Local).at(&found.root)?,
        None => {
            let commit = repo.find_commit(base.commit).at(&found.root)?;
            repo.branch(&names.branch, &commit, false).at(&found.root)?
        }
    };
    let reference = branch.into_reference();
    let mut options = WorktreeAddOptions::new();
    options.reference(Some(&reference));
    repo.worktree(&names.entry, path, Some(&options)).at(&found.root).map(|_| ())
}

fn write_record(common: &Path, entry: &str, record: &Record) -> Result<(), WorkspaceError> {
    let path = common.join("worktrees").join(entry).join(RECORD);
    let text = serde_json::to_vec(record).map_err(std::io::Error::from).doing("write", &path)?;
    let new = path.with_extension("new");
    std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path)).doing("write", &path)
}

/// The folder for the worktree: its parents made, itself not there.
fn free_folder(found: &Found, request: &PlaceRequest, names: &Names) -> Result<PathBuf, WorkspaceError> {
    let parent = request.worktree_root.join(naming::repository_folder(&found.root, &found.common));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&parent).doing("make", &parent)?;
    let path = real(&parent)?.join(&names.entry);
    if path.symlink_metadata().is_ok() && std::fs::remove_dir(&path).is_err() {
        return Err(WorkspaceError::InTheWay(path));
    }
    Ok(path)
}

fn prune_stale(found: &Found, names: &Names, steps: Steps<'_>) -> Result<(), WorkspaceError> {
    let entry = found.common.join("worktrees").join(&names.entry);
    let stale = match checkout_of_entry(&found.common, &names.entry) {
        Some(checkout) if checkout.is_there() && is_half_made(&found.common, &names.entry) => {
            std::fs::remove_dir_all(&checkout.path).doing("remove", &checkout.path)?;
            Some(checkout.path.display().to_string())
        }
        Some(checkout) if checkout.is_there() => return Err(WorkspaceError::InTheWay(checkout.path)),
        Some(checkout) if checkout.locked => {
            return Err(checkout.refusal(&names.branch));
        }
        Some(checkout) => Some(checkout.path.display().to_string()),
        // A start that broke off before the entry was whole.
        None => entry.is_dir().then(|| entry.display().to_string()),
    };
    if let Some(about) = stale {
        std::fs::remove_dir_all(&entry).doing("remove", &entry)?;
        steps(step("worktree", &about, "an earlier attempt left nothing that can be used; its entry was removed"));
    }
    Ok(())
}

/// Removes a worktree's entry from its repository.
pub(super) fn remove_entry(repo: &Repository, root: &Path, entry: &str) -> Result<(), WorkspaceError> {
    let worktree = match repo.find_worktree(entry) {
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(()),
        other => other.at(root)?,
    };
    worktree.prune(Some(WorktreePruneOptions::new().valid(true))).at(root)
}

/// What was begun and must not stay when it fails.
struct Undo<'a> {
    found: &'a Found,
    entry: &'a str,
    path: &'a Path,
    branch: Option<&'a String>,
}

impl Undo<'_> {
    /// As far as it goes: the failure that is being reported matters more than one in here.
    fn run(&self) {
        let entry = self.found.common.join("worktrees").join(self.entry);
        std::fs::remove_dir_all(self.path).ok();
        std::fs::remove_dir_all(entry).ok();
        if let Some(parent) = self.path.parent() {
            std::fs::remove_dir(parent).ok();
        }
        if let Some(branch) = self.branch
            && let Ok(mut branch) = self.found.repo.find_branch(branch, git2::BranchType::Local)
        {
            branch.delete().ok();
        }
    }
}

/// What of the source does not come along.
fn tell_about_source(found: &Found, base: &Base, steps: Steps<'_>) {
    let about = found.root.display().to_string();
    let filters = external_filters(&found.repo, base.commit);
    if !filters.is_empty() {
        let said = format!(
            "has files for the filters {}, which are not run: these files are in the worktree as they are stored; a setup command can fill them (for example `git lfs pull`)",
            filters.join(", ")
        );
        steps(step("worktree", &about, &said));
    }
    if !found.repo.is_bare() && is_dirty(&found.repo).unwrap_or(false) {
        steps(step("worktree", &about, "has changes that are not committed; they are not part of the worktree"));
    }
    let submodules: Vec<String> = found
        .repo
        .submodules()
        .unwrap_or_default()
        .iter()
        .map(|submodule| submodule.path().display().to_string())
        .collect();
    if !submodules.is_empty() {
        let said = format!(
            "has submodules, whose folders are empty in the worktree: {}; a setup command can fill them (`git submodule update --init`)",
            submodules.join(", ")
        );
        steps(step("worktree", &about, &said));
    }
}

/// The filters that the top `.gitattributes` of a commit asks for.
fn external_filters(repo: &Repository, commit: Oid) -> Vec<String> {
    let attributes = || -> Result<String, git2::Error> {
        let tree = repo.find_commit(commit)?.tree()?;
        let blob = repo.find_blob(tree.get_path(Path::new(".gitattributes"))?.id())?;
        Ok(String::from_utf8_lossy(blob.content()).into_owned())
    };
    let text = attributes().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let filters: BTreeSet<String> = lines
        .flat_map(|line| line.split_whitespace().skip(1).filter_map(|word| word.strip_prefix("filter=")))
        .map(str::to_owned)
        .collect();
    filters.into_iter().collect()
}
