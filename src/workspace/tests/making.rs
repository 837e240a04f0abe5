//! Making workplaces, in repositories of every state.

use super::*;

#[test]
fn a_worktree_is_made_on_a_branch_of_the_task_from_head() {
    let bench = Bench::new();
    let (place, steps) = bench.try_make(&bench.request());
    let place = place.unwrap();
    let short = bench.task.short();
    assert_eq!(place.branch.as_deref(), Some(&*format!("taskwright/fix-the-login-{short}")));
    assert_eq!(place.base.as_deref(), Some("main"));
    assert_eq!(place.base_commit, Some(bench.run(&["rev-parse", "main"])));
    assert!(place.is_worktree && place.created_branch);
    assert_eq!(place.cwd, place.path);
    assert_eq!(place.source, bench.repo().display().to_string());
    assert!(Path::new(&place.path).starts_with(bench.worktrees()));
    assert!(place.path.ends_with(&format!("/fix-the-login-{short}")));
    assert_eq!(read(Path::new(&place.path).join("notes.txt")), "one\ntwo\nthree\n");
    assert_eq!(git(Path::new(&place.path), &["status", "--porcelain"]), "");
    assert_eq!(git(Path::new(&place.path), &["branch", "--show-current"]), place.branch.unwrap());
    assert_eq!(steps.iter().map(|step| step.step).collect::<Vec<_>>(), ["worktree"]);
}

#[test]
fn making_it_again_finds_what_is_there() {
    let bench = Bench::new();
    let first = bench.make();
    write(&Path::new(&first.path).join("new.txt"), "new\n");
    bench.write("later.txt", "later\n");
    bench.commit_all("Later");
    assert_eq!(bench.make(), first);
    assert_eq!(read(Path::new(&first.path).join("new.txt")), "new\n");
}

#[test]
fn a_branch_left_by_an_earlier_attempt_is_taken_up_with_its_base() {
    let bench = Bench::new();
    let first = bench.make();
    write(&Path::new(&first.path).join("new.txt"), "new\n");
    bench.git.commit(&first, "New").unwrap().unwrap();
    bench.remove(&first, RemoveOptions::default()).unwrap();
    bench.write("later.txt", "later\n");
    bench.commit_all("Later");
    let second = bench.make();
    assert_eq!(second, first);
    assert_eq!(read(Path::new(&second.path).join("new.txt")), "new\n");
}

#[test]
fn a_stale_entry_of_the_task_is_removed() {
    let bench = Bench::new();
    let first = bench.make();
    fs::remove_dir_all(&first.path).unwrap();
    let (second, steps) = bench.try_make(&bench.request());
    assert_eq!(second.unwrap(), first);
    assert!(said(&steps, "worktree").contains("its entry was removed"));
    assert!(Path::new(&first.path).join("README.md").exists());
}

#[test]
fn a_checkout_that_broke_off_is_made_anew() {
    let bench = Bench::new();
    let first = bench.make();
    let entry = PathBuf::from(git(Path::new(&first.path), &["rev-parse", "--absolute-git-dir"]));
    for file in ["index", "taskwright.json"] {
        fs::remove_file(entry.join(file)).unwrap();
    }
    fs::remove_file(Path::new(&first.path).join("notes.txt")).unwrap();
    assert_eq!(bench.make(), first);
    assert_eq!(git(Path::new(&first.path), &["status", "--porcelain"]), "");
}

#[test]
fn a_start_that_broke_off_before_the_copying_copies_the_next_time() {
    let bench = Bench::new();
    bench.write(".env", "SECRET=1\n");
    let first = bench.make();
    let entry = PathBuf::from(git(Path::new(&first.path), &["rev-parse", "--absolute-git-dir"]));
    fs::remove_file(entry.join("taskwright.json")).unwrap();
    let request = PlaceRequest { copy_files: vec![".env".into()], ..bench.request() };
    assert_eq!(bench.try_make(&request).0.unwrap(), first);
    assert_eq!(read(Path::new(&first.path).join(".env")), "SECRET=1\n");
    fs::remove_file(Path::new(&first.path).join(".env")).unwrap();
    bench.try_make(&request).0.unwrap();
    assert!(!Path::new(&first.path).join(".env").exists(), "what the agent removed stays away");
}

