//! The end of a task: tests with their rounds of repair, the commit, cleaning up, the final status.

use super::{Executor, Halt, Message, Todo, Voice};
use crate::{
    domain::{Action, ChainKind, EventBody, Status, interaction::InteractionType, task::Access},
    engine::{
        EngineError,
        lifecycle::{self, Change},
        places, prompt,
        step::{self, Phase, Standing, Step},
        testing::{self, Detected, RoundOutcome},
    },
    workspace::WorkspaceError,
};
use std::sync::Arc;

/// How far back a conversation is searched for the wish for tests.
const LOOK_BACK: u32 = 500;

impl Executor {
    /// The work is done: the agent is asked for tests once, then they run.
    pub(super) async fn done(&mut self, standing: &Standing, summary: String) -> Result<Todo, Halt> {
        if !summary.trim().is_empty() {
            self.task.summary = Some(prompt::clip(summary.trim(), 2000));
            self.keep_summary().await?;
        }
        let wants = self.task.spec.generate_tests.unwrap_or(true) && self.phase == Phase::Work;
        if wants && standing.limits.exceeded(&standing.spent).is_none() && !self.tests_were_wanted().await? {
            let detected = testing::detect(&self.ctx, &self.task);
            if let Detected::Plan(plan) = self.unless_ended(detected).await?? {
                self.phase = Phase::WritingTests;
                return Ok(Todo::Begin(Message::new(Voice::System, prompt::write_tests(&plan.plan.guidance))));
            }
        }
        Ok(Todo::Test)
    }

    async fn keep_summary(&mut self) -> Result<(), Halt> {
        let (id, summary) = (self.id, self.task.summary.clone());
        self.task = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.summary = summary;
                tx.update_task(&task)?;
                Ok::<_, EngineError>(task)
            })
            .await?;
        Ok(())
    }

    async fn tests_were_wanted(&self) -> Result<bool, Halt> {
        let id = self.id;
        let entries = self.ctx.store.read(move |q| q.recent_interactions(id, LOOK_BACK)).await?;
        Ok(entries.iter().any(|entry| {
            entry.interaction_type == InteractionType::SystemMessage && entry.content.starts_with(prompt::TESTS_WANTED)
        }))
    }

    /// Runs a round of tests.
    pub(super) async fn test(&mut self) -> Result<Todo, Halt> {
        self.clock_on();
        if self.task.status == Status::Running && self.has_runner().await? {
            self.change(Change::engine(Action::Test)).await?;
        }
        let cancel = self.claim.slot.cancel.clone();
        let round = testing::next_round(&self.ctx, &self.task).await?;
        let outcome = testing::run_round(&self.ctx, &self.task, round, &cancel).await?;
        self.check_ending()?;
        if matches!(outcome, RoundOutcome::Ran(_)) {
            self.rounds += 1;
        }
        let standing = self.standing().await?;
        let step = step::after_tests(&standing, outcome, self.rounds, self.ctx.config.max_test_rounds);
        if let Step::Say { .. } = step {
            self.phase = Phase::Repairing;
            self.change(Change::engine(Action::Repair).because("tests failed")).await?;
        }
        Ok(Todo::Step(step))
    }

    async fn has_runner(&mut self) -> Result<bool, Halt> {
        if self.chain(ChainKind::TestRunner).is_empty() {
            return Ok(false);
        }
        let detected = testing::detect(&self.ctx, &self.task);
        Ok(matches!(self.unless_ended(detected).await??, Detected::Plan(_)))
    }

    /// Tests passed, or there are none.
    pub(super) async fn succeed(&mut self) -> Result<Todo, Halt> {
        let action = if self.criteria_met { Action::Finish } else { Action::Complete };
        self.finish(Change::engine(action)).await
    }

    /// The task ends with an error.
    pub(super) async fn fail(&mut self, error: String) -> Result<Todo, Halt> {
        let reason = prompt::clip(&error, 500);
        self.finish(Change { error: Some(error), ..Change::engine(Action::Fail).because(reason) }).await
    }

    /// Ends the agent, commits, cleans up, and changes to a final status; an input that came meanwhile goes first.
    pub(super) async fn finish(&mut self, wanted: Change) -> Result<Todo, Halt> {
        let good = matches!(wanted.action, Action::Complete | Action::Finish);
        self.end_agent().await;
        if let Ok(status) = self.task.status.after(wanted.action) {
            self.commit_and_clean_up(status).await;
        }
        let seconds = self.clock_off();
        let id = self.id;
        let ended = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.spent.running_seconds += seconds;
                if good && !tx.waiting_inputs(id)?.is_empty() {
                    tx.update_task(&task)?;
                    return Ok((task, false));
                }
                lifecycle::withdraw_questions(tx, &task, "the task has ended")?;
                lifecycle::change(tx, &mut task, wanted)?;
                Ok::<_, EngineError>((task, true))
            })
            .await?;
        self.task = ended.0;
        Ok(if ended.1 { Todo::Over } else { Todo::Step(Step::SendInput) })
    }

    /// Commits what is there and removes the worktree by policy. What fails is told and fails nothing.
    pub(super) async fn commit_and_clean_up(&mut self, status: Status) {
        if let Err(error) = commit(&self.ctx, &self.task, &self.places).await {
            tracing::warn!(task = %self.task.spec.task_name, %error, "the work could not be committed");
        }
        let mut ended = self.task.clone();
        ended.status = status;
        if let Err(error) = places::clean_up_by_policy(&self.ctx, &ended).await {
            tracing::warn!(task = %self.task.spec.task_name, %error, "cleaning up failed");
        }
    }
}

/// Commits the work in every worktree of a task, if it wants that.
///
/// # Errors
/// When git or the store fails; the work stays where it is.
pub(in crate::engine) async fn commit(
    ctx: &crate::engine::context::Context,
    task: &crate::domain::Task,
    places: &[crate::domain::task::Workplace],
) -> Result<(), EngineError> {
    if !task.spec.auto_commit {
        return Ok(());
    }
    for place in places.iter().filter(|place| place.is_worktree && place.access == Access::Write) {
        let workspaces = Arc::clone(&ctx.workspaces);
        let (at, message) = (place.clone(), prompt::commit_message(task));
        let made = tokio::task::spawn_blocking(move || workspaces.commit(&at, &message)).await;
        let made = made.map_err(|error| EngineError::Conflict(format!("the commit broke off: {error}")))?;
        match made {
            Ok(Some(commit)) => {
                let body = EventBody::CommitMade {
                    repository: place.source.clone(),
                    branch: place.branch.clone().unwrap_or_default(),
                    commit: commit.id,
                    subject: commit.subject,
                    files: commit.files,
                };
                let task = task.clone();
                ctx.store.write(move |tx| tx.append(Some(&task), body)).await?;
            }
            Ok(None) | Err(WorkspaceError::Missing(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
