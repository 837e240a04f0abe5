//! The world `responder`.

use super::{Question as Asked, Unfit, answered, entries, not_blank, of_another_kind, task};
use crate::plugin::{
    Answer, CallError, Escalation, Happening, PermissionRequest, Question, RespondSituation, Response,
    bindings::responder::exports::taskwright::plugin::answering as wit, component::Functions, sandbox::Call,
};
use wasmtime::{Result, Store};

/// What to say to the agent.
pub(in crate::plugin) struct Respond<'a>(pub(in crate::plugin) &'a RespondSituation);

impl Asked for Respond<'_> {
    type Answer = Response;

    async fn ask(&self, functions: &Functions, store: &mut Store<Call>) -> Result<Result<Self::Answer, CallError>> {
        let Functions::Responder(pre) = functions else { return Err(of_another_kind()) };
        let given = given(self.0);
        let instance = pre.instantiate_async(&mut *store).await?;
        let answer = instance.taskwright_plugin_answering().call_respond(store, &given).await?;
        Ok(answered(answer.map(|response| fitting(told(response), &self.0.happening))))
    }
}

fn given(situation: &RespondSituation) -> wit::Situation {
    wit::Situation {
        happening: match &situation.happening {
            Happening::TurnEnded(text) => wit::Happening::TurnEnded(text.clone()),
            Happening::Questions(questions) => wit::Happening::Questions(questions.iter().map(question).collect()),
            Happening::Permission(request) => wit::Happening::Permission(permission(request)),
        },
        task: task(&situation.task),
        recent: entries(&situation.recent),
    }
}

fn question(question: &Question) -> wit::Question {
    let choice = |choice: &crate::plugin::QuestionChoice| wit::Choice {
        label: choice.label.clone(),
        description: choice.description.clone(),
    };
    wit::Question {
        text: question.text.clone(),
        header: question.header.clone(),
        multiple: question.multiple,
        choices: question.choices.iter().map(choice).collect(),
    }
}

fn permission(request: &PermissionRequest) -> wit::PermissionRequest {
    wit::PermissionRequest {
        tool: request.tool.clone(),
        input: request.input.to_string(),
        cwd: request.cwd.clone(),
        description: request.description.clone(),
        blocked_path: request.blocked_path.clone(),
    }
}

fn told(response: wit::Response) -> Response {
    let answer = match response.answer {
        wit::Answer::Reply(text) => Answer::Reply(text),
        wit::Answer::Choose(labels) => Answer::Choose(labels),
        wit::Answer::Allow => Answer::Allow,
        wit::Answer::Deny(why) => Answer::Deny(why),
        wit::Answer::Escalate(wish) => {
            Answer::Escalate(Escalation { reason: wish.reason, suggestion: wish.suggestion })
        }
        wit::Answer::Finish(why) => Answer::Finish(why),
        wit::Answer::Pass => Answer::Pass,
    };
    Response { answer, reason: response.reason }
}

/// The response, if its answer is one to what happened.
fn fitting(response: Response, happening: &Happening) -> Result<Response, Unfit> {
    match (&response.answer, happening) {
        (Answer::Pass | Answer::Escalate(_), _)
        | (Answer::Finish(_), Happening::TurnEnded(_))
        | (Answer::Allow | Answer::Deny(_), Happening::Permission(_)) => Ok(()),
        (Answer::Reply(text), Happening::TurnEnded(_) | Happening::Questions(_)) => not_blank(text, "the reply"),
        (Answer::Choose(chosen), Happening::Questions(questions)) => chosen_well(chosen, questions),
        (answer, happening) => Err(format!("`{}` is no answer to {}", word(answer), event(happening))),
    }
    .map(|()| response)
}

fn chosen_well(chosen: &[Vec<String>], questions: &[Question]) -> Result<(), Unfit> {
    if chosen.len() != questions.len() {
        return Err(format!("it chose for {} questions of {}", chosen.len(), questions.len()));
    }
    for (labels, question) in chosen.iter().zip(questions) {
        if labels.is_empty() {
            return Err(format!("nothing is chosen for `{}`", question.text));
        }
        if labels.len() > 1 && !question.multiple {
            return Err(format!("several are chosen for `{}`, which takes one", question.text));
        }
        if let Some(label) = labels.iter().find(|label| question.choices.iter().all(|choice| choice.label != **label)) {
            return Err(format!("`{label}` is no choice of `{}`", question.text));
        }
    }
    Ok(())
}

fn word(answer: &Answer) -> &'static str {
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

fn event(happening: &Happening) -> &'static str {
    match happening {
        Happening::TurnEnded(_) => "the end of a turn",
        Happening::Questions(_) => "questions",
        Happening::Permission(_) => "a permission request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::QuestionChoice;

    fn fits(answer: Answer, happening: &Happening) -> bool {
        fitting(Response { answer, reason: String::new() }, happening).is_ok()
    }

    fn questions(multiple: bool) -> Happening {
        let choice = |label: &str| QuestionChoice { label: label.into(), description: String::new() };
        let question = Question {
            text: "Which?".into(),
            header: String::new(),
            multiple,
            choices: vec![choice("Red"), choice("Blue")],
        };
        Happening::Questions(vec![question])
    }

    #[test]
    fn an_answer_fits_only_what_happened() {
        let turn = Happening::TurnEnded("Done.".into());
        let permission = Happening::Permission(PermissionRequest {
            tool: "Bash".into(),
            input: serde_json::json!({}),
            cwd: "/".into(),
            description: String::new(),
            blocked_path: None,
        });
        assert!(fits(Answer::Reply("Go on.".into()), &turn));
        assert!(fits(Answer::Finish("all there".into()), &turn));
        assert!(!fits(Answer::Allow, &turn));
        assert!(fits(Answer::Allow, &permission));
        assert!(fits(Answer::Deny("no".into()), &permission));
        assert!(!fits(Answer::Reply("yes".into()), &permission));
        assert!(fits(Answer::Reply("neither".into()), &questions(false)));
        assert!(!fits(Answer::Finish("x".into()), &questions(false)));
        for happening in [turn, permission, questions(true)] {
            assert!(fits(Answer::Pass, &happening));
        }
    }

    #[test]
    fn an_empty_reply_is_no_answer() {
        assert!(!fits(Answer::Reply(" \n".into()), &Happening::TurnEnded(String::new())));
    }

    #[test]
    fn only_labels_that_are_offered_can_be_chosen() {
        let choose = |labels: &[&str]| Answer::Choose(vec![labels.iter().map(ToString::to_string).collect()]);
        assert!(fits(choose(&["Red"]), &questions(false)));
        assert!(!fits(choose(&["red"]), &questions(false)));
        assert!(!fits(choose(&[]), &questions(false)));
        assert!(!fits(choose(&["Red", "Blue"]), &questions(false)));
        assert!(fits(choose(&["Red", "Blue"]), &questions(true)));
        assert!(!fits(Answer::Choose(vec![]), &questions(true)));
    }
}
