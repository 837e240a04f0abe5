//! Nothing that a repository brings along is run.

use super::*;

/// A repository whose config, attributes and hooks would each touch the canary.
fn hostile() -> (Bench, PathBuf) {
    let bench = Bench::new();
    let canary = bench.root().join("canary");
    let script = bench.root().join("touch.sh");
    write(&script, &format!("#!/bin/sh\necho \"$0 $*\" >> {}\ncat\n", canary.display()));
    make_executable(&script);
    for hook in [
        "applypatch-msg",
        "commit-msg",
        "fsmonitor-watchman",
        "post-checkout",
        "post-commit",
        "post-index-change",
        "post-merge",
        "post-rewrite",
        "pre-auto-gc",
        "pre-commit",
        "pre-merge-commit",
        "pre-push",
        "pre-rebase",
        "prepare-commit-msg",
        "reference-transaction",
    ] {
        let path = bench.repo().join(".git/hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(&script, &path).unwrap();
        make_executable(&path);
    }
    bench.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    bench.write("notes.txt", "one\ntwo\nthree\nfour\n");
    git_without_hooks(&bench, &["add", "-A"]);
    git_without_hooks(&bench, &["commit", "-q", "-m", "Attributes"]);
    let run = script.display().to_string();
    let config = format!(
        "[core]\n\tfsmonitor = {run}\n\tsshCommand = {run}\n\teditor = {run}\n\tpager = {run}\n\tgitProxy = {run}\n\taskPass = {run}\n\
         \talternateRefsCommand = {run}\n\
         [filter \"evil\"]\n\tclean = {run}\n\tsmudge = {run}\n\tprocess = {run}\n\trequired = true\n\
         [diff]\n\texternal = {run}\n[diff \"evil\"]\n\ttextconv = {run}\n\tcommand = {run}\n\
         [merge \"evil\"]\n\tdriver = {run} %O %A %B\n\
         [commit]\n\tgpgSign = true\n[push]\n\tgpgSign = true\n[gpg]\n\tprogram = {run}\n\
         [credential]\n\thelper = !{run}\n[credential \"https://127.0.0.1\"]\n\thelper = !{run}\n\
         [protocol]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always\n\
         [gc]\n\tauto = 1\n[maintenance]\n\tauto = true\n"
    );
    let path = bench.repo().join(".git/config");
    fs::write(&path, read(&path) + &config).unwrap();
    (bench, canary)
}

fn git_without_hooks(bench: &Bench, arguments: &[&str]) {
    bench.run(&[&["-c", "core.hooksPath=/dev/null"], arguments].concat());
}

fn assert_untouched(canary: &Path, what: &str) {
    assert!(!canary.exists(), "{what} ran {}", read(canary));
}

#[test]
fn the_canary_sings_when_git_itself_works_there() {
    let (bench, canary) = hostile();
    try_git(&bench.repo(), &["status"]);
    assert!(canary.exists());
}

#[test]
fn nothing_that_a_repository_brings_along_is_run() {
    let (bench, canary) = hostile();
    let request = PlaceRequest { copy_files: vec![".env*".into()], ..bench.request() };
    bench.git.check(&request).unwrap();
    let place = bench.try_make(&request).0.unwrap();
    assert_untouched(&canary, "making");
    let path = PathBuf::from(&place.path);
    write(&path.join("notes.txt"), "one\ntwo\nthree\nfour\nfive\n");
    write(&path.join("new.txt"), "new\n");
    bench.git.changes(&place).unwrap();
    bench.git.diff(&place, None, 10_000).unwrap();
    bench.state(&place);
    assert_untouched(&canary, "reading");
    bench.git.keep(bench.task, &place).unwrap().unwrap();
    assert_untouched(&canary, "keeping");
    bench.git.commit(&place, "Work").unwrap().unwrap();
    assert_untouched(&canary, "committing");
    // Both sides change one file, so that a merge driver would be asked.
    bench.write("notes.txt", "zero\none\ntwo\nthree\nfour\n");
    git2_commit(&bench.repo());
    bench.git.merge(&place, "main", MergeKind::Merge, "Merge").unwrap();
    assert_untouched(&canary, "merging");
    bench.git.branches(&bench.repo()).unwrap();
    bench.git.commits(&place).unwrap();
    bench.git.orphans(&bench.worktrees(), &[]).unwrap();
    write(&path.join("more.txt"), "more\n");
    bench.remove(&place, RemoveOptions { delete_branch: true, confirm: true }).unwrap();
    assert_untouched(&canary, "removing");
}

/// Commits what is changed in a checkout, by no hook.
fn git2_commit(folder: &Path) {
    let repo = git2::Repository::open(folder).unwrap();
    let mut index = repo.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repo.find_tree(index.write_tree().unwrap()).unwrap();
    let head = repo.head().unwrap().peel_to_commit().unwrap();
    let who = commit::identity(&repo).unwrap();
    repo.commit(Some("HEAD"), &who, &who, "On main", &tree, &[&head]).unwrap();
}

#[test]
fn a_fetch_and_a_push_run_nothing_of_the_repositorys_choice() {
    for url in
        ["ssh://127.0.0.1:1/none", "ext::touch CANARY", "git://127.0.0.1:1/none", "https://127.0.0.1:1/none", "LOCAL"]
    {
        let (bench, canary) = hostile();
        git(&bench.root(), &["clone", "-q", "--bare", "sample", "remote.git"]);
        fs::remove_file(&canary).ok();
        let local = bench.root().join("remote.git").display().to_string();
        let url = url.replace("CANARY", &canary.display().to_string()).replace("LOCAL", &local);
        let script = bench.root().join("touch.sh").display().to_string();
        let path = bench.repo().join(".git/config");
        let remote = format!(
            "[remote \"origin\"]\n\turl = {url}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\tuploadpack = {script}\n\treceivepack = {script}\n\
             [branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n"
        );
        fs::write(&path, read(&path) + &remote).unwrap();
        let (place, steps) = bench.try_make(&bench.request());
        let place = place.unwrap();
        assert!(steps.iter().any(|step| step.step == "fetch" && step.ok == (url == local)), "{url}: {steps:?}");
        assert_untouched(&canary, &format!("fetching from {url}"));
        let pushed = bench.git.push(&place, place.branch.as_ref().unwrap(), &CancellationToken::new());
        assert_eq!(pushed.is_ok(), url == local, "{url}: {pushed:?}");
        assert_untouched(&canary, &format!("pushing to {url}"));
    }
}

#[test]
fn a_remote_that_is_named_like_an_option_is_not_asked() {
    for name in ["-x", "--upload-pack=touch", "../elsewhere", "ext::sh", ""] {
        assert!(!remote::is_usable_remote(name), "{name}");
    }
    assert!(remote::is_usable_remote("origin"));
}

#[test]
fn a_work_tree_that_the_config_puts_elsewhere_is_not_believed() {
    let bench = Bench::new();
    let victim = bench.root().join("victim");
    write(&victim.join("notes.txt"), "precious\n");
    let place = bench.make();
    write(&Path::new(&place.path).join("notes.txt"), "changed\n");
    bench.git.commit(&place, "Work").unwrap().unwrap();
    bench.run(&["config", "core.worktree", &victim.display().to_string()]);
    assert!(bench.git.check(&PlaceRequest { task_id: TaskId::new(), ..bench.request() }).is_err());
    assert!(bench.git.merge(&place, "main", MergeKind::Merge, "Merge").is_err());
    assert_eq!(read(victim.join("notes.txt")), "precious\n");
}

#[test]
fn a_link_in_the_commit_does_not_lead_copied_files_out() {
    let bench = Bench::new();
    let victim = bench.root().join("victim");
    fs::create_dir(&victim).unwrap();
    std::os::unix::fs::symlink(&victim, bench.repo().join("conf")).unwrap();
    bench.commit_all("A link");
    fs::remove_file(bench.repo().join("conf")).unwrap();
    bench.write("conf/sub/.env", "SECRET=1\n");
    let (place, steps) = bench.try_make(&PlaceRequest { copy_files: vec![".env".into()], ..bench.request() });
    place.unwrap();
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
    assert!(steps.iter().any(|step| step.step == "copy" && !step.ok), "{steps:?}");
}
