//! Writing, undoing, telling.

use super::*;

#[tokio::test]
async fn what_was_written_is_read_and_heard_in_the_order_of_the_log() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["one"]).await;
    let mut subscription = store.subscribe();
    for text in ["a", "b", "c"] {
        append(&store, &tasks[0], text).await.expect("there is room");
    }
    let logged = log(&store).await;
    assert_eq!(logged.len(), 3);
    assert_eq!(subscription.begins_after(), Seq(0));
    for event in logged {
        let Heard::Event(heard) = subscription.next().await else { panic!("an event comes next") };
        assert_eq!(*heard.event, event);
        assert_eq!(
            std::str::from_utf8(&heard.sse).expect("a frame is text"),
            format!("id: {}\nevent: agent.text\ndata: {}\n\n", event.seq, String::from_utf8_lossy(&heard.json))
        );
        let json: serde_json::Value = serde_json::from_slice(&heard.json).expect("it is JSON");
        assert_eq!(json["payload"]["text"], serde_json::to_value(&event.body).expect("plain")["payload"]["text"]);
    }
    store.close().await;
    assert!(matches!(subscription.next().await, Heard::Closed));
    assert!(matches!(append(&store, &tasks[0], "d").await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn a_task_reads_back_as_it_was_written() {
    let opened = opened();
    let mut full = task("Ganz voll: \"ü\"");
    full.spec.labels = vec!["x".into(), "y".into(), "x".into()];
    full.spec.session_id = Some(crate::domain::SessionId::new());
    full.spec.model = Some("opus".into());
    full.status = Status::Paused;
    full.summary = Some("s".into());
    full.error_message = Some("e".into());
    full.spent = Spent { iterations: 3, tokens: tokens(10, 20), cost_usd: 0.25, running_seconds: 1.5 };
    full.waiting_for_input = true;
    full.paused_until = Some(Timestamp::from_millis(1_700_000_000_123));
    full.queued_at = Some(Timestamp::from_seconds(5));
    full.next_run = NextRun::Recover;
    full.agent_session = Some("session".into());
    full.agent_run = Some("run".into());
    full.spool_offset = 77;
    full.branch = Some("b".into());
    full.base = Some("main".into());
    full.base_commit = Some("c0ffee".into());
    full.worktree_path = Some("/w".into());
    full.started_at = Some(Timestamp::from_seconds(6));
    full.completed_at = Some(Timestamp::from_seconds(7));
    let row = full.clone();
    opened.store.write(move |tx| tx.insert_task(&row)).await.expect("it is stored");
    let opened = opened.again().await;
    let id = full.id;
    assert_eq!(opened.store.read(move |q| q.task(id)).await.expect("it reads"), Some(full.clone()));

    full.status = Status::Stopped;
    full.spec.description = "other".into();
    full.spec.labels = vec!["z".into()];
    full.queued_at = None;
    let row = full.clone();
    let now = opened.store.write(move |tx| tx.update_task(&row).map(|()| tx.now())).await.expect("it is stored");
    full.updated_at = now;
    let name = full.spec.task_name.clone();
    assert_eq!(opened.store.read(move |q| q.task_by_name(&name)).await.expect("it reads"), Some(full));
}

/// What a piece of work of these tests fails with.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("wrong on purpose")]
    OnPurpose,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[tokio::test]
async fn an_error_or_a_panic_undoes_that_work_alone() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["one"]).await;
    let mut subscription = store.subscribe();
    let works = (0..30).map(|number| {
        let (store, task) = (store.clone(), tasks[0].clone());
        async move {
            store
                .write(move |tx| -> Result<Seq, Failed> {
                    let seq = tx.append(Some(&task), said(&number.to_string()))?;
                    match number % 3 {
                        1 => Err(Failed::OnPurpose),
                        2 => panic!("number {number}"),
                        _ => Ok(seq),
                    }
                })
                .await
        }
    });
    for (number, result) in futures_util::future::join_all(works).await.into_iter().enumerate() {
        match (number % 3, result) {
            (0, Ok(_)) | (1, Err(Failed::OnPurpose)) => {}
            (2, Err(Failed::Store(StoreError::Panicked(words)))) => assert_eq!(words, format!("number {number}")),
            (_, other) => panic!("number {number} ended with {other:?}"),
        }
    }
    let logged = log(&store).await;
    let texts: Vec<_> = logged.iter().map(|event| event.body.clone()).collect();
    assert_eq!(texts, (0..30).step_by(3).map(|number| said(&number.to_string())).collect::<Vec<_>>());
    for event in &logged {
        assert!(matches!(subscription.next().await, Heard::Event(heard) if *heard.event == *event));
    }
    assert_eq!(store.last_seq(), Seq(10));
}

#[tokio::test]
async fn names_are_unique_exactly() {
    let Opened { store, dir: _dir } = opened();
    with_tasks(&store, &["Name", "name", "NAME", "näme", "nÄme"]).await;
    let again = task("name");
    let result: Result<(), StoreError> = store.write(move |tx| tx.insert_task(&again)).await;
    assert!(matches!(result, Err(StoreError::Taken("task"))), "{result:?}");
    assert_eq!(store.dump().await.expect("it reads").matches("\ntask\n").count(), 5);
}

