//! `taskwright serve`: puts the rooms together, starts them in order, and ends them in order.

use super::{
    Failure,
    data_dir::{self, DataDir},
    print,
    settings::{self, Settings, SettingsArgs},
};
use std::process::ExitCode;

/// Arguments of `serve`.
#[derive(clap::Args, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// At the end, stops the agents too; otherwise they work on and the next server takes them up
    #[arg(long)]
    stop_agents: bool,
}

/// Runs the server until it is told to end.
///
/// # Errors
/// When it cannot start, with one line that says why and what to do.
pub fn run(args: &ServeArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::new(&settings::read(&args.settings)?)?;
    todo!()
}
