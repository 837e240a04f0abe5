//! Settings as the server uses them: typed, with what depends on the machine worked out.

use super::{InForce, SettingError, Source, resolve};
use crate::{agent::split_command, domain::Chains, engine::CleanupPolicy, plugin::Capability};
use serde_json::Value;
use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

/// Everything that the server is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The data directory.
    pub data_dir: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// The agent's command, split.
    pub agent_command: Vec<OsString>,
    /// Further variables for agents.
    pub agent_env: Vec<String>,
    /// Tasks at once.
    pub max_running: usize,
    /// Folders in which repositories may lie, resolved.
    pub roots: Vec<PathBuf>,
    /// Whether clients need the token.
    pub auth: bool,
    /// The token, if it was given.
    pub token: Option<String>,
    /// Further hosts.
    pub allowed_hosts: Vec<String>,
    /// Further origins.
    pub allowed_origins: Vec<String>,
    /// Connections at once.
    pub max_connections: usize,
    /// Patience when an agent is stopped.
    pub stop_grace: Duration,
    /// When an idle agent's process ends.
    pub idle_agent: Duration,
    /// Rounds of tests.
    pub max_test_rounds: u32,
    /// Longest time of a command.
    pub command_time: Duration,
    /// When worktrees go.
    pub cleanup: CleanupPolicy,
    /// The range of ports.
    pub ports: RangeInclusive<u16>,
    /// Computing time of a plugin call.
    pub plugin_time: Duration,
    /// Memory of a plugin call, in bytes.
    pub plugin_memory: u64,
    /// Where the plugins' compiled code is kept.
    pub plugin_cache: PathBuf,
    /// What is logged.
    pub log: String,
    /// Whether the log is JSON.
    pub log_json: bool,
    /// The server's chains.
    pub chains: Chains,
    /// Settings of plugins by name.
    pub plugin_settings: BTreeMap<String, Value>,
    /// Grants by plugin name.
    pub plugin_grants: BTreeMap<String, Vec<Capability>>,
}

impl Settings {
    /// Reads what is in force into types.
    ///
    /// # Errors
    /// The first setting whose value cannot be used, by its name and place.
    pub fn new(values: &InForce) -> Result<Self, SettingError> {
        let data_dir = absolute(&Self::data_dir(values)?);
        let (plugin_settings, plugin_grants) = plugins(values)?;
        let listen = listen(values)?;
        let auth = text(values, "auth") != "off";
        if !auth && !listen.ip().is_loopback() {
            let (_, source) = values.get("auth").unwrap_or((&EMPTY, &Source::Default));
            return Err(SettingError::wrong(
                "auth",
                source,
                format!("it can be off on a loopback address only, and `listen` is {listen}"),
            ));
        }
        Ok(Self {
            listen,
            database: database(values, &data_dir)?,
            agent_command: agent_command(values)?,
            agent_env: list(values, "agent_env"),
            max_running: integer(values, "max_running"),
            roots: roots(values)?,
            auth,
            token: token(values)?,
            allowed_hosts: list(values, "allowed_hosts"),
            allowed_origins: list(values, "allowed_origins"),
            max_connections: integer(values, "max_connections"),
            stop_grace: Duration::from_secs(integer(values, "stop_grace_seconds")),
            idle_agent: Duration::from_secs(integer(values, "idle_agent_seconds")),
            max_test_rounds: integer(values, "max_test_rounds"),
            command_time: Duration::from_secs(integer(values, "command_seconds")),
            cleanup: match text(values, "cleanup") {
                "never" => CleanupPolicy::Never,
                "always" => CleanupPolicy::Always,
                _ => CleanupPolicy::Success,
            },
            ports: ports(values)?,
            plugin_time: Duration::from_millis(integer(values, "plugin_time_ms")),
            plugin_memory: integer::<u64>(values, "plugin_memory_mb") << 20,
            plugin_cache: match text(values, "plugin_cache") {
                "" => data_dir.join("cache/plugins"),
                given => absolute(std::path::Path::new(given)),
            },
            log: text(values, "log").to_owned(),
            log_json: text(values, "log_format") == "json",
            chains: chains(values)?,
            plugin_settings,
            plugin_grants,
            data_dir,
        })
    }

