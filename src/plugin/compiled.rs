//! Compiled code on the disk, by the hash of the component and of the engine that compiled it.
//!
//! Whoever can write such a file can have any code run in this process. So the directory is the owner's alone, and
//! beside every file lies a keyed hash of its name and content, without which it is not used.

use std::{
    collections::HashSet,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};
use wasmtime::{Engine, component::Component};

/// Code that is not in use is kept for so long, in case its plugin comes back.
const OLD: Duration = Duration::from_secs(30 * 24 * 3600);

const KEY_FILE: &str = "key";
const CODE: &str = "cwasm";
const SEAL: &str = "seal";

/// The directory of compiled code.
pub(super) struct CompiledCode {
    directory: PathBuf,
    key: [u8; 32],
}

impl CompiledCode {
    /// Opens the directory, and makes it if it is missing.
    ///
    /// # Errors
    /// When it cannot be made, or is not one's own.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        let key = match read_key(directory) {
            Ok(key) => key,
            Err(_) => make_key(directory)?,
        };
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// The code of a component, if it is there and whole.
    pub(super) fn find(&self, engine: &Engine, hash: &str) -> Option<Component> {
        let name = name(engine, hash);
        let code = self.path(&name, CODE);
        let sealed = fs::read(self.path(&name, SEAL)).ok()?;
        let seal = self.seal(&name, fs::File::open(&code).ok()?).ok()?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(sealed.as_slice(), seal.as_bytes().as_slice())) {
            tracing::warn!(file = %code.display(), "compiled code is damaged and is compiled anew");
            return None;
        }
        deserialize(engine, &code)
            .inspect_err(|error| tracing::debug!(file = %code.display(), "compiled code is not used: {error:#}"))
            .ok()
    }

    /// Keeps the code of a component.
    ///
    /// # Errors
    /// When it cannot be written; whoever compiled it goes on without.
    pub(super) fn keep(&self, hash: &str, component: &Component) -> wasmtime::Result<()> {
        let name = name(component.engine(), hash);
        let code = component.serialize()?;
        let seal = self.seal(&name, code.as_slice())?;
        self.put(&name, SEAL, seal.as_bytes())?;
        self.put(&name, CODE, &code)?;
        Ok(())
    }

    /// Removes old code but that of these components.
    pub(super) fn prune(&self, kept: &HashSet<String>) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_ours = path.extension().is_some_and(|extension| extension == CODE || extension == SEAL);
            let hash = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.split('-').next());
            if is_ours && is_old(&path) && !hash.is_some_and(|hash| kept.contains(hash)) {
                // What cannot be removed now is tried again at the next start.
                drop(fs::remove_file(&path));
            }
        }
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        self.directory.join(format!("{name}.{extension}"))
    }

    fn seal(&self, name: &str, content: impl Read) -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(name.as_bytes());
        hasher.update_reader(content)?;
        Ok(hasher.finalize())
    }

    fn put(&self, name: &str, extension: &str, content: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.directory)?;
        file.write_all(content)?;
        file.persist(self.path(name, extension))?;
        Ok(())
    }
}

fn name(engine: &Engine, hash: &str) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{hash}-{:016x}", hasher.finish())
}

fn is_old(file: &Path) -> bool {
    let age = fs::metadata(file).and_then(|metadata| metadata.modified()).map(|written| written.elapsed());
    matches!(age, Ok(Ok(age)) if age > OLD)
}

fn read_key(directory: &Path) -> io::Result<[u8; 32]> {
    fs::read(directory.join(KEY_FILE))?.try_into().map_err(|_| io::ErrorKind::InvalidData.into())
}

fn make_key(directory: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    file.write_all(&key)?;
    match file.persist_noclobber(directory.join(KEY_FILE)) {
        Ok(_) => Ok(key),
        // Another process was faster, or the file is damaged: then a new key makes all code be compiled anew.
        Err(_) => read_key(directory).or_else(|_| {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(directory.join(KEY_FILE))?;
            file.write_all(&key)?;
            Ok(key)
        }),
    }
}

#[expect(unsafe_code, reason = "wasmtime can load compiled code in no other way")]
fn deserialize(engine: &Engine, file: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the content has to be what `Component::serialize` once made, and must not change while it is mapped. The
    // keyed hash, checked just before, shows the first; the directory is open to its owner only, and this module
    // replaces and removes files there, but never writes into one.
    unsafe { Component::deserialize_file(engine, file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &str = r#"(component (core module (func (export "f"))))"#;

    fn compiled(engine: &Engine) -> Component {
        Component::from_binary(engine, &wat::parse_str(COMPONENT).unwrap()).unwrap()
    }

    #[test]
    fn code_that_was_kept_is_found_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        CompiledCode::open(folder.path()).unwrap().keep("abc", &compiled(&engine)).unwrap();
        let next = CompiledCode::open(folder.path()).unwrap();
        assert!(next.find(&engine, "abc").is_some());
        assert!(next.find(&engine, "abd").is_none());
    }

    #[test]
    fn code_that_was_changed_or_has_another_name_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let code = CompiledCode::open(folder.path()).unwrap();
        code.keep("abc", &compiled(&engine)).unwrap();
        for extension in [CODE, SEAL] {
            fs::copy(code.path(&name(&engine, "abc"), extension), code.path(&name(&engine, "other"), extension))
                .unwrap();
        }
        assert!(code.find(&engine, "other").is_none());
        let file = code.path(&name(&engine, "abc"), CODE);
        let mut content = fs::read(&file).unwrap();
        *content.last_mut().unwrap() ^= 1;
        fs::write(&file, content).unwrap();
        assert!(code.find(&engine, "abc").is_none());
    }

    #[test]
    fn the_directory_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("cache");
        CompiledCode::open(&directory).unwrap();
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(directory.join(KEY_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn old_code_of_plugins_that_are_gone_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let code = CompiledCode::open(folder.path()).unwrap();
        code.keep("abc", &compiled(&engine)).unwrap();
        code.keep("gone", &compiled(&engine)).unwrap();
        code.keep("recent", &compiled(&engine)).unwrap();
        for hash in ["abc", "gone"] {
            let file = fs::File::options().write(true).open(code.path(&name(&engine, hash), CODE)).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        }
        code.prune(&HashSet::from(["abc".to_owned()]));
        assert!(code.find(&engine, "abc").is_some());
        assert!(code.find(&engine, "gone").is_none());
        assert!(code.find(&engine, "recent").is_some());
        assert!(folder.path().join(KEY_FILE).exists());
    }
}
