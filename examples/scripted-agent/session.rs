//! What a session keeps from one process to the next, and the log of a process.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::arguments::Arguments;

/// A conversation.
pub struct Session {
    pub id: String,
    /// The script's text, once a first message has come.
    pub script: Option<String>,
    /// How many turns of the script's list are done.
    pub turns_done: usize,
    /// The number of the current turn.
    pub turn: u64,
    /// What it has cost so far, over all processes.
    pub cost: f64,
    folder: PathBuf,
}

/// Why a session cannot begin, and whether it is told by a `result` line too.
pub enum Refused {
    Unknown(String),
    InUse(String),
}

impl Session {
    /// Begins or resumes the session that the command line names. A session belongs to its folder.
    pub fn open(arguments: &Arguments) -> Result<Self, Refused> {
        let folder = state(arguments).join("sessions");
        let mut session = match &arguments.resume {
            Some(id) => Self::load(&folder, id).ok_or_else(|| Refused::Unknown(id.clone()))?,
            None => Self { id: String::new(), script: None, turns_done: 0, turn: 0, cost: 0.0, folder },
        };
        if arguments.resume.is_some() && !arguments.fork {
            return Ok(session);
        }
        session.id = arguments.session_id.clone().unwrap_or_else(new_id);
        if session.path().exists() {
            return Err(Refused::InUse(session.id));
        }
        Ok(session)
    }

    fn load(folder: &Path, id: &str) -> Option<Self> {
        let mut session =
            Self { id: id.to_owned(), script: None, turns_done: 0, turn: 0, cost: 0.0, folder: folder.to_owned() };
        let kept: Value = serde_json::from_slice(&std::fs::read(session.path()).ok()?).ok()?;
        if kept["cwd"] != json!(std::env::current_dir().ok()?) {
            return None;
        }
        session.script = kept["script"].as_str().map(str::to_owned);
        session.turns_done = usize::try_from(kept["turns_done"].as_u64()?).ok()?;
        session.turn = kept["turn"].as_u64()?;
        session.cost = kept["cost"].as_f64()?;
        Some(session)
    }

    /// Keeps the session for a process that resumes it.
    pub fn save(&self) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let kept = json!({
            "cwd": std::env::current_dir()?,
            "script": self.script,
            "turns_done": self.turns_done,
            "turn": self.turn,
            "cost": self.cost,
        });
        let unfinished = self.path().with_extension(std::process::id().to_string());
        std::fs::write(&unfinished, kept.to_string())?;
        std::fs::rename(unfinished, self.path())
    }

    fn path(&self) -> PathBuf {
        let name: String =
            self.id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        self.folder.join(format!("{name}.json"))
    }
}

/// The folder for what outlives a process.
pub fn state(arguments: &Arguments) -> PathBuf {
    arguments.state.clone().unwrap_or_else(|| std::env::temp_dir().join("scripted-agent"))
}

/// An id that no other process and no earlier call has.
pub fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// What a process was started with and read, one JSON object a line.
pub struct Log(Option<Mutex<File>>);

impl Log {
    pub fn open(arguments: &Arguments) -> Self {
        let open = |folder: &PathBuf| {
            std::fs::create_dir_all(folder)?;
            File::options().create(true).append(true).open(folder.join(format!("{}.ndjson", std::process::id())))
        };
        let log = Self(arguments.log.as_ref().and_then(|folder| open(folder).ok()).map(Mutex::new));
        log.note(&json!({"argv": arguments.all, "cwd": std::env::current_dir().ok()}));
        log
    }

    pub fn note(&self, entry: &Value) {
        if let Some(mut file) = self.0.as_ref().and_then(|file| file.lock().ok()) {
            writeln!(file, "{entry}").ok();
        }
    }
}
