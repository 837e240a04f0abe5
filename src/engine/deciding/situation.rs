//! What plugins are given: the task as they see it, and the last entries of its conversation.

use super::super::{EngineError, context::Context, places, surroundings::TaskSurroundings};
use crate::{
    domain::{
        ChainKind, Chains, Task,
        interaction::{Interaction, InteractionType},
        project::Project,
        task::{Access, Workplace},
    },
    plugin::{self, Entry, Speaker, TaskProject, TaskView},
    store::StoreError,
};
use std::{path::Path, sync::Arc};

/// How many entries of the conversation a plugin is given at most.
const MAX_ENTRIES: u32 = 40;

/// How many bytes they have together at most.
const MAX_RECENT: usize = 256 * 1024;

/// How many bytes one entry has at most.
const MAX_ENTRY: usize = 32 * 1024;

/// What is needed to ask plugins about a task.
pub(crate) struct Asking {
    /// The task, as plugins see it.
    pub view: TaskView,
    /// The project by which its settings are inherited.
    pub project: Option<Project>,
    /// The places in which it works; the first is where the agent stands.
    pub places: Vec<Workplace>,
}

impl Asking {
    /// Reads what is needed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn prepare(ctx: &Context, task: &Task) -> Result<Self, EngineError> {
        let project = places::project_of(ctx, &task.spec).await?;
        let id = task.id;
        let (places, rounds) = ctx
            .store
            .read(move |queries| Ok::<_, StoreError>((queries.workplaces(id)?, queries.test_rounds(id)?)))
            .await?;
        let view = view(task, project.as_ref(), &places, rounds);
        Ok(Self { view, project, places })
    }

    /// The chain in force: the task's, else its project's, else the server's.
    #[must_use]
    pub(crate) fn chain(&self, ctx: &Context, task: &Task, kind: ChainKind) -> Vec<String> {
        let project = self.project.as_ref().map(|project| &project.config.chains);
        let from_nearest = [Some(&task.spec.chains), project, Some(&ctx.config.chains)];
        Chains::in_force(kind, from_nearest.into_iter().flatten()).to_vec()
    }

    /// The last entries of the conversation.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn recent(&self, ctx: &Context, task: &Task) -> Result<Vec<Entry>, EngineError> {
        let id = task.id;
        let entries = ctx.store.read(move |queries| queries.recent_interactions(id, MAX_ENTRIES)).await?;
        Ok(recent_entries(&entries))
    }

    /// What one call may touch.
    #[must_use]
    pub(crate) fn around(&self, ctx: &Context, task: &Task) -> Arc<TaskSurroundings> {
        TaskSurroundings::new(ctx, task, self.project.clone(), &self.places)
    }

    /// The folder in which the agent stands.
    #[must_use]
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.places.first().map(|place| Path::new(&place.cwd))
    }
}

fn view(task: &Task, project: Option<&Project>, places: &[Workplace], test_rounds: u32) -> TaskView {
    let spec = &task.spec;
    TaskView {
        id: task.id.to_string(),
        name: spec.task_name.clone(),
        description: spec.description.clone(),
        end_criteria: spec.end_criteria.clone().unwrap_or_default(),
        project_context: project_context(task, project),
        custom_input: spec.custom_human_input.clone().unwrap_or_default(),
        projects: places.iter().map(|place| task_project(task, project, place)).collect(),
        branch: task.branch.clone().unwrap_or_default(),
        turns: task.spent.iterations,
        max_turns: spec.limits.max_iterations,
        test_rounds,
    }
}

