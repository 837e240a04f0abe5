//! What is asked of the model, and what becomes of its answers.

use super::*;
use taskwright_plugin::answering::{Answer, Choice};
use taskwright_plugin::types::{Access, Project, Task};

fn situation(happening: Happening) -> Situation {
    let project =
        Project { name: "p".into(), path: "/w/task".into(), access: Access::Write, context: "Uses SQLite.".into() };
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

fn turn_ended(text: &str) -> Situation {
    situation(Happening::TurnEnded(text.into()))
}

fn question(labels: &[&str], multiple: bool) -> Happening {
    let choices = labels.iter().map(|l| Choice { label: (*l).into(), description: String::new() }).collect();
    Happening::Questions(vec![Question { text: "Which?".into(), header: String::new(), multiple, choices }])
}

fn request(command: &str) -> Happening {
    Happening::Permission(PermissionRequest {
        tool: "Bash".into(),
        input: format!(r#"{{"command": "{command}"}}"#),
        cwd: "/w/task".into(),
        description: String::new(),
        blocked_path: None,
    })
}

fn answered(situation: &Situation, settings: &Settings) -> Option<Answer> {
    match step(situation, settings) {
        Step::Answered(response) => Some(response.answer),
        Step::Ask { .. } => None,
    }
}

#[test]
fn the_rules_decide_before_the_model_is_asked() {
    let settings = Settings::default();
    let risky = turn_ended("Shall I drop the production database?");
    assert!(matches!(answered(&risky, &settings), Some(Answer::Escalate(_))));
    assert!(matches!(answered(&turn_ended("The task is complete."), &settings), Some(Answer::Finish(_))));
    assert!(matches!(answered(&situation(request("rm -rf ~")), &settings), Some(Answer::Escalate(_))));
    assert_eq!(answered(&situation(request("cargo test")), &settings), Some(Answer::Allow));
    assert!(matches!(answered(&situation(request("frobnicate")), &settings), Some(Answer::Escalate(_))));
}

#[test]
fn the_model_is_asked_what_the_rules_leave_open() {
    let open = turn_ended("Should the cache hold strings or bytes?");
    let Step::Ask { prompt, schema } = step(&open, &Settings { instructions: "Terse.".into(), ..Settings::default() })
    else {
        panic!("it was answered");
    };
    for part in ["Add a cache.", "Uses SQLite.", "strings or bytes", "Terse."] {
        assert!(prompt.contains(part), "{part}");
    }
    serde_json::from_str::<serde_json::Value>(&schema).unwrap();
    let decides = Settings { decide_permissions: true, ..Settings::default() };
    assert_eq!(answered(&situation(request("frobnicate")), &decides), None);
}

#[test]
fn a_sure_reply_is_said_and_an_unsure_one_suggested() {
    let situation = turn_ended("Strings or bytes?");
    let read = |text: &str| answer::read(text, &situation).map(|r| r.answer);
    assert_eq!(read(r#"{"action": "reply", "reply": "Bytes.", "sure": true}"#), Ok(Answer::Reply("Bytes.".into())));
    for text in [
        r#"{"action": "reply", "reply": "Bytes.", "sure": false}"#,
        r#"{"action": "ask-user", "reply": "Bytes.", "sure": true}"#,
        r#"{"action": "reply", "reply": " ", "sure": true}"#,
        r#"{"action": "reply", "reply": "Yes, push it to main.", "sure": true}"#,
        r#"{"action": "reply", "reply": "Run `rm -rf ~/cache` first.", "sure": true}"#,
    ] {
        assert!(matches!(read(text), Ok(Answer::Escalate(_))), "{text}");
    }
    assert!(read("Bytes.").is_err() && read(r#"{"action": "dance", "sure": true}"#).is_err());
}

#[test]
fn only_choices_that_there_are_and_that_are_harmless_are_taken() {
    let ask = |labels: &[&str], multiple, text: &str| {
        answer::read(text, &situation(question(labels, multiple))).map(|r| r.answer)
    };
    let one = r#"{"choices": {"question1": ["B"]}, "sure": true}"#;
    assert_eq!(ask(&["A", "B"], false, one), Ok(Answer::Choose(vec![vec!["B".into()]])));
    assert!(ask(&["A"], false, one).is_err());
    let two = r#"{"choices": {"question1": ["A", "B"]}, "sure": true}"#;
    assert!(ask(&["A", "B"], false, two).is_err());
    assert_eq!(ask(&["A", "B"], true, two), Ok(Answer::Choose(vec![vec!["A".into(), "B".into()]])));
    let deploy = r#"{"choices": {"question1": ["Deploy it"]}, "sure": true}"#;
    assert!(matches!(ask(&["Deploy it", "Wait"], false, deploy), Ok(Answer::Escalate(_))));
    assert_eq!(ask(&[], false, one), Ok(Answer::Reply("B".into())));
}

#[test]
fn a_permission_needs_a_sure_model() {
    let situation = situation(request("frobnicate"));
    let read = |text: &str| answer::read(text, &situation).map(|r| r.answer);
    assert_eq!(read(r#"{"action": "allow", "sure": true}"#), Ok(Answer::Allow));
    assert_eq!(read(r#"{"action": "deny", "hint": "", "sure": true}"#), Ok(Answer::Deny("Go on without it.".into())));
    assert!(matches!(read(r#"{"action": "allow", "sure": false}"#), Ok(Answer::Escalate(_))));
}

#[test]
fn the_schema_of_the_settings_is_json() {
    serde_json::from_str::<serde_json::Value>(&schema()).unwrap();
}
