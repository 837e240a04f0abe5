//! The first step after a restart of the server: the agent's process is found again, or its session is resumed.

use super::{Executor, Halt, Message, Todo, Turn, Voice, session::Session, turn::turn_input};
use crate::{
    agent::{AgentRun, Reattached, TurnOutcome},
    domain::{
        EventBody, InputId, Seq, Status,
        input::{Delivery, Input},
        interaction::{Interaction, InteractionType},
    },
    engine::{
        EngineError, lifecycle, prompt, questions,
        step::{self, Step},
    },
    store::{EventFilter, StoreError},
};

/// How far back the present turn is looked for.
const LOOK_BACK: u32 = 1000;

impl Executor {
    pub(super) async fn after_restart(&mut self) -> Result<Todo, Halt> {
        self.find_agent().await?;
        let in_turn = self.find_turn().await?;
        match self.task.status {
            Status::Testing => return Ok(Todo::Test),
            Status::Paused if self.task.paused_until.is_some() => return Ok(Todo::Wait),
            _ => {}
        }
        if in_turn && self.session.is_some() {
            return self.listen_on().await;
        }
        self.withdraw_requests().await?;
        self.refresh().await?;
        if in_turn {
            let turn = self.turn.take();
            return self.say_again(turn).await;
        }
        self.between_turns().await
    }

    /// The agent of the last run, or what it left to hear.
    async fn find_agent(&mut self) -> Result<(), Halt> {
        let Some(run) = self.task.agent_run.clone() else { return Ok(()) };
        let found = self.ctx.agent.reattach(&self.run_dir(&run), self.task.spool_offset).await;
        match found {
            Ok(Reattached::Running(AgentRun { handle, events })) => {
                tracing::info!(task = %self.task.spec.task_name, pid = ?handle.pid(), "agent found again");
                self.claim.slot.set_pid(handle.pid());
                self.session = Some(Session { handle: Some(handle), events });
            }
            Ok(Reattached::Ended(events)) => self.session = Some(Session { handle: None, events }),
            Ok(Reattached::Unknown) => {}
            Err(error) => tracing::warn!(task = %self.task.spec.task_name, %error, "the last run cannot be read"),
        }
        Ok(())
    }

    /// Whether a turn was under way, from the conversation: its entries have no tokens before it ends.
    async fn find_turn(&mut self) -> Result<bool, Halt> {
        let id = self.id;
        let entries = self.ctx.store.read(move |q| q.recent_interactions(id, LOOK_BACK)).await?;
        let Some(number) = entries.last().map(|entry| entry.turn) else { return Ok(false) };
        let of_turn: Vec<_> = entries.into_iter().filter(|entry| entry.turn == number).collect();
        if of_turn.iter().any(|entry| entry.tokens.is_some()) {
            return Ok(false);
        }
        let Some(begin) = of_turn.first().cloned() else { return Ok(false) };
        let said_something = of_turn.iter().any(|entry| {
            matches!(entry.interaction_type, InteractionType::ClaudeResponse | InteractionType::ToolResult)
        });
        let last = of_turn.into_iter().rev().find(|e| e.interaction_type == InteractionType::ClaudeResponse);
        let input = InputId(begin.id.0);
        let input = self.ctx.store.read(move |q| q.input(input)).await?;
        let taken = said_something || input.as_ref().is_some_and(|input| input.delivery == Delivery::Delivered);
        let message = self.message_of(begin, input).await?;
        self.turn = Some(Turn { number, message, taken, last, limited: None, cut_at: None });
        Ok(true)
    }

    /// The message that began a turn, as the agent was to get it: from the log, where the conversation shows less.
    async fn message_of(&self, begin: Interaction, input: Option<Input>) -> Result<Message, Halt> {
        let id = self.id;
        let after = Seq(begin.seq.0.saturating_sub(1));
        let filter = EventFilter {
            after,
            up_to: Some(begin.seq),
            tasks: Some(vec![id]),
            kinds: vec!["turn.started".to_owned()],
        };
        let events = self.ctx.store.read(move |q| q.events(&filter, 1)).await?;
        let text = events.into_iter().find_map(|event| match event.body {
            EventBody::TurnStarted { text, .. } => Some(text),
            _ => None,
        });
        Ok(Message {
            id: begin.id,
            voice: match begin.interaction_type {
                InteractionType::UserRequest => Voice::User,
                InteractionType::SimulatedHuman => Voice::Responder,
                _ => Voice::System,
            },
            text: text.unwrap_or_else(|| begin.content.clone()),
            shown: Some(begin.content),
            input: input.as_ref().map(|input| input.id),
            images: input.map(|input| input.images).unwrap_or_default(),
        })
    }

    /// The agent is in a turn: its message is given once more in case it never came there, then the agent is heard.
    async fn listen_on(&mut self) -> Result<Todo, Halt> {
        self.clock_on();
        let handle = self.session.as_ref().and_then(|session| session.handle.clone());
        if let (Some(handle), Some(turn)) = (handle, &self.turn) {
            if let Err(error) = handle.send_turn(turn_input(&turn.message)).await {
                tracing::debug!(%error, "the turn's message could not be given again");
            }
            self.take_up_questions().await?;
            if self.task.status == Status::Paused {
                self.running_since = None;
            }
        }
        Ok(Todo::Listen)
    }

    async fn withdraw_requests(&mut self) -> Result<(), Halt> {
        let id = self.id;
        self.ctx
            .store
            .write(move |tx| {
                if let Some(mut task) = tx.task(id)? {
                    let open = tx.open_questions(id)?;
                    if open.iter().any(|question| question.request_id.is_some()) {
                        lifecycle::withdraw_requests(tx, &task)?;
                        questions::unpause_if_answered(tx, &mut task)?;
                    }
                }
                Ok::<_, EngineError>(())
            })
            .await?;
        Ok(())
    }

    async fn between_turns(&mut self) -> Result<Todo, Halt> {
        if self.task.interaction_count == 0 {
            return self.first().await;
        }
        if self.task.status == Status::Paused {
            return Ok(Todo::Wait);
        }
        let completed = self.last_turn_was_completed().await?;
        let standing = self.standing().await?;
        if !completed && !standing.chat && !standing.input_waiting {
            return Ok(Todo::Step(Step::Say { voice: Voice::System, text: prompt::go_on(true) }));
        }
        Ok(Todo::Step(step::after_turn(&standing, &TurnOutcome::Completed)))
    }

    /// Whether the agent ended its last turn by itself: only then is there something to judge.
    async fn last_turn_was_completed(&self) -> Result<bool, Halt> {
        let id = self.id;
        let outcome = self
            .ctx
            .store
            .read(move |q| {
                let Some(last) = q.recent_interactions(id, 1)?.pop() else { return Ok(None) };
                let filter = EventFilter {
                    after: Seq(last.seq.0.saturating_sub(1)),
                    up_to: None,
                    tasks: Some(vec![id]),
                    kinds: vec!["turn.ended".to_owned()],
                };
                Ok::<_, StoreError>(q.events(&filter, 1)?.pop())
            })
            .await?;
        let ended = outcome.map(|event| event.body);
        Ok(matches!(ended, Some(EventBody::TurnEnded { outcome, .. }) if outcome == "completed"))
    }
}
