//! Questions to the database: filters, orders, pages, and every model as it was written.

use super::*;
use crate::domain::{
    DecisionId, ProjectId, PromptId, QuestionId, SessionId, TestCaseId,
    chain::ChainKind,
    decision::Decision,
    interaction::ToolCall,
    library::{Prompt, Session},
    project::{Project, ProjectConfig},
    question::{
        Answer, AnsweredBy, AnswererKind, Behavior, Choice, Question, QuestionKind, QuestionState, ToolRequest,
    },
    task::{Access, TaskProject, Workplace},
    test_case::{TestCase, TestStatus, TestSummary, TestType},
};
use serde_json::json;

const ALL: Page = Page { limit: 500, offset: 0 };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

async fn write<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(work).await.expect("it is written")
}

async fn read<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Queries<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.read(work).await.expect("it reads")
}

/// Five tasks that differ in everything that can be asked for.
async fn five(store: &Store) -> SessionId {
    let session = SessionId::new();
    let mut tasks: Vec<_> = ["beta", "Alpha", "gamma_1", "délta", "gamma%2"].iter().map(|name| task(name)).collect();
    for (number, task) in (0..).zip(&mut tasks) {
        task.created_at = at(number);
        task.updated_at = at(100 - number);
        task.spent.cost_usd = [0.5, 0.1, 0.3, 0.2, 0.4][usize::try_from(number).unwrap()];
        task.spent.tokens = tokens([5, 1, 3, 2, 4][usize::try_from(number).unwrap()], 0);
    }
    tasks[0].status = Status::Finished;
    tasks[0].completed_at = Some(at(50));
    tasks[1].status = Status::Running;
    tasks[2].status = Status::Completed;
    tasks[2].completed_at = Some(at(40));
    tasks[1].spec.user_id = Some("ada".into());
    tasks[2].spec.root_folder = None;
    tasks[2].spec.projects =
        vec![TaskProject { path: "/srv/other".into(), access: Access::Read, context: None, branch_name: None }];
    tasks[3].spec.description = "Fehler im ÜBERTRAG".into();
    tasks[3].spec.labels = vec!["bug".into(), "ui".into()];
    tasks[4].summary = Some("Übertrag stimmt".into());
    tasks[4].spec.session_id = Some(session);
    write(store, move |tx| tasks.iter().try_for_each(|task| tx.insert_task(task))).await;
    session
}

async fn names(store: &Store, filter: TaskFilter, sort: TaskSort, descending: bool, page: Page) -> (String, u64) {
    let (tasks, total) = read(store, move |q| q.tasks(&filter, sort, descending, page)).await;
    (tasks.into_iter().map(|task| task.spec.task_name).collect::<Vec<_>>().join(" "), total)
}

#[tokio::test]
async fn tasks_are_listed_in_every_order_and_page() {
    let Opened { store, dir: _dir } = opened();
    five(&store).await;
    for (sort, descending, expected) in [
        (TaskSort::CreatedAt, false, "beta Alpha gamma_1 délta gamma%2"),
        (TaskSort::CreatedAt, true, "gamma%2 délta gamma_1 Alpha beta"),
        (TaskSort::UpdatedAt, false, "gamma%2 délta gamma_1 Alpha beta"),
        (TaskSort::UpdatedAt, true, "beta Alpha gamma_1 délta gamma%2"),
        (TaskSort::CompletedAt, false, "gamma_1 beta Alpha délta gamma%2"),
        (TaskSort::CompletedAt, true, "beta gamma_1 gamma%2 délta Alpha"),
        (TaskSort::Name, false, "Alpha beta délta gamma%2 gamma_1"),
        (TaskSort::Name, true, "gamma_1 gamma%2 délta beta Alpha"),
        (TaskSort::Status, false, "délta gamma%2 Alpha gamma_1 beta"),
        (TaskSort::Status, true, "beta gamma_1 Alpha gamma%2 délta"),
        (TaskSort::Tokens, false, "Alpha délta gamma_1 gamma%2 beta"),
        (TaskSort::Tokens, true, "beta gamma%2 gamma_1 délta Alpha"),
        (TaskSort::Cost, false, "Alpha délta gamma_1 gamma%2 beta"),
        (TaskSort::Cost, true, "beta gamma%2 gamma_1 délta Alpha"),
    ] {
        let filter = TaskFilter::default();
        assert_eq!(
            names(&store, filter.clone(), sort, descending, ALL).await,
            (expected.to_owned(), 5),
            "{sort:?} {descending}"
        );
        let mut paged = Vec::new();
        for offset in [0, 2, 4, 6] {
            let (page, total) = names(&store, filter.clone(), sort, descending, Page { limit: 2, offset }).await;
            assert_eq!(total, 5);
            paged.extend(page.split_whitespace().map(str::to_owned));
        }
        assert_eq!(paged.join(" "), expected, "{sort:?} {descending} by pages");
    }
}

