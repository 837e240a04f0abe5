//! The whole state as text: for tests, `doctor` and bug reports.
//!
//! Every type is taken apart field by field, so that a new field asks here whether it is shown. Long texts are cut;
//! settings that may hold secrets are shown by their names.

use super::{EventFilter, Page, Queries, QuestionFilter, StoreError, TaskFilter, TaskSort, UsageRow};
use crate::{
    domain::{
        Event, Seq, SessionId, Task, TaskId, Timestamp,
        decision::Decision,
        input::{Image, Input},
        interaction::Interaction,
        library::{Prompt, Session},
        project::{Project, ProjectConfig},
        question::Question,
        task::{TaskSpec, Workplace},
        test_case::TestCase,
    },
    store::opening::known_version,
};
use std::fmt::Debug;

/// Characters of a value that are shown.
const SHOWN: usize = 400;

/// Events that are shown: the last.
const EVENTS: i64 = 5000;

const ALL: Page = Page { limit: u32::MAX, offset: 0 };

/// Writes a row: its kind, then a line for each field that is not empty. Fields after `not` are shown in another way.
macro_rules! row {
    ($out:expr, $indent:literal, $kind:literal, $type:ident { $($field:ident),* $(; not $($hidden:ident),*)? } = $value:expr) => {{
        let $type { $($field,)* $($($hidden: _,)*)? } = $value;
        $out.line($indent, $kind);
        $($out.field($indent, stringify!($field), $field);)*
    }};
}

#[derive(Default)]
struct Out {
    text: String,
}

