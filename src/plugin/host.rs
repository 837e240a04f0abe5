//! The host: what is loaded, what it is granted, and the calls of the engine.

use super::{
    CallError, Called, Capability, CriteriaSituation, Criterion, Evaluation, LoadError, PluginId, PluginView, Plugins,
    ProjectFiles, RespondSituation, Response, RunCase, RunOutcome, RunPlan, ShellCommand, Surroundings, TaskView,
    built_in,
    compiled::CompiledCode,
    component::{Keep, Loader, Plugin},
    directory,
    registry::{Registry, Slot},
    sandbox::{Caller, Sandbox},
    statistics::PluginStatistics,
    system,
    world::{Question, criteria, responder, test_runner},
};
use crate::domain::{ChainKind, EventBody};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Components that are compiled at one time.
const COMPILED_AT_ONCE: usize = 4;

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

/// A component that was compiled and checked without being taken into use.
#[derive(Clone, PartialEq, Debug)]
pub struct Inspection {
    /// What it says of itself.
    pub view: PluginView,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
}

impl Inspection {
    fn of(plugin: &Plugin, granted: Vec<Capability>) -> Self {
        let (imports, exports) = (plugin.imports.clone(), plugin.exports.clone());
        Self { view: view_alone(plugin, granted), imports, exports }
    }
}

/// Compiles and checks a component where there is no host, as an author does.
///
/// # Errors
/// Why it cannot be used.
pub async fn inspect(component: Vec<u8>, call_time: Duration, memory: u64) -> Result<Inspection, LoadError> {
    let sandbox = Sandbox::new(call_time, memory).map_err(|error| LoadError::Setup(format!("{error:#}")))?;
    let loader = Loader { sandbox: Arc::new(sandbox), code: None };
    let plugin = loader.load(component.into(), Keep::Forgotten).await?;
    Ok(Inspection::of(&plugin, Vec::new()))
}

/// The host.
pub struct PluginHost {
    directory: PathBuf,
    loader: Loader,
    registry: RwLock<Registry>,
    grants: RwLock<BTreeMap<String, Vec<Capability>>>,
}

impl PluginHost {
    /// Loads the built-in plugins and those of the directory. A broken file is told in the events, not an error.
    ///
    /// # Errors
    /// When the directories cannot be made or wasmtime cannot be set up.
    pub async fn open(config: HostConfig) -> Result<(Arc<Self>, Vec<EventBody>), LoadError> {
        let HostConfig { directory, cache, call_time, memory, grants } = config;
        let private = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        private.map_err(|source| unreadable(&directory, source))?;
        let code = CompiledCode::open(&cache).map_err(|source| unreadable(&cache, source))?;
        let sandbox = Sandbox::new(call_time, memory).map_err(|error| LoadError::Setup(format!("{error:#}")))?;
        let loader = Loader { sandbox: Arc::new(sandbox), code: Some(Arc::new(code)) };
        let host = Self { directory, loader, registry: RwLock::default(), grants: RwLock::new(grants) };
        let host = Arc::new(host);
        let mut events = host.load_built_in().await;
        events.extend(host.load_directory().await?);
        if let Some(code) = &host.loader.code {
            code.prune(&host.registry().hashes());
        }
        system::give_back_memory();
        Ok((host, events))
    }

    /// Watches the directory until it is cancelled and tells what was loaded or failed.
    pub async fn watch(self: Arc<Self>, tell: impl Fn(EventBody) + Send + Sync + 'static, cancel: CancellationToken) {
        directory::Watch::new(self).run(tell, cancel).await;
    }

