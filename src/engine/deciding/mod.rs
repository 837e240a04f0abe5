//! Asking a chain of plugins, and recording what each said.
//!
//! Here a chain is walked: which plugins, in which order, with what they are given, whose answer counts, and the record of
//! every call. What an answer leads to is the executor's affair.

use super::{EngineError, context::Context};
use crate::{
    domain::Task,
    plugin::{Happening, PluginId, Response},
};

/// Which responder chain is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChainScope {
    /// The one in force: the task's, else its project's, else the server's.
    InForce,
    /// Only one that the task itself gives; in a chat, the server's habits do not speak for the user.
    TaskOnly,
}

/// A plugin that was asked and whose word did not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PassedOver {
    /// Its name, as the chain gives it.
    pub plugin: String,
    /// Why: its own reason to pass, how it failed, or why its answer does not fit.
    pub why: String,
    /// Whether it failed; false when it passed of its own will.
    pub failed: bool,
}

/// What a chain decided.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Decided {
    /// Who answered what; never `pass`, always fitting what happened. None when all passed or the chain is empty: the
    /// user is asked.
    pub answer: Option<(PluginId, Response)>,
    /// Those that were asked before.
    pub passed: Vec<PassedOver>,
}

/// Asks the responder chain about something that happened, and records every call as a decision with its event.
///
/// An answer fits when it can be carried out: to the end of a turn `reply`, `finish` and `escalate`; to questions `choose`
/// (with labels of the choices; numbers, letters and other cases are mapped to them), `reply` and `escalate`; to a
/// permission `allow`, `deny` and `escalate`. Whatever does not fit counts as `pass`, with the error noted. Dropping the
/// future ends the call under way; it is not recorded then.
pub(crate) async fn ask_responders(
    ctx: &Context,
    task: &Task,
    happening: Happening,
    scope: ChainScope,
) -> Result<Decided, EngineError> {
    todo!()
}
