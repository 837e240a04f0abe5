//! The small tools that look at files and move them.

use super::{Access, Judge};
use crate::RiskKind;
use crate::place::{is_guarded, is_secret};
use crate::shell::Word;

/// Their arguments are text, not paths.
const PLAIN: [&str; 19] = [
    "echo", "printf", "true", "false", ":", "pwd", "date", "sleep", "uname", "whoami", "hostname", "seq", "basename",
    "dirname", "which", "type", "nproc", "exit", "wait",
];

/// Their operands are files to read.
const READERS: [&str; 37] = [
    "cat",
    "head",
    "tail",
    "less",
    "more",
    "wc",
    "ls",
    "tree",
    "stat",
    "file",
    "du",
    "diff",
    "cmp",
    "comm",
    "uniq",
    "cut",
    "tr",
    "nl",
    "tac",
    "rev",
    "paste",
    "column",
    "fold",
    "od",
    "xxd",
    "hexdump",
    "strings",
    "md5sum",
    "sha1sum",
    "sha256sum",
    "realpath",
    "readlink",
    "test",
    "[",
    "cloc",
    "tokei",
    "bat",
];

/// The first operand is a pattern or program, the others are files to read.
const PATTERN_READERS: [&str; 6] = ["grep", "egrep", "fgrep", "rg", "ag", "jq"];

/// Their operands are files to make or change.
const WRITERS: [&str; 6] = ["mkdir", "touch", "cp", "mv", "tee", "ln"];

/// Folders that a build makes anew.
const GENERATED: [&str; 22] = [
    "target",
    "build",
    "dist",
    "out",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    "coverage",
    ".coverage",
    "htmlcov",
    ".next",
    ".nuxt",
    ".cache",
    ".turbo",
    ".parcel-cache",
    ".tox",
    ".nox",
    ".eggs",
    "tmp",
    ".gradle",
];

/// Judges a file tool; `false` if the program is none.
pub(super) fn judge(judge: &mut Judge<'_>, name: &str, args: &[Word]) -> bool {
    match name {
        _ if PLAIN.contains(&name) => {}
        _ if READERS.contains(&name) => readers(judge, args),
        _ if PATTERN_READERS.contains(&name) => pattern_readers(judge, args),
        _ if WRITERS.contains(&name) => writers(judge, args),
        "sort" => sort(judge, args),
        "chmod" => chmod(judge, args),
        "rm" | "rmdir" | "unlink" => remove(judge, args),
        "sed" | "gsed" => sed(judge, args),
        "awk" | "gawk" | "mawk" => awk(judge, args),
        _ => return false,
    }
    true
}

fn is_flag(word: &Word) -> bool {
    word.literal().is_some_and(|t| t.len() > 1 && t.starts_with('-'))
}

fn operands(args: &[Word]) -> Vec<&Word> {
    let end = args.iter().position(|w| w.literal().as_deref() == Some("--"));
    let (before, after) = args.split_at(end.unwrap_or(args.len()));
    before.iter().filter(|w| !is_flag(w)).chain(after.iter().skip(1)).collect()
}

fn readers(judge: &mut Judge<'_>, args: &[Word]) {
    for word in operands(args) {
        judge.path(word, Access::Read);
    }
    judge.loose_paths(&args.iter().filter(|w| is_flag(w)).cloned().collect::<Vec<_>>());
}

fn pattern_readers(judge: &mut Judge<'_>, args: &[Word]) {
    let given = args.iter().any(|w| {
        w.literal().is_some_and(|t| {
            matches!(t.as_str(), "-e" | "-f" | "--files") || t.starts_with("--regexp") || t.starts_with("--file")
        })
    });
    if args.iter().any(|w| w.display().starts_with("--pre")) {
        judge.unknown("it runs another program on each file");
    }
    for word in operands(args).into_iter().skip(usize::from(!given)) {
        judge.path(word, Access::Read);
    }
}

fn writers(judge: &mut Judge<'_>, args: &[Word]) {
    for word in operands(args) {
        judge.path(word, Access::Write);
    }
    for word in args.iter().filter(|w| is_flag(w)) {
        let text = word.display();
        let target = text.strip_prefix("--target-directory=").or_else(|| text.strip_prefix("-t"));
        if let Some(target) = target.filter(|t| !t.is_empty()) {
            judge.path(&Word::text(target), Access::Write);
        }
    }
}

fn sort(judge: &mut Judge<'_>, args: &[Word]) {
    if args.iter().any(|w| {
        w.display().starts_with("-o")
            || w.display().starts_with("--output")
            || w.display().starts_with("--compress-program")
    }) {
        judge.unknown("it writes a file");
    }
    readers(judge, args);
}

fn chmod(judge: &mut Judge<'_>, args: &[Word]) {
    if args
        .iter()
        .any(|w| matches!(w.display().as_str(), "-R" | "--recursive" | "-Rf" | "777" | "0777" | "u+s" | "g+s" | "+s"))
    {
        judge.unknown("it changes rights widely");
    }
    for word in operands(args).into_iter().skip(1) {
        judge.path(word, Access::Write);
    }
}

