//! Tokens to commands.

use super::lex::{Lexer, MAX_DEPTH, Token};
use super::{Command, Redirect, RedirectKind, Script, Simple, Word};

/// Text over this length is unclear: nobody writes it by hand, and judging it would cost more than asking.
const MAX_LENGTH: usize = 64 * 1024;

/// Reads shell text.
pub fn parse(text: &str) -> Script {
    if text.len() > MAX_LENGTH || text.contains('\0') {
        return Script { commands: Vec::new(), unclear: true };
    }
    parse_at(text, 0).0
}

pub(super) fn parse_at(text: &str, depth: usize) -> (Script, bool) {
    let mut lexer = Lexer::new(text, depth);
    lexer.run();
    let unclear = lexer.unclear;
    let script = from_tokens(lexer.tokens, unclear, depth);
    let unclear = script.unclear;
    (script, unclear)
}

pub(super) fn from_tokens(tokens: Vec<Token>, unclear: bool, depth: usize) -> Script {
    let mut parser = Parser { tokens, at: 0, unclear };
    let commands = parser.list(depth, false);
    Script { commands, unclear: parser.unclear }
}

/// Words that open or close what is not modelled. They are stepped over, so that the commands inside are still seen.
const KEYWORDS: [&str; 17] = [
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "select", "function",
    "coproc", "[[", "in",
];

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    unclear: bool,
}

impl Parser {
    fn list(&mut self, depth: usize, in_group: bool) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut piped = false;
        while self.at < self.tokens.len() {
            match &self.tokens[self.at] {
                Token::Operator(")") => {
                    if !in_group {
                        self.unclear = true;
                        self.at += 1;
                        continue;
                    }
                    return commands;
                }
                Token::Operator("(") => {
                    self.at += 1;
                    commands.push(self.subshell(depth));
                }
                Token::Operator(op) => {
                    piped = matches!(*op, "|" | "|&");
                    if *op == "&" {
                        mark_background(commands.last_mut());
                    }
                    self.unclear |= *op == ";;";
                    self.at += 1;
                    continue;
                }
                _ => {
                    if let Some(simple) = self.simple(piped) {
                        commands.push(Command::Simple(simple));
                    }
                }
            }
            piped = false;
        }
        self.unclear |= in_group;
        commands
    }

    fn subshell(&mut self, depth: usize) -> Command {
        let inner = if depth >= MAX_DEPTH {
            self.unclear = true;
            Script { commands: Vec::new(), unclear: true }
        } else {
            let commands = self.list(depth + 1, true);
            Script { commands, unclear: false }
        };
        if matches!(self.tokens.get(self.at), Some(Token::Operator(")"))) {
            self.at += 1;
        }
        let mut redirects = Vec::new();
        while let Some(Token::Redirect(op)) = self.tokens.get(self.at) {
            let op = *op;
            self.at += 1;
            self.redirect(op, &mut redirects);
        }
        Command::Group { inner, redirects, subshell: true }
    }

    fn simple(&mut self, piped_into: bool) -> Option<Simple> {
        let mut simple = Simple { piped_into, ..Simple::default() };
        while let Some(token) = self.tokens.get(self.at) {
            match token.clone() {
                Token::Operator(_) => break,
                Token::HereDocument(_) => {
                    self.unclear = true;
                    self.at += 1;
                }
                Token::Redirect(op) => {
                    self.at += 1;
                    self.redirect(op, &mut simple.redirects);
                }
                Token::Word { word, quoted } => {
                    self.at += 1;
                    self.word(&mut simple, word, quoted);
                }
            }
        }
        let empty = simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty();
        (!empty).then_some(simple)
    }

    fn word(&mut self, simple: &mut Simple, word: Word, quoted: bool) {
        if !simple.words.is_empty() {
            simple.words.push(word);
            return;
        }
        if let Some(text) = word.literal_or_glob().filter(|_| !quoted) {
            if KEYWORDS.contains(&text.as_str()) || text == "]]" {
                self.unclear = true;
                return;
            }
            // `{ a; b; }` keeps its commands in the list, as a `cd` in it lasts; `!` and `time` change nothing.
            if matches!(text.as_str(), "{" | "}" | "!") {
                return;
            }
        }
        match assignment(&word) {
            Some((name, value)) => simple.assignments.push((name, value)),
            None => simple.words.push(word),
        }
    }

    fn redirect(&mut self, op: &str, into: &mut Vec<Redirect>) {
        let kind = match op {
            "<" => RedirectKind::Read,
            "<<" | "<<-" | "<<<" => RedirectKind::Text,
            ">&" | "<&" => RedirectKind::Duplicate,
            _ => RedirectKind::Write,
        };
        match self.tokens.get(self.at).cloned() {
            Some(Token::HereDocument(target)) if matches!(op, "<<" | "<<-") => {
                self.at += 1;
                into.push(Redirect { kind, target });
            }
            Some(Token::Word { word, .. }) => {
                self.at += 1;
                let stream = word
                    .literal()
                    .is_some_and(|t| t == "-" || (!t.is_empty() && t.chars().all(|c| c.is_ascii_digit())));
                let kind = if kind == RedirectKind::Duplicate && !stream { RedirectKind::Write } else { kind };
                into.push(Redirect { kind, target: word });
            }
            _ => self.unclear = true,
        }
    }
}

fn mark_background(command: Option<&mut Command>) {
    if let Some(Command::Simple(simple)) = command {
        simple.background = true;
    }
}

/// `NAME=value`, with the value's pieces kept.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let super::Piece::Text(first) = word.pieces.first()? else { return None };
    let (name, rest) = first.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let valid = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !valid {
        return None;
    }
    let mut value = Word::text(rest);
    value.pieces.extend(word.pieces[1..].iter().cloned());
    Some((name.to_owned(), value))
}
