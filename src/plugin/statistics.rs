//! How a plugin does: calls, failures, time. Kept while the server runs, over all versions of the plugin.

use super::CallError;
use serde::Serialize;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What is known of a plugin's calls since the server started.
#[derive(Clone, PartialEq, Default, Debug, Serialize, utoipa::ToSchema)]
pub struct PluginStatistics {
    /// Calls.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Time of all calls in microseconds, waiting for capabilities included.
    pub total_us: u64,
    /// Time of the slowest call in microseconds.
    pub slowest_us: u64,
    /// How the last failure read.
    pub last_failure: Option<String>,
}

/// Counts.
#[derive(Default, Debug)]
pub(super) struct Statistics {
    calls: AtomicU64,
    failures: AtomicU64,
    total_us: AtomicU64,
    slowest_us: AtomicU64,
    last_failure: Mutex<Option<String>>,
}

impl Statistics {
    pub(super) fn count(&self, duration: Duration, failure: Option<&CallError>) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(us, Ordering::Relaxed);
        self.slowest_us.fetch_max(us, Ordering::Relaxed);
        if let Some(failure) = failure {
            self.failures.fetch_add(1, Ordering::Relaxed);
            *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.to_string());
        }
    }

    pub(super) fn view(&self) -> PluginStatistics {
        PluginStatistics {
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            total_us: self.total_us.load(Ordering::Relaxed),
            slowest_us: self.slowest_us.load(Ordering::Relaxed),
            last_failure: self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
