//! Claude Code's command line.
use super::AgentError;
use std::ffi::OsString;
/// Splits the setting `CLAUDE_CLI_COMMAND` as a shell would, without expanding anything.
///
/// # Errors
/// [`AgentError::BadCommand`] when it is empty or a quote is left open.
pub fn split_command(text: &str) -> Result<Vec<OsString>, AgentError> {
    todo!()
}
