//! What is known about programs and variables by their name alone.

use crate::{Risk, RiskKind};

/// Programs that are never an ordinary part of work in a worktree.
const HARMFUL: [(RiskKind, &str, &[&str]); 6] = [
    (
        RiskKind::Outside,
        "asks for more rights or changes the machine",
        &[
            "sudo",
            "doas",
            "su",
            "pkexec",
            "runuser",
            "chroot",
            "nsenter",
            "unshare",
            "mount",
            "umount",
            "insmod",
            "modprobe",
            "sysctl",
            "systemctl",
            "service",
            "launchctl",
            "crontab",
            "at",
            "useradd",
            "userdel",
            "usermod",
            "passwd",
            "visudo",
            "chown",
            "chgrp",
            "iptables",
            "ufw",
            "apt",
            "apt-get",
            "dpkg",
            "yum",
            "dnf",
            "rpm",
            "brew",
            "pacman",
            "snap",
            "apk",
            "port",
            "choco",
            "winget",
            "rustup",
            "nvm",
            "pyenv",
            "pkill",
            "killall",
        ],
    ),
    (
        RiskKind::Outside,
        "reaches another machine",
        &["ssh", "scp", "sftp", "rsync", "nc", "ncat", "netcat", "telnet", "ftp", "socat", "rclone"],
    ),
    (
        RiskKind::Destructive,
        "destroys data",
        &[
            "mkfs", "fdisk", "sfdisk", "parted", "wipefs", "shred", "dd", "dropdb", "dropuser", "shutdown", "reboot",
            "halt", "poweroff", "init", "srm", "truncate",
        ],
    ),
    (
        RiskKind::Published,
        "changes or publishes what others use",
        &[
            "vercel",
            "netlify",
            "heroku",
            "fly",
            "flyctl",
            "firebase",
            "surge",
            "wrangler",
            "serverless",
            "sls",
            "cdk",
            "pulumi",
            "eb",
            "gcloud",
            "gsutil",
            "bq",
            "aws",
            "az",
            "doctl",
            "helm",
            "kubectl",
            "oc",
            "ansible",
            "ansible-playbook",
            "twine",
            "goreleaser",
            "semantic-release",
            "release-it",
            "np",
            "mail",
            "sendmail",
            "mutt",
        ],
    ),
    (
        RiskKind::Secret,
        "shows or changes secrets",
        &[
            "printenv",
            "gpg",
            "gpg2",
            "ssh-add",
            "ssh-keygen",
            "pass",
            "op",
            "vault",
            "security",
            "secret-tool",
            "keyring",
        ],
    ),
    (RiskKind::Paid, "spends money", &["stripe", "paypal"]),
];

/// The risk of a program that is harmful whatever its arguments.
pub(super) fn harmful(name: &str) -> Option<Risk> {
    if name.starts_with("mkfs.") {
        return Some(Risk::new(RiskKind::Destructive, format!("`{name}` destroys data")));
    }
    HARMFUL
        .iter()
        .find(|(_, _, names)| names.contains(&name))
        .map(|(kind, why, _)| Risk::new(*kind, format!("`{name}` {why}")))
}

/// Variables that steer output, logs and tests, and nothing that is loaded or run.
pub(super) fn is_plain_variable(name: &str) -> bool {
    const NAMES: [&str; 28] = [
        "CI",
        "DEBUG",
        "TZ",
        "LANG",
        "LC_ALL",
        "TERM",
        "COLUMNS",
        "LINES",
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR",
        "NODE_ENV",
        "RAILS_ENV",
        "MIX_ENV",
        "APP_ENV",
        "FLASK_ENV",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
        "PYTHONHASHSEED",
        "PYTHONWARNINGS",
        "CARGO_TERM_COLOR",
        "CARGO_INCREMENTAL",
        "RUST_BACKTRACE",
        "RUST_LOG",
        "RUST_TEST_THREADS",
        "GOFLAGS",
        "CGO_ENABLED",
        "VERBOSE",
    ];
    const STARTS: [&str; 6] = ["TEST_", "VITEST_", "JEST_", "INSTA_", "PROPTEST_", "NEXTEST_"];
    NAMES.contains(&name) || STARTS.iter().any(|s| name.starts_with(s))
}

