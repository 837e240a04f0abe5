//! Plain types and rules of Taskwright: tasks, their status machine, events, questions, budgets, names.
//!
//! Nothing here reads a clock, a file, a socket or a random number, and nothing here knows HTTP, SQL or WebAssembly.
//! Whatever a rule needs is an argument, so that every rule can be tested by calling it.

pub mod budget;
pub mod chain;
pub mod decision;
pub mod event;
pub mod ids;
pub mod input;
pub mod interaction;
pub mod library;
pub mod naming;
pub mod project;
pub mod question;
pub mod status;
pub mod task;
pub mod test_case;
pub mod time;

pub use budget::{Limits, Spent, TokenCount};
pub use chain::{ChainKind, Chains};
pub use event::{Event, EventBody, Seq, StepState};
pub use ids::{DecisionId, InputId, InteractionId, ProjectId, PromptId, QuestionId, SessionId, TaskId, TestCaseId};
pub use status::{Action, Refused, Status};
pub use task::Task;
pub use time::Timestamp;
