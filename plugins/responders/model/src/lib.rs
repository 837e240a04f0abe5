//! The responder `model`: has the agent's model answer as the user would, in a side session, from the task, what the
//! user told about the project, and the conversation. The safety rules stand above it: what they leave to the user is
//! asked of the user before the model is asked, and an answer of the model that would be risky is shown as a suggestion.
//! A model that is not sure asks the user too.

mod answer;
mod prompt;

use serde::Deserialize;
use taskwright_answers::reading::read;
use taskwright_answers::{
    Judged, PERMISSIONS_SCHEMA, Permissions, claims_completion, instead_of, judge_permission, place_of, risk_at_end,
    risk_in_ask, times_said,
};
use taskwright_plugin::answering::{Happening, PermissionRequest, Question, Response, Situation};
use taskwright_plugin::types::Capability;
use taskwright_plugin::{Description, Responder, model};
use taskwright_safety::risk_in_proposal;

/// The plugin.
pub struct ModelResponder;

/// What the operator may set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What the model should know about how this user answers.
    pub instructions: String,
    /// The model decides permission requests that no rule knows.
    pub decide_permissions: bool,
    /// The rules about permission requests.
    pub permissions: Permissions,
}

/// The same text so often, each time after an answer, is a loop.
const LOOP: usize = 3;

/// What is asked of the model, or the answer that needs none.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// The rules decide.
    Answered(Response),
    /// The model is asked.
    Ask {
        /// The prompt.
        prompt: String,
        /// The shape of its answer.
        schema: String,
    },
}

impl Responder for ModelResponder {
    fn describe() -> Description {
        let summary =
            "Has the agent's model answer as the user would, within the safety rules; asks the user when unsure.";
        Description::new("model", env!("CARGO_PKG_VERSION"), summary).settings(&schema()).wants(&[Capability::Model])
    }

    fn respond(situation: Situation) -> Result<Response, String> {
        let settings: Settings = taskwright_plugin::settings()?;
        match step(&situation, &settings) {
            Step::Answered(response) => Ok(response),
            Step::Ask { prompt, schema } => {
                let answer = model::ask(&model::Question { prompt, schema: Some(schema) });
                let answer = answer.map_err(|e| format!("The model could not be asked: {}.", e.why()))?;
                answer::read(&answer.text, &situation)
            }
        }
    }
}

taskwright_plugin::export!(responder ModelResponder);

fn schema() -> String {
    format!(
        r#"{{"type": "object", "additionalProperties": false, "properties": {{
  "instructions": {{"type": "string", "maxLength": 8000, "default": "", "description": "What the model should know about how this user answers."}},
  "decide_permissions": {{"type": "boolean", "default": false, "description": "The model decides permission requests that no rule knows; else the user is asked."}},
  "permissions": {PERMISSIONS_SCHEMA}}}}}"#
    )
}

/// What is done first.
pub fn step(situation: &Situation, settings: &Settings) -> Step {
    let decided = match &situation.happening {
        Happening::TurnEnded(text) => turn(text, situation),
        Happening::Questions(questions) => risky_questions(questions, situation),
        Happening::Permission(request) => permission(request, situation, settings),
    };
    match decided {
        Some(response) => Step::Answered(response),
        None => Step::Ask {
            prompt: prompt::prompt(situation, &settings.instructions),
            schema: answer::schema(&situation.happening),
        },
    }
}

/// The end of a turn that needs no model: it is risky, a loop, or plainly the end of the work.
fn turn(text: &str, situation: &Situation) -> Option<Response> {
    let reading = read(text);
    let ask = reading.ask();
    let complete = claims_completion(&reading);
    let risk = match &ask {
        Some(ask) => risk_in_ask(&reading, ask, &situation.task),
        None if complete => None,
        None => risk_at_end(&reading, &situation.task),
    };
    if let Some(risk) = risk {
        return Some(Response::escalate(format!("This is for you to decide: {risk}."), instead_of(risk.kind)));
    }
    if ask.is_none() && complete {
        return Some(Response::finish("The agent says that the work is complete."));
    }
    (times_said(text, situation) >= LOOP).then(|| {
        Response::escalate("The agent says the same thing again and again; the answers so far do not help it.", "")
    })
}

fn risky_questions(questions: &[Question], situation: &Situation) -> Option<Response> {
    let place = place_of(&situation.task, "");
    let risk = questions.iter().find_map(|q| risk_in_proposal(&q.text, &place))?;
    let reason = format!("The agent asks something that is for you to decide: {risk}.");
    Some(Response::escalate(reason, instead_of(risk.kind)))
}

fn permission(request: &PermissionRequest, situation: &Situation, settings: &Settings) -> Option<Response> {
    match judge_permission(request, &situation.task, &settings.permissions) {
        Judged::Decided(response) => Some(response),
        Judged::Unknown(_) if settings.decide_permissions => None,
        Judged::Unknown(why) => {
            Some(Response::escalate(format!("No rule says whether {} may be used here: {why}.", request.tool), ""))
        }
    }
}

#[cfg(test)]
mod tests;
