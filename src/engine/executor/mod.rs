//! The executor: the loop of one task from the moment at which it gets a place until it ends.
//!
//! What comes next is decided in [`super::step`]; here it is carried out. Everything that a restarted server needs is in
//! the store before it happens; the fields below are only what can be found again there or does not matter then.

mod finish;
mod question;
mod record;
mod recovered;
mod session;
mod turn;
mod wait;

use super::{
    EngineError,
    context::Context,
    lifecycle::{self, Change},
    places, prompt,
    registry::{Claim, Ended, Ending},
    step::{self, Phase, Standing, Step, Unmet, Voice},
};
use crate::{
    agent::EndMethod,
    domain::{
        Action, ChainKind, Chains, InputId, InteractionId, Limits, QuestionId, Status, Task, TaskId,
        input::Image,
        interaction::Interaction,
        project::{Project, ProjectConfig},
        task::{NextRun, Workplace},
    },
    store::StoreError,
};
pub(super) use finish::commit;
use session::Session;
use std::{
    collections::BTreeSet,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Notify, task::JoinSet};

/// How an executor finds its task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Begin {
    /// The scheduler has given it a place.
    Queued,
    /// An earlier server left it.
    Recovered,
}

/// Why an executor leaves its loop before its task has ended.
#[derive(Debug)]
pub(super) enum Halt {
    /// It was told to, see [`Ending`].
    Ended,
    /// The task cannot go on: words for its user.
    Failed(String),
    /// The store failed, or somebody else has changed the status.
    Lost(EngineError),
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(_) | EngineError::Refused(_) | EngineError::NotFound { .. } | EngineError::Stopping => {
                Self::Lost(error)
            }
            EngineError::Agent(error) => Self::Failed(format!("{error}; {}", error.hint())),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Lost(error.into())
    }
}

/// What the loop does next.
#[derive(Debug)]
enum Todo {
    /// Carry out a step.
    Step(Step),
    /// Begin a turn with this message.
    Begin(Message),
    /// Hear the agent until its turn is over.
    Listen,
    /// Wait for a person or a time.
    Wait,
    /// Run a round of tests.
    Test,
    /// The task has ended.
    Over,
}

/// A message that becomes a turn.
#[derive(Clone, Debug)]
struct Message {
    id: InteractionId,
    voice: Voice,
    /// What the agent gets.
    text: String,
    /// What the conversation shows, where that is less than what the agent gets.
    shown: Option<String>,
    images: Vec<Image>,
    input: Option<InputId>,
}

impl Message {
    fn new(voice: Voice, text: String) -> Self {
        Self { id: InteractionId::new(), voice, text, shown: None, images: vec![], input: None }
    }
}

/// The turn under way.
#[derive(Clone, Debug)]
struct Turn {
    number: u32,
    message: Message,
    /// Whether the agent has taken the message.
    taken: bool,
    /// The agent's last piece of text.
    last: Option<Interaction>,
    /// The end of a usage limit that the agent has told in this turn.
    limited: Option<Option<i64>>,
    /// When it was told to stop for want of time.
    cut_at: Option<Instant>,
}

/// What was tried again already.
#[derive(Clone, Copy, Default, Debug)]
struct Tries {
    overload: u32,
    early_exits: u32,
    lost_session: bool,
}

pub(super) struct Executor {
    ctx: Context,
    id: TaskId,
    task: Task,
    project: Option<Project>,
    places: Vec<Workplace>,
    claim: Claim,
    scheduler: Arc<Notify>,
    session: Option<Session>,
    turn: Option<Turn>,
    turn_number: u32,
    last_text: String,
    phase: Phase,
    criteria_met: bool,
    rounds: u32,
    tries: Tries,
    /// Requests of the agent that have no answer on its wire yet.
    open: BTreeSet<QuestionId>,
    deciding: JoinSet<question::Decision>,
    /// Since when running time is counted.
    running_since: Option<Instant>,
    end_method: Option<EndMethod>,
}

