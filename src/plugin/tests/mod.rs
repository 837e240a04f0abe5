//! Tests with real components. They are small core modules in the text format, made into components of the three worlds
//! here, and run with a folder, a store and a model of their own around them.

mod built_in;
mod capabilities;
mod hostile;
mod loading;
mod swapping;

use super::*;
use crate::domain::EventBody;
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf, sync::Mutex};

/// A component of the world `responder`, in the making.
struct Guest {
    name: &'static str,
    version: &'static str,
    schema: Option<&'static str>,
    /// 0 `state`, 1 `workspace`, 2 `model`.
    capabilities: &'static [u8],
    /// Imports, functions and data of its own. Data from 8192 on is free.
    items: String,
    /// The body of `respond`: leaves the address of the result. `$in` is the address of the situation.
    respond: String,
    /// Pages of memory that it begins with.
    pages: u32,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            name: "guest",
            version: "1.0.0",
            schema: None,
            capabilities: &[],
            items: String::new(),
            respond: r#"(call $reply (i32.const 8192) (i32.const 3))"#.into(),
            pages: 4,
        }
    }
}

impl Guest {
    /// A guest that replies a text.
    fn replying(text: &str) -> Self {
        Self {
            items: format!(r#"(data (i32.const 8192) "{text}")"#),
            respond: format!("(call $reply (i32.const 8192) (i32.const {}))", text.len()),
            ..Self::default()
        }
    }

    /// A guest whose `respond` has this body.
    fn doing(respond: &str) -> Self {
        Self { respond: respond.into(), ..Self::default() }
    }

    fn with(mut self, items: &str) -> Self {
        self.items.push_str(items);
        self
    }

    fn named(mut self, name: &'static str, version: &'static str) -> Self {
        (self.name, self.version) = (name, version);
        self
    }

    fn wat(&self) -> String {
        let schema = self.schema.unwrap_or("");
        let escaped = |text: &str| text.replace('\\', "\\5c").replace('"', "\\22");
        let words = |words: &[usize]| {
            words.iter().flat_map(|word| (*word as u32).to_le_bytes()).map(|b| format!("\\{b:02x}")).collect::<String>()
        };
        let description = words(&[
            1024,
            self.name.len(),
            1152,
            self.version.len(),
            1280,
            7,
            usize::from(self.schema.is_some()),
            2048,
            schema.len(),
            1408,
            self.capabilities.len(),
        ]);
        let capabilities: String = self.capabilities.iter().map(|byte| format!("\\{byte:02x}")).collect();
        format!(
            r#"(module
            {items_imports}
            (memory (export "memory") {pages})
            (global $top (mut i32) (i32.const 131072))
            (func $realloc (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
              (local $at i32)
              (local.set $at (global.get $top))
              (global.set $top (i32.and (i32.add (i32.add (global.get $top) (local.get $size)) (i32.const 7)) (i32.const -8)))
              (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
                (then (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get $size) (i32.const 65536)))))
                  (then unreachable))))
              (local.get $at))
            (data (i32.const 256) "{description}")
            (data (i32.const 1024) "{name}")
            (data (i32.const 1152) "{version}")
            (data (i32.const 1280) "A guest")
            (data (i32.const 1408) "{capabilities}")
            (data (i32.const 1536) "because")
            (data (i32.const 2048) "{schema}")
            (func $reply (param $at i32) (param $length i32) (result i32)
              (i32.store (i32.const 512) (i32.const 0))
              (i32.store (i32.const 516) (i32.const 0))
              (i32.store (i32.const 520) (local.get $at))
              (i32.store (i32.const 524) (local.get $length))
              (i32.store (i32.const 536) (i32.const 1536))
              (i32.store (i32.const 540) (i32.const 7))
              (i32.const 512))
            (func $error (param $at i32) (param $length i32) (result i32)
              (i32.store (i32.const 512) (i32.const 1))
              (i32.store (i32.const 516) (local.get $at))
              (i32.store (i32.const 520) (local.get $length))
              (i32.const 512))
            (func (export "taskwright:plugin/answering@0.1.0#describe") (result i32) (i32.const 256))
            (func (export "taskwright:plugin/answering@0.1.0#respond") (param $in i32) (result i32) (local $i i32)
              {respond})
            {items})"#,
            items_imports = self.items.lines().filter(|line| line.trim().starts_with("(import")).collect::<String>(),
            items =
                self.items.lines().filter(|line| !line.trim().starts_with("(import")).collect::<Vec<_>>().join("\n"),
            pages = self.pages,
            name = self.name,
            version = self.version,
            schema = escaped(schema),
            respond = self.respond,
        )
    }

    fn component(&self) -> Vec<u8> {
        component(&self.wat(), |wat| wat)
    }
}

/// What makes a component of a core module.
const AROUND_THE_MODULE: &str = include_str!("responder.wat");

