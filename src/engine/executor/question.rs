//! Requests of the agent in mid-turn: a remembered rule answers, else a responder, else a person; then the answer goes
//! onto the agent's wire.

use super::{Executor, Halt};
use crate::{
    agent::PermissionAnswer,
    domain::{
        Action, EventBody, QuestionId, Status,
        question::{
            Answer, AnsweredBy, AnswererKind, Behavior, Question, QuestionKind, QuestionState, RememberedRule,
            Suggestion,
        },
    },
    engine::{
        EngineError,
        context::Context,
        deciding::{self, ChainScope},
        lifecycle::{self, Change},
        questions::{self, rules},
    },
    plugin::{self, Happening, PermissionRequest, QuestionChoice},
    store::{Page, QuestionFilter, StoreError},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What was decided about a request.
pub(super) struct Decision {
    question: QuestionId,
    result: Result<Verdict, EngineError>,
}

/// Who answers what.
enum Verdict {
    /// A rule or a plugin.
    Answer(Answer, AnsweredBy),
    /// A person is asked.
    Person { reason: String, suggestion: Option<Suggestion> },
}

/// How many answered questions are looked through for rules and for answers that did not reach the agent.
const LOOK_BACK: u32 = 200;

impl Executor {
    /// Begins to decide about a request; the agent is heard meanwhile.
    pub(super) fn decide(&mut self, question: Question) {
        self.open.insert(question.id);
        let (ctx, task) = (self.ctx.clone(), self.task.clone());
        let project_rules = self.project.as_ref().map(|p| p.config.remembered.clone()).unwrap_or_default();
        self.deciding.spawn(async move {
            let id = question.id;
            let result = verdict(&ctx, &task, &question, project_rules).await;
            Decision { question: id, result }
        });
    }

    /// Carries out a decision, unless a person was quicker.
    pub(super) async fn decided(&mut self, decision: Decision) -> Result<(), Halt> {
        match decision.result? {
            Verdict::Answer(answer, by) => {
                let id = decision.question;
                self.ctx.store.write(move |tx| questions::settle_by_plugin(tx, id, answer, by)).await?;
                self.refresh().await?;
                self.send_answers().await
            }
            Verdict::Person { reason, suggestion } => self.put_to_person(decision.question, reason, suggestion).await,
        }
    }

    async fn put_to_person(
        &mut self,
        question: QuestionId,
        reason: String,
        suggestion: Option<Suggestion>,
    ) -> Result<(), Halt> {
        let seconds = self.lap();
        let id = self.id;
        self.task = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                task.spent.running_seconds += seconds;
                tx.update_task(&task)?;
                let Some(mut question) = tx.question(question)?.filter(|q| q.state == QuestionState::Open) else {
                    return Ok(task);
                };
                question.suggestion = suggestion;
                tx.update_question(&question)?;
                tx.append(Some(&task), asked(&question))?;
                if task.status == Status::Running {
                    let wanted = Change { waiting_for_input: true, ..Change::engine(Action::Pause).because(reason) };
                    lifecycle::change(tx, &mut task, wanted)?;
                }
                Ok::<_, EngineError>(task)
            })
            .await?;
        if self.task.status == Status::Paused {
            self.running_since = None;
            self.scheduler.notify_one();
        }
        self.send_answers().await
    }

    /// The store has something new: answers go to the agent, limits hold from now on.
    pub(super) async fn look(&mut self) -> Result<(), Halt> {
        self.refresh().await?;
        if self.task.status == Status::Running {
            self.clock_on();
        }
        self.send_answers().await
    }

    /// Puts every answer that is there onto the agent's wire.
    pub(super) async fn send_answers(&mut self) -> Result<(), Halt> {
        for id in self.open.clone() {
            let question = self.ctx.store.read(move |q| q.question(id)).await?;
            match question {
                Some(question) if question.state == QuestionState::Open => continue,
                Some(question) if question.state == QuestionState::Answered => self.send_answer(&question).await,
                _ => {}
            }
            self.open.remove(&id);
        }
        Ok(())
    }

    /// Puts an answer onto the wire; an agent that is gone is heard of by its exit.
    pub(super) async fn send_answer(&self, question: &Question) {
        let Some(handle) = self.session.as_ref().and_then(|session| session.handle.clone()) else { return };
        let (Some(request), Some(answer)) = (&question.request_id, &question.answer) else { return };
        let sent = match answer {
            Answer::Permission { behavior, message, updated_input } => {
                let answer = permission_answer(question, *behavior, message.as_deref(), updated_input.as_ref());
                handle.answer_permission(request, answer).await
            }
            Answer::Answers { .. } | Answer::Text { .. } => {
                let input = question.request.clone().unwrap_or(Value::Null);
                handle.answer_question(request, &input, &by_question(&input, answer)).await
            }
        };
        if let Err(error) = sent {
            tracing::warn!(question = %question.id, %error, "an answer did not reach the agent");
        }
    }

    pub(super) async fn unpause_if_answered(&mut self) -> Result<(), Halt> {
        let id = self.id;
        self.task = self
            .ctx
            .store
            .write(move |tx| {
                let mut task = lifecycle::load(tx, id)?;
                questions::unpause_if_answered(tx, &mut task)?;
                Ok::<_, EngineError>(task)
            })
            .await?;
        self.look().await
    }

    /// After a restart: requests that nobody has decided are decided, answers that did not reach the agent are sent.
    pub(super) async fn take_up_questions(&mut self) -> Result<(), Halt> {
        let id = self.id;
        let filter = QuestionFilter { state: None, task_id: Some(id) };
        let (all, _) = self.ctx.store.read(move |q| q.questions(&filter, Page { limit: LOOK_BACK, offset: 0 })).await?;
        let run = self.task.agent_run.clone().unwrap_or_default();
        let sent = crate::agent::supervisor::delivered_inputs(&self.run_dir(&run)).unwrap_or_default();
        for question in all {
            let Some(request) = &question.request_id else { continue };
            match question.state {
                QuestionState::Open if self.task.status == Status::Running => self.decide(question),
                QuestionState::Open => {
                    self.open.insert(question.id);
                }
                QuestionState::Answered if !sent.contains(request) => self.send_answer(&question).await,
                _ => {}
            }
        }
        Ok(())
    }
}

