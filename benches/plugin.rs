//! One decision of a plugin: how long it takes to instantiate a component, call it and drop it.
//!
//! `cargo bench --bench plugin`. The bar for a whole decision is 200 µs.

use async_trait::async_trait;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use taskwright::plugin::{
    CapabilityError, Change, DirEntry, Entry, Happening, HostConfig, ModelAnswer, PluginHost, Plugins,
    RespondSituation, Speaker, Surroundings, TaskView,
};

/// A task that gives its plugins nothing.
struct Bare;

#[async_trait]
impl Surroundings for Bare {
    fn settings(&self, _: &str) -> Value {
        json!({})
    }
    fn log(&self, _: &str, _: tracing::Level, _: &str) {}
    async fn state_get(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, CapabilityError> {
        Ok(None)
    }
    async fn state_set(&self, _: &str, _: &str, _: Option<Vec<u8>>) -> Result<(), CapabilityError> {
        Ok(())
    }
    async fn state_list(&self, _: &str, _: &str) -> Result<Vec<String>, CapabilityError> {
        Ok(vec![])
    }
    async fn workspace_list(&self, _: &str) -> Result<Vec<DirEntry>, CapabilityError> {
        Ok(vec![])
    }
    async fn workspace_read(&self, _: &str, _: u64, _: u32) -> Result<Vec<u8>, CapabilityError> {
        Err(CapabilityError::NotFound)
    }
    async fn workspace_changes(&self) -> Result<Vec<Change>, CapabilityError> {
        Ok(vec![])
    }
    async fn workspace_diff(&self, _: Option<&str>) -> Result<String, CapabilityError> {
        Ok(String::new())
    }
    async fn ask_model(&self, _: &str, _: Option<Value>) -> Result<ModelAnswer, CapabilityError> {
        Err(CapabilityError::Denied)
    }
}

fn situation(text: &str) -> RespondSituation {
    RespondSituation {
        happening: Happening::TurnEnded(text.into()),
        task: TaskView {
            id: "01900000-0000-7000-8000-000000000000".into(),
            name: "A task".into(),
            description: "Add a page that lists the orders of a customer".into(),
            end_criteria: String::new(),
            project_context: String::new(),
            custom_input: String::new(),
            projects: vec![],
            branch: "taskwright/a-task".into(),
            turns: 3,
            max_turns: Some(20),
            test_rounds: 0,
        },
        recent: vec![Entry { speaker: Speaker::Agent, text: text.into(), tool: None }],
    }
}

fn decisions(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let config = HostConfig {
        directory: folder.path().join("plugins"),
        cache: folder.path().join("cache"),
        call_time: Duration::from_secs(2),
        memory: 64 * 1024 * 1024,
        grants: BTreeMap::new(),
    };
    let (host, _) = runtime.block_on(PluginHost::open(config.clone())).expect("a host");
    let around: Arc<dyn Surroundings> = Arc::new(Bare);

    criterion.bench_function("instantiate, call and drop", |bencher| {
        bencher.iter(|| runtime.block_on(host.wants("cargo", around.clone())).result.expect("an answer"));
    });
    for (size, text) in [("a short text", "Shall I go on?".to_owned()), ("4 KB", "All is well. ".repeat(315))] {
        let situation = situation(&text);
        criterion.bench_function(&format!("the heuristic answers {size}"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(host.respond("heuristic", &situation, around.clone())).result.expect("an answer")
            });
        });
    }
    drop(host);
    criterion.bench_function("open with compiled code on the disk", |bencher| {
        bencher.iter(|| runtime.block_on(PluginHost::open(config.clone())).expect("a host"));
    });
}

criterion_group!(benches, decisions);
criterion_main!(benches);
