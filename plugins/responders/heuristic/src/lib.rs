//! The responder `heuristic`: answers the agent by plain rules. The same situation always gets the same answer, and no
//! model is asked.
//!
//! - **A turn has ended**: how the agent's last words end is read, not which words occur in it. A plain question is
//!   answered, a numbered or lettered choice is taken, an agent that stopped half-way is asked to go on, a claim that the
//!   work is complete is passed on as `finish`.
//! - **Structured questions**: the choice that is recommended, else the one nearest to the task's words, else the first.
//! - **Permission requests**: ordinary work inside the worktree is allowed; what the settings forbid is denied; the rest
//!   is the user's to decide.
//!
//! What is destructive, secret, paid for, published or outside the worktree is never answered here: the user is asked,
//! with the reason and a suggested answer.

mod choices;
mod turn;

use taskwright_answers::{Judged, PERMISSIONS_SCHEMA, Permissions, judge_permission};
use taskwright_plugin::answering::{Happening, PermissionRequest, Response, Situation};
use taskwright_plugin::types::Task;
use taskwright_plugin::{Description, Responder};

/// The plugin.
pub struct Heuristic;

impl Responder for Heuristic {
    fn describe() -> Description {
        let summary = "Answers questions, choices and permission requests by plain rules, without a model. \
                       Leaves what is risky to the user.";
        Description::new("heuristic", env!("CARGO_PKG_VERSION"), summary).settings(PERMISSIONS_SCHEMA)
    }

    fn respond(situation: Situation) -> Result<Response, String> {
        Ok(respond(&situation, &taskwright_plugin::settings()?))
    }
}

taskwright_plugin::export!(responder Heuristic);

/// Decides.
pub fn respond(situation: &Situation, settings: &Permissions) -> Response {
    match &situation.happening {
        Happening::TurnEnded(text) => turn::respond(text, situation),
        Happening::Questions(questions) => choices::respond(questions, situation),
        Happening::Permission(request) => permission(request, &situation.task, settings),
    }
}

fn permission(request: &PermissionRequest, task: &Task, settings: &Permissions) -> Response {
    match judge_permission(request, task, settings) {
        Judged::Decided(response) => response,
        Judged::Unknown(why) => {
            Response::escalate(format!("No rule says whether {} may be used here: {why}.", request.tool), "")
        }
    }
}
