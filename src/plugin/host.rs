//! The host: the engine of wasmtime, the loaded plugins, and the watcher of the plugin directory.

use super::{Capability, LoadError, PluginView};
use crate::domain::EventBody;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How a host is set up.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The operator's plugins: every `*.wasm` in it. Made if missing.
    pub directory: PathBuf,
    /// Compiled code by content hash. Made if missing.
    pub cache: PathBuf,
    /// Computing time of one call; waiting for a capability does not count.
    pub call_time: Duration,
    /// Memory of one instance, in bytes.
    pub memory: u64,
    /// What each plugin was granted, by name. Built-in plugins have what they ask for.
    pub grants: BTreeMap<String, Vec<Capability>>,
}

/// The host.
pub struct PluginHost {}

impl PluginHost {
    /// Loads the built-in plugins and those of the directory. A broken file is told in the events, not an error.
    ///
    /// # Errors
    /// When the directories cannot be made or wasmtime cannot be set up.
    pub async fn open(config: HostConfig) -> Result<(Arc<Self>, Vec<EventBody>), LoadError> {
        todo!()
    }

    /// Watches the directory until it is cancelled and tells what was loaded or failed.
    pub async fn watch(self: Arc<Self>, tell: impl Fn(EventBody) + Send + Sync + 'static, cancel: CancellationToken) {
        todo!()
    }

    /// Compiles and checks a component without taking it into use.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn check(&self, component: Vec<u8>) -> Result<PluginView, LoadError> {
        todo!()
    }

    /// Changes what a plugin is granted, from its next call on.
    pub fn grant(&self, plugin: &str, capabilities: Vec<Capability>) {
        todo!()
    }
}
