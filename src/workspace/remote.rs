//! The only two things for which the git program is run: `fetch` and `push`.
//!
//! A repository's own config can name programs in many places. Each one that these two would run is overridden on the
//! command line or in the environment, which come last; the user's own (global) config keeps its say on ssh and
//! credentials:
//!
//! | config of a repository | closed by |
//! |---|---|
//! | `core.hooksPath`, hooks (`reference-transaction`, `pre-push`, `pre-auto-gc`) | `-c core.hooksPath=/dev/null`, `--no-verify` |
//! | `core.fsmonitor`, `core.alternateRefsCommand` | `-c` |
//! | `core.sshCommand`, `ssh.*` | `GIT_SSH_COMMAND`, made from the global config |
//! | `core.gitProxy` | `GIT_PROXY_COMMAND` empty |
//! | `core.askPass` | `GIT_ASKPASS` empty, `GIT_TERMINAL_PROMPT=0` |
//! | `credential.*.helper` | the list is emptied, then the global helpers are given again |
//! | `remote.*.uploadpack`, `receivepack` | `--upload-pack`, `--receive-pack` |
//! | `remote.*.vcs`, `url.*.insteadOf` to `ext::`, `protocol.*` | `GIT_ALLOW_PROTOCOL` |
//! | `push.gpgSign` with `gpg.program` | `--no-signed` |
//! | submodules, lazy fetches, maintenance | `--recurse-submodules=no`, `GIT_NO_LAZY_FETCH`, `-c gc.auto=0`, `-c maintenance.auto=false` |
//! | `http.cookieFile` with `http.saveCookies` | `-c http.saveCookies=false` |

use super::WorkspaceError;
use crate::process::{self, CommandOutcome, CommandSpec, CommandStatus, Program};
use git2::{Config, ConfigLevel};
use std::{collections::BTreeMap, ffi::OsString, path::Path, time::Duration};
use tokio_util::sync::CancellationToken;

/// Longest time for a fetch: a task must not wait long for a network that is not there.
const FETCH_LIMIT: Duration = Duration::from_secs(30);

/// Longest time for a push, which somebody asked for.
const PUSH_LIMIT: Duration = Duration::from_secs(120);

/// Bytes of git's output that are kept.
const OUTPUT_LIMIT: usize = 16 * 1024;

/// Config that no repository may set for us.
const OVERRIDES: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.alternateRefsCommand=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.saveCookies=false",
    "protocol.ext.allow=never",
    "credential.helper=",
];

/// Variables of the server's own environment, beside those that any program gets, without which the user's remotes
/// may be out of reach.
const PASSED: [&str; 7] = [
    "XDG_CONFIG_HOME",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_SSL_CAINFO",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "KRB5CCNAME",
];

/// Brings one branch of a remote up to date in its remote-tracking branch.
///
/// # Errors
/// What git said.
pub(super) fn fetch(
    repository: &Path,
    remote: &str,
    branch: &str,
    cancel: &CancellationToken,
) -> Result<(), WorkspaceError> {
    let arguments = [
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-gc",
        "--recurse-submodules=no",
        "--upload-pack=git-upload-pack",
        "--",
        remote,
        &format!("+refs/heads/{branch}:refs/remotes/{remote}/{branch}"),
    ];
    run("fetch", repository, &arguments, FETCH_LIMIT, cancel).map(|_| ())
}

/// Pushes a branch under its own name, never by force, and tells what git said.
///
/// # Errors
/// What git said.
pub(super) fn push(
    repository: &Path,
    remote: &str,
    branch: &str,
    cancel: &CancellationToken,
) -> Result<String, WorkspaceError> {
    let arguments = [
        "push",
        "--no-verify",
        "--no-signed",
        "--recurse-submodules=no",
        "--receive-pack=git-receive-pack",
        "--",
        remote,
        &format!("refs/heads/{branch}:refs/heads/{branch}"),
    ];
    run("push", repository, &arguments, PUSH_LIMIT, cancel)
}

/// Whether the name of a remote can be given to git as an argument.
pub(super) fn is_usable_remote(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && !name.contains([':', '/', '\\', '.'])
        && git2::Remote::is_valid_name(name)
}

