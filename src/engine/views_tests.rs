use super::*;
use crate::{
    domain::{Status, task::TaskSpec},
    engine::{
        Actor, DeleteOptions,
        testbed::{Bed, ScriptedPlugins, git, project, spec, task_of, write},
    },
    workspace::{MergeKind, Merged},
};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

fn actor() -> Actor {
    Actor { name: "ada".into() }
}

/// A task whose worktree has one committed and one uncommitted change.
async fn worked(bed: &Bed) -> (Task, PathBuf, PathBuf) {
    let repo = bed.repository("app", &[("a.txt", "one\n")]);
    let request = TaskSpec { root_folder: Some(repo.clone()), ..spec("Fix it") };
    let task = bed.stored(task_of(request)).await;
    let made = super::super::places::make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap();
    let worktree = PathBuf::from(&made[0].path);
    write(&worktree.join("a.txt"), "one\ntwo\n");
    git(&worktree, &["commit", "-qam", "Add two"]);
    write(&worktree.join("b.txt"), "new\n");
    (bed.reread(&task).await, PathBuf::from(repo), worktree)
}

#[tokio::test]
async fn changes_diff_and_worktree_tell_what_the_task_did() {
    let bed = Bed::new(ScriptedPlugins::default());
    let (task, ..) = worked(&bed).await;
    let changes = changes(&bed.ctx, &task).await.unwrap();
    let told: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.status, change.additions)).collect();
    assert_eq!(told, [("a.txt", "modified", 1), ("b.txt", "added", 1)]);
    let all = diff(&bed.ctx, &task, None, 100_000).await.unwrap();
    assert!(all.contains("+two") && all.contains("+new"));
    let one = diff(&bed.ctx, &task, Some("a.txt".into()), 100_000).await.unwrap();
    assert!(one.contains("+two") && !one.contains("+new"));
    let views = worktrees(&bed.ctx, &task).await.unwrap();
    assert!(views[0].state.exists && views[0].state.dirty && !views[0].state.merged);
    let evidence = evidence(&bed.ctx, &task).await.unwrap();
    assert_eq!(evidence.commits.len(), 1);
    assert_eq!(evidence.commits[0].subject, "Add two");
    assert_eq!(evidence.diff_stat, (2, 2, 0));
}

#[tokio::test]
async fn what_is_committed_is_still_shown_and_merged_when_the_worktree_is_gone() {
    let bed = Bed::new(ScriptedPlugins::default());
    let (task, repo, worktree) = worked(&bed).await;
    std::fs::remove_file(worktree.join("b.txt")).unwrap();
    let options = DeleteOptions { cleanup_worktree: true, auto_stop: false, delete_branch: false, confirm: false };
    super::super::places::remove(&bed.ctx, &task, options).await.unwrap();
    let task = bed.reread(&task).await;
    assert_eq!(changes(&bed.ctx, &task).await.unwrap().len(), 1);
    assert!(diff(&bed.ctx, &task, None, 100_000).await.unwrap().contains("+two"));
    assert!(!worktrees(&bed.ctx, &task).await.unwrap()[0].state.exists);
    let done = merge(&bed.ctx, task.id, None, MergeKind::Merge, None, true, &actor()).await.unwrap();
    assert!(matches!(done.merged, Merged::Done { .. }), "{done:?}");
    assert_eq!((done.target_branch.as_str(), done.pushed), ("main", false));
    assert!(done.push_message.unwrap().contains("no remote"));
    assert_eq!(std::fs::read_to_string(repo.join("a.txt")).unwrap(), "one\ntwo\n");
    let again = merge(&bed.ctx, task.id, None, MergeKind::Merge, None, false, &actor()).await.unwrap();
    assert_eq!(again.merged, Merged::UpToDate);
}

#[tokio::test]
async fn the_projects_default_branch_is_the_target_where_the_repository_has_it() {
    let bed = Bed::new(ScriptedPlugins::default());
    let (task, repo, _) = worked(&bed).await;
    let mut owner = project(&repo.display().to_string());
    owner.default_branch = "develop".into();
    bed.stored_project(owner).await;
    git(&repo, &["branch", "develop"]);
    let done =
        merge(&bed.ctx, task.id, None, MergeKind::Squash, Some("All of it".into()), false, &actor()).await.unwrap();
    assert_eq!(done.target_branch, "develop");
    assert_eq!(git(&repo, &["show", "develop:a.txt"]), "one\ntwo");
    assert_eq!(git(&repo, &["log", "-1", "--format=%s", "develop"]), "All of it");
    assert_eq!(git(&repo, &["show", "main:a.txt"]), "one");
    let kinds: Vec<_> = bed.events(&task).await.iter().map(EventBody::kind).collect();
    assert_eq!(kinds.last(), Some(&"workspace.step"));
}

#[tokio::test]
async fn a_conflict_is_told_and_changes_nothing() {
    let bed = Bed::new(ScriptedPlugins::default());
    let (task, repo, _) = worked(&bed).await;
    write(&repo.join("a.txt"), "one\nother\n");
    git(&repo, &["commit", "-qam", "Other"]);
    let before = git(&repo, &["rev-parse", "main"]);
    let done = merge(&bed.ctx, task.id, None, MergeKind::Merge, None, false, &actor()).await.unwrap();
    assert!(matches!(&done.merged, Merged::Conflict { files } if files == &["a.txt"]));
    assert!(done.message.contains("1 file is in conflict (a.txt); nothing was changed"));
    assert_eq!(git(&repo, &["rev-parse", "main"]), before);
}

#[tokio::test]
async fn a_task_that_works_or_has_no_branch_is_not_merged() {
    let bed = Bed::new(ScriptedPlugins::default());
    let (mut task, ..) = worked(&bed).await;
    task.status = Status::Running;
    let row = task.clone();
    bed.ctx.store.write(move |tx| tx.update_task(&row)).await.unwrap();
    let refused = merge(&bed.ctx, task.id, None, MergeKind::Merge, None, false, &actor()).await;
    assert!(matches!(refused, Err(EngineError::Conflict(_))));
    let other = bed.stored(task_of(spec("Other"))).await;
    let refused = merge(&bed.ctx, other.id, None, MergeKind::Merge, None, false, &actor()).await;
    assert!(matches!(refused, Err(EngineError::Conflict(why)) if why.contains("no branch")));
    assert!(changes(&bed.ctx, &other).await.unwrap().is_empty());
    assert!(worktrees(&bed.ctx, &other).await.unwrap().is_empty());
}
