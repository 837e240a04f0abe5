//! Making and changing tasks: every wrong field is found before anything is stored.

use super::{Actor, EngineError, FieldError, Inner, TaskPatch, commands, lifecycle, places, registry::Message};
use crate::domain::{
    ChainKind, Chains, EventBody, Limits, Status, Task, TaskId,
    interaction::Interaction,
    naming,
    project::Project,
    task::{NextRun, TaskSpec},
};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// How much of a conversation a clone that goes on with it is told.
const TOLD: u32 = 200;

impl Inner {
    pub(super) async fn create(
        self,
        spec: TaskSpec,
        auto_start: bool,
        clone_of: Option<Original>,
    ) -> Result<Task, EngineError> {
        let id = TaskId::new();
        let errors = self.wrong_fields(id, &spec).await?;
        if !errors.is_empty() {
            return Err(EngineError::Invalid(errors));
        }
        let task = self.ctx.store.write(move |tx| {
            let mut task = Task::new(id, spec, tx.now());
            let history = match &clone_of {
                Some(original) if original.told => tx.recent_interactions(original.id, TOLD)?,
                _ => vec![],
            };
            if !history.is_empty() {
                task.next_run = NextRun::Recover;
            }
            tx.insert_task(&task)?;
            let created = EventBody::TaskCreated {
                description: task.spec.description.clone(),
                status: task.status,
                user_id: task.spec.user_id.clone(),
                cloned_from: clone_of.map(|original| original.name),
            };
            let seq = tx.append(Some(&task), created)?;
            for entry in history {
                tx.add_interaction(&Interaction {
                    id: crate::domain::InteractionId::new(),
                    task_id: id,
                    seq,
                    ..entry
                })?;
            }
            let mut task = lifecycle::load(tx, id)?;
            if auto_start {
                commands::enqueue(tx, &mut task)?;
            }
            Ok::<_, EngineError>(task)
        });
        let task = task.await?;
        if auto_start {
            self.queue.bell.notify_one();
        }
        Ok(task)
    }

    pub(super) async fn clone_task(
        self,
        id: TaskId,
        new_name: Option<String>,
        continue_session: bool,
        actor: Actor,
    ) -> Result<Task, EngineError> {
        let original = self.task(id).await?;
        let name = match new_name {
            Some(name) => name,
            None => self.free_name(&original.spec.task_name).await?,
        };
        let mut spec = original.spec.clone();
        spec.task_name = name;
        spec.branch_name = None;
        for project in &mut spec.projects {
            project.branch_name = None;
        }
        if spec.user_id.is_none() && actor.name != "operator" {
            spec.user_id = Some(actor.name);
        }
        let of = Original { id, name: original.spec.task_name, told: continue_session };
        self.create(spec, false, Some(of)).await
    }

    async fn free_name(&self, name: &str) -> Result<String, EngineError> {
        let stem: String = name.chars().take(naming::MAX_NAME_CHARS - 12).collect();
        let found = self.ctx.store.read(move |q| {
            for n in 1..1000 {
                let name = if n == 1 { format!("{stem} (copy)") } else { format!("{stem} (copy {n})") };
                if q.task_by_name(&name)?.is_none() {
                    return Ok::<_, crate::store::StoreError>(Some(name));
                }
            }
            Ok(None)
        });
        found.await?.ok_or_else(|| EngineError::Conflict("there are too many copies; give `new_name`".to_owned()))
    }

    pub(super) async fn update(self, id: TaskId, patch: TaskPatch) -> Result<Task, EngineError> {
        let before = self.task(id).await?;
        let wanted = patched(before.spec.clone(), &patch);
        let mut errors = wrong_words(&wanted);
        errors.extend(self.wrong_chains(&wanted.chains));
        if moves(&before.spec, &wanted).is_some() {
            errors.extend(self.wrong_places(id, &wanted).await?);
        }
        if !errors.is_empty() {
            return Err(EngineError::Invalid(errors));
        }
        let updated = self.ctx.store.write(move |tx| {
            let mut task = lifecycle::load(tx, id)?;
            let spec = patched(task.spec.clone(), &patch);
            if let Some(field) = fixed_field(&task, &spec) {
                return Err(EngineError::Conflict(format!(
                    "`{field}` can be changed only before a task has begun, and this one is {}; `clone` it to work elsewhere",
                    task.status
                )));
            }
            let changes = changes(&task.spec, &spec);
            task.spec = spec;
            tx.update_task(&task)?;
            if !changes.is_empty() {
                tx.append(Some(&task), EventBody::TaskUpdated { changes: Value::Object(changes) })?;
            }
            lifecycle::load(tx, id)
        });
        let task = updated.await?;
        self.registry.tell(id, Message::Look);
        self.queue.bell.notify_one();
        Ok(task)
    }

    /// Every field that is wrong, by its name on the wire.
    async fn wrong_fields(&self, id: TaskId, spec: &TaskSpec) -> Result<Vec<FieldError>, EngineError> {
        let mut errors = wrong_words(spec);
        errors.extend(self.wrong_chains(&spec.chains));
        errors.extend(self.wrong_places(id, spec).await?);
        Ok(errors)
    }