#[tokio::test]
async fn tasks_are_found_by_every_filter() {
    let Opened { store, dir: _dir } = opened();
    let session = five(&store).await;
    let none = TaskFilter::default;
    for (filter, expected) in [
        (TaskFilter { statuses: vec![Status::Running, Status::Completed], ..none() }, "Alpha gamma_1"),
        (TaskFilter { user_id: Some("ada".into()), ..none() }, "Alpha"),
        (TaskFilter { root_folder: Some("/srv/repo".into()), ..none() }, "beta Alpha délta gamma%2"),
        (TaskFilter { project: Some("/srv/other".into()), ..none() }, "gamma_1"),
        (TaskFilter { project: Some("/srv/repo".into()), ..none() }, "beta Alpha délta gamma%2"),
        (TaskFilter { name_contains: Some("GAMMA".into()), ..none() }, "gamma_1 gamma%2"),
        (TaskFilter { name_contains: Some("DÉL".into()), ..none() }, "délta"),
        (TaskFilter { name_contains: Some("%".into()), ..none() }, "gamma%2"),
        (TaskFilter { name_contains: Some("_".into()), ..none() }, "gamma_1"),
        (TaskFilter { text: Some("übertrag".into()), ..none() }, "délta gamma%2"),
        (TaskFilter { text: Some("alph".into()), ..none() }, "Alpha"),
        (TaskFilter { label: Some("ui".into()), ..none() }, "délta"),
        (TaskFilter { session_id: Some(session), ..none() }, "gamma%2"),
        (TaskFilter { label: Some("ui".into()), user_id: Some("ada".into()), ..none() }, ""),
    ] {
        let (found, total) = names(&store, filter.clone(), TaskSort::CreatedAt, false, ALL).await;
        assert_eq!(found, expected, "{filter:?}");
        assert_eq!(total, expected.split_whitespace().count() as u64, "{filter:?}");
    }
    let counts = read(&store, |q| q.status_counts()).await;
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 5);
    assert_eq!(counts[0], (Status::Pending, 2));
    let live = read(&store, |q| q.tasks_in(&[Status::Running, Status::Paused])).await;
    assert_eq!(live.len(), 1);
}