fn run(
    doing: &'static str,
    repository: &Path,
    arguments: &[&str],
    time_limit: Duration,
    cancel: &CancellationToken,
) -> Result<String, WorkspaceError> {
    let user = UserConfig::read();
    let mut argv: Vec<OsString> = vec!["git".into()];
    for setting in OVERRIDES.into_iter().map(str::to_owned).chain(user.credential_helpers) {
        argv.extend(["-c".into(), setting.into()]);
    }
    argv.extend(arguments.iter().map(Into::into));
    let spec = CommandSpec {
        program: Program::Argv(argv),
        cwd: repository.to_owned(),
        env: environment(&user.ssh_command),
        stdin: Vec::new(),
        time_limit,
        output_limit: OUTPUT_LIMIT,
        separate_stderr: false,
        cancel: cancel.clone(),
    };
    let failed = |detail: String| WorkspaceError::Remote { doing, detail };
    let outcome = block_on(spec).map_err(|error| failed(error.to_string()))?;
    let said = outcome.output.text.trim().to_owned();
    match outcome.status {
        CommandStatus::Exited(0) => Ok(said),
        CommandStatus::Cancelled => Err(WorkspaceError::Cancelled),
        CommandStatus::TimedOut => Err(failed(format!("the remote did not answer within {} s", time_limit.as_secs()))),
        CommandStatus::Exited(_) | CommandStatus::Signalled(_) if !said.is_empty() => Err(failed(said)),
        CommandStatus::Exited(code) => Err(failed(format!("git ended with status {code}"))),
        CommandStatus::Signalled(signal) => Err(failed(format!("git was ended by signal {signal}"))),
    }
}

/// Runs a command on a thread and a runtime of its own, so that it may be called from any thread.
fn block_on(spec: CommandSpec) -> Result<CommandOutcome, process::CommandError> {
    let lost = |source| process::CommandError::Lost { program: "git".to_owned(), source };
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(lost)?;
            runtime.block_on(process::run_command(spec, None))
        });
        thread.join().unwrap_or_else(|_| Err(lost(std::io::Error::other("the thread that ran it failed"))))
    })
}

fn environment(ssh_command: &str) -> BTreeMap<OsString, OsString> {
    let passed: Vec<String> = PASSED.iter().map(ToString::to_string).collect();
    let mut env = process::agent_environment(std::env::vars_os(), &passed);
    for (name, value) in [
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ASKPASS", ""),
        ("SSH_ASKPASS", ""),
        ("GCM_INTERACTIVE", "never"),
        ("GIT_PROXY_COMMAND", ""),
        ("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_SSH_COMMAND", ssh_command),
        ("LC_ALL", "C"),
    ] {
        env.insert(name.into(), value.into());
    }
    env
}

/// What the user's own config, not a repository's, says about reaching remotes.
struct UserConfig {
    ssh_command: String,
    credential_helpers: Vec<String>,
}

impl UserConfig {
    fn read() -> Self {
        let config = Config::open_default().ok();
        let ssh = std::env::var("GIT_SSH_COMMAND")
            .ok()
            .or_else(|| config.as_ref()?.get_string("core.sshCommand").ok())
            .filter(|command| !command.trim().is_empty())
            .unwrap_or_else(|| "ssh".to_owned());
        Self {
            ssh_command: format!("{ssh} -oBatchMode=yes -oConnectTimeout=10"),
            credential_helpers: config.as_ref().map(credential_helpers).unwrap_or_default(),
        }
    }
}

fn credential_helpers(config: &Config) -> Vec<String> {
    let mut helpers = Vec::new();
    if let Ok(entries) = config.entries(Some("^credential\\..*helper$")) {
        let gathered = entries.for_each(|entry| {
            let is_users = matches!(
                entry.level(),
                ConfigLevel::System | ConfigLevel::XDG | ConfigLevel::Global | ConfigLevel::ProgramData
            );
            if is_users && let (Ok(name), Ok(value)) = (entry.name(), entry.value()) {
                helpers.push(format!("{name}={value}"));
            }
        });
        if gathered.is_err() {
            helpers.clear();
        }
    }
    helpers
}
