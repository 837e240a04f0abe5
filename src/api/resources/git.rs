//! What lies on the server's disk: folders to choose from, and the branches of a repository.

use crate::{
    api::{
        Call, Problem, Reply, Route,
        fields::{Visible, fields, words},
        route, wire,
    },
    engine::EngineError,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Folders that one answer lists.
const MAX_FOLDERS: usize = 2_000;

/// The routes of folders and branches.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route::<__path_list_branches, _, _>(list_branches),
        route::<__path_browse_directories, _, _>(browse_directories),
    ]
}

/// Which branches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BranchType {
    /// Those of the repository.
    Local,
    /// Those of its remotes, with the remote's name.
    Remote,
    /// Both.
    All,
}

words!(BranchType);

fields! {
    /// Whose branches.
    pub struct ListBranches {
        /// The repository, or a folder inside one.
        path: Visible,
        /// Which branches.
        branch_type: BranchType = BranchType::Local,
    }
}

/// A repository's branches.
#[utoipa::path(get, path = "/api/v1/git-branches", operation_id = "list_branches", tag = "projects", params(ListBranches),
    responses((status = 200, body = wire::Branches)))]
async fn list_branches(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<ListBranches>()?;
    let folder = call.api.engine.check_folder("path", &wanted.path.0).await?;
    let workspaces = call.api.engine.workspaces();
    let found =
        tokio::task::spawn_blocking(move || workspaces.branches(&folder)).await.map_err(Problem::internal)??;
    let mut branches = match wanted.branch_type {
        BranchType::Local => found.local,
        BranchType::Remote => found.remote,
        BranchType::All => [found.local, found.remote].concat(),
    };
    branches.sort();
    Reply::json(&wire::Branches { current_branch: found.current, branches })
}

fields! {
    /// Which folder.
    pub struct BrowseDirectories {
        /// An absolute path inside the roots; absent: the first root.
        path: Option<Visible>,
        /// Whether folders whose names begin with a dot are listed too.
        hidden: bool = false,
    }
}

/// The folders inside a folder, by name.
#[utoipa::path(get, path = "/api/v1/browse-directories", operation_id = "browse_directories", tag = "projects",
    params(BrowseDirectories), responses((status = 200, body = wire::Directories)))]
async fn browse_directories(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<BrowseDirectories>()?;
    let engine = &call.api.engine;
    let path = match wanted.path {
        Some(path) => path.0,
        None => {
            let root = engine.roots().first().map(|root| root.display().to_string());
            root.ok_or_else(|| Problem::field("path", "is needed: the server has no root to begin with"))?
        }
    };
    let folder = engine.check_folder("path", &path).await?;
    let parent = match folder.parent().and_then(Path::to_str) {
        Some(parent) => may_enter(engine, parent).await?.then(|| parent.to_owned()),
        None => None,
    };
    let inside = folder.clone();
    let found =
        tokio::task::spawn_blocking(move || folders(&inside, wanted.hidden)).await.map_err(Problem::internal)?;
    let (found, truncated) = found.map_err(|error| Problem::field("path", format!("cannot be read: {error}")))?;
    let mut directories = Vec::with_capacity(found.len());
    for Found { name, path, readable, git } in found {
        let accessible = readable && may_enter(engine, &path).await?;
        let hidden = name.starts_with('.');
        directories.push(wire::Directory { name, path, accessible, hidden, git: git && accessible });
    }
    let current_path = folder.display().to_string();
    Reply::json(&wire::Directories { current_path, parent_path: parent, directories, truncated })
}

/// Whether a folder may be used: inside the roots, after links, and not the data directory.
async fn may_enter(engine: &crate::engine::Engine, path: &str) -> Result<bool, Problem> {
    match engine.check_folder("path", path).await {
        Ok(_) => Ok(true),
        Err(EngineError::Invalid(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

struct Found {
    name: String,
    path: String,
    readable: bool,
    git: bool,
}

/// The folders inside a folder, and links to folders, by name; and whether there are more.
fn folders(folder: &Path, hidden: bool) -> std::io::Result<(Vec<Found>, bool)> {
    let mut found: Vec<(String, PathBuf)> = std::fs::read_dir(folder)?
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, path)| (hidden || !name.starts_with('.')) && path.is_dir())
        .collect();
    found.sort_by_cached_key(|(name, _)| (name.to_lowercase(), name.clone()));
    let truncated = found.len() > MAX_FOLDERS;
    found.truncate(MAX_FOLDERS);
    let found = found.into_iter().map(|(name, path)| Found {
        readable: std::fs::read_dir(&path).is_ok(),
        git: path.join(".git").exists(),
        path: path.display().to_string(),
        name,
    });
    Ok((found.collect(), truncated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_sorted_without_files_and_hidden_ones() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["b", "A", ".hidden", "c/.git"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("a folder can be made");
        }
        std::fs::write(folder.path().join("file"), "").expect("a file can be written");
        std::os::unix::fs::symlink(folder.path().join("b"), folder.path().join("link")).expect("a link can be made");
        let (found, truncated) = folders(folder.path(), false).expect("it can be read");
        let names: Vec<_> = found.iter().map(|found| (found.name.as_str(), found.git)).collect();
        assert_eq!(names, [("A", false), ("b", false), ("c", true), ("link", false)]);
        assert!(!truncated);
        let (all, _) = folders(folder.path(), true).expect("it can be read");
        assert_eq!(all.len(), 5);
    }
}
