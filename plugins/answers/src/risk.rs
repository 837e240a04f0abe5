//! What of a text is for the user alone, by the safety rules.

use taskwright_plugin::types::{Access, Task};
use taskwright_safety::{Place, Risk, RiskKind, risk_in_proposal};

use crate::phrases::{self, says, says_any};
use crate::reading::{Ask, Block, Reading};

/// Where a task may write and read; its commands run in `cwd`, or in the first folder where that is empty.
pub fn place_of(task: &Task, cwd: &str) -> Place {
    let folders = |access| task.projects.iter().filter(move |p| p.access == access).map(|p| p.path.clone());
    let first = task.projects.first().map_or("", |p| p.path.as_str());
    Place {
        writable: folders(Access::Write).collect(),
        readable: folders(Access::Read).collect(),
        cwd: if cwd.is_empty() { first } else { cwd }.to_owned(),
    }
}

/// The risk of what is asked. "Shall I do it?" counts with what stands before it; of a choice only the question does, as
/// its options are judged one by one.
pub fn risk_in_ask(reading: &Reading, ask: &Ask, task: &Task) -> Option<Risk> {
    if !ask.options.is_empty() {
        let Block::Prose(text) = &reading.blocks[ask.at] else { return None };
        return risk_in_proposal(text, &place_of(task, ""));
    }
    let refers_back = says_any(&ask.lower, phrases::PROCEED).is_some() || refers_back(&ask.lower);
    let back = if refers_back { 2 } else { 0 };
    risk_in_last(reading, reading.blocks.len() - ask.at + back, task)
}

/// The risk of what the agent announces at the end of a text that asks nothing.
pub fn risk_at_end(reading: &Reading, task: &Task) -> Option<Risk> {
    let closing = reading.closing(2).join(" ");
    says_any(&closing, phrases::PLANS).and_then(|_| risk_in_last(reading, 2, task))
}

fn risk_in_last(reading: &Reading, blocks: usize, task: &Task) -> Option<Risk> {
    risk_in_proposal(&reading.from(reading.blocks.len().saturating_sub(blocks)), &place_of(task, ""))
}

/// "Shall I do it?": what is meant stands further up.
fn refers_back(lower: &str) -> bool {
    let short = lower.split_whitespace().count() < 9;
    short && ["it", "that", "this", "these", "them", "so"].iter().any(|word| says(lower, word))
}

/// What a careful user would tell the agent.
pub fn instead_of(kind: RiskKind) -> &'static str {
    match kind {
        RiskKind::Destructive => "No. Leave that as it is, and finish the task without deleting or overwriting it.",
        RiskKind::Secret => "No. Leave secrets alone, and finish the task without them.",
        RiskKind::Paid => "No. Do not spend money; finish the task without it.",
        RiskKind::Published => "No. Publish nothing; leave the work on its branch and finish the task.",
        RiskKind::Outside => "No. Stay inside the worktree, and finish the task there.",
    }
}
