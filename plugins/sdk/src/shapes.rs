//! Short ways to make the values that plugins answer.

use crate::answering::{Answer, Escalation, Response};
use crate::judging::Verdict;
use crate::testing::{CaseStatus, TestCase};
use crate::types::{Capability, CapabilityError, Description};

impl Description {
    /// A plugin without settings that asks for no capability.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            settings_schema: None,
            capabilities: Vec::new(),
        }
    }

    /// With a JSON schema of its settings.
    #[must_use]
    pub fn settings(self, schema: &str) -> Self {
        Self { settings_schema: Some(schema.to_owned()), ..self }
    }

    /// With capabilities that it wants to use.
    #[must_use]
    pub fn wants(self, capabilities: &[Capability]) -> Self {
        Self { capabilities: capabilities.to_vec(), ..self }
    }
}

impl Response {
    /// An answer with its reason.
    pub fn new(answer: Answer, reason: impl Into<String>) -> Self {
        Self { answer, reason: reason.into() }
    }

    /// Says this to the agent.
    pub fn reply(text: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Answer::Reply(text.into()), reason)
    }

    /// Allows the tool.
    pub fn allow(reason: impl Into<String>) -> Self {
        Self::new(Answer::Allow, reason)
    }

    /// Denies the tool; the agent reads why.
    pub fn deny(message: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Answer::Deny(message.into()), reason)
    }

    /// Has the user asked; the reason is also the one beside the answer.
    pub fn escalate(reason: impl Into<String>, suggestion: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::new(Answer::Escalate(Escalation { reason: reason.clone(), suggestion: suggestion.into() }), reason)
    }

    /// The work is done.
    pub fn finish(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::new(Answer::Finish(reason.clone()), reason)
    }

    /// Leaves it to the next of the chain.
    pub fn pass(reason: impl Into<String>) -> Self {
        Self::new(Answer::Pass, reason)
    }
}

impl Verdict {
    /// Whether it holds.
    pub fn is_met(&self) -> bool {
        matches!(self, Self::Met(_))
    }
}

impl TestCase {
    /// A test that has no output and no known duration.
    pub fn new(suite: impl Into<String>, name: impl Into<String>, status: CaseStatus) -> Self {
        Self { name: name.into(), suite: suite.into(), status, output: String::new(), duration_ms: None }
    }

    /// With what it printed.
    #[must_use]
    pub fn output(self, output: impl Into<String>) -> Self {
        Self { output: output.into(), ..self }
    }

    /// With its duration in milliseconds.
    #[must_use]
    pub fn took(self, duration_ms: Option<u64>) -> Self {
        Self { duration_ms, ..self }
    }
}

impl CapabilityError {
    /// Why, in a few words that a person reads.
    pub fn why(&self) -> &str {
        match self {
            Self::Denied => "the operator has not granted it",
            Self::NotFound => "there is no such thing",
            Self::Invalid(why) | Self::Limited(why) | Self::Failed(why) => why,
        }
    }
}
