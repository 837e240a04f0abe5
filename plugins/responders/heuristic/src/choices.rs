//! Taking one of several choices: a recommended one, else the one nearest to the task's words, else the first.

use std::collections::BTreeSet;

use taskwright_answers::phrases::says_any;
use taskwright_answers::{instead_of, place_of};
use taskwright_plugin::answering::{Answer, Question, Response, Situation};
use taskwright_plugin::types::Task;
use taskwright_safety::{Risk, risk_in_proposal, risk_in_words};

/// A choice as this module sees it.
pub struct Candidate<'a> {
    /// Its label.
    pub label: &'a str,
    /// The rest of what is said about it.
    pub about: &'a str,
}

/// Which choice is taken, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its index.
    pub index: usize,
    /// Why, to follow "it".
    pub why: &'static str,
}

/// Why none is taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// The risk of the choice that would have been taken.
    pub risk: Risk,
    /// Its index.
    pub index: usize,
}

/// Labels that end the work rather than do it, or say nothing.
const LAST_RESORT: &[&str] = &[
    "other",
    "something else",
    "none",
    "none of these",
    "cancel",
    "stop",
    "abort",
    "do nothing",
    "skip",
    "ask me later",
    "decide later",
    "not sure",
];

/// Words too common to tell choices apart.
const COMMON: &[&str] = &[
    "the", "and", "for", "with", "that", "this", "from", "into", "use", "using", "should", "must", "add", "new", "all",
    "are", "not", "has", "have", "its", "one", "two", "then", "when", "which", "what", "will", "can", "you", "your",
    "make", "be", "is", "it", "of", "to", "in", "on", "a", "an", "or", "as", "at", "by", "we", "do", "so",
];

/// Answers structured questions.
pub fn respond(questions: &[Question], situation: &Situation) -> Response {
    let mut labels = Vec::new();
    let mut reasons = Vec::new();
    let place = place_of(&situation.task, "");
    for question in questions {
        if let Some(risk) = risk_in_proposal(&question.text, &place) {
            let careful = instead_of(risk.kind);
            return Response::escalate(format!("The agent asks something that is for you to decide: {risk}."), careful);
        }
        let candidates: Vec<Candidate> =
            question.choices.iter().map(|c| Candidate { label: &c.label, about: &c.description }).collect();
        match take(&candidates, None, &situation.task) {
            Some(Ok(taken)) => {
                labels.push(vec![question.choices[taken.index].label.clone()]);
                reasons.push(format!("\"{}\" {}", question.choices[taken.index].label, taken.why));
            }
            Some(Err(refused)) => {
                let label = &question.choices[refused.index].label;
                return Response::escalate(format!("The choice \"{label}\" is for you to make: {}.", refused.risk), "");
            }
            None if !situation.task.custom_input.trim().is_empty() => {
                return Response::reply(
                    situation.task.custom_input.trim(),
                    "The task says what to answer when nothing else is known.",
                );
            }
            None => {
                return Response::escalate("The agent asks a question without choices, which only you can answer.", "");
            }
        }
    }
    if labels.is_empty() {
        return Response::pass("There is no question.");
    }
    Response::new(Answer::Choose(labels), format!("{}.", reasons.join("; ")))
}

/// Takes one of the choices; `recommended` is one that the text around them recommends. `None` when there is no choice.
pub fn take(candidates: &[Candidate], recommended: Option<usize>, task: &Task) -> Option<Result<Taken, Refused>> {
    let risk = |index: usize| -> Option<Risk> {
        let c = &candidates[index];
        risk_in_words(c.label).or_else(|| risk_in_words(c.about))
    };
    let marked =
        recommended.or_else(|| candidates.iter().position(|c| is_recommended(c.label) || is_recommended(c.about)));
    if let Some(index) = marked.filter(|index| *index < candidates.len()) {
        return Some(match risk(index) {
            Some(risk) => Err(Refused { risk, index }),
            None => Ok(Taken { index, why: "is recommended" }),
        });
    }
    let wanted = words(&format!("{} {} {}", task.description, task.end_criteria, task.project_context));
    let score = |index: usize| {
        let c = &candidates[index];
        2 * words(c.label).intersection(&wanted).count() + words(c.about).intersection(&wanted).count()
    };
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|index| (is_last_resort(candidates[*index].label), std::cmp::Reverse(score(*index)), *index));
    let first = *order.first()?;
    Some(match order.iter().copied().find(|index| risk(*index).is_none()) {
        Some(index) if score(index) > 0 => Ok(Taken { index, why: "is nearest to the task's words" }),
        Some(index) => Ok(Taken { index, why: "is the first that fits" }),
        None => Err(Refused { risk: risk(first)?, index: first }),
    })
}

fn is_recommended(text: &str) -> bool {
    let text = text.to_lowercase();
    ["(recommended", "[recommended", "recommended)", "(suggested)", "(preferred)", "(default)"]
        .iter()
        .any(|mark| text.contains(mark))
        || text.ends_with("- recommended")
        || text.ends_with("— recommended")
}

fn is_last_resort(label: &str) -> bool {
    says_any(&label.to_lowercase(), LAST_RESORT).is_some()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|w| w.len() > 1 && !COMMON.contains(&w.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::tests::{situation, task};
    use taskwright_plugin::answering::{Choice, Happening};

    fn question(choices: &[(&str, &str)]) -> Question {
        let choices = choices.iter().map(|(l, d)| Choice { label: (*l).into(), description: (*d).into() }).collect();
        Question {
            text: "Which database should the tests use?".into(),
            header: "Database".into(),
            multiple: false,
            choices,
        }
    }

    fn chosen(description: &str, choices: &[(&str, &str)]) -> Answer {
        let situation =
            Situation { task: task(description), ..situation(Happening::Questions(vec![question(choices)])) };
        respond(&[question(choices)], &situation).answer
    }

    fn label(label: &str) -> Answer {
        Answer::Choose(vec![vec![label.into()]])
    }

    #[test]
    fn a_recommended_choice_is_taken() {
        assert_eq!(
            chosen("Use PostgreSQL", &[("PostgreSQL", ""), ("SQLite (Recommended)", "")]),
            label("SQLite (Recommended)")
        );
    }

    #[test]
    fn else_the_choice_nearest_to_the_tasks_words_is_taken() {
        assert_eq!(
            chosen("Test against a MariaDB server", &[("SQLite", "embedded"), ("MariaDB", "")]),
            label("MariaDB")
        );
    }

    #[test]
    fn else_the_first_that_does_the_work_is_taken() {
        assert_eq!(chosen("Add a page", &[("Cancel", ""), ("SQLite", ""), ("MariaDB", "")]), label("SQLite"));
    }

    #[test]
    fn a_risky_choice_is_never_taken() {
        assert_eq!(chosen("Tidy up", &[("Delete the production database", ""), ("Keep it", "")]), label("Keep it"));
        assert!(matches!(chosen("Tidy up", &[("Deploy it", ""), ("Publish it", "")]), Answer::Escalate(_)));
        assert!(matches!(chosen("Tidy up", &[("Deploy it (Recommended)", ""), ("Wait", "")]), Answer::Escalate(_)));
    }

    #[test]
    fn every_question_is_answered() {
        let two = [question(&[("A", "")]), question(&[("B", ""), ("C", "")])];
        let response = respond(&two, &situation(Happening::Questions(two.to_vec())));
        assert_eq!(response.answer, Answer::Choose(vec![vec!["A".into()], vec!["B".into()]]));
    }
}
