//! Identifiers. Each kind has a type of its own, so that a task's id cannot be given where a project's is wanted.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid")]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier whose order follows the time at which it was made (UUID version 7).
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A task.
    TaskId
);
id!(
    /// One entry of a task's conversation.
    InteractionId
);
id!(
    /// One input that a user gave; the same id names it in the queue and in the conversation.
    InputId
);
id!(
    /// A question that the agent, or a plugin, put to a person.
    QuestionId
);
id!(
    /// One call of a plugin.
    DecisionId
);
id!(
    /// A project: a repository with its settings.
    ProjectId
);
id!(
    /// A template in the prompt library.
    PromptId
);
id!(
    /// A project session: the container in which a client groups tasks.
    SessionId
);
id!(
    /// One test of one round.
    TestCaseId
);

impl TaskId {
    /// Eight hexadecimal digits that stand for the task in folder and branch names.
    ///
    /// They are the last of the id, which are random; the first of a version 7 id are the time.
    #[must_use]
    pub fn short(&self) -> String {
        let text = self.0.simple().to_string();
        text[text.len() - 8..].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_is_eight_hexadecimal_digits() {
        let short = TaskId::new().short();
        assert_eq!(short.len(), 8);
        assert!(short.bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = TaskId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
