//! `taskwright project …`.

use super::{
    Failure,
    client::{Client, ServerArgs, escape},
    print,
};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `project`.
#[derive(clap::Args, Debug)]
pub struct ProjectArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: ProjectCommand,
}

#[derive(Subcommand, Debug)]
enum ProjectCommand {
    /// Adds a repository with its settings
    Add(AddArgs),
    /// Lists projects
    List,
    /// Shows one with its settings
    Show {
        /// Its name or id
        project: String,
    },
    /// Changes settings: `setup_commands='["npm ci"]'`, `notes="Mind the tabs."`
    Set {
        /// Its name or id
        project: String,
        /// NAME=VALUE, where a value that is JSON is taken as such
        #[arg(required = true, value_name = "NAME=VALUE")]
        settings: Vec<String>,
    },
    /// Removes projects; their repositories stay as they are
    Remove {
        /// Their names or ids
        #[arg(required = true)]
        projects: Vec<String>,
    },
}

#[derive(clap::Args, Debug)]
struct AddArgs {
    /// Its name
    name: String,
    /// The repository, or a folder inside one
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The branch that tasks start from and merge into
    #[arg(long, default_value = "main")]
    default_branch: String,
    /// What every task's agent is told
    #[arg(long)]
    notes: Option<String>,
    /// A shell command that prepares a worktree
    #[arg(long = "setup", value_name = "COMMAND")]
    setup_commands: Vec<String>,
    /// The command that runs the tests
    #[arg(long = "test", value_name = "COMMAND")]
    test_command: Option<String>,
    /// Globs of ignored files that a worktree needs, such as `.env*`
    #[arg(long = "copy", value_name = "GLOB")]
    copy_files: Vec<String>,
}

/// Does what the arguments say.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub async fn run(args: ProjectArgs) -> Result<ExitCode, Failure> {
    let client = Client::find(&args.server)?;
    let as_json = args.server.json;
    match args.command {
        ProjectCommand::Add(args) => add(&client, args, as_json).await?,
        ProjectCommand::List => list(&client, as_json).await?,
        ProjectCommand::Show { project } => print::json(&find(&client, &project).await?)?,
        ProjectCommand::Set { project, settings } => set(&client, &project, &settings, as_json).await?,
        ProjectCommand::Remove { projects } => {
            for project in projects {
                let found = find(&client, &project).await?;
                let path = format!("/projects/{}", escape(print::text(&found, "id")));
                client.command(Method::DELETE, &path, &[]).await?;
                print::line(format!("{} removed; its repository stays", print::bold(print::text(&found, "name"))));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(client: &Client, args: AddArgs, as_json: bool) -> Result<(), Failure> {
    let path = args
        .path
        .canonicalize()
        .map_err(|error| Failure::usage(format!("{} cannot be used: {error}", args.path.display())))?;
    let mut config = json!({});
    if let Some(notes) = args.notes {
        config["notes"] = json!(notes);
    }
    if !args.setup_commands.is_empty() {
        config["setup_commands"] = json!(args.setup_commands);
    }
    if let Some(command) = args.test_command {
        config["test_command"] = json!(command);
    }
    if !args.copy_files.is_empty() {
        config["copy_files"] = json!(args.copy_files);
    }
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "operator".to_owned());
    let body = json!({ "name": args.name, "path": path, "user_id": user, "default_branch": args.default_branch, "config": config });
    let project = client.post("/projects", &body).await?;
    if as_json {
        return print::json(&project);
    }
    print::line(format!("{} added", print::bold(print::text(&project, "name"))));
    Ok(())
}

async fn list(client: &Client, as_json: bool) -> Result<(), Failure> {
    let projects = client.get_list("/projects", &[("limit", "500".to_owned())]).await?.body;
    if as_json {
        return print::json(&projects);
    }
    let rows: Vec<_> = projects
        .as_array()
        .into_iter()
        .flatten()
        .map(|project| {
            ["name", "path", "default_branch", "id"].map(|key| print::text(project, key).to_owned()).to_vec()
        })
        .collect();
    if rows.is_empty() {
        print::note("no projects; add one with: taskwright project add NAME DIR");
    } else {
        print::table(&["name", "path", "branch", "id"], rows);
    }
    Ok(())
}

async fn set(client: &Client, project: &str, settings: &[String], as_json: bool) -> Result<(), Failure> {
    let found = find(client, project).await?;
    let mut config = found.get("config").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
    for pair in settings {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Failure::usage(format!("`{pair}` is not of the form NAME=VALUE")))?;
        config[name] = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    }
    let path = format!("/projects/{}", escape(print::text(&found, "id")));
    let changed = client.put(&path, &json!({ "config": config })).await?;
    if as_json { print::json(&changed) } else { print::json(&changed["config"]) }
}

/// A project by its id or its name.
async fn find(client: &Client, project: &str) -> Result<Value, Failure> {
    let projects = client.get_list("/projects", &[("limit", "500".to_owned())]).await?.body;
    let mut found = projects
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| print::text(one, "id") == project || print::text(one, "name") == project);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => Err(Failure::usage(format!("several projects are called `{project}`; give the id"))),
        (None, _) => Err(Failure::refused(404, format!("there is no project `{project}`"))
            .hint("`taskwright project list` shows those that are")),
    }
}
