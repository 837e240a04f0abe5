//! A server that ends while its tasks go on, and the next one that finds them.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_mid_turn_is_found_again_and_nothing_is_said_twice() {
    let mut world = Setup::new(|_, _| vec![Move::Say("I begin."), Move::Permit("wait"), Move::Say("Done.")])
        .responder(|situation| match situation.happening {
            plugin::Happening::TurnEnded(_) => plugin::Answer::Finish(String::new()),
            _ => plugin::Answer::Pass,
        })
        .make()
        .await;
    let id = world.run(world.spec("one")).await;
    let question = world.open_question(id).await;
    world.restart().await;
    assert_eq!(world.task(id).await.status, Status::Paused);
    world.say(id, "allow").await;
    let task = world.until_status(id, Status::Completed).await;
    assert_eq!(world.agent.heard().len(), 1);
    assert_eq!(world.agent.answers().len(), 1);
    assert_eq!(task.spent.iterations, 1);
    let said: Vec<_> = world.conversation(id).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said.iter().filter(|text| *text == "I begin.").count(), 1);
    let stored = world.store.read(move |q| q.question(question.id)).await.unwrap().unwrap();
    assert!(stored.answer.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_waits_still_waits_after_a_restart() {
    let mut world = Setup::new(|_, _| vec![Move::Say("What next?")]).make().await;
    let id = world.run(TaskSpec { chat_mode: true, ..world.spec("one") }).await;
    world.until(id, "a chat that waits", |task| task.waiting_for_input).await;
    world.restart().await;
    world.say(id, "More.").await;
    world.until(id, "the second answer", |task| task.waiting_for_input && task.spent.iterations == 2).await;
    assert_eq!(world.agent.heard().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escalation_is_still_open_after_a_restart() {
    let mut world = Setup::new(|_, _| vec![Move::Say("Shall I?")]).responder(pass).make().await;
    let id = world.run(world.spec("one")).await;
    let question = world.open_question(id).await;
    world.restart().await;
    assert_eq!(world.open_question(id).await.id, question.id);
    world.say(id, "Yes.").await;
    assert_eq!(world.until_heard(2).await[1].text, "Yes.");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_goes_on_after_a_restart() {
    let mut world = Setup { max_running: 1, ..Setup::new(|_, _| vec![Move::Hang]) }.make().await;
    let first = world.run(world.spec("first")).await;
    world.until_heard(1).await;
    let second = world.run(world.spec("second")).await;
    world.restart().await;
    assert_eq!(world.task(second).await.status, Status::Pending);
    world.engine.stop(first, &actor()).await.unwrap();
    world.until_status(second, Status::Running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_its_agents_leaves_stopped_tasks() {
    let world = Setup::new(|_, _| vec![Move::Hang]).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_heard(1).await;
    world.engine.shutdown(true).await;
    assert_eq!(world.task(id).await.status, Status::Stopped);
    assert_eq!(world.agent.alive(), 0);
}
