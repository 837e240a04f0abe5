//! Commits, changes and diffs.

use super::*;

fn change(changes: &[FileChange], path: &str) -> FileChange {
    changes.iter().find(|change| change.path == path).unwrap_or_else(|| panic!("{path} in {changes:?}")).clone()
}

/// A worktree in which everything that can happen to a file has happened.
fn worked_in(bench: &Bench) -> Workplace {
    bench.write("old name.txt", &"a line that stays\n".repeat(20));
    bench.write("gone.txt", "gone\n");
    bench.write("staged.txt", "staged\n");
    bench.commit_all("More");
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    write(&path.join("notes.txt"), "one\n2\nthree\nfour\n");
    fs::remove_file(path.join("gone.txt")).unwrap();
    fs::rename(path.join("old name.txt"), path.join("new name.txt")).unwrap();
    write(&path.join("deep/new.txt"), "new\n");
    fs::write(path.join("picture.png"), [0x89, b'P', 0, 1, 2]).unwrap();
    write(&path.join("staged.txt"), "staged twice\n");
    git(&path, &["add", "staged.txt"]);
    write(&path.join("debug.log"), "ignored\n");
    write(&path.join("committed.txt"), "committed\n");
    git(&path, &["add", "committed.txt"]);
    git(&path, &["commit", "-q", "-m", "By the agent", "--", "committed.txt"]);
    place
}

