//! The test runner `cargo`: runs `cargo test` and reads unit, integration and documentation tests as single cases. A
//! crate that does not compile is one failed case with the compiler's words.

mod output;

use taskwright_plugin::testing::{Outcome, Plan, Project, TestCase};
use taskwright_plugin::{Description, TestRunner};
use taskwright_reports::{is_single, names_tool, program, shell};

/// The plugin.
pub struct Cargo;

impl TestRunner for Cargo {
    fn describe() -> Description {
        Description::new("cargo", env!("CARGO_PKG_VERSION"), "Tests Rust projects with `cargo test`.")
    }

    fn wants() -> Vec<String> {
        vec!["Cargo.toml".into()]
    }

    fn detect(project: Project) -> Result<Option<Plan>, String> {
        Ok(plan(&project))
    }

    fn interpret(outcomes: Vec<Outcome>) -> Result<Vec<TestCase>, String> {
        Ok(outcomes.iter().flat_map(output::read).collect())
    }
}

taskwright_plugin::export!(test_runner Cargo);

/// How a project is tested, if it has a `Cargo.toml` and no test command of another kind.
pub fn plan(project: &Project) -> Option<Plan> {
    let manifest = project.contents.iter().find(|(name, _)| name == "Cargo.toml").map(|(_, text)| text.as_str());
    let command = match &project.test_command {
        Some(command) if names_tool(command, "cargo") && command.contains("test") && !command.contains("nextest") => {
            let whole = if is_single(command) && !command.contains(" -- ") && !command.contains("--no-fail-fast") {
                format!("{command} --no-fail-fast")
            } else {
                command.clone()
            };
            shell(&whole, &[("CARGO_TERM_COLOR", "never")], &[])
        }
        Some(_) => return None,
        None => {
            let workspace = manifest?.lines().any(|line| line.trim() == "[workspace]");
            let mut argv = vec!["cargo", "test", "--no-fail-fast"];
            if workspace {
                argv.push("--workspace");
            }
            program(&argv, &[("CARGO_TERM_COLOR", "never")], &[])
        }
    };
    Some(Plan { commands: vec![command], summary: "Rust tests with cargo test".into(), guidance: guidance(project) })
}

fn guidance(project: &Project) -> String {
    let place = if project.files.iter().any(|f| f == "tests/") { "`tests/`" } else { "`tests/` (to be made)" };
    format!(
        "Rust. Unit tests stand beside the code in a `#[cfg(test)] mod tests` with `#[test]` functions; tests of the \
         public interface stand in {place}, one file a subject. Names say what is expected. They run with `cargo test`."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(manifest: Option<&str>, command: Option<&str>) -> Project {
        Project {
            files: vec!["Cargo.toml".into(), "src/".into(), "src/lib.rs".into()],
            contents: manifest.map(|m| ("Cargo.toml".to_owned(), m.to_owned())).into_iter().collect(),
            test_command: command.map(str::to_owned),
            test_dir: None,
        }
    }

    fn argv(manifest: Option<&str>, command: Option<&str>) -> Option<String> {
        plan(&project(manifest, command)).map(|p| p.commands[0].argv.join(" "))
    }

    #[test]
    fn a_crate_and_a_workspace_are_known() {
        assert_eq!(argv(Some("[package]"), None).as_deref(), Some("cargo test --no-fail-fast"));
        assert_eq!(argv(Some("[workspace]"), None).as_deref(), Some("cargo test --no-fail-fast --workspace"));
        assert_eq!(argv(None, None), None);
    }

    #[test]
    fn the_projects_own_command_is_taken_if_it_is_cargo_test() {
        assert_eq!(argv(None, Some("cargo test -p a")).as_deref(), Some("sh -c cargo test -p a --no-fail-fast"));
        assert_eq!(argv(None, Some("cd a && cargo test")).as_deref(), Some("sh -c cd a && cargo test"));
        assert_eq!(argv(Some("[package]"), Some("make check")), None);
    }
}
