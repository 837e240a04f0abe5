//! Keeping what is not committed, and removing.

use super::*;

const EVERYTHING: RemoveOptions = RemoveOptions { delete_branch: true, confirm: true };

fn show(bench: &Bench, reference: &str, path: &str) -> String {
    bench.run(&["show", &format!("{reference}:{path}")])
}

#[test]
fn keeping_holds_all_that_is_not_ignored_and_changes_nothing() {
    let bench = Bench::new();
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    write(&path.join("notes.txt"), "changed\n");
    write(&path.join("deep/new.txt"), "new\n");
    write(&path.join("README.md"), "staged\n");
    git(&path, &["add", "README.md"]);
    write(&path.join("README.md"), "staged and changed\n");
    fs::remove_file(path.join("app/main.txt")).unwrap();
    write(&path.join("debug.log"), "ignored\n");
    let before =
        (git(&path, &["status", "--porcelain"]), git(&path, &["ls-files", "-s"]), git(&path, &["rev-parse", "HEAD"]));
    let kept = bench.git.keep(bench.task, &place).unwrap().unwrap();
    assert_eq!(kept, format!("refs/taskwright/kept/fix-the-login-{}/1", bench.task.short()));
    let after =
        (git(&path, &["status", "--porcelain"]), git(&path, &["ls-files", "-s"]), git(&path, &["rev-parse", "HEAD"]));
    assert_eq!(after, before);
    assert_eq!(show(&bench, &kept, "notes.txt"), "changed");
    assert_eq!(show(&bench, &kept, "deep/new.txt"), "new");
    assert_eq!(show(&bench, &kept, "README.md"), "staged and changed");
    assert_eq!(show(&bench, &format!("{kept}^2"), "README.md"), "staged");
    assert_eq!(bench.run(&["ls-tree", "-r", "--name-only", &kept]), ".gitignore\nREADME.md\ndeep/new.txt\nnotes.txt");
    assert_eq!(bench.git.keep(bench.task, &place).unwrap(), Some(kept.clone()), "the same again is kept once");
    write(&path.join("notes.txt"), "changed again\n");
    let second = bench.git.keep(bench.task, &place).unwrap().unwrap();
    assert!(second.ends_with("/2"));
    assert_eq!(bench.state(&place).kept_refs, [kept, second]);
}

#[test]
fn a_clean_worktree_has_nothing_to_keep() {
    let bench = Bench::new();
    let place = bench.make();
    assert_eq!(bench.git.keep(bench.task, &place).unwrap(), None);
    write(&Path::new(&place.path).join("debug.log"), "ignored\n");
    assert_eq!(bench.git.keep(bench.task, &place).unwrap(), None);
}

#[test]
fn commits_that_no_branch_has_are_kept() {
    let bench = Bench::new();
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    git(&path, &["checkout", "-q", "--detach"]);
    write(&path.join("new.txt"), "new\n");
    let lost = commit_all(&path, "Lost");
    let removed = bench.remove(&place, RemoveOptions::default()).unwrap();
    let kept = removed.kept.unwrap();
    assert_eq!(bench.run(&["rev-parse", &format!("{kept}^")]), lost);
}

#[test]
fn work_in_place_is_kept_in_its_repository() {
    let bench = Bench::new();
    let place = bench.try_make(&PlaceRequest { use_worktree: false, ..bench.request() }).0.unwrap();
    bench.write("new.txt", "new\n");
    let before = bench.run(&["status", "--porcelain"]);
    let kept = bench.git.keep(bench.task, &place).unwrap().unwrap();
    assert_eq!(kept, format!("refs/taskwright/kept/sample-{}/1", bench.task.short()));
    assert_eq!(show(&bench, &kept, "new.txt"), "new");
    assert_eq!(bench.run(&["status", "--porcelain"]), before);
}

#[test]
fn files_of_repositories_inside_are_kept_too() {
    let bench = Bench::new();
    let place = bench.make();
    let inner = Path::new(&place.path).join("inner");
    fs::create_dir(&inner).unwrap();
    init(&inner, &[]);
    write(&inner.join("work.txt"), "work\n");
    let kept = bench.remove(&place, RemoveOptions::default()).unwrap().kept.unwrap();
    assert_eq!(show(&bench, &kept, "inner/work.txt"), "work");
}

