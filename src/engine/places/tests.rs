use super::*;
use crate::{
    domain::{
        EventBody, StepState,
        task::{Access, TaskProject},
    },
    engine::testbed::{Bed, ScriptedPlugins, git, project, spec, task_of, write},
};
use std::path::Path;

fn bed() -> Bed {
    Bed::new(ScriptedPlugins::default())
}

fn in_folder(root: &str) -> TaskSpec {
    TaskSpec { root_folder: Some(root.to_owned()), ..spec("Fix it") }
}

fn removal() -> DeleteOptions {
    DeleteOptions { cleanup_worktree: true, auto_stop: false, delete_branch: false, confirm: false }
}

async fn steps(bed: &Bed, task: &Task) -> Vec<(String, StepState, String)> {
    let events = bed.events(task).await.into_iter();
    events
        .filter_map(|event| match event {
            EventBody::WorkspaceStep { step, state, about, .. } => Some((step, state, about)),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_task_gets_a_worktree_on_a_branch_and_the_project_prepares_it() {
    let bed = bed();
    let repo = bed.repository("app", &[("README.md", "# App\n"), (".gitignore", ".env\nset-up.txt\n")]);
    write(&Path::new(&repo).join(".env"), "KEY=1\n");
    let mut owner = project(&repo);
    owner.config.setup_commands = vec!["echo $PORT $MODE >> set-up.txt".into()];
    owner.config.copy_files = vec![".env".into()];
    owner.config.env = [("MODE".to_owned(), "quick".to_owned())].into();
    owner.config.ports = Some(10);
    bed.stored_project(owner).await;
    let task = bed.stored(task_of(in_folder(&repo))).await;
    let made = make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap();
    let place = &made[0];
    assert!(place.is_worktree && Path::new(&place.path).starts_with(bed.ctx.config.data_dir.join("worktrees")));
    assert_eq!(std::fs::read_to_string(Path::new(&place.cwd).join(".env")).unwrap(), "KEY=1\n");
    let said = std::fs::read_to_string(Path::new(&place.cwd).join("set-up.txt")).unwrap();
    assert_eq!(said, format!("{} quick\n", place.first_port.unwrap()));
    let stored = bed.reread(&task).await;
    assert_eq!(stored.worktree_path.as_ref(), Some(&place.path));
    assert_eq!(stored.branch, place.branch);
    assert_eq!(stored.base.as_deref(), Some("main"));
    let told = steps(&bed, &task).await;
    assert_eq!((told[0].0.as_str(), told[0].1), ("worktree", StepState::Started));
    assert!(told.iter().any(|(step, state, _)| step == "worktree" && *state == StepState::Done));
    let setup: Vec<_> = told.iter().filter(|(step, ..)| step == "setup").map(|(_, state, _)| *state).collect();
    assert_eq!(setup, [StepState::Started, StepState::Done]);
    let ready = bed.events(&task).await.iter().filter(|event| event.kind() == "workspace.ready").count();
    assert_eq!(ready, 1);

    // A second time finds what is there, and prepares nothing again.
    let again = make(&bed.ctx, &stored, &CancellationToken::new()).await.unwrap();
    assert_eq!(again, made);
    let events = bed.events(&task).await;
    assert_eq!(events.iter().filter(|event| event.kind() == "workspace.ready").count(), 1);
    set_up_again(&bed.ctx, &stored, &CancellationToken::new()).await.unwrap();
    let said = std::fs::read_to_string(Path::new(&place.cwd).join("set-up.txt")).unwrap();
    assert_eq!(said.lines().count(), 2);
}

#[tokio::test]
async fn a_setup_command_that_fails_fails_the_making_with_its_words() {
    let bed = bed();
    let repo = bed.repository("app", &[("a", "a")]);
    let mut owner = project(&repo);
    owner.config.setup_commands = vec!["echo no such package; exit 4".into(), "touch never".into()];
    bed.stored_project(owner).await;
    let task = bed.stored(task_of(in_folder(&repo))).await;
    let error = make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.contains("exit status 4") && error.contains("no such package") && error.contains("setup_commands"));
    let told = steps(&bed, &task).await;
    assert!(told.iter().any(|(step, state, _)| step == "setup" && *state == StepState::Failed));
    assert!(!told.iter().any(|(_, _, about)| about.contains("never")));
}

#[tokio::test]
async fn several_projects_have_places_of_their_own_and_a_read_one_stays_as_it_is() {
    let bed = bed();
    let (app, sdk) = (bed.repository("app", &[("a", "a")]), bed.repository("sdk", &[("s", "s")]));
    let said = |path: &str, access, branch: Option<&str>| TaskProject {
        path: path.to_owned(),
        access,
        context: None,
        branch_name: branch.map(str::to_owned),
    };
    let request = TaskSpec {
        projects: vec![said(&sdk, Access::Read, None), said(&app, Access::Write, Some("feature/x"))],
        ..spec("Fix it")
    };
    let task = bed.stored(task_of(request)).await;
    assert!(check(&bed.ctx, task.id, &task.spec).await.unwrap().is_empty());
    let made = make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap();
    assert_eq!(made.len(), 2);
    assert_eq!(made[0].branch.as_deref(), Some("feature/x"));
    assert_eq!((made[1].cwd.as_str(), made[1].branch.as_deref()), (sdk.as_str(), None));
    assert_eq!(further_folders(&made), [PathBuf::from(&sdk)]);
    assert_eq!(git(Path::new(&sdk), &["branch", "--format=%(refname:short)"]), "main");
}

#[tokio::test]
async fn a_task_without_a_folder_works_in_an_empty_one_of_its_own() {
    let bed = bed();
    let task = bed.stored(task_of(spec("Think"))).await;
    let made = make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap();
    assert!(Path::new(&made[0].cwd).starts_with(&bed.ctx.config.data_dir));
    assert!(!made[0].is_worktree && std::fs::read_dir(&made[0].cwd).unwrap().next().is_none());
    assert_eq!(remove(&bed.ctx, &bed.reread(&task).await, removal()).await.unwrap().worktrees, 0);
    assert!(!Path::new(&made[0].cwd).exists());
}

#[tokio::test]
async fn in_place_nothing_is_made_prepared_or_removed() {
    let bed = bed();
    let repo = bed.repository("app", &[("a", "a")]);
    let mut owner = project(&repo);
    owner.config.setup_commands = vec!["touch made-by-setup".into()];
    owner.config.cleanup_commands = vec!["touch made-by-cleanup".into()];
    bed.stored_project(owner).await;
    let task = bed.stored(task_of(TaskSpec { use_worktree: false, ..in_folder(&repo) })).await;
    let made = make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap();
    assert_eq!((made[0].path.as_str(), made[0].is_worktree), (repo.as_str(), false));
    let everything = DeleteOptions { delete_branch: true, confirm: true, ..removal() };
    let done = remove(&bed.ctx, &bed.reread(&task).await, everything).await.unwrap();
    assert_eq!(done.sentence(), "there was no worktree to remove");
    assert_eq!(git(Path::new(&repo), &["status", "--porcelain"]), "");
    assert_eq!(git(Path::new(&repo), &["branch", "--format=%(refname:short)"]), "main");
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_by_its_field() {
    let bed = bed();
    let repo = bed.repository("app", &[("a", "a")]);
    let plain = bed.folder.path().join("plain");
    std::fs::create_dir(&plain).unwrap();
    let fields = |spec: TaskSpec| {
        let ctx = bed.ctx.clone();
        async move {
            let errors = check(&ctx, TaskId::new(), &spec).await.unwrap();
            errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
        }
    };
    assert_eq!(fields(in_folder(&plain.display().to_string())).await, ["root_folder"]);
    assert_eq!(fields(TaskSpec { branch_name: Some("-x".into()), ..in_folder(&repo) }).await, ["branch_name"]);
    assert_eq!(fields(TaskSpec { branch_name: Some("main".into()), ..in_folder(&repo) }).await, ["branch_name"]);
    assert_eq!(fields(TaskSpec { base_branch: Some("none".into()), ..in_folder(&repo) }).await, ["base_branch"]);
    assert!(fields(TaskSpec { use_worktree: false, ..in_folder(&plain.display().to_string()) }).await.is_empty());
    assert!(fields(in_folder(&repo)).await.is_empty());
}

#[tokio::test]
async fn a_folder_that_leads_out_of_the_roots_by_now_is_refused() {
    let bed = bed();
    let outside = tempfile::tempdir().unwrap();
    let link = bed.folder.path().join("link");
    std::os::unix::fs::symlink(outside.path(), &link).unwrap();
    let request = TaskSpec { use_worktree: false, ..in_folder(&link.display().to_string()) };
    let task = bed.stored(task_of(request)).await;
    let refused = make(&bed.ctx, &task, &CancellationToken::new()).await;
    assert!(matches!(refused, Err(EngineError::Conflict(why)) if why.contains("`roots`")));
}

#[tokio::test]
async fn removing_keeps_what_is_not_committed_and_an_unmerged_branch_unless_confirmed() {
    let bed = bed();
    let repo = bed.repository("app", &[("a", "a")]);
    let mut owner = project(&repo);
    owner.config.cleanup_commands = vec!["cat a > ../seen; exit 1".into()];
    bed.stored_project(owner).await;
    let task = bed.stored(task_of(in_folder(&repo))).await;
    let made = make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap();
    let worktree = Path::new(&made[0].path);
    write(&worktree.join("a"), "committed");
    git(worktree, &["-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qam", "Work"]);
    write(&worktree.join("b"), "not committed");
    let task = bed.reread(&task).await;
    let with_branch = DeleteOptions { delete_branch: true, ..removal() };
    let refused = remove(&bed.ctx, &task, with_branch).await;
    assert!(matches!(refused, Err(EngineError::NeedsConfirmation(_))), "{refused:?}");
    assert!(worktree.exists());
    let done = remove(&bed.ctx, &task, removal()).await.unwrap();
    assert_eq!((done.worktrees, done.branch_deleted, done.kept.len()), (1, false, 1));
    assert!(!worktree.exists() && worktree.parent().unwrap().join("seen").exists());
    assert_eq!(git(Path::new(&repo), &["show", &format!("{}:b", done.kept[0])]), "not committed");
    assert_eq!(bed.reread(&task).await.worktree_path, None);
    let branch = made[0].branch.clone().unwrap();
    assert_eq!(git(Path::new(&repo), &["show", &format!("{branch}:a")]), "committed");
    let done = remove(&bed.ctx, &task, DeleteOptions { confirm: true, ..with_branch }).await.unwrap();
    assert!(done.branch_deleted, "{done:?}");
    assert_eq!(git(Path::new(&repo), &["branch", "--format=%(refname:short)"]), "main");
    assert!(places(&bed.ctx, task.id).await.unwrap().is_empty());
}

#[test]
fn the_policy_removes_only_what_it_says() {
    use CleanupPolicy as P;
    for (policy, status, clean, wanted) in [
        (P::Never, Status::Finished, true, false),
        (P::Success, Status::Finished, true, true),
        (P::Success, Status::Completed, true, true),
        (P::Success, Status::Completed, false, false),
        (P::Success, Status::Failed, true, false),
        (P::Always, Status::Failed, false, true),
        (P::Always, Status::Stopped, true, false),
        (P::Always, Status::Running, true, false),
    ] {
        assert_eq!(goes(policy, status, clean), wanted, "{policy:?} {status}");
    }
}

#[tokio::test]
async fn two_tasks_at_once_never_get_the_same_ports() {
    let bed = bed();
    let repo = bed.repository("app", &[("a", "a")]);
    let mut owner = project(&repo);
    owner.config.ports = Some(20);
    bed.stored_project(owner).await;
    let one = bed.stored(task_of(TaskSpec { task_name: "one".into(), ..in_folder(&repo) })).await;
    let two = bed.stored(task_of(TaskSpec { task_name: "two".into(), ..in_folder(&repo) })).await;
    let cancel = CancellationToken::new();
    let (a, b) = tokio::join!(make(&bed.ctx, &one, &cancel), make(&bed.ctx, &two, &cancel));
    let (a, b) = (a.unwrap()[0].first_port.unwrap(), b.unwrap()[0].first_port.unwrap());
    assert!(a.abs_diff(b) >= 20, "{a} {b}");
}

#[tokio::test]
async fn a_port_that_is_in_use_is_not_given() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let bed = Bed::with(ScriptedPlugins::default(), |config| config.ports = port..=port);
    let repo = bed.repository("app", &[("a", "a")]);
    let mut owner = project(&repo);
    owner.config.ports = Some(1);
    bed.stored_project(owner).await;
    let task = bed.stored(task_of(in_folder(&repo))).await;
    let error = make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("ports"), "{error}");
}
