//! Commands that start other commands: `env`, `timeout`, `xargs`, `bash -c`, `find -exec`, and `cd`, which moves what
//! follows.

use super::{Access, Judge};
use crate::place::Lies;
use crate::shell::Word;
use crate::{RiskKind, Verdict};

/// Judges a wrapper; `false` if the program is none.
pub(super) fn judge(judge: &mut Judge<'_>, name: &str, args: &[Word]) -> bool {
    match name {
        "command" | "builtin" | "exec" | "nohup" | "time" | "stdbuf" | "nice" | "ionice" | "setsid" | "caffeinate" => {
            behind_flags(judge, args, 0)
        }
        "timeout" | "gtimeout" => behind_flags(judge, args, 1),
        "env" => env(judge, args),
        "xargs" => xargs(judge, args),
        "bash" | "sh" | "zsh" | "dash" | "ksh" | "fish" => shell(judge, args),
        "eval" => eval(judge, args),
        "cd" => cd(judge, args),
        "pushd" | "popd" => {
            judge.unknown("the folder it goes to is not known");
            judge.cwd_known = false;
        }
        "find" | "fd" => find(judge, args),
        "source" | "." | "alias" | "trap" | "parallel" | "watch" | "script" | "entr" | "unbuffer" | "screen"
        | "tmux" => rest(judge, name, args),
        "export" | "declare" | "local" | "readonly" | "typeset" => export(judge, args),
        _ => return false,
    }
    true
}

/// The arguments after the flags and `skip` further words are the command.
fn behind_flags(judge: &mut Judge<'_>, args: &[Word], skip: usize) {
    let mut at = 0;
    while let Some(text) = args.get(at).and_then(Word::literal) {
        if text == "-v" || text == "-V" {
            return; // `command -v cargo` only looks.
        }
        if !text.starts_with('-') {
            break;
        }
        at += if matches!(text.as_str(), "-n" | "-k" | "-s" | "-o" | "-e" | "-i" | "-c")
            && args.get(at + 1).and_then(Word::literal).is_some_and(|v| looks_like_value(&v))
        {
            2
        } else {
            1
        };
    }
    at += skip;
    match args.get(at..) {
        Some(inner) if !inner.is_empty() => judge.program(inner),
        _ => judge.unknown("there is no command"),
    }
}

fn looks_like_value(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) || text.len() == 1 || text.chars().all(|c| c.is_ascii_uppercase())
}

fn env(judge: &mut Judge<'_>, args: &[Word]) {
    let mut at = 0;
    while let Some(word) = args.get(at) {
        let text = word.display();
        if matches!(text.as_str(), "-S" | "--split-string" | "-C" | "--chdir")
            || text.starts_with("--split")
            || text.starts_with("-S")
            || text.starts_with("--chdir")
        {
            judge.unknown("`env` with such an option is not judged");
            at += 1;
        } else if text == "-u" {
            at += 2;
        } else if text.starts_with('-') {
            at += 1;
        } else if let Some((name, value)) = text.split_once('=') {
            let value = if word.literal().is_some() { Word::text(value) } else { word.clone() };
            judge.assignment(name, &value);
            at += 1;
        } else {
            break;
        }
    }
    match args.get(at..) {
        Some(inner) if !inner.is_empty() => judge.program(inner),
        _ => judge.risky(RiskKind::Secret, "it shows the whole environment"),
    }
}

/// What comes from the pipe is not known, so the command must be one that only reads.
fn xargs(judge: &mut Judge<'_>, args: &[Word]) {
    let mut at = 0;
    while let Some(text) = args.get(at).and_then(Word::literal) {
        if !text.starts_with('-') {
            break;
        }
        at += if matches!(text.as_str(), "-n" | "-I" | "-P" | "-L" | "-d" | "-s" | "-E" | "-a") { 2 } else { 1 };
    }
    let Some(inner) = args.get(at..).filter(|inner| !inner.is_empty()) else { return };
    judge.program(inner);
    let name = inner[0].literal().unwrap_or_default();
    if matches!(name.as_str(), "rm" | "rmdir" | "unlink") {
        judge.risky(RiskKind::Destructive, "it removes whatever the pipe names");
    } else if !matches!(
        name.as_str(),
        "grep"
            | "egrep"
            | "rg"
            | "wc"
            | "head"
            | "tail"
            | "ls"
            | "echo"
            | "stat"
            | "file"
            | "basename"
            | "dirname"
            | "sha256sum"
    ) {
        judge.unknown("what the pipe gives it is not known");
    }
}

