//! Build, test, format and check tools: which of their subcommands are ordinary.

use super::{Judge, tables};
use crate::RiskKind::{Destructive, Outside, Published};
use crate::shell::Word;
use crate::{RiskKind, Verdict};

/// Ordinary with any arguments whose paths are inside.
const ANY: [&str; 62] = [
    "pytest",
    "py.test",
    "jest",
    "vitest",
    "mocha",
    "ava",
    "tap",
    "c8",
    "nyc",
    "tsc",
    "eslint",
    "prettier",
    "biome",
    "stylelint",
    "markdownlint",
    "rustfmt",
    "gofmt",
    "goimports",
    "golangci-lint",
    "staticcheck",
    "black",
    "ruff",
    "mypy",
    "isort",
    "flake8",
    "pylint",
    "pyright",
    "bandit",
    "coverage",
    "rspec",
    "rubocop",
    "standardrb",
    "phpunit",
    "phpstan",
    "php-cs-fixer",
    "clang-format",
    "clang-tidy",
    "shellcheck",
    "shfmt",
    "yamllint",
    "hadolint",
    "tox",
    "nox",
    "ctest",
    "gcc",
    "cc",
    "g++",
    "c++",
    "clang",
    "clang++",
    "rustc",
    "javac",
    "ktlint",
    "swiftlint",
    "swiftformat",
    "actionlint",
    "taplo",
    "dprint",
    "pycodestyle",
    "pydocstyle",
    "vulture",
    "yapf",
];

/// A tool with subcommands.
struct Tool {
    names: &'static [&'static str],
    ordinary: &'static [&'static str],
    risky: &'static [(&'static str, RiskKind)],
}

const TOOLS: [Tool; 21] = [
    Tool {
        names: &["cargo"],
        ordinary: &[
            "build",
            "b",
            "check",
            "c",
            "test",
            "t",
            "bench",
            "clippy",
            "fmt",
            "doc",
            "tree",
            "metadata",
            "nextest",
            "clean",
            "locate-project",
            "pkgid",
            "version",
            "llvm-cov",
        ],
        risky: &[
            ("publish", Published),
            ("yank", Published),
            ("owner", Published),
            ("login", RiskKind::Secret),
            ("logout", RiskKind::Secret),
            ("install", Outside),
            ("uninstall", Outside),
        ],
    },
    Tool {
        names: &["go"],
        ordinary: &["build", "test", "vet", "fmt", "list", "version", "doc"],
        risky: &[("install", Outside)],
    },
    Tool {
        names: &["dotnet"],
        ordinary: &["build", "test", "format", "restore", "clean"],
        risky: &[("nuget", Published)],
    },
    Tool { names: &["swift"], ordinary: &["build", "test"], risky: &[] },
    Tool {
        names: &["mix"],
        ordinary: &["test", "format", "compile", "credo", "dialyzer"],
        risky: &[("ecto.drop", Destructive), ("ecto.reset", Destructive), ("hex.publish", Published)],
    },
    Tool {
        names: &["deno"],
        ordinary: &["test", "fmt", "lint", "check", "doc"],
        risky: &[("deploy", Published), ("publish", Published), ("install", Outside)],
    },
    Tool { names: &["zig"], ordinary: &["build", "test", "fmt"], risky: &[] },
    Tool {
        names: &["stack", "cabal"],
        ordinary: &["build", "test", "check", "haddock"],
        risky: &[("upload", Published), ("install", Outside)],
    },
    Tool {
        names: &["sbt"],
        ordinary: &["test", "compile", "scalafmt", "scalafmtCheck", "clean"],
        risky: &[("publish", Published), ("release", Published)],
    },
    Tool {
        names: &["dart", "flutter"],
        ordinary: &["test", "analyze", "format", "doctor"],
        risky: &[("publish", Published)],
    },
    Tool { names: &["bazel", "bazelisk", "buck2"], ordinary: &["build", "test", "query", "cquery"], risky: &[] },
    Tool { names: &["meson"], ordinary: &["setup", "compile", "test", "configure"], risky: &[("install", Outside)] },
    Tool {
        names: &["terraform", "tofu"],
        ordinary: &["fmt", "validate"],
        risky: &[
            ("apply", Published),
            ("destroy", Destructive),
            ("import", Published),
            ("state", Destructive),
            ("taint", Destructive),
        ],
    },
    Tool { names: &["pip", "pip3"], ordinary: &["list", "show", "freeze", "check"], risky: &[("config", Outside)] },
    Tool {
        names: &["gem"],
        ordinary: &["list"],
        risky: &[("push", Published), ("yank", Published), ("install", Outside)],
    },
    Tool {
        names: &["composer"],
        ordinary: &["test", "validate", "show", "dump-autoload"],
        risky: &[("global", Outside)],
    },
    Tool { names: &["pre-commit"], ordinary: &["run"], risky: &[] },
    Tool { names: &["hatch"], ordinary: &["test", "fmt"], risky: &[("publish", Published)] },
    Tool {
        names: &["docker", "podman", "docker-compose", "nerdctl"],
        ordinary: &[],
        risky: &[
            ("push", Published),
            ("login", RiskKind::Secret),
            ("rm", Destructive),
            ("rmi", Destructive),
            ("kill", Destructive),
            ("prune", Destructive),
            ("system", Destructive),
            ("volume", Destructive),
            ("down", Destructive),
        ],
    },
    Tool {
        names: &["gh", "glab", "hub"],
        ordinary: &[],
        risky: &[
            ("create", Published),
            ("merge", Published),
            ("close", Published),
            ("delete", Destructive),
            ("edit", Published),
            ("comment", Published),
            ("review", Published),
            ("release", Published),
            ("api", Published),
            ("auth", RiskKind::Secret),
            ("secret", RiskKind::Secret),
            ("repo", Published),
            ("gist", Published),
            ("workflow", Published),
        ],
    },
    Tool {
        names: &["svn", "hg"],
        ordinary: &["status", "diff", "log", "info"],
        risky: &[("commit", Published), ("push", Published), ("revert", Destructive)],
    },
];

