//! A Messages API on loopback with a script instead of a model: all that is not real in a test of the real agent.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc};

/// What the model says next.
#[derive(Clone, Debug)]
pub enum Say {
    /// A text, which ends the turn.
    Text(&'static str),
    /// A tool call.
    Tool { id: &'static str, name: &'static str, input: Value },
}

type Script = dyn Fn(&Value) -> Say + Send + Sync;

/// The API, for as long as the value lives.
pub struct MessagesApi {
    pub address: String,
    accept: tokio::task::JoinHandle<()>,
}

impl MessagesApi {
    /// Listens on a free port. `script` is given a request's body.
    pub async fn start(script: impl Fn(&Value) -> Say + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let script: Arc<Script> = Arc::new(script);
        let accept = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&script);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(request, Arc::clone(&script)));
                    hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        Self { address, accept }
    }
}

impl Drop for MessagesApi {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

async fn answer(request: Request<Incoming>, script: Arc<Script>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (kind, text) = if path.ends_with("/count_tokens") {
        ("application/json", json!({ "input_tokens": 10 }).to_string())
    } else if path.ends_with("/messages") {
        ("text/event-stream", stream(&script(&body)))
    } else {
        ("application/json", "{}".to_owned())
    };
    Ok(Response::builder().header("content-type", kind).body(Full::new(Bytes::from(text))).expect("a plain answer"))
}

/// An answer as the streaming API sends it.
fn stream(say: &Say) -> String {
    let (block, delta, reason) = match say {
        Say::Text(text) => {
            (json!({ "type": "text", "text": "" }), json!({ "type": "text_delta", "text": text }), "end_turn")
        }
        Say::Tool { id, name, input } => (
            json!({ "type": "tool_use", "id": id, "name": name, "input": {} }),
            json!({ "type": "input_json_delta", "partial_json": input.to_string() }),
            "tool_use",
        ),
    };
    let message = json!({
        "id": "msg_scripted", "type": "message", "role": "assistant", "model": "scripted", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": { "input_tokens": 10, "output_tokens": 1 },
    });
    let events = [
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null }, "usage": { "output_tokens": 20 } }),
        json!({ "type": "message_stop" }),
    ];
    events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()))
        .collect()
}
