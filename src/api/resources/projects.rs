//! Projects: repositories with their settings.

use super::paging::{self, DEFAULT_LIMIT, Limit};
use crate::{
    api::{
        Call, Problem, Reply, Route,
        fields::{self, Amount, Change, Field, Needed, Visible, Wrong, fields},
        route, wire,
    },
    domain::{
        ProjectId,
        project::{Project, ProjectConfig},
        question::RememberedRule,
    },
    store::{StoreError, Tx},
};
use http::StatusCode;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

/// The routes of projects.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route::<__path_create, _, _>(create),
        route::<__path_list, _, _>(list),
        route::<__path_get, _, _>(get),
        route::<__path_update, _, _>(update),
        route::<__path_delete, _, _>(delete),
        route::<__path_delete_several, _, _>(delete_several),
    ]
}

/// What clients say of a project's settings, and whether they spoke of remembered permissions at all.
#[derive(Clone, Debug, Default)]
pub struct NewConfig {
    config: ProjectConfig,
    has_remembered: bool,
}

impl NewConfig {
    /// The new settings. Permissions that a user chose to remember stay, unless the client names them.
    fn instead_of(self, old: &ProjectConfig) -> ProjectConfig {
        let remembered = if self.has_remembered { self.config.remembered } else { old.remembered.clone() };
        ProjectConfig { remembered, ..self.config }
    }
}

impl Field for NewConfig {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let mut object = Map::read(value, at, wrong)?;
        let has_remembered = object.contains_key("remembered");
        let config = read_config(&mut object, at, wrong);
        Some(Self { config: ProjectConfig { other: object, ..config? }, has_remembered })
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn field_schema() -> RefOr<Schema> {
        fields::named::<ProjectConfig>()
    }

    fn field_schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
        into.push((ProjectConfig::name().into_owned(), ProjectConfig::schema()));
        ProjectConfig::schemas(into);
    }
}

/// Takes the settings that are known here out of an object; every wrong one is noted before any is missed.
fn read_config(object: &mut Map<String, Value>, at: &str, wrong: &mut Wrong) -> Option<ProjectConfig> {
    macro_rules! settings {
        ($($field:ident $(: $kind:ty => $into:expr)?),* $(,)?) => {
            $(let $field = fields::take(object, stringify!($field), at, None, wrong);)*
            Some(ProjectConfig { $($field: settings!(@value $field $(: $kind => $into)?),)* other: Map::new() })
        };
        (@value $field:ident) => { $field? };
        (@value $field:ident : $kind:ty => $into:expr) => { { let value: $kind = $field?; $into(value) } };
    }
    settings! {
        context, notes, test_dir, test_tags, test_command, setup_commands, cleanup_commands, dev_command, copy_files, ports,
        worktree_root,
        env: Variables => |variables: Variables| variables.0,
        chains, max_running, max_iterations, max_tokens,
        max_cost_usd: Option<Amount> => |cost: Option<Amount>| cost.map(|cost| cost.0),
        max_duration_seconds,
        remembered: Rules => |rules: Rules| rules.0,
    }
}

/// Environment variables.
#[derive(Clone, Debug, Default)]
struct Variables(BTreeMap<String, String>);

impl Field for Variables {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let object: Map<String, Value> = Map::read(value, at, wrong)?;
        let mut variables = BTreeMap::new();
        for (name, value) in object {
            let at = fields::below(at, &name);
            if name.is_empty() || name.contains('=') {
                return wrong.note(&at, "is no name of a variable: it is empty or has a `=`");
            }
            variables.insert(name, String::read(value, &at, wrong)?);
        }
        Some(Self(variables))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn field_schema() -> RefOr<Schema> {
        Map::field_schema()
    }
}

/// Permissions that a user chose to remember.
#[derive(Clone, Debug, Default)]
struct Rules(Vec<RememberedRule>);

impl Field for Rules {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        match serde_json::from_value(value) {
            Ok(rules) => Some(Self(rules)),
            Err(error) => wrong.note(at, format!("must be a list of `{{tool, prefix, behavior}}`: {error}")),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn field_schema() -> RefOr<Schema> {
        <Vec<RememberedRule> as PartialSchema>::schema()
    }
}

fields! {
    /// A repository with its settings.
    pub struct NewProject {
        /// Its name.
        name: Visible,
        /// The repository, or a folder inside one: an absolute path inside the roots.
        path: Visible,
        /// Who makes it.
        user_id: Option<String>,
        /// The branch that its tasks start from and merge into.
        default_branch: Visible,
        /// A word for the kind of project.
        project_type: Option<String>,
        /// Its settings. Keys that are not known here are kept as they came.
        config: NewConfig,
    }
}

/// Makes a project.
#[utoipa::path(post, path = "/api/v1/projects", operation_id = "create_project", tag = "projects",
    request_body = NewProject, responses((status = 201, body = wire::Project)))]
