//! Which plugins are in charge: by kind and name, and by the file that they came from. Plain rules without I/O.

use super::{LoadError, component::Plugin, statistics::Statistics};
use crate::domain::{ChainKind, EventBody};
use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

const KINDS: [ChainKind; 3] = [ChainKind::Criteria, ChainKind::Responder, ChainKind::TestRunner];

/// A plugin in charge.
pub(super) struct Slot {
    /// The plugin. A call holds it until it ends, also when it is replaced meanwhile.
    pub(super) plugin: Arc<Plugin>,
    /// Its file; none for one that came with the server.
    pub(super) file: Option<PathBuf>,
    /// Why its newest file is not in charge.
    pub(super) problem: Option<String>,
    /// How its calls went.
    pub(super) statistics: Arc<Statistics>,
}

/// A file that could not be loaded.
struct Broken {
    hash: String,
    error: String,
    waits_for_name: bool,
}

/// All plugins in charge, and the files that could not be loaded.
#[derive(Default)]
pub(super) struct Registry {
    slots: [BTreeMap<String, Slot>; 3],
    broken: BTreeMap<PathBuf, Broken>,
}

fn index(kind: ChainKind) -> usize {
    match kind {
        ChainKind::Criteria => 0,
        ChainKind::Responder => 1,
        ChainKind::TestRunner => 2,
    }
}

impl Registry {
    /// The plugin that a chain names.
    pub(super) fn find(&self, kind: ChainKind, name: &str) -> Option<&Slot> {
        self.slots[index(kind)].get(name)
    }

    /// Everything in charge, by kind and name.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        KINDS.iter().flat_map(|kind| self.slots[index(*kind)].values())
    }

    /// The hashes of all that is in charge.
    pub(super) fn hashes(&self) -> HashSet<String> {
        self.slots().map(|slot| slot.plugin.id.hash.clone()).collect()
    }

    /// The files that could not be loaded, with the reason.
    pub(super) fn broken(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.broken.iter().map(|(file, broken)| (file.as_path(), broken.error.as_str()))
    }

    /// The hash of what a file held when it was last loaded or refused.
    pub(super) fn known_hash(&self, file: &Path) -> Option<&str> {
        match self.broken.get(file) {
            Some(broken) => Some(&broken.hash),
            None => self.of_file(file).map(|slot| slot.plugin.id.hash.as_str()),
        }
    }

    /// All files that are known.
    pub(super) fn files(&self) -> HashSet<PathBuf> {
        self.slots().filter_map(|slot| slot.file.clone()).chain(self.broken.keys().cloned()).collect()
    }

    /// Puts a plugin in charge and tells so; nothing is told when the same was in charge already.
    ///
    /// # Errors
    /// When its name belongs to another.
    pub(super) fn take_over(&mut self, file: Option<&Path>, plugin: Plugin) -> Result<Option<EventBody>, LoadError> {
        let kind = plugin.chain();
        let name = plugin.id.name.clone();
        if let Some(slot) = self.find(kind, &name)
            && slot.file.as_deref() != file
        {
            let other = slot.file.as_ref().map_or("a built-in plugin".into(), |file| file.display().to_string());
            return Err(LoadError::NameTaken { name, other });
        }
        if let Some(file) = file {
            self.broken.remove(file);
            self.release(file, Some((kind, &name)));
        }
        let slots = &mut self.slots[index(kind)];
        let before = slots.remove(&name);
        let replaces = before.as_ref().map(|slot| slot.plugin.id.hash.clone());
        let statistics = before.map_or_else(Arc::default, |slot| slot.statistics);
        let (version, hash) = (plugin.id.version.clone(), plugin.id.hash.clone());
        let slot = Slot { plugin: Arc::new(plugin), file: file.map(Path::to_owned), problem: None, statistics };
        slots.insert(name.clone(), slot);
        let is_the_same = replaces.as_ref() == Some(&hash);
        Ok((!is_the_same).then_some(EventBody::PluginLoaded { name, version, chain: kind, hash, replaces }))
    }

    /// Notes that a file could not be loaded. What it held before stays in charge.
    pub(super) fn refuse(&mut self, file: &Path, hash: String, error: &LoadError) -> EventBody {
        let waits_for_name = matches!(error, LoadError::NameTaken { .. });
        let error = error.to_string();
        self.broken.insert(file.to_owned(), Broken { hash, error: error.clone(), waits_for_name });
        let slot = self.slots.iter_mut().flat_map(BTreeMap::values_mut).find(|slot| slot.file.as_deref() == Some(file));
        let stem = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let kept = slot.map(|slot| {
            slot.problem = Some(error.clone());
            (slot.plugin.id.name.clone(), slot.plugin.id.hash.clone())
        });
        let (name, kept) = kept.map_or((stem, None), |(name, hash)| (name, Some(hash)));
        EventBody::PluginFailed { name, error, kept }
    }

    /// The file holds again what is in charge.
    pub(super) fn settle(&mut self, file: &Path) {
        self.broken.remove(file);
        let slots = self.slots.iter_mut().flat_map(BTreeMap::values_mut);
        slots.filter(|slot| slot.file.as_deref() == Some(file)).for_each(|slot| slot.problem = None);
    }

    /// Forgets a file and the plugin that came from it, and tells that plugin's name.
    pub(super) fn unload(&mut self, file: &Path) -> Option<String> {
        self.broken.remove(file);
        self.release(file, None)
    }

    /// The plugin in charge that came from a file.
    pub(super) fn of_file(&self, file: &Path) -> Option<&Slot> {
        self.slots().find(|slot| slot.file.as_deref() == Some(file))
    }

    /// Takes what came from a file out of charge, unless it has this kind and name. A file that was refused because of
    /// a name may have it now, so those are forgotten and looked at anew.
    fn release(&mut self, file: &Path, but: Option<(ChainKind, &str)>) -> Option<String> {
        let slot = self.of_file(file)?;
        let (kind, name) = (slot.plugin.chain(), slot.plugin.id.name.clone());
        if but == Some((kind, name.as_str())) {
            return None;
        }
        self.slots[index(kind)].remove(&name);
        self.broken.retain(|_, broken| !broken.waits_for_name);
        Some(name)
    }
}
