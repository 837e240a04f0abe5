//! The language of scripts. What its steps mean stands in the program's own documentation.

/// A script, read.
#[derive(Debug, Default)]
pub struct Script {
    turns: Vec<Vec<Step>>,
    on: Vec<(String, Vec<Step>)>,
    after: Option<Vec<Step>>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Say(String),
    Type { pause_ms: u64, text: String },
    Think(String),
    Write { path: String, text: String },
    Append { path: String, text: String },
    Run(String),
    Tool { name: String, input: String },
    Permit(String),
    PermitWrite { path: String, text: String },
    Plan(String),
    Ask { question: String, options: Vec<String>, multiple: bool },
    Sleep(u64),
    Hang,
    Retry { status: u16, times: u64 },
    Error { status: u16, text: String },
    Limit { when: String, by_event: bool },
    MaxTurns,
    Stderr(String),
    Exit(i32),
    HalfLine,
    Raw(String),
    BadUtf8,
    Unknown,
    Huge(usize),
    Flood { lines: u64, bytes: usize },
    Stubborn,
    Daemon { file: String, holds_output: bool },
    Cost(f64),
    Tokens { input: u64, output: u64 },
    When { path: String, exists: bool, step: Box<Step> },
}

/// What a session does without a script.
const NOTHING: &str = "say I have no script, so there is nothing that I could do. The task is complete.";

/// What a session does when its turns are done.
const AFTER: &str = "Nothing is left to do. Everything that was asked for is in place. The task is complete.";

/// The text of the script that a message holds: a fenced block named `script`, or a line `script: STEP ;; STEP`.
pub fn script_in(message: &str) -> Option<String> {
    let mut lines = message.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line == "```script" {
            return Some(lines.take_while(|line| *line != "```").collect::<Vec<_>>().join("\n"));
        }
        if let Some(steps) = line.strip_prefix("script:") {
            return Some(steps.split(";;").collect::<Vec<_>>().join("\n"));
        }
    }
    None
}

impl Script {
    /// Reads a script; the error names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = if text.trim().is_empty() { NOTHING } else { text };
        let mut script = Self { turns: vec![Vec::new()], ..Self::default() };
        let mut place = Place::Turn;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match split(line) {
                ("turn", _) => {
                    place = Place::Turn;
                    if script.turns.last().is_some_and(|steps| !steps.is_empty()) {
                        script.turns.push(Vec::new());
                    }
                }
                ("on", phrase) => {
                    script.on.push((phrase.to_lowercase(), Vec::new()));
                    place = Place::On;
                }
                ("after", _) => {
                    script.after = Some(Vec::new());
                    place = Place::After;
                }
                _ => {
                    let step = Step::parse(line).ok_or_else(|| format!("the script's line {line:?} cannot be read"))?;
                    let steps = match place {
                        Place::Turn => script.turns.last_mut(),
                        Place::On => script.on.last_mut().map(|(_, steps)| steps),
                        Place::After => script.after.as_mut(),
                    };
                    steps.into_iter().for_each(|steps| steps.push(step.clone()));
                }
            }
        }
        Ok(script)
    }

    /// What to do for a message. `turns_done` counts the turns of the list that are behind; the flag tells whether this
    /// is one of them.
    pub fn steps(&self, message: &str, turns_done: usize) -> (Vec<Step>, bool) {
        let message = message.to_lowercase();
        if let Some((_, steps)) = self.on.iter().find(|(phrase, _)| message.contains(phrase.as_str())) {
            return (steps.clone(), false);
        }
        match self.turns.get(turns_done) {
            Some(steps) => (steps.clone(), true),
            None => (self.after.clone().unwrap_or_else(|| vec![Step::Say(AFTER.to_owned())]), false),
        }
    }
}

enum Place {
    Turn,
    On,
    After,
}

fn split(line: &str) -> (&str, &str) {
    line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()))
}

