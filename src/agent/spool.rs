//! Reads an agent's spool and turns it into events, from any offset at which an event ended.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::event::{AgentEvent, AgentEventKind};
use super::exit;
use super::interpret::{Interpreter, Memory, Told};
use super::lines::{Line, LineSplitter};
use super::link::{Link, Progress, RunState};
use super::run_dir::{self, CHECKPOINTS, DeliveryKey, RunRecord, SPOOL};
use super::supervisor::wire::Wish;
use super::{EVENT_BUFFER, control, lost};

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// The events of a line longer than this are held alone in the channel, so that a full channel of them stays small.
const LARGE_LINE: u64 = 64 * 1024;

/// Those who wait for the agent's answers to requests of ours, by the request's id.
pub(super) type Responses = Arc<Mutex<HashMap<String, oneshot::Sender<Result<Value, String>>>>>;

/// What the interpreter knew at an offset of the spool.
#[derive(Serialize, Deserialize)]
struct Checkpoint {
    offset: u64,
    memory: Memory,
}

/// A line, read: its events, and where it ends.
struct Read {
    told: Told,
    begin: u64,
    end: u64,
}

/// Reads the spool of one run.
pub(super) struct SpoolReader {
    run_dir: PathBuf,
    record: RunRecord,
    file: File,
    splitter: LineSplitter,
    interpreter: Interpreter,
    /// Everything before has been read.
    position: u64,
    /// Where the current line begins.
    line_begin: u64,
    /// Lines that begin before are read again for what must be remembered of them, and not told.
    told_before: u64,
    checkpoints: Option<File>,
    events: mpsc::Sender<AgentEvent>,
    responses: Responses,
    /// To refuse requests that are not known; none when the agent has ended.
    link: Option<Link>,
}

impl SpoolReader {
    /// A reader that tells everything from `from_offset` on.
    pub(super) fn open(
        run_dir: &Path,
        record: RunRecord,
        from_offset: u64,
        events: mpsc::Sender<AgentEvent>,
    ) -> std::io::Result<Self> {
        let file = File::open(run_dir.join(SPOOL))?;
        let known = checkpoint_before(run_dir, from_offset);
        let checkpoints = run_dir::private().append(true).open(run_dir.join(CHECKPOINTS)).ok();
        Ok(Self {
            run_dir: run_dir.to_owned(),
            splitter: LineSplitter::new(record.line_cap),
            interpreter: Interpreter { memory: known.memory },
            record,
            file,
            position: known.offset,
            line_begin: known.offset,
            told_before: from_offset,
            checkpoints,
            events,
            responses: Responses::default(),
            link: None,
        })
    }

    /// Lets it refuse what the agent asks and nobody here knows.
    pub(super) fn with_link(mut self, link: Link) -> Self {
        self.link = Some(link);
        self
    }

    /// Where to wait for answers.
    pub(super) fn responses(&self) -> Responses {
        self.responses.clone()
    }

    /// Tells events until the agent's end is told or nobody listens any more.
    pub(super) async fn run(mut self, mut progress: watch::Receiver<Progress>) {
        let mut chunk = vec![0; CHUNK];
        loop {
            let now = *progress.borrow_and_update();
            // What a lost supervisor wrote last was not told by it, so the file's end counts then.
            if self.read_to_end(&mut chunk).await.is_err() {
                return;
            }
            if now.state != RunState::Open {
                self.tell_exit(now.state).await;
                return;
            }
            tokio::select! {
                changed = progress.changed() => if changed.is_err() {
                    return;
                },
                () = self.events.closed() => return,
            }
        }
    }

