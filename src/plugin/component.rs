//! From the bytes of a component to a plugin that can be called: compiled or taken from the disk, its imports and exports
//! checked, and its own description read and checked.

use super::{
    CallError, Capability, CapabilityError, Change, DirEntry, LoadError, ModelAnswer, PluginId, Surroundings,
    bindings::{
        criteria::CriteriaPre,
        interface::types::{Capability as Asked, Description},
        responder::ResponderPre,
        test_runner::TestRunnerPre,
    },
    compiled::CompiledCode,
    limits,
    sandbox::{Call, Caller, Room, Sandbox},
    world,
};
use crate::domain::ChainKind;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use wasmtime::component::{Component, InstancePre};

const PACKAGE: &str = "taskwright:plugin/";
/// The imports that a plugin may have.
const INTERFACES: [&str; 6] = ["types", "log", "settings", "state", "workspace", "model"];
/// The first bytes of a component, and of a core module.
const COMPONENT_MAGIC: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
const MODULE_MAGIC: [u8; 8] = [0, b'a', b's', b'm', 1, 0, 0, 0];

/// Characters of a plugin's name.
const NAME_CHARS: usize = 64;
/// Characters of a summary.
const SUMMARY_CHARS: usize = 1_000;

/// A plugin that can be called.
pub(super) struct Plugin {
    /// Which.
    pub(super) id: PluginId,
    /// What it does.
    pub(super) summary: String,
    /// A JSON schema of its settings.
    pub(super) settings_schema: Option<Value>,
    settings: Option<jsonschema::Validator>,
    /// What it asks for.
    pub(super) wants: Vec<Capability>,
    /// Bytes of the component.
    pub(super) size: u64,
    /// The interfaces that it imports.
    pub(super) imports: Vec<String>,
    /// The interfaces that it exports.
    pub(super) exports: Vec<String>,
    /// Where it runs.
    pub(super) room: Arc<Room>,
    /// Its functions.
    pub(super) functions: Functions,
}

/// The functions of a plugin, by what it decides.
#[derive(Clone)]
pub(super) enum Functions {
    Responder(ResponderPre<Call>),
    Criteria(CriteriaPre<Call>),
    TestRunner(TestRunnerPre<Call>),
}

impl Plugin {
    /// What it decides.
    pub(super) fn chain(&self) -> ChainKind {
        self.functions.chain()
    }

    /// What is wrong with settings for it, one text for each fault.
    pub(super) fn check_settings(&self, settings: &Value) -> Result<(), Vec<String>> {
        let faults: Vec<String> = match &self.settings {
            None if settings.as_object().is_some_and(serde_json::Map::is_empty) => Vec::new(),
            None => vec![format!("`{}` has no settings", self.id.name)],
            Some(_) if !settings.is_object() => vec!["settings are one JSON object".into()],
            Some(schema) => schema.iter_errors(settings).take(20).map(|error| fault(&error)).collect(),
        };
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

fn fault(error: &jsonschema::ValidationError<'_>) -> String {
    match error.instance_path().to_string() {
        path if path.is_empty() => error.to_string(),
        path => format!("{path}: {error}"),
    }
}

impl Functions {
    fn chain(&self) -> ChainKind {
        match self {
            Self::Responder(_) => ChainKind::Responder,
            Self::Criteria(_) => ChainKind::Criteria,
            Self::TestRunner(_) => ChainKind::TestRunner,
        }
    }

    fn new(kind: ChainKind, pre: InstancePre<Call>) -> wasmtime::Result<Self> {
        Ok(match kind {
            ChainKind::Responder => Self::Responder(ResponderPre::new(pre)?),
            ChainKind::Criteria => Self::Criteria(CriteriaPre::new(pre)?),
            ChainKind::TestRunner => Self::TestRunner(TestRunnerPre::new(pre)?),
        })
    }
}

/// Makes plugins of components.
#[derive(Clone)]
pub(super) struct Loader {
    /// Where they run.
    pub(super) sandbox: Arc<Sandbox>,
    /// Where their compiled code is kept, if it is.
    pub(super) code: Option<Arc<CompiledCode>>,
}

/// Whether compiled code is kept on the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// It is.
    Kept,
    /// It is not.
    Forgotten,
}

impl Loader {
    /// Compiles and checks a component.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) async fn load(&self, bytes: Bytes, keep: Keep) -> Result<Plugin, LoadError> {
        let loader = self.clone();
        let prepared = tokio::task::spawn_blocking(move || loader.prepare(&bytes, keep)).await;
        let prepared =
            prepared.unwrap_or_else(|ended| Err(LoadError::NotAComponent(format!("compiling it {ended}"))))?;
        let description =
            self.describe(&prepared).await.map_err(|error| LoadError::BadDescription(error.to_string()))?;
        prepared.into_plugin(description).map_err(LoadError::BadDescription)
    }

