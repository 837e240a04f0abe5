//! Chains: which plugins decide, in which order, for a task, a project or the whole server.

use serde::{Deserialize, Serialize};

/// What a chain decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChainKind {
    /// How to answer the agent.
    Responder,
    /// Whether the work is done.
    Criteria,
    /// How to test it.
    TestRunner,
}

impl ChainKind {
    /// The word used on the command line and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Responder => "responder",
            Self::Criteria => "criteria",
            Self::TestRunner => "test-runner",
        }
    }
}

/// Plugin names by chain. A chain that is absent is inherited; one that is empty is empty.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Chains {
    /// How to answer the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responder: Option<Vec<String>>,
    /// Whether the work is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Vec<String>>,
    /// How to test it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_runner: Option<Vec<String>>,
}

impl Chains {
    /// The chain of one kind, if it is given here.
    #[must_use]
    pub fn get(&self, kind: ChainKind) -> Option<&[String]> {
        match kind {
            ChainKind::Responder => self.responder.as_deref(),
            ChainKind::Criteria => self.criteria.as_deref(),
            ChainKind::TestRunner => self.test_runner.as_deref(),
        }
    }

    /// The chain that holds: the first of these that gives one (a task's, its project's, the server's).
    #[must_use]
    pub fn in_force<'a>(kind: ChainKind, from_nearest: impl IntoIterator<Item = &'a Self>) -> &'a [String] {
        from_nearest.into_iter().find_map(|chains| chains.get(kind)).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_chain_is_inherited_and_an_empty_one_is_empty() {
        let server = Chains {
            responder: Some(vec!["heuristic".into()]),
            criteria: Some(vec!["model".into()]),
            test_runner: None,
        };
        let task = Chains { responder: Some(vec![]), ..Chains::default() };
        let from_nearest = [&task, &Chains::default(), &server];
        assert!(Chains::in_force(ChainKind::Responder, from_nearest).is_empty());
        assert_eq!(Chains::in_force(ChainKind::Criteria, from_nearest), ["model"]);
        assert!(Chains::in_force(ChainKind::TestRunner, from_nearest).is_empty());
    }
}
