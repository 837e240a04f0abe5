//! The command line: `serve`, and client commands that speak REST to a running server. What must not live here: rules
//! about tasks. What a command prints goes to standard output, as a table or, with `--json`, as the server's own JSON;
//! everything about it to standard error.

mod client;
mod config;
mod data_dir;
mod failure;
mod plugin;
mod print;
mod project;
mod serve;
pub mod settings;
mod task;
mod watch;

pub use failure::Failure;

use clap::{CommandFactory as _, Parser, Subcommand};
use settings::SettingsArgs;
use std::process::ExitCode;

/// Takes software tasks, gives each a git worktree, drives a coding agent through it, and leaves a tested branch.
#[derive(Parser, Debug)]
#[command(name = "taskwright", version, max_term_width = 100, after_help = failure::EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs the server
    Serve(serve::ServeArgs),
    /// Makes, watches and steers tasks
    Task(task::TaskArgs),
    /// Keeps projects: repositories with their settings
    Project(project::ProjectArgs),
    /// Shows and checks plugins
    Plugin(plugin::PluginArgs),
    /// Prints a link that opens the web pages, good once and for ten minutes
    Open {
        #[command(flatten)]
        server: client::ServerArgs,
    },
    /// Prints the settings in force and where each comes from
    Config {
        #[command(flatten)]
        settings: SettingsArgs,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// A settings file with every setting and its default, to start from
        #[arg(long, conflicts_with = "json")]
        sample: bool,
    },
    /// Prints the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the program: reads the arguments, does what they say, tells the exit code.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli.command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn execute(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Task(args) => block_on(task::run(args)),
        Command::Project(args) => block_on(project::run(args)),
        Command::Plugin(args) => block_on(plugin::run(args)),
        Command::Open { server } => block_on(open(server)),
        Command::Config { settings, json, sample } => config::run(&settings, json, sample),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "taskwright", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Client commands need one thread.
fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::error(format!("cannot start: {error}")))?
        .block_on(work)
}

async fn open(server: client::ServerArgs) -> Result<ExitCode, Failure> {
    let client = client::Client::find(&server)?;
    let code = client.command(reqwest::Method::POST, "/login-codes", &[]).await?;
    print::line(client.page(code["path"].as_str().unwrap_or("/")));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }
}