impl Step {
    fn parse(line: &str) -> Option<Self> {
        let (verb, rest) = split(line);
        let text = || rest.replace("\\n", "\n");
        let (first, second) = split(rest);
        Some(match verb {
            "say" => Self::Say(text()),
            "type" => Self::Type { pause_ms: first.parse().ok()?, text: second.replace("\\n", "\n") },
            "think" => Self::Think(text()),
            "write" => Self::Write { path: first.to_owned(), text: second.replace("\\n", "\n") },
            "append" => Self::Append { path: first.to_owned(), text: second.replace("\\n", "\n") },
            "run" => Self::Run(rest.to_owned()),
            "tool" => Self::Tool { name: first.to_owned(), input: second.to_owned() },
            "permit" => Self::Permit(rest.to_owned()),
            "permit-write" => Self::PermitWrite { path: first.to_owned(), text: second.replace("\\n", "\n") },
            "plan" => Self::Plan(text()),
            "ask" | "ask-many" => {
                let mut parts = rest.split('|').map(|part| part.trim().to_owned());
                let question = parts.next()?;
                Self::Ask { question, options: parts.collect(), multiple: verb == "ask-many" }
            }
            "sleep" => Self::Sleep(rest.parse().ok()?),
            "hang" => Self::Hang,
            "retry" => Self::Retry { status: first.parse().ok()?, times: second.parse().ok()? },
            "error" => Self::Error { status: first.parse().ok()?, text: second.replace("\\n", "\n") },
            "limit" | "limit-event" => Self::Limit { when: rest.to_owned(), by_event: verb == "limit-event" },
            "max-turns" => Self::MaxTurns,
            "stderr" => Self::Stderr(text()),
            "exit" => Self::Exit(rest.parse().ok()?),
            "half-line" => Self::HalfLine,
            "raw" => Self::Raw(rest.to_owned()),
            "bad-utf8" => Self::BadUtf8,
            "unknown" => Self::Unknown,
            "huge" => Self::Huge(rest.parse().ok()?),
            "flood" if second.is_empty() => Self::Flood { lines: first.parse().ok()?, bytes: 0 },
            "flood" => Self::Flood { lines: first.parse().ok()?, bytes: second.parse().ok()? },
            "stubborn" => Self::Stubborn,
            "daemon" => Self::Daemon { file: first.to_owned(), holds_output: second == "hold" },
            "cost" => Self::Cost(rest.parse().ok()?),
            "tokens" => Self::Tokens { input: first.parse().ok()?, output: second.parse().ok()? },
            "if" | "unless" => {
                Self::When { path: first.to_owned(), exists: verb == "if", step: Box::new(Self::parse(second)?) }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fenced_block_in_a_message_is_the_script() {
        let message = "Please do this.\n```script\n  say hello\n  turn\n  say bye\n```\nThanks.";
        let script = Script::parse(&script_in(message).unwrap()).unwrap();
        assert_eq!(script.steps("", 0).0, [Step::Say("hello".to_owned())]);
        assert_eq!(script.steps("", 1).0, [Step::Say("bye".to_owned())]);
        assert_eq!(script.steps("", 2).0, [Step::Say(AFTER.to_owned())]);
    }

    #[test]
    fn a_single_line_can_hold_a_script() {
        let text = script_in("Do it. \nscript: write a.txt hi\\n ;; say done").unwrap();
        let script = Script::parse(&text).unwrap();
        let write = Step::Write { path: "a.txt".to_owned(), text: "hi\n".to_owned() };
        assert_eq!(script.steps("", 0).0, [write, Step::Say("done".to_owned())]);
    }

    #[test]
    fn a_phrase_takes_its_own_turn() {
        let script = Script::parse("say one\nturn\nsay two\non test FAILED\nsay mended").unwrap();
        assert_eq!(script.steps("The test failed: x", 1), (vec![Step::Say("mended".to_owned())], false));
        assert_eq!(script.steps("go on", 1), (vec![Step::Say("two".to_owned())], true));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        assert!(Script::parse("sing a song").unwrap_err().contains("sing a song"));
    }
}
