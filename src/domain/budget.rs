//! What a task may use, what it has used, and the one function that compares them.

use serde::{Deserialize, Serialize};

/// The number of iterations that a task gets when none is given.
pub const DEFAULT_MAX_ITERATIONS: u32 = 20;

/// What a task may use. `None` is no limit.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Limits {
    /// Turns of the conversation.
    pub max_iterations: Option<u32>,
    /// Tokens of input, output and cache writes together.
    pub max_tokens: Option<u64>,
    /// United States dollars, as the agent reports them.
    pub max_cost_usd: Option<f64>,
    /// Seconds of running time; waiting for a person does not count.
    pub max_duration_seconds: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_iterations: Some(DEFAULT_MAX_ITERATIONS),
            max_tokens: None,
            max_cost_usd: None,
            max_duration_seconds: None,
        }
    }
}

/// Tokens by kind, as the agent reports them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct TokenCount {
    /// Tokens read that no cache had.
    pub input: u64,
    /// Tokens written by the model.
    pub output: u64,
    /// Tokens written into the prompt cache.
    pub cache_creation: u64,
    /// Tokens read from the prompt cache.
    pub cache_read: u64,
}

impl TokenCount {
    /// What counts against `max_tokens`: everything but reads from the cache, which repeat the same text at each turn.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output).saturating_add(self.cache_creation)
    }

    /// Both counts together.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_creation: self.cache_creation.saturating_add(other.cache_creation),
            cache_read: self.cache_read.saturating_add(other.cache_read),
        }
    }
}

/// What a task has used.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Spent {
    /// Turns that have ended.
    pub iterations: u32,
    /// Tokens, side questions of plugins included.
    pub tokens: TokenCount,
    /// United States dollars.
    pub cost_usd: f64,
    /// Seconds in which the task ran.
    pub running_seconds: f64,
}

/// A limit that was reached.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum Exceeded {
    /// Turns.
    #[error("the limit of {limit} iterations is used up; `retry` adds more")]
    Iterations {
        /// The limit.
        limit: u32,
    },
    /// Tokens.
    #[error("{used} tokens were used and the limit is {limit}; `retry` with `additional_tokens` adds more")]
    Tokens {
        /// Tokens used.
        used: u64,
        /// The limit.
        limit: u64,
    },
    /// Money.
    #[error("${used:.4} were spent and the limit is ${limit:.4}; raise `max_cost_usd` and retry")]
    Cost {
        /// Dollars spent.
        used: f64,
        /// The limit.
        limit: f64,
    },
    /// Running time.
    #[error("the task ran for {used} seconds and the limit is {limit}; raise `max_duration_seconds` and retry")]
    Duration {
        /// Seconds of running time.
        used: u64,
        /// The limit.
        limit: u64,
    },
}

impl Limits {
    /// The first limit that is reached, if one is.
    #[must_use]
    pub fn exceeded(&self, spent: &Spent) -> Option<Exceeded> {
        if let Some(limit) = self.max_iterations.filter(|limit| spent.iterations >= *limit) {
            return Some(Exceeded::Iterations { limit });
        }
        if let Some(limit) = self.max_tokens.filter(|limit| spent.tokens.total() >= *limit) {
            return Some(Exceeded::Tokens { used: spent.tokens.total(), limit });
        }
        if let Some(limit) = self.max_cost_usd.filter(|limit| spent.cost_usd >= *limit) {
            return Some(Exceeded::Cost { used: spent.cost_usd, limit });
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let seconds = spent.running_seconds.max(0.0) as u64;
        self.max_duration_seconds
            .filter(|limit| seconds >= *limit)
            .map(|limit| Exceeded::Duration { used: seconds, limit })
    }

    /// These limits, with the gaps filled from others (a task's from its project's).
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            max_iterations: self.max_iterations.or(other.max_iterations),
            max_tokens: self.max_tokens.or(other.max_tokens),
            max_cost_usd: self.max_cost_usd.or(other.max_cost_usd),
            max_duration_seconds: self.max_duration_seconds.or(other.max_duration_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(iterations: u32, tokens: u64, cost_usd: f64, running_seconds: f64) -> Spent {
        Spent { iterations, tokens: TokenCount { input: tokens, ..TokenCount::default() }, cost_usd, running_seconds }
    }

    #[test]
    fn nothing_is_exceeded_below_every_limit() {
        let limits = Limits {
            max_iterations: Some(2),
            max_tokens: Some(10),
            max_cost_usd: Some(1.0),
            max_duration_seconds: Some(5),
        };
        assert_eq!(limits.exceeded(&spent(1, 9, 0.99, 4.9)), None);
    }

    #[test]
    fn each_limit_is_reached_by_its_own_measure() {
        let none = Limits { max_iterations: None, max_tokens: None, max_cost_usd: None, max_duration_seconds: None };
        let used = spent(2, 10, 1.0, 5.0);
        assert_eq!(none.exceeded(&used), None);
        assert!(matches!(
            Limits { max_iterations: Some(2), ..none }.exceeded(&used),
            Some(Exceeded::Iterations { limit: 2 })
        ));
        assert!(matches!(
            Limits { max_tokens: Some(10), ..none }.exceeded(&used),
            Some(Exceeded::Tokens { used: 10, limit: 10 })
        ));
        assert!(matches!(Limits { max_cost_usd: Some(1.0), ..none }.exceeded(&used), Some(Exceeded::Cost { .. })));
        assert!(matches!(
            Limits { max_duration_seconds: Some(5), ..none }.exceeded(&used),
            Some(Exceeded::Duration { used: 5, limit: 5 })
        ));
    }

    #[test]
    fn reads_from_the_cache_do_not_count_against_the_limit() {
        assert_eq!(TokenCount { input: 1, output: 2, cache_creation: 3, cache_read: 1_000 }.total(), 6);
    }
}
