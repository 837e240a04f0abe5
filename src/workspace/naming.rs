//! The one rule by which a task's name becomes a folder and a branch, and what may be a branch's name at all.

use super::WorkspaceError;
use crate::domain::TaskId;
use std::path::Path;

/// What all branches that Taskwright names begin with.
const BRANCH_PREFIX: &str = "taskwright/";

/// Characters of a slug: long enough to be recognised, short enough for paths and terminals.
const MAX_SLUG: usize = 40;

/// Characters that a branch's name may have; file systems take no more than 255 bytes for a part of a path.
const MAX_BRANCH: usize = 200;

/// A text in lower-case letters, digits and single dashes; `otherwise` where nothing of it is left.
pub(super) fn slug(text: &str, otherwise: &str) -> String {
    let slug = slug::slugify(text);
    let cut = slug.char_indices().nth(MAX_SLUG).map_or(slug.as_str(), |(end, _)| &slug[..end]);
    let cut = cut.trim_matches('-');
    if cut.is_empty() { otherwise.to_owned() } else { cut.to_owned() }
}

/// The name of a task's folder and of its entry among a repository's worktrees.
pub(super) fn workspace_name(task_name: &str, task: TaskId) -> String {
    format!("{}-{}", slug(task_name, "task"), task.short())
}

/// The name of a task's branch, where none was asked for.
pub(super) fn branch_name(task_name: &str, task: TaskId) -> String {
    format!("{BRANCH_PREFIX}{}", workspace_name(task_name, task))
}

/// Whether a folder or a worktree's entry is named after this task.
pub(super) fn is_named_after(name: &str, task: TaskId) -> bool {
    name.strip_suffix(&task.short()).and_then(|rest| rest.strip_suffix('-')).is_some_and(is_slug)
}

/// Whether a folder is named as those of tasks are.
pub(super) fn is_workspace_name(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(slug, short)| {
        is_slug(slug) && short.len() == 8 && short.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn is_slug(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The folder below a worktree root for one repository: two repositories of the same name do not share it.
pub(super) fn repository_folder(root: &Path, common: &Path) -> String {
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let hash = blake3::hash(common.as_os_str().as_encoded_bytes()).to_hex();
    format!("{}-{}", slug(name.trim_end_matches(".git"), "repository"), &hash[..6])
}

/// Checks the name of a branch by git's rules and ours: no leading dash, no control characters, no full ref name.
///
/// # Errors
/// [`WorkspaceError::BadBranchName`].
pub(super) fn check_branch_name(name: &str) -> Result<(), WorkspaceError> {
    let fits = !name.starts_with('-')
        && !name.starts_with("refs/")
        && name != "@"
        && name != "HEAD"
        && name.len() <= MAX_BRANCH
        && !name.chars().any(|c| c.is_control() || c.is_whitespace())
        && git2::Branch::name_is_valid(name).unwrap_or(false);
    if fits { Ok(()) } else { Err(WorkspaceError::BadBranchName(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches_the_rule(branch: &str) -> bool {
        let Some((slug, short)) = branch.strip_prefix("taskwright/").and_then(|rest| rest.rsplit_once('-')) else {
            return false;
        };
        !slug.starts_with('-') && is_slug(slug) && short.len() == 8 && short.bytes().all(|b| b.is_ascii_hexdigit())
    }

    #[test]
    fn names_become_readable_slugs() {
        for (name, wanted) in [
            ("Fix the login page", "fix-the-login-page"),
            ("  über -- Größe!! ", "uber-grosse"),
            ("ログイン修正", "roguinxiu-zheng"),
            ("!!!", "task"),
            ("", "task"),
        ] {
            assert_eq!(slug(name, "task"), wanted, "{name:?}");
        }
        assert_eq!(slug(&"ab ".repeat(40), "task").len(), 38 + 2);
    }

    #[test]
    fn what_git_or_a_command_would_misread_is_no_branch_name() {
        for name in [
            "",
            "-f",
            "--force",
            "a..b",
            "a b",
            "a\nb",
            "a\0b",
            "x.lock",
            "a~1",
            "a^",
            "a:b",
            "@",
            "HEAD",
            "refs/heads/x",
            "a//b",
            "/a",
            "a/",
            ".a",
            "a/.b",
            "a@{1}",
            "a\\b",
            "a?b",
            "a*b",
            "a[b",
            "a\u{7f}b",
        ] {
            assert!(check_branch_name(name).is_err(), "{name:?}");
        }
        for name in ["main", "feature/one", "taskwright/a-1", "größe"] {
            assert!(check_branch_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn two_repositories_of_one_name_have_folders_of_their_own() {
        let one = repository_folder(Path::new("/a/Site"), Path::new("/a/Site/.git"));
        let two = repository_folder(Path::new("/b/Site"), Path::new("/b/Site/.git"));
        assert!(one.starts_with("site-") && two.starts_with("site-"));
        assert_ne!(one, two);
    }

    proptest! {
        #[test]
        fn any_name_gives_a_branch_of_the_rule_that_git_takes(name in any::<String>()) {
            let task = TaskId::new();
            let branch = branch_name(&name, task);
            prop_assert!(matches_the_rule(&branch), "{}", branch);
            prop_assert!(check_branch_name(&branch).is_ok());
            prop_assert!(branch.len() <= 60);
            prop_assert!(is_named_after(&workspace_name(&name, task), task));
            prop_assert!(is_workspace_name(&workspace_name(&name, task)));
            prop_assert!(!is_named_after(&workspace_name(&name, task), TaskId::new()));
        }

        #[test]
        fn a_folder_name_is_one_part_of_a_path(name in any::<String>()) {
            let folder = workspace_name(&name, TaskId::new());
            prop_assert_eq!(Path::new(&folder).components().count(), 1);
            prop_assert!(!folder.starts_with('.') && !folder.starts_with('-'));
        }
    }
}