async fn verdict(
    ctx: &Context,
    task: &crate::domain::Task,
    question: &Question,
    mut known: Vec<RememberedRule>,
) -> Result<Verdict, EngineError> {
    if let Some(tool) = &question.tool {
        known.splice(0..0, remembered_of(ctx, task.id).await?);
        if let Some(rule) = rules::first_match(&known, &tool.name, &tool.input) {
            let by = AnsweredBy { kind: AnswererKind::User, name: "remembered".to_owned(), version: None };
            let message =
                (rule.behavior == Behavior::Deny).then(|| "The user does not allow this in this task.".to_owned());
            return Ok(Verdict::Answer(
                Answer::Permission { behavior: rule.behavior, message, updated_input: None },
                by,
            ));
        }
    }
    let scope = if task.spec.chat_mode && question.kind == QuestionKind::Choice {
        ChainScope::TaskOnly
    } else {
        ChainScope::InForce
    };
    let decided = deciding::ask_responders(ctx, task, happening(question), scope).await?;
    Ok(match decided.answer {
        Some((plugin, response)) => from_plugin(question, plugin, response),
        None => {
            Verdict::Person { reason: "the agent asks, and no responder had an answer".to_owned(), suggestion: None }
        }
    })
}

async fn remembered_of(ctx: &Context, id: crate::domain::TaskId) -> Result<Vec<RememberedRule>, StoreError> {
    let filter = QuestionFilter { state: Some(QuestionState::Answered), task_id: Some(id) };
    let page = Page { limit: LOOK_BACK, offset: 0 };
    let (answered, _) = ctx.store.read(move |q| q.questions(&filter, page)).await?;
    Ok(answered.into_iter().filter_map(|question| question.remembered).collect())
}

