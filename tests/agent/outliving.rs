//! Agents outlive the server: what a later one finds.

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal};
use taskwright::agent::{AgentEventKind, Delivery, ExitReason, TurnInput, TurnOutcome};
use taskwright::process::tree::{self, Stat};

use crate::support::{Place, as_message, is_alive, survivors, texts, within};

fn kill(pid: u32) {
    assert!(tree::signal(&Stat::read(pid).unwrap(), Signal::KILL));
}

/// The supervisor: the agent's parent.
fn supervisor_of(agent: u32) -> u32 {
    Stat::read(agent).unwrap().parent
}

#[tokio::test]
async fn a_later_server_goes_on_where_the_first_one_stopped() {
    let place = Place::new();
    let mut told = place.start("flood 300 50\npermit true\nflood 300 50\nsay end").await;
    for _ in 0..100 {
        told.text().await;
    }
    let (offset, mut all) = (told.offset(), told.texts());
    told.run = None;
    let mut told = place.reattach(offset).await;
    let (request_id, input) = told.request().await;
    let allow = taskwright::agent::PermissionAnswer::Allow { updated_input: input, session_rules: Vec::new() };
    told.handle().answer_permission(&request_id, allow).await.unwrap();
    told.turn_end().await;
    all.extend(told.texts());
    assert_eq!(all.len(), 601);
    for (index, text) in all[..300].iter().enumerate() {
        assert!(text.starts_with(&format!("line {} of", index + 1)), "{text} at {index}");
    }
    within(told.handle().end()).await;
}

#[tokio::test]
async fn reattaching_anywhere_repeats_nothing_and_misses_nothing() {
    let place = Place::new();
    let mut told = place.start("cost 0.5\nsay a\nsay b\nturn\ncost 0.25\nsay c\nlimit 1700000000").await;
    told.turn_end().await;
    told.send("go on").await;
    told.exit().await;
    let all = told.events;
    for (index, event) in all.iter().enumerate() {
        if event.more_of_line {
            continue;
        }
        let rest = place.reattach_ended(event.end_offset).await;
        let expected = if index + 1 == all.len() { &all[index..] } else { &all[index + 1..] };
        assert_eq!(rest, expected, "after event {index}");
    }
    assert_eq!(place.reattach_ended(0).await, all);
}

#[tokio::test]
async fn an_end_that_no_server_saw_is_told_to_the_next() {
    let place = Place::new();
    let mut told = place.launch().await;
    told.send(&as_message("say one\nexit 0")).await;
    told.run = None;
    let exit = loop {
        let Some(record) = std::fs::read(place.run_dir().join("exit.json")).ok() else {
            tokio::task::yield_now().await;
            continue;
        };
        break serde_json::from_slice::<serde_json::Value>(&record).unwrap();
    };
    assert_eq!(exit["code"], 0);
    let events = place.reattach_ended(0).await;
    assert_eq!(texts(&events), ["one"]);
    let AgentEventKind::Exited(exit) = &events.last().unwrap().kind else {
        panic!("the end is not told");
    };
    assert_eq!((&exit.reason, exit.mid_turn), (&ExitReason::EarlyExit, true));
}

#[tokio::test]
async fn a_supervisor_that_dies_takes_its_agent_with_it() {
    let place = Place::new();
    let mut told = place.start("stubborn\ndaemon d.pid\nsay I stay.\nhang").await;
    told.text().await;
    let agent = told.handle().pid().unwrap();
    kill(supervisor_of(agent));
    let exit = told.exit().await;
    assert_eq!((exit.reason, exit.mid_turn), (ExitReason::SupervisorLost, true));
    assert!(!is_alive(agent) && survivors(place.run).is_empty());
    let turn = TurnInput { input_id: uuid::Uuid::new_v4(), text: "x".to_owned(), images: Vec::new() };
    assert!(within(told.handle().send_turn(turn)).await.is_err());
}

#[tokio::test]
async fn a_supervisor_that_died_unseen_is_told_to_the_next_server() {
    let place = Place::new();
    let mut told = place.start("stubborn\nsay I stay.\nhang").await;
    told.text().await;
    let agent = told.handle().pid().unwrap();
    let supervisor = supervisor_of(agent);
    let offset = told.offset();
    told.run = None;
    kill(supervisor);
    while is_alive(supervisor) {
        tokio::task::yield_now().await;
    }
    let events = place.reattach_ended(offset).await;
    let AgentEventKind::Exited(exit) = &events.last().unwrap().kind else {
        panic!("the end is not told");
    };
    assert_eq!(exit.reason, ExitReason::SupervisorLost);
    assert!(!is_alive(agent));
}

/// Not a test by itself: the server that the next test kills. It launches an agent and takes its events until it dies.
#[tokio::test]
async fn helper_server_to_be_killed() {
    let Some(place) = std::env::var_os("TASKWRIGHT_TEST_PLACE") else {
        return;
    };
    let mut place_of_parent = Place::new();
    place_of_parent.run = std::env::var("TASKWRIGHT_TEST_RUN").unwrap().parse().unwrap();
    let mut spec = place_of_parent.spec();
    spec.run_dir = std::path::PathBuf::from(&place).join("run");
    spec.cwd = std::path::PathBuf::from(&place);
    let mut told = place_of_parent.launch_spec(spec).await.unwrap();
    told.send(&as_message("flood 2000 100\nsay half\nsleep 300\nflood 2000 100\nsay end\nturn\nsay after")).await;
    loop {
        let text = told.text().await;
        if text == "half" {
            std::fs::write(std::path::PathBuf::from(&place).join("half"), told.offset().to_string()).unwrap();
        }
    }
}

#[tokio::test]
async fn no_line_is_lost_or_doubled_when_the_server_is_killed() {
    let mut place = Place::new();
    let dir = tempfile::tempdir().unwrap();
    place.run = uuid::Uuid::new_v4();
    #[expect(clippy::disallowed_methods, reason = "the server to be killed is a process of its own")]
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "outliving::helper_server_to_be_killed", "--nocapture"])
        .env("TASKWRIGHT_TEST_PLACE", dir.path())
        .env("TASKWRIGHT_TEST_RUN", place.run.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let note = dir.path().join("half");
    let offset = within(async {
        loop {
            match std::fs::read_to_string(&note).ok().and_then(|text| text.parse::<u64>().ok()) {
                Some(offset) => return offset,
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    rustix::process::kill_process(Pid::from_child(&server), Signal::KILL).unwrap();
    server.wait().unwrap();

    use taskwright::agent::{Agent as _, ClaudeCode, Reattached};
    let Reattached::Running(mut run) = ClaudeCode.reattach(&dir.path().join("run"), offset).await.unwrap() else {
        panic!("the agent does not run");
    };
    let mut rest = Vec::new();
    let mut ends = 0;
    while let Some(event) = within(run.events.recv()).await {
        if let AgentEventKind::TurnEnded(end) = &event.kind {
            assert_eq!(end.outcome, TurnOutcome::Completed);
            ends += 1;
            if ends == 2 {
                break;
            }
            let turn = TurnInput { input_id: uuid::Uuid::new_v4(), text: "go on".to_owned(), images: Vec::new() };
            assert_eq!(run.handle.send_turn(turn).await.unwrap(), Delivery::Written);
        }
        rest.push(event);
    }
    let rest = texts(&rest);
    assert_eq!((rest.len(), rest[0].get(..14), rest.last().unwrap().as_str()), (2002, Some("line 1 of 2000"), "after"));
    within(run.handle.end()).await;
    assert!(survivors(place.run).is_empty());
}
