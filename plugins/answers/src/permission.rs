//! Permission requests: the safety rules judge, and this turns their verdict into an answer.

use serde_json::Value;
use taskwright_plugin::answering::{PermissionRequest, Response};
use taskwright_plugin::types::Task;
use taskwright_safety::{Verdict, judge_tool};

use crate::risk::{instead_of, place_of};
use crate::settings::Permissions;

/// What the rules say about a permission request.
#[derive(Debug, PartialEq)]
pub enum Judged {
    /// They decide it.
    Decided(Response),
    /// No rule knows it; why, to follow "it".
    Unknown(String),
}

/// Judges a permission request by the rules alone.
pub fn judge_permission(request: &PermissionRequest, task: &Task, settings: &Permissions) -> Judged {
    if settings.denies_tool(&request.tool) {
        return Judged::Decided(Response::deny(
            format!("The operator's settings do not allow {}. Go on without it.", request.tool),
            format!("The settings deny the tool {}.", request.tool),
        ));
    }
    let input: Value = serde_json::from_str(&request.input).unwrap_or(Value::Null);
    let place = place_of(task, &request.cwd);
    match judge_tool(&request.tool, &input, request.blocked_path.as_deref(), &place, &settings.rules()) {
        Verdict::Safe => {
            Judged::Decided(Response::allow(format!("{} is ordinary work inside the worktree.", request.tool)))
        }
        Verdict::Denied(why) => Judged::Decided(Response::deny(
            format!("The operator's settings do not allow this: {why}. Go on without it."),
            format!("The settings deny it: {why}."),
        )),
        Verdict::Unknown(why) => Judged::Unknown(why),
        Verdict::Risky(risk) => {
            Judged::Decided(Response::escalate(format!("This is for you to decide: {risk}."), instead_of(risk.kind)))
        }
    }
}
