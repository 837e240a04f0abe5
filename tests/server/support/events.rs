//! Reading an event stream.

use super::PATIENCE;
use eventsource_stream::{Event, Eventsource as _};
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;
use std::pin::Pin;

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub id: String,
    pub kind: String,
    pub data: Value,
}

impl Seen {
    pub fn payload(&self) -> &Value {
        &self.data["payload"]
    }
}

/// An open event stream.
pub struct Events {
    pub status: reqwest::StatusCode,
    stream: Pin<Box<dyn Stream<Item = Event> + Send>>,
}

impl Events {
    pub async fn open(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("the stream opens");
        let status = response.status();
        let stream = response.bytes_stream().eventsource().filter_map(|event| async { event.ok() });
        Self { status, stream: Box::pin(stream) }
    }

    /// The next event; none when the stream has ended.
    pub async fn next(&mut self) -> Option<Seen> {
        let event = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("an event in time")?;
        Some(Seen { id: event.id, kind: event.event, data: serde_json::from_str(&event.data).unwrap_or(Value::Null) })
    }

    /// The next event of one of these kinds; panics when the stream ends before.
    pub async fn next_of(&mut self, kinds: &[&str]) -> Seen {
        loop {
            let seen = self.next().await.unwrap_or_else(|| panic!("the stream ended before {kinds:?}"));
            if kinds.contains(&seen.kind.as_str()) {
                return seen;
            }
        }
    }

    /// Everything up to the stream's end.
    pub async fn rest(mut self) -> Vec<Seen> {
        let mut all = Vec::new();
        while let Some(seen) = self.next().await {
            all.push(seen);
        }
        all
    }
}
