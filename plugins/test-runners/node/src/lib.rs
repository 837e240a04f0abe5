//! The test runner `node`: runs a project's `npm test`, or `node --test` where there is no script, so that the tool
//! behind it (node:test, vitest, jest, mocha) writes a report, and reads that into single cases. A tool that it does not
//! know counts by its exit status, or by TAP if it writes that.

mod framework;
mod jest;

use framework::{Framework, framework};
use taskwright_plugin::testing::{CaseStatus, Command, Outcome, Plan, Project, TestCase};
use taskwright_plugin::{Description, TestRunner};
use taskwright_reports::{Suites, by_status, is_single, junit, program, report, shell, tap, with_failed_run};

/// The plugin.
pub struct Node;

impl TestRunner for Node {
    fn describe() -> Description {
        let summary =
            "Tests Node projects with `npm test`: node:test, vitest, jest, mocha, or anything else by its exit status.";
        Description::new("node", env!("CARGO_PKG_VERSION"), summary)
    }

    fn wants() -> Vec<String> {
        vec!["package.json".into()]
    }

    fn detect(project: Project) -> Result<Option<Plan>, String> {
        Ok(plan(&project))
    }

    fn interpret(outcomes: Vec<Outcome>) -> Result<Vec<TestCase>, String> {
        Ok(outcomes.iter().flat_map(interpret).collect())
    }
}

taskwright_plugin::export!(test_runner Node);

const XML: &str = "{report}/node.xml";
const JSON: &str = "{report}/node.json";

/// How a project is tested, if it is one of Node's.
pub fn plan(project: &Project) -> Option<Plan> {
    let package = project.contents.iter().find(|(name, _)| name == "package.json").map_or("", |(_, text)| text);
    let framework = framework(project, package)?;
    let command = match &project.test_command {
        Some(own) => own_command(own, framework),
        None if framework::script(package).is_none() => without_script(framework),
        None => with_script(&framework::script(package)?, framework),
    };
    Some(Plan {
        commands: vec![command],
        summary: format!("Node tests with {}", framework.name()),
        guidance: guidance(project, framework),
    })
}

fn own_command(command: &str, framework: Framework) -> Command {
    let runs_script = ["npm test", "npm run test", "npm t", "pnpm test", "yarn test"].contains(&command.trim());
    match framework {
        Framework::NodeTest => shell(command, &node_options(), &[XML]),
        _ if runs_script => {
            shell(&format!("{} -- {}", command.trim(), framework.flags()), &[("CI", "true")], framework.reports())
        }
        _ if is_single(command) && framework != Framework::Other => {
            shell(&format!("{command} {}", framework.flags()), &[("CI", "true")], framework.reports())
        }
        _ => shell(command, &[("CI", "true")], &[]),
    }
}

/// node:test takes its reporters from the environment, whatever stands around `node --test` in the script.
fn node_options() -> [(&'static str, &'static str); 2] {
    const OPTIONS: &str = "--test-reporter=junit --test-reporter-destination={report}/node.xml \
                           --test-reporter=spec --test-reporter-destination=stdout";
    [("NODE_OPTIONS", OPTIONS), ("CI", "true")]
}

fn without_script(framework: Framework) -> Command {
    match framework {
        Framework::NodeTest | Framework::Other => program(&["node", "--test"], &node_options(), &[XML]),
        _ => through_npx(framework),
    }
}

fn with_script(script: &str, framework: Framework) -> Command {
    match framework {
        Framework::NodeTest => program(&["npm", "test"], &node_options(), &[XML]),
        Framework::Other => program(&["npm", "test"], &[("CI", "true")], &[]),
        _ if is_single(script) => {
            let mut argv = vec!["npm", "test", "--"];
            argv.extend(framework.flags().split(' '));
            program(&argv, &[("CI", "true")], framework.reports())
        }
        _ => through_npx(framework),
    }
}

fn through_npx(framework: Framework) -> Command {
    let mut argv = vec!["npx", "--no-install", framework.program()];
    argv.extend(framework.flags().split(' '));
    program(&argv, &[("CI", "true")], framework.reports())
}

fn guidance(project: &Project, framework: Framework) -> String {
    let folder = project.test_dir.clone().or_else(|| {
        ["test", "tests", "__tests__"]
            .iter()
            .find(|d| project.files.contains(&format!("{d}/")))
            .map(|d| (*d).to_owned())
    });
    let place = folder.map_or_else(|| "beside the code".to_owned(), |f| format!("in `{}/`", f.trim_end_matches('/')));
    format!(
        "JavaScript with {}. Tests stand {place} in files `*.test.js` (or `.ts` where the code is). {}",
        framework.name(),
        framework.advice()
    )
}

