//! The status machine through the engine: random commands from two clients at once, and every status that the log tells is
//! a legal step from the one before.

use super::*;
use proptest::{prelude::*, test_runner::TestRunner};

#[derive(Clone, Copy, Debug)]
enum Command {
    Start,
    Stop,
    Resume,
    Interrupt,
    Recover,
    Retry,
    Restart,
    Complete,
    Continue,
    Input,
    UrgentInput,
    Worktree,
}

fn any_command() -> impl Strategy<Value = Command> {
    use Command as C;
    prop::sample::select(vec![
        C::Start,
        C::Start,
        C::Stop,
        C::Resume,
        C::Interrupt,
        C::Recover,
        C::Retry,
        C::Restart,
        C::Complete,
        C::Continue,
        C::Input,
        C::UrgentInput,
        C::Worktree,
    ])
}

async fn give(world: &World, id: TaskId, command: Command) {
    let (engine, who) = (&world.engine, actor());
    let input = |interrupt| NewInput { text: "more".to_owned(), images: vec![], priority: Priority::Normal, interrupt };
    let options = DeleteOptions { cleanup_worktree: true, auto_stop: false, delete_branch: false, confirm: false };
    let result = match command {
        Command::Start => engine.start_task(id, &who).await.map(drop),
        Command::Stop => engine.stop(id, &who).await.map(drop),
        Command::Resume => engine.resume(id, &who).await.map(drop),
        Command::Interrupt => engine.interrupt(id, &who).await.map(drop),
        Command::Recover => engine.recover(id, &who).await.map(drop),
        Command::Retry => engine.retry(id, 2, None, &who).await.map(drop),
        Command::Restart => engine.clear_and_restart(id, &who).await.map(drop),
        Command::Complete => engine.complete(id, &who).await.map(drop),
        Command::Continue => engine.continue_task(id, None, &who).await.map(drop),
        Command::Input => engine.set_input(id, input(false), &who).await.map(drop),
        Command::UrgentInput => engine.set_input(id, input(true), &who).await.map(drop),
        Command::Worktree => engine.delete_worktree(id, options, &who).await.map(drop),
    };
    match result {
        Ok(())
        | Err(EngineError::Refused(_) | EngineError::Conflict(_) | EngineError::NotFound { what: "worktree", .. }) => {}
        Err(error) => panic!("{command:?}: {error:?}"),
    }
}

async fn play(first: Vec<Command>, second: Vec<Command>) {
    let script = |turn: u32, _: &str| match turn % 3 {
        0 => vec![Move::Say("I work."), Move::Hang],
        1 => vec![Move::Say("Shall I?"), Move::Permit("npm test"), Move::Say("Shall I go on?")],
        _ => vec![Move::Write("made.txt", "hello\n"), Move::Say("Done.")],
    };
    let world = Setup::new(script)
        .responder(|situation| match &situation.happening {
            plugin::Happening::TurnEnded(text) if text.ends_with('?') => plugin::Answer::Pass,
            plugin::Happening::TurnEnded(_) => plugin::Answer::Finish(String::new()),
            _ => plugin::Answer::Allow,
        })
        .make()
        .await;
    let limits = Limits { max_iterations: Some(4), ..Limits::default() };
    let id = world.engine.create(TaskSpec { limits, ..world.spec("one") }, false, &actor()).await.unwrap().id;
    let client = async |commands: &[Command]| {
        for command in commands {
            give(&world, id, *command).await;
        }
    };
    let both = async { tokio::join!(client(&first), client(&second)) };
    if tokio::time::timeout(PATIENCE, both).await.is_err() {
        panic!("a command waits for ever: {:?} and {:?}\n{}", first, second, world.story(id).await);
    }
    check(&world, id).await;
}

async fn check(world: &World, id: TaskId) {
    let mut status = Status::Pending;
    for event in world.events(id).await {
        if let EventBody::TaskStatus { status: next, previous, .. } = event {
            assert_eq!(status, previous, "a gap in the statuses");
            let legal = Action::ALL.into_iter().any(|action| previous.after(action) == Ok(next));
            assert!(legal, "{previous} → {next} is in no table");
            status = next;
        }
    }
    if world.task(id).await.status.is_live() {
        world.engine.stop(id, &actor()).await.ok();
    }
    let ends = tokio::time::timeout(PATIENCE, world.engine.shutdown(true)).await;
    assert!(ends.is_ok(), "the engine does not end: {}", world.story(id).await);
    assert!(!world.task(id).await.status.is_live(), "nobody owns it and it is live");
    assert_eq!(world.agent.alive(), 0, "an agent was left");
}

#[test]
fn whatever_two_clients_do_at_once_every_status_is_a_legal_step() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let config =
        ProptestConfig { cases: 24, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() };
    let commands = || prop::collection::vec(any_command(), 1..10);
    TestRunner::new(config)
        .run(&(commands(), commands()), |(first, second)| {
            runtime.block_on(play(first, second));
            Ok(())
        })
        .unwrap();
}
