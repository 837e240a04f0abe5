//! What the server and a supervisor say to each other: the launch over standard input, then JSON lines over the
//! socket.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::run_dir::DeliveryKey;
use super::super::{EndMethod, StopGraces};

/// What to start.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::agent) struct Launch {
    pub run: Uuid,
    pub argv: Vec<OsString>,
    pub cwd: PathBuf,
    pub env: Vec<(OsString, OsString)>,
    pub graces: StopGraces,
    pub line_cap: usize,
}

/// The supervisor's one line on standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum Launched {
    /// The agent is up.
    Up,
    /// Its command could not be started, for this reason of the system.
    NoCommand {
        /// The system's number of the error.
        errno: i32,
    },
    /// Something else failed.
    Failed(String),
}

/// A request of the server.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::agent) struct Request {
    pub id: u64,
    pub what: Wish,
}

/// What a server wants.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum Wish {
    /// Write a line to the agent; one with a key is written once.
    Deliver {
        /// What it is delivered as.
        key: Option<DeliveryKey>,
        /// The line, without its end.
        line: String,
    },
    /// End the agent and everything that it started.
    End(StopGraces),
}

/// What a supervisor says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum Message {
    /// The spool has this length now.
    Spooled(u64),
    /// The agent has ended; its exit record is written.
    Over,
    /// The answer to a request.
    Reply {
        /// Of which request.
        id: u64,
        /// What became of it.
        reply: Reply,
    },
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum Reply {
    /// Written whole and recorded.
    Written,
    /// Written under the same key before.
    AlreadyWritten,
    /// The agent has ended; nothing was written, or not all of it.
    Ended,
    /// Nothing of the agent is alive.
    Killed {
        /// What it took.
        method: EndMethod,
        /// Processes that had to be killed.
        killed: Vec<u32>,
    },
}
