//! What is kept of a command's output: its head and its tail.

/// Which stream a piece of output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Output within a limit: everything, or the beginning and the end of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// The text, with wrong UTF-8 replaced and a marker line where something was left out.
    pub text: String,
    /// How many bytes were written in all.
    pub total_bytes: u64,
    /// How many of them are not in `text`.
    pub omitted_bytes: u64,
}
