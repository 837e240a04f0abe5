//! The plugin host: finding and loading components, their limits and capabilities, hot swap, and the calls themselves.
//!
//! A plugin is one `.wasm` component that describes itself. Here it is loaded, held to its limits and called; which
//! plugins are asked in which order, and what their answers lead to, is the engine's affair. What must not live here:
//! tasks' lives, the database, git, processes.

mod bindings;
mod built_in;
mod call;
mod capability;
mod clock;
mod compiled;
mod component;
mod directory;
mod error;
mod host;
mod limits;
mod registry;
mod sandbox;
mod statistics;
mod system;
mod world;

pub use call::{
    Access, Answer, CaseStatus, Change, ChangeKind, CommandOutcome, CriteriaSituation, Criterion, DirEntry, Entry,
    EntryKind, Escalation, Evaluation, Finding, Happening, PermissionRequest, PlannedCommand, ProjectFiles, Question,
    QuestionChoice, RespondSituation, Response, RunCase, RunOutcome, RunPlan, ShellCommand, Speaker, TaskProject,
    TaskView, Verdict,
};
pub use error::{CallError, LoadError};
pub use host::{HostConfig, Inspection, PluginHost, inspect};
pub use statistics::PluginStatistics;

use crate::domain::ChainKind;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// A capability that a plugin may be granted. `log` and `settings` are always there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// A key-value store of its own, one for each task.
    State,
    /// Reading the worktree.
    Workspace,
    /// Asking the agent's model.
    Model,
}

/// Which plugin, exactly.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PluginId {
    /// The name by which chains name it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The hash of its content (BLAKE3, hexadecimal).
    pub hash: String,
}

/// A loaded plugin, as the operator sees it.
#[derive(Clone, PartialEq, Debug, Serialize, utoipa::ToSchema)]
pub struct PluginView {
    /// Which.
    #[serde(flatten)]
    pub id: PluginId,
    /// What it decides.
    pub chain: ChainKind,
    /// What it does.
    pub summary: String,
    /// A JSON schema of its settings.
    pub settings_schema: Option<Value>,
    /// What it asks for.
    pub wants: Vec<Capability>,
    /// What the operator has granted of that.
    pub granted: Vec<Capability>,
    /// Whether it came with the server.
    pub built_in: bool,
    /// Its file; none for one that came with the server.
    pub file: Option<String>,
    /// Bytes of the component.
    pub size_bytes: u64,
    /// Why its newest file is not in charge, if that is so.
    pub problem: Option<String>,
}

/// What a call's plugin may touch beyond its arguments: given by the engine for each call, for one task.
#[async_trait]
pub trait Surroundings: Send + Sync {
    /// The plugin's settings in force for this task: one JSON object.
    fn settings(&self, plugin: &str) -> Value;
    /// A line of log.
    fn log(&self, plugin: &str, level: tracing::Level, message: &str);
    /// See `state.get` in the interface.
    async fn state_get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, CapabilityError>;
    /// Sets, or removes with `None`.
    async fn state_set(&self, plugin: &str, key: &str, value: Option<Vec<u8>>) -> Result<(), CapabilityError>;
    /// Keys that begin with a text.
    async fn state_list(&self, plugin: &str, prefix: &str) -> Result<Vec<String>, CapabilityError>;
    /// Entries of a folder in the agent's folder.
    async fn workspace_list(&self, path: &str) -> Result<Vec<DirEntry>, CapabilityError>;
    /// Bytes of a file there.
    async fn workspace_read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, CapabilityError>;
    /// Files that differ from the task's base.
    async fn workspace_changes(&self) -> Result<Vec<Change>, CapabilityError>;
    /// The unified diff to the task's base.
    async fn workspace_diff(&self, path: Option<&str>) -> Result<String, CapabilityError>;
    /// Asks the model in a side session.
    async fn ask_model(&self, prompt: &str, schema: Option<Value>) -> Result<ModelAnswer, CapabilityError>;
}

/// What a side session answered.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelAnswer {
    /// The text; with a schema, the JSON value.
    pub text: String,
    /// Tokens used.
    pub tokens: u64,
    /// United States dollars.
    pub cost_usd: f64,
}

/// Why a capability did not do what was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CapabilityError {
    /// Not granted.
    #[error("the operator has not granted this capability")]
    Denied,
    /// No such file, key or revision.
    #[error("not found")]
    NotFound,
    /// A wrong argument.
    #[error("{0}")]
    Invalid(String),
    /// A limit of the call.
    #[error("{0}")]
    Limited(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

/// One call's result with what is recorded of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Called<T> {
    /// Who was called.
    pub plugin: PluginId,
    /// What it said, or how it failed.
    pub result: Result<T, CallError>,
    /// Time taken, waiting for capabilities included.
    pub duration: Duration,
}

/// The plugins, as the engine uses them. Every call instantiates the plugin anew and holds it to its limits; a plugin that
/// is replaced while it is called finishes that call.
#[async_trait]
pub trait Plugins: Send + Sync {
    /// Everything that is loaded, sorted by kind and name.
    fn list(&self) -> Vec<PluginView>;
    /// The plugin that a chain names.
    fn find(&self, chain: ChainKind, name: &str) -> Option<PluginId>;

    /// Asks a responder.
    async fn respond(
        &self,
        name: &str,
        situation: &RespondSituation,
        around: Arc<dyn Surroundings>,
    ) -> Called<Response>;
    /// Asks for the single criteria.
    async fn extract(&self, name: &str, task: &TaskView, around: Arc<dyn Surroundings>) -> Called<Vec<Criterion>>;
    /// Asks which commands an evaluation needs.
    async fn criteria_commands(
        &self,
        name: &str,
        task: &TaskView,
        around: Arc<dyn Surroundings>,
    ) -> Called<Vec<ShellCommand>>;
    /// Asks whether the criteria are met.
    async fn evaluate(
        &self,
        name: &str,
        situation: &CriteriaSituation,
        around: Arc<dyn Surroundings>,
    ) -> Called<Evaluation>;
    /// Asks which files `detect` needs.
    async fn wants(&self, name: &str, around: Arc<dyn Surroundings>) -> Called<Vec<String>>;
    /// Asks how the project is tested.
    async fn detect(
        &self,
        name: &str,
        project: &ProjectFiles,
        around: Arc<dyn Surroundings>,
    ) -> Called<Option<RunPlan>>;
    /// Has the outcomes read.
    async fn interpret(
        &self,
        name: &str,
        outcomes: &[RunOutcome],
        around: Arc<dyn Surroundings>,
    ) -> Called<Vec<RunCase>>;
}

#[cfg(test)]
mod tests;
