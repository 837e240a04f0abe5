//! Risk in prose: whether what an agent proposes, or a choice that it offers, is for the user alone. It reads verbs with
//! their objects, not single words: "the deleted test" and "a delete button" propose nothing.

use crate::command::{Rules, judge_command};
use crate::place::Place;
use crate::{Risk, RiskKind, Verdict};

/// Objects whose loss is grave, whatever the verb.
const HEAVY: [&str; 41] = [
    "database",
    "databases",
    "db",
    "backup",
    "backups",
    "production",
    "prod",
    "data",
    "bucket",
    "buckets",
    "volume",
    "volumes",
    "server",
    "servers",
    "cluster",
    "instance",
    "instances",
    "branch",
    "branches",
    "repository",
    "repo",
    "history",
    "everything",
    "disk",
    "partition",
    "uncommitted",
    "stash",
    "snapshot",
    "snapshots",
    "namespace",
    "collection",
    "queue",
    "deployment",
    "environment",
    "index",
    "indices",
    "worktree",
    "worktrees",
    "commits",
    "migrations",
    "volumes",
];

/// Objects whose loss is grave when they are deleted, but which code is also made of.
const ROWS: [&str; 20] = [
    "table",
    "tables",
    "schema",
    "rows",
    "records",
    "users",
    "user",
    "customers",
    "customer",
    "accounts",
    "account",
    "files",
    "folders",
    "directory",
    "emails",
    "orders",
    "entries",
    "images",
    "secrets",
    "keys",
];

/// Verbs of loss: (base, with -ing), and whether rows count as their object too.
const LOSS: [(&str, &str, bool); 15] = [
    ("delete", "deleting", true),
    ("drop", "dropping", true),
    ("erase", "erasing", true),
    ("wipe", "wiping", true),
    ("destroy", "destroying", true),
    ("purge", "purging", true),
    ("truncate", "truncating", true),
    ("nuke", "nuking", true),
    ("empty", "emptying", true),
    ("remove", "removing", false),
    ("reset", "resetting", false),
    ("overwrite", "overwriting", false),
    ("discard", "discarding", false),
    ("clear", "clearing", false),
    ("rewrite", "rewriting", false),
];

/// What a verb of loss is followed or preceded by when it is the name of a thing.
const THINGS: [&str; 28] = [
    "endpoint",
    "endpoints",
    "button",
    "method",
    "function",
    "handler",
    "route",
    "command",
    "option",
    "operation",
    "operations",
    "action",
    "api",
    "flag",
    "request",
    "icon",
    "query",
    "statement",
    "hook",
    "confirmation",
    "dialog",
    "test",
    "tests",
    "support",
    "feature",
    "logic",
    "down",
    "support",
];

/// Phrases that say it by themselves; each is a run of words.
const PHRASES: [(RiskKind, &str); 62] = [
    (RiskKind::Destructive, "rm -rf"),
    (RiskKind::Destructive, "force push"),
    (RiskKind::Destructive, "force-push"),
    (RiskKind::Destructive, "reset --hard"),
    (RiskKind::Destructive, "cannot be undone"),
    (RiskKind::Destructive, "can't be undone"),
    (RiskKind::Destructive, "can not be undone"),
    (RiskKind::Destructive, "irreversible"),
    (RiskKind::Destructive, "irreversibly"),
    (RiskKind::Destructive, "permanently"),
    (RiskKind::Destructive, "data loss"),
    (RiskKind::Destructive, "lose data"),
    (RiskKind::Destructive, "lose all"),
    (RiskKind::Destructive, "be lost"),
    (RiskKind::Destructive, "be deleted"),
    (RiskKind::Destructive, "be erased"),
    (RiskKind::Destructive, "be wiped"),
    (RiskKind::Published, "git push"),
    (RiskKind::Published, "push it"),
    (RiskKind::Published, "push this"),
    (RiskKind::Published, "push the"),
    (RiskKind::Published, "push my"),
    (RiskKind::Published, "push these"),
    (RiskKind::Published, "push to"),
    (RiskKind::Published, "push them"),
    (RiskKind::Published, "push all"),
    (RiskKind::Published, "push changes"),
    (RiskKind::Published, "push commits"),
    (RiskKind::Published, "pushing"),
    (RiskKind::Published, "publish"),
    (RiskKind::Published, "publishing"),
    (RiskKind::Published, "deploy"),
    (RiskKind::Published, "deploying"),
    (RiskKind::Published, "redeploy"),
    (RiskKind::Published, "roll out"),
    (RiskKind::Published, "go live"),
    (RiskKind::Published, "release it"),
    (RiskKind::Published, "release this"),
    (RiskKind::Published, "cut a release"),
    (RiskKind::Published, "make a release"),
    (RiskKind::Published, "create a release"),
    (RiskKind::Published, "pull request"),
    (RiskKind::Published, "open a pr"),
    (RiskKind::Published, "create a pr"),
    (RiskKind::Published, "send an email"),
    (RiskKind::Published, "send the email"),
    (RiskKind::Published, "send emails"),
    (RiskKind::Published, "email the"),
    (RiskKind::Paid, "credit card"),
    (RiskKind::Paid, "enable billing"),
    (RiskKind::Paid, "billing account"),
    (RiskKind::Paid, "paid plan"),
    (RiskKind::Paid, "paid tier"),
    (RiskKind::Paid, "paid api"),
    (RiskKind::Paid, "paid service"),
    (RiskKind::Paid, "paid version"),
    (RiskKind::Paid, "per month"),
    (RiskKind::Paid, "upgrade the plan"),
    (RiskKind::Paid, "upgrade your plan"),
    (RiskKind::Outside, "as root"),
    (RiskKind::Outside, "system-wide"),
    (RiskKind::Outside, "home directory"),
];

