//! `model`: asking the agent's model in a side session. The budget is the engine's affair.

use super::at_most;
use crate::plugin::{
    Capability, CapabilityError,
    bindings::interface::{
        model::{Answer, Host, Question},
        types::CapabilityError as Answered,
    },
    limits::{ANSWER_BYTES, PROMPT_BYTES},
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
    let schema: Value = serde_json::from_str(text)
        .map_err(|error| CapabilityError::Invalid(format!("the schema is no JSON: {error}")))?;
    jsonschema::validator_for(&schema)
        .map_err(|error| CapabilityError::Invalid(format!("the schema is no JSON schema: {error}")))?;
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert!(read_schema(r#"{"type": "object"}"#).is_ok());
        assert!(read_schema("{").is_err());
        assert!(read_schema(r#"{"type": 7}"#).is_err());
    }
}
