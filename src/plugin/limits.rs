//! How far one call of a plugin may go: sizes, counts, memory. The limits that authors must know are documented in
//! `wit/`; here they are written once, for the host to hold plugins to them.

use wasmtime::ResourceLimiter;

/// Bytes of a component.
pub(super) const COMPONENT_BYTES: u64 = 64 * 1024 * 1024;
/// A component up to this size is expected to fit the instance pool.
pub(super) const POOLED_COMPONENT_BYTES: usize = 2 * 1024 * 1024;

/// Calls of capabilities in one call of a plugin.
pub(super) const CAPABILITY_CALLS: u32 = 10_000;
/// Bytes that capabilities hand over in one call of a plugin, beside those of `model`.
pub(super) const CAPABILITY_BYTES: u64 = 64 * 1024 * 1024;

/// Lines of log in one call.
pub(super) const LOG_LINES: u32 = 100;
/// Bytes of a line of log.
pub(super) const LOG_LINE_BYTES: usize = 4 * 1024;

/// Bytes of a key of `state`.
pub(super) const STATE_KEY_BYTES: usize = 256;
/// Bytes of a value of `state`.
pub(super) const STATE_VALUE_BYTES: usize = 64 * 1024;

/// Bytes of a path of `workspace`.
pub(super) const PATH_BYTES: usize = 4 * 1024;
/// Bytes of one `workspace.read`, and of a `workspace.diff`.
pub(super) const READ_BYTES: usize = 1024 * 1024;
/// Entries of one `workspace.list`.
pub(super) const LIST_ENTRIES: usize = 10_000;

/// Bytes of a prompt of `model`.
pub(super) const PROMPT_BYTES: usize = 256 * 1024;
/// Bytes of a schema of `model`.
pub(super) const SCHEMA_BYTES: usize = 64 * 1024;
/// Levels of a schema of `model`.
pub(super) const SCHEMA_DEPTH: usize = 48;

/// Bytes of what a plugin hands over at once: the arguments of a capability or its own answer.
pub(super) const ANSWER_BYTES: usize = 1024 * 1024;
/// The same for the cases of a test run, of which there can be many thousands.
pub(super) const CASES_BYTES: usize = 16 * 1024 * 1024;
/// Handles of resources; the interface has none.
pub(super) const HANDLES: usize = 1_000;

/// Core instances, memories and tables of one component: wide enough for an interpreter and its libraries.
pub(super) const CORE_INSTANCES: usize = 100;
/// See [`CORE_INSTANCES`].
pub(super) const MEMORIES: usize = 4;
/// See [`CORE_INSTANCES`].
pub(super) const TABLES: usize = 20;
/// Elements of all tables together.
const TABLE_ELEMENTS: usize = 200_000;

/// Holds an instance to its memory, and remembers whether it wanted more.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    limit: usize,
    memory: usize,
    elements: usize,
    exceeded: bool,
}

impl MemoryLimit {
    /// A limit for all memories of an instance together.
    pub(super) fn new(bytes: u64) -> Self {
        Self { limit: usize::try_from(bytes).unwrap_or(usize::MAX), memory: 0, elements: 0, exceeded: false }
    }

    /// Whether more was wanted than allowed.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded
    }
}

/// The whole after one of its parts grew, if that is within the limit.
fn grown(whole: usize, current: usize, desired: usize, limit: usize) -> Option<usize> {
    whole.checked_add(desired.saturating_sub(current)).filter(|whole| *whole <= limit)
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum && maximum < self.limit) {
            return Ok(false);
        }
        let grown = grown(self.memory, current, desired, self.limit);
        self.exceeded |= grown.is_none();
        self.memory = grown.unwrap_or(self.memory);
        Ok(grown.is_some())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let grown = grown(self.elements, current, desired, TABLE_ELEMENTS);
        self.elements = grown.unwrap_or(self.elements);
        Ok(grown.is_some())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memories_of_an_instance_share_one_limit() {
        let mut limit = MemoryLimit::new(100);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(!limit.memory_growing(0, 60, None).unwrap());
        assert!(limit.exceeded());
        assert!(limit.memory_growing(60, 100, None).unwrap());
    }

    #[test]
    fn a_modules_own_maximum_is_not_the_hosts_limit() {
        let mut limit = MemoryLimit::new(100);
        assert!(!limit.memory_growing(0, 60, Some(50)).unwrap());
        assert!(!limit.exceeded());
    }

    #[test]
    fn tables_are_limited_too() {
        let mut limit = MemoryLimit::new(100);
        assert!(limit.table_growing(0, TABLE_ELEMENTS, None).unwrap());
        assert!(!limit.table_growing(TABLE_ELEMENTS, TABLE_ELEMENTS + 1, None).unwrap());
    }
}
