//! Feeds and streams over a real database.

use super::{
    feed::{Feed, Told},
    stream::{End, Stream},
};
use crate::{
    api::metrics::Listener,
    domain::{Event, EventBody, Seq, Status, Task, TaskId, Timestamp},
    engine::testbed,
    store::{EventFilter, Now, Partial, Store, StoreError},
};
use proptest::prelude::*;
use std::{future::Future, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

struct Place {
    _folder: tempfile::TempDir,
    store: Store,
    tasks: Vec<Task>,
}

impl Place {
    async fn with_tasks(count: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let now: Now = Arc::new(|| Timestamp::from_seconds(1_700_000_000));
        let store = Store::open(folder.path(), now).expect("the database opens");
        let tasks: Vec<_> = (0..count).map(|i| testbed::task(&format!("task {i}"))).collect();
        let rows = tasks.clone();
        let made = store.write(move |tx| -> Result<(), StoreError> {
            rows.iter().try_for_each(|task| {
                tx.insert_task(task)?;
                tx.append(Some(task), said("made")).map(drop)
            })
        });
        made.await.expect("tasks are stored");
        Self { _folder: folder, store, tasks }
    }

    async fn say(&self, task: usize, times: usize) {
        let task = self.tasks[task].clone();
        let said = self.store.write(move |tx| -> Result<(), StoreError> {
            (0..times).try_for_each(|i| tx.append(Some(&task), said(&format!("line {i}"))).map(drop))
        });
        said.await.expect("events are stored");
    }

    async fn become_(&self, task: usize, status: Status) {
        let mut task = self.tasks[task].clone();
        let changed = self.store.write(move |tx| -> Result<(), StoreError> {
            let previous = std::mem::replace(&mut task.status, status);
            tx.update_task(&task)?;
            let body = EventBody::TaskStatus { status, previous, reason: None, by: None, paused_until: None };
            tx.append(Some(&task), body).map(drop)
        });
        changed.await.expect("a status is stored");
    }

    async fn log(&self, after: Seq, of: Option<TaskId>) -> Vec<Seq> {
        let filter = EventFilter { after, tasks: of.map(|id| vec![id]), ..EventFilter::default() };
        let read = self.store.read::<Vec<Event>, StoreError, _>(move |q| q.events(&filter, u32::MAX));
        read.await.expect("the log reads").into_iter().map(|event| event.seq).collect()
    }

    fn feed(&self) -> Feed {
        Feed::new(self.store.clone(), vec![], Listener::default())
    }

    fn stream(&self, task: usize, after: Seq) -> Stream {
        let id = self.tasks[task].id;
        let mut feed = self.feed();
        feed.want(Some(vec![id]), after, false);
        Stream {
            store: self.store.clone(),
            ending: CancellationToken::new(),
            feed,
            end: Some(End { task: id, told: after, due: true }),
            over: false,
            fresh: false,
        }
    }
}

fn said(text: &str) -> EventBody {
    EventBody::AgentText { text: text.to_owned(), parent: None }
}

/// What comes within a time that is long where something comes, and is waited for only where nothing may.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it comes soon")
}

async fn next_seq(feed: &mut Feed) -> Seq {
    match soon(feed.next()).await.expect("the log reads") {
        Told::Event(frame) => frame.seq,
        other => panic!("an event was expected, not {other:?}"),
    }
}

async fn take(feed: &mut Feed, count: usize) -> Vec<Seq> {
    let mut seqs = Vec::with_capacity(count);
    for _ in 0..count {
        seqs.push(next_seq(feed).await);
    }
    seqs
}

/// What is done to a store and its subscriber.
#[derive(Clone, Debug)]
enum Act {
    Commit { task: usize, events: usize },
    Read(usize),
    ReadAtHand(usize),
    GiveUpWaiting,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..3_usize, 1..40_usize).prop_map(|(task, events)| Act::Commit { task, events }),
        2 => (0..60_usize).prop_map(Act::Read),
        2 => (0..60_usize).prop_map(Act::ReadAtHand),
        1 => Just(Act::GiveUpWaiting),
    ];
    prop::collection::vec(act, 0..25)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts").block_on(work)
}

