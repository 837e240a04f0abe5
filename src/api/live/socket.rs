//! The WebSocket: events as they happen, and commands that are answered on the same connection.
//!
//! One task serves one connection: it reads what the client says, tells it what its feed has, and sends it the answers of
//! its commands, which run beside it. A client that does not read is not read from; one that is not there is dropped.

use super::{
    feed::{Feed, Told},
    message::{self, Command, Message, Tasks, Wish},
    stream::{QUIET, check_cursor, partial_json, tasks_named},
};
use crate::{
    api::{
        Api, Call, Kind, Problem, Reply, Route,
        call::PARSE_ASIDE,
        dispatch::MAX_LARGE_BODY,
        metrics::Transport,
        resources::{
            inputs, questions,
            tasks::{life, task_named},
        },
        route,
    },
    domain::{Seq, Task},
    engine::Actor,
    store::StoreError,
};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, stream::FuturesUnordered};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Utf8Bytes,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// Commands of one connection that run at once; further messages wait unread.
const MAX_RUNNING: usize = 32;

/// Events that are written before the connection is flushed.
const MAX_BATCH: usize = 64;

/// How long a client may take to read what was sent.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// How long a client may be silent: three pings without an answer.
const SILENCE: Duration = Duration::from_secs(45);

/// Bytes of what is read ahead and written together.
const BUFFER: usize = 16 * 1024;

pub(super) fn routes() -> Vec<Route> {
    vec![route::<__path_open_socket, _, _>(open_socket)]
}

/// Opens a WebSocket whose messages are JSON texts. In: `{"type":"subscribe","tasks":["name"]|"*","after":SEQ,"partial":bool}`,
/// `{"type":"unsubscribe","tasks":[…]}`, and `start`, `stop`, `resume`, `input`, `interrupt` and `answer` with an `id` of the
/// client's own, `task`, and the fields of the REST call; `answer` names its `question`. Out: events as in the streams,
/// `{"type":"ok","id","result"}`, `{"type":"error","id","problem"}`, and `{"type":"reload","task"}` when the log does not
/// reach to a cursor. A ping comes every 15 seconds.
#[utoipa::path(get, path = "/api/v1/ws", operation_id = "open_socket", tag = "live",
    responses((status = 101, description = "The connection is a WebSocket now.")))]
async fn open_socket(mut call: Call) -> Result<Reply, Problem> {
    let accept = handshake(&call.headers)?;
    let upgrade = call.upgrade.take().ok_or_else(|| refused("the connection cannot be upgraded"))?;
    let (api, actor) = (call.api.clone(), call.actor.clone());
    call.api.tasks.spawn(serve(api, actor, upgrade));
    Ok(Reply::empty(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, HeaderValue::from_static("Upgrade"))
        .header(header::UPGRADE, HeaderValue::from_static("websocket"))
        .header(header::SEC_WEBSOCKET_ACCEPT, accept))
}

fn refused(why: &str) -> Problem {
    Problem::new(Kind::BAD_REQUEST, format!("This path is a WebSocket, and {why}."))
        .with_header(header::UPGRADE, HeaderValue::from_static("websocket"))
        .with_header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
}

/// What proves to the client that its handshake was understood.
fn handshake(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let has = |name, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value: &HeaderValue| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        return Err(refused("the request does not ask for one (`Connection: Upgrade`, `Upgrade: websocket`)"));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(refused("the server speaks version 13 of the protocol"));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| refused("`Sec-WebSocket-Key` is missing"))?;
    HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(Problem::internal)
}

async fn serve(api: Arc<Api>, actor: Actor, upgrade: OnUpgrade) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "a connection did not become a WebSocket");
            return;
        }
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(MAX_LARGE_BODY))
        .max_frame_size(Some(MAX_LARGE_BODY));
    let wire = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let feed = Feed::new(api.store.clone(), vec![], api.metrics.listener(Transport::WebSocket));
    let mut socket = Socket { api, actor, wire, feed, running: FuturesUnordered::new(), last: HashMap::new() };
    match socket.run().await {
        Ok(code) => socket.close(code).await,
        Err(error) => tracing::debug!(%error, "a WebSocket ended"),
    }
}

