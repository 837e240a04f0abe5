//! From a request to the folders in which its task works: which, in which order, with which settings of their projects.

use super::super::context::Context;
use crate::{
    domain::{
        TaskId,
        project::Project,
        task::{Access, TaskSpec},
    },
    store::{Queries, StoreError},
    workspace::PlaceRequest,
};
use std::path::PathBuf;

/// A folder of a request.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Site {
    /// The field that named it.
    pub field: String,
    /// The folder, as the client gave it.
    pub path: String,
    /// What the task may do there.
    pub access: Access,
    /// The branch that was asked for, with the field that named it.
    pub branch_name: Option<(String, String)>,
    /// The branch to start from, if the task names one.
    pub base_branch: Option<String>,
}

/// The folders of a request: the one in which the agent stands first, then the other ones that it writes, then those that it
/// reads. A project that names the root folder again says more about it and is no second folder.
pub(super) fn sites(spec: &TaskSpec) -> Vec<Site> {
    let own_branch = spec.branch_name.clone().map(|name| ("branch_name".to_owned(), name));
    let root = spec.root_folder.as_ref().map(|path| {
        let again = spec.projects.iter().find(|project| project.path == *path);
        Site {
            field: "root_folder".to_owned(),
            path: path.clone(),
            access: again.map_or(Access::Write, |project| project.access),
            branch_name: again.and_then(|project| project.branch_name.clone()).map(|n| ("projects".to_owned(), n)),
            base_branch: None,
        }
    });
    let projects = spec.projects.iter().enumerate().filter(|(_, p)| Some(&p.path) != spec.root_folder.as_ref());
    let mut sites: Vec<_> = root
        .into_iter()
        .chain(projects.map(|(index, project)| Site {
            field: format!("projects[{index}].path"),
            path: project.path.clone(),
            access: project.access,
            branch_name: project.branch_name.clone().map(|name| (format!("projects[{index}].branch_name"), name)),
            base_branch: None,
        }))
        .collect();
    sites.sort_by_key(|site| site.access == Access::Read);
    if let Some(first) = sites.first_mut().filter(|site| site.access == Access::Write) {
        first.base_branch.clone_from(&spec.base_branch);
        first.branch_name = first.branch_name.take().or(own_branch);
    }
    sites
}

/// The folder whose project's settings a task inherits.
pub(super) fn main_folder(spec: &TaskSpec) -> Option<String> {
    sites(spec).into_iter().next().map(|site| site.path)
}

/// A folder with the project that it belongs to.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Placed {
    pub site: Site,
    pub project: Option<Project>,
}

/// Looks up the project of each folder.
pub(super) fn with_projects(queries: &Queries<'_>, spec: &TaskSpec) -> Result<Vec<Placed>, StoreError> {
    sites(spec).into_iter().map(|site| Ok(Placed { project: queries.project_at(&site.path)?, site })).collect()
}

impl Placed {
    /// What is asked of the workspaces for this folder.
    pub(super) fn request(&self, ctx: &Context, id: TaskId, spec: &TaskSpec) -> PlaceRequest {
        let config = self.project.as_ref().map(|project| &project.config);
        let worktree_root = self.project.as_ref().and_then(|project| {
            let root = project.config.worktree_root.as_ref().filter(|root| !root.is_empty())?;
            Some(PathBuf::from(&project.path).join(root))
        });
        let default_branch =
            self.project.as_ref().map(|project| project.default_branch.clone()).filter(|branch| !branch.is_empty());
        PlaceRequest {
            task_id: id,
            task_name: spec.task_name.clone(),
            source: PathBuf::from(&self.site.path),
            access: self.site.access,
            use_worktree: spec.use_worktree,
            branch_name: self.site.branch_name.as_ref().map(|(_, name)| name.clone()),
            base_branch: self.site.base_branch.clone().or(default_branch),
            worktree_root: worktree_root.unwrap_or_else(|| ctx.config.data_dir.join("worktrees")),
            copy_files: config.map(|config| config.copy_files.clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::task::TaskProject, engine::testbed::spec};

    fn project(path: &str, access: Access, branch: Option<&str>) -> TaskProject {
        TaskProject { path: path.into(), access, context: None, branch_name: branch.map(str::to_owned) }
    }

    fn told(spec: &TaskSpec) -> Vec<(String, Access, Option<String>, Option<String>)> {
        sites(spec)
            .into_iter()
            .map(|site| (site.path, site.access, site.branch_name.map(|(_, name)| name), site.base_branch))
            .collect()
    }

    #[test]
    fn the_agent_stands_in_the_first_folder_that_it_may_write() {
        let spec = TaskSpec {
            branch_name: Some("feature".into()),
            base_branch: Some("develop".into()),
            projects: vec![
                project("/sdk", Access::Read, None),
                project("/app", Access::Write, None),
                project("/site", Access::Write, Some("other")),
            ],
            ..spec("t")
        };
        assert_eq!(
            told(&spec),
            [
                ("/app".into(), Access::Write, Some("feature".into()), Some("develop".into())),
                ("/site".into(), Access::Write, Some("other".into()), None),
                ("/sdk".into(), Access::Read, None, None),
            ]
        );
    }

    #[test]
    fn a_project_that_names_the_root_folder_is_no_second_folder() {
        let spec = TaskSpec {
            root_folder: Some("/app".into()),
            branch_name: Some("feature".into()),
            projects: vec![project("/app", Access::Write, Some("mine")), project("/sdk", Access::Read, None)],
            ..spec("t")
        };
        assert_eq!(
            told(&spec),
            [("/app".into(), Access::Write, Some("mine".into()), None), ("/sdk".into(), Access::Read, None, None)]
        );
        assert_eq!(main_folder(&spec).as_deref(), Some("/app"));
    }

    #[test]
    fn a_folder_that_is_only_read_gets_no_branch() {
        let spec = TaskSpec {
            branch_name: Some("feature".into()),
            projects: vec![project("/sdk", Access::Read, None)],
            ..spec("t")
        };
        assert_eq!(told(&spec), [("/sdk".into(), Access::Read, None, None)]);
    }
}
