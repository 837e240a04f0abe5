//! The process that owns one agent and outlives the server.
/// Runs the supervisor of one run: the hidden subcommand `supervise RUN_DIR` of the binary. To be called before
/// anything else is set up. Reads what to start from standard input, which is why no argument holds it.
#[must_use]
pub fn main(run_dir: &std::path::Path) -> std::process::ExitCode {
    todo!()
}

/// Ids of the inputs (turns, and answers by request id) that were written whole to the agent of a run.
///
/// # Errors
/// When the record exists and cannot be read.
pub fn delivered_inputs(run_dir: &std::path::Path) -> std::io::Result<std::collections::BTreeSet<String>> {
    todo!()
}