#[test]
fn files_of_external_filters_are_told() {
    let bench = Bench::new();
    bench.write(".gitattributes", "# filter=none\n*.bin filter=lfs diff=lfs -text\n");
    bench.commit_all("Attributes");
    let (place, steps) = bench.try_make(&bench.request());
    place.unwrap();
    assert!(said(&steps, "worktree").contains("the filters lfs, which are not run"), "{steps:?}");
}

#[test]
fn a_folder_in_the_way_is_not_touched() {
    let bench = Bench::new();
    let place = bench.make();
    bench.remove(&place, RemoveOptions { delete_branch: true, confirm: true }).unwrap();
    write(&Path::new(&place.path).join("mine.txt"), "mine");
    let before = bench.traces();
    assert!(matches!(bench.refusal(&bench.request()), WorkspaceError::InTheWay(_)));
    assert_eq!(bench.traces(), before);
    assert_eq!(read(Path::new(&place.path).join("mine.txt")), "mine");
}

#[test]
fn a_sub_folder_of_a_monorepo_is_the_agents_folder() {
    let bench = Bench::new();
    let place = bench.try_make(&PlaceRequest { source: bench.repo().join("app"), ..bench.request() }).0.unwrap();
    assert_eq!(place.source, bench.repo().display().to_string());
    assert_eq!(place.cwd, format!("{}/app", place.path));
    assert!(Path::new(&place.cwd).join("main.txt").exists());
}

#[test]
fn two_sub_folders_of_one_repository_share_the_worktree() {
    let bench = Bench::new();
    let whole = bench.make();
    let sub = bench.try_make(&PlaceRequest { source: bench.repo().join("app"), ..bench.request() }).0.unwrap();
    assert_eq!(sub.path, whole.path);
    assert_ne!(sub.cwd, whole.cwd);
}

#[test]
fn a_sub_folder_that_is_not_committed_is_refused() {
    let bench = Bench::new();
    bench.write("fresh/file.txt", "fresh");
    let request = PlaceRequest { source: bench.repo().join("fresh"), ..bench.request() };
    let before = bench.traces();
    assert!(matches!(bench.refusal(&request), WorkspaceError::NotInBase { .. }));
    assert!(matches!(bench.git.check(&request), Err(WorkspaceError::NotInBase { .. })));
    assert_eq!(bench.traces(), before);
}

#[test]
fn what_cannot_be_worked_in_is_refused_with_the_reason() {
    let bench = Bench::without_commit();
    let check = |request: &PlaceRequest| {
        let checked = bench.git.check(request).unwrap_err().to_string();
        assert_eq!(bench.refusal(request).to_string(), checked);
        checked.replace(&bench.root().display().to_string(), "")
    };
    assert_eq!(
        check(&bench.request()),
        "the repository /sample has no commit yet; make a first commit, or set `use_worktree` to false"
    );
    let missing = PlaceRequest { source: bench.root().join("none"), ..bench.request() };
    assert_eq!(check(&missing), "the folder /none does not exist");
    fs::create_dir(bench.root().join("plain")).unwrap();
    let plain = PlaceRequest { source: bench.root().join("plain"), ..bench.request() };
    assert_eq!(
        check(&plain),
        "/plain is in no git repository; run `git init` and commit there, or set `use_worktree` to false to work in place"
    );
    bench.commit_all("First");
    let unknown = PlaceRequest { base_branch: Some("nope".into()), ..bench.request() };
    assert_eq!(check(&unknown), "the repository /sample has no branch, tag or commit `nope`");
    let option = PlaceRequest { base_branch: Some("--upload-pack=x".into()), ..bench.request() };
    assert!(check(&option).contains("has no branch"));
    let bad = PlaceRequest { branch_name: Some("-f".into()), ..bench.request() };
    assert_eq!(check(&bad), "`-f` cannot be the name of a branch");
    let git_folder = PlaceRequest { source: bench.repo().join(".git/refs"), ..bench.request() };
    assert!(check(&git_folder).contains("leads outside"));
    assert!(bench.git.check(&bench.request()).is_ok());
}

