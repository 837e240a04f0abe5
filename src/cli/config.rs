//! `taskwright config`: what is in force, and a sample file.

use super::{
    Failure, print,
    settings::{self, SETTINGS, Settings, SettingsArgs},
};
use std::process::ExitCode;

/// Prints the settings in force, or a sample file.
///
/// # Errors
/// When a setting is unknown or wrong.
pub fn run(args: &SettingsArgs, json: bool, sample: bool) -> Result<ExitCode, Failure> {
    if sample {
        print::line(sample_file().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let in_force = settings::read(args)?;
    let data_dir = Settings::data_dir(&in_force)?;
    Settings::new(&in_force)?;
    let shown = |setting: &settings::Setting| match in_force.get(setting.name) {
        Some((_, source)) if setting.secret => ("(hidden)".to_owned(), source.to_string()),
        Some((value, source)) => (value.to_string(), source.to_string()),
        None if setting.name == "data_dir" => (format!("{:?}", data_dir.display().to_string()), "default".to_owned()),
        None => (String::new(), "default".to_owned()),
    };
    if json {
        let rows: serde_json::Map<_, _> = SETTINGS
            .iter()
            .map(|setting| {
                let (value, source) = shown(setting);
                (setting.name.to_owned(), serde_json::json!({ "value": value, "source": source }))
            })
            .collect();
        print::json(&rows.into())?;
    } else {
        let rows = SETTINGS
            .iter()
            .map(|setting| {
                let (value, source) = shown(setting);
                vec![setting.name.to_owned(), value, source]
            })
            .collect();
        print::table(&["setting", "value", "from"], rows);
    }
    Ok(ExitCode::SUCCESS)
}

/// Every setting with its default, commented out.
fn sample_file() -> String {
    let mut text = String::from("# Settings of Taskwright. A line that is commented out shows the default.\n");
    for setting in SETTINGS.iter().filter(|setting| !setting.secret) {
        text.push('\n');
        for line in textwrap(setting.doc) {
            text.push_str(&format!("# {line}\n"));
        }
        if let Some(variable) = setting.variable {
            text.push_str(&format!("# Environment: {variable}\n"));
        }
        let default = if setting.default.is_empty() { "\"…\"" } else { setting.default };
        text.push_str(&format!("#{} = {default}\n", setting.name));
    }
    text
}

fn textwrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, String::len);
        if line > 0 && line + 1 + word.len() > 98 {
            lines.push(word.to_owned());
        } else if let Some(last) = lines.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_file_is_toml_once_its_defaults_are_uncommented() {
        let uncommented: String = sample_file()
            .lines()
            .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')))
            .map(|line| format!("{line}\n"))
            .collect();
        let table: toml::Table = uncommented.parse().unwrap();
        assert_eq!(table.len(), SETTINGS.len() - 1);
    }
}
