//! git: what looks at the repository and what commits on the task's branch is ordinary. What rewrites or throws away is
//! destructive, what leaves the machine is published, the rest is unknown.

use super::{Access, Judge};
use crate::RiskKind;
use crate::place::is_secret;
use crate::shell::Word;

/// They only look.
const READING: [&str; 24] = [
    "status",
    "diff",
    "log",
    "show",
    "blame",
    "rev-parse",
    "rev-list",
    "ls-files",
    "ls-tree",
    "grep",
    "describe",
    "shortlog",
    "cat-file",
    "merge-base",
    "name-rev",
    "show-ref",
    "for-each-ref",
    "diff-tree",
    "diff-index",
    "whatchanged",
    "count-objects",
    "check-ignore",
    "version",
    "cherry",
];

/// Settings that `-c` may give: they change no program that git starts.
const PLAIN_CONFIG: [&str; 9] = [
    "user.name=",
    "user.email=",
    "color.",
    "core.quotepath=",
    "core.pager=cat",
    "init.defaultBranch=",
    "commit.gpgsign=false",
    "advice.",
    "log.",
];

pub(super) fn judge(judge: &mut Judge<'_>, args: &[Word]) {
    judge.apart(|judge| {
        let at = options(judge, args);
        let Some(sub) = args.get(at).and_then(Word::literal) else {
            judge.unknown("what git would do is not plain text");
            return;
        };
        let args = &args[at + 1..];
        let texts: Vec<String> = args.iter().map(Word::display).collect();
        subcommand(judge, &sub, args, &Texts(texts));
    });
}

/// The options before the subcommand; returns where it stands.
fn options(judge: &mut Judge<'_>, args: &[Word]) -> usize {
    let mut at = 0;
    while let Some(text) = args.get(at).and_then(Word::literal) {
        match text.as_str() {
            "-C" => {
                if let Some(folder) = args.get(at + 1) {
                    judge.path(folder, Access::Read);
                    match folder.literal().and_then(|f| judge.place.absolute(&f)) {
                        Some(folder) => judge.place.cwd = folder,
                        None => judge.cwd_known = false,
                    }
                }
                at += 2;
            }
            "-c" => {
                let value = args.get(at + 1).map(Word::display).unwrap_or_default();
                if !PLAIN_CONFIG.iter().any(|p| value.starts_with(p)) {
                    judge.unknown(format!("it sets `{value}`"));
                }
                at += 2;
            }
            "--no-pager" | "-P" | "--no-optional-locks" | "--literal-pathspecs" => at += 1,
            _ if text.starts_with('-') => {
                judge.unknown(format!("no rule knows `git {text}`"));
                at += 1;
            }
            _ => break,
        }
    }
    at
}

/// The arguments of a subcommand, as text.
struct Texts(Vec<String>);

impl Texts {
    fn has(&self, names: &[&str]) -> bool {
        self.0.iter().take_while(|t| *t != "--").any(|t| names.contains(&t.split('=').next().unwrap_or(t)))
    }

    /// A short flag, alone or among others (`-fd`).
    fn short(&self, flag: char) -> bool {
        self.0.iter().take_while(|t| *t != "--").any(|t| t.starts_with('-') && !t.starts_with("--") && t.contains(flag))
    }

