//! Asking a chain of plugins, and recording what each said.
//!
//! Here a chain is walked: which plugins, in which order, with what they are given, whose answer counts, and the record of
//! every call. What an answer leads to is the executor's affair.

mod fitting;
mod record;
mod situation;

pub(crate) use record::{Call, record, record_unknown};
pub(crate) use situation::{Asking, cut};

use super::{EngineError, context::Context};
use crate::{
    domain::{ChainKind, Chains, Task},
    plugin::{Answer, Happening, PluginId, RespondSituation, Response},
};
use std::sync::Arc;

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
///
/// # Errors
/// [`EngineError::Store`] when the log cannot be read or written; a plugin's failure is no error.
pub(crate) async fn ask_responders(
    ctx: &Context,
    task: &Task,
    happening: Happening,
    scope: ChainScope,
) -> Result<Decided, EngineError> {
    let asking = Asking::prepare(ctx, task).await?;
    let chain = match scope {
        ChainScope::InForce => asking.chain(ctx, task, ChainKind::Responder),
        ChainScope::TaskOnly => Chains::in_force(ChainKind::Responder, [&task.spec.chains]).to_vec(),
    };
    let mut passed = Vec::new();
    if chain.is_empty() {
        return Ok(Decided { answer: None, passed });
    }
    let situation = RespondSituation { happening, task: asking.view.clone(), recent: asking.recent(ctx, task).await? };
    let input = serde_json::to_value(&situation).unwrap_or_default();
    for name in &chain {
        let call = Call { kind: ChainKind::Responder, call: "respond", plugin: name, input: &input };
        if ctx.plugins.find(ChainKind::Responder, name).is_none() {
            passed.push(record_unknown(ctx, task, &call).await?);
            continue;
        }
        let around = asking.around(ctx, task);
        let called = ctx.plugins.respond(name, &situation, Arc::clone(&around) as _).await;
        let fitted = called.result.clone().map_err(|error| error.to_string()).and_then(|response| {
            let reason = response.reason.clone();
            fitting::fit(&situation.happening, response.answer).map(|answer| Response { answer, reason })
        });
        let counted = matches!(&fitted, Ok(response) if response.answer != Answer::Pass);
        record(ctx, task, &call, &called, fitted.as_ref().err().cloned(), counted, around.take_lines()).await?;
        match fitted {
            Ok(Response { answer: Answer::Pass, reason }) => {
                passed.push(PassedOver { plugin: name.clone(), why: reason, failed: false });
            }
            Ok(response) => return Ok(Decided { answer: Some((called.plugin, response)), passed }),
            Err(why) => passed.push(PassedOver { plugin: name.clone(), why, failed: true }),
        }
    }
    Ok(Decided { answer: None, passed })
}

#[cfg(test)]
mod tests;
