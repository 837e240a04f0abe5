//! Permission requests, by the tool that asks.

use serde_json::Value;

use crate::command::{Rules, judge_command};
use crate::place::{Lies, Place, is_guarded, is_secret};
use crate::words::risk_in_proposal;
use crate::{RiskKind, Verdict};

/// What the operator's settings say about tools.
#[derive(Debug, Clone, Default)]
pub struct ToolRules {
    /// About commands.
    pub commands: Rules,
    /// Searching and reading the web is allowed.
    pub web: bool,
    /// A plan is approved unless it holds something risky.
    pub plans: bool,
    /// Further tools that are allowed, by name; a name that ends in `*` stands for all that begin so.
    pub tools: Vec<String>,
}

/// Tools that only read files.
const READERS: [&str; 6] = ["Read", "Glob", "Grep", "LS", "NotebookRead", "LSP"];

/// Tools that change files.
const WRITERS: [&str; 4] = ["Write", "Edit", "MultiEdit", "NotebookEdit"];

/// Tools of the agent's own affairs; what they lead to is asked for by itself.
const INNER: [&str; 16] = [
    "Task",
    "Agent",
    "TodoWrite",
    "TodoRead",
    "TaskCreate",
    "TaskUpdate",
    "TaskList",
    "TaskGet",
    "TaskOutput",
    "TaskStop",
    "BashOutput",
    "KillShell",
    "KillBash",
    "EnterPlanMode",
    "ToolSearch",
    "ListAgents",
];

/// Judges a request to use a tool with this input. `blocked_path` is the path that the agent itself found to be the
/// reason for asking.
pub fn judge_tool(tool: &str, input: &Value, blocked_path: Option<&str>, place: &Place, rules: &ToolRules) -> Verdict {
    let verdict = match tool {
        "Bash" => match input.get("command").and_then(Value::as_str) {
            Some(command) => command_verdict(command, input, place, rules),
            None => Verdict::unknown("it names no command"),
        },
        _ if READERS.contains(&tool) => paths(input, false, place),
        _ if WRITERS.contains(&tool) => paths(input, true, place),
        _ if INNER.contains(&tool) => Verdict::Safe,
        "WebSearch" | "WebFetch" => web(input, rules, place),
        "ExitPlanMode" => plan(input, rules, place),
        _ if listed(tool, &rules.tools) => Verdict::Safe,
        _ => Verdict::unknown(format!("no rule knows the tool {tool}")),
    };
    match blocked_path.filter(|p| !p.is_empty()) {
        Some(path) if place.lies(path) == Lies::Outside => {
            verdict.and(Verdict::risky(RiskKind::Outside, format!("it reaches `{path}`, outside the worktree")))
        }
        _ => verdict,
    }
}

fn command_verdict(command: &str, input: &Value, place: &Place, rules: &ToolRules) -> Verdict {
    let verdict = judge_command(command, place, &rules.commands);
    let unsafe_flag = |name: &str| input.get(name).and_then(Value::as_bool).unwrap_or(false);
    if unsafe_flag("dangerouslyDisableSandbox") {
        return verdict.and(Verdict::risky(RiskKind::Outside, "it turns the sandbox off"));
    }
    if unsafe_flag("run_in_background") {
        return verdict.and(Verdict::unknown("it runs on in the background"));
    }
    verdict
}

/// Every path in the input, whatever the field is called.
fn paths(input: &Value, write: bool, place: &Place) -> Verdict {
    let mut verdict = Verdict::Safe;
    let mut any = false;
    for field in ["file_path", "path", "notebook_path", "filePath"] {
        if let Some(path) = input.get(field).and_then(Value::as_str) {
            any = true;
            verdict = verdict.and(path_verdict(path, write, place));
        }
    }
    let pattern = input
        .get("pattern")
        .and_then(Value::as_str)
        .filter(|p| input.get("path").is_none() && p.starts_with(['/', '~']) && !write);
    if let Some(pattern) = pattern {
        let folder = pattern.split(['*', '?', '[']).next().unwrap_or(pattern);
        if place.lies(folder) == Lies::Outside && input.get("output_mode").is_none() && input.get("glob").is_none() {
            verdict = verdict.and(Verdict::unknown(format!("`{pattern}` may reach outside the worktree")));
        }
    }
    if write && !any { Verdict::unknown("it names no file") } else { verdict }
}

fn path_verdict(path: &str, write: bool, place: &Place) -> Verdict {
    if path.is_empty() || path.contains(['\0', '\n']) {
        return Verdict::unknown("its path is not a plain path");
    }
    if is_secret(path) {
        return Verdict::risky(RiskKind::Secret, format!("it touches `{path}`"));
    }
    match place.lies(path) {
        Lies::Inside if write && is_guarded(path) => {
            Verdict::risky(RiskKind::Outside, format!("it changes `{path}`, which is not part of the work"))
        }
        Lies::Inside => Verdict::Safe,
        Lies::Readable if !write => Verdict::Safe,
        Lies::Readable => Verdict::risky(RiskKind::Outside, format!("it writes `{path}`, which may only be read")),
        Lies::Outside => Verdict::risky(RiskKind::Outside, format!("it reaches `{path}`, outside the worktree")),
    }
}