    /// The fields that name where a task works, if they are wrong.
    async fn wrong_places(&self, id: TaskId, spec: &TaskSpec) -> Result<Vec<FieldError>, EngineError> {
        let mut errors = Vec::new();
        let mut folders = Vec::new();
        if let Some(folder) = &spec.root_folder {
            folders.push(("root_folder".to_owned(), folder.clone()));
        }
        for (n, project) in spec.projects.iter().enumerate() {
            folders.push((format!("projects[{n}].path"), project.path.clone()));
        }
        let mut folders_are_wrong = false;
        for (field, folder) in folders {
            match self.check_folder(&field, &folder).await {
                Ok(_) => {}
                Err(EngineError::Invalid(more)) => {
                    folders_are_wrong = true;
                    errors.extend(more);
                }
                Err(error) => return Err(error),
            }
        }
        if !folders_are_wrong {
            errors.extend(places::check(&self.ctx, id, spec).await?);
        }
        Ok(errors)
    }

    fn wrong_chains(&self, chains: &Chains) -> Vec<FieldError> {
        let kinds = [
            (ChainKind::Responder, "chains.responder"),
            (ChainKind::Criteria, "chains.criteria"),
            (ChainKind::TestRunner, "chains.test_runner"),
        ];
        let unknown = kinds.into_iter().flat_map(|(kind, field)| {
            let names = chains.get(kind).unwrap_or(&[]).iter();
            names.filter(move |name| self.ctx.plugins.find(kind, name).is_none()).map(move |name| {
                wrong(
                    field,
                    format!(
                        "no {} plugin `{name}` is loaded; `taskwright plugin list` shows those that are",
                        kind.as_str()
                    ),
                )
            })
        });
        unknown.collect()
    }

    pub(super) async fn check_folder(&self, field: &str, path: &str) -> Result<PathBuf, EngineError> {
        let invalid = |detail: String| EngineError::Invalid(vec![wrong(field, detail)]);
        if path.contains('\0') {
            return Err(invalid("a path has no NUL character".to_owned()));
        }
        if !Path::new(path).is_absolute() {
            return Err(invalid(format!("`{path}` is not an absolute path")));
        }
        let resolved = match tokio::fs::canonicalize(path).await {
            Ok(resolved) => resolved,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(invalid(format!("the folder `{path}` does not exist")));
            }
            Err(error) => return Err(invalid(format!("the folder `{path}` cannot be used: {error}"))),
        };
        if !tokio::fs::metadata(&resolved).await.is_ok_and(|meta| meta.is_dir()) {
            return Err(invalid(format!("`{path}` is not a folder")));
        }
        let config = &self.ctx.config;
        if !config.roots.iter().any(|root| resolved.starts_with(root)) {
            let roots: Vec<_> = config.roots.iter().map(|root| root.display().to_string()).collect();
            return Err(invalid(format!(
                "`{path}` is outside the folders that this server may use ({}); the setting `roots` (TASKWRIGHT_ROOTS) names them",
                roots.join(", ")
            )));
        }
        let data = tokio::fs::canonicalize(&config.data_dir).await.unwrap_or_else(|_| config.data_dir.clone());
        if resolved.starts_with(&data) {
            return Err(invalid(format!("`{path}` is in the server's data directory, which is never a project")));
        }
        Ok(resolved)
    }

    pub(super) async fn check_project(&self, project: &Project) -> Result<(), EngineError> {
        let mut errors = Vec::new();
        match self.check_folder("path", &project.path).await {
            Ok(_) => {}
            Err(EngineError::Invalid(more)) => errors.extend(more),
            Err(error) => return Err(error),
        }
        if let Some(root) = &project.config.worktree_root
            && !Path::new(root).is_absolute()
        {
            errors.push(wrong("config.worktree_root", format!("`{root}` is not an absolute path")));
        }
        for glob in &project.config.copy_files {
            if let Err(error) = globset::Glob::new(glob) {
                errors.push(wrong("config.copy_files", format!("`{glob}` is not a pattern: {error}")));
            }
        }
        errors.extend(
            self.wrong_chains(&project.config.chains)
                .into_iter()
                .map(|error| FieldError { field: format!("config.{}", error.field), ..error }),
        );
        if errors.is_empty() { Ok(()) } else { Err(EngineError::Invalid(errors)) }
    }
}

/// The task of which another is a clone.
pub(super) struct Original {
    /// Its id.
    pub id: TaskId,
    /// Its name.
    pub name: String,
    /// Whether the clone's agent is told its conversation.
    pub told: bool,
}

fn wrong(field: &str, detail: impl Into<String>) -> FieldError {
    FieldError { field: field.to_owned(), detail: detail.into() }
}