async fn create(mut call: Call) -> Result<Reply, Problem> {
    let new = call.body::<NewProject>().await?;
    let now = (call.api.now)();
    let project = Project {
        id: ProjectId::new(),
        name: new.name.0,
        path: folder(new.path),
        user_id: new.user_id,
        default_branch: new.default_branch.0,
        project_type: new.project_type,
        config: new.config.instead_of(&ProjectConfig::default()),
        created_at: now,
        updated_at: now,
    };
    call.api.engine.check_project(&project).await?;
    let made = call.api.store.write(move |tx| -> Result<_, StoreError> {
        tx.insert_project(&project)?;
        tx.project(project.id)
    });
    let made = made.await?.ok_or_else(|| Problem::internal("a project was not there after it was made"))?;
    Ok(Reply::json(&wire::Project::from(made))?.status(StatusCode::CREATED))
}

/// A path without a slash at its end.
fn folder(path: Visible) -> String {
    let trimmed = path.0.trim_end_matches('/');
    if trimmed.is_empty() { path.0 } else { trimmed.to_owned() }
}

fields! {
    /// Which projects.
    pub struct ListProjects {
        /// Only those of this user.
        user_id: Option<String>,
        /// Only those whose name or path holds this, whatever the case.
        search: Option<String>,
        /// How many, from 1 to 500.
        limit: Limit = DEFAULT_LIMIT,
        /// After how many.
        offset: u64 = 0,
    }
}

/// Lists projects, newest first.
#[utoipa::path(get, path = "/api/v1/projects", operation_id = "list_projects", tag = "projects", params(ListProjects),
    responses((status = 200, body = [wire::Project], headers(
        ("X-Total-Count" = u64, description = "How many projects the whole list has."),
        ("Link" = String, description = "`rel=\"next\"` leads to the next page.")))))]
async fn list(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<ListProjects>()?;
    let page = wanted.limit.from(wanted.offset);
    let found = call
        .api
        .store
        .read::<_, StoreError, _>(move |q| q.projects(wanted.user_id.as_deref(), wanted.search.as_deref(), page));
    let (projects, total) = found.await?;
    let projects: Vec<_> = projects.into_iter().map(wire::Project::from).collect();
    paging::paged(&call, &projects, total, page)
}

/// A project.
#[utoipa::path(get, path = "/api/v1/projects/{id}", operation_id = "get_project", tag = "projects",
    responses((status = 200, body = wire::Project)))]
async fn get(call: Call) -> Result<Reply, Problem> {
    let id = call.id("project")?;
    Reply::json(&wire::Project::from(project(&call, id).await?))
}

async fn project(call: &Call, id: ProjectId) -> Result<Project, Problem> {
    let found = call.api.store.read::<_, StoreError, _>(move |q| q.project(id)).await?;
    found.ok_or_else(|| Problem::not_found("project", id))
}

fields! {
    /// What changes of a project; what is absent stays.
    pub struct ChangeProject {
        /// Its name.
        name: Option<Visible>,
        /// The repository, or a folder inside one.
        path: Option<Visible>,
        /// Whose it is.
        user_id: Change<String>,
        /// The branch that its tasks start from and merge into.
        default_branch: Option<Visible>,
        /// A word for the kind of project.
        project_type: Change<String>,
        /// Its settings, all of them anew. Permissions that a user chose to remember stay unless they are named.
        config: Option<NewConfig>,
    }
}

impl ChangeProject {
    fn apply(self, project: &mut Project) {
        if let Some(name) = self.name {
            project.name = name.0;
        }
        if let Some(path) = self.path {
            project.path = folder(path);
        }
        if let Some(user_id) = self.user_id.into_patch(|text| text) {
            project.user_id = user_id;
        }
        if let Some(branch) = self.default_branch {
            project.default_branch = branch.0;
        }
        if let Some(kind) = self.project_type.into_patch(|text| text) {
            project.project_type = kind;
        }
        if let Some(config) = self.config {
            project.config = config.instead_of(&project.config);
        }
    }
}

/// Changes a project.
#[utoipa::path(put, path = "/api/v1/projects/{id}", operation_id = "update_project", tag = "projects",
    request_body = ChangeProject, responses((status = 200, body = wire::Project)))]
