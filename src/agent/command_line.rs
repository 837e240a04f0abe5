//! Claude Code's command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::{AgentError, AskSpec, LaunchSpec, SessionStart};

/// Splits the setting `CLAUDE_CLI_COMMAND` as a shell would, without expanding anything.
///
/// # Errors
/// [`AgentError::BadCommand`] when it is empty or a quote is left open.
pub fn split_command(text: &str) -> Result<Vec<OsString>, AgentError> {
    match shlex::split(text) {
        Some(words) if words.first().is_some_and(|program| !program.is_empty()) => {
            Ok(words.into_iter().map(OsString::from).collect())
        }
        _ => Err(AgentError::BadCommand(text.to_owned())),
    }
}

/// The command line of a conversation. `mcp_config` is the file with the servers, if there are any.
///
/// Everything that comes from users is joined to its option by `=`, so that a value that begins with a dash stays a
/// value.
pub(super) fn conversation(spec: &LaunchSpec, mcp_config: Option<&Path>) -> Vec<OsString> {
    let mut argv = spec.command.clone();
    argv.extend(
        [
            "-p",
            "--input-format",
            "stream-json",
            "--output-format",
            "stream-json",
            "--verbose",
            "--include-partial-messages",
            "--replay-user-messages",
            "--permission-prompt-tool",
            "stdio",
        ]
        .map(OsString::from),
    );
    match &spec.session {
        SessionStart::New(id) => argv.push(option("--session-id", id.to_string())),
        SessionStart::Resume(id) => argv.push(option("--resume", id)),
        SessionStart::Fork { from, id } => {
            argv.push(option("--resume", from));
            argv.push(OsString::from("--fork-session"));
            argv.push(option("--session-id", id.to_string()));
        }
    }
    if let Some(model) = &spec.model {
        argv.push(option("--model", model));
    }
    if !spec.allowed_tools.is_empty() {
        argv.push(option("--allowedTools", spec.allowed_tools.join(",")));
    }
    if !spec.disallowed_tools.is_empty() {
        argv.push(option("--disallowedTools", spec.disallowed_tools.join(",")));
    }
    if let Some(text) = &spec.system_prompt {
        argv.push(option("--append-system-prompt", text));
    }
    if let Some(file) = mcp_config {
        argv.push(option("--mcp-config", file));
        argv.push(OsString::from("--strict-mcp-config"));
    }
    argv.extend(spec.add_dirs.iter().map(|dir| option("--add-dir", dir)));
    argv
}

/// The command line of one question; the prompt goes in on standard input.
pub(super) fn question(spec: &AskSpec) -> Vec<OsString> {
    let mut argv = spec.command.clone();
    argv.extend(["-p", "--output-format", "json", "--tools=", "--strict-mcp-config"].map(OsString::from));
    if let Some(schema) = &spec.json_schema {
        argv.push(option("--json-schema", schema.to_string()));
    }
    if let Some(model) = &spec.model {
        argv.push(option("--model", model));
    }
    argv
}

fn option(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut option = OsString::from(name);
    option.push("=");
    option.push(value);
    option
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{DEFAULT_LINE_CAP, StopGraces};
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use uuid::Uuid;

    fn spec(session: SessionStart) -> LaunchSpec {
        LaunchSpec {
            run: Uuid::nil(),
            run_dir: PathBuf::from("/run"),
            cwd: PathBuf::from("/repo"),
            session,
            command: vec!["claude".into()],
            model: None,
            allowed_tools: Vec::new(),
            disallowed_tools: Vec::new(),
            system_prompt: None,
            mcp_servers: serde_json::Map::new(),
            add_dirs: Vec::new(),
            env: BTreeMap::new(),
            graces: StopGraces::default(),
            line_cap: DEFAULT_LINE_CAP,
            supervisor: PathBuf::from("/bin/true"),
        }
    }

    fn line(spec: &LaunchSpec, mcp_config: Option<&Path>) -> String {
        let argv = conversation(spec, mcp_config);
        argv.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_new_session_has_the_id_that_was_chosen() {
        insta::assert_snapshot!(line(&spec(SessionStart::New(Uuid::nil())), None), @r"
        claude
        -p
        --input-format
        stream-json
        --output-format
        stream-json
        --verbose
        --include-partial-messages
        --replay-user-messages
        --permission-prompt-tool
        stdio
        --session-id=00000000-0000-0000-0000-000000000000
        ");
    }

    #[test]
    fn values_that_begin_with_a_dash_stay_values() {
        let mut spec = spec(SessionStart::Resume("--evil".to_owned()));
        spec.model = Some("--m".to_owned());
        spec.allowed_tools = vec!["--dangerously-skip-permissions".to_owned(), "Bash(git *)".to_owned()];
        spec.disallowed_tools = vec!["-x".to_owned()];
        spec.system_prompt = Some("-p\nsecond".to_owned());
        spec.add_dirs = vec![PathBuf::from("--dir"), PathBuf::from("/other")];
        let all = conversation(&spec, Some(Path::new("/run/mcp.json")));
        let own: Vec<_> = all[11..].iter().map(|word| word.to_string_lossy()).collect();
        insta::assert_debug_snapshot!(own, @r#"
        [
            "--resume=--evil",
            "--model=--m",
            "--allowedTools=--dangerously-skip-permissions,Bash(git *)",
            "--disallowedTools=-x",
            "--append-system-prompt=-p\nsecond",
            "--mcp-config=/run/mcp.json",
            "--strict-mcp-config",
            "--add-dir=--dir",
            "--add-dir=/other",
        ]
        "#);
    }

    #[test]
    fn a_fork_names_both_sessions() {
        let session = SessionStart::Fork { from: "old".to_owned(), id: Uuid::nil() };
        assert!(
            line(&spec(session), None)
                .ends_with("--resume=old\n--fork-session\n--session-id=00000000-0000-0000-0000-000000000000")
        );
    }

    #[test]
    fn a_command_is_split_as_a_shell_would() {
        let words = split_command("'/opt/my tools/claude' --flag \"a b\" ~/x $HOME").unwrap();
        assert_eq!(words, ["/opt/my tools/claude", "--flag", "a b", "~/x", "$HOME"]);
    }

    #[test]
    fn an_empty_command_or_an_open_quote_is_refused() {
        for text in ["", "  ", "claude 'x", "''"] {
            assert!(matches!(split_command(text), Err(AgentError::BadCommand(_))), "{text:?}");
        }
    }
}
