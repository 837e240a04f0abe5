//! The user's end criteria, line by line.

/// The lines of a text, without bullets and numbers; empty ones and headings are left out.
pub fn lines(text: &str) -> Vec<String> {
    text.lines().map(without_mark).filter(|line| !line.is_empty() && !line.ends_with(':')).map(str::to_owned).collect()
}

/// Whether a text has more than one line and each is marked as an item, so that its lines are its criteria.
pub fn is_list(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.ends_with(':')).collect();
    lines.len() > 1 && lines.iter().all(|line| without_mark(line).len() < line.len() || command(line).is_some())
}

/// The command that a criterion asks to succeed: `$ cargo test`, or "`npm test` passes".
pub fn command(line: &str) -> Option<&str> {
    let line = without_mark(line);
    if let Some(command) = line.strip_prefix("$ ") {
        let command = command.trim().trim_matches('`').trim();
        return (!command.is_empty()).then_some(command);
    }
    let (command, rest) = line.strip_prefix('`')?.split_once('`')?;
    let command = command.trim().trim_start_matches("$ ");
    let rest = rest.trim().trim_end_matches(['.', '!']).to_lowercase();
    (PASSES.contains(&rest.as_str()) && !command.is_empty()).then_some(command)
}

const PASSES: [&str; 18] = [
    "passes",
    "must pass",
    "should pass",
    "succeeds",
    "must succeed",
    "should succeed",
    "is green",
    "runs",
    "works",
    "runs clean",
    "is clean",
    "exits with 0",
    "exits 0",
    "ends with 0",
    "ends with exit status 0",
    "returns 0",
    "has no errors",
    "runs without errors",
];

fn without_mark(line: &str) -> &str {
    let line = line.trim();
    let bullet = line.strip_prefix(['-', '*', '•', '+']).filter(|rest| rest.starts_with(' '));
    let numbered = || {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.strip_prefix(['.', ')']).filter(|after| rest.len() < line.len() && after.starts_with(' '))
    };
    let rest = bullet.or_else(numbered).unwrap_or(line).trim();
    let boxed = ["[ ]", "[x]", "[X]"].iter().find_map(|mark| rest.strip_prefix(mark));
    boxed.unwrap_or(rest).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_numbers_and_boxes_are_taken_off() {
        assert_eq!(lines("Done when:\n- a\n2. b\n* [ ] c\n\nd"), ["a", "b", "c", "d"]);
        assert!(is_list("- a\n- b"));
        assert!(is_list("$ cargo test\n$ cargo fmt --check"));
        assert!(!is_list("First this.\nThen that."));
    }

    #[test]
    fn a_command_is_one_only_in_its_two_forms() {
        assert_eq!(command("$ cargo test"), Some("cargo test"));
        assert_eq!(command("- `npm test` passes."), Some("npm test"));
        for line in ["cargo test", "`add` is fast", "run `npm test`", "it costs $ 5", "$ "] {
            assert_eq!(command(line), None, "{line}");
        }
    }
}
