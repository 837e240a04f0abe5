//! A conversation turn by turn: does what the script says and tells it as the real program would.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::script::{Script, Step, script_in};
use crate::session::{Log, Refused, Session, new_id};
use crate::talk::{self, Cut, Talk};

/// The tools that it says it has.
const TOOLS: [&str; 6] = ["AskUserQuestion", "Bash", "Edit", "ExitPlanMode", "Read", "Write"];

/// A conversation.
struct Conversation<'a> {
    arguments: &'a Arguments,
    talk: Arc<Talk>,
    session: Session,
    message: String,
    images: usize,
    answer: String,
    last_text: String,
    round_trips: u64,
    denials: Vec<Value>,
    allowed: Vec<String>,
    cost: f64,
    tokens: (u64, u64),
    begin: Instant,
}

/// Holds the conversation until its input ends.
pub fn converse(arguments: &Arguments) -> ExitCode {
    let log = Log::open(arguments);
    let session = match Session::open(arguments) {
        Ok(session) => session,
        Err(Refused::InUse(id)) => {
            eprintln!("Error: Session ID {id} is already in use.");
            return ExitCode::FAILURE;
        }
        Err(Refused::Unknown(id)) => {
            let complaint = format!("No conversation found with session ID: {id}");
            eprintln!("{complaint}");
            talk::write(&json!({
                "type": "result", "subtype": "error_during_execution", "is_error": true, "errors": [complaint],
                "num_turns": 0, "duration_ms": 0, "session_id": new_id(), "total_cost_usd": 0, "usage": {},
            }));
            return ExitCode::FAILURE;
        }
    };
    let mut conversation = Conversation {
        arguments,
        talk: Talk::begin(log),
        session,
        message: String::new(),
        images: 0,
        answer: String::new(),
        last_text: String::new(),
        round_trips: 1,
        denials: Vec::new(),
        allowed: arguments.allowed_tools.clone(),
        cost: 0.00124,
        tokens: (100, 42),
        begin: Instant::now(),
    };
    let mut failed = false;
    loop {
        let messages = conversation.talk.next_messages();
        if messages.is_empty() {
            return ExitCode::from(u8::from(failed));
        }
        match conversation.turn(&messages) {
            Ok(error) => failed = error,
            Err(code) => std::process::exit(code),
        }
    }
}

fn texts(message: &Value) -> (String, usize) {
    match &message["message"]["content"] {
        Value::String(text) => (text.clone(), 0),
        Value::Array(blocks) => {
            let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
            (texts.join("\n"), blocks.iter().filter(|block| block["type"] == "image").count())
        }
        _ => (String::new(), 0),
    }
}