/// Why a connection ends before the client wants it.
#[derive(Debug, thiserror::Error)]
enum SocketError {
    #[error(transparent)]
    Wire(#[from] tungstenite::Error),
    #[error("the client reads nothing")]
    Stuck,
    #[error("the client is silent")]
    Silent,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A command that has run: its task and its answer.
struct Ran {
    task: String,
    answer: Value,
}

struct Socket {
    api: Arc<Api>,
    actor: Actor,
    wire: WebSocketStream<TokioIo<Upgraded>>,
    feed: Feed,
    running: FuturesUnordered<JoinHandle<Ran>>,
    /// The end of the last command of each task, for which the next one waits: commands of one task keep their order.
    last: HashMap<String, oneshot::Receiver<()>>,
}

impl Socket {
    /// Serves the connection until one side ends it.
    async fn run(&mut self) -> Result<CloseCode, SocketError> {
        let mut ping = tokio::time::interval_at(Instant::now() + QUIET, QUIET);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ending = self.api.ending.clone();
        let mut heard_at = Instant::now();
        loop {
            let may_read = self.running.len() < MAX_RUNNING;
            tokio::select! {
                () = ending.cancelled() => return Ok(CloseCode::Away),
                said = self.wire.next(), if may_read => match said {
                    None => return Ok(CloseCode::Normal),
                    Some(Err(tungstenite::Error::ConnectionClosed)) => return Ok(CloseCode::Normal),
                    Some(said) => {
                        heard_at = Instant::now();
                        self.hear(said?).await?;
                    }
                },
                Some(ran) = self.running.next() => self.ran(ran).await?,
                told = self.feed.next() => {
                    if !self.tell(told?).await? {
                        return Ok(CloseCode::Away);
                    }
                }
                now = ping.tick() => {
                    if now.duration_since(heard_at) > SILENCE {
                        return Err(SocketError::Silent);
                    }
                    self.send(tungstenite::Message::Ping(Bytes::new())).await?;
                }
            }
        }
    }

    async fn close(&mut self, code: CloseCode) {
        let frame = CloseFrame { code, reason: Utf8Bytes::default() };
        let closed = tokio::time::timeout(Duration::from_secs(1), self.wire.close(Some(frame))).await;
        tracing::debug!(?closed, "a WebSocket was closed");
    }

    async fn send(&mut self, message: tungstenite::Message) -> Result<(), SocketError> {
        let sent = tokio::time::timeout(WRITE_PATIENCE, self.wire.send(message)).await;
        Ok(sent.map_err(|_| SocketError::Stuck)??)
    }

    async fn answer(&mut self, answer: &Value) -> Result<(), SocketError> {
        self.send(tungstenite::Message::text(answer.to_string())).await
    }

    /// Sends what the feed has at hand. False when there will be nothing more.
    async fn tell(&mut self, first: Told) -> Result<bool, SocketError> {
        let mut next = Some(first);
        let mut more = true;
        let mut batched = 0;
        while let Some(told) = next {
            let message = match told {
                Told::Event(frame) => text(frame.json),
                Told::Partial(partial) => tungstenite::Message::text(partial_json(&partial).to_string()),
                Told::Closed => {
                    more = false;
                    break;
                }
            };
            let fed = tokio::time::timeout(WRITE_PATIENCE, self.wire.feed(message)).await;
            fed.map_err(|_| SocketError::Stuck)??;
            batched += 1;
            // What is taken from the feed must be sent: a full batch takes no more.
            next = if batched < MAX_BATCH { self.feed.next_at_hand() } else { None };
        }
        let flushed = tokio::time::timeout(WRITE_PATIENCE, self.wire.flush()).await;
        flushed.map_err(|_| SocketError::Stuck)??;
        Ok(more)
    }

    async fn hear(&mut self, said: tungstenite::Message) -> Result<(), SocketError> {
        let text: Bytes = match said {
            tungstenite::Message::Text(text) => text.into(),
            tungstenite::Message::Binary(bytes) => bytes,
            _ => return Ok(()),
        };
        let Message { id, wish } = read(text).await;
        let result = match wish {
            Ok(Wish::Subscribe { tasks, after, partial }) => self.subscribe(tasks, after, partial).await,
            Ok(Wish::Unsubscribe { tasks }) => self.unsubscribe(tasks).await,
            Ok(Wish::Command { task, command }) => {
                self.run_beside(id, task, command);
                return Ok(());
            }
            Err(problem) => Err(problem),
        };
        self.answer(&answer_of(id.as_deref(), result)).await
    }

    async fn subscribe(&mut self, tasks: Tasks, after: Option<Seq>, partial: bool) -> Result<Value, Problem> {
        let (ids, names) = match tasks {
            Tasks::All => (None, vec![Value::Null]),
            Tasks::Named(names) => {
                let shown = names.iter().map(|name| name.as_str().into()).collect();
                (Some(tasks_named(&self.api, names, "task").await?), shown)
            }
        };
        let last = self.api.store.last_seq();
        let known = after.map(|after| check_cursor(&self.api, "after", after));
        let reload = matches!(known, Some(Err(_)));
        let after = known.and_then(Result::ok).unwrap_or(last);
        self.feed.want(ids, after, partial);
        if reload {
            for task in names {
                let reload = json!({"type": "reload", "task": task});
                self.answer(&reload).await.map_err(Problem::internal)?;
            }
        }
        Ok(json!({"after": after}))
    }

    async fn unsubscribe(&mut self, tasks: Tasks) -> Result<Value, Problem> {
        let ids = match tasks {
            Tasks::All => None,
            Tasks::Named(names) => Some(tasks_named(&self.api, names, "task").await?),
        };
        self.feed.forget(ids.as_deref());
        Ok(json!({}))
    }

    /// Runs a command after those of the same task that came before it. It goes on when the client goes away.
    fn run_beside(&mut self, id: Option<String>, task: String, command: Command) {
        let (done, end) = oneshot::channel();
        let before = self.last.insert(task.clone(), end);
        let (api, actor) = (self.api.clone(), self.actor.clone());
        let run = async move {
            if let Some(before) = before {
                // It ends by being dropped.
                drop(before.await);
            }
            let result = carry_out(&api, &actor, &task, command).await;
            drop(done);
            Ran { answer: answer_of(id.as_deref(), result), task }
        };
        self.running.push(self.api.tasks.spawn(run));
    }

    async fn ran(&mut self, ran: Result<Ran, tokio::task::JoinError>) -> Result<(), SocketError> {
        let Ran { task, answer } = match ran {
            Ok(ran) => ran,
            Err(error) => {
                let answer = answer_of(None, Err(Problem::internal(error)));
                return self.answer(&answer).await;
            }
        };
        let is_last = self
            .last
            .get_mut(&task)
            .is_some_and(|end| !matches!(end.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        if is_last {
            self.last.remove(&task);
        }
        self.answer(&answer).await
    }
}

async fn read(text: Bytes) -> Message {
    if text.len() <= PARSE_ASIDE {
        return message::read(&text);
    }
    let read = tokio::task::spawn_blocking(move || message::read(&text)).await;
    read.unwrap_or_else(|error| Message { id: None, wish: Err(Problem::internal(error)) })
}

/// An event's JSON as a message. It is shared, not copied.
fn text(json: Bytes) -> tungstenite::Message {
    match Utf8Bytes::try_from(json) {
        Ok(text) => tungstenite::Message::Text(text),
        Err(error) => {
            tracing::error!(%error, "an event is no text");
            tungstenite::Message::text("{}")
        }
    }
}

/// An answer to a message.
fn answer_of(id: Option<&str>, result: Result<Value, Problem>) -> Value {
    match result {
        Ok(result) => json!({"type": "ok", "id": id, "result": result}),
        Err(problem) => {
            let request_id = uuid::Uuid::new_v4().simple().to_string();
            if let Some(cause) = problem.internal_detail() {
                tracing::error!(request_id, cause, "a message failed");
            }
            json!({"type": "error", "id": id, "problem": problem.to_value(&request_id)})
        }
    }
}

async fn carry_out(api: &Api, actor: &Actor, name: &str, command: Command) -> Result<Value, Problem> {
    let task = task_named(api, name).await?;
    match command {
        Command::Start => shown(life::start(api, actor, task.id).await),
        Command::Stop => shown(life::stop(api, actor, task.id).await),
        Command::Resume => shown(life::resume(api, actor, task.id).await),
        Command::Interrupt => shown(life::interrupt(api, actor, task.id).await),
        Command::Input(given) => shown(inputs::put(api, actor, (task.id, task.spec.task_name), given).await),
        Command::Answer(question, given) => {
            check_question(api, &task, question).await?;
            shown(questions::answer(api, actor, question, given).await)
        }
    }
}

/// A question must be the task's that the message names.
async fn check_question(api: &Api, task: &Task, id: crate::domain::QuestionId) -> Result<(), Problem> {
    let found = api.store.read::<_, StoreError, _>(move |q| q.question(id)).await?;
    match found {
        Some(question) if question.task_id == task.id => Ok(()),
        _ => Err(Problem::not_found("question", id)),
    }
}

fn shown<T: Serialize>(result: Result<T, Problem>) -> Result<Value, Problem> {
    serde_json::to_value(result?).map_err(Problem::internal)
}