fn from_plugin(question: &Question, plugin: plugin::PluginId, response: plugin::Response) -> Verdict {
    let by =
        AnsweredBy { kind: AnswererKind::Plugin, name: plugin.name.clone(), version: Some(plugin.version.clone()) };
    let permission = |behavior, message| Answer::Permission { behavior, message, updated_input: None };
    match response.answer {
        plugin::Answer::Allow => Verdict::Answer(permission(Behavior::Allow, None), by),
        plugin::Answer::Deny(message) => Verdict::Answer(permission(Behavior::Deny, Some(message)), by),
        plugin::Answer::Choose(labels) => {
            let several = asked_questions(question.request.as_ref().unwrap_or(&Value::Null)).len() > 1;
            let answers = if several {
                labels.into_iter().map(|labels| labels.join(", ")).collect()
            } else {
                labels.into_iter().flatten().collect()
            };
            Verdict::Answer(Answer::Answers { answers }, by)
        }
        plugin::Answer::Reply(text) => Verdict::Answer(Answer::Text { text }, by),
        plugin::Answer::Escalate(escalation) => Verdict::Person {
            reason: escalation.reason.clone(),
            suggestion: (!escalation.suggestion.trim().is_empty()).then_some(Suggestion {
                answer: escalation.suggestion,
                reason: escalation.reason,
                plugin: plugin.name,
            }),
        },
        plugin::Answer::Finish(_) | plugin::Answer::Pass => {
            Verdict::Person { reason: "the agent asks, and no responder had an answer".to_owned(), suggestion: None }
        }
    }
}

fn happening(question: &Question) -> Happening {
    let request = question.request.as_ref().unwrap_or(&Value::Null);
    match &question.tool {
        Some(tool) => Happening::Permission(PermissionRequest {
            tool: tool.name.clone(),
            input: tool.input.clone(),
            cwd: tool.cwd.clone(),
            description: request["description"].as_str().unwrap_or_default().to_owned(),
            blocked_path: request["blocked_path"].as_str().map(str::to_owned),
        }),
        None => Happening::Questions(asked_questions(request)),
    }
}

/// The questions of a structured request.
pub(super) fn asked_questions(request: &Value) -> Vec<plugin::Question> {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&request["questions"])
        .iter()
        .map(|question| plugin::Question {
            text: text(question, "question"),
            header: text(question, "header"),
            multiple: question["multiSelect"].as_bool().unwrap_or(false),
            choices: list(&question["options"])
                .iter()
                .map(|o| QuestionChoice { label: text(o, "label"), description: text(o, "description") })
                .collect(),
        })
        .collect()
}

/// The answer by the text of each question, as the agent wants it.
fn by_question(request: &Value, answer: &Answer) -> BTreeMap<String, Vec<String>> {
    let questions = asked_questions(request);
    let mut by = BTreeMap::new();
    match answer {
        Answer::Answers { answers } if questions.len() == 1 => {
            by.insert(questions[0].text.clone(), answers.clone());
        }
        Answer::Answers { answers } => {
            for (question, answer) in questions.iter().zip(answers) {
                by.insert(question.text.clone(), vec![answer.clone()]);
            }
        }
        Answer::Text { text } => {
            for question in &questions {
                by.insert(question.text.clone(), vec![text.clone()]);
            }
        }
        Answer::Permission { .. } => {}
    }
    by
}

fn permission_answer(
    question: &Question,
    behavior: Behavior,
    message: Option<&str>,
    updated_input: Option<&Value>,
) -> PermissionAnswer {
    match behavior {
        Behavior::Allow => PermissionAnswer::Allow {
            updated_input: updated_input
                .cloned()
                .or_else(|| question.tool.as_ref().map(|tool| tool.input.clone()))
                .unwrap_or(Value::Null),
            session_rules: vec![],
        },
        Behavior::Deny => PermissionAnswer::Deny {
            message: message.unwrap_or("The user does not allow this.").to_owned(),
            interrupt: false,
        },
    }
}

/// The event that puts a question to whom it concerns.
pub(super) fn asked(question: &Question) -> EventBody {
    questions::asked(question)
}