/// Words in a script's or target's name that tell what it is for.
const ORDINARY: [&str; 40] = [
    "test",
    "tests",
    "testing",
    "unit",
    "e2e",
    "integration",
    "spec",
    "specs",
    "build",
    "compile",
    "check",
    "checks",
    "lint",
    "lints",
    "format",
    "fmt",
    "type",
    "types",
    "typecheck",
    "tsc",
    "coverage",
    "cov",
    "prettier",
    "eslint",
    "clippy",
    "verify",
    "validate",
    "all",
    "clean",
    "help",
    "doc",
    "docs",
    "bench",
    "assemble",
    "package",
    "vet",
    "ruff",
    "mypy",
    "ci",
    "quick",
];

/// Words that make a script's or target's name none of our business.
const HARSH: [&str; 31] = [
    "deploy",
    "deployment",
    "publish",
    "release",
    "prod",
    "production",
    "staging",
    "live",
    "push",
    "upload",
    "ship",
    "migrate",
    "migration",
    "migrations",
    "seed",
    "drop",
    "reset",
    "destroy",
    "wipe",
    "purge",
    "nuke",
    "truncate",
    "erase",
    "flush",
    "downgrade",
    "rollback",
    "delete",
    "install",
    "uninstall",
    "provision",
    "terraform",
];

/// What a script's or target's name (`test:unit`, `build-release`) tells: `Some(true)` ordinary, `Some(false)` harsh.
pub(super) fn target_kind(name: &str) -> Option<bool> {
    let lower = name.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty()).collect();
    if parts.iter().any(|p| HARSH.contains(p)) {
        return Some(false);
    }
    let known = |p: &&str| ORDINARY.contains(p);
    match (parts.first(), parts.last()) {
        (Some(first), Some(last)) if known(first) || known(last) => Some(true),
        _ => None,
    }
}

/// Words among the arguments of an unknown program that tell of lost data.
const DESTRUCTIVE_WORDS: [&str; 14] = [
    "drop",
    "destroy",
    "wipe",
    "purge",
    "nuke",
    "truncate",
    "erase",
    "flush",
    "flushall",
    "flushdb",
    "downgrade",
    "dropdatabase",
    "obliterate",
    "shred",
];

/// Words among the arguments of an unknown program that tell of something that leaves the machine.
const PUBLISHING_WORDS: [&str; 6] = ["publish", "deploy", "push", "upload", "production", "prod"];

/// The risk that the arguments of an otherwise unknown program tell of.
pub(super) fn risk_in_arguments(name: &str, args: &[String]) -> Option<Risk> {
    let whole = args.join(" ").to_ascii_lowercase();
    let parts: Vec<&str> = whole.split(|c: char| !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty()).collect();
    if let Some(word) = parts.iter().find(|p| DESTRUCTIVE_WORDS.contains(p)) {
        return Some(Risk::new(RiskKind::Destructive, format!("`{name} … {word}` may destroy data")));
    }
    let reset = parts
        .windows(2)
        .any(|w| matches!(w, ["db" | "migrate" | "database", "reset" | "fresh" | "refresh"] | ["delete", "from"]));
    if reset {
        return Some(Risk::new(RiskKind::Destructive, format!("`{name}` may destroy data")));
    }
    let own = name.to_ascii_lowercase();
    parts
        .iter()
        .copied()
        .chain([own.trim_end_matches(".sh")])
        .find(|p| PUBLISHING_WORDS.contains(p))
        .map(|word| Risk::new(RiskKind::Published, format!("`{name}` is about `{word}`")))
}
