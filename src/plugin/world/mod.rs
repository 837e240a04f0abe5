//! The three worlds: for each, what a call of one of its functions is given and answers, turned from the values of
//! `call` into those of the bindings and back, and whether the answer fits what was asked.

pub(super) mod criteria;
pub(super) mod responder;
pub(super) mod test_runner;

use super::{
    Access, CallError, Entry, Speaker, TaskProject, TaskView,
    bindings::interface::types::{self, Description},
    component::Functions,
    limits,
    sandbox::Call,
};
use wasmtime::Store;

/// Why an answer cannot be used.
type Unfit = String;

/// One function of a plugin with its arguments.
pub(super) trait Question: Sync {
    /// What it answers.
    type Answer: Send;
    /// Bytes of the longest answer.
    const ANSWER_BYTES: usize = limits::ANSWER_BYTES;

    /// Instantiates the plugin in a store and calls the function. The outer error is wasmtime's.
    fn ask(
        &self,
        functions: &Functions,
        store: &mut Store<Call>,
    ) -> impl Future<Output = wasmtime::Result<Result<Self::Answer, CallError>>> + Send;
}

/// What a plugin says of itself.
pub(super) struct Describe;

impl Question for Describe {
    type Answer = Description;

    async fn ask(
        &self,
        functions: &Functions,
        store: &mut Store<Call>,
    ) -> wasmtime::Result<Result<Description, CallError>> {
        Ok(Ok(match functions {
            Functions::Responder(pre) => {
                let instance = pre.instantiate_async(&mut *store).await?;
                instance.taskwright_plugin_answering().call_describe(store).await?
            }
            Functions::Criteria(pre) => {
                let instance = pre.instantiate_async(&mut *store).await?;
                instance.taskwright_plugin_judging().call_describe(store).await?
            }
            Functions::TestRunner(pre) => {
                let instance = pre.instantiate_async(&mut *store).await?;
                instance.taskwright_plugin_testing().call_describe(store).await?
            }
        }))
    }
}

/// What a plugin's own error, and an answer of it that does not fit, are to the caller.
fn answered<T>(answer: Result<Result<T, Unfit>, String>) -> Result<T, CallError> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(why)) => Err(CallError::BadAnswer(why)),
        Err(said) => Err(CallError::Refused(said.chars().take(REFUSAL_CHARS).collect())),
    }
}

fn of_another_kind() -> wasmtime::Error {
    wasmtime::Error::msg("it is a plugin of another kind")
}

/// Characters of a plugin's own error.
const REFUSAL_CHARS: usize = 2_000;

fn task(view: &TaskView) -> types::Task {
    types::Task {
        id: view.id.clone(),
        name: view.name.clone(),
        description: view.description.clone(),
        end_criteria: view.end_criteria.clone(),
        project_context: view.project_context.clone(),
        custom_input: view.custom_input.clone(),
        projects: view.projects.iter().map(project).collect(),
        branch: view.branch.clone(),
        turns: view.turns,
        max_turns: view.max_turns,
        test_rounds: view.test_rounds,
    }
}

fn project(project: &TaskProject) -> types::Project {
    types::Project {
        name: project.name.clone(),
        path: project.path.clone(),
        access: match project.access {
            Access::Read => types::Access::Read,
            Access::Write => types::Access::Write,
        },
        context: project.context.clone(),
    }
}

fn entries(entries: &[Entry]) -> Vec<types::Entry> {
    let entry = |entry: &Entry| types::Entry {
        speaker: match entry.speaker {
            Speaker::User => types::Speaker::User,
            Speaker::Agent => types::Speaker::Agent,
            Speaker::Responder => types::Speaker::Responder,
            Speaker::Tool => types::Speaker::Tool,
            Speaker::System => types::Speaker::System,
        },
        text: entry.text.clone(),
        tool: entry.tool.clone(),
    };
    entries.iter().map(entry).collect()
}

/// Refuses a text that has nothing in it.
fn not_blank(text: &str, what: &str) -> Result<(), Unfit> {
    if text.trim().is_empty() { Err(format!("{what} is empty")) } else { Ok(()) }
}

/// Refuses a path that is not inside the agent's folder.
fn relative(path: &str) -> Result<(), Unfit> {
    let outside =
        path.is_empty() || path.starts_with('/') || path.contains('\0') || path.split('/').any(|part| part == "..");
    if outside { Err(format!("`{path}` is no path inside the agent's folder")) } else { Ok(()) }
}