#[tokio::test]
async fn the_queue_is_in_the_order_of_arrival() {
    let Opened { store, dir: _dir } = opened();
    let mut tasks: Vec<_> = ["c", "a", "b", "not started", "runs"].iter().map(|name| task(name)).collect();
    for (place, seconds) in [(0, 3), (1, 1), (2, 1), (4, 0)] {
        tasks[place].queued_at = Some(at(seconds));
    }
    tasks[4].status = Status::Running;
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    write(&store, move |tx| tasks.iter().try_for_each(|task| tx.insert_task(task))).await;
    let queue = read(&store, |q| q.queue()).await;
    assert_eq!(queue.iter().map(|task| task.spec.task_name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    for (id, position) in ids.into_iter().zip([Some(3), Some(1), Some(2), None, None]) {
        assert_eq!(read(&store, move |q| q.queue_position(id)).await, position);
    }
}

#[tokio::test]
async fn a_conversation_reads_back_and_its_images_stay_out_of_lists() {
    let Opened { store, dir: _dir } = opened();
    let task = with_tasks(&store, &["one"]).await.remove(0);
    let id = task.id;
    let mut asked = entry(&task, Seq(1), InteractionType::UserRequest, "do it");
    asked.images = vec![Image { base64: "aGVsbG8=".into(), media_type: "image/webp".into() }];
    let mut used = entry(&task, Seq(2), InteractionType::ToolResult, "out");
    used.tool = Some(ToolCall { id: "t".into(), name: "Bash".into(), input: json!({"command": "ls"}), is_error: None });
    let mut done = entry(&task, Seq(3), InteractionType::ClaudeResponse, "done");
    done.tokens = Some(tokens(10, 20));
    done.duration_ms = Some(1234);
    done.cost_usd = Some(0.5);
    let entries = [asked.clone(), used.clone(), done.clone()];
    let written = entries.clone();
    write(&store, move |tx| written.iter().try_for_each(|entry| tx.add_interaction(entry))).await;

    for entry in &entries {
        let (id, entry) = (entry.id, entry.clone());
        assert_eq!(read(&store, move |q| q.interaction(id)).await, Some(entry));
    }
    let mut light = asked.clone();
    light.images[0].base64.clear();
    let (listed, total) = read(&store, move |q| q.interactions(id, ALL)).await;
    assert_eq!((listed, total), (vec![light.clone(), used.clone(), done.clone()], 3));
    assert_eq!(read(&store, move |q| q.recent_interactions(id, 2)).await, [used, done.clone()]);
    assert_eq!(read(&store, move |q| q.latest_response(id)).await.as_deref(), Some("done"));
    assert_eq!(read(&store, move |q| q.task(id)).await.expect("it is there").interaction_count, 3);

    // An entry from a list is written back without losing its images.
    light.content = "do it well".into();
    let (entry, written) = (light.id, light.clone());
    write(&store, move |tx| tx.update_interaction(&written)).await;
    let read_back = read(&store, move |q| q.interaction(entry)).await.expect("it is there");
    assert_eq!((read_back.content.as_str(), &read_back.images), ("do it well", &asked.images));
}

#[tokio::test]
async fn usage_is_counted_once_a_turn_and_outlives_the_conversation_and_the_task() {
    let Opened { store, dir: _dir } = opened();
    let mut one = task("one");
    one.spec.model = Some("opus".into());
    let row = one.clone();
    write(&store, move |tx| tx.insert_task(&row)).await;
    let mut ended = entry(&one, Seq(1), InteractionType::ClaudeResponse, "done");
    ended.tokens = Some(tokens(10, 20));
    ended.cost_usd = Some(0.25);
    let mut later = entry(&one, Seq(2), InteractionType::ClaudeResponse, "more");
    later.created_at = Timestamp::from_seconds(1_700_000_000 + 86_400);
    let id = one.id;
    write(&store, move |tx| {
        tx.add_interaction(&ended)?;
        tx.update_interaction(&ended)?;
        tx.add_interaction(&later)?;
        later.tokens = Some(tokens(1, 2));
        later.cost_usd = Some(0.5);
        tx.update_interaction(&later)?;
        tx.update_interaction(&later)
    })
    .await;
    assert_eq!(write(&store, move |tx| tx.clear_conversation(id)).await, 2);
    assert_eq!(read(&store, move |q| q.task(id)).await.expect("it is there").interaction_count, 0);
    write(&store, move |tx| tx.delete_task(id)).await;
    let usage = read(&store, |q| q.usage(Timestamp::from_seconds(0))).await;
    let row = |day: &str, tokens, cost_usd| UsageRow {
        day: day.to_owned(),
        project: Some("/srv/repo".into()),
        model: Some("opus".into()),
        turns: 1,
        tokens,
        cost_usd,
    };
    assert_eq!(usage, [row("2023-11-14", tokens(10, 20), 0.25), row("2023-11-15", tokens(1, 2), 0.5)]);
    assert_eq!(read(&store, |q| q.usage(Timestamp::from_seconds(1_700_000_001))).await.len(), 1);
}

#[tokio::test]
async fn inputs_are_served_urgent_first_and_keep_their_images_until_they_are_delivered() {
    let Opened { store, dir: _dir } = opened();
    let task = with_tasks(&store, &["one"]).await.remove(0);
    let id = task.id;
    let mut inputs = vec![
        input(&task, "third", Priority::Normal, 1),
        input(&task, "first", Priority::Urgent, 3),
        input(&task, "second", Priority::Urgent, 4),
        input(&task, "sent", Priority::Normal, 5),
        input(&task, "delivered", Priority::Normal, 9),
    ];
    inputs[3].delivery = Delivery::Sent;
    let written = inputs.clone();
    write(&store, move |tx| written.iter().try_for_each(|input| tx.add_input(input))).await;
    inputs[4].delivery = Delivery::Delivered;
    inputs[4].delivered_at = Some(at(1));
    let written = inputs[4].clone();
    write(&store, move |tx| tx.update_input(&written)).await;

    let texts = |inputs: &[Input]| inputs.iter().map(|input| input.text.clone()).collect::<Vec<_>>().join(" ");
    let waiting = read(&store, move |q| q.waiting_inputs(id)).await;
    assert_eq!(texts(&waiting), "first second third");
    assert_eq!(waiting[0], inputs[1]);
    let all = read(&store, move |q| q.inputs(id)).await;
    assert_eq!(texts(&all), "delivered sent first second third");
    assert_eq!(
        all.iter().map(|input| !input.images[0].base64.is_empty()).collect::<Vec<_>>(),
        [false, true, true, true, true]
    );
    let delivered = inputs[4].clone();
    assert_eq!(read(&store, move |q| q.input(delivered.id)).await, Some(inputs[4].clone()));
    let gone = inputs[0].id;
    write(&store, move |tx| tx.remove_input(gone)).await;
    assert_eq!(read(&store, move |q| q.input(gone)).await, None);
}

fn question(task: &Task, text: &str) -> Question {
    Question {
        id: QuestionId::new(),
        task_id: task.id,
        task_name: task.spec.task_name.clone(),
        kind: QuestionKind::Permission,
        state: QuestionState::Open,
        text: text.to_owned(),
        choices: vec![Choice { label: "yes".into(), description: String::new() }],
        multiple: false,
        tool: Some(ToolRequest { name: "Bash".into(), input: json!({"command": "ls"}), cwd: "/w".into() }),
        suggestion: None,
        request_id: Some("r1".into()),
        request: Some(json!({"a": 1})),
        asked_at: at(1),
        answered_at: None,
        answer: None,
        answered_by: None,
        remembered: None,
    }
}

#[tokio::test]
async fn questions_read_back_and_are_found_by_state_and_task() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["one", "two"]).await;
    let mut answered = question(&tasks[0], "first");
    let (open, other) = (question(&tasks[0], "second"), question(&tasks[1], "third"));
    let written = [answered.clone(), open.clone(), other.clone()];
    write(&store, move |tx| written.iter().try_for_each(|question| tx.add_question(question))).await;
    answered.state = QuestionState::Answered;
    answered.answered_at = Some(at(2));
    answered.answer =
        Some(Answer::Permission { behavior: Behavior::Deny, message: Some("no".into()), updated_input: None });
    answered.answered_by = Some(AnsweredBy { kind: AnswererKind::User, name: "ada".into(), version: None });
    let written = answered.clone();
    write(&store, move |tx| tx.update_question(&written)).await;

    let id = answered.id;
    assert_eq!(read(&store, move |q| q.question(id)).await, Some(answered.clone()));
    let first = tasks[0].id;
    assert_eq!(read(&store, move |q| q.open_questions(first)).await, std::slice::from_ref(&open));
    for (filter, expected) in [
        (QuestionFilter::default(), vec![&other, &open, &answered]),
        (QuestionFilter { state: Some(QuestionState::Open), task_id: None }, vec![&other, &open]),
        (QuestionFilter { state: None, task_id: Some(first) }, vec![&open, &answered]),
        (QuestionFilter { state: Some(QuestionState::Withdrawn), task_id: Some(first) }, vec![]),
    ] {
        let (found, total) = read(&store, move |q| q.questions(&filter, ALL)).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        assert_eq!(total, expected.len() as u64);
    }
    write(&store, move |tx| tx.remove_question(id)).await;
    assert_eq!(read(&store, move |q| q.question(id)).await, None);
}

