//! Chains with the components that come with the server, on real repositories, with real tools.

use super::{
    deciding::{ChainScope, ask_responders},
    judging::{Judgement, judge},
    places,
    testbed::{Bed, ScriptedPlugins, spec, task_of, write},
    testing::{Round, RoundOutcome, next_round, run_round},
};
use crate::{
    domain::{
        Chains, EventBody, Task,
        task::TaskSpec,
        test_case::{TestCase, TestType},
    },
    plugin::{Answer, Happening, HostConfig, PluginHost, Question, QuestionChoice},
    store::StoreError,
};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use tokio_util::sync::CancellationToken;

/// A context with the components that come with the server.
async fn bed() -> Bed {
    let names = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let mut bed = Bed::with(ScriptedPlugins::default(), |config| {
        // The tools of this machine may live in folders that only their own variables tell.
        config.agent_env = vec!["CARGO_HOME".into(), "RUSTUP_*".into(), "LD_LIBRARY_PATH".into()];
        config.command_time = Duration::from_secs(300);
        config.chains = Chains {
            responder: names(&["heuristic"]),
            criteria: names(&["command"]),
            test_runner: names(&["cargo", "pytest", "node"]),
        };
    });
    let folder = bed.folder.path().to_owned();
    let host = HostConfig {
        directory: folder.join("plugins"),
        cache: folder.join("cache"),
        call_time: Duration::from_secs(10),
        memory: 64 * 1024 * 1024,
        grants: BTreeMap::new(),
    };
    let (host, _) = PluginHost::open(host).await.unwrap();
    bed.ctx.plugins = host;
    bed
}

async fn task_in(bed: &Bed, files: &[(&str, &str)], request: TaskSpec) -> (Task, PathBuf) {
    let repo = bed.repository("app", files);
    let task = bed.stored(task_of(TaskSpec { root_folder: Some(repo), ..request })).await;
    let made = places::make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap();
    (bed.reread(&task).await, PathBuf::from(&made[0].cwd))
}

async fn ran(bed: &Bed, task: &Task) -> Round {
    let round = next_round(&bed.ctx, task).await.unwrap();
    match run_round(&bed.ctx, task, round, &CancellationToken::new()).await.unwrap() {
        RoundOutcome::Ran(round) => round,
        other => panic!("{other:?}"),
    }
}

async fn types(bed: &Bed, task: &Task, round: u32) -> BTreeMap<String, TestType> {
    let id = task.id;
    let cases = bed.ctx.store.read(move |queries| queries.test_cases(id, Some(round))).await;
    let cases: Result<Vec<TestCase>, StoreError> = cases;
    cases.unwrap().into_iter().map(|case| (case.name, case.test_type)).collect()
}

#[tokio::test]
async fn the_heuristic_responder_chooses_and_the_choice_is_a_label() {
    let bed = bed().await;
    let task = bed.stored(task_of(spec("Choose"))).await;
    let choice = |label: &str| QuestionChoice { label: label.into(), description: String::new() };
    let question = Question {
        text: "Which database should the tests use?".into(),
        header: "Database".into(),
        multiple: false,
        choices: vec![choice("SQLite (Recommended)"), choice("Postgres")],
    };
    let asked = Happening::Questions(vec![question]);
    let decided = ask_responders(&bed.ctx, &task, asked, ChainScope::InForce).await.unwrap();
    let (plugin, response) = decided.answer.unwrap();
    assert_eq!(plugin.name, "heuristic");
    assert_eq!(response.answer, Answer::Choose(vec![vec!["SQLite (Recommended)".to_owned()]]));
    assert!(!response.reason.is_empty());
}

#[tokio::test]
async fn the_command_criteria_run_in_the_worktree() {
    let bed = bed().await;
    let request = TaskSpec { end_criteria: Some("$ grep -q done result.txt".into()), ..spec("Do it") };
    let (task, folder) = task_in(&bed, &[("README.md", "# App\n")], request).await;
    let cancel = CancellationToken::new();
    let judged = judge(&bed.ctx, &task, "I think it is done.", &cancel).await.unwrap();
    assert!(matches!(judged, Judgement::NotMet { .. }), "{judged:?}");
    write(&folder.join("result.txt"), "done\n");
    let judged = judge(&bed.ctx, &task, "Now it is.", &cancel).await.unwrap();
    assert!(matches!(judged, Judgement::Met { .. }), "{judged:?}");
    let calls: Vec<_> = bed
        .events(&task)
        .await
        .into_iter()
        .filter_map(|event| match event {
            EventBody::DecisionMade { call, counted, .. } => Some((call, counted)),
            _ => None,
        })
        .collect();
    let wanted = [("extract", false), ("commands", false), ("evaluate", true), ("commands", false), ("evaluate", true)];
    assert_eq!(calls, wanted.map(|(call, counted)| (call.to_owned(), counted)));
}

