//! The data directory as the server takes it into use: the lock that keeps a second server out, the token, and
//! `server.json` for clients on the same machine. Also the one place where the wall clock is read.

use super::Failure;
use crate::domain::Timestamp;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::{
    fs::File,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Now, by the wall clock.
#[allow(clippy::disallowed_methods, reason = "this is its one home")]
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// Milliseconds since 1970, by the wall clock.
#[must_use]
pub fn now_millis() -> i64 {
    now().as_millis()
}

/// A data directory that this process alone uses.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // Held for as long as the server runs; the system releases it however the process ends.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if it is missing and takes its lock.
    ///
    /// # Errors
    /// When it cannot be made or another server holds it.
    pub fn take(path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::error(format!("the data directory {} cannot be used: {error}", path.display()))
                .hint("give another with `--data-dir DIR`, or mend its permissions")
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let lock = rustix::fs::open(
            path.join("lock"),
            OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::RUSR | Mode::WUSR,
        )
        .map_err(|error| failed(error.into()))?;
        let lock = File::from(lock);
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            let who = std::fs::read_to_string(path.join("server.json"))
                .ok()
                .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
                .map(|server| format!(" at {} (process {})", server["address"].as_str().unwrap_or("?"), server["pid"]))
                .unwrap_or_default();
            Failure::error(format!("another server{who} uses the data directory {}", path.display()))
                .hint("use that server, stop it, or give another directory with `--data-dir DIR`")
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The token that clients give: the one that was set, else the one in the file, else a new one that is written there.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn token(&self, given: Option<&str>) -> Result<String, Failure> {
        let file = self.path.join("token");
        let failed =
            |error: std::io::Error| Failure::error(format!("the token in {} cannot be kept: {error}", file.display()));
        if let Some(token) = given {
            self.write_private("token", token).map_err(failed)?;
            return Ok(token.to_owned());
        }
        match std::fs::read_to_string(&file) {
            Ok(text) if text.trim().len() >= 16 => return Ok(text.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let token = random_token()?;
        self.write_private("token", &token).map_err(failed)?;
        Ok(token)
    }

    /// Tells clients on this machine where the server is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(&self, address: SocketAddr) -> Result<(), Failure> {
        let text = serde_json::json!({
            "address": format!("http://{address}"),
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        self.write("server.json", &format!("{text}\n"), 0o644).map_err(|error| {
            Failure::error(format!("cannot write {}: {error}", self.path.join("server.json").display()))
        })
    }

    /// Tells them no more.
    pub fn withdraw(&self) {
        // If it is gone already, that is what was wanted.
        std::fs::remove_file(self.path.join("server.json")).ok();
    }

    fn write_private(&self, name: &str, text: &str) -> std::io::Result<()> {
        self.write(name, text, 0o600)
    }

    /// Writes a file whole or not at all.
    fn write(&self, name: &str, text: &str, mode: u32) -> std::io::Result<()> {
        let temporary = self.path.join(format!(".{name}.new"));
        std::fs::remove_file(&temporary).ok();
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, self.path.join(name))
    }
}

/// 256 random bits as text.
fn random_token() -> Result<String, Failure> {
    use base64::Engine as _;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::error(format!("the system has no random numbers: {error}")))?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_second_server_is_kept_out_of_a_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::take(dir.path()).unwrap();
        first.announce("127.0.0.1:8000".parse().unwrap()).unwrap();
        let refusal = format!("{:?}", DataDir::take(dir.path()).unwrap_err());
        assert!(refusal.contains("http://127.0.0.1:8000"), "{refusal}");
        drop(first);
        assert!(DataDir::take(dir.path()).is_ok());
    }

    #[test]
    fn a_token_is_made_once_and_kept_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::take(dir.path()).unwrap();
        let token = data.token(None).unwrap();
        assert_eq!(token.len(), 43);
        assert_eq!(data.token(None).unwrap(), token);
        let mode = std::fs::metadata(dir.path().join("token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
