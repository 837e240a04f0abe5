//! Random sequences of writes: what is stored, heard and replayed is what was written, after opening again too.

use super::*;
use crate::domain::Event;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One piece of work.
#[derive(Clone, Debug)]
enum Step {
    Insert {
        name: String,
    },
    Update {
        which: usize,
        text: String,
        status: usize,
    },
    Delete {
        which: usize,
    },
    Append {
        which: usize,
        texts: Vec<String>,
    },
    Say {
        which: usize,
        content: String,
    },
    Clear {
        which: usize,
    },
    /// Writes a lot and then fails, or panics.
    Undone {
        which: usize,
        panics: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0_usize..8;
    let step = prop_oneof![
        3 => "[a-cA-C]{1,2}".prop_map(|name| Step::Insert { name }),
        3 => (which.clone(), any::<String>(), 0_usize..9)
            .prop_map(|(which, text, status)| Step::Update { which, text, status }),
        1 => which.clone().prop_map(|which| Step::Delete { which }),
        4 => (which.clone(), prop::collection::vec(any::<String>(), 0..4))
            .prop_map(|(which, texts)| Step::Append { which, texts }),
        2 => (which.clone(), any::<String>()).prop_map(|(which, content)| Step::Say { which, content }),
        1 => which.clone().prop_map(|which| Step::Clear { which }),
        2 => (which, any::<bool>()).prop_map(|(which, panics)| Step::Undone { which, panics }),
    ];
    prop::collection::vec(step, 1..40)
}

/// What should be stored.
#[derive(Default)]
struct Model {
    tasks: BTreeMap<TaskId, Task>,
    events: Vec<(String, EventBody)>,
}

impl Model {
    fn pick(&self, which: usize) -> Option<Task> {
        self.tasks.values().nth(which).cloned()
    }

    async fn apply(&mut self, store: &Store, step: Step) {
        match step {
            Step::Insert { name } => {
                let task = task(&name);
                let row = task.clone();
                let result: Result<(), StoreError> = store.write(move |tx| tx.insert_task(&row)).await;
                if self.tasks.values().any(|other| other.spec.task_name == name) {
                    assert!(matches!(result, Err(StoreError::Taken("task"))));
                } else {
                    result.expect("the name is free");
                    self.tasks.insert(task.id, task);
                }
            }
            Step::Update { which, text, status } => {
                let Some(mut task) = self.pick(which) else { return };
                task.summary = Some(text.clone());
                task.spec.description = text;
                task.status = Status::ALL[status];
                let row = task.clone();
                task.updated_at = store
                    .write(move |tx| tx.update_task(&row).map(|()| tx.now()))
                    .await
                    .map_err(|error: StoreError| error)
                    .expect("it is written");
                self.tasks.insert(task.id, task);
            }
            Step::Delete { which } => {
                let Some(task) = self.pick(which) else { return };
                self.tasks.remove(&task.id);
                written(store, move |tx| tx.delete_task(task.id)).await;
            }
            Step::Append { which, texts } => {
                let task = self.pick(which);
                let name = task.as_ref().map_or_else(String::new, |task| task.spec.task_name.clone());
                self.events.extend(texts.iter().map(|text| (name.clone(), said(text))));
                written(store, move |tx| {
                    texts.iter().try_for_each(|text| tx.append(task.as_ref(), said(text)).map(drop))
                })
                .await;
            }
            Step::Say { which, content } => {
                let Some(task) = self.pick(which) else { return };
                self.tasks.entry(task.id).and_modify(|task| task.interaction_count += 1);
                let entry = entry(&task, Seq(1), InteractionType::UserRequest, &content);
                written(store, move |tx| tx.add_interaction(&entry)).await;
            }
            Step::Clear { which } => {
                let Some(task) = self.pick(which) else { return };
                self.tasks.entry(task.id).and_modify(|task| task.interaction_count = 0);
                written(store, move |tx| tx.clear_conversation(task.id).map(drop)).await;
            }
            Step::Undone { which, panics } => {
                let task = self.pick(which);
                let result: Result<(), StoreError> = store
                    .write(move |tx| {
                        tx.insert_task(&super::task("undone"))?;
                        tx.append(task.as_ref(), said("undone"))?;
                        if let Some(task) = task {
                            tx.delete_task(task.id)?;
                        }
                        assert!(!panics, "on purpose");
                        Err(StoreError::Full)
                    })
                    .await;
                assert!(matches!(result, Err(StoreError::Full | StoreError::Panicked(_))));
            }
        }
    }
}

async fn written(store: &Store, work: impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static) {
    store.write(work).await.expect("it is written");
}

async fn check(store: &Store, model: &Model) {
    let (tasks, _) = store
        .read(|q| q.tasks(&TaskFilter::default(), TaskSort::CreatedAt, false, Page { limit: 500, offset: 0 }))
        .await
        .map_err(|error: StoreError| error)
        .expect("it reads");
    let stored: BTreeMap<_, _> = tasks.into_iter().map(|task| (task.id, task)).collect();
    assert_eq!(stored, model.tasks);
    let logged: Vec<_> = log(store).await.into_iter().map(|Event { task, body, .. }| (task, body)).collect();
    assert_eq!(logged, model.events);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stored_heard_and_replayed_is_what_was_written(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let opened = opened();
            let mut heard = opened.store.subscribe();
            let mut model = Model::default();
            for step in steps {
                model.apply(&opened.store, step).await;
            }
            check(&opened.store, &model).await;
            for event in log(&opened.store).await {
                match heard.next().await {
                    Heard::Event(committed) => assert_eq!(*committed.event, event),
                    other => panic!("an event comes next, not {other:?}"),
                }
            }
            let before = opened.store.dump().await.expect("it reads");
            let opened = opened.again().await;
            check(&opened.store, &model).await;
            assert_eq!(opened.store.dump().await.expect("it reads"), before);
            assert_eq!(opened.store.integrity().await.expect("it is checked"), Vec::<String>::new());
        });
    }
}
