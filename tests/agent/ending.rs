//! Ending an agent and everything that it started.

use taskwright::agent::{EndMethod, ExitReason};

use crate::support::{Place, is_alive, survivors, within};

#[tokio::test]
async fn an_agent_leaves_on_an_interrupt() {
    let place = Place::new();
    let mut told = place.start("say I begin.\nhang").await;
    told.text().await;
    let report = within(told.handle().end()).await;
    assert_eq!((report.method, report.killed.as_slice()), (EndMethod::Interrupt, [].as_slice()));
    assert!(survivors(place.run).is_empty());
    let exit = told.exit().await;
    assert_eq!(exit.reason, ExitReason::Ended);
    let again = within(told.handle().end()).await;
    assert_eq!(again.method, EndMethod::AlreadyEnded);
}

#[tokio::test]
async fn an_agent_that_ignores_everything_is_killed_with_its_daemons() {
    let place = Place::new();
    let mut told = place.start("stubborn\ndaemon quiet.pid\ndaemon loud.pid hold\nsay I stay.\nhang").await;
    told.text().await;
    let daemons: Vec<u32> =
        ["quiet.pid", "loud.pid"].iter().map(|file| place.file(file).trim().parse().unwrap()).collect();
    assert!(daemons.iter().all(|pid| is_alive(*pid)));
    let agent = told.handle().pid().unwrap();
    let report = within(told.handle().end()).await;
    assert_eq!(report.method, EndMethod::Sigkill);
    assert!(report.killed.contains(&agent), "{report:?}");
    assert!(daemons.iter().all(|pid| report.killed.contains(pid)), "{report:?} {daemons:?}");
    assert!(!daemons.iter().chain([&agent]).any(|pid| is_alive(*pid)));
    let exit = told.exit().await;
    assert_eq!((exit.reason, exit.signal), (ExitReason::Ended, Some(9)));
}

#[tokio::test]
async fn a_command_that_only_knows_signals_leaves_on_one() {
    let place = Place::new();
    let mut spec = place.spec();
    spec.command =
        ["sh", "-c", "trap 'exit 7' TERM; trap '' INT; echo up; while :; do sleep 0.05; done"].map(Into::into).to_vec();
    let mut told = place.launch_spec(spec).await.unwrap();
    told.until(|kind| matches!(kind, taskwright::agent::AgentEventKind::NotJson { .. }).then_some(())).await;
    let report = within(told.handle().end()).await;
    assert_eq!(report.method, EndMethod::Sigterm);
    assert_eq!(told.exit().await.code, Some(7));
}

#[tokio::test]
async fn what_an_agent_leaves_behind_goes_with_it() {
    let place = Place::new();
    let mut told = place.start("daemon quiet.pid\ndaemon loud.pid hold\nsay bye\nexit 0").await;
    told.exit().await;
    for file in ["quiet.pid", "loud.pid"] {
        assert!(!is_alive(place.file(file).trim().parse().unwrap()), "{file}");
    }
}

#[tokio::test]
async fn several_can_end_an_agent_at_once() {
    let place = Place::new();
    let mut told = place.start("stubborn\nsay I stay.\nhang").await;
    told.text().await;
    let (first, second) = within(async { tokio::join!(told.handle().end(), told.handle().end()) }).await;
    assert_eq!((first.method, &first), (EndMethod::Sigkill, &second));
}

#[tokio::test]
async fn a_supervisor_whose_folder_is_gone_still_ends() {
    let place = Place::new();
    let mut told = place.start("say I begin.\nhang").await;
    told.text().await;
    let supervisor = taskwright::process::tree::Stat::read(told.handle().pid().unwrap()).unwrap().parent;
    std::fs::remove_dir_all(place.run_dir()).unwrap();
    within(told.handle().end()).await;
    assert!(!is_alive(supervisor) && survivors(place.run).is_empty());
}

#[tokio::test]
async fn an_end_that_has_begun_goes_on_when_its_server_is_gone() {
    let place = Place::new();
    let mut told = place.start("stubborn\nsay I stay.\nhang").await;
    told.text().await;
    let agent = told.handle().pid().unwrap();
    let has_begun = async {
        while !place.read_by_agents().iter().any(|line| line["request"]["subtype"] == "interrupt") {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = told.handle().end() => panic!("the agent gave in"),
        () = within(has_begun) => {}
    }
    told.run = None;
    within(async {
        while !place.run_dir().join("exit.json").exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let events = place.reattach_ended(0).await;
    let Some(taskwright::agent::AgentEventKind::Exited(exit)) = events.last().map(|event| &event.kind) else {
        panic!("the end is not told");
    };
    assert_eq!((&exit.reason, exit.signal), (&ExitReason::Ended, Some(9)));
    assert!(!is_alive(agent));
}
