//! The agent's driver with real supervisors, real processes and the scripted agent.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ending;
mod failures;
mod outliving;
mod support;
mod turns;
