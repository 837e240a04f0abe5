//! The OpenAPI 3.1 document, made from the routes themselves. What every operation has in common (problems, request ids,
//! parameters of paths, idempotency keys) is added here once, not written at each handler.

use super::{
    problem::{Kind, ProblemDetails},
    router::Router,
    wire,
};
use crate::domain::EventBody;
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

/// The document of this version, as it is committed and served.
#[must_use]
pub fn document() -> Value {
    describe(&Router::new(super::routes()))
}

/// The document of a router's routes.
#[must_use]
pub fn describe(router: &Router) -> Value {
    let mut schemas = Map::new();
    let mut paths: Map<String, Value> = Map::new();
    add_schema::<ProblemDetails<'_>>(&mut schemas);
    add_schema::<wire::Event>(&mut schemas);
    for route in router.routes() {
        let Some(description) = &route.description else { continue };
        for (name, schema) in &description.schemas {
            schemas.entry(name.clone()).or_insert_with(|| to_value(schema));
        }
        let mut operation = to_value(&description.operation);
        complete(&mut operation, &route.method, &route.path, route.open);
        let item = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    name_kinds(&mut schemas);
    paths.sort_keys();
    schemas.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Taskwright",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Takes software tasks, gives each a git worktree, drives a coding agent through it, and leaves a tested branch with the evidence.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "security": [{"token": []}, {"session": []}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses(),
            "headers": headers(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The server's token, from the file `token` of its data directory."},
                "session": {"type": "apiKey", "in": "cookie", "name": super::door::COOKIE, "description": "What a browser gets by `/login?code=…`."},
            },
        },
    })
}

fn tags() -> Value {
    json!([
        {"name": "tasks", "description": "Tasks and what is done with them."},
        {"name": "input", "description": "What users say to the agent."},
        {"name": "questions", "description": "What waits for an answer."},
        {"name": "live", "description": "Events as they happen."},
        {"name": "projects", "description": "Repositories with their settings."},
        {"name": "library", "description": "Prompts and sessions."},
        {"name": "plugins", "description": "What decides."},
        {"name": "server", "description": "The server itself."},
    ])
}

fn add_schema<T: ToSchema + PartialSchema>(schemas: &mut Map<String, Value>) {
    let mut named = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut named);
    for (name, schema) in named {
        schemas.entry(name).or_insert_with(|| to_value(&schema));
    }
}

fn to_value<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Gives the variants of events their words on the wire, which the derived schema does not see.
fn name_kinds(schemas: &mut Map<String, Value>) {
    let variants = schemas.get_mut("EventBody").and_then(|body| body["oneOf"].as_array_mut());
    for (variant, kind) in variants.into_iter().flatten().zip(EventBody::KINDS) {
        variant["title"] = (*kind).into();
        variant["properties"]["kind"] = json!({"const": kind, "type": "string"});
    }
}

/// Adds what every operation has in common.
fn complete(operation: &mut Value, method: &Method, path: &str, open: bool) {
    let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let has = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
    let mut all: Vec<Value> = vec![];
    for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        if !has(name) {
            all.push(path_parameter(name));
        }
    }
    all.extend(parameters.iter().cloned());
    if *method == Method::POST {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes a repeat of this request answer what the first did, for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }));
    }
    if !all.is_empty() {
        operation["parameters"] = Value::Array(all);
    }
    if open {
        operation["security"] = json!([]);
    }
    let has_parameters = operation.get("parameters").is_some();
    let has_body = operation.get("requestBody").is_some();
    let writes = *method != Method::GET;
    let answers = operation["responses"].as_object_mut();
    let Some(answers) = answers else { return };
    for (status, answer) in answers.iter_mut() {
        if answer.get("$ref").is_none() {
            if answer["description"].as_str().is_none_or(str::is_empty) {
                answer["description"] = words_of(status).into();
            }
            if !answer["headers"].is_object() {
                answer["headers"] = json!({});
            }
            answer["headers"]["X-Request-Id"] = json!({"$ref": "#/components/headers/X-Request-Id"});
        }
    }
    if has_parameters {
        answers.insert(
            "431".to_owned(),
            json!({"description": "The address or the headers are too long; nothing was read."}),
        );
    }
    for kind in Kind::ALL {
        let status = kind.status.as_u16();
        let possible = match status {
            401 | 429 => !open,
            403 | 500 | 503 => true,
            404 => path.contains('{') || path.ends_with("/questions"),
            409 | 507 => writes,
            400 | 408 | 413 | 415 => writes && (has_body || status == 400),
            422 => has_parameters || has_body,
            _ => false,
        };
        if possible && !answers.contains_key(&status.to_string()) {
            answers.insert(
                status.to_string(),
                json!({"$ref": format!("#/components/responses/{}", response_name(status))}),
            );
        }
    }
    answers.sort_keys();
}

