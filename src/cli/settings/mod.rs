//! Settings: defaults, then the settings file, then the environment, then flags; each value remembers where it came from.
//!
//! The rules are plain functions of what was read; files and the environment are read by [`read`] alone.

mod resolve;
mod table;
mod typed;

pub use resolve::{Given, InForce, SettingError, Source, resolve};
pub use table::{Kind, OTHER_VARIABLES, SETTINGS, Setting};
pub use typed::Settings;

use std::path::{Path, PathBuf};

/// What the command line says about settings.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SettingsArgs {
    /// Address and port to listen on [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Data directory [default: ~/.local/share/taskwright]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Settings file [default: taskwright.toml in the data directory]
    #[arg(long, value_name = "FILE", env = "TASKWRIGHT_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting, see `taskwright config`
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// Reads the settings file and the environment, and puts everything together.
///
/// # Errors
/// The first setting that is unknown or wrong, by its name and the place where it was given.
pub fn read(args: &SettingsArgs) -> Result<InForce, SettingError> {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let flags = flags(args)?;
    let data_dir = resolve::data_dir(&environment, &flags);
    let (file, text) = match (&args.config, &data_dir) {
        (Some(path), _) => (path.clone(), read_file(path)?),
        (None, Some(dir)) => {
            let path = dir.join("taskwright.toml");
            let text = if path.exists() { read_file(&path)? } else { String::new() };
            (path, text)
        }
        (None, None) => (PathBuf::new(), String::new()),
    };
    resolve(&Given { file: &file, file_text: &text, environment: &environment, flags: &flags })
}

fn read_file(path: &Path) -> Result<String, SettingError> {
    std::fs::read_to_string(path)
        .map_err(|source| SettingError::File { file: path.to_owned(), detail: source.to_string() })
}

fn flags(args: &SettingsArgs) -> Result<Vec<(String, String)>, SettingError> {
    let mut flags = Vec::new();
    for pair in &args.set {
        let (name, value) = pair.split_once('=').ok_or_else(|| SettingError::BadFlag { given: pair.clone() })?;
        flags.push((name.trim().to_owned(), value.to_owned()));
    }
    if let Some(listen) = &args.listen {
        flags.push(("listen".to_owned(), listen.clone()));
    }
    if let Some(dir) = &args.data_dir {
        flags.push(("data_dir".to_owned(), dir.to_string_lossy().into_owned()));
    }
    Ok(flags)
}