fn remove(judge: &mut Judge<'_>, args: &[Word]) {
    let flag = |long: &str, short: &[char]| {
        args.iter()
            .filter_map(Word::literal)
            .any(|t| t == long || t.starts_with('-') && !t.starts_with("--") && t.chars().any(|c| short.contains(&c)))
    };
    let recursive = flag("--recursive", &['r', 'R']);
    if flag("--no-preserve-root", &[]) {
        judge.risky(RiskKind::Destructive, "it removes more than the work");
    }
    let operands = operands(args);
    if operands.is_empty() {
        judge.unknown("it does not say what it removes");
    }
    for word in operands {
        match word.literal_or_glob() {
            None => {
                judge.path_text(word);
                if recursive {
                    judge.risky(
                        RiskKind::Destructive,
                        format!("it removes `{}`, which is not plain text", word.display()),
                    );
                }
            }
            Some(path) => remove_path(judge, word, &path, recursive),
        }
    }
}

fn remove_path(judge: &mut Judge<'_>, word: &Word, path: &str, recursive: bool) {
    let bare = path.trim_end_matches('/');
    let last = bare.rsplit('/').next().unwrap_or(bare);
    if judge.place.is_root(path)
        || matches!(last, "*" | "." | ".." | ".*" | "" | "?")
        || is_guarded(path)
        || is_secret(path)
    {
        judge.risky(RiskKind::Destructive, format!("it removes `{path}`"));
        return;
    }
    let before = std::mem::replace(&mut judge.verdict, crate::Verdict::Safe);
    judge.path(word, Access::Write);
    let outside = matches!(judge.verdict, crate::Verdict::Risky(_));
    let found = std::mem::replace(&mut judge.verdict, before);
    if outside {
        judge.risky(RiskKind::Destructive, format!("it removes `{path}`, outside the worktree"));
        return;
    }
    judge.add(found);
    if recursive && !GENERATED.contains(&last) && !last.ends_with(".egg-info") {
        judge.unknown(format!("it removes `{path}` with all that is in it"));
    }
    if word.has_glob()
        && ![".pyc", ".o", ".log", ".tmp", ".orig", ".rej", ".bak", ".class"].iter().any(|e| last.ends_with(e))
    {
        judge.unknown(format!("it removes all of `{path}`"));
    }
}

/// Only plain substitutions, prints and deletions of lines: `e`, `w` and files of commands can do anything.
fn sed(judge: &mut Judge<'_>, args: &[Word]) {
    let mut scripts = Vec::new();
    let mut files = Vec::new();
    let mut at = 0;
    let mut in_place = false;
    while let Some(word) = args.get(at) {
        let text = word.display();
        match text.as_str() {
            "-e" | "--expression" => {
                at += 1;
                scripts.push(args.get(at).and_then(Word::literal));
            }
            "-f" | "--file" => judge.unknown("its script is in a file"),
            _ if text.starts_with("-i") || text.starts_with("--in-place") => {
                in_place = true;
                if text.contains('/') {
                    judge.unknown("where it keeps the old file is not judged");
                }
            }
            _ if is_flag(word) => {
                let plain = text.trim_start_matches('-').chars().all(|c| "nErszu".contains(c))
                    || matches!(text.as_str(), "--quiet" | "--regexp-extended" | "--null-data");
                if !plain {
                    judge.unknown(format!("no rule knows `sed {text}`"));
                }
                in_place |= text.contains('i') && !text.starts_with("--");
            }
            "" => {}
            _ => files.push(word),
        }
        at += 1;
    }
    if scripts.is_empty() && !files.is_empty() {
        scripts.push(files.remove(0).literal());
    }
    for script in scripts {
        if !script.is_some_and(|s| s.split([';', '\n']).all(plain_sed)) {
            judge.unknown("its script is more than a plain substitution");
        }
    }
    let access = if in_place { Access::Write } else { Access::Read };
    files.into_iter().for_each(|f| judge.path(f, access));
}

fn plain_sed(script: &str) -> bool {
    let script = script.trim();
    if script.is_empty() {
        return true;
    }
    let body = script.trim_start_matches(|c: char| c.is_ascii_digit() || ",$ ".contains(c));
    if matches!(body, "p" | "d" | "q" | "=" | "!p" | "!d") {
        return true;
    }
    let body = match body.strip_prefix('/').and_then(|b| b.find('/').map(|end| b[end + 1..].trim_start())) {
        Some("p" | "d") => return true,
        Some(rest) => rest,
        None => body,
    };
    let Some(rest) = body.strip_prefix('s') else { return false };
    let mut chars = rest.chars();
    let Some(mark) = chars.next().filter(|c| !c.is_alphanumeric() && !c.is_whitespace()) else { return false };
    let mut escaped = false;
    let mut seen = 0;
    for (i, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == mark {
            seen += 1;
            if seen == 2 {
                return rest[i + mark.len_utf8()..].chars().all(|c| "gpiI0123456789".contains(c));
            }
        }
    }
    false
}

fn awk(judge: &mut Judge<'_>, args: &[Word]) {
    let mut at = 0;
    while let Some(text) = args.get(at).map(Word::display).filter(|t| t.starts_with('-')) {
        if text == "-f" || text.starts_with("--file") || text == "-i" || text.starts_with("-l") {
            judge.unknown("its script is in a file");
        }
        at += if matches!(text.as_str(), "-F" | "-v" | "-f" | "-i") { 2 } else { 1 };
    }
    let program = args.get(at).and_then(Word::literal);
    let plain =
        program.is_some_and(|p| !["system", "getline", "|", ">", "@load", "ENVIRON"].iter().any(|bad| p.contains(bad)));
    if !plain {
        judge.unknown("its script is more than printing");
    }
    args.iter().skip(at + 1).for_each(|f| judge.path(f, Access::Read));
}
