//! The store: events appended durably a second, a page of the task list, a replay.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use std::{hint::black_box, sync::Arc, time::Instant};
use taskwright::{
    domain::{EventBody, Seq, Status, Task, TaskId, Timestamp, task::TaskSpec},
    store::{EventFilter, Now, Page, Store, StoreError, TaskFilter, TaskSort},
};
use tokio::runtime::Runtime;

fn task(number: usize, at: Timestamp) -> Task {
    let description = "Make the parser accept trailing commas, and add tests for it. ".repeat(8);
    let spec = TaskSpec {
        user_id: Some("ada".to_owned()),
        root_folder: Some("/srv/repositories/parser".to_owned()),
        base_branch: Some("main".to_owned()),
        end_criteria: Some("All tests pass".to_owned()),
        labels: vec!["parser".to_owned()],
        ..TaskSpec::new(format!("Task number {number}"), description)
    };
    Task {
        status: Status::ALL[number % Status::ALL.len()],
        summary: Some("It is done".to_owned()),
        ..Task::new(TaskId::new(), spec, at)
    }
}

struct Bench {
    runtime: Runtime,
    store: Store,
    tasks: Vec<Task>,
    _dir: tempfile::TempDir,
}

fn bench_store() -> Bench {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let dir = tempfile::tempdir().expect("a folder");
    let now: Now = Arc::new(|| Timestamp::from_seconds(1_700_000_000));
    let store = Store::open(dir.path(), now).expect("a new database opens");
    let tasks: Vec<_> =
        (0_i32..1000).map(|n| task(n.unsigned_abs() as usize, Timestamp::from_seconds(i64::from(n)))).collect();
    let rows = tasks.clone();
    runtime
        .block_on(
            store.write(move |tx| -> Result<(), StoreError> { rows.iter().try_for_each(|task| tx.insert_task(task)) }),
        )
        .expect("tasks are stored");
    Bench { runtime, store, tasks, _dir: dir }
}

fn appending(criterion: &mut Criterion) {
    let Bench { runtime, store, tasks, _dir } = bench_store();
    for writers in [1_usize, 20, 200] {
        let mut group = criterion.benchmark_group("append");
        group.throughput(Throughput::Elements(writers as u64));
        group.bench_function(format!("{writers} at once"), |bencher| {
            bencher.iter_custom(|rounds| {
                let began = Instant::now();
                for _ in 0..rounds {
                    let writes = tasks[..writers].iter().map(|task| {
                        let task = task.clone();
                        store.write(move |tx| -> Result<Seq, StoreError> {
                            let text = "I look at `parser.rs` first. ".repeat(4);
                            tx.append(Some(&task), EventBody::AgentText { text, parent: None })
                        })
                    });
                    for result in runtime.block_on(join_all(writes)) {
                        result.expect("there is room");
                    }
                }
                began.elapsed()
            });
        });
        group.finish();
    }
}

fn reading(criterion: &mut Criterion) {
    let Bench { runtime, store, tasks, _dir } = bench_store();
    let page = Page { limit: 50, offset: 100 };
    for (name, filter, sort) in [
        ("by creation", TaskFilter::default(), TaskSort::CreatedAt),
        ("by update", TaskFilter::default(), TaskSort::UpdatedAt),
        ("by name", TaskFilter::default(), TaskSort::Name),
        ("of one status", TaskFilter { statuses: vec![Status::Running], ..TaskFilter::default() }, TaskSort::CreatedAt),
        ("with a text", TaskFilter { text: Some("COMMAS".to_owned()), ..TaskFilter::default() }, TaskSort::CreatedAt),
    ] {
        criterion.bench_function(&format!("list/50 of 1000 {name}"), |bencher| {
            bencher.iter_custom(|rounds| {
                let filter = filter.clone();
                runtime
                    .block_on(store.read(move |queries| -> Result<_, StoreError> {
                        let began = Instant::now();
                        for _ in 0..rounds {
                            black_box(queries.tasks(&filter, sort, true, page)?);
                        }
                        Ok(began.elapsed())
                    }))
                    .expect("the list reads")
            });
        });
    }
    let written = tasks[0].clone();
    runtime
        .block_on(store.write(move |tx| -> Result<(), StoreError> {
            for _ in 0..1000 {
                let text = "I look at `parser.rs` first. ".repeat(4);
                tx.append(Some(&written), EventBody::AgentText { text, parent: None })?;
            }
            Ok(())
        }))
        .expect("there is room");
    let filter = EventFilter { tasks: Some(vec![tasks[0].id]), ..EventFilter::default() };
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("1000 events of one task", |bencher| {
        bencher.iter(|| {
            let filter = filter.clone();
            runtime
                .block_on(store.read(move |queries| queries.frames(&filter, 1000).map_err(|e: StoreError| e)))
                .expect("the log reads")
        });
    });
    group.finish();
}

criterion_group!(benches, appending, reading);
criterion_main!(benches);