    fn prepare(&self, bytes: &[u8], keep: Keep) -> Result<Prepared, LoadError> {
        let size = bytes.len() as u64;
        if size > limits::COMPONENT_BYTES {
            return Err(LoadError::TooLarge { size, limit: limits::COMPONENT_BYTES });
        }
        check_magic(bytes)?;
        let hash = blake3::hash(bytes).to_hex().to_string();
        let (room, component) = self.compile(bytes, &hash, keep)?;
        let ty = component.component_type();
        let imports: Vec<_> = ty.imports(&room.engine).map(|(name, _)| name.to_owned()).collect();
        let exports: Vec<_> = ty.exports(&room.engine).map(|(name, _)| name.to_owned()).collect();
        check_imports(&imports)?;
        let kind = kind_of(&exports)?;
        let pre = room.linker.instantiate_pre(&component).map_err(|error| LoadError::Unfit(format!("{error:#}")))?;
        let functions = Functions::new(kind, pre).map_err(|error| LoadError::Unfit(format!("{error:#}")))?;
        Ok(Prepared { hash, size, imports, exports, room, functions })
    }

    /// The component in the room where it fits: the pool, if it is small enough.
    fn compile(&self, bytes: &[u8], hash: &str, keep: Keep) -> Result<(Arc<Room>, Component), LoadError> {
        let rooms = [&self.sandbox.pooled, &self.sandbox.roomy];
        let rooms = if bytes.len() > limits::POOLED_COMPONENT_BYTES { &rooms[1..] } else { &rooms[..] };
        let kept = |room: &Arc<Room>| self.code.as_ref()?.find(&room.engine, hash);
        if let Some(found) = rooms.iter().find_map(|room| Some(((*room).clone(), kept(room)?))) {
            return Ok(found);
        }
        let mut failure = String::new();
        for room in rooms {
            match Component::from_binary(&room.engine, bytes) {
                Ok(component) if keep == Keep::Kept => return Ok(((*room).clone(), self.keep(hash, component))),
                Ok(component) => return Ok(((*room).clone(), component)),
                Err(error) => failure = format!("{error:#}"),
            }
        }
        Err(LoadError::NotAComponent(failure))
    }

    /// Keeps compiled code, and goes on with what lies on the disk: that is mapped, and takes no memory of one's own.
    fn keep(&self, hash: &str, component: Component) -> Component {
        let Some(code) = &self.code else { return component };
        match code.keep(hash, &component) {
            Ok(()) => code.find(component.engine(), hash).unwrap_or(component),
            Err(error) => {
                tracing::warn!("compiled code cannot be kept and will be compiled again: {error:#}");
                component
            }
        }
    }

    async fn describe(&self, prepared: &Prepared) -> Result<Description, CallError> {
        let caller = Caller { plugin: "describe".into(), granted: Vec::new(), around: Arc::new(Nothing) };
        let ran = self.sandbox.run(&prepared.room, &prepared.functions, &world::Describe, caller);
        ran.await.result
    }
}

struct Prepared {
    hash: String,
    size: u64,
    imports: Vec<String>,
    exports: Vec<String>,
    room: Arc<Room>,
    functions: Functions,
}

impl Prepared {
    fn into_plugin(self, description: Description) -> Result<Plugin, String> {
        let Description { name, version, summary, settings_schema, capabilities } = description;
        check_name(&name)?;
        semver::Version::parse(&version)
            .map_err(|error| format!("its version `{version}` is no semantic version: {error}"))?;
        if summary.trim().is_empty() || summary.chars().count() > SUMMARY_CHARS {
            return Err(format!("its summary is empty or has more than {SUMMARY_CHARS} characters"));
        }
        let settings_schema: Option<Value> = settings_schema
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| format!("the schema of its settings is no JSON: {error}"))?;
        let settings = settings_schema
            .as_ref()
            .map(jsonschema::validator_for)
            .transpose()
            .map_err(|error| format!("the schema of its settings is no JSON schema: {error}"))?;
        let Self { hash, size, imports, exports, room, functions } = self;
        let id = PluginId { name, version, hash };
        let wants = capabilities_of(&capabilities);
        Ok(Plugin { id, summary, settings_schema, settings, wants, size, imports, exports, room, functions })
    }
}

fn check_magic(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.starts_with(&COMPONENT_MAGIC) {
        Ok(())
    } else if bytes.starts_with(&MODULE_MAGIC) {
        let text = "it is a core module; `wasm-tools component new` makes a component of it";
        Err(LoadError::NotAComponent(text.into()))
    } else {
        Err(LoadError::NotAComponent("it does not begin as one".into()))
    }
}

fn check_imports(imports: &[String]) -> Result<(), LoadError> {
    match imports.iter().find(|import| !INTERFACES.contains(&interface(import).unwrap_or(""))) {
        Some(import) => Err(LoadError::ForbiddenImport { import: import.clone(), remedy: remedy(import).into() }),
        None => Ok(()),
    }
}

