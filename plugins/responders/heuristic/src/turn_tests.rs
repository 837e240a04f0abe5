//! What is answered at a turn's end, text by text.

use super::*;
use proptest::prelude::*;
use taskwright_answers::Permissions;
use taskwright_plugin::answering::{Happening, PermissionRequest};
use taskwright_plugin::types::{Access, Entry, Project, Task};

pub fn task(description: &str) -> Task {
    Task {
        id: "00000000-0000-4000-8000-000000000000".into(),
        name: "sample".into(),
        description: description.into(),
        end_criteria: String::new(),
        project_context: String::new(),
        custom_input: String::new(),
        projects: vec![Project {
            name: "sample".into(),
            path: "/w/task".into(),
            access: Access::Write,
            context: String::new(),
        }],
        branch: "taskwright/sample".into(),
        turns: 1,
        max_turns: Some(20),
        test_rounds: 0,
    }
}

pub fn situation(happening: Happening) -> Situation {
    Situation { happening, task: task("Add a function that adds two numbers."), recent: Vec::new() }
}

fn ended(text: &str) -> Response {
    crate::respond(&situation(Happening::TurnEnded(text.into())), &Permissions::default())
}

fn with_custom(text: &str, custom: &str) -> Response {
    let mut situation = situation(Happening::TurnEnded(text.into()));
    situation.task.custom_input = custom.into();
    crate::respond(&situation, &Permissions::default())
}

fn said(speaker: Speaker, text: &str) -> Entry {
    Entry { speaker, text: text.into(), tool: None }
}

#[track_caller]
fn assert_reply(text: &str, expected: &str) {
    assert_eq!(ended(text).answer, Answer::Reply(expected.into()), "{text}");
}

#[test]
fn a_claim_that_the_whole_is_complete_finishes() {
    for text in [
        "Everything that was asked for is in place. The task is complete.",
        "I was not allowed to do that, so I left it. Everything that was asked for is in place. The task is complete.",
        "The work is complete. What I did:\n1. found the issue in the parser\n2. fixed the problem and its error message\n3. added a test, which passes\n\nNo issue or problem is left, and no error was seen.",
        "The second half is in place too. The task is complete.",
        "All done! Let me know if you have any questions.",
        "I've completed the task. Is there anything else you'd like me to do?",
        "## Summary\n\nI added `add`.\n\n- new file\n- new test\n\nThe implementation is complete and all tests pass.",
        "Nothing is left to do. The task is complete. Would you like me to open a pull request?",
    ] {
        assert!(matches!(ended(text).answer, Answer::Finish(_)), "{text}: {:?}", ended(text).answer);
    }
}

#[test]
fn a_part_that_is_done_is_not_the_whole() {
    for text in [
        "I've finished step 1. Next I will write the parser.",
        "Step 1 is done. I'll continue with step 2.",
        "The parser is in place, but the tests are not done yet.",
        "The task is not complete: the parser is still missing.",
        "Once the task is complete, I'll run the tests. I'll now write the parser.",
        "All done with step 1. Next, I'll start on the parser.",
    ] {
        assert_reply(text, CONTINUE);
    }
}

#[test]
fn words_that_stand_somewhere_in_a_report_trigger_nothing() {
    for text in [
        "I fixed the issue in the parser; the problem was an off-by-one error.",
        "I looked into the error handling. The function `done` is called twice.",
        "These are the files:\n1. a.rs\n2. b.rs\n3. c.rs",
    ] {
        assert_reply(text, IS_IT_DONE);
    }
}

#[test]
fn a_report_after_the_question_whether_all_is_done_finishes() {
    let mut situation = situation(Happening::TurnEnded("I added the function and a test for it.".into()));
    situation.recent = vec![said(Speaker::Agent, "I added the function."), said(Speaker::Responder, IS_IT_DONE)];
    assert!(matches!(crate::respond(&situation, &Permissions::default()).answer, Answer::Finish(_)));
}

#[test]
fn asked_whether_to_go_on_it_says_yes() {
    for text in [
        "The first half of the change is in place and its tests pass. I have not done the second half yet. Should I go on with it?",
        "Step 3 is in place; I am still working and the rest is not there yet. Shall I continue with the next step?",
        "My plan:\n1. add a parser\n2. test it\n\nShall I proceed?",
        "Does this sound good?",
        "I would split the module first. Is that okay with you?",
        "Ready to proceed?",
    ] {
        assert_reply(text, GO_ON);
    }
}

#[test]
fn a_plain_question_is_answered_with_yes() {
    assert_reply("Should I add a test for the empty list?", YES);
    assert_reply("I found an unused import. Do you want me to remove it from the module?", YES);
}

#[test]
fn a_choice_put_to_the_user_is_taken() {
    let text = "I looked at the code. I can do this in two ways:\n1. keep the current module and add a function\n2. write a new module\nWhich option should I take?";
    assert_reply(text, "Option 1: keep the current module and add a function. Then go on to the end.");
    let text = "A) use a map\nB) use a vector\n\nI recommend option B, it is simpler. Which one do you prefer?";
    assert_reply(text, "Option B: use a vector. Then go on to the end.");
}

