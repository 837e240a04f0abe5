//! The test runner `go`: runs `go test -json` over all packages of a module and reads single tests and subtests. A package
//! that does not compile is one failed case.

mod events;

use taskwright_plugin::testing::{Outcome, Plan, Project, TestCase};
use taskwright_plugin::{Description, TestRunner};
use taskwright_reports::{is_single, names_tool, program, shell};

/// The plugin.
pub struct Go;

impl TestRunner for Go {
    fn describe() -> Description {
        Description::new("go", env!("CARGO_PKG_VERSION"), "Tests Go modules with `go test -json`.")
    }

    fn wants() -> Vec<String> {
        vec!["go.mod".into(), "go.work".into()]
    }

    fn detect(project: Project) -> Result<Option<Plan>, String> {
        Ok(plan(&project))
    }

    fn interpret(outcomes: Vec<Outcome>) -> Result<Vec<TestCase>, String> {
        Ok(outcomes.iter().flat_map(events::read).collect())
    }
}

taskwright_plugin::export!(test_runner Go);

/// How a project is tested, if it has a `go.mod` and no test command of another kind.
pub fn plan(project: &Project) -> Option<Plan> {
    let command = match &project.test_command {
        Some(own) if names_tool(own, "go") && own.contains("go test") && is_single(own) => {
            let json = own.split_whitespace().any(|w| w == "-json");
            shell(&if json { own.clone() } else { own.replacen("go test", "go test -json", 1) }, &[], &[])
        }
        Some(_) => return None,
        None => {
            project.files.iter().find(|f| *f == "go.mod")?;
            program(&["go", "test", "-json", "./..."], &[], &[])
        }
    };
    let guidance = "Go with the standard `testing` package. Tests stand beside the code in files `*_test.go`, as functions \
                    `func TestName(t *testing.T)`, with subtests by `t.Run` where cases differ in data only.";
    Some(Plan { commands: vec![command], summary: "Go tests with go test".into(), guidance: guidance.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(files: &[&str], command: Option<&str>) -> Option<String> {
        let files = files.iter().map(|f| (*f).to_owned()).collect();
        let project = Project { files, contents: Vec::new(), test_command: command.map(str::to_owned), test_dir: None };
        plan(&project).map(|p| p.commands[0].argv.join(" "))
    }

    #[test]
    fn a_module_is_known_and_the_projects_own_command_wins() {
        assert_eq!(argv(&["go.mod"], None).as_deref(), Some("go test -json ./..."));
        assert_eq!(argv(&["main.go"], None), None);
        assert_eq!(argv(&[], Some("go test -race ./...")).as_deref(), Some("sh -c go test -json -race ./..."));
        assert_eq!(argv(&["go.mod"], Some("make check")), None);
    }
}