    /// The data directory alone: what client commands need.
    ///
    /// # Errors
    /// When it is not given and there is no home directory.
    pub fn data_dir(values: &InForce) -> Result<PathBuf, SettingError> {
        if let Some((value, _)) = values.get("data_dir") {
            return Ok(PathBuf::from(value.as_str().unwrap_or_default()));
        }
        let environment: Vec<(String, String)> = ["XDG_DATA_HOME", "HOME"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
            .collect();
        resolve::data_dir(&environment, &[]).ok_or_else(|| {
            SettingError::wrong("data_dir", &Source::Default, "there is no home directory; give `--data-dir DIR`")
        })
    }
}

static EMPTY: toml::Value = toml::Value::Boolean(false);

fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn text<'a>(values: &'a InForce, name: &str) -> &'a str {
    values.get(name).and_then(|(value, _)| value.as_str()).unwrap_or_default()
}

fn list(values: &InForce, name: &str) -> Vec<String> {
    let items = values.get(name).and_then(|(value, _)| value.as_array());
    items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Numbers were checked against the bounds of the table, which fit.
fn integer<T: TryFrom<i64> + Default>(values: &InForce, name: &str) -> T {
    values.get(name).and_then(|(value, _)| T::try_from(value.as_integer()?).ok()).unwrap_or_default()
}

fn wrong(values: &InForce, name: &str, detail: impl Into<String>) -> SettingError {
    let source = values.get(name).map_or(&Source::Default, |(_, source)| source);
    SettingError::wrong(name, source, detail)
}

fn listen(values: &InForce) -> Result<SocketAddr, SettingError> {
    let given = text(values, "listen");
    let numeric = given.strip_prefix("localhost:").map_or_else(|| given.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric.parse().map_err(|_| {
        wrong(
            values,
            "listen",
            format!("`{given}` is not an address with a port, such as 127.0.0.1:8000 or [::1]:8000"),
        )
    })
}

fn database(values: &InForce, data_dir: &std::path::Path) -> Result<PathBuf, SettingError> {
    let given = text(values, "database");
    if given.is_empty() {
        return Ok(data_dir.join("taskwright.db"));
    }
    match given.split_once("://") {
        None => Ok(absolute(std::path::Path::new(given))),
        Some(("sqlite", rest)) => {
            let path = rest.strip_prefix('/').unwrap_or(rest);
            Ok(absolute(std::path::Path::new(path)))
        }
        Some((scheme, _)) => Err(wrong(
            values,
            "database",
            format!("`{scheme}` is not supported; the database is SQLite: sqlite:///path/to/file.db"),
        )),
    }
}

fn agent_command(values: &InForce) -> Result<Vec<OsString>, SettingError> {
    split_command(text(values, "agent_command")).map_err(|error| wrong(values, "agent_command", error.to_string()))
}

fn roots(values: &InForce) -> Result<Vec<PathBuf>, SettingError> {
    let given = list(values, "roots");
    if given.is_empty() {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).ok_or_else(|| {
            wrong(values, "roots", "there is no home directory; name the folders in which repositories lie")
        })?;
        let home = PathBuf::from(home);
        return Ok(vec![home.canonicalize().unwrap_or(home)]);
    }
    given
        .iter()
        .map(|root| {
            std::path::Path::new(root)
                .canonicalize()
                .map_err(|error| wrong(values, "roots", format!("{root} cannot be used: {error}")))
        })
        .collect()
}

fn token(values: &InForce) -> Result<Option<String>, SettingError> {
    let given = text(values, "token");
    if given.is_empty() {
        return Ok(None);
    }
    let usable = given.len() >= 16 && given.bytes().all(|byte| byte.is_ascii_graphic());
    if usable {
        Ok(Some(given.to_owned()))
    } else {
        Err(wrong(values, "token", "it needs at least 16 visible ASCII characters without blanks"))
    }
}

fn ports(values: &InForce) -> Result<RangeInclusive<u16>, SettingError> {
    let given = text(values, "ports");
    given
        .split_once('-')
        .and_then(|(first, last)| Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?)))
        .filter(|(first, last)| (1024..=*last).contains(first))
        .map(|(first, last)| first..=last)
        .ok_or_else(|| {
            wrong(values, "ports", format!("`{given}` is not a range of ports from 1024 on, such as 22000-22999"))
        })
}