    /// Reads and tells what is there. Fails when nobody listens any more.
    async fn read_to_end(&mut self, chunk: &mut [u8]) -> Result<(), Stopped> {
        loop {
            let read = match self.file.read_at(chunk, self.position) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) => {
                    tracing::error!(%error, dir = %self.run_dir.display(), "the spool cannot be read");
                    return Ok(());
                }
            };
            let mut rest = &chunk[..read];
            while !rest.is_empty() {
                let (used, line) = self.read_line(rest);
                rest = &rest[used..];
                if let Some(line) = line {
                    self.tell(line).await?;
                }
            }
            tokio::task::coop::consume_budget().await;
        }
    }

    fn read_line(&mut self, bytes: &[u8]) -> (usize, Option<Read>) {
        let interpreter = &mut self.interpreter;
        let mut told = None;
        let used = self.splitter.take(bytes, |line| {
            told = Some(match line {
                Line::Whole(line) => interpreter.read(line),
                Line::Capped { bytes } => {
                    Told { events: vec![AgentEventKind::LineCapped { bytes }], ..Told::default() }
                }
            });
        });
        self.position += used as u64;
        let line = told.map(|told| Read { told, begin: self.line_begin, end: self.position });
        if line.is_some() {
            self.line_begin = self.position;
        }
        (used, line)
    }

    async fn tell(&mut self, line: Read) -> Result<(), Stopped> {
        let Read { told, begin, end } = line;
        let is_new = begin >= self.told_before;
        if is_new {
            let large = end - begin > LARGE_LINE;
            let last = told.events.len().saturating_sub(1);
            for (index, kind) in told.events.into_iter().enumerate() {
                let more_of_line = index < last;
                let end_offset = if more_of_line { begin } else { end };
                self.send(AgentEvent { end_offset, more_of_line, kind }, large).await?;
            }
        }
        if let Some(response) = told.response
            && let Some(waiting) = lock(&self.responses).remove(&response.request_id)
        {
            waiting.send(response.result).ok();
        }
        if let (Some((request_id, kind)), Some(link)) = (told.unsupported, &self.link) {
            let line = control::unsupported(&request_id, &kind);
            link.ask(Wish::Deliver { key: Some(DeliveryKey::Answer(request_id)), line }).await;
        }
        if told.turn_ended && is_new {
            self.checkpoint(end);
        }
        Ok(())
    }

    async fn send(&self, event: AgentEvent, large: bool) -> Result<(), Stopped> {
        if large {
            // All places are free only when everything told before has been taken.
            let mut places = self.events.reserve_many(EVENT_BUFFER).await.map_err(|_| Stopped)?;
            if let Some(place) = places.next() {
                place.send(event);
            }
            return Ok(());
        }
        self.events.send(event).await.map_err(|_| Stopped)
    }

    /// Notes what is known at an offset, so that a later reader need not begin at the spool's beginning. Losing a note
    /// costs time alone.
    fn checkpoint(&mut self, offset: u64) {
        let note = Checkpoint { offset, memory: self.interpreter.memory.clone() };
        if let (Some(file), Ok(mut line)) = (&mut self.checkpoints, serde_json::to_vec(&note)) {
            line.push(b'\n');
            file.write_all(&line).ok();
        }
    }

    async fn tell_exit(self, state: RunState) {
        if state == RunState::Lost {
            lost::settle(&self.run_dir, &self.record).await;
        }
        let exit = exit::tell(&self.run_dir, &self.interpreter.memory, self.splitter.unfinished());
        let event = AgentEvent { end_offset: self.position, more_of_line: false, kind: AgentEventKind::Exited(exit) };
        self.events.send(event).await.ok();
    }
}

/// Nobody listens any more.
struct Stopped;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last note at or before an offset; the spool's beginning if there is none.
fn checkpoint_before(run_dir: &Path, offset: u64) -> Checkpoint {
    let notes = std::fs::read_to_string(run_dir.join(CHECKPOINTS)).unwrap_or_default();
    notes
        .lines()
        .filter_map(|line| serde_json::from_str::<Checkpoint>(line).ok())
        .filter(|note| note.offset <= offset)
        .max_by_key(|note| note.offset)
        .unwrap_or(Checkpoint { offset: 0, memory: Memory::default() })
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
