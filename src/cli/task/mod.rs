//! `taskwright task …`: making, listing, watching and steering tasks.

mod create;
mod show;

use super::{
    Failure,
    client::{Client, ServerArgs, task_path},
    print, watch,
};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use std::{io::Read as _, process::ExitCode};

/// Arguments of `task`.
#[derive(clap::Args, Debug)]
pub struct TaskArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: TaskCommand,
}

#[derive(Subcommand, Debug)]
enum TaskCommand {
    /// Makes a task, and starts it
    Create(Box<create::CreateArgs>),
    /// Lists tasks
    List(show::ListArgs),
    /// Shows one task with what it has found so far
    Show {
        /// Its name
        name: String,
    },
    /// Starts tasks, or resumes those that were stopped
    Start(Names),
    /// Stops tasks; their agent session and worktree stay
    Stop(Names),
    /// Resumes stopped tasks
    Resume(Names),
    /// Says something to a task, or answers its open question
    Input(InputArgs),
    /// Lists what waits for a person
    Questions {
        /// Of this task alone
        name: Option<String>,
    },
    /// Answers a question: a choice's label or number, `allow` or `deny`, or free text
    Answer {
        /// The task
        name: String,
        /// The answer
        answer: Vec<String>,
    },
    /// Shows what tasks do, live, until they end
    Watch {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
        /// Everything from the first event on
        #[arg(long)]
        all: bool,
    },
    /// Says that a task is done
    Complete(Names),
    /// Goes on with one more turn
    Continue {
        /// The task
        name: String,
        /// What to say
        input: Option<String>,
    },
    /// Gives an exhausted task more and goes on
    Retry {
        /// The task
        name: String,
        /// More iterations
        #[arg(long, default_value_t = 10)]
        iterations: u32,
        /// More tokens
        #[arg(long)]
        tokens: Option<u64>,
    },
    /// Makes a task with the same request
    Clone {
        /// The task
        name: String,
        /// The new task's name
        new_name: Option<String>,
        /// With a copy of the agent's session
        #[arg(long)]
        continue_session: bool,
    },
    /// Prints the difference to the base
    Diff {
        /// The task
        name: String,
    },
    /// Brings a task's branch into the project's default branch
    Merge {
        /// The task
        name: String,
    },
    /// Deletes tasks; what is not committed is kept under a ref, and the branch stays
    Delete(DeleteArgs),
}

#[derive(clap::Args, Debug)]
struct Names {
    /// The tasks' names
    #[arg(required = true)]
    names: Vec<String>,
    /// Watches until they end
    #[arg(long)]
    watch: bool,
}

#[derive(clap::Args, Debug)]
struct InputArgs {
    /// The task
    name: String,
    /// What to say; `-` reads standard input
    text: String,
    /// An image: PNG, JPEG, GIF or WebP
    #[arg(long, value_name = "FILE")]
    image: Vec<std::path::PathBuf>,
    /// Cuts the present turn short
    #[arg(long)]
    interrupt: bool,
    /// Goes before what waits already
    #[arg(long)]
    urgent: bool,
}

#[derive(clap::Args, Debug)]
struct DeleteArgs {
    /// The tasks' names
    #[arg(required = true)]
    names: Vec<String>,
    /// Stops a running task first
    #[arg(long)]
    stop: bool,
    /// Removes the branch as well
    #[arg(long)]
    branch: bool,
    /// Removes the branch even if its commits are nowhere else
    #[arg(long, requires = "branch")]
    confirm: bool,
    /// Leaves the worktree
    #[arg(long)]
    keep_worktree: bool,
}

