//! What comes next in a task's life, as plain functions from what is known to what is to be done. No I/O, no clock.
//!
//! On a turn's end: user input waiting? it goes first → chat? wait → over budget? EXHAUSTED → criteria → responders →
//! tests → end. Being at the last permitted turn is not yet over budget: the work is still judged, and only what needs one
//! more turn is refused.

use super::{judging::Judgement, testing::RoundOutcome};
use crate::{
    agent::{ApiErrorKind, TurnOutcome},
    domain::{Limits, Spent, budget::Exceeded, question::Suggestion},
    plugin,
};
use std::time::Duration;

/// How often an overloaded service is tried again.
pub(super) const OVERLOAD_TRIES: u32 = 3;

/// The wait before the first of these tries; it doubles with each.
const FIRST_BACK_OFF: Duration = Duration::from_secs(2);

/// For how long a usage limit is waited for when nobody tells when it ends.
pub(super) const UNKNOWN_LIMIT_WAIT: Duration = Duration::from_secs(15 * 60);

/// Who speaks to the agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Voice {
    /// The user.
    User,
    /// A responder, in the user's place.
    Responder,
    /// Taskwright.
    System,
}

impl Voice {
    /// The word in `turn.started`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Responder => "responder",
            Self::System => "system",
        }
    }
}

/// What the conversation is about at present.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Phase {
    /// The work itself.
    #[default]
    Work,
    /// The work is done; the agent was asked for tests.
    WritingTests,
    /// Tests failed; the agent was told so.
    Repairing,
}

/// How a task stands at the end of a turn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Standing {
    /// Whether it waits for its user after each answer.
    pub chat: bool,
    /// Whether an input waits in the inbox.
    pub input_waiting: bool,
    /// What it may use.
    pub limits: Limits,
    /// What it has used.
    pub spent: Spent,
    /// Whether end criteria were given that somebody could judge.
    pub judged: bool,
    /// What the conversation is about.
    pub phase: Phase,
}

impl Standing {
    /// A limit that no judging can mend: everything but the number of turns.
    fn over_budget(&self) -> Option<Exceeded> {
        Limits { max_iterations: None, ..self.limits }.exceeded(&self.spent)
    }

    fn say(&self, voice: Voice, text: String) -> Step {
        match self.limits.exceeded(&self.spent) {
            Some(limit) => Step::Exhaust(limit),
            None => Step::Say { voice, text },
        }
    }
}

/// What is to be done.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Step {
    /// The input that is first in the inbox becomes the next turn.
    SendInput,
    /// A chat waits for its user.
    WaitForUser,
    /// The criteria chain is asked.
    Judge,
    /// The responder chain is asked.
    Respond(Unmet),
    /// A message becomes the next turn.
    Say {
        /// Who speaks.
        voice: Voice,
        /// The message.
        text: String,
    },
    /// A person is asked; the task is PAUSED.
    AskUser {
        /// Why, and what.
        reason: String,
        /// What a plugin would answer.
        suggestion: Option<Suggestion>,
    },
    /// The work is done; its tests come next.
    Done {
        /// What shows it.
        summary: String,
    },
    /// A limit is reached.
    Exhaust(Exceeded),
    /// The same again after a while.
    TryAgain {
        /// Which try comes next, from 1.
        attempt: u32,
        /// Until then.
        delay: Duration,
    },
    /// A usage limit: PAUSED until then, in seconds since 1970.
    WaitForLimit(Option<i64>),
    /// A new session that is told what happened.
    Recover,
    /// The end: tests passed, or there were none.
    Succeed,
    /// The end: an error, with what to do.
    Fail(String),
}

/// What the criteria left open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Unmet {
    /// There are none.
    Nothing,
    /// Some are not met: the message to the agent.
    Missing(String),
    /// Of some it could not be told: why.
    Unsure(String),
}

/// What comes after a turn that the agent has ended by itself, or that was cut short.
pub(super) fn after_turn(standing: &Standing, outcome: &TurnOutcome) -> Step {
    if standing.input_waiting {
        return Step::SendInput;
    }
    if standing.chat {
        return Step::WaitForUser;
    }
    if let Some(limit) = standing.over_budget() {
        return Step::Exhaust(limit);
    }
    if *outcome == TurnOutcome::Interrupted {
        return Step::AskUser {
            reason: "The turn was cut short. What is to be done next?".to_owned(),
            suggestion: None,
        };
    }
    if standing.judged && standing.phase == Phase::Work { Step::Judge } else { Step::Respond(Unmet::Nothing) }
}

/// A person has interrupted and says what comes next.
pub(super) fn interrupted() -> Step {
    Step::AskUser { reason: "The turn was cut short. What is to be done next?".to_owned(), suggestion: None }
}

