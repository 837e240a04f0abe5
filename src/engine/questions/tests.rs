use super::*;
use crate::domain::{TaskId, Timestamp, question::Choice};
use serde_json::json;

fn question(kind: QuestionKind, labels: &[&str], multiple: bool) -> Question {
    Question {
        id: QuestionId::new(),
        task_id: TaskId::new(),
        task_name: "t".to_owned(),
        kind,
        state: QuestionState::Open,
        text: "Which?".to_owned(),
        choices: labels.iter().map(|l| Choice { label: (*l).to_owned(), description: String::new() }).collect(),
        multiple,
        tool: None,
        suggestion: None,
        request_id: None,
        request: Some(json!({"questions": [{"question": "Which?"}]})),
        asked_at: Timestamp::from_seconds(0),
        answered_at: None,
        answer: None,
        answered_by: None,
        remembered: None,
    }
}

fn answers(labels: &[&str]) -> Answer {
    Answer::Answers { answers: labels.iter().map(|l| (*l).to_owned()).collect() }
}

#[test]
fn an_input_answers_a_choice_by_label_number_or_free_text() {
    let one = question(QuestionKind::Choice, &["SQLite", "PostgreSQL"], false);
    assert_eq!(from_input(&one, "postgresql"), answers(&["PostgreSQL"]));
    assert_eq!(from_input(&one, "2"), answers(&["PostgreSQL"]));
    assert_eq!(from_input(&one, "neither"), Answer::Text { text: "neither".to_owned() });
    let many = question(QuestionKind::Choice, &["a", "b", "c"], true);
    assert_eq!(from_input(&many, "1, c"), answers(&["a", "c"]));
}

#[test]
fn an_input_answers_a_permission_by_yes_or_no_and_other_text_denies_with_it() {
    let asks = question(QuestionKind::Permission, &[], false);
    let behavior = |text| match from_input(&asks, text) {
        Answer::Permission { behavior, message, .. } => (behavior, message),
        other => panic!("{other:?}"),
    };
    assert_eq!(behavior("allow"), (Behavior::Allow, None));
    assert_eq!(behavior("Yes"), (Behavior::Allow, None));
    assert_eq!(behavior("no"), (Behavior::Deny, None));
    assert_eq!(behavior("use the mirror"), (Behavior::Deny, Some("use the mirror".to_owned())));
}

#[test]
fn an_empty_answer_does_not_fit_any_question() {
    for kind in [QuestionKind::Choice, QuestionKind::Escalation] {
        assert!(fitting(&question(kind, &["a"], false), Answer::Text { text: "  ".to_owned() }).is_err());
    }
    assert!(fitting(&question(QuestionKind::Choice, &["a"], false), answers(&[])).is_err());
    assert!(fitting(&question(QuestionKind::Choice, &["a"], false), answers(&[" "])).is_err());
    assert!(fitting(&question(QuestionKind::Permission, &[], false), Answer::Text { text: "x".to_owned() }).is_err());
}

#[test]
fn a_choice_takes_its_labels_and_no_others() {
    let one = question(QuestionKind::Choice, &["SQLite", "PostgreSQL"], false);
    assert_eq!(fitting(&one, answers(&["sqlite"])).expect("a label"), answers(&["SQLite"]));
    assert!(fitting(&one, answers(&["Oracle"])).is_err());
    assert!(fitting(&one, answers(&["SQLite", "PostgreSQL"])).is_err());
}
