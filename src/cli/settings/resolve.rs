//! Putting settings together: which value holds, and where it came from.

use super::table::{Kind, OTHER_VARIABLES, SETTINGS, Setting};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nobody gave it.
    Default,
    /// The settings file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// A setting that is unknown or wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettingError {
    /// The file cannot be read.
    #[error("cannot read the settings file {file}: {detail}")]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        detail: String,
    },
    /// The file is no TOML.
    #[error("the settings file {file} is not TOML, in line {line}: {detail}")]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Where, from 1.
        line: usize,
        /// Why.
        detail: String,
    },
    /// There is no such setting.
    #[error("there is no setting `{name}` ({source_text}); `taskwright config` lists all of them")]
    Unknown {
        /// The name.
        name: String,
        /// Where it was given.
        source_text: String,
    },
    /// The value is wrong.
    #[error("the setting `{name}` ({source_text}) is wrong: {detail}")]
    Wrong {
        /// The name.
        name: String,
        /// Where it was given.
        source_text: String,
        /// What is wrong and what would be right.
        detail: String,
    },
    /// `--set` without an equals sign.
    #[error("`--set {given}` is not of the form NAME=VALUE")]
    BadFlag {
        /// What was given.
        given: String,
    },
}

impl SettingError {
    /// A wrong value.
    pub fn wrong(name: &str, source: &Source, detail: impl Into<String>) -> Self {
        Self::Wrong { name: name.to_owned(), source_text: source.to_string(), detail: detail.into() }
    }
}

/// Everything that was given.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The settings file's path, for messages.
    pub file: &'a Path,
    /// Its text; empty when there is none.
    pub file_text: &'a str,
    /// The environment.
    pub environment: &'a [(String, String)],
    /// Settings of the command line, by name.
    pub flags: &'a [(String, String)],
}

/// What is in force, by name, in the order of the table.
#[derive(Clone, Debug)]
pub struct InForce {
    values: BTreeMap<&'static str, (toml::Value, Source)>,
}

impl InForce {
    /// A setting's value and where it came from; none where nothing was given and the default is worked out.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(&toml::Value, &Source)> {
        self.values.get(name).map(|(value, source)| (value, source))
    }
}

/// Puts settings together: defaults, file, environment, flags.
///
/// # Errors
/// The first setting that is unknown or wrong.
pub fn resolve(given: &Given<'_>) -> Result<InForce, SettingError> {
    let mut values = BTreeMap::new();
    for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
        values.insert(setting.name, (default_of(setting), Source::Default));
    }
    for (name, value) in file_values(given)? {
        let source = Source::File(given.file.to_owned());
        let setting = find(&name, &source)?;
        values.insert(setting.name, (checked(setting, value, &source)?, source));
    }
    from_environment(given.environment, &mut values)?;
    for (name, text) in given.flags {
        let setting = find(name, &Source::Flag)?;
        values.insert(setting.name, (parse(setting, text, &Source::Flag)?, Source::Flag));
    }
    Ok(InForce { values })
}

/// The data directory as flags, the environment or the platform tell it: needed before the settings file can be found.
pub(super) fn data_dir(environment: &[(String, String)], flags: &[(String, String)]) -> Option<PathBuf> {
    let variable = |name: &str| {
        environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| PathBuf::from(value))
    };
    flags
        .iter()
        .rfind(|(name, _)| name == "data_dir")
        .map(|(_, value)| PathBuf::from(value))
        .or_else(|| variable("TASKWRIGHT_DATA_DIR"))
        .or_else(|| variable("XDG_DATA_HOME").map(|dir| dir.join("taskwright")))
        .or_else(|| variable("HOME").map(|dir| dir.join(".local/share/taskwright")))
}

fn file_values(given: &Given<'_>) -> Result<toml::Table, SettingError> {
    given.file_text.parse::<toml::Table>().map_err(|error| {
        let before = error.span().and_then(|span| given.file_text.get(..span.start)).unwrap_or_default();
        SettingError::Syntax {
            file: given.file.to_owned(),
            line: before.matches('\n').count() + 1,
            detail: error.message().lines().collect::<Vec<_>>().join("; "),
        }
    })
}

