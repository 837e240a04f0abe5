//! The `taskwright` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    taskwright::cli::run()
}
