//! Taskwright: takes software tasks, gives each a git worktree, drives a coding agent through a conversation, decides by
//! plugins how to answer and when it is done, and leaves a tested branch with the evidence.
//!
//! An arrow between modules points only downwards: `cli` → `api` → `engine` → `agent`, `plugin`, `workspace`, `store` →
//! `process` → `domain`. See `ARCHITECTURE.md`.

pub mod agent;
pub mod api;
pub mod cli;
pub mod domain;
pub mod engine;
pub mod plugin;
pub mod process;
pub mod store;
pub mod workspace;
