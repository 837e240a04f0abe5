//! One server that is connected: tells it how far the spool has grown and does what it asks.

use std::rc::Rc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::oneshot;

use super::deliver::Line;
use super::wire::{Message, Reply, Request, Wish};
use super::{Shared, ending};

/// Serves one server until it goes or the run is over.
pub(super) async fn serve(shared: Rc<Shared>, stream: UnixStream) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut buffer = Vec::new();
    let mut replies = FuturesUnordered::new();
    let mut spooled = shared.spooled.subscribe();
    let mut over = shared.over.subscribe();
    spooled.mark_changed();
    loop {
        let message = tokio::select! {
            read = read.read_until(b'\n', &mut buffer) => {
                let (Ok(1..), Ok(request)) = (read, serde_json::from_slice::<Request>(&buffer)) else {
                    return;
                };
                buffer = Vec::new();
                replies.push(answer(shared.clone(), request));
                continue;
            }
            Some(reply) = replies.next(), if !replies.is_empty() => reply,
            Ok(()) = spooled.changed() => Message::Spooled(*spooled.borrow_and_update()),
            _ = over.wait_for(Option::is_some) => break,
        };
        if send(&mut write, &message).await.is_err() {
            return;
        }
    }
    let length = *shared.spooled.borrow();
    if send(&mut write, &Message::Spooled(length)).await.is_err() {
        return;
    }
    while let Some(reply) = replies.next().await {
        send(&mut write, &reply).await.ok();
    }
    send(&mut write, &Message::Over).await.ok();
}

async fn send(write: &mut tokio::net::unix::OwnedWriteHalf, message: &Message) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    write.write_all(&line).await
}

async fn answer(shared: Rc<Shared>, request: Request) -> Message {
    let reply = match request.what {
        Wish::Deliver { key, line } => {
            let (reply, answer) = oneshot::channel();
            let line = Line { key, text: line, reply };
            match shared.lines.send(line).await {
                Ok(()) => answer.await.unwrap_or(Reply::Ended),
                Err(_) => Reply::Ended,
            }
        }
        Wish::End(graces) => {
            let outcome = ending::end(shared, graces).await;
            Reply::Killed { method: outcome.method, killed: outcome.killed }
        }
    };
    Message::Reply { id: request.id, reply }
}