#[tokio::test]
async fn without_criteria_the_command_criteria_have_nothing_to_say() {
    let bed = bed().await;
    let task = bed.stored(task_of(spec("Do it"))).await;
    let judged = judge(&bed.ctx, &task, "Done.", &CancellationToken::new()).await.unwrap();
    assert!(matches!(judged, Judgement::Nobody { passed } if passed.len() == 1 && !passed[0].failed));
}

#[tokio::test]
async fn a_python_project_is_tested_case_by_case() {
    let bed = bed().await;
    let test = "import unittest\nfrom adder import add\n\nclass TestAdder(unittest.TestCase):\n    def test_two(self):\n        self.assertEqual(add(2, 2), 4)\n";
    let files =
        [("adder.py", "def add(a, b):\n    return a - b\n"), ("tests/__init__.py", ""), ("tests/test_adder.py", test)];
    let (task, folder) = task_in(&bed, &files, spec("Mend it")).await;
    let first = ran(&bed, &task).await;
    assert!(!first.passed && first.text.contains("test_two"), "{first:?}");
    write(&folder.join("adder.py"), "def add(a, b):\n    return a + b\n");
    let new =
        test.replace("TestAdder", "TestMore").replace("test_two", "test_three").replace("add(2, 2), 4", "add(1, 2), 3");
    write(&folder.join("tests/test_more.py"), &new);
    let second = ran(&bed, &task).await;
    assert!(second.passed && second.round == 2 && second.summary.total == 2, "{second:?}");
    let types = types(&bed, &task, 2).await;
    let told: Vec<_> = types.iter().map(|(name, kind)| (name.rsplit('.').next().unwrap_or(name), *kind)).collect();
    assert_eq!(told, [("test_three", TestType::Generated), ("test_two", TestType::Regression)]);
}

#[tokio::test]
async fn a_node_project_is_tested_case_by_case() {
    let bed = bed().await;
    let test = "import test from 'node:test';\nimport assert from 'node:assert';\n\ntest('two and two', () => assert.equal(2 + 2, 4));\n";
    let files = [
        (
            "package.json",
            r#"{"name": "adder", "version": "1.0.0", "type": "module", "scripts": {"test": "node --test"}}"#,
        ),
        ("tests/adder.test.js", test),
    ];
    let (task, folder) = task_in(&bed, &files, spec("Add tests")).await;
    write(&folder.join("tests/more.test.js"), &test.replace("two and two", "a false one").replace("2 + 2", "2 + 3"));
    let round = ran(&bed, &task).await;
    assert_eq!((round.passed, round.summary.passed, round.summary.failed), (false, 1, 1), "{round:?}");
    let types = types(&bed, &task, 1).await;
    assert_eq!(types["two and two"], TestType::Regression);
    assert_eq!(types["a false one"], TestType::Generated);
}

#[tokio::test]
async fn a_rust_project_is_tested_case_by_case() {
    let bed = bed().await;
    let library = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn old_one() {}\n}\n";
    let files = [
        ("Cargo.toml", "[package]\nname = \"adder\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n"),
        ("src/lib.rs", library),
        (".gitignore", "target\n"),
    ];
    let (task, folder) = task_in(&bed, &files, spec("Add tests")).await;
    write(
        &folder.join("src/lib.rs"),
        &library.replace("fn old_one() {}", "fn old_one() {}\n    #[test]\n    fn new_one() {}"),
    );
    let round = ran(&bed, &task).await;
    assert!(round.passed && round.summary.total == 2, "{round:?}");
    let types = types(&bed, &task, 1).await;
    let told: Vec<_> = types.iter().map(|(name, kind)| (name.rsplit(':').next().unwrap_or(name), *kind)).collect();
    assert_eq!(told, [("new_one", TestType::Generated), ("old_one", TestType::Regression)]);
}
