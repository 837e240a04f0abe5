//! Codes by which a browser gets its cookie: good once, for ten minutes, and few at a time.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// For how long a code is good.
pub const CODE_LIFETIME: Duration = Duration::from_mins(10);

/// Codes that are good at the same time; a new one beyond that ends the oldest.
const MAX_CODES: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Codes {
    good: Mutex<Vec<(blake3::Hash, Instant)>>,
}

impl Codes {
    pub(super) fn make(&self) -> String {
        // Two random UUIDs have 244 random bits between them.
        let code = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.retain(|(_, made)| made.elapsed() < CODE_LIFETIME);
        if good.len() == MAX_CODES {
            good.remove(0);
        }
        good.push((blake3::hash(code.as_bytes()), Instant::now()));
        code
    }

    pub(super) fn redeem(&self, code: &str) -> bool {
        // The comparison of hashes takes the same time for every code.
        let hash = blake3::hash(code.as_bytes());
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.retain(|(_, made)| made.elapsed() < CODE_LIFETIME);
        let found = good.iter().position(|(known, _)| *known == hash);
        found.is_some_and(|at| {
            good.remove(at);
            true
        })
    }
}