#[test]
fn removing_keeps_the_uncommitted_and_leaves_the_branch() {
    let bench = Bench::new();
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    write(&path.join("done.txt"), "done\n");
    bench.git.commit(&place, "Done").unwrap().unwrap();
    write(&path.join("new.txt"), "new\n");
    let before = bench.state(&place);
    assert!(before.exists && before.dirty && !before.merged && before.size_bytes > 0);
    let mut steps = Vec::new();
    let removed = bench.git.remove(bench.task, &place, RemoveOptions::default(), &mut |step| steps.push(step)).unwrap();
    assert!(removed.worktree && !removed.branch);
    assert_eq!(show(&bench, &removed.kept.unwrap(), "new.txt"), "new");
    assert_eq!(steps.iter().map(|step| step.step).collect::<Vec<_>>(), ["keep", "remove"]);
    assert!(!path.exists() && !path.parent().unwrap().exists());
    assert_eq!(bench.run(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(bench.branches().len(), 2);
    let after = bench.state(&place);
    assert!(!after.exists && !after.dirty && after.head == before.head);
    assert_eq!(after.kept_refs.len(), 1);
    assert_eq!(bench.git.commits(&place).unwrap().len(), 1);
    assert_eq!(bench.remove(&place, RemoveOptions::default()).unwrap(), Removed::default());
}

#[test]
fn an_unmerged_branch_goes_only_with_confirmation() {
    let bench = Bench::new();
    let place = bench.make();
    write(&Path::new(&place.path).join("done.txt"), "done\n");
    bench.git.commit(&place, "Done").unwrap().unwrap();
    let before = bench.traces();
    let refused = bench.remove(&place, RemoveOptions { delete_branch: true, confirm: false });
    assert!(matches!(refused, Err(WorkspaceError::Unmerged { commits: 1, .. })), "{refused:?}");
    assert_eq!(bench.traces(), before);
    let tip = bench.run(&["rev-parse", place.branch.as_ref().unwrap()]);
    let removed = bench.remove(&place, EVERYTHING).unwrap();
    assert!(removed.worktree && removed.branch);
    assert_eq!(bench.branches(), ["main"]);
    assert_eq!(bench.run(&["rev-parse", &removed.kept.unwrap()]), tip);
    let repeated = bench.remove(&place, EVERYTHING).unwrap();
    assert_eq!(repeated, Removed::default());
}

#[test]
fn a_merged_branch_goes_without_confirmation() {
    let bench = Bench::new();
    let place = bench.make();
    write(&Path::new(&place.path).join("done.txt"), "done\n");
    bench.git.commit(&place, "Done").unwrap().unwrap();
    bench.git.merge(&place, "main", MergeKind::Merge, "Merge").unwrap();
    assert!(bench.state(&place).merged);
    assert!(bench.remove(&place, RemoveOptions { delete_branch: true, confirm: false }).unwrap().branch);
    assert_eq!(bench.branches(), ["main"]);
}

#[test]
fn a_branch_that_was_there_before_the_task_stays() {
    let bench = Bench::new();
    bench.run(&["branch", "feature"]);
    let place = bench.try_make(&PlaceRequest { branch_name: Some("feature".into()), ..bench.request() }).0.unwrap();
    assert!(!bench.remove(&place, EVERYTHING).unwrap().branch);
    assert_eq!(bench.branches(), ["feature", "main"]);
}

#[test]
fn a_branch_can_be_removed_after_its_worktree() {
    let bench = Bench::new();
    let place = bench.make();
    fs::remove_dir_all(&place.path).unwrap();
    let removed = bench.remove(&place, EVERYTHING).unwrap();
    assert!(removed.branch && !removed.worktree);
    assert_eq!(bench.run(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_removal_that_broke_off_is_finished_the_next_time() {
    let bench = Bench::new();
    let place = bench.make();
    let aside = format!("{}.removing", place.path);
    fs::rename(&place.path, &aside).unwrap();
    assert_eq!(bench.git.orphans(&bench.worktrees(), &[]).unwrap(), []);
    bench.remove(&place, RemoveOptions::default()).unwrap();
    assert!(!Path::new(&aside).exists());
    assert_eq!(bench.run(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(bench.make(), place);
}

#[test]
fn what_is_no_worktree_of_the_task_is_never_removed() {
    let bench = Bench::new();
    let place = bench.make();
    let victim = bench.root().join("victim");
    write(&victim.join("precious.txt"), "precious");
    let named = bench.root().join(format!("victim-{}", bench.task.short()));
    write(&named.join("precious.txt"), "precious");
    let link = bench.root().join(format!("link-{}", bench.task.short()));
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    for (path, what) in [
        (victim.display().to_string(), "a folder"),
        (named.display().to_string(), "a folder of the right name"),
        (link.display().to_string(), "a link"),
        (bench.repo().display().to_string(), "the repository"),
        (format!("{}/..", place.path), "a way out"),
        (bench.root().display().to_string(), "a parent"),
    ] {
        let refused = bench.remove(&Workplace { path, ..place.clone() }, EVERYTHING);
        assert!(refused.is_err(), "{what}: {refused:?}");
    }
    let stranger = bench.git.remove(TaskId::new(), &place, EVERYTHING, &mut |_| ());
    assert!(matches!(stranger, Err(WorkspaceError::Outside(_))));
    assert_eq!(read(victim.join("precious.txt")), "precious");
    assert_eq!(read(named.join("precious.txt")), "precious");
    assert!(Path::new(&place.path).join("README.md").exists() && bench.repo().join("README.md").exists());
}

#[test]
fn a_worktree_that_was_replaced_by_a_link_is_not_followed() {
    let bench = Bench::new();
    let place = bench.make();
    fs::rename(&place.path, bench.root().join("away")).unwrap();
    std::os::unix::fs::symlink(bench.repo(), &place.path).unwrap();
    assert!(bench.remove(&place, EVERYTHING).is_err());
    assert!(bench.repo().join("README.md").exists());
}

#[test]
fn links_in_a_worktree_are_removed_and_not_followed() {
    let bench = Bench::new();
    let place = bench.make();
    let victim = bench.root().join("victim");
    write(&victim.join("precious.txt"), "precious");
    std::os::unix::fs::symlink(&victim, Path::new(&place.path).join("link")).unwrap();
    assert!(bench.remove(&place, RemoveOptions::default()).unwrap().worktree);
    assert_eq!(read(victim.join("precious.txt")), "precious");
}

#[test]
fn folders_without_write_permission_go_too() {
    let bench = Bench::new();
    let place = bench.make();
    let cache = Path::new(&place.path).join("node_modules/cache");
    write(&cache.join("file.txt"), "cached");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o555)).unwrap();
    bench.remove(&place, RemoveOptions::default()).unwrap();
    assert!(!Path::new(&place.path).exists());
}

#[test]
fn a_worktree_whose_link_was_broken_is_kept_and_removed_all_the_same() {
    let bench = Bench::new();
    let place = bench.make();
    fs::remove_file(Path::new(&place.path).join(".git")).unwrap();
    write(&Path::new(&place.path).join("new.txt"), "new\n");
    let removed = bench.remove(&place, RemoveOptions::default()).unwrap();
    assert_eq!(show(&bench, &removed.kept.unwrap(), "new.txt"), "new");
    assert!(removed.worktree);
}

#[test]
fn a_locked_worktree_stays() {
    let bench = Bench::new();
    let place = bench.make();
    bench.run(&["worktree", "lock", &place.path]);
    assert!(bench.remove(&place, EVERYTHING).unwrap_err().to_string().contains("locked"));
    assert!(Path::new(&place.path).join("README.md").exists());
}

#[test]
fn a_worktree_whose_repository_is_gone_is_not_lost() {
    let bench = Bench::new();
    let place = bench.make();
    fs::remove_dir_all(bench.repo()).unwrap();
    assert!(bench.remove(&place, EVERYTHING).unwrap_err().to_string().contains("is gone"));
    assert!(Path::new(&place.path).join("README.md").exists());
    assert!(bench.state(&place).exists);
    fs::remove_dir_all(&place.path).unwrap();
    assert_eq!(bench.remove(&place, EVERYTHING).unwrap(), Removed::default());
}

#[test]
fn worktrees_that_no_task_knows_are_found() {
    let bench = Bench::new();
    let known = bench.make();
    let task = TaskId::new();
    let unknown = bench.try_make(&PlaceRequest { task_id: task, ..bench.request() }).0.unwrap();
    write(&Path::new(&unknown.path).join("new.txt"), "new\n");
    write(&bench.worktrees().join("someone/elses-12345678/file.txt"), "not ours");
    let orphans = bench.git.orphans(&bench.worktrees(), &[known.path.into()]).unwrap();
    assert_eq!(orphans.len(), 1);
    assert_eq!(orphans[0].path, PathBuf::from(&unknown.path));
    assert!(orphans[0].dirty);
    assert_eq!(orphans[0].repository.as_ref().unwrap().canonicalize().unwrap(), bench.repo());
    assert_eq!(bench.git.orphans(&bench.root().join("none"), &[]).unwrap(), []);
}

#[test]
fn branches_are_listed_with_the_current_one() {
    let bench = Bench::new();
    bench.run(&["branch", "other"]);
    git(&bench.root(), &["clone", "-q", "sample", "clone"]);
    let branches = bench.git.branches(&bench.root().join("clone")).unwrap();
    assert_eq!(branches.current.as_deref(), Some("main"));
    assert_eq!(branches.local, ["main"]);
    assert_eq!(branches.remote, ["origin/main", "origin/other"]);
    bench.run(&["checkout", "-q", "--detach"]);
    assert_eq!(bench.git.branches(&bench.repo()).unwrap().current, None);
    assert!(matches!(bench.git.branches(&bench.root()), Err(WorkspaceError::NoRepository(_))));
    let empty = Bench::without_commit();
    assert_eq!(empty.git.branches(&empty.repo()).unwrap().current, None);
}
