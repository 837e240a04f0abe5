//! Writes lines to the agent, one whole line after the other, and records those that must not be written twice.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe::Sender;
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::output::persist;
use super::wire::Reply;
use crate::agent::run_dir::DeliveryKey;

/// A line to the agent.
pub(super) struct Line {
    pub(super) key: Option<DeliveryKey>,
    pub(super) text: String,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// Writes lines until the agent has ended or its input is to be closed.
pub(super) async fn write_lines(shared: Rc<Shared>, mut lines: mpsc::Receiver<Line>, stdin: OwnedFd, record: File) {
    let mut record = record;
    let mut stdin = Sender::from_owned_fd(stdin).ok();
    loop {
        let line = tokio::select! {
            biased;
            line = lines.recv() => line,
            () = shared.close_input.cancelled() => break,
        };
        let Some(line) = line else {
            break;
        };
        let reply = deliver(&shared, stdin.as_mut(), &mut record, line.key, line.text).await;
        line.reply.send(reply).ok();
    }
    drop(stdin);
    lines.close();
    while let Some(line) = lines.recv().await {
        line.reply.send(Reply::Ended).ok();
    }
}

async fn deliver(
    shared: &Shared,
    stdin: Option<&mut Sender>,
    record: &mut File,
    key: Option<DeliveryKey>,
    mut text: String,
) -> Reply {
    if key.as_ref().is_some_and(|key| shared.delivered.borrow().contains(key)) {
        return Reply::AlreadyWritten;
    }
    let Some(stdin) = stdin else {
        return Reply::Ended;
    };
    let mut exited = shared.exited.subscribe();
    text.push('\n');
    tokio::select! {
        biased;
        _ = exited.wait_for(Option::is_some) => return Reply::Ended,
        written = stdin.write_all(text.as_bytes()) => if written.is_err() {
            return Reply::Ended;
        },
    }
    if let Some(key) = key {
        let mut entry = serde_json::to_vec(&key).unwrap_or_default();
        entry.push(b'\n');
        let mut written = 0;
        persist("the record of deliveries", || {
            while written < entry.len() {
                written += record.write(&entry[written..])?;
            }
            record.sync_data()
        })
        .await;
        shared.delivered.borrow_mut().insert(key);
    }
    Reply::Written
}
