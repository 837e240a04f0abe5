//! How a Python project is tested.

use std::collections::BTreeSet;

use taskwright_plugin::testing::{Command, Plan, Project};
use taskwright_reports::{is_single, names_tool, program, shell};

/// Files that tell how.
pub const WANTED: [&str; 8] = [
    "pyproject.toml",
    "pytest.ini",
    ".pytest.ini",
    "setup.cfg",
    "tox.ini",
    "requirements.txt",
    "requirements-dev.txt",
    "conftest.py",
];

/// Bytecode goes to the run's own folder. Python takes a cached file for the source's when size and second of change are the
/// same, and a change of one character by a quick agent keeps both; nor should the worktree fill with `__pycache__`.
const BYTECODE: (&str, &str) = ("PYTHONPYCACHEPREFIX", "{report}/bytecode");

const REPORT: &str = "{report}/pytest.xml";

/// Most test files that are read to tell their kind.
const MAX_READ: usize = 24;

/// The kinds of tests in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pytest,
    Unittest,
}

/// The plan, if there is anything of Python's tests here. `read` gives a file's text.
pub fn plan(project: &Project, read: &dyn Fn(&str) -> Option<String>) -> Option<Plan> {
    if let Some(command) = &project.test_command {
        return own_command(command);
    }
    let tests: Vec<&str> = project.files.iter().map(String::as_str).filter(|f| is_test_file(f)).collect();
    let configured = is_configured(project);
    if tests.is_empty() && !configured {
        return None;
    }
    let source = project.files.iter().any(|f| f == "src/");
    let env: &[(&str, &str)] = if source { &[BYTECODE, ("PYTHONPATH", "src")] } else { &[BYTECODE] };
    Some(match kind(project, &tests, configured, read) {
        Kind::Unittest => Plan {
            commands: discoveries(project, &tests, env),
            summary: "Python tests with unittest".into(),
            guidance: guidance(project, Kind::Unittest),
        },
        Kind::Pytest => Plan {
            commands: vec![pytest(project, env)],
            summary: "Python tests with pytest".into(),
            guidance: guidance(project, Kind::Pytest),
        },
    })
}

/// The user's own command, if its output can be read.
fn own_command(command: &str) -> Option<Plan> {
    if names_tool(command, "pytest") || names_tool(command, "py.test") {
        let options = format!("--junitxml={REPORT}");
        let command = shell(command, &[("PYTEST_ADDOPTS", &options)], &[REPORT]);
        let guidance = "Python with pytest.".into();
        return Some(Plan { commands: vec![command], summary: "Python tests with pytest".into(), guidance });
    }
    if names_tool(command, "unittest") && is_single(command) {
        let verbose = command.split_whitespace().any(|w| w == "-v" || w == "--verbose");
        let whole = if verbose { command.to_owned() } else { format!("{command} -v") };
        let guidance = "Python with unittest.".into();
        return Some(Plan {
            commands: vec![shell(&whole, &[], &[])],
            summary: "Python tests with unittest".into(),
            guidance,
        });
    }
    None
}

fn pytest(project: &Project, env: &[(&str, &str)]) -> Command {
    let option = format!("--junitxml={REPORT}");
    let mut argv = vec!["python3", "-m", "pytest", "-q", option.as_str()];
    argv.extend(project.test_dir.as_deref().filter(|d| !d.starts_with('-')));
    program(&argv, env, &[REPORT])
}

/// `unittest` finds tests in packages only: each other folder with tests has a command of its own.
fn discoveries(project: &Project, tests: &[&str], env: &[(&str, &str)]) -> Vec<Command> {
    let mut starts: BTreeSet<(String, &str)> = BTreeSet::new();
    for test in tests {
        let (folder, name) = test.rsplit_once('/').unwrap_or(("", test));
        let pattern = if name.starts_with("test") { "test*.py" } else { "*_test.py" };
        starts.insert((start_of(project, folder), pattern));
    }
    if starts.is_empty() {
        starts.insert((String::new(), "test*.py"));
    }
    let command = |(start, pattern): &(String, &str)| {
        let mut argv = vec!["python3", "-m", "unittest", "discover", "-v"];
        if !start.is_empty() {
            argv.extend(["-s", start]);
        }
        if *pattern != "test*.py" {
            argv.extend(["-p", pattern]);
        }
        program(&argv, env, &[])
    };
    starts.iter().map(command).collect()
}

/// The folder from which a folder's tests are found: above all the packages around it.
fn start_of(project: &Project, folder: &str) -> String {
    let mut start = folder;
    while !start.is_empty() && project.files.iter().any(|f| *f == format!("{start}/__init__.py")) {
        start = start.rsplit_once('/').map_or("", |(above, _)| above);
    }
    start.to_owned()
}