async fn update(mut call: Call) -> Result<Reply, Problem> {
    let id = call.id("project")?;
    let mut as_wanted = project(&call, id).await?;
    let change = call.body::<ChangeProject>().await?;
    change.clone().apply(&mut as_wanted);
    call.api.engine.check_project(&as_wanted).await?;
    let changed = call.api.store.write(move |tx| -> Result<_, StoreError> {
        let Some(mut project) = tx.project(id)? else { return Ok(None) };
        change.apply(&mut project);
        tx.update_project(&project)?;
        tx.project(id)
    });
    let changed = changed.await?.ok_or_else(|| Problem::not_found("project", id))?;
    Reply::json(&wire::Project::from(changed))
}

/// Deletes a project. Its repository and its tasks stay as they are.
#[utoipa::path(delete, path = "/api/v1/projects/{id}", operation_id = "delete_project", tag = "projects",
    responses((status = 200, body = wire::Said)))]
async fn delete(call: Call) -> Result<Reply, Problem> {
    let id = call.id("project")?;
    match call.api.store.write(move |tx| delete_in(tx, id)).await? {
        Some(name) => Reply::json(&wire::Said { message: deleted(&name) }),
        None => Err(Problem::not_found("project", id)),
    }
}

/// The name of the project that was deleted, if there was one.
fn delete_in(tx: &mut Tx<'_>, id: ProjectId) -> Result<Option<String>, StoreError> {
    let Some(project) = tx.project(id)? else { return Ok(None) };
    tx.delete_project(id)?;
    Ok(Some(project.name))
}

fn deleted(name: &str) -> String {
    format!("The project `{name}` was deleted; its repository stays as it is.")
}

fields! {
    /// Which projects are deleted.
    pub struct DeleteProjects {
        /// Their identifiers.
        project_ids: Needed<Vec<String>>,
    }
}

/// Deletes several projects: as many as it can, and tells what became of each.
#[utoipa::path(post, path = "/api/v1/projects/batch-delete", operation_id = "delete_projects", tag = "projects",
    request_body = DeleteProjects, responses((status = 200, body = wire::ProjectsDeleted)))]
async fn delete_several(mut call: Call) -> Result<Reply, Problem> {
    let ids = call.body::<DeleteProjects>().await?.project_ids.0;
    let results = call.api.store.write(move |tx| -> Result<Vec<wire::ProjectDeleted>, StoreError> {
        let one = |text: String| {
            let name = match text.parse() {
                Ok(id) => delete_in(tx, id)?,
                Err(_) => None,
            };
            let error = name.is_none().then(|| format!("There is no project `{text}`."));
            let message = name.map(|name| deleted(&name));
            Ok(wire::ProjectDeleted { project_id: text, success: error.is_none(), message, error })
        };
        ids.into_iter().map(one).collect()
    });
    Reply::json(&wire::ProjectsDeleted::from(results.await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fields::read_body;
    use serde_json::json;

    fn read(config: &Value) -> Result<NewProject, Vec<String>> {
        let body = json!({"name": "n", "path": "/p", "default_branch": "main", "config": config});
        read_body(body).map_err(|wrong| wrong.errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn settings_that_are_not_known_are_kept_as_they_came() {
        let config = json!({"context": "c", "ports": 2, "board": {"colour": [1, null]}, "zeta": null});
        let read = read(&config).expect("they are right").config.config;
        assert_eq!((read.context.as_deref(), read.ports), (Some("c"), Some(2)));
        assert_eq!(serde_json::to_value(&read).expect("it is JSON"), config);
    }

    #[test]
    fn every_wrong_setting_is_told() {
        let config = json!({"setup_commands": "make", "ports": -1, "env": {"A": 5}, "chains": {"judge": []},
            "remembered": 1});
        assert_eq!(
            read(&config).expect_err("they are wrong"),
            ["config.setup_commands", "config.ports", "config.env.A", "config.chains.judge", "config.remembered"]
        );
    }

    #[test]
    fn remembered_permissions_stay_unless_they_are_named() {
        let rule = json!({"tool": "Bash", "prefix": "ls", "behavior": "allow"});
        let old = read(&json!({"remembered": [rule]})).expect("right").config.config;
        let without = read(&json!({"notes": "n"})).expect("right").config.instead_of(&old);
        assert_eq!((without.remembered.len(), without.notes.as_deref()), (1, Some("n")));
        let none = read(&json!({"remembered": []})).expect("right").config.instead_of(&old);
        assert!(none.remembered.is_empty());
    }
}