#[test]
fn changes_tell_committed_staged_changed_and_new_files_alike() {
    let bench = Bench::new();
    let place = worked_in(&bench);
    let changes = bench.git.changes(&place).unwrap();
    let lines: Vec<String> = changes
        .iter()
        .map(|change| {
            let from = change.old_path.as_ref().map(|old| format!(" from {old}")).unwrap_or_default();
            let kind = if change.binary { " binary" } else { "" };
            let open = if change.uncommitted { " uncommitted" } else { "" };
            format!("{} {}{from} +{} -{}{kind}{open}", change.status, change.path, change.additions, change.deletions)
        })
        .collect();
    insta::assert_debug_snapshot!(lines, @r#"
    [
        "added committed.txt +1 -0",
        "added deep/new.txt +1 -0 uncommitted",
        "deleted gone.txt +0 -1 uncommitted",
        "renamed new name.txt from old name.txt +0 -0 uncommitted",
        "modified notes.txt +2 -1 uncommitted",
        "added picture.png +0 -0 binary uncommitted",
        "modified staged.txt +1 -1 uncommitted",
    ]
    "#);
}

#[test]
fn a_file_added_to_the_index_and_removed_again_is_no_change() {
    let bench = Bench::new();
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    write(&path.join("brief.txt"), "brief\n");
    git(&path, &["add", "brief.txt"]);
    fs::remove_file(path.join("brief.txt")).unwrap();
    assert_eq!(bench.git.changes(&place).unwrap(), []);
    assert_eq!(bench.git.diff(&place, None, 1000).unwrap(), "");
}

#[test]
fn a_commit_takes_everything_that_is_not_ignored_and_leaves_the_worktree_clean() {
    let bench = Bench::new();
    let place = worked_in(&bench);
    let path = PathBuf::from(&place.path);
    let made = bench.git.commit(&place, "Fix the login\n\nBoth forms.").unwrap().unwrap();
    assert_eq!(
        (made.subject.as_str(), made.body.as_str(), made.author.as_str()),
        ("Fix the login", "Both forms.", "Tester")
    );
    assert_eq!(git(&path, &["status", "--porcelain"]), "");
    assert_eq!(git(&path, &["log", "-1", "--format=%B"]), "Fix the login\n\nBoth forms.");
    assert_eq!(bench.run(&["rev-parse", place.branch.as_ref().unwrap()]), made.id);
    assert!(path.join("debug.log").exists());
    assert!(!git(&path, &["ls-files"]).contains("debug.log"));
    assert!(bench.git.changes(&place).unwrap().iter().all(|change| !change.uncommitted));
    assert_eq!(bench.git.changes(&place).unwrap().len(), 7);
    let subjects: Vec<String> = bench.git.commits(&place).unwrap().into_iter().map(|commit| commit.subject).collect();
    assert_eq!(subjects, ["By the agent", "Fix the login"]);
    assert_eq!(bench.git.commit(&place, "Again").unwrap(), None);
    assert_eq!(git(&path, &["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn without_an_identity_a_neutral_one_commits() {
    let bench = Bench::new();
    let repo = git2::Repository::open(bench.repo()).unwrap();
    let who = commit::identity(&repo).unwrap();
    assert_eq!((who.name().unwrap(), who.email().unwrap()), ("Tester", "tester@example.invalid"));
    repo.set_config(&git2::Config::new().unwrap()).unwrap();
    assert_eq!(commit::identity(&repo).unwrap().email().unwrap(), "user@localhost");
}

#[test]
fn commits_of_an_agent_that_left_the_branch_come_onto_it() {
    let bench = Bench::new();
    for leave in [&["checkout", "-q", "--detach"][..], &["checkout", "-q", "-b", "own-idea"]] {
        let task = TaskId::new();
        let request = PlaceRequest { task_id: task, ..bench.request() };
        let place = bench.try_make(&request).0.unwrap();
        let path = PathBuf::from(&place.path);
        git(&path, leave);
        write(&path.join("one.txt"), "one\n");
        commit_all(&path, "One");
        write(&path.join("two.txt"), "two\n");
        let made = bench.git.commit(&place, "Two").unwrap().unwrap();
        assert_eq!(git(&path, &["branch", "--show-current"]), *place.branch.as_ref().unwrap());
        assert_eq!(git(&path, &["rev-parse", "HEAD"]), made.id);
        assert_eq!(git(&path, &["status", "--porcelain"]), "");
        assert_eq!(bench.git.commits(&place).unwrap().len(), 2);
    }
    assert_eq!(bench.run(&["log", "--format=%s", "own-idea"]), "One\nFirst");
}

#[test]
fn a_detached_commit_with_nothing_to_add_moves_the_branch_to_it() {
    let bench = Bench::new();
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    git(&path, &["checkout", "-q", "--detach"]);
    let own = commit_all(&path, "Own");
    assert_eq!(bench.git.commit(&place, "Ours").unwrap().unwrap().id, own);
    assert_eq!(bench.run(&["rev-parse", place.branch.as_ref().unwrap()]), own);
}

#[test]
fn nothing_is_committed_onto_what_does_not_follow_the_branch() {
    let bench = Bench::new();
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    write(&path.join("one.txt"), "one\n");
    bench.git.commit(&place, "One").unwrap().unwrap();
    git(&path, &["checkout", "-q", "--detach", "main"]);
    write(&path.join("two.txt"), "two\n");
    let before = bench.run(&["for-each-ref"]);
    assert!(matches!(bench.git.commit(&place, "Two"), Err(WorkspaceError::OffBranch { .. })));
    assert_eq!(bench.run(&["for-each-ref"]), before);
    assert_eq!(read(path.join("two.txt")), "two\n");
}

#[test]
fn a_merge_that_the_agent_resolved_is_committed_as_one() {
    let bench = Bench::new();
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    write(&path.join("notes.txt"), "ours\n");
    bench.git.commit(&place, "Ours").unwrap().unwrap();
    bench.write("notes.txt", "theirs\n");
    let theirs = bench.commit_all("Theirs");
    assert!(!try_git(&path, &["merge", "-q", "main"]).status.success());
    write(&path.join("notes.txt"), "both\n");
    let made = bench.git.commit(&place, "Merge main").unwrap().unwrap();
    assert_eq!(git(&path, &["rev-parse", "HEAD^2"]), theirs);
    assert_eq!(git(&path, &["rev-parse", "HEAD"]), made.id);
    assert_eq!(git(&path, &["status"]).lines().last(), Some("nothing to commit, working tree clean"));
    assert!(!git(&path, &["status"]).contains("merging"));
}

#[test]
fn repositories_inside_are_left_out_of_commits() {
    let bench = Bench::new();
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    for (name, has_commit) in [("empty", false), ("full", true)] {
        let inner = path.join(name);
        fs::create_dir(&inner).unwrap();
        init(&inner, &[]);
        write(&inner.join("inner.txt"), "inner\n");
        if has_commit {
            commit_all(&inner, "Inner");
        }
    }
    write(&path.join("new.txt"), "new\n");
    bench.git.commit(&place, "New").unwrap().unwrap();
    assert_eq!(git(&path, &["diff", "--name-only", "HEAD~1", "HEAD"]), "new.txt");
}

#[test]
fn file_modes_and_symlinks_are_committed_as_they_are() {
    let bench = Bench::new();
    let place = bench.make();
    let path = PathBuf::from(&place.path);
    make_executable(&path.join("notes.txt"));
    std::os::unix::fs::symlink("/etc/passwd", path.join("link")).unwrap();
    let changes = bench.git.changes(&place).unwrap();
    assert_eq!(change(&changes, "notes.txt").status, "modified");
    assert_eq!(change(&changes, "link").additions, 1);
    bench.git.commit(&place, "Modes").unwrap().unwrap();
    let listed = git(&path, &["ls-files", "-s"]);
    assert!(listed.lines().any(|line| line.starts_with("100755") && line.ends_with("notes.txt")));
    assert!(listed.lines().any(|line| line.starts_with("120000") && line.ends_with("link")));
    assert_eq!(git(&path, &["show", "HEAD:link"]), "/etc/passwd");
}

#[test]
fn a_diff_is_what_git_would_apply() {
    let bench = Bench::new();
    let place = worked_in(&bench);
    fs::remove_file(Path::new(&place.path).join("picture.png")).unwrap();
    let diff = bench.git.diff(&place, None, 1_000_000).unwrap();
    let patch = bench.root().join("patch");
    fs::write(&patch, &diff).unwrap();
    let fresh = bench.root().join("fresh");
    bench.run(&["worktree", "add", "-q", "--detach", &fresh.display().to_string(), "main"]);
    git(&fresh, &["apply", &patch.display().to_string()]);
    for file in ["notes.txt", "new name.txt", "deep/new.txt", "staged.txt", "committed.txt"] {
        assert_eq!(read(fresh.join(file)), read(Path::new(&place.path).join(file)), "{file}");
    }
    assert!(!fresh.join("gone.txt").exists() && !fresh.join("old name.txt").exists());
}

#[test]
fn a_diff_of_one_file_has_that_file_alone() {
    let bench = Bench::new();
    let place = worked_in(&bench);
    let diff = bench.git.diff(&place, Some("notes.txt"), 1_000_000).unwrap();
    insta::assert_snapshot!(diff, @r"
    diff --git a/notes.txt b/notes.txt
    index 4cb29ea..ea14db2 100644
    --- a/notes.txt
    +++ b/notes.txt
    @@ -1,3 +1,4 @@
     one
    -two
    +2
     three
    +four
    ");
    assert!(bench.git.diff(&place, Some("new name.txt"), 1_000_000).unwrap().contains("rename from old name.txt"));
    assert!(bench.git.diff(&place, Some("picture.png"), 1_000_000).unwrap().contains("Binary files"));
    assert_eq!(bench.git.diff(&place, Some("README.md"), 1_000_000).unwrap(), "");
    for outside in ["../notes.txt", "/etc/passwd", "a/../../b", "", "."] {
        assert!(matches!(bench.git.diff(&place, Some(outside), 100), Err(WorkspaceError::Outside(_))), "{outside}");
    }
}

#[test]
fn a_long_diff_is_cut_at_a_line_and_says_so() {
    let bench = Bench::new();
    let place = bench.make();
    let lines: String = (0..1000).map(|line| format!("line {line} größe\n")).collect();
    write(&Path::new(&place.path).join("long.txt"), &lines);
    let diff = bench.git.diff(&place, None, 500).unwrap();
    let (kept, last) = diff.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(last, "\\ the rest is left out: the diff is longer than 500 bytes");
    assert!(kept.len() <= 500 && kept.ends_with("größe"), "{kept}");
}

#[test]
fn in_place_the_changes_are_those_since_the_start() {
    let bench = Bench::new();
    let place = bench.try_make(&PlaceRequest { use_worktree: false, ..bench.request() }).0.unwrap();
    bench.write("notes.txt", "changed\n");
    bench.write("new.txt", "new\n");
    bench.commit_all("By the agent");
    bench.write("more.txt", "more\n");
    let changes = bench.git.changes(&place).unwrap();
    assert_eq!(
        changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(),
        ["more.txt", "new.txt", "notes.txt"]
    );
    assert!(change(&changes, "more.txt").uncommitted && !change(&changes, "new.txt").uncommitted);
    assert_eq!(bench.git.commits(&place).unwrap().len(), 1);
    let state = bench.state(&place);
    assert!(state.exists && state.dirty && state.size_bytes == 0);
}

#[test]
fn once_the_worktree_is_gone_the_branch_is_compared() {
    let bench = Bench::new();
    let place = worked_in(&bench);
    bench.git.commit(&place, "Work").unwrap().unwrap();
    let (changes, diff) = (bench.git.changes(&place).unwrap(), bench.git.diff(&place, None, 100_000).unwrap());
    bench.remove(&place, RemoveOptions::default()).unwrap();
    assert_eq!(bench.git.changes(&place).unwrap(), changes);
    assert_eq!(bench.git.diff(&place, None, 100_000).unwrap(), diff);
    bench.run(&["branch", "-q", "-D", place.branch.as_ref().unwrap()]);
    assert_eq!(bench.git.changes(&place).unwrap(), []);
    assert_eq!(bench.git.commits(&place).unwrap(), []);
}
