//! Reading files below a folder without ever leaving it, by `..`, by a symbolic link, or by a race.
//!
//! The kernel resolves each path beneath the folder (`openat2`), so that nothing that is swapped in between leads out.

use crate::plugin::{DirEntry, EntryKind};
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags},
    io::Errno,
};
use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

/// Why a path was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// There is no such file.
    #[error("not found")]
    NotFound,
    /// It leads outside.
    #[error("`{0}` leads outside the worktree")]
    Outside(String),
    /// A folder where a file is wanted, or the other way round.
    #[error("{0}")]
    NotThatKind(String),
    /// It could not be read.
    #[error("it could not be read: {0}")]
    Io(#[from] std::io::Error),
}

/// A folder below which is read.
#[derive(Debug)]
pub(crate) struct Beneath {
    root: OwnedFd,
    folder: PathBuf,
}

/// The path in plain parts: none that climbs, no root.
pub(crate) fn clean(path: &str) -> Result<PathBuf, ReadError> {
    let outside = || ReadError::Outside(path.to_owned());
    if path.contains('\0') {
        return Err(outside());
    }
    let mut clean = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(outside()),
        }
    }
    Ok(clean)
}

impl Beneath {
    /// Opens the folder; the path to it is trusted.
    pub(crate) fn open(folder: &Path) -> Result<Self, ReadError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(folder, flags, Mode::empty()).map_err(|errno| of_errno(errno, "."))?;
        Ok(Self { root, folder: folder.to_owned() })
    }

    /// The entries of a folder, sorted by name, at most `limit`.
    pub(crate) fn list(&self, path: &str, limit: usize) -> Result<Vec<DirEntry>, ReadError> {
        let folder = self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder).map_err(std::io::Error::from)? {
            let entry = entry.map_err(std::io::Error::from)?;
            let name = entry.file_name().to_bytes();
            // A name that is no UTF-8 could not be asked for.
            if let Ok(name) = std::str::from_utf8(name)
                && !matches!(name, "." | "..")
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        names.truncate(limit);
        Ok(names.into_iter().filter_map(|name| entry_of(&folder, name)).collect())
    }

    /// Bytes of a regular file; fewer where it ends.
    pub(crate) fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, ReadError> {
        let mut file = self.file(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A regular file.
    pub(crate) fn file(&self, path: &str) -> Result<File, ReadError> {
        // Without blocking: the other end of a named pipe may never come.
        let file = File::from(self.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK)?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(ReadError::NotThatKind(format!("`{path}` is no regular file")))
        }
    }

    fn resolve(&self, path: &str, flags: OFlags) -> Result<OwnedFd, ReadError> {
        let clean = clean(path)?;
        let clean = if clean.as_os_str().is_empty() { Path::new(".") } else { &clean };
        let flags = flags | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.root, clean, flags, Mode::empty(), resolve) {
            // An old kernel, or a sandbox that knows no `openat2`.
            Err(Errno::NOSYS | Errno::PERM) => self.resolve_by_path(path, clean, flags),
            other => other.map_err(|errno| of_errno(errno, path)),
        }
    }

    /// Without the kernel's help: resolved first, opened without following a last link.
    fn resolve_by_path(&self, path: &str, clean: &Path, flags: OFlags) -> Result<OwnedFd, ReadError> {
        let of_io = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => ReadError::NotFound,
            _ => ReadError::Io(error),
        };
        let real = self.folder.join(clean).canonicalize().map_err(of_io)?;
        let folder = self.folder.canonicalize().map_err(of_io)?;
        if !real.starts_with(folder) {
            return Err(ReadError::Outside(path.to_owned()));
        }
        rustix::fs::open(&real, flags | OFlags::NOFOLLOW, Mode::empty()).map_err(|errno| of_errno(errno, path))
    }
}

fn entry_of(folder: &OwnedFd, name: String) -> Option<DirEntry> {
    // What is gone meanwhile is left out.
    let stat = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let (kind, size) = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => (EntryKind::File, u64::try_from(stat.st_size).unwrap_or(0)),
        FileType::Directory => (EntryKind::Directory, 0),
        _ => (EntryKind::Other, 0),
    };
    Some(DirEntry { name, kind, size })
}

