//! Permission requests: the safety rules judge, and this turns their verdict into an answer.

use serde_json::Value;
use taskwright_plugin::answering::{PermissionRequest, Response};
use taskwright_plugin::types::{Access, Task};
use taskwright_safety::{Place, RiskKind, Verdict, judge_tool};

use crate::settings::Settings;

/// Where a task may write and read.
pub fn place_of(task: &Task, cwd: &str) -> Place {
    let folders = |access| task.projects.iter().filter(move |p| p.access == access).map(|p| p.path.clone());
    Place { writable: folders(Access::Write).collect(), readable: folders(Access::Read).collect(), cwd: cwd.to_owned() }
}

/// Answers a permission request.
pub fn respond(request: &PermissionRequest, task: &Task, settings: &Settings) -> Response {
    if settings.denies_tool(&request.tool) {
        return Response::deny(
            format!("The operator's settings do not allow {}. Go on without it.", request.tool),
            format!("The settings deny the tool {}.", request.tool),
        );
    }
    let input: Value = serde_json::from_str(&request.input).unwrap_or(Value::Null);
    let place = place_of(task, &request.cwd);
    match judge_tool(&request.tool, &input, request.blocked_path.as_deref(), &place, &settings.rules()) {
        Verdict::Safe => Response::allow(format!("{} is ordinary work inside the worktree.", request.tool)),
        Verdict::Denied(why) => Response::deny(
            format!("The operator's settings do not allow this: {why}. Go on without it."),
            format!("The settings deny it: {why}."),
        ),
        Verdict::Unknown(why) => {
            Response::escalate(format!("No rule says whether {} may be used here: {why}.", request.tool), "")
        }
        Verdict::Risky(risk) => {
            Response::escalate(format!("This is for you to decide: {risk}."), instead_of(risk.kind))
        }
    }
}

/// What a careful user would tell the agent.
pub fn instead_of(kind: RiskKind) -> &'static str {
    match kind {
        RiskKind::Destructive => "No. Leave that as it is, and finish the task without deleting or overwriting it.",
        RiskKind::Secret => "No. Leave secrets alone, and finish the task without them.",
        RiskKind::Paid => "No. Do not spend money; finish the task without it.",
        RiskKind::Published => "No. Publish nothing; leave the work on its branch and finish the task.",
        RiskKind::Outside => "No. Stay inside the worktree, and finish the task there.",
    }
}
