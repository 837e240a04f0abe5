//! Questions: what waits for a person, and the answers.

use super::{
    paging::{self, DEFAULT_LIMIT, Limit},
    tasks::read_task,
};
use crate::{
    api::{
        Api, Call, Problem, Reply, Route,
        fields::{Visible, fields},
        route, wire,
    },
    domain::{
        QuestionId,
        question::{Answer, AnsweredBy, AnswererKind, Behavior, Question, QuestionKind, QuestionState, Remember},
    },
    engine::{Actor, FieldError},
    store::{QuestionFilter, StoreError},
};
use serde_json::{Map, Value};

/// The routes of questions.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route::<__path_list, _, _>(list),
        route::<__path_get, _, _>(get),
        route::<__path_list_of_task, _, _>(list_of_task),
        route::<__path_answer_question, _, _>(answer_question),
    ]
}

fields! {
    /// Which questions.
    pub struct ListQuestions {
        /// Only those that stand so.
        status: Option<QuestionState>,
        /// Only those of this task.
        task: Option<String>,
        /// How many, from 1 to 500.
        limit: Limit = DEFAULT_LIMIT,
        /// After how many.
        offset: u64 = 0,
    }
}

/// Lists questions: with `status=open`, everything that waits for a person.
#[utoipa::path(get, path = "/api/v1/questions", operation_id = "list_questions", tag = "questions", params(ListQuestions),
    responses((status = 200, body = [wire::Question], headers(
        ("X-Total-Count" = u64, description = "How many questions the whole list has."),
        ("Link" = String, description = "`rel=\"next\"` leads to the next page.")))))]
async fn list(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<ListQuestions>()?;
    let page = wanted.limit.from(wanted.offset);
    let (state, task) = (wanted.status, wanted.task);
    let found = call
        .api
        .store
        .read::<_, StoreError, _>(move |q| {
            let task_id = match &task {
                None => None,
                Some(name) => match q.task_by_name(name)? {
                    Some(task) => Some(task.id),
                    None => return Ok(Err(Problem::not_found("task", name))),
                },
            };
            Ok(Ok(q.questions(&QuestionFilter { state, task_id }, page)?))
        })
        .await?;
    let (questions, total) = found?;
    let questions: Vec<_> = questions.into_iter().map(wire::Question::from).collect();
    paging::paged(&call, &questions, total, page)
}

/// A question.
#[utoipa::path(get, path = "/api/v1/questions/{id}", operation_id = "get_question", tag = "questions",
    responses((status = 200, body = wire::Question)))]
async fn get(call: Call) -> Result<Reply, Problem> {
    let id = call.id("question")?;
    Reply::json(&wire::Question::from(question(&call.api, id).await?))
}

fields! {
    /// Which questions of a task.
    pub struct ListTaskQuestions {
        /// Only those that stand so.
        status: Option<QuestionState>,
        /// How many, from 1 to 500.
        limit: Limit = DEFAULT_LIMIT,
        /// After how many.
        offset: u64 = 0,
    }
}

/// Lists a task's questions.
#[utoipa::path(get, path = "/api/v1/tasks/by-name/{name}/questions", operation_id = "list_task_questions", tag = "questions",
    params(ListTaskQuestions), responses((status = 200, body = [wire::Question], headers(
        ("X-Total-Count" = u64, description = "How many questions the whole list has."),
        ("Link" = String, description = "`rel=\"next\"` leads to the next page.")))))]
async fn list_of_task(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<ListTaskQuestions>()?;
    let page = wanted.limit.from(wanted.offset);
    let state = wanted.status;
    let (_, (questions, total)) =
        read_task(&call, move |q, task| q.questions(&QuestionFilter { state, task_id: Some(task.id) }, page)).await?;
    let questions: Vec<_> = questions.into_iter().map(wire::Question::from).collect();
    paging::paged(&call, &questions, total, page)
}

fields! {
    /// An answer: to a choice `answers` or `text`, to a permission `behavior`, to an escalation `text`.
    pub struct GiveAnswer {
        /// Labels of choices; where the agent asked several questions at once, one for each, in their order.
        answers: Option<Vec<Visible>>,
        /// Free text.
        text: Option<Visible>,
        /// Whether the tool may be used.
        behavior: Option<Behavior>,
        /// What the agent is told with a denial.
        message: Option<String>,
        /// What the tool is given instead of what the agent asked for.
        updated_input: Option<Map<String, Value>>,
        /// For how long a permission holds.
        remember: Remember = Remember::No,
    }
}

