//! Lives of tasks, each from its start to its end.

use super::*;
use crate::{
    agent::{ApiErrorKind, ExitReason},
    domain::question::{AnswererKind, Behavior},
};
use serde_json::json;

fn done(_: u32, _: &str) -> Vec<Move> {
    vec![Move::Write("made.txt", "hello\n"), Move::Say("Everything is in place.")]
}

fn by_ada() -> AnsweredBy {
    AnsweredBy { kind: AnswererKind::User, name: "ada".to_owned(), version: None }
}

fn allow() -> Answer {
    Answer::Permission { behavior: Behavior::Allow, message: None, updated_input: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_criteria_is_completed_when_the_agent_says_it_is_done_and_leaves_a_commit() {
    let world = Setup::new(done).make().await;
    let id = world.run(world.spec("one")).await;
    let task = world.until_status(id, Status::Completed).await;
    assert_eq!(world.statuses(id).await, [Status::Pending, Status::Running, Status::Completed]);
    assert_eq!(task.spent.iterations, 1);
    assert_eq!(task.spent.tokens.total(), 110);
    let branch = task.branch.expect("it has a branch");
    assert_eq!(git(&world.repo, &["show", &format!("{branch}:made.txt")]), "hello");
    assert_eq!(git(&world.repo, &["status", "--porcelain"]), "");
    assert!(!world.repo.join("made.txt").exists());
    assert_eq!(world.agent.alive(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_started_task_gives_its_description_to_the_agent_in_the_first_turn() {
    let world = Setup::new(done).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_status(id, Status::Completed).await;
    assert!(world.agent.heard()[0].text.starts_with("Do the work."));
    assert_eq!(world.conversation(id).await[0], (InteractionType::UserRequest, "Do the work.".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_responders_reply_becomes_the_next_turn() {
    let world = Setup::new(|turn, _| match turn {
        1 => vec![Move::Say("Shall I go on?")],
        _ => vec![Move::Say("Done.")],
    })
    .responder(|situation| match &situation.happening {
        plugin::Happening::TurnEnded(text) if text.ends_with('?') => plugin::Answer::Reply("Yes, go on.".to_owned()),
        _ => plugin::Answer::Finish(String::new()),
    })
    .make()
    .await;
    let id = world.run(world.spec("one")).await;
    let task = world.until_status(id, Status::Completed).await;
    assert_eq!(world.agent.heard()[1].text, "Yes, go on.");
    assert_eq!(task.spent.iterations, 2);
    assert!(world.conversation(id).await.contains(&(InteractionType::SimulatedHuman, "Yes, go on.".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_responders_pass_the_user_is_asked_and_the_answer_is_the_next_turn() {
    let world = Setup::new(done).responder(pass).make().await;
    let id = world.run(world.spec("one")).await;
    let question = world.open_question(id).await;
    assert!(world.task(id).await.waiting_for_input);
    let taken = world.say(id, "Add a test too.").await;
    assert_eq!(taken.answered, Some(question.id));
    let heard = world.until_heard(2).await;
    assert_eq!(heard[1].text, "Add a test too.");
    world.open_question(id).await;
    world.engine.complete(id, &actor()).await.unwrap();
    assert_eq!(world.task(id).await.status, Status::Finished);
    assert_eq!(world.agent.alive(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_is_given_by_a_responder_without_pausing() {
    let world = Setup::new(|_, _| vec![Move::Permit("npm test"), Move::Say("Done.")]).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_status(id, Status::Completed).await;
    assert_eq!(world.agent.answers(), [json!({"allow": {"command": "npm test"}})]);
    assert_eq!(world.statuses(id).await, [Status::Pending, Status::Running, Status::Completed]);
    let kinds: Vec<_> = world.events(id).await.iter().map(|event| event.kind()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "question.asked").count(), 1);
    assert_eq!(kinds.iter().filter(|kind| **kind == "question.answered").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_permission_is_not_asked_for_again() {
    let script = |turn: u32, _: &str| match turn {
        1 => vec![Move::Permit("npm test"), Move::Permit("npm test -- b"), Move::Say("Done.")],
        _ => vec![Move::Say("Done.")],
    };
    let world = Setup::new(script).responder(pass).make().await;
    let id = world.run(world.spec("one")).await;
    let question = world.open_question(id).await;
    let answered = world.engine.answer(question.id, allow(), Remember::Task, by_ada()).await.unwrap();
    assert_eq!(answered.remembered.expect("it is remembered").prefix.as_deref(), Some("npm test"));
    let question = world.until_asked_at_the_end(id).await;
    assert_eq!(question.kind, crate::domain::question::QuestionKind::Escalation);
    assert_eq!(world.agent.answers().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_once_and_the_second_answer_learns_of_the_first() {
    let world = Setup::new(|_, _| vec![Move::Choose("Which?", &["SQLite", "PostgreSQL"]), Move::Say("Done.")])
        .responder(|situation| match situation.happening {
            plugin::Happening::TurnEnded(_) => plugin::Answer::Finish(String::new()),
            _ => plugin::Answer::Pass,
        })
        .make()
        .await;
    let id = world.run(world.spec("one")).await;
    let question = world.open_question(id).await;
    let answer = |label: &str| Answer::Answers { answers: vec![label.to_owned()] };
    let empty = world.engine.answer(question.id, Answer::Answers { answers: vec![] }, Remember::No, by_ada()).await;
    assert!(matches!(empty, Err(EngineError::Invalid(_))));
    world.engine.answer(question.id, answer("PostgreSQL"), Remember::No, by_ada()).await.unwrap();
    let second = world.engine.answer(question.id, answer("SQLite"), Remember::No, by_ada()).await;
    match second {
        Err(EngineError::AnsweredAlready(first)) => assert_eq!(first.answer, Some(answer("PostgreSQL"))),
        other => panic!("{other:?}"),
    }
    let task = world.until_status(id, Status::Completed).await;
    assert_eq!(world.agent.answers(), [json!({"Which?": ["PostgreSQL"]})]);
    assert_eq!(task.spent.iterations, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_waits_for_its_user_and_gets_each_input_once() {
    let world = Setup::new(|_, _| vec![Move::Say("What next?")]).make().await;
    let spec = TaskSpec { chat_mode: true, ..world.spec("one") };
    let id = world.run(spec).await;
    for n in 1..=3 {
        let task = world.until(id, "a chat that waits", |t| t.waiting_for_input && t.spent.iterations == n).await;
        assert_eq!(task.status, Status::Running);
        world.say(id, "the same words").await;
    }
    world.until(id, "the fourth answer", |t| t.waiting_for_input && t.spent.iterations == 4).await;
    let said: Vec<_> = world.agent.heard().into_iter().skip(1).map(|h| h.text).collect();
    assert_eq!(said, ["the same words"; 3]);
    world.engine.stop(id, &actor()).await.unwrap();
    assert_eq!(world.agent.alive(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn criteria_that_are_not_met_are_told_to_the_agent_until_they_are() {
    let world = Setup::new(|turn, _| vec![Move::Say(if turn < 3 { "I tried." } else { "Now it is there." })])
        .judge(|last| {
            if last.contains("there") {
                plugin::Verdict::Met("seen".to_owned())
            } else {
                plugin::Verdict::NotMet("the file is missing".to_owned())
            }
        })
        .make()
        .await;
    let spec = TaskSpec { end_criteria: Some("the file exists".to_owned()), ..world.spec("one") };
    let id = world.run(spec).await;
    let task = world.until_status(id, Status::Finished).await;
    assert_eq!(task.spent.iterations, 3);
    assert!(world.agent.heard()[1].text.contains("the file is missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn criteria_never_met_exhaust_the_task_at_its_limit_and_retry_adds_to_it() {
    let world = Setup::new(|_, _| vec![Move::Say("I tried.")])
        .judge(|_| plugin::Verdict::NotMet("the file is missing".to_owned()))
        .make()
        .await;
    let limits = Limits { max_iterations: Some(2), ..Limits::default() };
    let spec = TaskSpec { end_criteria: Some("the file exists".to_owned()), limits, ..world.spec("one") };
    let id = world.run(spec).await;
    let task = world.until_status(id, Status::Exhausted).await;
    assert_eq!(task.spent.iterations, 2);
    let (_, limits) = world.engine.retry(id, 3, None, &actor()).await.unwrap();
    assert_eq!(limits.max_iterations, Some(5));
    world.until_heard(5).await;
    let task = world.until_status(id, Status::Exhausted).await;
    assert_eq!(task.spent.iterations, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn input_during_a_turn_goes_first_at_its_end_urgent_before_normal() {
    let world = Setup::new(|turn, _| if turn == 1 { vec![Move::Hang] } else { vec![Move::Say("Done.")] }).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_heard(1).await;
    world.input(id, "normal", Priority::Normal, false).await;
    let taken = world.input(id, "urgent", Priority::Urgent, false).await;
    assert_eq!((taken.answered, taken.waiting), (None, 2));
    assert_eq!(world.agent.heard().len(), 1, "the turn goes on");
    world.engine.interrupt(id, &actor()).await.unwrap();
    let heard = world.until_heard(3).await;
    assert_eq!([heard[1].text.as_str(), heard[2].text.as_str()], ["urgent", "normal"]);
    world.until_status(id, Status::Completed).await;
    assert_eq!(world.agent.heard().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_input_cuts_the_turn_and_becomes_the_next() {
    let world = Setup::new(
        |turn, _| if turn == 1 { vec![Move::Say("I begin."), Move::Hang] } else { vec![Move::Say("Done.")] },
    )
    .make()
    .await;
    let id = world.run(world.spec("one")).await;
    world.until_heard(1).await;
    world.input(id, "Stop that, do this.", Priority::Urgent, true).await;
    let heard = world.until_heard(2).await;
    assert_eq!(heard[1].text, "Stop that, do this.");
    world.until_status(id, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_the_agent_twice_is_once_and_resume_goes_on_in_the_same_session() {
    let world = Setup::new(
        |turn, _| if turn == 1 { vec![Move::Say("I begin."), Move::Hang] } else { vec![Move::Say("Done.")] },
    )
    .make()
    .await;
    let id = world.run(world.spec("one")).await;
    world.until_heard(1).await;
    let who = actor();
    let (a, b) = tokio::join!(world.engine.stop(id, &who), world.engine.stop(id, &who));
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    assert_eq!(world.agent.alive(), 0);
    let again = world.engine.stop(id, &actor()).await.unwrap();
    assert!(again.message.contains("already"), "{}", again.message);
    world.engine.start_task(id, &actor()).await.unwrap();
    world.until_status(id, Status::Completed).await;
    let heard = world.agent.heard();
    assert_eq!(heard[0].session, heard[1].session);
    let statuses = world.statuses(id).await;
    assert_eq!(statuses.iter().filter(|s| **s == Status::Stopped).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_fail_the_task_at_once() {
    let world = Setup::new(|_, _| vec![Move::Retrying(401), Move::Hang]).make().await;
    let id = world.run(world.spec("one")).await;
    let task = world.until_status(id, Status::Failed).await;
    assert!(task.error_message.expect("it says why").contains("/login"));
    assert_eq!(world.agent.alive(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overloaded_service_is_tried_again_after_a_while() {
    let world =
        Setup::new(
            |turn, _| {
                if turn == 1 { vec![Move::ApiError(ApiErrorKind::Overload)] } else { vec![Move::Say("Done.")] }
            },
        )
        .make()
        .await;
    let id = world.run(world.spec("one")).await;
    world.until_status(id, Status::Completed).await;
    let by_engine = world
        .events(id)
        .await
        .into_iter()
        .filter(|event| matches!(event, EventBody::AgentRetry { by, delay_ms: 2000, .. } if by == "engine"));
    assert_eq!(by_engine.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_limit_pauses_the_task_until_its_end_and_the_task_goes_on_by_itself() {
    let world = Setup::new(|turn, _| {
        let resets_at = Some(1_700_000_002);
        if turn == 1 { vec![Move::ApiError(ApiErrorKind::UsageLimit { resets_at })] } else { vec![Move::Say("Done.")] }
    })
    .make()
    .await;
    let id = world.run(world.spec("one")).await;
    let task = world.until_status(id, Status::Paused).await;
    assert_eq!(task.paused_until, Some(Timestamp::from_seconds(1_700_000_002)));
    assert!(!task.waiting_for_input);
    let task = world.until_status(id, Status::Completed).await;
    assert_eq!(task.paused_until, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_is_replaced_once_by_one_that_is_told_what_happened() {
    let world = Setup::new(|_, text| {
        if text.contains("earlier session") {
            vec![Move::Say("Done.")]
        } else {
            vec![Move::Say("I began."), Move::Exit(ExitReason::BadSession)]
        }
    })
    .make()
    .await;
    let id = world.run(world.spec("one")).await;
    world.until_status(id, Status::Completed).await;
    let heard = world.agent.heard();
    assert!(heard[1].text.contains("I began."));
    assert_ne!(heard[0].session, heard[1].session);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_exit_is_resumed_once_and_then_fails_with_words() {
    let world = Setup::new(|_, _| vec![Move::Say("I begin."), Move::Exit(ExitReason::EarlyExit)]).make().await;
    let id = world.run(world.spec("one")).await;
    let task = world.until_status(id, Status::Failed).await;
    assert_eq!(world.agent.heard().len(), 2);
    assert!(task.error_message.expect("it says why").contains("recover"));
    world.engine.recover(id, &actor()).await.unwrap();
    world.until_heard(4).await;
    world.until_status(id, Status::Failed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn running_time_over_the_limit_cuts_the_turn_and_exhausts_the_task() {
    let world = Setup::new(|_, _| vec![Move::Hang]).make().await;
    let limits = Limits { max_duration_seconds: Some(1), ..Limits::default() };
    let id = world.run(TaskSpec { limits, ..world.spec("one") }).await;
    let task = world.until_status(id, Status::Exhausted).await;
    assert!(task.spent.running_seconds >= 1.0);
    assert_eq!(world.agent.alive(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_keeps_the_limit_and_tells_positions() {
    let world = Setup { max_running: 1, ..Setup::new(|_, _| vec![Move::Hang]) }.make().await;
    let first = world.run(world.spec("first")).await;
    world.until_status(first, Status::Running).await;
    let second = world.engine.create(world.spec("second"), false, &actor()).await.unwrap().id;
    let third = world.engine.create(world.spec("third"), false, &actor()).await.unwrap().id;
    let done = world.engine.start_task(second, &actor()).await.unwrap();
    assert_eq!(done.queue_position, Some(1));
    let done = world.engine.start_task(third, &actor()).await.unwrap();
    assert_eq!((done.status, done.queue_position), (Status::Pending, Some(2)));
    let again = world.engine.start_task(third, &actor()).await.unwrap();
    assert_eq!(again.queue_position, Some(2));
    let left = world.engine.stop(second, &actor()).await.unwrap();
    assert_eq!(left.status, Status::Pending);
    world.engine.stop(first, &actor()).await.unwrap();
    world.until_status(third, Status::Running).await;
    world.engine.stop(third, &actor()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_task_gives_its_place_to_the_next() {
    let world = Setup { max_running: 1, ..Setup::new(done) }.responder(pass).make().await;
    let first = world.run(world.spec("first")).await;
    world.open_question(first).await;
    let second = world.run(world.spec("second")).await;
    world.open_question(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_task_is_deleted_only_when_it_may_be_stopped_first() {
    let world = Setup::new(|_, _| vec![Move::Hang]).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_heard(1).await;
    let options = DeleteOptions { cleanup_worktree: true, auto_stop: false, delete_branch: false, confirm: false };
    let refused = world.engine.delete(id, options, &actor()).await;
    assert!(matches!(refused, Err(EngineError::Conflict(ref text)) if text.contains("RUNNING")), "{refused:?}");
    let deleted = world.engine.delete(id, DeleteOptions { auto_stop: true, ..options }, &actor()).await.unwrap();
    assert!(deleted.auto_stopped);
    assert!(world.store.read(move |q| q.task(id)).await.unwrap().is_none());
    assert!(matches!(world.engine.stop(id, &actor()).await, Err(EngineError::NotFound { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_task_goes_on_with_one_more_turn() {
    let world = Setup::new(done).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_status(id, Status::Completed).await;
    world.engine.continue_task(id, Some("Add more.".to_owned()), &actor()).await.unwrap();
    let heard = world.until_heard(2).await;
    assert_eq!(heard[1].text, "Add more.");
    assert_eq!(heard[0].session, heard[1].session);
    world.until_status(id, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_and_restart_begins_anew() {
    let world = Setup::new(done).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_status(id, Status::Completed).await;
    let restarted = world.engine.clear_and_restart(id, &actor()).await.unwrap();
    assert!(restarted.deleted_interactions >= 2);
    let heard = world.until_heard(2).await;
    assert_ne!(heard[0].session, heard[1].session);
    let task = world.until_status(id, Status::Completed).await;
    assert_eq!(task.spent.iterations, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_wrong_fields_are_told_at_once() {
    let world = Setup::new(done).make().await;
    let spec = TaskSpec {
        description: String::new(),
        root_folder: Some("/".to_owned()),
        chains: Chains { responder: Some(vec!["nobody".to_owned()]), ..Chains::default() },
        limits: Limits { max_iterations: Some(0), ..Limits::default() },
        ..world.spec("-rf")
    };
    let Err(EngineError::Invalid(errors)) = world.engine.create(spec, false, &actor()).await else {
        panic!("it was taken")
    };
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    for field in ["task_name", "description", "root_folder", "chains.responder", "max_iterations"] {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
}

impl World {
    async fn until_asked_at_the_end(&self, id: TaskId) -> Question {
        self.until(id, "the end of the turn", |t| t.status == Status::Paused && t.spent.iterations == 1).await;
        self.store.read(move |q| q.open_questions(id)).await.unwrap().remove(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_a_task_that_has_begun_is_changed_but_not_where_it_works() {
    let world = Setup::new(done).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_status(id, Status::Completed).await;
    let patch = TaskPatch { description: Some("Other words.".to_owned()), ..TaskPatch::default() };
    let task = world.engine.update(id, patch, &actor()).await.unwrap();
    assert_eq!(task.spec.description, "Other words.");
    let patch = TaskPatch { base_branch: Some(Some("main".to_owned())), ..TaskPatch::default() };
    let refused = world.engine.update(id, patch, &actor()).await;
    assert!(matches!(refused, Err(EngineError::Conflict(ref text)) if text.contains("base_branch")), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_task_asks_its_user_what_comes_next() {
    let world = Setup::new(|_, _| vec![Move::Say("I begin."), Move::Hang]).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_heard(1).await;
    world.engine.interrupt(id, &actor()).await.unwrap();
    world.open_question(id).await;
    let refused = world.engine.interrupt(id, &actor()).await;
    assert!(matches!(refused, Err(EngineError::Conflict(ref text)) if text.contains("PAUSED")), "{refused:?}");
    world.engine.stop(id, &actor()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_goes_on_with_the_session_is_told_the_conversation() {
    let world = Setup::new(done).make().await;
    let id = world.run(world.spec("one")).await;
    world.until_status(id, Status::Completed).await;
    let clone = world.engine.clone_task(id, None, true, &actor()).await.unwrap();
    assert_eq!((clone.spec.task_name.as_str(), clone.status), ("one (copy)", Status::Pending));
    world.engine.start_task(clone.id, &actor()).await.unwrap();
    let task = world.until_status(clone.id, Status::Completed).await;
    assert!(world.agent.heard()[1].text.contains("Everything is in place."));
    assert_ne!(task.branch, world.task(id).await.branch);
}
