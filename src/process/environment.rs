//! The environment that an agent and the commands of a project are given: an allow-list, never the server's own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Names that are passed on as they are.
const NAMES: [&str; 11] = [
    "HOME",
    "PATH",
    "USER",
    "LANG",
    "TERM",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// Beginnings of names that are passed on. The agent's own settings and keys are among them.
const PREFIXES: [&str; 4] = ["LC_", "ANTHROPIC_", "CLAUDE_", "DISABLE_"];

/// Names that are never passed on, whoever asks for them.
pub const NEVER_PASSED: [&str; 1] = ["TASKWRIGHT_TOKEN"];

/// Reduces an environment to what an agent may see: the names above (proxies in either case) and `extra_allowed`, in
/// which a trailing `*` stands for any rest.
///
/// Variables of the task and the project are added by the caller; they are chosen, not inherited.
#[must_use]
pub fn agent_environment(
    source: impl Iterator<Item = (OsString, OsString)>,
    extra_allowed: &[String],
) -> BTreeMap<OsString, OsString> {
    source.filter(|(name, _)| is_allowed(name, extra_allowed)).collect()
}

fn is_allowed(name: &OsStr, extra_allowed: &[String]) -> bool {
    // A name that is no UTF-8 is on no list.
    let Some(name) = name.to_str() else {
        return false;
    };
    if NEVER_PASSED.contains(&name) {
        return false;
    }
    NAMES.contains(&name)
        || (name.ends_with("_proxy") && NAMES.contains(&name.to_ascii_uppercase().as_str()))
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || extra_allowed.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(prefix) => !prefix.is_empty() && name.starts_with(prefix),
            None => name == allowed,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(names: &[&str], extra: &[&str]) -> Vec<String> {
        let source = names.iter().map(|name| (OsString::from(name), OsString::from("value")));
        let extra: Vec<String> = extra.iter().map(ToString::to_string).collect();
        agent_environment(source, &extra).into_keys().filter_map(|name| name.into_string().ok()).collect()
    }

    #[test]
    fn the_usual_names_pass_and_others_do_not() {
        let given = [
            "HOME",
            "PATH",
            "LC_ALL",
            "ANTHROPIC_API_KEY",
            "CLAUDE_CONFIG_DIR",
            "DISABLE_TELEMETRY",
            "http_proxy",
            "NO_PROXY",
            "AWS_SECRET_ACCESS_KEY",
            "GITHUB_TOKEN",
            "HOMEBREW",
            "XLC_ALL",
            "my_proxy",
        ];
        insta::assert_debug_snapshot!(pass(&given, &[]), @r#"
        [
            "ANTHROPIC_API_KEY",
            "CLAUDE_CONFIG_DIR",
            "DISABLE_TELEMETRY",
            "HOME",
            "LC_ALL",
            "NO_PROXY",
            "PATH",
            "http_proxy",
        ]
        "#);
    }

    #[test]
    fn names_of_the_settings_pass_too_with_a_star_for_any_rest() {
        let given = ["JAVA_HOME", "CARGO_HOME", "CARGO_NET_OFFLINE", "OTHER"];
        assert_eq!(pass(&given, &["JAVA_HOME", "CARGO_*"]), ["CARGO_HOME", "CARGO_NET_OFFLINE", "JAVA_HOME"]);
    }

    #[test]
    fn a_lone_star_allows_nothing() {
        assert!(pass(&["SECRET"], &["*"]).is_empty());
    }

    #[test]
    fn the_servers_token_never_passes() {
        assert!(pass(&["TASKWRIGHT_TOKEN"], &["TASKWRIGHT_TOKEN", "TASKWRIGHT_*"]).is_empty());
    }

    #[test]
    fn names_that_are_no_utf8_do_not_pass() {
        use std::os::unix::ffi::OsStringExt as _;
        let source = [(OsString::from_vec(b"LC_\xff".to_vec()), OsString::from("value"))];
        assert!(agent_environment(source.into_iter(), &[]).is_empty());
    }
}
