//! What Taskwright itself says to the agent: the first message, what happened so far, the wish for tests.

use crate::domain::{
    Task,
    interaction::{Interaction, InteractionType},
    project::Project,
    task::{Access, Workplace},
};

/// The first line of the message that asks for tests, by which it is found again in a conversation.
pub(super) const TESTS_WANTED: &str = "Now write tests for what you changed.";

/// Bytes of the conversation that a new session is told.
const TOLD: usize = 24 * 1024;

/// The first message of a task.
pub(super) fn first(task: &Task, project: Option<&Project>, places: &[Workplace]) -> String {
    let spec = &task.spec;
    let mut parts = vec![spec.description.trim().to_owned()];
    let context = [
        project.and_then(|p| p.config.context.clone()),
        project.and_then(|p| p.config.notes.clone()),
        spec.project_context.clone(),
    ];
    let context: Vec<_> = context.into_iter().flatten().filter(|text| !text.trim().is_empty()).collect();
    if !context.is_empty() {
        parts.push(format!("About the project:\n{}", context.join("\n\n")));
    }
    if let Some(folders) = folders(task, places) {
        parts.push(folders);
    }
    if let Some(criteria) = spec.end_criteria.as_deref().filter(|text| !text.trim().is_empty()) {
        parts.push(format!("The work is done when this holds:\n{}", criteria.trim()));
    }
    if !spec.chat_mode {
        parts.push(how_to_work(task, project, places));
    }
    parts.join("\n\n")
}

fn folders(task: &Task, places: &[Workplace]) -> Option<String> {
    if places.len() < 2 && task.spec.projects.iter().all(|p| p.context.is_none()) {
        return None;
    }
    let lines: Vec<_> = places
        .iter()
        .map(|place| {
            let access = match place.access {
                Access::Write => "work here",
                Access::Read => "read only: change nothing here",
            };
            let given = task.spec.projects.iter().find(|p| p.path == place.source || place.source.starts_with(&p.path));
            let context = given.and_then(|p| p.context.as_deref()).map(|c| format!(": {c}")).unwrap_or_default();
            format!("- {} ({access}){context}", place.cwd)
        })
        .collect();
    Some(format!("The folders of this task:\n{}", lines.join("\n")))
}

fn how_to_work(task: &Task, project: Option<&Project>, places: &[Workplace]) -> String {
    let mut lines = vec!["How to work:".to_owned()];
    if places.first().is_some_and(|place| place.is_worktree) {
        lines.push("- You are in a git worktree of its own, on a branch made for this task. Stay inside it; switch no branches and push nothing.".to_owned());
        if task.spec.auto_commit {
            lines.push("- You need not commit: what you leave is committed at the end.".to_owned());
        }
    }
    lines.push("- Do the whole work now. Ask only what you cannot decide yourself, one question at a time, at the end of your answer.".to_owned());
    lines.push("- When everything is done, say so plainly and say what you did.".to_owned());
    if let Some(command) = project.and_then(|p| p.config.test_command.as_deref()) {
        lines.push(format!("- The project's tests run with `{command}`."));
    }
    lines.join("\n")
}

/// The message that a resumed session begins with.
pub(super) fn go_on(interrupted: bool) -> String {
    if interrupted {
        "Your last turn was cut short before it was over. Look at how things stand and go on where you stopped."
            .to_owned()
    } else {
        "Please go on with the task. If everything is done already, say so and say what you did.".to_owned()
    }
}

/// The message after an error of the model's service.
pub(super) fn after_service_error() -> String {
    "Your last turn was cut short by an error of the model's service. Go on where you stopped.".to_owned()
}

/// The first message of a new session that takes over.
pub(super) fn recover(task: &Task, project: Option<&Project>, places: &[Workplace], history: &[Interaction]) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut room = TOLD;
    for entry in history.iter().rev() {
        let line = one_entry(entry);
        if line.is_empty() {
            continue;
        }
        let Some(left) = room.checked_sub(line.len()) else { break };
        room = left;
        told.push(line);
    }
    told.reverse();
    let so_far = if told.is_empty() { "Nothing that is known.".to_owned() } else { told.join("\n") };
    format!(
        "{}\n\nThis task was begun in an earlier session whose memory is lost. What happened so far, as it was recorded:\n{so_far}\n\nLook at how the folder stands now, then go on and finish the work.",
        first(task, project, places)
    )
}

fn one_entry(entry: &Interaction) -> String {
    let who = match entry.interaction_type {
        InteractionType::UserRequest => "User",
        InteractionType::ClaudeResponse => "Agent",
        InteractionType::SimulatedHuman => "Answer given for the user",
        InteractionType::SystemMessage => "System",
        InteractionType::ToolResult => {
            let Some(tool) = &entry.tool else { return String::new() };
            return format!("Tool {}: {}", tool.name, clip(&tool.input.to_string(), 300));
        }
    };
    if entry.content.trim().is_empty() { String::new() } else { format!("{who}: {}", clip(&entry.content, 2000)) }
}

/// At most so many bytes of a text, cut between characters.
pub(super) fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// The message that asks for tests.
pub(super) fn write_tests(guidance: &str) -> String {
    format!(
        "{TESTS_WANTED} Cover what the task asked for, in the way that this project writes its tests; change nothing else unless a test shows a fault. If your changes have tests already, or nothing in them can be tested, say so.\n\n{}",
        guidance.trim()
    )
    .trim_end()
    .to_owned()
}

/// The commit message of a task.
pub(super) fn commit_message(task: &Task) -> String {
    if let Some(message) = task.spec.commit_message.as_deref().filter(|m| !m.trim().is_empty()) {
        return message.trim().to_owned();
    }
    let subject = clip(task.spec.task_name.trim(), 69);
    let body = task.spec.description.trim();
    if body.is_empty() { subject } else { format!("{subject}\n\n{}\n", clip(body, 4000)) }
}
