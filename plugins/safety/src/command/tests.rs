use proptest::prelude::*;

use super::*;

const CORPUS: &str = include_str!("../../data/commands.txt");

/// The parts of a command that must never be allowed, however they are wrapped.
const CORES: [&str; 12] = [
    "rm -rf ~",
    "rm -rf /",
    "rm -fr ../..",
    "git push --force origin main",
    "git reset --hard origin/main",
    "cat ~/.ssh/id_rsa",
    "sudo rm a",
    "npm publish",
    "psql -c 'DROP TABLE users'",
    "echo x > /etc/hosts",
    "git clean -fdx",
    "cat .env",
];

fn place() -> Place {
    Place { readable: vec!["/w/sdk".into()], ..Place::at("/w/task") }
}

fn verdict(command: &str) -> Verdict {
    judge_command(command, &place(), &Rules::default())
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Safe => "safe",
        Verdict::Unknown(_) => "ask",
        Verdict::Denied(_) => "denied",
        Verdict::Risky(risk) => match risk.kind {
            RiskKind::Destructive => "destructive",
            RiskKind::Secret => "secret",
            RiskKind::Paid => "paid",
            RiskKind::Published => "published",
            RiskKind::Outside => "outside",
        },
    }
}

#[test]
fn every_command_of_the_corpus_is_judged_as_it_says() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in CORPUS.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
        let (wanted, command) = line.split_once(" | ").expect("a bar in each line");
        let verdict = verdict(&command.replace('␤', "\n"));
        count += 1;
        if word(&verdict) != wanted.trim() {
            wrong.push(format!("{command}\n    wanted {wanted}, got {verdict:?}"));
        }
    }
    assert!(count >= 150, "the corpus has only {count} commands");
    assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn settings_allow_and_deny_prefixes_but_never_allow_harm() {
    let rules = Rules {
        allowed: vec!["just ci".into(), "./scripts/check.sh".into(), "sudo".into(), "git".into(), "python3".into()],
        denied: vec!["cargo bench".into()],
        run_programs: false,
    };
    let judge = |command: &str| judge_command(command, &place(), &rules);
    assert_eq!(judge("just ci --all"), Verdict::Safe);
    assert!(matches!(judge("just cinema"), Verdict::Unknown(_)));
    assert_eq!(judge("./scripts/check.sh a"), Verdict::Safe);
    assert!(matches!(judge("ls && cargo bench"), Verdict::Denied(_)));
    assert!(matches!(judge("sudo ls"), Verdict::Risky(_)));
    assert!(matches!(judge("git push"), Verdict::Risky(_)));
    assert!(matches!(judge("python3 a.py ../../x"), Verdict::Risky(_)));
    assert!(matches!(judge("just ci; rm -rf ~"), Verdict::Risky(_)));
}

#[test]
fn the_projects_own_programs_run_where_the_settings_say_so() {
    let rules = Rules { run_programs: true, ..Rules::default() };
    let judge = |command: &str| judge_command(command, &place(), &rules);
    assert_eq!(judge("cargo run -- --help"), Verdict::Safe);
    assert_eq!(judge("python3 tool.py a"), Verdict::Safe);
    assert!(matches!(judge("python3 tool.py --deploy"), Verdict::Risky(_)));
    assert!(matches!(judge("python3 /tmp/tool.py"), Verdict::Risky(_)));
}

#[test]
fn a_long_or_deep_command_is_judged_quickly_and_not_as_safe() {
    for text in [
        "(".repeat(50_000),
        "$(".repeat(10_000),
        "`".repeat(9_999),
        format!("echo {}", "a ".repeat(60_000)),
        "bash -c ".repeat(2_000),
        "echo \"$(".repeat(2_000),
        "<<a ".repeat(500),
    ] {
        assert_ne!(verdict(&text), Verdict::Safe);
    }
}

/// Wraps a command in ways that a shell accepts.
fn wrap(how: u8, core: &str) -> String {
    let single = core.replace('\'', "'\\''");
    match how % 18 {
        0 => format!("bash -c '{single}'"),
        1 => format!("eval '{single}'"),
        2 => format!("echo $({core})"),
        3 => format!("echo `{}`", core.replace('\\', "\\\\").replace('`', "\\`")),
        4 => format!("cargo test && {core}"),
        5 => format!("true; {core}; true"),
        6 => format!("({core})"),
        7 => format!("{{ {core}; }}"),
        8 => format!("if true; then {core}; fi"),
        9 => format!("for i in 1; do {core}; done"),
        10 => format!("ls\n{core}\nls"),
        11 => format!("CI=1 {core}"),
        12 => format!("timeout 5 {core}"),
        13 => format!("env CI=1 {core}"),
        14 => format!("git commit -m \"$({core})\""),
        15 => format!("bash <<'EOF'\n{core}\nEOF"),
        16 => format!("sudo {core}"),
        _ => format!("ls | {core}"),
    }
}

/// Quotes and escapes that leave the words as they are.
fn disguise(how: u8, core: &str) -> String {
    let (first, rest) = core.split_once(' ').expect("cores have arguments");
    match how % 5 {
        0 => core.to_owned(),
        1 => format!("'{first}' {rest}"),
        2 => format!("\\{first} {rest}"),
        3 => format!("{}\"{}\" {rest}", &first[..1], &first[1..]),
        _ => format!("{first} \\\n{rest}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_text_makes_it_panic_and_the_same_text_gives_the_same_verdict(text in "\\PC{0,120}") {
        prop_assert_eq!(verdict(&text), verdict(&text));
    }

    #[test]
    fn no_shell_like_text_makes_it_panic(text in "[a-z ~/$(){}<>|;&'\"`\\\\\n*.#=!-]{0,80}") {
        prop_assert_eq!(verdict(&text), verdict(&text));
    }

    #[test]
    fn a_harmful_core_is_never_allowed_whatever_wraps_it(core in 0..CORES.len(), disguised in any::<u8>(), wraps in proptest::collection::vec(any::<u8>(), 0..4)) {
        let mut command = disguise(disguised, CORES[core]);
        for how in wraps {
            command = wrap(how, &command);
        }
        prop_assert_ne!(verdict(&command), Verdict::Safe, "{}", command);
    }

    #[test]
    fn a_harmful_core_is_never_allowed_between_other_commands(core in 0..CORES.len(), before in "[a-z'\" $|;&-]{0,20}", after in "[a-z'\" $|;&-]{0,20}") {
        let command = format!("{before}\n{}\n{after}", CORES[core]);
        // A quote that is open before it makes the core text, and the command unclear or plain.
        let quoted = before.contains(['\'', '"']);
        prop_assert!(quoted || verdict(&command) != Verdict::Safe, "{}", command);
    }
}
