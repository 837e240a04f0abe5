use super::*;
use crate::domain::{TokenCount, test_case::TestSummary};
use crate::engine::testing::Round;
use proptest::prelude::*;

const FREE: Limits = Limits { max_iterations: None, max_tokens: None, max_cost_usd: None, max_duration_seconds: None };

fn standing() -> Standing {
    Standing {
        chat: false,
        input_waiting: false,
        limits: FREE,
        spent: Spent { iterations: 1, ..Spent::default() },
        judged: false,
        phase: Phase::Work,
    }
}

fn at_last_turn() -> Standing {
    Standing { limits: Limits { max_iterations: Some(1), ..FREE }, ..standing() }
}

fn over_tokens() -> Standing {
    Standing {
        limits: Limits { max_tokens: Some(10), ..FREE },
        spent: Spent { iterations: 1, tokens: TokenCount { input: 10, ..TokenCount::default() }, ..Spent::default() },
        ..standing()
    }
}

fn round(passed: bool) -> RoundOutcome {
    RoundOutcome::Ran(Round {
        round: 1,
        passed,
        summary: TestSummary::default(),
        failed: vec![],
        sentence: "One test failed.".to_owned(),
        text: "mend it".to_owned(),
    })
}

#[test]
fn input_that_waits_goes_before_everything_else() {
    for base in [standing(), at_last_turn(), over_tokens(), Standing { chat: true, ..standing() }] {
        let standing = Standing { input_waiting: true, ..base };
        assert_eq!(after_turn(&standing, &TurnOutcome::Completed), Step::SendInput);
    }
}

#[test]
fn a_chat_waits_for_its_user_after_each_turn() {
    assert_eq!(after_turn(&Standing { chat: true, ..standing() }, &TurnOutcome::Completed), Step::WaitForUser);
    assert_eq!(after_turn(&Standing { chat: true, ..standing() }, &TurnOutcome::Interrupted), Step::WaitForUser);
}

#[test]
fn a_spent_budget_exhausts_before_anything_is_judged() {
    let standing = Standing { judged: true, ..over_tokens() };
    assert!(matches!(after_turn(&standing, &TurnOutcome::Completed), Step::Exhaust(Exceeded::Tokens { .. })));
}

#[test]
fn the_last_permitted_turn_is_still_judged_and_may_be_the_one_that_finishes() {
    let standing = Standing { judged: true, ..at_last_turn() };
    assert_eq!(after_turn(&standing, &TurnOutcome::Completed), Step::Judge);
    let met = Judgement::Met { plugin: "model".to_owned(), evidence: "the file exists".to_owned() };
    assert_eq!(after_judgement(met), Step::Done { summary: "the file exists".to_owned() });
}

#[test]
fn what_needs_one_turn_more_than_permitted_exhausts() {
    let reply = Some(("heuristic".to_owned(), plugin::Answer::Reply("go on".to_owned())));
    let step = after_response(&at_last_turn(), Unmet::Nothing, reply);
    assert!(matches!(step, Step::Exhaust(Exceeded::Iterations { limit: 1 })));
    let step = after_response(&at_last_turn(), Unmet::Missing("a file".to_owned()), None);
    assert!(matches!(step, Step::Exhaust(Exceeded::Iterations { limit: 1 })));
}

#[test]
fn what_is_missing_is_told_to_an_agent_that_says_it_is_done() {
    let finish = Some(("heuristic".to_owned(), plugin::Answer::Finish("done".to_owned())));
    let step = after_response(&standing(), Unmet::Missing("a file".to_owned()), finish);
    assert_eq!(step, Step::Say { voice: Voice::System, text: "a file".to_owned() });
}

#[test]
fn a_question_of_the_agent_is_answered_before_it_is_told_what_is_missing() {
    let reply = Some(("heuristic".to_owned(), plugin::Answer::Reply("take the first".to_owned())));
    let step = after_response(&standing(), Unmet::Missing("a file".to_owned()), reply);
    assert_eq!(step, Step::Say { voice: Voice::Responder, text: "take the first".to_owned() });
}

#[test]
fn the_user_is_asked_when_all_pass_or_nobody_can_tell() {
    assert!(matches!(after_response(&standing(), Unmet::Nothing, None), Step::AskUser { .. }));
    let unsure = Unmet::Unsure("cannot tell".to_owned());
    assert!(matches!(after_response(&standing(), unsure, None), Step::AskUser { .. }));
    let nobody = after_judgement(Judgement::Nobody { passed: vec![] });
    assert!(matches!(nobody, Step::Respond(Unmet::Unsure(_))));
}

#[test]
fn after_the_turn_that_wrote_tests_silence_means_that_they_run() {
    for phase in [Phase::WritingTests, Phase::Repairing] {
        let standing = Standing { phase, judged: true, ..standing() };
        assert_eq!(after_turn(&standing, &TurnOutcome::Completed), Step::Respond(Unmet::Nothing));
        assert!(matches!(after_response(&standing, Unmet::Nothing, None), Step::Done { .. }));
    }
}

#[test]
fn failing_tests_go_back_to_the_agent_until_the_rounds_are_used_up() {
    assert_eq!(after_tests(&standing(), round(true), 1, 3), Step::Succeed);
    let told = Step::Say { voice: Voice::System, text: "mend it".to_owned() };
    assert_eq!(after_tests(&standing(), round(false), 2, 3), told);
    assert!(matches!(after_tests(&standing(), round(false), 3, 3), Step::Fail(_)));
    assert!(matches!(after_tests(&at_last_turn(), round(false), 1, 3), Step::Exhaust(_)));
}

#[test]
fn an_api_failure_is_never_done() {
    use ApiErrorKind as K;
    assert!(matches!(after_api_error(K::Credentials, "401", 0), Step::Fail(_)));
    assert_eq!(after_api_error(K::UsageLimit { resets_at: Some(5) }, "limit", 0), Step::WaitForLimit(Some(5)));
    for (tries, seconds) in [(0, 2), (1, 4), (2, 8)] {
        let step = after_api_error(K::Overload, "529", tries);
        assert_eq!(step, Step::TryAgain { attempt: tries + 1, delay: Duration::from_secs(seconds) });
    }
    assert!(matches!(after_api_error(K::Overload, "529", 3), Step::Fail(_)));
    assert!(matches!(after_api_error(K::BadRequest, "400", 0), Step::Fail(_)));
}

proptest! {
    #[test]
    fn no_turn_begins_beyond_the_limits_unless_the_user_speaks(
        used in 0_u32..6, limit in 1_u32..6, tokens in 0_u64..20, token_limit in 1_u64..20, reply in any::<bool>(),
    ) {
        let standing = Standing {
            limits: Limits { max_iterations: Some(limit), max_tokens: Some(token_limit), ..FREE },
            spent: Spent { iterations: used, tokens: TokenCount { input: tokens, ..TokenCount::default() }, ..Spent::default() },
            ..standing()
        };
        let answer = if reply {
            Some(("r".to_owned(), plugin::Answer::Reply("go on".to_owned())))
        } else {
            Some(("r".to_owned(), plugin::Answer::Finish(String::new())))
        };
        let step = after_response(&standing, Unmet::Missing("more".to_owned()), answer);
        let over = used >= limit || tokens >= token_limit;
        prop_assert_eq!(matches!(step, Step::Exhaust(_)), over);
        prop_assert_eq!(matches!(step, Step::Say { .. }), !over);
    }
}