pub(super) fn judge(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    if ANY.contains(&name) {
        judge.loose_paths(args);
        return;
    }
    match name {
        "npm" | "pnpm" | "yarn" | "bun" => npm(judge, name, args),
        "npx" | "pnpx" | "bunx" => runner(judge, name, skip_flags(args)),
        "python" | "python3" | "py" => python(judge, args),
        "node" | "nodejs" | "tsx" | "ts-node" => node(judge, args),
        "uv" | "poetry" | "pipenv" | "pdm" | "bundle" | "rye" => environment(judge, name, args),
        "make" | "gmake" | "just" | "ninja" | "rake" | "mvn" | "mvnw" | "gradle" | "gradlew" | "task" | "invoke" => {
            targets(judge, name, args)
        }
        "cmake" => cmake(judge, args),
        "curl" | "wget" | "http" | "https" | "xh" => download(judge, name, args),
        _ if name.starts_with("python3.") => python(judge, args),
        _ => match TOOLS.iter().find(|tool| tool.names.contains(&name)) {
            Some(tool) => subcommands(judge, tool, name, args),
            None => unknown(judge, name, args),
        },
    }
}

fn texts(args: &[Word]) -> Vec<String> {
    args.iter().map(Word::display).collect()
}

/// No rule knows it; its arguments may still tell that it is harmful.
fn unknown(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    if let Some(risk) = tables::risk_in_arguments(name, &texts(args)) {
        judge.add(Verdict::Risky(risk));
    }
    judge.loose_paths(args);
    judge.unknown(format!("no rule knows `{name}`"));
}

fn subcommands(judge: &mut Judge<'_>, tool: &Tool, name: &str, args: &[Word]) {
    let all = texts(args);
    let sub = all.iter().find(|t| !t.starts_with(['-', '+'])).map_or("", String::as_str);
    let words: Vec<&str> = all
        .iter()
        .map(String::as_str)
        .filter(|t| !t.starts_with('-'))
        .take(if tool.ordinary.is_empty() { 3 } else { 1 })
        .collect();
    if let Some((word, kind)) = tool.risky.iter().find(|(word, _)| words.contains(word) || sub == *word) {
        judge.risky(*kind, format!("`{name} {word}` is not for a plugin to allow"));
        return;
    }
    if !tool.ordinary.contains(&sub) {
        let runs = matches!(
            (name, sub),
            ("cargo", "run" | "r") | ("go", "run") | ("dotnet" | "deno" | "swift" | "bazel" | "zig", "run")
        );
        if runs && judge.rules.run_programs {
            own_program(judge, name, args);
        } else {
            unknown(judge, &format!("{name} {sub}"), args);
        }
        return;
    }
    if all
        .iter()
        .any(|t| t.starts_with("--config") || t == "-exec" || t.starts_with("-exec=") || t.starts_with("-toolexec"))
    {
        judge.unknown("it changes what the tool runs");
    }
    judge.loose_paths(args);
}

/// A program of the project's own, which the settings allow to run.
fn own_program(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    if let Some(risk) = tables::risk_in_arguments(name, &texts(args)) {
        judge.add(Verdict::Risky(risk));
    }
    judge.loose_paths(args);
}

fn skip_flags(args: &[Word]) -> &[Word] {
    let at = args.iter().position(|w| !w.display().starts_with('-')).unwrap_or(args.len());
    if args[..at].iter().any(|w| matches!(w.display().as_str(), "-p" | "--package" | "-c" | "--call")) {
        &[]
    } else {
        &args[at..]
    }
}

