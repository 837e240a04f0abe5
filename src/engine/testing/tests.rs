use super::*;
use crate::{
    domain::{Chains, TaskId, Timestamp, task::TaskSpec, test_case::TestType},
    engine::testbed::{Bed, Script, ScriptedPlugins, project, spec, task_of, write},
    plugin::PlannedCommand,
};

pub(super) fn stored_case(suite: &str, name: &str) -> TestCase {
    TestCase {
        id: TestCaseId::new(),
        task_id: TaskId::new(),
        round: 1,
        runner: "cargo".into(),
        name: name.into(),
        description: Some(suite.into()),
        test_code: None,
        test_type: TestType::Regression,
        status: TestStatus::Passed,
        output: None,
        duration_ms: None,
        created_at: Timestamp::from_seconds(0),
    }
}

fn planned(shell: &str, reports: &[&str]) -> PlannedCommand {
    PlannedCommand {
        argv: vec!["sh".into(), "-c".into(), shell.into()],
        env: vec![("REPORTS".into(), "{report}".into())],
        timeout_seconds: 30,
        reports: reports.iter().map(ToString::to_string).collect(),
    }
}

/// A runner whose commands print lines `name status`, of which it makes cases.
fn runner(commands: Vec<PlannedCommand>) -> Script {
    let plan = RunPlan { commands, summary: "the suite".into(), guidance: "Write them to tests/.".into() };
    Script {
        wants: vec!["Makefile".into()],
        detect: Some(Box::new(move |project| {
            Ok(project.contents.iter().any(|(name, _)| name == "Makefile").then(|| plan.clone()))
        })),
        interpret: Some(Box::new(|outcomes| Ok(outcomes.iter().flat_map(read).collect()))),
        ..Script::default()
    }
}

fn read(outcome: &RunOutcome) -> Vec<RunCase> {
    let reports = outcome.reports.iter().map(|(_, text)| text.as_str());
    std::iter::once(outcome.stdout.as_str())
        .chain(reports)
        .flat_map(str::lines)
        .filter_map(|line| {
            let (name, status) = line.split_once(' ')?;
            let status = match status {
                "ok" => CaseStatus::Passed,
                "skipped" => CaseStatus::Skipped,
                _ => CaseStatus::Failed,
            };
            let output = if status == CaseStatus::Failed { line.to_owned() } else { String::new() };
            Some(RunCase { name: name.to_owned(), suite: "suite".to_owned(), status, output, duration_ms: Some(3) })
        })
        .collect()
}

async fn task_in(bed: &Bed, files: &[(&str, &str)]) -> Task {
    let repo = bed.repository("app", files);
    let request = TaskSpec { root_folder: Some(repo), ..spec("t") };
    let task = bed.stored(task_of(request)).await;
    places::make(&bed.ctx, &task, &CancellationToken::new()).await.unwrap();
    bed.reread(&task).await
}

fn bed(plugins: ScriptedPlugins, chain: &[&str]) -> Bed {
    Bed::with(plugins, |config| {
        config.chains =
            Chains { test_runner: Some(chain.iter().map(ToString::to_string).collect()), ..Chains::default() };
    })
}