/// Single words that say it by themselves.
const WORDS: [(RiskKind, &str); 16] = [
    (RiskKind::Outside, "sudo"),
    (RiskKind::Outside, "reboot"),
    (RiskKind::Outside, "globally"),
    (RiskKind::Outside, "firewall"),
    (RiskKind::Paid, "buy"),
    (RiskKind::Paid, "buying"),
    (RiskKind::Paid, "purchase"),
    (RiskKind::Paid, "purchasing"),
    (RiskKind::Paid, "spend"),
    (RiskKind::Paid, "pay"),
    (RiskKind::Paid, "paying"),
    (RiskKind::Paid, "invoice"),
    (RiskKind::Secret, ".env"),
    (RiskKind::Secret, "credentials"),
    (RiskKind::Secret, "passphrase"),
    (RiskKind::Secret, "id_rsa"),
];

/// Secrets by name, as runs of words.
const SECRETS: [&str; 19] = [
    "password",
    "passwords",
    "credential",
    "api key",
    "api keys",
    "api-key",
    "access key",
    "access keys",
    "secret key",
    "private key",
    "private keys",
    "ssh key",
    "ssh keys",
    "access token",
    "api token",
    "auth token",
    "secrets",
    "connection string",
    "bearer token",
];

/// What is done with a secret that a user must do.
const HANDLING: [&str; 33] = [
    "provide",
    "give",
    "share",
    "send",
    "paste",
    "enter",
    "use",
    "using",
    "print",
    "show",
    "read",
    "commit",
    "hardcode",
    "hard-code",
    "need",
    "needs",
    "copy",
    "log",
    "rotate",
    "have",
    "add",
    "set",
    "put",
    "get",
    "what",
    "which",
    "where",
    "your",
    "supply",
    "tell",
    "store",
    "generate",
    "revoke",
];

/// What follows a secret's name when it is the name of a thing in the code.
const PARTS: [&str; 34] = [
    "field",
    "fields",
    "hash",
    "hashes",
    "hashing",
    "reset",
    "validation",
    "validator",
    "form",
    "input",
    "authentication",
    "auth",
    "based",
    "length",
    "policy",
    "strength",
    "check",
    "column",
    "page",
    "protected",
    "manager",
    "type",
    "flow",
    "login",
    "screen",
    "prompt",
    "handling",
    "class",
    "struct",
    "module",
    "function",
    "parser",
    "endpoint",
    "rules",
];

/// The risk in a text that proposes something, counting commands in backquotes. Statements that say what will *not* be
/// done do not count.
pub fn risk_in_proposal(text: &str, place: &Place) -> Option<Risk> {
    code_spans(text).find_map(|span| risk_in_span(span, place)).or_else(|| risk_in_words(text))
}

