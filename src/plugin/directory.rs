//! The directory of the operator's plugins: what lies in it, and what happens when that changes.
//!
//! A file may be seen half-written. So a new content is taken into use when it compiles and checks, and refused aloud
//! only when it has stayed the same for a while.

use super::{LoadError, PluginHost, limits};
use crate::domain::EventBody;
use bytes::Bytes;
use notify::{RecursiveMode, Watcher};
use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
    mem,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long a content that cannot be loaded has to stay the same before that is told.
const SETTLED: Duration = Duration::from_millis(300);
/// Changes that follow one another so quickly are looked at together.
const TOGETHER: Duration = Duration::from_millis(20);
/// How often the directory is looked at without being told, since some file systems tell nothing.
const LOOK: Duration = Duration::from_secs(2);
/// More paths than these are not remembered one by one.
const CHANGED_PATHS: usize = 1_000;

/// The components in a directory, sorted by name.
pub(super) fn components(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "wasm") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The content of a component's file.
///
/// # Errors
/// When it cannot be read or is too large.
pub(super) async fn read(file: &Path) -> Result<Bytes, LoadError> {
    let unreadable = |source| LoadError::Unreadable { file: file.display().to_string(), source };
    let size = tokio::fs::metadata(file).await.map_err(unreadable)?.len();
    if size > limits::COMPONENT_BYTES {
        return Err(LoadError::TooLarge { size, limit: limits::COMPONENT_BYTES });
    }
    Ok(tokio::fs::read(file).await.map_err(unreadable)?.into())
}

/// Writes a component so that nobody sees half of it.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}

/// What tells whether a file needs to be read again.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    modified: (i64, i64),
    inode: u64,
    size: u64,
}

impl Look {
    fn at(file: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(file).ok()?;
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Some(Self { modified, inode: metadata.ino(), size: metadata.len() })
    }
}

/// A content that could not be loaded, and since when it lies there.
struct Doubtful {
    hash: String,
    since: Instant,
}

/// Paths of which the system told that they changed.
#[derive(Default)]
struct Changed {
    paths: Mutex<HashSet<PathBuf>>,
    signal: Notify,
}

impl Changed {
    fn note(&self, event: notify::Result<notify::Event>) {
        let Ok(event) = event else { return self.signal.notify_one() };
        if matches!(event.kind, notify::EventKind::Access(_)) {
            return;
        }
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.len() < CHANGED_PATHS {
            paths.extend(event.paths);
        }
        drop(paths);
        self.signal.notify_one();
    }

    fn take(&self) -> HashSet<PathBuf> {
        mem::take(&mut *self.paths.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Follows the directory.
pub(super) struct Watch {
    host: Arc<PluginHost>,
    looks: HashMap<PathBuf, Look>,
    doubtful: HashMap<PathBuf, Doubtful>,
}

impl Watch {
    pub(super) fn new(host: Arc<PluginHost>) -> Self {
        Self { host, looks: HashMap::new(), doubtful: HashMap::new() }
    }

    /// Follows the directory until it is cancelled.
    pub(super) async fn run(mut self, tell: impl Fn(EventBody) + Send + Sync, cancel: CancellationToken) {
        let changed = Arc::new(Changed::default());
        // Held as long as this runs: dropping it ends the watch.
        let _watcher = self.watcher(&changed);
        loop {
            for event in self.look(changed.take()).await {
                tell(event);
            }
            let wait = if self.doubtful.is_empty() { LOOK } else { SETTLED };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = changed.signal.notified() => tokio::time::sleep(TOGETHER).await,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn watcher(&self, changed: &Arc<Changed>) -> Option<notify::RecommendedWatcher> {
        let told = changed.clone();
        let watcher = notify::recommended_watcher(move |event| told.note(event)).and_then(|mut watcher| {
            watcher.watch(self.host.directory(), RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        watcher.inspect_err(|error| tracing::warn!("plugins are looked for every {LOOK:?} only: {error}")).ok()
    }

    /// Looks at the directory once and answers what is to be told.
    async fn look(&mut self, changed: HashSet<PathBuf>) -> Vec<EventBody> {
        let files = match components(self.host.directory()) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                tracing::warn!(directory = %self.host.directory().display(), "cannot read the plugin directory: {error}");
                return Vec::new();
            }
        };
        let mut events = Vec::new();
        for file in &files {
            events.extend(self.look_at(file, changed.contains(file)).await);
        }
        let known = self.host.registry().files();
        for gone in known.iter().filter(|file| !files.contains(file)) {
            self.forget(gone);
        }
        self.looks.retain(|file, _| files.contains(file));
        self.doubtful.retain(|file, _| files.contains(file));
        events
    }

    fn forget(&self, file: &Path) {
        if let Some(name) = self.host.registry_mut().unload(file) {
            tracing::info!(plugin = name, file = %file.display(), "a plugin's file is gone and it is unloaded");
        }
    }

    async fn look_at(&mut self, file: &Path, changed: bool) -> Option<EventBody> {
        let look = Look::at(file)?;
        let is_known = self.host.registry().known_hash(file).is_some();
        let looks_the_same = self.looks.insert(file.to_owned(), look) == Some(look);
        if looks_the_same && is_known && !changed && !self.doubtful.contains_key(file) {
            return None;
        }
        let content = match read(file).await {
            Ok(content) => content,
            Err(error) => return self.doubt(file, format!("{look_size}", look_size = look.size), &error),
        };
        let hash = blake3::hash(&content).to_hex().to_string();
        if self.host.registry().known_hash(file) == Some(hash.as_str()) {
            self.doubtful.remove(file);
            return None;
        }
        if self.host.registry().of_file(file).is_some_and(|slot| slot.plugin.id.hash == hash) {
            self.host.registry_mut().settle(file);
            self.doubtful.remove(file);
            return None;
        }
        match self.host.load_file(file, content).await {
            Ok(event) => {
                self.doubtful.remove(file);
                event
            }
            Err(error) => self.doubt(file, hash, &error),
        }
    }

    /// What is told of a content that cannot be loaded: nothing, until it has stayed the same for a while.
    fn doubt(&mut self, file: &Path, hash: String, error: &LoadError) -> Option<EventBody> {
        let doubtful = self
            .doubtful
            .entry(file.to_owned())
            .or_insert_with(|| Doubtful { hash: hash.clone(), since: Instant::now() });
        if doubtful.hash != hash {
            *doubtful = Doubtful { hash, since: Instant::now() };
            return None;
        }
        if doubtful.since.elapsed() < SETTLED {
            return None;
        }
        self.doubtful.remove(file);
        let is_known = self.host.registry().known_hash(file) == Some(hash.as_str());
        (!is_known).then(|| self.host.registry_mut().refuse(file, hash, error))
    }
}