/// Plays acts on one subscriber; what it was told, and what the log has of that.
async fn played(acts: Vec<Act>, before: usize, after: i64, one_task: bool) -> (Vec<Seq>, Vec<Seq>) {
    let place = Place::with_tasks(3).await;
    place.say(0, before).await;
    place.say(1, before).await;
    let after = Seq(after.min(place.store.last_seq().0));
    let id = place.tasks[0].id;
    let of = one_task.then_some(id);
    let mut feed = place.feed();
    feed.want(of.map(|id| vec![id]), after, false);
    let mut told = vec![];
    for act in acts {
        match act {
            Act::Commit { task, events } => place.say(task, events).await,
            Act::Read(count) => {
                let left = place.log(after, of).await.len() - told.len();
                told.extend(take(&mut feed, count.min(left)).await);
            }
            Act::ReadAtHand(count) => {
                for _ in 0..count {
                    match feed.next_at_hand() {
                        Some(Told::Event(frame)) => told.push(frame.seq),
                        _ => break,
                    }
                }
            }
            Act::GiveUpWaiting => {
                tokio::select! {
                    biased;
                    next = feed.next() => match next.expect("the log reads") {
                        Told::Event(frame) => told.push(frame.seq),
                        other => panic!("{other:?}"),
                    },
                    () = tokio::task::yield_now() => {}
                }
            }
        }
    }
    let whole = place.log(after, of).await;
    let left = whole.len() - told.len();
    told.extend(take(&mut feed, left).await);
    assert!(feed.next_at_hand().is_none());
    (told, whole)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn every_event_is_told_once_and_in_order(
        acts in acts(), before in 0..150_usize, after in 0..200_i64, one_task in any::<bool>()
    ) {
        let (told, whole) = block_on(played(acts, before, after, one_task));
        prop_assert_eq!(told, whole);
    }
}

#[tokio::test]
async fn who_is_too_slow_gets_what_it_missed_from_the_log() {
    let place = Place::with_tasks(2).await;
    let mut feed = place.feed();
    feed.want(Some(vec![place.tasks[0].id]), Seq(0), false);
    assert_eq!(take(&mut feed, 1).await, place.log(Seq(0), Some(place.tasks[0].id)).await);
    for _ in 0..6 {
        place.say(0, 1_000).await;
        place.say(1, 10).await;
    }
    let whole = place.log(Seq(0), Some(place.tasks[0].id)).await;
    assert_eq!(take(&mut feed, whole.len() - 1).await, whole[1..]);
    place.say(0, 1).await;
    let last = *whole.last().expect("there are events");
    assert_eq!(vec![next_seq(&mut feed).await], place.log(last, Some(place.tasks[0].id)).await);
}

