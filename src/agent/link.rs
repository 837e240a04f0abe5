//! The server's end of a supervisor's socket: requests and their answers, and how far the spool has grown.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;

use super::run_dir::SOCKET;
use super::supervisor::wire::{Message, Reply, Request, Wish};

/// How many requests may wait to be written.
const REQUESTS_WAITING: usize = 32;

/// How far an agent's output has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Length of the spool, as far as was told.
    pub spooled: u64,
    /// Whether more may come.
    pub state: RunState,
}

/// Whether more may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunState {
    /// The agent runs.
    Open,
    /// The agent has ended and all is recorded.
    Over,
    /// The supervisor is out of reach; whether it lives must be looked at.
    Lost,
}

/// Who waits for which answer; `None` once no answer can come any more.
type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Reply>>>>>;

/// A connection to a supervisor. It ends when every copy of it is gone.
#[derive(Clone)]
pub(super) struct Link {
    requests: mpsc::Sender<Request>,
    waiting: Waiting,
    next_id: Arc<AtomicU64>,
}

impl Link {
    /// Connects to the supervisor of a run.
    pub(super) async fn connect(
        run_dir: &Path,
        tasks: &TaskTracker,
        progress: watch::Sender<Progress>,
    ) -> std::io::Result<Self> {
        let stream = connect(run_dir).await?;
        let (read, write) = stream.into_split();
        let (requests, to_write) = mpsc::channel(REQUESTS_WAITING);
        let waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        tasks.spawn(write_requests(write, to_write));
        tasks.spawn(read_messages(read, waiting.clone(), progress));
        Ok(Self { requests, waiting, next_id: Arc::new(AtomicU64::new(1)) })
    }

    /// Asks the supervisor and waits for its answer; `None` if it went away before it answered.
    pub(super) async fn ask(&self, what: Wish) -> Option<Reply> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        lock(&self.waiting).as_mut()?.insert(id, reply);
        self.requests.send(Request { id, what }).await.ok()?;
        answer.await.ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket's path may have 108 bytes at most, which a run's folder may exceed; through a descriptor it is short.
async fn connect(run_dir: &Path) -> std::io::Result<UnixStream> {
    let dir = File::open(run_dir)?;
    let short = if cfg!(target_os = "linux") {
        PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()))
    } else {
        run_dir.to_owned()
    };
    UnixStream::connect(short.join(SOCKET)).await
}

/// Ends, and closes its half, when the last copy of the link is gone.
async fn write_requests(mut write: OwnedWriteHalf, mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.recv().await {
        let Ok(mut line) = serde_json::to_vec(&request) else {
            continue;
        };
        line.push(b'\n');
        if write.write_all(&line).await.is_err() {
            return;
        }
    }
}

async fn read_messages(read: OwnedReadHalf, waiting: Waiting, progress: watch::Sender<Progress>) {
    let mut lines = BufReader::new(read).lines();
    let mut last = RunState::Lost;
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Message::Spooled(spooled)) => {
                progress.send_modify(|progress| progress.spooled = spooled);
            }
            Ok(Message::Reply { id, reply }) => {
                let waiting = lock(&waiting).as_mut().and_then(|waiting| waiting.remove(&id));
                if let Some(waiting) = waiting {
                    waiting.send(reply).ok();
                }
            }
            Ok(Message::Over) => {
                last = RunState::Over;
                break;
            }
            Err(_) => break,
        }
    }
    progress.send_modify(|progress| progress.state = last);
    *lock(&waiting) = None;
}
