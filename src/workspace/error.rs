//! Why a repository or worktree cannot be used, each with what to do.

use std::path::PathBuf;

/// A failure of a workspace.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The folder is not there.
    #[error("the folder {0} does not exist")]
    Missing(PathBuf),
    /// The folder is in no repository.
    #[error(
        "{0} is in no git repository; run `git init` and commit there, or set `use_worktree` to false to work in place"
    )]
    NoRepository(PathBuf),
    /// The repository has no commit.
    #[error("the repository {0} has no commit yet; make a first commit, or set `use_worktree` to false")]
    NoCommits(PathBuf),
    /// The base is not there.
    #[error("the repository {repository} has no branch, tag or commit `{base}`")]
    NoBase {
        /// The repository.
        repository: PathBuf,
        /// The base.
        base: String,
    },
    /// The folder that was asked for is in no commit.
    #[error(
        "the folder {folder} is not in the commit that the work starts from; commit it first, or set `use_worktree` to false"
    )]
    NotInBase {
        /// The folder, in the source checkout.
        folder: PathBuf,
    },
    /// The worktree has something checked out that does not follow the task's branch.
    #[error(
        "{path} has something checked out that is not based on the task's branch `{branch}`; switch it back to that branch"
    )]
    OffBranch {
        /// The worktree.
        path: PathBuf,
        /// The task's branch.
        branch: String,
    },
    /// The name is no branch name.
    #[error("`{0}` cannot be the name of a branch")]
    BadBranchName(String),
    /// The branch is checked out elsewhere.
    #[error(
        "the branch `{branch}` is checked out at {at}; give another `branch_name`, or switch that checkout to another branch"
    )]
    BranchInUse {
        /// The branch.
        branch: String,
        /// Where.
        at: PathBuf,
    },
    /// The branch is held by the entry of a worktree whose folder is gone.
    #[error(
        "the branch `{branch}` is held by a worktree at {at} that is gone; `git worktree prune` in the repository frees it, or give another `branch_name`"
    )]
    BranchHeld {
        /// The branch.
        branch: String,
        /// Where the worktree was.
        at: PathBuf,
    },
    /// The folder for the worktree is in the way.
    #[error("{0} is in the way and is no worktree of this task; move it away")]
    InTheWay(PathBuf),
    /// The branch has commits that are nowhere else.
    #[error(
        "the branch `{branch}` has {commits} commits that are in no other branch; give `confirm=true` to lose them"
    )]
    Unmerged {
        /// The branch.
        branch: String,
        /// How many.
        commits: usize,
    },
    /// The target of a merge is checked out with changes.
    #[error(
        "the branch `{branch}` is checked out at {at} with changes that are not committed; commit or stash them first"
    )]
    TargetDirty {
        /// The branch.
        branch: String,
        /// Where.
        at: PathBuf,
    },
    /// The path leads out of the workspace.
    #[error("`{0}` leads outside the workspace")]
    Outside(String),
    /// Not for a place without a branch.
    #[error("{0} is worked in as it is and has no branch of the task")]
    NoBranch(PathBuf),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A remote could not be reached or refused.
    #[error("git could not {doing}: {detail}")]
    Remote {
        /// `fetch`, `push`.
        doing: &'static str,
        /// What git said.
        detail: String,
    },
    /// libgit2 failed.
    #[error("git failed in {path}: {detail}")]
    Git {
        /// The repository.
        path: PathBuf,
        /// What it said.
        detail: String,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// For example `remove`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
