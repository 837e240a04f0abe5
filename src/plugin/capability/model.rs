//! `model`: asking the agent's model in a side session. The budget is the engine's affair.

use super::at_most;
use crate::plugin::{
    Capability, CapabilityError,
    bindings::interface::{
        model::{Answer, Host, Question},
        types::CapabilityError as Answered,
    },
    limits::{ANSWER_BYTES, PROMPT_BYTES, SCHEMA_BYTES, SCHEMA_DEPTH},
    sandbox::Call,
};
use serde_json::Value;

impl Host for Call {
    async fn ask(&mut self, question: Question) -> Result<Answer, Answered> {
        self.admit(Capability::Model)?;
        if question.prompt.trim().is_empty() {
            return Err(CapabilityError::Invalid("the prompt is empty".into()).into());
        }
        at_most("the prompt", question.prompt.len(), PROMPT_BYTES)?;
        let schema = question.schema.as_deref().map(read_schema).transpose()?;
        let answer = self.caller.around.ask_model(&question.prompt, schema).await?;
        if answer.text.len() > ANSWER_BYTES {
            return Err(CapabilityError::Failed("the model's answer is too long".into()).into());
        }
        Ok(Answer { text: answer.text, tokens: answer.tokens, cost_usd: answer.cost_usd })
    }
}

fn read_schema(text: &str) -> Result<Value, CapabilityError> {
    at_most("the schema", text.len(), SCHEMA_BYTES)?;
    let schema: Value = serde_json::from_str(text)
        .map_err(|error| CapabilityError::Invalid(format!("the schema is no JSON: {error}")))?;
    if depth(&schema) > SCHEMA_DEPTH {
        return Err(CapabilityError::Invalid(format!("the schema has more than {SCHEMA_DEPTH} levels")));
    }
    jsonschema::validator_for(&schema)
        .map_err(|error| CapabilityError::Invalid(format!("the schema is no JSON schema: {error}")))?;
    Ok(schema)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert!(read_schema(r#"{"type": "object"}"#).is_ok());
        assert!(read_schema("{").is_err());
        assert!(read_schema(r#"{"type": 7}"#).is_err());
        assert!(read_schema(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))).is_err());
    }

    #[test]
    fn a_schema_has_a_limited_number_of_levels() {
        let nested = |levels| format!("{}{{}}{}", "{\"not\":".repeat(levels), "}".repeat(levels));
        assert!(read_schema(&nested(SCHEMA_DEPTH - 1)).is_ok());
        assert!(read_schema(&nested(SCHEMA_DEPTH)).is_err());
    }
}
