use super::*;
use crate::engine::testbed::{Bed, ScriptedPlugins, git, project, task, workplace, write};
use serde_json::json;
use std::path::Path;

async fn around(bed: &Bed, place: Option<Workplace>) -> (Task, Arc<TaskSurroundings>) {
    let task = bed.stored(task("t")).await;
    let places: Vec<_> = place.into_iter().collect();
    let around = TaskSurroundings::new(&bed.ctx, &task, None, &places);
    (task, around)
}

#[test]
fn the_projects_settings_lie_over_the_servers() {
    let server = json!({"a": 1, "b": {"x": 1}});
    assert_eq!(merged(Some(&server), Some(&json!({"b": 2, "c": 3}))), json!({"a": 1, "b": 2, "c": 3}));
    assert_eq!(merged(Some(&server), Some(&json!("nonsense"))), server);
    assert_eq!(merged(None, None), json!({}));
}

#[tokio::test]
async fn settings_are_the_plugins_own() {
    let bed = Bed::with(ScriptedPlugins::default(), |config| {
        config.plugin_settings = [("one".to_owned(), json!({"key": "server"})), ("two".to_owned(), json!({}))].into();
    });
    let mut project = project("/app");
    project.config.other.insert("plugin_settings".into(), json!({"one": {"more": true}}));
    let around = TaskSurroundings::new(&bed.ctx, &task("t"), Some(project), &[]);
    assert_eq!(around.settings("one"), json!({"key": "server", "more": true}));
    assert_eq!(around.settings("two"), json!({}));
    assert_eq!(around.settings("three"), json!({}));
}

#[tokio::test]
async fn lines_of_log_are_bounded() {
    let bed = Bed::new(ScriptedPlugins::default());
    let (_, around) = around(&bed, None).await;
    for _ in 0..MAX_LINES + 10 {
        around.log("p", tracing::Level::WARN, &"x".repeat(MAX_LINE * 2));
    }
    let lines = around.take_lines();
    assert_eq!(lines.len(), MAX_LINES);
    assert!(lines.iter().all(|line| line.message.len() <= MAX_LINE && line.level == "warn"));
    assert!(around.take_lines().is_empty());
}

#[tokio::test]
async fn state_is_kept_by_plugin_and_task_and_within_its_limits() {
    let bed = Bed::new(ScriptedPlugins::default());
    let (_, one) = around(&bed, None).await;
    let other_task = bed.stored(task("other")).await;
    let other = TaskSurroundings::new(&bed.ctx, &other_task, None, &[]);
    one.state_set("p", "key", Some(b"value".to_vec())).await.unwrap();
    assert_eq!(one.state_get("p", "key").await.unwrap().as_deref(), Some(b"value".as_slice()));
    assert_eq!(one.state_get("q", "key").await.unwrap(), None);
    assert_eq!(other.state_get("p", "key").await.unwrap(), None);
    assert!(matches!(one.state_set("p", "", Some(vec![])).await, Err(CapabilityError::Invalid(_))));
    assert!(matches!(one.state_set("p", &"k".repeat(257), Some(vec![])).await, Err(CapabilityError::Invalid(_))));
    let too_long = vec![0; MAX_VALUE + 1];
    assert!(matches!(one.state_set("p", "k", Some(too_long)).await, Err(CapabilityError::Invalid(_))));
    for n in 0..15 {
        one.state_set("p", &format!("n{n}"), Some(vec![0; MAX_VALUE])).await.unwrap();
    }
    let full = one.state_set("p", "last", Some(vec![0; MAX_VALUE])).await;
    assert!(matches!(full, Err(CapabilityError::Limited(_))), "{full:?}");
    assert_eq!(one.state_get("p", "last").await.unwrap(), None);
    one.state_set("p", "key", None).await.unwrap();
    assert_eq!(one.state_list("p", "n1").await.unwrap(), ["n1", "n10", "n11", "n12", "n13", "n14"]);
}

