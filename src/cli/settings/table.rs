//! The one table of settings. Help, `taskwright config`, the sample file, the documentation and the checks of what a
//! user wrote are all made from it.

/// What a setting's value is, and how it is written in the environment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number within bounds.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Texts; in the environment separated by this character.
    List {
        /// The separator.
        separator: char,
    },
    /// A TOML table; not from the environment.
    Table,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the settings file and for `--set`.
    pub name: &'static str,
    /// Its variable; none for tables.
    pub variable: Option<&'static str>,
    /// A variable of the first implementation that is understood too.
    pub alias: Option<&'static str>,
    /// What its value is.
    pub kind: Kind,
    /// Its default as it would be written in the settings file; empty when it is worked out, as the text says.
    pub default: &'static str,
    /// What it does, for a person.
    pub doc: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
}

const fn setting(
    name: &'static str,
    variable: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Setting {
    Setting { name, variable: Some(variable), alias: None, kind, default, doc, secret: false }
}

const fn or_alias(setting: Setting, alias: &'static str) -> Setting {
    Setting { alias: Some(alias), ..setting }
}

const COMMAS: Kind = Kind::List { separator: ',' };

/// Every setting, in the order in which it is told.
pub const SETTINGS: &[Setting] = &[
    setting(
        "listen",
        "TASKWRIGHT_LISTEN",
        Kind::Text,
        "\"127.0.0.1:8000\"",
        "Address and port. Port 0 takes a free one. HOST and PORT are understood as well. An address other than loopback needs the token.",
    ),
    setting(
        "data_dir",
        "TASKWRIGHT_DATA_DIR",
        Kind::Text,
        "",
        "Where the database, worktrees, plugins and the agents' output are kept. Default: taskwright below XDG_DATA_HOME, else ~/.local/share/taskwright.",
    ),
    or_alias(
        setting(
            "database",
            "TASKWRIGHT_DATABASE",
            Kind::Text,
            "",
            "The SQLite file, as a path or as sqlite:///path. Default: taskwright.db in the data directory.",
        ),
        "DATABASE_URL",
    ),
    or_alias(
        setting(
            "agent_command",
            "TASKWRIGHT_AGENT_COMMAND",
            Kind::Text,
            "\"claude\"",
            "The coding agent's command, with arguments that always come first. Quotes hold words together.",
        ),
        "CLAUDE_CLI_COMMAND",
    ),
    setting(
        "agent_env",
        "TASKWRIGHT_AGENT_ENV",
        COMMAS,
        "[]",
        "Further variables that agents and the projects' commands see; a trailing * stands for any rest.",
    ),
    setting(
        "max_running",
        "TASKWRIGHT_MAX_RUNNING",
        Kind::Integer { min: 1, max: 1000 },
        "4",
        "Tasks that run at once; the others wait in the queue.",
    ),
    setting(
        "roots",
        "TASKWRIGHT_ROOTS",
        Kind::List { separator: ':' },
        "",
        "Folders in which repositories may lie, after symbolic links are resolved. Default: the home directory.",
    ),
    setting(
        "auth",
        "TASKWRIGHT_AUTH",
        Kind::Choice(&["on", "off"]),
        "\"on\"",
        "Whether clients need the token. Off is accepted on loopback only.",
    ),
    Setting {
        secret: true,
        ..setting(
            "token",
            "TASKWRIGHT_TOKEN",
            Kind::Text,
            "",
            "The token that clients give. Default: made at the first start and kept in DIR/token.",
        )
    },
    setting(
        "allowed_hosts",
        "TASKWRIGHT_ALLOWED_HOSTS",
        COMMAS,
        "[]",
        "Names, with a port where it is not the default one, under which a browser may reach the server, beside the listening address and localhost.",
    ),
    setting(
        "allowed_origins",
        "TASKWRIGHT_ALLOWED_ORIGINS",
        COMMAS,
        "[]",
        "Web pages of other origins that may use the API, such as https://board.example.",
    ),
    setting(
        "max_connections",
        "TASKWRIGHT_MAX_CONNECTIONS",
        Kind::Integer { min: 8, max: 100_000 },
        "1024",
        "Connections at once; further ones wait.",
    ),
    setting(
        "stop_grace_seconds",
        "TASKWRIGHT_STOP_GRACE_SECONDS",
        Kind::Integer { min: 0, max: 600 },
        "5",
        "Patience when an agent is stopped: so long after the interrupt, and again so long after SIGTERM.",
    ),
    setting(
        "idle_agent_seconds",
        "TASKWRIGHT_IDLE_AGENT_SECONDS",
        Kind::Integer { min: 1, max: 86_400 },
        "600",
        "After so long without work an agent's process is ended; its session goes on with the next message.",
    ),
    setting(
        "max_test_rounds",
        "TASKWRIGHT_MAX_TEST_ROUNDS",
        Kind::Integer { min: 1, max: 100 },
        "3",
        "Rounds of tests before a task with failing tests is FAILED.",
    ),
    setting(
        "command_seconds",
        "TASKWRIGHT_COMMAND_SECONDS",
        Kind::Integer { min: 1, max: 86_400 },
        "1800",
        "Longest time of one setup, cleanup or test command.",
    ),
    setting(
        "cleanup",
        "TASKWRIGHT_CLEANUP",
        Kind::Choice(&["never", "success", "always"]),
        "\"success\"",
        "When the worktree of a task that has ended goes by itself. The branch stays, and what is not committed is kept under a ref.",
    ),
    setting(
        "ports",
        "TASKWRIGHT_PORTS",
        Kind::Text,
        "\"22000-22999\"",
        "The range from which tasks get ports of their own. Keep it below the ports that the system gives out by itself (32768 on Linux).",
    ),
    setting(
        "plugin_time_ms",
        "TASKWRIGHT_PLUGIN_TIME_MS",
        Kind::Integer { min: 10, max: 600_000 },
        "2000",
        "Computing time of one plugin call, in milliseconds; waiting for a capability does not count.",
    ),
    setting(
        "plugin_memory_mb",
        "TASKWRIGHT_PLUGIN_MEMORY_MB",
        Kind::Integer { min: 1, max: 4096 },
        "64",
        "Memory of one plugin call, in MiB.",
    ),
    setting(
        "plugin_cache",
        "TASKWRIGHT_PLUGIN_CACHE",
        Kind::Text,
        "",
        "Where the plugins' compiled code is kept; several servers may share it. Default: cache/plugins in the data directory.",
    ),
    setting(
        "log",
        "TASKWRIGHT_LOG",
        Kind::Text,
        "\"info\"",
        "What is logged to standard error: a level, or filters such as taskwright::engine=debug.",
    ),
    setting(
        "log_format",
        "TASKWRIGHT_LOG_FORMAT",
        Kind::Choice(&["text", "json"]),
        "\"text\"",
        "How the log is written.",
    ),
    Setting {
        variable: None,
        ..setting(
            "chains",
            "",
            Kind::Table,
            "{ responder = [\"heuristic\"], criteria = [\"command\", \"checklist\", \"model\"], test_runner = [\"cargo\", \"pytest\", \"node\", \"go\", \"tap\", \"junit\"] }",
            "The plugins that decide, in order, for tasks and projects that name none of their own.",
        )
    },
    Setting {
        variable: None,
        ..setting(
            "plugins",
            "",
            Kind::Table,
            "{}",
            "For each plugin by its name: `settings`, a table that fits its schema, and `grants`, the capabilities that it may use (state, workspace, model).",
        )
    },
];

/// Variables of the same beginning that are no settings: what agents and their commands are given, and what the command
/// line reads.
pub const OTHER_VARIABLES: &[&str] = &[
    "TASKWRIGHT_CONFIG",
    "TASKWRIGHT_RUN",
    "TASKWRIGHT_TASK",
    "TASKWRIGHT_TASK_ID",
    "TASKWRIGHT_PORT",
    "TASKWRIGHT_PORTS_COUNT",
    "TASKWRIGHT_URL",
];