    fn operands(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|t| !t.starts_with('-'))
    }

    fn first(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

fn subcommand(judge: &mut Judge<'_>, sub: &str, args: &[Word], texts: &Texts) {
    match sub {
        _ if READING.contains(&sub) => reading(judge, sub, args, texts),
        "add" | "stage" => add(judge, args, texts),
        "commit" => commit(judge, args, texts),
        "mv" => judge.loose_paths(args),
        "rm" => remove(judge, args, texts),
        "branch" => branch(judge, texts),
        "checkout" | "switch" => checkout(judge, sub, texts),
        "restore" => restore(judge, args, texts),
        "reset" => reset(judge, texts),
        "clean" if texts.short('f') || texts.has(&["--force"]) => {
            judge.risky(RiskKind::Destructive, "it deletes files that git does not keep")
        }
        "clean" if texts.short('n') || texts.has(&["--dry-run"]) => {}
        "stash" => stash(judge, texts),
        "tag" => tag(judge, texts),
        "worktree" => worktree(judge, texts),
        "config" => config(judge, texts),
        "remote" if matches!(texts.first(), "" | "-v" | "get-url") => {}
        "reflog" if matches!(texts.first(), "expire" | "delete") => {
            judge.risky(RiskKind::Destructive, "it deletes history")
        }
        "reflog" => {}
        "push" | "send-email" | "request-pull" | "send-pack" => {
            judge.risky(RiskKind::Published, format!("`git {sub}` leaves the machine"))
        }
        "lfs" | "subtree" | "svn" | "p4" if texts.has(&["push", "dcommit", "submit"]) => {
            judge.risky(RiskKind::Published, format!("`git {sub}` leaves the machine"))
        }
        "filter-branch" | "filter-repo" | "gc" | "prune" | "update-ref" | "replace" | "repack" | "fast-import" => {
            judge.risky(RiskKind::Destructive, format!("`git {sub}` rewrites or deletes history"));
        }
        "credential" | "credential-store" | "credential-cache" => {
            judge.risky(RiskKind::Secret, "it shows stored passwords")
        }
        _ => judge.unknown(format!("no rule allows `git {sub}`")),
    }
}

fn reading(judge: &mut Judge<'_>, sub: &str, args: &[Word], texts: &Texts) {
    if texts.has(&["--output", "--ext-diff", "--textconv", "--open-files-in-pager", "--exec"])
        || texts.0.iter().any(|t| t.starts_with("-O"))
    {
        judge.unknown(format!("it runs or writes something beside `git {sub}`"));
    }
    if let Some(secret) = texts.operands().find(|t| is_secret(t.rsplit(':').next().unwrap_or(t))) {
        judge.risky(RiskKind::Secret, format!("it shows `{secret}`"));
    }
    if sub != "grep" {
        judge.loose_paths(args);
    }
}

fn add(judge: &mut Judge<'_>, args: &[Word], texts: &Texts) {
    if texts.short('f') || texts.has(&["--force"]) {
        judge.unknown("it adds files that git ignores");
    }
    judge.loose_paths(args);
}

/// Messages are text; all else is flags and paths.
fn commit(judge: &mut Judge<'_>, args: &[Word], texts: &Texts) {
    if texts.has(&["--amend", "--no-verify", "-n", "--author", "--date", "--reset-author", "--fixup", "--squash"]) {
        judge.unknown("it is more than a plain commit");
    }
    let mut rest = Vec::new();
    let mut at = 0;
    while let Some(word) = args.get(at) {
        let text = word.display();
        let takes_message =
            text == "--message" || text.starts_with('-') && !text.starts_with("--") && text.ends_with('m');
        at += if takes_message { 2 } else { 1 };
        if !(takes_message || text.starts_with("--message=") || text.starts_with("-m") && text.len() > 2) {
            rest.push(word.clone());
        }
    }
    judge.loose_paths(&rest);
}

fn remove(judge: &mut Judge<'_>, args: &[Word], texts: &Texts) {
    if texts.short('r') || texts.short('f') || texts.has(&["--force"]) {
        judge.unknown("it removes more than single files");
    }
    if texts.operands().any(|t| matches!(t, "." | "*" | "./" | "/")) {
        judge.risky(RiskKind::Destructive, "it removes everything");
    }
    judge.loose_paths(args);
}

fn branch(judge: &mut Judge<'_>, texts: &Texts) {
    if texts.short('D') || texts.short('f') || texts.short('M') || texts.has(&["--force"]) {
        judge.risky(RiskKind::Destructive, "it deletes or moves a branch");
    } else if texts.short('d')
        || texts.short('m')
        || texts.short('c')
        || texts.short('u')
        || texts.has(&["--delete", "--move", "--copy", "--set-upstream-to", "--edit-description"])
    {
        judge.unknown("it changes a branch");
    }
}

fn checkout(judge: &mut Judge<'_>, sub: &str, texts: &Texts) {
    let discards = texts.short('f')
        || texts.has(&["--force", "--discard-changes"])
        || texts.0.iter().any(|t| matches!(t.as_str(), "." | "*" | "./"));
    if discards {
        judge.risky(RiskKind::Destructive, "it throws away work that is not committed");
        return;
    }
    let creates = if sub == "checkout" { texts.has(&["-b"]) } else { texts.has(&["-c", "--create"]) };
    if !creates {
        judge.unknown(format!("`git {sub}` changes what is in the worktree"));
    }
}

fn restore(judge: &mut Judge<'_>, args: &[Word], texts: &Texts) {
    let staged_only = texts.has(&["--staged", "-S"]) && !texts.has(&["--worktree", "-W"]);
    if staged_only {
        judge.loose_paths(args);
    } else if texts.0.iter().any(|t| matches!(t.as_str(), "." | "*" | "./" | ":/")) {
        judge.risky(RiskKind::Destructive, "it throws away work that is not committed");
    } else {
        judge.unknown("it throws away changes to a file");
    }
}

fn reset(judge: &mut Judge<'_>, texts: &Texts) {
    if texts.has(&["--hard", "--merge", "--keep"]) {
        judge.risky(RiskKind::Destructive, "it throws away work");
    } else if !(texts.0.is_empty()
        || matches!(texts.first(), "HEAD" | "--")
        || texts.first() == "-q" && texts.0.len() == 1)
    {
        judge.unknown("it moves the branch");
    }
}

fn stash(judge: &mut Judge<'_>, texts: &Texts) {
    match texts.first() {
        "list" | "show" => {}
        "drop" | "clear" => judge.risky(RiskKind::Destructive, "it throws away stashed work"),
        _ => judge.unknown("the stash is shared by all worktrees"),
    }
}

fn tag(judge: &mut Judge<'_>, texts: &Texts) {
    if texts.short('d') || texts.short('f') || texts.has(&["--delete", "--force"]) {
        judge.risky(RiskKind::Destructive, "it deletes or moves a tag");
    } else if texts.operands().next().is_some()
        && !texts.short('l')
        && !texts.has(&["--list", "--contains", "--points-at"])
    {
        judge.unknown("it makes a tag");
    }
}

fn worktree(judge: &mut Judge<'_>, texts: &Texts) {
    match texts.first() {
        "list" => {}
        "remove" | "prune" | "move" => judge.risky(RiskKind::Destructive, "it changes the worktrees of other tasks"),
        _ => judge.unknown("it makes a worktree"),
    }
}

fn config(judge: &mut Judge<'_>, texts: &Texts) {
    let reads = texts.has(&["--get", "--get-all", "--get-regexp", "--list", "-l", "get", "list"]);
    if !reads && texts.has(&["--global", "--system"]) {
        judge.risky(RiskKind::Outside, "it changes git's settings for the whole machine");
    } else if !reads {
        judge.unknown("it changes git's settings");
    }
}
