//! What a branch starts from: a local branch, a remote's, a tag or a commit, with the remote's news where they can be had.

use super::{
    Step, Steps, WorkspaceError, remote,
    repository::{At as _, Found, branch_tip, is_in},
    step,
};
use git2::{BranchType, ErrorCode, Oid, Repository};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Where a branch starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Base {
    /// The branch or tag; none for a detached HEAD.
    pub(super) name: Option<String>,
    /// The commit.
    pub(super) commit: Oid,
}

/// The base as the repository has it now, without asking any remote.
///
/// # Errors
/// [`WorkspaceError::NoBase`] and [`WorkspaceError::NoCommits`].
pub(super) fn resolve(found: &Found, requested: Option<&str>) -> Result<Base, WorkspaceError> {
    match requested {
        Some(name) => named(&found.repo, name)
            .map(|commit| Base { name: Some(name.to_owned()), commit })
            .ok_or_else(|| no_base(found, name)),
        None => head(&found.repo, &found.root),
    }
}

fn no_base(found: &Found, name: &str) -> WorkspaceError {
    match found.repo.is_empty() {
        Ok(true) => WorkspaceError::NoCommits(found.root.clone()),
        _ => WorkspaceError::NoBase { repository: found.root.clone(), base: name.to_owned() },
    }
}

/// What the repository has checked out.
pub(super) fn head(repo: &Repository, root: &Path) -> Result<Base, WorkspaceError> {
    let head = match repo.head() {
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            return Err(WorkspaceError::NoCommits(root.to_owned()));
        }
        other => other.at(root)?,
    };
    let commit = head.peel_to_commit().at(root)?.id();
    let name = if head.is_branch() { head.shorthand().ok().map(str::to_owned) } else { None };
    Ok(Base { name, commit })
}

/// Finds a commit by the name of a branch, of a remote's branch, of a tag, or by its hash; by nothing else that git would
/// understand.
fn named(repo: &Repository, name: &str) -> Option<Oid> {
    let refs = [
        format!("refs/heads/{name}"),
        format!("refs/remotes/{name}"),
        format!("refs/remotes/origin/{name}"),
        format!("refs/tags/{name}"),
        name.to_owned(),
    ];
    let by_ref = refs
        .iter()
        .filter(|full| full.starts_with("refs/") && git2::Reference::is_valid_name(full))
        .find_map(|full| repo.find_reference(full).ok()?.peel_to_commit().ok());
    let by_hash = || {
        let is_hash = (7..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash { repo.find_commit_by_prefix(name).ok() } else { None }
    };
    let of_head = || if name == "HEAD" { repo.head().ok()?.peel_to_commit().ok() } else { None };
    by_ref.or_else(by_hash).or_else(of_head).map(|commit| commit.id())
}

/// The branch of a remote to which a local branch, or one that is only there, belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Upstream {
    remote: String,
    branch: String,
}

impl Upstream {
    fn tracking(&self) -> String {
        format!("refs/remotes/{}/{}", self.remote, self.branch)
    }

    /// From the branch's own config, else by the same name in a remote that was seen to have it.
    fn of(repo: &Repository, branch: &str) -> Option<Self> {
        let full = format!("refs/heads/{branch}");
        let configured = || {
            let remote = repo.branch_upstream_remote(&full).ok()?.as_str().ok()?.to_owned();
            let merge = repo.branch_upstream_merge(&full).ok()?.as_str().ok()?.strip_prefix("refs/heads/")?.to_owned();
            Some(Self { remote, branch: merge })
        };
        let same_name = || {
            let upstream = Self { remote: only_remote(repo)?, branch: branch.to_owned() };
            let is_known = branch_tip(repo, branch).is_none() || repo.find_reference(&upstream.tracking()).is_ok();
            is_known.then_some(upstream)
        };
        let found = configured().or_else(same_name)?;
        (remote::is_usable_remote(&found.remote) && git2::Reference::is_valid_name(&found.tracking())).then_some(found)
    }
}

