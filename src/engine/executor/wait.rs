//! Waiting: for the user of a chat, for an answer after a turn, for a usage limit to end, for the next try.

use super::{Executor, Halt, Message, Todo, Voice, record::new_question, turn::sleep_until};
use crate::{
    agent::AgentEvent,
    domain::{
        Action, EventBody, Status, Timestamp,
        question::{QuestionKind, Suggestion},
    },
    engine::{
        EngineError,
        lifecycle::{self, Change},
        prompt, questions,
        step::{OVERLOAD_TRIES, Step, UNKNOWN_LIMIT_WAIT},
    },
};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The longest sleep before the wall clock is looked at again: a jump of it delays a wake-up by at most this.
const CLOCK_CHECK: Duration = Duration::from_secs(30);

impl Executor {
    /// A chat waits for its user.
    pub(super) async fn wait_for_user(&mut self) -> Result<(), Halt> {
        let seconds = self.clock_off();
        let id = self.id;
        self.task = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.spent.running_seconds += seconds;
                tx.update_task(&task)?;
                lifecycle::set_waiting(tx, &mut task, true)?;
                Ok::<_, EngineError>(task)
            })
            .await?;
        self.scheduler.notify_one();
        Ok(())
    }

    /// A person is asked what comes next; the task is PAUSED.
    pub(super) async fn ask_user(&mut self, reason: String, suggestion: Option<Suggestion>) -> Result<(), Halt> {
        let seconds = self.clock_off();
        let id = self.id;
        let said = prompt::clip(self.last_text.trim(), 4000);
        self.task = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.spent.running_seconds += seconds;
                let text = if said.is_empty() { reason.clone() } else { format!("{reason}\n\n{said}") };
                let question = crate::domain::question::Question {
                    suggestion,
                    ..new_question(&task, tx.now(), QuestionKind::Escalation, text)
                };
                tx.add_question(&question)?;
                tx.append(Some(&task), questions::asked(&question))?;
                let wanted = Change { waiting_for_input: true, ..Change::engine(Action::Pause).because(reason) };
                lifecycle::change(tx, &mut task, wanted)?;
                Ok::<_, EngineError>(task)
            })
            .await?;
        self.scheduler.notify_one();
        Ok(())
    }

    /// PAUSED until a usage limit ends.
    pub(super) async fn wait_for_limit(&mut self, until: Option<i64>) -> Result<(), Halt> {
        let seconds = self.clock_off();
        let id = self.id;
        self.task = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.spent.running_seconds += seconds;
                let until = until.map_or_else(|| tx.now().plus(UNKNOWN_LIMIT_WAIT), Timestamp::from_seconds);
                let wanted = Change {
                    paused_until: Some(until),
                    ..Change::engine(Action::Pause).because("a usage limit of the agent's account is reached")
                };
                lifecycle::change(tx, &mut task, wanted)?;
                Ok::<_, EngineError>(task)
            })
            .await?;
        self.scheduler.notify_one();
        Ok(())
    }

    /// Waits before the next try and tells so.
    pub(super) async fn back_off(&mut self, attempt: u32, delay: Duration) -> Result<(), Halt> {
        let task = self.task.clone();
        let body = EventBody::AgentRetry {
            attempt,
            max_retries: OVERLOAD_TRIES,
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            status: None,
            error: "overloaded".to_owned(),
            by: "engine".to_owned(),
        };
        self.ctx.store.write(move |tx| tx.append(Some(&task), body)).await?;
        self.unless_ended(tokio::time::sleep(delay)).await
    }

    /// Waits until there is an input, or until the time that was waited for has come. An agent that idles too long is ended.
    pub(super) async fn wait(&mut self) -> Result<Todo, Halt> {
        let mut idle = self.session.is_some().then(|| Instant::now() + self.ctx.config.idle_agent);
        loop {
            if let Some(todo) = self.reason_to_go_on().await? {
                return Ok(todo);
            }
            let wake = self.wake_time().await?;
            let cancel = self.claim.slot.cancel.clone();
            let events = self.session.as_mut().map(|session| &mut session.events);
            let first = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Halt::Ended),
                Some(_) = self.claim.messages.recv() => continue,
                first = next_or_never(events) => first,
                () = sleep_until(wake) => continue,
                () = sleep_until(idle) => {
                    idle = None;
                    self.end_agent().await;
                    continue;
                }
            };
            self.heard_while_waiting(first).await?;
        }
    }

    async fn heard_while_waiting(&mut self, first: Option<AgentEvent>) -> Result<(), Halt> {
        let gone = match first {
            Some(first) => {
                let batch = self.rest_of_batch(first).await;
                self.record(batch).await?.exited.is_some()
            }
            None => true,
        };
        if gone {
            self.session = None;
            self.claim.slot.set_pid(None);
        }
        Ok(())
    }

    /// What ends the waiting, if it is there.
    async fn reason_to_go_on(&mut self) -> Result<Option<Todo>, Halt> {
        let standing = self.standing().await?;
        match self.task.status {
            Status::Running if standing.input_waiting => Ok(Some(Todo::Step(Step::SendInput))),
            Status::Running if standing.chat => Ok(None),
            Status::Running => {
                // A question was withdrawn or answered without words.
                Ok(Some(Todo::Begin(Message::new(Voice::System, prompt::go_on(false)))))
            }
            Status::Paused => {
                let Some(until) = self.task.paused_until else { return Ok(None) };
                if self.ctx.store.now() < until {
                    return Ok(None);
                }
                self.change(Change::engine(Action::Unpause).because("the usage limit has ended")).await?;
                Ok(Some(Todo::Step(if standing.input_waiting {
                    Step::SendInput
                } else {
                    Step::Say { voice: Voice::System, text: prompt::go_on(true) }
                })))
            }
            status => Err(Halt::Lost(EngineError::Conflict(format!("the task is {status} and its executor waits")))),
        }
    }

    async fn wake_time(&self) -> Result<Option<Instant>, Halt> {
        let Some(until) = self.task.paused_until.filter(|_| self.task.status == Status::Paused) else {
            return Ok(None);
        };
        let left = until.since(self.ctx.store.now()).min(CLOCK_CHECK);
        Ok(Some(Instant::now() + left.max(Duration::from_millis(20))))
    }
}

async fn next_or_never(events: Option<&mut mpsc::Receiver<AgentEvent>>) -> Option<AgentEvent> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}