fn chains(values: &InForce) -> Result<Chains, SettingError> {
    let default: toml::Value = super::SETTINGS
        .iter()
        .find(|setting| setting.name == "chains")
        .and_then(|setting| format!("value = {}", setting.default).parse::<toml::Table>().ok()?.remove("value"))
        .unwrap_or(toml::Value::Boolean(false));
    let read = |value: &toml::Value| value.clone().try_into::<Chains>();
    let defaults = read(&default).unwrap_or_default();
    let given = values.get("chains").map_or(Ok(Chains::default()), |(value, _)| {
        read(value).map_err(|error| wrong(values, "chains", error.to_string().trim().to_owned()))
    })?;
    Ok(Chains {
        responder: given.responder.or(defaults.responder),
        criteria: given.criteria.or(defaults.criteria),
        test_runner: given.test_runner.or(defaults.test_runner),
    })
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginTable {
    #[serde(default)]
    settings: Option<Value>,
    #[serde(default)]
    grants: Option<Vec<Capability>>,
}

type PluginTables = (BTreeMap<String, Value>, BTreeMap<String, Vec<Capability>>);

fn plugins(values: &InForce) -> Result<PluginTables, SettingError> {
    let mut settings = BTreeMap::new();
    let mut grants = BTreeMap::new();
    let Some((toml::Value::Table(tables), _)) = values.get("plugins") else {
        return Ok((settings, grants));
    };
    for (name, table) in tables {
        let table: PluginTable = table.clone().try_into().map_err(|error: toml::de::Error| {
            wrong(values, "plugins", format!("{name}: {}", error.to_string().trim()))
        })?;
        if let Some(value) = table.settings {
            settings.insert(name.clone(), value);
        }
        if let Some(granted) = table.grants {
            grants.insert(name.clone(), granted);
        }
    }
    Ok((settings, grants))
}

#[cfg(test)]
mod tests {
    use super::{super::Given, *};
    use std::path::Path;

    fn typed(file: &str) -> Result<Settings, SettingError> {
        let file = format!("data_dir = \"/data\"\nroots = [\"/\"]\nagent_command = \"claude\"\n{file}");
        let values =
            resolve::resolve(&Given { file: Path::new("t.toml"), file_text: &file, environment: &[], flags: &[] })?;
        Settings::new(&values)
    }

    #[test]
    fn the_defaults_listen_on_loopback_with_a_token() {
        let settings = typed("").unwrap();
        assert_eq!(settings.listen, "127.0.0.1:8000".parse().unwrap());
        assert!(settings.auth && settings.token.is_none());
        assert_eq!(settings.database, Path::new("/data/taskwright.db"));
        assert_eq!(settings.chains.responder.as_deref(), Some(&["heuristic".to_owned()][..]));
    }

    #[test]
    fn auth_is_off_on_loopback_only() {
        assert!(!typed("auth = \"off\"").unwrap().auth);
        let error = typed("auth = \"off\"\nlisten = \"0.0.0.0:8000\"").unwrap_err().to_string();
        assert!(error.contains("auth") && error.contains("loopback"), "{error}");
    }

    #[test]
    fn a_chain_that_is_not_named_keeps_its_default() {
        let chains = typed("[chains]\nresponder = []").unwrap().chains;
        assert_eq!(chains.responder, Some(vec![]));
        assert!(chains.criteria.is_some_and(|names| names.contains(&"model".to_owned())));
    }

    #[test]
    fn wrong_values_are_named() {
        for (file, name) in [
            ("listen = \"nowhere\"", "listen"),
            ("token = \"short\"", "token"),
            ("ports = \"10-5\"", "ports"),
            ("database = \"postgres://db\"", "database"),
            ("[chains]\nresponders = []", "chains"),
            ("[plugins.x]\ngrants = [\"everything\"]", "plugins"),
        ] {
            let error = typed(file).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }

    #[test]
    fn the_seeds_database_url_is_understood() {
        assert!(typed("database = \"sqlite:///./tasks.db\"").unwrap().database.ends_with("tasks.db"));
        assert_eq!(typed("database = \"sqlite:////var/tasks.db\"").unwrap().database, Path::new("/var/tasks.db"));
    }

    #[test]
    fn settings_and_grants_of_plugins_are_read() {
        let settings = typed("[plugins.policy]\ngrants = [\"workspace\"]\nsettings = { rules = [1] }").unwrap();
        assert_eq!(settings.plugin_grants["policy"], [Capability::Workspace]);
        assert_eq!(settings.plugin_settings["policy"], serde_json::json!({"rules": [1]}));
    }
}
