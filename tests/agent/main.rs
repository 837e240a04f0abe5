//! The agent's driver with real supervisors, real processes and the scripted agent.

mod ending;
mod failures;
mod outliving;
mod support;
mod turns;