fn from_environment(
    environment: &[(String, String)],
    values: &mut BTreeMap<&'static str, (toml::Value, Source)>,
) -> Result<(), SettingError> {
    let variable = |name: &str| environment.iter().find(|(key, value)| key == name && !value.is_empty());
    for (name, _) in environment.iter().filter(|(name, _)| name.starts_with("TASKWRIGHT_")) {
        let known =
            SETTINGS.iter().any(|setting| setting.variable == Some(name)) || OTHER_VARIABLES.contains(&name.as_str());
        if !known {
            return Err(SettingError::Unknown {
                name: name.clone(),
                source_text: Source::Variable(name.clone()).to_string(),
            });
        }
    }
    if let Some((listen, source)) = seed_address(variable("HOST"), variable("PORT")) {
        values.insert("listen", (toml::Value::String(listen), source));
    }
    for setting in SETTINGS {
        let names = [setting.alias, setting.variable];
        for (name, text) in names.into_iter().flatten().filter_map(variable) {
            let source = Source::Variable(name.clone());
            values.insert(setting.name, (parse(setting, text, &source)?, source));
        }
    }
    Ok(())
}

/// HOST and PORT of the first implementation as one address.
fn seed_address(host: Option<&(String, String)>, port: Option<&(String, String)>) -> Option<(String, Source)> {
    let name = match (host, port) {
        (None, None) => return None,
        (Some(_), Some(_)) => "HOST and PORT",
        (Some(_), None) => "HOST",
        (None, Some(_)) => "PORT",
    };
    let host = host.map_or("127.0.0.1", |(_, value)| value.as_str());
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let port = port.map_or("8000", |(_, value)| value.as_str());
    Some((format!("{host}:{port}"), Source::Variable(name.to_owned())))
}

fn find(name: &str, source: &Source) -> Result<&'static Setting, SettingError> {
    SETTINGS
        .iter()
        .find(|setting| setting.name == name)
        .ok_or_else(|| SettingError::Unknown { name: name.to_owned(), source_text: source.to_string() })
}

fn default_of(setting: &Setting) -> toml::Value {
    format!("value = {}", setting.default)
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .expect("every default of the table is TOML, which a test checks")
}

/// A value as text, as the environment and flags give it.
fn parse(setting: &Setting, text: &str, source: &Source) -> Result<toml::Value, SettingError> {
    let value = match setting.kind {
        Kind::Text | Kind::Choice(_) => toml::Value::String(text.to_owned()),
        Kind::Integer { .. } => text
            .trim()
            .parse()
            .map(toml::Value::Integer)
            .map_err(|_| SettingError::wrong(setting.name, source, format!("`{text}` is not a whole number")))?,
        Kind::List { separator } => toml::Value::Array(
            text.split(separator)
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| toml::Value::String(part.to_owned()))
                .collect(),
        ),
        Kind::Table => format!("value = {text}")
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut table| table.remove("value"))
            .ok_or_else(|| {
                SettingError::wrong(setting.name, source, "it is a TOML table, such as { name = [\"a\"] }")
            })?,
    };
    checked(setting, value, source)
}