/// The risk in words alone, as in the label of a choice.
pub fn risk_in_words(text: &str) -> Option<Risk> {
    sentences(text).into_iter().find_map(|(words, question)| in_sentence(&words, question))
}

/// Inline code and the lines of fenced code: what stands between backquotes.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|span| span.contains(' '))
}

fn risk_in_span(span: &str, place: &Place) -> Option<Risk> {
    if span.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    match judge_command(span, place, &Rules::default()) {
        Verdict::Risky(risk) => Some(risk),
        _ => None,
    }
}

/// Sentences as words in lower case, with whether each is a question.
fn sentences(text: &str) -> Vec<(Vec<String>, bool)> {
    let mut out = Vec::new();
    let mut words = Vec::new();
    for line in text.lines() {
        for raw in line.split_whitespace() {
            let word = raw
                .trim_matches(|c: char| !c.is_alphanumeric() && !"$~/.-".contains(c))
                .trim_end_matches(['.', '-', '?', '!'])
                .to_lowercase();
            let end = raw.trim_end_matches(['"', '\'', ')', '*', '`', '_', '”', '’']);
            if !word.is_empty() {
                words.push(word.replace('’', "'"));
            }
            if end.ends_with(['.', '?', '!', ':', ';']) {
                out.push((std::mem::take(&mut words), end.ends_with('?')));
            }
        }
        if !words.is_empty() {
            out.push((std::mem::take(&mut words), false));
        }
    }
    out
}

fn in_sentence(words: &[String], question: bool) -> Option<Risk> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    loss(&words, question)
        .or_else(|| phrases(&words, question))
        .or_else(|| secrets(&words, question))
        .or_else(|| places(&words, question))
}

/// Whether something said at `at` is denied: "will not delete", "without deleting". In a question only "without" counts.
fn denied(words: &[&str], at: usize, question: bool) -> bool {
    let before = &words[at.saturating_sub(if question { 2 } else { 4 })..at];
    before.iter().any(|w| {
        if question {
            *w == "without"
        } else {
            matches!(*w, "not" | "never" | "without" | "no" | "cannot" | "avoid" | "avoids" | "instead")
                || w.ends_with("n't")
        }
    })
}

fn loss(words: &[&str], question: bool) -> Option<Risk> {
    for (at, word) in words.iter().enumerate() {
        let Some((base, _, rows)) = LOSS.iter().find(|(base, ing, _)| word == base || word == ing) else { continue };
        let noun = at > 0 && matches!(words[at - 1], "a" | "an" | "soft" | "hard" | "cascade" | "the" | "this");
        let thing = words.get(at + 1).is_some_and(|w| THINGS.contains(w));
        if noun || thing || denied(words, at, question) {
            continue;
        }
        let object = words[at + 1..].iter().take(9).find(|w| HEAVY.contains(w) || *rows && ROWS.contains(w));
        if let Some(object) = object {
            return Some(Risk::new(RiskKind::Destructive, format!("it would {base} … {object}")));
        }
    }
    None
}

fn phrases(words: &[&str], question: bool) -> Option<Risk> {
    for at in 0..words.len() {
        if denied(words, at, question) {
            continue;
        }
        for (kind, phrase) in &PHRASES {
            if runs(&words[at..], phrase) {
                return Some(Risk::new(*kind, format!("it speaks of \"{phrase}\"")));
            }
        }
        if let Some((kind, word)) = WORDS.iter().find(|(_, word)| *word == words[at]) {
            return Some(Risk::new(*kind, format!("it speaks of \"{word}\"")));
        }
        let price = words[at].strip_prefix('$').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if price {
            return Some(Risk::new(RiskKind::Paid, format!("it speaks of {}", words[at])));
        }
        let into = matches!(words[at], "merge" | "merging")
            && words[at..].iter().take(8).any(|w| matches!(*w, "main" | "master" | "production" | "develop" | "trunk"));
        if into {
            return Some(Risk::new(RiskKind::Published, "it would merge into a shared branch"));
        }
    }
    None
}

fn runs(words: &[&str], phrase: &str) -> bool {
    let mut given = words.iter();
    phrase.split(' ').all(|wanted| given.next() == Some(&wanted))
}