impl Executor {
    pub(super) fn new(ctx: Context, task: Task, claim: Claim, scheduler: Arc<Notify>) -> Self {
        Self {
            ctx,
            id: task.id,
            task,
            project: None,
            places: vec![],
            claim,
            scheduler,
            session: None,
            turn: None,
            turn_number: 0,
            last_text: String::new(),
            phase: Phase::Work,
            criteria_met: false,
            rounds: 0,
            tries: Tries::default(),
            open: BTreeSet::new(),
            deciding: JoinSet::new(),
            running_since: None,
            end_method: None,
        }
    }

    /// Runs the task until it ends, is ended, or cannot go on. The claim is released when this returns.
    pub(super) async fn run(mut self, begin: Begin) {
        let result = self.live(begin).await;
        self.wind_up(result).await;
    }

    async fn live(&mut self, begin: Begin) -> Result<(), Halt> {
        self.project = places::project_of(&self.ctx, &self.task.spec).await?;
        self.places = places::places(&self.ctx, self.id).await?;
        self.read_conversation().await?;
        let mut todo = match begin {
            Begin::Queued => self.first().await?,
            Begin::Recovered => self.after_restart().await?,
        };
        loop {
            self.check_ending()?;
            todo = match todo {
                Todo::Step(step) => self.carry_out(step).await?,
                Todo::Begin(message) => self.begin_turn(message).await?,
                Todo::Listen => self.listen().await?,
                Todo::Wait => self.wait().await?,
                Todo::Test => self.test().await?,
                Todo::Over => return Ok(()),
            };
        }
    }

    fn check_ending(&self) -> Result<(), Halt> {
        if self.claim.slot.cancel.is_cancelled() { Err(Halt::Ended) } else { Ok(()) }
    }

    /// Waits for something that may be dropped when the executor is told to end.
    async fn unless_ended<T>(&self, work: impl Future<Output = T>) -> Result<T, Halt> {
        tokio::select! {
            biased;
            () = self.claim.slot.cancel.cancelled() => Err(Halt::Ended),
            value = work => Ok(value),
        }
    }

    async fn refresh(&mut self) -> Result<(), Halt> {
        let id = self.id;
        self.task = self
            .ctx
            .store
            .read(move |q| q.task(id))
            .await?
            .ok_or_else(|| Halt::Lost(EngineError::NotFound { what: "task", name: id.to_string() }))?;
        Ok(())
    }

    async fn read_conversation(&mut self) -> Result<(), Halt> {
        let id = self.id;
        let (recent, latest) = self
            .ctx
            .store
            .read(move |q| Ok::<_, StoreError>((q.recent_interactions(id, 1)?, q.latest_response(id)?)))
            .await?;
        self.turn_number = recent.last().map_or(0, |entry| entry.turn);
        self.last_text = latest.unwrap_or_default();
        Ok(())
    }

    /// The first step of a task that comes from the queue.
    async fn first(&mut self) -> Result<Todo, Halt> {
        let fresh = self.task.next_run == NextRun::Fresh || self.task.interaction_count == 0;
        if fresh && self.task.next_run != NextRun::Recover {
            if self.task.next_run != NextRun::Fresh {
                self.set_next_run(NextRun::Fresh).await?;
            }
            return self.first_message().await;
        }
        if self.task.next_run == NextRun::Recover {
            return self.recover_message().await;
        }
        let standing = self.standing().await?;
        let over = standing.limits.exceeded(&standing.spent);
        Ok(Todo::Step(match (standing.input_waiting, standing.chat, over) {
            (true, _, _) => Step::SendInput,
            (false, true, _) => Step::WaitForUser,
            (false, false, Some(limit)) => Step::Exhaust(limit),
            (false, false, None) => Step::Say { voice: Voice::System, text: prompt::go_on(false) },
        }))
    }