async fn ran(bed: &Bed, task: &Task) -> Round {
    let round = next_round(&bed.ctx, task).await.unwrap();
    match run_round(&bed.ctx, task, round, &CancellationToken::new()).await.unwrap() {
        RoundOutcome::Ran(round) => round,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_round_runs_the_plan_reads_the_cases_and_tells_each() {
    let commands = vec![
        planned("echo one ok; echo two FAILED; exit 1", &[]),
        planned("echo three ok > $REPORTS/r.txt; echo four skipped > made.txt", &["{report}/r.txt", "made.txt"]),
    ];
    let bed = bed(ScriptedPlugins::default().with("make", runner(commands)), &["other", "make"]);
    let task = task_in(&bed, &[("Makefile", "all:\n")]).await;
    let round = ran(&bed, &task).await;
    assert_eq!((round.round, round.passed), (1, false));
    assert_eq!(round.summary, TestSummary { total: 4, passed: 2, failed: 1, pending: 1 });
    assert_eq!(round.sentence, "1 of 4 tests failed, 1 skipped (the suite)");
    assert!(round.text.contains("Failed: two (suite)\n```\ntwo FAILED\n```"), "{}", round.text);
    let events = bed.events(&task).await;
    let kinds: Vec<_> = events.iter().map(EventBody::kind).filter(|kind| kind.starts_with("tests.")).collect();
    assert_eq!(kinds, ["tests.started", "tests.case", "tests.case", "tests.case", "tests.case", "tests.ended"]);
    let started = events.iter().find(|event| event.kind() == "tests.started");
    assert!(matches!(started, Some(EventBody::TestsStarted { commands, .. }) if commands[0].starts_with("sh -c ")));
    let left = std::fs::read_dir(bed.ctx.config.data_dir.join("reports")).unwrap().count();
    assert_eq!(left, 0);
    assert_eq!(next_round(&bed.ctx, &task).await.unwrap(), 2);
}

#[tokio::test]
async fn a_report_of_an_earlier_run_is_not_read() {
    let bed = bed(ScriptedPlugins::default().with("make", runner(vec![planned("true", &["old.txt"])])), &["make"]);
    let task = task_in(&bed, &[("Makefile", "all:\n")]).await;
    let old = std::path::Path::new(task.worktree_path.as_ref().unwrap()).join("old.txt");
    write(&old, "stale FAILED\n");
    let hour_ago = std::fs::metadata(&old).unwrap().modified().unwrap() - std::time::Duration::from_secs(3_600);
    std::fs::File::open(&old).unwrap().set_modified(hour_ago).unwrap();
    let round = ran(&bed, &task).await;
    assert_eq!((round.passed, round.summary.total), (true, 0));
    assert_eq!(round.sentence, "the test run found no tests (the suite)");
}

#[tokio::test]
async fn tests_that_the_task_brought_are_generated_and_those_before_are_regression_tests() {
    let shell = "grep -ho 'fn [a-z_]*' *.rs | sed 's/fn \\(.*\\)/\\1 ok/'";
    let bed = bed(ScriptedPlugins::default().with("make", runner(vec![planned(shell, &[])])), &["make"]);
    let task = task_in(&bed, &[("Makefile", "all:\n"), ("a.rs", "fn old_one() {}\n")]).await;
    let folder = std::path::PathBuf::from(task.worktree_path.as_ref().unwrap());
    write(&folder.join("a.rs"), "fn old_one() {}\nfn new_one() {}\n");
    ran(&bed, &task).await;
    let id = task.id;
    let cases = bed.ctx.store.read(move |queries| queries.test_cases(id, None)).await;
    let cases: Result<Vec<TestCase>, StoreError> = cases;
    let told: Vec<_> = cases.unwrap().into_iter().map(|case| (case.name, case.test_type)).collect();
    assert_eq!(told, [("old_one".to_owned(), TestType::Regression), ("new_one".to_owned(), TestType::Generated)]);
}

#[tokio::test]
async fn what_cannot_start_takes_too_long_or_leaves_processes_behind_ends_the_round_anyway() {
    let mut slow = planned("exec sleep 600", &[]);
    slow.timeout_seconds = 1;
    let missing = PlannedCommand {
        argv: vec!["no-such-program".into()],
        env: Vec::new(),
        timeout_seconds: 5,
        reports: Vec::new(),
    };
    let leaky = planned("sleep 600 & echo $! > pid; echo one ok", &[]);
    let bed = bed(ScriptedPlugins::default().with("make", runner(vec![slow, missing, leaky])), &["make"]);
    let task = task_in(&bed, &[("Makefile", "all:\n")]).await;
    let round = ran(&bed, &task).await;
    let names: Vec<_> = round.failed.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["run of `sh -c 'exec sleep 600'`", "run of `no-such-program`"]);
    let pid = std::fs::read_to_string(std::path::Path::new(task.worktree_path.as_ref().unwrap()).join("pid")).unwrap();
    assert!(crate::process::start_time(pid.trim().parse().unwrap()).is_none());
}

#[tokio::test]
async fn a_cancelled_round_leaves_nothing_and_has_the_same_number_again() {
    let bed = bed(ScriptedPlugins::default().with("make", runner(vec![planned("exec sleep 600", &[])])), &["make"]);
    let task = task_in(&bed, &[("Makefile", "all:\n")]).await;
    let cancel = CancellationToken::new();
    let mut heard = bed.ctx.store.subscribe();
    let waits = async {
        loop {
            if let crate::store::Heard::Event(committed) = heard.next().await
                && committed.event.body.kind() == "tests.started"
            {
                return cancel.cancel();
            }
        }
    };
    let (outcome, ()) = tokio::join!(run_round(&bed.ctx, &task, 1, &cancel), waits);
    assert_eq!(outcome.unwrap(), RoundOutcome::Cancelled);
    assert_eq!(next_round(&bed.ctx, &task).await.unwrap(), 1);
    let id = task.id;
    let cases = bed.ctx.store.read(move |queries| queries.test_cases(id, None)).await;
    let cases: Result<Vec<TestCase>, StoreError> = cases;
    assert!(cases.unwrap().is_empty());
}

#[tokio::test]
async fn without_a_runner_the_log_says_so() {
    let bed = bed(ScriptedPlugins::default().with("make", runner(Vec::new())), &["make", "gone"]);
    let task = task_in(&bed, &[("README.md", "# no tests\n")]).await;
    let outcome = run_round(&bed.ctx, &task, 1, &CancellationToken::new()).await.unwrap();
    let RoundOutcome::NoRunner { note } = outcome else { panic!("{outcome:?}") };
    assert!(note.starts_with("no tests were run: no test runner knows this project (asked: make, gone)"), "{note}");
    let events = bed.events(&task).await;
    assert!(matches!(events.last(), Some(EventBody::TestsEnded { round: 0, passed: true, text, .. }) if *text == note));
    assert_eq!(next_round(&bed.ctx, &task).await.unwrap(), 1);
}

#[tokio::test]
async fn an_empty_chain_skips_the_tests_and_a_plan_without_commands_is_none() {
    let bed = bed(ScriptedPlugins::default().with("make", runner(Vec::new())), &[]);
    let task = task_in(&bed, &[("Makefile", "all:\n")]).await;
    let detected = detect(&bed.ctx, &task).await.unwrap();
    assert!(matches!(detected, Detected::Nothing { note } if note.contains("chain of test runners is empty")));
    let mut own = task.clone();
    own.spec.chains.test_runner = Some(vec!["make".into()]);
    let detected = detect(&bed.ctx, &own).await.unwrap();
    assert!(matches!(detected, Detected::Nothing { note } if note.contains("its plan has no command")));
}

#[tokio::test]
async fn the_projects_own_test_command_and_folder_are_passed_to_the_runner() {
    let asks = Script {
        detect: Some(Box::new(|project| {
            assert_eq!(project.test_command.as_deref(), Some("make check"));
            assert_eq!(project.test_dir.as_deref(), Some("spec"));
            assert_eq!(project.files, ["Makefile"]);
            Ok(None)
        })),
        ..Script::default()
    };
    let bed = bed(ScriptedPlugins::default().with("asks", asks), &["asks"]);
    let task = task_in(&bed, &[("Makefile", "all:\n")]).await;
    let mut owner = project(task.spec.root_folder.as_ref().unwrap());
    owner.config.test_command = Some("make check".into());
    owner.config.test_dir = Some("spec".into());
    bed.stored_project(owner).await;
    detect(&bed.ctx, &task).await.unwrap();
    assert_eq!(bed.plugins.calls(), ["asks.wants", "asks.detect"]);
}