#[tokio::test]
async fn decisions_tests_workplaces_and_what_plugins_keep_read_back() {
    let Opened { store, dir: _dir } = opened();
    let task = with_tasks(&store, &["one"]).await.remove(0);
    let id = task.id;
    let decision = Decision {
        id: DecisionId::new(),
        task_id: id,
        kind: ChainKind::TestRunner,
        call: "detect".into(),
        plugin: "cargo".into(),
        version: "1.0.0".into(),
        hash: "h".into(),
        input: json!({"files": ["Cargo.toml"]}),
        answer: Some(serde_json::Value::Null),
        error: Some("trap".into()),
        counted: true,
        duration_us: 42,
        at: at(1),
    };
    let case = |round, status, name: &str| TestCase {
        id: TestCaseId::new(),
        task_id: id,
        round,
        runner: "cargo".into(),
        name: name.to_owned(),
        description: Some("suite".into()),
        test_code: None,
        test_type: TestType::Generated,
        status,
        output: Some("out".into()),
        duration_ms: Some(3),
        created_at: at(2),
    };
    let cases = vec![
        case(1, TestStatus::Failed, "a"),
        case(2, TestStatus::Passed, "b"),
        case(2, TestStatus::Passed, "a"),
        case(2, TestStatus::Pending, "c"),
    ];
    let place = Workplace {
        source: "/srv/repo".into(),
        path: "/w/one".into(),
        cwd: "/w/one/sub".into(),
        access: Access::Write,
        is_worktree: true,
        branch: Some("b".into()),
        created_branch: true,
        base: Some("main".into()),
        base_commit: None,
        first_port: Some(4000),
        ports: 3,
    };
    let (d, c, p) = (decision.clone(), cases.clone(), place.clone());
    write(&store, move |tx| {
        assert_eq!(tx.test_rounds(id)?, 0);
        tx.add_decision(&d)?;
        c.iter().try_for_each(|case| tx.add_test_case(case))?;
        tx.set_workplaces(id, &[p.clone(), p.clone()])?;
        tx.set_workplaces(id, &[p])?;
        tx.set_plugin_state("heuristic", id, "a%b", Some(b"12"))?;
        tx.set_plugin_state("heuristic", id, "a_", Some(b"345"))?;
        tx.set_plugin_state("heuristic", id, "b", Some(b""))?;
        tx.set_plugin_state("heuristic", id, "b", None)
    })
    .await;
    let of = decision.id;
    assert_eq!(read(&store, move |q| q.decision(of)).await, Some(decision.clone()));
    assert_eq!(read(&store, move |q| q.decisions(id)).await, [decision]);
    assert_eq!(read(&store, move |q| q.test_cases(id, None)).await, cases);
    assert_eq!(read(&store, move |q| q.test_cases(id, Some(1))).await, cases[..1]);
    assert_eq!(
        read(&store, move |q| q.test_summary(id)).await,
        TestSummary { total: 3, passed: 2, failed: 0, pending: 1 }
    );
    assert_eq!(read(&store, move |q| q.test_rounds(id)).await, 2);
    assert_eq!(read(&store, move |q| q.workplaces(id)).await, std::slice::from_ref(&place));
    assert_eq!(read(&store, |q| q.all_workplaces()).await, [(id, place)]);
    assert_eq!(read(&store, move |q| q.plugin_state("heuristic", id, "a_")).await.as_deref(), Some(&b"345"[..]));
    assert_eq!(read(&store, move |q| q.plugin_state("other", id, "a_")).await, None);
    assert_eq!(read(&store, move |q| q.plugin_state_keys("heuristic", id, "a_")).await, ["a_"]);
    assert_eq!(read(&store, move |q| q.plugin_state_keys("heuristic", id, "")).await, ["a%b", "a_"]);
    assert_eq!(read(&store, move |q| q.plugin_state_size("heuristic", id)).await, 10);
    write(&store, move |tx| tx.delete_task(id)).await;
    assert_eq!(read(&store, move |q| q.plugin_state_size("heuristic", id)).await, 0);
}

