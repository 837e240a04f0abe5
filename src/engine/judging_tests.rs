use super::*;
use crate::{
    domain::{Chains, task::TaskSpec},
    engine::testbed::{Bed, Script, ScriptedPlugins, spec, task_of, workplace},
    plugin::CallError,
};

fn criterion(id: &str) -> Criterion {
    Criterion { id: id.into(), text: format!("{id} holds") }
}

fn finding(id: &str, verdict: Verdict) -> Finding {
    Finding { criterion: criterion(id), verdict }
}

fn finds(ids: &'static [&'static str], verdicts: Vec<Finding>) -> Script {
    Script {
        extract: Some(Box::new(move |_| Ok(ids.iter().map(|id| criterion(id)).collect()))),
        evaluate: Some(Box::new(move |_| Ok(Evaluation::Findings(verdicts.clone())))),
        ..Script::default()
    }
}

fn bed(plugins: ScriptedPlugins, chain: &[&str]) -> Bed {
    Bed::with(plugins, |config| {
        config.chains = Chains { criteria: Some(chain.iter().map(ToString::to_string).collect()), ..Chains::default() };
    })
}

fn request() -> TaskSpec {
    TaskSpec { end_criteria: Some("It works.".into()), ..spec("t") }
}

#[tokio::test]
async fn all_criteria_met_is_met_with_the_evidence() {
    let met = vec![finding("a", Verdict::Met("seen".into())), finding("b", Verdict::Met(String::new()))];
    let bed = bed(ScriptedPlugins::default().with("model", finds(&["a", "b"], met)), &["model"]);
    let task = bed.stored(task_of(request())).await;
    let judged = judge(&bed.ctx, &task, "Done.", &CancellationToken::new()).await.unwrap();
    let evidence = "a holds (seen); b holds".to_owned();
    assert_eq!(judged, Judgement::Met { plugin: "model".into(), evidence });
    let findings = latest_findings(&bed.ctx, task.id).await.unwrap();
    assert_eq!(findings[0], json!({"id": "a", "text": "a holds", "verdict": "met", "evidence": "seen"}));
    let events = bed.events(&task).await;
    assert!(matches!(events.last(), Some(EventBody::TaskUpdated { changes }) if changes["criteria"]["met"] == true));
}

#[tokio::test]
async fn one_criterion_that_does_not_hold_is_told_to_the_agent() {
    let found = vec![finding("a", Verdict::Met("seen".into())), finding("b", Verdict::NotMet("no test".into()))];
    let bed = bed(ScriptedPlugins::default().with("model", finds(&["a", "b", "c"], found)), &["model"]);
    let task = bed.stored(task_of(request())).await;
    let judged = judge(&bed.ctx, &task, "Done.", &CancellationToken::new()).await.unwrap();
    let Judgement::NotMet { missing, text, .. } = judged else { panic!("{judged:?}") };
    assert_eq!(missing, ["b holds (no test)"]);
    assert!(text.contains("- b holds (no test)\n") && text.contains("- c holds (nothing was said about it)\n"));
    assert!(text.contains("1 of 3 criteria hold already"));
}

#[tokio::test]
async fn a_criterion_of_which_nothing_is_said_is_unsure_not_met() {
    let found = vec![finding("a", Verdict::Met("seen".into()))];
    let bed = bed(ScriptedPlugins::default().with("model", finds(&["a", "b"], found)), &["model"]);
    let task = bed.stored(task_of(request())).await;
    let judged = judge(&bed.ctx, &task, "Done.", &CancellationToken::new()).await.unwrap();
    assert!(matches!(judged, Judgement::Unsure { reason, .. } if reason.contains("b holds")));
}

#[tokio::test]
async fn the_next_of_the_chain_judges_when_one_knows_no_criteria_passes_or_fails() {
    let passes = Script { extract: Some(Box::new(|_| Ok(vec![criterion("a")]))), ..Script::default() };
    let fails = Script {
        extract: Some(Box::new(|_| Ok(vec![criterion("a")]))),
        evaluate: Some(Box::new(|_| Err(CallError::TimedOut(Duration::from_secs(2))))),
        ..Script::default()
    };
    let off = finds(&["a"], vec![finding("z", Verdict::Met(String::new()))]);
    let plugins = ScriptedPlugins::default()
        .with("none", Script::default())
        .with("passes", passes)
        .with("fails", fails)
        .with("off", off);
    let bed = bed(plugins, &["gone", "none", "passes", "fails", "off"]);
    let task = bed.stored(task_of(request())).await;
    let judged = judge(&bed.ctx, &task, "Done.", &CancellationToken::new()).await.unwrap();
    let Judgement::Nobody { passed } = judged else { panic!("{judged:?}") };
    let passed: Vec<_> = passed.iter().map(|over| (over.plugin.as_str(), over.failed)).collect();
    assert_eq!(passed, [("gone", true), ("none", false), ("passes", false), ("fails", true), ("off", true)]);
}

#[tokio::test]
async fn criteria_are_taken_once_and_anew_when_the_request_changes() {
    let met = vec![finding("a", Verdict::Met("seen".into()))];
    let bed = bed(ScriptedPlugins::default().with("model", finds(&["a"], met)), &["model"]);
    let mut task = bed.stored(task_of(request())).await;
    let cancel = CancellationToken::new();
    let extractions = |bed: &Bed| bed.plugins.calls().iter().filter(|call| call.as_str() == "model.extract").count();
    judge(&bed.ctx, &task, "Done.", &cancel).await.unwrap();
    judge(&bed.ctx, &task, "Done.", &cancel).await.unwrap();
    assert_eq!(extractions(&bed), 1);
    task.spec.end_criteria = Some("It works, and fast.".into());
    judge(&bed.ctx, &task, "Done.", &cancel).await.unwrap();
    assert_eq!(extractions(&bed), 2);
    let id = task.id;
    bed.ctx.store.write(move |tx| forget(tx, id)).await.unwrap();
    assert!(latest_findings(&bed.ctx, task.id).await.unwrap().is_empty());
    judge(&bed.ctx, &task, "Done.", &cancel).await.unwrap();
    assert_eq!(extractions(&bed), 3);
}

#[tokio::test]
async fn commands_run_in_the_agents_folder_and_their_outcomes_are_given() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "content").unwrap();
    let script = Script {
        extract: Some(Box::new(|_| Ok(vec![criterion("a")]))),
        commands: vec![
            ShellCommand { shell: "cat file; echo $TASKWRIGHT_TASK; exit 3".into(), timeout_seconds: 0 },
            ShellCommand { shell: "exec sleep 600".into(), timeout_seconds: 1 },
        ],
        evaluate: Some(Box::new(|situation| {
            let outcomes = &situation.outcomes;
            assert_eq!((outcomes[0].status, outcomes[0].output.as_str()), (Some(3), "contentt\n"));
            assert_eq!(outcomes[1].status, None);
            assert!(outcomes[1].output.contains("its time was up"));
            Ok(Evaluation::Findings(vec![finding("a", Verdict::Met(String::new()))]))
        })),
        ..Script::default()
    };
    let bed = bed(ScriptedPlugins::default().with("command", script), &["command"]);
    let task = bed.stored(task_of(request())).await;
    let (id, place) = (task.id, workplace(&folder.path().display().to_string()));
    bed.ctx.store.write(move |tx| tx.set_workplaces(id, &[place])).await.unwrap();
    let judged = judge(&bed.ctx, &task, "Done.", &CancellationToken::new()).await.unwrap();
    assert!(matches!(judged, Judgement::Met { .. }));
}
