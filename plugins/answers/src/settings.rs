//! What the operator may set about permission requests.

use serde::Deserialize;
use taskwright_safety::{Rules, ToolRules};

/// The settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Permissions {
    /// Command prefixes that are safe here, such as `just ci`. They never cover what is known to be harmful.
    pub allow_commands: Vec<String>,
    /// Command prefixes that are always denied.
    pub deny_commands: Vec<String>,
    /// Further tools that are allowed, by name; one that ends in `*` stands for all that begin so.
    pub allow_tools: Vec<String>,
    /// Tools that are always denied, written likewise.
    pub deny_tools: Vec<String>,
    /// Searching and reading the web is allowed.
    pub allow_web: bool,
    /// A plan is approved unless it holds something risky.
    pub approve_plans: bool,
    /// Running the project's own programs, such as `cargo run`, is allowed.
    pub run_programs: bool,
}

/// The JSON schema of [`Permissions`].
pub const PERMISSIONS_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "allow_commands": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [],
      "description": "Command prefixes that are safe here, such as `just ci`. They never cover what is known to be harmful."},
    "deny_commands": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [],
      "description": "Command prefixes that are always denied."},
    "allow_tools": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [],
      "description": "Further tools that are allowed, by name; `mcp__docs__*` stands for all that begin so."},
    "deny_tools": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [],
      "description": "Tools that are always denied, written likewise."},
    "allow_web": {"type": "boolean", "default": false, "description": "Searching and reading the web is allowed."},
    "approve_plans": {"type": "boolean", "default": true, "description": "A plan is approved unless it holds something risky."},
    "run_programs": {"type": "boolean", "default": false, "description": "Running the project's own programs, such as `cargo run`, is allowed."}
  }
}"#;

impl Default for Permissions {
    fn default() -> Self {
        Self {
            allow_commands: Vec::new(),
            deny_commands: Vec::new(),
            allow_tools: Vec::new(),
            deny_tools: Vec::new(),
            allow_web: false,
            approve_plans: true,
            run_programs: false,
        }
    }
}

impl Permissions {
    /// The same as rules about tools.
    pub fn rules(&self) -> ToolRules {
        ToolRules {
            commands: Rules {
                allowed: self.allow_commands.clone(),
                denied: self.deny_commands.clone(),
                run_programs: self.run_programs,
            },
            web: self.allow_web,
            plans: self.approve_plans,
            tools: self.allow_tools.clone(),
        }
    }

    /// Whether a tool is always denied.
    pub fn denies_tool(&self, tool: &str) -> bool {
        self.deny_tools.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => tool.starts_with(start),
            None => name == tool,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_schema_names_every_setting_with_its_default() {
        let schema: Value = serde_json::from_str(PERMISSIONS_SCHEMA).unwrap();
        let defaults: serde_json::Map<String, Value> = schema["properties"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, property)| (name.clone(), property["default"].clone()))
            .collect();
        let read: Permissions = serde_json::from_value(Value::Object(defaults)).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", Permissions::default()));
    }
}
