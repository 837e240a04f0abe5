//! Reads shell text into simple commands, words and redirections: enough of POSIX sh and bash to judge what a command
//! touches. It never runs anything and never guesses: what it does not model marks the script as unclear, and nothing
//! unclear is ever judged safe. Rules about commands do not belong here.

mod lex;
mod parse;

pub use parse::parse;

/// A list of commands, in the order in which they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Everything that would run, substitutions apart.
    pub commands: Vec<Command>,
    /// Something in it is not modelled (a loop, a function, an unclosed quote): it is never safe as a whole.
    pub unclear: bool,
}

/// One element of a list or pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `NAME=value program argument >file`
    Simple(Simple),
    /// `( … )` or `{ …; }`, with its redirections.
    Group {
        /// What is inside.
        inner: Script,
        /// Where its output goes.
        redirects: Vec<Redirect>,
        /// In a subshell: a `cd` inside does not last.
        subshell: bool,
    },
}

/// A simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simple {
    /// `NAME=value` before the program.
    pub assignments: Vec<(String, Word)>,
    /// The program and its arguments.
    pub words: Vec<Word>,
    /// `>file`, `<file`, here-documents.
    pub redirects: Vec<Redirect>,
    /// It reads from a pipe.
    pub piped_into: bool,
    /// It ends in `&`.
    pub background: bool,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// What is done to the target.
    pub kind: RedirectKind,
    /// A path, or the text of a here-document.
    pub target: Word,
}

/// What a redirection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// `<`
    Read,
    /// `>`, `>>`, `&>`, `<>`
    Write,
    /// `>&1`: from one stream to another.
    Duplicate,
    /// `<<` and `<<<`: text that stands in the command itself.
    Text,
}

/// A word, as pieces that the shell would join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// In order.
    pub pieces: Vec<Piece>,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Literal text with the quotes taken off.
    Text(String),
    /// `*`, `?` or `[` outside quotes.
    Glob(char),
    /// `$NAME` or `${NAME}`.
    Variable(String),
    /// `$(…)` or backquotes.
    Command(Script),
    /// `${NAME:-…}`, `$((…))`, `<(…)` and the like, as written.
    Opaque(String),
}

impl Word {
    /// A literal word.
    pub fn text(text: impl Into<String>) -> Word {
        Word { pieces: vec![Piece::Text(text.into())] }
    }

    /// The text of the word if the shell would not change it.
    pub fn literal(&self) -> Option<String> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                _ => return None,
            }
        }
        Some(out)
    }

    /// Like [`Word::literal`], but a pattern such as `src/*.rs` counts as the text that it is written as.
    pub fn literal_or_glob(&self) -> Option<String> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Glob(c) => out.push(*c),
                _ => return None,
            }
        }
        Some(out)
    }

    /// Whether it has a pattern outside quotes.
    pub fn has_glob(&self) -> bool {
        self.pieces.iter().any(|p| matches!(p, Piece::Glob(_)))
    }

    /// The scripts of all command substitutions in it.
    pub fn substitutions(&self) -> impl Iterator<Item = &Script> {
        self.pieces.iter().filter_map(|p| if let Piece::Command(script) = p { Some(script) } else { None })
    }

    /// As it might look to a reader: for messages and for scans, never for a decision that it is safe.
    pub fn display(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) | Piece::Opaque(text) => out.push_str(text),
                Piece::Glob(c) => out.push(*c),
                Piece::Variable(name) => {
                    out.push('$');
                    out.push_str(name);
                }
                Piece::Command(_) => out.push_str("$(…)"),
            }
        }
        out
    }
}
