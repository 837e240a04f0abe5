//! Answering questions: an answer is checked against its question and written, with everything that goes along, in one
//! transaction. The task's executor then puts it onto the agent's wire.

pub(super) mod rules;

use super::{
    EngineError, FieldError,
    lifecycle::{self, Change},
};
use crate::{
    domain::{
        Action, EventBody, InputId, InteractionId, QuestionId, Status, Task,
        input::{Delivery, Image, Input, Priority},
        interaction::{Interaction, InteractionType},
        question::{
            Answer, AnsweredBy, AnswererKind, Behavior, Question, QuestionKind, QuestionState, Remember, RememberedRule,
        },
    },
    store::{StoreError, Tx},
};

/// The event that puts a question to whom it concerns.
pub(super) fn asked(question: &Question) -> EventBody {
    EventBody::QuestionAsked {
        id: question.id,
        question_kind: question.kind,
        text: question.text.clone(),
        choices: question.choices.clone(),
        multiple: question.multiple,
        tool: question.tool.clone(),
        suggestion: question.suggestion.clone(),
    }
}

/// An answer of a person.
pub(super) struct Given {
    /// The answer.
    pub answer: Answer,
    /// For how long a permission holds.
    pub remember: Remember,
    /// Who answers.
    pub by: AnsweredBy,
    /// The id under which the answer stands in the conversation; the input's, when an input answers.
    pub input: InputId,
    /// Images that came with it.
    pub images: Vec<Image>,
}

/// Writes a person's answer: the question, its event, what is remembered, the entry of the conversation; an escalation's
/// answer becomes the next input. The task goes on when nothing else is open.
///
/// # Errors
/// [`EngineError::AnsweredAlready`], [`EngineError::Conflict`] when it was withdrawn, [`EngineError::Invalid`] when the
/// answer does not fit.
pub(super) fn settle(tx: &mut Tx<'_>, id: QuestionId, given: Given) -> Result<(Question, Task), EngineError> {
    let mut question =
        tx.question(id)?.ok_or_else(|| EngineError::NotFound { what: "question", name: id.to_string() })?;
    match question.state {
        QuestionState::Open => {}
        QuestionState::Answered => return Err(EngineError::AnsweredAlready(Box::new(question))),
        QuestionState::Withdrawn => {
            return Err(EngineError::Conflict("the question was withdrawn: nobody waits for the answer".to_owned()));
        }
    }
    let answer = fitting(&question, given.answer)?;
    let mut task = lifecycle::load(tx, question.task_id)?;
    question.remembered = match given.remember {
        Remember::No => None,
        Remember::Task | Remember::Project => rules::rule_of(&question, &answer),
    };
    if let (Remember::Project, Some(rule)) = (given.remember, &question.remembered) {
        remember_for_project(tx, &task, rule)?;
    }
    let text = words(&answer);
    write_answer(tx, &task, &mut question, answer, given.by.clone())?;
    let user = Some(given.by.name).filter(|_| given.by.kind == AnswererKind::User);
    let escalation = question.kind == QuestionKind::Escalation;
    let input = Input {
        id: given.input,
        task_id: task.id,
        text: text.clone(),
        images: given.images.clone(),
        priority: Priority::Urgent,
        user_id: user,
        delivery: if escalation { Delivery::Waiting } else { Delivery::Delivered },
        created_at: tx.now(),
        delivered_at: (!escalation).then(|| tx.now()),
    };
    tx.add_input(&input)?;
    if escalation {
        tx.append(Some(&task), super::inbox::queued(&input, false))?;
    } else {
        let seq = tx.append(Some(&task), EventBody::InputDelivered { id: input.id, turn: None })?;
        add_entry(tx, &task, seq, InteractionId(input.id.0), InteractionType::UserRequest, text, given.images)?;
    }
    unpause_if_answered(tx, &mut task)?;
    Ok((question, task))
}

