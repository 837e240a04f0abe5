//! The command line, as far as it matters here.

use std::path::PathBuf;

/// Options of `claude` that take a value.
const WITH_VALUE: [&str; 18] = [
    "--input-format",
    "--output-format",
    "--permission-prompt-tool",
    "--model",
    "--mcp-config",
    "--append-system-prompt",
    "--allowedTools",
    "--disallowedTools",
    "--add-dir",
    "--session-id",
    "--resume",
    "--json-schema",
    "--tools",
    "--script",
    "--state",
    "--log",
    "--max-turns",
    "--settings",
];

/// Options of `claude` that take none.
const FLAGS: [&str; 7] = [
    "-p",
    "--print",
    "--verbose",
    "--include-partial-messages",
    "--replay-user-messages",
    "--strict-mcp-config",
    "--fork-session",
];

/// What was asked for.
#[derive(Default)]
pub struct Arguments {
    /// Everything, as it came.
    pub all: Vec<String>,
    pub version: bool,
    /// A conversation, not one question.
    pub streams: bool,
    pub partial: bool,
    pub replay: bool,
    pub asks_permission: bool,
    pub fork: bool,
    pub session_id: Option<String>,
    pub resume: Option<String>,
    pub schema: Option<String>,
    pub model: Option<String>,
    pub allowed_tools: Vec<String>,
    pub script: Option<PathBuf>,
    pub state: Option<PathBuf>,
    pub log: Option<PathBuf>,
}

impl Arguments {
    /// Reads the command line; the error is what the real program would say.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let all: Vec<String> = words.collect();
        let mut arguments = Self { all: all.clone(), ..Self::default() };
        let mut words = all.into_iter();
        let mut output = String::new();
        let mut verbose = false;
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (word, None),
            };
            match name.as_str() {
                "--version" | "-v" => arguments.version = true,
                "--verbose" => verbose = true,
                "--include-partial-messages" => arguments.partial = true,
                "--replay-user-messages" => arguments.replay = true,
                "--fork-session" => arguments.fork = true,
                name if FLAGS.contains(&name) => {}
                name if WITH_VALUE.contains(&name) => {
                    let value = value.or_else(|| words.next()).ok_or_else(|| missing(name))?;
                    if name == "--output-format" {
                        output.clone_from(&value);
                    }
                    arguments.take(name, value);
                }
                name if name.starts_with('-') => return Err(format!("error: unknown option '{name}'")),
                _ => return Err("Error: prompts are read from standard input here".to_owned()),
            }
        }
        if output == "stream-json" && !verbose {
            return Err("Error: When using --print, --output-format=stream-json requires --verbose".to_owned());
        }
        let from_environment = |name| std::env::var_os(name).map(PathBuf::from);
        arguments.script = arguments.script.or_else(|| from_environment("SCRIPTED_AGENT"));
        arguments.state = arguments.state.or_else(|| from_environment("SCRIPTED_AGENT_STATE"));
        arguments.log = arguments.log.or_else(|| from_environment("SCRIPTED_AGENT_LOG"));
        Ok(arguments)
    }

    fn take(&mut self, name: &str, value: String) {
        match name {
            "--input-format" => self.streams = value == "stream-json",
            "--permission-prompt-tool" => self.asks_permission = value == "stdio",
            "--session-id" => self.session_id = Some(value),
            "--resume" => self.resume = Some(value),
            "--json-schema" => self.schema = Some(value),
            "--model" => self.model = Some(value),
            "--allowedTools" => self.allowed_tools.extend(value.split(',').map(str::to_owned)),
            "--script" => self.script = Some(value.into()),
            "--state" => self.state = Some(value.into()),
            "--log" => self.log = Some(value.into()),
            _ => {}
        }
    }
}

fn missing(name: &str) -> String {
    format!("error: option '{name}' argument missing")
}
