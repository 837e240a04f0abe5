//! Where a task may write and read, and which files are secret. Paths are compared as text, with `.` and `..` taken
//! out: a plugin cannot follow links, so the host's own checks stand behind these.

/// The folders of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Absolute folders that the task may change: its worktrees.
    pub writable: Vec<String>,
    /// Absolute folders that it may read besides.
    pub readable: Vec<String>,
    /// The folder in which its commands run; empty when it is not known.
    pub cwd: String,
}

/// How a path lies to a [`Place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// In a worktree.
    Inside,
    /// In a folder that may be read only.
    Readable,
    /// In neither.
    Outside,
}

/// Takes `.`, `..` and doubled slashes out of a path; `None` where `..` would climb over the root of a relative path.
pub fn normalize(path: &str) -> Option<String> {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() && !absolute {
                    return None;
                }
            }
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    Some(if absolute { format!("/{joined}") } else { joined })
}

impl Place {
    /// A task with one worktree, whose commands run at its root.
    pub fn at(worktree: &str) -> Place {
        Place { writable: vec![worktree.to_owned()], readable: Vec::new(), cwd: worktree.to_owned() }
    }

    /// The absolute form of a path that a tool or command names, `None` if it cannot be told.
    pub fn absolute(&self, path: &str) -> Option<String> {
        if path.starts_with('/') {
            return normalize(path);
        }
        if !self.cwd.starts_with('/') {
            // With no known folder a path that stays below it is taken as being in the worktree.
            let root = self.writable.first()?;
            return normalize(path).map(|inner| join(root, &inner));
        }
        normalize(&join(&self.cwd, path))
    }

    /// How a path lies. One that begins with `~` is outside.
    pub fn lies(&self, path: &str) -> Lies {
        if path.starts_with('~') {
            return Lies::Outside;
        }
        let Some(path) = self.absolute(path) else { return Lies::Outside };
        if self.writable.iter().any(|root| within(root, &path)) {
            Lies::Inside
        } else if self.readable.iter().any(|root| within(root, &path)) {
            Lies::Readable
        } else {
            Lies::Outside
        }
    }

    /// Whether a path is a worktree itself, not something in it.
    pub fn is_root(&self, path: &str) -> bool {
        let Some(path) = self.absolute(path) else { return true };
        self.writable.iter().filter_map(|root| normalize(root)).any(|root| root == path || within(&path, &root))
    }
}

fn join(folder: &str, path: &str) -> String {
    if path.is_empty() { folder.to_owned() } else { format!("{}/{path}", folder.trim_end_matches('/')) }
}

fn within(root: &str, path: &str) -> bool {
    let Some(root) = normalize(root).filter(|root| root.len() > 1) else { return false };
    path.strip_prefix(root.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Folders whose content is secret wherever they are.
const SECRET_FOLDERS: [&str; 9] =
    [".ssh", ".aws", ".gnupg", ".gpg", ".kube", ".docker", ".azure", ".password-store", "gcloud"];

/// File names that are secret.
const SECRET_NAMES: [&str; 25] = [
    ".env",
    ".envrc",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".yarnrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    ".htpasswd",
    ".vault-token",
    ".boto",
    ".s3cfg",
    "credentials",
    "credentials.json",
    "credentials.toml",
    "credentials.yml",
    "secrets",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "shadow",
    "environ",
];

/// Endings of secret files.
const SECRET_ENDINGS: [&str; 12] =
    [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".asc", ".gpg", ".age", ".ovpn"];

/// Whether a path names a file or folder that holds secrets. Templates such as `.env.example` do not.
pub fn is_secret(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let mut parts = path.split('/').filter(|p| !p.is_empty() && *p != ".").peekable();
    while let Some(part) = parts.next() {
        if SECRET_FOLDERS.contains(&part) || is_secret_name(part) && (parts.peek().is_none() || part == "secrets") {
            return true;
        }
    }
    false
}

fn is_secret_name(name: &str) -> bool {
    const TEMPLATE: [&str; 6] = [".example", ".sample", ".template", ".dist", ".defaults", ".schema"];
    const SOURCE: [&str; 16] = [
        ".rs", ".py", ".js", ".ts", ".tsx", ".jsx", ".go", ".java", ".rb", ".md", ".c", ".h", ".cpp", ".html", ".css",
        ".txt",
    ];
    if TEMPLATE.iter().any(|t| name.contains(t)) {
        return false;
    }
    if SECRET_NAMES.contains(&name) || SECRET_ENDINGS.iter().any(|e| name.ends_with(e)) || name.starts_with(".env.") {
        return true;
    }
    let stem = |word: &str| name.starts_with(word) && !SOURCE.iter().any(|e| name.ends_with(e));
    [
        "secrets.",
        "secret.",
        "credentials.",
        "service-account",
        "service_account",
        "id_rsa",
        "id_ed25519",
        "api_key.",
        "apikey.",
    ]
    .into_iter()
    .any(stem)
        || name.starts_with(".env") && name[4..].starts_with(['*', '?'])
}

/// Files in a worktree whose change makes something else run, or widens what the agent may do.
pub fn is_guarded(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    parts.contains(&".git")
        || parts.windows(2).any(|w| w[0] == ".claude" && w[1].starts_with("settings"))
        || parts.last() == Some(&".mcp.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_climbs_out_and_back_is_judged_by_where_it_ends() {
        let place = Place::at("/w/task");
        assert_eq!(place.lies("src/../../task/a.rs"), Lies::Inside);
        assert_eq!(place.lies("src/../../other/a.rs"), Lies::Outside);
        assert_eq!(place.lies("/w/task/../task2/a"), Lies::Outside);
        assert_eq!(place.lies("/w/taskother/a"), Lies::Outside);
        assert_eq!(place.lies("/w/task"), Lies::Inside);
        assert_eq!(place.lies("~/a"), Lies::Outside);
        assert_eq!(place.lies("../../../../../../etc/passwd"), Lies::Outside);
    }

    #[test]
    fn with_no_known_folder_a_relative_path_may_not_climb() {
        let place = Place { writable: vec!["/w/task".into()], ..Place::default() };
        assert_eq!(place.lies("a/../b"), Lies::Inside);
        assert_eq!(place.lies("../b"), Lies::Outside);
        assert_eq!(Place::default().lies("a"), Lies::Outside);
    }

    #[test]
    fn a_worktree_at_the_root_of_the_disk_is_no_worktree() {
        assert_eq!(Place::at("/").lies("/etc/passwd"), Lies::Outside);
    }

    #[test]
    fn secret_files_are_known_by_name_and_folder() {
        for path in [
            ".env",
            "a/.env.local",
            "/home/u/.ssh/config",
            "certs/server.pem",
            "id_rsa",
            "config/secrets.yml",
            "~/.aws/credentials",
            "secrets/db",
            "/proc/1/environ",
        ] {
            assert!(is_secret(path), "{path}");
        }
        for path in [
            ".env.example",
            "src/env.rs",
            "src/credentials.rs",
            "docs/secrets.md",
            "src/token.rs",
            "secret_santa.py",
            "keys/map.json",
        ] {
            assert!(!is_secret(path), "{path}");
        }
    }

    #[test]
    fn what_would_run_or_widen_rights_is_guarded() {
        for path in [
            ".git/hooks/pre-commit",
            "sub/.git/config",
            ".claude/settings.json",
            ".claude/settings.local.json",
            ".mcp.json",
        ] {
            assert!(is_guarded(path), "{path}");
        }
        for path in [".gitignore", ".github/workflows/ci.yml", ".claude/commands/a.md"] {
            assert!(!is_guarded(path), "{path}");
        }
    }
}