fn shell(judge: &mut Judge<'_>, args: &[Word]) {
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.literal() {
            Some(text) if text.starts_with('-') && !text.starts_with("--") && text.contains('c') => {
                match words.next().and_then(Word::literal) {
                    Some(script) => judge.nested(&script),
                    None => judge.unknown("what the shell would run is not plain text"),
                }
                return;
            }
            Some(text) if text.starts_with('-') => judge.unknown(format!("the shell is given `{text}`")),
            _ => break,
        }
    }
    match args.iter().find(|w| !w.display().starts_with('-')) {
        Some(script) => {
            judge.path(script, Access::Read);
            judge.unknown("it runs a script");
            suspicious(judge, "sh", args);
        }
        None => judge.unknown("the shell runs what the pipe gives it"),
    }
}

fn suspicious(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    let texts: Vec<String> = args.iter().map(Word::display).collect();
    if let Some(risk) = super::tables::risk_in_arguments(name, &texts) {
        judge.add(Verdict::Risky(risk));
    }
}

fn eval(judge: &mut Judge<'_>, args: &[Word]) {
    let texts: Option<Vec<String>> = args.iter().map(Word::literal).collect();
    match texts {
        Some(texts) => judge.nested(&texts.join(" ")),
        None => judge.unknown("what it would run is not plain text"),
    }
}

fn cd(judge: &mut Judge<'_>, args: &[Word]) {
    let target = args.iter().find(|w| w.literal().is_none_or(|t| t == "-" || !t.starts_with('-')));
    let Some(target) = target else {
        judge.risky(RiskKind::Outside, "it goes to the home folder");
        judge.cwd_known = false;
        return;
    };
    let Some(path) = target.literal() else {
        judge.path_text(target);
        judge.unknown("the folder it goes to is not known");
        judge.cwd_known = false;
        return;
    };
    if path == "-" || !judge.cwd_known && !path.starts_with('/') {
        judge.unknown("the folder it goes to is not known");
        judge.cwd_known = false;
        return;
    }
    match (judge.place.lies(&path), judge.place.absolute(&path)) {
        (Lies::Inside | Lies::Readable, Some(absolute)) => judge.place.cwd = absolute,
        _ => {
            judge.risky(RiskKind::Outside, format!("it goes to `{path}`, outside the worktree"));
            judge.cwd_known = false;
        }
    }
}

fn find(judge: &mut Judge<'_>, args: &[Word]) {
    let mut at = 0;
    let mut in_paths = true;
    while let Some(word) = args.get(at) {
        let text = word.display();
        match text.as_str() {
            "-delete" => judge.unknown("it deletes what it finds"),
            "-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "-X" | "--exec" | "--exec-batch" => {
                let rest = &args[at + 1..];
                let end =
                    rest.iter().position(|w| w.literal().is_some_and(|t| t == ";" || t == "+")).unwrap_or(rest.len());
                xargs(judge, &rest[..end]);
                at += end + 1;
            }
            "-fprint" | "-fprintf" | "-fprint0" | "-fls" => judge.unknown("it writes a file"),
            _ if text.starts_with('-') || text == "!" || text == "(" => in_paths = false,
            _ if in_paths => judge.path(word, Access::Read),
            _ => {}
        }
        at += 1;
    }
}

fn export(judge: &mut Judge<'_>, args: &[Word]) {
    for word in args {
        let text = word.display();
        match text.split_once('=') {
            Some((name, value)) => {
                let value = if word.literal().is_some() { Word::text(value) } else { word.clone() };
                judge.assignment(name, &value);
            }
            None if text.starts_with('-') => judge.unknown(format!("no rule knows the option `{text}` here")),
            None => {}
        }
    }
    if args.is_empty() {
        judge.risky(RiskKind::Secret, "it shows the whole environment");
    }
}

fn rest(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    let sourced = args.first().filter(|_| name == "source" || name == ".");
    if let Some(file) = sourced {
        judge.path(file, Access::Read);
        let activate = |t: String| matches!(t.trim_start_matches("./"), ".venv/bin/activate" | "venv/bin/activate");
        if file.literal().is_some_and(activate) {
            return;
        }
    }
    judge.unknown(format!("`{name}` runs something that is not judged"));
}