#[tokio::test]
async fn a_task_that_is_wanted_later_is_told_from_its_own_cursor() {
    let place = Place::with_tasks(2).await;
    place.say(0, 120).await;
    place.say(1, 5).await;
    let mut feed = place.feed();
    feed.want(Some(vec![place.tasks[0].id]), Seq(0), false);
    let first = take(&mut feed, 3).await;
    feed.want(Some(vec![place.tasks[1].id]), Seq(0), false);
    let rest = take(&mut feed, 118 + 6).await;
    let whole = place.log(Seq(0), Some(place.tasks[0].id)).await;
    assert_eq!([first, rest[..118].to_vec()].concat(), whole);
    assert_eq!(rest[118..], place.log(Seq(0), Some(place.tasks[1].id)).await);
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_not_told() {
    let place = Place::with_tasks(2).await;
    place.say(0, 250).await;
    place.say(1, 2).await;
    let mut feed = place.feed();
    feed.want(Some(vec![place.tasks[0].id, place.tasks[1].id]), Seq(0), false);
    take(&mut feed, 20).await;
    feed.forget(Some(&[place.tasks[0].id]));
    place.say(0, 3).await;
    let of_other = place.log(Seq(0), Some(place.tasks[1].id)).await;
    let told = take(&mut feed, 2).await;
    assert_eq!(told, of_other[1..]);
    assert!(feed.next_at_hand().is_none());
}

#[tokio::test]
async fn text_that_is_being_written_is_told_to_those_who_asked() {
    let place = Place::with_tasks(1).await;
    let id = place.tasks[0].id;
    let partial = Partial { task_id: id, task: "task 0".to_owned(), text: "Hel".to_owned() };
    let (mut with, mut without) = (place.feed(), place.feed());
    with.want(None, place.store.last_seq(), true);
    without.want(None, place.store.last_seq(), false);
    place.store.publish_partial(partial);
    place.say(0, 1).await;
    assert!(matches!(soon(with.next()).await, Ok(Told::Partial(partial)) if partial.text == "Hel"));
    assert!(matches!(soon(without.next()).await, Ok(Told::Event(_))));
}

/// The names of the events of a stream, up to its end.
async fn to_its_end(mut stream: Stream) -> Vec<String> {
    let mut kinds = vec![];
    while let Some(piece) = soon(stream.next()).await {
        let text = String::from_utf8(piece.to_vec()).expect("it is text");
        let kind = text.lines().find_map(|line| line.strip_prefix("event: ")).unwrap_or("(comment)");
        kinds.push(kind.to_owned());
    }
    kinds
}

#[tokio::test]
async fn a_stream_ends_after_the_last_event_of_a_final_status() {
    let place = Place::with_tasks(1).await;
    let stream = place.stream(0, Seq(0));
    place.become_(0, Status::Running).await;
    place.become_(0, Status::Stopped).await;
    place.become_(0, Status::Completed).await;
    let kinds = to_its_end(stream).await;
    assert_eq!(kinds, ["agent.text", "task.status", "task.status", "task.status", "end"]);
    let again = to_its_end(place.stream(0, Seq(0))).await;
    assert_eq!(again, kinds);
}

#[tokio::test]
async fn stopped_and_paused_are_no_end() {
    let place = Place::with_tasks(1).await;
    for status in [Status::Stopped, Status::Paused] {
        place.become_(0, status).await;
        let last = place.store.last_seq();
        let mut stream = place.stream(0, last);
        place.say(0, 1).await;
        let piece = soon(stream.next()).await.expect("the stream goes on");
        assert!(piece.starts_with(format!("id: {}\n", last.0 + 1).as_bytes()));
        tokio::select! {
            biased;
            piece = stream.next() => panic!("nothing was to come, and {piece:?} came"),
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test]
async fn a_final_task_that_goes_on_has_a_new_stream() {
    let place = Place::with_tasks(1).await;
    place.become_(0, Status::Failed).await;
    let ended = place.store.last_seq();
    place.become_(0, Status::Pending).await;
    let mut stream = place.stream(0, ended);
    assert!(soon(stream.next()).await.expect("it goes on").starts_with(b"id: "));
    place.become_(0, Status::Finished).await;
    assert_eq!(to_its_end(stream).await, ["task.status", "end"]);
}

#[tokio::test]
async fn the_stream_of_a_deleted_task_ends_without_a_status() {
    let place = Place::with_tasks(1).await;
    let stream = place.stream(0, Seq(0));
    let task = place.tasks[0].clone();
    let deleted = place.store.write(move |tx| -> Result<(), StoreError> {
        tx.append(Some(&task), EventBody::TaskDeleted { by: None })?;
        tx.delete_task(task.id)
    });
    deleted.await.expect("it is deleted");
    let kinds = to_its_end(stream).await;
    assert_eq!(kinds, ["agent.text", "task.deleted", "end"]);
}

#[tokio::test]
async fn a_stream_ends_when_the_server_does() {
    let place = Place::with_tasks(1).await;
    let mut stream = place.stream(0, place.store.last_seq());
    stream.ending.cancel();
    assert_eq!(soon(stream.next()).await, None);
}