#[tokio::test]
async fn projects_are_found_at_a_folder_or_its_nearest_parent() {
    let Opened { store, dir: _dir } = opened();
    let project = |name: &str, path: &str, user: Option<&str>| Project {
        id: ProjectId::new(),
        name: name.to_owned(),
        path: path.to_owned(),
        user_id: user.map(str::to_owned),
        default_branch: "main".into(),
        project_type: None,
        config: ProjectConfig { setup_commands: vec!["make".into()], ..ProjectConfig::default() },
        created_at: at(1),
        updated_at: at(1),
    };
    let projects = [project("Mono", "/srv/mono", Some("ada")), project("App", "/srv/mono/app", None)];
    let written = projects.clone();
    write(&store, move |tx| written.iter().try_for_each(|project| tx.insert_project(project))).await;
    for (path, expected) in [
        ("/srv/mono", Some("Mono")),
        ("/srv/mono/lib/x", Some("Mono")),
        ("/srv/mono/app", Some("App")),
        ("/srv/mono/app/src", Some("App")),
        ("/srv/mono/application", Some("Mono")),
        ("/srv", None),
    ] {
        let found = read(&store, move |q| q.project_at(path)).await.map(|project| project.name);
        assert_eq!(found.as_deref(), expected, "{path}");
    }
    assert_eq!(read(&store, |q| q.projects(Some("ada"), None, ALL)).await, (vec![projects[0].clone()], 1));
    assert_eq!(read(&store, |q| q.projects(None, Some("MONO/APP"), ALL)).await, (vec![projects[1].clone()], 1));
    let mut changed = projects[0].clone();
    changed.name = "Other".into();
    let id = changed.id;
    write(&store, move |tx| tx.update_project(&changed)).await;
    assert_eq!(read(&store, move |q| q.project(id)).await.map(|project| project.name).as_deref(), Some("Other"));
    assert!(write(&store, move |tx| tx.delete_project(id)).await);
    assert!(!write(&store, move |tx| tx.delete_project(id)).await);
}

