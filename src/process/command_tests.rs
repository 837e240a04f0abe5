use super::*;

fn shell(text: &str) -> CommandSpec {
    CommandSpec {
        program: Program::Shell(text.to_owned()),
        cwd: std::env::temp_dir(),
        env: [("PATH".into(), std::env::var_os("PATH").unwrap_or_default())].into(),
        stdin: Vec::new(),
        time_limit: Duration::from_secs(60),
        output_limit: 64 * 1024,
        separate_stderr: false,
        cancel: CancellationToken::new(),
    }
}

fn is_alive(pid: &str) -> bool {
    pid.trim().parse().ok().and_then(super::super::start_time).is_some()
}

#[tokio::test]
async fn status_and_output_are_told_with_both_streams_in_order() {
    let outcome = run_command(shell("echo one; echo two >&2; echo three; exit 3"), None).await.unwrap();
    assert_eq!(outcome.status, CommandStatus::Exited(3));
    assert_eq!(outcome.output.text, "one\ntwo\nthree\n");
    assert!(outcome.leaked.is_empty());
}

#[tokio::test]
async fn standard_error_can_be_kept_apart() {
    let mut spec = shell("echo out; echo err >&2");
    spec.separate_stderr = true;
    let outcome = run_command(spec, None).await.unwrap();
    assert_eq!((outcome.output.text.as_str(), outcome.stderr.text.as_str()), ("out\n", "err\n"));
}

#[tokio::test]
async fn standard_input_is_fed_and_closed_and_output_told_as_it_comes() {
    let mut spec = shell("cat");
    spec.stdin = vec![b'x'; 1_000_000];
    let mut seen = 0;
    let mut sink = |_: OutputStream, bytes: &[u8]| seen += bytes.len();
    let outcome = run_command(spec, Some(&mut sink)).await.unwrap();
    assert!(outcome.success());
    assert_eq!(seen, 1_000_000);
    assert_eq!(outcome.output.total_bytes, 1_000_000);
    assert_eq!(outcome.output.omitted_bytes, 1_000_000 - 64 * 1024);
}

#[tokio::test]
async fn a_program_that_ignores_its_input_is_no_failure() {
    let mut spec = shell("exec true");
    spec.stdin = vec![b'x'; 1_000_000];
    assert!(run_command(spec, None).await.unwrap().success());
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_with_its_children() {
    let mut spec = shell("sleep 600 & echo $!; wait");
    spec.time_limit = Duration::from_millis(300);
    let outcome = run_command(spec, None).await.unwrap();
    assert_eq!(outcome.status, CommandStatus::TimedOut);
    assert!(!is_alive(&outcome.output.text));
}

#[tokio::test]
async fn a_command_that_ignores_sigterm_is_killed() {
    let mut spec = shell("trap '' TERM; echo $$; while :; do sleep 1; done");
    spec.time_limit = Duration::from_millis(300);
    let outcome = run_command(spec, None).await.unwrap();
    assert_eq!(outcome.status, CommandStatus::TimedOut);
    assert!(!is_alive(&outcome.output.text));
}

#[tokio::test]
async fn cancelling_ends_it() {
    let spec = shell("echo ready; exec sleep 600");
    let cancel = spec.cancel.clone();
    let mut sink = |_: OutputStream, _: &[u8]| cancel.cancel();
    let outcome = run_command(spec, Some(&mut sink)).await.unwrap();
    assert_eq!(outcome.status, CommandStatus::Cancelled);
}

#[tokio::test]
async fn a_daemon_that_keeps_the_output_open_is_killed_and_named() {
    let outcome = run_command(shell("setsid sleep 600 & echo $!"), None).await.unwrap();
    assert_eq!(outcome.status, CommandStatus::Exited(0));
    let pid: u32 = outcome.output.text.trim().parse().unwrap();
    assert_eq!(outcome.leaked, [pid]);
    assert!(!is_alive(&outcome.output.text));
    assert!(outcome.duration < Duration::from_secs(30));
}

#[tokio::test]
async fn dropping_the_future_kills_the_tree() {
    let (told, hear) = std::sync::mpsc::channel();
    let task = tokio_util::task::TaskTracker::new().spawn(async move {
        let mut sink = |_: OutputStream, bytes: &[u8]| told.send(String::from_utf8_lossy(bytes).into_owned()).unwrap();
        run_command(shell("echo $$; exec sleep 600"), Some(&mut sink)).await.map(|_| ())
    });
    let pid = tokio::task::spawn_blocking(move || hear.recv().unwrap()).await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let begin = Instant::now();
    while is_alive(&pid) {
        assert!(begin.elapsed() < Duration::from_secs(10), "{pid} is alive");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_signal_from_elsewhere_is_told() {
    let outcome = run_command(shell("kill -9 $$"), None).await.unwrap();
    assert_eq!(outcome.status, CommandStatus::Signalled(9));
}

#[tokio::test]
async fn what_cannot_start_says_so() {
    let mut spec = shell("true");
    spec.program = Program::Argv(vec!["no-such-program-anywhere".into()]);
    assert!(matches!(run_command(spec, None).await, Err(CommandError::Start { .. })));
    let mut spec = shell("true");
    spec.cwd = "/no/such/folder".into();
    assert!(matches!(run_command(spec, None).await, Err(CommandError::MissingDirectory(_))));
    assert!(matches!(run_command(shell("  "), None).await, Err(CommandError::Empty)));
}

#[tokio::test]
async fn only_the_given_environment_is_there() {
    let mut spec = shell("env");
    spec.env.insert("GIVEN".into(), "yes".into());
    let outcome = run_command(spec, None).await.unwrap();
    assert!(outcome.output.text.contains("GIVEN=yes"));
    assert!(!outcome.output.text.contains("CARGO_"));
}