/// `npx tool …`: only tools that are known by name.
fn runner(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    match args.first().and_then(Word::literal) {
        Some(tool)
            if ANY.contains(&tool.as_str()) || matches!(tool.as_str(), "node" | "python" | "python3" | "rake") =>
        {
            judge.program(args)
        }
        Some(tool) => unknown(judge, &format!("{name} {tool}"), &args[1..]),
        None => judge.unknown(format!("no rule knows this use of `{name}`")),
    }
}

fn npm(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    let all = texts(args);
    let before: Vec<&str> = all.iter().map(String::as_str).take_while(|t| *t != "--").collect();
    if before.iter().any(|t| matches!(*t, "-g" | "--global" | "--location=global"))
        || all.first().is_some_and(|t| t == "global")
    {
        judge.risky(Outside, "it changes what is installed on the machine");
        return;
    }
    let plain: Vec<&str> = before.iter().copied().filter(|t| !t.starts_with('-')).collect();
    let (sub, rest) = plain.split_first().map_or(("", &[][..]), |(s, r)| (*s, r));
    match sub {
        "publish" | "unpublish" | "deprecate" | "dist-tag" | "owner" | "access" | "hook" | "team" | "star" => {
            judge.risky(Published, format!("`{name} {sub}` changes what others use"))
        }
        "login" | "adduser" | "token" | "logout" | "config" | "whoami" | "profile" => {
            judge.risky(RiskKind::Secret, format!("`{name} {sub}` is about an account"))
        }
        "ls" | "list" | "why" | "outdated" | "explain" | "fund" | "root" | "prefix" => {}
        "ci" | "install" | "i" | "clean-install" | "" if rest.is_empty() => judge.loose_paths(args),
        "exec" | "x" | "dlx" => {
            let at = args.iter().position(|w| w.display() == sub).map_or(args.len(), |at| at + 1);
            runner(judge, name, skip_flags(&args[at..]));
        }
        "run" | "run-script" | "rum" => {
            if let Some(script) = rest.first() {
                target(judge, name, script, args);
            }
        }
        "test" | "t" | "tst" => judge.loose_paths(args),
        _ if name == "npm" => unknown(judge, &format!("{name} {sub}"), args),
        "add" | "remove" | "rm" | "up" | "upgrade" | "update" | "link" | "patch" | "create" | "init" => {
            judge.unknown(format!("`{name} {sub}` changes the dependencies"))
        }
        script => target(judge, name, script, args),
    }
}

fn target(judge: &mut Judge<'_>, name: &str, target: &str, args: &[Word]) {
    match tables::target_kind(target) {
        Some(true) => judge.loose_paths(args),
        Some(false) if target == "install" => judge.risky(Outside, format!("`{name} install` installs on the machine")),
        Some(false) => {
            judge.risky(Published, format!("`{name} {target}` may reach beyond the worktree or destroy data"))
        }
        None => unknown(judge, &format!("{name} {target}"), args),
    }
}

fn targets(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    let mut skip = false;
    for text in texts(args) {
        if std::mem::take(&mut skip) || text.starts_with("-D") || text.starts_with("-P") {
            continue;
        }
        if matches!(text.as_str(), "-C" | "-f" | "-j" | "-l" | "--directory" | "--file" | "-p" | "-pl") {
            skip = !text.chars().any(|c| c.is_ascii_digit());
        } else if text.starts_with('-') || text.chars().all(|c| c.is_ascii_digit()) {
            if text.starts_with("--eval") || text == "-e" {
                judge.unknown("it changes what the tool runs");
            }
        } else if text.contains('=') {
            judge.unknown(format!("it sets `{text}`"));
        } else {
            let bare = text.trim_start_matches(':');
            let last = if name.starts_with("gradle") { bare.rsplit(':').next().unwrap_or(bare) } else { bare };
            target(judge, name, &split_camel(last), &[]);
        }
    }
    judge.loose_paths(args);
}

/// `spotlessCheck` as `spotless-check`.
fn split_camel(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_spec")
        || name.contains(".test.")
        || name.contains(".spec.")
}

/// A script of the project: its tests are ordinary, others by the settings.
fn script(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    let Some(file) = args.first().and_then(Word::literal) else {
        judge.unknown(format!("what `{name}` would run is not plain text"));
        return;
    };
    if is_test_file(&file) {
        judge.path(&args[0], super::Access::Read);
        judge.loose_paths(&args[1..]);
    } else if judge.rules.run_programs && !file.starts_with('-') {
        judge.path(&args[0], super::Access::Read);
        own_program(judge, &file, args);
    } else {
        unknown(judge, &format!("{name} {file}"), args);
    }
}

