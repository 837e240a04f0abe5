//! One turn: the message is stored, then given to the agent, and the agent is heard until the turn is over.

use super::{
    Executor, Halt, Message, Todo, Turn, Voice,
    record::{Heard, shown_as},
};
use crate::{
    agent::{AgentError, ApiErrorKind, Exit, ExitReason, ImageBlock, TurnEnd, TurnInput, TurnOutcome},
    domain::{Action, EventBody, Status, input::Delivery, interaction::Interaction},
    engine::{
        EngineError,
        lifecycle::{self, Change},
        prompt,
        registry::Message as Told,
        step::{self, Step},
    },
};
use std::time::{Duration, Instant};

/// What an executor that listens hears next.
enum Next {
    Agent(Option<Vec<crate::agent::AgentEvent>>),
    Told(Told),
    Decided(super::question::Decision),
    TimeIsUp,
}

impl Executor {
    /// Stores the turn's begin, then gives its message to the agent. A user who interrupted before it began is heard first.
    pub(super) async fn begin_turn(&mut self, message: Message) -> Result<Todo, Halt> {
        if self.was_interrupted() && message.voice != Voice::User {
            return Ok(Todo::Step(if self.task.spec.chat_mode { Step::WaitForUser } else { step::interrupted() }));
        }
        let handle = self.ensure_agent().await?;
        self.clock_on();
        let number = self.turn_number + 1;
        if !self.store_begin(number, &message).await? {
            return Ok(Todo::Step(Step::WaitForUser));
        }
        self.turn_number = number;
        let input = turn_input(&message);
        self.turn = Some(Turn { number, message, taken: false, last: None, limited: None, cut_at: None });
        match handle.send_turn(input).await {
            Ok(_) | Err(AgentError::Ended) => Ok(Todo::Listen),
            Err(error) => Err(EngineError::from(error).into()),
        }
    }

