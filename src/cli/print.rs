//! What commands print: lines, tables, statuses with their colours, JSON.

use super::Failure;
use anstyle::{AnsiColor, Style};
use serde_json::Value;
use std::io::Write as _;

/// Prints one line. A closed pipe (as of `| head`) is no failure.
pub fn line(text: impl std::fmt::Display) {
    writeln!(anstream::stdout(), "{text}").ok();
}

/// Prints a note to standard error.
pub fn note(text: impl std::fmt::Display) {
    writeln!(anstream::stderr(), "{text}").ok();
}

/// Prints a value as JSON.
///
/// # Errors
/// When it cannot be written, which values of the server can.
pub fn json(value: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::error(error.to_string()))?;
    line(text);
    Ok(())
}

/// The colour of a status.
#[must_use]
pub fn status_style(status: &str) -> Style {
    let colour = match status {
        "RUNNING" | "TESTING" => AnsiColor::Blue,
        "PAUSED" | "EXHAUSTED" => AnsiColor::Yellow,
        "COMPLETED" | "FINISHED" => AnsiColor::Green,
        "FAILED" => AnsiColor::Red,
        _ => AnsiColor::BrightBlack,
    };
    Style::new().fg_color(Some(colour.into()))
}

/// A status with its colour.
#[must_use]
pub fn status(status: &str) -> String {
    let style = status_style(status);
    format!("{style}{status}{style:#}")
}

/// Faint text.
#[must_use]
pub fn faint(text: impl std::fmt::Display) -> String {
    let style = Style::new().dimmed();
    format!("{style}{text}{style:#}")
}

/// Bold text.
#[must_use]
pub fn bold(text: impl std::fmt::Display) -> String {
    let style = Style::new().bold();
    format!("{style}{text}{style:#}")
}

/// Prints a table without borders. The first row names the columns.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    table.add_rows(rows);
    for text in table.to_string().lines() {
        line(text.trim_end());
    }
}

/// A text field of a value; empty when it is absent.
#[must_use]
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A count with its digits in groups of three.
#[must_use]
pub fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// A moment as the time since it, such as `5 minutes ago`; empty for none.
#[must_use]
pub fn ago(moment: &str, now_millis: i64) -> String {
    let Ok(moment) = moment.parse::<crate::domain::Timestamp>() else {
        return String::new();
    };
    let seconds = (now_millis - moment.as_millis()).max(0) / 1000;
    match seconds {
        0..=59 => format!("{seconds}s ago"),
        60..=3599 => format!("{}m ago", seconds / 60),
        3600..=86_399 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// The first line of a text, cut to a width.
#[must_use]
pub fn first_line(text: &str, width: usize) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_the_time_since_it() {
        let now = 1_700_000_000_000;
        let at = |seconds: i64| crate::domain::Timestamp::from_millis(now - seconds * 1000).to_string();
        assert_eq!(ago(&at(5), now), "5s ago");
        assert_eq!(ago(&at(3700), now), "1h ago");
        assert_eq!(ago("", now), "");
    }

    #[test]
    fn a_long_line_is_cut_with_a_mark() {
        assert_eq!(first_line("abcdef\nsecond", 4), "abc…");
        assert_eq!(first_line(" ab ", 4), "ab");
    }
}
