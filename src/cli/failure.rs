//! What a command ends with when it does not succeed: one message, a hint, an exit code. The one place that prints them.

use super::settings::SettingError;
use std::process::ExitCode;

/// The exit codes, for `--help`.
pub const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed or refused, 2 wrong arguments or settings, 3 no server, 4 no such thing, \
5 not in this status; watching a task: 10 it FAILED, 11 EXHAUSTED, 12 STOPPED.";

/// Why a command did not succeed.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// An ordinary failure.
    pub fn error(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: 1 }
    }

    /// Wrong arguments or settings.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, ..Self::error(message) }
    }

    /// No server answers.
    pub fn no_server(message: impl Into<String>) -> Self {
        Self { code: 3, ..Self::error(message) }
    }

    /// The server refused with a problem.
    pub fn refused(status: u16, message: impl Into<String>) -> Self {
        let code = match status {
            404 => 4,
            409 => 5,
            _ => 1,
        };
        Self { code, ..Self::error(message) }
    }

    /// What the user can do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Prints it to standard error and tells the exit code.
    pub fn report(&self) -> ExitCode {
        use std::io::Write as _;
        let style = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
        let mut out = anstream::stderr();
        // Nobody can be told when standard error is closed.
        writeln!(out, "{style}error:{style:#} {}", self.message).ok();
        if let Some(hint) = &self.hint {
            let style = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Cyan.into()));
            writeln!(out, "{style}hint:{style:#} {hint}").ok();
        }
        ExitCode::from(self.code)
    }
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        Self::usage(error.to_string())
    }
}
