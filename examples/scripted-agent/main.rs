//! A scripted stand-in for the `claude` command line: it speaks stream-json in both directions, answers one-shot
//! questions, and does what a script says. The demonstration and the tests run it in place of a real agent.
//!
//! ```text
//! scripted-agent [--script FILE] [--state DIR] [--log DIR] <the arguments of claude>
//! ```
//!
//! # Where the script comes from
//! The first of: a fenced block named `script` in the session's first message; a line `script: STEP ;; STEP` in it; the
//! file of `--script` or of the variable `SCRIPTED_AGENT`. Without any, the agent says that it is done. What comes
//! after the first message belongs to the same script, also in a process that resumes the session.
//!
//! # What a script says
//! One step a line; blank lines and lines that begin with `#` count for nothing. In texts, `\n` is a line end, and
//! `{message}`, `{images}`, `{answer}`, `{turn}`, `{session}` stand for the user's last message, how many images came with
//! it, the last answer to `permit` or `ask`, the number of the turn, and the session's id.
//!
//! | step | what it does |
//! |---|---|
//! | `turn` | what follows belongs to the next turn (the first one needs no `turn`) |
//! | `on PHRASE` | what follows is a turn for each message that holds the phrase, in any case of letters, instead of the next one |
//! | `after` | what follows is a turn for each message once all turns are done |
//! | `say TEXT` | says a text |
//! | `type MS TEXT` | says a text word by word, with so many milliseconds between |
//! | `think TEXT` | tells a thought |
//! | `write PATH TEXT`, `append PATH TEXT` | writes a file without asking |
//! | `run COMMAND` | runs a shell command without asking |
//! | `tool NAME JSON` | calls a tool that does nothing |
//! | `permit COMMAND` | asks for leave to run a shell command, and runs it if it may |
//! | `permit-write PATH TEXT` | asks for leave to write a file, and writes it if it may |
//! | `plan TEXT` | asks for leave to carry out a plan |
//! | `ask QUESTION \| OPTION \| …` | asks a question with choices (`ask-many`: several may be chosen) |
//! | `sleep MS` | waits |
//! | `hang` | waits for ever |
//! | `retry STATUS TIMES` | tells that the model cannot be reached and is tried again |
//! | `error STATUS [TEXT]` | ends the turn with a failure of the model's API, and the process with status 1 |
//! | `limit WHEN`, `limit-event WHEN` | the same for a usage limit until then (seconds since 1970, or `+SECONDS`), told by text or by an event |
//! | `max-turns` | ends the turn for too many round trips, and the process with status 1 |
//! | `stderr TEXT` | writes to standard error |
//! | `exit CODE` | leaves at once |
//! | `half-line` | writes half a line |
//! | `raw TEXT` | writes a line as it is |
//! | `bad-utf8` | says a text with wrong UTF-8 in it |
//! | `unknown` | writes lines of kinds that nobody knows |
//! | `huge BYTES` | says a text of so many bytes |
//! | `flood LINES [BYTES]` | says so many numbered texts, of so many bytes each |
//! | `stubborn` | ignores signals and interrupts from now on |
//! | `daemon FILE [hold]` | starts a process that leaves the session and its environment behind and writes its number to the file; with `hold` it keeps the output open |
//! | `cost USD`, `tokens IN OUT` | what each turn uses from now on |
//! | `if PATH STEP`, `unless PATH STEP` | does a step only if a file is there, or is not |
//!
//! # One-shot questions
//! `-p --output-format json` reads a question from standard input. Each line `scripted-answer: JSON` in it is the answer
//! to one call, in order, the last to all further ones. Without such a line, and with `--json-schema`, the answer is the
//! most agreeable value that fits; without either, it is a friendly sentence.
//!
//! # What it leaves behind
//! Sessions in the folder of `--state`, of `SCRIPTED_AGENT_STATE`, or in `scripted-agent` in the folder for temporary files. With
//! `--log` or `SCRIPTED_AGENT_LOG`, one file a process, named by its number, with its arguments and every line it read.

mod arguments;
mod one_shot;
mod script;
mod session;
mod talk;
mod turn;

use std::process::ExitCode;

use arguments::Arguments;

/// What `--version` answers.
const VERSION: &str = "2.1.330 (Claude Code)";

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(complaint) => {
            eprintln!("{complaint}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.version {
        println!("{VERSION}");
        return ExitCode::SUCCESS;
    }
    if arguments.streams { turn::converse(&arguments) } else { one_shot::answer(&arguments) }
}