/// A component of the world `responder` with a core module, as its text is after an edit.
fn component(module: &str, edit: impl Fn(String) -> String) -> Vec<u8> {
    let wat = edit(AROUND_THE_MODULE.replace("{module}", &module.replacen("(module", "(core module $main", 1)));
    wat::parse_str(&wat).unwrap_or_else(|error| panic!("{error}\n{module}"))
}

/// A plugin directory with a host of its own.
struct Bench {
    folder: tempfile::TempDir,
    host: Arc<PluginHost>,
    events: Vec<EventBody>,
}

impl Bench {
    async fn with(guests: &[Guest]) -> Self {
        Self::set_up(guests, |_| ()).await
    }

    async fn set_up(guests: &[Guest], change: impl FnOnce(&mut HostConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("plugins");
        std::fs::create_dir(&directory).unwrap();
        for guest in guests {
            std::fs::write(directory.join(format!("{}.wasm", guest.name)), guest.component()).unwrap();
        }
        let mut config = HostConfig {
            directory,
            cache: compiled_before(),
            call_time: Duration::from_millis(200),
            memory: 16 * 1024 * 1024,
            grants: BTreeMap::new(),
        };
        change(&mut config);
        let (host, events) = PluginHost::open(config).await.unwrap();
        Self { folder, host, events }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("plugins").join(name)
    }

    async fn respond(&self, name: &str) -> Called<Response> {
        self.respond_in(name, Arc::new(Around::default())).await
    }

    async fn respond_in(&self, name: &str, around: Arc<Around>) -> Called<Response> {
        self.host.respond(name, &situation(), around).await
    }
}

/// Compiled code that all tests share, beside their program: the built-in plugins are the same for all of them.
fn compiled_before() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("compiled-plugins")
}

fn situation() -> RespondSituation {
    RespondSituation {
        happening: Happening::TurnEnded("Shall I go on?".into()),
        task: TaskView {
            id: "0190".into(),
            name: "A task".into(),
            description: "Do it".into(),
            end_criteria: String::new(),
            project_context: String::new(),
            custom_input: String::new(),
            projects: vec![],
            branch: "taskwright/a-task".into(),
            turns: 1,
            max_turns: None,
            test_rounds: 0,
        },
        recent: vec![Entry { speaker: Speaker::Agent, text: "Shall I go on?".into(), tool: None }],
    }
}

fn reply(called: &Called<Response>) -> &str {
    match &called.result {
        Ok(Response { answer: Answer::Reply(text), .. }) => text,
        other => panic!("no reply: {other:?}"),
    }
}

/// A task's surroundings: state in memory, a folder, a model that repeats the prompt.
#[derive(Default)]
struct Around {
    log: Mutex<Vec<(tracing::Level, String)>>,
    state: Mutex<BTreeMap<String, Vec<u8>>>,
    folder: Option<PathBuf>,
    model_takes: Duration,
    settings: Option<Value>,
}

#[async_trait]
impl Surroundings for Around {
    fn settings(&self, _: &str) -> Value {
        self.settings.clone().unwrap_or_else(|| json!({}))
    }
    fn log(&self, _: &str, level: tracing::Level, message: &str) {
        self.log.lock().unwrap().push((level, message.into()));
    }
    async fn state_get(&self, _: &str, key: &str) -> Result<Option<Vec<u8>>, CapabilityError> {
        Ok(self.state.lock().unwrap().get(key).cloned())
    }
    async fn state_set(&self, _: &str, key: &str, value: Option<Vec<u8>>) -> Result<(), CapabilityError> {
        let mut state = self.state.lock().unwrap();
        match value {
            Some(value) => drop(state.insert(key.into(), value)),
            None => drop(state.remove(key)),
        }
        Ok(())
    }
    async fn state_list(&self, _: &str, prefix: &str) -> Result<Vec<String>, CapabilityError> {
        Ok(self.state.lock().unwrap().keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
    async fn workspace_list(&self, _: &str) -> Result<Vec<DirEntry>, CapabilityError> {
        Ok(vec![])
    }
    async fn workspace_read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, CapabilityError> {
        let folder = self.folder.as_ref().ok_or(CapabilityError::NotFound)?;
        let content = std::fs::read(folder.join(path)).map_err(|_| CapabilityError::NotFound)?;
        Ok(content.into_iter().skip(offset as usize).take(length as usize).collect())
    }
    async fn workspace_changes(&self) -> Result<Vec<Change>, CapabilityError> {
        Ok(vec![])
    }
    async fn workspace_diff(&self, _: Option<&str>) -> Result<String, CapabilityError> {
        Ok(String::new())
    }
    async fn ask_model(&self, prompt: &str, _: Option<Value>) -> Result<ModelAnswer, CapabilityError> {
        tokio::time::sleep(self.model_takes).await;
        Ok(ModelAnswer { text: format!("You asked: {prompt}"), tokens: 7, cost_usd: 0.01 })
    }
}
