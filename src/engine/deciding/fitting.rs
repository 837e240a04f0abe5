//! Whether an answer fits what happened.

use crate::plugin::{Answer, Happening, Question};

/// The answer as it can be carried out, labels mapped to those of the choices; or why it does not fit.
///
/// # Errors
/// A sentence for the operator. The answer counts as `pass` then.
pub(super) fn fit(happening: &Happening, answer: Answer) -> Result<Answer, String> {
    match (happening, answer) {
        (_, Answer::Pass) => Ok(Answer::Pass),
        (_, Answer::Escalate(wish)) => Ok(Answer::Escalate(wish)),
        (Happening::TurnEnded(_) | Happening::Questions(_), Answer::Reply(text)) => {
            if text.trim().is_empty() {
                Err("its reply is empty".to_owned())
            } else {
                Ok(Answer::Reply(text))
            }
        }
        (Happening::TurnEnded(_), Answer::Finish(reason)) => Ok(Answer::Finish(reason)),
        (Happening::Questions(questions), Answer::Choose(chosen)) => choose(questions, &chosen).map(Answer::Choose),
        (Happening::Permission(_), Answer::Allow) => Ok(Answer::Allow),
        (Happening::Permission(_), Answer::Deny(message)) => Ok(Answer::Deny(message)),
        (happening, answer) => Err(format!("it answered `{}` to {}", word(&answer), event(happening))),
    }
}

const fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Reply(_) => "reply",
        Answer::Choose(_) => "choose",
        Answer::Allow => "allow",
        Answer::Deny(_) => "deny",
        Answer::Escalate(_) => "escalate",
        Answer::Finish(_) => "finish",
        Answer::Pass => "pass",
    }
}

const fn event(happening: &Happening) -> &'static str {
    match happening {
        Happening::TurnEnded(_) => "the end of a turn",
        Happening::Questions(_) => "questions",
        Happening::Permission(_) => "a permission request",
    }
}

fn choose(questions: &[Question], chosen: &[Vec<String>]) -> Result<Vec<Vec<String>>, String> {
    if questions.len() != chosen.len() {
        return Err(format!("it chose for {} questions and there are {}", chosen.len(), questions.len()));
    }
    questions.iter().zip(chosen).map(|(question, labels)| choose_one(question, labels)).collect()
}

fn choose_one(question: &Question, labels: &[String]) -> Result<Vec<String>, String> {
    let mut fitted = Vec::new();
    for label in labels {
        let choice = label_of(question, label)
            .ok_or_else(|| format!("`{label}` is none of the choices of `{}`", question.text))?;
        if !fitted.contains(&choice) {
            fitted.push(choice);
        }
    }
    match fitted.len() {
        0 => Err(format!("it chose nothing for `{}`", question.text)),
        1 => Ok(fitted),
        _ if question.multiple => Ok(fitted),
        many => Err(format!("it chose {many} answers to `{}`, which takes one", question.text)),
    }
}

/// The choice that is meant: by its label, whatever the case; by its number, from 1; by its letter, from a.
fn label_of(question: &Question, meant: &str) -> Option<String> {
    let choices = &question.choices;
    let meant = meant.trim();
    let exact = choices.iter().find(|choice| choice.label.trim() == meant);
    let by_case = || choices.iter().find(|choice| choice.label.trim().to_lowercase() == meant.to_lowercase());
    let by_place = || place_of(meant).and_then(|place| choices.get(place));
    exact.or_else(by_case).or_else(by_place).map(|choice| choice.label.clone())
}

