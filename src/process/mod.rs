//! The one home for starting and ending processes: commands with limits, process trees, and the environment that
//! foreign programs are given.
//!
//! Nothing here knows agents, tasks or git. What must not live here: what a command means or what its output says.

mod command;
mod environment;
mod identity;
mod output;
pub mod tree;

pub use command::{CommandError, CommandOutcome, CommandSpec, CommandStatus, OutputSink, Program, run_command};
pub use environment::{NEVER_PASSED, agent_environment};
pub use identity::{ProcessIdentity, boot_id, start_time};
pub use output::{CommandOutput, OutputStream};

/// The variable that every process of a run or command carries, by which strays are found.
pub const RUN_MARKER: &str = "TASKWRIGHT_RUN";