impl GiveAnswer {
    /// The answer, if it is one for this kind of question.
    fn for_kind(self, kind: QuestionKind) -> Result<(Answer, Remember), Vec<FieldError>> {
        let mut wrong = vec![];
        let mut not_for = |given: bool, field: &str| {
            if given {
                let kind = serde_json::to_value(kind).unwrap_or_default();
                let detail =
                    format!("is no part of an answer to a question of kind {}", kind.as_str().unwrap_or_default());
                wrong.push(FieldError { field: field.to_owned(), detail });
            }
        };
        if kind == QuestionKind::Permission {
            not_for(self.answers.is_some(), "answers");
            not_for(self.text.is_some(), "text");
        } else {
            not_for(self.behavior.is_some(), "behavior");
            not_for(self.message.is_some(), "message");
            not_for(self.updated_input.is_some(), "updated_input");
            not_for(self.remember != Remember::No, "remember");
        }
        if kind == QuestionKind::Escalation {
            not_for(self.answers.is_some(), "answers");
        }
        let answer = match kind {
            QuestionKind::Permission => self.behavior.map(|behavior| Answer::Permission {
                behavior,
                message: self.message.filter(|message| !message.trim().is_empty()),
                updated_input: self.updated_input.map(Value::Object),
            }),
            QuestionKind::Choice if self.answers.as_ref().is_some_and(|answers| !answers.is_empty()) => {
                self.answers.map(|answers| Answer::Answers { answers: answers.into_iter().map(|one| one.0).collect() })
            }
            QuestionKind::Choice | QuestionKind::Escalation => self.text.map(|text| Answer::Text { text: text.0 }),
        };
        if answer.is_none() {
            let (field, detail) = match kind {
                QuestionKind::Permission => ("behavior", "is needed: `allow` or `deny`"),
                QuestionKind::Choice => ("answers", "needs at least one label, or give `text` instead"),
                QuestionKind::Escalation => ("text", "is needed"),
            };
            wrong.push(FieldError { field: field.to_owned(), detail: detail.to_owned() });
        }
        match answer {
            Some(answer) if wrong.is_empty() => Ok((answer, self.remember)),
            _ => Err(wrong),
        }
    }
}

async fn question(api: &Api, id: QuestionId) -> Result<Question, Problem> {
    let found = api.store.read::<_, StoreError, _>(move |q| q.question(id)).await?;
    found.ok_or_else(|| Problem::not_found("question", id))
}

/// Answers a question in the name of a user.
///
/// # Errors
/// 422 for what is no answer to this kind of question, 409 when it was answered before.
pub async fn answer(api: &Api, actor: &Actor, id: QuestionId, given: GiveAnswer) -> Result<wire::Question, Problem> {
    let asked = question(api, id).await?;
    let (answer, remember) = given.for_kind(asked.kind).map_err(Problem::fields)?;
    let by = AnsweredBy { kind: AnswererKind::User, name: actor.name.clone(), version: None };
    Ok(api.engine.answer(id, answer, remember, by).await?.into())
}

/// Answers a question, once.
#[utoipa::path(post, path = "/api/v1/questions/{id}/answer", operation_id = "answer_question", tag = "questions",
    request_body = GiveAnswer, responses((status = 200, body = wire::Question)))]
async fn answer_question(mut call: Call) -> Result<Reply, Problem> {
    let id = call.id("question")?;
    let given = call.body::<GiveAnswer>().await?;
    Reply::json(&answer(&call.api, &call.actor, id, given).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fields::read_body;
    use serde_json::json;

    fn given(kind: QuestionKind, body: Value) -> Result<Answer, Vec<String>> {
        let given = read_body::<GiveAnswer>(body).map_err(|wrong| wrong.errors);
        let names = |errors: Vec<FieldError>| errors.into_iter().map(|error| error.field).collect::<Vec<_>>();
        given.map_err(names)?.for_kind(kind).map(|(answer, _)| answer).map_err(names)
    }

    #[test]
    fn an_empty_answer_is_refused() {
        assert_eq!(given(QuestionKind::Choice, json!({"answers": []})), Err(vec!["answers".into()]));
        assert_eq!(given(QuestionKind::Choice, json!({"answers": [" "]})), Err(vec!["answers[0]".into()]));
        assert_eq!(given(QuestionKind::Choice, json!({})), Err(vec!["answers".into()]));
        assert_eq!(given(QuestionKind::Escalation, json!({"text": ""})), Err(vec!["text".into()]));
        assert_eq!(given(QuestionKind::Permission, json!({})), Err(vec!["behavior".into()]));
    }

    #[test]
    fn an_answer_to_another_kind_of_question_is_refused() {
        assert_eq!(
            given(QuestionKind::Permission, json!({"text": "yes"})),
            Err(vec!["text".into(), "behavior".into()])
        );
        assert_eq!(
            given(QuestionKind::Escalation, json!({"behavior": "allow", "text": "go"})),
            Err(vec!["behavior".into()])
        );
    }

    #[test]
    fn each_kind_has_its_answers() {
        assert_eq!(
            given(QuestionKind::Choice, json!({"answers": ["SQLite"]})),
            Ok(Answer::Answers { answers: vec!["SQLite".into()] })
        );
        assert_eq!(given(QuestionKind::Choice, json!({"text": "other"})), Ok(Answer::Text { text: "other".into() }));
        assert!(matches!(
            given(QuestionKind::Permission, json!({"behavior": "deny", "message": "no", "remember": "task"})),
            Ok(Answer::Permission { behavior: Behavior::Deny, message: Some(_), updated_input: None })
        ));
    }
}