/// Writes a plugin's, or a remembered rule's, answer with its question; false when a person was quicker.
///
/// # Errors
/// When the database cannot be written.
pub(super) fn settle_by_plugin(
    tx: &mut Tx<'_>,
    id: QuestionId,
    answer: Answer,
    by: AnsweredBy,
) -> Result<bool, EngineError> {
    let Some(mut question) = tx.question(id)?.filter(|question| question.state == QuestionState::Open) else {
        return Ok(false);
    };
    let task = lifecycle::load(tx, question.task_id)?;
    tx.append(Some(&task), asked(&question))?;
    let text = words(&answer);
    let seq = write_answer(tx, &task, &mut question, answer, by)?;
    if question.kind == QuestionKind::Choice {
        add_entry(tx, &task, seq, InteractionId::new(), InteractionType::SimulatedHuman, text, vec![])?;
    }
    Ok(true)
}

fn write_answer(
    tx: &mut Tx<'_>,
    task: &Task,
    question: &mut Question,
    answer: Answer,
    by: AnsweredBy,
) -> Result<crate::domain::Seq, StoreError> {
    question.state = QuestionState::Answered;
    question.answered_at = Some(tx.now());
    question.answer = Some(answer.clone());
    question.answered_by = Some(by.clone());
    tx.update_question(question)?;
    tx.append(
        Some(task),
        EventBody::QuestionAnswered {
            id: question.id,
            answer,
            answered_by: by,
            remembered: question.remembered.clone(),
        },
    )
}

fn add_entry(
    tx: &mut Tx<'_>,
    task: &Task,
    seq: crate::domain::Seq,
    id: InteractionId,
    interaction_type: InteractionType,
    content: String,
    images: Vec<Image>,
) -> Result<(), StoreError> {
    let turn = tx.recent_interactions(task.id, 1)?.last().map_or(0, |entry| entry.turn);
    tx.add_interaction(&Interaction {
        id,
        task_id: task.id,
        seq,
        turn,
        interaction_type,
        content,
        images,
        tool: None,
        tokens: None,
        duration_ms: None,
        cost_usd: None,
        created_at: tx.now(),
    })
}

/// A task that waited for a person goes on when nothing is open any more.
///
/// # Errors
/// When the database cannot be written.
pub(super) fn unpause_if_answered(tx: &mut Tx<'_>, task: &mut Task) -> Result<(), EngineError> {
    let waits = task.status == Status::Paused && task.paused_until.is_none();
    if waits && tx.open_questions(task.id)?.is_empty() {
        *task = lifecycle::load(tx, task.id)?;
        lifecycle::change(tx, task, Change::engine(Action::Unpause).because("what it waited for was answered"))?;
    }
    Ok(())
}

fn remember_for_project(tx: &mut Tx<'_>, task: &Task, rule: &RememberedRule) -> Result<(), StoreError> {
    let folder = task.spec.root_folder.clone().or_else(|| task.spec.projects.first().map(|p| p.path.clone()));
    let Some(folder) = folder else { return Ok(()) };
    if let Some(mut project) = tx.project_at(&folder)?
        && !project.config.remembered.contains(rule)
    {
        project.config.remembered.push(rule.clone());
        tx.update_project(&project)?;
    }
    Ok(())
}

/// An answer in words, for the conversation.
fn words(answer: &Answer) -> String {
    match answer {
        Answer::Permission { behavior: Behavior::Allow, .. } => "Allowed.".to_owned(),
        Answer::Permission { behavior: Behavior::Deny, message, .. } => match message {
            Some(message) => format!("Denied: {message}"),
            None => "Denied.".to_owned(),
        },
        Answer::Answers { answers } => answers.join(", "),
        Answer::Text { text } => text.clone(),
    }
}

fn invalid(field: &str, detail: impl Into<String>) -> EngineError {
    EngineError::Invalid(vec![FieldError { field: field.to_owned(), detail: detail.into() }])
}