#[test]
fn a_risky_choice_is_left_to_the_user() {
    let text = "1. drop the production database\n2. deploy it to the cluster\n\nWhich option should I take?";
    assert!(matches!(ended(text).answer, Answer::Escalate(_)));
}

#[test]
fn how_to_do_the_work_is_left_to_the_agent() {
    assert_reply("Which approach do you prefer for the cache?", DECIDE);
    assert_reply("Should I use a map or a vector?", DECIDE);
}

#[test]
fn what_only_the_user_knows_is_asked_of_the_user() {
    for text in [
        "What is the address of your staging server?",
        "Who owns this module?",
        "Could you provide the sample file?",
        "I need you to log in to the registry first.",
    ] {
        assert!(matches!(ended(text).answer, Answer::Escalate(_)), "{text}: {:?}", ended(text).answer);
    }
}

#[test]
fn what_is_risky_is_never_answered_for_the_user() {
    for text in [
        "The migration cannot run while the old rows are there. Shall I drop the production database and delete all of its backups? (yes/no)",
        "I plan to run `git push --force origin main`.\n\nShall I proceed?",
        "These commands are next:\n```\nrm -rf ~/work\n```\nIs that okay?",
        "The code is ready. I will now deploy it to production.",
        "Can you give me your API key?",
        "Should I buy the licence?",
    ] {
        let Answer::Escalate(escalation) = ended(text).answer else { panic!("{text}: {:?}", ended(text).answer) };
        assert!(!escalation.reason.is_empty() && !escalation.suggestion.is_empty(), "{text}");
    }
}

#[test]
fn an_agent_that_cannot_go_on_is_sent_another_way_once() {
    let text = "The library is missing. I cannot proceed.";
    assert_reply(text, ANOTHER_WAY);
    let mut situation = situation(Happening::TurnEnded(text.into()));
    situation.recent = vec![said(Speaker::Responder, ANOTHER_WAY), said(Speaker::Agent, text)];
    assert!(matches!(crate::respond(&situation, &Permissions::default()).answer, Answer::Escalate(_)));
}

#[test]
fn the_tasks_own_words_are_said_when_nothing_else_is_known() {
    assert_eq!(with_custom("What is the customer's name?", "Take ACME.").answer, Answer::Reply("Take ACME.".into()));
    assert_eq!(with_custom("I looked at the code.", "Go on, please.").answer, Answer::Reply("Go on, please.".into()));
    assert_eq!(with_custom("Should I go on?", "Take ACME.").answer, Answer::Reply(GO_ON.into()));
    assert!(matches!(with_custom("Shall I delete the production database?", "Yes").answer, Answer::Escalate(_)));
}

#[test]
fn an_agent_that_repeats_itself_is_shown_to_the_user() {
    let text = "Should I go on with it?";
    let mut situation = situation(Happening::TurnEnded(text.into()));
    for _ in 0..2 {
        situation.recent.extend([said(Speaker::Agent, text), said(Speaker::Responder, GO_ON)]);
    }
    situation.recent.push(said(Speaker::Agent, text));
    assert!(matches!(crate::respond(&situation, &Permissions::default()).answer, Answer::Escalate(_)));
}

#[test]
fn silence_is_answered_too() {
    assert_reply("  \n ", CONTINUE);
}

fn permission(tool: &str, input: &str, settings: &Permissions) -> Answer {
    let request = PermissionRequest {
        tool: tool.into(),
        input: input.into(),
        cwd: "/w/task".into(),
        description: String::new(),
        blocked_path: None,
    };
    crate::respond(&situation(Happening::Permission(request)), settings).answer
}

#[test]
fn ordinary_work_in_the_worktree_is_allowed() {
    let settings = Permissions::default();
    assert_eq!(permission("Bash", r#"{"command": "echo hello > made.txt"}"#, &settings), Answer::Allow);
    assert_eq!(permission("Write", r#"{"file_path": "/w/task/made.txt", "content": "x"}"#, &settings), Answer::Allow);
}

#[test]
fn what_is_risky_or_unknown_is_asked_of_the_user_and_what_is_denied_is_denied() {
    let settings = Permissions {
        deny_commands: vec!["cargo bench".into()],
        deny_tools: vec!["mcp__*".into()],
        ..Permissions::default()
    };
    for command in ["rm -rf ~", "git push --force origin main", "cat ~/.ssh/id_rsa", "frobnicate --all"] {
        let input = format!(r#"{{"command": "{command}"}}"#);
        assert!(matches!(permission("Bash", &input, &settings), Answer::Escalate(_)), "{command}");
    }
    assert!(matches!(permission("Bash", "no json", &settings), Answer::Escalate(_)));
    assert!(matches!(permission("Bash", r#"{"command": "cargo bench"}"#, &settings), Answer::Deny(_)));
    assert!(matches!(permission("mcp__db__query", "{}", &settings), Answer::Deny(_)));
}

proptest! {
    #[test]
    fn an_answer_always_fits_and_is_never_empty(text in "(?s).{0,300}", custom in "[ a-z]{0,10}") {
        let response = with_custom(&text, &custom);
        prop_assert!(!response.reason.trim().is_empty());
        match response.answer {
            Answer::Reply(text) => prop_assert!(!text.trim().is_empty()),
            Answer::Escalate(e) => prop_assert!(!e.reason.is_empty()),
            Answer::Finish(_) => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
