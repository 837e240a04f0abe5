//! Both directions of the conversation: lines to standard output, and what comes from standard input and by signals.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead as _, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::session::{Log, new_id};

/// What has come in.
#[derive(Default)]
struct Inbox {
    messages: VecDeque<Value>,
    answers: HashMap<String, Value>,
    interrupted: bool,
    over: bool,
    busy: bool,
    stubborn: bool,
}

/// What a turn is cut short by.
#[derive(Debug)]
pub enum Cut {
    /// An interrupt.
    Interrupted,
    /// The process is to end with this status.
    Leave(i32),
}

/// The conversation of a process.
pub struct Talk {
    inbox: Mutex<Inbox>,
    changed: Condvar,
    log: Log,
}

/// Writes a line in one piece.
pub fn write(line: &Value) {
    let mut text = line.to_string();
    text.push('\n');
    write_bytes(text.as_bytes());
}

/// Writes bytes as they are. When nobody reads any more, there is nothing left to do.
pub fn write_bytes(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    if stdout.write_all(bytes).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(0);
    }
}

impl Talk {
    /// Begins to listen to standard input and signals.
    pub fn begin(log: Log) -> Arc<Self> {
        let talk = Arc::new(Self { inbox: Mutex::default(), changed: Condvar::new(), log });
        let reading = talk.clone();
        std::thread::spawn(move || reading.read());
        let signalled = talk.clone();
        std::thread::spawn(move || signalled.listen_to_signals());
        talk
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) {
        for line in std::io::stdin().lock().split(b'\n') {
            let Ok(line) = line else {
                break;
            };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let Some(line) = serde_json::from_slice::<Value>(&line).ok().filter(Value::is_object) else {
                eprintln!("Error parsing streaming input line");
                std::process::exit(1);
            };
            self.log.note(&json!({"in": line}));
            self.take(line);
        }
        self.log.note(&json!({"end": "input"}));
        self.inbox().over = true;
        self.changed.notify_all();
    }

    fn take(&self, line: Value) {
        match line["type"].as_str() {
            Some("user") => self.inbox().messages.push_back(line),
            Some("control_request") => self.control(&line),
            Some("control_response") => {
                let id = line["response"]["request_id"].as_str().unwrap_or_default().to_owned();
                self.inbox().answers.insert(id, line["response"].clone());
            }
            _ => {}
        }
        self.changed.notify_all();
    }

    fn control(&self, line: &Value) {
        let id = &line["request_id"];
        let answer = match line["request"]["subtype"].as_str() {
            Some("interrupt") => json!({"still_queued": []}),
            Some("set_model") if line["request"]["model"] == "unknown" => {
                let error =
                    json!({"subtype": "error", "request_id": id, "error": "the model `unknown` does not exist"});
                return write(&json!({"type": "control_response", "response": error}));
            }
            Some("set_model" | "initialize" | "set_permission_mode") => json!({}),
            Some("get_context_usage") => json!({"totalTokens": 1000, "maxTokens": 200_000, "percentage": 0.5}),
            other => {
                let error = format!("Unsupported control request subtype: {}", other.unwrap_or("none"));
                let error = json!({"subtype": "error", "request_id": id, "error": error});
                return write(&json!({"type": "control_response", "response": error}));
            }
        };
        let mut inbox = self.inbox();
        if inbox.stubborn {
            return;
        }
        if line["request"]["subtype"] == "interrupt" && inbox.busy {
            inbox.interrupted = true;
        }
        let response = json!({"subtype": "success", "request_id": id, "response": answer});
        write(&json!({"type": "control_response", "response": response}));
    }

    fn listen_to_signals(&self) {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
            return;
        };
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            loop {
                let code = tokio::select! {
                    _ = interrupt.recv() => 0,
                    _ = terminate.recv() => 143,
                };
                self.log.note(&json!({"signal": code}));
                if !self.inbox().stubborn {
                    std::process::exit(code);
                }
            }
        });
    }

    /// Ignores signals and interrupts from now on.
    pub fn be_stubborn(&self) {
        self.inbox().stubborn = true;
    }

    /// The messages that wait; empty when there will be none any more.
    pub fn next_messages(&self) -> Vec<Value> {
        let mut inbox = self.inbox();
        inbox.busy = false;
        loop {
            if !inbox.messages.is_empty() {
                inbox.busy = true;
                inbox.interrupted = false;
                return inbox.messages.drain(..).collect();
            }
            if inbox.over && !inbox.stubborn {
                return Vec::new();
            }
            inbox = self.changed.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits; `None` for ever.
    pub fn pause(&self, time: Option<Duration>) -> Result<(), Cut> {
        let until = time.map(|time| Instant::now() + time);
        let mut inbox = self.inbox();
        loop {
            if inbox.interrupted && !inbox.stubborn {
                return Err(Cut::Interrupted);
            }
            let left = until.map_or(Duration::from_secs(3600), |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(());
            }
            inbox = self.changed.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks for leave to use a tool and waits for the answer's body.
    pub fn ask_leave(&self, mut request: Value) -> Result<Value, Cut> {
        let id = new_id();
        request["subtype"] = json!("can_use_tool");
        write(&json!({"type": "control_request", "request_id": id, "request": request}));
        let mut inbox = self.inbox();
        loop {
            if let Some(answer) = inbox.answers.remove(&id) {
                return Ok(answer["response"].clone());
            }
            if inbox.interrupted && !inbox.stubborn {
                write(&json!({"type": "control_cancel_request", "request_id": id}));
                return Err(Cut::Interrupted);
            }
            if inbox.over && !inbox.stubborn {
                return Err(Cut::Leave(1));
            }
            inbox = self.changed.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