fn of_errno(errno: Errno, path: &str) -> ReadError {
    match errno {
        Errno::NOENT => ReadError::NotFound,
        Errno::XDEV | Errno::LOOP => ReadError::Outside(path.to_owned()),
        Errno::NOTDIR => ReadError::NotThatKind(format!("`{path}` is no folder")),
        Errno::NXIO => ReadError::NotThatKind(format!("`{path}` is no regular file")),
        other => ReadError::Io(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testbed::write;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("work");
        write(&outer.path().join("secret"), "outside");
        write(&inner.join("src/main.rs"), "fn main() {}");
        write(&inner.join("README.md"), "# Hello");
        (outer, inner)
    }

    #[test]
    fn files_and_folders_below_are_read() {
        let (_outer, inner) = folder();
        let beneath = Beneath::open(&inner).unwrap();
        assert_eq!(beneath.read("src/main.rs", 3, 4).unwrap(), b"main");
        assert_eq!(beneath.read("./src/main.rs", 100, 4).unwrap(), b"");
        let names: Vec<_> = beneath.list("", 10).unwrap().into_iter().map(|entry| (entry.name, entry.size)).collect();
        assert_eq!(names, [("README.md".to_owned(), 7), ("src".to_owned(), 0)]);
        assert!(matches!(beneath.read("none", 0, 1), Err(ReadError::NotFound)));
        assert!(matches!(beneath.read("src", 0, 1), Err(ReadError::NotThatKind(_))));
        assert!(matches!(beneath.list("README.md", 1), Err(ReadError::NotThatKind(_))));
    }

    #[test]
    fn no_path_leads_out() {
        let (outer, inner) = folder();
        let secret = outer.path().join("secret");
        std::os::unix::fs::symlink(&secret, inner.join("absolute")).unwrap();
        std::os::unix::fs::symlink("../secret", inner.join("relative")).unwrap();
        std::os::unix::fs::symlink("..", inner.join("up")).unwrap();
        std::os::unix::fs::symlink("/proc/self/root", inner.join("magic")).unwrap();
        std::os::unix::fs::symlink("loop", inner.join("loop")).unwrap();
        let beneath = Beneath::open(&inner).unwrap();
        for path in [
            "../secret",
            "src/../../secret",
            "/etc/passwd",
            "absolute",
            "relative",
            "up/secret",
            "magic/etc/passwd",
            "loop",
            "a\0b",
        ] {
            assert!(matches!(beneath.read(path, 0, 100), Err(ReadError::Outside(_))), "{path:?}");
        }
        assert!(matches!(beneath.list("up", 10), Err(ReadError::Outside(_))));
        assert!(matches!(beneath.list("..", 10), Err(ReadError::Outside(_))));
    }

    #[test]
    fn the_way_without_the_kernels_help_leads_out_neither() {
        let (outer, inner) = folder();
        std::os::unix::fs::symlink(outer.path().join("secret"), inner.join("link")).unwrap();
        std::os::unix::fs::symlink("README.md", inner.join("inside")).unwrap();
        let beneath = Beneath::open(&inner).unwrap();
        let by_path = |path: &str| beneath.resolve_by_path(path, Path::new(path), OFlags::RDONLY);
        assert!(matches!(by_path("link"), Err(ReadError::Outside(_))));
        assert!(matches!(by_path("none"), Err(ReadError::NotFound)));
        assert!(by_path("inside").is_ok());
    }

    #[test]
    fn a_link_that_stays_inside_is_followed() {
        let (_outer, inner) = folder();
        std::os::unix::fs::symlink("src/main.rs", inner.join("link")).unwrap();
        assert_eq!(Beneath::open(&inner).unwrap().read("link", 0, 2).unwrap(), b"fn");
    }

    #[test]
    fn a_named_pipe_is_refused_and_does_not_block() {
        let (_outer, inner) = folder();
        rustix::fs::mknodat(rustix::fs::CWD, inner.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .unwrap();
        let refused = Beneath::open(&inner).unwrap().read("pipe", 0, 1);
        assert!(matches!(refused, Err(ReadError::NotThatKind(_))));
    }
}