fn place_of(meant: &str) -> Option<usize> {
    let bare = meant.trim_matches(|c: char| matches!(c, '(' | ')' | '.' | ':' | '[' | ']'));
    if let Ok(number) = bare.parse::<usize>() {
        return number.checked_sub(1);
    }
    match bare.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(usize::from(letter.to_ascii_lowercase() - b'a')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::{Escalation, PermissionRequest, QuestionChoice};
    use proptest::prelude::*;

    fn question(labels: &[&str], multiple: bool) -> Question {
        Question {
            text: "Which?".into(),
            header: String::new(),
            multiple,
            choices: labels
                .iter()
                .map(|label| QuestionChoice { label: (*label).into(), description: String::new() })
                .collect(),
        }
    }

    fn ended() -> Happening {
        Happening::TurnEnded("Done.".into())
    }

    fn permission() -> Happening {
        Happening::Permission(PermissionRequest {
            tool: "Bash".into(),
            input: serde_json::json!({"command": "ls"}),
            cwd: "/w".into(),
            description: String::new(),
            blocked_path: None,
        })
    }

    fn chosen(labels: &[&str]) -> Answer {
        Answer::Choose(vec![labels.iter().map(ToString::to_string).collect()])
    }

    #[test]
    fn what_cannot_be_carried_out_does_not_fit() {
        let questions = Happening::Questions(vec![question(&["A"], false)]);
        for (happening, answer) in [
            (ended(), Answer::Allow),
            (ended(), Answer::Deny("no".into())),
            (ended(), chosen(&["A"])),
            (ended(), Answer::Reply("  \n".into())),
            (questions.clone(), Answer::Allow),
            (questions.clone(), Answer::Finish("done".into())),
            (questions.clone(), Answer::Reply(String::new())),
            (questions.clone(), chosen(&[])),
            (questions.clone(), Answer::Choose(vec![])),
            (questions, chosen(&["Z9"])),
            (permission(), Answer::Reply("go on".into())),
            (permission(), Answer::Finish("done".into())),
            (permission(), chosen(&["A"])),
        ] {
            assert!(fit(&happening, answer.clone()).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn an_escalation_and_a_pass_fit_everything() {
        let wish = Answer::Escalate(Escalation { reason: "r".into(), suggestion: String::new() });
        for happening in [ended(), permission(), Happening::Questions(vec![question(&["A"], false)])] {
            assert_eq!(fit(&happening, wish.clone()), Ok(wish.clone()));
            assert_eq!(fit(&happening, Answer::Pass), Ok(Answer::Pass));
        }
    }

    #[test]
    fn a_choice_is_found_by_label_case_number_and_letter() {
        let happening = Happening::Questions(vec![question(&["SQLite", "Postgres"], false)]);
        for meant in ["Postgres", "postgres", " POSTGRES ", "2", "2.", "(b)", "B"] {
            assert_eq!(fit(&happening, chosen(&[meant])), Ok(chosen(&["Postgres"])), "{meant}");
        }
    }

    #[test]
    fn a_label_goes_before_a_number() {
        let happening = Happening::Questions(vec![question(&["2", "1"], false)]);
        assert_eq!(fit(&happening, chosen(&["1"])), Ok(chosen(&["1"])));
    }

    #[test]
    fn several_choices_fit_only_where_several_may_be_taken() {
        let one = Happening::Questions(vec![question(&["A", "B"], false)]);
        let many = Happening::Questions(vec![question(&["A", "B"], true)]);
        assert!(fit(&one, chosen(&["A", "B"])).is_err());
        assert_eq!(fit(&many, chosen(&["b", "A", "a"])), Ok(chosen(&["B", "A"])));
    }

    proptest! {
        #[test]
        fn what_is_chosen_is_always_a_label_of_the_choices(
            labels in proptest::collection::vec("[a-cA-C1-3]{1,2}", 1..5),
            meant in proptest::collection::vec("[a-dA-D1-4]{0,2}", 0..4),
            multiple: bool,
        ) {
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            let happening = Happening::Questions(vec![question(&labels, multiple)]);
            if let Ok(Answer::Choose(chosen)) = fit(&happening, Answer::Choose(vec![meant])) {
                prop_assert_eq!(chosen.len(), 1);
                prop_assert!(!chosen[0].is_empty());
                prop_assert!(chosen[0].iter().all(|label| labels.contains(&label.as_str())));
                prop_assert!(multiple || chosen[0].len() == 1);
            }
        }
    }
}
