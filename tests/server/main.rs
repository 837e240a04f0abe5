//! Whole-server tests: the real binary on a free port, the scripted agent, real git repositories, the built-in plugins.
//! Each module is one of the things that a user relies on.
#![allow(clippy::disallowed_methods, reason = "tests start processes and tasks of their own")]
#![allow(missing_docs, reason = "a test's name is its sentence")]

mod support;

mod agent;
mod command_line;
mod documents;
mod faults;
mod live;
mod lives;
mod plugins;
mod real_cli;
mod recovery;
mod rest;
mod storage;
mod workspaces;
