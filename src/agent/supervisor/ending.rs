//! Ends the agent with growing force, and then everything that it started.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::deliver::Line;
use super::{EndMethod, Outcome, Shared, StopGraces};
use crate::agent::control;
use crate::process::RUN_MARKER;
use crate::process::tree::{self, Stat};

/// How long output may stay open after the agent's own end before those who hold it are killed: a child that is just
/// ending has something to say still.
const LINGER: Duration = Duration::from_millis(200);

/// How long to read on once nobody is left that could write.
const DRAIN: Duration = Duration::from_secs(2);

/// Interrupts the agent and closes its input, then signals it, then kills it. Returns when nothing of the run is alive
/// and all is recorded. Asked twice, both get the same answer.
pub(super) async fn end(shared: Rc<Shared>, graces: StopGraces) -> Outcome {
    if shared.exited.borrow().is_none() && shared.ended_by.get().is_none() {
        shared.ended_by.set(Some(EndMethod::Interrupt));
        shared.tasks.spawn_local(escalate(shared.clone(), graces));
    }
    let mut over = shared.over.subscribe();
    let outcome = over.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
    outcome.unwrap_or(Outcome { method: EndMethod::AlreadyEnded, killed: Vec::new() })
}

async fn escalate(shared: Rc<Shared>, graces: StopGraces) {
    let (reply, _) = oneshot::channel();
    let interrupt = Line { key: None, text: control::interrupt("end"), reply };
    // A full queue means that the agent does not read; then only signals help.
    shared.lines.try_send(interrupt).ok();
    shared.close_input.cancel();
    if exits_within(&shared, graces.interrupt).await {
        return;
    }
    shared.ended_by.set(Some(EndMethod::Sigterm));
    for gentle in [Signal::INT, Signal::TERM] {
        signal_agent(&shared, gentle);
        if exits_within(&shared, graces.terminate / 2).await {
            return;
        }
    }
    shared.ended_by.set(Some(EndMethod::Sigkill));
    signal_agent(&shared, Signal::KILL);
    exits_within(&shared, DRAIN).await;
}

async fn exits_within(shared: &Shared, time: Duration) -> bool {
    let mut exited = shared.exited.subscribe();
    tokio::time::timeout(time, exited.wait_for(Option::is_some)).await.is_ok()
}

fn signal_agent(shared: &Shared, signal: Signal) {
    if let Some(stat) = Stat::read(shared.agent_pid) {
        let _sent = tree::signal(&stat, signal);
    }
}

/// After the agent's end: takes what is left of its output and kills what it left running.
pub(super) async fn clean_up(shared: &Shared, mut spooling: JoinHandle<()>, drained: &CancellationToken) -> Outcome {
    shared.close_input.cancel();
    let closed = tokio::time::timeout(LINGER, &mut spooling).await.is_ok();
    let mut killed = kill_rest(shared);
    if !closed && tokio::time::timeout(DRAIN, &mut spooling).await.is_err() {
        drained.cancel();
        spooling.await.ok();
    }
    drained.cancel();
    let method = shared.ended_by.get().unwrap_or(EndMethod::AlreadyEnded);
    if method == EndMethod::Sigkill {
        killed.insert(0, shared.agent_pid);
    }
    Outcome { method, killed }
}

/// Kills everything below the supervisor, to which orphans fall, and everything that carries the run's marker.
fn kill_rest(shared: &Shared) -> Vec<u32> {
    let run = shared.run.to_string();
    let find = || {
        let mut found: BTreeMap<u32, Stat> = BTreeMap::new();
        for stat in tree::descendants(std::process::id()).into_iter().chain(tree::marked(RUN_MARKER, OsStr::new(&run)))
        {
            found.insert(stat.pid, stat);
        }
        found.into_values().collect()
    };
    tree::kill_all(find, || shared.reap())
}