/// Reads one run.
pub fn interpret(outcome: &Outcome) -> Vec<TestCase> {
    if let Some(cases) = report(outcome, ".json").and_then(|json| jest::read(json).ok()) {
        return with_failed_run(cases, outcome);
    }
    let suites =
        if outcome.command.env.iter().any(|(name, _)| name == "NODE_OPTIONS") { Suites::Around } else { Suites::Class };
    if let Some(cases) =
        report(outcome, ".xml").and_then(|xml| junit(xml, suites).ok()).filter(|cases| !cases.is_empty())
    {
        return with_failed_run(cases.into_iter().map(with_short_path).collect(), outcome);
    }
    let cases = tap(&outcome.stdout);
    if !cases.is_empty() {
        return with_failed_run(cases, outcome);
    }
    let nothing = ["No test files found", "No tests found"]
        .iter()
        .any(|s| outcome.stdout.contains(s) || outcome.stderr.contains(s));
    if nothing || (outcome.status == Some(0) && !outcome.command.reports.is_empty()) {
        Vec::new()
    } else {
        vec![by_status(outcome)]
    }
}

/// node:test names a file that failed as a whole by its absolute path, which is another in each worktree.
fn with_short_path(mut case: TestCase) -> TestCase {
    if case.status == CaseStatus::Failed && case.name.starts_with('/') {
        case.name = framework::short(&case.name);
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(package: &str, command: Option<&str>) -> Project {
        Project {
            files: ["adder.js", "package.json", "tests/", "tests/adder.test.js"].map(str::to_owned).to_vec(),
            contents: if package.is_empty() { Vec::new() } else { vec![("package.json".into(), package.into())] },
            test_command: command.map(str::to_owned),
            test_dir: None,
        }
    }

    fn argv(package: &str, command: Option<&str>) -> Option<String> {
        plan(&project(package, command)).map(|p| p.commands[0].argv.join(" "))
    }

    #[test]
    fn the_script_is_run_so_that_a_report_is_written() {
        assert_eq!(argv(r#"{"scripts": {"test": "node --test"}}"#, None).unwrap(), "npm test");
        assert_eq!(
            argv(r#"{"scripts": {"test": "vitest"}}"#, None).unwrap(),
            "npm test -- --run --reporter=default --reporter=junit --outputFile.junit={report}/node.xml"
        );
        assert_eq!(
            argv(r#"{"scripts": {"test": "jest"}}"#, None).unwrap(),
            "npm test -- --ci --json --outputFile={report}/node.json"
        );
        assert_eq!(
            argv(r#"{"scripts": {"test": "npm run build && jest"}}"#, None).unwrap(),
            "npx --no-install jest --ci --json --outputFile={report}/node.json"
        );
        assert_eq!(argv(r#"{"scripts": {"test": "./check.sh"}}"#, None).unwrap(), "npm test");
    }

    #[test]
    fn without_a_script_the_tests_themselves_tell() {
        assert_eq!(argv(r#"{"name": "a"}"#, None).unwrap(), "node --test");
        assert_eq!(
            argv(r#"{"devDependencies": {"vitest": "4"}}"#, None).unwrap().split(" --run").next().unwrap(),
            "npx --no-install vitest"
        );
        assert_eq!(argv("", None), None);
    }

    #[test]
    fn the_projects_own_command_is_taken_if_it_is_of_this_kind() {
        assert_eq!(
            argv(r#"{"scripts": {"test": "node --test"}}"#, Some("node --test tests/")).unwrap(),
            "sh -c node --test tests/"
        );
        assert_eq!(argv(r#"{"name": "a"}"#, Some("make check")), None);
    }

    fn outcome(status: i32, report: Option<(&str, &str)>, stdout: &str) -> Outcome {
        Outcome {
            command: program(&["npm", "test"], &node_options(), &[XML]),
            status: Some(status),
            timed_out: false,
            error: String::new(),
            stdout: stdout.into(),
            stderr: String::new(),
            reports: report.map(|(n, t)| (n.to_owned(), t.to_owned())).into_iter().collect(),
        }
    }

    #[test]
    fn the_report_of_node_is_read_with_names_that_stay() {
        let cases = interpret(&outcome(1, Some((XML, include_str!("../../../reports/fixtures/node.xml"))), ""));
        assert_eq!(cases.len(), 8);
        assert_eq!(cases[7].name, "task/b.test.js");
    }

    #[test]
    fn without_a_report_the_exit_status_counts() {
        let mut failed = outcome(1, None, "Missing script");
        assert_eq!(
            (interpret(&failed)[0].name.as_str(), interpret(&failed)[0].status),
            ("npm test", CaseStatus::Failed)
        );
        failed.stdout = "TAP version 13\nok 1 - a\nnot ok 2 - b\n".into();
        assert_eq!(interpret(&failed).len(), 2);
    }
}