fn is_test_file(path: &str) -> bool {
    const NOT_OURS: [&str; 8] = ["node_modules", "venv", ".venv", "env", "site-packages", "build", "dist", ".tox"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let ours = !path.split('/').any(|part| NOT_OURS.contains(&part));
    ours && name.ends_with(".py")
        && (name.starts_with("test_") || name == "tests.py" || name == "test.py" || name.ends_with("_test.py"))
}

fn is_configured(project: &Project) -> bool {
    project.contents.iter().any(|(name, text)| match name.as_str() {
        "pyproject.toml" => text.contains("[tool.pytest"),
        "setup.cfg" => text.contains("[tool:pytest]"),
        "tox.ini" => text.contains("[pytest]"),
        "pytest.ini" | ".pytest.ini" => true,
        "requirements.txt" | "requirements-dev.txt" => text.lines().any(|line| line.trim().starts_with("pytest")),
        _ => false,
    })
}

/// `unittest` when every test file that can be read is of that kind and nothing else needs pytest.
fn kind(project: &Project, tests: &[&str], configured: bool, read: &dyn Fn(&str) -> Option<String>) -> Kind {
    let fixtures = project.files.iter().any(|f| f == "conftest.py" || f.ends_with("/conftest.py"));
    if fixtures || tests.is_empty() {
        return if fixtures || configured { Kind::Pytest } else { Kind::Unittest };
    }
    let texts: Option<Vec<String>> = tests.iter().take(MAX_READ).map(|path| read(path)).collect();
    match texts {
        Some(texts) if texts.iter().all(|text| is_unittest(text)) => Kind::Unittest,
        _ => Kind::Pytest,
    }
}

/// Nothing at the file's top is a test of pytest's.
fn is_unittest(text: &str) -> bool {
    let pytest = text.lines().any(|line| {
        line.starts_with("import pytest")
            || line.starts_with("from pytest")
            || line.starts_with("def test_")
            || line.starts_with("async def test_")
            || line.starts_with("class Test") && !line.contains('(')
    });
    let empty = text.trim().is_empty();
    !pytest && (empty || text.contains("unittest") || text.contains("TestCase"))
}

fn guidance(project: &Project, kind: Kind) -> String {
    let folder = project.test_dir.clone().or_else(|| {
        ["tests", "test"].iter().find(|d| project.files.contains(&format!("{d}/"))).map(|d| (*d).to_owned())
    });
    let place =
        folder.map_or_else(|| "beside the code".to_owned(), |folder| format!("in `{}/`", folder.trim_end_matches('/')));
    match kind {
        Kind::Pytest => format!(
            "Python with pytest. Tests stand {place} in files `test_*.py`, as functions `test_*` whose names say what \
             is expected, with plain `assert`."
        ),
        Kind::Unittest => format!(
            "Python with unittest from the standard library (no pytest). Tests stand {place} in files `test_*.py`, as \
             methods `test_*` of a `unittest.TestCase`; their names say what is expected."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITTEST: &str =
        "import unittest\n\n\nclass TestA(unittest.TestCase):\n    def test_a(self):\n        pass\n";
    const PYTEST: &str = "from adder import add\n\n\ndef test_two():\n    assert add(2, 2) == 4\n";

    fn project(files: &[&str], contents: &[(&str, &str)]) -> Project {
        Project {
            files: files.iter().map(|f| (*f).to_owned()).collect(),
            contents: contents.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect(),
            test_command: None,
            test_dir: None,
        }
    }

    fn commands(project: &Project, text: &'static str) -> Option<Vec<String>> {
        plan(project, &|_| Some(text.to_owned())).map(|p| p.commands.iter().map(|c| c.argv.join(" ")).collect())
    }

    #[test]
    fn tests_of_unittest_run_without_pytest() {
        let package = project(&["adder.py", "tests/", "tests/__init__.py", "tests/test_adder.py"], &[]);
        assert_eq!(commands(&package, UNITTEST).unwrap(), ["python3 -m unittest discover -v"]);
        let folder = project(&["adder.py", "tests/", "tests/test_adder.py"], &[]);
        assert_eq!(commands(&folder, UNITTEST).unwrap(), ["python3 -m unittest discover -v -s tests"]);
        let configured =
            project(&["pyproject.toml", "test_sanity.py"], &[("pyproject.toml", "[tool.pytest.ini_options]\n")]);
        assert_eq!(commands(&configured, UNITTEST).unwrap(), ["python3 -m unittest discover -v"]);
    }

    #[test]
    fn other_tests_run_with_pytest() {
        let files = project(&["adder.py", "tests/", "tests/test_adder.py"], &[]);
        assert_eq!(commands(&files, PYTEST).unwrap(), ["python3 -m pytest -q --junitxml={report}/pytest.xml"]);
        let fixtures = project(&["tests/", "tests/conftest.py", "tests/test_adder.py"], &[]);
        assert_eq!(commands(&fixtures, UNITTEST).unwrap(), ["python3 -m pytest -q --junitxml={report}/pytest.xml"]);
        let none = project(&["pytest.ini"], &[("pytest.ini", "[pytest]")]);
        assert!(commands(&none, "").unwrap()[0].contains("pytest"));
    }

    #[test]
    fn a_project_without_tests_of_pythons_is_not_known() {
        assert_eq!(commands(&project(&["README.md", "src/main.py", "tests/adder.test.js"], &[]), ""), None);
        assert_eq!(commands(&project(&["node_modules/x/test_a.py"], &[]), UNITTEST), None);
    }

    #[test]
    fn the_projects_own_command_wins() {
        let own = |command: &str| {
            let project = Project { test_command: Some(command.into()), ..project(&["test_a.py"], &[]) };
            plan(&project, &|_| None).map(|p| (p.commands[0].argv[2].clone(), p.commands[0].reports.len()))
        };
        assert_eq!(own("uv run pytest -x"), Some(("uv run pytest -x".into(), 1)));
        assert_eq!(own("python3 -m unittest tests.test_a"), Some(("python3 -m unittest tests.test_a -v".into(), 0)));
        assert_eq!(own("make check"), None);
    }
}