#[tokio::test]
async fn prompts_sessions_and_settings_read_back() {
    let Opened { store, dir: _dir } = opened();
    let prompt = Prompt {
        id: PromptId::new(),
        title: "Review".into(),
        content: "Look for races".into(),
        category: Some("quality".into()),
        tags: vec!["rust".into(), "Async".into()],
        criteria_config: Some(json!({"criteria": "none left"})),
        user_id: None,
        usage_count: 1,
        created_at: at(1),
        updated_at: at(2),
        last_used_at: None,
    };
    let session =
        Session { id: SessionId::new(), project_path: "/srv/repo".into(), created_at: at(1), updated_at: at(1) };
    let (p, s) = (prompt.clone(), session.clone());
    write(&store, move |tx| {
        tx.insert_prompt(&p)?;
        tx.insert_session(&s)?;
        tx.keep("grants", &json!({"a": 1}))?;
        tx.keep("grants", &json!({"a": 2}))
    })
    .await;
    for (category, search, expected) in [
        (None, None, 1),
        (Some("quality"), None, 1),
        (Some("other"), None, 0),
        (None, Some("RACES"), 1),
        (None, Some("async"), 1),
        (None, Some("python"), 0),
    ] {
        let (found, total) = read(&store, move |q| q.prompts(category, search, ALL)).await;
        assert_eq!((found.len() as u64, total), (expected, expected), "{category:?} {search:?}");
    }
    let mut used = prompt.clone();
    used.usage_count = 2;
    used.last_used_at = Some(at(9));
    let (id, written) = (used.id, used.clone());
    write(&store, move |tx| tx.update_prompt(&written)).await;
    assert_eq!(read(&store, move |q| q.prompt(id)).await, Some(used));
    assert!(write(&store, move |tx| tx.delete_prompt(id)).await);
    let id = session.id;
    assert_eq!(read(&store, move |q| q.session(id)).await, Some(session));
    assert_eq!(read(&store, |q| q.kept("grants")).await, Some(json!({"a": 2})));
    assert_eq!(read(&store, |q| q.kept("other")).await, None);
}

