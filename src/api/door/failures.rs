//! How often an address was wrong in the last minute. Only wrong attempts are slowed down: the right token is never refused.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Wrong attempts that an address has in [`WINDOW`].
const MAX_FAILURES: u32 = 100;
const WINDOW: Duration = Duration::from_mins(1);

/// Addresses that are remembered; beyond that all are forgotten.
const MAX_ADDRESSES: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Failures {
    counts: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Failures {
    /// Counts an attempt; answers for how many seconds the address must wait if it had too many.
    pub(super) fn note(&self, from: IpAddr, attempted: bool) -> Option<u64> {
        if !attempted {
            return None;
        }
        let now = Instant::now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_ADDRESSES && !counts.contains_key(&from) {
            counts.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
            if counts.len() >= MAX_ADDRESSES {
                counts.clear();
            }
        }
        let (since, count) = counts.entry(from).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        (*count > MAX_FAILURES).then(|| (WINDOW.saturating_sub(now.duration_since(*since))).as_secs().max(1))
    }
}