/// `origin`, or the one remote that there is.
pub(super) fn only_remote(repo: &Repository) -> Option<String> {
    let remotes = repo.remotes().ok()?;
    let names: Vec<&str> = remotes.iter().filter_map(|name| name.ok().flatten()).collect();
    let chosen = names.iter().find(|name| **name == "origin").or(if names.len() == 1 { names.first() } else { None });
    chosen.map(|name| (*name).to_owned())
}

/// The remote to which a branch is pushed.
pub(super) fn push_remote(repo: &Repository, branch: &str) -> Option<String> {
    let configured = repo.branch_upstream_remote(&format!("refs/heads/{branch}")).ok();
    let configured = configured.and_then(|name| name.as_str().ok().map(str::to_owned));
    configured.filter(|name| name != ".").or_else(|| only_remote(repo)).filter(|name| remote::is_usable_remote(name))
}

/// Whether the base may be at a remote that has not been asked yet.
pub(super) fn may_be_remote(repo: &Repository, requested: Option<&str>) -> bool {
    requested.is_some_and(|name| Upstream::of(repo, name).is_some())
}

/// The base with what its remote has: fetched, and taken from there only where no local commit would be left behind.
///
/// # Errors
/// As [`resolve`]; a remote that cannot be reached is told as a step and is no failure.
pub(super) fn resolve_fresh(
    found: &Found,
    requested: Option<&str>,
    steps: Steps<'_>,
    cancel: &CancellationToken,
) -> Result<Base, WorkspaceError> {
    let repo = &found.repo;
    let local_name = match requested {
        Some(name) => {
            let is_other =
                branch_tip(repo, name).is_none() && named(repo, name).is_some() && !is_known_remote(repo, name);
            if is_other { None } else { Some(name.to_owned()) }
        }
        None => head(repo, &found.root)?.name,
    };
    let Some(upstream) = local_name.as_deref().and_then(|name| upstream_of_base(repo, name)) else {
        return resolve(found, requested);
    };
    let about = format!("{}/{}", upstream.remote, upstream.branch);
    match remote::fetch(&found.root, &upstream.remote, &upstream.branch, cancel) {
        Ok(()) => {}
        Err(WorkspaceError::Cancelled) => return Err(WorkspaceError::Cancelled),
        Err(error) => {
            let output = format!("{error}; the work starts from what is here");
            steps(Step { step: "fetch", about, output: Some(output), ok: false });
            return resolve(found, requested);
        }
    }
    let base = resolve(found, requested)?;
    let tracking = repo.find_reference(&upstream.tracking()).and_then(|found| found.peel_to_commit());
    let Ok(tracking) = tracking else {
        steps(step("fetch", &about, "fetched"));
        return Ok(base);
    };
    let (base, said) = newest(repo, base, tracking.id(), &about).at(&found.root)?;
    steps(step("fetch", &about, &said));
    Ok(base)
}

fn is_known_remote(repo: &Repository, name: &str) -> bool {
    repo.find_branch(name, BranchType::Remote).is_ok()
        || repo.find_reference(&format!("refs/remotes/origin/{name}")).is_ok()
}

/// The upstream of a base that may be named as a local branch or, with its remote, as one of a remote.
fn upstream_of_base(repo: &Repository, name: &str) -> Option<Upstream> {
    if branch_tip(repo, name).is_none()
        && repo.find_branch(name, BranchType::Remote).is_ok()
        && let Some((remote, branch)) = name.split_once('/')
    {
        return remote::is_usable_remote(remote)
            .then(|| Upstream { remote: remote.to_owned(), branch: branch.to_owned() });
    }
    Upstream::of(repo, name)
}

fn newest(repo: &Repository, base: Base, remote: Oid, about: &str) -> Result<(Base, String), git2::Error> {
    let short = |oid: Oid| oid.to_string()[..10].to_owned();
    let local = base.commit;
    if local == remote {
        return Ok((base, format!("up to date at {}", short(local))));
    }
    if is_in(repo, local, remote)? {
        let said = format!("{about} is ahead of the local branch; the work starts from its {}", short(remote));
        return Ok((Base { commit: remote, ..base }, said));
    }
    let said = if is_in(repo, remote, local)? { "is ahead of" } else { "has other commits than" };
    let said = format!("the local branch {said} {about}; the work starts from the local {}", short(local));
    Ok((base, said))
}
