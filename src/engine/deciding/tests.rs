use super::*;
use crate::{
    domain::{EventBody, task::NextRun},
    engine::testbed::{Bed, Script, ScriptedPlugins, project, spec, task, task_of},
    plugin::{CallError, PermissionRequest},
};

fn says(answer: Answer) -> Script {
    Script {
        respond: Some(Box::new(move |_| Ok(Response { answer: answer.clone(), reason: "so it is".into() }))),
        ..Script::default()
    }
}

fn fails() -> Script {
    Script { respond: Some(Box::new(|_| Err(CallError::Trapped("unreachable".into())))), ..Script::default() }
}

fn ended() -> Happening {
    Happening::TurnEnded("Shall I go on?".into())
}

fn chain(names: &[&str]) -> Chains {
    Chains { responder: Some(names.iter().map(ToString::to_string).collect()), ..Chains::default() }
}

fn bed(plugins: ScriptedPlugins, names: &[&str]) -> Bed {
    Bed::with(plugins, |config| config.chains = chain(names))
}

#[tokio::test]
async fn the_first_answer_that_fits_counts_and_the_rest_is_not_asked() {
    let plugins = ScriptedPlugins::default()
        .with("silent", Script::default())
        .with("first", says(Answer::Reply("Yes.".into())))
        .with("second", says(Answer::Finish("done".into())));
    let bed = bed(plugins, &["silent", "first", "second"]);
    let task = bed.stored(task("t")).await;
    let decided = ask_responders(&bed.ctx, &task, ended(), ChainScope::InForce).await.unwrap();
    let (plugin, response) = decided.answer.unwrap();
    assert_eq!((plugin.name.as_str(), response.answer), ("first", Answer::Reply("Yes.".into())));
    assert_eq!(decided.passed.len(), 1);
    assert!(!decided.passed[0].failed);
    assert_eq!(bed.plugins.calls(), ["silent.respond", "first.respond"]);
}

#[tokio::test]
async fn what_fails_does_not_fit_or_is_not_loaded_counts_as_pass_and_is_recorded() {
    let plugins = ScriptedPlugins::default()
        .with("broken", fails())
        .with("confused", says(Answer::Allow))
        .with("empty", says(Answer::Reply(" ".into())))
        .with("good", says(Answer::Reply("Yes.".into())));
    let bed = bed(plugins, &["missing", "broken", "confused", "empty", "good"]);
    let task = bed.stored(task("t")).await;
    let decided = ask_responders(&bed.ctx, &task, ended(), ChainScope::InForce).await.unwrap();
    assert_eq!(decided.answer.unwrap().0.name, "good");
    let passed: Vec<_> = decided.passed.iter().map(|over| (over.plugin.as_str(), over.failed)).collect();
    assert_eq!(passed, [("missing", true), ("broken", true), ("confused", true), ("empty", true)]);
    let id = task.id;
    let decisions = bed.ctx.store.read(move |queries| queries.decisions(id)).await;
    let decisions: Result<_, crate::store::StoreError> = decisions;
    let decisions = decisions.unwrap();
    let told: Vec<_> =
        decisions.iter().map(|d| (d.plugin.as_str(), d.counted, d.error.clone().unwrap_or_default())).collect();
    assert_eq!(told.len(), 5);
    assert_eq!(told[2], ("confused", false, "it answered `allow` to the end of a turn".to_owned()));
    assert_eq!(told[4], ("good", true, String::new()));
    assert!(told[0].2.contains("no responder plugin `missing`"));
    assert!(told[1].2.contains("trapped"));
}

#[tokio::test]
async fn a_decisions_input_is_enough_to_ask_another_plugin_the_same() {
    let bed = bed(ScriptedPlugins::default().with("good", says(Answer::Reply("Yes.".into()))), &["good"]);
    let task = bed.stored(task("t")).await;
    ask_responders(&bed.ctx, &task, ended(), ChainScope::InForce).await.unwrap();
    let id = task.id;
    let decision = bed
        .ctx
        .store
        .read(move |queries| Ok::<_, crate::store::StoreError>(queries.decisions(id)?.remove(0)))
        .await
        .unwrap();
    let situation: RespondSituation = serde_json::from_value(decision.input).unwrap();
    assert_eq!(situation.happening, ended());
    assert_eq!(situation.task.name, "t");
    assert_eq!((decision.call.as_str(), decision.hash.as_str()), ("respond", "hash-of-good"));
}

#[tokio::test]
async fn the_event_tells_reason_and_hash_and_the_plugins_lines() {
    let bed = bed(ScriptedPlugins::default().with("good", says(Answer::Reply("Yes.".into()))), &["good"]);
    let task = bed.stored(task("t")).await;
    ask_responders(&bed.ctx, &task, ended(), ChainScope::InForce).await.unwrap();
    let events = bed.events(&task).await;
    assert!(matches!(
        &events[0],
        EventBody::DecisionMade { reason: Some(reason), hash, counted: true, duration_us: 40, log, .. }
            if reason == "so it is" && hash == "hash-of-good" && log[0].message == "asked"
    ));
}

#[tokio::test]
async fn the_nearest_chain_is_in_force_and_an_empty_one_asks_nobody() {
    let plugins = || {
        ScriptedPlugins::default()
            .with("server", says(Answer::Reply("server".into())))
            .with("project", says(Answer::Reply("project".into())))
            .with("task", says(Answer::Reply("task".into())))
    };
    for (of_task, of_project, wanted) in [
        (Chains::default(), Chains::default(), Some("server")),
        (Chains::default(), chain(&["project"]), Some("project")),
        (chain(&["task"]), chain(&["project"]), Some("task")),
        (chain(&[]), chain(&["project"]), None),
        (Chains::default(), chain(&[]), None),
    ] {
        let bed = bed(plugins(), &["server"]);
        let mut owner = project("/app");
        owner.config.chains = of_project;
        bed.stored_project(owner).await;
        let request = crate::domain::task::TaskSpec { root_folder: Some("/app".into()), chains: of_task, ..spec("t") };
        let task = bed.stored(task_of(request)).await;
        let decided = ask_responders(&bed.ctx, &task, ended(), ChainScope::InForce).await.unwrap();
        assert_eq!(decided.answer.map(|(plugin, _)| plugin.name).as_deref(), wanted);
    }
}

#[tokio::test]
async fn in_a_chat_only_a_chain_of_the_tasks_own_is_asked() {
    let bed = bed(ScriptedPlugins::default().with("server", says(Answer::Allow)), &["server"]);
    let mut task = task("t");
    task.next_run = NextRun::Fresh;
    let task = bed.stored(task).await;
    let wish = Happening::Permission(PermissionRequest {
        tool: "Bash".into(),
        input: serde_json::json!({}),
        cwd: "/".into(),
        description: String::new(),
        blocked_path: None,
    });
    let decided = ask_responders(&bed.ctx, &task, wish, ChainScope::TaskOnly).await.unwrap();
    assert_eq!(decided.answer, None);
    assert!(bed.plugins.calls().is_empty());
}
