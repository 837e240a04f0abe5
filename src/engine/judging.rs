//! The end criteria: asks the criteria chain whether the work is done.

use super::{EngineError, context::Context, deciding::PassedOver};
use crate::{
    domain::{Task, TaskId},
    store::{StoreError, Tx},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// What the criteria chain found.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Judgement {
    /// Every criterion holds.
    Met {
        /// The plugin whose word counted.
        plugin: String,
        /// What shows it, in a few sentences.
        evidence: String,
    },
    /// Some do not.
    NotMet {
        /// The plugin whose word counted.
        plugin: String,
        /// What is missing, one entry a criterion.
        missing: Vec<String>,
        /// The message to the agent: what holds, what is missing, that it goes on.
        text: String,
    },
    /// None fails, and of some it could not be told.
    Unsure {
        /// The plugin whose word counted.
        plugin: String,
        /// Why, in a sentence for the user.
        reason: String,
    },
    /// The chain is empty, or every plugin of it had nothing to say or failed.
    Nobody {
        /// Those that were asked.
        passed: Vec<PassedOver>,
    },
}

/// Asks the criteria chain about the work as it stands: the first plugin that has criteria and something to say of them
/// counts. Criteria are taken from the description once and kept until the request changes. The commands that an
/// evaluation needs run in the agent's folder, with limits. Records every call, and `criteria.evaluated`.
///
/// # Errors
/// [`EngineError::Store`] when the log cannot be written; a plugin's failure is no error.
pub(crate) async fn judge(
    ctx: &Context,
    task: &Task,
    last_text: &str,
    cancel: &CancellationToken,
) -> Result<Judgement, EngineError> {
    todo!()
}

/// The criteria with what was found last: `{id, text, verdict, evidence}` each; empty before the first evaluation.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn latest_findings(ctx: &Context, task: TaskId) -> Result<Vec<Value>, StoreError> {
    todo!()
}

/// Forgets criteria and findings, when a task begins anew.
///
/// # Errors
/// When the database cannot be written.
pub(crate) fn forget(tx: &mut Tx<'_>, task: TaskId) -> Result<(), StoreError> {
    todo!()
}