/// Does what the arguments say.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub async fn run(args: TaskArgs) -> Result<ExitCode, Failure> {
    let client = Client::find(&args.server)?;
    let json = args.server.json;
    match args.command {
        TaskCommand::Create(args) => create::run(&client, *args, json).await,
        TaskCommand::List(args) => show::list(&client, args, json).await,
        TaskCommand::Show { name } => show::one(&client, &name, json).await,
        TaskCommand::Start(names) => each(&client, names, "/start", json).await,
        TaskCommand::Stop(names) => each(&client, names, "/stop", json).await,
        TaskCommand::Resume(names) => each(&client, names, "/resume", json).await,
        TaskCommand::Complete(names) => each(&client, names, "/complete", json).await,
        TaskCommand::Input(args) => input(&client, args, json).await,
        TaskCommand::Questions { name } => show::questions(&client, name.as_deref(), json).await,
        TaskCommand::Answer { name, answer } => {
            let body = json!({ "input": answer.join(" ") });
            told(&client.post(&task_path(&name, "/set-input"), &body).await?, json)
        }
        TaskCommand::Watch { names, all } => watch::tasks(&client, &names, all, json).await,
        TaskCommand::Continue { name, input } => {
            let body = input.map_or_else(|| json!({}), |input| json!({ "input": input }));
            told(&client.post(&task_path(&name, "/continue"), &body).await?, json)
        }
        TaskCommand::Retry { name, iterations, tokens } => {
            let mut query = vec![("additional_iterations", iterations.to_string())];
            query.extend(tokens.map(|tokens| ("additional_tokens", tokens.to_string())));
            told(&client.command(Method::POST, &task_path(&name, "/retry"), &query).await?, json)
        }
        TaskCommand::Clone { name, new_name, continue_session } => {
            let mut query = vec![("continue_session", continue_session.to_string())];
            query.extend(new_name.map(|name| ("new_name", name)));
            told(&client.command(Method::POST, &task_path(&name, "/clone"), &query).await?, json)
        }
        TaskCommand::Diff { name } => {
            let query = [("format", "patch".to_owned())];
            let patch = client.get_list(&task_path(&name, "/diff"), &query).await?.body;
            print::line(patch.as_str().unwrap_or_default().trim_end());
            Ok(ExitCode::SUCCESS)
        }
        TaskCommand::Merge { name } => {
            told(&client.command(Method::POST, &task_path(&name, "/merge-to-test"), &[]).await?, json)
        }
        TaskCommand::Delete(args) => delete(&client, args, json).await,
    }
}

/// Prints what the server says it has done.
fn told(answer: &Value, as_json: bool) -> Result<ExitCode, Failure> {
    if as_json {
        print::json(answer)?;
    } else {
        print::line(print::text(answer, "message"));
    }
    Ok(ExitCode::SUCCESS)
}

/// One command for each task. All are tried; the first failure is the result.
async fn each(client: &Client, names: Names, command: &str, as_json: bool) -> Result<ExitCode, Failure> {
    let mut first_failure = None;
    for name in &names.names {
        match client.command(Method::POST, &task_path(name, command), &[]).await {
            Ok(answer) if as_json => print::json(&answer)?,
            Ok(answer) => print::line(format!("{}: {}", print::bold(name), print::text(&answer, "message"))),
            Err(failure) if first_failure.is_none() => first_failure = Some(failure),
            Err(failure) => {
                failure.report();
            }
        }
    }
    match first_failure {
        Some(failure) => Err(failure),
        None if names.watch => watch::tasks(client, &names.names, false, as_json).await,
        None => Ok(ExitCode::SUCCESS),
    }
}

async fn input(client: &Client, args: InputArgs, as_json: bool) -> Result<ExitCode, Failure> {
    let images = args.image.iter().map(|file| image(file)).collect::<Result<Vec<_>, _>>()?;
    let body = json!({
        "input": text_or_stdin(args.text)?,
        "images": images,
        "interrupt": args.interrupt,
        "priority": if args.urgent { "urgent" } else { "normal" },
    });
    told(&client.post(&task_path(&args.name, "/set-input"), &body).await?, as_json)
}

async fn delete(client: &Client, args: DeleteArgs, as_json: bool) -> Result<ExitCode, Failure> {
    let query = [
        ("auto_stop", args.stop.to_string()),
        ("delete_branch", args.branch.to_string()),
        ("confirm", args.confirm.to_string()),
        ("cleanup_worktree", (!args.keep_worktree).to_string()),
    ];
    for name in &args.names {
        let answer = client.command(Method::DELETE, &task_path(name, ""), &query).await?;
        told(&answer, as_json)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A text, or standard input for `-`.
fn text_or_stdin(text: String) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text);
    }
    let mut read = String::new();
    std::io::stdin()
        .read_to_string(&mut read)
        .map_err(|error| Failure::error(format!("cannot read standard input: {error}")))?;
    Ok(read)
}

fn image(file: &std::path::Path) -> Result<Value, Failure> {
    use base64::Engine as _;
    let bytes =
        std::fs::read(file).map_err(|error| Failure::error(format!("cannot read {}: {error}", file.display())))?;
    let media_type = match imagesize::image_type(&bytes) {
        Ok(imagesize::ImageType::Png) => "image/png",
        Ok(imagesize::ImageType::Jpeg) => "image/jpeg",
        Ok(imagesize::ImageType::Gif) => "image/gif",
        Ok(imagesize::ImageType::Webp) => "image/webp",
        _ => return Err(Failure::usage(format!("{} is no PNG, JPEG, GIF or WebP image", file.display()))),
    };
    Ok(json!({ "base64": base64::engine::general_purpose::STANDARD.encode(bytes), "media_type": media_type }))
}