#[tokio::test]
async fn the_worktree_is_read_and_nothing_outside_it() {
    let bed = Bed::new(ScriptedPlugins::default());
    let folder = bed.folder.path().join("work");
    write(&folder.join("src/main.rs"), "fn main() {}");
    write(&bed.folder.path().join("secret"), "outside");
    std::os::unix::fs::symlink("../secret", folder.join("link")).unwrap();
    let (_, around) = around(&bed, Some(workplace(&folder.display().to_string()))).await;
    assert_eq!(around.workspace_read("src/main.rs", 0, 2).await.unwrap(), b"fn");
    assert_eq!(around.workspace_list("src").await.unwrap()[0].name, "main.rs");
    for path in ["../secret", "link", "/etc/passwd", "src/../../secret"] {
        let read = around.workspace_read(path, 0, 10).await;
        assert!(matches!(read, Err(CapabilityError::Invalid(_))), "{path}: {read:?}");
    }
    assert!(matches!(around.workspace_read("none", 0, 1).await, Err(CapabilityError::NotFound)));
    assert!(matches!(around.workspace_read("src/main.rs", 0, MAX_READ + 1).await, Err(CapabilityError::Invalid(_))));
    assert!(matches!(around.workspace_diff(Some("../x")).await, Err(CapabilityError::Invalid(_))));
}

#[tokio::test]
async fn without_a_workspace_reading_fails_with_words() {
    let bed = Bed::new(ScriptedPlugins::default());
    let (_, around) = around(&bed, None).await;
    assert!(
        matches!(around.workspace_list("").await, Err(CapabilityError::Failed(why)) if why.contains("no workspace"))
    );
}

#[tokio::test]
async fn changes_and_the_diff_are_named_as_the_agents_folder_names_them() {
    let bed = Bed::new(ScriptedPlugins::default());
    let repository = bed.repository("app", &[("sub/a.txt", "one\n"), ("other.txt", "x\n")]);
    let mut place = workplace(&repository);
    place.cwd = format!("{repository}/sub");
    place.base_commit = Some(git(Path::new(&repository), &["rev-parse", "HEAD"]));
    write(&Path::new(&repository).join("sub/a.txt"), "one\ntwo\n");
    write(&Path::new(&repository).join("sub/new.txt"), "new\n");
    write(&Path::new(&repository).join("other.txt"), "y\n");
    let (_, around) = around(&bed, Some(place)).await;
    let changes = around.workspace_changes().await.unwrap();
    let told: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.kind.clone(), change.added)).collect();
    assert_eq!(told, [("a.txt", ChangeKind::Modified, 1), ("new.txt", ChangeKind::Added, 1)]);
    let diff = around.workspace_diff(Some("a.txt")).await.unwrap();
    assert!(diff.contains("+two") && !diff.contains("other.txt"), "{diff}");
}

#[tokio::test]
async fn the_task_pays_for_the_model_and_its_budget_ends_the_questions() {
    let bed = Bed::new(ScriptedPlugins::default());
    let mut request = task("t");
    request.spec.limits.max_cost_usd = Some(0.5);
    request.spec.limits.max_iterations = Some(0);
    let task = bed.stored(request).await;
    let around = TaskSurroundings::new(&bed.ctx, &task, None, &[]);
    let answer = around.ask_model("Is it done?", None).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.tokens, answer.cost_usd), ("asked: Is it done?", 15, 0.25));
    let schema = json!({"type": "object"});
    assert_eq!(around.ask_model("Again?", Some(schema.clone())).await.unwrap().text, schema.to_string());
    let spent = bed.reread(&task).await.spent;
    assert_eq!((spent.tokens.total(), spent.tokens.cache_read, spent.cost_usd), (30, 200, 0.5));
    assert!(matches!(around.ask_model("More?", None).await, Err(CapabilityError::Limited(_))));
    let long = "x".repeat(MAX_PROMPT + 1);
    assert!(matches!(around.ask_model(&long, None).await, Err(CapabilityError::Invalid(_))));
}