/// The answer as it can be carried out, or why it does not fit.
fn fitting(question: &Question, answer: Answer) -> Result<Answer, EngineError> {
    match (question.kind, answer) {
        (QuestionKind::Permission, Answer::Permission { behavior, message, updated_input }) => {
            if updated_input.as_ref().is_some_and(|input| !input.is_object()) {
                return Err(invalid("updated_input", "is to be an object, as the tool was given"));
            }
            let message = message.filter(|message| !message.trim().is_empty());
            Ok(Answer::Permission { behavior, message, updated_input })
        }
        (QuestionKind::Permission, _) => Err(invalid("behavior", "a permission is answered with `allow` or `deny`")),
        (QuestionKind::Choice, Answer::Answers { answers }) => labels(question, &answers),
        (_, Answer::Text { text }) if text.trim().is_empty() => Err(invalid("text", "an empty answer is never sent")),
        (QuestionKind::Choice | QuestionKind::Escalation, Answer::Text { text }) => Ok(Answer::Text { text }),
        (QuestionKind::Escalation, Answer::Answers { answers }) if !answers.join("").trim().is_empty() => {
            Ok(Answer::Text { text: answers.join(", ") })
        }
        (QuestionKind::Escalation, _) => Err(invalid("text", "an escalation is answered with a text")),
        (QuestionKind::Choice, Answer::Permission { .. }) => {
            Err(invalid("answers", "a choice is answered with labels or a text"))
        }
    }
}

fn labels(question: &Question, answers: &[String]) -> Result<Answer, EngineError> {
    if answers.is_empty() || answers.iter().any(|answer| answer.trim().is_empty()) {
        return Err(invalid("answers", "an empty answer is never sent; name at least one choice"));
    }
    let count = question.request.as_ref().and_then(|r| r["questions"].as_array()).map_or(1, Vec::len);
    if count == 1 && answers.len() > 1 && !question.multiple {
        return Err(invalid("answers", "one choice is to be named, not several"));
    }
    if count > 1 && answers.len() != count {
        return Err(invalid(
            "answers",
            format!("{count} questions were asked: name one answer for each, in their order"),
        ));
    }
    let answers = if count == 1 {
        answers
            .iter()
            .map(|answer| {
                choice_of(question, answer).ok_or_else(|| {
                    let known: Vec<_> = question.choices.iter().map(|c| format!("`{}`", c.label)).collect();
                    invalid(
                        "answers",
                        format!("`{answer}` is none of {}; give `text` for another answer", known.join(", ")),
                    )
                })
            })
            .collect::<Result<_, _>>()?
    } else {
        answers.to_vec()
    };
    Ok(Answer::Answers { answers })
}

/// The label that a text means: the label itself in any case, or its number from 1.
fn choice_of(question: &Question, text: &str) -> Option<String> {
    let text = text.trim();
    let by_label = question.choices.iter().find(|choice| choice.label.eq_ignore_ascii_case(text));
    let number = text.trim_end_matches(['.', ')']).parse::<usize>().ok();
    let by_number = || number.and_then(|n| n.checked_sub(1)).and_then(|n| question.choices.get(n));
    by_label.or_else(by_number).map(|choice| choice.label.clone())
}

/// What a text that comes as an input means as the answer to a question.
pub(super) fn from_input(question: &Question, text: &str) -> Answer {
    match question.kind {
        QuestionKind::Escalation => Answer::Text { text: text.to_owned() },
        QuestionKind::Permission => {
            let word = text.trim().trim_end_matches(['.', '!']).to_lowercase();
            let permission = |behavior, message| Answer::Permission { behavior, message, updated_input: None };
            match word.as_str() {
                "allow" | "yes" | "y" | "ok" => permission(Behavior::Allow, None),
                "deny" | "no" | "n" => permission(Behavior::Deny, None),
                _ => permission(Behavior::Deny, Some(text.trim().to_owned())),
            }
        }
        QuestionKind::Choice => {
            let several =
                question.request.as_ref().and_then(|r| r["questions"].as_array()).is_some_and(|q| q.len() > 1);
            if several {
                return Answer::Text { text: text.to_owned() };
            }
            if let Some(label) = choice_of(question, text) {
                return Answer::Answers { answers: vec![label] };
            }
            let parts: Option<Vec<_>> = text.split(',').map(|part| choice_of(question, part)).collect();
            match parts {
                Some(answers) if question.multiple && !answers.is_empty() => Answer::Answers { answers },
                _ => Answer::Text { text: text.to_owned() },
            }
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