    /// False when the input in it was taken back meanwhile; nothing was stored then.
    async fn store_begin(&mut self, number: u32, message: &Message) -> Result<bool, Halt> {
        let (id, message) = (self.id, message.clone());
        let stored = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                if let Some(input) = message.input {
                    match tx.input(input)? {
                        Some(mut input) if input.delivery == Delivery::Waiting => {
                            input.delivery = Delivery::Sent;
                            tx.update_input(&input)?;
                        }
                        _ => return Ok((task, false)),
                    }
                }
                make_running(tx, &mut task)?;
                lifecycle::set_waiting(tx, &mut task, false)?;
                let body = EventBody::TurnStarted {
                    turn: number,
                    by: message.voice.as_str().to_owned(),
                    text: message.text.clone(),
                    inputs: message.input.into_iter().collect(),
                };
                let seq = tx.append(Some(&task), body)?;
                if tx.interaction(message.id)?.is_none() {
                    tx.add_interaction(&Interaction {
                        id: message.id,
                        task_id: id,
                        seq,
                        turn: number,
                        interaction_type: shown_as(message.voice),
                        content: message.shown.clone().unwrap_or_else(|| message.text.clone()),
                        images: message.images.clone(),
                        tool: None,
                        tokens: None,
                        duration_ms: None,
                        cost_usd: None,
                        created_at: tx.now(),
                    })?;
                }
                Ok::<_, EngineError>((task, true))
            })
            .await?;
        self.task = stored.0;
        self.scheduler.notify_one();
        Ok(stored.1)
    }

    /// Hears the agent until its turn is over, and does meanwhile what cannot wait.
    pub(super) async fn listen(&mut self) -> Result<Todo, Halt> {
        loop {
            match self.next().await? {
                Next::Agent(Some(batch)) => {
                    let heard = self.record(batch).await?;
                    if let Some(todo) = self.consider(heard).await? {
                        return Ok(todo);
                    }
                }
                Next::Agent(None) => return self.after_exit(lost_exit()).await,
                Next::Told(Told::Interrupt) => self.cut_turn().await,
                Next::Told(Told::InterruptForInput) => self.cut_for_input().await?,
                Next::Told(Told::Look) => self.look().await?,
                Next::Decided(decision) => self.decided(decision).await?,
                Next::TimeIsUp => {
                    if let Some(todo) = self.time_is_up().await {
                        return Ok(todo);
                    }
                }
            }
        }
    }

    async fn next(&mut self) -> Result<Next, Halt> {
        let cancel = self.claim.slot.cancel.clone();
        let deadline = self.turn_deadline();
        let Some(session) = &mut self.session else { return Ok(Next::Agent(None)) };
        let hears = session.events.recv();
        let first = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Halt::Ended),
            Some(told) = self.claim.messages.recv() => return Ok(Next::Told(told)),
            Some(Ok(decision)) = self.deciding.join_next(), if !self.deciding.is_empty() => {
                return Ok(Next::Decided(decision));
            }
            first = hears => first,
            () = sleep_until(deadline) => return Ok(Next::TimeIsUp),
        };
        Ok(Next::Agent(match first {
            Some(first) => Some(self.rest_of_batch(first).await),
            None => None,
        }))
    }

    /// When the present turn has used up the running time, or did not end after it was told to.
    fn turn_deadline(&self) -> Option<Instant> {
        if self.task.status != Status::Running {
            return None;
        }
        match self.turn.as_ref().and_then(|turn| turn.cut_at) {
            Some(cut) => Some(cut + self.ctx.config.stop_grace),
            None => self.time_left().and_then(|left| Instant::now().checked_add(left + Duration::from_millis(10))),
        }
    }

    async fn time_is_up(&mut self) -> Option<Todo> {
        match self.turn.as_mut() {
            Some(turn) if turn.cut_at.is_none() => {
                turn.cut_at = Some(Instant::now());
                self.cut_turn().await;
                None
            }
            _ => {
                let used = self.lap();
                self.task.spent.running_seconds += used;
                let limit = self.limits().exceeded(&self.task.spent)?;
                self.running_since = Some(Instant::now());
                self.unlap(used);
                Some(Todo::Step(Step::Exhaust(limit)))
            }
        }
    }

    /// Gives back seconds that were taken from the clock and are not stored.
    fn unlap(&mut self, seconds: f64) {
        let back = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.running_since = self.running_since.map(|since| since.checked_sub(back).unwrap_or(since));
    }

    /// Whether a user has interrupted between two turns. What else was told is seen in the store anyway.
    fn was_interrupted(&mut self) -> bool {
        let mut interrupted = false;
        while let Ok(told) = self.claim.messages.try_recv() {
            interrupted |= told == Told::Interrupt;
        }
        interrupted
    }

    /// Cuts the present turn for an input, unless it is the input's own.
    async fn cut_for_input(&mut self) -> Result<(), Halt> {
        let id = self.id;
        if !self.ctx.store.read(move |q| q.waiting_inputs(id)).await?.is_empty() {
            self.cut_turn().await;
        }
        Ok(())
    }

    /// Cuts the present turn short; its end follows.
    pub(super) async fn cut_turn(&mut self) {
        let Some(handle) = self.session.as_ref().and_then(|session| session.handle.clone()) else { return };
        if let Err(error) = handle.interrupt().await {
            tracing::debug!(%error, "nothing to interrupt");
        }
    }

    async fn consider(&mut self, heard: Heard) -> Result<Option<Todo>, Halt> {
        if let Some(text) = heard.refused {
            self.end_agent().await;
            return Ok(Some(Todo::Step(Step::Fail(step::credentials_error(&text)))));
        }
        for question in heard.asked {
            self.decide(question);
        }
        if heard.withdrawn && self.task.status == Status::Paused {
            self.unpause_if_answered().await?;
        }
        if let Some(end) = heard.ended {
            if let Some(exit) = heard.exited {
                tracing::debug!(reason = ?exit.reason, "the agent left with its turn");
                self.drop_session();
            }
            return self.after_end(end).await.map(Some);
        }
        match heard.exited {
            Some(exit) => self.after_exit(exit).await.map(Some),
            None => Ok(None),
        }
    }

    fn drop_session(&mut self) {
        self.session = None;
        self.claim.slot.set_pid(None);
    }

    async fn after_end(&mut self, end: TurnEnd) -> Result<Todo, Halt> {
        let turn = self.turn.take();
        self.open.clear();
        self.deciding.abort_all();
        if self.task.status == Status::Paused {
            self.change(Change::engine(Action::Unpause).because("the agent's turn is over")).await?;
        }
        self.last_text.clone_from(&end.text);
        let step = match &end.outcome {
            TurnOutcome::ApiError { kind, .. } => {
                self.end_agent().await;
                let limited = turn.and_then(|turn| turn.limited);
                let kind = match (limited, kind) {
                    (Some(resets_at), ApiErrorKind::RateLimited | ApiErrorKind::Other | ApiErrorKind::Overload) => {
                        ApiErrorKind::UsageLimit { resets_at }
                    }
                    (Some(Some(resets_at)), ApiErrorKind::UsageLimit { resets_at: None }) => {
                        ApiErrorKind::UsageLimit { resets_at: Some(resets_at) }
                    }
                    _ => *kind,
                };
                let step = step::after_api_error(kind, &end.text, self.tries.overload);
                self.tries.overload += u32::from(matches!(step, Step::TryAgain { .. }));
                step
            }
            TurnOutcome::SessionLost => {
                self.end_agent().await;
                self.session_lost(&end.text)
            }
            TurnOutcome::Failed => {
                let text = format!(
                    "The agent's turn failed: {} Use `continue` to go on, or `recover` for a new agent session.",
                    end.text
                );
                Step::Fail(text)
            }
            outcome => {
                self.tries = super::Tries::default();
                let standing = self.standing().await?;
                step::after_turn(&standing, outcome)
            }
        };
        Ok(Todo::Step(step))
    }

    /// A session that cannot be resumed: a new one takes over, once.
    fn session_lost(&mut self, text: &str) -> Step {
        if std::mem::replace(&mut self.tries.lost_session, true) {
            Step::Fail(format!(
                "The agent's session could not be resumed, and a new one failed too: {text} Use `recover`, or `clear-and-restart`."
            ))
        } else {
            Step::Recover
        }
    }

    /// The process has ended before its turn was over.
    async fn after_exit(&mut self, exit: Exit) -> Result<Todo, Halt> {
        let turn = self.turn.take();
        self.drop_session();
        self.open.clear();
        self.deciding.abort_all();
        if self.task.status == Status::Paused {
            self.change(Change::engine(Action::Unpause).because("the agent's process has ended")).await?;
        }
        match exit.reason {
            ExitReason::MissingBinary
            | ExitReason::MissingDirectory
            | ExitReason::NotLoggedIn
            | ExitReason::BadArguments => Ok(Todo::Step(Step::Fail(exit.text))),
            ExitReason::BadSession | ExitReason::SessionInUse => Ok(Todo::Step(self.session_lost(&exit.text))),
            _ if self.tries.early_exits > 0 => Ok(Todo::Step(Step::Fail(format!(
                "{} It was resumed once and ended again. Use `continue` to go on, or `recover` for a new agent session.",
                exit.text
            )))),
            _ => {
                self.tries.early_exits += 1;
                self.say_again(turn).await
            }
        }
    }

    /// After a process that ended too early: a message that was not taken is sent again, else the agent is told to go on.
    pub(super) async fn say_again(&mut self, turn: Option<Turn>) -> Result<Todo, Halt> {
        let Some(turn) = turn.filter(|turn| !turn.taken) else {
            return Ok(Todo::Begin(Message::new(Voice::System, prompt::go_on(true))));
        };
        let mut message = turn.message;
        if let Some(id) = message.input {
            self.take_back(id).await?;
        } else {
            message.id = crate::domain::InteractionId::new();
        }
        Ok(Todo::Begin(message))
    }

    /// An input that was sent and never taken waits again.
    async fn take_back(&self, id: crate::domain::InputId) -> Result<(), Halt> {
        self.ctx
            .store
            .write(move |tx| {
                if let Some(mut input) = tx.input(id)?.filter(|input| input.delivery == Delivery::Sent) {
                    input.delivery = Delivery::Waiting;
                    tx.update_input(&input)?;
                }
                Ok::<_, EngineError>(())
            })
            .await?;
        Ok(())
    }
}

/// What of a message goes to the agent.
pub(super) fn turn_input(message: &Message) -> TurnInput {
    TurnInput {
        input_id: message.id.0,
        text: message.text.clone(),
        images: message
            .images
            .iter()
            .map(|image| ImageBlock { media_type: image.media_type.clone(), base64: image.base64.clone() })
            .collect(),
    }
}

/// A task that begins a turn is RUNNING, whatever it waited for.
fn make_running(tx: &mut crate::store::Tx<'_>, task: &mut crate::domain::Task) -> Result<(), EngineError> {
    match task.status {
        Status::Running => Ok(()),
        Status::Paused => lifecycle::change(tx, task, Change::engine(Action::Unpause)),
        _ => lifecycle::change(tx, task, Change::engine(Action::Repair).because("the conversation goes on")),
    }
}

/// The end of a process of which nothing more can be heard.
fn lost_exit() -> Exit {
    Exit {
        code: None,
        signal: None,
        stderr_tail: String::new(),
        mid_turn: true,
        reason: ExitReason::SupervisorLost,
        text: "The agent's process was lost.".to_owned(),
    }
}

/// Sleeps until a moment; for ever without one.
pub(super) async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