    /// The description; a chat without one waits for its user.
    async fn first_message(&mut self) -> Result<Todo, Halt> {
        if self.task.spec.description.trim().is_empty() {
            let standing = self.standing().await?;
            return Ok(Todo::Step(if standing.input_waiting { Step::SendInput } else { Step::WaitForUser }));
        }
        self.make_places().await?;
        let mut message = Message::new(Voice::User, prompt::first(&self.task, self.project.as_ref(), &self.places));
        message.shown = Some(self.task.spec.description.clone());
        Ok(Todo::Begin(message))
    }

    /// What a new session is told of an earlier one.
    async fn recover_message(&mut self) -> Result<Todo, Halt> {
        self.make_places().await?;
        let id = self.id;
        let history = self.ctx.store.read(move |q| q.recent_interactions(id, 200)).await?;
        let text = prompt::recover(&self.task, self.project.as_ref(), &self.places, &history);
        Ok(Todo::Begin(Message {
            shown: Some("A new agent session was told what happened so far.".to_owned()),
            ..Message::new(Voice::System, text)
        }))
    }

    async fn set_next_run(&mut self, next: NextRun) -> Result<(), Halt> {
        let id = self.id;
        self.task = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.next_run = next;
                tx.update_task(&task)?;
                Ok::<_, EngineError>(task)
            })
            .await?;
        Ok(())
    }

    /// How the task stands, as the steps want to know it.
    async fn standing(&mut self) -> Result<Standing, Halt> {
        self.refresh().await?;
        let id = self.id;
        let input_waiting = !self.ctx.store.read(move |q| q.waiting_inputs(id)).await?.is_empty();
        let spec = &self.task.spec;
        let given = spec.end_criteria.as_deref().is_some_and(|text| !text.trim().is_empty())
            || spec.chains.criteria.as_ref().is_some_and(|chain| !chain.is_empty());
        let mut spent = self.task.spent;
        spent.running_seconds += self.running_since.map_or(0.0, |since| since.elapsed().as_secs_f64());
        Ok(Standing {
            chat: spec.chat_mode,
            input_waiting,
            limits: self.limits(),
            spent,
            judged: given && !self.chain(ChainKind::Criteria).is_empty(),
            phase: self.phase,
        })
    }

    /// The task's limits, with the gaps filled from its project's.
    fn limits(&self) -> Limits {
        let own = self.task.spec.limits;
        self.project.as_ref().map_or(own, |project| own.or(&project_limits(&project.config)))
    }

    fn chain(&self, kind: ChainKind) -> &[String] {
        let project = self.project.as_ref().map(|project| &project.config.chains);
        let nearest = [Some(&self.task.spec.chains), project, Some(&self.ctx.config.chains)];
        Chains::in_force(kind, nearest.into_iter().flatten())
    }

    async fn carry_out(&mut self, step: Step) -> Result<Todo, Halt> {
        let mut standing = self.standing().await?;
        let yields = matches!(
            step,
            Step::Say { .. } | Step::AskUser { .. } | Step::Done { .. } | Step::Succeed | Step::WaitForUser
        );
        if yields && standing.input_waiting {
            return self.send_input().await;
        }
        match step {
            Step::SendInput => self.send_input().await,
            Step::WaitForUser => {
                self.wait_for_user().await?;
                Ok(Todo::Wait)
            }
            Step::Judge => self.judge().await,
            Step::Respond(unmet) => {
                standing.spent = self.task.spent;
                self.respond(&standing, unmet).await
            }
            Step::Say { voice, text } => Ok(Todo::Begin(Message::new(voice, text))),
            Step::AskUser { reason, suggestion } => {
                self.ask_user(reason, suggestion).await?;
                Ok(Todo::Wait)
            }
            Step::Done { summary } => self.done(&standing, summary).await,
            Step::Exhaust(limit) => {
                let reason = limit.to_string();
                self.finish(Change { error: Some(reason.clone()), ..Change::engine(Action::Exhaust).because(reason) })
                    .await
            }
            Step::TryAgain { attempt, delay } => {
                self.back_off(attempt, delay).await?;
                Ok(Todo::Begin(Message::new(Voice::System, prompt::after_service_error())))
            }
            Step::WaitForLimit(until) => {
                self.wait_for_limit(until).await?;
                Ok(Todo::Wait)
            }
            Step::Recover => {
                self.set_next_run(NextRun::Recover).await?;
                self.recover_message().await
            }
            Step::Succeed => self.succeed().await,
            Step::Fail(error) => self.fail(error).await,
        }
    }

    async fn judge(&mut self) -> Result<Todo, Halt> {
        let cancel = self.claim.slot.cancel.clone();
        let judged =
            self.unless_ended(super::judging::judge(&self.ctx, &self.task, &self.last_text, &cancel)).await??;
        let named = self.task.spec.end_criteria.as_deref().is_some_and(|text| !text.trim().is_empty());
        if !named && matches!(judged, super::judging::Judgement::Nobody { .. }) {
            return Ok(Todo::Step(Step::Respond(Unmet::Nothing)));
        }
        self.criteria_met = matches!(judged, super::judging::Judgement::Met { .. });
        Ok(Todo::Step(step::after_judgement(judged)))
    }

    async fn respond(&mut self, standing: &Standing, unmet: Unmet) -> Result<Todo, Halt> {
        let happening = crate::plugin::Happening::TurnEnded(self.last_text.clone());
        let asked =
            super::deciding::ask_responders(&self.ctx, &self.task, happening, super::deciding::ChainScope::InForce);
        let decided = self.unless_ended(asked).await??;
        let answer = decided.answer.map(|(plugin, response)| (plugin.name, response.answer));
        Ok(Todo::Step(step::after_response(standing, unmet, answer)))
    }

    async fn send_input(&mut self) -> Result<Todo, Halt> {
        let id = self.id;
        let Some(input) = self.ctx.store.read(move |q| q.waiting_inputs(id)).await?.into_iter().next() else {
            return Ok(if self.task.spec.chat_mode { Todo::Step(Step::WaitForUser) } else { Todo::Wait });
        };
        let first = self.task.interaction_count == 0;
        let text = if first {
            self.make_places().await?;
            let mut task = self.task.clone();
            task.spec.description.clone_from(&input.text);
            prompt::first(&task, self.project.as_ref(), &self.places)
        } else {
            input.text.clone()
        };
        self.phase = Phase::Work;
        self.criteria_met = false;
        Ok(Todo::Begin(Message {
            id: InteractionId(input.id.0),
            voice: Voice::User,
            text,
            shown: first.then_some(input.text),
            images: input.images,
            input: Some(input.id),
        }))
    }

    /// Begins to count running time.
    fn clock_on(&mut self) {
        self.running_since.get_or_insert_with(Instant::now);
    }

    /// Seconds of running time since it was last asked; it counts on.
    fn lap(&mut self) -> f64 {
        self.running_since.as_mut().map_or(0.0, |since| {
            let seconds = since.elapsed().as_secs_f64();
            *since = Instant::now();
            seconds
        })
    }

    /// Ends counting; the seconds since it was last asked.
    fn clock_off(&mut self) -> f64 {
        let seconds = self.lap();
        self.running_since = None;
        seconds
    }

    /// Running time that is left, where it is limited.
    fn time_left(&self) -> Option<Duration> {
        let limit = self.limits().max_duration_seconds?;
        let used =
            self.task.spent.running_seconds + self.running_since.map_or(0.0, |since| since.elapsed().as_secs_f64());
        #[allow(clippy::cast_precision_loss, reason = "a limit of running time is far below 2^52 seconds")]
        let left = limit as f64 - used;
        Some(Duration::try_from_secs_f64(left.max(0.0)).unwrap_or(Duration::MAX))
    }

    /// Changes the status, with the running time so far.
    async fn change(&mut self, wanted: Change) -> Result<(), Halt> {
        let seconds = self.lap();
        let id = self.id;
        self.task = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.spent.running_seconds += seconds;
                lifecycle::change(tx, &mut task, wanted)?;
                Ok::<_, EngineError>(task)
            })
            .await?;
        self.scheduler.notify_one();
        Ok(())
    }

    async fn wind_up(&mut self, result: Result<(), Halt>) {
        self.deciding.abort_all();
        let result = match result {
            Err(Halt::Failed(error)) => match self.fail(error).await {
                Ok(_) => Ok(()),
                Err(halt) => Err(halt),
            },
            other => other,
        };
        match result {
            Ok(()) => {}
            Err(Halt::Ended) => self.end_as_told().await,
            Err(Halt::Failed(error)) => tracing::error!(task = %self.task.spec.task_name, error, "failed twice"),
            Err(Halt::Lost(error)) => self.lost(&error).await,
        }
        self.claim.slot.set_pid(None);
    }

    async fn end_as_told(&mut self) {
        let Some(ending) = self.claim.slot.ending().cloned() else { return };
        let wanted = match &ending {
            Ending::Leave => {
                self.keep_running_time().await;
                self.claim.slot.set_ended(Ended { ending, method: None });
                return;
            }
            Ending::ServerStops => Change::engine(Action::Stop).because("the server was stopped with its agents"),
            Ending::Stop { by } => Change { by: by.clone(), ..Change::engine(Action::Stop) },
            Ending::Overrule { by } => Change {
                by: by.clone(),
                summary: Some("A person said that it is done.".to_owned()),
                ..Change::engine(Action::Overrule).because("a person said that it is done")
            },
        };
        self.end_agent().await;
        let told = if wanted.action == Action::Overrule {
            self.commit_and_clean_up(Status::Finished).await;
            self.end_with(wanted).await
        } else {
            self.end_with(wanted).await
        };
        if let Err(error) = told {
            tracing::error!(task = %self.task.spec.task_name, ?error, "its end could not be stored");
        }
        self.claim.slot.set_ended(Ended { ending, method: self.end_method });
    }

    /// Withdraws what is open and changes the status for the last time here.
    async fn end_with(&mut self, wanted: Change) -> Result<(), Halt> {
        let seconds = self.clock_off();
        let id = self.id;
        self.ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.spent.running_seconds += seconds;
                lifecycle::withdraw_questions(tx, &task, "the task is no longer running")?;
                lifecycle::change(tx, &mut task, wanted)
            })
            .await?;
        Ok(())
    }

    async fn keep_running_time(&mut self) {
        let seconds = self.clock_off();
        let id = self.id;
        let kept = self
            .ctx
            .store
            .write(move |tx| {
                if let Some(mut task) = tx.task(id)? {
                    task.spent.running_seconds += seconds;
                    tx.update_task(&task)?;
                }
                Ok::<_, StoreError>(())
            })
            .await;
        if let Err(error) = kept {
            tracing::warn!(task = %self.task.spec.task_name, %error, "its running time could not be stored");
        }
    }

    /// The store failed or the status was changed by somebody else: the agent ends, and what can be told is told.
    async fn lost(&mut self, error: &EngineError) {
        tracing::error!(task = %self.task.spec.task_name, %error, "the executor gives up");
        self.end_agent().await;
        let wanted = Change {
            error: Some(format!("Taskwright could not go on with the task: {error}. Use `recover` or `continue`.")),
            ..Change::engine(Action::Fail).because(error.to_string())
        };
        if let Err(error) = self.end_with(wanted).await {
            tracing::warn!(task = %self.task.spec.task_name, ?error, "its failure could not be stored");
        }
    }
}

const fn project_limits(config: &ProjectConfig) -> Limits {
    Limits {
        max_iterations: config.max_iterations,
        max_tokens: config.max_tokens,
        max_cost_usd: config.max_cost_usd,
        max_duration_seconds: config.max_duration_seconds,
    }
}
