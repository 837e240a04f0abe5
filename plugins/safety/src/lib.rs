//! What a plugin may answer for its user, and what it may not: nothing destructive, secret, paid for, published, or
//! outside the worktree. Every responder judges by these rules, whatever a model says. Only judgement lives here: how to
//! answer is the responder's own affair. Everything is a plain function of text; the same text gives the same verdict.

mod command;
mod place;
pub mod shell;
mod tool;
mod words;

pub use command::{Rules, judge_command};
pub use place::{Lies, Place, is_guarded, is_secret, normalize};
pub use tool::{ToolRules, judge_tool};
pub use words::{risk_in_proposal, risk_in_words};

/// What the rules say about a command, a tool or a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Ordinary work inside the worktree.
    Safe,
    /// No rule knows it: somebody else decides.
    Unknown(String),
    /// Nobody but the user decides.
    Risky(Risk),
    /// The settings forbid it.
    Denied(String),
}

/// Why something is left to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// The kind of risk.
    pub kind: RiskKind,
    /// In a few words, to follow "it".
    pub why: String,
}

/// Kinds of risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskKind {
    /// Data, history or work would be lost.
    Destructive,
    /// Keys, passwords, private files.
    Secret,
    /// Money would be spent.
    Paid,
    /// Something would leave the machine: pushed, published, deployed, sent.
    Published,
    /// It reaches beyond the worktree, or asks for more rights.
    Outside,
}

impl RiskKind {
    /// The word that a person reads.
    pub fn name(self) -> &'static str {
        match self {
            RiskKind::Destructive => "destructive",
            RiskKind::Secret => "secret",
            RiskKind::Paid => "paid for",
            RiskKind::Published => "published",
            RiskKind::Outside => "outside the worktree",
        }
    }
}

impl Risk {
    /// A risk with its reason.
    pub fn new(kind: RiskKind, why: impl Into<String>) -> Risk {
        Risk { kind, why: why.into() }
    }
}

impl std::fmt::Display for Risk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.why, self.kind.name())
    }
}

impl Verdict {
    /// Short for [`Verdict::Risky`].
    pub fn risky(kind: RiskKind, why: impl Into<String>) -> Verdict {
        Verdict::Risky(Risk::new(kind, why))
    }

    /// Short for [`Verdict::Unknown`].
    pub fn unknown(why: impl Into<String>) -> Verdict {
        Verdict::Unknown(why.into())
    }

    /// The graver of two; the first where they are alike.
    #[must_use]
    pub fn and(self, other: Verdict) -> Verdict {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(&self) -> u8 {
        match self {
            Verdict::Safe => 0,
            Verdict::Unknown(_) => 1,
            Verdict::Risky(_) => 2,
            Verdict::Denied(_) => 3,
        }
    }
}
