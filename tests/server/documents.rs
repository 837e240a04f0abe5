//! The pages in `docs/` that are made from the code: they must say what the code says. `UPDATE_DOCS=1` writes them anew.

use serde_json::Value;
use std::fmt::Write as _;
use taskwright::{
    cli::settings::{Kind, SETTINGS},
    domain::EventBody,
};
use utoipa::PartialSchema as _;

#[track_caller]
fn stands_in(file: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).expect("the page can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == text, "docs/{file} does not say what the code says; UPDATE_DOCS=1 writes it anew");
}

#[test]
fn the_page_of_events_tells_every_kind_with_a_sample() {
    let samples: Vec<Value> = include_str!("../../src/store/samples/events-v1.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a sample is JSON"))
        .collect();
    let schema = serde_json::to_value(EventBody::schema()).expect("a schema is JSON");
    let variants = schema["oneOf"].as_array().expect("one schema a kind");
    let mut page = String::from(
        "# Events\n\nWhat the log keeps and clients read, version 1. Every event is `{seq, task, task_id, kind, at, payload}`; `task` is the task's name, \
         empty for events of the server. Fields may be added to a payload; none is renamed or removed.\n",
    );
    for (kind, variant) in EventBody::KINDS.iter().zip(variants) {
        let sample = samples.iter().find(|sample| sample["kind"] == **kind).expect("a sample of every kind");
        let told = variant["description"].as_str().unwrap_or_default();
        write!(page, "\n## `{kind}`\n\n{told}\n\n| field | what it is |\n|---|---|\n").expect("a string takes text");
        let fields = variant["properties"]["payload"]["properties"].as_object();
        for (name, field) in fields.into_iter().flatten() {
            let told = field["description"].as_str().unwrap_or_default();
            writeln!(page, "| `{name}` | {told} |").expect("a string takes text");
        }
        let sample = serde_json::to_string_pretty(&sample["payload"]).expect("a sample is JSON");
        write!(page, "\n```json\n{sample}\n```\n").expect("a string takes text");
    }
    stands_in("events.md", &page);
}

#[test]
fn the_page_of_settings_tells_every_setting() {
    let mut page = String::from(
        "# Settings\n\nDefaults, then `taskwright.toml` in the data directory (or `--config FILE`), then the environment, then flags (`--set NAME=VALUE`). \
         An unknown or wrong setting is an error that names it. `taskwright config` prints what is in force and where each value comes from; \
         `taskwright config --sample` prints a file to start from.\n",
    );
    for setting in SETTINGS {
        write!(page, "\n## `{}`\n\n{}\n\n", setting.name, setting.doc).expect("a string takes text");
        let kind = match setting.kind {
            Kind::Text => "a text".to_owned(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Choice(words) => format!("one of `{}`", words.join("`, `")),
            Kind::List { separator } => format!("a list of texts; in the environment separated by `{separator}`"),
            Kind::Table => "a table".to_owned(),
        };
        writeln!(page, "- Value: {kind}").expect("a string takes text");
        if !setting.default.is_empty() {
            writeln!(page, "- Default: `{}`", setting.default).expect("a string takes text");
        }
        let variables: Vec<_> =
            [setting.variable, setting.alias].into_iter().flatten().map(|name| format!("`{name}`")).collect();
        if !variables.is_empty() {
            writeln!(page, "- Environment: {}", variables.join(", ")).expect("a string takes text");
        }
    }
    stands_in("settings.md", &page);
}
