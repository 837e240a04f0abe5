//! Writing: what a closure of [`super::Store::write`] may do. Here are tasks and what belongs to their work.

mod library;

use super::{
    Queries, StoreError,
    error::{is_orphan, is_taken},
    live::{Committed, Told, payload_of},
    values::{Json, Word, integer, real},
};
use crate::domain::{
    Event, EventBody, InputId, QuestionId, Seq, Spent, Task, TaskId, Timestamp, TokenCount,
    decision::Decision,
    input::{Image, Input},
    interaction::Interaction,
    question::Question,
    task::{TaskSpec, Workplace},
    test_case::TestCase,
};
use rusqlite::{Connection, Params, params};
use std::collections::BTreeSet;

/// A transaction. Dereferences to [`Queries`], which see what was written in it.
pub struct Tx<'a> {
    queries: Queries<'a>,
    now: Timestamp,
    changes: Changes,
}

/// What subscribers and caches have to be told when the work is on the disk.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) told: Vec<Told>,
    pub(super) tasks: bool,
}

impl<'a> std::ops::Deref for Tx<'a> {
    type Target = Queries<'a>;

    fn deref(&self) -> &Queries<'a> {
        &self.queries
    }
}

impl<'a> Tx<'a> {
    pub(super) fn new(conn: &'a Connection, now: Timestamp) -> Self {
        Self { queries: Queries::new(conn), now, changes: Changes::default() }
    }

    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }

    fn run(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.queries.prepare(sql)?.execute(params)?)
    }

    /// Inserts a row of which `what` must be unique.
    fn insert(&self, what: &'static str, sql: &str, params: impl Params) -> Result<(), StoreError> {
        match self.queries.prepare(sql)?.execute(params) {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Err(StoreError::Taken(what)),
            Err(error) if is_orphan(&error) => Err(StoreError::Missing("task")),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes the one row of an identifier.
    fn change(&self, what: &'static str, sql: &str, params: impl Params) -> Result<(), StoreError> {
        if self.run(sql, params)? == 0 { Err(StoreError::Missing(what)) } else { Ok(()) }
    }
}

fn image_types(images: &[Image]) -> Vec<&str> {
    images.iter().map(|image| image.media_type.as_str()).collect()
}

fn json<T: serde::Serialize>(value: Option<&T>) -> Option<Json<&T>> {
    value.map(Json)
}

#[allow(clippy::missing_errors_doc, reason = "every method fails only as StoreError tells")]
impl Tx<'_> {
    /// The moment of this work; every row and event of it carries the same.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Appends an event of a task, or of the server, to the log.
    pub fn append(&mut self, task: Option<&Task>, body: EventBody) -> Result<Seq, StoreError> {
        let (task_id, name) = task.map_or((None, ""), |task| (Some(task.id), task.spec.task_name.as_str()));
        let payload = payload_of(&body);
        let seq = Seq(self
            .queries
            .prepare("INSERT INTO events (task_id, task, kind, at, payload) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .insert(params![task_id, name, body.kind(), self.now, payload])?);
        let event = Event { seq, task_id, task: name.to_owned(), at: self.now, body };
        self.changes.told.push(Told::Event(Committed::with_payload(event, &payload)));
        Ok(seq)
    }

    /// [`StoreError::Taken`] when the name is in use.
    pub fn insert_task(&mut self, task: &Task) -> Result<(), StoreError> {
        self.changes.tasks = true;
        self.insert(
            "task",
            "INSERT INTO tasks (id, name, status, user_id, root_folder, model, session_id, created_at, updated_at, \
             iterations, tokens_input, tokens_output, tokens_cache_creation, tokens_cache_read, cost_usd, \
             running_seconds, interaction_count, waiting_for_input, next_run, spool_offset) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, 0, 0, 0.0, 0.0, ?10, 0, 'fresh', 0)",
            params![
                task.id,
                task.spec.task_name,
                task.status,
                task.spec.user_id,
                task.spec.root_folder,
                task.spec.model,
                task.spec.session_id,
                task.created_at,
                task.updated_at,
                integer(task.interaction_count),
            ],
        )?;
        self.run("INSERT INTO task_specs (task_id, spec) VALUES (?1, '')", [task.id])?;
        self.write_state(task, task.updated_at)?;
        self.write_spec(task.id, &task.spec)
    }

    /// Writes the whole row but `interaction_count`, which [`Tx::add_interaction`] keeps; `updated_at` becomes
    /// [`Tx::now`].
    pub fn update_task(&mut self, task: &Task) -> Result<(), StoreError> {
        self.changes.tasks = true;
        self.write_state(task, self.now)?;
        self.write_names(task)?;
        self.write_spec(task.id, &task.spec)
    }

    /// The columns that change while a task runs.
    fn write_state(&self, task: &Task, updated_at: Timestamp) -> Result<(), StoreError> {
        let Task {
            id,
            spec: _,
            status: _,
            summary,
            error_message,
            spent: Spent { iterations, tokens, cost_usd, running_seconds },
            interaction_count: _,
            waiting_for_input,
            paused_until,
            queued_at,
            next_run,
            agent_session,
            agent_run,
            spool_offset,
            branch,
            base,
            base_commit,
            worktree_path,
            created_at: _,
            updated_at: _,
            started_at,
            completed_at,
        } = task;
        self.change(
            "task",
            "UPDATE tasks SET summary = ?2, error_message = ?3, iterations = ?4, tokens_input = ?5, \
             tokens_output = ?6, tokens_cache_creation = ?7, tokens_cache_read = ?8, cost_usd = ?9, \
             running_seconds = ?10, waiting_for_input = ?11, paused_until = ?12, queued_at = ?13, next_run = ?14, \
             agent_session = ?15, agent_run = ?16, spool_offset = ?17, branch = ?18, base = ?19, base_commit = ?20, \
             worktree_path = ?21, updated_at = ?22, started_at = ?23, completed_at = ?24 WHERE id = ?1",
            params![
                id,
                summary,
                error_message,
                iterations,
                integer(tokens.input),
                integer(tokens.output),
                integer(tokens.cache_creation),
                integer(tokens.cache_read),
                real(*cost_usd),
                real(*running_seconds),
                waiting_for_input,
                paused_until,
                queued_at,
                Word(next_run),
                agent_session,
                agent_run,
                integer(*spool_offset),
                branch,
                base,
                base_commit,
                worktree_path,
                updated_at,
                started_at,
                completed_at,
            ],
        )
    }

    /// The columns by which tasks are found. They change seldom, and so their indices are left alone mostly.
    fn write_names(&self, task: &Task) -> Result<(), StoreError> {
        self.run(
            "UPDATE tasks SET name = ?2, status = ?3, user_id = ?4, root_folder = ?5, model = ?6, session_id = ?7 \
             WHERE id = ?1 AND (name, status, user_id, root_folder, model, session_id) IS NOT (?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                task.id,
                task.spec.task_name,
                task.status,
                task.spec.user_id,
                task.spec.root_folder,
                task.spec.model,
                task.spec.session_id,
            ],
        )
        .map(drop)
        .map_err(|error| match error {
            StoreError::Sqlite(error) if is_taken(&error) => StoreError::Taken("task"),
            other => other,
        })
    }

    /// What was asked for, and the labels and folders by which it is found, if it differs from what is there.
    fn write_spec(&self, id: TaskId, spec: &TaskSpec) -> Result<(), StoreError> {
        let changed =
            self.run("UPDATE task_specs SET spec = ?2 WHERE task_id = ?1 AND spec <> ?2", params![id, Json(spec)])?;
        if changed == 0 {
            return Ok(());
        }
        self.run("DELETE FROM task_labels WHERE task_id = ?1", [id])?;
        for label in spec.labels.iter().collect::<BTreeSet<_>>() {
            self.run("INSERT INTO task_labels (label, task_id) VALUES (?1, ?2)", params![label, id])?;
        }
        self.run("DELETE FROM task_folders WHERE task_id = ?1", [id])?;
        let folders = spec.root_folder.iter().chain(spec.projects.iter().map(|project| &project.path));
        for folder in folders.collect::<BTreeSet<_>>() {
            self.run("INSERT INTO task_folders (folder, task_id) VALUES (?1, ?2)", params![folder, id])?;
        }
        Ok(())
    }

    /// Removes the task and everything of it but its events and what it used.
    pub fn delete_task(&mut self, id: TaskId) -> Result<(), StoreError> {
        self.changes.tasks = true;
        if self.run("DELETE FROM tasks WHERE id = ?1", [id])? > 0 {
            self.changes.told.push(Told::Gone(id));
        }
        Ok(())
    }

    /// Replaces all workplaces of a task.
    pub fn set_workplaces(&mut self, id: TaskId, places: &[Workplace]) -> Result<(), StoreError> {
        self.run("DELETE FROM workplaces WHERE task_id = ?1", [id])?;
        for (position, place) in (0_i64..).zip(places) {
            self.run(
                "INSERT INTO workplaces (task_id, position, is_worktree, place) VALUES (?1, ?2, ?3, ?4)",
                params![id, position, place.is_worktree, Json(place)],
            )?;
        }
        Ok(())
    }

    /// Also counts it in the task's row (`interaction_count`), and what its turn used in the account of usage.
    pub fn add_interaction(&mut self, entry: &Interaction) -> Result<(), StoreError> {
        self.changes.tasks = true;
        let Interaction {
            id,
            task_id,
            seq,
            turn,
            interaction_type,
            content,
            images,
            tool,
            tokens,
            duration_ms,
            cost_usd,
            created_at,
        } = entry;
        self.insert(
            "interaction",
            "INSERT INTO interactions (id, task_id, seq, turn, interaction_type, content, image_types, tool, tokens, \
             duration_ms, cost_usd, created_at, images) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                id,
                task_id,
                seq,
                turn,
                Word(interaction_type),
                content,
                Json(image_types(images)),
                json(tool.as_ref()),
                json(tokens.as_ref()),
                duration_ms.map(integer),
                cost_usd.map(real),
                created_at,
                (!images.is_empty()).then_some(Json(images)),
            ],
        )?;
        self.run("UPDATE tasks SET interaction_count = interaction_count + 1 WHERE id = ?1", [task_id])?;
        self.count_usage(entry)
    }

    fn count_usage(&self, entry: &Interaction) -> Result<(), StoreError> {
        if entry.tokens.is_none() && entry.cost_usd.is_none() {
            return Ok(());
        }
        let TokenCount { input, output, cache_creation, cache_read } = entry.tokens.unwrap_or_default();
        self.run(
            "INSERT INTO usage (at, task_id, project, model, tokens_input, tokens_output, tokens_cache_creation, \
             tokens_cache_read, cost_usd) \
             SELECT ?2, id, root_folder, model, ?3, ?4, ?5, ?6, ?7 FROM tasks WHERE id = ?1",
            params![
                entry.task_id,
                entry.created_at,
                integer(input),
                integer(output),
                integer(cache_creation),
                integer(cache_read),
                real(entry.cost_usd.unwrap_or_default()),
            ],
        )
        .map(drop)
    }

    /// Writes an entry's row but its images, which stay as they were added.
    pub fn update_interaction(&mut self, entry: &Interaction) -> Result<(), StoreError> {
        let counted: bool = self
            .queries
            .prepare("SELECT tokens IS NOT NULL OR cost_usd IS NOT NULL FROM interactions WHERE id = ?1")?
            .query_row([entry.id], |row| row.get(0))
            .map_err(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => StoreError::Missing("interaction"),
                other => other.into(),
            })?;
        self.run(
            "UPDATE interactions SET seq = ?2, turn = ?3, interaction_type = ?4, content = ?5, tool = ?6, \
             tokens = ?7, duration_ms = ?8, cost_usd = ?9, created_at = ?10 WHERE id = ?1",
            params![
                entry.id,
                entry.seq,
                entry.turn,
                Word(entry.interaction_type),
                entry.content,
                json(entry.tool.as_ref()),
                json(entry.tokens.as_ref()),
                entry.duration_ms.map(integer),
                entry.cost_usd.map(real),
                entry.created_at,
            ],
        )?;
        if counted { Ok(()) } else { self.count_usage(entry) }
    }

    /// Removes the whole conversation with its questions, decisions, inputs and test cases; tells how many entries it had.
    pub fn clear_conversation(&mut self, id: TaskId) -> Result<u64, StoreError> {
        self.changes.tasks = true;
        let removed = self.run("DELETE FROM interactions WHERE task_id = ?1", [id])?;
        self.run("DELETE FROM questions WHERE task_id = ?1", [id])?;
        self.run("DELETE FROM decisions WHERE task_id = ?1", [id])?;
        self.run("DELETE FROM inputs WHERE task_id = ?1", [id])?;
        self.run("DELETE FROM test_cases WHERE task_id = ?1", [id])?;
        self.run("UPDATE tasks SET interaction_count = 0 WHERE id = ?1", [id])?;
        Ok(removed as u64)
    }

    /// Adds an input with its images.
    pub fn add_input(&mut self, input: &Input) -> Result<(), StoreError> {
        let Input { id, task_id, text, images, priority, user_id, delivery, created_at, delivered_at } = input;
        self.insert(
            "input",
            "INSERT INTO inputs (id, task_id, text, image_types, priority, user_id, delivery, created_at, \
             delivered_at, images) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                id,
                task_id,
                text,
                Json(image_types(images)),
                Word(priority),
                user_id,
                Word(delivery),
                created_at,
                delivered_at,
                (!images.is_empty()).then_some(Json(images)),
            ],
        )
    }

    /// Writes an input's row but its images, which stay as they were added.
    pub fn update_input(&mut self, input: &Input) -> Result<(), StoreError> {
        self.change(
            "input",
            "UPDATE inputs SET text = ?2, priority = ?3, user_id = ?4, delivery = ?5, delivered_at = ?6 WHERE id = ?1",
            params![
                input.id,
                input.text,
                Word(input.priority),
                input.user_id,
                Word(input.delivery),
                input.delivered_at,
            ],
        )
    }

    /// Removes an input's row.
    pub fn remove_input(&mut self, id: InputId) -> Result<(), StoreError> {
        self.run("DELETE FROM inputs WHERE id = ?1", [id]).map(drop)
    }

    /// Adds a question.
    pub fn add_question(&mut self, question: &Question) -> Result<(), StoreError> {
        let Question {
            id,
            task_id,
            task_name,
            kind,
            state,
            text,
            choices,
            multiple,
            tool,
            suggestion,
            request_id,
            request,
            asked_at,
            answered_at,
            answer,
            answered_by,
            remembered,
        } = question;
        self.insert(
            "question",
            "INSERT INTO questions (id, task_id, task_name, kind, state, text, choices, multiple, tool, suggestion, \
             request_id, request, asked_at, answered_at, answer, answered_by, remembered) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
                id,
                task_id,
                task_name,
                Word(kind),
                Word(state),
                text,
                Json(choices),
                multiple,
                json(tool.as_ref()),
                json(suggestion.as_ref()),
                request_id,
                json(request.as_ref()),
                asked_at,
                answered_at,
                json(answer.as_ref()),
                json(answered_by.as_ref()),
                json(remembered.as_ref()),
            ],
        )
    }

    /// Writes a question's whole row.
    pub fn update_question(&mut self, question: &Question) -> Result<(), StoreError> {
        self.change(
            "question",
            "UPDATE questions SET state = ?2, text = ?3, choices = ?4, multiple = ?5, tool = ?6, suggestion = ?7, \
             request_id = ?8, request = ?9, answered_at = ?10, answer = ?11, answered_by = ?12, remembered = ?13, \
             kind = ?14, task_name = ?15, asked_at = ?16 WHERE id = ?1",
            params![
                question.id,
                Word(question.state),
                question.text,
                Json(&question.choices),
                question.multiple,
                json(question.tool.as_ref()),
                json(question.suggestion.as_ref()),
                question.request_id,
                json(question.request.as_ref()),
                question.answered_at,
                json(question.answer.as_ref()),
                json(question.answered_by.as_ref()),
                json(question.remembered.as_ref()),
                Word(question.kind),
                question.task_name,
                question.asked_at,
            ],
        )
    }

    /// Removes a question's row.
    pub fn remove_question(&mut self, id: QuestionId) -> Result<(), StoreError> {
        self.run("DELETE FROM questions WHERE id = ?1", [id]).map(drop)
    }

    /// Adds a decision.
    pub fn add_decision(&mut self, decision: &Decision) -> Result<(), StoreError> {
        let Decision { id, task_id, kind, call, plugin, version, hash, input, answer, error, counted, duration_us, at } =
            decision;
        self.insert(
            "decision",
            "INSERT INTO decisions (id, task_id, kind, call, plugin, version, hash, answer, error, counted, \
             duration_us, at, input) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                id,
                task_id,
                Word(kind),
                call,
                plugin,
                version,
                hash,
                json(answer.as_ref()),
                error,
                counted,
                integer(*duration_us),
                at,
                Json(input),
            ],
        )
    }

    /// Adds a test case.
    pub fn add_test_case(&mut self, case: &TestCase) -> Result<(), StoreError> {
        let TestCase {
            id,
            task_id,
            round,
            runner,
            name,
            description,
            test_code,
            test_type,
            status,
            output,
            duration_ms,
            created_at,
        } = case;
        self.insert(
            "test case",
            "INSERT INTO test_cases (id, task_id, round, runner, name, description, test_code, test_type, status, \
             output, duration_ms, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                id,
                task_id,
                round,
                runner,
                name,
                description,
                test_code,
                Word(test_type),
                Word(status),
                output,
                duration_ms.map(integer),
                created_at,
            ],
        )
    }
}