#[tokio::test]
async fn an_answer_is_kept_for_its_key_until_it_is_too_old() {
    let Opened { store, dir: _dir } = opened();
    let kept = write(&store, |tx| {
        tx.keep_idempotent("k", "hash", 201, b"body", at(0))?;
        Ok(tx.now())
    })
    .await;
    assert_eq!(read(&store, move |q| q.idempotent("k", kept)).await, Some(("hash".into(), 201, b"body".to_vec())));
    let later = Timestamp::from_millis(kept.as_millis() + 1);
    assert_eq!(read(&store, move |q| q.idempotent("k", later)).await, None);
    write(&store, move |tx| tx.keep_idempotent("other", "hash", 200, b"", later)).await;
    assert_eq!(read(&store, move |q| q.idempotent("k", at(0))).await, None);
}

#[tokio::test]
async fn events_are_read_by_cursor_task_and_kind() {
    let Opened { store, dir: _dir } = opened();
    let tasks = with_tasks(&store, &["one", "two"]).await;
    let (one, two) = (tasks[0].clone(), tasks[1].clone());
    write(&store, move |tx| {
        tx.append(Some(&one), said("1"))?;
        tx.append(Some(&two), said("2"))?;
        tx.append(None, EventBody::PluginFailed { name: "p".into(), error: "e".into(), kept: None })?;
        tx.append(Some(&one), EventBody::TaskDeleted { by: None })?;
        tx.append(Some(&two), said("5"))
    })
    .await;
    let ids = [tasks[0].id, tasks[1].id];
    let none = EventFilter::default;
    for (filter, limit, expected) in [
        (none(), 10, vec![1, 2, 3, 4, 5]),
        (none(), 2, vec![1, 2]),
        (EventFilter { after: Seq(2), ..none() }, 2, vec![3, 4]),
        (EventFilter { after: Seq(1), up_to: Some(Seq(4)), ..none() }, 10, vec![2, 3, 4]),
        (EventFilter { tasks: Some(vec![ids[0]]), ..none() }, 10, vec![1, 4]),
        (EventFilter { tasks: Some(ids.to_vec()), ..none() }, 10, vec![1, 2, 4, 5]),
        (EventFilter { tasks: Some(vec![]), ..none() }, 10, vec![]),
        (EventFilter { kinds: vec!["agent.text".into()], ..none() }, 10, vec![1, 2, 5]),
        (
            EventFilter { after: Seq(1), tasks: Some(vec![ids[1]]), kinds: vec!["agent.text".into()], up_to: None },
            1,
            vec![2],
        ),
    ] {
        let asked = filter.clone();
        let found = read(&store, move |q| q.events(&asked, limit)).await;
        assert_eq!(found.iter().map(|event| event.seq.0).collect::<Vec<_>>(), expected, "{filter:?}");
    }
    assert_eq!(read(&store, move |q| q.last_event(ids[0])).await, Some(Seq(4)));
    assert_eq!(read(&store, |q| q.last_event(TaskId::new())).await, None);
}

#[tokio::test]
async fn the_dump_shows_the_state_and_no_secret() {
    let Opened { store, dir: _dir } = opened();
    let mut one = task("one");
    one.spec.mcp_servers.insert("files".into(), json!({"env": {"KEY": "secret-1"}}));
    let project = Project {
        id: ProjectId::new(),
        name: "P".into(),
        path: "/p".into(),
        user_id: None,
        default_branch: "main".into(),
        project_type: None,
        config: ProjectConfig { env: [("KEY".to_owned(), "secret-2".to_owned())].into(), ..ProjectConfig::default() },
        created_at: at(1),
        updated_at: at(1),
    };
    write(&store, move |tx| {
        tx.insert_task(&one)?;
        tx.append(Some(&one), said(&"long ".repeat(200)))?;
        tx.insert_project(&project)?;
        tx.keep("token", &json!("secret-3"))
    })
    .await;
    let dump = store.dump().await.expect("it reads");
    for part in
        ["task_name: \"one\"", "mcp_servers: [\"files\"]", "env: [\"KEY\"]", "kept settings: [\"token\"]", "… ("]
    {
        assert!(dump.contains(part), "{part} in {dump}");
    }
    assert!(!dump.contains("secret-"), "{dump}");
}
