//! `state`: a key-value store of the plugin's own, one for each task. The sum of all values is limited where they are
//! stored.

use super::at_most;
use crate::plugin::{
    Capability, CapabilityError,
    bindings::interface::{state::Host, types::CapabilityError as Answered},
    limits::{STATE_KEY_BYTES, STATE_VALUE_BYTES},
    sandbox::Call,
};

impl Host for Call {
    async fn get(&mut self, key: String) -> Result<Vec<u8>, Answered> {
        self.admit(Capability::State)?;
        check_key(&key)?;
        let value = self.caller.around.state_get(&self.caller.plugin, &key).await?.ok_or(CapabilityError::NotFound)?;
        self.hand_over(value.len())?;
        Ok(value)
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Answered> {
        self.admit(Capability::State)?;
        check_key(&key)?;
        at_most("the value", value.len(), STATE_VALUE_BYTES)?;
        self.hand_over(value.len())?;
        Ok(self.caller.around.state_set(&self.caller.plugin, &key, Some(value)).await?)
    }

    async fn delete(&mut self, key: String) -> Result<(), Answered> {
        self.admit(Capability::State)?;
        check_key(&key)?;
        match self.caller.around.state_set(&self.caller.plugin, &key, None).await {
            Err(CapabilityError::NotFound) => Ok(()),
            result => Ok(result?),
        }
    }

    async fn list(&mut self, prefix: String) -> Result<Vec<String>, Answered> {
        self.admit(Capability::State)?;
        at_most("the prefix", prefix.len(), STATE_KEY_BYTES)?;
        let mut keys = self.caller.around.state_list(&self.caller.plugin, &prefix).await?;
        keys.sort_unstable();
        self.hand_over(keys.iter().map(String::len).sum())?;
        Ok(keys)
    }
}

fn check_key(key: &str) -> Result<(), CapabilityError> {
    if key.is_empty() {
        return Err(CapabilityError::Invalid("a key has at least one byte".into()));
    }
    at_most("the key", key.len(), STATE_KEY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_1_to_256_bytes() {
        assert!(check_key("").is_err());
        assert!(check_key(&"k".repeat(256)).is_ok());
        assert!(check_key(&"k".repeat(257)).is_err());
    }
}
