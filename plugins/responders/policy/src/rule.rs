//! The operator's rules, and whether one fits what happened.

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;
use taskwright_plugin::answering::{Choice, PermissionRequest, Question};
use taskwright_safety::Place;

use crate::glob::{fits, fits_path};

/// The settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// In their order.
    pub rules: Vec<Rule>,
}

/// What a rule answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Allows a tool.
    Allow,
    /// Denies it with the message.
    Deny,
    /// Says the message.
    Reply,
    /// Takes the choice that is named.
    Choose,
    /// Asks the user; the message is the reason.
    Escalate,
    /// The work is done.
    Finish,
    /// Leaves it to the next responder.
    Pass,
}

/// One rule: every condition that it has must hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A tool's name, with `*`.
    #[serde(default)]
    pub tool: Option<String>,
    /// A command, with `*`.
    #[serde(default)]
    pub command: Option<String>,
    /// A path, with `*` and `**`, from the worktree's root.
    #[serde(default)]
    pub path: Option<String>,
    /// Words that occur in the question or the turn's last text, in any case.
    #[serde(default)]
    pub text: Option<String>,
    /// A regular expression for the same.
    #[serde(default)]
    pub matches: Option<String>,
    /// What is answered.
    pub answer: Verb,
    /// What is said.
    #[serde(default)]
    pub message: String,
    /// The label that is taken, or a part of it.
    #[serde(default)]
    pub choose: String,
    /// A suggestion to the user.
    #[serde(default)]
    pub suggestion: String,
    /// Why, for the record.
    #[serde(default)]
    pub reason: String,
}

/// The JSON schema of [`Settings`].
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {"rules": {
    "type": "array", "maxItems": 200, "default": [], "description": "The first rule that fits counts.",
    "items": {"type": "object", "additionalProperties": false, "required": ["answer"], "properties": {
      "tool": {"type": "string", "minLength": 1, "description": "A tool's name; `*` stands for any characters."},
      "command": {"type": "string", "minLength": 1, "description": "A command; `*` stands for any characters."},
      "path": {"type": "string", "minLength": 1, "description": "A path from the worktree's root; `*` stops at `/`, `**` does not."},
      "text": {"type": "string", "minLength": 1, "description": "Words that occur in the question or the last text, in any case."},
      "matches": {"type": "string", "minLength": 1, "description": "A regular expression for the same."},
      "answer": {"enum": ["allow", "deny", "reply", "choose", "escalate", "finish", "pass"]},
      "message": {"type": "string", "description": "What is said to the agent; for escalate, why the user is asked."},
      "choose": {"type": "string", "description": "The label that is taken, or a part of it."},
      "suggestion": {"type": "string", "description": "For escalate: what you would answer."},
      "reason": {"type": "string", "description": "Why, for the record."}}}}}
}"#;

impl Settings {
    /// The rules with their numbers, from 1.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules.iter().enumerate().map(|(index, rule)| (index + 1, rule))
    }

    /// Finds a rule that cannot work.
    ///
    /// # Errors
    /// Its number and what is wrong.
    pub fn check(&self) -> Result<(), String> {
        self.numbered()
            .try_for_each(|(number, rule)| rule.check().map_err(|why| format!("Rule {number} of the policy {why}.")))
    }
}

/// A permission request as the rules look at it.
pub struct Wanted {
    tool: String,
    command: String,
    paths: Vec<String>,
    /// The tool's arguments.
    pub input: Value,
}

impl Wanted {
    /// Reads a request.
    pub fn new(request: &PermissionRequest, place: &Place) -> Self {
        let input: Value = serde_json::from_str(&request.input).unwrap_or(Value::Null);
        let text = |field: &str| input.get(field).and_then(Value::as_str).map(str::to_owned);
        let named = ["file_path", "path", "notebook_path"]
            .iter()
            .filter_map(|field| text(field))
            .chain(request.blocked_path.clone());
        let paths = named.map(|path| from_root(&path, place)).collect();
        Self { tool: request.tool.clone(), command: text("command").unwrap_or_default(), paths, input }
    }

