//! Judges shell text: a list of what is known to be ordinary, a list of what is known to be harmful, and no guess
//! between them. `mod.rs` walks the script; the other files know the commands.

mod cores;
mod files;
mod git;
mod tables;
mod tools;
mod wrappers;

use crate::place::{Lies, Place, is_guarded, is_secret};
use crate::shell::{self, Command, Piece, Redirect, RedirectKind, Script, Simple, Word};
use crate::{RiskKind, Verdict};

/// What the operator's settings add to the rules.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Command prefixes that are safe here, such as `just ci`. They never cover what is known to be harmful.
    pub allowed: Vec<String>,
    /// Command prefixes that are always denied.
    pub denied: Vec<String>,
    /// Running the project's own programs (`cargo run`, `python3 tool.py`) counts as ordinary.
    pub run_programs: bool,
}

/// Judges a command that an agent wants to run in `place.cwd`.
pub fn judge_command(text: &str, place: &Place, rules: &Rules) -> Verdict {
    if text.trim().is_empty() {
        return Verdict::unknown("there is no command");
    }
    let script = shell::parse(text);
    let mut judge = Judge { place: place.clone(), rules, cwd_known: true, depth: 0, verdict: Verdict::Safe };
    judge.script(&script);
    match cores::find(text, place) {
        Some(risk) => Verdict::Risky(risk).and(judge.verdict),
        None => judge.verdict,
    }
}

/// What a command does with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// Nesting of `bash -c`, `xargs` and the like that is followed.
const MAX_DEPTH: usize = 6;

struct Judge<'a> {
    place: Place,
    rules: &'a Rules,
    /// False after a `cd` whose target is not known.
    cwd_known: bool,
    depth: usize,
    verdict: Verdict,
}

