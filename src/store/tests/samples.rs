//! The committed samples of events: what was written once must parse for ever.

use super::*;
use crate::domain::Event;
use std::collections::BTreeSet;

const SAMPLES: &str = include_str!("../samples/events-v1.ndjson");

#[derive(serde::Deserialize)]
struct Sample {
    seq: Seq,
    task: String,
    task_id: Option<TaskId>,
    at: Timestamp,
    #[serde(flatten)]
    body: EventBody,
}

fn samples() -> Vec<(&'static str, Event)> {
    SAMPLES
        .lines()
        .map(|line| {
            let Sample { seq, task, task_id, at, body } =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
            (line, Event { seq, task_id, task, at, body })
        })
        .collect()
}

#[test]
fn every_sample_parses_and_every_kind_has_one() {
    let kinds: BTreeSet<_> = samples().iter().map(|(_, event)| event.body.kind()).collect();
    assert_eq!(kinds, EventBody::KINDS.iter().copied().collect::<BTreeSet<_>>());
}

#[test]
fn an_event_is_serialised_with_every_field_of_its_sample() {
    for (line, event) in samples() {
        let sample: serde_json::Value = serde_json::from_str(line).expect("a sample is JSON");
        let committed = Committed::new(event);
        let wire: serde_json::Value = serde_json::from_slice(&committed.json).expect("an event is JSON");
        assert_eq!(
            wire.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()),
            sample.as_object().map(|map| map.keys().cloned().collect()),
        );
        for (name, value) in sample["payload"].as_object().expect("a payload is an object") {
            let written = wire["payload"].get(name).unwrap_or(&serde_json::Value::Null);
            assert_eq!(written, value, "{name} in {line}");
        }
    }
}

#[tokio::test]
async fn every_kind_reads_back_from_the_log_as_it_was_heard() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["any \"name\"\u{2028}"]).await;
    let mut subscription = store.subscribe();
    let bodies: Vec<_> = samples().into_iter().map(|(_, event)| event.body).collect();
    let (task, count) = (tasks[0].clone(), bodies.len());
    store
        .write(move |tx| -> Result<(), StoreError> {
            for body in bodies {
                let server = body.kind().starts_with("plugin.");
                tx.append((!server).then_some(&task), body)?;
            }
            Ok(())
        })
        .await
        .expect("there is room");
    let everything = EventFilter::default();
    let filter = everything.clone();
    let logged = store.read(move |q| q.committed(&filter, u32::MAX)).await.expect("the log reads");
    let frames = store.read(move |q| q.frames(&everything, u32::MAX)).await.expect("the log reads");
    assert_eq!((logged.len(), frames.len()), (count, count));
    for (logged, frame) in logged.into_iter().zip(frames) {
        let Heard::Event(heard) = subscription.next().await else { panic!("an event comes next") };
        assert_eq!((&heard.event, &heard.json, &heard.sse), (&logged.event, &logged.json, &logged.sse));
        assert_eq!((&frame.json, &frame.sse), (&logged.json, &logged.sse));
        assert_eq!((frame.seq, frame.task_id), (logged.event.seq, logged.event.task_id));
        assert_eq!(frame.kind, logged.event.body.kind());
    }
}
