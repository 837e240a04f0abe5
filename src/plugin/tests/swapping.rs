//! Plugins that change while the server runs.

use super::*;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A host that watches its directory, and what it tells.
struct Watched {
    bench: Bench,
    told: mpsc::UnboundedReceiver<EventBody>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Watched {
    async fn with(guests: &[Guest]) -> Self {
        let bench = Bench::with(guests).await;
        let (tell, told) = mpsc::unbounded_channel();
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(bench.host.clone().watch(move |event| drop(tell.send(event)), cancel.clone()));
        Self { bench, told, cancel, tasks }
    }

    async fn told(&mut self) -> EventBody {
        tokio::time::timeout(Duration::from_secs(20), self.told.recv()).await.expect("something is told").unwrap()
    }

    fn replace(&self, name: &str, content: &[u8]) {
        let new = self.bench.file(&format!(".{name}"));
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, self.bench.file(name)).unwrap();
    }

    async fn end(self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[tokio::test]
async fn a_new_file_is_loaded_and_told() {
    let mut watched = Watched::with(&[]).await;
    std::fs::write(watched.bench.file("guest.wasm"), Guest::replying("new").component()).unwrap();
    assert!(matches!(watched.told().await, EventBody::PluginLoaded { replaces: None, .. }));
    assert_eq!(reply(&watched.bench.respond("guest").await), "new");
    watched.end().await;
}

#[tokio::test]
async fn a_replaced_file_takes_over_and_frees_the_old_one() {
    let mut watched = Watched::with(&[Guest::replying("old")]).await;
    let old = Arc::downgrade(&watched.bench.host.registry().find(ChainKind::Responder, "guest").unwrap().plugin);
    watched.replace("guest.wasm", &Guest::replying("new").named("guest", "2.0.0").component());
    let event = watched.told().await;
    assert!(matches!(event, EventBody::PluginLoaded { replaces: Some(_), version, .. } if version == "2.0.0"));
    assert_eq!(reply(&watched.bench.respond("guest").await), "new");
    assert!(old.upgrade().is_none());
    watched.end().await;
}

#[tokio::test]
async fn a_broken_file_leaves_the_old_one_in_charge_and_says_why() {
    let mut watched = Watched::with(&[Guest::replying("old")]).await;
    watched.replace("guest.wasm", b"garbage");
    let event = watched.told().await;
    assert!(matches!(&event, EventBody::PluginFailed { name, kept: Some(_), .. } if name == "guest"), "{event:?}");
    assert_eq!(reply(&watched.bench.respond("guest").await), "old");
    let view = watched.bench.host.list().into_iter().find(|view| view.id.name == "guest").unwrap();
    assert!(view.problem.unwrap().contains("no WebAssembly component"));
    watched.replace("guest.wasm", &Guest::replying("mended").component());
    assert!(matches!(watched.told().await, EventBody::PluginLoaded { .. }));
    assert_eq!(reply(&watched.bench.respond("guest").await), "mended");
    watched.end().await;
}

#[tokio::test]
async fn a_file_that_is_still_written_is_not_told_as_broken() {
    let mut watched = Watched::with(&[]).await;
    let content = Guest::replying("whole").component();
    let file = watched.bench.file("guest.wasm");
    for end in (0..content.len()).step_by(content.len() / 4) {
        std::fs::write(&file, &content[..end]).unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    std::fs::write(&file, &content).unwrap();
    assert!(matches!(watched.told().await, EventBody::PluginLoaded { .. }));
    assert_eq!(reply(&watched.bench.respond("guest").await), "whole");
    watched.end().await;
}

#[tokio::test]
async fn a_removed_file_is_unloaded() {
    let watched = Watched::with(&[Guest::replying("here")]).await;
    std::fs::remove_file(watched.bench.file("guest.wasm")).unwrap();
    let gone = async {
        while watched.bench.host.find(ChainKind::Responder, "guest").is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it is unloaded");
    watched.end().await;
}

#[tokio::test]
async fn a_name_that_becomes_free_is_taken_by_the_file_that_waited() {
    let mut watched = Watched::with(&[Guest::replying("first")]).await;
    std::fs::write(watched.bench.file("other.wasm"), Guest::replying("second").component()).unwrap();
    assert!(matches!(watched.told().await, EventBody::PluginFailed { error, .. } if error.contains("also the name")));
    std::fs::remove_file(watched.bench.file("guest.wasm")).unwrap();
    assert!(matches!(watched.told().await, EventBody::PluginLoaded { .. }));
    assert_eq!(reply(&watched.bench.respond("guest").await), "second");
    watched.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_answered_by_a_whole_version_while_the_plugin_is_replaced() {
    let bench = Bench::with(&[Guest::replying("even")]).await;
    let versions = [Guest::replying("even").component(), Guest::replying("odd-").named("guest", "2.0.0").component()];
    let done = CancellationToken::new();
    let tasks = TaskTracker::new();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (host, done) = (bench.host.clone(), done.clone());
            tasks.spawn(async move {
                let mut answers = 0;
                while !done.is_cancelled() {
                    let called = host.respond("guest", &situation(), Arc::new(Around::default())).await;
                    let expected = if called.plugin.version == "1.0.0" { "even" } else { "odd-" };
                    assert_eq!(reply(&called), expected);
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    for round in 0..100 {
        bench.host.install(versions[(round + 1) % 2].clone()).await.unwrap();
    }
    done.cancel();
    for call in calls {
        assert!(call.await.unwrap() > 0);
    }
}
