//! `taskwright task list`, `show` and `questions`.

use super::{Client, Failure, print, task_path};
use serde_json::Value;
use std::process::ExitCode;

/// Arguments of `task list`.
#[derive(clap::Args, Debug)]
pub struct ListArgs {
    /// In this status, such as RUNNING
    #[arg(long)]
    status: Option<String>,
    /// Of this project: the repository's path
    #[arg(long, value_name = "DIR")]
    project: Option<String>,
    /// Of this user
    #[arg(long)]
    user: Option<String>,
    /// Whose name, description or summary holds this
    #[arg(long)]
    text: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// After so many
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

pub(super) async fn list(client: &Client, args: ListArgs, as_json: bool) -> Result<ExitCode, Failure> {
    let mut query = vec![
        ("limit", args.limit.to_string()),
        ("offset", args.offset.to_string()),
        ("sort_by", "updated_at".to_owned()),
        ("sort_order", "desc".to_owned()),
    ];
    let filters = [
        ("status", args.status.map(|status| status.to_uppercase())),
        ("project", args.project),
        ("user_id", args.user),
        ("text", args.text),
    ];
    query.extend(filters.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let reply = client.get_list("/tasks", &query).await?;
    if as_json {
        print::json(&reply.body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let tasks = reply.body.as_array().map(Vec::as_slice).unwrap_or_default();
    if tasks.is_empty() {
        print::note("no tasks; make one with: taskwright task create NAME DESCRIPTION --repo DIR");
        return Ok(ExitCode::SUCCESS);
    }
    let now = super::super::data_dir::now_millis();
    print::table(
        &["name", "status", "turns", "tokens", "cost", "changed", "about"],
        tasks.iter().map(|task| row(task, now)).collect(),
    );
    let shown = tasks.len() as u64 + args.offset;
    if let Some(total) = reply.total.filter(|total| *total > shown) {
        print::note(print::faint(format!("{} of {total}; see the next with --offset {shown}", tasks.len())));
    }
    Ok(ExitCode::SUCCESS)
}

fn row(task: &Value, now: i64) -> Vec<String> {
    let number = |key: &str| task.get(key).and_then(Value::as_u64).unwrap_or_default();
    let mut status = print::status(print::text(task, "status"));
    if let Some(position) = task.get("queue_position").and_then(Value::as_u64) {
        status.push_str(&format!(" #{position}"));
    } else if task.get("waiting_for_input").and_then(Value::as_bool) == Some(true) {
        status.push_str(" needs you");
    }
    let about = ["error_message", "summary", "description"]
        .into_iter()
        .map(|key| print::text(task, key))
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    vec![
        print::first_line(print::text(task, "task_name"), 40),
        status,
        number("iterations").to_string(),
        print::grouped(number("total_tokens_used")),
        task.get("cost_usd").and_then(Value::as_f64).map_or_else(String::new, |cost| format!("${cost:.2}")),
        print::ago(print::text(task, "updated_at"), now),
        print::first_line(about, 60),
    ]
}

pub(super) async fn one(client: &Client, name: &str, as_json: bool) -> Result<ExitCode, Failure> {
    let task = client.get(&task_path(name, "")).await?;
    let state = client.get(&task_path(name, "/status")).await?;
    if as_json {
        print::json(&task)?;
        return Ok(ExitCode::SUCCESS);
    }
    print::line(format!("{}  {}", print::bold(name), print::status(print::text(&task, "status"))));
    let pair = |label: &str, value: &str| {
        if !value.is_empty() {
            print::line(format!("{} {value}", print::faint(format!("{label:<12}"))));
        }
    };
    pair("progress", print::text(&state, "progress"));
    pair("error", print::text(&task, "error_message"));
    pair("summary", print::text(&task, "summary"));
    pair("folder", print::text(&task, "root_folder"));
    pair("branch", print::text(&task, "branch_name"));
    pair("worktree", print::text(&task, "worktree_path"));
    let tokens = task.get("total_tokens_used").and_then(Value::as_u64).unwrap_or_default();
    let cost = task.get("cost_usd").and_then(Value::as_f64).unwrap_or_default();
    pair("used", &format!("{} tokens, ${cost:.4}", print::grouped(tokens)));
    if let Some(summary) = state.get("test_summary").filter(|summary| summary["total"].as_u64() > Some(0)) {
        let count = |key: &str| summary.get(key).and_then(Value::as_u64).unwrap_or_default();
        pair("tests", &format!("{} passed, {} failed, {} not run", count("passed"), count("failed"), count("pending")));
    }
    print::line("");
    print::line(print::text(&task, "description").trim());
    let latest = print::text(&state, "latest_claude_response");
    if !latest.is_empty() {
        print::line(format!("\n{}\n{}", print::faint("the agent said last:"), latest.trim()));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn questions(client: &Client, name: Option<&str>, as_json: bool) -> Result<ExitCode, Failure> {
    let mut query = vec![("status", "open".to_owned())];
    query.extend(name.map(|name| ("task", name.to_owned())));
    let reply = client.get_list("/questions", &query).await?;
    if as_json {
        print::json(&reply.body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let questions = reply.body.as_array().map(Vec::as_slice).unwrap_or_default();
    if questions.is_empty() {
        print::note("nothing waits for you");
    }
    for question in questions {
        print::line(format!("{}  {}", print::bold(print::text(question, "task_name")), print::text(question, "text")));
        for (index, choice) in question["choices"].as_array().into_iter().flatten().enumerate() {
            print::line(format!(
                "  {}. {}  {}",
                index + 1,
                print::text(choice, "label"),
                print::faint(print::text(choice, "description"))
            ));
        }
        if let Some(suggestion) = question.get("suggestion").filter(|suggestion| suggestion.is_object()) {
            print::line(print::faint(format!(
                "  suggested: {} ({})",
                print::text(suggestion, "answer"),
                print::text(suggestion, "reason")
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}
