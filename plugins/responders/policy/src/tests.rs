//! Rules and what they answer.

use super::*;
use proptest::prelude::*;
use taskwright_plugin::answering::Choice;
use taskwright_plugin::types::{Access, Project, Task};

fn situation(happening: Happening) -> Situation {
    let project = Project { name: "p".into(), path: "/w/task".into(), access: Access::Write, context: String::new() };
    let task = Task {
        id: String::new(),
        name: "sample".into(),
        description: "Add a cache.".into(),
        end_criteria: String::new(),
        project_context: String::new(),
        custom_input: String::new(),
        projects: vec![project],
        branch: String::new(),
        turns: 1,
        max_turns: None,
        test_rounds: 0,
    };
    Situation { happening, task, recent: Vec::new() }
}

fn settings(rules: &str) -> Settings {
    serde_json::from_str(&format!(r#"{{"rules": [{rules}]}}"#)).unwrap()
}

fn answer(rules: &str, happening: Happening) -> Answer {
    respond(&situation(happening), &settings(rules)).unwrap().answer
}

fn bash(command: &str) -> Happening {
    request("Bash", &serde_json::json!({"command": command}).to_string())
}

fn request(tool: &str, input: &str) -> Happening {
    Happening::Permission(PermissionRequest {
        tool: tool.into(),
        input: input.into(),
        cwd: "/w/task".into(),
        description: String::new(),
        blocked_path: None,
    })
}

fn question(text: &str, labels: &[&str]) -> Question {
    let choices = labels.iter().map(|l| Choice { label: (*l).into(), description: String::new() }).collect();
    Question { text: text.into(), header: String::new(), multiple: false, choices }
}

#[test]
fn the_first_rule_that_fits_counts_and_none_passes() {
    let rules =
        r#"{"command": "just ci*", "answer": "allow"}, {"command": "just *", "answer": "deny", "message": "Only ci."}"#;
    assert_eq!(answer(rules, bash("just ci --all")), Answer::Allow);
    assert_eq!(answer(rules, bash("just release")), Answer::Deny("Only ci.".into()));
    assert_eq!(answer(rules, bash("make")), Answer::Pass);
}

#[test]
fn a_rule_cannot_allow_what_is_for_the_user() {
    let rules = r#"{"tool": "*", "answer": "allow"}"#;
    for command in ["git push --force origin main", "rm -rf ~", "cat ~/.ssh/id_rsa"] {
        assert!(matches!(answer(rules, bash(command)), Answer::Escalate(_)), "{command}");
    }
    let outside = request("Write", r#"{"file_path": "/etc/hosts"}"#);
    assert!(matches!(answer(rules, outside), Answer::Escalate(_)));
    assert_eq!(answer(rules, request("mcp__docs__find", "{}")), Answer::Allow);
}

#[test]
fn nothing_hides_behind_what_is_allowed() {
    let rules = r#"{"command": "just ci*", "answer": "allow"}"#;
    assert!(matches!(answer(rules, bash("just ci && frobnicate")), Answer::Escalate(_)));
    let rules = r#"{"command": "docker *", "answer": "deny"}"#;
    assert!(matches!(answer(rules, bash("ls && docker run a")), Answer::Deny(_)));
}

#[test]
fn paths_are_seen_from_the_worktrees_root() {
    let rules = r#"{"path": "migrations/**", "answer": "escalate", "message": "Reviewed first."}"#;
    let write = |path: &str| request("Write", &format!(r#"{{"file_path": "{path}"}}"#));
    assert!(
        matches!(answer(rules, write("/w/task/migrations/1.sql")), Answer::Escalate(e) if e.reason == "Reviewed first.")
    );
    assert!(matches!(answer(rules, write("src/../migrations/1.sql")), Answer::Escalate(_)));
    assert_eq!(answer(rules, write("src/migrations.rs")), Answer::Pass);
}

#[test]
fn questions_are_answered_when_there_is_a_rule_for_each() {
    let rules = r#"{"text": "which DATABASE", "answer": "choose", "choose": "sqlite"}"#;
    let first = question("Which database?", &["PostgreSQL", "SQLite"]);
    let second = question("Which port?", &["1", "2"]);
    assert_eq!(answer(rules, Happening::Questions(vec![first.clone()])), Answer::Choose(vec![vec!["SQLite".into()]]));
    assert_eq!(answer(rules, Happening::Questions(vec![first, second])), Answer::Pass);
    let risky = question("Which database shall I drop the production data of?", &["SQLite"]);
    assert!(matches!(answer(rules, Happening::Questions(vec![risky])), Answer::Escalate(_)));
}

#[test]
fn a_turn_is_answered_by_its_text() {
    let rules = r#"{"matches": "(?i)changelog\\?$", "answer": "reply", "message": "Yes, under Unreleased."},
                   {"text": "deploy", "answer": "reply", "message": "No, never deploy."},
                   {"text": "staging", "answer": "reply", "message": "Yes."}"#;
    let turn = |text: &str| answer(rules, Happening::TurnEnded(text.into()));
    assert_eq!(turn("Shall I update the changelog?"), Answer::Reply("Yes, under Unreleased.".into()));
    assert_eq!(turn("Shall I deploy it now?"), Answer::Reply("No, never deploy.".into()));
    assert!(matches!(turn("Shall I push it to staging?"), Answer::Escalate(e) if e.suggestion == "Yes."));
    assert_eq!(turn("It is done."), Answer::Pass);
}

#[test]
fn a_wrong_rule_is_named() {
    let wrong = |rules: &str| respond(&situation(bash("ls")), &settings(rules)).unwrap_err();
    assert!(wrong(r#"{"answer": "allow"}, {"matches": "(", "answer": "pass"}"#).contains("Rule 2"));
    assert!(wrong(r#"{"text": "a", "answer": "reply"}"#).contains("without a message"));
    serde_json::from_str::<serde_json::Value>(rule::SCHEMA).unwrap();
}

proptest! {
    #[test]
    fn a_rule_that_allows_all_never_allows_a_push(before in "[a-z ]{0,10}", joined in "(&&|;|\\|)") {
        let happening = bash(&format!("{before}{joined} git push origin main"));
        let pass = answer(r#"{"answer": "allow"}"#, happening);
        prop_assert!(pass != Answer::Allow);
    }
}