fn web(input: &Value, rules: &ToolRules, place: &Place) -> Verdict {
    if !rules.web {
        return Verdict::unknown("the settings leave the web to the user");
    }
    let asked: Vec<&str> =
        ["url", "query", "prompt"].iter().filter_map(|f| input.get(f).and_then(Value::as_str)).collect();
    let asked = asked.join(" ").to_ascii_lowercase();
    let local = ["//localhost", "//127.", "//10.", "//192.168.", "//169.254.", "//[", "//0.", "file:"]
        .iter()
        .any(|p| asked.contains(p));
    if local {
        return Verdict::unknown("it reaches into the local network");
    }
    if ["token=", "key=", "password=", "secret="].iter().any(|w| asked.contains(w)) {
        return Verdict::risky(RiskKind::Secret, "its address carries a secret");
    }
    risk_in_proposal(&asked, place).filter(|r| r.kind == RiskKind::Secret).map_or(Verdict::Safe, Verdict::Risky)
}

fn plan(input: &Value, rules: &ToolRules, place: &Place) -> Verdict {
    let text = input.get("plan").and_then(Value::as_str).unwrap_or("");
    if let Some(risk) = risk_in_proposal(text, place) {
        return Verdict::Risky(risk);
    }
    if rules.plans { Verdict::Safe } else { Verdict::unknown("the settings leave plans to the user") }
}

fn listed(tool: &str, names: &[String]) -> bool {
    names.iter().any(|name| match name.strip_suffix('*') {
        Some(start) => !start.is_empty() && tool.starts_with(start),
        None => name == tool,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict(tool: &str, input: Value) -> Verdict {
        judge_tool(tool, &input, None, &Place::at("/w/task"), &ToolRules { plans: true, ..ToolRules::default() })
    }

    fn risk(tool: &str, input: Value) -> Option<RiskKind> {
        match verdict(tool, input) {
            Verdict::Risky(risk) => Some(risk.kind),
            _ => None,
        }
    }

    #[test]
    fn files_in_the_worktree_may_be_read_and_changed() {
        assert_eq!(verdict("Write", json!({"file_path": "/w/task/made.txt", "content": "x"})), Verdict::Safe);
        assert_eq!(verdict("Edit", json!({"file_path": "src/a.rs"})), Verdict::Safe);
        assert_eq!(verdict("Read", json!({"file_path": "/w/task/src/../a.rs"})), Verdict::Safe);
        assert_eq!(verdict("Grep", json!({"pattern": "/api", "output_mode": "content"})), Verdict::Safe);
    }

    #[test]
    fn files_elsewhere_and_secrets_are_left_to_the_user() {
        assert_eq!(risk("Write", json!({"file_path": "/etc/profile.d/agent.sh"})), Some(RiskKind::Outside));
        assert_eq!(risk("Write", json!({"file_path": "/w/task/../other/a"})), Some(RiskKind::Outside));
        assert_eq!(risk("Edit", json!({"file_path": "/w/task/.git/hooks/pre-commit"})), Some(RiskKind::Outside));
        assert_eq!(risk("Read", json!({"file_path": "/w/task/.env"})), Some(RiskKind::Secret));
        assert_eq!(risk("Read", json!({"file_path": "/home/u/notes.txt"})), Some(RiskKind::Outside));
    }

    #[test]
    fn a_folder_for_reading_may_be_read_only() {
        let place = Place { readable: vec!["/w/sdk".into()], ..Place::at("/w/task") };
        let rules = ToolRules::default();
        assert_eq!(judge_tool("Read", &json!({"file_path": "/w/sdk/a.h"}), None, &place, &rules), Verdict::Safe);
        assert!(matches!(
            judge_tool("Write", &json!({"file_path": "/w/sdk/a.h"}), None, &place, &rules),
            Verdict::Risky(_)
        ));
    }

    #[test]
    fn the_path_that_the_agent_names_as_the_reason_counts_too() {
        let place = Place::at("/w/task");
        let verdict = judge_tool("Bash", &json!({"command": "ls"}), Some("/etc"), &place, &ToolRules::default());
        assert!(matches!(verdict, Verdict::Risky(Risk { kind: RiskKind::Outside, .. })));
    }

    #[test]
    fn a_plan_is_approved_unless_it_is_risky() {
        assert_eq!(verdict("ExitPlanMode", json!({"plan": "1. Add a parser\n2. Test it"})), Verdict::Safe);
        assert_eq!(
            risk("ExitPlanMode", json!({"plan": "1. Fix it\n2. Deploy to the cluster"})),
            Some(RiskKind::Published)
        );
    }

    #[test]
    fn tools_that_nobody_knows_are_unknown() {
        assert!(matches!(verdict("mcp__db__query", json!({})), Verdict::Unknown(_)));
        assert!(matches!(verdict("WebSearch", json!({"query": "rust"})), Verdict::Unknown(_)));
        let rules = ToolRules { tools: vec!["mcp__docs__*".into()], web: true, ..ToolRules::default() };
        assert_eq!(judge_tool("mcp__docs__find", &json!({}), None, &Place::at("/w/task"), &rules), Verdict::Safe);
        assert_eq!(
            judge_tool("WebSearch", &json!({"query": "rust"}), None, &Place::at("/w/task"), &rules),
            Verdict::Safe
        );
    }

    use crate::Risk;
}
