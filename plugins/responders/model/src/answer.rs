//! The model's answer: its shape, and what becomes of it. Nothing risky passes here.

use serde::Deserialize;
use serde_json::{Value, json};
use taskwright_answers::place_of;
use taskwright_plugin::answering::{Answer, Happening, Question, Response, Situation};
use taskwright_safety::{risk_in_proposal, risk_in_words};

/// The JSON schema of the answer to what happened.
pub fn schema(happening: &Happening) -> String {
    let shape = |properties: Value| {
        let required: Vec<&String> = properties.as_object().map(|p| p.keys().collect()).unwrap_or_default();
        json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
    };
    let text = json!({"type": "string"});
    let sure = json!({"type": "boolean"});
    let schema = match happening {
        Happening::TurnEnded(_) => shape(json!({
            "action": {"enum": ["reply", "finish", "ask-user"]}, "reply": text, "sure": sure, "reason": text,
        })),
        Happening::Questions(questions) => {
            let mut choices = serde_json::Map::new();
            for (index, question) in questions.iter().enumerate() {
                choices.insert(key(index), choice(question));
            }
            shape(json!({"choices": shape(Value::Object(choices)), "sure": sure, "reason": text}))
        }
        Happening::Permission(_) => shape(json!({
            "action": {"enum": ["ask-user", "allow", "deny"]}, "hint": text, "sure": sure, "reason": text,
        })),
    };
    schema.to_string()
}

fn key(index: usize) -> String {
    format!("question{}", index + 1)
}

fn choice(question: &Question) -> Value {
    let labels: Vec<&str> = question.choices.iter().map(|c| c.label.as_str()).collect();
    let item = if labels.is_empty() { json!({"type": "string"}) } else { json!({"enum": labels}) };
    let most = if question.multiple { labels.len().max(1) } else { 1 };
    json!({"type": "array", "minItems": 1, "maxItems": most, "items": item})
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    action: String,
    reply: String,
    hint: String,
    choices: serde_json::Map<String, Value>,
    sure: bool,
    reason: String,
}

/// Turns the model's answer into the responder's.
///
/// # Errors
/// When it has not the shape that was asked for.
pub fn read(text: &str, situation: &Situation) -> Result<Response, String> {
    let said: Said = serde_json::from_str(text)
        .map_err(|e| format!("The model's answer has not the shape that was asked for: {e}."))?;
    match &situation.happening {
        Happening::TurnEnded(_) => turn(&said, situation),
        Happening::Questions(questions) => chosen(&said, questions),
        Happening::Permission(_) => Ok(permission(&said)),
    }
}

fn reason(said: &Said, otherwise: &str) -> String {
    let reason = said.reason.trim();
    if reason.is_empty() { otherwise.to_owned() } else { reason.to_owned() }
}

fn turn(said: &Said, situation: &Situation) -> Result<Response, String> {
    let reply = said.reply.trim();
    if !said.sure || said.action == "ask-user" {
        return Ok(Response::escalate(reason(said, "The model is not sure what you would say."), reply));
    }
    match said.action.as_str() {
        "finish" => Ok(Response::finish(reason(said, "The model finds that the work is done."))),
        "reply" if reply.is_empty() => Ok(Response::escalate("The model had nothing to say to the agent.", "")),
        "reply" => Ok(match risk_in_proposal(reply, &place_of(&situation.task, "")) {
            Some(risk) => Response::escalate(format!("The model's answer is for you to give: {risk}."), reply),
            None => Response::reply(reply, reason(said, "The model answers as you would.")),
        }),
        other => Err(format!("The model answered with an unknown action: {other}.")),
    }
}

fn chosen(said: &Said, questions: &[Question]) -> Result<Response, String> {
    let mut all = Vec::new();
    for (index, question) in questions.iter().enumerate() {
        let labels: Vec<String> = match said.choices.get(&key(index)) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(label)) => vec![label.clone()],
            _ => Vec::new(),
        };
        let known = |label: &String| question.choices.is_empty() || question.choices.iter().any(|c| c.label == *label);
        if labels.is_empty() || labels.iter().any(|l| l.trim().is_empty()) || !labels.iter().all(known) {
            return Err(format!("The model made no choice that there is for \"{}\".", question.text));
        }
        if labels.len() > 1 && !question.multiple {
            return Err(format!("The model took several choices for \"{}\".", question.text));
        }
        all.push((labels, question));
    }
    let suggestion = all.iter().map(|(labels, _)| labels.join(", ")).collect::<Vec<_>>().join("; ");
    if !said.sure {
        return Ok(Response::escalate(reason(said, "The model is not sure what you would choose."), suggestion));
    }
    let described = |question: &Question, label: &str| {
        question.choices.iter().find(|c| c.label == label).map(|c| c.description.clone()).unwrap_or_default()
    };
    for (labels, question) in &all {
        let risk = labels.iter().find_map(|l| risk_in_words(l).or_else(|| risk_in_words(&described(question, l))));
        if let Some(risk) = risk {
            return Ok(Response::escalate(format!("The model's choice is for you to make: {risk}."), suggestion));
        }
    }
    let why = reason(said, "The model chooses as you would.");
    if let [(labels, question)] = all.as_slice()
        && question.choices.is_empty()
    {
        return Ok(Response::reply(labels.join(", "), why));
    }
    Ok(Response::new(Answer::Choose(all.into_iter().map(|(labels, _)| labels).collect()), why))
}

/// Only what no rule knows comes here: the risky has been kept from the model.
fn permission(said: &Said) -> Response {
    match said.action.as_str() {
        "allow" if said.sure => Response::allow(reason(said, "The model finds that the task needs it.")),
        "deny" if said.sure => {
            let hint = said.hint.trim();
            let hint = if hint.is_empty() { "Go on without it." } else { hint };
            Response::deny(hint, reason(said, "The model finds that the task does not need it."))
        }
        _ => Response::escalate(reason(said, "The model is not sure whether you would allow it."), said.hint.trim()),
    }
}
