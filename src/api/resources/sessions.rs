//! Sessions: in which a client groups the tasks of one project.

use super::paging::{self, DEFAULT_LIMIT, Limit};
use crate::{
    api::{
        Call, Problem, Reply, Route,
        fields::{Visible, fields},
        route, wire,
    },
    domain::{SessionId, library::Session},
    store::{StoreError, TaskFilter, TaskSort},
};
use http::StatusCode;

/// The routes of sessions.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![route::<__path_create, _, _>(create), route::<__path_get, _, _>(get), route::<__path_tasks, _, _>(tasks)]
}

fields! {
    /// A session.
    pub struct NewSession {
        /// The folder that it is about.
        project_path: Visible,
    }
}

/// Opens a session.
#[utoipa::path(post, path = "/api/v1/sessions", operation_id = "create_session", tag = "library",
    request_body = NewSession, responses((status = 201, body = wire::Session)))]
async fn create(mut call: Call) -> Result<Reply, Problem> {
    let project_path = call.body::<NewSession>().await?.project_path.0;
    call.api.engine.check_folder("project_path", &project_path).await?;
    let made = call.api.store.write(move |tx| -> Result<_, StoreError> {
        let session = Session { id: SessionId::new(), project_path, created_at: tx.now(), updated_at: tx.now() };
        tx.insert_session(&session)?;
        Ok(session)
    });
    Ok(Reply::json(&wire::Session::from(made.await?))?.status(StatusCode::CREATED))
}

async fn session(call: &Call) -> Result<Session, Problem> {
    let id: SessionId = call.id("session")?;
    let found = call.api.store.read::<_, StoreError, _>(move |q| q.session(id)).await?;
    found.ok_or_else(|| Problem::not_found("session", id))
}

/// A session.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", operation_id = "get_session", tag = "library",
    responses((status = 200, body = wire::Session)))]
async fn get(call: Call) -> Result<Reply, Problem> {
    Reply::json(&wire::Session::from(session(&call).await?))
}

fields! {
    /// Which tasks of a session.
    pub struct ListSessionTasks {
        /// How many, from 1 to 500.
        limit: Limit = DEFAULT_LIMIT,
        /// After how many.
        offset: u64 = 0,
    }
}

/// Lists a session's tasks, newest first.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/tasks", operation_id = "list_session_tasks", tag = "library",
    params(ListSessionTasks), responses((status = 200, body = [wire::Task], headers(
        ("X-Total-Count" = u64, description = "How many tasks the whole list has."),
        ("Link" = String, description = "`rel=\"next\"` leads to the next page.")))))]
async fn tasks(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<ListSessionTasks>()?;
    let page = wanted.limit.from(wanted.offset);
    let session_id = Some(session(&call).await?.id);
    let found = call.api.store.read::<_, StoreError, _>(move |q| {
        q.tasks(&TaskFilter { session_id, ..TaskFilter::default() }, TaskSort::CreatedAt, true, page)
    });
    let (tasks, total) = found.await?;
    let shown = tasks.into_iter().map(|task| {
        let live = call.api.engine.live(task.id);
        wire::Task { fields: wire::TaskFields::new(task, live), test_cases: None, interactions: None }
    });
    paging::paged(&call, &shown.collect::<Vec<_>>(), total, page)
}