/// What an answer without words of its own says.
fn words_of(status: &str) -> &'static str {
    match status {
        "201" => "Made.",
        "202" => "Accepted.",
        "204" => "Nothing to say.",
        _ => "Done.",
    }
}

fn path_parameter(name: &str) -> Value {
    let (description, schema) = match name {
        "name" => ("The task's name, percent-encoded.", json!({"type": "string", "minLength": 1})),
        "id" | "input_id" => ("Its identifier.", json!({"type": "string", "format": "uuid"})),
        _ => ("", json!({"type": "string", "minLength": 1})),
    };
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema})
}

fn response_name(status: u16) -> String {
    format!("Problem{status}")
}

/// One answer for each status of problems, which lists the kinds that have it.
fn responses() -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for kind in Kind::ALL {
        let status = kind.status.as_u16();
        let line = format!("- `{}{}`: {}. {}", super::problem::TYPES, kind.slug, kind.title, kind.remedy);
        let name = response_name(status);
        if let Some(response) = responses.get_mut(&name) {
            let words = response["description"].as_str().unwrap_or_default().to_owned();
            response["description"] = format!("{words}\n{line}").into();
            continue;
        }
        let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}});
        if status == 429 {
            headers["Retry-After"] = json!({"description": "Seconds to wait.", "schema": {"type": "integer"}});
        }
        responses.insert(
            name,
            json!({
                "description": line,
                "headers": headers,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }),
        );
    }
    Value::Object(responses)
}

fn headers() -> Value {
    json!({
        "X-Request-Id": {"description": "Names the request; the log has it too.", "required": true, "schema": {"type": "string"}},
        "X-Total-Count": {"description": "How many entries the whole list has.", "required": true, "schema": {"type": "integer", "minimum": 0}},
        "Link": {"description": "`rel=\"next\"` leads to the next page, where there is one.", "schema": {"type": "string"}},
        "ETag": {"description": "Changes with the content; give it as `If-None-Match`.", "schema": {"type": "string"}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_the_one_that_is_served() {
        let made = serde_json::to_string_pretty(&document()).expect("the document is plain JSON") + "\n";
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/openapi.json");
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(file, &made).expect("the file can be written");
        }
        let committed = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            committed == made,
            "src/api/openapi.json is not up to date; `UPDATE_OPENAPI=1 cargo test openapi` writes it anew"
        );
    }

    #[test]
    fn every_answer_has_words() {
        let document = document();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for operation in item.as_object().expect("operations").values() {
                for (status, answer) in operation["responses"].as_object().expect("answers") {
                    assert!(answer["$ref"].is_string() || answer["description"].is_string(), "{path} {status}");
                }
            }
        }
    }

    #[test]
    fn every_kind_of_event_stands_at_its_own_payload() {
        let document = document();
        let variants = document["components"]["schemas"]["EventBody"]["oneOf"].as_array().expect("variants");
        assert_eq!(variants.len(), EventBody::KINDS.len());
        let asked = variants.iter().find(|variant| variant["title"] == "question.asked").expect("it is there");
        assert!(asked["properties"]["payload"]["properties"]["question_kind"].is_object());
        assert_eq!(asked["properties"]["kind"]["const"], "question.asked");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut pending = vec![&document];
        while let Some(value) = pending.pop() {
            match value {
                Value::Object(object) => {
                    if let Some(Value::String(reference)) = object.get("$ref") {
                        assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
                    }
                    pending.extend(object.values());
                }
                Value::Array(values) => pending.extend(values),
                _ => {}
            }
        }
    }

    #[test]
    fn every_operation_has_an_id_of_its_own_and_says_what_it_does() {
        let document = document();
        let mut ids = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let id = operation["operationId"].as_str().unwrap_or_default();
                assert!(!id.is_empty() && ids.insert(id.to_owned()), "{method} {path} has no id of its own: {id:?}");
                assert!(operation["summary"].is_string(), "{method} {path} has no words");
            }
        }
    }

    #[test]
    fn the_document_keeps_the_header_names_that_requests_use() {
        let text = document().to_string();
        assert!(text.contains("Idempotency-Key") && super::super::idempotency::HEADER == "idempotency-key");
    }
}
