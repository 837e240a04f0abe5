//! The prompt library: templates that clients keep.

use super::paging::{self, DEFAULT_LIMIT, Limit};
use crate::{
    api::{
        Call, Problem, Reply, Route,
        fields::{Change, Field, Visible, Wrong, fields},
        route, wire,
    },
    domain::{PromptId, library::Prompt},
    store::StoreError,
};
use http::StatusCode;
use serde_json::Value;
use utoipa::openapi::{
    RefOr,
    schema::{AnyOfBuilder, Schema},
};

/// The routes of prompts.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route::<__path_create, _, _>(create),
        route::<__path_list, _, _>(list),
        route::<__path_get, _, _>(get),
        route::<__path_update, _, _>(update),
        route::<__path_delete, _, _>(delete),
        route::<__path_use_prompt, _, _>(use_prompt),
    ]
}

/// Tags: a list, or one text with commas.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tags(pub Vec<String>);

impl Field for Tags {
    fn read(value: Value, at: &str, wrong: &mut Wrong) -> Option<Self> {
        let tags = match value {
            text @ Value::String(_) => String::read(text, at, wrong)?.split(',').map(str::to_owned).collect(),
            other => Vec::<String>::read(other, at, wrong)?,
        };
        Some(Self(tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn field_schema() -> RefOr<Schema> {
        AnyOfBuilder::new().item(Vec::<String>::field_schema()).item(String::field_schema()).into()
    }
}

fields! {
    /// A template.
    pub struct NewPrompt {
        /// Its title.
        title: Visible,
        /// The text.
        content: Visible,
        /// A category.
        category: Option<String>,
        /// Tags: a list, or one text with commas.
        tags: Tags,
        /// End criteria that go with it, in the client's form.
        criteria_config: Option<Value>,
        /// Whose it is.
        user_id: Option<String>,
    }
}

/// Keeps a prompt.
#[utoipa::path(post, path = "/api/v1/prompts", operation_id = "create_prompt", tag = "library", request_body = NewPrompt,
    responses((status = 201, body = wire::Prompt)))]
async fn create(mut call: Call) -> Result<Reply, Problem> {
    let new = call.body::<NewPrompt>().await?;
    let prompt = call.api.store.write(move |tx| -> Result<_, StoreError> {
        let prompt = Prompt {
            id: PromptId::new(),
            title: new.title.0,
            content: new.content.0,
            category: new.category,
            tags: new.tags.0,
            criteria_config: new.criteria_config,
            user_id: new.user_id,
            usage_count: 0,
            created_at: tx.now(),
            updated_at: tx.now(),
            last_used_at: None,
        };
        tx.insert_prompt(&prompt)?;
        Ok(prompt)
    });
    Ok(Reply::json(&wire::Prompt::from(prompt.await?))?.status(StatusCode::CREATED))
}

fields! {
    /// Which prompts.
    pub struct ListPrompts {
        /// Only those of this category.
        category: Option<String>,
        /// Only those whose title, text or tags hold this, whatever the case.
        search: Option<String>,
        /// How many, from 1 to 500.
        limit: Limit = DEFAULT_LIMIT,
        /// After how many.
        offset: u64 = 0,
    }
}

/// Lists prompts, newest first.
#[utoipa::path(get, path = "/api/v1/prompts", operation_id = "list_prompts", tag = "library", params(ListPrompts),
    responses((status = 200, body = [wire::Prompt], headers(
        ("X-Total-Count" = u64, description = "How many prompts the whole list has."),
        ("Link" = String, description = "`rel=\"next\"` leads to the next page.")))))]
async fn list(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query::<ListPrompts>()?;
    let page = wanted.limit.from(wanted.offset);
    let found = call
        .api
        .store
        .read::<_, StoreError, _>(move |q| q.prompts(wanted.category.as_deref(), wanted.search.as_deref(), page));
    let (prompts, total) = found.await?;
    let prompts: Vec<_> = prompts.into_iter().map(wire::Prompt::from).collect();
    paging::paged(&call, &prompts, total, page)
}