fn python(judge: &mut Judge<'_>, args: &[Word]) {
    const MODULES: [&str; 17] = [
        "pytest",
        "unittest",
        "compileall",
        "py_compile",
        "black",
        "ruff",
        "mypy",
        "isort",
        "flake8",
        "pylint",
        "coverage",
        "doctest",
        "json.tool",
        "tox",
        "nox",
        "pyflakes",
        "tabnanny",
    ];
    let mut at = 0;
    while let Some(text) = args.get(at).map(Word::display).filter(|t| t.starts_with('-')) {
        match text.as_str() {
            "-m" => {
                let module = args.get(at + 1).and_then(Word::literal).unwrap_or_default();
                match module.as_str() {
                    _ if MODULES.contains(&module.as_str()) => judge.loose_paths(&args[at + 2..]),
                    "pip" => judge.program(&args[at + 1..]),
                    "venv" => judge.loose_paths(&args[at + 2..]),
                    _ => unknown(judge, &format!("python -m {module}"), &args[(at + 2).min(args.len())..]),
                }
                return;
            }
            "-V" | "--version" => return,
            "-B" | "-u" | "-s" | "-E" | "-I" | "-O" | "-q" | "-v" | "-bb" | "-Werror" => at += 1,
            "-W" | "-X" => at += 2,
            _ => {
                judge.unknown(format!("no rule knows `python {text}`"));
                return;
            }
        }
    }
    script(judge, "python", &args[at.min(args.len())..]);
}

fn node(judge: &mut Judge<'_>, args: &[Word]) {
    let flags: Vec<String> = texts(args).into_iter().take_while(|t| t.starts_with('-')).collect();
    if flags.iter().any(|f| {
        [
            "-e",
            "--eval",
            "-p",
            "--print",
            "-r",
            "--require",
            "--import",
            "--loader",
            "--env-file",
            "--experimental-loader",
            "-i",
        ]
        .contains(&f.split('=').next().unwrap_or(f))
    }) {
        judge.unknown("it runs text or loads further code");
        return;
    }
    if flags.iter().any(|f| matches!(f.as_str(), "--test" | "--check" | "-c" | "-v")) {
        judge.loose_paths(args);
        return;
    }
    script(judge, "node", &args[flags.len()..]);
}

/// Tools that run others in the project's own environment.
fn environment(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    let sub = args.first().and_then(Word::literal).unwrap_or_default();
    match sub.as_str() {
        "run" | "exec" => {
            let inner = skip_flags(&args[1..]);
            match inner.first().and_then(Word::literal) {
                Some(tool) if tool.contains('.') && !tool.contains('/') => script(judge, name, inner),
                Some(_) => judge.program(inner),
                None => judge.unknown("there is no command"),
            }
        }
        "sync" | "check" | "show" | "tree" | "lock" => judge.loose_paths(args),
        "install" if name != "bundle" && args[1..].iter().all(|w| w.display().starts_with('-')) => {
            judge.loose_paths(args)
        }
        "publish" => judge.risky(Published, format!("`{name} publish` changes what others use")),
        "tool" | "python" | "self" | "config" => judge.unknown(format!("`{name} {sub}` changes the machine")),
        _ => unknown(judge, &format!("{name} {sub}"), args),
    }
}

fn cmake(judge: &mut Judge<'_>, args: &[Word]) {
    for text in texts(args) {
        if text == "--install" || text == "install" {
            judge.risky(Outside, "it installs on the machine");
        } else if matches!(text.as_str(), "-P" | "-E") {
            judge.unknown("it runs a script");
        }
    }
    judge.loose_paths(args);
}

fn download(judge: &mut Judge<'_>, name: &str, args: &[Word]) {
    let sends = texts(args).iter().any(|t| {
        matches!(
            t.as_str(),
            "-T" | "--upload-file"
                | "-F"
                | "--form"
                | "-d"
                | "--data"
                | "--data-binary"
                | "--data-raw"
                | "--json"
                | "--post-file"
                | "--post-data"
                | "-u"
                | "--user"
        ) || t.starts_with("--data")
            || t.starts_with("--post")
            || t.contains("=@")
    });
    let method = texts(args)
        .windows(2)
        .any(|w| (w[0] == "-X" || w[0] == "--request") && !matches!(w[1].as_str(), "GET" | "HEAD" | "OPTIONS"));
    if sends || method {
        judge.risky(Published, format!("`{name}` sends something to another machine"));
    }
    for word in args.iter().filter(|w| w.display().starts_with(['/', '~', '@'])) {
        judge.path(word, super::Access::Write);
    }
    judge.unknown(format!("`{name}` reaches the network"));
}
