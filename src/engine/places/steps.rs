//! Steps of making, preparing and removing places, in the log before and after they happen.

use super::super::context::Context;
use crate::{
    domain::{EventBody, StepState, Task},
    store::StoreError,
    workspace::Step,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How many steps may wait for the log; then the work waits.
const STEP_BUFFER: usize = 64;

/// Longest output of a step that is kept in the log, in bytes.
const MAX_STEP_OUTPUT: usize = 16 * 1024;

/// Writes the steps of one task.
#[derive(Clone)]
pub(super) struct StepLog {
    ctx: Context,
    task: Arc<Task>,
}

impl StepLog {
    pub(super) fn new(ctx: &Context, task: &Task) -> Self {
        Self { ctx: ctx.clone(), task: Arc::new(task.clone()) }
    }

    /// Something is about to happen.
    pub(super) async fn started(&self, step: &str, about: &str) -> Result<(), StoreError> {
        self.write(step, StepState::Started, about, None, None).await
    }

    /// It happened, or was tried and failed.
    pub(super) async fn ended(
        &self,
        step: &str,
        about: &str,
        ok: bool,
        output: Option<String>,
        duration: Option<Duration>,
    ) -> Result<(), StoreError> {
        let state = if ok { StepState::Done } else { StepState::Failed };
        self.write(step, state, about, output, duration).await
    }

    async fn write(
        &self,
        step: &str,
        state: StepState,
        about: &str,
        output: Option<String>,
        duration: Option<Duration>,
    ) -> Result<(), StoreError> {
        let task = Arc::clone(&self.task);
        let body = EventBody::WorkspaceStep {
            step: step.to_owned(),
            state,
            about: about.to_owned(),
            output: output
                .filter(|text| !text.is_empty())
                .map(|text| super::super::deciding::cut(&text, MAX_STEP_OUTPUT)),
            duration_ms: duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        };
        self.ctx.store.write(move |tx| tx.append(Some(&task), body).map(|_| ())).await
    }

    /// Runs blocking work that tells its steps, each of which is in the log before the work goes on for long.
    ///
    /// The intent is written before, as a step of kind `step`; its result is what the work itself tells of that kind, or
    /// what is made of its outcome.
    pub(super) async fn around<T, E>(
        &self,
        step: &'static str,
        about: &str,
        work: impl FnOnce(&mut (dyn FnMut(Step) + Send)) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        self.started(step, about).await?;
        let begin = Instant::now();
        let (send, mut receive) = mpsc::channel::<Step>(STEP_BUFFER);
        let work = tokio::task::spawn_blocking(move || {
            // A receiver that is gone means that nobody writes the log any more.
            work(&mut |step| drop(send.blocking_send(step)))
        });
        let mut told = false;
        while let Some(done) = receive.recv().await {
            told |= done.step == step && done.ok;
            self.ended(done.step, &done.about, done.ok, done.output, None).await?;
        }
        let outcome = match work.await {
            Ok(outcome) => outcome,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        match &outcome {
            Ok(_) if told => {}
            Ok(_) => self.ended(step, about, true, None, Some(begin.elapsed())).await?,
            Err(error) => self.ended(step, about, false, Some(error.to_string()), Some(begin.elapsed())).await?,
        }
        Ok(outcome)
    }
}
