//! Who a process is beyond its number, which the system gives to others again.

use serde::{Deserialize, Serialize};

/// A process that can be told apart from any later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Its number.
    pub pid: u32,
    /// When it began, in the system's own ticks since the machine started.
    pub start_time: u64,
    /// The start of the machine in which both hold.
    pub boot_id: String,
}

impl ProcessIdentity {
    /// The identity of a living process; `None` if there is none of that number.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, start_time: start_time(pid)?, boot_id: boot_id() })
    }

    /// Whether this very process is alive still.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.boot_id == boot_id() && start_time(self.pid) == Some(self.start_time)
    }
}

/// When a process began, in ticks since the machine started; `None` if it is gone or only waits to be reaped.
#[must_use]
pub fn start_time(pid: u32) -> Option<u64> {
    let stat = super::tree::Stat::read(pid)?;
    (!stat.is_zombie()).then_some(stat.start_time)
}

/// An identifier of the machine's current uptime; empty where the system has none.
#[must_use]
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive() {
        let identity = ProcessIdentity::of(std::process::id()).unwrap();
        assert!(identity.is_alive());
    }

    #[test]
    fn the_same_number_with_another_start_is_someone_else() {
        let mut identity = ProcessIdentity::of(std::process::id()).unwrap();
        identity.start_time += 1;
        assert!(!identity.is_alive());
    }

    #[test]
    fn a_process_of_an_earlier_uptime_is_gone() {
        let mut identity = ProcessIdentity::of(std::process::id()).unwrap();
        identity.boot_id = "another".to_owned();
        assert!(!identity.is_alive());
    }

    #[test]
    fn a_number_that_nobody_has_is_no_process() {
        assert_eq!(ProcessIdentity::of(u32::MAX), None);
    }
}