    /// Compiles and checks a component without taking it into use.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn check(&self, component: Vec<u8>) -> Result<PluginView, LoadError> {
        Ok(self.inspect(component).await?.view)
    }

    /// Compiles and checks a component without taking it into use, and tells what it imports and exports as well.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn inspect(&self, component: Vec<u8>) -> Result<Inspection, LoadError> {
        let plugin = self.loader.load(component.into(), Keep::Forgotten).await?;
        system::give_back_memory();
        let granted = self.granted(&plugin, false);
        Ok(Inspection::of(&plugin, granted))
    }

    /// Changes what a plugin is granted, from its next call on.
    pub fn grant(&self, plugin: &str, capabilities: Vec<Capability>) {
        self.grants.write().unwrap_or_else(PoisonError::into_inner).insert(plugin.to_owned(), capabilities);
    }

    /// Checks settings against the schema of a plugin.
    ///
    /// # Errors
    /// Every fault, or that no such plugin is loaded.
    pub fn check_settings(&self, kind: ChainKind, name: &str, settings: &Value) -> Result<(), Vec<String>> {
        let plugin = self.registry().find(kind, name).map(|slot| slot.plugin.clone());
        match plugin {
            Some(plugin) => plugin.check_settings(settings),
            None => Err(vec![CallError::NotLoaded { kind: kind.as_str(), name: name.into() }.to_string()]),
        }
    }

    /// How the calls of a plugin went since the server started.
    pub fn statistics(&self, kind: ChainKind, name: &str) -> Option<PluginStatistics> {
        self.registry().find(kind, name).map(|slot| slot.statistics.view())
    }

    /// The files of the directory that could not be loaded, with the reason.
    pub fn broken(&self) -> Vec<(PathBuf, String)> {
        self.registry().broken().map(|(file, error)| (file.to_owned(), error.to_owned())).collect()
    }

    /// Checks a component, writes it into the directory and puts it in charge.
    ///
    /// # Errors
    /// Why it cannot be used; the directory is as it was then.
    pub async fn install(&self, component: Vec<u8>) -> Result<(PluginView, Option<EventBody>), LoadError> {
        let component = Bytes::from(component);
        let plugin = self.loader.load(component.clone(), Keep::Kept).await?;
        system::give_back_memory();
        let (kind, name) = (plugin.chain(), plugin.id.name.clone());
        let file = self.file_for(kind, &name)?;
        directory::write(&file, &component).map_err(|source| unreadable(&file, source))?;
        let event = self.registry_mut().take_over(Some(&file), plugin)?;
        let registry = self.registry();
        let slot = registry.find(kind, &name).ok_or_else(|| LoadError::Unfit("it was removed meanwhile".into()))?;
        Ok((self.view(slot), event))
    }

    /// Removes a plugin's file and takes it out of charge. Tells whether there was one; what came with the server stays.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove(&self, kind: ChainKind, name: &str) -> Result<bool, LoadError> {
        let file = self.registry().find(kind, name).and_then(|slot| slot.file.clone());
        let Some(file) = file else { return Ok(false) };
        match std::fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(unreadable(&file, source)),
            _ => {}
        }
        Ok(self.registry_mut().unload(&file).is_some())
    }

    /// The operator's plugins.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Loads what a file holds, if that is not known yet. Nothing is noted when it fails.
    pub(super) async fn load_file(&self, file: &Path, content: Bytes) -> Result<Option<EventBody>, LoadError> {
        let plugin = self.loader.load(content, Keep::Kept).await?;
        system::give_back_memory();
        self.registry_mut().take_over(Some(file), plugin)
    }

    pub(super) fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn registry_mut(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load_built_in(&self) -> Vec<EventBody> {
        let components = stream::iter(built_in::components());
        let loaded = components.map(|(file, bytes)| async move { (file, self.loader.load(bytes, Keep::Kept).await) });
        let loaded: Vec<_> = loaded.buffered(COMPILED_AT_ONCE).collect().await;
        let mut registry = self.registry_mut();
        let events = loaded.into_iter().filter_map(|(name, plugin)| {
            let event = plugin.and_then(|plugin| registry.take_over(None, plugin));
            event.unwrap_or_else(|error| Some(EventBody::PluginFailed { name, error: error.to_string(), kept: None }))
        });
        events.collect()
    }

    async fn load_directory(&self) -> Result<Vec<EventBody>, LoadError> {
        let files = directory::components(&self.directory).map_err(|source| unreadable(&self.directory, source))?;
        let loaded = stream::iter(files).map(|file| async move {
            let content = directory::read(&file).await;
            let hash = content.as_ref().map(|content| blake3::hash(content).to_hex().to_string()).unwrap_or_default();
            let plugin = match content {
                Ok(content) => self.loader.load(content, Keep::Kept).await,
                Err(error) => Err(error),
            };
            (file, hash, plugin)
        });
        let loaded: Vec<_> = loaded.buffered(COMPILED_AT_ONCE).collect().await;
        let mut registry = self.registry_mut();
        let events = loaded.into_iter().filter_map(|(file, hash, plugin)| {
            let event = plugin.and_then(|plugin| registry.take_over(Some(&file), plugin));
            event.unwrap_or_else(|error| Some(registry.refuse(&file, hash, &error)))
        });
        Ok(events.collect())
    }

    /// The file of a plugin that is installed: that of the one which it replaces, or one named after it.
    fn file_for(&self, kind: ChainKind, name: &str) -> Result<PathBuf, LoadError> {
        let file = match self.registry().find(kind, name) {
            Some(Slot { file: None, .. }) => {
                return Err(LoadError::NameTaken { name: name.into(), other: "a built-in plugin".into() });
            }
            Some(Slot { file: Some(file), .. }) => file.clone(),
            None => self.directory.join(format!("{}-{name}.wasm", kind.as_str())),
        };
        Ok(file)
    }

    fn granted(&self, plugin: &Plugin, built_in: bool) -> Vec<Capability> {
        if built_in || plugin.wants.is_empty() {
            return plugin.wants.clone();
        }
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        let granted = grants.get(&plugin.id.name).map_or(&[][..], Vec::as_slice);
        plugin.wants.iter().copied().filter(|wanted| granted.contains(wanted)).collect()
    }

    fn view(&self, slot: &Slot) -> PluginView {
        let built_in = slot.file.is_none();
        PluginView {
            built_in,
            file: slot.file.as_ref().map(|file| file.display().to_string()),
            problem: slot.problem.clone(),
            ..view_alone(&slot.plugin, self.granted(&slot.plugin, built_in))
        }
    }

    async fn call<Q: Question>(
        &self,
        kind: ChainKind,
        name: &str,
        question: Q,
        around: Arc<dyn Surroundings>,
    ) -> Called<Q::Answer> {
        let found = self.registry().find(kind, name).map(|slot| {
            (slot.plugin.clone(), slot.statistics.clone(), self.granted(&slot.plugin, slot.file.is_none()))
        });
        let Some((plugin, statistics, granted)) = found else {
            let nobody = PluginId { name: name.into(), version: String::new(), hash: String::new() };
            let error = CallError::NotLoaded { kind: kind.as_str(), name: name.into() };
            return Called { plugin: nobody, result: Err(error), duration: Duration::ZERO };
        };
        let caller = Caller { plugin: plugin.id.name.clone(), granted, around };
        let ran = self.loader.sandbox.run(&plugin.room, &plugin.functions, &question, caller).await;
        statistics.count(ran.duration, ran.result.as_ref().err());
        Called { plugin: plugin.id.clone(), result: ran.result, duration: ran.duration }
    }
}

