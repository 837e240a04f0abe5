//! Claude Code as an [`crate::agent::Agent`].
/// Claude Code.
#[derive(Debug, Clone, Default)]
pub struct ClaudeCode;