#[test]
fn a_detached_head_is_started_from() {
    let bench = Bench::new();
    let first = bench.run(&["rev-parse", "HEAD"]);
    bench.commit_all("Second");
    bench.run(&["checkout", "-q", "--detach", &first]);
    let place = bench.make();
    assert_eq!((place.base, place.base_commit), (None, Some(first)));
}

#[test]
fn a_base_may_be_a_branch_a_tag_or_a_commit() {
    let first = |bench: &Bench| bench.run(&["rev-parse", "main~1"]);
    for name in ["old", "v1", "hash"] {
        let bench = Bench::new();
        bench.run(&["branch", "old"]);
        bench.run(&["tag", "-a", "-m", "One", "v1"]);
        bench.commit_all("Second");
        let base = if name == "hash" { first(&bench)[..12].to_owned() } else { name.to_owned() };
        let place = bench.try_make(&PlaceRequest { base_branch: Some(base), ..bench.request() }).0.unwrap();
        assert_eq!(place.base_commit, Some(first(&bench)), "{name}");
    }
}

#[test]
fn a_bare_repository_gives_worktrees() {
    let bench = Bench::new();
    let bare = bench.root().join("bare.git");
    git(&bench.root(), &["clone", "-q", "--bare", "sample", "bare.git"]);
    let place = bench.try_make(&PlaceRequest { source: bare.clone(), ..bench.request() }).0.unwrap();
    assert!(Path::new(&place.path).join("README.md").exists());
    write(&Path::new(&place.path).join("new.txt"), "new\n");
    assert_eq!(bench.git.changes(&place).unwrap().len(), 1);
    bench.git.commit(&place, "New").unwrap().unwrap();
    assert!(bench.remove(&place, RemoveOptions::default()).unwrap().worktree);
    assert_eq!(git(&bare, &["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_dirty_checkout_is_left_as_it_is_and_told() {
    let bench = Bench::new();
    bench.write("notes.txt", "changed\n");
    bench.write("new.txt", "new\n");
    let before = bench.run(&["status", "--porcelain"]);
    let (place, steps) = bench.try_make(&bench.request());
    assert_eq!(read(Path::new(&place.unwrap().path).join("notes.txt")), "one\ntwo\nthree\n");
    assert!(said(&steps, "worktree").contains("not committed"));
    assert_eq!(bench.run(&["status", "--porcelain"]), before);
}

#[test]
fn submodules_are_told_and_stay_empty() {
    let bench = Bench::new();
    let other = bench.root().join("other");
    fs::create_dir(&other).unwrap();
    init(&other, &[]);
    commit_all(&other, "Other");
    bench.run(&["submodule", "add", "-q", &other.display().to_string(), "lib"]);
    bench.commit_all("Submodule");
    let (place, steps) = bench.try_make(&bench.request());
    let place = place.unwrap();
    assert!(said(&steps, "worktree").contains("submodules"), "{steps:?}");
    assert_eq!(fs::read_dir(Path::new(&place.path).join("lib")).unwrap().count(), 0);
    assert_eq!(bench.git.changes(&place).unwrap(), []);
    assert_eq!(bench.git.commit(&place, "Nothing").unwrap(), None);
    write(&Path::new(&place.path).join("new.txt"), "new\n");
    bench.git.commit(&place, "New").unwrap().unwrap();
    assert_eq!(git(Path::new(&place.path), &["diff", "--name-only", "HEAD~1", "HEAD"]), "new.txt");
}

#[test]
fn a_given_branch_that_is_free_is_worked_on() {
    let bench = Bench::new();
    bench.run(&["branch", "feature/one"]);
    let place = bench.try_make(&PlaceRequest { branch_name: Some("feature/one".into()), ..bench.request() }).0.unwrap();
    assert_eq!(place.branch.as_deref(), Some("feature/one"));
    assert!(!place.created_branch);
    let new = Bench::new();
    let place = new.try_make(&PlaceRequest { branch_name: Some("feature/two".into()), ..new.request() }).0.unwrap();
    assert!(place.created_branch);
}

#[test]
fn a_branch_that_is_checked_out_elsewhere_is_refused() {
    let bench = Bench::new();
    let request = PlaceRequest { branch_name: Some("main".into()), ..bench.request() };
    let before = bench.traces();
    for refused in [bench.refusal(&request), bench.git.check(&request).unwrap_err()] {
        let WorkspaceError::BranchInUse { branch, at } = refused else { panic!("{refused}") };
        assert_eq!((branch.as_str(), at), ("main", bench.repo()));
    }
    let other = bench.root().join("other");
    bench.run(&["worktree", "add", "-q", "-b", "side", &other.display().to_string()]);
    let request = PlaceRequest { branch_name: Some("side".into()), ..bench.request() };
    assert!(matches!(bench.refusal(&request), WorkspaceError::BranchInUse { at, .. } if at == other));
    assert_eq!(bench.traces().0.len(), before.0.len() + 1);
}

#[test]
fn nothing_half_made_stays_after_a_failure() {
    let bench = Bench::new();
    // A branch `taskwright` leaves no room for `taskwright/…`.
    bench.run(&["branch", "taskwright"]);
    let before = bench.traces();
    assert!(matches!(bench.refusal(&bench.request()), WorkspaceError::Git { .. }));
    assert_eq!(bench.traces(), before);
    // A missing object breaks the checkout after branch, entry and folder are there.
    let bench = Bench::new();
    let blob = bench.run(&["rev-parse", "HEAD:notes.txt"]);
    fs::remove_file(bench.repo().join(".git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    let before = bench.traces();
    assert!(matches!(bench.refusal(&bench.request()), WorkspaceError::Git { .. }));
    assert_eq!(bench.traces(), before);
}

#[test]
fn a_cancelled_start_makes_nothing() {
    let bench = Bench::new();
    let before = bench.traces();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let made = bench.git.make(&bench.request(), &mut |_| (), &cancel);
    assert!(matches!(made, Err(WorkspaceError::Cancelled)));
    assert_eq!(bench.traces(), before);
}

#[test]
fn in_place_nothing_is_made_and_no_repository_is_needed() {
    let bench = Bench::new();
    for request in [
        PlaceRequest { use_worktree: false, ..bench.request() },
        PlaceRequest { access: Access::Read, ..bench.request() },
    ] {
        let before = bench.traces();
        let place = bench.try_make(&request).0.unwrap();
        assert_eq!((place.path.clone(), place.is_worktree), (bench.repo().display().to_string(), false));
        assert_eq!((place.branch.clone(), place.base.as_deref()), (None, Some("main")));
        assert_eq!(
            bench.remove(&place, RemoveOptions { delete_branch: true, confirm: true }).unwrap(),
            Removed::default()
        );
        assert_eq!(bench.traces(), before);
    }
    let plain = bench.root().join("plain");
    write(&plain.join("file.txt"), "file");
    let request = PlaceRequest { use_worktree: false, source: plain.clone(), ..bench.request() };
    bench.git.check(&request).unwrap();
    let place = bench.try_make(&request).0.unwrap();
    assert_eq!((place.path.as_str(), place.base_commit.as_deref()), (plain.to_str().unwrap(), None));
    assert_eq!(bench.git.changes(&place).unwrap(), []);
    assert_eq!(bench.git.diff(&place, None, 1000).unwrap(), "");
    assert_eq!(bench.git.commits(&place).unwrap(), []);
    assert_eq!(bench.git.keep(bench.task, &place).unwrap(), None);
    assert!(bench.state(&place).exists);
    assert!(matches!(bench.git.commit(&place, "No"), Err(WorkspaceError::NoBranch(_))));
}

#[test]
fn ignored_files_that_match_are_copied_with_their_mode() {
    let bench = Bench::new();
    bench.write(".env", "SECRET=1\n");
    bench.write("app/.env.local", "LOCAL=1\n");
    bench.write("node_modules/a/index.js", "a\n");
    bench.write("cache/.env", "of the cache\n");
    bench.write("cache/deep/key.pem", "key\n");
    write(&bench.repo().join(".git/info/exclude"), "cache/\n");
    bench.write("notes.log", "log\n");
    bench.write("untracked.txt", "untracked\n");
    fs::set_permissions(bench.repo().join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", bench.repo().join(".env.link")).unwrap();
    let copy_files = [".env*", "node_modules", "*.txt", "/cache/deep/*.pem"].map(str::to_owned).to_vec();
    let (place, steps) = bench.try_make(&PlaceRequest { copy_files, ..bench.request() });
    let path = PathBuf::from(place.unwrap().path);
    assert_eq!(read(path.join(".env")), "SECRET=1\n");
    assert_eq!(path.join(".env").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(read(path.join("app/.env.local")), "LOCAL=1\n");
    assert_eq!(read(path.join("node_modules/a/index.js")), "a\n");
    for absent in ["notes.log", "untracked.txt", ".env.link", "cache/.env"] {
        assert!(path.join(absent).symlink_metadata().is_err(), "{absent}");
    }
    assert_eq!(said(&steps, "copy"), "copied 4: .env, app/.env.local, cache/deep/key.pem, node_modules/a/index.js");
}

#[test]
fn a_wrong_glob_is_told_and_is_no_failure() {
    let bench = Bench::new();
    let (place, steps) = bench.try_make(&PlaceRequest { copy_files: vec!["[".into()], ..bench.request() });
    place.unwrap();
    assert!(steps.iter().any(|step| step.step == "copy" && !step.ok));
}

/// A clone of the sample whose `origin` it is.
fn cloned() -> (Bench, PathBuf) {
    let bench = Bench::new();
    let clone = bench.root().join("clone");
    git(&bench.root(), &["clone", "-q", "sample", "clone"]);
    (bench, clone)
}

#[test]
fn the_base_is_fetched_and_taken_from_the_remote_when_that_is_ahead() {
    let (bench, clone) = cloned();
    let local = git(&clone, &["rev-parse", "main"]);
    let newer = bench.commit_all("Newer");
    let (place, steps) = bench.try_make(&PlaceRequest { source: clone.clone(), ..bench.request() });
    assert_eq!(place.unwrap().base_commit, Some(newer));
    assert!(said(&steps, "fetch").contains("ahead of the local branch"), "{steps:?}");
    assert_eq!(git(&clone, &["rev-parse", "main"]), local);
}

#[test]
fn local_commits_are_never_left_behind() {
    let (bench, clone) = cloned();
    let ahead = commit_all(&clone, "Ahead");
    let (place, steps) = bench.try_make(&PlaceRequest { source: clone.clone(), ..bench.request() });
    let place = place.unwrap();
    assert_eq!(place.base_commit, Some(ahead.clone()));
    assert!(said(&steps, "fetch").contains("is ahead of origin/main"), "{steps:?}");
    bench.remove(&place, RemoveOptions { delete_branch: true, confirm: true }).unwrap();
    bench.commit_all("Diverged");
    let (place, steps) = bench.try_make(&PlaceRequest { source: clone, ..bench.request() });
    assert_eq!(place.unwrap().base_commit, Some(ahead));
    assert!(said(&steps, "fetch").contains("other commits"), "{steps:?}");
}

#[test]
fn a_remote_that_is_out_of_reach_is_told_and_is_no_failure() {
    let (bench, clone) = cloned();
    fs::rename(bench.repo(), bench.root().join("moved")).unwrap();
    let mut steps = Vec::new();
    let request = PlaceRequest { source: clone.clone(), ..bench.request() };
    let place = bench.git.make(&request, &mut |step| steps.push(step), &CancellationToken::new()).unwrap();
    assert_eq!(place.base_commit, Some(git(&clone, &["rev-parse", "main"])));
    assert!(steps.iter().any(|step| step.step == "fetch" && !step.ok), "{steps:?}");
}

#[test]
fn a_base_that_only_the_remote_has_is_fetched() {
    let (bench, clone) = cloned();
    bench.run(&["checkout", "-q", "-b", "release"]);
    let release = bench.commit_all("Release");
    let request = PlaceRequest { source: clone.clone(), base_branch: Some("release".into()), ..bench.request() };
    bench.git.check(&request).unwrap();
    assert_eq!(bench.try_make(&request).0.unwrap().base_commit, Some(release));
}

#[test]
fn tasks_that_start_at_once_in_one_repository_do_not_meet() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let request = PlaceRequest { task_id: TaskId::new(), ..bench.request() };
                let git = &bench.git;
                scope.spawn(move || git.make(&request, &mut |_| (), &CancellationToken::new()))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
    assert_eq!(bench.run(&["worktree", "list"]).lines().count(), 9);
}