/// What comes after the criteria chain has spoken.
pub(super) fn after_judgement(judgement: Judgement) -> Step {
    match judgement {
        Judgement::Met { evidence, .. } => Step::Done { summary: evidence },
        Judgement::NotMet { text, .. } => Step::Respond(Unmet::Missing(text)),
        Judgement::Unsure { reason, .. } => Step::Respond(Unmet::Unsure(reason)),
        Judgement::Nobody { passed } => {
            let said: Vec<_> = passed.iter().map(|p| format!("{}: {}", p.plugin, p.why)).collect();
            let reason = if said.is_empty() {
                "No plugin could tell whether the end criteria are met.".to_owned()
            } else {
                format!("No plugin could tell whether the end criteria are met ({}).", said.join("; "))
            };
            Step::Respond(Unmet::Unsure(reason))
        }
    }
}

/// What comes after the responder chain has spoken; no answer when all passed or the chain is empty.
pub(super) fn after_response(standing: &Standing, unmet: Unmet, answer: Option<(String, plugin::Answer)>) -> Step {
    match answer {
        Some((_, plugin::Answer::Reply(text))) => standing.say(Voice::Responder, text),
        Some((plugin, plugin::Answer::Escalate(escalation))) => Step::AskUser {
            suggestion: Some(Suggestion { answer: escalation.suggestion, reason: escalation.reason.clone(), plugin })
                .filter(|s| !s.answer.trim().is_empty()),
            reason: escalation.reason,
        },
        Some((_, plugin::Answer::Finish(summary))) => match unmet {
            Unmet::Nothing => Step::Done { summary },
            Unmet::Missing(text) => standing.say(Voice::System, text),
            Unmet::Unsure(reason) => Step::AskUser { reason, suggestion: None },
        },
        _ => match unmet {
            Unmet::Missing(text) => standing.say(Voice::System, text),
            Unmet::Unsure(reason) => Step::AskUser { reason, suggestion: None },
            Unmet::Nothing if standing.phase != Phase::Work => Step::Done { summary: String::new() },
            Unmet::Nothing => Step::AskUser {
                reason: "No responder had an answer. Is the work done, or what is to be done next?".to_owned(),
                suggestion: None,
            },
        },
    }
}

/// What comes after a round of tests: `rounds` have run since the work was done, of `most`.
pub(super) fn after_tests(standing: &Standing, outcome: RoundOutcome, rounds: u32, most: u32) -> Step {
    match outcome {
        RoundOutcome::NoRunner { .. } => Step::Succeed,
        RoundOutcome::Ran(round) if round.passed => Step::Succeed,
        RoundOutcome::Ran(round) if rounds >= most => Step::Fail(format!(
            "Tests still fail after {rounds} rounds: {} See the task's tests, then `continue` with what is to be done.",
            round.sentence
        )),
        RoundOutcome::Ran(round) => standing.say(Voice::System, round.text),
        RoundOutcome::Cancelled => Step::Fail("The tests were cancelled.".to_owned()),
    }
}

/// What comes after a turn that the model's service ended: `tries` have been made again already.
pub(super) fn after_api_error(kind: ApiErrorKind, text: &str, tries: u32) -> Step {
    match kind {
        ApiErrorKind::Credentials => Step::Fail(credentials_error(text)),
        ApiErrorKind::UsageLimit { resets_at } => Step::WaitForLimit(resets_at),
        ApiErrorKind::Overload | ApiErrorKind::RateLimited if tries < OVERLOAD_TRIES => {
            Step::TryAgain { attempt: tries + 1, delay: back_off(tries) }
        }
        ApiErrorKind::Overload | ApiErrorKind::RateLimited => Step::Fail(format!(
            "The model's service is overloaded and {OVERLOAD_TRIES} more tries did not help: {text} Use `recover` or `continue` when it answers again."
        )),
        ApiErrorKind::BadRequest => Step::Fail(format!(
            "The model's service refused the request: {text} Check the model and what was sent, then `recover` begins a new agent session."
        )),
        ApiErrorKind::Other => Step::Fail(format!("The model's service failed: {text} Use `continue` to try again.")),
    }
}

/// The error of an account that is not accepted.
pub(super) fn credentials_error(text: &str) -> String {
    format!(
        "The agent's credentials are not accepted: {text} Run `claude` and `/login`, or set ANTHROPIC_API_KEY for the server; then `recover` or `continue` the task."
    )
}

/// The wait before the next try: 2 s, 4 s, 8 s.
pub(super) fn back_off(tries: u32) -> Duration {
    FIRST_BACK_OFF * 2_u32.saturating_pow(tries.min(8))
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
