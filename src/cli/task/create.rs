//! `taskwright task create`.

use super::{Client, Failure, image, print, task_path, text_or_stdin, watch};
use serde_json::{Map, Value, json};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Arguments of `task create`.
#[derive(clap::Args, Debug)]
pub struct CreateArgs {
    /// The task's name: free text, not in use yet
    name: String,
    /// What is to be done; `-` reads standard input
    description: String,
    /// The repository, or a folder inside one
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// A further project to work on
    #[arg(long, value_name = "DIR")]
    write: Vec<PathBuf>,
    /// A project that the agent may read
    #[arg(long, value_name = "DIR")]
    read: Vec<PathBuf>,
    /// The branch to start from
    #[arg(long)]
    base: Option<String>,
    /// The branch to work on; made from the name otherwise
    #[arg(long)]
    branch: Option<String>,
    /// Works in the folder itself, without a worktree
    #[arg(long)]
    in_place: bool,
    /// When it is done, in words
    #[arg(long)]
    criteria: Option<String>,
    /// At most so many turns
    #[arg(long, value_name = "N")]
    max_iterations: Option<u32>,
    /// At most so many tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<u64>,
    /// At most so many US dollars
    #[arg(long, value_name = "USD")]
    max_cost: Option<f64>,
    /// At most so many seconds of running time
    #[arg(long, value_name = "SECONDS")]
    max_seconds: Option<u64>,
    /// The agent's model
    #[arg(long)]
    model: Option<String>,
    /// A tool that needs no permission, such as `Bash(npm test:*)`
    #[arg(long, value_name = "TOOL")]
    allow_tool: Vec<String>,
    /// A tool that the agent does not get
    #[arg(long, value_name = "TOOL")]
    deny_tool: Vec<String>,
    /// Text added to the agent's system prompt
    #[arg(long, value_name = "TEXT")]
    system_prompt: Option<String>,
    /// Responder plugins in their order; `--responder ""` asks you everything
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    responder: Option<Vec<String>>,
    /// Waits for you after each answer
    #[arg(long)]
    chat: bool,
    /// Does not ask the agent to write tests
    #[arg(long)]
    no_generated_tests: bool,
    /// Does not commit at the end
    #[arg(long)]
    no_commit: bool,
    /// A label
    #[arg(long)]
    label: Vec<String>,
    /// An image that goes with the description
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// Makes it and does not start it
    #[arg(long)]
    no_start: bool,
    /// Watches it until it ends
    #[arg(long, conflicts_with = "no_start")]
    watch: bool,
}

pub(super) async fn run(client: &Client, args: CreateArgs, as_json: bool) -> Result<ExitCode, Failure> {
    let (start, follow) = (!args.no_start, args.watch);
    let images = args.image.iter().map(|file| image(file)).collect::<Result<Vec<_>, _>>()?;
    let mut body = body(args)?;
    body.insert("auto_start".to_owned(), json!(start && images.is_empty()));
    let mut task = client.post("/tasks", &Value::Object(body)).await?;
    let name = print::text(&task, "task_name").to_owned();
    if !images.is_empty() {
        let input = json!({ "input": "These images belong to the task.", "images": images });
        client.post(&task_path(&name, "/set-input"), &input).await?;
        if start {
            client.command(reqwest::Method::POST, &task_path(&name, "/start"), &[]).await?;
            task = client.get(&task_path(&name, "")).await?;
        }
    }
    if as_json {
        print::json(&task)?;
    } else {
        let state = if start { "made and started" } else { "made" };
        print::line(format!("{} {state}", print::bold(&name)));
        if !follow {
            print::note(print::faint(format!("watch it with: taskwright task watch {}", quoted(&name))));
        }
    }
    if follow { watch::tasks(client, &[name], true, as_json).await } else { Ok(ExitCode::SUCCESS) }
}

fn quoted(name: &str) -> String {
    shlex::try_quote(name).map_or_else(|_| name.to_owned(), std::borrow::Cow::into_owned)
}

fn body(args: CreateArgs) -> Result<Map<String, Value>, Failure> {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            body.insert(name.to_owned(), value);
        }
    };
    put("task_name", json!(args.name));
    put("description", json!(text_or_stdin(args.description)?));
    put("root_folder", json!(absolute(&args.repo)?));
    let further = projects(&args.repo, &args.write, &args.read)?;
    if !further.is_empty() {
        put("projects", json!(further));
    }
    put("base_branch", json!(args.base));
    put("branch_name", json!(args.branch));
    put("use_worktree", json!(!args.in_place));
    put("end_criteria", json!(args.criteria));
    put("max_iterations", json!(args.max_iterations));
    put("max_tokens", json!(args.max_tokens));
    put("max_cost_usd", json!(args.max_cost));
    put("max_duration_seconds", json!(args.max_seconds));
    put("model", json!(args.model));
    put("allowed_tools", json!(args.allow_tool));
    put("disallowed_tools", json!(args.deny_tool));
    put("system_prompt", json!(args.system_prompt));
    if let Some(names) = args.responder {
        let names: Vec<_> = names.into_iter().filter(|name| !name.trim().is_empty()).collect();
        put("chains", json!({ "responder": names }));
    }
    put("chat_mode", json!(args.chat));
    if args.no_generated_tests {
        put("generate_tests", json!(false));
    }
    put("auto_commit", json!(!args.no_commit));
    put("labels", json!(args.label));
    Ok(body)
}

fn projects(repo: &Path, write: &[PathBuf], read: &[PathBuf]) -> Result<Vec<Value>, Failure> {
    if write.is_empty() && read.is_empty() {
        return Ok(Vec::new());
    }
    let one = |path: &Path, access: &str| Ok::<_, Failure>(json!({ "path": absolute(path)?, "access": access }));
    let mut all = vec![one(repo, "write")?];
    for path in write {
        all.push(one(path, "write")?);
    }
    for path in read {
        all.push(one(path, "read")?);
    }
    Ok(all)
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize().map_err(|error| Failure::usage(format!("{} cannot be used: {error}", path.display())))
}