/// A prompt.
#[utoipa::path(get, path = "/api/v1/prompts/{id}", operation_id = "get_prompt", tag = "library",
    responses((status = 200, body = wire::Prompt)))]
async fn get(call: Call) -> Result<Reply, Problem> {
    let id: PromptId = call.id("prompt")?;
    let found = call.api.store.read::<_, StoreError, _>(move |q| q.prompt(id)).await?;
    Reply::json(&wire::Prompt::from(found.ok_or_else(|| Problem::not_found("prompt", id))?))
}

/// Changes a prompt in the store.
async fn change(call: &Call, id: PromptId, apply: impl FnOnce(&mut Prompt) + Send + 'static) -> Result<Reply, Problem> {
    let changed = call.api.store.write(move |tx| -> Result<_, StoreError> {
        let Some(mut prompt) = tx.prompt(id)? else { return Ok(None) };
        apply(&mut prompt);
        tx.update_prompt(&prompt)?;
        Ok(Some(prompt))
    });
    let changed = changed.await?.ok_or_else(|| Problem::not_found("prompt", id))?;
    Reply::json(&wire::Prompt::from(changed))
}

fields! {
    /// What changes of a prompt; what is absent stays.
    pub struct ChangePrompt {
        /// Its title.
        title: Option<Visible>,
        /// The text.
        content: Option<Visible>,
        /// A category.
        category: Change<String>,
        /// Tags: a list, or one text with commas.
        tags: Option<Tags>,
        /// End criteria that go with it, in the client's form.
        criteria_config: Change<Value>,
        /// Whose it is.
        user_id: Change<String>,
    }
}

/// Changes a prompt.
#[utoipa::path(put, path = "/api/v1/prompts/{id}", operation_id = "update_prompt", tag = "library",
    request_body = ChangePrompt, responses((status = 200, body = wire::Prompt)))]
async fn update(mut call: Call) -> Result<Reply, Problem> {
    let id = call.id("prompt")?;
    let wanted = call.body::<ChangePrompt>().await?;
    let now = (call.api.now)();
    let apply = move |prompt: &mut Prompt| {
        prompt.updated_at = now;
        if let Some(title) = wanted.title {
            prompt.title = title.0;
        }
        if let Some(content) = wanted.content {
            prompt.content = content.0;
        }
        if let Some(category) = wanted.category.into_patch(|text| text) {
            prompt.category = category;
        }
        if let Some(tags) = wanted.tags {
            prompt.tags = tags.0;
        }
        if let Some(criteria) = wanted.criteria_config.into_patch(|value| value) {
            prompt.criteria_config = criteria;
        }
        if let Some(user_id) = wanted.user_id.into_patch(|text| text) {
            prompt.user_id = user_id;
        }
    };
    change(&call, id, apply).await
}

/// Counts a use of a prompt, and answers it.
#[utoipa::path(post, path = "/api/v1/prompts/{id}/use", operation_id = "use_prompt", tag = "library",
    responses((status = 200, body = wire::Prompt)))]
async fn use_prompt(call: Call) -> Result<Reply, Problem> {
    let now = (call.api.now)();
    let apply = move |prompt: &mut Prompt| {
        prompt.usage_count += 1;
        prompt.last_used_at = Some(now);
    };
    change(&call, call.id("prompt")?, apply).await
}

/// Deletes a prompt.
#[utoipa::path(delete, path = "/api/v1/prompts/{id}", operation_id = "delete_prompt", tag = "library",
    responses((status = 200, body = wire::Said)))]
async fn delete(call: Call) -> Result<Reply, Problem> {
    let id: PromptId = call.id("prompt")?;
    if !call.api.store.write(move |tx| tx.delete_prompt(id)).await? {
        return Err(Problem::not_found("prompt", id));
    }
    Reply::json(&wire::Said { message: "The prompt was deleted.".to_owned() })
}
