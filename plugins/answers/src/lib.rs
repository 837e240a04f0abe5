//! What responders share: reading how an agent's text ends, telling whether it claims that the work is complete, and
//! finding in it what is for the user alone. What is answered is each responder's own affair.

pub mod phrases;
pub mod reading;

mod completion;
mod permission;
mod risk;
mod settings;

pub use completion::{claims_completion, times_said};
pub use permission::{Judged, judge_permission};
pub use risk::{instead_of, place_of, risk_at_end, risk_in_ask};
pub use settings::{PERMISSIONS_SCHEMA, Permissions};
