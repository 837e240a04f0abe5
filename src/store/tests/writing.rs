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
