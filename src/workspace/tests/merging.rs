//! Merges and pushes.

use super::*;

/// A worktree with one commit on it.
fn with_commit(bench: &Bench, file: &str, text: &str) -> Workplace {
    let place = bench.make();
    write(&Path::new(&place.path).join(file), text);
    bench.git.commit(&place, "Work").unwrap().unwrap();
    place
}

fn merge(bench: &Bench, place: &Workplace, kind: MergeKind) -> Result<Merged, WorkspaceError> {
    bench.git.merge(place, "main", kind, "Merge the work")
}

fn done(merged: Result<Merged, WorkspaceError>) -> String {
    match merged.unwrap() {
        Merged::Done { commit } => commit,
        other => panic!("{other:?}"),
    }
}

fn graph(bench: &Bench) -> String {
    bench.run(&["log", "--topo-order", "--format=%s", "main"])
}

#[test]
fn a_target_that_did_not_move_is_fast_forwarded() {
    for kind in [MergeKind::Merge, MergeKind::Rebase] {
        let bench = Bench::new();
        let place = with_commit(&bench, "new.txt", "new\n");
        let commit = done(merge(&bench, &place, kind));
        assert_eq!(bench.run(&["rev-parse", "main"]), commit);
        assert_eq!(bench.run(&["rev-parse", place.branch.as_ref().unwrap()]), commit);
        assert_eq!(merge(&bench, &place, kind).unwrap(), Merged::UpToDate);
    }
}

#[test]
fn the_targets_clean_checkout_comes_along() {
    for kind in [MergeKind::Merge, MergeKind::Squash, MergeKind::Rebase] {
        let bench = Bench::new();
        let place = with_commit(&bench, "new.txt", "new\n");
        bench.write("main.txt", "main\n");
        bench.commit_all("On main");
        bench.write("untracked.txt", "mine\n");
        bench.write(".env", "ignored\n");
        done(merge(&bench, &place, kind));
        assert_eq!(bench.run(&["status", "--porcelain"]), "?? untracked.txt", "{kind:?}");
        assert_eq!(read(bench.repo().join("new.txt")), "new\n");
        assert_eq!(read(bench.repo().join("main.txt")), "main\n");
        assert_eq!(read(bench.repo().join(".env")), "ignored\n");
        assert_eq!(bench.run(&["branch", "--show-current"]), "main");
    }
}

