//! The plugins that come with the server: all load, and each answers a call.

use super::*;

fn task() -> TaskView {
    situation().task
}

#[tokio::test]
async fn every_built_in_plugin_loads_and_has_what_it_asks_for() {
    let bench = Bench::with(&[]).await;
    let failed: Vec<_> = bench.events.iter().filter(|event| matches!(event, EventBody::PluginFailed { .. })).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let list = bench.host.list();
    assert_eq!(list.len(), super::super::built_in::components().len());
    assert!(list.iter().all(|view| view.built_in && view.file.is_none() && view.granted == view.wants));
}

#[tokio::test]
async fn a_built_in_plugins_file_is_named_after_its_kind_and_name() {
    let list = Bench::with(&[]).await.host.list();
    let named: Vec<_> = list.iter().map(|view| format!("{}-{}.wasm", view.chain.as_str(), view.id.name)).collect();
    let files: Vec<_> = super::super::built_in::components().into_iter().map(|(file, _)| file).collect();
    assert_eq!(named, files);
}

#[tokio::test]
async fn every_built_in_plugin_answers() {
    let bench = Bench::set_up(&[], |config| config.call_time = Duration::from_secs(20)).await;
    let around = || Arc::new(Around::default()) as Arc<dyn Surroundings>;
    for view in bench.host.list() {
        let name = &view.id.name;
        let error = match view.chain {
            ChainKind::Responder => bench.host.respond(name, &situation(), around()).await.result.err(),
            ChainKind::Criteria => bench.host.extract(name, &task(), around()).await.result.err(),
            ChainKind::TestRunner => bench.host.wants(name, around()).await.result.err(),
        };
        // The model of these tests only repeats the question, of which a plugin may complain.
        let may_complain = view.wants.contains(&Capability::Model);
        assert!(error.is_none() || may_complain && matches!(error, Some(CallError::Refused(_))), "{name}: {error:?}");
        assert_eq!(bench.host.statistics(view.chain, name).unwrap().calls, 1);
    }
}

#[tokio::test]
async fn the_name_of_a_built_in_plugin_is_taken() {
    let bench = Bench::with(&[]).await;
    let error = bench.host.install(Guest::replying("mine").named("heuristic", "9.0.0").component()).await.unwrap_err();
    assert!(error.to_string().contains("a built-in plugin"), "{error}");
    assert!(!bench.file("responder-heuristic.wasm").exists());
}

#[tokio::test]
async fn a_project_of_cargo_is_known_by_its_test_runner() {
    let bench = Bench::set_up(&[], |config| config.call_time = Duration::from_secs(20)).await;
    let project = ProjectFiles {
        files: vec!["Cargo.toml".into(), "src/".into(), "src/lib.rs".into()],
        contents: vec![("Cargo.toml".into(), "[package]\nname = \"sample\"\nversion = \"0.1.0\"\n".into())],
        test_command: None,
        test_dir: None,
    };
    let called = bench.host.detect("cargo", &project, Arc::new(Around::default())).await;
    let plan = called.result.unwrap().expect("a plan");
    assert_eq!(plan.commands[0].argv[0], "cargo");
}