impl Judge<'_> {
    fn add(&mut self, verdict: Verdict) {
        let so_far = std::mem::replace(&mut self.verdict, Verdict::Safe);
        self.verdict = so_far.and(verdict);
    }

    fn risky(&mut self, kind: RiskKind, why: impl Into<String>) {
        self.add(Verdict::risky(kind, why));
    }

    fn unknown(&mut self, why: impl Into<String>) {
        self.add(Verdict::unknown(why));
    }

    fn script(&mut self, script: &Script) {
        if script.unclear {
            self.unknown("it is not a plain command");
        }
        for command in &script.commands {
            match command {
                Command::Simple(simple) => self.simple(simple),
                Command::Group { inner, redirects, subshell } => {
                    redirects.iter().for_each(|r| self.redirect(r));
                    if *subshell {
                        self.apart(|judge| judge.script(inner));
                    } else {
                        self.script(inner);
                    }
                }
            }
        }
    }

    /// Judges something whose `cd` does not last.
    fn apart(&mut self, f: impl FnOnce(&mut Self)) {
        let (cwd, known) = (self.place.cwd.clone(), self.cwd_known);
        f(self);
        self.place.cwd = cwd;
        self.cwd_known = known;
    }

    /// Judges shell text that stands inside a command, as in `bash -c '…'`.
    fn nested(&mut self, text: &str) {
        if self.depth >= MAX_DEPTH {
            self.unknown("it is nested too deeply");
            return;
        }
        self.depth += 1;
        let script = shell::parse(text);
        self.apart(|judge| judge.script(&script));
        self.depth -= 1;
    }

    fn simple(&mut self, simple: &Simple) {
        let assigned = simple.assignments.iter().map(|(_, value)| value);
        for word in simple.words.iter().chain(assigned).chain(simple.redirects.iter().map(|r| &r.target)) {
            self.insides(word);
        }
        simple.redirects.iter().for_each(|r| self.redirect(r));
        for (name, value) in &simple.assignments {
            self.assignment(name, value);
        }
        if simple.background {
            self.unknown("it runs on in the background");
        }
        if !simple.words.is_empty() {
            self.program(&simple.words);
        }
    }

    /// Substitutions and secret variables in a word, wherever the word stands.
    fn insides(&mut self, word: &Word) {
        for script in word.substitutions() {
            self.apart(|judge| judge.script(script));
        }
        for piece in &word.pieces {
            match piece {
                Piece::Variable(name) if is_secret_variable(name) => {
                    self.risky(RiskKind::Secret, format!("it uses the secret ${name}"))
                }
                Piece::Opaque(text) if text.starts_with("${") && is_secret_variable(text) => {
                    self.risky(RiskKind::Secret, "it uses a secret variable")
                }
                _ => {}
            }
        }
    }

    fn redirect(&mut self, redirect: &Redirect) {
        match redirect.kind {
            RedirectKind::Read => self.path(&redirect.target, Access::Read),
            RedirectKind::Write => self.path(&redirect.target, Access::Write),
            RedirectKind::Duplicate | RedirectKind::Text => {}
        }
    }

    fn assignment(&mut self, name: &str, value: &Word) {
        if !tables::is_plain_variable(name) {
            self.unknown(format!("it sets {name}"));
        } else if value.literal().is_none() {
            self.unknown(format!("the value of {name} is not plain text"));
        }
    }

    /// A program with its arguments, in any position where the shell or a wrapper would start it.
    fn program(&mut self, words: &[Word]) {
        // `[` is a pattern to the lexer, and a program in this place.
        let first = words.first().and_then(|w| w.literal().or_else(|| w.literal_or_glob().filter(|t| t == "[")));
        let Some(first) = first.filter(|t| !t.is_empty()) else {
            self.unknown("the program's name is not plain text");
            return;
        };
        if let Some(prefix) = self.rules.denied.iter().find(|p| has_prefix(words, p)) {
            self.add(Verdict::Denied(format!("the settings deny `{prefix}`")));
            return;
        }
        let args = &words[1..];
        let Some(name) = self.program_name(&first) else {
            self.own_script(&first, words);
            return;
        };
        if self.rules.allowed.iter().any(|p| has_prefix(words, p)) {
            if let Some(risk) = tables::harmful(&name) {
                self.add(Verdict::Risky(risk));
            }
            self.loose_paths(args);
            return;
        }
        if args.len() == 1
            && args[0].literal().is_some_and(|a| matches!(a.as_str(), "--version" | "--help"))
            && tables::harmful(&name).is_none()
        {
            return;
        }
        self.dispatch(&name, args);
    }

    /// A program by its path, in the worktree or not.
    fn own_script(&mut self, path: &str, words: &[Word]) {
        let args = &words[1..];
        if self.rules.allowed.iter().any(|p| has_prefix(words, p)) {
            self.loose_paths(args);
            return;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let texts: Vec<String> = args.iter().map(Word::display).collect();
        if let Some(risk) = tables::risk_in_arguments(name, &texts) {
            self.add(Verdict::Risky(risk));
        }
        self.unknown(format!("no rule knows `{path}`"));
    }

    /// The bare name of a program: of the system, or of the worktree's own tools. A wrapper script such as
    /// `./gradlew` counts by its name.
    fn program_name(&mut self, first: &str) -> Option<String> {
        let name = first.rsplit('/').next().unwrap_or(first).to_owned();
        if !first.contains('/') {
            return Some(name);
        }
        let system = ["/bin/", "/usr/bin/", "/usr/local/bin/", "/sbin/", "/usr/sbin/"]
            .iter()
            .any(|d| first.strip_prefix(d).is_some_and(|rest| !rest.contains('/')));
        if system {
            return Some(name);
        }
        let local = self.cwd_known && self.place.lies(first) == Lies::Inside;
        if !local {
            self.risky(RiskKind::Outside, format!("it runs `{first}`, which is outside the worktree"));
            return None;
        }
        let tool_folder =
            ["node_modules/.bin/", ".venv/bin/", "venv/bin/", "vendor/bin/", "bin/"].iter().any(|d| first.contains(d));
        (tool_folder || matches!(name.as_str(), "gradlew" | "mvnw")).then_some(name)
    }

    fn dispatch(&mut self, name: &str, args: &[Word]) {
        if let Some(risk) = tables::harmful(name) {
            self.add(Verdict::Risky(risk));
            return;
        }
        if wrappers::judge(self, name, args) || files::judge(self, name, args) {
            return;
        }
        match name {
            "git" => git::judge(self, args),
            _ => tools::judge(self, name, args),
        }
    }

    /// A path that a command names.
    fn path(&mut self, word: &Word, access: Access) {
        let Some(path) = self.path_text(word) else { return };
        if matches!(path.as_str(), "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/stdin") {
            return;
        }
        if is_secret(&path) {
            self.risky(RiskKind::Secret, format!("it touches `{path}`"));
        }
        if !self.cwd_known && !path.starts_with(['/', '~']) {
            self.unknown("the folder it runs in is not known");
            return;
        }
        match (self.place.lies(&path), access) {
            (Lies::Inside, Access::Write) if is_guarded(&path) => {
                self.risky(RiskKind::Outside, format!("it changes `{path}`, which is not part of the work"))
            }
            (Lies::Inside, _) | (Lies::Readable, Access::Read) => {}
            (Lies::Readable, Access::Write) => {
                self.risky(RiskKind::Outside, format!("it writes `{path}`, which may only be read"))
            }
            (Lies::Outside, _) => self.risky(RiskKind::Outside, format!("it reaches `{path}`, outside the worktree")),
        }
    }

    /// The text of a path; a variable in it leaves a note and no text.
    fn path_text(&mut self, word: &Word) -> Option<String> {
        if let Some(text) = word.literal_or_glob() {
            return Some(text);
        }
        match word.pieces.first() {
            Some(Piece::Variable(name))
                if matches!(name.as_str(), "HOME" | "TMPDIR" | "OLDPWD" | "XDG_CONFIG_HOME") =>
            {
                self.risky(RiskKind::Outside, format!("it reaches `{}`, outside the worktree", word.display()));
            }
            Some(Piece::Variable(name)) if name == "PWD" => {
                let rest = Word { pieces: word.pieces[1..].to_vec() };
                if let Some(rest) = rest.literal_or_glob() {
                    return Some(format!(".{rest}"));
                }
                self.unknown(format!("`{}` is not plain text", word.display()));
            }
            _ => self.unknown(format!("`{}` is not plain text", word.display())),
        }
        None
    }

    /// Arguments of a tool that works in its folder: whatever looks like a path must be inside.
    fn loose_paths(&mut self, args: &[Word]) {
        for word in args {
            let Some(text) = word.literal_or_glob() else {
                self.path_text(word);
                continue;
            };
            if let Some(flag) = text.strip_prefix('-') {
                let value = flag.split_once('=').map_or(flag, |(_, value)| value);
                let hidden = value.starts_with(['/', '~'])
                    || value.contains("..")
                    || flag.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('/');
                if hidden {
                    self.unknown(format!("`{text}` may reach outside the worktree"));
                }
                continue;
            }
            let climbs = text.split('/').any(|part| part == "..");
            if text.starts_with(['/', '~']) || climbs || is_secret(&text) {
                self.path(word, Access::Write);
            }
        }
    }
}

/// Whether a variable's name says that its value is secret.
fn is_secret_variable(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL"].iter().any(|w| name.contains(w))
}

/// Whether a command begins with the words of a prefix.
fn has_prefix(words: &[Word], prefix: &str) -> bool {
    let mut given = words.iter();
    let mut any = false;
    for wanted in prefix.split_whitespace() {
        any = true;
        if given.next().and_then(Word::literal).as_deref() != Some(wanted) {
            return false;
        }
    }
    any
}

#[cfg(test)]
mod tests;