/// What is wrong with the words and numbers of a request, without looking at anything else.
fn wrong_words(spec: &TaskSpec) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Err(error) = naming::check_name(&spec.task_name) {
        errors.push(wrong("task_name", error.to_string()));
    }
    if spec.description.trim().is_empty() && !spec.chat_mode {
        errors.push(wrong("description", "say what is to be done; only a chat may begin without a description"));
    }
    let texts = [
        ("description", Some(&spec.description)),
        ("user_id", spec.user_id.as_ref()),
        ("root_folder", spec.root_folder.as_ref()),
        ("git_repo", spec.git_repo.as_ref()),
        ("project_context", spec.project_context.as_ref()),
        ("end_criteria", spec.end_criteria.as_ref()),
        ("model", spec.model.as_ref()),
        ("system_prompt", spec.system_prompt.as_ref()),
        ("commit_message", spec.commit_message.as_ref()),
        ("custom_human_input", spec.custom_human_input.as_ref()),
    ];
    let lists = [
        ("allowed_tools", &spec.allowed_tools),
        ("disallowed_tools", &spec.disallowed_tools),
        ("labels", &spec.labels),
    ];
    let listed = lists.into_iter().flat_map(|(field, list)| list.iter().map(move |text| (field, Some(text))));
    for (field, text) in texts.into_iter().chain(listed) {
        if let Some(Err(error)) = text.map(|text| naming::check_text(text)) {
            errors.push(wrong(field, error.to_string()));
        }
    }
    let refs = [("branch_name", &spec.branch_name), ("base_branch", &spec.base_branch)];
    for (field, name) in refs {
        if let Some(name) = name
            && (name.trim().is_empty() || name.starts_with('-') || name.chars().any(char::is_control))
        {
            errors.push(wrong(
                field,
                "a branch has at least one visible character, no control characters, and does not begin with `-`",
            ));
        }
    }
    if spec.model.as_deref().is_some_and(|model| model.trim().is_empty() || model.starts_with('-')) {
        errors.push(wrong("model", "a model's name is not blank and does not begin with `-`"));
    }
    errors.extend(wrong_limits(&spec.limits));
    errors
}

fn wrong_limits(limits: &Limits) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let zero = "is at least 1; leave it out for no limit";
    if limits.max_iterations == Some(0) {
        errors.push(wrong("max_iterations", zero));
    }
    if limits.max_tokens == Some(0) {
        errors.push(wrong("max_tokens", zero));
    }
    if limits.max_duration_seconds == Some(0) {
        errors.push(wrong("max_duration_seconds", zero));
    }
    if limits.max_cost_usd.is_some_and(|cost| !cost.is_finite() || cost <= 0.0) {
        errors.push(wrong("max_cost_usd", "is more than 0; leave it out for no limit"));
    }
    errors
}

fn patched(mut spec: TaskSpec, patch: &TaskPatch) -> TaskSpec {
    macro_rules! take {
        ($($field:ident),*) => { $(if let Some(value) = &patch.$field { spec.$field.clone_from(value); })* };
    }
    macro_rules! limit {
        ($($field:ident),*) => { $(if let Some(value) = &patch.$field { spec.limits.$field = *value; })* };
    }
    take!(
        description,
        root_folder,
        branch_name,
        base_branch,
        git_repo,
        end_criteria,
        custom_human_input,
        projects,
        project_context,
        model,
        allowed_tools,
        disallowed_tools,
        system_prompt,
        chains,
        generate_tests,
        auto_commit,
        commit_message,
        labels,
        start_at,
        chat_mode
    );
    limit!(max_iterations, max_tokens, max_cost_usd, max_duration_seconds);
    if let Some(servers) = &patch.mcp_servers {
        spec.mcp_servers.clone_from(servers);
    }
    spec
}

/// The first field that changes although the task has begun and it says where the task works.
fn fixed_field(task: &Task, new: &TaskSpec) -> Option<&'static str> {
    if task.status == Status::Pending && task.started_at.is_none() { None } else { moves(&task.spec, new) }
}

/// The first field by which a change would have the task work elsewhere.
fn moves(old: &TaskSpec, new: &TaskSpec) -> Option<&'static str> {
    let fields = [
        ("root_folder", old.root_folder != new.root_folder),
        ("branch_name", old.branch_name != new.branch_name),
        ("base_branch", old.base_branch != new.base_branch),
        ("projects", old.projects != new.projects),
    ];
    fields.into_iter().find_map(|(field, differs)| differs.then_some(field))
}

/// The fields that differ, by their names on the wire, with their new values.
fn changes(old: &TaskSpec, new: &TaskSpec) -> serde_json::Map<String, Value> {
    let object = |spec: &TaskSpec| match serde_json::to_value(spec) {
        Ok(Value::Object(mut fields)) => {
            if let Some(Value::Object(limits)) = fields.remove("limits") {
                fields.extend(limits);
            }
            fields
        }
        _ => serde_json::Map::new(),
    };
    let before = object(old);
    object(new).into_iter().filter(|(field, value)| before.get(field) != Some(value)).collect()
}
