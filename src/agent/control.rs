//! The lines that are written to Claude Code.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{PermissionAnswer, TurnInput};

/// A user's message.
pub(super) fn turn(turn: &TurnInput) -> String {
    let content = if turn.images.is_empty() {
        json!(turn.text)
    } else {
        let images = turn.images.iter().map(|image| {
            let source = json!({"type": "base64", "media_type": image.media_type, "data": image.base64});
            json!({"type": "image", "source": source})
        });
        let text = (!turn.text.is_empty()).then(|| json!({"type": "text", "text": turn.text}));
        Value::Array(images.chain(text).collect())
    };
    json!({
        "type": "user",
        "message": {"role": "user", "content": content},
        "parent_tool_use_id": null,
        "session_id": "",
        "uuid": turn.input_id,
    })
    .to_string()
}

/// The wish to cut the current turn short.
pub(super) fn interrupt(request_id: &str) -> String {
    request(request_id, json!({"subtype": "interrupt"}))
}

/// The wish for another model; `None` for the agent's default.
pub(super) fn set_model(request_id: &str, model: &str) -> String {
    request(request_id, json!({"subtype": "set_model", "model": model}))
}

/// The question how full the context is.
pub(super) fn context_usage(request_id: &str) -> String {
    request(request_id, json!({"subtype": "get_context_usage"}))
}

fn request(request_id: &str, request: Value) -> String {
    json!({"type": "control_request", "request_id": request_id, "request": request}).to_string()
}

/// The answer to a permission request.
pub(super) fn permission(request_id: &str, answer: &PermissionAnswer) -> String {
    let answer = match answer {
        PermissionAnswer::Allow { updated_input, session_rules } => {
            // Without this field the agent takes the answer for a refusal.
            let mut allow = Map::from_iter([
                ("behavior".to_owned(), json!("allow")),
                ("updatedInput".to_owned(), updated_input.clone()),
            ]);
            if !session_rules.is_empty() {
                allow.insert("updatedPermissions".to_owned(), session_permissions(session_rules));
            }
            Value::Object(allow)
        }
        PermissionAnswer::Deny { message, interrupt: false } => json!({"behavior": "deny", "message": message}),
        PermissionAnswer::Deny { message, interrupt: true } => {
            json!({"behavior": "deny", "message": message, "interrupt": true})
        }
    };
    response(request_id, answer)
}

/// Rules that hold for the session and are written to no file.
fn session_permissions(rules: &[(String, Option<String>)]) -> Value {
    let rules: Vec<Value> = rules
        .iter()
        .map(|(tool, content)| match content {
            Some(content) => json!({"toolName": tool, "ruleContent": content}),
            None => json!({"toolName": tool}),
        })
        .collect();
    json!([{"type": "addRules", "rules": rules, "behavior": "allow", "destination": "session"}])
}

/// The answer to structured questions: the request's input with the answers in it.
pub(super) fn question(request_id: &str, input: &Value, answers: &BTreeMap<String, Vec<String>>) -> String {
    let mut input = input.as_object().cloned().unwrap_or_default();
    let answers: Map<String, Value> =
        answers.iter().map(|(question, labels)| (question.clone(), json!(labels.join(", ")))).collect();
    input.insert("answers".to_owned(), Value::Object(answers));
    response(request_id, json!({"behavior": "allow", "updatedInput": input}))
}

fn response(request_id: &str, response: Value) -> String {
    json!({
        "type": "control_response",
        "response": {"subtype": "success", "request_id": request_id, "response": response},
    })
    .to_string()
}

/// The answer to a request of a kind that is not known here: the agent would wait for ever otherwise.
pub(super) fn unsupported(request_id: &str, kind: &str) -> String {
    json!({
        "type": "control_response",
        "response": {"subtype": "error", "request_id": request_id, "error": format!("{kind} is not supported here")},
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::ImageBlock;
    use uuid::Uuid;

    #[test]
    fn a_text_is_sent_as_it_is_with_the_id_of_its_input() {
        let turn_input = TurnInput { input_id: Uuid::nil(), text: "-p \"x\"\n".to_owned(), images: Vec::new() };
        insta::assert_snapshot!(turn(&turn_input), @r#"{"type":"user","message":{"role":"user","content":"-p \"x\"\n"},"parent_tool_use_id":null,"session_id":"","uuid":"00000000-0000-0000-0000-000000000000"}"#);
    }

    #[test]
    fn images_go_in_as_blocks_before_the_text() {
        let image = ImageBlock { media_type: "image/png".to_owned(), base64: "AAAA".to_owned() };
        let turn_input = TurnInput { input_id: Uuid::nil(), text: "look".to_owned(), images: vec![image] };
        let line: Value = serde_json::from_str(&turn(&turn_input)).unwrap();
        insta::assert_snapshot!(line["message"]["content"], @r#"[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"text","text":"look"}]"#);
    }

    #[test]
    fn always_is_a_rule_for_the_session() {
        let answer = PermissionAnswer::Allow {
            updated_input: json!({"command": "npm test"}),
            session_rules: vec![("Bash".to_owned(), Some("npm test *".to_owned())), ("Read".to_owned(), None)],
        };
        let line: Value = serde_json::from_str(&permission("r", &answer)).unwrap();
        insta::assert_snapshot!(line["response"]["response"], @r#"{"behavior":"allow","updatedInput":{"command":"npm test"},"updatedPermissions":[{"type":"addRules","rules":[{"toolName":"Bash","ruleContent":"npm test *"},{"toolName":"Read"}],"behavior":"allow","destination":"session"}]}"#);
    }

    #[test]
    fn a_refusal_may_end_the_turn() {
        let answer = PermissionAnswer::Deny { message: "no".to_owned(), interrupt: true };
        let line: Value = serde_json::from_str(&permission("r", &answer)).unwrap();
        insta::assert_snapshot!(line["response"]["response"], @r#"{"behavior":"deny","message":"no","interrupt":true}"#);
    }

    #[test]
    fn answers_to_a_question_stand_beside_what_was_asked() {
        let answers = [("Which?".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into();
        let line: Value = serde_json::from_str(&question("r", &json!({"questions": []}), &answers)).unwrap();
        insta::assert_snapshot!(line["response"]["response"], @r#"{"behavior":"allow","updatedInput":{"questions":[],"answers":{"Which?":"a, b"}}}"#);
    }
}