impl Out {
    fn line(&mut self, indent: usize, line: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn field(&mut self, indent: usize, name: &str, value: &impl Debug) {
        let shown = shown(value);
        if !matches!(shown.as_str(), "None" | "[]" | "{}") {
            self.line(indent + 2, &format!("{name}: {shown}"));
        }
    }
}

/// A value on one line, cut where it is long.
fn shown(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

fn types(images: &[Image]) -> Vec<&str> {
    images.iter().map(|image| image.media_type.as_str()).collect()
}

impl Queries<'_> {
    /// The whole state as text, the same for the same state. Of a long log it shows the end.
    ///
    /// # Errors
    /// When something stored cannot be read.
    pub fn dump(&self) -> Result<String, StoreError> {
        let mut out = Out::default();
        out.line(0, &format!("taskwright state, schema {}", known_version()));
        for task in self.tasks(&TaskFilter::default(), TaskSort::CreatedAt, false, ALL)?.0 {
            self.dump_task(&mut out, &task)?;
        }
        self.dump_library(&mut out)?;
        self.dump_log(&mut out)?;
        Ok(out.text)
    }

    #[rustfmt::skip]
    fn dump_task(&self, out: &mut Out, task: &Task) -> Result<(), StoreError> {
        let id = task.id;
        row!(out, 0, "task", Task {
            id, status, summary, error_message, spent, interaction_count, waiting_for_input, paused_until, queued_at,
            next_run, agent_session, agent_run, spool_offset, branch, base, base_commit, worktree_path, created_at,
            updated_at, started_at, completed_at; not spec
        } = task);
        row!(out, 2, "spec", TaskSpec {
            task_name, description, user_id, root_folder, branch_name, base_branch, git_repo, use_worktree, projects,
            project_context, chat_mode, end_criteria, limits, model, allowed_tools, disallowed_tools, system_prompt,
            chains, generate_tests, auto_commit, commit_message, labels, start_at, session_id, custom_human_input;
            not mcp_servers
        } = &task.spec);
        out.field(2, "mcp_servers", &task.spec.mcp_servers.keys().collect::<Vec<_>>());
        for place in self.workplaces(id)? {
            row!(out, 2, "workplace", Workplace {
                source, path, cwd, access, is_worktree, branch, created_branch, base, base_commit, first_port, ports
            } = &place);
        }
        self.dump_conversation(out, id)?;
        for case in self.test_cases(id, None)? {
            row!(out, 2, "test case", TestCase {
                id, round, runner, name, description, test_code, test_type, status, output, duration_ms, created_at;
                not task_id
            } = &case);
        }
        let kept = self.all(
            "SELECT plugin, key, octet_length(value) FROM plugin_state WHERE task_id = ?1 ORDER BY plugin, key",
            [id],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)),
        )?;
        for (plugin, key, bytes) in kept {
            out.line(2, &format!("plugin state of {plugin}: {key:?} ({bytes} bytes)"));
        }
        Ok(())
    }

    #[rustfmt::skip]
    fn dump_conversation(&self, out: &mut Out, id: TaskId) -> Result<(), StoreError> {
        for entry in self.interactions(id, ALL)?.0 {
            row!(out, 2, "interaction", Interaction {
                id, seq, turn, interaction_type, content, tool, tokens, duration_ms, cost_usd, created_at;
                not task_id, images
            } = &entry);
            out.field(2, "images", &types(&entry.images));
        }
        for input in self.inputs(id)? {
            row!(out, 2, "input", Input {
                id, text, priority, user_id, delivery, created_at, delivered_at; not task_id, images
            } = &input);
            out.field(2, "images", &types(&input.images));
        }
        for question in self.questions(&QuestionFilter { state: None, task_id: Some(id) }, ALL)?.0 {
            row!(out, 2, "question", Question {
                id, kind, state, text, choices, multiple, tool, suggestion, request_id, request, asked_at,
                answered_at, answer, answered_by, remembered; not task_id, task_name
            } = &question);
        }
        for decision in self.decisions(id)? {
            row!(out, 2, "decision", Decision {
                id, kind, call, plugin, version, hash, input, answer, error, counted, duration_us, at; not task_id
            } = &decision);
        }
        Ok(())
    }

    #[rustfmt::skip]
    fn dump_library(&self, out: &mut Out) -> Result<(), StoreError> {
        for project in self.projects(None, None, ALL)?.0 {
            row!(out, 0, "project", Project {
                id, name, path, user_id, default_branch, project_type, created_at, updated_at; not config
            } = &project);
            row!(out, 2, "config", ProjectConfig {
                context, notes, test_dir, test_tags, test_command, setup_commands, cleanup_commands, dev_command,
                copy_files, ports, worktree_root, chains, max_running, max_iterations, max_tokens, max_cost_usd,
                max_duration_seconds, remembered; not env, other
            } = &project.config);
            out.field(2, "env", &project.config.env.keys().collect::<Vec<_>>());
            out.field(2, "other", &project.config.other.keys().collect::<Vec<_>>());
        }
        for prompt in self.prompts(None, None, ALL)?.0 {
            row!(out, 0, "prompt", Prompt {
                id, title, content, category, tags, criteria_config, user_id, usage_count, created_at, updated_at,
                last_used_at
            } = &prompt);
        }
        let ids = self.all("SELECT id FROM sessions ORDER BY no", [], |row| row.get::<_, SessionId>(0))?;
        for id in ids {
            if let Some(session) = self.session(id)? {
                row!(out, 0, "session", Session { id, project_path, created_at, updated_at } = &session);
            }
        }
        for used in self.usage(Timestamp::from_millis(0))? {
            row!(out, 0, "usage", UsageRow { day, project, model, turns, tokens, cost_usd } = &used);
        }
        let kept = self.all("SELECT key FROM kept ORDER BY key", [], |row| row.get::<_, String>(0))?;
        out.field(0, "kept settings", &kept);
        let requests: u64 = self.value("SELECT count(*) FROM idempotency", [])?;
        out.line(0, &format!("kept answers to requests: {requests}"));
        Ok(())
    }

    fn dump_log(&self, out: &mut Out) -> Result<(), StoreError> {
        let last = self.last_seq()?;
        let count: u64 = self.value("SELECT count(*) FROM events", [])?;
        out.line(0, &format!("events: {count}, the last {last}"));
        let filter = EventFilter { after: Seq(last.0 - EVENTS), ..EventFilter::default() };
        for Event { seq, task_id: _, task, at, body } in self.events(&filter, u32::MAX)? {
            out.line(2, &format!("{seq} {at} {task:?} {}", shown(&body)));
        }
        Ok(())
    }
}