fn secrets(words: &[&str], question: bool) -> Option<Risk> {
    for at in 0..words.len() {
        let Some(name) = SECRETS.iter().find(|name| runs(&words[at..], name)) else { continue };
        let length = name.split(' ').count();
        let part = words.get(at + length).is_some_and(|w| PARTS.contains(w));
        let handled = words[at.saturating_sub(8)..at].iter().any(|w| HANDLING.contains(w));
        if handled && !part && !denied(words, at, question) {
            return Some(Risk::new(RiskKind::Secret, format!("it is about a secret (\"{name}\")")));
        }
    }
    None
}

/// Production, and what lies outside the worktree.
fn places(words: &[&str], question: bool) -> Option<Risk> {
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied().unwrap_or("");
        let before = at.checked_sub(1).map_or("", |i| words[i]);
        let denied = denied(words, at, question);
        if matches!(*word, "production" | "prod")
            && !denied
            && !matches!(
                next,
                "build"
                    | "builds"
                    | "code"
                    | "ready"
                    | "quality"
                    | "bundle"
                    | "mode"
                    | "config"
                    | "use"
                    | "dependencies"
            )
        {
            let place = matches!(before, "the" | "in" | "on" | "to" | "into" | "against" | "our" | "your" | "from")
                && !matches!(next, "grade" | "version");
            if place {
                return Some(Risk::new(RiskKind::Published, "it is about production"));
            }
        }
        if *word == "outside"
            && words[at + 1..]
                .iter()
                .take(4)
                .any(|w| matches!(*w, "worktree" | "repository" | "repo" | "project" | "workspace" | "folder"))
            && !denied
        {
            return Some(Risk::new(RiskKind::Outside, "it reaches outside the worktree"));
        }
        let path = ["/etc/", "/usr/", "/var/", "/root/", "~/", "/boot/", "/opt/"].iter().any(|p| word.starts_with(p));
        if path && !denied {
            return Some(Risk::new(RiskKind::Outside, format!("it names {word}")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<RiskKind> {
        risk_in_proposal(text, &Place::at("/w/task")).map(|r| r.kind)
    }

    #[test]
    fn what_only_the_user_may_decide_is_found() {
        for (text, wanted) in [
            ("Shall I drop the production database and delete all of its backups? (yes/no)", RiskKind::Destructive),
            ("May I wipe the users table first?", RiskKind::Destructive),
            ("Should I run `git reset --hard origin/main` now?", RiskKind::Destructive),
            ("OK to run `rm -rf ~/cache`?", RiskKind::Destructive),
            ("This cannot be undone. Go on?", RiskKind::Destructive),
            ("Should I discard the uncommitted changes?", RiskKind::Destructive),
            ("Old orders will be deleted. Is that fine?", RiskKind::Destructive),
            ("Shall I push it?", RiskKind::Published),
            ("Should I deploy to staging?", RiskKind::Published),
            ("Should I publish version 2 to npm?", RiskKind::Published),
            ("Do you want me to open a pull request?", RiskKind::Published),
            ("Should I merge this into main?", RiskKind::Published),
            ("Should I run the migration against production?", RiskKind::Published),
            ("Can you give me your API key?", RiskKind::Secret),
            ("Which password should I use for the database?", RiskKind::Secret),
            ("Should I read .env for that?", RiskKind::Secret),
            ("It costs $20 a month. Shall I go on?", RiskKind::Paid),
            ("Should I buy the licence?", RiskKind::Paid),
            ("Shall I install it globally?", RiskKind::Outside),
            ("May I change files outside the worktree?", RiskKind::Outside),
            ("Should I edit /etc/hosts?", RiskKind::Outside),
            ("Should I use sudo?", RiskKind::Outside),
        ] {
            assert_eq!(kind(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn ordinary_proposals_hold_no_risk() {
        for text in [
            "Should I go on with it?",
            "Should I remove the unused import?",
            "Should I delete the old helper function?",
            "Should I add a delete endpoint?",
            "I removed the old table component. Should I go on?",
            "I will not delete the database. Shall I go on?",
            "Should I go on without touching the backups?",
            "Shall I drop support for Python 3.8?",
            "Should I hash the password with bcrypt?",
            "Should I add a password reset page?",
            "Should I make a production build?",
            "Shall I run `cargo test --workspace`?",
            "Is `src/main.rs` the right place?",
            "Which option should I take?",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