#[test]
fn each_kind_leaves_its_own_history() {
    let histories: Vec<String> = [MergeKind::Merge, MergeKind::Squash, MergeKind::Rebase]
        .into_iter()
        .map(|kind| {
            let bench = Bench::new();
            let place = with_commit(&bench, "new.txt", "new\n");
            write(&Path::new(&place.path).join("more.txt"), "more\n");
            bench.git.commit(&place, "More work").unwrap().unwrap();
            bench.write("main.txt", "main\n");
            bench.commit_all("On main");
            done(merge(&bench, &place, kind));
            graph(&bench).replace('\n', " < ")
        })
        .collect();
    insta::assert_debug_snapshot!(histories, @r#"
    [
        "Merge the work < More work < Work < On main < First",
        "Merge the work < On main < First",
        "More work < Work < On main < First",
    ]
    "#);
}

#[test]
fn merging_again_brings_what_came_since() {
    for kind in [MergeKind::Merge, MergeKind::Squash, MergeKind::Rebase] {
        let bench = Bench::new();
        let place = with_commit(&bench, "new.txt", "new\n");
        bench.write("main.txt", "main\n");
        bench.commit_all("On main");
        done(merge(&bench, &place, kind));
        assert_eq!(merge(&bench, &place, kind).unwrap(), Merged::UpToDate, "{kind:?}");
        write(&Path::new(&place.path).join("second.txt"), "second\n");
        bench.git.commit(&place, "Second").unwrap().unwrap();
        done(merge(&bench, &place, kind));
        assert_eq!(read(bench.repo().join("second.txt")), "second\n");
        assert_eq!(bench.run(&["status", "--porcelain"]), "");
    }
}

#[test]
fn a_squash_after_a_squash_takes_further_changes_of_the_same_lines() {
    let bench = Bench::new();
    let place = with_commit(&bench, "notes.txt", "one\n2\nthree\n");
    done(merge(&bench, &place, MergeKind::Squash));
    write(&Path::new(&place.path).join("notes.txt"), "one\nzwei\nthree\n");
    bench.git.commit(&place, "Again").unwrap().unwrap();
    done(merge(&bench, &place, MergeKind::Squash));
    assert_eq!(read(bench.repo().join("notes.txt")), "one\nzwei\nthree\n");
}

#[test]
fn a_conflict_lists_the_files_and_changes_nothing() {
    for kind in [MergeKind::Merge, MergeKind::Squash, MergeKind::Rebase] {
        let bench = Bench::new();
        let place = with_commit(&bench, "notes.txt", "ours\n");
        bench.write("notes.txt", "theirs\n");
        bench.commit_all("Theirs");
        let before = bench.run(&["for-each-ref"]);
        assert_eq!(merge(&bench, &place, kind).unwrap(), Merged::Conflict { files: vec!["notes.txt".into()] });
        assert_eq!(bench.run(&["for-each-ref"]), before);
        assert_eq!(bench.run(&["status", "--porcelain"]), "");
        assert_eq!(git(Path::new(&place.path), &["status", "--porcelain"]), "");
    }
}

#[test]
fn a_dirty_checkout_of_the_target_is_refused_and_left_alone() {
    let bench = Bench::new();
    let place = with_commit(&bench, "new.txt", "new\n");
    for (file, text) in [("notes.txt", "mine\n"), ("new.txt", "in the way\n")] {
        bench.write(file, text);
        let before = (bench.run(&["for-each-ref"]), bench.run(&["status", "--porcelain"]));
        let refused = merge(&bench, &place, MergeKind::Merge);
        assert!(matches!(&refused, Err(WorkspaceError::TargetDirty { at, .. }) if *at == bench.repo()), "{refused:?}");
        assert_eq!((bench.run(&["for-each-ref"]), bench.run(&["status", "--porcelain"])), before);
        assert_eq!(read(bench.repo().join(file)), text);
        bench.run(&["stash", "-q", "-u"]);
    }
    done(merge(&bench, &place, MergeKind::Merge));
}

#[test]
fn a_target_that_is_not_checked_out_moves_alone() {
    let bench = Bench::new();
    bench.run(&["branch", "release"]);
    let place = with_commit(&bench, "new.txt", "new\n");
    bench.write("notes.txt", "dirty\n");
    let Merged::Done { commit } = bench.git.merge(&place, "release", MergeKind::Squash, "Squashed").unwrap() else {
        panic!()
    };
    assert_eq!(bench.run(&["rev-parse", "release"]), commit);
    assert_eq!(read(bench.repo().join("notes.txt")), "dirty\n");
    assert!(!bench.repo().join("new.txt").exists());
    let missing = bench.git.merge(&place, "nope", MergeKind::Merge, "x");
    assert!(matches!(missing, Err(WorkspaceError::NoBase { .. })));
}

#[test]
fn files_that_the_merge_removes_go_from_the_checkout() {
    let bench = Bench::new();
    let place = bench.make();
    fs::remove_file(Path::new(&place.path).join("app/main.txt")).unwrap();
    bench.git.commit(&place, "Remove").unwrap().unwrap();
    done(merge(&bench, &place, MergeKind::Merge));
    assert!(!bench.repo().join("app/main.txt").exists());
    assert_eq!(bench.run(&["status", "--porcelain"]), "");
}

#[test]
fn a_branch_is_pushed_without_force_and_only_where_there_is_a_remote() {
    let bench = Bench::new();
    let cancel = CancellationToken::new();
    let place = with_commit(&bench, "new.txt", "new\n");
    let branch = place.branch.clone().unwrap();
    assert_eq!(bench.git.push(&place, &branch, &cancel).unwrap(), None);
    git(&bench.root(), &["init", "-q", "--bare", "remote.git"]);
    bench.run(&["remote", "add", "origin", "../remote.git"]);
    assert!(bench.git.push(&place, &branch, &cancel).unwrap().is_some());
    let remote = bench.root().join("remote.git");
    assert_eq!(git(&remote, &["rev-parse", &branch]), bench.run(&["rev-parse", &branch]));
    // The remote has a commit that is not here.
    let stranger = bench.root().join("stranger");
    git(&bench.root(), &["clone", "-q", "-b", &branch, "remote.git", "stranger"]);
    let theirs = commit_all(&stranger, "Theirs");
    git(&stranger, &["push", "-q"]);
    write(&Path::new(&place.path).join("more.txt"), "more\n");
    bench.git.commit(&place, "More").unwrap().unwrap();
    let refused = bench.git.push(&place, &branch, &cancel).unwrap_err();
    assert!(matches!(refused, WorkspaceError::Remote { doing: "push", .. }), "{refused}");
    assert_eq!(git(&remote, &["rev-parse", &branch]), theirs);
    for name in ["-f", "--mirror", "nope"] {
        assert!(bench.git.push(&place, name, &cancel).is_err(), "{name}");
    }
}