/// A plugin as it is seen apart from its file.
fn view_alone(plugin: &Plugin, granted: Vec<Capability>) -> PluginView {
    PluginView {
        id: plugin.id.clone(),
        chain: plugin.chain(),
        summary: plugin.summary.clone(),
        settings_schema: plugin.settings_schema.clone(),
        wants: plugin.wants.clone(),
        granted,
        built_in: false,
        file: None,
        size_bytes: plugin.size,
        problem: None,
    }
}

fn unreadable(file: &Path, source: std::io::Error) -> LoadError {
    LoadError::Unreadable { file: file.display().to_string(), source }
}

#[async_trait]
impl Plugins for PluginHost {
    fn list(&self) -> Vec<PluginView> {
        self.registry().slots().map(|slot| self.view(slot)).collect()
    }

    fn find(&self, chain: ChainKind, name: &str) -> Option<PluginId> {
        self.registry().find(chain, name).map(|slot| slot.plugin.id.clone())
    }

    async fn respond(
        &self,
        name: &str,
        situation: &RespondSituation,
        around: Arc<dyn Surroundings>,
    ) -> Called<Response> {
        self.call(ChainKind::Responder, name, responder::Respond(situation), around).await
    }

    async fn extract(&self, name: &str, task: &TaskView, around: Arc<dyn Surroundings>) -> Called<Vec<Criterion>> {
        self.call(ChainKind::Criteria, name, criteria::Extract(task), around).await
    }

    async fn criteria_commands(
        &self,
        name: &str,
        task: &TaskView,
        around: Arc<dyn Surroundings>,
    ) -> Called<Vec<ShellCommand>> {
        self.call(ChainKind::Criteria, name, criteria::Commands(task), around).await
    }

    async fn evaluate(
        &self,
        name: &str,
        situation: &CriteriaSituation,
        around: Arc<dyn Surroundings>,
    ) -> Called<Evaluation> {
        self.call(ChainKind::Criteria, name, criteria::Evaluate(situation), around).await
    }

    async fn wants(&self, name: &str, around: Arc<dyn Surroundings>) -> Called<Vec<String>> {
        self.call(ChainKind::TestRunner, name, test_runner::Wants, around).await
    }

    async fn detect(
        &self,
        name: &str,
        project: &ProjectFiles,
        around: Arc<dyn Surroundings>,
    ) -> Called<Option<RunPlan>> {
        self.call(ChainKind::TestRunner, name, test_runner::Detect(project), around).await
    }

    async fn interpret(
        &self,
        name: &str,
        outcomes: &[RunOutcome],
        around: Arc<dyn Surroundings>,
    ) -> Called<Vec<RunCase>> {
        self.call(ChainKind::TestRunner, name, test_runner::Interpret(outcomes), around).await
    }
}
