//! Remembered permissions: the same tool and, for commands, the same prefix.
//!
//! A prefix holds for a command that goes on in plain words. What a shell would read as a second command, a substitution or
//! a redirection is never covered by a prefix: such a command is remembered, and matched, whole.

use crate::domain::question::{Answer, Question, RememberedRule};
use serde_json::Value;

/// Characters with which a shell does more than run one program.
const SHELL: [char; 12] = [';', '|', '&', '$', '`', '(', ')', '<', '>', '\n', '\r', '\\'];

/// The rule that an answer to a permission makes.
pub(in crate::engine) fn rule_of(question: &Question, answer: &Answer) -> Option<RememberedRule> {
    let Answer::Permission { behavior, .. } = answer else { return None };
    let tool = question.tool.as_ref()?;
    Some(RememberedRule { tool: tool.name.clone(), prefix: command(&tool.input).map(prefix), behavior: *behavior })
}

/// The first rule that covers a tool's use.
pub(in crate::engine) fn first_match<'a>(
    rules: &'a [RememberedRule],
    tool: &str,
    input: &Value,
) -> Option<&'a RememberedRule> {
    rules.iter().find(|rule| {
        rule.tool == tool
            && match (&rule.prefix, command(input)) {
                (Some(prefix), Some(command)) => covers(prefix, command.trim()),
                (None, None) => true,
                _ => false,
            }
    })
}

fn command(input: &Value) -> Option<&str> {
    input["command"].as_str()
}

/// The words by which a command is remembered: the program and its subcommand; the whole command where it has no
/// subcommand or is more than one plain command.
fn prefix(command: &str) -> String {
    let command = command.trim();
    let mut words = command.split_whitespace();
    let (Some(program), Some(second)) = (words.next(), words.next()) else { return command.to_owned() };
    let plain = second.starts_with(|c: char| c.is_ascii_alphabetic())
        && second.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'));
    if plain && !command.contains(SHELL) { format!("{program} {second}") } else { command.to_owned() }
}

fn covers(prefix: &str, command: &str) -> bool {
    command == prefix
        || (!command.contains(SHELL)
            && command.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(char::is_whitespace)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::question::Behavior;
    use proptest::prelude::*;
    use serde_json::json;

    fn rule(command: &str) -> RememberedRule {
        RememberedRule { tool: "Bash".to_owned(), prefix: Some(prefix(command)), behavior: Behavior::Allow }
    }

    fn allowed(remembered: &str, command: &str) -> bool {
        first_match(&[rule(remembered)], "Bash", &json!({"command": command})).is_some()
    }

    #[test]
    fn a_command_is_remembered_by_its_program_and_subcommand() {
        assert_eq!(prefix("npm test -- --watch"), "npm test");
        assert_eq!(prefix("rm -rf ~"), "rm -rf ~");
        assert_eq!(prefix("cat notes.txt"), "cat notes.txt");
        assert_eq!(prefix("ls"), "ls");
        assert!(allowed("npm test", "npm test -- a.js"));
        assert!(!allowed("npm test", "npm testing"));
        assert!(!allowed("npm test", "npm install"));
    }

    #[test]
    fn a_prefix_never_covers_a_second_command() {
        for tail in ["; rm -rf ~", " && rm -rf ~", " | sh", " $(rm -rf ~)", " `id`", " > ~/.bashrc", "\nrm -rf ~"] {
            assert!(!allowed("npm test", &format!("npm test{tail}")), "{tail}");
        }
    }

    #[test]
    fn a_rule_holds_for_its_own_tool_alone() {
        assert!(first_match(&[rule("npm test")], "Other", &json!({"command": "npm test"})).is_none());
        let write = RememberedRule { tool: "Write".to_owned(), prefix: None, behavior: Behavior::Deny };
        assert!(first_match(&[write], "Write", &json!({"file_path": "a"})).is_some());
    }

    proptest! {
        #[test]
        fn a_command_is_covered_by_the_rule_that_it_made(command in "[a-z]{1,6}( [a-z.;&-]{1,6}){0,3}") {
            prop_assert!(allowed(&command, &command));
        }
    }
}
