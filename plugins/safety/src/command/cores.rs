//! A second look that knows no grammar: harmful words that stand together anywhere in the text, however they are quoted
//! or wrapped. It can only make a verdict graver.

use crate::place::{Lies, Place};
use crate::{Risk, RiskKind};

/// The first harmful core in a text.
pub(super) fn find(text: &str, place: &Place) -> Option<Risk> {
    let plain: String = text.replace("\\\n", "").chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
    if plain.contains(":(){") || plain.contains(":|:") {
        return Some(Risk::new(RiskKind::Destructive, "it starts processes without end"));
    }
    for name in [".ssh/", ".aws/", ".gnupg/", "id_rsa", "id_ed25519", "/etc/shadow", "/etc/sudoers"] {
        if plain.contains(name) {
            return Some(Risk::new(RiskKind::Secret, format!("it names `{name}`")));
        }
    }
    let mut fetches = false;
    for segment in plain.split(['\n', ';', '|', '&', '(', ')', '{', '}', '`', '\r']) {
        let words: Vec<&str> = segment
            .split(|c: char| c.is_whitespace() || c == ',' || c == '[' || c == ']')
            .filter(|w| !w.is_empty())
            .collect();
        if let Some(risk) = in_segment(&words, place) {
            return Some(risk);
        }
        let first = words.first().map_or("", |w| base(w));
        if fetches && matches!(first, "sh" | "bash" | "zsh" | "python" | "python3" | "node" | "perl" | "ruby") {
            return Some(Risk::new(RiskKind::Outside, "it runs what it downloads"));
        }
        fetches |= words.iter().any(|w| matches!(base(w), "curl" | "wget"));
    }
    None
}

fn base(word: &str) -> &str {
    let word = word.trim_start_matches(['$', '@', '-', '!']);
    word.rsplit('/').next().unwrap_or(word)
}

fn in_segment(words: &[&str], place: &Place) -> Option<Risk> {
    for (at, word) in words.iter().enumerate() {
        let rest = &words[at + 1..];
        let next = rest.first().copied().unwrap_or("");
        let risk = match base(word).to_ascii_lowercase().as_str() {
            "rm" => removal(rest, place),
            "git" => git(rest),
            "sudo" | "doas" if at == 0 && !next.is_empty() => {
                Some(Risk::new(RiskKind::Outside, "it asks for more rights"))
            }
            "drop" if is(next, &["database", "table", "schema", "collection", "user", "keyspace"]) => {
                Some(Risk::new(RiskKind::Destructive, format!("it drops a {}", next.to_lowercase())))
            }
            "truncate" if is(next, &["table"]) => Some(Risk::new(RiskKind::Destructive, "it empties a table")),
            "delete" if is(next, &["from"]) => Some(Risk::new(RiskKind::Destructive, "it deletes rows")),
            "dd" if rest.iter().any(|w| w.starts_with("of=/")) => {
                Some(Risk::new(RiskKind::Destructive, "it overwrites a device or file"))
            }
            "npm" | "pnpm" | "yarn" | "cargo" | "poetry" | "uv" | "gem" | "twine" | "docker" | "podman"
                if is(first_plain(rest), &["publish", "unpublish", "upload", "push", "yank"]) =>
            {
                Some(Risk::new(RiskKind::Published, format!("it publishes with `{word}`")))
            }
            "terraform" | "tofu" | "kubectl" | "helm" | "pulumi"
                if is(first_plain(rest), &["destroy", "delete", "drain", "uninstall"]) =>
            {
                Some(Risk::new(RiskKind::Destructive, format!("it removes what runs elsewhere with `{word}`")))
            }
            "terraform" | "tofu" | "kubectl" | "helm" | "pulumi" if is(first_plain(rest), &["apply", "up"]) => {
                Some(Risk::new(RiskKind::Published, format!("it changes what runs elsewhere with `{word}`")))
            }
            "shutil.rmtree" | "fs.rmsync" | "rimraf" => Some(Risk::new(RiskKind::Destructive, "it removes folders")),
            name if name.starts_with("mkfs.") || name == "dropdb" || name == "wipefs" => {
                Some(Risk::new(RiskKind::Destructive, format!("`{name}` destroys data")))
            }
            _ => None,
        };
        if risk.is_some() {
            return risk;
        }
        if word.contains(">/dev/sd")
            || word.contains(">/dev/nvme")
            || (word.ends_with('>') && (next.starts_with("/dev/sd") || next.starts_with("/dev/nvme")))
        {
            return Some(Risk::new(RiskKind::Destructive, "it overwrites a disk"));
        }
    }
    None
}

fn is(word: &str, names: &[&str]) -> bool {
    names.iter().any(|n| word.eq_ignore_ascii_case(n))
}

fn first_plain<'a>(words: &[&'a str]) -> &'a str {
    words.iter().copied().find(|w| !w.starts_with('-')).unwrap_or("")
}

/// `rm` with a flag for folders or force, and something that is not plainly a path in the worktree.
fn removal(rest: &[&str], place: &Place) -> Option<Risk> {
    let forced = rest
        .iter()
        .take_while(|w| w.starts_with('-'))
        .any(|f| *f == "--recursive" || *f == "--force" || !f.starts_with("--") && f.contains(['r', 'R', 'f']));
    if !forced {
        return None;
    }
    let target = rest.iter().copied().filter(|w| !w.starts_with('-')).find(|w| {
        let bare = w.trim_end_matches('/');
        let last = bare.rsplit('/').next().unwrap_or(bare);
        w.starts_with(['$', '~'])
            || matches!(last, "" | "*" | "." | ".." | ".*" | ".git")
            || w.contains("../")
            || w.starts_with('/') && place.lies(w) != Lies::Inside
            || place.is_root(w)
    })?;
    Some(Risk::new(RiskKind::Destructive, format!("it removes `{target}`")))
}

fn git(rest: &[&str]) -> Option<Risk> {
    let mut at = 0;
    while let Some(word) = rest.get(at).filter(|w| w.starts_with('-')) {
        at += if matches!(*word, "-c" | "-C" | "--git-dir" | "--work-tree") { 2 } else { 1 };
    }
    let args = rest.get(at + 1..).unwrap_or(&[]);
    match rest.get(at).map(|w| w.to_ascii_lowercase()).as_deref() {
        Some("push") => Some(Risk::new(RiskKind::Published, "`git push` leaves the machine")),
        Some("reset") if args.contains(&"--hard") => {
            Some(Risk::new(RiskKind::Destructive, "`git reset --hard` throws away work"))
        }
        Some("clean") if args.iter().any(|w| w.starts_with('-') && w.contains('f')) => {
            Some(Risk::new(RiskKind::Destructive, "`git clean` deletes files that git does not keep"))
        }
        Some("filter-branch" | "filter-repo") => Some(Risk::new(RiskKind::Destructive, "it rewrites history")),
        _ => None,
    }
}