    /// Whether its command is one program with its arguments, or there is none.
    pub fn is_single(&self) -> bool {
        !self.command.contains([';', '&', '|', '\n', '`', '$', '<', '>', '(', ')', '{', '}'])
    }

    /// The parts of a compound command, and the whole.
    fn commands(&self) -> impl Iterator<Item = &str> {
        let parts = self.command.split([';', '&', '|', '\n', '(', ')', '`', '{', '}']);
        std::iter::once(self.command.trim()).chain(parts.map(str::trim)).filter(|part| !part.is_empty())
    }
}

/// A path from the root of the worktree that it lies in; as it is where it lies in none.
fn from_root(path: &str, place: &Place) -> String {
    let absolute = place.absolute(path).unwrap_or_else(|| path.to_owned());
    let inside =
        place.writable.iter().find_map(|root| absolute.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/'));
    inside.map_or_else(|| absolute.clone(), str::to_owned)
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        if let Some(Err(error)) = self.matches.as_deref().map(Regex::new) {
            return Err(format!("has a wrong regular expression: {error}"));
        }
        match self.answer {
            Verb::Reply if self.message.trim().is_empty() => Err("replies without a message".into()),
            Verb::Choose if self.choose.trim().is_empty() => Err("does not say what to choose".into()),
            _ => Ok(()),
        }
    }

    /// Whether it speaks of texts only, not of tools.
    fn is_about_text(&self) -> bool {
        self.tool.is_none() && self.command.is_none() && self.path.is_none()
    }

    fn fits_text(&self, text: &str) -> bool {
        let words = self.text.as_deref().is_none_or(|words| text.to_lowercase().contains(&words.to_lowercase()));
        let matched = self.matches.as_deref().is_none_or(|m| Regex::new(m).is_ok_and(|regex| regex.is_match(text)));
        words && matched
    }

    /// Whether it fits the end of a turn.
    pub fn fits_turn(&self, text: &str) -> bool {
        let answers = matches!(self.answer, Verb::Reply | Verb::Finish | Verb::Escalate | Verb::Pass);
        answers && self.is_about_text() && self.fits_text(text)
    }

    /// Whether it fits a structured question.
    pub fn fits_question(&self, question: &Question) -> bool {
        let answers = matches!(self.answer, Verb::Choose | Verb::Reply | Verb::Escalate | Verb::Pass);
        let offered = self.answer != Verb::Choose || question.choices.iter().any(|choice| self.takes(choice));
        answers && offered && self.is_about_text() && self.fits_text(&format!("{} {}", question.header, question.text))
    }

    /// Whether it takes a choice.
    pub fn takes(&self, choice: &Choice) -> bool {
        choice.label.to_lowercase().contains(&self.choose.trim().to_lowercase())
    }

    /// Whether it fits a permission request. One that allows looks at the whole command; others at each part of it, so
    /// that nothing hides behind `&&`.
    pub fn fits_permission(&self, wanted: &Wanted) -> bool {
        if !matches!(self.answer, Verb::Allow | Verb::Deny | Verb::Escalate | Verb::Pass)
            || self.text.is_some()
            || self.matches.is_some()
        {
            return false;
        }
        let tool = self.tool.as_deref().is_none_or(|pattern| fits(pattern, &wanted.tool));
        let command = self.command.as_deref().is_none_or(|pattern| {
            let count = if self.answer == Verb::Allow { 1 } else { usize::MAX };
            wanted.commands().take(count).any(|command| fits(pattern, command))
        });
        let path = self.path.as_deref().is_none_or(|pattern| {
            let fit = |path: &String| fits_path(pattern, path);
            match self.answer {
                Verb::Allow => !wanted.paths.is_empty() && wanted.paths.iter().all(fit),
                _ => wanted.paths.iter().any(fit),
            }
        });
        tool && command && path
    }
}