fn project_context(task: &Task, project: Option<&Project>) -> String {
    let config = project.map(|project| &project.config);
    let parts = [
        config.and_then(|config| config.context.as_deref()),
        config.and_then(|config| config.notes.as_deref()),
        task.spec.project_context.as_deref(),
    ];
    parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn task_project(task: &Task, project: Option<&Project>, place: &Workplace) -> TaskProject {
    let said = task.spec.projects.iter().find(|said| Path::new(&said.path).starts_with(&place.source));
    let folder = || Path::new(&place.source).file_name().map(|name| name.to_string_lossy().into_owned());
    let named = project.filter(|project| Path::new(&project.path).starts_with(&place.source));
    TaskProject {
        name: named.map(|project| project.name.clone()).or_else(folder).unwrap_or_default(),
        path: place.cwd.clone(),
        access: match place.access {
            Access::Read => plugin::Access::Read,
            Access::Write => plugin::Access::Write,
        },
        context: said.and_then(|said| said.context.clone()).unwrap_or_default(),
    }
}

/// The last entries within the interface's limits, oldest first: at most 40 and 256 KiB, long texts cut in their middle.
fn recent_entries(interactions: &[Interaction]) -> Vec<Entry> {
    let mut room = MAX_RECENT;
    let mut entries = Vec::new();
    let newest_first = interactions.iter().rev().take(MAX_ENTRIES as usize);
    for interaction in newest_first {
        let text = cut(&interaction.content, MAX_ENTRY.min(room));
        let Some(left) = room.checked_sub(text.len()) else {
            break;
        };
        room = left;
        let tool = interaction.tool.as_ref().map(|tool| tool.name.clone());
        entries.push(Entry { speaker: speaker(interaction.interaction_type), text, tool });
        if room < MARK_ROOM {
            break;
        }
    }
    entries.reverse();
    entries
}

const fn speaker(kind: InteractionType) -> Speaker {
    match kind {
        InteractionType::UserRequest => Speaker::User,
        InteractionType::ClaudeResponse => Speaker::Agent,
        InteractionType::SimulatedHuman => Speaker::Responder,
        InteractionType::ToolResult => Speaker::Tool,
        InteractionType::SystemMessage => Speaker::System,
    }
}

/// Bytes that the mark in a cut text may take.
const MARK_ROOM: usize = 64;

/// The text, or its beginning and its end with a mark between them: at most `limit` bytes, where that has room for the
/// mark.
#[must_use]
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(MARK_ROOM);
    let head = text.get(..text.floor_char_boundary(room / 2)).unwrap_or_default();
    let tail = text.get(text.ceil_char_boundary(text.len() - room / 2)..).unwrap_or_default();
    format!("{head}\n… {} bytes left out …\n{tail}", text.len() - head.len() - tail.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InteractionId, Seq, TaskId, Timestamp, interaction::ToolCall};
    use proptest::prelude::*;

    fn said(interaction_type: InteractionType, content: &str) -> Interaction {
        Interaction {
            id: InteractionId::new(),
            task_id: TaskId::new(),
            seq: Seq(1),
            turn: 1,
            interaction_type,
            content: content.to_owned(),
            images: Vec::new(),
            tool: None,
            tokens: None,
            duration_ms: None,
            cost_usd: None,
            created_at: Timestamp::from_seconds(0),
        }
    }

    #[test]
    fn entries_keep_their_order_speakers_and_tools() {
        let mut tool = said(InteractionType::ToolResult, "ok");
        tool.tool =
            Some(ToolCall { id: "1".into(), name: "Bash".into(), input: serde_json::Value::Null, is_error: None });
        let entries = recent_entries(&[said(InteractionType::UserRequest, "do it"), tool]);
        let told: Vec<_> = entries.iter().map(|e| (e.speaker.clone(), e.text.as_str(), e.tool.as_deref())).collect();
        assert_eq!(told, [(Speaker::User, "do it", None), (Speaker::Tool, "ok", Some("Bash"))]);
    }

    #[test]
    fn only_the_last_entries_are_given() {
        let many: Vec<_> = (0..60).map(|n| said(InteractionType::ClaudeResponse, &n.to_string())).collect();
        let entries = recent_entries(&many);
        assert_eq!(entries.len(), 40);
        assert_eq!((entries[0].text.as_str(), entries[39].text.as_str()), ("20", "59"));
    }

    #[test]
    fn the_projects_notes_and_the_tasks_context_go_together() {
        let mut project = crate::engine::testbed::project("/app");
        project.config.context = Some("Mind the tabs.".into());
        project.config.notes = Some("Numbers in words.".into());
        let mut task = crate::engine::testbed::task("t");
        task.spec.project_context = Some("Payments.".into());
        assert_eq!(project_context(&task, Some(&project)), "Mind the tabs.\n\nNumbers in words.\n\nPayments.");
    }

    proptest! {
        #[test]
        fn a_cut_text_has_its_head_and_tail_and_stays_within_the_limit(text in "\\PC{0,400}", limit in 80_usize..300) {
            let cut = cut(&text, limit);
            prop_assert!(cut.len() <= limit.max(text.len().min(limit)));
            if text.len() <= limit {
                prop_assert_eq!(cut, text);
            } else {
                prop_assert!(cut.contains(" bytes left out "));
            }
        }

        #[test]
        fn all_entries_together_stay_within_the_limit(lengths in proptest::collection::vec(0_usize..60_000, 0..60)) {
            let many: Vec<_> = lengths.iter().map(|n| said(InteractionType::ToolResult, &"x".repeat(*n))).collect();
            let entries = recent_entries(&many);
            prop_assert!(entries.len() <= 40);
            prop_assert!(entries.iter().map(|entry| entry.text.len()).sum::<usize>() <= MAX_RECENT);
            prop_assert!(many.is_empty() == entries.is_empty());
        }
    }
}