fn checked(setting: &Setting, value: toml::Value, source: &Source) -> Result<toml::Value, SettingError> {
    let wrong = |detail: String| Err(SettingError::wrong(setting.name, source, detail));
    match (setting.kind, &value) {
        (Kind::Text, toml::Value::String(text)) if !text.trim().is_empty() => Ok(value),
        (Kind::Text, toml::Value::String(_)) => wrong("it is empty".to_owned()),
        (Kind::Text, other) => wrong(format!("it is a text, not {}", other.type_str())),
        (Kind::Integer { min, max }, toml::Value::Integer(number)) if (min..=max).contains(number) => Ok(value),
        (Kind::Integer { min, max }, other) => wrong(format!("it is a whole number from {min} to {max}, not {other}")),
        (Kind::Choice(words), toml::Value::String(word)) if words.contains(&word.as_str()) => Ok(value),
        (Kind::Choice(words), other) => wrong(format!("it is one of {}, not {other}", words.join(", "))),
        (Kind::List { .. }, toml::Value::Array(items)) if items.iter().all(toml::Value::is_str) => Ok(value),
        (Kind::List { .. }, other) => wrong(format!("it is a list of texts, not {}", other.type_str())),
        (Kind::Table, toml::Value::Table(_)) => Ok(value),
        (Kind::Table, other) => wrong(format!("it is a table, not {}", other.type_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_together(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<InForce, SettingError> {
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        resolve(&Given {
            file: Path::new("taskwright.toml"),
            file_text: file,
            environment: &pairs(environment),
            flags: &pairs(flags),
        })
    }

    fn shown(result: &Result<InForce, SettingError>, name: &str) -> String {
        match result {
            Ok(values) => values.get(name).map_or_else(String::new, |(value, source)| format!("{value} ({source})")),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_default_is_right_by_its_own_rule() {
        for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
            assert!(checked(setting, default_of(setting), &Source::Default).is_ok(), "{}", setting.name);
        }
    }

    #[test]
    fn the_nearer_source_wins() {
        let file = "max_running = 7";
        assert_eq!(shown(&put_together("", &[], &[]), "max_running"), "4 (default)");
        assert_eq!(shown(&put_together(file, &[], &[]), "max_running"), "7 (taskwright.toml)");
        let variable = [("TASKWRIGHT_MAX_RUNNING", "8")];
        assert_eq!(shown(&put_together(file, &variable, &[]), "max_running"), "8 (environment TASKWRIGHT_MAX_RUNNING)");
        assert_eq!(shown(&put_together(file, &variable, &[("max_running", "9")]), "max_running"), "9 (command line)");
    }

    #[test]
    fn an_unknown_setting_is_named_with_its_place() {
        let error = "there is no setting `max_runing` (taskwright.toml); `taskwright config` lists all of them";
        assert_eq!(shown(&put_together("max_runing = 7", &[], &[]), ""), error);
        assert!(shown(&put_together("", &[("TASKWRIGHT_MAX_RUNING", "7")], &[]), "").contains("TASKWRIGHT_MAX_RUNING"));
        assert!(shown(&put_together("", &[], &[("nothing", "7")]), "").contains("nothing"));
    }

    #[test]
    fn a_wrong_value_is_named_with_what_would_be_right() {
        for (name, value, told) in [
            ("max_running", "many", "`many` is not a whole number"),
            ("max_running", "0", "from 1 to 1000"),
            ("auth", "maybe", "one of on, off"),
            ("listen", " ", "it is empty"),
        ] {
            let text = shown(&put_together("", &[], &[(name, value)]), "");
            assert!(text.contains(told) && text.contains(name), "{text}");
        }
        assert!(shown(&put_together("roots = 5", &[], &[]), "").contains("list of texts"));
    }

    #[test]
    fn the_seeds_names_are_understood_and_ours_win() {
        let seed = [("CLAUDE_CLI_COMMAND", "claude-2"), ("HOST", "::1"), ("PORT", "9000")];
        assert_eq!(
            shown(&put_together("", &seed, &[]), "agent_command"),
            "\"claude-2\" (environment CLAUDE_CLI_COMMAND)"
        );
        assert_eq!(shown(&put_together("", &seed, &[]), "listen"), "\"[::1]:9000\" (environment HOST and PORT)");
        let both = [
            ("CLAUDE_CLI_COMMAND", "a"),
            ("TASKWRIGHT_AGENT_COMMAND", "b"),
            ("PORT", "1"),
            ("TASKWRIGHT_LISTEN", "127.0.0.1:2"),
        ];
        assert!(shown(&put_together("", &both, &[]), "agent_command").starts_with("\"b\""));
        assert!(shown(&put_together("", &both, &[]), "listen").starts_with("\"127.0.0.1:2\""));
    }

    #[test]
    fn lists_in_the_environment_are_separated_by_their_own_character() {
        let given =
            put_together("", &[("TASKWRIGHT_ROOTS", "/a:/b"), ("TASKWRIGHT_AGENT_ENV", "JAVA_HOME, CARGO_*")], &[]);
        assert_eq!(shown(&given, "roots"), "[\"/a\", \"/b\"] (environment TASKWRIGHT_ROOTS)");
        assert!(shown(&given, "agent_env").starts_with("[\"JAVA_HOME\", \"CARGO_*\"]"));
    }

    #[test]
    fn the_data_directory_is_known_before_the_settings_file() {
        let environment = [("HOME".to_owned(), "/home/ada".to_owned())];
        assert_eq!(data_dir(&environment, &[]), Some(PathBuf::from("/home/ada/.local/share/taskwright")));
        assert_eq!(data_dir(&environment, &[("data_dir".into(), "/d".into())]), Some(PathBuf::from("/d")));
    }
}
