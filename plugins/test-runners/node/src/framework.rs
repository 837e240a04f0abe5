//! Which tool a project is tested with, and how that is told to write a report.

use serde_json::Value;
use taskwright_plugin::testing::Project;
use taskwright_reports::names_tool;

use crate::{JSON, XML};

/// A test tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// `node --test`
    NodeTest,
    Vitest,
    Jest,
    Mocha,
    /// Whatever the script is.
    Other,
}

const KNOWN: [Framework; 3] = [Framework::Vitest, Framework::Jest, Framework::Mocha];

/// The tool of a project: what its command or script names, else what it depends on, else node's own where there are
/// tests. A command that has nothing to do with Node is another runner's.
pub fn framework(project: &Project, package: &str) -> Option<Framework> {
    let own = project.test_command.as_deref();
    let script = script(package);
    if let Some(command) = own {
        if let Some(known) = named(command) {
            return Some(known);
        }
        let package_script = ["npm", "pnpm", "yarn", "bun"].iter().any(|tool| names_tool(command, tool));
        return package_script.then(|| script.as_deref().and_then(named).unwrap_or(Framework::Other));
    }
    if package.is_empty() {
        return None;
    }
    if let Some(script) = script {
        return Some(named(&script).unwrap_or(Framework::Other));
    }
    let depends = KNOWN.into_iter().find(|f| depends_on(package, f.program()));
    depends.or_else(|| project.files.iter().any(|f| is_test(f)).then_some(Framework::NodeTest))
}

/// The `test` script, unless it is the one that `npm init` writes.
pub fn script(package: &str) -> Option<String> {
    let package: Value = serde_json::from_str(package).ok()?;
    let script = package.get("scripts")?.get("test")?.as_str()?.trim();
    (!script.is_empty() && !script.contains("no test specified")).then(|| script.to_owned())
}

fn named(command: &str) -> Option<Framework> {
    let node = ["node", "tsx"].iter().any(|tool| names_tool(command, tool)) && command.contains("--test");
    if node {
        return Some(Framework::NodeTest);
    }
    KNOWN.into_iter().find(|f| names_tool(command, f.program()))
}

fn depends_on(package: &str, name: &str) -> bool {
    let Ok(package) = serde_json::from_str::<Value>(package) else { return false };
    ["devDependencies", "dependencies"].iter().any(|list| package.get(list).is_some_and(|l| l.get(name).is_some()))
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let script = [".js", ".mjs", ".cjs"].iter().any(|end| name.ends_with(end));
    let foreign = path.split('/').any(|part| part == "node_modules");
    let named = [".test.", "-test.", "_test."].iter().any(|mark| name.contains(mark)) || name.starts_with("test-");
    !foreign && script && (named || path.split('/').any(|part| part == "test"))
}

/// The last two parts of a path.
pub fn short(path: &str) -> String {
    let mut parts: Vec<&str> = path.rsplit('/').take(2).collect();
    parts.reverse();
    parts.join("/")
}

impl Framework {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::NodeTest => "node:test",
            Self::Vitest => "vitest",
            Self::Jest => "jest",
            Self::Mocha => "mocha",
            Self::Other => "npm test",
        }
    }

    /// Its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::NodeTest | Self::Other => "node",
            other => other.name(),
        }
    }

    /// Arguments that make it run once and write a report.
    pub fn flags(self) -> &'static str {
        match self {
            Self::Vitest => "--run --reporter=default --reporter=junit --outputFile.junit={report}/node.xml",
            Self::Jest => "--ci --json --outputFile={report}/node.json",
            Self::Mocha => "--reporter xunit --reporter-option output={report}/node.xml",
            Self::NodeTest | Self::Other => "",
        }
    }

    /// The report that it writes.
    pub fn reports(self) -> &'static [&'static str] {
        match self {
            Self::Jest => &[JSON],
            Self::Vitest | Self::Mocha | Self::NodeTest => &[XML],
            Self::Other => &[],
        }
    }

    /// What someone who writes tests for it should know.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NodeTest => {
                "Use `import test from 'node:test'` and `import assert from 'node:assert'`, nothing else."
            }
            Self::Vitest => "Use `import { describe, expect, it } from 'vitest'`.",
            Self::Jest => "Use `describe`, `it` and `expect`, which are global.",
            Self::Mocha => "Use `describe` and `it`, with the assertion library that is there.",
            Self::Other => "Follow the tests that are there.",
        }
    }
}