/// The interface of ours, in a version that is known here, that an import or export names.
fn interface(name: &str) -> Option<&str> {
    let (interface, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
    let version = semver::Version::parse(version).ok()?;
    (version.major == 0 && version.minor == 1).then_some(interface)
}

fn remedy(import: &str) -> &'static str {
    if import.starts_with("wasi:") {
        "; build it without WASI: in Rust for the target `wasm32-unknown-unknown`, in JavaScript with componentize-js and \
         `disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event']`, in Python with `componentize-py \
         componentize --stub-wasi`"
    } else if import.starts_with(PACKAGE) {
        "; this server has version 0.1 of `log`, `settings`, `state`, `workspace` and `model`"
    } else {
        "; remove what needs it"
    }
}

fn kind_of(exports: &[String]) -> Result<ChainKind, LoadError> {
    let kinds = exports.iter().filter_map(|export| match interface(export)? {
        "answering" => Some(ChainKind::Responder),
        "judging" => Some(ChainKind::Criteria),
        "testing" => Some(ChainKind::TestRunner),
        _ => None,
    });
    match kinds.collect::<Vec<_>>().as_slice() {
        [kind] => Ok(*kind),
        [] if exports.is_empty() => Err(LoadError::NoInterface("it exports nothing".into())),
        [] => Err(LoadError::NoInterface(format!("it exports {}", exports.join(", ")))),
        _ => Err(LoadError::Unfit(format!(
            "a plugin exports one of the interfaces, and it exports {}",
            exports.join(", ")
        ))),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > NAME_CHARS || name.starts_with('-') || !name.bytes().all(allowed) {
        let name: String = name.chars().take(NAME_CHARS).collect();
        return Err(format!(
            "`{name}` is no name: it has 1 to {NAME_CHARS} lower-case letters, digits and hyphens and begins with none"
        ));
    }
    Ok(())
}

fn capabilities_of(asked: &[Asked]) -> Vec<Capability> {
    let mut wants: Vec<_> = asked
        .iter()
        .map(|capability| match capability {
            Asked::State => Capability::State,
            Asked::Workspace => Capability::Workspace,
            Asked::Model => Capability::Model,
        })
        .collect();
    wants.sort_unstable();
    wants.dedup();
    wants
}

/// The surroundings of `describe`: no task, no capabilities.
struct Nothing;

#[async_trait]
impl Surroundings for Nothing {
    fn settings(&self, _: &str) -> Value {
        Value::Object(serde_json::Map::new())
    }
    fn log(&self, _: &str, _: tracing::Level, message: &str) {
        tracing::debug!(message, "a plugin that describes itself wrote a line");
    }
    async fn state_get(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, CapabilityError> {
        Err(CapabilityError::Denied)
    }
    async fn state_set(&self, _: &str, _: &str, _: Option<Vec<u8>>) -> Result<(), CapabilityError> {
        Err(CapabilityError::Denied)
    }
    async fn state_list(&self, _: &str, _: &str) -> Result<Vec<String>, CapabilityError> {
        Err(CapabilityError::Denied)
    }
    async fn workspace_list(&self, _: &str) -> Result<Vec<DirEntry>, CapabilityError> {
        Err(CapabilityError::Denied)
    }
    async fn workspace_read(&self, _: &str, _: u64, _: u32) -> Result<Vec<u8>, CapabilityError> {
        Err(CapabilityError::Denied)
    }
    async fn workspace_changes(&self) -> Result<Vec<Change>, CapabilityError> {
        Err(CapabilityError::Denied)
    }
    async fn workspace_diff(&self, _: Option<&str>) -> Result<String, CapabilityError> {
        Err(CapabilityError::Denied)
    }
    async fn ask_model(&self, _: &str, _: Option<Value>) -> Result<ModelAnswer, CapabilityError> {
        Err(CapabilityError::Denied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_patch_of_the_known_version_is_taken() {
        assert_eq!(interface("taskwright:plugin/log@0.1.0"), Some("log"));
        assert_eq!(interface("taskwright:plugin/log@0.1.9"), Some("log"));
        assert_eq!(interface("taskwright:plugin/log@0.2.0"), None);
        assert_eq!(interface("wasi:cli/environment@0.2.3"), None);
    }

    #[test]
    fn an_import_of_wasi_is_refused_with_the_way_to_remove_it() {
        let error = check_imports(&["wasi:clocks/wall-clock@0.2.0".into()]).unwrap_err().to_string();
        for flag in ["wasm32-unknown-unknown", "disableFeatures", "--stub-wasi"] {
            assert!(error.contains(flag), "{error}");
        }
    }

    #[test]
    fn a_name_fits_into_chains_and_file_names() {
        for name in ["heuristic", "a", "my-plugin-2", &"n".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "-a", "A", "a b", "ä", "a/b", "..", &"n".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
