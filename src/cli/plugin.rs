//! `taskwright plugin …`: what is loaded, and whether a file could be.

use super::{
    Failure,
    client::{Client, ServerArgs},
    print,
};
use crate::plugin::inspect;
use clap::Subcommand;
use serde_json::Value;
use std::{path::PathBuf, process::ExitCode, time::Duration};

/// Arguments of `plugin`.
#[derive(clap::Args, Debug)]
pub struct PluginArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Subcommand, Debug)]
enum PluginCommand {
    /// Lists the plugins that the server has loaded
    List,
    /// Checks a component without a server: what it is, what it asks for, whether it would load
    Check {
        /// The `.wasm` file
        file: PathBuf,
    },
}

/// Does what the arguments say.
///
/// # Errors
/// When the server cannot be reached, or the file is no plugin.
pub async fn run(args: PluginArgs) -> Result<ExitCode, Failure> {
    match args.command {
        PluginCommand::List => list(&Client::find(&args.server)?, args.server.json).await,
        PluginCommand::Check { file } => check(&file, args.server.json).await,
    }
}

async fn list(client: &Client, as_json: bool) -> Result<ExitCode, Failure> {
    let plugins = client.get("/plugins").await?;
    if as_json {
        print::json(&plugins)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = plugins.as_array().into_iter().flatten().map(row).collect();
    print::table(&["kind", "name", "version", "granted", "from", "about"], rows);
    Ok(ExitCode::SUCCESS)
}

fn row(plugin: &Value) -> Vec<String> {
    let words = |key: &str| {
        let items = plugin.get(key).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
    };
    let from = if plugin["built_in"].as_bool() == Some(true) { "built in" } else { print::text(plugin, "file") };
    let about = match print::text(plugin, "problem") {
        "" => print::first_line(print::text(plugin, "summary"), 60),
        problem => format!("problem: {problem}"),
    };
    vec![
        print::text(plugin, "chain").to_owned(),
        print::text(plugin, "name").to_owned(),
        print::text(plugin, "version").to_owned(),
        words("granted"),
        from.to_owned(),
        about,
    ]
}

async fn check(file: &std::path::Path, as_json: bool) -> Result<ExitCode, Failure> {
    let component =
        std::fs::read(file).map_err(|error| Failure::error(format!("cannot read {}: {error}", file.display())))?;
    let inspection = inspect(component, Duration::from_secs(2), 64 << 20)
        .await
        .map_err(|error| Failure::error(format!("{} is no usable plugin: {error}", file.display())))?;
    let view = inspection.view;
    let mut value = serde_json::to_value(&view).map_err(|error| Failure::error(error.to_string()))?;
    if as_json {
        value["imports"] = inspection.imports.into();
        value["exports"] = inspection.exports.into();
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let wants =
        value["wants"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    print::line(format!("{} {}  {}", print::bold(&view.id.name), view.id.version, view.chain.as_str()));
    print::line(&view.summary);
    print::line(format!("size     {} bytes", print::grouped(view.size_bytes)));
    print::line(format!("asks for {}", if wants.is_empty() { "nothing" } else { &wants }));
    print::line(format!("imports  {}", inspection.imports.join(", ")));
    print::line(format!("exports  {}", inspection.exports.join(", ")));
    print::line(format!("hash     {}", view.id.hash));
    Ok(ExitCode::SUCCESS)
}