#[tokio::test]
async fn what_belongs_to_a_task_that_is_gone_is_refused() {
    let Opened { store, dir: _dir } = opened();
    let gone = task("gone");
    let row = gone.clone();
    let result: Result<(), StoreError> = store.write(move |tx| tx.update_task(&row)).await;
    assert!(matches!(result, Err(StoreError::Missing("task"))), "{result:?}");
    let entry = entry(&gone, Seq(1), InteractionType::UserRequest, "x");
    let result: Result<(), StoreError> = store.write(move |tx| tx.add_interaction(&entry)).await;
    assert!(matches!(result, Err(StoreError::Missing("task"))), "{result:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_writers_at_once_lose_nothing_and_share_commits() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["shared"]).await;
    let mut subscription = store.subscribe();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..20 {
        let (store, task) = (store.clone(), tasks[0].clone());
        writers.spawn(async move {
            let mut last = Seq(0);
            for number in 0..25 {
                let seq = append(&store, &task, &format!("{writer}/{number}")).await.expect("there is room");
                assert!(seq > last, "a writer's events keep their order");
                last = seq;
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.expect("no writer fails");
    }
    for seq in 1..=500 {
        let Heard::Event(heard) = subscription.next().await else { panic!("an event comes next") };
        assert_eq!(heard.event.seq, Seq(seq));
    }
    let texts: std::collections::BTreeSet<_> =
        log(&store).await.into_iter().map(|event| format!("{:?}", event.body)).collect();
    assert_eq!(texts.len(), 500);
    let figures = store.writer_figures();
    assert_eq!(figures.works, 501);
    assert!(figures.commits < 400, "{figures:?}");
}

#[tokio::test]
async fn the_version_of_tasks_grows_when_a_row_changes_and_not_else() {
    let Opened { store, dir: _dir } = opened();
    let before = store.tasks_version();
    let tasks = with_tasks(&store, &["one"]).await;
    let after = store.tasks_version();
    assert!(after > before);
    append(&store, &tasks[0], "text").await.expect("there is room");
    assert_eq!(store.tasks_version(), after);
    let id = tasks[0].id;
    let _: () = store.write(move |tx| tx.delete_task(id)).await.map_err(|e: StoreError| e).expect("it goes");
    assert!(store.tasks_version() > after);
}

#[tokio::test]
async fn waiting_ends_with_the_event_or_with_the_task() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["one", "other"]).await;
    let first = append(&store, &tasks[0], "first").await.expect("there is room");
    store.wait_beyond(tasks[0].id, first).await;
    let ((), second) = tokio::join!(store.wait_beyond(tasks[0].id, Seq(first.0 + 2)), async {
        append(&store, &tasks[1], "of another task").await.expect("there is room");
        append(&store, &tasks[0], "second").await.expect("there is room")
    });
    assert_eq!(second, Seq(3));
    let id = tasks[1].id;
    let ((), removed) = tokio::join!(store.wait_beyond(id, Seq(1000)), async {
        store.write(move |tx| tx.delete_task(id)).await.map_err(|error: StoreError| error)
    });
    removed.expect("it goes");
    store.wait_beyond(id, Seq(1000)).await;
}

#[tokio::test]
async fn a_slow_subscriber_is_told_that_it_lags_and_finds_the_rest_in_the_log() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["one"]).await;
    let mut slow = store.subscribe();
    let mut other = store.subscribe();
    append(&store, &tasks[0], "missed").await.expect("there is room");
    assert!(matches!(other.next().await, Heard::Event(_)));
    for _ in 0..5000 {
        let partial = Partial { task_id: tasks[0].id, task: "one".into(), text: "x".repeat(10) };
        store.publish_partial(partial);
    }
    assert!(matches!(slow.next().await, Heard::Lagged));
    let filter = EventFilter { after: slow.begins_after(), ..EventFilter::default() };
    let missed = store.read(move |q| q.events(&filter, 10)).await.expect("the log reads");
    assert_eq!(missed.len(), 1);
    append(&store, &tasks[0], "next").await.expect("there is room");
    assert!(matches!(slow.next().await, Heard::Event(heard) if heard.event.body == said("next")));
}

#[tokio::test]
async fn the_memory_of_waiting_events_is_bounded() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["one"]).await;
    let mut slow = store.subscribe();
    for _ in 0..12 {
        append(&store, &tasks[0], &"x".repeat(1024 * 1024)).await.expect("there is room");
    }
    assert!(matches!(slow.next().await, Heard::Lagged));
}

#[tokio::test]
async fn a_reader_sees_one_moment_and_every_write_that_has_returned() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["one"]).await;
    for number in 1..=20 {
        append(&store, &tasks[0], "x").await.expect("there is room");
        let (store, task) = (store.clone(), tasks[0].clone());
        let runtime = tokio::runtime::Handle::current();
        let counts = store
            .clone()
            .read(move |q| -> Result<_, StoreError> {
                let before = q.events(&EventFilter::default(), 100)?.len();
                if number == 20 {
                    runtime.block_on(append(&store, &task, "during"))?;
                }
                Ok((before, q.events(&EventFilter::default(), 100)?.len()))
            })
            .await
            .expect("it reads");
        assert_eq!(counts, (number, number));
    }
    let panicked: Result<(), StoreError> = store.read(|_| panic!("while reading")).await;
    assert!(matches!(panicked, Err(StoreError::Panicked(words)) if words == "while reading"));
    assert_eq!(log(&store).await.len(), 21);
}
