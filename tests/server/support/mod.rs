//! The harness: one context owns a server, its home, its data directory and its agent's command.

mod events;
pub mod messages_api;
mod repository;
mod server;
mod work;

pub use events::{Events, Seen};
pub use repository::{NODE, PLAIN, Repository};
pub use server::{Builder, PATIENCE, Reply, Server, of, scripted, scripted_agent};

use serde_json::Value;

/// Final statuses.
pub const FINAL: &[&str] = &["COMPLETED", "FINISHED", "FAILED", "EXHAUSTED"];

/// A name that no other task of this run has.
pub fn unique(word: &str) -> String {
    format!("{word} {}", uuid::Uuid::new_v4().simple())
}

/// A text field.
#[track_caller]
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("`{key}` is no text in {value:#}"))
}