impl Conversation<'_> {
    /// One turn. `Ok` tells whether it ended with an error, `Err` that the process is to end.
    fn turn(&mut self, messages: &[Value]) -> Result<bool, i32> {
        self.begin = Instant::now();
        self.round_trips = 1;
        self.last_text.clear();
        for message in messages.iter().filter(|_| self.arguments.replay) {
            let mut replayed = message.clone();
            replayed["session_id"] = json!(self.session.id);
            replayed["isReplay"] = json!(true);
            talk::write(&replayed);
        }
        let texts: Vec<(String, usize)> = messages.iter().map(texts).collect();
        self.images = texts.iter().map(|(_, images)| images).sum();
        self.message = texts.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join("\n");
        self.session.turn += 1;
        if self.session.script.is_none() {
            let from_file = || std::fs::read_to_string(self.arguments.script.as_ref()?).ok();
            self.session.script = Some(script_in(&self.message).or_else(from_file).unwrap_or_default());
        }
        self.tell_init();
        let script = match Script::parse(self.session.script.as_deref().unwrap_or_default()) {
            Ok(script) => script,
            Err(complaint) => {
                self.save();
                self.say(&complaint);
                self.tell_result(json!({}));
                return Ok(false);
            }
        };
        let (steps, from_list) = script.steps(&self.message, self.session.turns_done);
        self.session.turns_done += usize::from(from_list);
        self.save();
        for step in steps {
            match self.step(&step) {
                Ok(()) => {}
                Err(Cut::Interrupted) => {
                    self.tell_interruption();
                    return Ok(true);
                }
                Err(Cut::Leave(code)) => return Err(code),
            }
        }
        self.tell_result(json!({}));
        Ok(false)
    }

    fn save(&self) {
        if let Err(error) = self.session.save() {
            eprintln!("the session cannot be kept: {error}");
        }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{message}", &self.message)
            .replace("{images}", &self.images.to_string())
            .replace("{answer}", &self.answer)
            .replace("{turn}", &self.session.turn.to_string())
            .replace("{session}", &self.session.id)
    }

    fn step(&mut self, step: &Step) -> Result<(), Cut> {
        match step {
            Step::Say(text) => self.say(&self.fill(text)),
            Step::Type { pause_ms, text } => self.type_words(&self.fill(text), Duration::from_millis(*pause_ms))?,
            Step::Think(text) => self.block(json!({"type": "thinking", "thinking": text, "signature": ""})),
            Step::Write { path, text } => self.write_file(path, &self.fill(text), false),
            Step::Append { path, text } => self.write_file(path, &self.fill(text), true),
            Step::Run(command) => self.run_unasked(command),
            Step::Tool { name, input } => {
                let id = self.tool_use(name, &serde_json::from_str(input).unwrap_or(json!({})));
                self.tool_result(&id, "ok", false);
            }
            Step::Permit(command) => self.permit_command(command)?,
            Step::PermitWrite { path, text } => self.permit_write(path, &self.fill(text))?,
            Step::Plan(plan) => {
                let id = self.tool_use("ExitPlanMode", &json!({"plan": plan}));
                self.leave(&id, "ExitPlanMode", &json!({"plan": plan}))?;
            }
            Step::Ask { question, options, multiple } => self.ask(question, options, *multiple)?,
            Step::Sleep(millis) => self.talk.pause(Some(Duration::from_millis(*millis)))?,
            Step::Hang => self.talk.pause(None)?,
            Step::Retry { status, times } => (1..=*times).for_each(|attempt| self.retry(*status, attempt, *times)),
            Step::Error { status, text } => return self.api_error(*status, text),
            Step::Limit { when, by_event } => return self.limit(when, *by_event),
            Step::MaxTurns => {
                self.tell_result(json!({"subtype": "error_max_turns", "is_error": true, "result": null, "errors": ["Reached maximum number of turns"]}));
                return Err(Cut::Leave(1));
            }
            Step::Exit(code) => return Err(Cut::Leave(*code)),
            Step::Stubborn => self.talk.be_stubborn(),
            Step::Daemon { file, holds_output } => start_daemon(file, *holds_output),
            Step::Cost(cost) => self.cost = *cost,
            Step::Tokens { input, output } => self.tokens = (*input, *output),
            Step::When { path, exists, step } => {
                if std::path::Path::new(path).exists() == *exists {
                    return self.step(step);
                }
            }
            odd => self.write_oddity(odd),
        }
        Ok(())
    }

    /// Output as no well-behaved program would write it.
    fn write_oddity(&mut self, step: &Step) {
        match step {
            Step::Stderr(text) => eprintln!("{text}"),
            Step::HalfLine => talk::write_bytes(br#"{"type":"assistant","message":{"id":"half","content":[{"ty"#),
            Step::Raw(text) => talk::write_bytes(format!("{text}\n").as_bytes()),
            Step::BadUtf8 => {
                let line = self.spoken(json!({"type": "text", "text": "before @@ after"})).to_string();
                let (before, after) = line.split_once("@@").unwrap_or_default();
                talk::write_bytes(&[before.as_bytes(), b"\xff\xfe\xc3\x28", after.as_bytes(), b"\n"].concat());
            }
            Step::Unknown => {
                talk::write(&json!({"type": "hologram", "payload": {"colour": "octarine"}}));
                talk::write(&json!({"type": "system", "subtype": "weather", "sky": "blue"}));
                self.block(json!({"type": "song", "notes": ["do", "re"]}));
            }
            Step::Huge(bytes) => {
                let line = self.spoken(json!({"type": "text", "text": "x".repeat(*bytes)}));
                talk::write(&line);
            }
            Step::Flood { lines, bytes } => {
                for number in 1..=*lines {
                    let text = format!("line {number} of {lines}");
                    let filling = "x".repeat(bytes.saturating_sub(text.len()));
                    self.block(json!({"type": "text", "text": text + &filling}));
                }
            }
            _ => {}
        }
    }

    fn spoken(&self, block: Value) -> Value {
        json!({
            "type": "assistant",
            "message": {
                "id": format!("msg_{}", self.session.turn), "type": "message", "role": "assistant", "model": self.model(),
                "content": [block], "stop_reason": null, "usage": {"input_tokens": self.tokens.0, "output_tokens": 1},
            },
            "parent_tool_use_id": null, "session_id": self.session.id, "uuid": new_id(),
        })
    }

    fn model(&self) -> &str {
        self.arguments.model.as_deref().unwrap_or("claude-scripted")
    }

    fn block(&mut self, block: Value) {
        talk::write(&self.spoken(block));
    }

    fn say(&mut self, text: &str) {
        self.delta(text);
        self.block(json!({"type": "text", "text": text}));
        text.clone_into(&mut self.last_text);
    }

    fn delta(&self, text: &str) {
        if self.arguments.partial {
            let delta =
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
            talk::write(
                &json!({"type": "stream_event", "event": delta, "session_id": self.session.id, "parent_tool_use_id": null, "uuid": new_id()}),
            );
        }
    }

    fn type_words(&mut self, text: &str, pause: Duration) -> Result<(), Cut> {
        for word in text.split_inclusive(' ') {
            self.delta(word);
            self.talk.pause(Some(pause))?;
        }
        self.block(json!({"type": "text", "text": text}));
        text.clone_into(&mut self.last_text);
        Ok(())
    }

    fn tool_use(&mut self, name: &str, input: &Value) -> String {
        let id = format!("toolu_{}", new_id());
        self.round_trips += 1;
        self.block(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
        id
    }

    fn tool_result(&self, id: &str, content: &str, is_error: bool) {
        let block = json!({"type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error});
        talk::write(&json!({
            "type": "user", "message": {"role": "user", "content": [block]}, "parent_tool_use_id": null,
            "session_id": self.session.id, "uuid": new_id(),
        }));
    }

    fn write_file(&mut self, path: &str, text: &str, append: bool) {
        let id = self.tool_use("Write", &json!({"file_path": path, "content": text}));
        self.store(&id, path, text, append);
    }

    fn store(&self, id: &str, path: &str, text: &str, append: bool) {
        use std::io::Write as _;
        let path = std::path::Path::new(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).ok();
        }
        let file = std::fs::File::options().create(true).write(true).append(append).truncate(!append).open(path);
        match file.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => self.tool_result(id, "File created successfully.", false),
            Err(error) => self.tool_result(id, &error.to_string(), true),
        }
    }

    fn run_unasked(&mut self, command: &str) {
        let id = self.tool_use("Bash", &json!({"command": command}));
        self.run(&id, command);
    }

    #[expect(clippy::disallowed_methods, reason = "an agent runs what it likes")]
    fn run(&self, id: &str, command: &str) {
        match Command::new("sh").arg("-c").arg(command).stdin(Stdio::null()).output() {
            Ok(output) => {
                let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                let text = match output.status.signal() {
                    Some(signal) => format!("{text}killed by signal {signal}"),
                    None => text,
                };
                self.tool_result(id, &text, !output.status.success());
            }
            Err(error) => self.tool_result(id, &error.to_string(), true),
        }
    }

    fn permit_command(&mut self, command: &str) -> Result<(), Cut> {
        let input = json!({"command": command, "description": "a step of the script"});
        let id = self.tool_use("Bash", &input);
        if let Some(input) = self.leave(&id, "Bash", &input)? {
            self.run(&id, input["command"].as_str().unwrap_or_default());
        }
        Ok(())
    }

    fn permit_write(&mut self, path: &str, text: &str) -> Result<(), Cut> {
        let path = std::env::current_dir().unwrap_or_default().join(path);
        let input = json!({"file_path": path, "content": text});
        let id = self.tool_use("Write", &input);
        if let Some(input) = self.leave(&id, "Write", &input)? {
            let (path, text) = (input["file_path"].as_str(), input["content"].as_str());
            self.store(&id, path.unwrap_or_default(), text.unwrap_or_default(), false);
        }
        Ok(())
    }

    /// Asks for leave; tells the refusal itself. `Some` is the input with which the tool may run.
    fn leave(&mut self, id: &str, tool: &str, input: &Value) -> Result<Option<Value>, Cut> {
        if self.allowed.iter().any(|allowed| allowed == tool) {
            return Ok(Some(input.clone()));
        }
        let answer = if self.arguments.asks_permission {
            self.talk.ask_leave(json!({
                "tool_name": tool, "display_name": tool, "input": input, "description": input["description"],
                "permission_suggestions": [{"type": "addRules", "rules": [{"toolName": tool}], "behavior": "allow", "destination": "localSettings"}],
                "blocked_path": input["file_path"], "tool_use_id": id,
            }))?
        } else {
            json!({"behavior": "deny", "message": "This command requires approval"})
        };
        if answer["behavior"] == "allow" && answer["updatedInput"].is_object() {
            "allow".clone_into(&mut self.answer);
            for update in answer["updatedPermissions"].as_array().into_iter().flatten() {
                let rules = update["rules"].as_array().into_iter().flatten();
                self.allowed.extend(rules.filter_map(|rule| rule["toolName"].as_str().map(str::to_owned)));
            }
            return Ok(Some(answer["updatedInput"].clone()));
        }
        let message = answer["message"].as_str().unwrap_or("Tool permission request failed: updatedInput is missing");
        self.answer = format!("deny: {message}");
        self.denials.push(json!({"tool_name": tool, "tool_use_id": id, "tool_input": input}));
        self.tool_result(id, message, true);
        if answer["interrupt"] == true { Err(Cut::Interrupted) } else { Ok(None) }
    }

    fn ask(&mut self, question: &str, options: &[String], multiple: bool) -> Result<(), Cut> {
        let options: Vec<Value> = options.iter().map(|label| json!({"label": label, "description": label})).collect();
        let header: String = question.chars().take(12).collect();
        let question_input =
            json!({"question": question, "header": header, "multiSelect": multiple, "options": options});
        let input = json!({"questions": [question_input]});
        let id = self.tool_use("AskUserQuestion", &input);
        let answer = self.talk.ask_leave(json!({
            "tool_name": "AskUserQuestion", "display_name": "AskUserQuestion", "input": input, "tool_use_id": id,
            "requires_user_interaction": true,
        }))?;
        if answer["behavior"] == "allow" {
            self.answer = answer["updatedInput"]["answers"][question].as_str().unwrap_or_default().to_owned();
            self.tool_result(&id, &format!("Your questions have been answered: {}", self.answer), false);
            return Ok(());
        }
        let message = answer["message"].as_str().unwrap_or("not answered");
        self.answer = format!("deny: {message}");
        self.tool_result(&id, message, true);
        if answer["interrupt"] == true { Err(Cut::Interrupted) } else { Ok(()) }
    }

    fn tell_init(&self) {
        talk::write(&json!({
            "type": "system", "subtype": "init", "cwd": std::env::current_dir().ok(), "session_id": self.session.id, "tools": TOOLS,
            "mcp_servers": [], "model": self.model(), "permissionMode": "default", "claude_code_version": "2.1.330",
            "uuid": new_id(),
        }));
    }

    fn retry(&self, status: u16, attempt: u64, max_retries: u64) {
        talk::write(&json!({
            "type": "system", "subtype": "api_retry", "attempt": attempt, "max_retries": max_retries, "retry_delay_ms": 50,
            "error_status": status, "error": word(status), "session_id": self.session.id, "uuid": new_id(),
        }));
    }

    fn api_error(&mut self, status: u16, text: &str) -> Result<(), Cut> {
        let text = if text.is_empty() { format!("API Error: {status} scripted {status}") } else { text.to_owned() };
        let mut line = self.spoken(json!({"type": "text", "text": text}));
        line["error"] = json!(word(status));
        line["is_api_error_message"] = json!(true);
        line["api_error_status"] = json!(status);
        talk::write(&line);
        self.cost = 0.0;
        self.tell_result(json!({
            "is_error": true, "result": text, "terminal_reason": "api_error", "api_error_status": status,
        }));
        Err(Cut::Leave(1))
    }

    fn limit(&mut self, when: &str, by_event: bool) -> Result<(), Cut> {
        let when = match when.strip_prefix('+') {
            Some(seconds) => now() + seconds.parse::<u64>().unwrap_or_default(),
            None => when.parse().unwrap_or_default(),
        };
        if !by_event {
            return self.api_error(429, &format!("Claude AI usage limit reached|{when}"));
        }
        let info =
            json!({"status": "rejected", "resetsAt": when, "rateLimitType": "five_hour", "isUsingOverage": false});
        talk::write(
            &json!({"type": "rate_limit_event", "rate_limit_info": info, "session_id": self.session.id, "uuid": new_id()}),
        );
        self.api_error(429, "You've hit your limit")
    }

    fn tell_interruption(&mut self) {
        let note = json!({"type": "text", "text": "[Request interrupted by user]"});
        talk::write(
            &json!({"type": "user", "message": {"role": "user", "content": [note]}, "parent_tool_use_id": null, "session_id": self.session.id}),
        );
        self.tell_result(json!({
            "subtype": "error_during_execution", "is_error": true, "result": null, "terminal_reason": "aborted_streaming",
            "errors": ["[ede_diagnostic] result_type=user"],
        }));
    }

    /// Ends the turn; `changes` replace fields of an ordinary end.
    fn tell_result(&mut self, changes: Value) {
        self.session.cost += self.cost;
        self.save();
        let used = json!({"inputTokens": self.tokens.0, "outputTokens": self.tokens.1, "costUSD": self.cost});
        let millis = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or_default();
        let mut line = json!({
            "type": "result", "subtype": "success", "is_error": false, "result": self.last_text,
            "duration_ms": millis, "num_turns": self.round_trips, "session_id": self.session.id,
            "total_cost_usd": self.session.cost, "model_usage_since_last_result": {self.model(): used}, "terminal_reason": "completed", "api_error_status": null,
            "usage": {"input_tokens": self.tokens.0, "output_tokens": self.tokens.1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
            "permission_denials": std::mem::take(&mut self.denials), "uuid": new_id(),
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            line[name] = value.clone();
        }
        talk::write(&line);
    }
}

fn word(status: u16) -> &'static str {
    match status {
        401 | 403 => "authentication_failed",
        429 => "rate_limit",
        529 => "overloaded",
        500..=599 => "server_error",
        _ => "invalid_request",
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of its own has a clock of its own")]
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Starts a process that has left group, session, parent and environment behind. Returns once its number is in the
/// file.
#[expect(clippy::disallowed_methods, reason = "an agent starts what it likes")]
fn start_daemon(file: &str, holds_output: bool) {
    let output = if holds_output { "" } else { " >/dev/null 2>&1" };
    let inner = "echo $$ > \"$0\".new && mv \"$0\".new \"$0\" && exec sleep 600";
    let script = format!("env -i PATH=\"$PATH\" setsid sh -c '{inner}' \"$0\" </dev/null{output} &");
    Command::new("sh").arg("-c").arg(script).arg(file).status().ok();
    while !std::path::Path::new(file).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}
